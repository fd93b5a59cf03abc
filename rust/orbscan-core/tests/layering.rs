//! A room uses only rooms below it. The order is that of `ARCHITECTURE.md`.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of a crate from the ground up; those of one line may use each other.
type Order = &'static [&'static [&'static str]];

const CORE: Order = &[
    &["error", "limits", "stand_in"],
    &["path", "cursor"],
    &["json", "msgpack"],
    &["tree"],
    &["ocdbt"],
    &["zarr"],
    &["orbax"],
    &["safetensors"],
    &["record"],
    &["store"],
    &["reader"],
    &["dump", "scan", "verify"],
    &["testing"],
];

const ARROW: Order = &[
    &["literal", "schema"],
    &["column"],
    &["keypath", "facts"],
    &["block", "totals"],
    &["leaves"],
    &["checkpoints"],
];

const CRATES: [(&str, Order); 2] = [("orbscan-core", CORE), ("orbscan-arrow", ARROW)];

fn source(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.with_file_name(name).join("src")
}

fn level(order: Order, room: &str) -> Option<usize> {
    order.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that a source text uses, tests left out.
fn uses(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let words = code.split("crate::").skip(1);
    let room = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    // What the crate itself has, such as a constant, belongs to no room.
    words
        .map(room)
        .filter(|room| room.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

fn check(order: Order, file: &Path, own: &str) {
    let text = fs::read_to_string(file).unwrap();
    let place =
        level(order, own).unwrap_or_else(|| panic!("{} is no room of the order", file.display()));
    for used in uses(&text) {
        let Some(other) = level(order, &used) else {
            panic!(
                "{} uses {used}, which is no room of the order",
                file.display()
            )
        };
        assert!(
            other <= place,
            "{} uses {used}, which stands above it",
            file.display()
        );
    }
}

fn check_below(order: Order, directory: &Path, own: Option<&str>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let own = own.unwrap_or(&name);
        if path.is_dir() {
            check_below(order, &path, Some(own));
        } else if own != "lib" && name != "tests" {
            check(order, &path, own);
        }
    }
}

#[test]
fn no_room_uses_one_above_it() {
    for (name, order) in CRATES {
        check_below(order, &source(name), None);
    }
}

#[test]
fn the_order_names_every_room() {
    for (name, order) in CRATES {
        let text = fs::read_to_string(source(name).join("lib.rs")).unwrap();
        let rooms = text.lines().filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        });
        let unknown: Vec<_> = rooms
            .filter(|room| *room != "tests" && level(order, room).is_none())
            .collect();
        assert_eq!(unknown, [""; 0]);
    }
}

//! A room uses only rooms above it. The order is that of `ARCHITECTURE.md`.

use std::fs;
use std::path::Path;

/// From the ground up; the files of one line may use each other.
const ORDER: &[&[&str]] = &[
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

fn level(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
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
    words.map(room).filter(|room| !room.is_empty()).collect()
}

fn check(file: &Path, own: &str) {
    let text = fs::read_to_string(file).unwrap();
    let place = level(own).unwrap_or_else(|| panic!("{} is no room of the order", file.display()));
    for used in uses(&text) {
        let Some(other) = level(&used) else {
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

fn check_below(directory: &Path, own: Option<&str>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let own = own.unwrap_or(&name);
        if path.is_dir() {
            check_below(&path, Some(own));
        } else if own != "lib" && name != "tests" {
            check(&path, own);
        }
    }
}

#[test]
fn no_room_uses_one_above_it() {
    check_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), None);
}

#[test]
fn the_order_names_every_room() {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    let rooms = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let unknown: Vec<_> = rooms.filter(|room| level(room).is_none()).collect();
    assert_eq!(unknown, [""; 0]);
}

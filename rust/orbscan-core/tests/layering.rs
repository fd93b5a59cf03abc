//! A room uses only rooms below it. The order is that of `ARCHITECTURE.md`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of a crate from the ground up; those of one line may use each other.
type Order = &'static [&'static [&'static str]];

const CORE: Order = &[
    &[
        "error", "limits", "numbered", "pattern", "spelling", "stand_in",
    ],
    &["interrupt", "memory"],
    &["aside"],
    &["path", "cursor"],
    &["json", "msgpack"],
    &["tree"],
    &["parameters", "zarr"],
    &["ocdbt"],
    &["orbax"],
    &["safetensors"],
    &["record"],
    &["store"],
    &["layout"],
    &["reader"],
    &["dump", "scan", "verify"],
    &["testing"],
];

const ARROW: Order = &[
    &["json", "literal", "schema"],
    &["column"],
    &["keypath", "facts", "filling"],
    &["block", "totals"],
    &["leaves"],
    &["checkpoints", "findings"],
    &["catalogue"],
];

const REMOTE: Order = &[
    &["url", "options", "login"],
    &["fault", "warmth"],
    &["gate", "runtime", "tree"],
    &["hub"],
    &["choice"],
    &["client"],
    &["process", "wire", "plan"],
    &["probe", "ranges"],
    &["bucket", "kept"],
    &["held"],
    &["store"],
];

const CRATES: [(&str, Order); 3] = [
    ("orbscan-core", CORE),
    ("orbscan-arrow", ARROW),
    ("orbscan-remote", REMOTE),
];

fn source(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.with_file_name(name).join("src")
}

fn level(order: Order, room: &str) -> Option<usize> {
    order.iter().position(|rooms| rooms.contains(&room))
}

/// A source text without the items that are there for tests alone.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            // rustfmt ends an item at the indentation at which it begins.
            let indent = line.find('#').unwrap();
            let ends =
                |line: &&str| line.find(|c| c != ' ') == Some(indent) && line.ends_with([';', '}']);
            lines.find(ends);
        } else {
            code += line;
            code += "\n";
        }
    }
    code
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// The rooms that code uses.
fn uses(code: &str) -> Vec<&str> {
    // What the crate itself has, such as a constant, belongs to no room.
    let rooms = code.split("crate::").skip(1).map(name);
    rooms
        .filter(|room| room.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect()
}

/// The files beside its own that code may use, and names that are none; `room` leads to them.
fn beside<'c>(code: &'c str, room: &str) -> Vec<&'c str> {
    let room = format!("crate::{room}");
    let paths = code.split("super::").skip(1);
    let paths = paths.chain(code.split(room.as_str()).skip(1));
    let mut names = Vec::new();
    for path in paths {
        match path.strip_prefix('{') {
            Some(group) => {
                let end = group.find("};").unwrap_or(group.len());
                names.extend(group[..end].split([' ', ',', '\n']).map(name));
            }
            None => names.push(name(path)),
        }
    }
    names
}

fn check(order: Order, file: &Path, own: &str) {
    let code = without_tests(&fs::read_to_string(file).unwrap());
    let place = level(order, own)
        .unwrap_or_else(|| panic!("{} is not a room of the order", file.display()));
    for used in uses(&code) {
        let Some(other) = level(order, used) else {
            panic!(
                "{} uses {used}, which is not a room of the order",
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
        if name == "tests" {
            continue;
        }
        if path.is_dir() {
            check_below(order, &path, Some(own));
        } else if own != "lib" {
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

/// Checks that the files of each directory can be put in an order, too.
fn check_circles(directory: &Path, room: &str) {
    let mut waiting = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            check_circles(&path, &format!("{room}{name}::"));
        } else if !["lib", "mod", "tests"].contains(&name.as_str()) {
            waiting.insert(name, without_tests(&fs::read_to_string(path).unwrap()));
        }
    }
    while !waiting.is_empty() {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(own, code)| {
                let mut used = beside(code, room).into_iter();
                !used.any(|used| used != *own && waiting.contains_key(used))
            })
            .map(|(own, _)| own.clone())
            .collect();
        assert!(
            !ready.is_empty(),
            "{}: of {:?} some use each other",
            directory.display(),
            waiting.keys()
        );
        waiting.retain(|own, _| !ready.contains(own));
    }
}

#[test]
fn no_files_of_a_room_use_each_other() {
    for (name, _) in CRATES {
        check_circles(&source(name), "");
    }
}

#[test]
fn the_order_is_that_of_the_page() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| room |"));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let rooms = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let rooms: Vec<&str> = rooms
        .map(|room| room.trim_end_matches(".rs").trim_end_matches('/'))
        .collect();
    let levels: Vec<Option<usize>> = rooms.iter().map(|room| level(CORE, room)).collect();
    assert!(levels.is_sorted() && levels[0].is_some(), "{rooms:?}");
    let all = CORE.iter().copied().flatten();
    let unknown: Vec<_> = all.filter(|room| !rooms.contains(room)).collect();
    assert_eq!(unknown, [&""; 0]);
}

#[test]
fn only_tests_are_left_out_of_what_is_looked_at() {
    let text = "\
use crate::a;
#[cfg(test)]
mod tests;
use crate::b;
impl B {
    #[cfg(test)]
    #[allow(dead_code)]
    fn c() {
        crate::c::d();
    }
    fn e() {
        crate::e::f();
    }
}
#[cfg(test)]
mod more {
    use crate::g;
}
";
    assert_eq!(uses(&without_tests(text)), ["a", "b", "e"]);
}

/// A process that is forked has no other threads, and what one of them had locked stays locked for ever.
#[test]
fn no_lock_outlives_a_call_in_the_core() {
    let locks = ["OnceLock<", "LazyLock<", "Mutex<", "RwLock<", " Once "];
    let mut waiting = vec![source("orbscan-core")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().unwrap() != "testing" {
                    waiting.push(path);
                }
                continue;
            }
            let text = without_tests(&fs::read_to_string(&path).unwrap());
            let statics = text
                .lines()
                .filter(|line| line.trim().starts_with("static "));
            for line in statics {
                let is_locked = locks.iter().any(|lock| line.contains(lock));
                assert!(!is_locked, "{}: {line}", path.display());
            }
        }
    }
}

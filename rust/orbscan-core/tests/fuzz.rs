//! The properties that fuzzing tries to break, on every seed and some thousands of mutations of
//! each: what any compiler can do on any machine. `rust/fuzz` has the targets for libFuzzer, which
//! looks for inputs rather than rolling dice.
//!
//! Set `ORBSCAN_FUZZ_ROUNDS` to try more than the 200 mutations of each seed.

// Dice have few sides.
#![allow(clippy::cast_possible_truncation)]

use std::fs;
use std::path::Path;

use orbscan_core::testing::properties::{ALL, Property};

/// Xorshift: a source of numbers that is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

const WORDS: [&[u8]; 12] = [
    b"null",
    b"-1",
    b"\"\"",
    b"[]",
    b"{}",
    b"NaN",
    b"\\ud800",
    b"18446744073709551616",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xff\xff\x03",
    b"\xdf\xff\xff\xff\xff",
    b"\0",
];

/// One change: a bit, a byte, a part cut out, doubled, or put in from elsewhere.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    let end = (at + 1 + dice.roll(16)).min(bytes.len());
    match dice.roll(7) {
        0 | 1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        2 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
        3 if at < end => drop(bytes.drain(at..end)),
        4 if at < end => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        5 => {
            let from = dice.roll(other.len());
            let part = other[from..(from + 1 + dice.roll(32)).min(other.len())].to_vec();
            bytes.splice(at..end.max(at), part);
        }
        6 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, WORDS[dice.roll(WORDS.len())].iter().copied())),
    }
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn fuzz(name: &str, property: Property, rounds: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(name);
    let seeds = files(&folder);
    assert!(!seeds.is_empty());
    let mut dice = Dice(0x0012_b9b0_a1a2_a3a4);
    for seed in &seeds {
        property(seed);
        for _ in 0..rounds {
            let mut bytes = seed.clone();
            for _ in 0..=dice.roll(4) {
                let other = &seeds[dice.roll(seeds.len())];
                mutate(&mut bytes, other, &mut dice);
            }
            property(&bytes);
        }
    }
}

#[test]
fn no_mutation_of_a_seed_breaks_a_property() {
    let rounds = std::env::var("ORBSCAN_FUZZ_ROUNDS").map_or(200, |rounds| rounds.parse().unwrap());
    std::thread::scope(|scope| {
        for (name, property) in ALL {
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn_scoped(scope, move || fuzz(name, property, rounds))
                .unwrap();
        }
    });
}

#[test]
fn every_property_has_a_target_and_a_dictionary_of_its_kind() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in ALL {
        assert!(manifest.contains(&format!(
            "name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\""
        )));
        let target = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(
            target.contains(&format!("properties::{name}(bytes)")),
            "{name}"
        );
    }
    assert_eq!(files(&fuzz.join("fuzz_targets")).len(), ALL.len());
}

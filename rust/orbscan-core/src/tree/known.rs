//! Which names are in a table of distinct ones.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::Names;
use crate::cursor::to_usize;

/// Finds the distinct names of a table by their text.
///
/// It holds their numbers only, so that those of a hundred thousand names fit into a cache.
#[derive(Clone, Debug, Default)]
pub struct Known {
    state: RandomState,
    numbers: HashTable<u32>,
}

impl Known {
    /// With room for this many names.
    pub fn with_capacity(names: usize) -> Self {
        Self {
            state: RandomState::default(),
            numbers: HashTable::with_capacity(names),
        }
    }

    /// The names of a table, of which no two are equal.
    pub fn of(names: &Names) -> Self {
        let mut known = Self::with_capacity(names.len());
        for (number, name) in names.iter().enumerate() {
            known.add(names, known.hash(name.as_bytes()), number);
        }
        known
    }

    /// The number of a name in the table.
    pub fn find(&self, names: &Names, name: &[u8]) -> Option<usize> {
        self.find_hash(names, name, self.hash(name))
    }

    /// The number of a name in the table, to which it is added if it is new.
    pub fn number(&mut self, names: &mut Names, name: &str) -> usize {
        let hash = self.hash(name.as_bytes());
        if let Some(number) = self.find_hash(names, name.as_bytes(), hash) {
            return number;
        }
        names.push(name);
        let number = names.len().saturating_sub(1);
        self.add(names, hash, number);
        number
    }

    fn hash(&self, name: &[u8]) -> u64 {
        self.state.hash_one(name)
    }

    fn find_hash(&self, names: &Names, name: &[u8], hash: u64) -> Option<usize> {
        let is_name = |number: &u32| names.get(wide(*number)).as_bytes() == name;
        self.numbers.find(hash, is_name).copied().map(wide)
    }

    fn add(&mut self, names: &Names, hash: u64, number: usize) {
        // Limits allow no document that is so large that it has more; they would not be found.
        let Ok(number) = u32::try_from(number) else {
            return;
        };
        let state = &self.state;
        let hash_of = |number: &u32| state.hash_one(names.get(wide(*number)).as_bytes());
        self.numbers.insert_unique(hash, number, hash_of);
    }
}

fn wide(number: u32) -> usize {
    to_usize(u64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_have_one_number() {
        let mut names = Names::default();
        let mut known = Known::default();
        for round in 0..2 {
            for number in 0..1_000 {
                let found = known.number(&mut names, &format!("name {number}"));
                assert_eq!(found, number, "{round}");
            }
        }
        assert_eq!(names.len(), 1_000);
        assert_eq!(known.number(&mut names, ""), 1_000);
        assert_eq!(names.get(1_000), "");
        for known in [&known, &Known::of(&names)] {
            assert_eq!(known.find(&names, b"name 7"), Some(7));
            assert_eq!(known.find(&names, b""), Some(1_000));
            assert_eq!(known.find(&names, b"name"), None);
        }
    }
}

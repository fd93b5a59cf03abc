//! Which names are in a table of distinct ones.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::Names;
use crate::cursor::to_usize;

/// Finds the distinct names of a table by their text.
///
/// It holds their numbers only, so that those of a hundred thousand keys fit into a cache.
#[derive(Debug, Default)]
pub(super) struct Known {
    state: RandomState,
    numbers: HashTable<u32>,
}

impl Known {
    /// With room for this many names.
    pub(super) fn with_capacity(names: usize) -> Self {
        Self {
            state: RandomState::default(),
            numbers: HashTable::with_capacity(names),
        }
    }

    /// The number of a name in the table, to which it is added if it is new.
    pub(super) fn number(&mut self, names: &mut Names, name: &str) -> usize {
        let hash = self.state.hash_one(name);
        let text = |number: &u32| names.get(to_usize(u64::from(*number)));
        if let Some(number) = self.numbers.find(hash, |number| text(number) == name) {
            return to_usize(u64::from(*number));
        }
        names.push(name);
        let number = names.len().saturating_sub(1);
        // No document is so large that it has more; they would be names of their own.
        if let Ok(small) = u32::try_from(number) {
            let hash_of = |number: &u32| {
                let name = names.get(to_usize(u64::from(*number)));
                self.state.hash_one(name)
            };
            self.numbers.insert_unique(hash, small, hash_of);
        }
        number
    }
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
    }
}

//! Distinct values, numbered in the order in which they appear.

use std::hash::{BuildHasher as _, Hash};

use foldhash::HashMap;
use foldhash::fast::RandomState;

/// Up to this many values are compared one after another.
const FEW: usize = 16;

/// Distinct values and their numbers.
///
/// A tree has a handful of distinct arrays and shardings, whose descriptions are hundreds of bytes
/// long: comparing a new one with each of them, of which the first bytes that differ are enough,
/// takes less time than hashing it whole. A table of hashes is made only if there are many.
#[derive(Clone, Debug)]
pub struct Numbered<K> {
    keys: Vec<K>,
    /// The number that was found or given last.
    last: usize,
    hashes: Option<Box<Hashes>>,
}

/// Finds one of many values.
#[derive(Clone, Debug, Default)]
struct Hashes {
    state: RandomState,
    /// The latest value with each hash.
    latest: HashMap<u64, usize>,
    /// For each value, the one before it that has the same hash.
    earlier: Vec<Option<usize>>,
}

impl<K> Default for Numbered<K> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            last: 0,
            hashes: None,
        }
    }
}

impl<K: Eq + Hash> Numbered<K> {
    /// The number of a value, which it is given if it has none.
    pub fn number(&mut self, key: K) -> usize {
        match self.find(&key) {
            Some(number) => number,
            None => self.push(key),
        }
    }

    /// The number of a value; `None` if it was not added.
    ///
    /// Neighbours are often equal, and values that alternate often come in the same order again.
    pub fn find(&mut self, key: &K) -> Option<usize> {
        let number = if self.keys.len() <= FEW {
            let (before, from) = self.keys.split_at_checked(self.last)?;
            let further = from.iter().position(|known| known == key);
            match further {
                Some(further) => self.last.saturating_add(further),
                None => before.iter().position(|known| known == key)?,
            }
        } else if self.keys.get(self.last) == Some(key) {
            self.last
        } else {
            self.find_hash(key)?
        };
        self.last = number;
        Some(number)
    }

    /// Adds a value that was not found, and gives its number.
    pub fn push(&mut self, key: K) -> usize {
        if let Some(hashes) = &mut self.hashes {
            hashes.push(&key);
        }
        self.last = self.keys.len();
        self.keys.push(key);
        self.last
    }

    // Apart from the search among a few, which stays small enough to be compiled in place.
    #[inline(never)]
    fn find_hash(&mut self, key: &K) -> Option<usize> {
        let keys = &self.keys;
        let hashes = self.hashes.get_or_insert_with(|| {
            let mut hashes = Box::<Hashes>::default();
            for key in keys {
                hashes.push(key);
            }
            hashes
        });
        hashes.find(keys, key)
    }
}

impl<K> Numbered<K> {
    /// The values, by their numbers.
    pub fn values(&self) -> &[K] {
        &self.keys
    }

    /// The values, by their numbers.
    pub fn into_values(self) -> Vec<K> {
        self.keys
    }
}

impl Hashes {
    fn push(&mut self, key: &impl Hash) {
        let number = self.earlier.len();
        let hash = self.state.hash_one(key);
        self.earlier.push(self.latest.insert(hash, number));
    }

    fn find<K: Eq + Hash>(&self, keys: &[K], key: &K) -> Option<usize> {
        let mut next = self.latest.get(&self.state.hash_one(key)).copied();
        while let Some(number) = next {
            if keys.get(number) == Some(key) {
                return Some(number);
            }
            next = self.earlier.get(number).copied().flatten();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_follow_the_order_of_appearance(keys in prop::collection::vec(0_u8..40, 0..200)) {
            let mut numbered = Numbered::default();
            let mut wanted: Vec<u8> = Vec::new();
            for key in keys {
                let known = wanted.iter().position(|other| *other == key);
                prop_assert_eq!(numbered.find(&key), known);
                let number = known.unwrap_or_else(|| {
                    wanted.push(key);
                    wanted.len() - 1
                });
                prop_assert_eq!(numbered.number(key), number);
            }
            prop_assert_eq!(numbered.values(), &wanted);
            prop_assert_eq!(numbered.into_values(), wanted);
        }
    }

    /// A value whose hash says nothing.
    #[derive(Debug, PartialEq, Eq)]
    struct Alike(usize);

    impl Hash for Alike {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }

    #[test]
    fn values_of_one_hash_are_told_apart() {
        let mut numbered = Numbered::default();
        for round in 0..2 {
            for key in 0..FEW * 3 {
                assert_eq!(numbered.number(Alike(key)), key, "{round}");
            }
        }
        assert_eq!(numbered.find(&Alike(FEW * 3)), None);
    }
}

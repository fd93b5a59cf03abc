//! The members of a JSON object, found by name.

use std::cmp::Ordering;

use crate::tree::{Known, Names};

/// The numbers of members, by name. Of two with one name the last counts.
///
/// TensorStore writes objects sorted, and a tree is nearly as sorted as its names are: then a list
/// is enough, in which the next name is never far from the last. The names are copies, which lie
/// side by side, while those in a file of megabytes are no longer in any cache.
#[derive(Clone, Debug, Default)]
pub struct Members {
    /// In the order of the file.
    names: Names,
    numbers: Vec<u32>,
    /// Finds them, once a name did not rise.
    known: Option<Known>,
}

impl Members {
    /// Makes room for this many members, whose names have this many bytes together.
    pub fn reserve(&mut self, members: usize, bytes: usize) {
        self.names = Names::with_capacity(members, bytes);
        self.numbers.reserve(members);
    }

    /// Adds the next member of the file.
    pub fn insert(&mut self, name: &str, number: u32) {
        let last = self.names.len().checked_sub(1);
        if self.known.is_none() && last.is_none_or(|last| self.names.get(last) < name) {
            self.names.push(name);
            self.numbers.push(number);
            return;
        }
        let known = self.known.get_or_insert_with(|| Known::of(&self.names));
        let at = known.number(&mut self.names, name);
        match self.numbers.get_mut(at) {
            Some(earlier) => *earlier = number,
            None => self.numbers.push(number),
        }
    }

    /// The number of a member. `near` is the place at which it is looked for first, and then the
    /// one behind it.
    pub fn get(&self, name: &[u8], near: &mut usize) -> Option<u32> {
        let at = match &self.known {
            Some(known) => known.find(&self.names, name)?,
            None => position(&self.names, name, *near)?,
        };
        *near = at.saturating_add(1);
        self.numbers.get(at).copied()
    }

    /// The names of all members.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(str::as_bytes)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.names.len()
    }
}

/// The place of a name among sorted ones, searched with growing steps away from a place near it.
fn position(sorted: &Names, name: &[u8], near: usize) -> Option<usize> {
    let near = near.min(sorted.len());
    let order = |at: usize| (at < sorted.len()).then(|| sorted.get(at).as_bytes().cmp(name));
    let mut step = 1_usize;
    let (mut low, mut high) = match order(near) {
        Some(Ordering::Equal) => return Some(near),
        Some(Ordering::Less) => {
            while order(near.saturating_add(step)) == Some(Ordering::Less) {
                step = step.saturating_mul(2);
            }
            let high = near.saturating_add(step).saturating_add(1);
            (near.saturating_add(step / 2), high.min(sorted.len()))
        }
        Some(Ordering::Greater) | None => {
            let back = |step| order(near.checked_sub(step)?);
            while back(step) == Some(Ordering::Greater) {
                step = step.saturating_mul(2);
            }
            (near.saturating_sub(step), near.saturating_sub(step / 2))
        }
    };
    while low < high {
        let middle = low.midpoint(high);
        match order(middle)? {
            Ordering::Equal => return Some(middle),
            Ordering::Less => low = middle.saturating_add(1),
            Ordering::Greater => high = middle,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_last_member_of_a_name_is_found(
            members in prop::collection::vec("[ab]{0,4}", 0..40),
            is_sorted: bool,
            asked in prop::collection::vec(("[ab]{0,4}", 0_usize..50), 0..40),
        ) {
            let mut members = members;
            if is_sorted {
                members.sort();
            }
            let mut found = Members::default();
            let mut wanted = std::collections::BTreeMap::new();
            for (number, name) in (0_u32..).zip(&members) {
                found.insert(name, number);
                wanted.insert(name.as_bytes(), number);
            }
            prop_assert_eq!(found.len(), wanted.len());
            let mut names: Vec<&[u8]> = found.names().collect();
            names.sort_unstable();
            prop_assert_eq!(names, wanted.keys().copied().collect::<Vec<_>>());
            for (name, near) in asked {
                let mut place = near;
                prop_assert_eq!(
                    found.get(name.as_bytes(), &mut place),
                    wanted.get(name.as_bytes()).copied()
                );
            }
        }
    }

    #[test]
    fn every_name_is_found_from_everywhere() {
        let names: Vec<String> = (0..70).map(|number| format!("{number:03}")).collect();
        let mut members = Members::default();
        for (number, name) in (0..).zip(&names) {
            members.insert(name, number);
        }
        for near in 0..=names.len() + 1 {
            for (number, name) in (0..).zip(&names) {
                let mut place = near;
                assert_eq!(members.get(name.as_bytes(), &mut place), Some(number));
                assert_eq!(place, usize::try_from(number).unwrap() + 1);
            }
            for absent in ["", "0005", "999"] {
                assert_eq!(members.get(absent.as_bytes(), &mut near.clone()), None);
            }
        }
    }
}

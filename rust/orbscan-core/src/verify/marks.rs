//! Sets of chunks of an array, such as those for which something was found.

/// The most chunks of one grid that are distinguished. In a larger grid they are only counted: no
/// real array has one, but a few bytes of metadata could claim it.
const MAX_CHUNKS: u64 = 1 << 26;

/// The total for all marks of a report, in chunks: 256 MiB.
const MAX_CHUNKS_TOGETHER: u64 = 1 << 31;

/// Bits of a word.
const WORD: u64 = 64;

/// How many more chunks may be distinguished.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_CHUNKS_TOGETHER)
    }
}

/// A set of chunks of a grid: their number and, if affordable, their identity.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    count: u64,
    /// One bit for each chunk of the grid. Empty while nothing is marked, and if chunks are only
    /// counted.
    words: Box<[u64]>,
    /// Whether there were too many chunks to distinguish.
    counted_only: bool,
}

impl Marks {
    /// Marks chunk number `chunk` of a grid of `total`; returns false if it was marked before.
    pub fn insert(&mut self, chunk: u64, total: u64, budget: &mut Budget) -> bool {
        if self.words.is_empty() && !self.counted_only {
            self.reserve(total, budget);
        }
        if self.counted_only {
            self.count = self.count.saturating_add(1);
            return true;
        }
        let place = usize::try_from(chunk / WORD).unwrap_or(usize::MAX);
        let Some(word) = self.words.get_mut(place) else {
            return false;
        };
        let bit = 1_u64 << (chunk % WORD);
        let new = *word & bit == 0;
        *word |= bit;
        self.count = self.count.saturating_add(u64::from(new));
        new
    }

    fn reserve(&mut self, total: u64, budget: &mut Budget) {
        match budget.0.checked_sub(total) {
            // For a single chunk the count is sufficient.
            Some(left) if (2..=MAX_CHUNKS).contains(&total) => {
                budget.0 = left;
                let words = usize::try_from(total.div_ceil(WORD)).unwrap_or_default();
                self.words = vec![0; words].into();
            }
            _ => self.counted_only = true,
        }
    }

    /// Drops the bits, because all chunks are marked.
    pub fn forget(&mut self, total: u64, budget: &mut Budget) {
        if !self.words.is_empty() {
            self.words = Box::default();
            budget.0 = budget.0.saturating_add(total);
            self.counted_only = true;
        }
    }

    /// The number of marked chunks.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The runs of chunks that are marked (or are not), as first and last number, in order; `None`
    /// if the chunks were only counted.
    pub fn runs(&self, marked: bool, total: u64) -> Option<impl Iterator<Item = (u64, u64)>> {
        // Without words, none or all of the chunks are marked; any other number was only counted.
        if self.words.is_empty() && self.count > 0 && self.count < total {
            return None;
        }
        let mut next = 0;
        Some(std::iter::from_fn(move || {
            let first = self.next(next, marked, total)?;
            let end = self.next(first, !marked, total).unwrap_or(total);
            next = end;
            Some((first, end.saturating_sub(1)))
        }))
    }

    /// The first chunk from number `from` on that is marked (or is not).
    fn next(&self, from: u64, marked: bool, total: u64) -> Option<u64> {
        if from >= total {
            return None;
        }
        if self.words.is_empty() {
            return (marked == (self.count > 0)).then_some(from);
        }
        let mut place = usize::try_from(from / WORD).ok()?;
        let mut wanted = u64::MAX << (from % WORD);
        loop {
            let word = *self.words.get(place)?;
            let found = if marked { word } else { !word } & wanted;
            if found != 0 {
                let base = u64::try_from(place).ok()?.checked_mul(WORD)?;
                let chunk = base.checked_add(u64::from(found.trailing_zeros()))?;
                return (chunk < total).then_some(chunk);
            }
            place = place.checked_add(1)?;
            wanted = u64::MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn runs(marks: &Marks, marked: bool, total: u64) -> Vec<(u64, u64)> {
        marks.runs(marked, total).unwrap().collect()
    }

    #[test]
    fn nothing_marked_is_one_run_of_what_is_not() {
        let marks = Marks::default();
        assert_eq!(runs(&marks, false, 7), [(0, 6)]);
        assert_eq!(runs(&marks, true, 7), []);
        // No memory is taken for what a header claims.
        assert_eq!(runs(&marks, false, u64::MAX), [(0, u64::MAX - 1)]);
        assert_eq!(runs(&marks, false, 0), []);
    }

    #[test]
    fn all_marked_is_one_run_and_takes_no_memory() {
        let (mut marks, mut budget) = (Marks::default(), Budget::default());
        assert!(marks.insert(0, 1, &mut budget));
        assert!(marks.words.is_empty());
        assert_eq!(runs(&marks, true, 1), [(0, 0)]);
        assert_eq!(runs(&marks, false, 1), []);
        let mut marks = Marks::default();
        for chunk in 0..70 {
            assert!(marks.insert(chunk, 70, &mut budget));
        }
        marks.forget(70, &mut budget);
        assert!(marks.words.is_empty());
        assert_eq!(runs(&marks, true, 70), [(0, 69)]);
    }

    #[test]
    fn too_large_a_grid_is_only_counted() {
        let mut marks = Marks::default();
        let mut budget = Budget::default();
        assert!(marks.insert(5, MAX_CHUNKS + 1, &mut budget));
        assert_eq!(marks.count(), 1);
        assert!(marks.runs(false, MAX_CHUNKS + 1).is_none());
        let mut none_left = Budget(9);
        let mut marks = Marks::default();
        marks.insert(5, 10, &mut none_left);
        assert!(marks.runs(false, 10).is_none());
    }

    proptest! {
        #[test]
        fn runs_are_what_was_marked(chunks in prop::collection::vec(0_u64..200, 0..60)) {
            let (mut marks, mut budget) = (Marks::default(), Budget::default());
            let mut known = BTreeSet::new();
            for chunk in chunks {
                prop_assert_eq!(marks.insert(chunk, 200, &mut budget), known.insert(chunk));
            }
            prop_assert_eq!(marks.count(), known.len() as u64);
            for marked in [true, false] {
                let found: Vec<u64> = runs(&marks, marked, 200)
                    .into_iter()
                    .flat_map(|(first, last)| first..=last)
                    .collect();
                let expected: Vec<u64> =
                    (0..200).filter(|chunk| known.contains(chunk) == marked).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}

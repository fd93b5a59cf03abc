//! Which bytes of a file are referred to, and whether two references overlap.

use std::collections::BTreeMap;

/// The most runs of one file that are remembered. A file with more holes is no longer checked.
const MAX_RUNS: usize = 1 << 22;

/// The bytes of one file that are referred to, as runs without gaps.
///
/// Writers append, so bytes that were written together lie together: in the order of keys nearly
/// every extent continues where the last one ended, and a whole file is one run or a few.
#[derive(Clone, Debug, Default)]
pub struct Runs {
    /// The ends of the runs by their starts. They do not touch each other. The last run is not
    /// included.
    others: BTreeMap<u64, u64>,
    /// The run that grew last.
    last: (u64, u64),
    /// The total length of all extents.
    bytes: u64,
}

impl Runs {
    /// Adds an extent; returns true if some of its bytes were referred to before.
    pub fn insert(&mut self, offset: u64, length: u64) -> bool {
        let end = offset.saturating_add(length);
        if length == 0 {
            return false;
        }
        self.bytes = self.bytes.saturating_add(length);
        if offset == self.last.1 && self.next_start(offset).is_none_or(|next| next > end) {
            self.last.1 = end;
            return false;
        }
        self.insert_elsewhere(offset, end)
    }

    /// Bytes that are referred to; bytes that two extents share are counted twice.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes before `end` that are referred to, each counted once.
    pub fn covered(&self, end: u64) -> u64 {
        let length = |(start, stop): (u64, u64)| stop.min(end).saturating_sub(start);
        let others = self.others.iter().map(|(start, stop)| (*start, *stop));
        let lengths = others.map(length);
        lengths.fold(length(self.last), u64::saturating_add)
    }

    /// The bytes before `end` that nothing refers to, as ranges from the first byte to before the
    /// last; empty if there were too many runs to remember.
    pub fn gaps(&self, end: u64) -> Vec<(u64, u64)> {
        if self.others.len() >= MAX_RUNS {
            return Vec::new();
        }
        let others = self.others.iter().map(|(start, stop)| (*start, *stop));
        let mut runs: Vec<(u64, u64)> = others.collect();
        let place = runs.partition_point(|run| *run < self.last);
        runs.insert(place, self.last);
        let mut gaps = Vec::new();
        let mut free = 0;
        for (start, stop) in runs.into_iter().chain([(end, end)]) {
            let start = start.min(end);
            if free < start {
                gaps.push((free, start));
            }
            free = stop.max(free);
        }
        gaps
    }

    /// The end of the last run.
    pub fn end(&self) -> u64 {
        let others = self.others.values().next_back().copied();
        others.unwrap_or_default().max(self.last.1)
    }

    fn next_start(&self, from: u64) -> Option<u64> {
        if self.others.is_empty() {
            return None;
        }
        self.others.range(from..).next().map(|(start, _)| *start)
    }

    fn insert_elsewhere(&mut self, offset: u64, end: u64) -> bool {
        if self.others.len() >= MAX_RUNS {
            return false;
        }
        if self.last.1 > self.last.0 {
            self.others.insert(self.last.0, self.last.1);
        }
        let (mut start, mut stop, mut shared) = (offset, end, false);
        // Runs do not touch, so at most one of them begins before the extent and reaches it.
        if let Some((&before, &before_end)) = self.others.range(..offset).next_back()
            && before_end >= offset
        {
            shared |= before_end > offset;
            (start, stop) = (before, stop.max(before_end));
            self.others.remove(&before);
        }
        while let Some((&next, &next_end)) = self.others.range(offset..=stop).next() {
            shared |= next < end;
            stop = stop.max(next_end);
            self.others.remove(&next);
        }
        self.last = (start, stop);
        shared
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_appended_is_one_run() {
        let mut runs = Runs::default();
        for offset in 0..100 {
            assert!(!runs.insert(offset * 10, 10));
        }
        assert_eq!((runs.others.len(), runs.last), (0, (0, 1_000)));
        assert_eq!((runs.bytes(), runs.end()), (1_000, 1_000));
        assert!(runs.insert(995, 1));
    }

    proptest! {
        #[test]
        fn sharing_is_seen_in_any_order(
            extents in prop::collection::vec((0_u64..60, 0_u64..8), 0..30),
        ) {
            let mut runs = Runs::default();
            let mut bytes = [false; 80];
            for (offset, length) in extents {
                let range = usize::try_from(offset).unwrap()..usize::try_from(offset + length).unwrap();
                let shared = bytes[range.clone()].iter().any(|byte| *byte);
                prop_assert_eq!(runs.insert(offset, length), shared);
                bytes[range].fill(true);
                let covered = bytes.iter().filter(|byte| **byte).count() as u64;
                prop_assert_eq!(runs.covered(u64::MAX), covered);
                let covered = bytes[..30].iter().filter(|byte| **byte).count() as u64;
                prop_assert_eq!(runs.covered(30), covered);
                let in_gaps: Vec<bool> = (0..30_u64)
                    .map(|at| runs.gaps(30).iter().any(|gap| (gap.0..gap.1).contains(&at)))
                    .collect();
                let free: Vec<bool> = bytes[..30].iter().map(|byte| !*byte).collect();
                prop_assert_eq!(in_gaps, free);
                let end = bytes.iter().rposition(|byte| *byte).map_or(0, |at| at as u64 + 1);
                prop_assert_eq!(runs.end(), end);
            }
        }
    }
}

//! The latency of a disk, learned from its answers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::aside;

/// A slower answer comes over a network, or from a disk with moving parts, which can look for
/// others meanwhile. Starting a thread takes a twentieth of it.
const SLOW: Duration = Duration::from_millis(1);

/// Even on a busy machine, a fast disk does not take this long.
const VERY_SLOW: Duration = Duration::from_millis(10);

/// What was learned about one disk.
#[derive(Debug, Default)]
pub(super) struct Pace {
    slow: AtomicU32,
    fast: AtomicU32,
}

impl Pace {
    /// Makes a request to the disk.
    pub(super) fn ask<T>(&self, question: impl FnOnce() -> T) -> T {
        let asked = Instant::now();
        let answer = question();
        self.note(asked.elapsed());
        answer
    }

    /// Notes how long the disk took to answer a request.
    pub(super) fn note(&self, took: Duration) {
        aside::count_round();
        let (count, weight) = match took {
            _ if took > VERY_SLOW => (&self.slow, 2),
            _ if took > SLOW => (&self.slow, 1),
            _ => (&self.fast, 1),
        };
        count.fetch_add(weight, Ordering::Relaxed);
    }

    /// How many requests are made at once. A single late answer may be due to a busy machine; on a
    /// slow disk most answers are late.
    pub(super) fn width(&self) -> usize {
        let [slow, fast] = [&self.slow, &self.fast].map(|count| count.load(Ordering::Relaxed));
        if slow > 1 && slow > fast {
            aside::MOST
        } else {
            1
        }
    }

    /// The pace of a disk that is slow, whatever its answers.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn slow() -> Self {
        Self {
            slow: AtomicU32::new(u32::MAX / 2),
            fast: AtomicU32::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_slow_if_most_of_its_answers_are() {
        let [slow, fast] = [2, 1].map(|times| SLOW * times);
        for (took, is_slow) in [
            (&[][..], false),
            (&[fast, fast], false),
            (&[slow], false),
            (&[VERY_SLOW * 2], true),
            (&[slow, fast], false),
            (&[fast, slow, slow], true),
        ] {
            let pace = Pace::default();
            for took in took {
                pace.note(*took);
            }
            assert_eq!(pace.width() > 1, is_slow, "{took:?}");
        }
    }
}

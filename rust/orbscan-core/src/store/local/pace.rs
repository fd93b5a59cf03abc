//! How long a disk takes to answer, learned from the answers it gives anyway.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::aside;

/// An answer that takes longer comes over a network, or from a disk that has to move: meanwhile it can
/// look for others. To start a thread takes a twentieth of it.
const SLOW: Duration = Duration::from_millis(1);

/// No busy machine makes a question to a fast disk wait so long.
const VERY_SLOW: Duration = Duration::from_millis(10);

/// What was learned of one disk.
#[derive(Debug, Default)]
pub(super) struct Pace {
    slow: AtomicU32,
    fast: AtomicU32,
}

impl Pace {
    /// Asks the disk.
    pub(super) fn ask<T>(&self, question: impl FnOnce() -> T) -> T {
        let asked = Instant::now();
        let answer = question();
        self.note(asked.elapsed());
        answer
    }

    fn note(&self, took: Duration) {
        aside::count_round();
        let (count, weight) = match took {
            _ if took > VERY_SLOW => (&self.slow, 2),
            _ if took > SLOW => (&self.slow, 1),
            _ => (&self.fast, 1),
        };
        count.fetch_add(weight, Ordering::Relaxed);
    }

    /// How many questions are asked at once. One answer that came late may have met a busy machine: on
    /// a slow disk most do.
    pub(super) fn width(&self) -> usize {
        let [slow, fast] = [&self.slow, &self.fast].map(|count| count.load(Ordering::Relaxed));
        if slow > 1 && slow > fast {
            aside::MOST
        } else {
            1
        }
    }

    /// That of a disk that is slow, whatever its answers say.
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

//! A store that refuses every request: no credentials, no such bucket, no network; or that fails
//! for longer than requests are retried. Each of thousands of checkpoints would give the same
//! error, and take its time for that.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::entry::Entry;
use crate::error::{Error, ErrorKind, Reach, Subject};

/// The number of refusals in a row after which no more requests are made.
const MOST: usize = 5;

/// The same number for refusals that may pass: all concurrent requests have waited that long.
const MOST_PASSING: usize = 64;

/// The refusals of a store so far.
#[derive(Debug, Default)]
pub struct Refusals {
    row: Mutex<Row>,
    last: OnceLock<Error>,
}

#[derive(Debug, Default)]
struct Row {
    /// All refusals so far.
    total: usize,
    /// How many came before the first of this row.
    before: usize,
}

/// When the look at a directory began.
#[derive(Clone, Copy, Debug)]
pub struct Moment(usize);

impl Refusals {
    /// Now.
    pub fn now(&self) -> Moment {
        Moment(self.row().total)
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        // Nothing panics while it holds the lock, so a poisoned one is still valid.
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no more requests are made to the store.
    pub fn are_final(&self) -> bool {
        self.last.get().is_some()
    }

    /// Records the outcome for a directory. A good one ends the row, unless its requests may have
    /// been answered before the first refusal of the row: many directories are looked at at once.
    pub fn note(&self, entry: &Entry, began: Moment) {
        let error = entry.error();
        let most = error.and_then(most);
        let mut row = self.row();
        let (Some(error), Some(most)) = (error, most) else {
            if began.0 > row.before {
                row.before = row.total;
            }
            return;
        };
        row.total = row.total.saturating_add(1);
        if row.total.saturating_sub(row.before) >= most {
            self.last.get_or_init(|| error.clone());
        }
    }

    /// Why a root was not searched to its end, if it was not.
    pub fn told(&self, root: &str) -> Option<Error> {
        let last = self.last.get()?;
        let times = most(last)?;
        let reason = format!(
            "the search of this root was given up, as the store refused {times} times in a row: {}",
            last.reason()
        );
        let told = Error::new(ErrorKind::Store, reason).in_file(&root);
        Some(match last.subject() {
            Some(subject) => told.about(subject),
            None => told,
        })
    }
}

/// How many refusals like this one in a row are enough; `None` if it concerns only one checkpoint.
fn most(error: &Error) -> Option<usize> {
    let Some(Subject::Store(fault)) = error.subject() else {
        return None;
    };
    match fault.reach() {
        Reach::One => None,
        Reach::ForAWhile => Some(MOST_PASSING),
        Reach::Whole => Some(MOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreFault;
    use crate::scan::entry::Content;
    use crate::scan::workers::told;

    fn refused(fault: StoreFault) -> Entry {
        let error = Error::new(ErrorKind::Store, "no credentials").about(Subject::Store(fault));
        told("gs://b/1", "gs://b", Content::Failed(error))
    }

    #[test]
    fn a_store_that_refuses_everything_is_given_up() {
        let refusals = Refusals::default();
        for _ in 0..MOST {
            assert!(!refusals.are_final());
            refusals.note(&refused(StoreFault::Credentials), refusals.now());
        }
        assert!(refusals.are_final());
        let told = refusals.told("gs://b").unwrap();
        assert_eq!(told.file(), Some("gs://b"));
        assert!(
            told.reason()
                .contains("given up, as the store refused 5 times in a row: no cred")
        );
        assert_eq!(
            told.subject(),
            Some(Subject::Store(StoreFault::Credentials))
        );
    }

    #[test]
    fn a_store_that_fails_for_long_is_given_up_later() {
        let refusals = Refusals::default();
        for _ in 0..MOST_PASSING {
            assert!(!refusals.are_final());
            refusals.note(&refused(StoreFault::Throttled), refusals.now());
        }
        let told = refusals.told("gs://b").unwrap();
        assert!(told.reason().contains("refused 64 times in a row"));
    }

    #[test]
    fn what_concerns_one_checkpoint_alone_ends_nothing() {
        let refusals = Refusals::default();
        for _ in 0..9 {
            refusals.note(&refused(StoreFault::Forbidden), refusals.now());
            refusals.note(&refused(StoreFault::Credentials), refusals.now());
        }
        assert!(!refusals.are_final() && refusals.told("gs://b").is_none());
    }

    #[test]
    fn what_began_before_a_row_does_not_end_it() {
        let refusals = Refusals::default();
        let before = refusals.now();
        for _ in 1..MOST {
            refusals.note(&refused(StoreFault::Credentials), refusals.now());
            refusals.note(&refused(StoreFault::Forbidden), before);
        }
        assert!(!refusals.are_final());
        refusals.note(&refused(StoreFault::Credentials), before);
        assert!(refusals.are_final());
    }
}

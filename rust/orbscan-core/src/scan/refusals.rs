//! A store that refuses everything: no credentials, no such bucket, no network. Of thousands of
//! checkpoints each would say the same, and take its time for that.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::entry::Entry;
use crate::error::{Error, ErrorKind, Subject};

/// After so many refusals in a row nobody is asked any more.
const MOST: usize = 5;

/// How a store has refused, so far.
#[derive(Debug, Default)]
pub struct Refusals {
    in_a_row: AtomicUsize,
    last: OnceLock<Error>,
}

impl Refusals {
    /// Whether the store is not asked any more.
    pub fn are_final(&self) -> bool {
        self.last.get().is_some()
    }

    /// Takes in what came of a directory.
    pub fn note(&self, entry: &Entry) {
        let error = entry.error().filter(|error| hits_all(error));
        let Some(error) = error else {
            self.in_a_row.store(0, Ordering::Relaxed);
            return;
        };
        if self
            .in_a_row
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1)
            >= MOST
        {
            self.last.get_or_init(|| error.clone());
        }
    }

    /// Why a root was not searched to its end, if it was not.
    pub fn told(&self, root: &str) -> Option<Error> {
        let last = self.last.get()?;
        let reason = format!(
            "the search of this root was given up, as the store refused {MOST} times in a row: {}",
            last.reason()
        );
        let told = Error::new(ErrorKind::Store, reason).in_file(&root);
        Some(match last.subject() {
            Some(subject) => told.about(subject),
            None => told,
        })
    }
}

fn hits_all(error: &Error) -> bool {
    matches!(error.subject(), Some(Subject::Store(fault)) if fault.hits_all())
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
            refusals.note(&refused(StoreFault::Credentials));
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
    fn what_concerns_one_checkpoint_alone_ends_nothing() {
        let refusals = Refusals::default();
        for _ in 0..9 {
            refusals.note(&refused(StoreFault::Forbidden));
            refusals.note(&refused(StoreFault::Credentials));
        }
        assert!(!refusals.are_final() && refusals.told("gs://b").is_none());
    }
}

//! Checks of the checkpoints that a scan finds, one after the other, for the table of findings.

use std::ops::ControlFlow;

use orbscan_arrow::{Checked, Outcome};
use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::scan::entry::{Content, Entry, Kind};
use orbscan_core::verify::report::Report;
use orbscan_core::verify::{self, Level, Options};

use crate::place::Place;
use crate::tables::Watched;

/// How checkpoints are checked, and where they lie.
#[derive(Clone)]
pub struct Check {
    /// The roots of the scan: what is below one lies in its store.
    roots: Vec<Place>,
    options: Options,
}

impl Check {
    /// Checks of what is found below those roots.
    pub const fn new(roots: Vec<Place>, options: Options) -> Self {
        Self { roots, options }
    }

    /// How deep checks go.
    pub const fn level(&self) -> Level {
        self.options.level
    }

    /// The outcome for each checkpoint of a scan.
    pub fn of(self, entries: Watched) -> impl Iterator<Item = Checked> + Send {
        Checks {
            check: self,
            entries,
        }
    }

    fn report(&self, entry: &Entry, entries: &mut Watched) -> Result<Report> {
        let root = self.roots.iter().find(|root| root.text() == *entry.root);
        let place = root.map(|root| root.renamed(&entry.path));
        let Some(place) = place else {
            let reason = "lies below none of the roots";
            return Err(Error::new(ErrorKind::NotFound, reason).in_file(&entry.path));
        };
        let (store, path) = place.open()?;
        let mut go_on = |_| {
            if entries.is_interrupted() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        verify::verify(store.as_ref(), &path, &self.options, None, &mut go_on)
    }
}

struct Checks {
    check: Check,
    entries: Watched,
}

impl Checks {
    /// What becomes of the check; none if Ctrl-C ended it.
    fn outcome(&mut self, entry: &Entry) -> Option<Outcome> {
        // A checkpoint that is named is checked whatever it is; those below a directory only if they
        // are finished.
        if entry.path != *entry.root && !entry.commit.committed {
            return Some(match &entry.content {
                // Whether it is a finished one is not known either.
                Content::Failed(error)
                    if entry.kind == Kind::Unknown && !entry.commit.temporary =>
                {
                    Outcome::Failed(error.clone())
                }
                _ => Outcome::Unfinished,
            });
        }
        let check = &self.check;
        let report = self
            .entries
            .interruptible(|entries| check.report(entry, entries))?;
        Some(match report {
            Ok(report) => Outcome::Checked(Box::new(report)),
            Err(error) => Outcome::Failed(error),
        })
    }
}

impl Iterator for Checks {
    type Item = Checked;

    fn next(&mut self) -> Option<Checked> {
        loop {
            let entry = self.entries.next()?;
            // What is gone cannot be checked.
            if !matches!(entry.content, Content::Vanished) {
                let outcome = self.outcome(&entry)?;
                return Some(Checked { entry, outcome });
            }
        }
    }
}

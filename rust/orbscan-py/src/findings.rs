//! Checks of the checkpoints in a scan, one after the other, for the table of findings.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use orbscan_arrow::{Checked, Outcome};
use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::scan::entry::{Content, Entry, Kind};
use orbscan_core::verify::report::Report;
use orbscan_core::verify::{self, Level, Options, Slice};

use crate::place::Place;
use crate::watched::Watched;

/// How checkpoints are checked, and in which stores they lie.
#[derive(Clone)]
pub struct Check {
    /// The roots of the scan: what lies below one is in its store.
    roots: Vec<Place>,
    options: Options,
    /// Which parts of divided checkpoints are wanted.
    parts: HashMap<String, Vec<Slice>>,
}

impl Check {
    /// Checks of what is found below those roots; for paths in `parts`, only those parts.
    pub const fn new(
        roots: Vec<Place>,
        options: Options,
        parts: HashMap<String, Vec<Slice>>,
    ) -> Self {
        Self {
            roots,
            options,
            parts,
        }
    }

    /// The level of the checks.
    pub const fn level(&self) -> Level {
        self.options.level
    }

    /// The outcome for each checkpoint of a scan.
    pub fn of(self, entries: Watched) -> impl Iterator<Item = Checked> + Send {
        Checks {
            check: self,
            entries,
            waiting: VecDeque::new(),
        }
    }

    fn report(&self, entry: &Entry, part: Option<Slice>, entries: &mut Watched) -> Result<Report> {
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
        let options = Options {
            slice: part.unwrap_or_default(),
            ..self.options.clone()
        };
        verify::verify(store.as_ref(), &path, &options, None, &mut go_on)
    }
}

struct Checks {
    check: Check,
    entries: Watched,
    /// Parts of the last checkpoint that are still to be checked.
    waiting: VecDeque<(Arc<Entry>, Slice)>,
}

impl Checks {
    /// The outcome of a check; `None` if Ctrl-C ended it.
    fn outcome(&mut self, entry: &Entry, part: Option<Slice>) -> Option<Outcome> {
        // A checkpoint that is a root itself is checked whatever it is; those below a directory
        // only if they are finished.
        if entry.path != *entry.root && !entry.commit.committed {
            return Some(match &entry.content {
                // Whether it is finished is not known either.
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
            .interruptible(|entries| check.report(entry, part, entries))?;
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
            if let Some((entry, part)) = self.waiting.pop_front() {
                let part = Some(part);
                let outcome = self.outcome(&entry, part)?;
                return Some(Checked {
                    entry,
                    part,
                    outcome,
                });
            }
            let entry = Arc::new(self.entries.next()?);
            if let Some(parts) = self.check.parts.get(&entry.path) {
                let parts = parts.iter().map(|part| (Arc::clone(&entry), *part));
                self.waiting.extend(parts);
                continue;
            }
            // A checkpoint that is gone cannot be checked.
            if !matches!(entry.content, Content::Vanished) {
                let outcome = self.outcome(&entry, None)?;
                return Some(Checked {
                    entry,
                    part: None,
                    outcome,
                });
            }
        }
    }
}

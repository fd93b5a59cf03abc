//! What is known of each step: its listing, and small files, fetched in one batch.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::{self, Reads, unless_missing};
use super::{AT_ONCE, Found, Step};
use crate::aside;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::complete::{self, Listed};
use crate::layout::root::{has, has_kind};
use crate::layout::{header, part};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::{metrics, names};
use crate::path::StorePath;
use crate::reader::locate;
use crate::store::{Bytes, EntryKind, Store, Want};

/// Steps that were listed and read, a number of them at a time, except for what depends on the
/// steps beside them.
#[derive(Default)]
pub struct Looks(Vec<Known>);

impl Looks {
    /// Lists steps and reads small files of each. The faults of a step are part of the result. The
    /// others are listed next.
    ///
    /// # Errors
    /// As [`StorePath::join`].
    pub fn at(
        store: &dyn Store,
        root: &StorePath,
        found: &[Found],
        others: &[StorePath],
        limits: &Limits,
    ) -> Result<Self> {
        let mut looks = Self::default();
        let mut others = others;
        for found in found.chunks(AT_ONCE) {
            let paths = found.iter().map(|step| root.join(&step.name));
            let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
            listing::expect(store, &paths, others, Reads::Contents)?;
            others = &[];
            looks.add(store, found, paths, limits)?;
        }
        if !others.is_empty() {
            store.expect(others, &[]);
        }
        Ok(looks)
    }

    fn add(
        &mut self,
        store: &dyn Store,
        found: &[Found],
        paths: Vec<StorePath>,
        limits: &Limits,
    ) -> Result<()> {
        let steps: Vec<(&Found, StorePath)> = found.iter().zip(paths).collect();
        let lists = aside::each(
            || store.width(),
            &steps,
            |(step, path)| listed(store, path, step),
        );
        let mut looks = Vec::with_capacity(steps.len());
        let mut wants = Vec::new();
        for ((step, path), listed) in steps.into_iter().zip(lists) {
            let wanted = match &listed {
                Ok(listed) => wanted(&path, listed, limits)?,
                Err(_) => [None, None],
            };
            let [header, metrics] = wanted.map(|want| {
                let file = want.as_ref().map(|want| want.path.clone());
                wants.extend(want);
                file
            });
            looks.push(Look {
                found: step.clone(),
                path,
                listed,
                header,
                metrics,
            });
        }
        let mut answers = store.fetch(&wants).into_iter();
        let known = looks.into_iter();
        let mut known: Vec<Known> = known.map(|look| look.take(&mut answers, limits)).collect();
        let faults = aside::each(
            || store.width(),
            &known,
            |known| known.own_faults(store, limits),
        );
        for (known, faults) in known.iter_mut().zip(faults) {
            known.faults = faults.unwrap_or_else(|error| Some(vec![error]));
        }
        self.0.append(&mut known);
        Ok(())
    }

    /// Without the steps that were deleted since the root was listed.
    #[must_use]
    pub fn without_gone(mut self) -> Self {
        let is_gone = |known: &Known| matches!(&known.look.listed, Err(error) if error.kind() == ErrorKind::NotFound);
        self.0.retain(|known| !is_gone(known));
        self
    }

    /// What is known of the steps, which are all steps of the root, or some that were chosen.
    pub fn steps(self, store: &dyn Store, limits: &Limits, are_all: bool) -> Vec<Step> {
        let mut shown = shown(&self.0);
        if !are_all {
            shown.extend(shown_beside(store, &self.0, &shown));
        }
        let known = self.0.into_iter();
        known
            .map(|known| {
                let is_among = shown.contains(&known.look.found.prefix);
                known.step(store, is_among, limits)
            })
            .collect()
    }
}

/// The listing of a step.
struct Look {
    found: Found,
    path: StorePath,
    listed: Result<Listed>,
    /// The files that are fetched.
    header: Option<StorePath>,
    metrics: Option<StorePath>,
}

fn listed(store: &dyn Store, path: &StorePath, found: &Found) -> Result<Listed> {
    if found.is_named {
        return Listed::of(store, path);
    }
    let reason = "its name is not UTF-8; it is shown with replacement characters";
    Err(Error::new(ErrorKind::Unsupported, reason).in_file(path))
}

/// The requests for the files of a step that exist and matter.
fn wanted(path: &StorePath, listed: &Listed, limits: &Limits) -> Result<[Option<Want>; 2]> {
    let whole = |file| Want::whole(file, limits.max_document_bytes);
    let header = has(&listed.entries, names::CHECKPOINT_METADATA);
    let metrics = has_kind(&listed.entries, names::METRICS, EntryKind::Directory);
    let header = header.then(|| path.join(names::CHECKPOINT_METADATA));
    let metrics = metrics.then(|| path.join(names::METRICS)?.join(names::METRICS));
    Ok([
        header.transpose()?.map(whole),
        metrics.transpose()?.map(whole),
    ])
}

/// The prefixes of steps of which one is recognisably a checkpoint, or a part of one.
fn shown(known: &[Known]) -> BTreeSet<Option<String>> {
    let is_shown = |look: &&Look| {
        look.found.is_step()
            && look
                .listed
                .as_ref()
                .is_ok_and(|listed| listed.layout.is_some() || listed.part.is_some())
    };
    let shown = known.iter().map(|known| &known.look).filter(is_shown);
    shown.map(|look| look.found.prefix.clone()).collect()
}

/// The prefixes of steps of which none is recognisably a checkpoint, but another step beside them
/// is.
fn shown_beside(
    store: &dyn Store,
    known: &[Known],
    shown: &BTreeSet<Option<String>>,
) -> Vec<Option<String>> {
    let mut asked = BTreeMap::new();
    let looks = known.iter().map(|known| &known.look);
    for look in looks.filter(|look| look.found.is_step()) {
        if !shown.contains(&look.found.prefix) {
            asked.insert(&look.found.prefix, &look.path);
        }
    }
    let is_among = |path| part::is_among_steps(store, path).unwrap_or(false);
    let found = asked.into_iter().filter(|(_, path)| is_among(path));
    found.map(|(prefix, _)| prefix.clone()).collect()
}

/// The listing of a step, and the content of its files.
struct Known {
    look: Look,
    metadata: CheckpointMetadata,
    metrics: Option<String>,
    issues: Vec<Error>,
    errors: Vec<Error>,
    /// What is missing in it; `None` if that depends on the steps beside it.
    faults: Option<Vec<Error>>,
}

impl Look {
    /// Takes the answers to its requests.
    fn take(self, answers: &mut dyn Iterator<Item = Result<Bytes>>, limits: &Limits) -> Known {
        let mut errors = Vec::new();
        let (metadata, issues) = match &self.header {
            None => Default::default(),
            Some(file) => {
                let answer = answers.next().unwrap_or_else(|| Ok(Bytes::default()));
                let read = header::decode(answer, file, limits);
                read.unwrap_or_else(|error| {
                    errors.push(error);
                    <(CheckpointMetadata, Vec<Error>)>::default()
                })
            }
        };
        let metrics = self.metrics.as_ref().and_then(|file| {
            let answer = answers.next().unwrap_or_else(|| Ok(Bytes::default()));
            read_metrics(answer, limits).unwrap_or_else(|error| {
                errors.push(error.in_file(file));
                None
            })
        });
        Known {
            look: self,
            metadata,
            metrics,
            issues,
            errors,
            faults: None,
        }
    }
}

impl Known {
    /// What is missing in the step, as far as it does not depend on those beside it.
    ///
    /// # Errors
    /// Why that cannot be determined.
    fn own_faults(&self, store: &dyn Store, limits: &Limits) -> Result<Option<Vec<Error>>> {
        match &self.look.listed {
            Err(error) => Ok(Some(vec![error.clone()])),
            Ok(_) if !self.look.found.is_step() => Ok(Some(Vec::new())),
            Ok(listed) if listed.layout.is_none() && listed.part.is_none() => Ok(None),
            Ok(listed) => self.faults_of(store, listed, false, limits).map(Some),
        }
    }

    fn faults_of(
        &self,
        store: &dyn Store,
        listed: &Listed,
        is_among: bool,
        limits: &Limits,
    ) -> Result<Vec<Error>> {
        let handlers = &self.metadata.item_handlers;
        let has_metrics = self.metrics.is_some();
        let path = &self.look.path;
        complete::faults(store, path, listed, handlers, is_among, has_metrics, limits)
    }

    /// Combines everything; `is_among` says whether the step lies among steps.
    fn step(mut self, store: &dyn Store, is_among: bool, limits: &Limits) -> Step {
        let faults = match (self.faults.take(), &self.look.listed) {
            (Some(faults), _) => faults,
            (None, Err(_)) => Vec::new(),
            (None, Ok(listed)) => {
                let faults = self.faults_of(store, listed, is_among, limits);
                faults.unwrap_or_else(|error| vec![error])
            }
        };
        let Self {
            look: Look { mut found, .. },
            metadata,
            metrics,
            issues,
            errors,
            ..
        } = self;
        let (begun, ended) = (
            metadata.init_timestamp_nsecs,
            metadata.commit_timestamp_nsecs,
        );
        found.commit = found.commit.beside(begun, ended);
        let mut errors = faults
            .into_iter()
            .chain(errors)
            .map(|error| locate(store, error));
        let error = errors.next();
        let issues = issues.into_iter().map(|issue| locate(store, issue));
        let issues = issues.chain(errors).collect();
        Step {
            found,
            metadata,
            metrics,
            issues,
            error,
        }
    }
}

/// The metrics of a step; `None` if there are none.
fn read_metrics(answer: Result<Bytes>, limits: &Limits) -> Result<Option<String>> {
    let bytes = unless_missing(answer)?;
    bytes
        .map(|bytes| metrics::decode(&bytes, limits))
        .transpose()
}

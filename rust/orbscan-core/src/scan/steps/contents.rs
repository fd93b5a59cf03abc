//! What is known of each step: its listing, and small files, fetched in one wave.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::unless_missing;
use super::{Found, Step};
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

/// Steps that were listed, one by one.
pub struct Looks {
    looks: Vec<Look>,
    wants: Vec<Want>,
}

impl Looks {
    /// Lists steps. What is wrong with one is told with it.
    ///
    /// # Errors
    /// As [`StorePath::join`].
    pub fn at(
        store: &dyn Store,
        root: &StorePath,
        found: Vec<Found>,
        limits: &Limits,
    ) -> Result<Self> {
        let mut looks = Vec::with_capacity(found.len());
        let mut wants = Vec::new();
        let paths = found.iter().map(|step| root.join(&step.name));
        store.expect(&paths.collect::<Result<Vec<_>>>()?);
        for step in found {
            let path = root.join(&step.name)?;
            let listed = listed(store, &path, &step);
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
                found: step,
                path,
                listed,
                header,
                metrics,
            });
        }
        Ok(Self { looks, wants })
    }

    /// Leaves out what was deleted since the root was listed: it is not there any more.
    #[must_use]
    pub fn without_gone(mut self) -> Self {
        // Nothing was wanted of them.
        let is_gone =
            |look: &Look| matches!(&look.listed, Err(error) if error.kind() == ErrorKind::NotFound);
        self.looks.retain(|look| !is_gone(look));
        self
    }

    /// Reads what is known of the steps, which are all of the root, or some that were chosen.
    pub fn read(self, store: &dyn Store, limits: &Limits, are_all: bool) -> Vec<Step> {
        let mut answers = store.fetch(&self.wants).into_iter();
        let mut shown = shown(&self.looks);
        if !are_all {
            shown.extend(shown_beside(store, &self.looks, &shown));
        }
        let steps = self.looks.into_iter().map(|look| {
            let is_among = shown.contains(&look.found.prefix);
            look.read(store, &mut answers, is_among, limits)
        });
        steps.collect()
    }
}

/// A look at a step.
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
    let reason = "its name is not UTF-8; it is shown with a mark for what is not";
    Err(Error::new(ErrorKind::Unsupported, reason).in_file(path))
}

/// The files that are there and say something of a step.
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

/// The prefixes of steps of which one shows that it is a checkpoint, or a part of one.
fn shown(looks: &[Look]) -> BTreeSet<Option<String>> {
    let is_shown = |look: &&Look| {
        look.found.is_step()
            && look
                .listed
                .as_ref()
                .is_ok_and(|listed| listed.layout.is_some() || listed.part.is_some())
    };
    let shown = looks.iter().filter(is_shown);
    shown.map(|look| look.found.prefix.clone()).collect()
}

/// Those of the prefixes of steps of which none shows it, but another beside them does.
fn shown_beside(
    store: &dyn Store,
    looks: &[Look],
    shown: &BTreeSet<Option<String>>,
) -> Vec<Option<String>> {
    let mut asked = BTreeMap::new();
    for look in looks.iter().filter(|look| look.found.is_step()) {
        if !shown.contains(&look.found.prefix) {
            asked.insert(&look.found.prefix, &look.path);
        }
    }
    let is_among = |path| part::is_among_steps(store, path).unwrap_or(false);
    let found = asked.into_iter().filter(|(_, path)| is_among(path));
    found.map(|(prefix, _)| prefix.clone()).collect()
}

impl Look {
    /// Takes the answers to what was wanted, and puts everything together.
    fn read(
        mut self,
        store: &dyn Store,
        answers: &mut dyn Iterator<Item = Result<Bytes>>,
        is_among: bool,
        limits: &Limits,
    ) -> Step {
        let mut errors = Vec::new();
        let (metadata, mut issues) = match &self.header {
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
        let faults = match self.listed {
            Err(error) => vec![error],
            Ok(listed) if self.found.is_step() => {
                let handlers = &metadata.item_handlers;
                let faults =
                    complete::faults(store, &self.path, listed, handlers, is_among, limits);
                faults.unwrap_or_else(|error| vec![error])
            }
            Ok(_) => Vec::new(),
        };
        let (begun, ended) = (
            metadata.init_timestamp_nsecs,
            metadata.commit_timestamp_nsecs,
        );
        self.found.commit = self.found.commit.beside(begun, ended);
        let mut errors = faults
            .into_iter()
            .chain(errors)
            .map(|error| locate(store, error));
        let error = errors.next();
        issues = issues
            .into_iter()
            .map(|issue| locate(store, issue))
            .collect();
        issues.extend(errors);
        Step {
            found: self.found,
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

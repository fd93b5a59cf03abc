//! What is known of each step: its listing, and small files, fetched in one wave.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::unless_missing;
use super::{Found, Step};
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
        let lists = aside::each(
            || store.width(),
            &found,
            |step| listed(store, &root.join(&step.name)?, step),
        );
        for (step, listed) in found.into_iter().zip(lists) {
            let path = root.join(&step.name)?;
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
        let looks = self.looks.into_iter();
        let known = looks.map(|look| look.take(&mut answers, limits));
        let known: Vec<Known> = known.collect();
        let faults = aside::each(
            || store.width(),
            &known,
            |known| {
                let is_among = shown.contains(&known.look.found.prefix);
                known.faults(store, is_among, limits)
            },
        );
        let known = known.into_iter().zip(faults);
        known
            .map(|(known, faults)| known.step(store, faults))
            .collect()
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

/// A look at a step, and what its files say.
struct Known {
    look: Look,
    metadata: CheckpointMetadata,
    metrics: Option<String>,
    issues: Vec<Error>,
    errors: Vec<Error>,
}

impl Look {
    /// Takes the answers to what was wanted.
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
        }
    }
}

impl Known {
    /// What is missing of the step.
    ///
    /// # Errors
    /// Why that cannot be told.
    fn faults(&self, store: &dyn Store, is_among: bool, limits: &Limits) -> Result<Vec<Error>> {
        let Look {
            found,
            path,
            listed,
            ..
        } = &self.look;
        match listed {
            Err(error) => Ok(vec![error.clone()]),
            Ok(listed) if found.is_step() => {
                let handlers = &self.metadata.item_handlers;
                let has_metrics = self.metrics.is_some();
                complete::faults(store, path, listed, handlers, is_among, has_metrics, limits)
            }
            Ok(_) => Ok(Vec::new()),
        }
    }

    /// Puts everything together.
    fn step(self, store: &dyn Store, faults: Result<Vec<Error>>) -> Step {
        let Self {
            look: Look { mut found, .. },
            metadata,
            metrics,
            issues,
            errors,
        } = self;
        let (begun, ended) = (
            metadata.init_timestamp_nsecs,
            metadata.commit_timestamp_nsecs,
        );
        found.commit = found.commit.beside(begun, ended);
        let faults = faults.unwrap_or_else(|error| vec![error]);
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

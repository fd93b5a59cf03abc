//! What is known of each step: small files, fetched in one wave.

use super::listing::unless_missing;
use super::{Found, Step};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::header;
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::CheckpointMetadata;
use crate::orbax::{metrics, names};
use crate::path::StorePath;
use crate::reader::locate;
use crate::store::{Bytes, Store, Want};

/// Reads what is known of steps.
///
/// # Errors
/// As [`StorePath::join`]; what is wrong with a step is told with it.
pub fn read(
    store: &dyn Store,
    root: &StorePath,
    found: Vec<Found>,
    limits: &Limits,
) -> Result<Vec<Step>> {
    let mut wants = Vec::with_capacity(found.len().saturating_mul(2));
    for step in found.iter().filter(|step| step.is_named) {
        let directory = root.join(&step.name)?;
        for file in [
            directory.join(names::CHECKPOINT_METADATA)?,
            directory.join(names::METRICS)?.join(names::METRICS)?,
        ] {
            wants.push(Want::whole(file, limits.max_document_bytes));
        }
    }
    let mut answers = store.fetch(&wants).into_iter();
    let mut files = wants.iter().map(|want| &want.path);
    let mut steps = Vec::with_capacity(found.len());
    for step in found {
        if !step.is_named {
            let path = root.join(&step.name)?;
            steps.push(unnamed(step, locate(store, illegible().in_file(&path))));
            continue;
        }
        let mut next = || Some((files.next()?, answers.next()?));
        // Two wants were made of each step, so there are two answers.
        if let (Some(header), Some(metrics)) = (next(), next()) {
            steps.push(read_step(store, step, header, metrics, limits));
        }
    }
    Ok(steps)
}

fn illegible() -> Error {
    let reason = "its name is not UTF-8; it is shown with a mark for what is not";
    Error::new(ErrorKind::Unsupported, reason)
}

/// A step that cannot be found under its name.
fn unnamed(found: Found, error: Error) -> Step {
    Step {
        found,
        metadata: CheckpointMetadata::default(),
        metrics: None,
        issues: Vec::new(),
        error: Some(error),
    }
}

type Answer<'a> = (&'a StorePath, Result<Bytes>);

fn read_step(
    store: &dyn Store,
    mut found: Found,
    (header_file, header_answer): Answer<'_>,
    (metrics_file, metrics_answer): Answer<'_>,
    limits: &Limits,
) -> Step {
    let mut errors = Vec::new();
    let read = header::decode(header_answer, header_file, limits);
    let (metadata, mut issues) = read.unwrap_or_else(|error| {
        errors.push(error);
        Default::default()
    });
    let decoded = unless_missing(metrics_answer).and_then(|bytes| {
        bytes
            .map(|bytes| metrics::decode(&bytes, limits))
            .transpose()
    });
    let metrics = decoded.unwrap_or_else(|error| {
        errors.push(error.in_file(metrics_file));
        None
    });
    let (begun, ended) = (
        metadata.init_timestamp_nsecs,
        metadata.commit_timestamp_nsecs,
    );
    found.commit = found.commit.beside(begun, ended);
    let mut errors = errors.into_iter().map(|error| locate(store, error));
    let error = errors.next();
    issues = issues
        .into_iter()
        .map(|issue| locate(store, issue))
        .collect();
    issues.extend(errors);
    Step {
        found,
        metadata,
        metrics,
        issues,
        error,
    }
}

//! `_CHECKPOINT_METADATA` as every command reads it.

use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::{self, CheckpointMetadata};
use crate::path::StorePath;
use crate::record::Issue;
use crate::store::Bytes;

/// Decodes `_CHECKPOINT_METADATA`. Early releases have none; one that is not JSON is an issue,
/// because the tree does not depend on it.
///
/// # Errors
/// `Malformed`, `Limit`, `Store`.
pub fn decode(
    answer: Result<Bytes>,
    file: &StorePath,
    limits: &Limits,
) -> Result<(CheckpointMetadata, Vec<Issue>)> {
    let mut issues = Vec::new();
    let metadata = match answer {
        Ok(bytes) => checkpoint_metadata::decode(&bytes, limits, &mut issues),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(CheckpointMetadata::default()),
        Err(error) if error.kind() == ErrorKind::Malformed => {
            issues.push(error);
            Ok(CheckpointMetadata::default())
        }
        Err(error) => Err(error),
    };
    let issues = issues
        .into_iter()
        .map(|issue| issue.in_file(file))
        .collect();
    Ok((metadata.map_err(|error| error.in_file(file))?, issues))
}

//! Faults of a database as a whole: a missing file, a tree that is too large.

use crate::error::{Error, ErrorKind, Subject};
use crate::path::StorePath;

/// A missing data file is damage, not a checkpoint that does not exist: the database refers to it,
/// so it was there once.
pub(super) fn missing_data_file(error: Error, why: &str) -> Error {
    if error.subject() == Some(Subject::BrokenLink) {
        return error.with_remark(&format!("; {why}"));
    }
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let missing = Error::new(ErrorKind::Malformed, format!("data file missing, {why}"));
    match error.file().map(StorePath::new) {
        Some(Ok(file)) => missing.in_file(&file),
        _ => missing,
    }
}

/// The error for a tree that has more than `limit` of something.
pub(super) fn over(limit: u64, of: &str) -> Error {
    let reason = format!("B+tree of more than {limit} {of}, which is the limit");
    Error::new(ErrorKind::Limit, reason)
}

//! Paths as their users write them: what they lead to, and how others are spelled from there.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{failure, io_reason};
use crate::error::{Error, ErrorKind, Result};
use crate::path::StorePath;

/// A path as its user wrote it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Where it leads.
    pub place: StorePath,
    /// Its text, without separators at the end.
    pub text: PathBuf,
}

impl Given {
    /// A path of the store, relative to where the user stands.
    pub fn spell(&self, path: &StorePath) -> PathBuf {
        let (mut place, mut text) = (self.place.clone(), self.text.clone());
        loop {
            if let Some(rest) = path.below(&place) {
                return match (text.as_os_str().is_empty(), rest) {
                    (true, "") => PathBuf::from("."),
                    (false, "") => text,
                    _ => text.join(rest),
                };
            }
            // Nothing lies outside the top of the store.
            place = place.parent().unwrap_or_default();
            text = above(&text);
        }
    }
}

/// The directory above a path; the working directory is an empty path.
fn above(path: &Path) -> PathBuf {
    match path.components().next_back() {
        Some(Component::Normal(_)) => path.parent().unwrap_or(Path::new("")).to_owned(),
        None | Some(Component::CurDir) => PathBuf::from(".."),
        _ => path.join(".."),
    }
}

/// The absolute path. A path that ends in `..` has no name of its own, and is resolved.
pub(super) fn absolute(path: &Path) -> Result<PathBuf> {
    if is_plain(path) {
        return Ok(path.to_owned());
    }
    // The working directory of the process may change while the store is read.
    let absolute = std::path::absolute(path).map_err(|error| {
        let reason = format!("the working directory: {}", io_reason(&error));
        Error::new(ErrorKind::Store, reason).with_errno(error.raw_os_error())
    })?;
    match absolute.file_name() {
        Some(_) => Ok(absolute),
        None => resolved(&absolute),
    }
}

/// Whether a path is absolute, and has a name and nothing to resolve: most are, and what the
/// standard library does to find that out takes as long as reading a file.
fn is_plain(path: &Path) -> bool {
    let below = path.to_str().and_then(|path| path.strip_prefix('/'));
    let mut parts = below.unwrap_or_default().split('/');
    cfg!(unix) && parts.all(|part| !matches!(part, "" | "." | ".."))
}

/// An absolute path without `..` in it.
pub(super) fn without_parents(path: PathBuf) -> Result<PathBuf> {
    let is_parent = |part| part == Component::ParentDir;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if path.components().any(is_parent) => {
            Ok(resolved(parent)?.join(name))
        }
        _ => Ok(path),
    }
}

fn resolved(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(|error| failure(&error, path))
}

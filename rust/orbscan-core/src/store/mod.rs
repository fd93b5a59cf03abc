//! Where files come from: the only part of the crate that does I/O.
//!
//! A store is asked for many things at once and answers them all; whether it does so with threads
//! or with a runtime of its own is up to the store. Readers stay plain code.

pub mod local;
pub mod memory;

use std::ops::Range;

pub use bytes::Bytes;

use crate::error::{Error, ErrorKind, Offset, Result, Subject, counted};
use crate::orbax::commit::Atomicity;
use crate::orbax::names::Order;
use crate::path::StorePath;

/// What lies at a path. Links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Something with bytes.
    File,
    /// Something with entries.
    Directory,
}

/// One child of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the directory.
    pub name: String,
    /// What it is; for a link, what it leads to.
    pub kind: EntryKind,
    /// Whether it is a link.
    pub link: bool,
    /// A number that no other file of the store has at the time; 0 if the store has no such
    /// numbers.
    pub id: u64,
}

/// What is known of a path without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What lies there.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970, if the store knows.
    pub modified_nsecs: Option<i128>,
    /// A number that changes with the file, as far as the store knows, even if size and time stay
    /// the same: on a local disk the change time of its inode, and the inode number. 0 if the store
    /// has no such number.
    pub version: u128,
    /// As [`Entry::id`].
    pub id: u64,
}

/// Which part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All of it.
    Whole,
    /// `length` bytes at `offset`.
    Range {
        /// Bytes before the part.
        offset: u64,
        /// Bytes in the part.
        length: u64,
    },
}

/// One request for bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// The file.
    pub path: StorePath,
    /// Which part of it.
    pub span: Span,
    /// More bytes than this are refused before they are read.
    pub max_bytes: u64,
}

impl Want {
    /// All of a file.
    pub const fn whole(path: StorePath, max_bytes: u64) -> Self {
        Self {
            path,
            span: Span::Whole,
            max_bytes,
        }
    }

    /// `length` bytes from `offset` on.
    pub const fn range(path: StorePath, offset: u64, length: u64) -> Self {
        Self {
            path,
            span: Span::Range { offset, length },
            max_bytes: length,
        }
    }

    /// The range of bytes that is wanted, given the size of the file.
    ///
    /// # Errors
    /// `Malformed` with both sizes if the range reaches past the end; `Limit` if it is too large.
    pub fn within(&self, size: u64) -> Result<Range<u64>> {
        let (start, length) = match self.span {
            Span::Whole => (0, size),
            Span::Range { offset, length } => (offset, length),
        };
        let error = match start.checked_add(length) {
            Some(end) if end <= size && length <= self.max_bytes => return Ok(start..end),
            Some(end) if end <= size => {
                let reason = format!("{length} bytes, the limit is {}", self.max_bytes);
                Error::new(ErrorKind::Limit, reason)
            }
            _ => Error::malformed(
                Offset::File(start),
                format!(
                    "{} wanted here, but the file has {} in all",
                    counted(length, "byte is", "bytes are"),
                    counted(size, "byte", "bytes")
                ),
            ),
        };
        Err(error.in_file(&self.path))
    }

    /// The error for a broken link.
    pub fn is_a_broken_link(&self, target: &str) -> Error {
        let error = Error::new(ErrorKind::Malformed, leads_nowhere(target));
        error.about(Subject::BrokenLink).in_file(&self.path)
    }

    /// The error for a path that is a directory.
    pub fn is_a_directory(&self) -> Error {
        Error::new(ErrorKind::Malformed, "is a directory, expected a file").in_file(&self.path)
    }
}

/// Whether a path lies in another or is the same, both as [`Store::resolve`] returns them.
pub fn lies_within(place: &str, other: &str) -> bool {
    let below = place.strip_prefix(other);
    below.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(['/', '\\']) || other.ends_with(['/', '\\'])
    })
}

/// The error for a path where nothing lies.
pub fn not_found(path: &StorePath) -> Error {
    Error::new(ErrorKind::NotFound, "no such file or directory").in_file(path)
}

/// The reason for a link whose target does not exist.
pub fn leads_nowhere(target: &str) -> String {
    format!("is a broken link to {target}")
}

/// What a read of a directory will need: a store that fetches ahead fetches nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest<'a> {
    /// Which pytrees are read.
    pub pytrees: Pytrees<'a>,
    /// Whether their shardings are read.
    pub shardings: bool,
    /// Whether the metrics of a step are read.
    pub metrics: bool,
}

impl<'a> Interest<'a> {
    /// These pytrees with their shardings, and nothing else.
    pub const fn of(pytrees: Pytrees<'a>) -> Self {
        Self {
            pytrees,
            shardings: true,
            metrics: false,
        }
    }
}

/// Some pytrees of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pytrees<'a> {
    /// The first in this order.
    First(Order),
    /// The one in the directory of this name; the checkpoint itself if the name is empty.
    Named(&'a str),
    /// All of them.
    All,
    /// None: only what lies outside of them.
    None,
}

/// A tree of files.
pub trait Store: Send + Sync {
    /// The children of a directory, in any order.
    ///
    /// # Errors
    /// `NotFound` if it is missing or a file; `Store`. Both name it.
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>>;

    /// Passes on the children of a directory one by one, in any order: entries that the caller does
    /// not keep take no memory, even of a directory of millions.
    ///
    /// # Errors
    /// As [`Store::list`]; children may have been passed on before.
    fn list_each(&self, directory: &StorePath, each: &mut dyn FnMut(Entry)) -> Result<()> {
        self.list(directory)?.into_iter().for_each(each);
        Ok(())
    }

    /// Whether a listing of a directory shows everything that lies there. If nothing can be listed,
    /// a listing shows what was asked for by name, and nothing follows from what it does not show.
    fn shows_all(&self, _: &StorePath) -> bool {
        true
    }

    /// Announces that all of these directories will be listed, and that these files in them will be
    /// fetched if they are there: a store that waits for each answer requests all of them at once.
    fn expect(&self, _directories: &[StorePath], _files: &[StorePath]) {}

    /// How many concurrent callers it answers sooner than one after another; 1 where threads are of
    /// no use. It divides a batch that way by itself.
    fn width(&self) -> usize {
        1
    }

    /// Whether every batch is a round trip, so that it pays to fetch what is likely to be needed
    /// together with what is needed.
    fn is_far(&self) -> bool {
        false
    }

    /// What lies at each path, in their order; `None` if nothing does.
    ///
    /// # Errors
    /// `Store`, naming the path.
    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>>;

    /// One answer for each want, in their order.
    ///
    /// # Errors
    /// `NotFound` if the file is missing; `Malformed` "is a directory, expected a file", for a link
    /// that leads nowhere, about [`Subject::BrokenLink`], or for a range that reaches past the end
    /// of the file, with both sizes; `Limit`; `Store`. All name the file.
    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>>;

    /// The path as the user would write it who named the store's top, or a path in it: for
    /// messages.
    fn locate(&self, path: &StorePath) -> String;

    /// Announces that exactly this will be fetched soon after the next fetch: a store that waits
    /// for each answer begins at once. The caller ensures that it fits into memory.
    fn begin(&self, _: &[Want]) {}

    /// The target of a link that leads nowhere, as it is written there; `None` for anything else.
    fn broken_link(&self, _: &StorePath) -> Option<String> {
        None
    }

    /// The absolute path, however the user wrote it; it may still have links and `..` in it.
    fn absolute(&self, path: &StorePath) -> String {
        self.locate(path)
    }

    /// The path after all links in it are followed. Two paths lead to the same place exactly if
    /// these texts are equal, and a path lies in another if its text continues the other's with a
    /// separator.
    ///
    /// # Errors
    /// `NotFound`; `Store`. Both name the path.
    fn resolve(&self, path: &StorePath) -> Result<String> {
        Ok(self.absolute(path))
    }

    /// The same store, in which `directory` stays the one that lies there now, with everything in
    /// it, even if it is renamed or replaced by another. `None` if it is not a directory, or the
    /// store cannot distinguish a directory from one that replaces it.
    fn hold(&self, _: &StorePath, _: Interest<'_>) -> Option<Box<dyn Store>> {
        None
    }

    /// Whether something that [`Store::hold`] holds has turned out to differ from what lay there
    /// when it was held: then nothing of it counts, and it is held again.
    fn is_stale(&self) -> bool {
        false
    }

    /// What makes a save in this store a finished one, by Orbax's default.
    fn atomicity(&self) -> Atomicity {
        Atomicity::default()
    }

    /// The answer to a single want.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    fn fetch_one(&self, want: Want) -> Result<Bytes> {
        let unanswered = || Err(Error::new(ErrorKind::Store, "the store did not answer"));
        self.fetch(&[want]).pop().unwrap_or_else(unanswered)
    }
}

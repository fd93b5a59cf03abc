//! Where files come from: the only part of the crate that touches the world.
//!
//! A store is asked for many things at once and answers them all; how it does so, with threads or a
//! runtime of its own, is its affair. Readers stay plain code.

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
    /// A number that no other file of the store has at the time; 0 where the store has no such.
    pub id: u64,
}

/// What is known of a path without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What lies there.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed, in nanoseconds since 1970, where the store knows.
    pub modified_nsecs: Option<i128>,
    /// A number that is another one when the file is, as far as the store knows, even with the old
    /// size and the old time: on a local disk the time of change of its inode, and its number. 0 where
    /// the store has no such.
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

    /// Which bytes of the file are wanted, now that its size is known.
    ///
    /// # Errors
    /// `Malformed` with both sizes if they reach past its end; `Limit` if they are too many.
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

    /// The refusal of a broken link.
    pub fn is_a_broken_link(&self, target: &str) -> Error {
        let error = Error::new(ErrorKind::Malformed, leads_nowhere(target));
        error.about(Subject::BrokenLink).in_file(&self.path)
    }

    /// The refusal of a path that is a directory.
    pub fn is_a_directory(&self) -> Error {
        Error::new(ErrorKind::Malformed, "is a directory, expected a file").in_file(&self.path)
    }
}

/// Whether a place lies in another or is the same, both as [`Store::resolve`] tells them.
pub fn lies_within(place: &str, other: &str) -> bool {
    let below = place.strip_prefix(other);
    below.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(['/', '\\']) || other.ends_with(['/', '\\'])
    })
}

/// The refusal of a path where nothing lies.
pub fn not_found(path: &StorePath) -> Error {
    Error::new(ErrorKind::NotFound, "no such file or directory").in_file(path)
}

/// What is wrong with a link at whose end nothing lies.
pub fn leads_nowhere(target: &str) -> String {
    format!("is a broken link to {target}")
}

/// What a read of a directory is about to ask for: a store that fetches ahead fetches nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest<'a> {
    /// Which pytrees are read.
    pub pytrees: Pytrees<'a>,
    /// Whether their shardings are.
    pub shardings: bool,
    /// Whether the metrics are that a manager was given with a step.
    pub metrics: bool,
}

impl<'a> Interest<'a> {
    /// In these pytrees, with their shardings, and in nothing else.
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
    /// The first in an order.
    First(Order),
    /// The one in the directory of that name; the checkpoint itself if it is empty.
    Named(&'a str),
    /// All of them.
    All,
    /// None: only what stands outside of them.
    None,
}

/// A tree of files.
pub trait Store: Send + Sync {
    /// The children of a directory, in any order.
    ///
    /// # Errors
    /// `NotFound` if it is missing or a file; `Store`. Both name it.
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>>;

    /// Hands over the children of a directory one by one, in any order: what the caller does not
    /// keep of a directory of millions takes no memory.
    ///
    /// # Errors
    /// As [`Store::list`]; children may have been handed over before.
    fn list_each(&self, directory: &StorePath, each: &mut dyn FnMut(Entry)) -> Result<()> {
        self.list(directory)?.into_iter().for_each(each);
        Ok(())
    }

    /// Whether a listing of a directory shows all that lies there. Where nothing can be listed, one shows
    /// what was asked for by its name, and nothing follows from what it does not show.
    fn shows_all(&self, _: &StorePath) -> bool {
        true
    }

    /// Says that all of these directories will be listed, and of these files in them those fetched that
    /// are there: a store that has to wait for each answer asks for all of them at once.
    fn expect(&self, _directories: &[StorePath], _files: &[StorePath]) {}

    /// How many callers at once it answers sooner than one after another; 1 where threads are of no use.
    /// It answers a wave that way by itself.
    fn width(&self) -> usize {
        1
    }

    /// Whether every wave is a round trip, so that it pays to ask for what is likely to be wanted with what
    /// is.
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
    /// that leads nowhere, about [`Subject::BrokenLink`], or for a range that reaches past the end of
    /// the file, with both sizes; `Limit`; `Store`. All name the file.
    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>>;

    /// The path as the user who named the store's top, or a path in it, would write it: for messages.
    fn locate(&self, path: &StorePath) -> String;

    /// Says that exactly this will be fetched, soon after what is fetched next: a store that has to wait
    /// for each answer begins at once. Whoever says so sees to it that it is not too much to be held.
    fn begin(&self, _: &[Want]) {}

    /// Where a link leads at whose end nothing lies, as it is written there; `None` for anything else.
    fn broken_link(&self, _: &StorePath) -> Option<String> {
        None
    }

    /// The path in full, however the user wrote it; it may still have links and `..` in it.
    fn absolute(&self, path: &StorePath) -> String {
        self.locate(path)
    }

    /// Where a path leads once all links in it are followed. Two paths lead to the same place
    /// exactly if these texts agree, and a place lies in another if its text goes on behind the
    /// other's with a separator.
    ///
    /// # Errors
    /// `NotFound`; `Store`. Both name the path.
    fn resolve(&self, path: &StorePath) -> Result<String> {
        Ok(self.absolute(path))
    }

    /// The same store, in which `directory` stays the one that lies there now, with all that is in it:
    /// neither renames nor another directory in its place change that. `None` if it is not a directory,
    /// or the store cannot tell one directory from another that takes its place.
    fn hold(&self, _: &StorePath, _: Interest<'_>) -> Option<Box<dyn Store>> {
        None
    }

    /// Whether something of what [`Store::hold`] holds turned out to be another thing than what lay there
    /// when it was held: then nothing of it counts, and it is held again.
    fn is_stale(&self) -> bool {
        false
    }

    /// What makes a save in this store a finished one, as Orbax decides it where nobody says.
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

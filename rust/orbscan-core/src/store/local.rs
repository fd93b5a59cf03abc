//! A store over a directory of the local file system.

#[cfg(target_os = "linux")]
mod descriptor;
mod given;
mod hold;
mod pace;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use given::{Given, absolute, without_parents};
use hold::Held;
use pace::Pace;

use super::{Bytes, Entry, EntryKind, Interest, Span, Stat, Store, Want, leads_nowhere};
use crate::aside;
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{self, Pages};
use crate::path::StorePath;

/// How much of a file is read before its size is requested: most files of a checkpoint end within
/// it, also those of a step of sixty leaves. Allocators request as much from the system at once.
const FIRST_BYTES: u64 = 64 << 10;

/// The files below one directory.
#[derive(Clone, Debug)]
pub struct LocalStore {
    root: PathBuf,
    given: Option<Given>,
    held: Option<Held>,
    /// How slow the disk is.
    pace: Arc<Pace>,
}

impl LocalStore {
    /// The store whose top is `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            given: None,
            held: None,
            pace: Arc::default(),
        }
    }

    /// The same store, which treats its disk as slow.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn on_slow_disk(self) -> Self {
        Self {
            pace: Arc::new(Pace::slow()),
            ..self
        }
    }

    /// The store that holds the file or directory at `path`, and its path in the store. The store's
    /// top is the directory above, because whether a directory is a checkpoint also depends on its
    /// parent. Messages spell paths as `path` is spelled: relative ones stay relative.
    ///
    /// # Errors
    /// `NotFound` or `Store` if a path that ends in `..` leads nowhere, or the working directory is
    /// gone; `Unsupported` if the name is not UTF-8. All name the path.
    pub fn open(path: &Path) -> Result<(Self, StorePath)> {
        let opened = absolute(path).and_then(|absolute| {
            let name = absolute.file_name().into_iter();
            Self::below(absolute.parent().unwrap_or(&absolute), name, path)
        });
        opened.map_err(|error| error.in_file(&path.to_string_lossy()))
    }

    /// As [`LocalStore::open`], but the store's top is that of the file system, so that everything
    /// above the path can be looked at.
    ///
    /// # Errors
    /// As [`LocalStore::open`]; also if a directory above has a name that is not UTF-8.
    pub fn open_from_top(path: &Path) -> Result<(Self, StorePath)> {
        let opened = absolute(path).and_then(|absolute| {
            let absolute = without_parents(absolute)?;
            let top = absolute.ancestors().last().unwrap_or(&absolute);
            let below = absolute.strip_prefix(top).unwrap_or(&absolute);
            Self::below(top, below.iter(), path)
        });
        opened.map_err(|error| error.in_file(&path.to_string_lossy()))
    }

    /// The store at `root`, and the path of these names in it, which the user wrote as `given`.
    fn below<'n>(
        root: &Path,
        names: impl Iterator<Item = &'n OsStr>,
        given: &Path,
    ) -> Result<(Self, StorePath)> {
        let mut place = StorePath::root();
        for part in names {
            let not_utf8 = || Error::new(ErrorKind::Unsupported, "the name is not UTF-8");
            place = place.join(part.to_str().ok_or_else(not_utf8)?)?;
        }
        let given = Given {
            place: place.clone(),
            text: given.components().as_path().to_owned(),
        };
        let store = Self {
            root: root.to_owned(),
            given: Some(given),
            held: None,
            pace: Arc::default(),
        };
        Ok((store, place))
    }

    /// The full path of a path in the store, through the held directory if it lies there.
    fn path(&self, path: &StorePath) -> PathBuf {
        let held = self.held.as_ref();
        match held.and_then(|held| Some((held, path.below(&held.place)?))) {
            Some((held, "")) => held.path.clone(),
            Some((held, rest)) => held.path.join(rest),
            None => self.named(path),
        }
    }

    /// The full path of a path in the store, by its name.
    fn named(&self, path: &StorePath) -> PathBuf {
        if path.as_str().is_empty() {
            self.root.clone()
        } else {
            self.root.join(path.as_str())
        }
    }

    /// The held directory, and the path of `place` relative to it, if it lies there.
    #[cfg(target_os = "linux")]
    fn in_held<'p>(&self, place: &'p StorePath) -> Option<(&File, &'p str)> {
        let held = self.held.as_ref()?;
        Some((held.open.as_deref()?, place.below(&held.place)?))
    }

    /// Whether the caller is the first to list the held directory; nobody else is from then on.
    #[cfg(target_os = "linux")]
    fn takes_first_listing(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| !held.is_listed.swap(true, Ordering::Relaxed))
    }

    /// Opens a file: through the held directory if it lies there, which takes half as long as
    /// following the path through `/proc`.
    fn open_in_held(&self, place: &StorePath) -> std::io::Result<File> {
        #[cfg(target_os = "linux")]
        if let Some((directory, rest)) = self.in_held(place).filter(|(_, rest)| !rest.is_empty()) {
            return descriptor::open(directory, rest);
        }
        open(&self.path(place))
    }

    /// The metadata of a file, likewise.
    fn stat_in_held(&self, place: &StorePath) -> std::io::Result<Stat> {
        #[cfg(target_os = "linux")]
        if let Some((directory, rest)) = self.in_held(place) {
            return descriptor::stat(directory, rest);
        }
        fs::metadata(self.path(place)).map(|found| as_stat(&found))
    }

    fn read(&self, want: &Want) -> Result<Bytes> {
        let fail = |error: std::io::Error| match error.kind() {
            IoErrorKind::IsADirectory => want.is_a_directory(),
            _ => match broken_link(&error, &self.path(&want.path)) {
                Some(target) => want.is_a_broken_link(&target),
                None => plain_failure(&error).in_file(&want.path),
            },
        };
        let open = || self.open_in_held(&want.path);
        let mut file = self.pace.ask(open).map_err(fail)?;
        let (offset, most) = match want.span {
            Span::Whole => (0, u64::MAX),
            Span::Range { offset, length } => (offset, length),
        };
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(fail)?;
        }
        let first = most.min(FIRST_BYTES);
        let mut bytes = Vec::with_capacity(to_usize(first));
        let read = append(&mut file, &mut bytes, first).map_err(fail)?;
        if read == most || (want.span == Span::Whole && read < FIRST_BYTES) {
            want.within(offset.saturating_add(read))?;
            bytes.shrink_to_fit();
            return Ok(bytes.into());
        }
        let found = self.pace.ask(|| file.metadata()).map_err(fail)?;
        if found.is_dir() {
            return Err(want.is_a_directory());
        }
        let range = want.within(found.len())?;
        // The file is that large, so a claim cannot make us reserve more; but a sparse file can be
        // larger than any memory.
        let rest = range.end.saturating_sub(range.start).saturating_sub(read);
        let bytes = if let Some(pages) = Pages::new(to_usize(read.saturating_add(rest))) {
            in_pages(&bytes, &mut file, pages).map_err(fail)?
        } else {
            let lack = |error: Error| error.in_file(&want.path);
            memory::reserve(&mut bytes, to_usize(rest)).map_err(lack)?;
            append(&mut file, &mut bytes, rest).map_err(fail)?;
            bytes.into()
        };
        if to_u64(bytes.len()) < range.end.saturating_sub(range.start) {
            // The file was truncated while it was read.
            want.within(file.metadata().map_err(fail)?.len())?;
        }
        Ok(bytes)
    }
}

/// The first bytes of a file, which were read already, and those that follow, until the pages are
/// full or the file ends.
fn in_pages(first: &[u8], file: &mut File, mut pages: Pages) -> std::io::Result<Bytes> {
    let mut content = first.chain(file);
    while !pages.rest().is_empty() {
        match content.read(pages.rest()) {
            Ok(0) => break,
            Ok(read) => pages.advance(read),
            Err(error) if error.kind() == IoErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(pages.into())
}

/// Appends at most this many bytes of a file, for which there is room, and returns how many there
/// were.
///
/// The buffer is passed to the system without filling it with zeros, which takes as long as
/// reading, and as a whole: the standard library would begin with 8 KiB.
fn append(file: &mut File, bytes: &mut Vec<u8>, most: u64) -> std::io::Result<u64> {
    #[cfg(target_os = "linux")]
    if to_u64(bytes.capacity().saturating_sub(bytes.len())) == most {
        let before = bytes.len();
        descriptor::fill(file, bytes)?;
        return Ok(to_u64(bytes.len().saturating_sub(before)));
    }
    file.by_ref().take(most).read_to_end(bytes).map(to_u64)
}

/// Opens a file. A pipe in its place would make us wait for a writer; it is treated as an empty
/// file.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.read(true).open(path)
}

impl Store for LocalStore {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        self.list_each(directory, &mut |entry| entries.push(entry))?;
        Ok(entries)
    }

    fn list_each(&self, directory: &StorePath, each: &mut dyn FnMut(Entry)) -> Result<()> {
        let path = || self.path(directory);
        let fail = |error: std::io::Error| failure(&error, &path()).in_file(directory);
        #[cfg(target_os = "linux")]
        let listed = match self.in_held(directory) {
            // This takes two system calls less than to open it once more.
            Some((held, "")) if self.takes_first_listing() => {
                descriptor::list_held(held, &self.pace, each)
            }
            Some((held, rest)) => descriptor::list(held, rest, &self.pace, each),
            None => descriptor::list_named(&path(), &self.pace, each),
        };
        #[cfg(not(target_os = "linux"))]
        let listed = list(&path(), &self.pace, each);
        listed.map_err(fail)
    }

    fn width(&self) -> usize {
        self.pace.width()
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let stat = |path: &StorePath| match self.pace.ask(|| self.stat_in_held(path)) {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failure(&error, &self.path(path)).in_file(path)),
        };
        aside::each(|| self.width(), paths, stat)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        aside::each(|| self.width(), wants, |want| self.read(want))
    }

    fn locate(&self, path: &StorePath) -> String {
        let shown = match &self.given {
            Some(given) => given.spell(path),
            None => self.named(path),
        };
        shown.to_string_lossy().into_owned()
    }

    fn broken_link(&self, path: &StorePath) -> Option<String> {
        let local = self.path(path);
        let error = fs::metadata(&local).err()?;
        broken_link(&error, &local)
    }

    fn absolute(&self, path: &StorePath) -> String {
        self.named(path).to_string_lossy().into_owned()
    }

    fn hold(&self, directory: &StorePath, _: Interest<'_>) -> Option<Box<dyn Store>> {
        let path = self.named(directory);
        let held = self.pace.ask(|| hold::held(&path, directory))?;
        Some(Box::new(Self {
            held: Some(held),
            ..self.clone()
        }))
    }

    fn resolve(&self, path: &StorePath) -> Result<String> {
        let local = self.path(path);
        let resolved = fs::canonicalize(&local);
        let resolved = resolved.map_err(|error| failure(&error, &local).in_file(path))?;
        Ok(resolved.to_string_lossy().into_owned())
    }
}

/// Lists a directory.
#[cfg(not(target_os = "linux"))]
fn list(path: &Path, pace: &Pace, each: &mut dyn FnMut(Entry)) -> std::io::Result<()> {
    let begin = || {
        let mut listed = fs::read_dir(path)?;
        let first = listed.next();
        Ok::<_, std::io::Error>((listed, first))
    };
    let (listed, first) = pace.ask(begin)?;
    for entry in first.into_iter().chain(listed) {
        let entry = entry?;
        let found = entry.file_type()?;
        let link = found.is_symlink();
        // A broken link is listed like a file; opening it gives the error.
        let directory = if link {
            fs::metadata(entry.path()).is_ok_and(|found| found.is_dir())
        } else {
            found.is_dir()
        };
        each(Entry {
            // All names that have a meaning here are UTF-8; others are only displayed.
            name: entry.file_name().to_string_lossy().into_owned(),
            kind: if directory {
                EntryKind::Directory
            } else {
                EntryKind::File
            },
            link,
            id: listed_id(&entry),
        });
    }
    Ok(())
}

fn as_stat(found: &fs::Metadata) -> Stat {
    let kind = if found.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::File
    };
    let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let modified = found.modified().ok().and_then(since);
    let modified_nsecs = modified.and_then(|since| i128::try_from(since.as_nanos()).ok());
    Stat {
        kind,
        size: found.len(),
        modified_nsecs,
        version: version(found),
        id: id(found),
    }
}

#[cfg(unix)]
fn id(found: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn id(_: &fs::Metadata) -> u64 {
    0
}

/// The inode number of a file as its directory lists it, without a system call.
#[cfg(all(unix, not(target_os = "linux")))]
fn listed_id(entry: &fs::DirEntry) -> u64 {
    std::os::unix::fs::DirEntryExt::ino(entry)
}

#[cfg(not(unix))]
fn listed_id(_: &fs::DirEntry) -> u64 {
    0
}

#[cfg(unix)]
fn version(found: &fs::Metadata) -> u128 {
    use std::os::unix::fs::MetadataExt;

    let nsecs_per_sec = 1_000_000_000_i64;
    let changed = found
        .ctime()
        .wrapping_mul(nsecs_per_sec)
        .wrapping_add(found.ctime_nsec());
    u128::from(changed.cast_unsigned()) << 64 | u128::from(found.ino())
}

#[cfg(not(unix))]
fn version(_: &fs::Metadata) -> u128 {
    0
}

/// Whether nothing lies at a path; a file in place of one of its directories means the same.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        IoErrorKind::NotFound | IoErrorKind::NotADirectory
    )
}

/// Where a link leads, given the error of following it; `None` if there is no link, or the error is
/// another one.
fn broken_link(error: &std::io::Error, path: &Path) -> Option<String> {
    if !is_absent(error) {
        return None;
    }
    let target = fs::read_link(path).ok()?;
    Some(target.to_string_lossy().into_owned())
}

fn failure(error: &std::io::Error, path: &Path) -> Error {
    match broken_link(error, path) {
        Some(target) => {
            Error::new(ErrorKind::NotFound, leads_nowhere(&target)).with_errno(error.raw_os_error())
        }
        None => plain_failure(error),
    }
}

/// As [`failure`], if there is no link.
fn plain_failure(error: &std::io::Error) -> Error {
    let (kind, reason) = if is_absent(error) {
        (ErrorKind::NotFound, "does not exist".to_owned())
    } else {
        (ErrorKind::Store, io_reason(error))
    };
    Error::new(kind, reason).with_errno(error.raw_os_error())
}

/// The error's text without the number that the standard library appends.
fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

#[cfg(test)]
mod tests;

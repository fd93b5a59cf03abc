//! Files below an open directory, found from there and not by their full path.

use std::ffi::CStr;
use std::fs::File;
use std::io::Result;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat as Found, fstat, openat, statat,
};
use rustix::io::{read, retry_on_intr};
use rustix::path::Arg;

use super::pace::Pace;
use crate::aside;
use crate::store::{Entry, EntryKind, Stat};

const NSECS_PER_SEC: i64 = 1_000_000_000;

/// How much of a listing is asked for at once; no name is longer than a sixtieth of it.
const LISTED_BYTES: usize = 16 << 10;

/// Opens a file for reading. A pipe in its place is treated as an empty file.
pub(super) fn open(directory: &File, way: &str) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(directory, way, flags, Mode::empty())?.into())
}

/// Reads until the capacity of `bytes` is full, or the file ends.
pub(super) fn fill(file: &File, bytes: &mut Vec<u8>) -> Result<()> {
    while bytes.len() < bytes.capacity() {
        if retry_on_intr(|| read(file, spare_capacity(bytes)))? == 0 {
            break;
        }
    }
    Ok(())
}

/// The metadata of a file; of the directory itself if the path is empty.
pub(super) fn stat(directory: &File, way: &str) -> Result<Stat> {
    let found = match way {
        "" => fstat(directory)?,
        way => statat(directory, way, AtFlags::empty())?,
    };
    Ok(as_stat(&found))
}

/// Lists an open directory that nobody has listed yet: this moves its read position.
pub(super) fn list_held(directory: &File, pace: &Pace, each: &mut dyn FnMut(Entry)) -> Result<()> {
    list_opened(directory.as_fd(), Instant::now(), pace, each)
}

/// Lists a directory below an open one; that one itself if the path is empty.
pub(super) fn list(
    directory: &File,
    way: &str,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let way = if way.is_empty() { "." } else { way };
    list_at(directory.as_fd(), way, pace, each)
}

/// Lists a directory by its path. The standard library would request its metadata as well.
pub(super) fn list_named(path: &Path, pace: &Pace, each: &mut dyn FnMut(Entry)) -> Result<()> {
    list_at(CWD, path, pace, each)
}

fn list_at(
    directory: BorrowedFd<'_>,
    way: impl Arg,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let asked = Instant::now();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = openat(directory, way, flags, Mode::empty())?;
    list_opened(opened.as_fd(), asked, pace, each)
}

/// Lists an open directory, whose answer was waited for since `asked`.
fn list_opened(
    directory: BorrowedFd<'_>,
    asked: Instant,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let mut buffer = Vec::with_capacity(LISTED_BYTES);
    let mut listed = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut is_first = true;
    let mut asked_for = Vec::new();
    loop {
        let entry = listed.next();
        if is_first {
            pace.note(asked.elapsed());
            is_first = false;
        }
        let Some(entry) = entry.transpose()? else {
            break;
        };
        let name = entry.file_name();
        match entry.file_type() {
            _ if matches!(name.to_bytes(), b"." | b"..") => {}
            kind @ (FileType::Symlink | FileType::Unknown) => {
                asked_for.push((name.to_owned(), kind, entry.ino()));
            }
            kind => {
                let is_directory = kind == FileType::Directory;
                each(as_entry(name, entry.ino(), is_directory, false));
            }
        }
    }
    let found = aside::each(
        || pace.width(),
        &asked_for,
        |(name, kind, id)| Ok(pace.ask(|| asked_about(directory, name, *kind, *id))),
    );
    // If the work was to end, its answer is not used.
    found.into_iter().flatten().for_each(each);
    Ok(())
}

/// An entry that is a link, or whose type is missing from the listing.
fn asked_about(directory: BorrowedFd<'_>, name: &CStr, listed: FileType, id: u64) -> Entry {
    let kind = match listed {
        // Some file systems do not include the type in a listing.
        FileType::Unknown => statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |found| {
                FileType::from_raw_mode(found.st_mode)
            }),
        kind => kind,
    };
    let link = kind == FileType::Symlink;
    // A broken link is listed like a file; opening it gives the error.
    let is_directory = if link {
        statat(directory, name, AtFlags::empty()).is_ok_and(|found| is_directory(&found))
    } else {
        kind == FileType::Directory
    };
    as_entry(name, id, is_directory, link)
}

fn as_entry(name: &CStr, id: u64, is_directory: bool, link: bool) -> Entry {
    Entry {
        // All names that have a meaning here are UTF-8; others are only displayed.
        name: match name.to_str() {
            Ok(name) => name.to_owned(),
            Err(_) => name.to_string_lossy().into_owned(),
        },
        kind: if is_directory {
            EntryKind::Directory
        } else {
            EntryKind::File
        },
        link,
        id,
    }
}

fn is_directory(found: &Found) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Directory
}

fn as_stat(found: &Found) -> Stat {
    let nsecs = |secs: i64, nsecs: u64| {
        let rest = i64::try_from(nsecs).unwrap_or_default();
        i128::from(secs)
            .saturating_mul(i128::from(NSECS_PER_SEC))
            .saturating_add(i128::from(rest))
    };
    let modified = nsecs(found.st_mtime, found.st_mtime_nsec);
    let changed = found
        .st_ctime
        .wrapping_mul(NSECS_PER_SEC)
        .wrapping_add(i64::try_from(found.st_ctime_nsec).unwrap_or_default());
    Stat {
        kind: if is_directory(found) {
            EntryKind::Directory
        } else {
            EntryKind::File
        },
        size: u64::try_from(found.st_size).unwrap_or_default(),
        // As in the standard library, no time before 1970.
        modified_nsecs: (modified >= 0).then_some(modified),
        version: u128::from(changed.cast_unsigned()) << 64 | u128::from(found.st_ino),
        id: found.st_ino,
    }
}

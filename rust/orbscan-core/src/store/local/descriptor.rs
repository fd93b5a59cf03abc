//! Files below an open directory, found from there and not by their full path.

use std::fs::File;
use std::io::Result;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, Stat as Found, fstat, openat, statat,
};
use rustix::path::Arg;

use super::pace::Pace;
use crate::aside;
use crate::store::{Entry, EntryKind, Stat};

const NSECS_PER_SEC: i64 = 1_000_000_000;

/// Opens a file for reading. A pipe in its place is treated as an empty file.
pub(super) fn open(directory: &File, way: &str) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(directory, way, flags, Mode::empty())?.into())
}

/// The metadata of a file; of the directory itself if the path is empty.
pub(super) fn stat(directory: &File, way: &str) -> Result<Stat> {
    let found = match way {
        "" => fstat(directory)?,
        way => statat(directory, way, AtFlags::empty())?,
    };
    Ok(as_stat(&found))
}

/// Lists a directory: the open one if the path is empty.
pub(super) fn list(
    directory: &File,
    way: &str,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let way = if way.is_empty() { "." } else { way };
    list_at(directory, way, pace, each)
}

/// Lists a directory by its path. The standard library would request its metadata as well.
pub(super) fn list_named(path: &Path, pace: &Pace, each: &mut dyn FnMut(Entry)) -> Result<()> {
    list_at(CWD, path, pace, each)
}

fn list_at(
    directory: impl AsFd,
    way: impl Arg,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    // A separate descriptor, because each has only one read position.
    let begin = || -> Result<_> {
        let mut listed = Dir::new(openat(directory, way, flags, Mode::empty())?)?;
        let first = listed.read();
        Ok((listed, first))
    };
    let (mut listed, mut next) = pace.ask(begin)?;
    let mut asked_for = Vec::new();
    while let Some(entry) = next {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        match entry.file_type() {
            _ if name == b"." || name == b".." => {}
            FileType::Symlink | FileType::Unknown => asked_for.push(entry),
            kind => each(as_entry(&entry, kind == FileType::Directory, false)),
        }
        next = listed.read();
    }
    let directory = listed.fd()?;
    let found = aside::each(
        || pace.width(),
        &asked_for,
        |entry| Ok(pace.ask(|| asked(directory, entry))),
    );
    // If the work was to end, its answer is not used.
    found.into_iter().flatten().for_each(each);
    Ok(())
}

/// The kind of an entry whose type is missing from the listing.
fn asked(directory: BorrowedFd<'_>, entry: &DirEntry) -> Entry {
    let kind = match entry.file_type() {
        // Some file systems do not include the type in a listing.
        FileType::Unknown => statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |found| {
                FileType::from_raw_mode(found.st_mode)
            }),
        kind => kind,
    };
    let link = kind == FileType::Symlink;
    // A broken link is listed like a file; opening it gives the error.
    let is_directory = if link {
        statat(directory, entry.file_name(), AtFlags::empty())
            .is_ok_and(|found| is_directory(&found))
    } else {
        kind == FileType::Directory
    };
    as_entry(entry, is_directory, link)
}

fn as_entry(entry: &DirEntry, is_directory: bool, link: bool) -> Entry {
    Entry {
        // All names that have a meaning here are UTF-8; others are only displayed.
        name: entry.file_name().to_string_lossy().into_owned(),
        kind: if is_directory {
            EntryKind::Directory
        } else {
            EntryKind::File
        },
        link,
        id: entry.ino(),
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

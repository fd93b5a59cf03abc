//! Files below a directory that is open, found from there and by no other name.

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

/// Opens a file to be read. A pipe in its place is taken for an empty file.
pub(super) fn open(directory: &File, way: &str) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(openat(directory, way, flags, Mode::empty())?.into())
}

/// What the system says of a file; of the directory itself if the way is empty.
pub(super) fn stat(directory: &File, way: &str) -> Result<Stat> {
    let found = match way {
        "" => fstat(directory)?,
        way => statat(directory, way, AtFlags::empty())?,
    };
    Ok(as_stat(&found))
}

/// Lists a directory: the one that is open if the way is empty.
pub(super) fn list(
    directory: &File,
    way: &str,
    pace: &Pace,
    each: &mut dyn FnMut(Entry),
) -> Result<()> {
    let way = if way.is_empty() { "." } else { way };
    list_at(directory, way, pace, each)
}

/// Lists a directory by its name. The standard library asks for its metadata as well.
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
    // A descriptor of its own, since one has only one place to read on from.
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
    // Work that was to end gives an answer that nobody uses.
    found.into_iter().flatten().for_each(each);
    Ok(())
}

/// What an entry is, of which the listing does not say what lies there.
fn asked(directory: BorrowedFd<'_>, entry: &DirEntry) -> Entry {
    let kind = match entry.file_type() {
        // Some file systems do not say in a listing.
        FileType::Unknown => statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |found| {
                FileType::from_raw_mode(found.st_mode)
            }),
        kind => kind,
    };
    let link = kind == FileType::Symlink;
    // A broken link is listed like a file: whoever opens it learns more.
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
        // Every name that means something to us is UTF-8; others are only ever shown.
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
        // As the standard library has it, nothing before 1970.
        modified_nsecs: (modified >= 0).then_some(modified),
        version: u128::from(changed.cast_unsigned()) << 64 | u128::from(found.st_ino),
        id: found.st_ino,
    }
}

//! A store over a directory of the local file system.

use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Bytes, Entry, EntryKind, Span, Stat, Store, Want};
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Result};
use crate::path::StorePath;

/// What is read of a file before anything else is asked about it: most files of a checkpoint end
/// within it.
const FIRST_BYTES: u64 = 16 << 10;

/// The files below one directory.
#[derive(Clone, Debug)]
pub struct LocalStore {
    root: PathBuf,
}

impl LocalStore {
    /// The store whose top is `root`, which need not exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &StorePath) -> PathBuf {
        if path.as_str().is_empty() {
            self.root.clone()
        } else {
            self.root.join(path.as_str())
        }
    }

    fn read(&self, want: &Want) -> Result<Bytes> {
        let path = self.path(&want.path);
        let fail = |error: std::io::Error| match error.kind() {
            IoErrorKind::IsADirectory => want.is_a_directory(),
            _ => failure(&error, &path).in_file(&want.path),
        };
        let mut file = open(&path).map_err(fail)?;
        let (offset, most) = match want.span {
            Span::Whole => (0, u64::MAX),
            Span::Range { offset, length } => (offset, length),
        };
        if offset > 0 {
            file.seek(SeekFrom::Start(offset)).map_err(fail)?;
        }
        // The buffer is handed to the system as it is: filling it with zeros first takes as long as
        // reading into it.
        let first = most.min(FIRST_BYTES);
        let mut bytes = Vec::with_capacity(to_usize(first));
        let read = file.by_ref().take(first).read_to_end(&mut bytes);
        let read = to_u64(read.map_err(fail)?);
        if read == most || (want.span == Span::Whole && read < FIRST_BYTES) {
            want.within(offset.saturating_add(read))?;
            bytes.shrink_to_fit();
            return Ok(bytes.into());
        }
        let found = file.metadata().map_err(fail)?;
        if found.is_dir() {
            return Err(want.is_a_directory());
        }
        let range = want.within(found.len())?;
        // The file holds that much, so a claim cannot make us reserve more; but a file with holes can
        // hold more than any memory.
        let rest = range.end.saturating_sub(range.start).saturating_sub(read);
        if bytes.try_reserve_exact(to_usize(rest)).is_err() {
            let reason = format!("no memory for {rest} bytes");
            return Err(Error::new(ErrorKind::Limit, reason).in_file(&want.path));
        }
        let more = file.by_ref().take(rest).read_to_end(&mut bytes);
        if to_u64(more.map_err(fail)?) < rest {
            // Somebody cut the file while it was read.
            want.within(file.metadata().map_err(fail)?.len())?;
        }
        Ok(bytes.into())
    }
}

/// Opens a file. A pipe in its place would make us wait until somebody writes into it; it is taken
/// for an empty file.
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
        let path = self.path(directory);
        let fail = |error: std::io::Error| failure(&error, &path).in_file(directory);
        for entry in fs::read_dir(&path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let found = entry.file_type().map_err(fail)?;
            let link = found.is_symlink();
            // A link that leads nowhere is listed like a file: whoever opens it learns more.
            let directory = if link {
                fs::metadata(entry.path()).is_ok_and(|found| found.is_dir())
            } else {
                found.is_dir()
            };
            each(Entry {
                // Every name that means something to us is UTF-8; others are only ever shown.
                name: entry.file_name().to_string_lossy().into_owned(),
                kind: if directory {
                    EntryKind::Directory
                } else {
                    EntryKind::File
                },
                link,
            });
        }
        Ok(())
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let stat = |path: &StorePath| {
            let local = self.path(path);
            match fs::metadata(&local) {
                Ok(found) => Ok(Some(as_stat(&found))),
                Err(error) if is_absent(&error) => Ok(None),
                Err(error) => Err(failure(&error, &local).in_file(path)),
            }
        };
        paths.iter().map(stat).collect()
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        wants.iter().map(|want| self.read(want)).collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.path(path).to_string_lossy().into_owned()
    }

    fn resolve(&self, path: &StorePath) -> Result<String> {
        let local = self.path(path);
        let resolved = fs::canonicalize(&local);
        let resolved = resolved.map_err(|error| failure(&error, &local).in_file(path))?;
        Ok(resolved.to_string_lossy().into_owned())
    }
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
    }
}

/// Whether nothing lies at a path; a file in the place of one of its directories means the same.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        IoErrorKind::NotFound | IoErrorKind::NotADirectory
    )
}

fn failure(error: &std::io::Error, path: &Path) -> Error {
    let kind = if is_absent(error) {
        ErrorKind::NotFound
    } else {
        ErrorKind::Store
    };
    let reason = match kind {
        ErrorKind::NotFound if path.is_symlink() => "is a link that leads nowhere".to_owned(),
        ErrorKind::NotFound => "does not exist".to_owned(),
        _ => io_reason(error),
    };
    Error::new(kind, reason).with_errno(error.raw_os_error())
}

/// The error's text without the number that the standard library appends.
fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

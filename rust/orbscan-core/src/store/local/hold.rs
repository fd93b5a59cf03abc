//! Directories that stay open while they are read, so that whatever takes their place is not.

#[cfg(target_os = "linux")]
use std::fs;
use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::path::StorePath;

/// A directory that is open, so that its files can be found wherever it is moved.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Where it lay.
    pub place: StorePath,
    /// A path that leads to it as long as it is open.
    pub path: PathBuf,
    /// Closed when nobody holds it any more; `None` if nothing lay there.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "nothing is held")
    )]
    pub open: Option<Arc<File>>,
}

/// Opens a directory to be held. On Linux the system has a path for whatever a process has open, which
/// leads there by the file itself and by no name: what is opened below it is of that directory.
#[cfg(target_os = "linux")]
pub(super) fn held(path: &Path, place: &StorePath) -> Option<Held> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::sync::atomic::{AtomicU8, Ordering};

    /// Whether there are such paths: a container may have no `/proc`. Not a `OnceLock`: a process that
    /// is forked while another thread looks would wait for that thread, which it does not have.
    static ARE_THERE: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;

    let held = |name: &str, open: Option<File>| Held {
        place: place.clone(),
        path: Path::new("/proc/self/fd").join(name),
        open: open.map(Arc::new),
    };
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_DIRECTORY);
    let look = || fs::symlink_metadata(path).map(|found| found.is_symlink());
    let open = match opened(|| options.open(path), look) {
        Opened::Directory(open) => open,
        Opened::Nothing => {
            let is_there = ARE_THERE.load(Ordering::Relaxed) == YES;
            return is_there.then(|| held("nothing", None));
        }
        Opened::Other => return None,
    };
    let name = open.as_raw_fd().to_string();
    let leads_there = || {
        let both = (
            open.metadata(),
            fs::metadata(Path::new("/proc/self/fd").join(&name)),
        );
        matches!(both, (Ok(own), Ok(found)) if own.dev() == found.dev() && own.ino() == found.ino())
    };
    let is_there = match ARE_THERE.load(Ordering::Relaxed) {
        UNKNOWN => {
            let is_there = leads_there();
            ARE_THERE.store(if is_there { YES } else { NO }, Ordering::Relaxed);
            is_there
        }
        known => known == YES,
    };
    is_there.then(|| held(&name, Some(open)))
}

/// What lies where a directory is to be held.
#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened<T> {
    Directory(T),
    Nothing,
    /// What cannot be held, as a broken link, which is told as what it is.
    Other,
}

/// Opens what lies there; `look` tells whether it is a link.
///
/// What was renamed into the place between the two questions is opened: read by its name instead, it
/// could be swapped for another and back unnoticed.
#[cfg(target_os = "linux")]
pub(super) fn opened<T>(
    mut open: impl FnMut() -> std::io::Result<T>,
    mut look: impl FnMut() -> std::io::Result<bool>,
) -> Opened<T> {
    const ATTEMPTS: usize = 8;

    let mut is_link = false;
    for _ in 0..ATTEMPTS {
        match open() {
            Ok(open) => return Opened::Directory(open),
            Err(error) if error.kind() == IoErrorKind::NotFound => {}
            Err(_) => return Opened::Other,
        }
        match look() {
            Ok(found) => is_link = found,
            Err(_) => return Opened::Nothing,
        }
    }
    if is_link {
        Opened::Other
    } else {
        Opened::Nothing
    }
}

/// Elsewhere nothing leads to a directory but its name.
#[cfg(not(target_os = "linux"))]
pub(super) fn held(_: &Path, _: &StorePath) -> Option<Held> {
    None
}

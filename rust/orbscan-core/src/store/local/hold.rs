//! Directories that stay open while they are read, so that a directory that replaces one is not
//! read.

#[cfg(target_os = "linux")]
use std::fs;
use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::path::StorePath;

/// An open directory, whose files can be found wherever it is moved.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Where it lay.
    pub place: StorePath,
    /// A path that leads to it as long as it is open.
    pub path: PathBuf,
    /// Closed when no store holds it any more; `None` if nothing lay there.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "nothing is held")
    )]
    pub open: Option<Arc<File>>,
    /// Whether it has been listed, which moves its only read position.
    #[cfg(target_os = "linux")]
    pub is_listed: Arc<AtomicBool>,
}

/// Opens a directory in order to hold it. On Linux the system has a path for everything that a
/// process has open, which leads to the file itself and not to its name: what is opened below it is
/// in that directory.
#[cfg(target_os = "linux")]
pub(super) fn held(path: &Path, place: &StorePath) -> Option<Held> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    /// Whether such paths exist: a container may have no `/proc`. Not a `OnceLock`: a process that
    /// is forked while another thread checks would wait for that thread, which it does not have.
    static ARE_THERE: AtomicU8 = AtomicU8::new(UNKNOWN);
    const UNKNOWN: u8 = 0;
    const NO: u8 = 1;
    const YES: u8 = 2;

    let held = |name: &str, open: Option<File>| Held {
        place: place.clone(),
        path: Path::new("/proc/self/fd").join(name),
        open: open.map(Arc::new),
        is_listed: Arc::default(),
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

/// What lies at the path of a directory that is to be held.
#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opened<T> {
    Directory(T),
    Nothing,
    /// Something that cannot be held, such as a broken link, which has its own error.
    Other,
}

/// Opens what lies there; `look` says whether it is a link.
///
/// What was renamed to this path between the two requests is opened: if it were read by its path,
/// it could be replaced by another and put back unnoticed.
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

/// On other systems, only its path leads to a directory.
#[cfg(not(target_os = "linux"))]
pub(super) fn held(_: &Path, _: &StorePath) -> Option<Held> {
    None
}

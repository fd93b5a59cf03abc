//! Whether a checkpoint is complete and intact, and what it takes on disk: without Orbax, and, up
//! to the level [`Level::Index`], without reading any array.
//!
//! | module | what it does |
//! |---|---|
//! | `code` `report` | what can be found; findings of bounded number, and the leaves that are lost |
//! | `marks` `extents` | which chunks of a grid, which bytes of a file: sets of bounded size |
//! | `shares` `hosts` | which process holds which chunks; what one of several hosts should hold |
//! | `together` | what all of several hosts hold |
//! | `arrays` `survey` | one pass over all keys: chunks counted by array, bytes by file |
//! | `files` `strays` `surplus` | the files; what is left over of them |
//! | `checkpoint` `structure` `item` | the documents, compared with each other and the survey |
//! | `shardings` `members` `processes` `texts` | single kinds of documents |
//! | `data` `pace` | the bytes of all chunks, in batches, no faster than allowed |
//! | `chunk` `streamed` `sinks` `finite` `flaw` | one chunk decoded, a piece at a time |
//! | `ahead` | what will be asked for, where the disk is slow |
//! | `databases` `roles` `usage` | what says which files are in use; what each is for; the survey as what each leaf takes |

mod aggregate;
mod ahead;
pub mod arrays;
mod checkpoint;
mod chunk;
pub mod code;
mod data;
pub mod databases;
pub mod extents;
pub mod files;
mod findings;
mod finite;
mod flaw;
mod hosts;
mod item;
pub mod marks;
mod members;
mod pace;
mod processes;
pub mod report;
pub mod roles;
mod safetensors;
mod shardings;
mod shares;
mod sinks;
pub mod strays;
mod streamed;
mod structure;
mod surplus;
pub mod survey;
mod texts;
mod together;
pub mod usage;

use std::ops::ControlFlow;

use crate::error::Result;
use crate::layout::steady::{self, Seen};
use crate::path::StorePath;
use crate::reader::{self, Selection};
use crate::store::{Interest, Pytrees, Store};
use code::Code;
use report::Report;
use together::Together;

/// The depth of a check. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The documents, and whether they agree.
    Structure,
    /// All keys of the store against the grids of the arrays, and all references against the sizes
    /// of files.
    #[default]
    Index,
    /// The bytes of every chunk.
    Data,
}

impl Level {
    /// All levels, each deeper than those before it.
    pub const ALL: [Self; 3] = [Self::Structure, Self::Index, Self::Data];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Index => "index",
            Self::Data => "data",
        }
    }
}

/// One of several parts of a check at the level [`Level::Data`], each done on another machine: the
/// chunks of every store are divided, in the order of their keys, by their size in bytes. All parts
/// walk the index; the first one reports the findings about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Its index, less than their number.
    pub index: u64,
    /// Their number, at least one.
    pub count: u64,
}

impl Slice {
    /// Whether it has a chunk that begins after `passed` of about `total` bytes.
    fn has(self, passed: u64, total: u64) -> bool {
        let at = u128::from(passed).saturating_mul(u128::from(self.count));
        let at = at.checked_div(u128::from(total)).unwrap_or_default();
        at.min(u128::from(self.count.saturating_sub(1))) == u128::from(self.index)
    }
}

impl Default for Slice {
    fn default() -> Self {
        Self { index: 0, count: 1 }
    }
}

/// How a checkpoint is checked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The level.
    pub level: Level,
    /// Whether floats are looked at for NaN and infinity, at the level [`Level::Data`].
    pub check_values: bool,
    /// The most bytes of chunks that are read per second; `None` for no limit.
    pub max_bandwidth: Option<u64>,
    /// Which chunks are decoded; by default all.
    pub slice: Slice,
    /// How documents are read.
    pub read: reader::Options,
}

/// The progress of a check at the level [`Level::Data`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of chunks read so far.
    pub bytes: u64,
    /// Chunks read so far.
    pub chunks: u64,
    /// Bytes of all chunks, as far as is known by now.
    pub total_bytes: u64,
    /// Chunks read so far that carry no checksum.
    pub unsealed: u64,
}

impl Progress {
    /// The sum of this and what came after it.
    const fn and(self, later: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(later.bytes),
            chunks: self.chunks.saturating_add(later.chunks),
            total_bytes: self.total_bytes.saturating_add(later.total_bytes),
            unsealed: self.unsealed.saturating_add(later.unsealed),
        }
    }
}

/// Called with the progress now and then; a break ends the check.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) -> ControlFlow<()> + Send);

/// Checks the checkpoint at `path`, or one checkpointable of it.
///
/// # Errors
/// `NotFound` and `UnknownLayout` if there is none to check, and as [`reader::read_pytree`] if
/// there is no such checkpointable; `Store`. Everything that is wrong with the checkpoint itself is
/// a finding.
pub fn verify(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    only: Option<Selection<'_>>,
    progress: OnProgress<'_>,
) -> Result<Report> {
    let attempt = |store: &dyn Store, seen: &mut Seen| {
        checkpoint::check(store, path, options, only, progress, None, seen)
    };
    let is_whole = |report: &Report| report.findings.is_empty();
    let interest = interest(&options.read, only);
    let checked = steady::read(store, path, interest, attempt, is_whole);
    let mut report = checked.map_err(|error| reader::locate(store, error))?;
    name_files(&mut report, store);
    report.sort();
    Ok(report)
}

/// Checks the directories of several hosts, which hold one checkpoint together.
///
/// # Errors
/// As [`verify`], for any of them.
pub fn verify_together(
    directories: &[(&dyn Store, StorePath)],
    options: &Options,
    progress: OnProgress<'_>,
) -> Result<Report> {
    let mut together = Together::default();
    let mut all = Report::new();
    let mut before = Progress::default();
    for (store, path) in directories {
        let (mut last, mut flow) = (before, ControlFlow::Continue(()));
        let mut tell = |now: Progress| {
            last = before.and(now);
            flow = progress(last);
            flow
        };
        let mut seen = Seen::default();
        let with = Some(&mut together);
        let held = store.hold(path, interest(&options.read, None));
        let own = held.as_deref().unwrap_or(*store);
        let checked = checkpoint::check(own, path, options, None, &mut tell, with, &mut seen);
        // The collected state cannot be reset, so a directory that changed is not checked again.
        let checked = checked.and_then(|report| seen.check(*store).map(|()| report));
        let mut report = checked.map_err(|error| reader::locate(*store, error))?;
        name_files(&mut report, *store);
        for finding in &mut report.findings {
            finding.file.get_or_insert_with(|| store.locate(path));
        }
        all.absorb(report);
        if flow.is_break() {
            return Ok(all);
        }
        before = last;
    }
    together.finish(&mut all);
    all.sort();
    Ok(all)
}

/// What a check of all pytrees, or of one, will request.
fn interest<'a>(options: &reader::Options, only: Option<Selection<'a>>) -> Interest<'a> {
    match only {
        None => options.interest(Pytrees::All),
        Some(selection) => options.interest_in(selection),
    }
}

/// Replaces the files of all findings by their names in the store.
fn name_files(report: &mut Report, store: &dyn Store) {
    for finding in &mut report.findings {
        if let Some(file) = &mut finding.file
            && let Ok(path) = StorePath::new(file)
        {
            *file = store.locate(&path);
            if matches!(finding.code, Code::DataFileMissing | Code::ChunkLost)
                && let Some(target) = store.broken_link(&path)
            {
                finding.found = Some(format!("a broken link to {target}"));
            }
        }
    }
}

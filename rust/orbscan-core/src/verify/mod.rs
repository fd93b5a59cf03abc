//! Whether a checkpoint is complete and intact, and what it takes on disk: without Orbax, and, up to
//! the level [`Level::Index`], without reading any array.
//!
//! | module | what it does |
//! |---|---|
//! | `code` `report` | what can be found; findings of bounded number, and the leaves that are lost |
//! | `marks` `extents` | which chunks of a grid, which bytes of a file: sets of bounded size |
//! | `arrays` `files` `strays` `survey` | one pass over all keys: chunks counted by array, bytes by file |
//! | `checkpoint` `structure` `shardings` `members` `processes` `texts` `item` | the documents, held against each other and the survey |
//! | `data` `pace` | the bytes of all chunks, in batches, no faster than allowed |
//! | `chunk` `sinks` `finite` `flaw` | one chunk decoded, a piece at a time |
//! | `databases` `roles` `usage` | what says which files are in use; what each is for; the survey as what each leaf takes |

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
mod item;
pub mod marks;
mod members;
mod pace;
mod processes;
pub mod report;
pub mod roles;
mod shardings;
mod sinks;
pub mod strays;
mod structure;
pub mod survey;
mod texts;
pub mod usage;

use std::ops::ControlFlow;

use crate::error::Result;
use crate::path::StorePath;
use crate::reader;
use crate::store::Store;
use code::Code;
use report::Report;

/// How deep a check goes. Each level includes those before it.
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

/// How a checkpoint is checked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How deep.
    pub level: Level,
    /// Whether floats are looked at for NaN and infinity, at the level [`Level::Data`].
    pub check_values: bool,
    /// Bytes of chunks read in a second at most; `None` for as many as there come.
    pub max_bandwidth: Option<u64>,
    /// How documents are read.
    pub read: reader::Options,
}

/// How far a check at the level [`Level::Data`] has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of chunks read so far.
    pub bytes: u64,
    /// Chunks read so far.
    pub chunks: u64,
    /// Bytes of chunks in all, as far as is known by now.
    pub total_bytes: u64,
}

/// Told of progress now and then; ends the check by breaking.
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress) -> ControlFlow<()> + Send);

/// Checks the checkpoint at `path`.
///
/// # Errors
/// `NotFound` and `UnknownLayout` if there is none to check; `Store`. Whatever is wrong with the
/// checkpoint itself is a finding.
pub fn verify(
    store: &dyn Store,
    path: &StorePath,
    options: &Options,
    progress: OnProgress<'_>,
) -> Result<Report> {
    let mut report = checkpoint::check(store, path, options, progress)
        .map_err(|error| reader::locate(store, error))?;
    for finding in &mut report.findings {
        if let Some(file) = &mut finding.file
            && let Ok(path) = StorePath::new(file)
        {
            *file = store.locate(&path);
            if matches!(finding.code, Code::DataFileMissing | Code::ChunkLost)
                && let Some(target) = store.broken_link(&path)
            {
                finding.found = Some(format!("a link to {target}, where nothing is"));
            }
        }
    }
    report.sort();
    Ok(report)
}

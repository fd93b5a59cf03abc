//! Many checkpoints: found by walking directories, read concurrently, returned one by one.
//!
//! Workers take directories from a schedule, examine each (`walk`), and read it if it is a
//! checkpoint. Entries wait in the schedule until the caller takes them; while enough are waiting,
//! no more work is started, so that memory does not grow with the number of checkpoints.

mod batch;
mod below;
pub mod entry;
mod fingerprint;
pub mod fnv;
mod links;
pub mod pieces;
mod place;
mod read;
mod refusals;
pub mod roots;
mod schedule;
pub mod selection;
pub mod steps;
mod walk;
mod workers;

use std::collections::{HashMap, HashSet};
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::orbax::commit::Atomicity;
use crate::path::StorePath;
use crate::reader;
use crate::store::Store;
use batch::Batch;
use entry::{Content, Entry};
use links::Links;
use pieces::Piece;
use place::Base;
use schedule::{News, Schedule};
use selection::Selection;
use workers::{Shared, told};

/// The default number of threads: many more than there are cores, because on a cold disk each of
/// them waits.
pub const DEFAULT_THREADS: usize = 16;

/// The default for checkpoints in a store that is not a disk: each thread waits most of the time.
pub const REMOTE_THREADS: usize = 64;

/// The default once a disk turns out to be slow: one that is reached over a network serves many
/// clients.
pub const SLOW_THREADS: usize = 128;

/// The most threads of one scan, however many are requested. A disk or a mount does not answer
/// faster to more of them, and each takes memory for its stack and counts against the limits of the
/// system.
pub const MAX_THREADS: usize = 1_024;

/// Entries per thread that may wait to be taken.
const WAITING_PER_THREAD: usize = 2;

/// The longest wait for one entry, if the caller does not say otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be searched.
pub struct Root {
    /// As it was given; paths of entries begin with it.
    pub text: String,
    /// The store and the path in it, or why there is none.
    pub place: Result<(Arc<dyn Store>, StorePath), Error>,
}

/// How a scan works.
#[derive(Clone, Debug)]
pub struct Options {
    /// How each checkpoint is read.
    pub read: reader::Options,
    /// Whether trees are read, or only names and what lies outside the trees.
    pub leaves: bool,
    /// Which checkpoints are wanted.
    pub selection: Selection,
    /// The number of threads, at most [`MAX_THREADS`]; if it is one, everything happens in the
    /// thread that takes the entries.
    pub threads: usize,
    /// The number of threads on a slow disk, if that is greater; not used if there is only one
    /// thread.
    pub slow_threads: usize,
    /// Whether entries come in the order of their paths, steps by their numbers.
    pub ordered: bool,
    /// The paths and fingerprints of an earlier scan.
    pub since: HashMap<String, u64>,
    /// The pieces of the roots that are searched; `None` for all of them.
    pub pieces: Option<Vec<Piece>>,
}

impl Options {
    /// What makes a checkpoint in a store a finished one.
    pub fn atomicity(&self, store: &dyn Store) -> Atomicity {
        let asked = self.read.rules.atomicity;
        asked.unwrap_or_else(|| store.atomicity())
    }

    /// Whether anything of the root with this number is to be searched.
    fn has_of(&self, root: usize) -> bool {
        let has = |pieces: &Vec<Piece>| pieces.iter().any(|piece| piece.root == root);
        self.pieces.as_ref().is_none_or(has)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read: reader::Options::default(),
            leaves: true,
            selection: Selection::default(),
            threads: DEFAULT_THREADS,
            slow_threads: SLOW_THREADS,
            ordered: false,
            since: HashMap::new(),
            pieces: None,
        }
    }
}

/// The progress of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Checkpoints found.
    pub found: u64,
    /// Checkpoints that were read, or need not be.
    pub done: u64,
    /// Directories that are known but not examined yet, each of which may hold none or many.
    pub waiting: u64,
}

/// Searches for checkpoints and reads them. Dropping the iterator ends all work.
pub fn scan(roots: Vec<Root>, options: Options) -> Scan {
    let mut failed = Vec::new();
    let mut by_number = Vec::new();
    for (number, Root { text, place }) in roots.into_iter().enumerate() {
        by_number.push(match place {
            Ok((store, path)) => Some(Arc::new(Base::new(&text, store, path))),
            Err(error) => {
                let entry = told(&text, &text, Content::Failed(error));
                let selection = &options.selection;
                if selection.may_want(&entry, "")
                    && selection.is_in_share(&place::normal(&text))
                    && options.has_of(number)
                {
                    failed.push(entry);
                }
                None
            }
        });
    }
    let by_number = links::distinct(by_number);
    let bases: Vec<Arc<Base>> = by_number.iter().flatten().cloned().collect();
    let links = Links::new(bases.clone());
    let first = match &options.pieces {
        None => vec![Batch::bases(bases.clone())],
        Some(pieces) => pieces::begun(pieces, &by_number, &options, &links),
    };
    let threads = options.threads.clamp(1, MAX_THREADS);
    let unseen = options.since.keys().cloned().collect();
    let schedule = Schedule::new(
        first,
        options.ordered,
        threads.saturating_mul(WAITING_PER_THREAD),
    );
    let shared = Arc::new(Shared::new(schedule, links, options));
    let alone = threads == 1 || !workers::start(&shared, threads);
    Scan {
        shared,
        process: process::id(),
        alone,
        failed: failed.into_iter(),
        bases,
        unseen,
        gone: None,
    }
}

/// The entry for a root that was not searched to its end.
fn given_up(base: &Base) -> Option<Entry> {
    let error = base.refusals.told(&base.text)?;
    Some(told(&base.text, &base.text, Content::Failed(error)))
}

/// The result of [`Scan::poll`].
pub enum Poll {
    /// The next entry.
    Entry(Box<Entry>),
    /// There was none in time.
    Waiting,
    /// There will be no more.
    End,
}

/// Shows the progress of a scan whose entries are taken elsewhere.
pub struct Monitor(Arc<Shared>);

impl Monitor {
    /// The progress of the scan.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }
}

/// A scan in progress. It belongs to the process that began it: in a forked process the threads
/// that do the work do not exist, and whatever they had locked stays locked.
pub struct Scan {
    shared: Arc<Shared>,
    /// The id of that process.
    process: u32,
    /// Whether the only thread is that of the caller.
    alone: bool,
    /// Returned first: roots that could not be opened.
    failed: std::vec::IntoIter<Entry>,
    bases: Vec<Arc<Base>>,
    /// Paths of the earlier scan that have not been found yet.
    unseen: HashSet<String>,
    /// Returned last: paths of the earlier scan that no longer exist.
    gone: Option<std::vec::IntoIter<Entry>>,
}

impl Scan {
    /// Whether it belongs to this process, and not to the parent of a forked one.
    pub fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// The next entry, unless it takes longer than `timeout`. The examination or read of a single
    /// directory is not interrupted. A forked process gets none.
    pub fn poll(&mut self, timeout: Duration) -> Poll {
        if !self.is_ours() {
            return Poll::End;
        }
        if let Some(entry) = self.failed.next() {
            return self.give(Box::new(entry));
        }
        let news = if self.alone {
            self.work(timeout)
        } else {
            self.shared.schedule.next(timeout)
        };
        match news {
            News::Entry(entry) => self.give(entry),
            News::Nothing => Poll::Waiting,
            News::End => self.next_gone(),
        }
    }

    /// The progress of the scan.
    pub fn progress(&self) -> Progress {
        self.monitor().progress()
    }

    /// A monitor that shows the progress while the entries are taken elsewhere.
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.shared))
    }

    /// Ends the scan: there are no more entries, and the threads end after what they are reading.
    pub fn stop(&mut self) {
        if self.is_ours() {
            self.shared.schedule.stop();
        }
        self.failed = Vec::new().into_iter();
        self.gone = Some(Vec::new().into_iter());
    }

    /// Works in this thread until there is an entry, or the time is up.
    fn work(&self, timeout: Duration) -> News {
        let begun = Instant::now();
        let schedule = &self.shared.schedule;
        loop {
            match schedule.next(Duration::ZERO) {
                News::Nothing if begun.elapsed() < timeout => {}
                news => return news,
            }
            if let Some(job) = schedule.try_take() {
                self.shared.run(job);
            }
        }
    }

    fn give(&mut self, entry: Box<Entry>) -> Poll {
        self.unseen.remove(&entry.path);
        Poll::Entry(entry)
    }

    /// A path that an earlier scan found and this one did not may be filtered out now. It is gone
    /// only if it lies below what was searched and no longer exists.
    fn next_gone(&mut self) -> Poll {
        let mut gone = self.gone.take().unwrap_or_else(|| {
            let mut unseen: Vec<String> = std::mem::take(&mut self.unseen).into_iter().collect();
            unseen.sort_unstable();
            let mut last: Vec<Entry> = self
                .bases
                .iter()
                .filter_map(|base| given_up(base))
                .collect();
            last.extend(unseen.iter().filter_map(|path| self.gone(path)));
            last.into_iter()
        });
        let next = gone.next();
        self.gone = Some(gone);
        next.map_or(Poll::End, |entry| Poll::Entry(Box::new(entry)))
    }

    fn gone(&self, path: &str) -> Option<Entry> {
        let mut bases = self.bases.iter();
        let (base, way) = bases.find_map(|base| {
            let way = path.strip_prefix(&*base.text)?;
            let below = way.is_empty() || way.starts_with('/') || base.text.ends_with('/');
            below.then(|| (base, way.trim_start_matches('/')))
        })?;
        if base.refusals.are_final() {
            // It was not searched.
            return None;
        }
        let place = base.path.join(way).ok()?;
        let spelled = place::normal(&base.store.absolute(&place));
        let selection = &self.shared.options.selection;
        let ours = selection.is_in_share(&spelled) && !selection.excludes_way(way);
        let gone = ours && !walk::exists(base.store.as_ref(), &place);
        gone.then(|| told(path, &base.text, Content::Vanished))
    }
}

impl Iterator for Scan {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            match self.poll(PATIENCE) {
                Poll::Entry(entry) => return Some(*entry),
                Poll::Waiting => {}
                Poll::End => return None,
            }
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        if self.is_ours() {
            self.shared.schedule.stop();
        }
    }
}

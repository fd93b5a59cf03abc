//! Many checkpoints: found by walking directories, read side by side, given one by one.
//!
//! Workers take directories from a schedule, look at each (`walk`), and read it if it is a
//! checkpoint. Entries wait in the schedule until somebody takes them; while enough are waiting no
//! more work is begun, so that memory does not grow with the number of checkpoints.

mod batch;
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

/// Threads that read side by side by default: many more than there are cores, since on a cold disk
/// each of them waits.
pub const DEFAULT_THREADS: usize = 16;

/// Likewise, where the checkpoints lie in a store that is not a disk: each thread waits for most of the
/// time.
pub const REMOTE_THREADS: usize = 64;

/// Likewise, once a disk turns out to be slow: one that answers over a network has many who ask.
pub const SLOW_THREADS: usize = 128;

/// The most threads of one scan, however many are asked for. A disk or a mount answers no faster to
/// more of them, and each takes memory for its stack and one of the threads that the system has for
/// all.
pub const MAX_THREADS: usize = 1_024;

/// Entries that may wait to be taken, for each thread.
const WAITING_PER_THREAD: usize = 2;

/// How long one look for news may wait, where nobody says so.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be searched.
pub struct Root {
    /// As it was given; paths of entries begin with it.
    pub text: String,
    /// The store and the path in it, or why there are none.
    pub place: Result<(Arc<dyn Store>, StorePath), Error>,
}

/// How a scan goes about.
#[derive(Clone, Debug)]
pub struct Options {
    /// How each checkpoint is read.
    pub read: reader::Options,
    /// Whether trees are read, or only names and what stands outside the trees.
    pub leaves: bool,
    /// Which checkpoints are wanted.
    pub selection: Selection,
    /// Threads, [`MAX_THREADS`] of them at most; with one, everything happens in the thread that
    /// takes the entries.
    pub threads: usize,
    /// Threads where the disk is slow, if that are more; not with one.
    pub slow_threads: usize,
    /// Whether entries come in the order of their paths, steps by their numbers.
    pub ordered: bool,
    /// The paths and fingerprints of an earlier scan.
    pub since: HashMap<String, u64>,
    /// Only these pieces of the roots; `None` for all of them.
    pub pieces: Option<Vec<Piece>>,
}

impl Options {
    /// What makes a checkpoint of a store a finished one.
    pub fn atomicity(&self, store: &dyn Store) -> Atomicity {
        let asked = self.read.rules.atomicity;
        asked.unwrap_or_else(|| store.atomicity())
    }

    /// Whether anything of the root of that number is to be searched.
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

/// How far a scan has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Checkpoints found.
    pub found: u64,
    /// Of these, those that were read, or need not be.
    pub done: u64,
    /// Directories known and not yet looked at, each of which may hold none or many.
    pub waiting: u64,
}

/// Searches for checkpoints and reads them. Dropping the iterator ends everything.
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

/// What is told of a root that was not searched to its end.
fn given_up(base: &Base) -> Option<Entry> {
    let error = base.refusals.told(&base.text)?;
    Some(told(&base.text, &base.text, Content::Failed(error)))
}

/// What [`Scan::poll`] gives.
pub enum Poll {
    /// The next entry.
    Entry(Box<Entry>),
    /// None came in time.
    Waiting,
    /// None will come.
    End,
}

/// An eye on a scan that others take the entries of.
pub struct Monitor(Arc<Shared>);

impl Monitor {
    /// How far the scan has come.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }
}

/// A scan under way. It belongs to the process that began it: where that forks, the threads that do
/// the work stay behind, and so does whatever they had locked.
pub struct Scan {
    shared: Arc<Shared>,
    /// The number of that process.
    process: u32,
    /// Whether there are no threads but the caller's.
    alone: bool,
    /// Told first: roots that could not be opened.
    failed: std::vec::IntoIter<Entry>,
    bases: Vec<Arc<Base>>,
    /// Paths of the earlier scan that have not come yet.
    unseen: HashSet<String>,
    /// Told last: paths of the earlier scan that are no more.
    gone: Option<std::vec::IntoIter<Entry>>,
}

impl Scan {
    /// Whether it belongs to this process, and not to one that forked it.
    pub fn is_ours(&self) -> bool {
        self.process == process::id()
    }

    /// The next entry, unless it takes longer than `timeout`. A single directory is looked at or
    /// read to its end. A process that was forked gets none.
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

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.monitor().progress()
    }

    /// What tells how far it has come while others take the entries.
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.shared))
    }

    /// Ends it: no more entries come, and the threads end with what they are reading.
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

    /// What an earlier scan saw and this one did not may be unwanted now. Only what lies below what
    /// was searched, and no longer does, is gone.
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
            // Nobody has looked.
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

//! One directory of a store while it is read: a listing of it, and what was fetched.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::join_all;
use orbscan_core::error::{ErrorKind, Result, StoreFault};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::orbax::names;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Entry, EntryKind, Span, Stat, Store, Want, not_found};

use crate::bucket::{Bucket, Children, Fetching, all, found, merged};
use crate::fault;
use crate::plan::{self, Aim};
use crate::probe::Contents;
use crate::process::Process;
use crate::tree::{Child, Known, Tree};
use crate::url::Scheme;
use crate::wire::{Got, unanswered};

/// The number of writing processes whose files are guessed at once, if nothing can be listed.
const PROCESSES: usize = 8;

/// The number of files in a directory that fill most of a page of a listing.
const MANY_FILES: usize = 500;

/// The most directories missing from a listing that are listed one by one: if there are more, the
/// next page is likely to have them.
const FEW_DIRECTORIES: usize = 8;

/// Bytes of files that are kept: further files are fetched again if they are needed again.
const MOST_FETCHED: usize = 256 << 20;

/// The most fetches that are kept after they were started: if this many were started since, the
/// oldest is no longer needed.
const MOST_UNDER_WAY: usize = 64;

/// Files that were fetched completely.
#[derive(Debug, Default)]
struct Fetched {
    files: HashMap<String, Bytes>,
    bytes: usize,
}

impl Fetched {
    fn keep(&mut self, file: String, bytes: Bytes) {
        let together = self.bytes.saturating_add(bytes.len());
        if together <= MOST_FETCHED && !self.files.contains_key(&file) {
            self.bytes = together;
            self.files.insert(file, bytes);
        }
    }
}

/// A directory of a store as one listing showed it, with the files that were fetched.
pub struct Held {
    bucket: Bucket,
    /// The store around the directory.
    around: Box<dyn Store>,
    place: StorePath,
    tree: Mutex<Result<Arc<Tree>>>,
    aim: Aim,
    fetched: Mutex<Fetched>,
    /// Fetches in progress, by the requests for them.
    under_way: Mutex<VecDeque<(Vec<Want>, Fetching)>>,
    /// A path outside of the directory, and what lies there.
    outside: Option<(StorePath, Option<Stat>)>,
    /// Whether the files that every read of a checkpoint needs were fetched.
    begun: AtomicBool,
    stale: AtomicBool,
}

impl Held {
    /// A directory as a listing showed it, with the files that were fetched with it; or why there
    /// is none.
    pub fn new(
        bucket: Bucket,
        around: Box<dyn Store>,
        place: StorePath,
        aim: Aim,
        seen: Result<(Arc<Tree>, Contents)>,
    ) -> Self {
        let (tree, contents) = match seen {
            Ok((tree, contents)) => (Ok(tree), contents),
            Err(error) => (Err(error), Contents::default()),
        };
        let mut fetched = Fetched::default();
        for (file, bytes) in contents.files {
            fetched.keep(file, bytes);
        }
        Self {
            bucket,
            around,
            place,
            tree: Mutex::new(tree),
            aim,
            fetched: Mutex::new(fetched),
            under_way: Mutex::default(),
            outside: contents.outside,
            begun: AtomicBool::new(false),
            stale: AtomicBool::new(false),
        }
    }

    /// The path relative to the directory, and the listing.
    fn inside<'p>(&self, path: &'p StorePath) -> Option<(Arc<Tree>, &'p str)> {
        Some((self.tree().ok()?, path.below(&self.place)?))
    }

    /// The listing of the directory.
    fn tree(&self) -> Result<Arc<Tree>> {
        // Nothing panics while it holds the lock, so a poisoned one is still valid.
        let tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        tree.clone()
    }

    /// Adds what further listings show.
    fn learn(&self, take: impl FnOnce(&mut Tree)) {
        let mut tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(tree) = tree.as_mut() {
            take(Arc::make_mut(tree));
        }
    }

    /// Whether the listing shows that nothing lies below a path.
    fn is_bare(&self, path: &StorePath) -> bool {
        let listed = self.inside(path).map(|(tree, way)| tree.list(way));
        listed == Some(Known::Absent)
    }

    fn memory(&self) -> MutexGuard<'_, Fetched> {
        // Nothing panics while it holds the lock, so a poisoned one is still valid.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fetches in progress; there are few at any time.
    fn under_way(&self) -> MutexGuard<'_, VecDeque<(Vec<Want>, Fetching)>> {
        // Likewise.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The requests, with the sizes from the listing.
    fn sized(&self, wants: impl Iterator<Item = Want>) -> Vec<(Want, Option<u64>)> {
        let sized = wants.map(|want| {
            let inside = self.inside(&want.path);
            let size = inside.and_then(|(tree, way)| tree.file(way).map(|object| object.size));
            (want, size)
        });
        sized.collect()
    }

    fn known(&self, path: &StorePath) -> Known<Stat> {
        match self.inside(path) {
            Some((tree, way)) => tree.stat(way),
            None => match &self.outside {
                Some((known, Some(stat))) if known == path => Known::Yes(*stat),
                Some((known, None)) if known == path => Known::Absent,
                _ => Known::Unknown,
            },
        }
    }

    /// What is fetched completely together with some files; the whole of a file of which a part is
    /// wanted only if it is small enough to contain an index.
    fn along(&self, wanted: &[&str]) -> Vec<(Want, Option<u64>)> {
        let Ok(tree) = self.tree() else {
            return Vec::new();
        };
        let tree = tree.as_ref();
        let mut files: Vec<String> = wanted
            .iter()
            .flat_map(|file| plan::along(tree, file, &self.aim))
            .collect();
        if !self.begun.swap(true, Ordering::Relaxed) {
            files.extend(plan::first(tree, &self.aim));
        }
        let memory = self.memory();
        let mut seen: HashSet<&str> = wanted.iter().copied().collect();
        let limit = Limits::default().max_document_bytes;
        let mut along = Vec::new();
        for file in &files {
            let size = tree.file(file).map(|object| object.size);
            let is_too_large = size.is_some_and(|size| size > limit);
            if memory.files.contains_key(file) || !seen.insert(file) || is_too_large {
                continue;
            }
            if let Ok(path) = self.place.join(file) {
                along.push((Want::whole(path, limit), size));
            }
        }
        along
    }

    /// Keeps a file that arrived, unless it differs from what was listed.
    fn keep(&self, want: &Want, got: Result<Got>) -> Result<Bytes> {
        let Some((tree, way)) = self.inside(&want.path) else {
            return got.map(|got| got.bytes);
        };
        let listed = tree.file(way);
        let changed = || {
            self.stale.store(true, Ordering::Relaxed);
            let fault = StoreFault::Changed;
            fault::told(fault, "", self.bucket.url.scheme).in_file(&want.path)
        };
        match got {
            Ok(got) => {
                // The hub spells versions differently in answers and in listings.
                let tells = self.bucket.url.scheme != Scheme::Hub;
                if tells && listed.is_some_and(|listed| listed.differs(&got.object)) {
                    return Err(changed());
                }
                if want.span == Span::Whole {
                    self.memory().keep(way.to_owned(), got.bytes.clone());
                }
                Ok(got.bytes)
            }
            Err(error) if error.kind() == ErrorKind::NotFound && listed.is_some() => Err(changed()),
            Err(error) => Err(error),
        }
    }

    /// The answer to a request without asking the store, if there is one.
    fn answer(&self, want: &Want) -> Option<Result<Bytes>> {
        let (tree, way) = self.inside(&want.path)?;
        if let Some(bytes) = self.memory().files.get(way) {
            return Some(part(want, bytes));
        }
        match tree.stat(way) {
            Known::Absent => Some(Err(not_found(&want.path))),
            Known::Yes(stat) if stat.kind == EntryKind::Directory => {
                Some(Err(want.is_a_directory()))
            }
            // Refused before any request.
            Known::Yes(stat) => want.within(stat.size).err().map(Err),
            Known::Unknown => None,
        }
    }

    /// The files of processes, if they must be guessed.
    fn guessed_processes(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for begin in (0_usize..).step_by(PROCESSES) {
            let numbers = begin..begin.saturating_add(PROCESSES);
            let files = numbers.map(|number| format!("{}{number}", names::ARRAY_METADATAS_PREFIX));
            let files: Vec<String> = files.collect();
            let paths = files.iter().map(|file| directory.join(file));
            let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
            let heads = paths.into_iter().map(|path| {
                let client = Arc::clone(&self.bucket.client);
                async move { client.head(&path).await }
            });
            let heads = all(heads.collect())?;
            let before = entries.len();
            for (name, head) in files.into_iter().zip(heads) {
                if head?.is_some() {
                    entries.push(Entry {
                        name,
                        kind: EntryKind::File,
                        link: false,
                        id: 0,
                    });
                }
            }
            if entries.len().saturating_sub(before) < PROCESSES {
                break;
            }
        }
        if entries.is_empty() {
            return Err(not_found(directory));
        }
        Ok(entries)
    }
}

impl Store for Held {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        if directory.below(&self.place).is_some() {
            self.tree()?;
        }
        let Some((tree, way)) = self.inside(directory) else {
            return self.around.list(directory);
        };
        match tree.list(way) {
            Known::Unknown => match self.bucket.children(directory)? {
                Children::Listed(children) => {
                    self.learn(|tree| tree.add_children(way, children.clone()));
                    Ok(children.into_iter().map(Child::entry).collect())
                }
                Children::Guessed(tree) => found(tree.list(""), directory),
            },
            Known::Absent if tree.is_asked() && directory.name() == names::ARRAY_METADATAS => {
                self.guessed_processes(directory)
            }
            listed => found(listed, directory),
        }
    }

    fn expect(&self, directories: &[StorePath], _: &[StorePath]) {
        let Ok(mut tree) = self.tree() else { return };
        // A listing of a directory with this many files would also be truncated: it is listed by
        // its children.
        let unknown = |tree: &Tree| -> Vec<String> {
            let ways = directories.iter();
            let ways = ways.filter_map(|directory| directory.below(&self.place));
            let is_unknown =
                |way: &&str| !tree.knows_children(way) && !tree.has_many_below(way, MANY_FILES);
            ways.filter(is_unknown).map(str::to_owned).collect()
        };
        let mut wanted = unknown(&tree);
        // Pages come one after another, listings concurrently: this many pages take no longer.
        let pages = wanted.len().checked_div(self.bucket.client.gate.seats());
        if wanted.len() > FEW_DIRECTORIES {
            let pages = pages.unwrap_or_default().saturating_add(1);
            // What fails here is requested again, and fails there.
            if let Ok(grown) = self.bucket.further(&tree, &wanted, pages) {
                tree = Arc::new(grown);
                self.learn(|known| known.clone_from(&tree));
                wanted = unknown(&tree);
            }
        }
        let paths = wanted.iter().filter_map(|way| self.place.join(way).ok());
        let paths: Vec<StorePath> = paths.collect();
        let looks = self.bucket.looks(&paths).unwrap_or_default();
        for (below, _) in looks.into_iter().flatten() {
            self.learn(|tree| tree.add_below(below));
        }
    }

    fn is_far(&self) -> bool {
        // If nothing is listed, it is not known what else to request.
        self.tree().is_ok_and(|tree| !tree.is_asked())
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let known: Vec<Known<Stat>> = paths.iter().map(|path| self.known(path)).collect();
        let asked = paths.iter().zip(&known);
        let asked = asked.filter(|(_, known)| **known == Known::Unknown);
        let asked: Vec<StorePath> = asked.map(|(path, _)| path.clone()).collect();
        if asked.is_empty() {
            return merged(known, Vec::new());
        }
        // There is a round to wait for anyway: the files that every read needs are fetched with it.
        let along = self.along(&[]);
        let client = &self.bucket.client;
        let stats = asked
            .iter()
            .map(|path| Bucket::stat_one(Arc::clone(client), path.clone(), self.is_bare(path)));
        let stats = join_all(stats.collect::<Vec<_>>());
        let files = along.iter().map(|(want, size)| {
            let (client, want, size) = (Arc::clone(client), want.clone(), *size);
            async move { client.file(&want, size).await }
        });
        let files = join_all(files.collect::<Vec<_>>());
        let both = Process::own()
            .and_then(|process| process.runtime.wait(futures::future::join(stats, files)));
        let answers = match both {
            Ok((answers, got)) => {
                for ((want, _), got) in along.iter().zip(got) {
                    // What failed is requested again if it is needed.
                    drop(self.keep(want, got));
                }
                answers
            }
            Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
        };
        merged(known, answers)
    }

    fn begin(&self, wants: &[Want]) {
        let asked = wants.iter().filter(|want| self.answer(want).is_none());
        let asked: Vec<Want> = asked.cloned().collect();
        if asked.is_empty() {
            return;
        }
        let requests = self.sized(asked.iter().cloned());
        // What cannot be started is fetched later, and fails there.
        if let Ok(fetching) = self.bucket.begin(&requests) {
            let mut under_way = self.under_way();
            under_way.push_back((asked, fetching));
            if under_way.len() > MOST_UNDER_WAY {
                under_way.pop_front();
            }
        }
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let known: Vec<Option<Result<Bytes>>> =
            wants.iter().map(|want| self.answer(want)).collect();
        let asked = wants.iter().zip(&known);
        let asked = asked.filter(|(_, known)| known.is_none());
        let asked: Vec<Want> = asked.map(|(want, _)| want.clone()).collect();
        if asked.is_empty() {
            return known.into_iter().flatten().collect();
        }
        let own = asked.clone();
        let begun = {
            let mut under_way = self.under_way();
            let place = under_way.iter().position(|(wants, _)| *wants == asked);
            place.and_then(|place| under_way.remove(place))
        };
        let (requests, answers) = if let Some((_, fetching)) = begun {
            let requests = self.sized(asked.into_iter());
            let answers = fetching.answers(&requests);
            (requests, answers)
        } else {
            let whole = asked.iter().filter(|want| want.span == Span::Whole);
            let inside = whole.filter_map(|want| self.inside(&want.path));
            let ways: Vec<&str> = inside.map(|(_, way)| way).collect();
            let mut along = self.along(&ways);
            let mut requests = self.sized(asked.into_iter());
            // Of a file that is fetched completely anyway, no part is.
            for request in &mut requests {
                let is_same = |(want, _): &(Want, _)| want.path == request.0.path;
                if let Some(place) = along.iter().position(is_same) {
                    *request = along.swap_remove(place);
                }
            }
            requests.extend(along);
            let answers = self.bucket.fetch_all(&requests);
            (requests, answers)
        };
        let mut kept = Vec::with_capacity(own.len());
        for (place, ((want, _), got)) in requests.iter().zip(answers).enumerate() {
            let answer = self.keep(want, got);
            match own.get(place) {
                Some(wanted) if wanted.span != want.span => {
                    kept.push(answer.and_then(|bytes| part(wanted, &bytes)));
                }
                Some(_) => kept.push(answer),
                None => {}
            }
        }
        let mut kept = kept.into_iter();
        let answers = known.into_iter();
        answers
            .map(|known| known.unwrap_or_else(|| kept.next().unwrap_or_else(unanswered)))
            .collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.bucket.url.locate(path)
    }

    fn shows_all(&self, directory: &StorePath) -> bool {
        let inside = self.inside(directory);
        inside.is_none_or(|(tree, _)| !tree.is_asked())
    }

    fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    fn atomicity(&self) -> Atomicity {
        self.around.atomicity()
    }
}

/// The wanted part of a file whose whole content is available.
fn part(want: &Want, bytes: &Bytes) -> Result<Bytes> {
    let range = want.within(bytes.len() as u64)?;
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    // `within` checked that the end is no later than the end of the content.
    Ok(bytes.slice(place(range.start)..place(range.end)))
}

//! The stores: a bucket as the core sees it, and one checkpoint of it while it is read.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::join_all;
use object_store::ObjectStore;
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::orbax::names;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Entry, EntryKind, Span, Stat, Store, Want, not_found};

use crate::client::Client;
use crate::fault;
use crate::options::Options;
use crate::plan;
use crate::probe::{self, Contents};
use crate::process::Process;
use crate::ranges;
use crate::tree::{DIRECTORY, Known, Tree};
use crate::url::{Scheme, Url};
use crate::wire::{self, Got};

/// Names of listings that are kept for reads that are about to come.
const MOST_KEPT: usize = 200_000;

/// Writing processes whose files are guessed at once, where nothing can be listed.
const PROCESSES: usize = 8;

/// A bucket, a server or a repository.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    url: Arc<Url>,
    client: Arc<Client>,
    /// Listings of directories that a walk has come upon, and that will be read.
    kept: Arc<Mutex<Kept>>,
}

/// Listings in the order in which they came.
#[derive(Debug, Default)]
struct Kept {
    trees: HashMap<StorePath, Arc<Tree>>,
    order: VecDeque<StorePath>,
    names: usize,
}

impl RemoteStore {
    /// The store that a URL leads to, and where in it.
    ///
    /// # Errors
    /// As [`Url::parse`]; `Unsupported` for an option that the store does not have; `Store` if no client
    /// can be made for it. All name the URL.
    pub fn open(text: &str, options: &Options) -> Result<(Self, StorePath)> {
        let url = Url::parse(text)?;
        let client = Process::own().and_then(|process| process.client(&url, options));
        let client = client.map_err(|error| error.in_file(&url.locate(&url.place)))?;
        Ok(Self::new(url, client))
    }

    /// As [`RemoteStore::open`], with a store of the library that somebody else made.
    ///
    /// # Errors
    /// As [`RemoteStore::open`].
    pub fn over(
        store: Arc<dyn ObjectStore>,
        text: &str,
        options: &Options,
    ) -> Result<(Self, StorePath)> {
        let url = Url::parse(text)?;
        let gate = Process::own()?.gate(options.limits()?);
        let client = Client::over(store, url.scheme, gate);
        Ok(Self::new(url, Arc::new(client)))
    }

    fn new(url: Url, client: Arc<Client>) -> (Self, StorePath) {
        let place = url.place.clone();
        let store = Self {
            url: Arc::new(url),
            client,
            kept: Arc::default(),
        };
        (store, place)
    }

    /// What lies below a directory, by a listing, or by guesses where there is none.
    fn look(&self, place: &StorePath) -> Result<(Tree, Contents)> {
        let mut looks = self.looks(std::slice::from_ref(place))?;
        looks.pop().unwrap_or_else(|| Err(not_found(place)))
    }

    fn looks(&self, places: &[StorePath]) -> Result<Vec<Result<(Tree, Contents)>>> {
        let looks = places.iter().map(|place| {
            let (client, place) = (Arc::clone(&self.client), place.clone());
            async move {
                match client.tree(&place).await {
                    Ok(tree) => Ok((tree, Vec::new())),
                    Err(error) if wire::is_unlistable(&error) => {
                        probe::probe(&client, &place).await
                    }
                    Err(error) => Err(error),
                }
            }
        });
        all(looks.collect())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock, so a poisoned one is as good as any.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The listing that a path lies in, if one is kept, and the way from its top.
    fn kept_above(&self, path: &StorePath) -> Option<(Arc<Tree>, String)> {
        let kept = self.kept();
        let mut place = Some(path.clone());
        while let Some(above) = place {
            if let Some(tree) = kept.trees.get(&above) {
                return Some((Arc::clone(tree), path.below(&above)?.to_owned()));
            }
            place = above.parent();
        }
        None
    }

    /// The children of a directory, where no listing that is kept tells them.
    fn children(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        let (client, place) = (Arc::clone(&self.client), directory.clone());
        let asked = all(vec![async move { client.children(&place).await }])?;
        let listed = asked.into_iter().next();
        match listed.unwrap_or_else(|| Err(not_found(directory))) {
            Err(error) if wire::is_unlistable(&error) => {
                let (tree, _) = self.look(directory)?;
                if tree.is_empty() {
                    return Err(nothing_guessed(directory));
                }
                let listed = tree.list("");
                self.kept().keep(tree);
                found(listed, directory)
            }
            listed => listed,
        }
    }

    /// What lies at a path of which nothing is known, or only that no file lies below it.
    async fn stat_one(client: Arc<Client>, path: StorePath, is_bare: bool) -> Result<Option<Stat>> {
        if let Some(object) = client.head(&path).await? {
            return Ok(Some(object.stat()));
        }
        if is_bare || is_document(path.name()) {
            return Ok(None);
        }
        match client.tree(&path).await {
            Ok(tree) if tree.is_empty() => Ok(None),
            Ok(_) => Ok(Some(DIRECTORY)),
            Err(error) if wire::is_unlistable(&error) => {
                let (tree, _) = probe::probe(&client, &path).await?;
                Ok((!tree.is_empty()).then_some(DIRECTORY))
            }
            Err(error) => Err(error),
        }
    }

    fn fetch_all(&self, wants: &[(Want, Option<u64>)]) -> Vec<Result<Got>> {
        let merged = ranges::merged(wants);
        let requests = merged.iter().map(|request| {
            let client = Arc::clone(&self.client);
            let (want, size) = (request.want.clone(), request.size);
            async move { client.file(&want, size).await }
        });
        match all(requests.collect()) {
            Ok(answers) => ranges::parted(wants, &merged, answers),
            Err(error) => wants.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

impl Kept {
    fn keep(&mut self, tree: Tree) {
        let place = tree.place.clone();
        self.names = self.names.saturating_add(tree.len());
        if let Some(before) = self.trees.insert(place.clone(), Arc::new(tree)) {
            self.names = self.names.saturating_sub(before.len());
        } else {
            self.order.push_back(place);
        }
        while self.names > MOST_KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.drop_tree(&oldest);
        }
    }

    fn take(&mut self, place: &StorePath) -> Option<Arc<Tree>> {
        let tree = self.drop_tree(place)?;
        self.order.retain(|kept| kept != place);
        Some(tree)
    }

    fn drop_tree(&mut self, place: &StorePath) -> Option<Arc<Tree>> {
        let tree = self.trees.remove(place)?;
        self.names = self.names.saturating_sub(tree.len());
        Some(tree)
    }
}

impl Store for RemoteStore {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        if let Some((tree, way)) = self.kept_above(directory) {
            match tree.list(&way) {
                Known::Yes(entries) => return Ok(entries),
                Known::Absent => return Err(not_found(directory)),
                Known::Unknown => {}
            }
            return self.children(directory);
        }
        // What was given is likely to hold many checkpoints, what lies below it to be one.
        if *directory == self.url.place {
            return self.children(directory);
        }
        let (tree, _) = self.look(directory)?;
        let listed = tree.list("");
        self.kept().keep(tree);
        match listed {
            Known::Unknown => self.children(directory),
            listed => found(listed, directory),
        }
    }

    fn expect(&self, directories: &[StorePath]) {
        let known = |place: &&StorePath| self.kept_above(place).is_none();
        let wanted: Vec<StorePath> = directories.iter().filter(known).cloned().collect();
        // What fails here is asked for again, and fails there.
        let Ok(looks) = self.looks(&wanted) else {
            return;
        };
        for (tree, _) in looks.into_iter().flatten() {
            self.kept().keep(tree);
        }
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let known = paths.iter().map(|path| match self.kept_above(path) {
            Some((tree, way)) => tree.stat(&way),
            None => Known::Unknown,
        });
        let known: Vec<Known<Stat>> = known.collect();
        let asked = paths.iter().zip(&known);
        let asked = asked.filter(|(_, known)| **known == Known::Unknown);
        let asked: Vec<StorePath> = asked.map(|(path, _)| path.clone()).collect();
        let requests = asked
            .iter()
            .map(|path| Self::stat_one(Arc::clone(&self.client), path.clone(), false));
        let answers = match all(requests.collect()) {
            Ok(answers) => answers,
            Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
        };
        merged(known, answers)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let size = |want: &Want| {
            let (tree, way) = self.kept_above(&want.path)?;
            tree.file(&way).map(|object| object.size)
        };
        let wants: Vec<(Want, Option<u64>)> = wants
            .iter()
            .map(|want| (want.clone(), size(want)))
            .collect();
        let answers = self.fetch_all(&wants).into_iter();
        answers.map(|answer| answer.map(|got| got.bytes)).collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.url.locate(path)
    }

    fn hold(&self, directory: &StorePath) -> Option<Box<dyn Store>> {
        let kept = self.kept().take(directory);
        let seen = match kept {
            Some(tree) => Ok((tree, Vec::new())),
            None => self
                .look(directory)
                .map(|(tree, contents)| (Arc::new(tree), contents)),
        };
        Some(Box::new(Held::new(self.clone(), directory.clone(), seen)))
    }

    fn atomicity(&self) -> Atomicity {
        match self.url.scheme {
            // Source: orbax `_src/path/atomicity.py`: only where a path begins with `gs://`.
            Scheme::Gs => Atomicity::CommitFile,
            Scheme::S3 | Scheme::Az | Scheme::Http | Scheme::Hub => Atomicity::Rename,
        }
    }
}

/// A directory of a store as one listing showed it, with what was fetched of it.
struct Held {
    base: RemoteStore,
    place: StorePath,
    tree: Result<Arc<Tree>>,
    fetched: Mutex<HashMap<String, Bytes>>,
    /// Whether that was fetched which every read of a checkpoint wants.
    begun: AtomicBool,
    stale: AtomicBool,
}

impl Held {
    fn new(base: RemoteStore, place: StorePath, seen: Result<(Arc<Tree>, Contents)>) -> Self {
        let (tree, contents) = match seen {
            Ok((tree, contents)) => (Ok(tree), contents),
            Err(error) => (Err(error), Vec::new()),
        };
        Self {
            base,
            place,
            tree,
            fetched: Mutex::new(contents.into_iter().collect()),
            begun: AtomicBool::new(false),
            stale: AtomicBool::new(false),
        }
    }

    /// The way to a path in the directory, and the listing.
    fn inside<'p>(&self, path: &'p StorePath) -> Option<(&Arc<Tree>, &'p str)> {
        Some((self.tree.as_ref().ok()?, path.below(&self.place)?))
    }

    /// Whether the listing shows that nothing lies below a path.
    fn is_bare(&self, path: &StorePath) -> bool {
        let listed = self.inside(path).map(|(tree, way)| tree.list(way));
        listed == Some(Known::Absent)
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<String, Bytes>> {
        // As above.
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, path: &StorePath) -> Known<Stat> {
        match self.inside(path) {
            Some((tree, way)) => tree.stat(way),
            None => Known::Unknown,
        }
    }

    /// What is fetched whole with some files that are wanted: the whole of a file whose part is wanted
    /// only if it is small enough to hold an index.
    fn along(&self, wanted: &[&str]) -> Vec<(Want, Option<u64>)> {
        let Ok(tree) = &self.tree else {
            return Vec::new();
        };
        let mut files: Vec<String> = wanted
            .iter()
            .flat_map(|file| plan::along(tree, file))
            .collect();
        if !self.begun.swap(true, Ordering::Relaxed) {
            files.extend(plan::first(tree));
        }
        let memory = self.memory();
        let mut seen: HashSet<&str> = wanted.iter().copied().collect();
        let limit = Limits::default().max_document_bytes;
        let mut along = Vec::new();
        for file in &files {
            let Some(object) = tree.file(file) else {
                continue;
            };
            if memory.contains_key(file) || !seen.insert(file) || object.size > limit {
                continue;
            }
            if let Ok(path) = self.place.join(file) {
                along.push((Want::whole(path, limit), Some(object.size)));
            }
        }
        along
    }

    /// Takes in what came, unless it is not what was listed.
    fn keep(&self, want: &Want, got: Result<Got>) -> Result<Bytes> {
        let Some((tree, way)) = self.inside(&want.path) else {
            return got.map(|got| got.bytes);
        };
        let listed = tree.file(way);
        let changed = || {
            self.stale.store(true, Ordering::Relaxed);
            let fault = StoreFault::Changed;
            fault::told(fault, "", self.base.url.scheme).in_file(&want.path)
        };
        match got {
            Ok(got) => {
                // The hub names versions otherwise in answers than in listings.
                let tells = self.base.url.scheme != Scheme::Hub;
                if tells && listed.is_some_and(|listed| listed.differs(&got.object)) {
                    return Err(changed());
                }
                if want.span == Span::Whole {
                    self.memory().insert(way.to_owned(), got.bytes.clone());
                }
                Ok(got.bytes)
            }
            Err(error) if error.kind() == ErrorKind::NotFound && listed.is_some() => Err(changed()),
            Err(error) => Err(error),
        }
    }

    /// The answer to a want without a request, if there is one.
    fn answer(&self, want: &Want) -> Option<Result<Bytes>> {
        let (tree, way) = self.inside(&want.path)?;
        if let Some(bytes) = self.memory().get(way) {
            return Some(part(want, bytes));
        }
        match tree.stat(way) {
            Known::Absent => Some(Err(not_found(&want.path))),
            Known::Yes(stat) if stat.kind == EntryKind::Directory => {
                Some(Err(want.is_a_directory()))
            }
            // Refused before anything is asked for.
            Known::Yes(stat) => want.within(stat.size).err().map(Err),
            Known::Unknown => None,
        }
    }

    /// Files of processes, where they must be guessed.
    fn guessed_processes(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for begin in (0_usize..).step_by(PROCESSES) {
            let numbers = begin..begin.saturating_add(PROCESSES);
            let files = numbers.map(|number| format!("{}{number}", names::ARRAY_METADATAS_PREFIX));
            let files: Vec<String> = files.collect();
            let paths = files.iter().map(|file| directory.join(file));
            let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
            let heads = paths.into_iter().map(|path| {
                let client = Arc::clone(&self.base.client);
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
        if let Err(error) = &self.tree
            && directory.below(&self.place).is_some()
        {
            return Err(error.clone());
        }
        let Some((tree, way)) = self.inside(directory) else {
            return self.base.list(directory);
        };
        match tree.list(way) {
            Known::Unknown => self.base.children(directory),
            Known::Absent if tree.is_asked() && directory.name() == names::ARRAY_METADATAS => {
                self.guessed_processes(directory)
            }
            listed => found(listed, directory),
        }
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let known: Vec<Known<Stat>> = paths.iter().map(|path| self.known(path)).collect();
        let asked = paths.iter().zip(&known);
        let asked = asked.filter(|(_, known)| **known == Known::Unknown);
        let asked: Vec<StorePath> = asked.map(|(path, _)| path.clone()).collect();
        if asked.is_empty() {
            return merged(known, Vec::new());
        }
        // There is a round to wait for: what every read wants comes with it.
        let along = self.along(&[]);
        let client = &self.base.client;
        let stats = asked.iter().map(|path| {
            RemoteStore::stat_one(Arc::clone(client), path.clone(), self.is_bare(path))
        });
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
                    // What failed is asked for again if it is wanted.
                    drop(self.keep(want, got));
                }
                answers
            }
            Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
        };
        merged(known, answers)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let known: Vec<Option<Result<Bytes>>> =
            wants.iter().map(|want| self.answer(want)).collect();
        let asked = wants.iter().zip(&known);
        let asked: Vec<&Want> = asked
            .filter(|(_, known)| known.is_none())
            .map(|(want, _)| want)
            .collect();
        if asked.is_empty() {
            return known.into_iter().flatten().collect();
        }
        let ways: Vec<&str> = asked
            .iter()
            .filter_map(|want| self.inside(&want.path).map(|(_, way)| way))
            .collect();
        let size = |want: &Want| {
            let (tree, way) = self.inside(&want.path)?;
            tree.file(way).map(|object| object.size)
        };
        let mut requests: Vec<(Want, Option<u64>)> = asked
            .iter()
            .map(|want| ((*want).clone(), size(want)))
            .collect();
        let own = requests.len();
        requests.extend(self.along(&ways));
        let answers = self.base.fetch_all(&requests);
        let mut kept = Vec::with_capacity(own);
        for (place, ((want, _), got)) in requests.iter().zip(answers).enumerate() {
            let answer = self.keep(want, got);
            if place < own {
                kept.push(answer);
            }
        }
        let mut kept = kept.into_iter();
        let unanswered = || Err(Error::new(ErrorKind::Store, "the store did not answer"));
        let answers = known.into_iter();
        answers
            .map(|known| known.unwrap_or_else(|| kept.next().unwrap_or_else(unanswered)))
            .collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.base.locate(path)
    }

    fn shows_all(&self, directory: &StorePath) -> bool {
        let inside = self.inside(directory);
        inside.is_none_or(|(tree, _)| !tree.is_asked())
    }

    fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    fn atomicity(&self) -> Atomicity {
        self.base.atomicity()
    }
}

/// Makes requests side by side, and waits for all answers.
fn all<T, F>(requests: Vec<F>) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    Process::own()?.runtime.wait(join_all(requests))
}

/// A listing, or the refusal of a path where nothing lies.
fn found(listed: Known<Vec<Entry>>, directory: &StorePath) -> Result<Vec<Entry>> {
    match listed {
        Known::Yes(entries) => Ok(entries),
        Known::Absent | Known::Unknown => Err(not_found(directory)),
    }
}

/// The refusal of a directory that cannot be listed, and in which no checkpoint lies: there may be some
/// below it, or other files.
fn nothing_guessed(directory: &StorePath) -> Error {
    let reason = "no checkpoint lies there, and what else does cannot be listed: give the URL of a \
                  checkpoint, not of a directory of them";
    Error::new(ErrorKind::NotFound, reason).in_file(directory)
}

/// What was known, and the answers to what was not, in order.
fn merged(
    known: Vec<Known<Stat>>,
    answers: Vec<Result<Option<Stat>>>,
) -> Vec<Result<Option<Stat>>> {
    let mut answers = answers.into_iter();
    let known = known.into_iter();
    known
        .map(|known| match known {
            Known::Yes(stat) => Ok(Some(stat)),
            Known::Absent => Ok(None),
            Known::Unknown => answers.next().unwrap_or(Ok(None)),
        })
        .collect()
}

/// The part of a file that is wanted, all of which is at hand.
fn part(want: &Want, bytes: &Bytes) -> Result<Bytes> {
    let range = want.within(bytes.len() as u64)?;
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    // `within` checked that the end is no later than the end of the content.
    Ok(bytes.slice(place(range.start)..place(range.end)))
}

/// Whether a name is one that Orbax gives to files, so that no directory has it.
fn is_document(name: &str) -> bool {
    names::is_document(name) || names::is_array_document(name)
}

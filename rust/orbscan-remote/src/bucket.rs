//! A bucket, a server or a repository, with many requests at once.

use std::future::Future;
use std::sync::Arc;

use futures::future::{join, join_all};
use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::interrupt;
use orbscan_core::orbax::names;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Entry, Stat, Want, not_found};

use crate::client::Client;
use crate::plan::{self, Aim};
use crate::probe::{self, Contents};
use crate::process::Process;
use crate::ranges::{self, Request};
use crate::runtime::Begun;
use crate::tree::{Child, DIRECTORY, Known, Object, Tree};
use crate::url::{Scheme, Url};
use crate::warmth::Warmth;
use crate::wire::{self, Got};

/// A store and its client.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The URL that led to it.
    pub url: Arc<Url>,
    /// The client that makes the requests.
    pub client: Arc<Client>,
}

/// Bytes of a file that is fetched before it is known to exist.
const GUESSED: u64 = 1 << 20;

/// What a listing of a directory shows, and the files that were fetched with it.
pub type Look = Result<(Tree, Contents)>;

/// The content of a directory.
#[derive(Debug)]
pub enum Children {
    /// From a listing.
    Listed(Vec<Child>),
    /// From guesses.
    Guessed(Tree),
}

impl Bucket {
    /// What lies below a directory, from a listing, or from guesses if there are no listings.
    ///
    /// # Errors
    /// As [`Client::tree`], and as [`probe::probe`].
    pub fn look(&self, place: &StorePath) -> Result<(Tree, Contents)> {
        let mut looks = self.looks(std::slice::from_ref(place))?;
        looks.pop().unwrap_or_else(|| Err(not_found(place)))
    }

    /// As [`Bucket::look`], for a directory that is about to be read. If connections have to be
    /// opened, files that are likely to lie there are requested beside the listing. They are never
    /// waited for unless it shows them, and what fails is fetched again if it is needed.
    ///
    /// # Errors
    /// As [`Bucket::look`].
    pub fn first_look(&self, place: &StorePath, aim: &Aim) -> Look {
        let (client, place) = (Arc::clone(&self.client), place.clone());
        let guesses = self.guesses(&place, aim);
        let scheme = self.url.scheme;
        Process::own()?.runtime.wait(async move {
            let guesses = guesses.into_iter().map(|(file, path)| {
                let client = Arc::clone(&client);
                let task = tokio::spawn(async move { client.guess(&path, GUESSED).await });
                (file, task)
            });
            let guesses: Vec<_> = guesses.collect();
            let (tree, mut contents) = looked(&client, &place).await?;
            for (file, task) in guesses {
                // The task of another goes on, so that its connection stays open.
                let Some(listed) = tree.file(&file).filter(|_| !tree.is_asked()) else {
                    continue;
                };
                if let Ok(Some(got)) = task.await
                    && is_listed(listed, &got, scheme)
                {
                    contents.files.push((file, got.bytes));
                }
            }
            Ok((tree, contents))
        })?
    }

    /// The files to request beside the first listing of a directory: none if connections are open,
    /// or if the requests would wait for each other.
    fn guesses(&self, place: &StorePath, aim: &Aim) -> Vec<(String, StorePath)> {
        let guesses = plan::guesses(aim);
        let connections = guesses.len().saturating_add(1);
        let is_cold = |warmth: &Warmth| warmth.lacks(connections);
        let fit = !guesses.is_empty() && connections <= self.client.gate.seats();
        if !fit || !self.client.warmth.as_ref().is_some_and(is_cold) {
            return Vec::new();
        }
        let placed = guesses.into_iter().map(|file| (place.join(&file), file));
        placed
            .filter_map(|(path, file)| Some((file, path.ok()?)))
            .collect()
    }

    /// As [`Bucket::look`], for several directories at once.
    ///
    /// # Errors
    /// `Store` if the wait was interrupted.
    pub fn looks(&self, places: &[StorePath]) -> Result<Vec<Look>> {
        Ok(self.looks_and_files(places, &[])?.0)
    }

    /// As [`Bucket::looks`], and fetches small files that are likely to exist.
    ///
    /// # Errors
    /// `Store` if the wait was interrupted.
    pub fn looks_and_files(
        &self,
        places: &[StorePath],
        files: &[StorePath],
    ) -> Result<(Vec<Look>, Vec<Result<Got>>)> {
        if places.is_empty() && files.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let looks = places.iter().map(|place| {
            let (client, place) = (Arc::clone(&self.client), place.clone());
            async move { looked(&client, &place).await }
        });
        let looks = join_all(looks.collect::<Vec<_>>());
        let files = files.iter().map(|file| {
            let (client, want) = (Arc::clone(&self.client), Want::whole(file.clone(), GUESSED));
            async move { client.file(&want, None).await }
        });
        let files = join_all(files.collect::<Vec<_>>());
        Process::own()?.runtime.wait(join(looks, files))
    }

    /// Further pages of a truncated listing, up to a maximum, until it covers all of some
    /// directories.
    ///
    /// # Errors
    /// `Store` if the wait was interrupted, or the store failed.
    pub fn further(&self, tree: &Tree, directories: &[String], pages: usize) -> Result<Tree> {
        let (client, directories) = (Arc::clone(&self.client), directories.to_vec());
        let mut tree = tree.clone();
        let asked = async move {
            for _ in 0..pages {
                let is_told = |directory: &String| tree.knows_children(directory);
                if directories.iter().all(is_told) || !client.next_page(&mut tree).await? {
                    break;
                }
            }
            Ok(tree)
        };
        Process::own()?.runtime.wait(asked)?
    }

    /// The children of a directory; if it cannot be listed, a tree of guesses instead.
    ///
    /// # Errors
    /// As [`Client::children`].
    pub fn children(&self, directory: &StorePath) -> Result<Children> {
        let (client, place) = (Arc::clone(&self.client), directory.clone());
        let asked = all(vec![async move { client.children(&place).await }])?;
        let listed = asked.into_iter().next();
        match listed.unwrap_or_else(|| Err(not_found(directory))) {
            Err(error) if wire::is_unlistable(&error) => {
                let (tree, _) = self.look(directory)?;
                if tree.is_empty() {
                    return Err(nothing_guessed(directory));
                }
                Ok(Children::Guessed(tree))
            }
            listed => listed.map(Children::Listed),
        }
    }

    /// What lies at a path about which nothing is known, or only that no file lies below it.
    ///
    /// # Errors
    /// `Store`.
    pub async fn stat_one(
        client: Arc<Client>,
        path: StorePath,
        is_bare: bool,
    ) -> Result<Option<Stat>> {
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

    /// An answer to each request; sizes are known from a listing.
    pub fn fetch_all(&self, wants: &[(Want, Option<u64>)]) -> Vec<Result<Got>> {
        if wants.is_empty() {
            return Vec::new();
        }
        match self.begin(wants) {
            Ok(begun) => begun.answers(wants),
            Err(error) => wants.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Starts to fetch what is wanted next.
    ///
    /// # Errors
    /// `Store` if the system refuses to start threads, or nobody waits any more.
    pub fn begin(&self, wants: &[(Want, Option<u64>)]) -> Result<Fetching> {
        interrupt::ended()?;
        let merged = ranges::merged(wants);
        let requests = merged.iter().map(|request| {
            let client = Arc::clone(&self.client);
            let (want, size) = (request.want.clone(), request.size);
            async move { client.file(&want, size).await }
        });
        let requests = join_all(requests.collect::<Vec<_>>());
        let begun = Process::own()?.runtime.begin(requests);
        Ok(Fetching { merged, begun })
    }
}

/// Files and ranges that are being fetched.
#[derive(Debug)]
pub struct Fetching {
    merged: Vec<Request>,
    begun: Begun<Vec<Result<Got>>>,
}

impl Fetching {
    /// The answers to the requests with which it was started.
    pub fn answers(self, wants: &[(Want, Option<u64>)]) -> Vec<Result<Got>> {
        match self.begun.wait() {
            Ok(answers) => ranges::parted(wants, &self.merged, answers),
            Err(error) => wants.iter().map(|_| Err(error.clone())).collect(),
        }
    }
}

/// What a listing of a directory shows, or guesses if there are no listings.
async fn looked(client: &Arc<Client>, place: &StorePath) -> Look {
    match client.tree(place).await {
        Ok(tree) => Ok((completed(client, tree).await, Contents::default())),
        Err(error) if wire::is_unlistable(&error) => probe::probe(client, place).await,
        Err(error) => Err(error),
    }
}

/// Whether a file that was fetched beside a listing is the one that it shows.
fn is_listed(listed: &Object, got: &Got, scheme: Scheme) -> bool {
    let (size, times) = (
        got.bytes.len() as u64,
        (listed.modified_nsecs, got.object.modified_nsecs),
    );
    let is_other_time = matches!(times, (Some(listed), Some(got)) if listed != got);
    // The hub spells versions differently in answers and in listings, which have no times.
    let is_same = scheme == Scheme::Hub || !(listed.differs(&got.object) || is_other_time);
    listed.size == size && is_same
}

/// Completes a truncated listing with what a read of a checkpoint needs next: everything else in
/// its directory, and, in the directory of the pytree in which it was truncated, the data files of
/// the database, whose names cannot be guessed. All other files of a pytree have known names, or
/// come before them.
async fn completed(client: &Client, mut tree: Tree) -> Tree {
    let Some(last) = tree.last() else {
        return tree;
    };
    let item = match (tree.file(names::TREE_METADATA), last.split_once('/')) {
        (Some(_), _) => Some(String::new()),
        (None, Some((item, _))) => Some(format!("{item}/")),
        (None, None) => None,
    };
    let is_pytree = |item: &String| {
        let has = |name: &str| tree.stat(&format!("{item}{name}"));
        matches!(has(names::TREE_METADATA), Known::Yes(_))
            && has(names::DATABASE_FILES) == Known::Unknown
    };
    let item = item.filter(is_pytree);
    let files = item.map(|item| tree.place.join(&format!("{item}{}", names::DATABASE_FILES)));
    let top = client.children(&tree.place);
    let (top, files) = match files {
        Some(Ok(files)) => {
            let (top, files) = join(top, client.tree(&files)).await;
            (top, files.ok())
        }
        _ => (top.await, None),
    };
    // The code that needs what failed here requests it again, and gets the error.
    if let Ok(children) = top {
        tree.add_children("", children);
    }
    if let Some(files) = files {
        tree.add_below(files);
    }
    tree
}

/// Makes requests concurrently, and waits for all answers.
///
/// # Errors
/// `Store` if the wait was interrupted.
pub fn all<T, F>(requests: Vec<F>) -> Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    if requests.is_empty() {
        return Ok(Vec::new());
    }
    Process::own()?.runtime.wait(join_all(requests))
}

/// A listing, or the error for a path where nothing lies.
///
/// # Errors
/// `NotFound`.
pub fn found(listed: Known<Vec<Entry>>, directory: &StorePath) -> Result<Vec<Entry>> {
    match listed {
        Known::Yes(entries) => Ok(entries),
        Known::Absent | Known::Unknown => Err(not_found(directory)),
    }
}

/// The error for a directory that cannot be listed and that is not a checkpoint: there may be some
/// below it, or other files.
fn nothing_guessed(directory: &StorePath) -> Error {
    let reason = "no checkpoint lies there, and what else does cannot be listed: give the URL of a \
                  checkpoint, not of a directory of them";
    Error::new(ErrorKind::NotFound, reason).in_file(directory)
}

/// The known answers and those to the requests, in order.
pub fn merged(
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

/// Whether a name is one that Orbax gives to files, so that it is not a directory.
fn is_document(name: &str) -> bool {
    names::is_document(name) || names::is_array_document(name)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_was_fetched_beside_a_listing_is_what_it_shows() {
        let object = |size, version, modified_nsecs| Object {
            size,
            version,
            modified_nsecs,
        };
        let got = |object| Got {
            bytes: Bytes::from_static(b"{}"),
            object,
        };
        let listed = object(2, 1, Some(5));
        let same = [
            object(2, 1, Some(5)),
            object(2, 0, Some(5)),
            object(2, 1, None),
        ];
        for object in same {
            assert!(is_listed(&listed, &got(object), Scheme::Gs), "{object:?}");
        }
        let others = [object(2, 2, Some(5)), object(2, 0, Some(6))];
        for object in others {
            assert!(!is_listed(&listed, &got(object), Scheme::Gs), "{object:?}");
            assert!(is_listed(&listed, &got(object), Scheme::Hub), "{object:?}");
        }
        let longer = object(3, 1, Some(5));
        assert!(!is_listed(&longer, &got(listed), Scheme::Hub));
    }
}

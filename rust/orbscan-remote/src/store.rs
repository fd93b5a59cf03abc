//! A bucket, a server or a repository as the core sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use orbscan_core::error::Result;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Entry, Interest, Stat, Store, Want, not_found};

use crate::bucket::{Bucket, Children, all, found, merged};
use crate::choice::Choice;
use crate::client::Client;
use crate::held::Held;
use crate::kept::Kept;
use crate::probe::Contents;
use crate::process::Process;
use crate::tree::{Child, Known};
use crate::url::{Scheme, Url};

/// A store that is not a disk.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    bucket: Bucket,
    kept: Arc<Mutex<Kept>>,
}

impl RemoteStore {
    /// The store that a URL leads to, and where in it.
    ///
    /// # Errors
    /// As [`Url::parse`]; `Unsupported` for an option that the store does not have; `Store` if no client
    /// can be made for it. All name the URL.
    pub fn open(text: &str, choice: &Choice) -> Result<(Self, StorePath)> {
        let url = Url::parse(text)?;
        let client = Process::own().and_then(|process| process.client(&url, choice));
        let client = client.map_err(|error| error.in_file(&url.locate(&url.place)))?;
        Ok(Self::new(url, client))
    }

    fn new(url: Url, client: Arc<Client>) -> (Self, StorePath) {
        let place = url.place.clone();
        let store = Self {
            bucket: Bucket {
                url: Arc::new(url),
                client,
            },
            kept: Arc::default(),
        };
        (store, place)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing panics while it holds the lock, so a poisoned one is as good as any.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The children of a directory, where no listing that is kept tells them.
    fn children(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        match self.bucket.children(directory)? {
            Children::Listed(children) => Ok(children.into_iter().map(Child::entry).collect()),
            Children::Guessed(tree) => {
                let listed = tree.list("");
                self.kept().keep(tree, Contents::default());
                found(listed, directory)
            }
        }
    }
}

impl Store for RemoteStore {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        // Apart from the condition, or the lock would be held below.
        let above = self.kept().above(directory);
        if let Some((tree, way)) = above {
            match tree.list(&way) {
                Known::Yes(entries) => return Ok(entries),
                Known::Absent => return Err(not_found(directory)),
                Known::Unknown => {}
            }
            return self.children(directory);
        }
        // What was given is likely to hold many checkpoints, what lies below it to be one.
        if *directory == self.bucket.url.place {
            return self.children(directory);
        }
        let (tree, contents) = self.bucket.look(directory)?;
        let listed = tree.list("");
        self.kept().keep(tree, contents);
        match listed {
            Known::Unknown => self.children(directory),
            listed => found(listed, directory),
        }
    }

    fn expect(&self, directories: &[StorePath]) {
        let known = |place: &&StorePath| self.kept().above(place).is_none();
        let wanted: Vec<StorePath> = directories.iter().filter(known).cloned().collect();
        // What fails here is asked for again, and fails there.
        let Ok(looks) = self.bucket.looks(&wanted) else {
            return;
        };
        for (tree, contents) in looks.into_iter().flatten() {
            self.kept().keep(tree, contents);
        }
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let known = paths.iter().map(|path| match self.kept().above(path) {
            Some((tree, way)) => tree.stat(&way),
            None => Known::Unknown,
        });
        let known: Vec<Known<Stat>> = known.collect();
        let asked = paths.iter().zip(&known);
        let asked = asked.filter(|(_, known)| **known == Known::Unknown);
        let asked: Vec<StorePath> = asked.map(|(path, _)| path.clone()).collect();
        let requests = asked
            .iter()
            .map(|path| Bucket::stat_one(Arc::clone(&self.bucket.client), path.clone(), false));
        let answers = match all(requests.collect()) {
            Ok(answers) => answers,
            Err(error) => asked.iter().map(|_| Err(error.clone())).collect(),
        };
        merged(known, answers)
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        let size = |want: &Want| {
            let (tree, way) = self.kept().above(&want.path)?;
            tree.file(&way).map(|object| object.size)
        };
        let wants: Vec<(Want, Option<u64>)> = wants
            .iter()
            .map(|want| (want.clone(), size(want)))
            .collect();
        let answers = self.bucket.fetch_all(&wants).into_iter();
        answers.map(|answer| answer.map(|got| got.bytes)).collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.bucket.url.locate(path)
    }

    fn hold(&self, directory: &StorePath, interest: Interest<'_>) -> Option<Box<dyn Store>> {
        let kept = self.kept().take(directory);
        let seen = match kept {
            Some(seen) => Ok(seen),
            None => self
                .bucket
                .look(directory)
                .map(|(tree, contents)| (Arc::new(tree), contents)),
        };
        let around = Box::new(self.clone());
        let bucket = self.bucket.clone();
        let aim = interest.into();
        let held = Held::new(bucket, around, directory.clone(), aim, seen);
        Some(Box::new(held))
    }

    fn atomicity(&self) -> Atomicity {
        match self.bucket.url.scheme {
            // Source: orbax `_src/path/atomicity.py`: only where a path begins with `gs://`.
            Scheme::Gs => Atomicity::CommitFile,
            Scheme::S3 | Scheme::Az | Scheme::Http | Scheme::Hub => Atomicity::Rename,
        }
    }
}

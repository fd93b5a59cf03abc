//! A bucket, a server or a repository as a store of the core.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use orbscan_core::error::Result;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Entry, Interest, Span, Stat, Store, Want, not_found};

use crate::bucket::{Bucket, Children, all, found, merged};
use crate::choice::Choice;
use crate::client::Client;
use crate::held::Held;
use crate::kept::Kept;
use crate::probe::Contents;
use crate::process::Process;
use crate::tree::{Child, Known};
use crate::url::{Scheme, Url};
use crate::wire::unanswered;

/// A store that is not a disk.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    bucket: Bucket,
    kept: Arc<Mutex<Kept>>,
}

impl RemoteStore {
    /// The store of a URL, and the path in it.
    ///
    /// # Errors
    /// As [`Url::parse`]; `Unsupported` for an option that the store does not have; `Store` if no
    /// client can be created for it. All name the URL.
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
        // Nothing panics while it holds the lock, so a poisoned one is still valid.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that was fetched with the listing that shows it.
    fn kept_whole(&self, want: &Want) -> Option<Bytes> {
        let bytes = self.kept().file(&want.path)?;
        let is_wanted = want.span == Span::Whole && bytes.len() as u64 <= want.max_bytes;
        is_wanted.then_some(bytes)
    }

    /// The children of a directory, if they are in no listing that is kept.
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
        // Not in the condition itself, which would hold the lock below.
        let above = self.kept().above(directory);
        if let Some((tree, way)) = above {
            match tree.list(&way) {
                Known::Yes(entries) => return Ok(entries),
                Known::Absent => return Err(not_found(directory)),
                Known::Unknown => {}
            }
            return self.children(directory);
        }
        // The given directory is likely to hold many checkpoints, one below it to be a checkpoint.
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

    fn expect(&self, directories: &[StorePath], files: &[StorePath]) {
        let unknown = |paths: &[StorePath]| -> Vec<StorePath> {
            let unknown = |path: &&StorePath| self.kept().above(path).is_none();
            paths.iter().filter(unknown).cloned().collect()
        };
        let wanted = unknown(directories);
        let mut guessed = unknown(files);
        // If not all are requested at once, a missing file takes as long as an existing one.
        if wanted.len().saturating_add(guessed.len()) > self.bucket.client.gate.seats() {
            guessed.clear();
        }
        // What fails here is requested again, and fails there.
        let Ok((looks, found)) = self.bucket.looks_and_files(&wanted, &guessed) else {
            return;
        };
        let mut kept = self.kept();
        for (tree, contents) in looks.into_iter().flatten() {
            kept.keep(tree, contents);
        }
        for (path, got) in guessed.iter().zip(found) {
            if let Ok(got) = got {
                kept.keep_file(path, got);
            }
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
        let known: Vec<Option<Bytes>> = wants.iter().map(|want| self.kept_whole(want)).collect();
        let size = |want: &Want| {
            let (tree, way) = self.kept().above(&want.path)?;
            tree.file(&way).map(|object| object.size)
        };
        let asked = wants.iter().zip(&known);
        let asked = asked.filter(|(_, known)| known.is_none());
        let asked: Vec<(Want, Option<u64>)> =
            asked.map(|(want, _)| (want.clone(), size(want))).collect();
        let mut answers = self.bucket.fetch_all(&asked).into_iter();
        let known = known.into_iter();
        known
            .map(|known| match known {
                Some(bytes) => Ok(bytes),
                None => answers
                    .next()
                    .map_or_else(unanswered, |answer| answer.map(|got| got.bytes)),
            })
            .collect()
    }

    fn locate(&self, path: &StorePath) -> String {
        self.bucket.url.locate(path)
    }

    fn hold(&self, directory: &StorePath, interest: Interest<'_>) -> Option<Box<dyn Store>> {
        let aim = interest.into();
        let kept = self.kept().take(directory);
        let seen = match kept {
            Some(seen) => Ok(seen),
            None => self
                .bucket
                .first_look(directory, &aim)
                .map(|(tree, contents)| (Arc::new(tree), contents)),
        };
        let around = Box::new(self.clone());
        let bucket = self.bucket.clone();
        let held = Held::new(bucket, around, directory.clone(), aim, seen);
        Some(Box::new(held))
    }

    fn atomicity(&self) -> Atomicity {
        match self.bucket.url.scheme {
            // Source: orbax `_src/path/atomicity.py`: only for a path that begins with `gs://`.
            Scheme::Gs => Atomicity::CommitFile,
            Scheme::S3 | Scheme::Az | Scheme::Http | Scheme::Hub => Atomicity::Rename,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use orbscan_core::scan::{self, Options as ScanOptions, Poll, Root};

    use super::*;
    use crate::gate::Gate;
    use crate::options::Options;

    /// Files of a checkpoint whose pytree is empty.
    const FILES: [(&str, &str); 4] = [
        ("_CHECKPOINT_METADATA", r#"{"init_timestamp_nsecs": 1}"#),
        ("orbax.checkpoint", "."),
        ("state/_METADATA", r#"{"tree_metadata": {}}"#),
        ("state/array_metadatas/process_0", "{}"),
    ];

    /// A bucket in memory with this many checkpoints in `run`.
    fn store(checkpoints: usize) -> (RemoteStore, StorePath) {
        let held = Arc::new(InMemory::new());
        let filled = Arc::clone(&held);
        let fill = async move {
            for number in 0..checkpoints {
                for (name, text) in FILES {
                    let key = Path::from(format!("run/{number}/{name}"));
                    filled.put(&key, text.into()).await.unwrap();
                }
            }
        };
        let process = Process::own().unwrap();
        process.runtime.wait(fill).unwrap();
        let client = Client {
            store: held,
            scheme: Scheme::S3,
            gate: Arc::new(Gate::new(Options::default().limits().unwrap())),
            hub: None,
            standing: Arc::default(),
            warmth: None,
        };
        RemoteStore::new(Url::parse("s3://bucket/run").unwrap(), Arc::new(client))
    }

    #[test]
    fn a_scan_keeps_no_more_listings_than_threads_read() {
        let (store, path) = store(1_000);
        let threads = 4;
        let root = Root {
            text: "s3://bucket/run".to_owned(),
            place: Ok((Arc::new(store.clone()), path)),
        };
        let options = ScanOptions {
            threads,
            ..ScanOptions::default()
        };
        let mut scan = scan::scan(vec![root], options);
        let (mut found, mut most) = (0, 0);
        loop {
            match scan.poll(std::time::Duration::from_secs(60)) {
                Poll::Entry(_) => found += 1,
                Poll::Waiting => {}
                Poll::End => break,
            }
            most = most.max(store.kept().names());
        }
        assert_eq!(found, 1_000);
        assert!(most <= threads * FILES.len(), "{most}");
        assert_eq!(store.kept().names(), 0);
    }

    #[test]
    fn files_that_are_expected_are_fetched_with_the_listings_that_show_them() {
        let (store, run) = store(3);
        let path = |text: &str| run.join(text).unwrap();
        let files = [path("0/_CHECKPOINT_METADATA"), path("1/nothing")];
        store.expect(&[path("0"), path("1")], &files);
        let kept = files.map(|file| store.kept().file(&file).is_some());
        assert_eq!(kept, [true, false]);
        let want = Want::whole(path("0/_CHECKPOINT_METADATA"), 1 << 20);
        assert_eq!(store.fetch_one(want).unwrap(), FILES[0].1.as_bytes());
        assert_eq!(store.list(&path("1")).unwrap().len(), 3);
    }
}

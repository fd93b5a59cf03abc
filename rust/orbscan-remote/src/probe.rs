//! A tree of guesses, if nothing can be listed: web servers have no listings that programs can
//! read, and some keys make a bucket's listing fail.
//!
//! The default names of pytrees in Orbax are requested at once; other names are recorded in
//! `_CHECKPOINT_METADATA`, and are requested next.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{join, join_all};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault, Subject};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::checkpoint_metadata::{self, ItemHandlers};
use orbscan_core::orbax::names;
use orbscan_core::path::StorePath;
use orbscan_core::store::{Stat, Want};

use crate::client::Client;
use crate::tree::{Object, Reach, Tree};

/// Names of pytrees that are guessed.
const GUESSED: [&str; 3] = [names::STATE, names::PYTREE, names::DEFAULT];

/// The documents of a pytree.
const OF_PYTREE: [&str; 3] = [names::TREE_METADATA, names::SHARDING, names::MANIFEST];

/// Items that are requested by their recorded names.
const MOST_ITEMS: usize = 64;

/// The files that were fetched together with a listing.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Files in the directory, and their content.
    pub files: Vec<(String, Bytes)>,
    /// A path outside of it, and what lies there.
    pub outside: Option<(StorePath, Option<Stat>)>,
}

/// What is known after everything that can be guessed was requested.
#[derive(Default)]
struct Probed {
    found: Vec<(String, Object)>,
    contents: Contents,
    absent: BTreeSet<String>,
}

/// Guesses what lies in a directory.
///
/// # Errors
/// `Store` if the store refuses everything, or fails.
pub async fn probe(client: &Arc<Client>, place: &StorePath) -> Result<(Tree, Contents)> {
    let mut probed = Probed::default();
    let mut first = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::TREE_METADATA,
    ]
    .map(str::to_owned)
    .to_vec();
    first.extend(GUESSED.iter().flat_map(|item| of_pytree(item)));
    probed.ask(client, place, first).await?;
    let mut second = Vec::new();
    // Whether a directory is a part of a checkpoint shows beside it.
    let parent = place.parent().filter(|_| {
        let is_marked = probed.has(names::V1_MARKER);
        !is_marked && !probed.found.is_empty()
    });
    let above = parent.and_then(|parent| parent.join(names::CHECKPOINT_METADATA).ok());
    if probed.has(names::TREE_METADATA) {
        second.extend([names::SHARDING, names::MANIFEST].map(str::to_owned));
    }
    for item in probed.recorded() {
        if !GUESSED.contains(&item.as_str()) {
            second.extend(of_pytree(&item));
        }
        if !probed.has(&format!("{item}/{}", names::TREE_METADATA)) {
            let documents = [names::JSON, names::V1_JSON];
            second.extend(documents.iter().map(|name| format!("{item}/{name}")));
        }
    }
    let heads = above.iter().map(|path| client.head(path));
    let (asked, heads) = join(probed.ask(client, place, second), join_all(heads)).await;
    asked?;
    let outside = above.into_iter().zip(heads);
    // The code that needs what failed here requests it again, and gets the error.
    let mut outside = outside.filter_map(|(path, head)| Some((path, head.ok()?)));
    let outside = outside.next();
    probed.contents.outside = outside.map(|(path, head)| (path, head.map(|head| head.stat())));
    let reach = Reach::Asked(probed.absent);
    let tree = Tree::new(place.clone(), probed.found, reach);
    Ok((tree, probed.contents))
}

fn of_pytree(item: &str) -> Vec<String> {
    let documents = OF_PYTREE.iter();
    documents.map(|name| format!("{item}/{name}")).collect()
}

impl Probed {
    async fn ask(
        &mut self,
        client: &Arc<Client>,
        place: &StorePath,
        files: Vec<String>,
    ) -> Result<()> {
        let limit = Limits::default().max_document_bytes;
        let wants = files.iter().map(|file| place.join(file));
        let wants: Vec<StorePath> = wants.collect::<Result<_>>()?;
        let wants: Vec<Want> = wants
            .into_iter()
            .map(|path| Want::whole(path, limit))
            .collect();
        let answers = join_all(wants.iter().map(|want| client.file(want, None))).await;
        let mut refused = None;
        let mut answered = false;
        for (file, answer) in files.into_iter().zip(answers) {
            match answer {
                Ok(got) => {
                    answered = true;
                    self.found.push((
                        file.clone(),
                        Object {
                            size: got.bytes.len() as u64,
                            ..got.object
                        },
                    ));
                    self.contents.files.push((file, got.bytes));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    answered = true;
                    self.absent.insert(file);
                }
                // S3 gives this answer for a missing key to users who may not list.
                Err(error) if is_forbidden(&error) => {
                    self.absent.insert(file);
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if !answered => Err(error),
            _ => Ok(()),
        }
    }

    fn has(&self, file: &str) -> bool {
        self.found.iter().any(|(name, _)| name == file)
    }

    /// The names of the checkpointables that the checkpoint's own document records.
    fn recorded(&self) -> Vec<String> {
        let own = self.contents.files.iter();
        let mut own = own.filter(|(name, _)| name == names::CHECKPOINT_METADATA);
        let Some((_, bytes)) = own.next() else {
            return Vec::new();
        };
        let decoded = checkpoint_metadata::decode(bytes, &Limits::default(), &mut Vec::new());
        let Ok(metadata) = decoded else {
            return Vec::new();
        };
        let ItemHandlers::Named(items) = metadata.item_handlers else {
            return Vec::new();
        };
        let items = items.into_iter().map(|(name, _)| name);
        items
            .filter(|name| StorePath::new(name).is_ok())
            .take(MOST_ITEMS)
            .collect()
    }
}

fn is_forbidden(error: &Error) -> bool {
    error.subject() == Some(Subject::Store(StoreFault::Forbidden))
}

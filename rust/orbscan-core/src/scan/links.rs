//! Which links a walk follows: never in a circle, and not to where it comes by itself.

use std::sync::{Arc, OnceLock};

use super::place::{Base, Visit};
use crate::error::Result;
use crate::path::StorePath;
use crate::store::{Store, lies_within};

/// Links followed on one way at most. Each may lead to a directory with many more.
const MAX_LINKS_ON_THE_WAY: usize = 8;

/// The real places of the directories in which links were followed on the way to what is behind the
/// link at `path`, which lies in `directory`; `None` if they are too many, or go in a circle.
pub fn passed(
    store: &dyn Store,
    links: &[String],
    directory: &StorePath,
    path: &StorePath,
) -> Option<Arc<[String]>> {
    if links.len() >= MAX_LINKS_ON_THE_WAY {
        return None;
    }
    let to = store.resolve(path).ok()?;
    let mut links = links.to_vec();
    links.push(store.resolve(directory).ok()?);
    let circle = links.iter().any(|passed| lies_within(passed, &to));
    (!circle).then(|| links.into())
}

/// The places that are searched anyway.
pub struct Links {
    bases: Vec<Arc<Base>>,
    /// Where the bases really lie; found out when the first link is met.
    real: OnceLock<Vec<String>>,
}

impl Links {
    /// The links below these bases.
    pub fn new(bases: Vec<Arc<Base>>) -> Self {
        Self {
            bases,
            real: OnceLock::new(),
        }
    }

    /// What [`Visit::links`] is behind the link at `path`, which lies in `directory`; `None` if it is
    /// not to be followed.
    pub fn follow(&self, directory: &Visit, path: &StorePath) -> Option<Arc<[String]>> {
        let store = directory.base.store.as_ref();
        let links = passed(store, &directory.links, &directory.path, path)?;
        let to = store.resolve(path).ok()?;
        let searched = self.real.get_or_init(|| self.resolve());
        let anyway = searched.iter().any(|base| lies_within(&to, base));
        (!anyway).then_some(links)
    }

    fn resolve(&self) -> Vec<String> {
        let real = self.bases.iter().map(|base| base.store.resolve(&base.path));
        real.filter_map(Result::ok).collect()
    }
}

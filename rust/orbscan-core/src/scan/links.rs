//! Which links a walk follows: not in a circle, and not to places that it searches anyway.

use std::sync::{Arc, OnceLock};

use super::place::{Base, Visit};
use crate::error::Result;
use crate::path::StorePath;
use crate::store::{Store, lies_within};

/// The most links that are followed on the way to a directory. Each may lead to a directory with
/// many more.
const MAX_LINKS_ON_THE_WAY: usize = 8;

/// The real paths of the directories in which links were followed on the way to the target of the
/// link at `path`, which lies in `directory`; `None` if they are too many, or form a circle.
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
    /// The real paths of the bases; determined when the first link is found.
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

    /// What [`Visit::links`] is after the link at `path`, which lies in `directory`; `None` if the
    /// link is not to be followed.
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

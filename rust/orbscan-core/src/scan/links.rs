//! Which links a walk follows: never in a circle, and not to where it comes by itself. And what it leaves
//! to another walk, where one of the places that were given lies in another.

use std::collections::HashSet;
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

/// Those of the bases that are searched: a place that is given twice is searched once. `None` stands for
/// what could not be opened, and in the place of what was given before.
pub fn distinct(bases: Vec<Option<Arc<Base>>>) -> Vec<Option<Arc<Base>>> {
    if bases.len() < 2 {
        return bases;
    }
    let mut known = HashSet::new();
    let mut is_new = |base: &Arc<Base>| known.insert(base.place_of(&base.path));
    let bases = bases.into_iter();
    bases.map(|base| base.filter(&mut is_new)).collect()
}

/// The places that are searched anyway.
pub struct Links {
    bases: Vec<Arc<Base>>,
    /// The places of those bases that lie in another one.
    inner: HashSet<String>,
    /// Where the bases really lie; found out when the first link is met.
    real: OnceLock<Vec<String>>,
}

impl Links {
    /// The links below these bases.
    pub fn new(bases: Vec<Arc<Base>>) -> Self {
        Self {
            inner: inner(&bases),
            bases,
            real: OnceLock::new(),
        }
    }

    /// Whether what a walk comes upon was given by itself: it is told once, as below that.
    pub fn is_given(&self, base: &Base, path: &StorePath) -> bool {
        !self.inner.is_empty() && self.inner.contains(&base.place_of(path))
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

/// The places of those bases that lie in another one.
fn inner(bases: &[Arc<Base>]) -> HashSet<String> {
    if bases.len() < 2 {
        return HashSet::new();
    }
    let mut places: Vec<String> = bases.iter().map(|base| base.place_of(&base.path)).collect();
    // All that lies in a place follows it.
    places.sort_unstable_by(|a, b| a.split('/').cmp(b.split('/')));
    let mut inner = HashSet::new();
    let mut outer: Option<String> = None;
    for place in places {
        match &outer {
            Some(outer) if *outer != place && lies_within(&place, outer) => {
                inner.insert(place);
            }
            _ => outer = Some(place),
        }
    }
    inner
}

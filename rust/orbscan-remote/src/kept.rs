//! Listings that a walk has come upon, until what they list is read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use orbscan_core::path::StorePath;

use crate::probe::Contents;
use crate::tree::Tree;

/// Names of listings that are kept; the oldest listing goes first.
const MOST: usize = 200_000;

/// A listing, and what came with it.
pub type Seen = (Arc<Tree>, Contents);

/// Listings in the order in which they came.
#[derive(Debug, Default)]
pub struct Kept {
    trees: HashMap<StorePath, Seen>,
    order: VecDeque<StorePath>,
    names: usize,
}

impl Kept {
    /// Keeps a listing, in the place of a former one.
    pub fn keep(&mut self, tree: Tree, contents: Contents) {
        let place = tree.place.clone();
        self.names = self.names.saturating_add(tree.len());
        let seen = (Arc::new(tree), contents);
        if let Some((before, _)) = self.trees.insert(place.clone(), seen) {
            self.names = self.names.saturating_sub(before.len());
        } else {
            self.order.push_back(place);
        }
        while self.names > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.drop_tree(&oldest);
        }
    }

    /// Gives a listing away: whoever reads what it lists needs it last.
    pub fn take(&mut self, place: &StorePath) -> Option<Seen> {
        let seen = self.drop_tree(place)?;
        self.order.retain(|kept| kept != place);
        Some(seen)
    }

    fn drop_tree(&mut self, place: &StorePath) -> Option<Seen> {
        let seen = self.trees.remove(place)?;
        self.names = self.names.saturating_sub(seen.0.len());
        Some(seen)
    }

    /// The listing that a path lies in, if one is kept, and the way from its top.
    pub fn above(&self, path: &StorePath) -> Option<(Arc<Tree>, String)> {
        let mut place = Some(path.clone());
        while let Some(above) = place {
            if let Some((tree, _)) = self.trees.get(&above) {
                return Some((Arc::clone(tree), path.below(&above)?.to_owned()));
            }
            place = above.parent();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Object, Reach};

    fn tree(place: &str, files: usize) -> Tree {
        let files = (0..files).map(|number| (number.to_string(), Object::default()));
        Tree::new(StorePath::new(place).unwrap(), files.collect(), Reach::All)
    }

    #[test]
    fn a_listing_is_found_from_below_and_given_away_once() {
        let mut kept = Kept::default();
        kept.keep(tree("run/7", 3), Contents::default());
        let path = |text| StorePath::new(text).unwrap();
        let (_, way) = kept.above(&path("run/7/state/d")).unwrap();
        assert_eq!(way, "state/d");
        assert!(kept.above(&path("run/8")).is_none());
        assert!(kept.take(&path("run/7")).is_some());
        assert!(kept.take(&path("run/7")).is_none());
    }

    #[test]
    fn the_oldest_goes_where_there_are_too_many() {
        let mut kept = Kept::default();
        for place in ["a", "b", "c"] {
            kept.keep(tree(place, MOST / 2), Contents::default());
        }
        assert!(kept.take(&StorePath::new("a").unwrap()).is_none());
        assert!(kept.take(&StorePath::new("c").unwrap()).is_some());
    }
}

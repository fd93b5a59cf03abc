//! Listings that were made in passing, kept until what they list is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use orbscan_core::path::StorePath;
use orbscan_core::scan::steps;

use crate::probe::Contents;
use crate::tree::Tree;
use crate::wire::{Got, PAGE};

/// The most names of listings that are kept: for as many long listings as are made at once. The
/// oldest listing is dropped first.
const MOST: usize = steps::AT_ONCE * PAGE;

/// A listing, and the files that were fetched with it.
pub type Seen = (Arc<Tree>, Contents);

/// Listings, by their directories and by age.
#[derive(Debug, Default)]
pub struct Kept {
    trees: HashMap<StorePath, (u64, Seen)>,
    ages: BTreeMap<u64, StorePath>,
    next: u64,
    names: usize,
}

impl Kept {
    /// Keeps a listing, in place of an earlier one.
    pub fn keep(&mut self, tree: Tree, contents: Contents) {
        let place = tree.place.clone();
        drop(self.take(&place));
        self.names = self.names.saturating_add(tree.len());
        self.ages.insert(self.next, place.clone());
        let seen = (Arc::new(tree), contents);
        self.trees.insert(place, (self.next, seen));
        self.next = self.next.saturating_add(1);
        while self.names > MOST
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            drop(self.take(&oldest));
        }
    }

    /// Keeps the content of a file in a listing, unless it is another file by now.
    pub fn keep_file(&mut self, path: &StorePath, got: Got) {
        let Some(place) = self.place_above(path) else {
            return;
        };
        let Some((_, (tree, contents))) = self.trees.get_mut(&place) else {
            return;
        };
        let Some(way) = path.below(&place) else {
            return;
        };
        if tree
            .file(way)
            .is_some_and(|object| !object.differs(&got.object))
        {
            contents.files.push((way.to_owned(), got.bytes));
        }
    }

    /// Removes and returns a listing, which is not needed again.
    pub fn take(&mut self, place: &StorePath) -> Option<Seen> {
        let (age, seen) = self.trees.remove(place)?;
        self.ages.remove(&age);
        self.names = self.names.saturating_sub(seen.0.len());
        Some(seen)
    }

    /// The listing that includes a path, if one is kept, and the path relative to its top.
    pub fn above(&self, path: &StorePath) -> Option<(Arc<Tree>, String)> {
        let place = self.place_above(path)?;
        let (_, (tree, _)) = self.trees.get(&place)?;
        Some((Arc::clone(tree), path.below(&place)?.to_owned()))
    }

    /// The content of a file that was fetched with a listing.
    pub fn file(&self, path: &StorePath) -> Option<Bytes> {
        let place = self.place_above(path)?;
        let (_, (_, contents)) = self.trees.get(&place)?;
        let way = path.below(&place)?;
        let mut files = contents.files.iter();
        let (_, bytes) = files.find(|(file, _)| file == way)?;
        Some(bytes.clone())
    }

    fn place_above(&self, path: &StorePath) -> Option<StorePath> {
        let mut place = Some(path.clone());
        while let Some(above) = place {
            if self.trees.contains_key(&above) {
                return Some(above);
            }
            place = above.parent();
        }
        None
    }

    /// The number of names that are kept.
    #[cfg(test)]
    pub const fn names(&self) -> usize {
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Object, Reach};

    fn path(text: &str) -> StorePath {
        StorePath::new(text).unwrap()
    }

    fn tree(place: &str, files: usize) -> Tree {
        let files = (0..files).map(|number| (number.to_string(), Object::default()));
        Tree::new(path(place), files.collect(), Reach::All)
    }

    #[test]
    fn a_listing_is_found_from_below_and_given_away_once() {
        let mut kept = Kept::default();
        kept.keep(tree("run/7", 3), Contents::default());
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
        assert!(kept.take(&path("a")).is_none());
        assert!(kept.take(&path("c")).is_some());
    }

    #[test]
    fn of_what_was_given_away_nothing_is_left() {
        let mut kept = Kept::default();
        for number in 0..10_000 {
            let place = format!("run/{number}");
            kept.keep(tree(&place, 20), Contents::default());
            kept.keep(tree(&place, 10), Contents::default());
            assert_eq!(kept.names(), 10);
            kept.take(&path(&place)).unwrap();
        }
        assert_eq!((kept.names(), kept.ages.len(), kept.trees.len()), (0, 0, 0));
    }

    #[test]
    fn a_file_is_kept_if_it_is_the_one_that_is_listed() {
        let version = |version| Object {
            version,
            ..Object::default()
        };
        let files = vec![("7".to_owned(), version(1)), ("8".to_owned(), version(1))];
        let mut kept = Kept::default();
        let listed = Tree::new(path("run"), files, Reach::All);
        kept.keep(listed, Contents::default());
        let got = |number| Got {
            bytes: Bytes::from_static(b"x"),
            object: version(number),
        };
        kept.keep_file(&path("run/7"), got(1));
        kept.keep_file(&path("run/8"), got(2));
        kept.keep_file(&path("run/9"), got(1));
        let held = ["run/7", "run/8", "run/9"].map(|file| kept.file(&path(file)).is_some());
        assert_eq!(held, [true, false, false]);
    }
}

//! The content of a listing: which files lie below a directory, and how far the listing reaches.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use orbscan_core::path::StorePath;
use orbscan_core::scan::fnv::Fnv;
use orbscan_core::store::{Entry, EntryKind, Stat};

/// What a listing or an answer says about an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its size in bytes.
    pub size: u64,
    /// A number that changes when it is written again; 0 if the store has none.
    pub version: u128,
    /// When it was written, in nanoseconds since 1970, in whole seconds, because some answers have
    /// no fractions.
    pub modified_nsecs: Option<i128>,
}

impl Object {
    /// The version for an etag. Some answers quote it, others do not.
    pub fn version_of(etag: Option<&str>) -> u128 {
        let Some(etag) = etag else { return 0 };
        let etag = etag.trim_start_matches("W/").trim_matches('"');
        let half = |salt: u8| {
            let mut hash = Fnv::new();
            hash.add(&[salt]);
            hash.add_text(etag);
            u128::from(hash.finish())
        };
        half(0) << 64 | half(1)
    }

    /// Whether an answer may be about another object than the listed one.
    pub fn differs(&self, other: &Self) -> bool {
        self.version != 0 && other.version != 0 && self.version != other.version
    }

    /// Its metadata, as stores return it.
    pub const fn stat(&self) -> Stat {
        Stat {
            kind: EntryKind::File,
            size: self.size,
            modified_nsecs: self.modified_nsecs,
            version: self.version,
            id: 0,
        }
    }
}

/// The metadata of a directory.
pub const DIRECTORY: Stat = Stat {
    kind: EntryKind::Directory,
    size: 0,
    modified_nsecs: None,
    version: 0,
    id: 0,
};

/// An answer that may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// This is the answer.
    Yes(T),
    /// Nothing lies there.
    Absent,
    /// The listing does not include it.
    Unknown,
}

/// How far a listing reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is complete.
    All,
    /// Keys up to this one, in the order of their bytes.
    UpTo(String),
    /// Only what was requested one by one; these files are known to be absent.
    Asked(BTreeSet<String>),
}

/// A child of a directory, according to its listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: String,
    /// The file; `None` for a directory.
    pub object: Option<Object>,
}

impl Child {
    /// The entry, as stores return it.
    pub fn entry(self) -> Entry {
        let kind = match self.object {
            Some(_) => EntryKind::File,
            None => EntryKind::Directory,
        };
        Entry {
            name: self.name,
            kind,
            link: false,
            id: 0,
        }
    }
}

/// The files below a directory.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The directory.
    pub place: StorePath,
    files: BTreeMap<String, Object>,
    /// Directories that are known to exist, whatever lies in them.
    directories: BTreeSet<String>,
    reach: Reach,
    /// Directories whose children are known, although the listing was truncated.
    listed: BTreeSet<String>,
    /// Directories of which everything below is known, although the listing was truncated.
    whole: BTreeSet<String>,
}

impl Tree {
    /// What lies below `place`, by paths relative to it.
    pub fn new(place: StorePath, objects: Vec<(String, Object)>, reach: Reach) -> Self {
        let mut files: BTreeMap<String, Object> = objects.into_iter().collect();
        let mut directories = BTreeSet::new();
        // Consoles and mounts mark directories with empty objects of the same name.
        files.remove("");
        let is_marked = |name: &String| name.strip_suffix("_$folder$").map(str::to_owned);
        let marked: Vec<String> = files.keys().filter_map(is_marked).collect();
        for name in marked {
            files.remove(&format!("{name}_$folder$"));
            directories.insert(name);
        }
        let mut tree = Self {
            place,
            files,
            directories: BTreeSet::new(),
            reach,
            listed: BTreeSet::new(),
            whole: BTreeSet::new(),
        };
        let hollow = tree.files.iter().filter(|(_, object)| object.size == 0);
        let marks: Vec<String> = hollow
            .map(|(name, _)| name.clone())
            .filter(|name| tree.has_below(name))
            .collect();
        for mark in marks {
            tree.files.remove(&mark);
        }
        tree.directories = directories;
        tree
    }

    /// The last path of a truncated listing.
    pub fn last(&self) -> Option<&str> {
        match &self.reach {
            Reach::UpTo(last) => Some(last),
            Reach::All | Reach::Asked(_) => None,
        }
    }

    /// Adds what follows the end of the listing.
    pub fn add_page(&mut self, objects: Vec<(String, Object)>, reach: Reach) {
        let before = std::mem::take(&mut self.files).into_iter();
        let mut grown = Self::new(self.place.clone(), before.chain(objects).collect(), reach);
        self.directories.append(&mut grown.directories);
        (self.files, self.reach) = (grown.files, grown.reach);
    }

    /// Adds all children of a directory.
    pub fn add_children(&mut self, directory: &str, children: Vec<Child>) {
        let begin = prefix(directory);
        for Child { name, object } in children {
            let path = format!("{begin}{name}");
            match object {
                Some(object) => drop(self.files.insert(path, object)),
                None => drop(self.directories.insert(path)),
            }
        }
        self.listed.insert(directory.to_owned());
    }

    /// Adds a listing of a directory in this one.
    pub fn add_below(&mut self, below: Self) {
        let Some(directory) = below.place.below(&self.place).map(str::to_owned) else {
            return;
        };
        let begin = prefix(&directory);
        let files = below.files.into_iter();
        self.files
            .extend(files.map(|(name, object)| (format!("{begin}{name}"), object)));
        let inner = below.directories.into_iter();
        self.directories
            .extend(inner.map(|name| format!("{begin}{name}")));
        if below.reach == Reach::All {
            self.whole.insert(directory);
        }
    }

    /// Whether everything below a path is known.
    fn is_whole(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(at, _)| at);
        let above = ends.any(|at| {
            path.get(..at)
                .is_some_and(|above| self.whole.contains(above))
        });
        above || self.whole.contains(path)
    }

    /// Whether the children of a directory are known.
    pub fn knows_children(&self, directory: &str) -> bool {
        let is_reached = match &self.reach {
            Reach::All | Reach::Asked(_) => true,
            Reach::UpTo(last) => !directory.is_empty() && end(directory).as_str() <= last.as_str(),
        };
        is_reached || self.listed.contains(directory) || self.is_whole(directory)
    }

    /// Whether at least this many files are known to lie below a directory.
    pub fn has_many_below(&self, directory: &str, many: usize) -> bool {
        self.below(directory).take(many).count() == many
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether nothing is known to lie there.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty()
    }

    /// Whether it consists of guesses.
    pub const fn is_asked(&self) -> bool {
        matches!(self.reach, Reach::Asked(_))
    }

    /// What the listing says about a file.
    pub fn file(&self, name: &str) -> Option<&Object> {
        self.files.get(name)
    }

    /// The files below a directory, by paths relative to the top of the tree.
    pub fn below<'t>(&'t self, directory: &str) -> impl Iterator<Item = (&'t str, &'t Object)> {
        let begin = prefix(directory);
        let range = (Bound::Included(begin.clone()), Bound::Unbounded);
        let files = self.files.range(range);
        let files = files.take_while(move |(name, _)| name.starts_with(&begin));
        files.map(|(name, object)| (name.as_str(), object))
    }

    fn has_below(&self, directory: &str) -> bool {
        self.below(directory).next().is_some()
    }

    /// What lies at a path.
    pub fn stat(&self, name: &str) -> Known<Stat> {
        if let Some(object) = self.files.get(name) {
            return Known::Yes(object.stat());
        }
        if self.is_directory(name) {
            return Known::Yes(DIRECTORY);
        }
        // For the top itself, an empty listing says nothing.
        if name.is_empty() {
            return Known::Unknown;
        }
        let is_known = match &self.reach {
            Reach::All => true,
            Reach::UpTo(last) => end(name).as_str() <= last.as_str(),
            Reach::Asked(absent) => absent.contains(name),
        };
        let above = name.rsplit_once('/').map_or("", |(above, _)| above);
        if is_known || self.listed.contains(above) || self.is_whole(name) {
            Known::Absent
        } else {
            Known::Unknown
        }
    }

    /// The children of a directory.
    pub fn list(&self, name: &str) -> Known<Vec<Entry>> {
        if !self.knows_children(name) {
            return Known::Unknown;
        }
        if !self.is_directory(name) {
            return Known::Absent;
        }
        Known::Yes(self.children(name))
    }

    fn is_directory(&self, name: &str) -> bool {
        self.directories.contains(name) || self.has_below(name) || self.has_directory_below(name)
    }

    fn directories_below(&self, directory: &str) -> impl Iterator<Item = &String> {
        let begin = prefix(directory);
        let range = (Bound::Included(begin.clone()), Bound::Unbounded);
        let names = self.directories.range::<String, _>(range);
        names.take_while(move |name| name.starts_with(&begin))
    }

    fn has_directory_below(&self, directory: &str) -> bool {
        self.directories_below(directory).next().is_some()
    }

    fn children(&self, name: &str) -> Vec<Entry> {
        let begin = prefix(name);
        let mut found: BTreeMap<String, EntryKind> = BTreeMap::new();
        for directory in self.directories_below(name) {
            let rest = directory.strip_prefix(&begin);
            let child = rest.and_then(|rest| rest.split('/').next());
            if let Some(child) = child.filter(|child| !child.is_empty()) {
                found.insert(child.to_owned(), EntryKind::Directory);
            }
        }
        let mut next = Bound::Included(begin.clone());
        // One step for each child, however much lies in it.
        while let Some((path, _)) = self.files.range((next, Bound::Unbounded)).next() {
            let Some(rest) = path.strip_prefix(&begin) else {
                break;
            };
            next = if let Some((child, _)) = rest.split_once('/') {
                found.insert(child.to_owned(), EntryKind::Directory);
                Bound::Included(end(&format!("{begin}{child}")))
            } else {
                found.insert(rest.to_owned(), EntryKind::File);
                Bound::Excluded(path.clone())
            };
        }
        let entry = |(name, kind)| Entry {
            name,
            kind,
            link: false,
            id: 0,
        };
        found.into_iter().map(entry).collect()
    }
}

/// The prefix of the paths of everything in a directory.
fn prefix(directory: &str) -> String {
    if directory.is_empty() {
        String::new()
    } else {
        format!("{directory}/")
    }
}

/// The first path after everything in a directory: `0` follows `/`.
fn end(directory: &str) -> String {
    format!("{directory}0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[(&str, u64)], reach: Reach) -> Tree {
        let object = |size| Object {
            size,
            ..Object::default()
        };
        let objects = names.iter();
        let objects = objects.map(|(name, size)| ((*name).to_owned(), object(*size)));
        Tree::new(StorePath::root(), objects.collect(), reach)
    }

    fn names(known: Known<Vec<Entry>>) -> Vec<(String, bool)> {
        let Known::Yes(entries) = known else {
            panic!("{known:?}")
        };
        let entries = entries.into_iter();
        entries
            .map(|entry| (entry.name, entry.kind == EntryKind::Directory))
            .collect()
    }

    const FILES: [(&str, u64); 5] = [
        ("_METADATA", 5),
        ("orbax.checkpoint", 0),
        ("state/_METADATA", 7),
        ("state/d/0", 9),
        ("state-2/x", 1),
    ];

    #[test]
    fn a_whole_listing_answers_everything() {
        let tree = tree(&FILES, Reach::All);
        assert_eq!(
            names(tree.list("")),
            [
                ("_METADATA".to_owned(), false),
                ("orbax.checkpoint".to_owned(), false),
                ("state".to_owned(), true),
                ("state-2".to_owned(), true),
            ]
        );
        assert_eq!(names(tree.list("state")).len(), 2);
        assert_eq!(tree.list("sta"), Known::Absent);
        assert_eq!(tree.stat("state"), Known::Yes(DIRECTORY));
        assert_eq!(tree.stat("nothing"), Known::Absent);
        assert!(matches!(tree.stat("state/d/0"), Known::Yes(stat) if stat.size == 9));
    }

    #[test]
    fn behind_the_end_of_a_cut_listing_nothing_is_known() {
        let tree = tree(&FILES, Reach::UpTo("state/d/0".to_owned()));
        assert_eq!(tree.list(""), Known::Unknown);
        assert_eq!(tree.list("state"), Known::Unknown);
        assert_eq!(tree.stat("a"), Known::Absent);
        assert_eq!(tree.stat("state/x"), Known::Unknown);
        assert_eq!(tree.stat("zzz"), Known::Unknown);
        assert!(matches!(tree.stat("state"), Known::Yes(_)));
        // A path may be a directory whose files come later.
        let tree = self::tree(&[("b", 1), ("c/1", 1)], Reach::UpTo("c/1".to_owned()));
        assert_eq!(tree.stat("a"), Known::Absent);
        assert_eq!(tree.stat("c/0"), Known::Absent);
        assert_eq!(tree.stat("c/2"), Known::Unknown);
    }

    #[test]
    fn a_further_page_tells_more() {
        let mut tree = tree(&FILES, Reach::UpTo("state/d/0".to_owned()));
        let page = |name: &str| vec![(name.to_owned(), Object::default())];
        tree.add_page(page("state/d/1"), Reach::UpTo("state/d/1".to_owned()));
        assert!(matches!(tree.stat("state/d/1"), Known::Yes(_)));
        assert_eq!(tree.stat("z"), Known::Unknown);
        tree.add_page(page("z/1"), Reach::All);
        assert_eq!(tree.stat("zz"), Known::Absent);
        assert_eq!(names(tree.list("state/d")).len(), 2);
        assert_eq!(names(tree.list("")).len(), 5);
    }

    #[test]
    fn what_is_listed_on_its_own_is_known_behind_the_end() {
        let mut tree = tree(&FILES, Reach::UpTo("state/d/0".to_owned()));
        let child = |name: &str, object| Child {
            name: name.to_owned(),
            object,
        };
        tree.add_children(
            "",
            vec![child("state", None), child("z", Some(Object::default()))],
        );
        assert_eq!(names(tree.list("")).len(), 5);
        assert!(matches!(tree.stat("z"), Known::Yes(_)));
        assert_eq!(tree.stat("zz"), Known::Absent);
        assert_eq!(tree.list("state"), Known::Unknown);
        let place = StorePath::new("state/d").unwrap();
        let objects = vec![("1".to_owned(), Object::default())];
        tree.add_below(Tree::new(place, objects, Reach::All));
        assert_eq!(names(tree.list("state/d")).len(), 2);
        assert_eq!(tree.stat("state/d/2"), Known::Absent);
        assert_eq!(tree.stat("state/x"), Known::Unknown);
    }

    #[test]
    fn of_what_was_asked_one_by_one_no_more_is_known() {
        let absent = ["pytree/_METADATA".to_owned()].into();
        let tree = tree(&FILES, Reach::Asked(absent));
        assert_eq!(tree.stat("pytree/_METADATA"), Known::Absent);
        assert_eq!(tree.stat("other/_METADATA"), Known::Unknown);
        assert_eq!(names(tree.list("state")).len(), 2);
    }

    #[test]
    fn marks_of_directories_are_not_files() {
        let tree = tree(
            &[
                ("", 0),
                ("state", 0),
                ("state/_METADATA", 7),
                ("x_$folder$", 0),
            ],
            Reach::All,
        );
        assert_eq!(tree.stat("state"), Known::Yes(DIRECTORY));
        assert_eq!(
            names(tree.list("")),
            [("state".to_owned(), true), ("x".to_owned(), true)]
        );
    }

    #[test]
    fn an_etag_is_the_same_with_quotes_and_without() {
        let version = |text| Object::version_of(Some(text));
        assert_eq!(version("\"a\""), version("a"));
        assert_eq!(version("W/\"a\""), version("a"));
        assert_ne!(version("a"), version("b"));
        assert_eq!(Object::version_of(None), 0);
    }
}

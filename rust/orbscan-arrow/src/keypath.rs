//! The leaves of a tree in the order of the tree, with their keypaths.

use std::fmt::Write as _;

use orbscan_core::spelling;
use orbscan_core::tree::{Content, KeyEntry, Names, Tree, spelled};

use crate::column::{KeyEntries, Lists, Result, Texts};

/// The columns for the keypath of a leaf.
#[derive(Debug, Default)]
pub struct Keypaths {
    /// As text.
    pub text: Texts,
    /// As keys and indices.
    pub keys: Lists<KeyEntries>,
}

impl Keypaths {
    /// Appends a keypath.
    ///
    /// # Errors
    /// As [`Column::extend`](crate::column::Column::extend).
    pub fn push_entries(&mut self, keypath: &[KeyEntry<'_>]) -> Result<()> {
        for entry in keypath {
            match entry {
                KeyEntry::Mapping(key) => self.keys.values().key(key)?,
                KeyEntry::Sequence(index) => {
                    let index = i64::try_from(*index).unwrap_or(i64::MAX);
                    self.keys.values().index(index)?;
                }
            }
        }
        self.text.push(Some(&spelled(keypath)))?;
        self.keys.end(true)
    }

    /// Appends a row without a keypath.
    ///
    /// # Errors
    /// As [`Column::extend`](crate::column::Column::extend).
    pub fn push_none(&mut self) -> Result<()> {
        self.text.push(None)?;
        self.keys.end(false)
    }
}

/// A walk through a tree that can be interrupted. Every call must pass the same tree.
#[derive(Debug)]
pub struct Walk {
    /// The nodes to visit, the next one last. An explicit stack, because trees may be deep.
    waiting: Vec<Visit>,
    /// The keypath of the last visited node, as text and as entries.
    text: String,
    entries: Vec<Entry>,
    /// The text of each key of the tree.
    keys: Names,
}

#[derive(Debug)]
struct Visit {
    node: usize,
    /// Its index among its siblings; `None` at the top.
    place: Option<usize>,
    /// The length of the parent's text and entries.
    text: usize,
    entries: usize,
}

#[derive(Debug)]
enum Entry {
    Key(usize),
    Index(usize),
}

impl Walk {
    /// A walk that begins at the top.
    pub fn new(tree: &Tree) -> Self {
        let top = Visit {
            node: 0,
            place: None,
            text: 0,
            entries: 0,
        };
        let mut keys = Names::default();
        for key in tree.keys.iter() {
            keys.push(&spelling::key(key));
        }
        Self {
            waiting: vec![top],
            text: String::new(),
            entries: Vec::new(),
            keys,
        }
    }

    /// Moves to the next leaf and returns its number; `None` if there are no more.
    pub fn next(&mut self, tree: &Tree) -> Option<usize> {
        while let Some(visit) = self.waiting.pop() {
            let Some(node) = tree.nodes.get(visit.node) else {
                continue;
            };
            self.enter(&visit, node.key);
            match &node.content {
                Content::Leaf(leaf) => return Some(*leaf),
                Content::Children(_, children) => {
                    let (text, entries) = (self.text.len(), self.entries.len());
                    let visits = children.clone().enumerate().rev();
                    self.waiting.extend(visits.map(|(place, node)| Visit {
                        node,
                        place: Some(place),
                        text,
                        entries,
                    }));
                }
            }
        }
        None
    }

    /// Appends the keypath of the leaf that [`Walk::next`] returned; returns the size of its
    /// strings.
    ///
    /// # Errors
    /// As [`Column::extend`](crate::column::Column::extend).
    pub fn push(&self, tree: &Tree, keypaths: &mut Keypaths) -> Result<usize> {
        let before = keypaths.keys.values().bytes();
        let at_top = self.entries.is_empty();
        let text = if at_top { "." } else { self.text.as_str() };
        keypaths.text.push(Some(text))?;
        for entry in &self.entries {
            let entries = keypaths.keys.values();
            match entry {
                Entry::Key(key) => entries.key(tree.keys.get(*key))?,
                Entry::Index(place) => entries.index(i64::try_from(*place).unwrap_or(i64::MAX))?,
            }
        }
        keypaths.keys.end(true)?;
        let keys = keypaths.keys.values().bytes().saturating_sub(before);
        Ok(keys.saturating_add(text.len()))
    }

    /// Changes the keypath to that of the visited node.
    fn enter(&mut self, visit: &Visit, key: Option<usize>) {
        self.text.truncate(visit.text);
        self.entries.truncate(visit.entries);
        let Some(place) = visit.place else { return };
        if let Some(key) = key {
            if !self.text.is_empty() {
                self.text.push('/');
            }
            self.text.push_str(self.keys.get(key));
            self.entries.push(Entry::Key(key));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "[{place}]");
            self.entries.push(Entry::Index(place));
        }
    }
}

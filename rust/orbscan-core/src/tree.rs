//! From keypaths to a tree, laid out breadth first.
//!
//! The layout makes assembling cheap: the children of a node lie side by side, and every node comes
//! after its parent, so a reader of the columns builds containers from slices, last to first,
//! without recursion.

mod build;
mod known;
mod names;
mod nest;
mod runs;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use foldhash::HashMap;

use crate::cursor::to_u64;
use crate::spelling;

pub use build::build;
pub use known::Known;
pub use names::Names;
pub use nest::Nest;
pub use runs::Run;

/// One step of a keypath.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyEntry<'a> {
    /// An index into a sequence.
    Sequence(u64),
    /// A key of a mapping, or the name of an attribute.
    Mapping(Cow<'a, str>),
}

impl KeyEntry<'_> {
    /// The key as text, as in a param name.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Sequence(index) => Cow::Owned(index.to_string()),
            Self::Mapping(key) => Cow::Borrowed(key),
        }
    }

    /// The same entry, without borrowing.
    pub fn to_owned(&self) -> KeyEntry<'static> {
        match self {
            Self::Sequence(index) => KeyEntry::Sequence(*index),
            Self::Mapping(key) => KeyEntry::Mapping(Cow::Owned(key.clone().into_owned())),
        }
    }
}

/// The keypaths of a tree's leaves, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Keypaths<'a> {
    keys: Vec<KeyEntry<'a>>,
    ends: Vec<usize>,
    /// How many keys each keypath shares with the one before, from the top.
    shared: Vec<usize>,
    /// The same of the keypath under construction.
    sharing: usize,
    /// Whether some keypath is less than the one before.
    falls: bool,
}

impl<'a> Keypaths<'a> {
    /// Makes room for this many times as many keypaths as there are.
    pub fn reserve(&mut self, times: usize) {
        self.keys.reserve(self.keys.len().saturating_mul(times));
        self.ends.reserve(self.ends.len().saturating_mul(times));
        self.shared.reserve(self.shared.len().saturating_mul(times));
    }

    /// Appends one key to the keypath under construction.
    pub fn key(&mut self, mut key: KeyEntry<'a>) {
        let depth = self.depth();
        if let Some(before) = self.last().get(depth)
            && *before == key
        {
            // The text is read again when the tree is built: that of the first such key is then at
            // hand, while each place in a large document comes from memory.
            if let KeyEntry::Mapping(Cow::Borrowed(text)) = before {
                key = KeyEntry::Mapping(Cow::Borrowed(text));
            }
            if self.sharing == depth {
                self.sharing = depth.saturating_add(1);
            }
        }
        self.keys.push(key);
    }

    /// The number of keys in the keypath under construction.
    pub fn depth(&self) -> usize {
        self.keys.len().saturating_sub(self.start())
    }

    /// Ends the keypath under construction.
    pub fn end(&mut self) {
        let sharing = std::mem::take(&mut self.sharing);
        let keypath = self.keys.get(self.start()..).unwrap_or_default();
        self.falls |= self.last().get(sharing) > keypath.get(sharing);
        self.shared.push(sharing);
        self.ends.push(self.keys.len());
    }

    /// Discards the keypath under construction.
    pub fn abandon(&mut self) {
        self.keys.truncate(self.start());
        self.sharing = 0;
    }

    /// Where the keypath under construction starts.
    fn start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The last complete keypath.
    fn last(&self) -> &[KeyEntry<'a>] {
        let last = self.ends.len().checked_sub(1);
        last.map(|last| self.get(last)).unwrap_or_default()
    }

    /// How many keys each keypath shares with the one before; `None` if they are not sorted.
    fn sorted(&self) -> Option<&[usize]> {
        (!self.falls).then_some(&self.shared)
    }

    /// The number of keypaths.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Keypath number `index`.
    pub fn get(&self, index: usize) -> &[KeyEntry<'a>] {
        let end = self.ends.get(index).copied().unwrap_or(0);
        let before = index.checked_sub(1);
        let start = before.and_then(|i| self.ends.get(i)).copied().unwrap_or(0);
        self.keys.get(start..end).unwrap_or_default()
    }

    /// The param name of keypath number `index`: its keys joined with dots.
    pub fn param_name(&self, index: usize) -> String {
        let mut names = Names::default();
        names.push_keypath(self.get(index));
        names.into_text()
    }

    /// The param names of all keypaths.
    pub fn param_names(&self) -> Names {
        // An index into a sequence has one or two digits; before or after each key is a dot.
        let bytes = self.keys.iter().map(|key| match key {
            KeyEntry::Mapping(key) => key.len().saturating_add(1),
            KeyEntry::Sequence(_) => 3,
        });
        let mut names = Names::with_capacity(self.len(), bytes.fold(0, usize::saturating_add));
        for index in 0..self.len() {
            names.push_keypath(self.get(index));
        }
        names
    }
}

/// The kind of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A mapping.
    Dict,
    /// A sequence; tuples read back as lists unless rich types were recorded.
    List,
    /// A tuple (rich types only).
    Tuple,
    /// A namedtuple, by its number in [`Tree::namedtuples`] (rich types only).
    NamedTuple(usize),
}

/// A leaf or a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A leaf, by the number of its keypath.
    Leaf(usize),
    /// A container and the nodes it holds.
    Children(Container, Range<usize>),
}

/// One node of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's key in its parent, by its number in [`Tree::keys`]; none at the top and below a
    /// sequence.
    pub key: Option<usize>,
    /// What the node is.
    pub content: Content,
}

/// The recorded class of a namedtuple.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamedTuple {
    /// The module it was defined in.
    pub module: String,
    /// Its qualified name there.
    pub class: String,
    /// The names of its fields, in order.
    pub fields: Vec<String>,
}

/// Nodes breadth first; the first is the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// The distinct mapping keys.
    pub keys: Names,
    /// The distinct namedtuple classes.
    pub namedtuples: Vec<NamedTuple>,
}

impl Tree {
    /// The numbers of all `count` leaves; those of the tree come first, in its order, so that their
    /// names are sorted but for indices of several digits, whatever the order in the file.
    pub fn leaves(&self, count: usize) -> Vec<usize> {
        let mut is_missing = vec![true; count];
        let mut leaves = Vec::with_capacity(count);
        let top = 0..self.nodes.len().min(1);
        let mut waiting: Vec<Range<usize>> = std::iter::once(top).collect();
        while let Some(siblings) = waiting.last_mut() {
            let Some(node) = siblings.next() else {
                waiting.pop();
                continue;
            };
            match self.nodes.get(node).map(|node| &node.content) {
                Some(Content::Children(_, children)) => waiting.push(children.clone()),
                Some(Content::Leaf(leaf)) => {
                    if let Some(is_missing) = is_missing.get_mut(*leaf)
                        && std::mem::take(is_missing)
                    {
                        leaves.push(*leaf);
                    }
                }
                None => {}
            }
        }
        // Leaves that contradict the tree are not part of it.
        leaves.extend((0..count).filter(|leaf| is_missing.get(*leaf) == Some(&true)));
        leaves
    }

    /// The keypaths of the `wanted` leaves, each with the number of its leaf.
    pub fn keypaths(&self, wanted: impl Fn(usize) -> bool) -> Vec<(usize, Vec<KeyEntry<'static>>)> {
        let parents = Parents::of(self);
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter_map(|(at, node)| match node.content {
                Content::Leaf(leaf) if wanted(leaf) => Some((leaf, parents.keypath(self, at))),
                _ => None,
            })
            .collect()
    }

    fn push(&mut self, key: Option<usize>) -> usize {
        let index = self.nodes.len();
        // A node gets its content when its turn in the queue comes.
        self.nodes.push(Node {
            key,
            content: Content::Leaf(usize::MAX),
        });
        index
    }

    fn set(&mut self, node: usize, content: Content) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.content = content;
        }
    }
}

/// The parent of each node of a tree, and its position among the siblings.
#[derive(Debug)]
struct Parents(Vec<Option<(usize, usize)>>);

impl Parents {
    fn of(tree: &Tree) -> Self {
        let mut parents = vec![None; tree.nodes.len()];
        for (parent, node) in tree.nodes.iter().enumerate() {
            if let Content::Children(_, children) = &node.content {
                for (place, child) in children.clone().enumerate() {
                    if let Some(of_child) = parents.get_mut(child) {
                        *of_child = Some((parent, place));
                    }
                }
            }
        }
        Self(parents)
    }

    fn keypath(&self, tree: &Tree, mut node: usize) -> Vec<KeyEntry<'static>> {
        let mut keypath = Vec::new();
        while let Some(Some((parent, place))) = self.0.get(node).copied() {
            let key = tree.nodes.get(node).and_then(|node| node.key);
            keypath.push(match key.map(|key| tree.keys.get(key)) {
                Some(key) => KeyEntry::Mapping(Cow::Owned(key.to_owned())),
                None => KeyEntry::Sequence(to_u64(place)),
            });
            node = parent;
        }
        keypath.reverse();
        keypath
    }
}

/// Spells the keypaths of the leaves of a tree.
#[derive(Debug)]
pub struct Speller<'t> {
    tree: &'t Tree,
    parents: Parents,
    nodes: HashMap<usize, usize>,
}

impl<'t> Speller<'t> {
    /// Walks through a tree once.
    pub fn new(tree: &'t Tree) -> Self {
        let leaf = |(at, node): (usize, &Node)| match node.content {
            Content::Leaf(leaf) => Some((leaf, at)),
            Content::Children(..) => None,
        };
        Self {
            tree,
            parents: Parents::of(tree),
            nodes: tree.nodes.iter().enumerate().filter_map(leaf).collect(),
        }
    }

    /// The keypath of a leaf as text; `name` if the leaf is not in the tree.
    pub fn spell(&self, leaf: usize, name: &str) -> String {
        match self.nodes.get(&leaf) {
            Some(node) => spelled(&self.parents.keypath(self.tree, *node)),
            None => name.to_owned(),
        }
    }
}

/// A keypath as text, as in every output: `params/dense[0]`.
pub fn spelled(keypath: &[KeyEntry<'_>]) -> String {
    let mut text = String::new();
    for entry in keypath {
        match entry {
            // Writing to a string cannot fail.
            KeyEntry::Sequence(index) => drop(write!(text, "[{index}]")),
            KeyEntry::Mapping(key) => {
                if !text.is_empty() {
                    text.push('/');
                }
                text.push_str(&spelling::key(key));
            }
        }
    }
    if text.is_empty() {
        ".".to_owned()
    } else {
        text
    }
}

/// As [`spelled`], for a node that may be the top.
pub fn node_spelled(keypath: &[KeyEntry<'_>]) -> String {
    if keypath.is_empty() {
        return "node at the top".to_owned();
    }
    format!("node {}", spelled(keypath))
}

//! Builds a tree from keypaths, with mappings and sequences sorted, as Orbax does.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use foldhash::{HashMap, HashMapExt};

use super::{Container, Content, KeyEntry, Keypaths, Known, Tree, node_spelled, spelled};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::memory;

/// The memory of a leaf while a tree is built: its node, its place in the order, its key and the
/// number of the key, and later its name.
const BYTES_OF_LEAF: usize = 320;

/// Builds the tree of `keypaths` as Orbax does, with mappings and sequences sorted.
///
/// Faults that leave the rest readable are appended to `issues`: a leaf below another leaf (the
/// upper one is dropped), and two leaves with one keypath (in a mapping the last one stays, in a
/// sequence the first).
///
/// # Errors
/// `Malformed` if a node has both mapping and sequence keys, or a sequence has a gap.
///
/// Source: orbax `_src/tree/utils.py` (`from_flattened_with_keypath`), by experiment.
pub fn build(keypaths: &Keypaths<'_>, issues: &mut Vec<Error>) -> Result<Tree> {
    memory::room_for(keypaths.len(), BYTES_OF_LEAF)?;
    let sorted = Sorted::new(keypaths);
    let count = sorted.order.len();
    let mut building = Building {
        keypaths,
        sorted,
        tree: Tree::default(),
        known: Known::with_capacity(count),
        queue: VecDeque::new(),
        siblings: 0..0,
    };
    // Every leaf is a node, and a tree has few other nodes.
    let others = count.checked_div(8).unwrap_or_default().saturating_add(1);
    memory::reserve(&mut building.tree.nodes, count.saturating_add(others))?;
    let top = building.tree.push(None);
    building.queue.push_back((top, 0..count, 0));
    while let Some((node, range, depth)) = building.queue.pop_front() {
        let content = building.content(range, depth, issues)?;
        building.tree.set(node, content);
    }
    Ok(building.tree)
}

/// A tree under construction.
struct Building<'k> {
    keypaths: &'k Keypaths<'k>,
    sorted: Sorted<'k>,
    tree: Tree,
    /// The numbers of keys.
    known: Known,
    /// The nodes without content so far: which of the sorted leaves lie at and below each node, and
    /// the depth of the node.
    queue: VecDeque<(usize, Range<usize>, usize)>,
    /// The children of the container before this one, which often have the same keys.
    siblings: Range<usize>,
}

impl<'k> Building<'k> {
    /// The content of a node of this depth, given the range of the leaves at and below it.
    fn content(
        &mut self,
        mut range: Range<usize>,
        depth: usize,
        issues: &mut Vec<Error>,
    ) -> Result<Content> {
        let keypaths = self.keypaths;
        // The keypaths that end here are sorted first.
        let here = self.sorted.order.get(range.clone()).unwrap_or_default();
        let ends_here = |leaf: &&usize| keypaths.get(**leaf).len() == depth;
        let ending = here.iter().take_while(ends_here).count();
        let (ending, below) = here.split_at_checked(ending).unwrap_or_default();
        if below.is_empty() {
            return Ok(Content::Leaf(survivor(keypaths, ending, issues)));
        }
        for &leaf in ending {
            let path = spelled(keypaths.get(leaf));
            issues.push(Error::new(
                ErrorKind::Malformed,
                format!("leaf {path} is left out: other leaves lie below it"),
            ));
        }
        let kind = container(keypaths, below, depth)?;
        range.start = range.start.saturating_add(ending.len());
        Ok(Content::Children(kind, self.children(range, depth)?))
    }

    /// Adds the children of a node of this depth, given the range of the leaves below it.
    fn children(&mut self, mut range: Range<usize>, depth: usize) -> Result<Range<usize>> {
        let keypaths = self.keypaths;
        let first = self.tree.nodes.len();
        while !range.is_empty() {
            interrupt::check()?;
            let head = self.sorted.order.get(range.start).copied();
            let head = head.unwrap_or_default();
            let Some(key) = keypaths.get(head).get(depth) else {
                break;
            };
            let place = self.tree.nodes.len().saturating_sub(first);
            let key = match key {
                KeyEntry::Mapping(key) => Some(self.number(key, place)),
                KeyEntry::Sequence(index) => {
                    check_place(*index, to_u64(place))
                        .map_err(|reason| at_node(keypaths, head, depth, &reason))?;
                    None
                }
            };
            let child = self.tree.push(key);
            let end = self.sorted.end_of_child(range.clone(), depth);
            let below = depth.saturating_add(1);
            if end == range.start.saturating_add(1) && keypaths.get(head).len() == below {
                // A single leaf does not need the queue.
                self.tree.set(child, Content::Leaf(head));
            } else {
                self.queue.push_back((child, range.start..end, below));
            }
            range.start = end;
        }
        self.siblings = first..self.tree.nodes.len();
        Ok(self.siblings.clone())
    }

    /// The number of a key, given its place in its container.
    fn number(&mut self, key: &'k str, place: usize) -> usize {
        let like = self.tree.nodes.get(self.siblings.clone());
        let like = like.and_then(|siblings| siblings.get(place)?.key);
        match like.filter(|number| self.tree.keys.get(*number) == key) {
            Some(number) => number,
            None => self.known.number(&mut self.tree.keys, key),
        }
    }
}

/// The container of the leaves in `group`, which are sorted and all lie below a node of this depth.
fn container(keypaths: &Keypaths<'_>, group: &[usize], depth: usize) -> Result<Container> {
    let is_sequence = |leaf: Option<&usize>| {
        let key = leaf.and_then(|&leaf| keypaths.get(leaf).get(depth));
        matches!(key, Some(KeyEntry::Sequence(_)))
    };
    // Indices are sorted before keys, so a mixture shows at the ends.
    match (is_sequence(group.first()), is_sequence(group.last())) {
        (true, true) => Ok(Container::List),
        (false, false) => Ok(Container::Dict),
        _ => {
            let head = group.first().copied().unwrap_or_default();
            Err(at_node(
                keypaths,
                head,
                depth,
                "it has both mapping and sequence keys",
            ))
        }
    }
}

/// Checks that a sequence has no gap before the child with this index.
fn check_place(index: u64, place: u64) -> std::result::Result<(), String> {
    if index == place {
        return Ok(());
    }
    Err(format!(
        "the sequence has an index {index} but no index {place}"
    ))
}

fn at_node(keypaths: &Keypaths<'_>, leaf: usize, depth: usize, reason: &str) -> Error {
    let node = keypaths.get(leaf).get(..depth).unwrap_or_default();
    Error::new(
        ErrorKind::Malformed,
        format!("{}: {reason}", node_spelled(node)),
    )
}

/// Keypaths in the order in which Orbax builds: by keys, numbers by value.
struct Sorted<'k> {
    order: Vec<usize>,
    /// How many keys each keypath shares with the one before, from the top.
    shared: Cow<'k, [usize]>,
}

impl<'k> Sorted<'k> {
    /// Writers flatten trees in this order, so that most need no sort.
    fn new(keypaths: &'k Keypaths<'_>) -> Self {
        let mut order: Vec<usize> = (0..keypaths.len()).collect();
        if let Some(shared) = keypaths.sorted() {
            let shared = Cow::Borrowed(shared);
            return Self { order, shared };
        }
        let ranks = Ranks::new(keypaths);
        order.sort_by(|a, b| ranks.get(*a).cmp(ranks.get(*b)));
        let mut before: &[usize] = &[];
        let shared = order.iter().map(|leaf| {
            let keypath = ranks.get(*leaf);
            let same = |(a, b): &(_, _)| a == b;
            let common = before.iter().zip(keypath).take_while(same).count();
            before = keypath;
            common
        });
        Self {
            shared: Cow::Owned(shared.collect()),
            order,
        }
    }

    /// The end of the leaves of the first child, within the `range` below a node of this depth.
    fn end_of_child(&self, range: Range<usize>, depth: usize) -> usize {
        // The first keypath of the next child shares only this node with the one before.
        let rest = range.start.saturating_add(1)..range.end;
        let mut shared = self.shared.get(rest.clone()).unwrap_or_default().iter();
        let more = shared.position(|shared| *shared <= depth);
        more.map_or(range.end, |more| rest.start.saturating_add(more))
    }
}

/// Keypaths as numbers that are ordered as their keys are: comparing the keys themselves, which
/// have long prefixes in common, would take most of the time of a sort.
struct Ranks {
    ranks: Vec<usize>,
    ends: Vec<usize>,
}

impl Ranks {
    fn new(keypaths: &Keypaths<'_>) -> Self {
        let mut numbers: HashMap<&KeyEntry<'_>, usize> = HashMap::new();
        let mut ranks = Vec::new();
        let mut ends = Vec::with_capacity(keypaths.len());
        for leaf in 0..keypaths.len() {
            for key in keypaths.get(leaf) {
                let next = numbers.len();
                ranks.push(*numbers.entry(key).or_insert(next));
            }
            ends.push(ranks.len());
        }
        let mut distinct: Vec<(&KeyEntry<'_>, usize)> = numbers.into_iter().collect();
        distinct.sort_unstable();
        let mut rank_of = vec![0; distinct.len()];
        for (rank, (_, number)) in distinct.into_iter().enumerate() {
            if let Some(slot) = rank_of.get_mut(number) {
                *slot = rank;
            }
        }
        for rank in &mut ranks {
            *rank = rank_of.get(*rank).copied().unwrap_or_default();
        }
        Self { ranks, ends }
    }

    fn get(&self, leaf: usize) -> &[usize] {
        let before = leaf.checked_sub(1);
        let start = before.and_then(|i| self.ends.get(i)).copied().unwrap_or(0);
        let end = self.ends.get(leaf).copied().unwrap_or(0);
        self.ranks.get(start..end).unwrap_or_default()
    }
}

/// The leaf that stays, of several leaves with one keypath.
fn survivor(keypaths: &Keypaths<'_>, leaves: &[usize], issues: &mut Vec<Error>) -> usize {
    let (first, last) = (leaves.first().copied(), leaves.last().copied());
    let keypath = keypaths.get(first.unwrap_or_default());
    if leaves.len() > 1 {
        let reason = format!(
            "{} leaves have the keypath {}",
            leaves.len(),
            spelled(keypath)
        );
        issues.push(Error::new(ErrorKind::Malformed, reason));
    }
    let stays = match keypath.last() {
        Some(KeyEntry::Sequence(_)) => first,
        _ => last,
    };
    stays.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keypaths(texts: &[&str]) -> Keypaths<'static> {
        let mut all = Keypaths::default();
        for text in texts {
            for part in text.split('/').filter(|part| !part.is_empty()) {
                all.key(match part.strip_prefix('#') {
                    Some(index) => KeyEntry::Sequence(index.parse().unwrap()),
                    None => KeyEntry::Mapping(part.to_owned().into()),
                });
            }
            all.end();
        }
        all
    }

    /// The tree as text, leaves by number.
    fn text(tree: &Tree, node: usize) -> String {
        match &tree.nodes[node].content {
            Content::Leaf(leaf) => leaf.to_string(),
            Content::Children(kind, children) => {
                let inner: Vec<String> = children
                    .clone()
                    .map(|child| match tree.nodes[child].key {
                        Some(key) => format!("{}:{}", tree.keys.get(key), text(tree, child)),
                        None => text(tree, child),
                    })
                    .collect();
                match kind {
                    Container::Dict => format!("{{{}}}", inner.join(" ")),
                    _ => format!("[{}]", inner.join(" ")),
                }
            }
        }
    }

    fn built(texts: &[&str]) -> (String, usize) {
        let mut issues = Vec::new();
        let tree = build(&keypaths(texts), &mut issues).unwrap();
        (text(&tree, 0), issues.len())
    }

    #[test]
    fn builds_what_orbax_builds() {
        for (texts, tree, issues) in [
            (&["b/c", "a"][..], "{a:1 b:{c:0}}", 0),
            (&["10", "2", "1"], "{1:2 10:0 2:1}", 0),
            (&["a/#1", "a/#0", "a/#2"], "{a:[1 0 2]}", 0),
            (&["#0", "#1/x"], "[0 {x:1}]", 0),
            (&[""], "0", 0),
            (&["a", "a/b"], "{a:{b:1}}", 1),
            (&["", "a"], "{a:1}", 1),
            (&["a", "a"], "{a:1}", 1),
            (&["#0", "#0"], "[0]", 1),
            (&["a.b", "a/b"], "{a:{b:1} a.b:0}", 0),
        ] {
            assert_eq!(built(texts), (tree.to_owned(), issues), "{texts:?}");
        }
    }

    #[test]
    fn refuses_what_has_no_tree() {
        for (texts, reason) in [
            (
                &["x/#0", "x/#2"][..],
                "node x: the sequence has an index 2 but no index 1",
            ),
            (
                &["x/#1"],
                "node x: the sequence has an index 1 but no index 0",
            ),
            (
                &["#0", "a"],
                "node at the top: it has both mapping and sequence keys",
            ),
        ] {
            let error = build(&keypaths(texts), &mut Vec::new()).unwrap_err();
            assert_eq!(error.reason(), reason);
        }
    }

    #[test]
    fn children_lie_side_by_side_after_their_parent() {
        let tree = build(&keypaths(&["a/x", "a/y", "b/x", "c"]), &mut Vec::new()).unwrap();
        for (index, node) in tree.nodes.iter().enumerate() {
            if let Content::Children(_, children) = &node.content {
                assert!(children.start > index);
            }
        }
        assert!(tree.keys.iter().eq(["a", "b", "c", "x", "y"]));
    }

    #[test]
    fn leaves_come_in_the_order_of_the_tree_and_then_those_outside_it() {
        let all = keypaths(&["c", "b/y", "d/e", "b/x", "a", "d", "b/x"]);
        let tree = build(&all, &mut Vec::new()).unwrap();
        assert_eq!(tree.leaves(all.len()), [4, 6, 1, 0, 2, 3, 5]);
        assert_eq!(Tree::default().leaves(2), [0, 1]);
    }

    #[test]
    fn what_keypaths_share_is_known_while_they_are_added() {
        let all = keypaths(&["a/b", "a/b/c", "a/c/c", "b/#1", "b/#2"]);
        assert_eq!(all.sorted(), Some(&[0, 2, 1, 0, 1][..]));
        assert_eq!(keypaths(&["a/b", "a"]).sorted(), None);
        assert_eq!(keypaths(&["a/#1", "a/#0"]).sorted(), None);
        let mut abandoned = keypaths(&["a/b"]);
        for (key, stays) in [("a", false), ("b", true)] {
            abandoned.key(KeyEntry::Mapping(key.into()));
            abandoned.key(KeyEntry::Mapping("b".into()));
            if stays {
                abandoned.end();
            } else {
                abandoned.abandon();
            }
        }
        assert_eq!(abandoned.sorted(), Some(&[0, 0][..]));
        assert_eq!(abandoned.param_name(1), "b.b");
    }

    #[test]
    fn equal_keys_of_a_document_are_read_from_one_place() {
        let text = "a b a c";
        let mut all = Keypaths::default();
        for pair in [[0..1, 2..3], [4..5, 6..7]] {
            for range in pair {
                all.key(KeyEntry::Mapping(text[range].into()));
            }
            all.end();
        }
        let place = |leaf: usize| match &all.get(leaf)[0] {
            KeyEntry::Mapping(key) => key.as_ptr(),
            KeyEntry::Sequence(_) => panic!(),
        };
        assert_eq!(place(0), place(1));
    }

    #[test]
    fn param_names_are_joined_with_dots() {
        let all = keypaths(&["a/#3/b", ""]);
        assert_eq!(all.param_name(0), "a.3.b");
        assert_eq!(all.param_name(1), "");
    }
}

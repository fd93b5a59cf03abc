//! A tree whose containers are already known when it is read.

use std::collections::VecDeque;

use super::{Container, Content, Known, NamedTuple, Tree};

/// A tree whose containers are already known when it is read, depth first: rich types, aggregate
/// files.
#[derive(Clone, Debug, Default)]
pub struct Nest {
    nodes: Vec<NestNode>,
    namedtuples: Vec<NamedTuple>,
}

#[derive(Clone, Debug)]
struct NestNode {
    key: Option<String>,
    content: NestContent,
}

#[derive(Clone, Debug)]
enum NestContent {
    Leaf(usize),
    Children(Container, Vec<usize>),
}

impl Nest {
    /// Adds leaf number `leaf` and returns its node.
    pub fn leaf(&mut self, leaf: usize) -> usize {
        self.add(NestContent::Leaf(leaf))
    }

    /// Adds a container of nodes that were added before, each with its key if it has one.
    pub fn container(&mut self, kind: Container, children: Vec<(Option<String>, usize)>) -> usize {
        let mut indices = Vec::with_capacity(children.len());
        for (key, child) in children {
            if let Some(node) = self.nodes.get_mut(child) {
                node.key = key;
            }
            indices.push(child);
        }
        self.add(NestContent::Children(kind, indices))
    }

    /// The number of a namedtuple class.
    pub fn namedtuple(&mut self, class: NamedTuple) -> usize {
        if let Some(known) = self.namedtuples.iter().position(|other| *other == class) {
            return known;
        }
        self.namedtuples.push(class);
        self.namedtuples.len().saturating_sub(1)
    }

    fn add(&mut self, content: NestContent) -> usize {
        self.nodes.push(NestNode { key: None, content });
        self.nodes.len().saturating_sub(1)
    }

    /// The tree below the node `top`, breadth first.
    pub fn into_tree(self, top: usize) -> Tree {
        let mut tree = Tree {
            namedtuples: self.namedtuples,
            ..Tree::default()
        };
        let mut known = Known::default();
        let mut queue = VecDeque::from([top]);
        tree.push(None);
        let mut node = 0_usize;
        while let Some(from) = queue.pop_front() {
            match self.nodes.get(from).map(|nested| &nested.content) {
                Some(NestContent::Leaf(leaf)) => tree.set(node, Content::Leaf(*leaf)),
                Some(NestContent::Children(kind, children)) => {
                    let first = tree.nodes.len();
                    for &child in children {
                        let key = self
                            .nodes
                            .get(child)
                            .and_then(|nested| nested.key.as_deref());
                        let key = key.map(|key| known.number(&mut tree.keys, key));
                        tree.push(key);
                        queue.push_back(child);
                    }
                    let all = first..tree.nodes.len();
                    tree.set(node, Content::Children(*kind, all));
                }
                None => {}
            }
            node = node.saturating_add(1);
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nest_becomes_breadth_first() {
        let mut nest = Nest::default();
        let (zero, one) = (nest.leaf(0), nest.leaf(1));
        let list = nest.container(Container::List, vec![(None, one)]);
        let top = nest.container(
            Container::Dict,
            vec![(Some("b".into()), zero), (Some("a".into()), list)],
        );
        let tree = nest.into_tree(top);
        let contents: Vec<_> = tree.nodes.into_iter().map(|node| node.content).collect();
        assert_eq!(
            contents,
            [
                Content::Children(Container::Dict, 1..3),
                Content::Leaf(0),
                Content::Children(Container::List, 3..4),
                Content::Leaf(1),
            ]
        );
        assert!(tree.keys.iter().eq(["b", "a"]));
    }
}

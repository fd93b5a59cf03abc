//! Neighbouring containers that are alike, such as the layers of a model, so that a reader can
//! handle them together.

use std::ops::Range;

use super::{Container, Content, Tree};

/// Containers that lie side by side, are of the same kind and have children with the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The containers.
    pub nodes: Range<usize>,
    /// What each of them is.
    pub kind: Container,
    /// The children of all of them, the same number for each, one after the other.
    pub children: Range<usize>,
}

impl Tree {
    /// All containers in runs, deeper ones first: the children of a run are leaves or lie in
    /// earlier runs.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (node, found) in self.nodes.iter().enumerate() {
            let Content::Children(kind, children) = &found.content else {
                continue;
            };
            match runs.last_mut() {
                Some(run) if self.goes_on(run, node, *kind, children) => {
                    run.nodes.end = run.nodes.end.saturating_add(1);
                    run.children.end = children.end;
                }
                _ => runs.push(Run {
                    nodes: node..node.saturating_add(1),
                    kind: *kind,
                    children: children.clone(),
                }),
            }
        }
        runs.reverse();
        runs
    }

    /// Whether a container continues a run. A child of the run itself does not.
    fn goes_on(&self, run: &Run, node: usize, kind: Container, children: &Range<usize>) -> bool {
        let first = run.children.start..run.children.start.saturating_add(children.len());
        let is_next = run.nodes.end == node && run.children.end == children.start;
        let is_alike = run.kind == kind
            && run.children.len() == children.len().saturating_mul(run.nodes.len())
            && self.keys_of(&first).eq(self.keys_of(children));
        is_next && is_alike && !children.is_empty() && node < run.children.start
    }

    fn keys_of(&self, nodes: &Range<usize>) -> impl Iterator<Item = Option<usize>> {
        let nodes = self.nodes.get(nodes.clone()).unwrap_or_default();
        nodes.iter().map(|node| node.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{KeyEntry, Keypaths, build};

    fn runs(texts: &[&str]) -> Vec<(Range<usize>, Range<usize>)> {
        let mut keypaths = Keypaths::default();
        for text in texts {
            for part in text.split('/') {
                keypaths.key(match part.parse() {
                    Ok(index) => KeyEntry::Sequence(index),
                    Err(_) => KeyEntry::Mapping(part.to_owned().into()),
                });
            }
            keypaths.end();
        }
        let tree = build(&keypaths, &mut Vec::new()).unwrap();
        let runs = tree.runs().into_iter();
        runs.map(|run| (run.nodes, run.children)).collect()
    }

    #[test]
    fn layers_are_one_run() {
        let layers = ["a/v", "a/w", "b/v", "b/w", "c/v", "c/w"];
        assert_eq!(runs(&layers), [(1..4, 4..10), (0..1, 1..4)]);
        let sequences = ["0/0", "0/1", "1/0", "1/1"];
        assert_eq!(runs(&sequences), [(1..3, 3..7), (0..1, 1..3)]);
    }

    #[test]
    fn what_differs_ends_a_run() {
        for layers in [
            ["a/v", "b/w"].as_slice(),
            &["a/v", "b/v", "b/w"],
            &["a/0", "b/v"],
        ] {
            assert_eq!(runs(layers).len(), 3, "{layers:?}");
        }
        // A leaf between two layers.
        assert_eq!(runs(&["a/v", "b", "c/v"]).len(), 3);
    }

    #[test]
    fn a_child_is_not_of_the_run_of_its_parent() {
        assert_eq!(runs(&["x/x/x"]), [(2..3, 3..4), (1..2, 2..3), (0..1, 1..2)]);
    }
}

//! Which part of a tree holds its parameters.
//!
//! A training state has the moments of its optimizer beside the parameters, in trees of the same
//! shape. In what a save writes, only the names distinguish them: the names nearest to the top
//! decide.

use std::ops::Range;

use crate::tree::{Content, Tree};

/// Names of parameters.
const PARAMETERS: [&str; 3] = ["params", "parameters", "model_params"];

/// Names of an optimizer. Nothing below it is a parameter, whatever its name.
const OPTIMIZER: [&str; 6] = [
    "opt_state",
    "opt_states",
    "optimizer",
    "optimizer_state",
    "optimizer_states",
    "optimizer_variables",
];

/// A tree of which only the names matter. Its first node is the top, and every other node comes
/// after its parent.
pub trait Outline {
    /// The number of nodes.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The key of a node in its container; none at the top and in a sequence.
    fn key(&self, node: usize) -> Option<&str>;

    /// The nodes that a node holds; none for a leaf.
    fn children(&self, node: usize) -> Range<usize>;
}

impl Outline for Tree {
    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn key(&self, node: usize) -> Option<&str> {
        let key = self.nodes.get(node)?.key?;
        Some(self.keys.get(key))
    }

    fn children(&self, node: usize) -> Range<usize> {
        match self.nodes.get(node).map(|node| &node.content) {
            Some(Content::Children(_, children)) => children.clone(),
            _ => 0..0,
        }
    }
}

/// For each node of each tree, whether it belongs to the parameters.
///
/// Those are all leaves in the parts named `params` (or another such name) that are nearest to the
/// top, all those of one level; if there is no such name, everything except optimizers. The name of
/// a tree, if it has one, counts as the key of its top. If there are parameters within parameters,
/// as in `{"params": {"params": …, "batch_stats": …}}`, the inner ones are meant.
pub fn nodes<O: Outline>(trees: &[(Option<&str>, &O)]) -> Vec<Vec<bool>> {
    let parts = parts(trees);
    let marked = |(number, (name, tree)): (usize, &(Option<&str>, &O))| {
        let mut marks = vec![false; tree.len()];
        let all = parts.is_empty();
        if all && let Some(top) = marks.first_mut() {
            *top = !is(*name, &OPTIMIZER);
        }
        for (_, part) in parts.iter().filter(|(of, _)| *of == number) {
            if let Some(mark) = marks.get_mut(*part) {
                *mark = true;
            }
        }
        for node in 0..tree.len() {
            if marks.get(node) != Some(&true) {
                continue;
            }
            for child in tree.children(node) {
                if let Some(mark) = marks.get_mut(child) {
                    *mark = !(all && is(tree.key(child), &OPTIMIZER));
                }
            }
        }
        marks
    };
    trees.iter().enumerate().map(marked).collect()
}

/// The tops of the parts that are named as parameters, each with the number of its tree.
fn parts<O: Outline>(trees: &[(Option<&str>, &O)]) -> Vec<(usize, usize)> {
    let mut level: Vec<(usize, usize, Option<&str>)> = Vec::new();
    for (number, (name, tree)) in trees.iter().enumerate() {
        if name.is_some() {
            level.push((number, 0, *name));
        } else {
            // A tree without a name adds no level.
            let children = tree.children(0);
            level.extend(children.map(|child| (number, child, tree.key(child))));
        }
    }
    while !level.is_empty() {
        let named = level.iter().filter(|(_, _, name)| is(*name, &PARAMETERS));
        let found: Vec<(usize, usize)> = named
            .filter_map(|(number, node, _)| {
                let (_, tree) = trees.get(*number)?;
                Some((*number, innermost(*tree, *node)))
            })
            .collect();
        if !found.is_empty() {
            return found;
        }
        let mut below = Vec::new();
        for (number, node, name) in level {
            if let Some((_, tree)) = trees.get(number)
                && !is(name, &OPTIMIZER)
            {
                let children = tree.children(node);
                below.extend(children.map(|child| (number, child, tree.key(child))));
            }
        }
        level = below;
    }
    Vec::new()
}

fn innermost<O: Outline>(tree: &O, mut node: usize) -> usize {
    while let Some(inner) = tree
        .children(node)
        .find(|child| is(tree.key(*child), &PARAMETERS))
    {
        node = inner;
    }
    node
}

fn is(name: Option<&str>, names: &[&str]) -> bool {
    name.is_some_and(|name| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{self, KeyEntry, Keypaths};

    /// A tree of leaves at keypaths; a number is an index.
    fn tree(leaves: &[&str]) -> Tree {
        let mut keypaths = Keypaths::default();
        for leaf in leaves {
            for key in leaf.split('/').filter(|key| !key.is_empty()) {
                keypaths.key(match key.parse() {
                    Ok(index) => KeyEntry::Sequence(index),
                    Err(_) => KeyEntry::Mapping(key.into()),
                });
            }
            keypaths.end();
        }
        tree::build(&keypaths, &mut Vec::new()).unwrap()
    }

    /// The leaves that count, for trees with names.
    fn counted(trees: &[(Option<&str>, &[&str])]) -> Vec<String> {
        let built: Vec<Tree> = trees.iter().map(|(_, leaves)| tree(leaves)).collect();
        let named: Vec<_> = trees.iter().map(|(name, _)| *name).zip(&built).collect();
        let mut found = Vec::new();
        for ((tree, marks), (_, leaves)) in built.iter().zip(nodes(&named)).zip(trees) {
            for (node, mark) in tree.nodes.iter().zip(marks) {
                if let Content::Leaf(leaf) = node.content
                    && mark
                {
                    found.push(leaves[leaf].to_owned());
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn parameters_are_what_is_called_so_nearest_to_the_top() {
        let cases: [(&[&str], &[&str]); 11] = [
            // A train state.
            (
                &["params/a", "params/b/c", "opt_state/0/mu/params/a", "step"],
                &["params/a", "params/b/c"],
            ),
            // A moment repeats the names of its parameters, even where they occur nowhere else.
            (&["model/a", "opt_state/0/mu/params/a"], &["model/a"]),
            (&["ema/x/params/a", "params/a"], &["params/a"]),
            // Several networks.
            (
                &[
                    "actor/params/a",
                    "actor/opt_state/a",
                    "critic/params/b",
                    "n",
                ],
                &["actor/params/a", "critic/params/b"],
            ),
            (
                &["0/mean", "1/params/a", "2/params/b"],
                &["1/params/a", "2/params/b"],
            ),
            // Variables of Flax, alone and as the parameters of a train state.
            (&["params/a", "batch_stats/a"], &["params/a"]),
            (
                &["params/params/a", "params/batch_stats/a", "opt_state/a"],
                &["params/params/a"],
            ),
            // Without the name: all but optimizers.
            (&["transformer/a", "head"], &["head", "transformer/a"]),
            (
                &["model/a", "model/optimizer/b", "optimizer/mu/a", "step"],
                &["model/a", "step"],
            ),
            (&["opt_state/a"], &[]),
            (&[""], &[""]),
        ];
        for (leaves, expected) in cases {
            assert_eq!(counted(&[(None, leaves)]), expected, "{leaves:?}");
        }
    }

    #[test]
    fn the_name_of_a_tree_counts_as_a_key() {
        let (weights, moments, state): (&[_], &[_], &[_]) =
            (&["w"], &["mu/w"], &["params/s", "opt_state/s"]);
        for (trees, expected) in [
            (
                vec![(Some("params"), weights), (Some("opt"), moments)],
                vec!["w"],
            ),
            (
                vec![(Some("weights"), weights), (Some("optimizer"), moments)],
                vec!["w"],
            ),
            (
                vec![(Some("state"), state), (Some("ema"), weights)],
                vec!["params/s"],
            ),
            (
                vec![(Some("a"), weights), (None, moments)],
                vec!["mu/w", "w"],
            ),
            (
                vec![(Some("backup"), state), (None, state)],
                vec!["params/s"],
            ),
            (vec![(Some("optimizer"), moments)], vec![]),
            (vec![(Some("params"), state)], vec!["params/s"]),
        ] {
            assert_eq!(counted(&trees), expected);
        }
    }
}

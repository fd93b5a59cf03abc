//! Sums over the leaves of a tree.

use orbscan_core::parameters;
use orbscan_core::record::{Array, LeafKind, LeafTable};
use orbscan_core::tree::Content;

use crate::facts::{nbytes, size};

/// The amounts in one or several trees. A sum that 63 bits cannot hold is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The number of leaves.
    pub leaves: Option<i64>,
    /// The elements of the arrays that are parameters.
    pub parameters: Option<i64>,
    /// The elements of all arrays, except PRNG keys.
    pub elements: Option<i64>,
    /// The bytes that all elements take in memory.
    pub nbytes: Option<i64>,
}

impl Totals {
    const NOTHING: Self = Self {
        leaves: Some(0),
        parameters: Some(0),
        elements: Some(0),
        nbytes: Some(0),
    };

    /// Sums up trees, each with its name if it has one.
    pub fn of(tables: &[(Option<&str>, &LeafTable)]) -> Self {
        let trees: Vec<_> = tables
            .iter()
            .map(|(name, table)| (*name, &table.tree))
            .collect();
        let marks = parameters::nodes(&trees);
        let each = tables.iter().zip(&marks);
        each.map(|((_, table), marks)| Self::of_tree(table, marks))
            .fold(Self::NOTHING, Self::plus)
    }

    fn of_tree(table: &LeafTable, marks: &[bool]) -> Self {
        let each: Vec<Self> = (0..table.leaves.len())
            .map(|number| Self::of_leaf(table, number))
            .collect();
        let nodes = table.tree.nodes.iter().zip(marks);
        let leaves = nodes.filter_map(|(node, mark)| match node.content {
            Content::Leaf(leaf) => {
                let sums = each.get(table.leaf_of.get(leaf).copied()?)?;
                let parameters = if *mark { sums.elements } else { Some(0) };
                Some(Self {
                    parameters,
                    ..*sums
                })
            }
            Content::Children(..) => None,
        });
        leaves.fold(Self::NOTHING, Self::plus)
    }

    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let plus = |a: Option<i64>, b: Option<i64>| a?.checked_add(b?);
        Self {
            leaves: plus(self.leaves, other.leaves),
            parameters: plus(self.parameters, other.parameters),
            elements: plus(self.elements, other.elements),
            nbytes: plus(self.nbytes, other.nbytes),
        }
    }

    fn of_leaf(table: &LeafTable, number: usize) -> Self {
        let leaf = table.leaves.get(number);
        let array = leaf.and_then(|leaf| table.arrays.get(leaf.array?));
        let counts = leaf.is_some_and(|leaf| {
            let is_array = matches!(
                leaf.kind,
                LeafKind::JaxArray | LeafKind::NumpyArray | LeafKind::Tensor
            );
            is_array && leaf.prng_impl.is_none()
        });
        let sum = |array: Option<&Array>, of: fn(&Array) -> Option<i64>| array.map_or(Some(0), of);
        Self {
            leaves: Some(1),
            parameters: Some(0),
            elements: sum(array.filter(|_| counts), size),
            nbytes: sum(array, nbytes),
        }
    }
}

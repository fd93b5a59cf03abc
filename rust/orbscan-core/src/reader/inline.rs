//! Values that lie in the aggregate file instead of the array store.

use std::collections::HashMap;

use crate::orbax::aggregate::AggregateValue;

/// What the aggregate file says of single leaves.
#[derive(Debug, Default)]
pub struct InlineValues {
    by_leaf: HashMap<usize, AggregateValue>,
}

impl InlineValues {
    /// The values of leaves, by number.
    pub const fn new(by_leaf: HashMap<usize, AggregateValue>) -> Self {
        Self { by_leaf }
    }

    /// Whether the file says nothing of any leaf.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// Says otherwise of a leaf.
    pub fn set(&mut self, leaf: usize, value: AggregateValue) {
        self.by_leaf.insert(leaf, value);
    }

    /// The value of a leaf that is not in the array store.
    pub fn get(&self, leaf: usize) -> Option<&AggregateValue> {
        self.by_leaf
            .get(&leaf)
            .filter(|value| !matches!(value, AggregateValue::Placeholder(_)))
    }

    /// The name under which the array of a leaf is stored, where the file gives one.
    pub fn stored_name(&self, leaf: usize) -> Option<&str> {
        match self.by_leaf.get(&leaf) {
            Some(AggregateValue::Placeholder(name)) => Some(name),
            _ => None,
        }
    }
}

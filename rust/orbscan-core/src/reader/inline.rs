//! Values that lie in the aggregate file instead of the array store.

use std::collections::HashMap;

use crate::orbax::aggregate::AggregateValue;
use crate::record::Place;

/// What the aggregate file says about single leaves.
#[derive(Debug, Default)]
pub struct InlineValues {
    by_leaf: HashMap<usize, AggregateValue>,
    /// The files of strings that were found elsewhere.
    texts: HashMap<usize, String>,
}

impl InlineValues {
    /// The values of leaves, by number.
    pub fn new(by_leaf: HashMap<usize, AggregateValue>) -> Self {
        Self {
            by_leaf,
            texts: HashMap::new(),
        }
    }

    /// Whether the file says nothing about any leaf.
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// Records that a leaf is a string, which lies in that file of the item.
    pub fn set_text(&mut self, leaf: usize, file: &str) {
        self.by_leaf.insert(leaf, AggregateValue::String);
        self.texts.insert(leaf, file.to_owned());
    }

    /// The place of the value of a leaf that is not in the array store.
    pub fn place(&self, leaf: usize) -> Place {
        let elsewhere = self.texts.get(&leaf).cloned();
        elsewhere.map_or(Place::Aggregate, Place::Strings)
    }

    /// The value of a leaf that is not in the array store.
    pub fn get(&self, leaf: usize) -> Option<&AggregateValue> {
        self.by_leaf
            .get(&leaf)
            .filter(|value| !matches!(value, AggregateValue::Placeholder(_)))
    }

    /// The name under which the array of a leaf is stored, if the file has one.
    pub fn stored_name(&self, leaf: usize) -> Option<&str> {
        match self.by_leaf.get(&leaf) {
            Some(AggregateValue::Placeholder(name)) => Some(name),
            _ => None,
        }
    }
}

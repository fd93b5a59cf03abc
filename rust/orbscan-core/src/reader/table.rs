//! Fills the columns: repeated values are decoded once and stored once.

use std::hash::Hash;

use super::arrays::{Document, Format};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::numbered::Numbered;
use crate::record::{Array, Custom, Leaf, LeafKind, LeafTable, Place};
use crate::store::Bytes;
use crate::zarr;
use crate::zarr::dtype::DType;

/// Distinct values, and the number that was made for each.
#[derive(Debug)]
struct Distinct<K> {
    known: Numbered<K>,
    made: Vec<usize>,
}

impl<K: Clone + Eq + Hash> Distinct<K> {
    fn new() -> Self {
        Self {
            known: Numbered::default(),
            made: Vec::new(),
        }
    }

    /// The number of `key`, which `make` gives if the key is new.
    fn number<E>(
        &mut self,
        key: &K,
        make: impl FnOnce() -> std::result::Result<usize, E>,
    ) -> std::result::Result<usize, E> {
        if let Some(number) = self.known.find(key).and_then(|at| self.made.get(at)) {
            return Ok(*number);
        }
        let number = make()?;
        self.known.push(key.clone());
        self.made.push(number);
        Ok(number)
    }
}

/// A table under construction.
#[derive(Debug)]
pub struct TableBuilder<'a> {
    /// The table so far.
    pub table: LeafTable,
    limits: &'a Limits,
    documents: Distinct<(Format, Bytes)>,
    inline: Distinct<(Vec<u64>, DType)>,
    leaves: Distinct<Leaf>,
}

impl<'a> TableBuilder<'a> {
    /// An empty table, with room for this many leaves.
    pub fn new(limits: &'a Limits, leaves: usize) -> Self {
        let table = LeafTable {
            leaf_of: Vec::with_capacity(leaves),
            ..LeafTable::default()
        };
        Self {
            table,
            limits,
            documents: Distinct::new(),
            inline: Distinct::new(),
            leaves: Distinct::new(),
        }
    }

    /// The number of the array that a Zarr document describes.
    ///
    /// # Errors
    /// As the decoder of its version.
    pub fn document(&mut self, document: &Document) -> Result<usize> {
        let (format, bytes) = document;
        let (arrays, limits) = (&mut self.table.arrays, self.limits);
        self.documents.number(document, || {
            let header = match format {
                Format::V2 => zarr::v2::decode(bytes, limits),
                Format::V3 => zarr::v3::decode(bytes, limits),
            };
            arrays.push(Array::Zarr(header?));
            Ok(arrays.len().saturating_sub(1))
        })
    }

    /// The number of an array that has no document, given its shape and dtype.
    pub fn inline(&mut self, shape: Vec<u64>, dtype: DType) -> usize {
        let arrays = &mut self.table.arrays;
        let array = (shape, dtype);
        let number = self.inline.number::<std::convert::Infallible>(&array, || {
            arrays.push(Array::Inline(array.0.clone(), dtype));
            Ok(arrays.len().saturating_sub(1))
        });
        number.unwrap_or_else(|never| match never {})
    }

    /// The number of a place; there are few of them.
    pub fn place(&mut self, place: Place) -> usize {
        let places = &mut self.table.places;
        places
            .iter()
            .rposition(|known| *known == place)
            .unwrap_or_else(|| {
                places.push(place);
                places.len().saturating_sub(1)
            })
    }

    /// The number of an error that made a leaf unreadable.
    pub fn error(&mut self, error: Error) -> usize {
        self.table.errors.push(error);
        self.table.errors.len().saturating_sub(1)
    }

    /// What a leaf of a custom handler is, by the handler's word. Each is one of its own: it has files.
    pub fn custom(&mut self, word: &str) -> LeafKind {
        self.table.custom.push(Custom {
            value_type: word.to_owned(),
            ..Custom::default()
        });
        LeafKind::Custom(self.table.custom.len().saturating_sub(1))
    }

    /// Appends a leaf of the tree; its name has its place in `table.names`.
    pub fn push(&mut self, leaf: Leaf) {
        let leaves = &mut self.table.leaves;
        let number = self.leaves.number::<std::convert::Infallible>(&leaf, || {
            leaves.push(leaf);
            Ok(leaves.len().saturating_sub(1))
        });
        self.table
            .leaf_of
            .push(number.unwrap_or_else(|never| match never {}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_have_one_number_in_whatever_order_they_come() {
        let mut distinct = Distinct::new();
        let mut made = Vec::new();
        let keys = ["a", "a", "b", "a", "b", "c", "c", "a"];
        let numbers = keys.map(|key| {
            let number = distinct.number::<()>(&key, || {
                made.push(key);
                Ok(made.len() - 1)
            });
            number.unwrap()
        });
        assert_eq!(numbers, [0, 0, 1, 0, 1, 2, 2, 0]);
        assert_eq!(made, ["a", "b", "c"]);
    }

    #[test]
    fn a_key_that_cannot_be_made_is_tried_again() {
        let mut distinct = Distinct::new();
        assert_eq!(distinct.number(&"a", || Err("no")), Err("no"));
        assert_eq!(distinct.number::<()>(&"b", || Ok(0)), Ok(0));
        assert_eq!(distinct.number(&"a", || Err("no")), Err("no"));
        assert_eq!(distinct.number::<()>(&"b", || Ok(9)), Ok(0));
        assert_eq!(distinct.number::<()>(&"a", || Ok(1)), Ok(1));
    }
}

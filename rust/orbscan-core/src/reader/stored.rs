//! Which arrays the leaves of a tree are stored as, and what was found of them.

use foldhash::HashMap;

use super::arrays::{self, Document, Format, Storage};
use super::inline::InlineValues;
use super::outline::{ItemFiles, Outline};
use crate::error::Result;
use crate::limits::Limits;
use crate::record::Issue;
use crate::store::Store;
use crate::tree::Names;

/// The arrays that the leaves of a tree name, each once.
#[derive(Debug)]
pub struct Arrays {
    /// By leaf, the number of its array.
    number_of: Vec<Option<usize>>,
    use_ocdbt: Option<bool>,
    format: Format,
}

impl Arrays {
    /// The arrays of a tree whose leaves have the given param names, and the name of each array.
    pub fn new<'n>(
        outline: &Outline<'_>,
        param_names: &'n Names,
        values: &'n InlineValues,
    ) -> (Self, Vec<&'n str>) {
        let mut distinct = DistinctNames::default();
        let mut number_of = Vec::with_capacity(param_names.len());
        for (leaf, (entry, name)) in outline.leaves.iter().zip(param_names.iter()).enumerate() {
            let is_stored = entry.value_type.is_array() && !entry.skip_deserialize;
            number_of.push(
                (is_stored && values.get(leaf).is_none())
                    .then(|| distinct.number(values.stored_name(leaf).unwrap_or(name))),
            );
        }
        let arrays = Self {
            number_of,
            use_ocdbt: outline.use_ocdbt,
            format: outline.format,
        };
        (arrays, distinct.names)
    }

    /// The names of the arrays where each is that of a leaf.
    pub fn names<'n>(&self, param_names: &'n Names) -> Vec<&'n str> {
        let mut names = Vec::new();
        for (number, name) in self.number_of.iter().zip(param_names.iter()) {
            if *number == Some(names.len()) {
                names.push(name);
            }
        }
        names
    }

    /// The number of a leaf's array.
    pub fn number_of(&self, leaf: usize) -> Option<usize> {
        self.number_of.get(leaf).copied().flatten()
    }

    /// Finds the documents of the arrays, by their names.
    ///
    /// # Errors
    /// As [`arrays::find`].
    pub fn find(
        &self,
        store: &dyn Store,
        files: &ItemFiles,
        names: &[&str],
        limits: &Limits,
        issues: &mut Vec<Issue>,
    ) -> Result<Vec<Result<Document>>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let storage = Storage {
            directory: &files.directory,
            manifest: &files.manifest,
            use_ocdbt: self.use_ocdbt,
            format: self.format,
        };
        arrays::find(store, &storage, names, limits, issues)
    }
}

/// The names of the arrays to look for. Keys are not escaped in names, so two leaves may share a
/// name, and then an array.
#[derive(Default)]
struct DistinctNames<'a> {
    names: Vec<&'a str>,
    /// Filled when the names stop rising: until then they are all different.
    numbers: HashMap<&'a str, usize>,
}

impl<'a> DistinctNames<'a> {
    /// The number of a name, which is added if it is new.
    fn number(&mut self, name: &'a str) -> usize {
        let next = self.names.len();
        if self.numbers.is_empty() {
            if self.names.last().is_none_or(|last| *last < name) {
                self.names.push(name);
                return next;
            }
            self.numbers = self.names.iter().copied().zip(0..).collect();
        }
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.names.push(name);
        }
        number
    }
}

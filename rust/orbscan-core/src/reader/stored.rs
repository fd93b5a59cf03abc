//! Which arrays the leaves of a tree are stored as, and what was found of them.

use super::arrays::{self, Format, FormatSaid, Found, Storage};
use super::inline::InlineValues;
use super::outline::{ItemFiles, Outline};
use crate::error::Result;
use crate::limits::Limits;
use crate::memory;
use crate::record::Issue;
use crate::store::Store;
use crate::tree::Names;

/// The memory for one array while it is looked for: its key, its place in the order, its answer.
const BYTES_OF_ARRAY: usize = 320;

/// The arrays that the leaves of a tree name, each once, sorted by name as in a database.
#[derive(Debug)]
pub struct Arrays {
    /// For each leaf, the number of its array.
    number_of: Vec<Option<usize>>,
    count: usize,
    use_ocdbt: Option<bool>,
    format: Format,
    format_is_said: FormatSaid,
}

impl Arrays {
    /// The arrays of a tree whose leaves have the given param names, and the name of each array.
    /// Keys are not escaped in names, so two leaves may share a name, and then an array.
    pub fn new<'n>(
        outline: &Outline,
        param_names: &'n Names,
        values: &'n InlineValues,
    ) -> (Self, Vec<&'n str>) {
        let mut pairs = Vec::with_capacity(param_names.len());
        for leaf in outline.tree.leaves(param_names.len()) {
            let entry = outline.leaves.get(leaf);
            let is_stored =
                entry.is_some_and(|entry| entry.value_type.is_array() && !entry.skip_deserialize);
            if is_stored && values.get(leaf).is_none() {
                let name = values.stored_name(leaf);
                pairs.push((name.unwrap_or_else(|| param_names.get(leaf)), leaf));
            }
        }
        // They nearly always are, and a sort finds that out in more steps.
        if !pairs.is_sorted_by_key(|(name, _)| *name) {
            pairs.sort_by_key(|(name, _)| *name);
        }
        let mut names: Vec<&str> = Vec::with_capacity(pairs.len());
        let mut number_of = vec![None; param_names.len()];
        for (name, leaf) in pairs {
            if names.last() != Some(&name) {
                names.push(name);
            }
            if let Some(number) = number_of.get_mut(leaf) {
                *number = names.len().checked_sub(1);
            }
        }
        let arrays = Self {
            number_of,
            count: names.len(),
            use_ocdbt: outline.use_ocdbt,
            format: outline.format,
            format_is_said: outline.format_is_said,
        };
        (arrays, names)
    }

    /// The names of the arrays, each of which is that of a leaf.
    pub fn names<'n>(&self, param_names: &'n Names) -> Vec<&'n str> {
        let mut names = vec![""; self.count];
        for (number, name) in self.number_of.iter().zip(param_names.iter()) {
            if let Some(slot) = number.and_then(|number| names.get_mut(number)) {
                *slot = name;
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
    ) -> Result<Found> {
        if names.is_empty() {
            return Ok(Found::default());
        }
        memory::room_for(names.len(), BYTES_OF_ARRAY)?;
        let storage = Storage {
            directory: &files.directory,
            manifest: &files.manifest,
            use_ocdbt: self.use_ocdbt,
            format: self.format,
            format_is_said: self.format_is_said,
        };
        arrays::find(store, &storage, names, limits, issues)
    }
}

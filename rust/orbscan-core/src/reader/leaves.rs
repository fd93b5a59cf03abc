//! Joins what the files of an item say about each leaf: its array, its sharding, its key type.

use std::cell::OnceCell;

use super::arrays::{self, Document, Found};
use super::inline::InlineValues;
use super::outline::{ItemFiles, Outline};
use super::shardings::{Entry, LeafShardings};
use super::stored::Arrays;
use super::table::TableBuilder;
use crate::error::{Error, ErrorKind, Result, Subject, listed};
use crate::limits::Limits;
use crate::orbax::aggregate::AggregateValue;
use crate::orbax::leaf_entry::{LeafEntry, ValueType};
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Issue, Leaf, LeafKind, LeafTable, Place};
use crate::tree::{Names, Speller, Tree};
use crate::zarr::dtype::DType;

/// The arrays of the leaves, and what was found of them.
pub struct Stored<'a> {
    /// The arrays.
    pub arrays: &'a Arrays,
    /// What was found, by their numbers.
    pub found: &'a Found,
}

impl Stored<'_> {
    /// The document of a leaf; `None` if it is not stored as an array.
    pub fn document(&self, leaf: usize) -> Option<&Result<Document>> {
        self.found.documents.get(self.arrays.number_of(leaf)?)
    }

    /// The number of the place in which it was found.
    fn place(&self, leaf: usize) -> Option<usize> {
        let number = self.arrays.number_of(leaf)?;
        self.found.place_of.get(number).copied()
    }
}

/// What the documents say about the leaves.
pub struct Said<'a> {
    /// The tree.
    pub outline: Outline,
    /// The param names of its leaves.
    pub param_names: Names,
    /// Their shardings.
    pub shardings: LeafShardings,
    /// The values that are not in the array store.
    pub values: &'a InlineValues,
}

/// Fills the table of a tree. An array that cannot be read is an unreadable leaf and an issue; if
/// none can be read, the fault of the first is returned as well.
pub fn join(
    files: &ItemFiles,
    said: Said<'_>,
    stored: Stored<'_>,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> (LeafTable, Option<Error>) {
    let Said {
        outline,
        param_names,
        mut shardings,
        values,
    } = said;
    issues.extend(shardings.fault.take());
    let mut builder = TableBuilder::new(limits, outline.leaves.len());
    builder.table.places.clone_from(&stored.found.places);
    let mut joining = Joining {
        builder,
        texts: None,
        directory: &files.directory,
        tree: &outline.tree,
        speller: OnceCell::new(),
        write_shapes: &outline.write_shapes,
        stored,
        shardings,
        without_sharding: Vec::new(),
        readable: false,
        issues,
    };
    for (leaf, (entry, name)) in outline.leaves.iter().zip(param_names.iter()).enumerate() {
        joining.leaf(leaf, entry, name, values);
    }
    let (mut table, refusal) = joining.finish();
    table.names = param_names;
    table.tree = outline.tree;
    table.write_shapes = outline.write_shapes;
    issues.extend(unusual_scalars(&table).map(|issue| issue.in_file(&files.directory)));
    (table, refusal)
}

/// The issue about scalars that Orbax saves and restores, but because of which its `metadata` of v1
/// refuses the whole tree. Source: orbax
/// `experimental/v1/_src/serialization/scalar_leaf_handler.py`.
fn unusual_scalars(table: &LeafTable) -> Option<Issue> {
    let unusual = |leaf: &Leaf| {
        let array = leaf.array.and_then(|array| table.arrays.get(array));
        leaf.kind == LeafKind::Scalar
            && array.is_some_and(|array| array.dtype().is_bool() || array.dtype().is_complex())
    };
    if !table.leaves.iter().any(unusual) {
        return None;
    }
    let is_unusual = |number: usize| table.leaves.get(number).is_some_and(unusual);
    let speller = Speller::new(&table.tree);
    let leaves = table.names.iter().zip(&table.leaf_of).enumerate();
    let leaves = leaves.filter(|(_, (_, number))| is_unusual(**number));
    let leaves = leaves.map(|(leaf, (name, _))| speller.spell(leaf, name));
    let count = table.leaf_of.iter().filter(|number| is_unusual(**number));
    let count = count.count();
    let reason = format!(
        "bool or complex scalars, which Orbax restores, but which its v1 metadata() refuses the whole \
         tree for: {}",
        listed(leaves, count)
    );
    Some(Error::new(ErrorKind::Unsupported, reason).without_loss())
}

struct Joining<'a> {
    builder: TableBuilder<'a>,
    /// The number of the place of strings, once it was needed.
    texts: Option<usize>,
    directory: &'a StorePath,
    tree: &'a Tree,
    /// Made for the first fault that names a leaf.
    speller: OnceCell<Speller<'a>>,
    write_shapes: &'a [Vec<u64>],
    stored: Stored<'a>,
    shardings: LeafShardings,
    /// JAX arrays without an entry in `_sharding`, by the numbers and the names of their leaves.
    without_sharding: Vec<(usize, String)>,
    /// Whether any array could be read.
    readable: bool,
    issues: &'a mut Vec<Issue>,
}

impl Joining<'_> {
    fn leaf(&mut self, leaf: usize, entry: &LeafEntry, name: &str, values: &InlineValues) {
        let joined = match values.get(leaf) {
            Some(value) => self.inline(entry, value, values.place(leaf)),
            None => self.described(leaf, entry, name),
        };
        if let Some(stored) = values.stored_name(leaf).filter(|stored| *stored != name) {
            let names = &mut self.builder.table.stored_names;
            names.insert(leaf, stored.to_owned());
        }
        let joined = joined.unwrap_or_else(|error| {
            let error = error.while_reading(self.named(leaf, name));
            self.issues.push(error.clone());
            plain(LeafKind::Unreadable(self.builder.error(error)))
        });
        self.builder.push(joined);
    }

    /// A leaf that is empty, a string, or an array of the store.
    fn described(&mut self, leaf: usize, entry: &LeafEntry, name: &str) -> Result<Leaf> {
        let kind = match (&entry.value_type, entry.skip_deserialize) {
            (ValueType::JaxArray, false) => LeafKind::JaxArray,
            (ValueType::NumpyArray, false) => LeafKind::NumpyArray,
            (ValueType::Scalar, false) => LeafKind::Scalar,
            (ValueType::String, false) => return Ok(self.text()),
            (ValueType::None, skip) => return Ok(self.empty(LeafKind::None, leaf, name, skip)),
            (ValueType::Dict, skip) => {
                return Ok(self.empty(LeafKind::EmptyDict, leaf, name, skip));
            }
            (ValueType::List, skip) => {
                return Ok(self.empty(LeafKind::EmptyList, leaf, name, skip));
            }
            (ValueType::Tuple, skip) => {
                return Ok(self.empty(LeafKind::EmptyTuple, leaf, name, skip));
            }
            (ValueType::NamedTuple, skip) => {
                return Ok(self.empty(LeafKind::EmptyNamedTuple, leaf, name, skip));
            }
            (ValueType::Other(word), _) => return Ok(plain(self.builder.custom(word))),
            (word, skip) => {
                let reason = format!("value type {word:?} with skip_deserialize {skip}");
                return Err(self.in_tree(ErrorKind::Malformed, reason));
            }
        };
        let absent = || {
            Error::new(
                ErrorKind::Malformed,
                "no document of its array was asked for",
            )
        };
        let document = self.stored.document(leaf).ok_or_else(absent)?;
        let document = document.as_ref().map_err(Clone::clone)?;
        let format = document.0;
        let array =
            self.builder.document(document).map_err(|error| {
                match arrays::document_path(self.directory, name, format) {
                    Ok(path) => error.in_file(&path),
                    Err(_) => error.in_file(self.directory),
                }
            })?;
        self.readable = true;
        let jax = kind == LeafKind::JaxArray;
        let write_shape = entry.write_shape.filter(|_| jax);
        self.check_rank(leaf, name, array, write_shape);
        let sharding = if jax { self.sharding(leaf, name) } else { None };
        Ok(Leaf {
            array: Some(array),
            sharding,
            write_shape,
            place: self.stored.place(leaf),
            ..plain(kind)
        })
    }

    /// A leaf without a value. Orbax restores it whatever `skip` says, but its `metadata` of v1
    /// refuses the whole tree if that is false. Source: orbax `_src/metadata/value.py`,
    /// `experimental/v1/_src/handlers/pytree_handler.py`.
    fn empty(&mut self, kind: LeafKind, leaf: usize, name: &str, skip: bool) -> Leaf {
        if !skip {
            let named = self.named(leaf, name);
            let reason = format!("{named}: an empty node with skip_deserialize false");
            let issue = self.in_tree(ErrorKind::Malformed, reason);
            self.issues.push(issue.without_loss());
        }
        plain(kind)
    }

    fn text(&mut self) -> Leaf {
        let builder = &mut self.builder;
        let place = || builder.place(Place::Strings(names::STRINGS.to_owned()));
        let place = *self.texts.get_or_insert_with(place);
        Leaf {
            place: Some(place),
            ..plain(LeafKind::String)
        }
    }

    /// A write shape of another rank than its array is shown as it is, as in Orbax, and reported.
    fn check_rank(&mut self, leaf: usize, name: &str, array: usize, write_shape: Option<usize>) {
        let shape = write_shape.and_then(|number| self.write_shapes.get(number));
        let (Some(shape), Some(array)) = (shape, self.builder.table.arrays.get(array)) else {
            return;
        };
        let (wanted, found) = (array.shape().len(), shape.len());
        if wanted != found {
            let named = self.named(leaf, name);
            let reason =
                format!("{named}: write_shape of rank {found}, the array has rank {wanted}");
            let issue = self.in_tree(ErrorKind::Malformed, reason);
            let issue = issue.about(Subject::WriteShape);
            self.issues.push(issue.without_loss());
        }
    }

    /// A leaf whose value lies in the aggregate file.
    fn inline(&mut self, entry: &LeafEntry, value: &AggregateValue, place: Place) -> Result<Leaf> {
        let scalar = |dtype| (LeafKind::Scalar, Some((Vec::new(), dtype)));
        let jax = entry.value_type == ValueType::JaxArray;
        let (kind, array) = match value {
            AggregateValue::Array { shape, dtype } => {
                let kind = if jax {
                    LeafKind::JaxArray
                } else {
                    LeafKind::NumpyArray
                };
                (kind, Some((shape.clone(), self.numpy_dtype(dtype)?)))
            }
            AggregateValue::NumpyScalar { dtype } => scalar(self.numpy_dtype(dtype)?),
            AggregateValue::Integer => scalar(DType::Int64),
            AggregateValue::Float => scalar(DType::Float64),
            AggregateValue::Bool => scalar(DType::Bool),
            AggregateValue::Complex => scalar(DType::Complex128),
            AggregateValue::String => (LeafKind::String, None),
            AggregateValue::None => (LeafKind::None, None),
            AggregateValue::EmptyDict => (LeafKind::EmptyDict, None),
            AggregateValue::EmptyList => (LeafKind::EmptyList, None),
            AggregateValue::EmptyTuple => (LeafKind::EmptyTuple, None),
            AggregateValue::Bytes | AggregateValue::Placeholder(_) => {
                return Err(self.in_aggregate("a value of raw bytes"));
            }
        };
        self.readable = true;
        let array = array.map(|(shape, dtype)| self.builder.inline(shape, dtype));
        let has_value = array.is_some() || kind == LeafKind::String;
        Ok(Leaf {
            array,
            place: has_value.then(|| self.builder.place(place)),
            ..plain(kind)
        })
    }

    /// The keypath of a leaf as text.
    fn spell(&self, leaf: usize, name: &str) -> String {
        let speller = self.speller.get_or_init(|| Speller::new(self.tree));
        speller.spell(leaf, name)
    }

    fn named(&self, leaf: usize, name: &str) -> String {
        named(&self.spell(leaf, name))
    }

    fn numpy_dtype(&self, name: &str) -> Result<DType> {
        let unknown = || self.in_aggregate(&format!("dtype {name:?} is of no array that JAX has"));
        DType::from_name(name).ok_or_else(unknown)
    }

    fn in_aggregate(&self, reason: &str) -> Error {
        let error = Error::new(ErrorKind::Unsupported, reason);
        match self.directory.join(names::AGGREGATE) {
            Ok(path) => error.in_file(&path),
            Err(_) => error,
        }
    }

    fn in_tree(&self, kind: ErrorKind, reason: impl Into<String>) -> Error {
        let error = Error::new(kind, reason);
        match self.directory.join(names::TREE_METADATA) {
            Ok(path) => error.in_file(&path),
            Err(_) => error,
        }
    }

    fn sharding(&mut self, leaf: usize, name: &str) -> Option<usize> {
        let path = self.shardings.path.as_ref()?;
        match self.shardings.of(leaf) {
            Entry::Number(number) => return Some(number),
            Entry::Nothing => {}
            Entry::Fault(error) => {
                let issue = error.clone().in_file(path);
                let unknown = format!("the sharding of {} is unknown", self.spell(leaf, name));
                self.issues.push(issue.while_reading(unknown));
            }
            Entry::Missing => self.without_sharding.push((leaf, name.to_owned())),
        }
        None
    }

    /// The table, and the first failure if every array failed.
    fn finish(mut self) -> (LeafTable, Option<Error>) {
        let has_failed = !self.readable && !self.stored.found.documents.is_empty();
        let errors = self.builder.table.errors.first();
        if let Some(error) = errors.filter(|_| has_failed).cloned() {
            return (self.builder.table, Some(error));
        }
        if let Some(path) = &self.shardings.path {
            if !self.without_sharding.is_empty() {
                let missing = self.without_sharding.iter();
                let missing = missing.map(|(leaf, name)| self.spell(*leaf, name));
                let missing = listed(missing, self.without_sharding.len());
                let reason = format!("no entry for {missing}");
                let issue = Error::new(ErrorKind::Malformed, reason).in_file(path);
                self.issues.push(issue.without_loss());
            }
            self.builder.table.shardings = self.shardings.table;
        }
        (self.builder.table, None)
    }
}

/// The start of the reason of a fault, given the keypath of the leaf.
pub fn named(place: &str) -> String {
    format!("leaf {place}")
}

const fn plain(kind: LeafKind) -> Leaf {
    Leaf {
        kind,
        array: None,
        sharding: None,
        write_shape: None,
        prng_impl: None,
        place: None,
    }
}

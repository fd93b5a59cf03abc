//! The result of a read: flat columns, in which repeated values are stored once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::Error;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::orbax::sharding::Sharding;
use crate::tree::{Names, Tree};
use crate::zarr::ArrayHeader;
use crate::zarr::dtype::DType;

/// A fault that was tolerated: the same data as an error, but there is a result.
pub type Issue = Error;

/// How the files are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Named checkpointables, marked by `orbax.checkpoint`.
    V1,
    /// Without the marker: named items, or one unnamed pytree.
    V0,
    /// Safetensors files.
    Safetensors,
}

impl Layout {
    /// The stable name of the layout.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V0 => "v0",
            Self::Safetensors => "safetensors",
        }
    }
}

/// What a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeafKind {
    /// A JAX array.
    JaxArray,
    /// A numpy array.
    NumpyArray,
    /// A scalar; its type is the dtype of its array.
    Scalar,
    /// A string.
    String,
    /// `None`.
    None,
    /// An empty mapping.
    EmptyDict,
    /// An empty list.
    EmptyList,
    /// An empty tuple.
    EmptyTuple,
    /// An empty namedtuple.
    EmptyNamedTuple,
    /// A leaf that could not be read, with the number of the error in [`LeafTable::errors`].
    Unreadable(usize),
    /// An array of a safetensors file.
    Tensor,
    /// A leaf that a handler of the writer's own saved, with its number in [`LeafTable::custom`].
    Custom(usize),
}

impl LeafKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::JaxArray,
        Self::NumpyArray,
        Self::Scalar,
        Self::String,
        Self::None,
        Self::EmptyDict,
        Self::EmptyList,
        Self::EmptyTuple,
        Self::EmptyNamedTuple,
        Self::Unreadable(0),
        Self::Tensor,
        Self::Custom(0),
    ];

    /// The stable name of the kind: the writer's word, if there is one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JaxArray => "jax.Array",
            Self::NumpyArray => "np.ndarray",
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::None => "None",
            Self::EmptyDict => "Dict",
            Self::EmptyList => "List",
            Self::EmptyTuple => "Tuple",
            Self::EmptyNamedTuple => "NamedTuple",
            Self::Unreadable(_) => "unreadable",
            Self::Tensor => "safetensors",
            Self::Custom(_) => "custom",
        }
    }
}

/// What is known of a leaf that a handler of the writer's own saved: only that handler can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Custom {
    /// The handler's word for its leaves.
    pub value_type: String,
    /// The files that lie where Orbax has the handler write, sorted: the file or the directory that is
    /// called as the leaf is, relative to the directory of its checkpointable. A handler may store its
    /// values in the database instead.
    pub files: Vec<String>,
    /// The bytes of those files.
    pub bytes: u64,
}

/// One distinct leaf. Leaves that agree in all of this are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// What the leaf is.
    pub kind: LeafKind,
    /// Its array, by its number in [`LeafTable::arrays`].
    pub array: Option<usize>,
    /// Its sharding, by its number in [`LeafTable::shardings`].
    pub sharding: Option<usize>,
    /// The shape of one shard, by its number in [`LeafTable::write_shapes`].
    pub write_shape: Option<usize>,
    /// The PRNG implementation of a typed key array, by its number in [`LeafTable::prng_impls`].
    pub prng_impl: Option<usize>,
    /// Where its value lies, by its number in [`LeafTable::places`]; `None` if it has no value or could
    /// not be read.
    pub place: Option<usize>,
}

/// Where the value of a leaf lies, within the directory of its checkpointable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The merged database.
    Database,
    /// The database of a process, by its directory. It is the only one, and was never merged.
    Process(String),
    /// One of several such databases: only this one describes the array, or it is the first that
    /// does, and the values may be spread over all of them.
    OneOfProcesses(String),
    /// A directory of its own, named as the leaf is in the store.
    Files,
    /// The aggregate file of early releases.
    Aggregate,
    /// The file of strings. A read takes it from the tree, and does not open it.
    Strings(String),
    /// A safetensors file.
    Safetensors(String),
}

impl Place {
    /// The stable name of the variant.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Process(_) => "process",
            Self::OneOfProcesses(_) => "one_of_processes",
            Self::Files => "files",
            Self::Aggregate => "aggregate",
            Self::Strings(_) => "strings",
            Self::Safetensors(_) => "safetensors",
        }
    }

    /// The file or directory; empty for the directory of the checkpointable.
    pub fn path(&self) -> &str {
        match self {
            Self::Database | Self::Files => "",
            Self::Aggregate => names::AGGREGATE,
            Self::Process(path)
            | Self::OneOfProcesses(path)
            | Self::Strings(path)
            | Self::Safetensors(path) => path,
        }
    }
}

/// One distinct array.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Its Zarr document.
    Zarr(ArrayHeader),
    /// Its shape in elements and its dtype, from a file that holds the values in-line.
    Inline(Vec<u64>, DType),
}

impl Array {
    /// What one element is.
    pub const fn dtype(&self) -> DType {
        match self {
            Self::Zarr(header) => header.dtype,
            Self::Inline(_, dtype) => *dtype,
        }
    }

    /// The whole array, in elements.
    pub fn shape(&self) -> &[u64] {
        match self {
            Self::Zarr(header) => &header.shape,
            Self::Inline(shape, _) => shape,
        }
    }
}

/// The leaves of one pytree.
#[derive(Clone, Debug, Default)]
pub struct LeafTable {
    /// The tree; its leaves are numbers in [`LeafTable::leaf_of`].
    pub tree: Tree,
    /// For each leaf of the tree, its number in [`LeafTable::leaves`].
    pub leaf_of: Vec<usize>,
    /// For each leaf of the tree, its param name.
    pub names: Names,
    /// The distinct leaves.
    pub leaves: Vec<Leaf>,
    /// The distinct arrays.
    pub arrays: Vec<Array>,
    /// The distinct shardings.
    pub shardings: Vec<Sharding>,
    /// The distinct write shapes, in elements.
    pub write_shapes: Vec<Vec<u64>>,
    /// The distinct PRNG implementations.
    pub prng_impls: Vec<String>,
    /// The distinct places in which values lie.
    pub places: Vec<Place>,
    /// The names of leaves in the store, if they are not their param names.
    pub stored_names: BTreeMap<usize, String>,
    /// Why leaves could not be read.
    pub errors: Vec<Error>,
    /// The leaves of custom handlers.
    pub custom: Vec<Custom>,
}

impl LeafTable {
    /// What is known of a leaf of a custom handler; `None` for any other.
    pub fn custom_of(&self, kind: LeafKind) -> Option<&Custom> {
        match kind {
            LeafKind::Custom(number) => self.custom.get(number),
            _ => None,
        }
    }

    /// The writer's word for a leaf, or that of its kind where it has none.
    pub fn word(&self, kind: LeafKind) -> &str {
        self.custom_of(kind)
            .map_or_else(|| kind.name(), |custom| custom.value_type.as_str())
    }
}

/// One checkpointable.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name; `None` for a flat checkpoint.
    pub name: Option<String>,
    /// Its leaves, which equal items may share; `None` if it is not a pytree, or cannot be read.
    pub table: Option<Arc<LeafTable>>,
    /// Why it cannot be read; this is also one of the issues.
    pub error: Option<Error>,
}

/// One checkpoint that was read.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// How its files are arranged.
    pub layout: Layout,
    /// When the save began, in nanoseconds since 1970.
    pub init_timestamp_nsecs: Option<i128>,
    /// When the save was committed, in nanoseconds since 1970; in seconds for safetensors, as in
    /// Orbax.
    pub commit_timestamp_nsecs: Option<i128>,
    /// The user's metadata as the JSON text of an object; `None` for an empty one.
    pub custom_metadata: Option<String>,
    /// The handlers that wrote its checkpointables.
    pub handlers: ItemHandlers,
    /// Faults that were tolerated.
    pub issues: Vec<Issue>,
    /// What was asked for.
    pub items: Vec<Item>,
    /// What the listing shows beside the one pytree that was asked for, sorted: directories that
    /// may be checkpointables; `None` stands for the checkpoint itself, which then also holds a
    /// tree.
    pub unread: Vec<Option<String>>,
}

impl Checkpoint {
    /// Whether everything could be read, as far as is known.
    pub fn is_complete(&self) -> bool {
        let read = |item: &Item| {
            let table = item.table.as_ref();
            item.error.is_none() && table.is_none_or(|table| table.errors.is_empty())
        };
        !self.issues.iter().any(Issue::is_loss) && self.items.iter().all(read)
    }
}

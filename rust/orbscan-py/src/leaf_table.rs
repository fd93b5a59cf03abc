//! The leaves of one pytree as columns of plain Python objects.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orbscan_core::orbax::sharding::{Sharding, SpecEntry};
use orbscan_core::record::{self, Array, Leaf, LeafKind};
use orbscan_core::tree::{Container, Content, Node, Run, Tree};
use orbscan_core::zarr::{ArrayHeader, Compression, Format};
use pyo3::prelude::*;
use pyo3::sync::{MutexExt, PyOnceLock};
use pyo3::types::{PyList, PyString, PyTuple};

use crate::{errors, work};

/// The leaves of one pytree; see the stub for the meaning of each attribute.
#[pyclass(frozen, module = "orbscan._core")]
pub struct LeafTable {
    table: Arc<record::LeafTable>,
    /// The keys of the tree, one object for each.
    keys: Vec<Py<PyString>>,
    #[pyo3(get)]
    runs: Py<PyList>,
    #[pyo3(get)]
    namedtuples: Py<PyList>,
    #[pyo3(get)]
    leaves: Py<PyList>,
    #[pyo3(get)]
    arrays: Py<PyList>,
    #[pyo3(get)]
    shardings: Py<PyList>,
    /// Columns that are not needed to build a tree, made when they are first requested.
    node_leaves: PyOnceLock<Py<PyList>>,
    node_keys: PyOnceLock<Py<PyList>>,
    containers: PyOnceLock<Py<PyList>>,
    leaf_places: PyOnceLock<Py<PyList>>,
    /// The Python objects of the distinct leaves.
    leaf_objects: PyOnceLock<Py<PyAny>>,
}

#[pymethods]
impl LeafTable {
    /// The result of `make(self)` when this was first called.
    #[pyo3(signature = (make, /))]
    fn leaf_objects(slf: &Bound<'_, Self>, make: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let known = &slf.get().leaf_objects;
        let objects = known.get_or_try_init(py, || make.call1((slf,)).map(Bound::unbind))?;
        Ok(objects.clone_ref(py))
    }

    /// The object of each node that is a leaf, of those of the distinct leaves.
    #[pyo3(signature = (objects, /))]
    fn values<'py>(
        &self,
        py: Python<'py>,
        objects: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyList>> {
        let nodes = &self.table.tree.nodes;
        work::room_for(py, nodes.len(), size_of::<usize>())?;
        let objects: Vec<Bound<'_, PyAny>> = objects.iter().collect();
        let value = |node: &Node| objects.get(self.distinct(node)?);
        PyList::new(py, nodes.iter().map(value))
    }

    /// The number of the distinct leaf of each node.
    #[getter]
    fn node_leaves(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let made = self.node_leaves.get_or_try_init(py, || {
            let nodes = &self.table.tree.nodes;
            work::room_for(py, nodes.len(), BYTES_OF_NODE)?;
            let leaves = nodes.iter().map(|node| number(self.distinct(node)));
            PyList::new(py, leaves).map(Bound::unbind)
        });
        made.map(|list| list.clone_ref(py))
    }

    /// The key of each node in its container.
    #[getter]
    fn node_keys(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let made = self.node_keys.get_or_try_init(py, || {
            work::room_for(py, self.table.tree.nodes.len(), BYTES_OF_NODE)?;
            let key = |node: &Node| node.key.and_then(|key| self.keys.get(key));
            PyList::new(py, self.table.tree.nodes.iter().map(key)).map(Bound::unbind)
        });
        made.map(|list| list.clone_ref(py))
    }

    /// The children of each node that is a container.
    #[getter]
    fn containers(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let made = self.containers.get_or_try_init(py, || {
            let nodes = self.table.tree.nodes.iter().enumerate().rev();
            let is_leaf = |node: &&Node| matches!(node.content, Content::Leaf(_));
            let leaves = self.table.tree.nodes.iter().filter(is_leaf).count();
            let containers = self.table.tree.nodes.len().saturating_sub(leaves);
            work::room_for(py, containers, BYTES_OF_NAME)?;
            let container = |(number, node): (usize, &Node)| match &node.content {
                Content::Children(kind, children) => {
                    Some((number, container_code(*kind), children.start, children.end))
                }
                Content::Leaf(_) => None,
            };
            let containers: Vec<_> = nodes.filter_map(container).collect();
            PyList::new(py, containers).map(Bound::unbind)
        });
        made.map(|list| list.clone_ref(py))
    }

    /// The nodes that are an empty dict or list, with the code of their leaf.
    #[getter]
    fn empties(&self) -> Vec<(usize, u8)> {
        let is_empty = |leaf: &Leaf| matches!(leaf.kind, LeafKind::EmptyDict | LeafKind::EmptyList);
        if !self.table.leaves.iter().any(is_empty) {
            return Vec::new();
        }
        let nodes = self.table.tree.nodes.iter().enumerate();
        let leaf = |node: &Node| self.table.leaves.get(self.distinct(node)?);
        let found = nodes.filter_map(|(number, node)| Some((number, leaf(node)?)));
        let found = found.filter(|(_, leaf)| is_empty(leaf));
        found
            .map(|(number, leaf)| (number, leaf_code(leaf.kind)))
            .collect()
    }

    /// The places of values: the kind of the place, and the file or directory.
    #[getter]
    fn places(&self) -> Vec<(&'static str, &str)> {
        let places = self.table.places.iter();
        places.map(|place| (place.name(), place.path())).collect()
    }

    /// The index into `places` of each distinct leaf.
    #[getter]
    fn leaf_places(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let made = self.leaf_places.get_or_try_init(py, || {
            let places = self.table.leaves.iter().map(|leaf| number(leaf.place));
            PyList::new(py, places.collect::<Vec<_>>()).map(Bound::unbind)
        });
        made.map(|list| list.clone_ref(py))
    }

    /// The name of the leaf of a node in the store.
    fn stored_name<'py>(
        &self,
        py: Python<'py>,
        node: usize,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let name = self.leaf_at(node).map(|leaf| {
            let own = self.table.stored_names.get(&leaf).map(String::as_str);
            own.unwrap_or_else(|| self.table.names.get(leaf))
        });
        name.map(|name| text(py, name)).transpose()
    }

    /// The param name of a node that is a leaf.
    fn node_name<'py>(
        &self,
        py: Python<'py>,
        node: usize,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let name = self.leaf_at(node).map(|leaf| self.table.names.get(leaf));
        name.map(|name| text(py, name)).transpose()
    }
}

/// A string that is requested once for each leaf. There may be no memory for the next one, and then
/// pyo3's conversion of a `str` panics.
fn text<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyString>> {
    PyString::from_bytes(py, text.as_bytes())
}

impl LeafTable {
    /// The number of the distinct leaf at a node.
    fn distinct(&self, node: &Node) -> Option<usize> {
        match node.content {
            Content::Leaf(leaf) => self.table.leaf_of.get(leaf).copied(),
            Content::Children(..) => None,
        }
    }

    /// The number of the leaf at a node.
    fn leaf_at(&self, node: usize) -> Option<usize> {
        match self.table.tree.nodes.get(node)?.content {
            Content::Leaf(leaf) => Some(leaf),
            Content::Children(..) => None,
        }
    }

    /// Converts a table.
    pub fn new(py: Python<'_>, table: Arc<record::LeafTable>) -> PyResult<Self> {
        work::room_for(py, table.tree.keys.len(), BYTES_OF_KEY)?;
        work::room_for(py, table.tree.nodes.len(), BYTES_OF_NODE)?;
        work::room_for(py, table.leaves.len(), BYTES_OF_LEAF)?;
        let keys = table.tree.keys.iter();
        let keys: Vec<Py<PyString>> = keys.map(|key| PyString::new(py, key).unbind()).collect();
        let shapes = table
            .write_shapes
            .iter()
            .map(|shape| PyTuple::new(py, shape));
        let shapes: Vec<Bound<'_, PyTuple>> = shapes.collect::<PyResult<_>>()?;
        let impls: Vec<_> = table
            .prng_impls
            .iter()
            .map(|name| PyString::new(py, name))
            .collect();
        let leaves = PyList::empty(py);
        for leaf in &table.leaves {
            leaves.append(leaf_tuple(py, leaf, &shapes, &impls, &table)?)?;
        }
        let arrays = PyList::empty(py);
        for array in &table.arrays {
            arrays.append(array_tuple(py, array)?)?;
        }
        let shardings = PyList::empty(py);
        for sharding in &table.shardings {
            shardings.append(sharding_tuple(py, sharding)?)?;
        }
        Ok(Self {
            runs: runs(py, &table.tree, &keys)?.unbind(),
            namedtuples: namedtuples(py, &table.tree)?.unbind(),
            leaves: leaves.unbind(),
            arrays: arrays.unbind(),
            shardings: shardings.unbind(),
            node_leaves: PyOnceLock::new(),
            node_keys: PyOnceLock::new(),
            containers: PyOnceLock::new(),
            leaf_places: PyOnceLock::new(),
            leaf_objects: PyOnceLock::new(),
            keys,
            table,
        })
    }
}

/// The memory of a key in Python, and in its container.
const BYTES_OF_KEY: usize = 160;

/// The memory of a node: a number and its place in a list.
const BYTES_OF_NODE: usize = 48;

/// The memory of a distinct leaf, with its array.
const BYTES_OF_LEAF: usize = 480;

/// The memory of a node whose name or container is requested.
const BYTES_OF_NAME: usize = 160;

/// The most tables that are remembered: as many as the cache of a reader holds.
const MOST_TABLES: usize = 32;

/// Tables that were already converted. The steps of a run share one in Rust, so they share one in
/// Python.
#[derive(Default)]
pub struct Crossed(Mutex<VecDeque<(Arc<record::LeafTable>, Py<LeafTable>)>>);

impl Crossed {
    /// The table as a Python object.
    pub fn table(&self, py: Python<'_>, table: Arc<record::LeafTable>) -> PyResult<Py<LeafTable>> {
        let known = self
            .lock(py)
            .iter()
            .find_map(|(known, crossed)| Arc::ptr_eq(known, &table).then(|| crossed.clone_ref(py)));
        if let Some(known) = known {
            return Ok(known);
        }
        let crossed = Py::new(py, LeafTable::new(py, Arc::clone(&table))?)?;
        let mut tables = self.lock(py);
        tables.push_front((table, crossed.clone_ref(py)));
        let kept = tables.len().min(MOST_TABLES);
        let forgotten = tables.split_off(kept);
        drop(tables);
        // Python objects may be destroyed here, which must not happen under the lock.
        drop(forgotten);
        Ok(crossed)
    }

    /// No other code is called, and nothing can panic, while the lock is held.
    fn lock(
        &self,
        py: Python<'_>,
    ) -> MutexGuard<'_, VecDeque<(Arc<record::LeafTable>, Py<LeafTable>)>> {
        let locked = self.0.lock_py_attached(py);
        locked.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Containers that are alike, with their shared keys.
fn runs<'py>(py: Python<'py>, tree: &Tree, keys: &[Py<PyString>]) -> PyResult<Bound<'py, PyList>> {
    let runs = PyList::empty(py);
    for Run {
        nodes,
        kind,
        children,
    } in tree.runs()
    {
        let width = children.len().checked_div(nodes.len()).unwrap_or_default();
        let first = tree.nodes.get(children.clone()).unwrap_or_default();
        let key = |node: &Node| node.key.and_then(|key| keys.get(key));
        let first: Vec<_> = first.iter().take(width).map(key).collect();
        let shared = PyTuple::new(py, first)?;
        let (code, low, high) = (container_code(kind), children.start, children.end);
        runs.append((nodes.start, nodes.len(), code, low, high, shared))?;
    }
    Ok(runs)
}

/// The codes of containers; the code of a namedtuple is its number plus the first unused code.
const fn container_code(kind: Container) -> usize {
    match kind {
        Container::Dict => 0,
        Container::List => 1,
        Container::Tuple => 2,
        Container::NamedTuple(number) => number.saturating_add(3),
    }
}

fn namedtuples<'py>(py: Python<'py>, tree: &Tree) -> PyResult<Bound<'py, PyList>> {
    let classes = PyList::empty(py);
    for class in &tree.namedtuples {
        classes.append((
            &class.module,
            &class.class,
            PyTuple::new(py, &class.fields)?,
        ))?;
    }
    Ok(classes)
}

/// Exports the codes; a test compares them with those of `orbscan.reading.codes`.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let kinds = LeafKind::ALL.map(|kind| (leaf_code(kind), kind.name()));
    module.add("LEAF_KINDS", PyTuple::new(module.py(), kinds)?)?;
    let kinds = [
        Container::Dict,
        Container::List,
        Container::Tuple,
        Container::NamedTuple(0),
    ];
    let codes = PyTuple::new(module.py(), kinds.map(container_code))?;
    module.add("CONTAINER_CODES", codes)?;
    module.add_class::<LeafTable>()
}

/// The codes of leaves.
const fn leaf_code(kind: LeafKind) -> u8 {
    match kind {
        LeafKind::JaxArray => 0,
        LeafKind::NumpyArray => 1,
        LeafKind::Scalar => 2,
        LeafKind::String => 3,
        LeafKind::None => 4,
        LeafKind::EmptyDict => 5,
        LeafKind::EmptyList => 6,
        LeafKind::EmptyTuple => 7,
        LeafKind::EmptyNamedTuple => 8,
        LeafKind::Unreadable(_) => 9,
        LeafKind::Tensor => 10,
        LeafKind::Custom(_) => 11,
    }
}

/// An index for Python: -1 for none.
fn number(index: Option<usize>) -> i64 {
    let index = index.and_then(|index| i64::try_from(index).ok());
    index.unwrap_or(-1)
}

fn leaf_tuple<'py>(
    py: Python<'py>,
    leaf: &Leaf,
    write_shapes: &[Bound<'py, PyTuple>],
    prng_impls: &[Bound<'py, PyString>],
    table: &record::LeafTable,
) -> PyResult<Bound<'py, PyTuple>> {
    let failure = match leaf.kind {
        LeafKind::Unreadable(number) => table.errors.get(number),
        _ => None,
    };
    let failure = failure
        .map(|error| errors::as_tuple(py, error))
        .transpose()?;
    let custom = table.custom_of(leaf.kind);
    let custom = custom
        .map(|of| {
            let files = PyTuple::new(py, &of.files)?;
            Ok::<_, PyErr>((&of.value_type, files, of.bytes))
        })
        .transpose()?;
    (
        leaf_code(leaf.kind),
        number(leaf.array),
        number(leaf.sharding),
        leaf.write_shape.and_then(|shape| write_shapes.get(shape)),
        leaf.prng_impl.and_then(|name| prng_impls.get(name)),
        failure,
        custom,
    )
        .into_pyobject(py)
}

fn array_tuple<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyTuple>> {
    match array {
        Array::Zarr(header) => (
            PyTuple::new(py, &header.shape)?,
            header.dtype.name(),
            PyTuple::new(py, &header.chunk_shape)?,
            zarr_tuple(py, header)?,
        )
            .into_pyobject(py),
        Array::Inline(shape, dtype) => {
            (PyTuple::new(py, shape)?, dtype.name(), py.None(), py.None()).into_pyobject(py)
        }
    }
}

fn zarr_tuple<'py>(py: Python<'py>, header: &ArrayHeader) -> PyResult<Bound<'py, PyTuple>> {
    let compression = header.compression.as_ref();
    let compression = compression.map(|Compression { algorithm, level }| (algorithm, *level));
    let chunk_shape = PyTuple::new(py, &header.grid_chunk_shape)?;
    match &header.format {
        Format::V2 {
            order,
            dimension_separator,
        } => (
            2,
            &header.stored_dtype,
            chunk_shape,
            compression,
            order,
            dimension_separator,
        )
            .into_pyobject(py),
        Format::V3 { inner_chunk_shape } => {
            let inner = inner_chunk_shape
                .as_ref()
                .map(|shape| PyTuple::new(py, shape))
                .transpose()?;
            (3, &header.stored_dtype, chunk_shape, compression, inner).into_pyobject(py)
        }
    }
}

fn sharding_tuple<'py>(py: Python<'py>, sharding: &Sharding) -> PyResult<Bound<'py, PyTuple>> {
    match sharding {
        Sharding::Single { device_str } => ("single", device_str).into_pyobject(py),
        Sharding::Positional { shape, memory_kind } => {
            ("positional", PyTuple::new(py, shape)?, memory_kind).into_pyobject(py)
        }
        Sharding::Named {
            shape,
            axis_names,
            axis_types,
            partition_spec,
            device_mesh,
        } => {
            let types = axis_types.as_ref();
            let types = types.map(|types| PyTuple::new(py, types.iter().map(|kind| kind.name())));
            let mesh = device_mesh.as_ref();
            let mesh = mesh.map(|mesh| {
                Ok::<_, PyErr>((PyTuple::new(py, &mesh.shape)?, PyTuple::new(py, &mesh.ids)?))
            });
            (
                "named",
                PyTuple::new(py, shape)?,
                PyTuple::new(py, axis_names)?,
                types.transpose()?,
                spec_tuple(py, partition_spec)?,
                mesh.transpose()?,
            )
                .into_pyobject(py)
        }
    }
}

fn spec_tuple<'py>(py: Python<'py>, spec: &[SpecEntry]) -> PyResult<Bound<'py, PyTuple>> {
    let entry = |entry: &SpecEntry| -> PyResult<Py<PyAny>> {
        Ok(match entry {
            SpecEntry::Unsplit => py.None(),
            SpecEntry::Axis(axis) => PyString::new(py, axis).into_any().unbind(),
            SpecEntry::Axes(axes) => PyTuple::new(py, axes)?.into_any().unbind(),
        })
    };
    let entries: Vec<Py<PyAny>> = spec.iter().map(entry).collect::<PyResult<_>>()?;
    PyTuple::new(py, entries)
}

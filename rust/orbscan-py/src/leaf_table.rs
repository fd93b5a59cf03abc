//! The leaves of one pytree as columns of plain Python objects.

use std::sync::Arc;

use orbscan_core::orbax::sharding::{Sharding, SpecEntry};
use orbscan_core::record::{self, Array, Leaf, LeafKind};
use orbscan_core::tree::{Container, Content, Node, Tree};
use orbscan_core::zarr::{ArrayHeader, Compression, Format};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::errors;

/// The leaves of one pytree; see the stub for the meaning of each attribute.
#[pyclass(frozen, module = "orbscan._core")]
pub struct LeafTable {
    #[pyo3(get)]
    node_keys: Py<PyList>,
    #[pyo3(get)]
    node_leaves: Py<PyList>,
    #[pyo3(get)]
    containers: Py<PyList>,
    #[pyo3(get)]
    namedtuples: Py<PyList>,
    #[pyo3(get)]
    leaves: Py<PyList>,
    #[pyo3(get)]
    arrays: Py<PyList>,
    #[pyo3(get)]
    shardings: Py<PyList>,
    table: Arc<record::LeafTable>,
}

#[pymethods]
impl LeafTable {
    /// The param name of each node that is a leaf.
    fn node_names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let name = |node: &Node| match node.content {
            Content::Leaf(leaf) => Some(self.table.names.get(leaf)),
            Content::Children(..) => None,
        };
        PyList::new(py, self.table.tree.nodes.iter().map(name))
    }
}

impl LeafTable {
    /// Carries a table over.
    pub fn new(py: Python<'_>, table: Arc<record::LeafTable>) -> PyResult<Self> {
        let nodes = Nodes::new(py, &table.tree, &table.leaf_of)?;
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
            leaves.append(leaf_tuple(py, leaf, &shapes, &impls, &table.errors)?)?;
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
            node_keys: nodes.keys.unbind(),
            node_leaves: nodes.leaves.unbind(),
            containers: nodes.containers.unbind(),
            namedtuples: namedtuples(py, &table.tree)?.unbind(),
            leaves: leaves.unbind(),
            arrays: arrays.unbind(),
            shardings: shardings.unbind(),
            table,
        })
    }
}

/// The columns of the tree.
struct Nodes<'py> {
    keys: Bound<'py, PyList>,
    leaves: Bound<'py, PyList>,
    containers: Bound<'py, PyList>,
}

impl<'py> Nodes<'py> {
    fn new(py: Python<'py>, tree: &Tree, leaf_of: &[usize]) -> PyResult<Self> {
        let interned: Vec<Py<PyAny>> = tree
            .keys
            .iter()
            .map(|key| PyString::new(py, key).into_any().unbind())
            .collect();
        let none = py.None();
        let key = |key: Option<usize>| key.and_then(|key| interned.get(key)).unwrap_or(&none);
        let leaf = |content: &Content| match content {
            Content::Leaf(leaf) => leaf_of
                .get(*leaf)
                .and_then(|&leaf| i64::try_from(leaf).ok()),
            Content::Children(..) => None,
        };
        let containers = PyList::empty(py);
        for (number, node) in tree.nodes.iter().enumerate().rev() {
            if let Content::Children(kind, children) = &node.content {
                containers.append((number, container_code(*kind), children.start, children.end))?;
            }
        }
        Ok(Self {
            keys: PyList::new(py, tree.nodes.iter().map(|node| key(node.key).bind(py)))?,
            leaves: PyList::new(
                py,
                tree.nodes
                    .iter()
                    .map(|node| leaf(&node.content).unwrap_or(-1)),
            )?,
            containers,
        })
    }
}

/// The codes of containers; a namedtuple's is its number and the first code that is free.
const fn container_code(kind: Container) -> usize {
    match kind {
        Container::Dict => 0,
        Container::List => 1,
        Container::Tuple => 2,
        Container::NamedTuple(number) => number + 3,
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

/// The codes of leaves; `orbscan.tree` has the same.
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
    }
}

fn leaf_tuple<'py>(
    py: Python<'py>,
    leaf: &Leaf,
    write_shapes: &[Bound<'py, PyTuple>],
    prng_impls: &[Bound<'py, PyString>],
    failures: &[orbscan_core::error::Error],
) -> PyResult<Bound<'py, PyTuple>> {
    let number = |number: Option<usize>| number.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1);
    let failure = match leaf.kind {
        LeafKind::Unreadable(number) => failures.get(number),
        _ => None,
    };
    let failure = failure
        .map(|error| errors::as_tuple(py, error))
        .transpose()?;
    (
        leaf_code(leaf.kind),
        number(leaf.array),
        number(leaf.sharding),
        leaf.write_shape.and_then(|shape| write_shapes.get(shape)),
        leaf.prng_impl.and_then(|name| prng_impls.get(name)),
        failure,
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

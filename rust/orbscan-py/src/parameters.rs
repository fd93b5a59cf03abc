//! Which nodes of a tree belong to its parameters.

use std::ops::Range;

use orbscan_core::parameters::{self as core, Outline};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

/// The columns of a tree that matter here, as Python passes them: its name, the key of each node,
/// and for each container its node, its kind, and the first and the end of its children.
type Columns<'py> = (
    Option<String>,
    Vec<Option<String>>,
    Vec<(usize, Bound<'py, PyAny>, usize, usize)>,
);

struct Tree {
    name: Option<String>,
    keys: Vec<Option<String>>,
    children: Vec<Range<usize>>,
}

impl Tree {
    fn new((name, keys, containers): Columns<'_>) -> Self {
        let mut children = vec![0..0; keys.len()];
        for (node, _, low, high) in containers {
            if let Some(of_node) = children.get_mut(node) {
                *of_node = low..high;
            }
        }
        Self {
            name,
            keys,
            children,
        }
    }
}

impl Outline for Tree {
    fn len(&self) -> usize {
        self.keys.len()
    }

    fn key(&self, node: usize) -> Option<&str> {
        self.keys.get(node)?.as_deref()
    }

    fn children(&self, node: usize) -> Range<usize> {
        self.children.get(node).cloned().unwrap_or_default()
    }
}

/// For each node of each tree, whether it belongs to the parameters; see the stub.
#[pyfunction]
fn parameter_nodes<'py>(py: Python<'py>, trees: Vec<Columns<'py>>) -> PyResult<Bound<'py, PyList>> {
    let trees: Vec<Tree> = trees.into_iter().map(Tree::new).collect();
    let named: Vec<_> = trees
        .iter()
        .map(|tree| (tree.name.as_deref(), tree))
        .collect();
    let marks = core::nodes(&named);
    let bytes = marks.iter().map(|marks| {
        let marks: Vec<u8> = marks.iter().map(|mark| u8::from(*mark)).collect();
        PyBytes::new(py, &marks)
    });
    PyList::new(py, bytes)
}

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parameter_nodes, module)?)
}

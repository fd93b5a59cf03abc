//! One checkpoint, for Python.

use orbscan_core::orbax::checkpoint_metadata::ItemHandlers;
use orbscan_core::record;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyList, PyTuple};

use crate::errors;
use crate::leaf_table::Crossed;

/// A checkpoint that was read; see the stub for the meaning of each attribute.
#[pyclass(frozen, get_all, module = "orbscan._core")]
pub struct Checkpoint {
    layout: &'static str,
    init_timestamp_nsecs: Option<i128>,
    commit_timestamp_nsecs: Option<i128>,
    custom_metadata: Option<String>,
    handlers: Py<PyAny>,
    issues: Py<PyList>,
    items: Py<PyList>,
    unreadable: Py<PyList>,
    unread: Py<PyList>,
}

impl Checkpoint {
    /// Converts a checkpoint, with those of its tables that were not converted yet.
    pub fn new(py: Python<'_>, read: record::Checkpoint, tables: &Crossed) -> PyResult<Self> {
        let issues = PyList::empty(py);
        for issue in &read.issues {
            issues.append(errors::as_tuple(py, issue)?)?;
        }
        let items = PyList::empty(py);
        let unreadable = PyList::empty(py);
        for item in read.items {
            if let Some(error) = &item.error {
                unreadable.append((&item.name, errors::as_tuple(py, error)?))?;
            }
            let table = item
                .table
                .map(|table| tables.table(py, table))
                .transpose()?;
            let pair: Bound<'_, PyTuple> = (item.name, table).into_pyobject(py)?;
            items.append(pair)?;
        }
        Ok(Self {
            layout: read.layout.name(),
            init_timestamp_nsecs: read.init_timestamp_nsecs,
            commit_timestamp_nsecs: read.commit_timestamp_nsecs,
            custom_metadata: read.custom_metadata,
            handlers: handlers(py, read.handlers)?,
            issues: issues.unbind(),
            items: items.unbind(),
            unreadable: unreadable.unbind(),
            unread: PyList::new(py, read.unread)?.unbind(),
        })
    }
}

/// The handler of a flat checkpoint as text, those of a composite one by name, None if none are
/// recorded.
fn handlers(py: Python<'_>, handlers: ItemHandlers) -> PyResult<Py<PyAny>> {
    Ok(match handlers {
        ItemHandlers::Unknown => py.None(),
        ItemHandlers::Flat(handler) => handler.into_pyobject(py)?.into_any().unbind(),
        ItemHandlers::Named(named) => named.into_py_dict(py)?.into_any().unbind(),
    })
}

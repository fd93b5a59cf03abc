//! One checkpoint, for Python.

use orbscan_core::error::Error;
use orbscan_core::orbax::checkpoint_metadata::ItemHandlers;
use orbscan_core::record;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyInt, PyList, PyTuple};

use crate::errors;
use crate::leaf_table::Crossed;

/// A checkpoint that was read; see the stub for the meaning of each attribute.
#[pyclass(frozen, module = "orbscan._core")]
pub struct Checkpoint {
    #[pyo3(get)]
    layout: &'static str,
    #[pyo3(get)]
    custom_metadata: Option<String>,
    #[pyo3(get)]
    items: Py<PyList>,
    /// What is rarely looked at is converted when it is.
    init_timestamp_nsecs: Option<i128>,
    commit_timestamp_nsecs: Option<i128>,
    handlers: ItemHandlers,
    issues: Vec<record::Issue>,
    unreadable: Vec<(Option<String>, Error)>,
    unread: Vec<Option<String>>,
}

#[pymethods]
impl Checkpoint {
    #[getter]
    fn init_timestamp_nsecs<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyInt>> {
        self.init_timestamp_nsecs.map(|time| nsecs(py, time))
    }

    #[getter]
    fn commit_timestamp_nsecs<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyInt>> {
        self.commit_timestamp_nsecs.map(|time| nsecs(py, time))
    }

    /// The handler of a flat checkpoint as text, those of a composite one by name, None if none are
    /// recorded.
    #[getter]
    fn handlers(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match &self.handlers {
            ItemHandlers::Unknown => py.None(),
            ItemHandlers::Flat(handler) => handler.into_pyobject(py)?.into_any().unbind(),
            ItemHandlers::Named(named) => {
                let named = named.iter().map(|(name, handler)| (name, handler));
                named.into_py_dict(py)?.into_any().unbind()
            }
        })
    }

    #[getter]
    fn issues<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let issues = self.issues.iter();
        issues.map(|issue| errors::as_tuple(py, issue)).collect()
    }

    #[getter]
    fn unreadable<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Vec<(Option<&str>, Bound<'py, PyTuple>)>> {
        let unreadable = self.unreadable.iter();
        unreadable
            .map(|(name, error)| Ok((name.as_deref(), errors::as_tuple(py, error)?)))
            .collect()
    }

    #[getter]
    fn unread(&self) -> Vec<Option<&str>> {
        self.unread.iter().map(Option::as_deref).collect()
    }
}

impl Checkpoint {
    /// Converts a checkpoint, with those of its tables that were not converted yet.
    pub fn new(py: Python<'_>, read: record::Checkpoint, tables: &Crossed) -> PyResult<Self> {
        let items = PyList::empty(py);
        let mut unreadable = Vec::new();
        for item in read.items {
            if let Some(error) = item.error {
                unreadable.push((item.name.clone(), error));
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
            custom_metadata: read.custom_metadata,
            items: items.unbind(),
            init_timestamp_nsecs: read.init_timestamp_nsecs,
            commit_timestamp_nsecs: read.commit_timestamp_nsecs,
            handlers: read.handlers,
            issues: read.issues,
            unreadable,
            unread: read.unread,
        })
    }
}

/// A number of nanoseconds. Python makes one of 64 bits in one step, and a larger one in five.
fn nsecs(py: Python<'_>, nsecs: i128) -> Bound<'_, PyInt> {
    let Ok(made) = match i64::try_from(nsecs) {
        Ok(nsecs) => nsecs.into_pyobject(py),
        Err(_) => nsecs.into_pyobject(py),
    };
    made
}

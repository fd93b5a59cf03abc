//! Files taken apart, as tuples.

use std::path::PathBuf;

use orbscan_core::dump::known::DESCRIPTIONS;
use orbscan_core::dump::{self, Dump, Field, Value};
use orbscan_core::error::Offset;
use orbscan_core::limits::Limits;
use orbscan_core::reader;
use orbscan_core::store::local::LocalStore;
use orbscan_core::store::{Store, Want};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::{errors, work};

/// Adds what is here to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let files = DESCRIPTIONS.map(|row| (row.names, row.what, row.meaning));
    module.add("FILES", PyTuple::new(module.py(), files)?)?;
    module.add_function(wrap_pyfunction!(take_apart, module)?)
}

/// Takes the file at `path` apart, or the part of it that is given by offset and length; see the
/// stub for the meaning of what comes back.
#[pyfunction]
#[pyo3(name = "dump", signature = (path, part))]
fn take_apart(
    py: Python<'_>,
    path: PathBuf,
    part: Option<(u64, u64)>,
) -> PyResult<Bound<'_, PyList>> {
    let limits = Limits::default();
    let dumps = work::detached(py, &path, || {
        let (store, path) = LocalStore::open_from_top(&path)?;
        let dumps = match part {
            None => dump::file_in(&store, &path, &limits),
            Some((offset, length)) => {
                let fetched = store.fetch_one(Want::range(path, offset, length));
                fetched.map(|bytes| dump::part(&bytes, offset, &limits))
            }
        };
        dumps.map_err(|error| reader::locate(&store, error))
    })?;
    let list = PyList::empty(py);
    for dump in &dumps {
        list.append(dump_tuple(py, dump)?)?;
    }
    Ok(list)
}

fn dump_tuple<'py>(py: Python<'py>, dump: &Dump) -> PyResult<Bound<'py, PyTuple>> {
    let fields = PyList::empty(py);
    for field in &dump.fields {
        fields.append(field_tuple(py, field)?)?;
    }
    let error = match &dump.error {
        Some(error) => Some(errors::as_tuple(py, error)?),
        None => None,
    };
    (dump.kind, &dump.meaning, fields, error).into_pyobject(py)
}

fn field_tuple<'py>(py: Python<'py>, field: &Field) -> PyResult<Bound<'py, PyTuple>> {
    let (kind, value) = match &field.value {
        Value::Group => ("group", py.None().into_bound(py)),
        Value::Number(number) => ("number", number.into_pyobject(py)?.into_any()),
        Value::Numbers(numbers) => ("numbers", numbers.into_pyobject(py)?.into_any()),
        Value::Bytes(bytes) => ("bytes", PyBytes::new(py, bytes).into_any()),
        Value::Text(text) => ("text", text.into_pyobject(py)?.into_any()),
        Value::Json(text) => ("json", text.into_pyobject(py)?.into_any()),
    };
    let in_body = matches!(field.at, Some(Offset::Body(_)));
    let at = field.at.map(Offset::bytes);
    (field.level, at, in_body, &field.name, kind, value).into_pyobject(py)
}

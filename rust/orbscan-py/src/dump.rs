//! Files taken apart, as tuples.

use std::path::PathBuf;

use orbscan_core::dump::{self, Dump, Field, Value};
use orbscan_core::error::Offset;
use orbscan_core::limits::Limits;
use orbscan_core::reader;
use orbscan_core::store::{Store, Want};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::{detached, errors};

/// Takes the file at `path` apart, or the part of it that is given by offset and length; see the
/// stub for the meaning of what comes back.
#[pyfunction]
#[pyo3(name = "dump", signature = (path, part))]
pub fn take_apart(
    py: Python<'_>,
    path: PathBuf,
    part: Option<(u64, u64)>,
) -> PyResult<Bound<'_, PyList>> {
    let limits = Limits::default();
    let dumps = detached(py, &path, |store, path| {
        let want = match part {
            None => Want::whole(path.clone(), limits.max_document_bytes),
            Some((offset, length)) => Want::range(path.clone(), offset, length),
        };
        let fetched = store.fetch_one(want);
        let bytes = fetched.map_err(|error| reader::locate(store, error))?;
        Ok(match part {
            None => dump::file(path.as_str(), &bytes, &limits),
            Some((offset, _)) => dump::part(&bytes, offset, &limits),
        })
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
    (dump.kind, fields, error).into_pyobject(py)
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

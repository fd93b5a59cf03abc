//! Dumps of files, as tuples.

use std::sync::{Mutex, PoisonError};

use orbscan_core::dump::known::DESCRIPTIONS;
use orbscan_core::dump::{self, Field, Piece, Value};
use orbscan_core::error::{Error, ErrorKind, Offset};
use orbscan_core::limits::Limits;
use orbscan_core::reader;
use orbscan_core::store::Want;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::place::Place;
use crate::{errors, work};

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let files = DESCRIPTIONS.map(|row| (row.names, row.what, row.meaning));
    module.add("FILES", PyTuple::new(module.py(), files)?)?;
    module.add_function(wrap_pyfunction!(take_apart, module)?)
}

/// Dumps the file at `path`, or the part of it at an offset and of a length, and passes the pieces
/// to `sink`; see the stub for their meaning.
#[pyfunction]
#[pyo3(name = "dump", signature = (path, part, sink))]
fn take_apart(
    py: Python<'_>,
    path: Place,
    part: Option<(u64, u64)>,
    sink: Py<PyAny>,
) -> PyResult<()> {
    let limits = Limits::default();
    let raised = Mutex::new(None);
    let mut tell = |piece: Piece| {
        Python::attach(|py| told(py, piece, sink.bind(py))).map_err(|error| {
            let reason = "the callback raised an exception";
            *raised.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            Error::new(ErrorKind::Store, reason)
        })
    };
    let done = work::detached(
        py,
        || path.text(),
        || {
            let (store, path) = path.open_from_top()?;
            let store = store.as_ref();
            let told = match part {
                None => dump::pieces_in(store, &path, &limits, &mut tell),
                Some((offset, length)) => {
                    let fetched = store.fetch_one(Want::range(path, offset, length));
                    fetched
                        .and_then(|bytes| dump::pieces_of_part(&bytes, offset, &limits, &mut tell))
                }
            };
            told.map_err(|error| reader::locate(store, error))
        },
    );
    match raised.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => done,
    }
}

/// The memory of a field in Python, except texts and numbers of any length.
const BYTES_OF_FIELD: usize = 1_200;

fn told(py: Python<'_>, piece: Piece, sink: &Bound<'_, PyAny>) -> PyResult<()> {
    match piece {
        Piece::Begins(kind, meaning) => sink.call_method1("begins", (kind, meaning))?,
        Piece::Fields(noted) => {
            work::room_for(py, noted.len(), BYTES_OF_FIELD)?;
            let fields = PyList::empty(py);
            for field in &noted {
                fields.append(field_tuple(py, field)?)?;
            }
            drop(noted);
            sink.call_method1("fields", (fields,))?
        }
        Piece::Ends(error) => {
            let error = error
                .map(|error| errors::as_tuple(py, &error))
                .transpose()?;
            sink.call_method1("ends", (error,))?
        }
    };
    Ok(())
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

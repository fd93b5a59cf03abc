//! From an error of the core to an exception, in one place.

use orbscan_core::error::{Error, Offset, StoreFault, Subject};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// The exception for `error`, of the class that `orbscan.errors` has for its kind.
pub fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let made = py.import("orbscan.errors").and_then(|module| {
        let (offset, in_body) = offset(error);
        let arguments = (
            error.kind().name(),
            error.reason(),
            error.file(),
            offset,
            in_body,
            error.errno(),
            error
                .advice()
                .map(|advice| (advice.topic(), advice.value(), advice.words())),
            fault(error).map(StoreFault::name),
        );
        module.call_method1("error", arguments)
    });
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(broken) => broken,
    }
}

/// Why a store gave no answer, if it is known.
fn fault(error: &Error) -> Option<StoreFault> {
    match error.subject() {
        Some(Subject::Store(fault)) => Some(fault),
        _ => None,
    }
}

/// `(kind, file, offset, in_body, reason)`: an error that is not raised.
pub fn as_tuple<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyTuple>> {
    let (offset, in_body) = offset(error);
    (
        error.kind().name(),
        error.file(),
        offset,
        in_body,
        error.reason(),
    )
        .into_pyobject(py)
}

/// The offset in bytes, and whether it counts from the start of a decompressed body.
fn offset(error: &Error) -> (Option<u64>, bool) {
    let in_body = matches!(error.offset(), Some(Offset::Body(_)));
    (error.offset().map(Offset::bytes), in_body)
}

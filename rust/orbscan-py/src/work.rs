//! Work without the interpreter, which Ctrl-C and a lack of memory end with an exception.

use std::cell::RefCell;

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::{interrupt, memory};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

use crate::errors;

thread_local! {
    /// The exception that a signal handler raised in this thread.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Does work on a path, without the interpreter; `path` says which, in an error.
///
/// # Errors
/// Whatever a signal handler raised meanwhile; `MemoryError` if memory was refused, even if the
/// work continued.
pub fn detached<T: Send>(
    py: Python<'_>,
    path: impl FnOnce() -> String,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    let (done, lacked) = py.detach(|| memory::watched(|| interruptible(work)));
    let done = match done? {
        Err(error) if error.kind() == ErrorKind::Memory && error.file().is_some() => Err(error),
        _ if lacked > 0 => {
            let reason = memory::reason(lacked);
            Err(Error::new(ErrorKind::Memory, reason).in_file(&path()))
        }
        done => done,
    };
    done.map_err(|error| errors::raised(py, &error))
}

/// Does work during which signal handlers run now and then; the interpreter may be held or not.
///
/// # Errors
/// Whatever one of them raised.
pub fn interruptible<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    match interrupt::watched(go_on, work) {
        (done, false) => Ok(done),
        (_, true) => Err(RAISED
            .take()
            .unwrap_or_else(|| PyKeyboardInterrupt::new_err(()))),
    }
}

/// Checks that there is memory for this many Python objects of this many bytes: where nothing can
/// be raised, a failed allocation would be a panic.
///
/// # Errors
/// `MemoryError`.
pub fn room_for(py: Python<'_>, things: usize, bytes_each: usize) -> PyResult<()> {
    memory::room_for(things, bytes_each).map_err(|error| errors::raised(py, &error))
}

/// Runs signal handlers, which Python does only in the main thread.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is for one lifetime"
)]
fn go_on() -> bool {
    // An interpreter that is shutting down is not used any more.
    match Python::try_attach(|py| py.check_signals()) {
        Some(Ok(())) => true,
        Some(Err(raised)) => {
            RAISED.set(Some(raised));
            false
        }
        None => false,
    }
}

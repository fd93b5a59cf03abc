//! Tables of a scan as Arrow streams, through the `PyCapsule` interface.
//!
//! Source: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.

use std::process;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Instant;

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use orbscan_arrow::{CheckpointBatches, LeafBatches};
use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::scan::entry::{Content, Entry};
use orbscan_core::scan::{self as core, Poll};
use pyo3::exceptions::{PyBaseException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::scan::{FORKED, Scan, locked};
use crate::{PATIENCE, errors, work};

/// A table on its way out; see the stub.
#[pyclass(frozen, module = "orbscan._core")]
pub struct ArrowStream {
    schema: SchemaRef,
    batches: Mutex<Option<Box<dyn RecordBatchReader + Send>>>,
    seen: Arc<Mutex<Seen>>,
}

/// What can be asked of a stream that another library reads.
#[derive(Default)]
struct Seen {
    /// How many checkpoints the stream has come to.
    checkpoints: usize,
    /// How many of them could not be read completely.
    incomplete: usize,
    /// Those that were not read again, in their order.
    unchanged: Vec<String>,
    /// Why the first could not be read for which there was too little memory.
    lacking: Option<Error>,
    /// What Ctrl-C raised.
    interrupt: Option<PyErr>,
    /// The thread that asked for the stream.
    thread: Option<ThreadId>,
}

impl ArrowStream {
    fn new(
        scan: core::Scan,
        table: impl FnOnce(Watched) -> Box<dyn RecordBatchReader + Send>,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let batches = table(Watched {
            scan,
            seen: Arc::clone(&seen),
            looked: Instant::now(),
        });
        Self {
            schema: batches.schema(),
            batches: Mutex::new(Some(batches)),
            seen,
        }
    }
}

#[pymethods]
impl ArrowStream {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        // The interface allows a producer to give its own schema whatever is asked for.
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = locked(&self.batches).take().ok_or_else(|| {
            PyValueError::new_err("this table was read already; scan again to read it again")
        })?;
        locked(&self.seen).thread = Some(thread::current().id());
        let patient = Patient {
            process: process::id(),
            batches,
            seen: Arc::clone(&self.seen),
        };
        let stream = FFI_ArrowArrayStream::new(Box::new(patient));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }

    #[getter]
    fn checkpoints_seen(&self) -> usize {
        locked(&self.seen).checkpoints
    }

    #[getter]
    fn checkpoints_incomplete(&self) -> usize {
        locked(&self.seen).incomplete
    }

    #[getter]
    fn lacking(&self, py: Python<'_>) -> Option<Py<PyBaseException>> {
        let lacking = locked(&self.seen).lacking.clone()?;
        Some(errors::raised(py, &lacking).into_value(py))
    }

    fn unchanged(&self) -> Vec<String> {
        locked(&self.seen).unchanged.clone()
    }

    fn check_interrupt(&self) -> PyResult<()> {
        locked(&self.seen).interrupt.take().map_or(Ok(()), Err)
    }
}

/// Entries, counted as they pass, until Ctrl-C ends them.
struct Watched {
    scan: core::Scan,
    seen: Arc<Mutex<Seen>>,
    /// When it was last looked whether Ctrl-C was pressed.
    looked: Instant,
}

impl Watched {
    /// Whether Ctrl-C was pressed. Asked on the thread of the consumer alone: waiting for the
    /// interpreter on a thread of somebody's pool could wait for ever.
    fn is_interrupted(&mut self) -> bool {
        if locked(&self.seen).interrupt.is_some() {
            return true;
        }
        if self.looked.elapsed() < PATIENCE {
            return false;
        }
        self.looked = Instant::now();
        if locked(&self.seen).thread != Some(thread::current().id()) {
            return false;
        }
        // The lock is not held meanwhile: a signal handler is free to ask us something.
        let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
        let mut seen = locked(&self.seen);
        seen.interrupt = raised;
        seen.interrupt.is_some()
    }

    /// Waits; a scan of one thread reads in this one, and that ends with Ctrl-C, too.
    fn poll(&mut self) -> Poll {
        let here = locked(&self.seen).thread == Some(thread::current().id());
        let scan = &mut self.scan;
        if !here {
            return scan.poll(PATIENCE);
        }
        work::interruptible(|| scan.poll(PATIENCE)).unwrap_or_else(|raised| {
            locked(&self.seen).interrupt = Some(raised);
            Poll::Waiting
        })
    }

    fn note(&self, entry: &Entry) {
        let mut seen = locked(&self.seen);
        seen.checkpoints = seen.checkpoints.saturating_add(1);
        if entry.complete() == Some(false) {
            seen.incomplete = seen.incomplete.saturating_add(1);
        }
        let lacks = |error: &&Error| error.kind() == ErrorKind::Memory;
        if seen.lacking.is_none() {
            seen.lacking = entry.error().filter(lacks).cloned();
        }
        if matches!(entry.content, Content::Unchanged) {
            seen.unchanged.push(entry.path.clone());
        }
    }
}

impl Iterator for Watched {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while !self.is_interrupted() {
            match self.poll() {
                Poll::Entry(entry) => {
                    self.note(&entry);
                    return Some(*entry);
                }
                Poll::Waiting => {}
                Poll::End => return None,
            }
        }
        self.scan.stop();
        None
    }
}

/// Batches that are waited for without the interpreter.
struct Patient {
    /// The number of the process that began the scan.
    process: u32,
    batches: Box<dyn RecordBatchReader + Send>,
    seen: Arc<Mutex<Seen>>,
}

impl Iterator for Patient {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.process != process::id() {
            return Some(Err(ArrowError::ComputeError(FORKED.to_owned())));
        }
        let here = locked(&self.seen).thread == Some(thread::current().id());
        let batches = &mut self.batches;
        let next = if here {
            // The consumer may hold the interpreter or not; either way it does not while we wait.
            // Nothing more is wanted of an interpreter that is shutting down.
            Python::try_attach(|py| py.detach(|| batches.next())).unwrap_or_default()
        } else {
            batches.next()
        };
        if locked(&self.seen).interrupt.is_some() {
            let reason = "interrupted: the table is not complete".to_owned();
            return Some(Err(ArrowError::ComputeError(reason)));
        }
        next
    }
}

impl RecordBatchReader for Patient {
    fn schema(&self) -> SchemaRef {
        self.batches.schema()
    }
}

/// The table of the leaves that a scan finds, which is closed otherwise.
#[pyfunction]
pub fn leaf_stream(scan: &Scan) -> PyResult<ArrowStream> {
    Ok(ArrowStream::new(scan.take()?, |entries| {
        Box::new(LeafBatches::new(entries))
    }))
}

/// The table of the checkpoints that a scan finds, which is closed otherwise.
#[pyfunction]
pub fn checkpoint_stream(scan: &Scan) -> PyResult<ArrowStream> {
    Ok(ArrowStream::new(scan.take()?, |entries| {
        Box::new(CheckpointBatches::new(entries))
    }))
}

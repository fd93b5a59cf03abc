//! Tables of a scan: as Arrow streams, through the `PyCapsule` interface, and as lines of JSON.
//!
//! Source: <https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html>.

use std::collections::HashMap;
use std::process;
use std::sync::{Arc, Mutex};
use std::thread;

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use orbscan_arrow::json::{Spelling, json_lines};
use orbscan_arrow::{
    BATCH_ROWS, CatalogueBatches, CheckpointBatches, Few, FindingBatches, LeafBatches,
    catalogue_schema, checkpoint_schema, finding_schema, leaf_schema,
};
use orbscan_core::scan as core;
use orbscan_core::verify::Slice;
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule};

use crate::findings::Check;
use crate::place::Place;
use crate::scan::{FORKED, Scan, locked};
use crate::watched::{Seen, Watched};
use crate::{errors, verify};

/// The rows of one piece of JSON lines: few, so that little is in memory and the first ones come
/// soon.
const JSON_ROWS: usize = 1 << 10;

/// Which rows of a scan are wanted.
#[derive(Clone, Copy)]
enum Table {
    Leaves,
    Checkpoints,
    Findings,
    Catalogue,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Leaves => "leaves",
            Self::Checkpoints => "checkpoints",
            Self::Findings => "findings",
            Self::Catalogue => "catalogue",
        }
    }

    fn schema(self, few: Few) -> SchemaRef {
        match self {
            Self::Leaves => leaf_schema(few),
            Self::Checkpoints => checkpoint_schema(few),
            Self::Findings => finding_schema(few),
            Self::Catalogue => catalogue_schema(few),
        }
    }

    /// The table with this name.
    ///
    /// # Errors
    /// `ValueError` if there is none.
    fn named(name: &str) -> PyResult<Self> {
        let all = [
            Self::Leaves,
            Self::Checkpoints,
            Self::Findings,
            Self::Catalogue,
        ];
        let found = all.into_iter().find(|table| table.name() == name);
        found.ok_or_else(|| {
            let names = all.map(|table| format!("'{}'", table.name())).join(" or ");
            PyValueError::new_err(format!("table must be {names}, not '{name}'"))
        })
    }
}

/// A table as a stream; see the stub.
#[pyclass(frozen, module = "orbscan._core")]
pub struct ArrowStream {
    table: Table,
    /// How checkpoints are checked, for the table of findings.
    check: Option<Check>,
    few: Few,
    scan: Mutex<Option<core::Scan>>,
    seen: Arc<Mutex<Seen>>,
}

impl ArrowStream {
    fn new(scan: core::Scan, table: Table, categories: bool) -> Self {
        Self {
            table,
            check: None,
            few: few(categories),
            scan: Mutex::new(Some(scan)),
            seen: Arc::default(),
        }
    }

    fn batches(
        &self,
        entries: Watched,
        few: Few,
        rows: usize,
    ) -> Box<dyn RecordBatchReader + Send> {
        match (self.table, &self.check) {
            (Table::Findings, Some(check)) => {
                let (level, checked) = (check.level(), check.clone().of(entries));
                Box::new(FindingBatches::with_batch_rows(checked, level, few, rows))
            }
            (Table::Checkpoints, _) => {
                Box::new(CheckpointBatches::with_batch_rows(entries, few, rows))
            }
            (Table::Catalogue, _) => Box::new(CatalogueBatches::new(entries, few)),
            _ => Box::new(LeafBatches::with_batch_rows(entries, few, rows)),
        }
    }

    /// The rows, which can be taken once.
    ///
    /// # Errors
    /// `ValueError` if they were taken before.
    fn take(&self, few: Few, batch_rows: usize, with_unchanged: bool) -> PyResult<Patient> {
        let scan = locked(&self.scan).take().ok_or_else(|| {
            PyValueError::new_err("this table was read already; scan again to read it again")
        })?;
        let entries = Watched::new(scan, Arc::clone(&self.seen), with_unchanged);
        Ok(Patient {
            process: process::id(),
            batches: self.batches(entries, few, batch_rows),
            seen: Arc::clone(&self.seen),
        })
    }
}

#[pymethods]
impl ArrowStream {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        // The interface allows a producer to return its own schema, whatever was requested.
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        // A catalogue keeps its existing rows.
        let with_unchanged = !matches!(self.table, Table::Catalogue);
        let batches = self.take(self.few, BATCH_ROWS, with_unchanged)?;
        let stream = FFI_ArrowArrayStream::new(Box::new(batches));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.table.schema(self.few).as_ref())
    }

    #[pyo3(signature = (*, ascii = false))]
    fn json_lines(&self, ascii: bool) -> PyResult<JsonLines> {
        let spelling = if ascii {
            Spelling::Ascii
        } else {
            Spelling::Utf8
        };
        Ok(JsonLines {
            spelling,
            batches: Mutex::new(self.take(Few::Plain, JSON_ROWS, false)?),
            seen: Arc::clone(&self.seen),
        })
    }

    #[getter]
    const fn table(&self) -> &'static str {
        self.table.name()
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

fn few(categories: bool) -> Few {
    if categories {
        Few::Categories
    } else {
        Few::Plain
    }
}

fn schema_capsule<'py>(py: Python<'py>, schema: &Schema) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = FFI_ArrowSchema::try_from(schema)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    PyCapsule::new_with_value(py, schema, c"arrow_schema")
}

/// The columns of a table; see the stub.
#[pyclass(frozen, module = "orbscan._core")]
pub struct ArrowSchema {
    table: Table,
    few: Few,
}

#[pymethods]
impl ArrowSchema {
    #[new]
    #[pyo3(signature = (table, *, categories = false))]
    fn new(table: &str, categories: bool) -> PyResult<Self> {
        Ok(Self {
            table: Table::named(table)?,
            few: few(categories),
        })
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, self.table.schema(self.few).as_ref())
    }

    #[getter]
    const fn table(&self) -> &'static str {
        self.table.name()
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        let schema = self.table.schema(self.few);
        let fields = schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn __repr__(&self) -> String {
        let schema = self.table.schema(self.few);
        let names: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        format!(
            "<ArrowSchema of {}: {}>",
            self.table.name(),
            names.join(", ")
        )
    }
}

/// Lines of JSON as a stream; see the stub.
#[pyclass(frozen, module = "orbscan._core")]
pub struct JsonLines {
    spelling: Spelling,
    batches: Mutex<Patient>,
    seen: Arc<Mutex<Seen>>,
}

#[pymethods]
impl JsonLines {
    const fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyBytes>, usize)>> {
        locked(&self.seen).thread = Some(thread::current().id());
        let next = py.detach(|| {
            let batch = locked(&self.batches).next()?;
            Some(batch.and_then(|batch| {
                let lines = json_lines(&batch, self.spelling)?;
                Ok((lines, batch.num_rows()))
            }))
        });
        if let Some(raised) = locked(&self.seen).interrupt.take() {
            return Err(raised);
        }
        match next {
            Some(Ok((lines, rows))) => Ok(Some((PyBytes::new(py, lines.as_bytes()), rows))),
            Some(Err(ArrowError::ComputeError(reason))) => Err(PyRuntimeError::new_err(reason)),
            Some(Err(error)) => Err(PyRuntimeError::new_err(error.to_string())),
            None => Ok(None),
        }
    }
}

/// Batches that are waited for without the interpreter.
struct Patient {
    /// The id of the process that began the scan.
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
            // The consumer may hold the interpreter or not; it is released while we wait. An
            // interpreter that is shutting down is not used any more.
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

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("TABLES_VERSION", orbscan_arrow::SCHEMA_VERSION)?;
    module.add_class::<ArrowStream>()?;
    module.add_class::<ArrowSchema>()?;
    module.add_class::<JsonLines>()?;
    module.add_function(wrap_pyfunction!(leaf_stream, module)?)?;
    module.add_function(wrap_pyfunction!(catalogue_stream, module)?)?;
    module.add_function(wrap_pyfunction!(finding_stream, module)?)?;
    module.add_function(wrap_pyfunction!(checkpoint_stream, module)?)
}

/// The table of the leaves in a scan, which is then closed.
#[pyfunction]
#[pyo3(signature = (scan, *, categories = false))]
fn leaf_stream(scan: &Scan, categories: bool) -> PyResult<ArrowStream> {
    Ok(ArrowStream::new(scan.take()?, Table::Leaves, categories))
}

/// The table of the checkpoints in a scan, which is then closed.
#[pyfunction]
#[pyo3(signature = (scan, *, categories = false))]
fn checkpoint_stream(scan: &Scan, categories: bool) -> PyResult<ArrowStream> {
    Ok(ArrowStream::new(
        scan.take()?,
        Table::Checkpoints,
        categories,
    ))
}

/// The rows of a catalogue of a scan, which is then closed.
#[pyfunction]
fn catalogue_stream(scan: &Scan) -> PyResult<ArrowStream> {
    Ok(ArrowStream::new(scan.take()?, Table::Catalogue, false))
}

/// The table of the findings about the checkpoints in a scan, which is then closed.
#[pyfunction]
#[pyo3(signature = (
    scan,
    roots,
    level,
    check_values,
    max_bandwidth,
    *,
    atomicity = None,
    categories = false,
    parts = None,
))]
#[allow(clippy::too_many_arguments)] // As for a scan.
fn finding_stream(
    scan: &Scan,
    roots: Vec<Place>,
    level: u8,
    check_values: bool,
    max_bandwidth: Option<u64>,
    atomicity: Option<&str>,
    categories: bool,
    parts: Option<HashMap<String, Vec<(u64, u64)>>>,
) -> PyResult<ArrowStream> {
    let options = verify::check_options(level, check_values, max_bandwidth, atomicity)?;
    let slice = |(index, count)| Slice { index, count };
    let parts = parts.into_iter().flatten();
    let parts = parts.map(|(path, parts)| (path, parts.into_iter().map(slice).collect()));
    Ok(ArrowStream {
        check: Some(Check::new(roots, options, parts.collect())),
        ..ArrowStream::new(scan.take()?, Table::Findings, categories)
    })
}

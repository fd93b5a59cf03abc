//! Reports of checks, as tuples.

use std::ops::ControlFlow;
use std::sync::Mutex;

use orbscan_core::error::{Error, Offset};
use orbscan_core::path::StorePath;
use orbscan_core::reader::Selection;
use orbscan_core::record::LeafTable;
use orbscan_core::store::Store;
use orbscan_core::tree::{Content as TreeContent, KeyEntry};
use orbscan_core::verify::code::{Code, Outlook};
use orbscan_core::verify::report::{Alone, Chunks, Finding, LostLeaf, Report};
use orbscan_core::verify::usage::{self, FileUsage, ItemUsage};
use orbscan_core::verify::{self, Level, Options, Progress, Slice};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::checkpoint::Checkpoint;
use crate::leaf_table::Crossed;
use crate::place::{Opened, Place};
use crate::{detached, options, selection, work};

/// Checks the checkpoint at `path`; see the stub for the meaning of the result.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // As for a scan.
#[pyo3(name = "verify", signature = (
    path,
    level,
    check_values,
    max_bandwidth,
    progress,
    *,
    atomicity = None,
    only = None,
))]
fn check(
    py: Python<'_>,
    path: Place,
    level: u8,
    check_values: bool,
    max_bandwidth: Option<u64>,
    progress: Option<Py<PyAny>>,
    atomicity: Option<&str>,
    only: Option<(Option<String>,)>,
) -> PyResult<Py<PyTuple>> {
    let options = check_options(level, check_values, max_bandwidth, atomicity)?;
    let interruption = Interruption::default();
    let checked = detached(py, &path, |store, path| {
        let mut tell = |now: Progress| interruption.tell(now, progress.as_ref());
        verify::verify(store, path, &options, one(only.as_ref()), &mut tell)
    });
    interruption.raise()?;
    let report = checked?;
    report_tuple(py, &report)
}

/// Checks the directories of several hosts as one checkpoint; see the stub.
#[pyfunction]
#[pyo3(name = "verify_together", signature = (paths, level, check_values, max_bandwidth, progress, *, atomicity = None))]
#[expect(clippy::needless_pass_by_value, reason = "arguments come as they are")]
fn check_together(
    py: Python<'_>,
    paths: Vec<Place>,
    level: u8,
    check_values: bool,
    max_bandwidth: Option<u64>,
    progress: Option<Py<PyAny>>,
    atomicity: Option<&str>,
) -> PyResult<Py<PyTuple>> {
    let options = check_options(level, check_values, max_bandwidth, atomicity)?;
    let interruption = Interruption::default();
    let checked = work::detached(
        py,
        || paths.first().map(Place::text).unwrap_or_default(),
        || {
            let opened = paths.iter().map(Place::open);
            let opened: Vec<Opened> = opened.collect::<Result<_, Error>>()?;
            let mut directories: Vec<(&dyn Store, StorePath)> = Vec::new();
            for (store, path) in &opened {
                directories.push((store.as_ref(), path.clone()));
            }
            let mut tell = |now: Progress| interruption.tell(now, progress.as_ref());
            verify::verify_together(&directories, &options, &mut tell)
        },
    );
    interruption.raise()?;
    let report = checked?;
    report_tuple(py, &report)
}

/// The options of a check, given the number of the level.
///
/// # Errors
/// `ValueError` for an unknown atomicity.
pub fn check_options(
    level: u8,
    check_values: bool,
    max_bandwidth: Option<u64>,
    atomicity: Option<&str>,
) -> PyResult<Options> {
    Ok(Options {
        level: match level {
            0 => Level::Structure,
            1 => Level::Index,
            _ => Level::Data,
        },
        check_values,
        max_bandwidth,
        slice: Slice::default(),
        read: options(false, atomicity, false)?,
    })
}

/// Why Python ended a check: an exception of the callback, or Ctrl-C.
#[derive(Default)]
struct Interruption(Mutex<Option<PyErr>>);

impl Interruption {
    fn tell(&self, now: Progress, callback: Option<&Py<PyAny>>) -> ControlFlow<()> {
        let told = Python::attach(|py| {
            py.check_signals()?;
            if let Some(callback) = callback {
                callback.call1(py, (now.bytes, now.total_bytes, now.chunks))?;
            }
            Ok(())
        });
        let Err(error) = told else {
            return ControlFlow::Continue(());
        };
        if let Ok(mut kept) = self.0.lock() {
            kept.get_or_insert(error);
        }
        ControlFlow::Break(())
    }

    fn raise(self) -> PyResult<()> {
        match self.0.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(()),
        }
    }
}

fn report_tuple(py: Python<'_>, report: &Report) -> PyResult<Py<PyTuple>> {
    let findings = PyList::empty(py);
    for finding in &report.findings {
        findings.append(finding_tuple(py, report, finding)?)?;
    }
    let left_out = report.left_out.iter();
    let left_out: Vec<(&str, u64)> = left_out.map(|(code, more)| (code.name(), *more)).collect();
    let lost = PyList::empty(py);
    for leaf in &report.lost_leaves {
        let (checkpointable, name) = leaf;
        lost.append((checkpointable.as_deref(), keypath(py, report, leaf)?, name))?;
    }
    let extent = report.extent;
    let extent = (
        extent.leaves,
        extent.arrays,
        extent.chunks,
        extent.nodes,
        extent.files,
        extent.data_bytes,
        extent.unsealed,
    );
    let part = report.part.as_ref().map(|part| {
        let here: Vec<u64> = part.here.iter().copied().collect();
        let (chunks, of) = report.chunks;
        (part.processes, here, chunks, of)
    });
    let alone = report.alone.as_ref().map(alone_tuple);
    let complete = report.complete;
    let tuple = (findings, left_out, lost, extent, complete, part, alone).into_pyobject(py)?;
    Ok(tuple.unbind())
}

/// The single checkpointable that is checked, as Python passes it: in a tuple, or `None` for all.
fn one(only: Option<&(Option<String>,)>) -> Option<Selection<'_>> {
    only.map(|(name,)| selection(name.as_deref()))
}

/// A name, and whether that checkpointable is a pytree.
type OtherTuple<'a> = (Option<&'a str>, Option<bool>);

/// Its name, and the names of the others and whether they are pytrees.
fn alone_tuple(alone: &Alone) -> (Option<&str>, Vec<OtherTuple<'_>>) {
    let others = alone.others.iter();
    let others = others.map(|other| (other.name.as_deref(), other.is_pytree));
    (alone.name.as_deref(), others.collect())
}

/// The keypath of a leaf; `None` if it has no place in the tree.
fn keypath<'py>(
    py: Python<'py>,
    report: &Report,
    leaf: &LostLeaf,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(keypath) = report.keypaths.get(leaf) else {
        return Ok(None);
    };
    let entries = keypath.iter().map(|entry| match entry {
        KeyEntry::Sequence(index) => Ok(index.into_pyobject(py)?.into_any()),
        KeyEntry::Mapping(key) => Ok(PyString::new(py, key).into_any()),
    });
    let entries: Vec<Bound<'py, PyAny>> = entries.collect::<PyResult<_>>()?;
    PyTuple::new(py, entries).map(Some)
}

fn finding_tuple<'py>(
    py: Python<'py>,
    report: &Report,
    finding: &Finding,
) -> PyResult<Bound<'py, PyTuple>> {
    let leaf = finding.leaf.clone();
    let place = leaf.map(|leaf| keypath(py, report, &(finding.checkpointable.clone(), leaf)));
    let place = place.transpose()?.flatten();
    let in_body = matches!(finding.offset, Some(Offset::Body(_)));
    let chunks = finding
        .chunks
        .as_ref()
        .map(|chunks| chunks_tuple(py, chunks))
        .transpose()?;
    (
        finding.code.name(),
        &finding.reason,
        finding.file.as_deref(),
        finding.offset.map(Offset::bytes),
        in_body,
        finding.checkpointable.as_deref(),
        place,
        finding.leaf.as_deref(),
        chunks,
        finding.expected.as_deref(),
        finding.found.as_deref(),
    )
        .into_pyobject(py)
}

fn chunks_tuple<'py>(py: Python<'py>, chunks: &Chunks) -> PyResult<Bound<'py, PyTuple>> {
    let runs = PyList::empty(py);
    for (first, last) in &chunks.runs {
        runs.append((PyTuple::new(py, first)?, PyTuple::new(py, last)?))?;
    }
    let elements = chunks
        .elements
        .as_ref()
        .map(|elements| PyTuple::new(py, elements));
    (
        chunks.count,
        chunks.of,
        runs,
        chunks.more_runs,
        elements.transpose()?,
    )
        .into_pyobject(py)
}

/// The disk usage of the checkpoint at `path`; see the stub for the meaning of the result.
#[pyfunction]
#[pyo3(name = "usage", signature = (
    path,
    *,
    atomicity = None,
    allow_uncommitted = false,
    only = None,
))]
fn measure(
    py: Python<'_>,
    path: Place,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
    only: Option<(Option<String>,)>,
) -> PyResult<Py<PyTuple>> {
    let options = options(false, atomicity, allow_uncommitted)?;
    let measured = detached(py, &path, |store, path| {
        usage::usage(store, path, &options, one(only.as_ref()))
    })?;
    let arrays = measured.items.iter().map(|item| item.arrays.len());
    work::room_for(py, arrays.fold(0, usize::saturating_add), BYTES_OF_ARRAY)?;
    work::room_for(py, measured.files.len(), BYTES_OF_FILE)?;
    let items = PyList::empty(py);
    for (item, read) in measured.items.iter().zip(&measured.checkpoint.items) {
        items.append(item_tuple(py, item, read.table.as_deref())?)?;
    }
    let checkpoint = Checkpoint::new(py, measured.checkpoint, &Crossed::default())?;
    let files = PyList::empty(py);
    for file in &measured.files {
        files.append(file_tuple(py, file)?)?;
    }
    let alone = measured.alone.as_ref().map(alone_tuple);
    let tuple = (checkpoint, items, files, alone).into_pyobject(py)?;
    Ok(tuple.unbind())
}

/// The memory of an array in Python, and during the conversion: four numbers, and its own number.
const BYTES_OF_ARRAY: usize = 96;

/// The memory of a file in Python: its names, its numbers, and their tuple.
const BYTES_OF_FILE: usize = 640;

/// Numbers are passed as the bytes of a column, which avoids a million objects.
fn item_tuple<'py>(
    py: Python<'py>,
    item: &ItemUsage,
    table: Option<&LeafTable>,
) -> PyResult<Bound<'py, PyTuple>> {
    let mut amounts: Vec<u8> = Vec::with_capacity(item.arrays.len().saturating_mul(32));
    for array in &item.arrays {
        for amount in [
            array.chunks,
            array.stored_bytes,
            array.inline_bytes,
            array.document_bytes,
        ] {
            amounts.extend_from_slice(&amount.to_ne_bytes());
        }
    }
    let nodes = table.map_or(&[][..], |table| &table.tree.nodes);
    let mut array_of: Vec<u8> = Vec::with_capacity(nodes.len().saturating_mul(8));
    for node in nodes {
        let array = match node.content {
            TreeContent::Leaf(leaf) => item.array_of.get(leaf).copied().flatten(),
            TreeContent::Children(..) => None,
        };
        array_of.extend_from_slice(&array.map_or(-1, i64::from).to_ne_bytes());
    }
    (
        item.name.as_deref(),
        PyBytes::new(py, &array_of),
        PyBytes::new(py, &amounts),
        item.stray_bytes,
    )
        .into_pyobject(py)
}

fn file_tuple<'py>(py: Python<'py>, file: &FileUsage) -> PyResult<Bound<'py, PyTuple>> {
    let parts = file.parts;
    (
        file.checkpointable.as_deref(),
        &file.path,
        file.role.name(),
        file.size,
        file.values,
        file.nodes,
        parts.data,
        parts.index,
        parts.unused,
        parts.unknown,
    )
        .into_pyobject(py)
}

/// Adds the functions to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let codes = Code::ALL.iter().map(|code| {
        let [v1, v1_target, v0] = code.restores().map(Outlook::name);
        let restores = (v1, v1_target, v0);
        (
            code.name(),
            code.severity().name(),
            code.meaning(),
            restores,
        )
    });
    module.add("FINDING_CODES", PyTuple::new(module.py(), codes)?)?;
    module.add_function(wrap_pyfunction!(check, module)?)?;
    module.add_function(wrap_pyfunction!(check_together, module)?)?;
    module.add_function(wrap_pyfunction!(measure, module)?)
}

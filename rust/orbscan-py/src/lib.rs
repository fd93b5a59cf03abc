//! The extension module `orbscan._core`: it takes no decisions.
//!
//! A checkpoint is passed to Python once, as columns. Everything that repeats (keys, leaves,
//! arrays, shardings) is one Python object, however often it occurs in a column.

// The interpreter passes arguments by value.
#![allow(clippy::needless_pass_by_value)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod checkpoint;
mod dump;
mod errors;
mod findings;
mod leaf_table;
mod parameters;
mod place;
mod scan;
mod steps;
mod tables;
mod verify;
mod watched;
mod work;

use std::time::Duration;

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::layout::Rules;
use orbscan_core::limits::Limits;
use orbscan_core::orbax::names::{self, Order};
use orbscan_core::path::StorePath;
use orbscan_core::reader::{self, Options, Recall, Selection, beside, everything};
use orbscan_core::record;
use orbscan_core::store::{EntryKind, Interest, Pytrees, Store, Want};
use pyo3::prelude::*;

use checkpoint::Checkpoint;
use place::Place;

/// The longest wait for the next entry of a scan before Ctrl-C is checked.
const PATIENCE: Duration = Duration::from_millis(50);

/// The name that stands for "choose one".
const AUTO: &str = "AUTO";

/// The atomicity that depends on where a checkpoint lies.
const AUTO_ATOMICITY: &str = "auto";

/// Runs `read` without the interpreter and turns its error into an exception.
fn detached<T: Send>(
    py: Python<'_>,
    place: &Place,
    read: impl FnOnce(&dyn Store, &StorePath) -> Result<T, Error> + Send,
) -> PyResult<T> {
    work::detached(
        py,
        || place.text(),
        || {
            let (store, path) = place.open()?;
            read(store.as_ref(), &path)
        },
    )
}

/// The options of a read.
///
/// # Errors
/// `ValueError` for an unknown atomicity.
fn options(
    rich_types: bool,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
) -> PyResult<Options> {
    Ok(Options {
        rich_types,
        rules: Rules {
            atomicity: match atomicity {
                None | Some(AUTO_ATOMICITY) => None,
                Some(name) => Some(steps::atomicity_named(name)?),
            },
            allow_uncommitted,
        },
        ..Options::default()
    })
}

/// The order in which Orbax tries pytrees, given the name that it tries first.
fn order(first: Option<&str>) -> Order {
    match first {
        Some(names::STATE) => Order::StateFirst,
        Some(_) => Order::PytreeFirst,
        None => Order::Own,
    }
}

fn selection(name: Option<&str>) -> Selection<'_> {
    match name {
        None => Selection::Flat,
        Some(AUTO) => Selection::Auto,
        Some(name) => Selection::Named(name),
    }
}

/// Reads one pytree of the checkpoint at `path`.
#[pyfunction]
#[pyo3(signature = (
    path,
    name,
    rich_types,
    *,
    atomicity = None,
    allow_uncommitted = false,
    first = None,
))]
fn read_pytree(
    py: Python<'_>,
    path: Place,
    name: Option<&str>,
    rich_types: bool,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
    first: Option<&str>,
) -> PyResult<Checkpoint> {
    let options = Options {
        order: order(first),
        ..options(rich_types, atomicity, allow_uncommitted)?
    };
    let read: record::Checkpoint = detached(py, &path, |store, path| {
        reader::read_pytree(store, path, selection(name), &options, &Recall::none())
    })?;
    Checkpoint::new(py, read, &leaf_table::Crossed::default())
}

/// Lists what the store of one pytree holds, without its tree.
#[pyfunction]
#[pyo3(signature = (path, name, *, atomicity = None, allow_uncommitted = false))]
fn recover(
    py: Python<'_>,
    path: Place,
    name: Option<&str>,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
) -> PyResult<Checkpoint> {
    let options = options(false, atomicity, allow_uncommitted)?;
    let read = detached(py, &path, |store, path| {
        reader::recover::read(store, path, selection(name), &options)
    })?;
    Checkpoint::new(py, read, &leaf_table::Crossed::default())
}

/// Reads all checkpointables of the checkpoint at `path`.
#[pyfunction]
#[pyo3(signature = (path, rich_types, *, atomicity = None, allow_uncommitted = false))]
fn read_checkpointables(
    py: Python<'_>,
    path: Place,
    rich_types: bool,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
) -> PyResult<Checkpoint> {
    let options = options(rich_types, atomicity, allow_uncommitted)?;
    let read = detached(py, &path, |store, path| {
        reader::read_checkpointables(store, path, &options, &Recall::none())
    })?;
    Checkpoint::new(py, read, &leaf_table::Crossed::default())
}

/// Reads everything outside the trees of the checkpoint at `path`, and examines one checkpointable.
#[pyfunction]
#[pyo3(signature = (path, name, *, atomicity = None, allow_uncommitted = false))]
fn read_header(
    py: Python<'_>,
    path: Place,
    name: &str,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
) -> PyResult<Checkpoint> {
    let options = options(false, atomicity, allow_uncommitted)?;
    let read = detached(py, &path, |store, path| {
        reader::read_header(store, path, name, &options)
    })?;
    Checkpoint::new(py, read, &leaf_table::Crossed::default())
}

/// Reads every pytree of the checkpoint at `path`, whatever its layout.
#[pyfunction]
#[pyo3(signature = (path, rich_types, *, atomicity = None, allow_uncommitted = false))]
fn read_everything(
    py: Python<'_>,
    path: Place,
    rich_types: bool,
    atomicity: Option<&str>,
    allow_uncommitted: bool,
) -> PyResult<Checkpoint> {
    let options = options(rich_types, atomicity, allow_uncommitted)?;
    let read = detached(py, &path, |store, path| {
        everything::read_path(store, path, &options, &Recall::none())
    })?;
    Checkpoint::new(py, read, &leaf_table::Crossed::default())
}

/// The checkpointables of the checkpoint at `path` besides one, and whether they are pytrees.
#[pyfunction]
#[pyo3(signature = (path, name))]
fn others(
    py: Python<'_>,
    path: Place,
    name: Option<&str>,
) -> PyResult<Vec<(Option<String>, Option<bool>)>> {
    // Whether it may be read was decided when it was read.
    let options = options(false, None, true)?;
    let found = detached(py, &path, |store, path| {
        beside::others(store, path, name, &options)
    })?;
    let others = found.into_iter();
    Ok(others.map(|other| (other.name, other.is_pytree)).collect())
}

/// Whether Orbax considers the path a checkpoint.
#[pyfunction]
#[pyo3(signature = (path, *, atomicity = None))]
fn is_orbax_checkpoint(py: Python<'_>, path: Place, atomicity: Option<&str>) -> PyResult<bool> {
    let rules = options(false, atomicity, false)?.rules;
    detached(py, &path, |store, path| {
        reader::is_checkpoint(store, path, rules.atomicity)
    })
}

/// The bytes of a file; `None` if there is none, or a directory.
#[pyfunction]
fn read_file(py: Python<'_>, path: Place) -> PyResult<Option<Vec<u8>>> {
    let limits = Limits::default();
    detached(py, &path, |store, path| {
        let want = Want::whole(path.clone(), limits.max_document_bytes);
        match store.fetch_one(want) {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) if is_directory(store, path) => Ok(None),
            Err(error) => Err(reader::locate(store, error)),
        }
    })
}

/// The total size of the files below a directory; files that cannot be examined count as zero.
#[pyfunction]
fn size_below(py: Python<'_>, path: Place) -> PyResult<u64> {
    detached(py, &path, |store, path| {
        let held = store.hold(path, Interest::of(Pytrees::None));
        Ok(sizes_below(held.as_deref().unwrap_or(store), path.clone()))
    })
}

fn sizes_below(store: &dyn Store, top: StorePath) -> u64 {
    let mut total = 0_u64;
    let mut waiting = vec![top];
    while let Some(directory) = waiting.pop() {
        let entries = store.list(&directory).unwrap_or_default();
        let mut files = Vec::new();
        for entry in entries {
            let Ok(path) = directory.join(&entry.name) else {
                continue;
            };
            match entry.kind {
                // A link may lead back.
                EntryKind::Directory if !entry.link => waiting.push(path),
                EntryKind::Directory => {}
                EntryKind::File => files.push(path),
            }
        }
        let stats = store.stat(&files).into_iter().flatten().flatten();
        total = stats.fold(total, |total, stat| total.saturating_add(stat.size));
    }
    total
}

fn is_directory(store: &dyn Store, path: &StorePath) -> bool {
    let found = store.stat(std::slice::from_ref(path)).pop();
    matches!(found, Some(Ok(Some(stat))) if stat.kind == EntryKind::Directory)
}

#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("OPTIMISED", !cfg!(debug_assertions))?;
    module.add("PROFILED", cfg!(orbscan_profiled))?;
    let kinds = ErrorKind::ALL.map(ErrorKind::name);
    module.add(
        "ERROR_KINDS",
        pyo3::types::PyTuple::new(module.py(), kinds)?,
    )?;
    #[cfg(feature = "remote")]
    module.add_class::<place::StoreChoice>()?;
    module.add_class::<Checkpoint>()?;
    module.add_class::<scan::Scan>()?;
    module.add_class::<scan::Entry>()?;
    module.add_class::<scan::KeypathPattern>()?;
    module.add_function(wrap_pyfunction!(scan::scan, module)?)?;
    module.add_function(wrap_pyfunction!(scan::expand_root, module)?)?;
    module.add_function(wrap_pyfunction!(scan::share_of, module)?)?;
    module.add_function(wrap_pyfunction!(scan::divide_scan, module)?)?;
    module.add_function(wrap_pyfunction!(read_pytree, module)?)?;
    module.add_function(wrap_pyfunction!(recover, module)?)?;
    module.add_function(wrap_pyfunction!(read_checkpointables, module)?)?;
    module.add_function(wrap_pyfunction!(read_header, module)?)?;
    module.add_function(wrap_pyfunction!(read_everything, module)?)?;
    module.add_function(wrap_pyfunction!(others, module)?)?;
    module.add_function(wrap_pyfunction!(is_orbax_checkpoint, module)?)?;
    module.add_function(wrap_pyfunction!(read_file, module)?)?;
    module.add_function(wrap_pyfunction!(size_below, module)?)?;
    dump::register(module)?;
    leaf_table::register(module)?;
    parameters::register(module)?;
    tables::register(module)?;
    verify::register(module)?;
    steps::register(module)
}

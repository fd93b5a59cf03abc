//! The steps of a manager root as Python sees them.

use std::path::PathBuf;

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::scan::steps::{self, Step, Wanted};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::{detached, errors};

/// The word that stands for the last committed step.
const LATEST: &str = "latest";
/// The word that stands for all committed steps.
const COMMITTED: &str = "committed";

/// Which step Python asks for.
#[derive(FromPyObject)]
pub enum Choice {
    /// The one of a number.
    Number(u64),
    /// The one that a word stands for.
    Word(String),
}

impl Choice {
    fn wanted(self) -> Result<Wanted, Error> {
        match self {
            Self::Number(number) => Ok(Wanted::Number(number)),
            Self::Word(word) if word == LATEST => Ok(Wanted::Latest),
            Self::Word(word) if word == COMMITTED => Ok(Wanted::Committed),
            Self::Word(word) => Err(Error::new(
                ErrorKind::Unsupported,
                format!("{word:?} stands for no step"),
            )),
        }
    }
}

/// What makes a checkpoint a finished one, by its name.
pub fn atomicity_named(name: &str) -> PyResult<Atomicity> {
    let modes = Atomicity::ALL.map(Atomicity::name).join(", ");
    let unknown = || PyValueError::new_err(format!("atomicity {name:?} is none of {modes}"));
    Atomicity::from_name(name).ok_or_else(unknown)
}

/// Reads what is known of steps without their trees; see the stub for the columns.
#[pyfunction]
#[pyo3(signature = (root, step, atomicity))]
fn read_steps<'py>(
    py: Python<'py>,
    root: PathBuf,
    step: Option<Choice>,
    atomicity: &str,
) -> PyResult<Bound<'py, PyList>> {
    let atomicity = atomicity_named(atomicity)?;
    let found = detached(py, &root, |store, path| {
        let wanted = step.map_or(Ok(Wanted::All), Choice::wanted)?;
        steps::read(store, path, wanted, atomicity, &Limits::default())
    })?;
    let rows = PyList::empty(py);
    for step in found {
        rows.append(row(py, step)?)?;
    }
    Ok(rows)
}

fn row(py: Python<'_>, step: Step) -> PyResult<Bound<'_, PyTuple>> {
    let issues = step.issues.iter().map(|issue| errors::as_tuple(py, issue));
    let issues = PyTuple::new(py, issues.collect::<PyResult<Vec<_>>>()?)?;
    let error = step
        .error
        .map(|error| errors::raised(py, &error).into_value(py));
    (
        step.found.name,
        step.found.step,
        step.found.commit.committed,
        step.found.commit.leftover,
        step.found.commit.reason,
        step.metadata.init_timestamp_nsecs,
        step.metadata.commit_timestamp_nsecs,
        step.metadata.custom_metadata,
        step.metrics,
        issues,
        error,
    )
        .into_pyobject(py)
}

/// The name of the directory of a committed step.
#[pyfunction]
#[pyo3(signature = (root, step, atomicity))]
fn find_step(py: Python<'_>, root: PathBuf, step: Choice, atomicity: &str) -> PyResult<String> {
    let atomicity = atomicity_named(atomicity)?;
    let found = detached(py, &root, |store, path| {
        steps::find(store, path, step.wanted()?, atomicity)
    })?;
    // Never empty: a step that is not there is an error.
    Ok(found.into_iter().map(|step| step.name).collect())
}

/// The JSON texts of Orbax's and the user's metadata about all steps of a root.
#[pyfunction]
fn read_root_metadata(py: Python<'_>, root: PathBuf) -> PyResult<(Option<String>, Option<String>)> {
    let found = detached(py, &root, |store, path| {
        steps::read_root_metadata(store, path, &Limits::default())
    })?;
    Ok((found.internal_metadata, found.custom_metadata))
}

/// Adds the functions to the extension module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let modes = Atomicity::ALL.map(Atomicity::name);
    module.add("ATOMICITIES", PyTuple::new(module.py(), modes)?)?;
    module.add_function(wrap_pyfunction!(read_steps, module)?)?;
    module.add_function(wrap_pyfunction!(find_step, module)?)?;
    module.add_function(wrap_pyfunction!(read_root_metadata, module)?)
}

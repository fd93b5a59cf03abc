//! The steps of a manager root, for Python.

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::limits::Limits;
use orbscan_core::orbax::commit::Atomicity;
use orbscan_core::scan::steps::{self, Prefixes, Scope, Wanted};
use pyo3::exceptions::{PyBaseException, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::place::Place;
use crate::{AUTO_ATOMICITY, detached, errors};

/// The word that stands for the last committed step.
const LATEST: &str = "latest";
/// The word that stands for all committed steps.
const COMMITTED: &str = "committed";

/// The step that Python selects.
#[derive(FromPyObject)]
pub enum Choice {
    /// The step with a number.
    Number(u64),
    /// The step that a word stands for.
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
                format!("{word:?} does not stand for a step"),
            )),
        }
    }
}

/// The prefix that Python passes: none, or one, which may be `None`.
type Prefix = Option<(Option<String>,)>;

fn scope<'p>(prefix: &'p Prefix, atomicity: &str) -> PyResult<Scope<'p>> {
    let only = |(prefix,): &'p (Option<String>,)| Prefixes::Only(prefix.as_deref());
    Ok(Scope {
        prefixes: prefix.as_ref().map_or(Prefixes::Any, only),
        atomicity: match atomicity {
            AUTO_ATOMICITY => None,
            name => Some(atomicity_named(name)?),
        },
    })
}

/// What makes a checkpoint a finished one, by the name of the atomicity.
pub fn atomicity_named(name: &str) -> PyResult<Atomicity> {
    let modes = Atomicity::ALL.map(Atomicity::name).join(", ");
    let unknown = || PyValueError::new_err(format!("atomicity {name:?} is not one of {modes}"));
    Atomicity::from_name(name).ok_or_else(unknown)
}

/// What is known of a step without its trees; see the stub for the meaning of each attribute.
#[pyclass(frozen, get_all, name = "Step", module = "orbscan._core")]
pub struct Row {
    name: String,
    step: u64,
    prefix: Option<String>,
    committed: bool,
    temporary: bool,
    commit_reason: String,
    init_timestamp_nsecs: Option<i128>,
    commit_timestamp_nsecs: Option<i128>,
    custom_metadata: Option<String>,
    metrics: Option<String>,
    issues: Py<PyTuple>,
    error: Option<Py<PyBaseException>>,
}

impl Row {
    fn new(py: Python<'_>, step: steps::Step) -> PyResult<Self> {
        let issues = step.issues.iter().map(|issue| errors::as_tuple(py, issue));
        let issues = PyTuple::new(py, issues.collect::<PyResult<Vec<_>>>()?)?;
        let error = step.error.map(|error| errors::raised(py, &error));
        Ok(Self {
            name: step.found.name,
            step: step.found.step,
            prefix: step.found.prefix,
            committed: step.found.commit.committed,
            temporary: step.found.commit.temporary,
            commit_reason: step.found.commit.reason.into_owned(),
            init_timestamp_nsecs: step.metadata.init_timestamp_nsecs,
            commit_timestamp_nsecs: step.metadata.commit_timestamp_nsecs,
            custom_metadata: step.metadata.custom_metadata,
            metrics: step.metrics,
            issues: issues.unbind(),
            error: error.map(|error| error.into_value(py)),
        })
    }

    fn all(py: Python<'_>, found: Vec<steps::Step>) -> PyResult<Vec<Self>> {
        found.into_iter().map(|step| Self::new(py, step)).collect()
    }
}

/// Reads everything that a root holds, or only names.
#[pyfunction]
#[pyo3(signature = (root, prefix, atomicity, details))]
fn list_steps(
    py: Python<'_>,
    root: Place,
    prefix: Prefix,
    atomicity: &str,
    details: bool,
) -> PyResult<(Vec<Row>, Vec<String>, usize)> {
    let scope = scope(&prefix, atomicity)?;
    let found = detached(py, &root, |store, path| {
        if details {
            steps::list(store, path, scope, &Limits::default())
        } else {
            steps::names(store, path, scope)
        }
    })?;
    let others = found.others;
    Ok((Row::all(py, found.steps)?, others.names, others.unknown))
}

/// Reads what is known of the wanted steps.
#[pyfunction]
#[pyo3(signature = (root, step, prefix, atomicity))]
fn read_steps(
    py: Python<'_>,
    root: Place,
    step: Choice,
    prefix: Prefix,
    atomicity: &str,
) -> PyResult<Vec<Row>> {
    let scope = scope(&prefix, atomicity)?;
    let found = detached(py, &root, |store, path| {
        steps::read(store, path, step.wanted()?, scope, &Limits::default())
    })?;
    Row::all(py, found)
}

/// The name of the directory of a committed step.
#[pyfunction]
#[pyo3(signature = (root, step, prefix, atomicity))]
fn find_step(
    py: Python<'_>,
    root: Place,
    step: Choice,
    prefix: Prefix,
    atomicity: &str,
) -> PyResult<String> {
    let scope = scope(&prefix, atomicity)?;
    let found = detached(py, &root, |store, path| {
        steps::find(store, path, step.wanted()?, scope)
    })?;
    // Never empty: a missing step is an error.
    Ok(found.into_iter().map(|step| step.name).collect())
}

/// The directories of steps one level below a root, with their content in words.
#[pyfunction]
fn steps_below(py: Python<'_>, root: Place) -> PyResult<Vec<(String, String)>> {
    let found = detached(py, &root, |store, path| steps::below(store, path))?;
    let runs = found.runs.into_iter();
    Ok(runs.map(|(name, steps)| (name, steps.told())).collect())
}

/// Checks that something with this name lies in a root.
#[pyfunction]
fn check_step_name(py: Python<'_>, root: Place, name: &str) -> PyResult<()> {
    detached(py, &root, |store, path| {
        steps::check_name(store, path, name)
    })
}

/// The JSON texts of Orbax's and the user's metadata about all steps of a root.
#[pyfunction]
fn read_root_metadata(py: Python<'_>, root: Place) -> PyResult<(Option<String>, Option<String>)> {
    let found = detached(py, &root, |store, path| {
        steps::read_root_metadata(store, path, &Limits::default())
    })?;
    Ok((found.internal_metadata, found.custom_metadata))
}

/// Adds the functions to the extension module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let modes = Atomicity::ALL.map(Atomicity::name);
    module.add("ATOMICITIES", PyTuple::new(module.py(), modes)?)?;
    module.add_class::<Row>()?;
    module.add_function(wrap_pyfunction!(list_steps, module)?)?;
    module.add_function(wrap_pyfunction!(read_steps, module)?)?;
    module.add_function(wrap_pyfunction!(find_step, module)?)?;
    module.add_function(wrap_pyfunction!(steps_below, module)?)?;
    module.add_function(wrap_pyfunction!(check_step_name, module)?)?;
    module.add_function(wrap_pyfunction!(read_root_metadata, module)?)
}

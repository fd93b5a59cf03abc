//! A scan as a Python iterator.

use std::collections::HashMap;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use orbscan_arrow::checkpoint_row;
use orbscan_arrow::json::{Spelling, json_lines};
use orbscan_core::pattern::{Of, Pattern};
use orbscan_core::reader::everything::Chosen;
use orbscan_core::record;
use orbscan_core::scan as core;
use orbscan_core::scan::entry::{self, Content};
use orbscan_core::scan::pieces::{Depth, Piece, divide};
use orbscan_core::scan::roots::Roots;
use orbscan_core::scan::selection::{Selection, Shard};
use orbscan_core::scan::{Monitor, Options, Poll, Root};
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use crate::checkpoint::Checkpoint;
use crate::leaf_table::Crossed;
use crate::place::Place;
use crate::{PATIENCE, errors, options, work};

/// Searches below `roots`; see the stub for the meaning of each argument.
#[pyfunction]
#[pyo3(signature = (
    roots,
    *,
    steps = None,
    latest = None,
    committed = None,
    pattern = None,
    exclude = None,
    shard = None,
    leaves = true,
    shardings = true,
    ordered = false,
    threads = None,
    since = None,
    rich_types = false,
    atomicity = None,
    pieces = None,
))]
// They are keywords, each with a meaning of its own.
#[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
pub fn scan(
    py: Python<'_>,
    roots: Vec<Place>,
    steps: Option<(u64, u64)>,
    latest: Option<usize>,
    committed: Option<bool>,
    pattern: Option<&str>,
    exclude: Option<Vec<String>>,
    shard: Option<(u64, u64)>,
    leaves: bool,
    shardings: bool,
    ordered: bool,
    threads: Option<usize>,
    since: Option<HashMap<String, u64>>,
    rich_types: bool,
    atomicity: Option<&str>,
    pieces: Option<Vec<GivenPiece>>,
) -> PyResult<Scan> {
    let shard = shard.map(|(index, count)| Shard { index, count });
    let selection = Selection {
        shard,
        ..selection(steps, latest, committed, pattern, exclude)
    };
    let options = Options {
        read: orbscan_core::reader::Options {
            without_shardings: !shardings,
            ..options(rich_types, atomicity, false)?
        },
        leaves,
        selection,
        threads: threads.unwrap_or_else(|| default_threads(&roots)),
        slow_threads: threads.unwrap_or(core::SLOW_THREADS),
        ordered,
        since: since.unwrap_or_default(),
        pieces: pieces.map(|pieces| pieces.into_iter().map(piece).collect()),
    };
    let started = py.detach(|| core::scan(roots.iter().map(root).collect(), options));
    Ok(Scan {
        process: process::id(),
        tables: Arc::default(),
        monitor: started.monitor(),
        running: Mutex::new(Some(started)),
        waiting: Mutex::default(),
        closed: AtomicBool::new(false),
    })
}

/// A piece as Python passes it: the number of the root, the path to the directories, and the name
/// of each and whether it is a link.
type GivenPiece = (usize, String, Vec<(String, bool)>);

fn piece((root, way, names): GivenPiece) -> Piece {
    Piece {
        root,
        way,
        names,
        bytes: 0,
    }
}

fn selection(
    steps: Option<(u64, u64)>,
    latest: Option<usize>,
    committed: Option<bool>,
    pattern: Option<&str>,
    exclude: Option<Vec<String>>,
) -> Selection {
    let exclude = exclude.into_iter().flatten();
    Selection {
        steps: steps.map(|(first, last)| first..=last),
        latest,
        committed,
        pattern: pattern.map(|text| Pattern::new(text, Of::Path)),
        exclude: exclude.map(|text| Pattern::new(&text, Of::Path)).collect(),
        shard: None,
    }
}

fn default_threads(roots: &[Place]) -> usize {
    if roots.iter().any(Place::is_remote) {
        core::REMOTE_THREADS
    } else {
        core::DEFAULT_THREADS
    }
}

/// Divides a scan into pieces; see the stub.
#[pyfunction]
#[pyo3(signature = (
    roots,
    enough,
    *,
    steps = None,
    latest = None,
    committed = None,
    pattern = None,
    exclude = None,
    threads = None,
    atomicity = None,
))]
#[allow(clippy::too_many_arguments)] // As for a scan.
pub fn divide_scan(
    py: Python<'_>,
    roots: Vec<Place>,
    enough: Option<usize>,
    steps: Option<(u64, u64)>,
    latest: Option<usize>,
    committed: Option<bool>,
    pattern: Option<&str>,
    exclude: Option<Vec<String>>,
    threads: Option<usize>,
    atomicity: Option<&str>,
) -> PyResult<Vec<(GivenPiece, u64)>> {
    let options = Options {
        read: options(false, atomicity, false)?,
        selection: selection(steps, latest, committed, pattern, exclude),
        threads: threads.unwrap_or_else(|| default_threads(&roots)),
        ..Options::default()
    };
    let depth = enough.map_or(Depth::Checkpoints, Depth::Until);
    let first = || roots.first().map(Place::text).unwrap_or_default();
    let pieces = work::detached(py, first, || {
        Ok(divide(roots.iter().map(root).collect(), &options, depth))
    })?;
    let pieces = pieces.into_iter();
    Ok(pieces
        .map(|piece| ((piece.root, piece.way, piece.names), piece.bytes))
        .collect())
}

/// The index of the share, of this many, that has a path; see the stub.
#[pyfunction]
pub fn share_of(path: &str, count: u64) -> Option<u64> {
    Shard::index_of(path, count)
}

/// The paths that a root with wildcards matches, in any order; see the stub.
#[pyfunction]
pub fn expand_root(py: Python<'_>, root: Place) -> PyResult<Option<Vec<String>>> {
    let text = root.text();
    let Some(roots) = Roots::new(&text) else {
        return Ok(None);
    };
    let top = root.renamed(if roots.top.is_empty() { "." } else { roots.top });
    let found = work::detached(
        py,
        || text.clone(),
        || {
            let (store, top) = top.open()?;
            Ok(roots.expand(store.as_ref(), &top))
        },
    );
    found.map(Some)
}

/// A pattern for keypaths; see the stub.
#[pyclass(frozen, module = "orbscan._core")]
pub struct KeypathPattern(Pattern);

#[pymethods]
impl KeypathPattern {
    #[new]
    fn new(text: &str) -> Self {
        Self(Pattern::new(text, Of::Keypath))
    }

    fn matches(&self, keypath: &str) -> bool {
        self.0.matches(keypath)
    }
}

fn root(place: &Place) -> Root {
    Root {
        text: place.text(),
        place: place.open(),
    }
}

/// The error in a process that was forked during a scan.
pub const FORKED: &str = "this scan belongs to the process that began it, and this one was forked from \
                          that: begin a scan here";

/// A scan in progress; a closed one holds nothing.
#[pyclass(frozen, module = "orbscan._core")]
pub struct Scan {
    /// The id of the process that began it.
    process: u32,
    tables: Arc<Crossed>,
    running: Mutex<Option<core::Scan>>,
    /// The thread that waits for the next entry: signal handlers run in it meanwhile, and may call
    /// any method.
    waiting: Mutex<Option<ThreadId>>,
    /// Whether one of them closed the scan.
    closed: AtomicBool,
    monitor: Monitor,
}

impl Scan {
    fn lock(&self) -> MutexGuard<'_, Option<core::Scan>> {
        locked(&self.running)
    }

    /// Called before a lock is taken: in a forked process nothing would release it.
    ///
    /// # Errors
    /// `RuntimeError` in a process other than the one that began the scan.
    fn check_process(&self) -> PyResult<()> {
        if self.process == process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(FORKED))
    }

    /// Waits without the interpreter, which another thread may need to take entries. A scan with
    /// one thread reads meanwhile, which Ctrl-C ends, too.
    ///
    /// # Errors
    /// Whatever a signal handler raised; the scan is then closed.
    fn poll(&self, py: Python<'_>) -> PyResult<Poll> {
        py.detach(|| {
            let mut running = self.lock();
            *locked(&self.waiting) = Some(thread::current().id());
            let polled = running.as_mut().map_or(Ok(Poll::End), |scan| {
                work::interruptible(|| scan.poll(PATIENCE))
            });
            *locked(&self.waiting) = None;
            if polled.is_err() || self.closed.load(Ordering::Relaxed) {
                drop(running.take());
            }
            polled
        })
    }

    /// Whether this is called by a signal handler during a wait for the next entry.
    fn is_within(&self) -> bool {
        *locked(&self.waiting) == Some(thread::current().id())
    }

    /// The scan itself, for a reader that returns its entries in another form; this object is then
    /// closed.
    pub fn take(&self) -> PyResult<core::Scan> {
        self.check_process()?;
        self.check_alone()?;
        let closed = || PyValueError::new_err("the scan was closed, or is read as a table already");
        self.lock().take().ok_or_else(closed)
    }

    /// # Errors
    /// `ValueError`, as from a generator, if a signal handler uses the scan that it interrupted.
    fn check_alone(&self) -> PyResult<()> {
        if self.is_within() {
            return Err(PyValueError::new_err("the scan is already being read"));
        }
        Ok(())
    }
}

/// Nothing panics while it holds one of these locks, so a poisoned one is still valid.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Scan {
    const fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Entry>> {
        self.check_process()?;
        self.check_alone()?;
        loop {
            match self.poll(py)? {
                Poll::Entry(entry) => return Ok(Some(Entry::new(*entry, &self.tables))),
                Poll::Waiting => {}
                Poll::End => return Ok(None),
            }
            if let Err(raised) = py.check_signals() {
                self.close(py);
                return Err(raised);
            }
        }
    }

    /// Ends the scan.
    fn close(&self, py: Python<'_>) {
        if self.check_process().is_err() {
            return;
        }
        if self.is_within() {
            self.closed.store(true, Ordering::Relaxed);
            return;
        }
        py.detach(|| drop(self.lock().take()));
    }

    /// Checkpoints found, checkpoints done, and directories that are known but not examined yet.
    fn progress(&self) -> PyResult<(u64, u64, u64)> {
        self.check_process()?;
        let progress = self.monitor.progress();
        Ok((progress.found, progress.done, progress.waiting))
    }
}

/// One checkpoint that was found; see the stub for the meaning of each attribute.
#[pyclass(frozen, module = "orbscan._core")]
pub struct Entry {
    found: entry::Entry,
    /// The content, once it was converted for Python.
    checkpoint: PyOnceLock<Option<Py<Checkpoint>>>,
    tables: Arc<Crossed>,
}

impl Entry {
    fn new(entry: entry::Entry, tables: &Arc<Crossed>) -> Self {
        Self {
            found: entry,
            checkpoint: PyOnceLock::new(),
            tables: Arc::clone(tables),
        }
    }
}

#[pymethods]
impl Entry {
    #[getter]
    fn path(&self) -> &str {
        &self.found.path
    }

    #[getter]
    fn root(&self) -> &str {
        &self.found.root
    }

    #[getter]
    const fn step(&self) -> Option<u64> {
        self.found.step
    }

    #[getter]
    const fn kind(&self) -> &'static str {
        self.found.kind.name()
    }

    #[getter]
    const fn state(&self) -> &'static str {
        self.found.content.name()
    }

    #[getter]
    fn complete(&self) -> Option<bool> {
        self.found.complete()
    }

    #[getter]
    const fn committed(&self) -> bool {
        self.found.commit.committed
    }

    #[getter]
    const fn temporary(&self) -> bool {
        self.found.commit.temporary
    }

    #[getter]
    fn commit_reason(&self) -> &str {
        &self.found.commit.reason
    }

    #[getter]
    const fn init_timestamp_nsecs(&self) -> Option<i128> {
        self.found.init_timestamp_nsecs
    }

    #[getter]
    const fn commit_timestamp_nsecs(&self) -> Option<i128> {
        self.found.commit_timestamp_nsecs
    }

    #[getter]
    const fn fingerprint(&self) -> Option<u64> {
        self.found.fingerprint
    }

    #[getter]
    fn metrics(&self) -> Option<&str> {
        self.found.metrics.as_deref()
    }

    #[getter]
    fn chosen(&self) -> Option<usize> {
        self.chosen_item().map(|chosen| chosen.item)
    }

    #[getter]
    fn chosen_issues<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let issues = self.chosen_item().map(|chosen| chosen.issues.as_slice());
        let issues = issues.unwrap_or_default().iter();
        issues.map(|issue| errors::as_tuple(py, issue)).collect()
    }

    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyBaseException>> {
        let error = self.found.error()?;
        Some(errors::raised(py, error).into_value(py))
    }

    #[getter]
    fn checkpoint(&self, py: Python<'_>) -> PyResult<Option<Py<Checkpoint>>> {
        let crossed = self.checkpoint.get_or_try_init(py, || {
            let Content::Read(read) = &self.found.content else {
                return Ok(None);
            };
            // Tables are shared, so this copies little.
            let read = record::Checkpoint::clone(read);
            Py::new(py, Checkpoint::new(py, read, &self.tables)?).map(Some)
        })?;
        Ok(crossed.as_ref().map(|checkpoint| checkpoint.clone_ref(py)))
    }

    fn row(&self) -> PyResult<String> {
        let row = checkpoint_row(&self.found).and_then(|row| json_lines(&row, Spelling::Ascii));
        row.map_err(|error| PyRuntimeError::new_err(error.to_string()))
    }
}

impl Entry {
    fn chosen_item(&self) -> Option<&Chosen> {
        self.found.chosen.as_ref()?.as_ref().ok()
    }
}

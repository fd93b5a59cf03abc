//! From a Python path or URL to a store.

#[cfg(feature = "remote")]
use std::collections::BTreeMap;
#[cfg(feature = "remote")]
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "remote")]
use std::time::{Duration, SystemTime};

use orbscan_core::error;
use orbscan_core::path::StorePath;
use orbscan_core::store::Store;
use orbscan_core::store::local::LocalStore;
#[cfg(feature = "remote")]
use orbscan_remote::{Choice, Grant, Login, Options, RemoteStore};
use pyo3::prelude::*;

/// A store and a path in it.
pub type Opened = (Arc<dyn Store>, StorePath);

/// A path on a disk, or a URL with the user's options for the store.
#[derive(Clone)]
pub enum Place {
    /// On a disk.
    Local(PathBuf),
    /// In a store.
    #[cfg(feature = "remote")]
    Remote(String, StoreChoice),
}

/// The user's options for a store; see the stub for the meaning of each argument.
#[cfg(feature = "remote")]
#[derive(Clone, Default)]
#[pyclass(frozen, module = "orbscan._core")]
pub struct StoreChoice(Choice);

#[cfg(feature = "remote")]
#[pymethods]
impl StoreChoice {
    #[new]
    #[pyo3(signature = (options, login = None, prefix = None))]
    fn new(
        options: BTreeMap<String, String>,
        login: Option<(Py<PyAny>, Py<PyAny>)>,
        prefix: Option<String>,
    ) -> Self {
        let login = login
            .map(|(ask, provider)| -> Arc<dyn Login> { Arc::new(PythonLogin { ask, provider }) });
        Self(Choice {
            options: Options::new(options),
            login,
            prefix,
        })
    }

    /// The options that are text.
    fn options(&self) -> BTreeMap<String, String> {
        self.0.options.given().clone()
    }

    /// Options may be secrets, so only their names are shown.
    fn __repr__(&self) -> String {
        let given = self.0.options.given();
        let names: Vec<&str> = given.keys().map(String::as_str).collect();
        format!("StoreChoice({})", names.join(", "))
    }
}

/// A user's credential provider, and the functions that return its secrets and when they expire, in
/// seconds since 1970.
#[cfg(feature = "remote")]
struct PythonLogin {
    ask: Py<PyAny>,
    provider: Py<PyAny>,
}

#[cfg(feature = "remote")]
impl fmt::Debug for PythonLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonLogin")
    }
}

#[cfg(feature = "remote")]
impl Login for PythonLogin {
    fn ask(&self) -> Result<Grant, String> {
        type Given = (Vec<(String, String)>, Option<f64>);
        // Not asked of an interpreter that is shutting down: the thread would wait for ever.
        let given = Python::try_attach(|py| {
            let given = self.ask.call1(py, (&self.provider,));
            let given = given.and_then(|given| given.extract::<Given>(py));
            // The message of an error may hold what is secret.
            given.map_err(|error| match error.get_type(py).qualname() {
                Ok(name) => format!("the login failed ({name})"),
                Err(_) => "the login failed".to_owned(),
            })
        });
        let (secrets, until) = given.unwrap_or_else(|| Err("the program is ending".to_owned()))?;
        let until = until.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Grant {
            secrets,
            until: until.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)),
        })
    }

    /// The id of the provider, because the closures around it differ.
    fn id(&self) -> usize {
        self.provider.as_ptr().addr()
    }
}

impl FromPyObject<'_, '_> for Place {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let path: PathBuf = object.extract()?;
        #[cfg(feature = "remote")]
        if let Some(url) = path.to_str().filter(|text| orbscan_remote::is_url(text)) {
            let choice = object.getattr_opt("store")?;
            let choice = choice.and_then(|choice| choice.cast_into::<StoreChoice>().ok());
            let choice = choice.map(|choice| choice.get().clone());
            return Ok(Self::Remote(url.to_owned(), choice.unwrap_or_default()));
        }
        #[cfg(not(feature = "remote"))]
        if path.to_str().is_some_and(|text| text.contains("://")) {
            let reason = "this build of orbscan has no stores but disks";
            return Err(pyo3::exceptions::PyValueError::new_err(reason));
        }
        Ok(Self::Local(path))
    }
}

impl Place {
    /// The text as it was given.
    pub fn text(&self) -> String {
        match self {
            Self::Local(path) => path.to_string_lossy().into_owned(),
            #[cfg(feature = "remote")]
            Self::Remote(url, _) => url.clone(),
        }
    }

    /// Another path in the same store.
    #[must_use]
    pub fn renamed(&self, text: &str) -> Self {
        match self {
            Self::Local(_) => Self::Local(PathBuf::from(text)),
            #[cfg(feature = "remote")]
            Self::Remote(_, choice) => Self::Remote(text.to_owned(), choice.clone()),
        }
    }

    /// Whether each answer takes a while.
    pub const fn is_remote(&self) -> bool {
        !matches!(self, Self::Local(_))
    }

    /// The store, and the path in it. The top of a local store is the directory above.
    ///
    /// # Errors
    /// As [`LocalStore::open`] and [`RemoteStore::open`].
    pub fn open(&self) -> error::Result<Opened> {
        self.opened(LocalStore::open)
    }

    /// As [`Place::open`], but the top of a local store is that of the file system.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub fn open_from_top(&self) -> error::Result<Opened> {
        self.opened(LocalStore::open_from_top)
    }

    fn opened(
        &self,
        local: fn(&Path) -> error::Result<(LocalStore, StorePath)>,
    ) -> error::Result<Opened> {
        match self {
            Self::Local(path) => local(path).map(|(store, path)| {
                let store: Arc<dyn Store> = Arc::new(store);
                (store, path)
            }),
            #[cfg(feature = "remote")]
            Self::Remote(url, StoreChoice(choice)) => {
                let (store, path) = RemoteStore::open(url, choice)?;
                let store: Arc<dyn Store> = Arc::new(store);
                Ok((store, path))
            }
        }
    }
}

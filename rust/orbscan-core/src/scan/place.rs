//! The position of a walk.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::refusals::Refusals;
use crate::error::Result;
use crate::layout::part;
use crate::path::StorePath;
use crate::store::Store;

/// A directory that was given to be searched.
#[derive(Clone)]
pub struct Base {
    /// As it was given.
    pub text: Arc<str>,
    /// The store it lies in.
    pub store: Arc<dyn Store>,
    /// Its path in the store.
    pub path: StorePath,
    /// The refusals of the store so far.
    pub refusals: Arc<Refusals>,
}

impl Base {
    /// The base that was given as `text` and lies at `path` of a store.
    pub fn new(text: &str, store: Arc<dyn Store>, path: StorePath) -> Self {
        Self {
            text: text.into(),
            store,
            path,
            refusals: Arc::default(),
        }
    }

    /// A path in its store in full, however the base was spelled.
    pub fn place_of(&self, path: &StorePath) -> String {
        normal(&self.store.absolute(path))
    }

    /// The way from the base to a path in its store; empty for the base itself.
    pub fn way_to<'p>(&self, path: &'p StorePath) -> &'p str {
        path.below(&self.path).unwrap_or_default()
    }

    /// A path in the store as a user would write it: the base as it was given, and the path from
    /// there.
    pub fn text_of(&self, path: &StorePath) -> String {
        match self.way_to(path) {
            "" => self.text.to_string(),
            way if self.text.ends_with('/') => format!("{}{way}", self.text),
            way => format!("{}/{way}", self.text),
        }
    }
}

/// A path as text that does not depend on its spelling: without `.`, `..`, and unnecessary
/// separators. Links are not resolved, because that would take requests to the disk.
pub fn normal(path: &str) -> String {
    let mut normal = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal.to_string_lossy().into_owned()
}

/// A directory to examine.
#[derive(Clone)]
pub struct Visit {
    /// The base below which it lies.
    pub base: Arc<Base>,
    /// Its path.
    pub path: StorePath,
    /// Whether it is itself a link.
    pub link: bool,
    /// The real paths of the directories in which links were followed on the way to it.
    pub links: Arc<[String]>,
    /// If it has the name of a step, what lies beside it.
    pub beside: Option<Arc<Beside>>,
    /// Whether it was found by another walk, which was divided into pieces.
    pub given: bool,
}

/// Directories that have names of steps with one prefix.
pub struct Beside {
    /// The directory in which they lie.
    pub parent: StorePath,
    /// Their names.
    pub names: Vec<String>,
    /// Whether any of them is a step.
    pub any_is_step: OnceLock<bool>,
}

impl Visit {
    /// The base itself.
    pub fn of(base: Arc<Base>) -> Self {
        let path = base.path.clone();
        Self {
            base,
            path,
            link: false,
            links: Arc::from([]),
            beside: None,
            given: false,
        }
    }

    /// The absolute path, however the base was spelled: it determines the share.
    pub fn place(&self) -> String {
        self.base.place_of(&self.path)
    }

    /// Whether it lies beside a step that is recognisably a checkpoint, so that it is a step too,
    /// finished or not. The requests are made once for all siblings, and only if it matters.
    pub fn is_among_steps(&self) -> Result<bool> {
        let store = self.base.store.as_ref();
        let Some(beside) = &self.beside else {
            return part::is_among_steps(store, &self.path);
        };
        if let Some(known) = beside.any_is_step.get() {
            return Ok(*known);
        }
        let found = part::any_is_step(store, &beside.parent, &beside.names)?;
        Ok(*beside.any_is_step.get_or_init(|| found))
    }

    /// Whether it is a base.
    pub fn is_base(&self) -> bool {
        self.path == self.base.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_is_normally_the_same() {
        for spelled in [
            "/data/runs/1",
            "/data/runs/1/",
            "/data//runs/./1",
            "/data/x/../runs/1",
            "/../data/runs/1",
        ] {
            assert_eq!(normal(spelled), "/data/runs/1", "{spelled}");
        }
        assert_eq!(normal("memory:runs/1"), "memory:runs/1");
    }
}

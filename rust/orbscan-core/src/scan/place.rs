//! Where a walk stands.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::refusals::Refusals;
use crate::error::Result;
use crate::layout::part;
use crate::path::StorePath;
use crate::store::Store;

/// What was given to be searched.
#[derive(Clone)]
pub struct Base {
    /// As it was given.
    pub text: Arc<str>,
    /// The store it lies in.
    pub store: Arc<dyn Store>,
    /// Where it lies there.
    pub path: StorePath,
    /// How the store has refused, so far.
    pub refusals: Arc<Refusals>,
}

impl Base {
    /// What was given as `text` and lies at `path` of a store.
    pub fn new(text: &str, store: Arc<dyn Store>, path: StorePath) -> Self {
        Self {
            text: text.into(),
            store,
            path,
            refusals: Arc::default(),
        }
    }

    /// The way from the base to a path in its store; empty for the base itself.
    pub fn way_to<'p>(&self, path: &'p StorePath) -> &'p str {
        path.below(&self.path).unwrap_or_default()
    }

    /// A path in the store as a user would write it: the base as it was given, and the way there.
    pub fn text_of(&self, path: &StorePath) -> String {
        match self.way_to(path) {
            "" => self.text.to_string(),
            way if self.text.ends_with('/') => format!("{}{way}", self.text),
            way => format!("{}/{way}", self.text),
        }
    }
}

/// A path as text that does not depend on how it was spelled: without `.`, `..`, and separators that
/// are not needed. No link is followed, for that would ask the disk.
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

/// A directory to look at.
#[derive(Clone)]
pub struct Visit {
    /// Below which base it lies.
    pub base: Arc<Base>,
    /// Where.
    pub path: StorePath,
    /// Whether it is itself a link.
    pub link: bool,
    /// The real places of the directories in which links were followed on the way here.
    pub links: Arc<[String]>,
    /// If it is called like a step, what lies beside it.
    pub beside: Option<Arc<Beside>>,
    /// Whether another walk came upon it, which was divided among several.
    pub given: bool,
}

/// Directories that are called like steps of one prefix.
pub struct Beside {
    /// Where they lie.
    pub parent: StorePath,
    /// What they are called.
    pub names: Vec<String>,
    /// Whether one of them is a step.
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

    /// The path in full, however the base was spelled: what decides in whose share it is.
    pub fn place(&self) -> String {
        normal(&self.base.store.absolute(&self.path))
    }

    /// Whether it lies beside a step that shows that it is a checkpoint, so that it is a step too,
    /// finished or not. The store is asked once for all that lie there, and only where it matters.
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

    /// Whether it was given, and not come upon.
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

//! What `_sharding` says about each leaf. The file can have hundreds of megabytes, so it is read,
//! evaluated for every leaf at once, and dropped.

use super::Options;
use super::outline::{ItemFiles, Outline};
use crate::cursor::to_usize;
use crate::error::{Error, ErrorKind};
use crate::memory;
use crate::orbax::leaf_entry::{LeafEntry, ValueType};
use crate::orbax::sharding::Sharding;
use crate::orbax::{names, shardings};
use crate::path::StorePath;
use crate::store::Store;
use crate::tree::Names;

/// What is said about one leaf.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// There is no entry.
    Missing,
    /// The entry says that there is no sharding.
    Nothing,
    /// The number of its sharding.
    Number(usize),
    /// Why its entry cannot be read.
    Fault(&'a Error),
}

/// As [`Entry`], but compact.
#[derive(Clone, Copy, Debug)]
enum Said {
    Missing,
    Nothing,
    Number(u32),
    Fault(u32),
}

/// The content of the file.
#[derive(Debug, Default)]
pub struct LeafShardings {
    /// Its path; `None` if there is no such file, or it cannot be read, or no leaf needs it.
    pub path: Option<StorePath>,
    /// The distinct shardings.
    pub table: Vec<Sharding>,
    /// Why it cannot be read.
    pub fault: Option<Error>,
    /// For each leaf.
    said: Vec<Said>,
    faults: Vec<Error>,
}

impl LeafShardings {
    /// Reads what the file says about the leaves of a tree, if that is wanted.
    pub fn read(
        store: &dyn Store,
        files: &ItemFiles,
        outline: &Outline,
        param_names: &Names,
        options: &Options,
    ) -> Self {
        if options.without_shardings {
            return Self::default();
        }
        let limits = &options.limits;
        // A value in the aggregate file never had a sharding, and is restored without one.
        let jax =
            |entry: &LeafEntry| entry.value_type == ValueType::JaxArray && !entry.skip_deserialize;
        let count = outline.leaves.iter().filter(|entry| jax(entry)).count();
        if count == 0 {
            return Self::default();
        }
        let Ok(path) = files.directory.join(names::SHARDING) else {
            return Self::default();
        };
        let asked = files
            .sharding(store, limits.max_document_bytes)
            .and_then(|bytes| {
                memory::room_for(outline.leaves.len(), size_of::<Said>())?;
                let decoded = shardings::decode(&bytes, limits)?;
                let mut lookup = decoded.lookup();
                let mut found = Self::default();
                let leaves = outline.leaves.iter().zip(param_names.iter());
                found.said = leaves
                    .map(|(entry, name)| {
                        if jax(entry) {
                            found.note(lookup.get(name))
                        } else {
                            Said::Nothing
                        }
                    })
                    .collect();
                found.table = decoded.table;
                Ok(found)
            });
        match asked {
            Ok(found) => Self {
                path: Some(path),
                ..found
            },
            Err(error) => {
                let error = match error.kind() {
                    // Releases before 0.4.0 did not write one.
                    ErrorKind::NotFound => Error::new(error.kind(), "does not exist")
                        .in_file(&path)
                        .without_loss(),
                    _ => error.in_file(&path),
                };
                let shardings = match count {
                    1 => "the sharding of 1 array is".to_owned(),
                    _ => format!("the shardings of {count} arrays are"),
                };
                Self {
                    fault: Some(error.while_reading(format_args!("{shardings} unknown"))),
                    ..Self::default()
                }
            }
        }
    }

    fn note(&mut self, entry: Option<&shardings::Entry>) -> Said {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        match entry {
            None => Said::Missing,
            Some(Ok(None)) => Said::Nothing,
            Some(Ok(Some(sharding))) => Said::Number(number(*sharding)),
            Some(Err(error)) => {
                let fault = Said::Fault(number(self.faults.len()));
                self.faults.push(error.clone());
                fault
            }
        }
    }

    /// The entry of leaf number `leaf`.
    pub fn of(&self, leaf: usize) -> Entry<'_> {
        let index = |number: u32| to_usize(u64::from(number));
        match self.said.get(leaf) {
            None | Some(Said::Missing) => Entry::Missing,
            Some(Said::Nothing) => Entry::Nothing,
            Some(Said::Number(number)) => Entry::Number(index(*number)),
            Some(Said::Fault(number)) => self
                .faults
                .get(index(*number))
                .map_or(Entry::Nothing, Entry::Fault),
        }
    }
}

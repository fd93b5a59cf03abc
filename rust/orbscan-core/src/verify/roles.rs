//! The role of each file of a checkpoint.

use foldhash::{HashSet, HashSetExt};

use super::databases::Databases;
use super::files::{AsKey, FileUse};
use super::survey::{Survey, relative};
use crate::orbax::names;
use crate::path::StorePath;

/// The role of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A description: metadata, a manifest.
    Document,
    /// Contains nodes or values that something refers to.
    Data,
    /// Contains one chunk.
    Chunk,
    /// Belongs to a database or an array, but nothing refers to it.
    Unused,
    /// Belongs to a database, and what would say whether anything refers to it is damaged.
    Unknown,
    /// None of these: a file of another program, or content that is neither a pytree nor JSON.
    Other,
}

impl Role {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Data => "data",
            Self::Chunk => "chunk",
            Self::Unused => "unused",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }
}

/// Determines the roles of the files of one survey.
pub struct Roles<'s> {
    /// The directory of the pytree.
    directory: &'s StorePath,
    /// Whether the whole index was seen, without which it is not known what is unused.
    is_whole: bool,
    databases: &'s Databases,
    /// The directories of data files; they need not have the usual names.
    directories: HashSet<&'s str>,
}

impl<'s> Roles<'s> {
    /// The roles of the files in a survey of these databases.
    pub fn new(survey: &'s Survey<'_>, databases: &'s Databases) -> Self {
        let mut directories = HashSet::new();
        for file in &survey.files.files {
            if file.is_used() && file.as_key != AsKey::Value {
                directories.insert(directory(relative(&survey.directory, &file.path)));
            }
        }
        // A data file beside the documents does not make data files of those.
        directories.remove("");
        Self {
            directory: &survey.directory,
            is_whole: databases.errors.is_empty() && !survey.is_damaged(),
            databases,
            directories,
        }
    }

    /// Whether every data file that nothing refers to is known to be unused.
    pub const fn are_whole(&self) -> bool {
        self.is_whole
    }

    /// The role of a file.
    pub fn of(&self, file: &FileUse) -> Role {
        let path = relative(self.directory, &file.path);
        if names::is_document(path)
            || (names::is_array_document(path) && file.as_key != AsKey::Nothing)
        {
            return Role::Document;
        }
        if file.as_key == AsKey::Value {
            return Role::Chunk;
        }
        if file.is_used() {
            return Role::Data;
        }
        if file.as_key == AsKey::Surplus {
            return Role::Unused;
        }
        let unreferenced = if self.is_whole {
            Role::Unused
        } else {
            Role::Unknown
        };
        match names::data_file(path) {
            Some((process, _)) if self.databases.account_for(process) => unreferenced,
            // The manifest of its database is missing.
            Some((_, name)) if is_generated(name) => Role::Unknown,
            None if self.directories.contains(directory(path)) => unreferenced,
            _ => Role::Other,
        }
    }
}

/// The directory of a file.
fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Whether a name is one that TensorStore generates for a data file.
fn is_generated(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

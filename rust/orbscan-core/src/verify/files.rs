//! The files of a checkpointable: their content, and how much of it is referred to.

use foldhash::{HashMap, HashMapExt};

use super::extents::Runs;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::index::Extent;
use crate::reader::inventory::File;
use crate::reader::pointers;
use crate::stand_in;
use crate::store::Store;

/// The meaning of the path of a file as the key of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsKey {
    /// None: the file is a data file, a document, or not part of the format.
    Nothing,
    /// The file is one value, whose key is the path.
    Value,
    /// The key of an array that lies elsewhere.
    Surplus,
}

/// What is known about one file.
#[derive(Clone, Debug)]
pub struct FileUse {
    /// Where it lies.
    pub path: StorePath,
    /// Its size in bytes; `None` if it does not exist.
    pub size: Option<u64>,
    /// Values in it.
    pub values: u64,
    /// Their bytes.
    pub value_bytes: u64,
    /// How many of those bytes are documents of arrays.
    pub document_bytes: u64,
    /// B+tree nodes in it.
    pub nodes: u64,
    /// Their bytes.
    pub node_bytes: u64,
    /// The referenced bytes.
    pub runs: Runs,
    /// Whether nodes share bytes.
    pub nodes_overlap: bool,
    /// The meaning of its path as a key.
    pub as_key: AsKey,
    /// Whether it is a git-lfs pointer in place of the file.
    pub is_pointer: bool,
    /// The position and number of its bytes that belong to no version, if they were looked for.
    pub surplus: Option<(u64, u64)>,
}

impl FileUse {
    /// Whether anything refers to it.
    pub const fn is_used(&self) -> bool {
        self.values > 0 || self.nodes > 0
    }

    /// Bytes of it that nothing refers to.
    pub fn free_bytes(&self) -> u64 {
        let size = self.size.unwrap_or_default();
        size.saturating_sub(self.runs.covered(size))
    }

    /// Whether it ends before something that should lie in it.
    pub fn is_short(&self) -> bool {
        self.size.is_some_and(|size| size < self.runs.end())
    }
}

/// All files of a checkpointable, and the files that it refers to.
#[derive(Debug)]
pub struct Files {
    /// In order of appearance.
    pub files: Vec<FileUse>,
    numbers: HashMap<StorePath, usize>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl Files {
    /// Adds a file that exists.
    pub fn add(&mut self, file: File) -> usize {
        let number = self.number(file.path);
        if let Some(known) = self.files.get_mut(number) {
            known.size = Some(file.size);
        }
        number
    }

    /// The number of a file that is referred to.
    pub fn number(&mut self, path: StorePath) -> usize {
        let next = self.files.len();
        *self.numbers.entry(path).or_insert_with_key(|path| {
            self.files.push(FileUse {
                path: path.clone(),
                size: None,
                values: 0,
                value_bytes: 0,
                document_bytes: 0,
                nodes: 0,
                node_bytes: 0,
                runs: Runs::default(),
                nodes_overlap: false,
                as_key: AsKey::Nothing,
                is_pointer: false,
                surplus: None,
            });
            next
        })
    }

    /// Notes a node.
    pub fn add_node(&mut self, extent: Extent) {
        if let Some(file) = self.files.get_mut(extent.file) {
            file.nodes = file.nodes.saturating_add(1);
            file.node_bytes = file.node_bytes.saturating_add(extent.length);
            file.nodes_overlap |= file.runs.insert(extent.offset, extent.length);
        }
    }

    /// Notes a value; returns what is wrong with its position.
    pub fn add_value(&mut self, extent: Extent) -> Option<Misplaced> {
        let file = self.files.get_mut(extent.file)?;
        file.values = file.values.saturating_add(1);
        file.value_bytes = file.value_bytes.saturating_add(extent.length);
        let overlaps = file.runs.insert(extent.offset, extent.length);
        let end = extent.offset.saturating_add(extent.length);
        match file.size {
            None => Some(Misplaced::Missing),
            Some(_) if file.is_pointer => Some(Misplaced::Pointer),
            Some(size) if end > size => Some(Misplaced::Beyond(size)),
            Some(_) if overlaps => Some(Misplaced::Shared),
            Some(_) => None,
        }
    }

    /// Notes that a value is the document of an array.
    pub fn add_document(&mut self, extent: Extent) {
        if let Some(file) = self.files.get_mut(extent.file) {
            file.document_bytes = file.document_bytes.saturating_add(extent.length);
        }
    }

    /// Looks for git-lfs pointers among the files that may be pointers. Documents of arrays, of
    /// which there are many, are excluded: the code that reads one reports what is wrong with it.
    pub fn find_pointers(&mut self, store: &dyn Store) {
        let suspects = self.files.iter().filter(|file| {
            file.size.is_some_and(stand_in::may_be_pointer)
                && !names::is_array_document(file.path.as_str())
        });
        let suspects: Vec<&StorePath> = suspects.map(|file| &file.path).collect();
        let found = pointers::among(store, &suspects);
        let numbers = found.iter().filter_map(|path| self.numbers.get(*path));
        let numbers: Vec<usize> = numbers.copied().collect();
        for number in numbers {
            if let Some(file) = self.files.get_mut(number) {
                file.is_pointer = true;
            }
        }
    }

    /// Whether there is a file at a path.
    pub fn has(&self, path: &StorePath) -> bool {
        let file = self.numbers.get(path);
        let file = file.and_then(|number| self.files.get(*number));
        file.is_some_and(|file| file.size.is_some())
    }

    /// The path of a file.
    pub fn path(&self, number: usize) -> Option<&StorePath> {
        self.files.get(number).map(|file| &file.path)
    }
}

/// What is wrong with the position of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// The file does not exist.
    Missing,
    /// The file is a git-lfs pointer.
    Pointer,
    /// The file, which has this size, ends before it.
    Beyond(u64),
    /// Something else lies there as well.
    Shared,
}

//! One pass over everything that a checkpointable stores: which chunks exist, where they lie, and
//! what else there is.
//!
//! The pass keeps counts for each array and each file, but nothing for a chunk: keys come in order
//! and are distinct, so an array is complete when as many of its chunks were seen as its grid has.

use std::ops::ControlFlow;

use super::arrays::{Array, Arrays, ChunkFault, Meaning, is_chunk_key};
use super::code::Code;
use super::files::{AsKey, Files, Misplaced};
use super::strays::{Strays, guessed_array, shown};
use crate::error::{ErrorKind, Result, counted};
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::index::{self, Extent, NodeFault, Value, Visitor};
use crate::reader::inventory::{self, Gone};
use crate::record::LeafTable;
use crate::store::{Bytes, Store};
use crate::zarr::ArrayHeader;

/// Damaged nodes that are kept; further ones are counted.
const KEPT: usize = 1_000;

/// A chunk that was found.
#[derive(Clone, Copy, Debug)]
pub struct ChunkAt<'a> {
    /// The number of its array.
    pub array: usize,
    /// Its number in the grid.
    pub chunk: u64,
    /// The description of its array.
    pub header: &'a ArrayHeader,
}

/// A fault of a chunk, found when its bytes were decoded.
#[derive(Clone, Debug)]
pub struct FoundFault {
    /// The number of its array.
    pub array: usize,
    /// Its number in the grid.
    pub chunk: u64,
    /// Its position; `None` in a node.
    pub place: Option<Extent>,
    /// What is wrong.
    pub fault: ChunkFault,
}

/// Receives every chunk whose bytes can be read.
pub trait Chunks {
    /// Takes a chunk. Faults may be reported later, together with those of earlier chunks.
    fn take(
        &mut self,
        at: ChunkAt<'_>,
        value: Value<'_>,
        files: &Files,
        faults: &mut Vec<FoundFault>,
    ) -> ControlFlow<()>;

    /// Finishes the chunks that were taken but not checked yet.
    fn finish(&mut self, faults: &mut Vec<FoundFault>) -> ControlFlow<()>;

    /// Announces, before chunks come, how many bytes they may have together.
    fn expect(&mut self, bytes: u64);
}

/// The result.
pub struct Survey<'a> {
    /// The arrays of leaves.
    pub arrays: Arrays<'a>,
    /// The directory of the checkpointable.
    pub directory: StorePath,
    /// The files.
    pub files: Files,
    /// Files that disappeared while they were listed.
    pub gone: Gone,
    /// Keys of no array.
    pub strays: Strays,
    /// Damaged nodes.
    pub node_faults: Vec<NodeFault>,
    /// Damaged nodes beyond those that are kept.
    pub more_node_faults: u64,
    /// Values of keys that belong to no array and no chunk: bytes of those in files, and of those
    /// in nodes.
    pub stray_bytes: (u64, u64),
    /// Chunks that were seen.
    pub chunks: u64,
    /// Bytes that a chunk claims and something else claimed before.
    shared: Vec<Extent>,
    /// Whether this walk only looks for the chunks that hold those bytes.
    finds_owners: bool,
    sink: Option<&'a mut dyn Chunks>,
    faults: Vec<FoundFault>,
}

impl<'a> Survey<'a> {
    /// A survey of the arrays in a table. Chunks are passed to `sink`, if there is one.
    ///
    /// # Errors
    /// `Memory`.
    pub fn new(table: &'a LeafTable, sink: Option<&'a mut dyn Chunks>) -> Result<Self> {
        Ok(Self {
            arrays: Arrays::new(table)?,
            directory: StorePath::root(),
            files: Files::default(),
            gone: Gone::default(),
            strays: Strays::default(),
            node_faults: Vec::new(),
            more_node_faults: 0,
            stray_bytes: (0, 0),
            chunks: 0,
            shared: Vec::new(),
            finds_owners: false,
            sink,
            faults: Vec::new(),
        })
    }

    /// Lists the files of a checkpointable; its directories named in `others` do not belong to it.
    ///
    /// # Errors
    /// As [`inventory::walk`].
    pub fn list(
        &mut self,
        store: &dyn Store,
        directory: &StorePath,
        others: &[&str],
    ) -> Result<()> {
        self.directory = directory.clone();
        let gone = inventory::walk(store, directory, others, |file| {
            self.files.add(file);
        });
        if let Some(sink) = &mut self.sink {
            let sizes = self.files.files.iter();
            let sizes = sizes.filter(|file| !names::is_document(relative(directory, &file.path)));
            let sizes = sizes.filter_map(|file| file.size);
            sink.expect(sizes.fold(0, u64::saturating_add));
        }
        self.files.find_pointers(store);
        self.gone = gone?;
        Ok(())
    }

    /// Walks the database in `directory`.
    ///
    /// # Errors
    /// As [`index::walk`].
    pub fn walk_database(
        &mut self,
        store: &dyn Store,
        directory: &StorePath,
        manifest: &Bytes,
        limits: &Limits,
    ) -> Result<ControlFlow<()>> {
        let flow = index::walk(store, directory, manifest, limits, self);
        self.strays.end();
        flow
    }

    /// Walks the database in `directory` once more, if chunks of it share bytes: which of them came
    /// first does not say whose bytes they are, so each of them is reported.
    ///
    /// # Errors
    /// `Store`, `Limit`.
    pub fn find_owners(
        &mut self,
        store: &dyn Store,
        directory: &StorePath,
        manifest: &Bytes,
        limits: &Limits,
    ) -> Result<()> {
        if self.shared.is_empty() {
            return Ok(());
        }
        self.finds_owners = true;
        let walked = index::walk(store, directory, manifest, limits, self);
        self.finds_owners = false;
        match walked {
            Err(error) if matches!(error.kind(), ErrorKind::Store | ErrorKind::Limit) => Err(error),
            // The previous walk reported everything else that is wrong.
            _ => Ok(()),
        }
    }

    fn owner(&mut self, key: &[u8], value: Value<'_>) {
        let Value::Stored(extent) = value else {
            return;
        };
        // What lies after the end of its file was reported as lost.
        let end = extent.offset.saturating_add(extent.length);
        let size = self.files.files.get(extent.file).and_then(|file| file.size);
        let is_there = size.is_some_and(|size| end <= size);
        if is_there
            && self.shared.iter().any(|shared| shared.overlaps(&extent))
            && let Meaning::Chunk(array, chunk) = self.arrays.meaning(key)
        {
            let fault = misplaced_fault(Misplaced::Shared, Some(extent));
            self.arrays.add_fault(array, chunk, Some(extent), fault);
        }
    }

    /// Takes the files below `directory` that are chunks or documents of arrays. If arrays lie in a
    /// database, such files are surplus, unless the database has no chunk of their array. All
    /// others do not belong to the format: programs keep files of their own beside a tree.
    pub fn walk_files(&mut self, directory: &StorePath, in_database: bool) -> ControlFlow<()> {
        let chunks = self.arrays.arrays.iter().map(|array| array.chunks);
        let from_database: Vec<u64> = chunks.collect();
        for number in 0..self.files.files.len() {
            let Some((key, size)) = self.chunk_file(directory, number) else {
                continue;
            };
            let key = self.arrays.unescaped(key);
            let meaning = self.arrays.meaning(key.as_bytes());
            let (is_key, surplus) = match meaning {
                Meaning::Chunk(array, _) => {
                    let chunks = from_database.get(array).copied().unwrap_or_default();
                    (true, in_database && chunks > 0)
                }
                Meaning::Document(_) | Meaning::Outside(_) => (true, in_database),
                // A handler may store things in the database and beside it.
                Meaning::Custom(_) => (true, false),
                Meaning::Stray | Meaning::Unknown(_) => {
                    (self.is_of_array(directory, &key), in_database)
                }
            };
            if let Some(file) = self.files.files.get_mut(number) {
                file.as_key = match (is_key, surplus) {
                    (false, _) => AsKey::Nothing,
                    (true, false) => AsKey::Value,
                    (true, true) => AsKey::Surplus,
                };
            }
            if !is_key || surplus {
                continue;
            }
            let value = Value::Stored(Extent {
                file: number,
                offset: 0,
                length: size,
            });
            if self.take(key.as_bytes(), meaning, value).is_break() {
                return ControlFlow::Break(());
            }
        }
        self.strays.end();
        ControlFlow::Continue(())
    }

    /// The key of a file, unless something lies in it already, and its size.
    fn chunk_file(&self, directory: &StorePath, number: usize) -> Option<(String, u64)> {
        let file = self.files.files.get(number)?;
        let relative = relative(directory, &file.path);
        let free = !file.is_used() && !names::is_document(relative);
        free.then(|| Some((relative.to_owned(), file.size?)))
            .flatten()
    }

    /// Whether a key that belongs to no leaf is that of an array all the same: one that has a
    /// document.
    fn is_of_array(&self, directory: &StorePath, key: &str) -> bool {
        if names::is_array_document(key) {
            return true;
        }
        let (name, _) = guessed_array(key.as_bytes());
        let name = str::from_utf8(name).unwrap_or_default();
        let rest = key.get(name.len()..).unwrap_or_default();
        let array = directory.join(name);
        is_chunk_key(rest.trim_start_matches('/').as_bytes())
            && array.is_ok_and(|array| {
                let mut documents = [names::ZARR_V2, names::ZARR_V3].into_iter();
                documents.any(|name| array.join(name).is_ok_and(|path| self.files.has(&path)))
            })
    }

    /// Whether the array has all of its chunks, as far as they can be counted.
    pub fn has_all(&self, array: &Array<'_>) -> bool {
        let grid = self.arrays.grid(array);
        grid.is_some_and(|grid| array.present.count() >= grid.total())
    }

    /// Whether all arrays have all of their chunks.
    pub fn is_whole(&self) -> bool {
        let mut arrays = self.arrays.arrays.iter();
        arrays.all(|array| array.is_custom || self.has_all(array))
    }

    /// Whether nodes could not be read, so that it is not known what they refer to.
    pub fn is_damaged(&self) -> bool {
        self.more_node_faults > 0 || self.node_faults.iter().any(|fault| fault.lost)
    }

    /// Checks the rest.
    pub fn finish(&mut self) -> ControlFlow<()> {
        let flow = match &mut self.sink {
            Some(sink) => sink.finish(&mut self.faults),
            None => ControlFlow::Continue(()),
        };
        self.judge();
        flow
    }

    fn take(&mut self, key: &[u8], meaning: Meaning, value: Value<'_>) -> ControlFlow<()> {
        let length = value.length();
        let misplaced = match value {
            Value::Inline(_) => None,
            Value::Stored(extent) => self.files.add_value(extent),
        };
        if meaning != Meaning::Stray {
            self.strays.end();
        }
        if matches!(
            meaning,
            Meaning::Stray | Meaning::Outside(_) | Meaning::Unknown(_)
        ) {
            let bytes = match value {
                Value::Stored(_) => &mut self.stray_bytes.0,
                Value::Inline(_) => &mut self.stray_bytes.1,
            };
            *bytes = bytes.saturating_add(length);
        }
        match meaning {
            Meaning::Chunk(array, chunk) => self.chunk(array, chunk, value, misplaced),
            Meaning::Document(array) => {
                if let Some(array) = self.arrays.arrays.get_mut(array) {
                    array.document_bytes = length;
                }
                if let Value::Stored(extent) = value {
                    self.files.add_document(extent);
                }
                ControlFlow::Continue(())
            }
            Meaning::Outside(array) | Meaning::Unknown(array) => {
                if let Some(array) = self.arrays.arrays.get_mut(array) {
                    let group = match meaning {
                        Meaning::Outside(_) => &mut array.odd_mut().outside,
                        _ => &mut array.odd_mut().unknown,
                    };
                    group.0 = group.0.saturating_add(1);
                    group.1.get_or_insert_with(|| shown(key));
                }
                ControlFlow::Continue(())
            }
            Meaning::Stray => {
                self.strays.add(key, length);
                ControlFlow::Continue(())
            }
            // Of a value of a custom handler it is only known whether it is there.
            Meaning::Custom(leaf) => self.chunk(leaf, None, value, misplaced),
        }
    }

    fn chunk(
        &mut self,
        number: usize,
        chunk: Option<u64>,
        value: Value<'_>,
        misplaced: Option<Misplaced>,
    ) -> ControlFlow<()> {
        let Some(array) = self.arrays.arrays.get_mut(number) else {
            return ControlFlow::Continue(());
        };
        self.chunks = self.chunks.saturating_add(u64::from(!array.is_custom));
        let (place, bytes) = match value {
            Value::Inline(_) => (None, &mut array.inline_bytes),
            Value::Stored(extent) => (Some(extent), &mut array.stored_bytes),
        };
        *bytes = bytes.saturating_add(value.length());
        array.chunks = array.chunks.saturating_add(1);
        if misplaced == Some(Misplaced::Shared) && self.shared.len() < KEPT {
            self.shared.extend(place);
        }
        let Some(chunk) = chunk else {
            if let Some(misplaced) = misplaced {
                self.arrays
                    .add_fault(number, None, place, misplaced_fault(misplaced, place));
            }
            return ControlFlow::Continue(());
        };
        self.arrays.mark_present(number, chunk);
        let fault = if let Some(misplaced) = misplaced {
            Some(misplaced_fault(misplaced, place))
        } else {
            let array = self.arrays.arrays.get(number);
            array.and_then(|array| self.arrays.length_fault(array, value.length()))
        };
        if let Some(fault) = fault {
            self.arrays.add_fault(number, Some(chunk), place, fault);
            return ControlFlow::Continue(());
        }
        let Some(sink) = &mut self.sink else {
            return ControlFlow::Continue(());
        };
        let array = self.arrays.arrays.get(number);
        let Some(header) = array.and_then(|array| self.arrays.header(array)) else {
            return ControlFlow::Continue(());
        };
        let at = ChunkAt {
            array: number,
            chunk,
            header,
        };
        let flow = sink.take(at, value, &self.files, &mut self.faults);
        if !self.faults.is_empty() {
            self.judge();
        }
        flow
    }

    fn judge(&mut self) {
        for fault in self.faults.drain(..) {
            let FoundFault {
                array,
                chunk,
                place,
                fault,
            } = fault;
            self.arrays.add_fault(array, Some(chunk), place, fault);
        }
    }
}

impl Visitor for Survey<'_> {
    fn file(&mut self, path: StorePath) -> usize {
        self.files.number(path)
    }

    fn node(&mut self, extent: Extent) {
        if !self.finds_owners {
            self.files.add_node(extent);
        }
    }

    fn entry(&mut self, key: &[u8], value: Value<'_>) -> ControlFlow<()> {
        if self.finds_owners {
            self.owner(key, value);
            return ControlFlow::Continue(());
        }
        let meaning = self.arrays.meaning(key);
        self.take(key, meaning, value)
    }

    fn node_fault(&mut self, fault: NodeFault) {
        if self.finds_owners {
            return;
        }
        if self.node_faults.len() < KEPT {
            self.node_faults.push(fault);
        } else {
            self.more_node_faults = self.more_node_faults.saturating_add(1);
        }
    }
}

/// The path of a file in a directory, relative to it.
pub(super) fn relative<'a>(directory: &StorePath, file: &'a StorePath) -> &'a str {
    let rest = file.as_str().strip_prefix(directory.as_str());
    let rest = rest.unwrap_or(file.as_str());
    rest.strip_prefix('/').unwrap_or(rest)
}

fn misplaced_fault(misplaced: Misplaced, place: Option<Extent>) -> ChunkFault {
    let end = place.map_or(0, |place| place.offset.saturating_add(place.length));
    let length = place.map_or(0, |place| place.length);
    let (code, expected, found) = match misplaced {
        Misplaced::Missing => (
            Code::ChunkLost,
            counted(length, "byte", "bytes"),
            "the data file does not exist".to_owned(),
        ),
        Misplaced::Pointer => (
            Code::ChunkLost,
            counted(length, "byte", "bytes"),
            "a git-lfs pointer: the file itself was never fetched".to_owned(),
        ),
        Misplaced::Beyond(size) => (
            Code::ChunkLost,
            format!("{} up to byte {end}", counted(length, "byte", "bytes")),
            format!("a data file of {}", counted(size, "byte", "bytes")),
        ),
        Misplaced::Shared => (
            Code::ChunkOverlap,
            counted(length, "byte of its own", "bytes of its own"),
            "bytes that something else holds, too".to_owned(),
        ),
    };
    ChunkFault {
        code,
        expected,
        found,
    }
}

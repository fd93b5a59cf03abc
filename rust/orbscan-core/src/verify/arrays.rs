//! From a key of a store to its array and chunk.

use std::cmp::Ordering;

use super::code::Code;
use super::marks::{Budget, Marks};
use crate::error;
use crate::error::counted;
use crate::memory;
use crate::orbax::names;
use crate::reader::index::Extent;
use crate::record::{self, LeafKind, LeafTable};
use crate::zarr::ArrayHeader;
use crate::zarr::chunk_keys::{Grid, Place};

/// The parts of the longest chunk key, `c/` and one number for each dimension, and one more to be
/// safe.
const MAX_PARTS: usize = 34;

/// What the store holds of one array, and what is wrong with its chunks.
#[derive(Clone, Debug, Default)]
pub struct Array<'a> {
    /// Its name in the store.
    pub name: &'a str,
    /// Its leaf, in [`LeafTable::leaves`].
    pub leaf: usize,
    /// Its description in [`LeafTable::arrays`]; `None` if that could not be read.
    pub header: Option<usize>,
    /// The chunks that the store lists.
    pub present: Marks,
    /// The number of keys of chunks; the databases of two processes may have the same keys.
    pub chunks: u64,
    /// Bytes of their values that lie in data files, or in files of their own.
    pub stored_bytes: u64,
    /// Bytes of their values in B+tree nodes, before the node is compressed.
    pub inline_bytes: u64,
    /// Bytes of its document.
    pub document_bytes: u64,
    /// Whether it is the leaf of a custom handler, which decides what its keys mean, not an array.
    pub is_custom: bool,
    /// What few arrays have.
    odd: Option<Box<Odd>>,
}

/// The irregularities of one array.
#[derive(Clone, Debug, Default)]
pub struct Odd {
    /// Keys of chunks that the grid does not have, and the first of them.
    pub outside: (u64, Option<String>),
    /// Keys below its name that have no meaning, and the first of them.
    pub unknown: (u64, Option<String>),
    /// What is wrong with chunks.
    pub faults: Vec<Fault>,
}

impl Array<'_> {
    /// Its irregularities, if there are any.
    pub fn odd(&self) -> Option<&Odd> {
        self.odd.as_deref()
    }

    /// Its irregularities, to be added to.
    pub fn odd_mut(&mut self) -> &mut Odd {
        self.odd.get_or_insert_default()
    }

    /// What is wrong with its chunks.
    pub fn faults(&self) -> &[Fault] {
        self.odd().map_or(&[], |odd| &odd.faults)
    }
}

/// What is wrong with some chunks of an array.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What it is.
    pub code: Code,
    /// Which chunks.
    pub marks: Marks,
    /// The position of the first of them; `None` in a node.
    pub place: Option<Extent>,
    /// What was expected, for the first of them.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// One fault of one chunk.
#[derive(Clone, Debug)]
pub struct ChunkFault {
    /// What it is.
    pub code: Code,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// The meaning of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A chunk of the array with this number. Without a description, chunks have no numbers.
    Chunk(usize, Option<u64>),
    /// A chunk outside of the grid of the array.
    Outside(usize),
    /// The document of the array.
    Document(usize),
    /// Something below the name of the array.
    Unknown(usize),
    /// What a custom handler stores for the leaf of that number.
    Custom(usize),
    /// Of no array.
    Stray,
}

/// The arrays of the leaves of a table.
#[derive(Debug)]
pub struct Arrays<'a> {
    /// In the order of the prefixes of their keys.
    pub arrays: Vec<Array<'a>>,
    grids: Vec<Option<Grid>>,
    /// The least and the greatest number of bytes that a chunk can have.
    lengths: Vec<(u64, Option<u64>)>,
    headers: Vec<Option<&'a ArrayHeader>>,
    /// The array of the previous key: the next one is nearly always of the same or of the next
    /// array.
    current: usize,
    /// Whether any is the leaf of a custom handler.
    has_custom: bool,
    /// The names that are other paths as files.
    with_backslash: Vec<&'a str>,
    budget: Budget,
}

impl<'a> Arrays<'a> {
    /// The arrays of a table that lie in a store.
    ///
    /// # Errors
    /// `Memory`.
    pub fn new(table: &'a LeafTable) -> error::Result<Self> {
        let headers: Vec<Option<&ArrayHeader>> = table
            .arrays
            .iter()
            .map(|array| match array {
                record::Array::Zarr(header) => Some(header),
                record::Array::Inline(..) => None,
            })
            .collect();
        // Sorting takes half as much memory again.
        memory::room_for(
            table.leaf_of.len(),
            size_of::<Array<'_>>().saturating_mul(2),
        )?;
        let mut arrays = memory::list(table.leaf_of.len())?;
        for (number, name) in table.leaf_of.iter().zip(table.names.iter()) {
            let Some(leaf) = table.leaves.get(*number) else {
                continue;
            };
            let unreadable = matches!(leaf.kind, LeafKind::Unreadable(_));
            let stored = leaf
                .array
                .filter(|array| headers.get(*array).is_some_and(Option::is_some));
            let is_custom = matches!(leaf.kind, LeafKind::Custom(_));
            if unreadable || is_custom || stored.is_some() {
                arrays.push(Array {
                    name,
                    leaf: *number,
                    header: stored,
                    is_custom,
                    ..Array::default()
                });
            }
        }
        // Keys are not escaped in names, so two leaves may share an array.
        arrays.sort_by(|a, b| compare(a.name, b.name));
        arrays.dedup_by(|a, b| a.name == b.name);
        let length = |header: Option<&ArrayHeader>| {
            let length = header.map(|header| header.encoding.stored_bytes(header.chunk_bytes()));
            length.unwrap_or_default()
        };
        let names = arrays.iter().map(|array| array.name);
        let with_backslash = names.filter(|name| name.contains('\\')).collect();
        Ok(Self {
            has_custom: arrays.iter().any(|array| array.is_custom),
            arrays,
            with_backslash,
            lengths: headers.iter().copied().map(length).collect(),
            grids: headers
                .iter()
                .map(|header| header.and_then(Grid::new))
                .collect(),
            headers,
            current: 0,
            budget: Budget::default(),
        })
    }

    /// The number of the array with this name.
    pub fn named(&self, name: &str) -> Option<usize> {
        let found = self
            .arrays
            .binary_search_by(|array| compare(array.name, name));
        found.ok()
    }

    /// The grid of an array.
    pub fn grid(&self, array: &Array<'_>) -> Option<&Grid> {
        self.grids.get(array.header?)?.as_ref()
    }

    /// The fault of a chunk whose length is not possible in the encoding of its array.
    #[inline]
    pub fn length_fault(&self, array: &Array<'_>, length: u64) -> Option<ChunkFault> {
        let (least, most) = *self.lengths.get(array.header?)?;
        if length >= least && most.is_none_or(|most| length <= most) {
            return None;
        }
        let expected = match most {
            Some(most) if most == least => counted(least, "byte", "bytes"),
            _ => format!("at least {}", counted(least, "byte", "bytes")),
        };
        Some(ChunkFault {
            code: Code::ChunkLength,
            expected,
            found: counted(length, "byte", "bytes"),
        })
    }

    /// The description of an array.
    pub fn header(&self, array: &Array<'_>) -> Option<&'a ArrayHeader> {
        self.headers.get(array.header?).copied().flatten()
    }

    /// The key of a file. In the paths of files, a backslash in a name became a slash.
    pub fn unescaped(&self, path: String) -> String {
        for name in &self.with_backslash {
            let directory = name.replace('\\', "/");
            let rest = below(&directory, path.as_bytes());
            if let Some(rest) =
                rest.and_then(|rest| path.get(path.len().saturating_sub(rest.len())..))
            {
                return format!("{name}/{rest}");
            }
        }
        path
    }

    /// The meaning of a key.
    pub fn meaning(&mut self, key: &[u8]) -> Meaning {
        for near in [self.current, self.current.saturating_add(1)] {
            // All keys below the name of a custom leaf are its own, unless an array has a longer name.
            if let Some(meaning) = self.try_array(near, key)
                && !matches!(meaning, Meaning::Custom(_))
            {
                self.current = near;
                return meaning;
            }
        }
        self.search(key)
    }

    /// Tries every array whose name is a prefix of the key, the longest first.
    fn search(&mut self, key: &[u8]) -> Meaning {
        let leading = self.leading(key);
        if self.has_custom
            && let Some(number) = str::from_utf8(key).ok().and_then(|name| self.named(name))
            && self.arrays.get(number).is_some_and(|array| array.is_custom)
        {
            return Meaning::Custom(number);
        }
        for &number in &leading {
            if let Some(meaning) = self.try_array(number, key) {
                self.current = number;
                return meaning;
            }
        }
        leading
            .first()
            .map_or(Meaning::Stray, |nearest| Meaning::Unknown(*nearest))
    }

    /// The arrays whose names are prefixes of the key, the longest first.
    fn leading(&self, key: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut end = key.len();
        for _ in 0..MAX_PARTS {
            let slash = key
                .get(..end)
                .and_then(|key| key.iter().rposition(|b| *b == b'/'));
            // The array without a name comes last.
            let prefix = slash.map_or(&[][..], |slash| key.get(..=slash).unwrap_or_default());
            let number = self
                .arrays
                .binary_search_by(|array| order(array.name, prefix));
            found.extend(number);
            match slash {
                Some(slash) => end = slash,
                None => break,
            }
        }
        found
    }

    #[inline]
    fn try_array(&self, number: usize, key: &[u8]) -> Option<Meaning> {
        let array = self.arrays.get(number)?;
        let rest = below(array.name, key)?;
        if array.is_custom {
            return Some(Meaning::Custom(number));
        }
        let Some(header) = array.header else {
            if is_document(rest) {
                return Some(Meaning::Document(number));
            }
            return is_chunk_key(rest).then_some(Meaning::Chunk(number, None));
        };
        match self
            .grids
            .get(header)?
            .as_ref()
            .map(|grid| grid.place(rest))
        {
            Some(Place::Chunk(chunk)) => Some(Meaning::Chunk(number, Some(chunk))),
            Some(Place::Outside) => Some(Meaning::Outside(number)),
            None if !is_document(rest) => Some(Meaning::Chunk(number, None)),
            _ => is_document(rest).then_some(Meaning::Document(number)),
        }
    }

    /// Notes that a chunk exists.
    pub fn mark_present(&mut self, number: usize, chunk: u64) {
        let Some(array) = self.arrays.get_mut(number) else {
            return;
        };
        let grid = array
            .header
            .and_then(|header| self.grids.get(header)?.as_ref());
        let Some(total) = grid.map(Grid::total) else {
            return;
        };
        let new = array.present.insert(chunk, total, &mut self.budget);
        if new && array.present.count() == total {
            array.present.forget(total, &mut self.budget);
        }
    }

    /// Notes a fault of a chunk.
    pub fn add_fault(
        &mut self,
        number: usize,
        chunk: Option<u64>,
        place: Option<Extent>,
        fault: ChunkFault,
    ) {
        let Some(array) = self.arrays.get_mut(number) else {
            return;
        };
        let grid = array
            .header
            .and_then(|header| self.grids.get(header)?.as_ref());
        let total = grid.map_or(u64::MAX, Grid::total);
        let faults = &mut array.odd_mut().faults;
        let known = faults.iter().position(|known| known.code == fault.code);
        let known = known.unwrap_or_else(|| {
            faults.push(Fault {
                code: fault.code,
                marks: Marks::default(),
                place,
                expected: fault.expected,
                found: fault.found,
            });
            faults.len().saturating_sub(1)
        });
        if let Some(known) = faults.get_mut(known) {
            let chunk = chunk.unwrap_or_default();
            known.marks.insert(chunk, total, &mut self.budget);
        }
    }

    /// The numbers of the arrays that can have keys from `from` on and less than `until`.
    pub fn between(&self, from: &[u8], until: Option<&[u8]>) -> Vec<usize> {
        let before = |bound: &[u8]| {
            self.arrays
                .partition_point(|array| order(array.name, bound) == Ordering::Less)
        };
        let start = before(from);
        let end = until.map_or(self.arrays.len(), before);
        // The keys of an array whose name is a prefix of the bound begin before it and may continue
        // after it.
        let mut found = self.leading(from);
        found.extend(start..end.max(start));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether the rest of a key after an array's name can be that of a chunk, if the spelling of its
/// chunk keys is not known.
pub(super) fn is_chunk_key(rest: &[u8]) -> bool {
    let first = rest.first();
    first.is_some_and(u8::is_ascii_digit) || rest == b"c" || rest.starts_with(b"c/")
}

/// Whether the rest of a key after an array's name is that of its document.
fn is_document(rest: &[u8]) -> bool {
    rest == names::ZARR_V2.as_bytes() || rest == names::ZARR_V3.as_bytes()
}

/// Whether a slash separates the name of an array from the rest of its keys.
fn has_slash(name: &str) -> bool {
    !name.is_empty() && !name.ends_with('/')
}

/// What follows the name of an array in one of its keys.
#[inline]
fn below<'k>(name: &str, key: &'k [u8]) -> Option<&'k [u8]> {
    let rest = key.strip_prefix(name.as_bytes())?;
    if has_slash(name) {
        rest.strip_prefix(b"/")
    } else {
        Some(rest)
    }
}

/// Compares the prefix of the keys of an array with some bytes.
fn order(name: &str, other: &[u8]) -> Ordering {
    let slash = has_slash(name).then_some(b'/');
    name.bytes().chain(slash).cmp(other.iter().copied())
}

fn compare(a: &str, b: &str) -> Ordering {
    let slash = has_slash(b).then_some(b'/');
    let a_slash = has_slash(a).then_some(b'/');
    a.bytes().chain(a_slash).cmp(b.bytes().chain(slash))
}

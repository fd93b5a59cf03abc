//! How the version tree counts generations, and the columns that its nodes share.

use super::Reference;
use super::varint::Varints;
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Error, Result};

/// In place of an offset and a length: the tree has no node.
pub(super) const MISSING: u64 = u64::MAX;

/// How many entries a version tree node may have: a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    pub(super) log2: u8,
}

impl Arity {
    /// Reads the logarithm, from 1 to 16.
    ///
    /// # Errors
    /// `Malformed` if it is another number.
    pub fn take(cursor: &mut Cursor<'_>) -> Result<Self> {
        let at = cursor.offset();
        match cursor.u8()? {
            log2 @ 1..=16 => Ok(Self { log2 }),
            other => Err(Error::malformed(
                at,
                format!("version tree arity 2^{other}, expected 2^1 to 2^16"),
            )),
        }
    }

    /// The logarithm to base 2.
    pub const fn log2(self) -> u8 {
        self.log2
    }

    /// The greatest height that a reference in the manifest can have, and the greatest number of such
    /// references: more would need generations of more than 63 bits.
    pub(super) const fn max_height(self) -> u8 {
        match 63_u8.checked_div(self.log2) {
            Some(levels) => levels.saturating_sub(1),
            None => 0,
        }
    }

    /// The number of generations under a node of a height. Saturates at a number that no generation
    /// reaches.
    pub(super) fn capacity(self, height: u8) -> u64 {
        let levels = u32::from(height).saturating_add(1);
        let bits = levels.saturating_mul(u32::from(self.log2));
        1_u64.checked_shl(bits).unwrap_or(u64::MAX)
    }

    /// The last generation before the node of a height that contains `generation`.
    pub(super) fn before(self, generation: u64, height: u8) -> u64 {
        let last = generation.saturating_sub(1);
        let within = last.checked_rem(self.capacity(height)).unwrap_or_default();
        last.saturating_sub(within)
    }
}

/// A column of generations, which start above zero and rise.
pub(super) struct Generations<'a> {
    column: Varints<'a>,
    last: u64,
}

impl<'a> Generations<'a> {
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64) -> Result<Self> {
        let column = Varints::take(cursor, count, "generations")?;
        Ok(Self { column, last: 0 })
    }

    pub(super) fn next(&mut self) -> Result<u64> {
        let at = self.column.offset();
        let generation = self.column.next_u64()?;
        if generation <= self.last {
            let reason = format!("generation {generation} after {}", self.last);
            return Err(Error::malformed(at, reason));
        }
        self.last = generation;
        Ok(generation)
    }
}

/// The columns of references to nodes.
pub(super) struct References<'a> {
    ids: Varints<'a>,
    offsets: Varints<'a>,
    lengths: Varints<'a>,
    files: u64,
}

impl<'a> References<'a> {
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64, files: u64) -> Result<Self> {
        Ok(Self {
            ids: Varints::take(cursor, count, "data files of nodes")?,
            offsets: Varints::take(cursor, count, "offsets of nodes")?,
            lengths: Varints::take(cursor, count, "lengths of nodes")?,
            files,
        })
    }

    pub(super) fn next(&mut self) -> Result<Reference> {
        let at = self.ids.offset();
        let reference = self.read()?;
        reference.check(self.files, at)
    }

    /// As `next`, but returns `None` for an empty tree. Its data file exists nevertheless.
    pub(super) fn next_or_missing(&mut self) -> Result<Option<Reference>> {
        let at = self.ids.offset();
        let reference = self.read()?;
        if (reference.offset, reference.length) == (MISSING, MISSING) {
            let file = Reference {
                offset: 0,
                length: 0,
                ..reference
            };
            return file.check(self.files, at).map(|_| None);
        }
        reference.check(self.files, at).map(Some)
    }

    fn read(&mut self) -> Result<Reference> {
        Ok(Reference {
            file: self.ids.next_u64()?,
            offset: self.offsets.next_u64()?,
            length: self.lengths.next_u64()?,
        })
    }
}

/// A column of commit times, which rise.
pub(super) struct CommitTimes<'a> {
    column: Cursor<'a>,
    last: Option<u64>,
}

impl<'a> CommitTimes<'a> {
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64) -> Result<Self> {
        let start = cursor.offset();
        let bytes = cursor
            .take(to_usize(count.saturating_mul(to_u64(size_of::<u64>()))))
            .map_err(|error| error.while_reading("commit times"))?;
        Ok(Self {
            column: Cursor::new(bytes, start),
            last: None,
        })
    }

    pub(super) fn next(&mut self) -> Result<u64> {
        let at = self.column.offset();
        let time = self.column.u64_le()?;
        if Some(time) <= self.last {
            return Err(Error::malformed(at, "commit time not after the one before"));
        }
        self.last = Some(time);
        Ok(time)
    }
}

//! Prefix-compressed strings (keys and data file paths), rebuilt one at a time in one buffer.
//!
//! A small node can expand to gigabytes of keys, because each may repeat 65,534 bytes of the one
//! before at the price of one new byte. So a list of keys is never built: callers look at the keys
//! one by one.

use crate::cursor::{Cursor, to_u64};
use crate::error::{Error, Offset, Result, counted};

use super::varint::Varints;

/// Copies of at most this many bytes are made as copies of exactly this many: a fixed size is one
/// load and one store, a variable size is a call.
pub(super) const STRIDE: usize = 16;

/// The next string of a column, as its difference from the previous one.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The least number of bytes that it shares with the previous one.
    pub shared: usize,
    /// What follows the shared bytes.
    pub suffix: &'a [u8],
    /// The position of the suffix among the suffixes.
    pub(super) position: usize,
}

impl Step<'_> {
    /// The length of the whole string in bytes.
    pub const fn length(&self) -> usize {
        self.shared.saturating_add(self.suffix.len())
    }
}

/// A column of strings, each stored as the part that it does not share with the previous one.
///
/// [`Strings::read`] returns the next string while [`Strings::current`] is still the previous one,
/// and [`Strings::apply`] makes it the current one.
#[derive(Clone, Debug)]
pub struct Strings<'a> {
    pub(super) index: u64,
    count: u64,
    pub(super) prefix_lengths: Varints<'a>,
    pub(super) suffix_lengths: Varints<'a>,
    pub(super) suffixes: &'a [u8],
    pub(super) position: usize,
    pub(super) start: Offset,
    /// The current string, followed by remains of longer ones.
    pub(super) buffer: Vec<u8>,
    pub(super) length: usize,
}

impl<'a> Strings<'a> {
    /// The strings of the given columns; `suffixes` may continue after the last of them.
    pub fn new(
        prefix_lengths: Varints<'a>,
        suffix_lengths: Varints<'a>,
        suffixes: &Cursor<'a>,
        count: u64,
    ) -> Self {
        Self {
            index: 0,
            count,
            prefix_lengths,
            suffix_lengths,
            suffixes: suffixes.rest(),
            position: 0,
            start: suffixes.offset(),
            buffer: Vec::new(),
            length: 0,
        }
    }

    /// The next string; `None` after the last.
    ///
    /// # Errors
    /// `Malformed` if it shares more bytes than the previous one has, or if its suffix is cut off.
    #[inline]
    pub fn read(&mut self) -> Result<Option<Step<'a>>> {
        if self.index == self.count {
            return Ok(None);
        }
        // There is one prefix length less: the first string has no predecessor with which to share.
        let shared = match self.index {
            0 => 0,
            _ => self.prefix_lengths.next_u16()?,
        };
        let length = self.suffix_lengths.next_u16()?;
        if shared > self.length {
            return Err(self.overlong_prefix(shared));
        }
        let position = self.position;
        let end = position.saturating_add(length);
        let Some(suffix) = self.suffixes.get(position..end) else {
            return Err(self.cut_suffix(length));
        };
        self.position = end;
        self.index = self.index.wrapping_add(1);
        Ok(Some(Step {
            shared,
            suffix,
            position,
        }))
    }

    #[cold]
    fn overlong_prefix(&self, shared: usize) -> Error {
        let (index, length) = (self.index, self.length);
        let shared = counted(shared, "byte", "bytes");
        let reason = format!("string {index} shares {shared} with one of {length}");
        Error::malformed(self.start.plus(to_u64(self.position)), reason)
    }

    #[cold]
    fn cut_suffix(&self, length: usize) -> Error {
        let left = self.suffixes.len().saturating_sub(self.position);
        let index = self.index;
        let length = counted(length, "byte", "bytes");
        let reason =
            format!("string {index} has {length} after its shared prefix, with {left} left");
        Error::malformed(self.start.plus(to_u64(self.position)), reason)
    }

    /// Makes the string that was read the current one.
    #[inline]
    pub fn apply(&mut self, step: Step<'a>) {
        let rest = self.suffixes.get(step.position..).unwrap_or_default();
        let free = self.buffer.get_mut(step.shared..).unwrap_or_default();
        self.length = step.length();
        // Bytes copied beyond the suffix lie after the end of the string and are never read.
        if step.suffix.len() <= STRIDE
            && let Some(source) = rest.first_chunk::<STRIDE>()
            && let Some(target) = free.first_chunk_mut::<STRIDE>()
        {
            *target = *source;
        } else {
            self.apply_any(step);
        }
    }

    fn apply_any(&mut self, step: Step<'a>) {
        let end = self.length;
        self.reserve(end.saturating_add(STRIDE));
        if let Some(target) = self.buffer.get_mut(step.shared..end) {
            target.copy_from_slice(step.suffix);
        }
    }

    pub(super) fn reserve(&mut self, length: usize) {
        if self.buffer.len() < length {
            self.buffer.resize(length.next_power_of_two(), 0);
        }
    }

    /// The string that was last applied; empty before the first.
    #[inline]
    pub fn current(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }

    /// How many bytes of suffixes were read.
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Where the suffix of a string lies.
    pub fn offset(&self, step: &Step<'_>) -> Offset {
        self.start.plus(to_u64(step.position))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::ocdbt_writer::varint;

    /// The columns of strings given as shared length and suffix.
    pub(in super::super) fn columns(steps: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (shared, _) in steps.iter().skip(1) {
            varint(&mut out, *shared);
        }
        for (_, suffix) in steps {
            varint(&mut out, to_u64(suffix.len()));
        }
        for (_, suffix) in steps {
            out.extend(suffix);
        }
        out
    }

    pub(in super::super) fn strings(bytes: &[u8], count: usize) -> Strings<'_> {
        let count = to_u64(count);
        let mut cursor = Cursor::new(bytes, Offset::File(0));
        let prefix_lengths = Varints::take(&mut cursor, count.saturating_sub(1), "").unwrap();
        let suffix_lengths = Varints::take(&mut cursor, count, "").unwrap();
        Strings::new(prefix_lengths, suffix_lengths, &cursor, count)
    }

    #[test]
    fn strings_are_rebuilt_from_what_they_do_not_share() {
        let long = vec![b'x'; 300];
        let steps = [
            (0, b"abc".to_vec()),
            (1, b"z".to_vec()),
            (2, long.clone()),
            (302, b"q".to_vec()),
            (0, Vec::new()),
        ];
        let bytes = columns(&steps);
        let mut strings = strings(&bytes, steps.len());
        let mut all = Vec::new();
        while let Some(step) = strings.read().unwrap() {
            strings.apply(step);
            all.push(strings.current().to_vec());
        }
        let longer = [&b"az"[..], &long].concat();
        let longest = [longer.as_slice(), b"q"].concat();
        assert_eq!(
            all,
            [b"abc".to_vec(), b"az".to_vec(), longer, longest, Vec::new()]
        );
    }
}

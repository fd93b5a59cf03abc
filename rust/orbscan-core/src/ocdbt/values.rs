//! The values of a leaf.

use super::Reference;
use super::varint::{Varints, count_bytes};
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Error, Offset, Result};
use crate::limits::MAX_INLINE_VALUE_BYTES;

/// `value_kind` of a value in the node itself.
const INLINE: u8 = 0;

/// `value_kind` of a value in a data file.
const INDIRECT: u8 = 1;

/// The value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The value itself.
    Inline(&'a [u8]),
    /// A reference to the value.
    Indirect(Reference),
}

/// A wanted key that is in the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The index among the wanted keys.
    pub wanted: usize,
    /// Its value.
    pub value: Value<'a>,
}

/// The value columns of a leaf.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    lengths: Varints<'a>,
    kinds: &'a [u8],
    kinds_at: Offset,
    /// Only indirect values have data file numbers and offsets.
    files: Varints<'a>,
    offsets: Varints<'a>,
    inline: Cursor<'a>,
    file_count: u64,
}

impl<'a> Values<'a> {
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64, file_count: u64) -> Result<Self> {
        let lengths = Varints::take(cursor, count, "value lengths")?;
        let kinds_at = cursor.offset();
        let kinds = cursor
            .take(to_usize(count))
            .map_err(|error| error.while_reading("value kinds"))?;
        let indirect = to_u64(count_bytes(kinds, |kind| kind == INDIRECT));
        Ok(Self {
            lengths,
            kinds,
            kinds_at,
            files: Varints::take(cursor, indirect, "data files of values")?,
            offsets: Varints::take(cursor, indirect, "offsets of values")?,
            inline: cursor.clone(),
            file_count,
        })
    }

    /// Checks every value, and returns those of the entries `found`: pairs of entry and wanted key.
    pub(super) fn select(self, found: &[(usize, usize)]) -> Result<Vec<Hit<'a>>> {
        if self.are_sound() {
            return self.jump(found);
        }
        let mut hits = Vec::with_capacity(found.len());
        let mut found = found.iter().peekable();
        self.each(|index, value| {
            while let Some((_, wanted)) = found.next_if(|(entry, _)| *entry == index) {
                hits.push(Hit {
                    wanted: *wanted,
                    value,
                });
            }
            Ok(())
        })?;
        Ok(hits)
    }

    /// Whether a quick check shows that nothing can be wrong with any indirect value: every file is
    /// in the table, and offsets and lengths are too small to reach a limit together.
    fn are_sound(&self) -> bool {
        let known = |kind| kind == INLINE || kind == INDIRECT;
        count_bytes(self.kinds, known) == self.kinds.len()
            && self.files.are_below(self.file_count)
            && self.lengths.are_short()
            && self.offsets.are_short()
    }

    /// [`Values::select`] if only inline values are left to check: decodes those and the requested
    /// ones, and skips all others.
    fn jump(mut self, found: &[(usize, usize)]) -> Result<Vec<Hit<'a>>> {
        let mut hits = Vec::with_capacity(found.len());
        let mut found = found.iter().peekable();
        let kinds = self.kinds;
        let (mut entry, mut lengths, mut references, mut inline) = (0, 0, 0, 0);
        loop {
            let asked = found.peek().map_or(kinds.len(), |(entry, _)| *entry);
            let between = kinds.get(entry..asked).unwrap_or_default();
            let gap = between.iter().position(|kind| *kind == INLINE);
            entry = gap.map_or(asked, |gap| entry.saturating_add(gap));
            let Some(&kind) = kinds.get(entry) else {
                break;
            };
            self.lengths.skip(entry.saturating_sub(lengths))?;
            let run = kinds.get(entry..asked).unwrap_or_default();
            let run = run.iter().take_while(|kind| **kind == INLINE).count();
            if run > 0 && self.pass_inline(run) {
                inline = run.saturating_add(inline);
                entry = entry.saturating_add(run);
                lengths = entry;
                continue;
            }
            lengths = entry.saturating_add(1);
            let value = if kind == INLINE {
                inline = 1_usize.saturating_add(inline);
                self.inline()?
            } else {
                let reference = entry.saturating_sub(inline);
                let between = reference.saturating_sub(references);
                self.files.skip(between)?;
                self.offsets.skip(between)?;
                references = reference.saturating_add(1);
                self.indirect()?
            };
            while let Some((_, wanted)) = found.next_if(|(asked, _)| *asked == entry) {
                hits.push(Hit {
                    wanted: *wanted,
                    value,
                });
            }
            entry = entry.saturating_add(1);
        }
        self.inline.finish()?;
        Ok(hits)
    }

    /// Checks every value and passes it on; at the end the whole body must have been read.
    pub(super) fn each(
        mut self,
        mut show: impl FnMut(usize, Value<'a>) -> Result<()>,
    ) -> Result<()> {
        for (index, kind) in self.kinds.iter().enumerate() {
            let value = match *kind {
                INLINE => self.inline()?,
                INDIRECT => self.indirect()?,
                other => {
                    return Err(Error::malformed(
                        self.kinds_at.plus(to_u64(index)),
                        format!("value {index} is of kind {other}, expected 0 or 1"),
                    ));
                }
            };
            show(index, value)?;
        }
        self.inline.finish()
    }

    /// Skips the next `run` values, which are inline, if nothing is wrong with them. If something
    /// is, the code for single values finds it again and reports it.
    fn pass_inline(&mut self, run: usize) -> bool {
        let (mut lengths, mut inline) = (self.lengths.clone(), self.inline.clone());
        let sum = lengths.pass_sum(run, MAX_INLINE_VALUE_BYTES);
        let passed = sum.is_some_and(|sum| inline.take(to_usize(sum)).is_ok());
        if passed {
            self.lengths = lengths;
            self.inline = inline;
        }
        passed
    }

    #[inline]
    fn inline(&mut self) -> Result<Value<'a>> {
        let at = self.lengths.offset();
        let length = self.lengths.next_u64()?;
        if length > MAX_INLINE_VALUE_BYTES {
            return Err(Error::malformed(
                at,
                format!("inline value of {length} bytes, the limit is {MAX_INLINE_VALUE_BYTES}"),
            ));
        }
        Ok(Value::Inline(self.inline.take(to_usize(length))?))
    }

    #[inline]
    fn indirect(&mut self) -> Result<Value<'a>> {
        let at = self.files.offset();
        let reference = Reference {
            file: self.files.next_u64()?,
            offset: self.offsets.next_u64()?,
            length: self.lengths.next_u64()?,
        };
        reference.check(self.file_count, at).map(Value::Indirect)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An indirect value of five bytes and the inline value `hi`.
    const COLUMNS: &[u8] = b"\x05\x02\x01\0\0\x07hi";

    proptest! {
        /// Jumping from wanted value to wanted value gives the same result as reading each of them,
        /// whatever the columns contain.
        #[test]
        fn a_jump_is_as_good_as_a_walk(
            changes in prop::collection::vec((0..6_usize, any::<u8>()), 0..4),
            wanted in prop::collection::btree_set(0..2_usize, 0..=2),
        ) {
            let mut bytes = COLUMNS.to_vec();
            for (at, to) in changes {
                bytes[at] = to;
            }
            let mut cursor = Cursor::new(&bytes, Offset::Body(0));
            let found: Vec<_> = wanted.into_iter().map(|entry| (entry, entry)).collect();
            if let Ok(values) = Values::take(&mut cursor, 2, 1) {
                let mut walked = Vec::new();
                let walk = values.clone().each(|entry, value| {
                    walked.extend(found.iter().filter(|(at, _)| *at == entry).map(|(_, wanted)| Hit { wanted: *wanted, value }));
                    Ok(())
                });
                let jumped = values.select(&found);
                prop_assert_eq!(jumped.is_ok(), walk.is_ok());
                if let Ok(jumped) = jumped {
                    prop_assert_eq!(jumped, walked);
                }
            }
        }
    }
}

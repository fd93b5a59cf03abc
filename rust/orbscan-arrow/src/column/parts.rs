//! The parts of columns: which rows have a value, and where the values of each row end.

use std::ops::Range;

use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;

use super::Result;

/// Takes the collected values. The next batch will be about as large: its memory is allocated at
/// once, rather than by repeated doubling.
pub fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

/// Which rows have a value.
#[derive(Debug, Default)]
pub struct Validity {
    rows: usize,
    /// Empty as long as all rows have a value.
    flags: Vec<bool>,
}

impl Validity {
    pub fn push(&mut self, valid: bool, count: usize) {
        let rows = self.rows.saturating_add(count);
        if !valid || !self.flags.is_empty() {
            self.materialise();
            self.flags.resize(rows, valid);
        }
        self.rows = rows;
    }

    pub fn push_one(&mut self, valid: bool) {
        if valid && self.flags.is_empty() {
            self.rows = self.rows.saturating_add(1);
        } else {
            self.push(valid, 1);
        }
    }

    pub fn gather(&mut self, other: &Self, rows: &[usize]) {
        if other.flags.is_empty() {
            return self.push(true, rows.len());
        }
        self.materialise();
        let flag = |row: &usize| other.flags.get(*row).copied().unwrap_or_default();
        self.flags.extend(rows.iter().map(flag));
        self.rows = self.flags.len();
    }

    pub fn extend(&mut self, other: &Self, rows: Range<usize>) {
        match other.flags.get(rows.clone()) {
            Some(flags) if !flags.is_empty() => {
                self.materialise();
                self.flags.extend_from_slice(flags);
                self.rows = self.rows.saturating_add(flags.len());
            }
            _ => self.push(true, rows.len()),
        }
    }

    /// Whether a row has a value.
    pub fn at(&self, row: usize) -> bool {
        self.flags.get(row).copied().unwrap_or(true)
    }

    /// Whether no row has a value.
    pub fn none(&self) -> bool {
        self.flags.len() == self.rows && !self.flags.contains(&true)
    }

    fn materialise(&mut self) {
        if self.flags.is_empty() {
            self.flags.resize(self.rows, true);
        }
    }

    pub fn finish(&mut self) -> Option<NullBuffer> {
        let flags = std::mem::take(self).flags;
        (!flags.is_empty()).then(|| NullBuffer::new(BooleanBuffer::from(flags)))
    }
}

/// The end of the values of each row, which follow those of the rows before.
#[derive(Debug)]
pub struct Offsets(pub Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    pub fn rows(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    fn last(&self) -> i32 {
        self.0.last().copied().unwrap_or(0)
    }

    pub fn push(&mut self, end: usize) -> Result<()> {
        self.0.push(offset(end)?);
        Ok(())
    }

    /// The values of a row.
    pub fn values(&self, row: usize) -> Range<usize> {
        match self.0.get(row..row.saturating_add(2)) {
            Some(&[start, end]) => to_usize(start)..to_usize(end),
            _ => 0..0,
        }
    }

    /// Appends rows with this many values each.
    pub fn repeat(&mut self, values: usize, count: usize) -> Result<()> {
        let last = self.last();
        let end = values.saturating_mul(count).saturating_add(to_usize(last));
        // None of the offsets is greater than the last one, which fits.
        offset(end)?;
        let step = offset(values)?;
        let mut end = last;
        self.0.extend((0..count).map(|_| {
            end = end.wrapping_add(step);
            end
        }));
        Ok(())
    }

    /// Appends rows of `other`, and returns the range of their values.
    pub fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<Range<usize>> {
        let start = other.0.get(rows.start).copied().unwrap_or(0);
        let ends = rows.start.saturating_add(1)..rows.end.saturating_add(1);
        let ends = other.0.get(ends).unwrap_or_default();
        let end = ends.last().copied().unwrap_or(start);
        let values = to_usize(start)..to_usize(end);
        let last = self.last();
        offset(to_usize(last).saturating_add(values.len()))?;
        // The greatest of the sums was checked.
        let shift = last.wrapping_sub(start);
        self.0
            .extend(ends.iter().map(|end| end.wrapping_add(shift)));
        Ok(values)
    }

    pub fn finish(&mut self) -> OffsetBuffer<i32> {
        let ends = taken(&mut self.0);
        self.0.push(0);
        OffsetBuffer::new(ScalarBuffer::from(ends))
    }
}

pub fn offset(end: usize) -> Result<i32> {
    i32::try_from(end).map_err(|_| ArrowError::OffsetOverflowError(end))
}

fn to_usize(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or(0)
}

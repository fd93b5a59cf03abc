//! Columns under construction.
//!
//! Unlike Arrow's own builders, they can be appended to one another in ranges of rows: this is how
//! the leaves of equal checkpoints are built once and then copied.

mod parts;
mod words;

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::BooleanBuilder;
use arrow_array::types::{ArrowPrimitiveType, Int64Type};
use arrow_array::{Array, ArrayRef, ListArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_schema::ArrowError;

use parts::{Offsets, Validity, taken};

pub use words::{Codes, Words};

use crate::schema::{item, key_fields};

/// The outcome of anything that can fail in this crate: only text that is too long for Arrow can.
pub type Result<T> = std::result::Result<T, ArrowError>;

/// Values of one type, by row.
pub trait Column: Default {
    /// Appends `rows` of another column of the same kind.
    ///
    /// # Errors
    /// `OffsetOverflowError` if all text together has 2 GiB or more.
    fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<()>;

    /// Appends single rows of another column of the same kind.
    ///
    /// # Errors
    /// As [`Column::extend`].
    fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()>;

    /// The number of rows.
    fn rows(&self) -> usize;

    /// The column as an array; the column is then empty.
    ///
    /// # Errors
    /// Only for an internal error of this crate.
    fn finish(&mut self) -> Result<ArrayRef>;
}

/// Strings.
#[derive(Debug, Default)]
pub struct Texts {
    offsets: Offsets,
    bytes: Vec<u8>,
    validity: Validity,
}

impl Texts {
    /// Appends a string, or a row without a value.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn push(&mut self, text: Option<&str>) -> Result<()> {
        self.bytes
            .extend_from_slice(text.unwrap_or_default().as_bytes());
        self.validity.push_one(text.is_some());
        self.offsets.push(self.bytes.len())
    }

    /// Appends the same row several times.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn repeat(&mut self, text: Option<&str>, count: usize) -> Result<()> {
        let text_bytes = text.unwrap_or_default().as_bytes();
        self.offsets.repeat(text_bytes.len(), count)?;
        self.bytes.reserve(text_bytes.len().saturating_mul(count));
        for _ in 0..count {
            self.bytes.extend_from_slice(text_bytes);
        }
        self.validity.push(text.is_some(), count);
        Ok(())
    }

    /// Appends rows of `words`, one for each of `numbers`; null where those have no value.
    fn spelled(&mut self, words: &Self, numbers: &[i32], valid: &Validity) -> Result<()> {
        let rows = numbers.len();
        if valid.none() {
            self.offsets.repeat(0, rows)?;
            self.validity.push(false, rows);
            return Ok(());
        }
        self.offsets.0.reserve(rows);
        // Neighbours are mostly equal.
        let mut last = (None, &[][..]);
        for (row, number) in numbers.iter().enumerate() {
            let number = valid
                .at(row)
                .then(|| usize::try_from(*number).unwrap_or(usize::MAX));
            if number != last.0 {
                let bytes = number.and_then(|number| words.bytes.get(words.offsets.values(number)));
                last = (number, bytes.unwrap_or_default());
            }
            self.bytes.extend_from_slice(last.1);
            self.offsets.push(self.bytes.len())?;
        }
        self.validity.extend(valid, 0..rows);
        Ok(())
    }

    /// The size of all strings in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn strings(&mut self) -> Result<StringArray> {
        let bytes = Buffer::from_vec(taken(&mut self.bytes));
        StringArray::try_new(self.offsets.finish(), bytes, self.validity.finish())
    }
}

impl Column for Texts {
    fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        let bytes = self.offsets.extend(&other.offsets, rows.clone())?;
        self.bytes
            .extend_from_slice(other.bytes.get(bytes).unwrap_or_default());
        self.validity.extend(&other.validity, rows);
        Ok(())
    }

    fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()> {
        self.offsets.0.reserve(rows.len());
        for &row in rows {
            let bytes = other.bytes.get(other.offsets.values(row));
            self.bytes.extend_from_slice(bytes.unwrap_or_default());
            self.offsets.push(self.bytes.len())?;
        }
        self.validity.gather(&other.validity, rows);
        Ok(())
    }

    fn rows(&self) -> usize {
        self.offsets.rows()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.strings()?))
    }
}

/// Numbers.
#[derive(Debug)]
pub struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    validity: Validity,
}

/// Whole numbers.
pub type Integers = Numbers<Int64Type>;

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            validity: Validity::default(),
        }
    }
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    /// Appends a number, or a row without a value.
    pub fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.validity.push_one(value.is_some());
    }

    /// Appends the same row several times.
    pub fn repeat(&mut self, value: Option<T::Native>, count: usize) {
        let rows = self.values.len().saturating_add(count);
        self.values.resize(rows, value.unwrap_or_default());
        self.validity.push(value.is_some(), count);
    }

    /// The column as an array of its own type; the column is then empty.
    ///
    /// # Errors
    /// As [`Column::finish`].
    pub fn primitive(&mut self) -> Result<PrimitiveArray<T>> {
        let values = ScalarBuffer::from(taken(&mut self.values));
        PrimitiveArray::try_new(values, self.validity.finish())
    }
}

impl<T: ArrowPrimitiveType> Column for Numbers<T> {
    fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        self.values
            .extend_from_slice(other.values.get(rows.clone()).unwrap_or_default());
        self.validity.extend(&other.validity, rows);
        Ok(())
    }

    fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()> {
        let value = |row: &usize| other.values.get(*row).copied().unwrap_or_default();
        self.values.extend(rows.iter().map(value));
        self.validity.gather(&other.validity, rows);
        Ok(())
    }

    fn rows(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.primitive()?))
    }
}

/// Booleans.
#[derive(Debug, Default)]
pub struct Flags(BooleanBuilder);

impl Flags {
    /// Appends a boolean, or a row without a value.
    pub fn push(&mut self, value: Option<bool>) {
        self.0.append_option(value);
    }

    /// Appends the same boolean several times.
    pub fn repeat(&mut self, value: bool, count: usize) {
        self.0.append_n(count, value);
    }

    /// The column as an array; the column is then empty.
    pub fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Lists of the values of another column.
#[derive(Debug, Default)]
pub struct Lists<C> {
    offsets: Offsets,
    values: C,
    validity: Validity,
}

impl<C: Column> Lists<C> {
    /// The values, to which those of the list under construction are appended.
    pub fn values(&mut self) -> &mut C {
        &mut self.values
    }

    /// Ends the list under construction; without `valid`, the row has no list.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn end(&mut self, valid: bool) -> Result<()> {
        self.offsets.push(self.values.rows())?;
        self.validity.push(valid, 1);
        Ok(())
    }
}

impl Lists<Integers> {
    /// Appends a list, or a row without one, also for a list with a number that 63 bits cannot
    /// hold.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn push<N: Copy + TryInto<i64>>(&mut self, list: Option<&[N]>) -> Result<()> {
        let fits = |number: &N| (*number).try_into().is_ok();
        let list = list.filter(|list| list.iter().all(fits));
        for number in list.unwrap_or_default() {
            self.values.push((*number).try_into().ok());
        }
        self.end(list.is_some())
    }
}

impl Lists<Texts> {
    /// Appends a list, or a row without one.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn push<S: AsRef<str>>(&mut self, list: Option<&[S]>) -> Result<()> {
        for text in list.unwrap_or_default() {
            self.values.push(Some(text.as_ref()))?;
        }
        self.end(list.is_some())
    }
}

impl<C: Column> Column for Lists<C> {
    fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        let values = self.offsets.extend(&other.offsets, rows.clone())?;
        self.values.extend(&other.values, values)?;
        self.validity.extend(&other.validity, rows);
        Ok(())
    }

    fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()> {
        self.offsets.0.reserve(rows.len());
        for &row in rows {
            let values = other.offsets.values(row);
            if !values.is_empty() {
                self.values.extend(&other.values, values)?;
            }
            self.offsets.push(self.values.rows())?;
        }
        self.validity.gather(&other.validity, rows);
        Ok(())
    }

    fn rows(&self) -> usize {
        self.offsets.rows()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let values = self.values.finish()?;
        let field = item(values.data_type().clone());
        let lists =
            ListArray::try_new(field, self.offsets.finish(), values, self.validity.finish())?;
        Ok(Arc::new(lists))
    }
}

/// Entries of keypaths: a key or an index.
#[derive(Debug, Default)]
pub struct KeyEntries {
    keys: Texts,
    indices: Integers,
}

impl KeyEntries {
    /// Appends a key.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn key(&mut self, key: &str) -> Result<()> {
        self.indices.push(None);
        self.keys.push(Some(key))
    }

    /// Appends an index.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn index(&mut self, index: i64) -> Result<()> {
        self.indices.push(Some(index));
        self.keys.push(None)
    }

    /// The size of all keys in bytes.
    pub fn bytes(&self) -> usize {
        self.keys.bytes()
    }
}

impl Column for KeyEntries {
    fn extend(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        self.keys.extend(&other.keys, rows.clone())?;
        self.indices.extend(&other.indices, rows)
    }

    fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()> {
        self.keys.gather(&other.keys, rows)?;
        self.indices.gather(&other.indices, rows)
    }

    fn rows(&self) -> usize {
        self.keys.rows()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let columns = vec![self.keys.finish()?, self.indices.finish()?];
        Ok(Arc::new(StructArray::try_new(key_fields(), columns, None)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rows: &[Option<&str>]) -> Texts {
        let mut texts = Texts::default();
        for text in rows {
            texts.push(*text).unwrap();
        }
        texts
    }

    #[test]
    fn ranges_of_rows_are_copied_with_their_nulls() {
        let source = texts(&[Some("a"), None, Some("bc"), Some(""), None]);
        for (range, before, expected) in [
            (
                0..5,
                vec![],
                vec![Some("a"), None, Some("bc"), Some(""), None],
            ),
            (2..4, vec![Some("x")], vec![Some("x"), Some("bc"), Some("")]),
            (1..2, vec![Some("x")], vec![Some("x"), None]),
            (2..3, vec![None], vec![None, Some("bc")]),
            (3..3, vec![None], vec![None]),
        ] {
            let mut target = texts(&before);
            target.extend(&source, range.clone()).unwrap();
            let array = target.strings().unwrap();
            assert_eq!(array.iter().collect::<Vec<_>>(), expected, "{range:?}");
        }
    }

    #[test]
    fn single_rows_are_gathered_with_their_nulls() {
        let source = texts(&[Some("a"), None, Some("bc")]);
        let mut target = texts(&[Some("x")]);
        target.gather(&source, &[2, 1, 2, 0]).unwrap();
        let array = target.strings().unwrap();
        let expected = [Some("x"), Some("bc"), None, Some("bc"), Some("a")];
        assert_eq!(array.iter().collect::<Vec<_>>(), expected);
        let mut numbers = Integers::default();
        numbers.push(Some(7));
        let mut more = Integers::default();
        more.gather(&numbers, &[0, 0]).unwrap();
        assert_eq!(more.primitive().unwrap().values(), &[7, 7]);
    }

    #[test]
    fn lists_are_copied_with_their_values() {
        let mut source = Lists::<Integers>::default();
        for list in [Some(&[1_i64, 2][..]), None, Some(&[]), Some(&[3])] {
            source.push(list).unwrap();
        }
        let mut target = Lists::<Integers>::default();
        target.push(Some(&[9_i64])).unwrap();
        target.extend(&source, 1..4).unwrap();
        let array = target.finish().unwrap();
        let lists = array.as_any().downcast_ref::<ListArray>().unwrap();
        assert_eq!(lists.value_offsets(), [0, 1, 1, 1, 2]);
        let valid: Vec<bool> = (0..4).map(|row| lists.is_valid(row)).collect();
        assert_eq!(valid, [true, false, true, true]);
    }

    #[test]
    fn more_text_than_offsets_can_count_is_refused() {
        let mut offsets = Offsets(vec![0, i32::MAX]);
        assert!(offsets.push(1 << 31).is_err());
        let other = Offsets(vec![0, 1]);
        assert!(offsets.extend(&other, 0..1).is_err());
        assert_eq!(offsets.rows(), 1);
    }

    #[test]
    fn a_finished_column_begins_anew() {
        let mut column = texts(&[None]);
        assert_eq!(column.finish().unwrap().len(), 1);
        column.push(Some("a")).unwrap();
        assert_eq!(column.finish().unwrap().null_count(), 0);
    }
}

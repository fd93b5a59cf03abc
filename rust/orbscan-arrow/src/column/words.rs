//! Columns with few distinct strings: numbers while rows are built and copied, and at the end
//! either the strings themselves or Arrow's dictionaries.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, StringArray};
use foldhash::HashMap;

use super::parts::offset;
use super::{Column, Numbers, Result, Texts};
use crate::schema::Few;

/// Strings as numbers.
pub type Codes = Numbers<Int32Type>;

/// The list of strings behind the numbers. It only grows from batch to batch, so that a number
/// means the same in all batches.
#[derive(Debug, Default)]
pub struct Words {
    numbers: HashMap<String, i32>,
    texts: Texts,
    array: Option<Arc<StringArray>>,
}

impl Words {
    /// The number of a string, which is added if it is new.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn number(&mut self, text: &str) -> Result<i32> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = offset(self.numbers.len())?;
        self.texts.push(Some(text))?;
        self.numbers.insert(text.to_owned(), number);
        self.array = None;
        Ok(number)
    }

    /// The array of a column of numbers; the column is then empty.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn finish(&mut self, codes: &mut Codes, few: Few) -> Result<ArrayRef> {
        match few {
            Few::Plain => self.plain(codes),
            Few::Categories => self.categories(codes),
        }
    }

    fn plain(&self, codes: &mut Codes) -> Result<ArrayRef> {
        let codes = std::mem::take(codes);
        let mut texts = Texts::default();
        texts.spelled(&self.texts, &codes.values, &codes.validity)?;
        texts.finish()
    }

    fn categories(&mut self, codes: &mut Codes) -> Result<ArrayRef> {
        let array = match self.array.take() {
            Some(array) => array,
            None => Arc::new(self.all()?),
        };
        self.array = Some(Arc::clone(&array));
        let values: ArrayRef = array;
        Ok(Arc::new(DictionaryArray::try_new(
            codes.primitive()?,
            values,
        )?))
    }

    fn all(&mut self) -> Result<StringArray> {
        let mut copy = Texts::default();
        copy.extend(&self.texts, 0..self.texts.rows())?;
        copy.strings()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;

    use super::*;

    #[test]
    fn numbers_become_the_texts_they_stand_for() {
        let mut words = Words::default();
        for rows in [
            vec![],
            vec![None, None],
            vec![Some("a"), Some("a"), Some("bcd"), Some("")],
            vec![Some("bcd"), None, Some("e"), Some("e"), None],
        ] {
            for few in [Few::Plain, Few::Categories] {
                let mut codes = Codes::default();
                for row in &rows {
                    codes.push(row.map(|text| words.number(text).unwrap()));
                }
                let array = words.finish(&mut codes, few).unwrap();
                assert_eq!(codes.rows(), 0);
                let plain: Vec<Option<String>> = match few {
                    Few::Plain => {
                        let texts = array.as_string::<i32>();
                        texts.iter().map(|text| text.map(str::to_owned)).collect()
                    }
                    Few::Categories => {
                        let array = array.as_dictionary::<Int32Type>();
                        let texts = array.downcast_dict::<StringArray>().unwrap();
                        texts
                            .into_iter()
                            .map(|text| text.map(str::to_owned))
                            .collect()
                    }
                };
                let wanted: Vec<_> = rows.iter().map(|row| row.map(str::to_owned)).collect();
                assert_eq!(plain, wanted);
                assert_eq!(
                    array.null_count(),
                    wanted.iter().flatten().count().abs_diff(rows.len())
                );
            }
        }
    }
}

//! Fills batches with the rows of one thing after another.

use std::fmt::Debug;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use crate::column::Result;
use crate::schema::Few;

/// Rows of a table under construction.
pub trait Rows: Debug {
    /// The things whose rows these are.
    type Of;

    /// The columns of the table.
    fn schema(few: Few) -> SchemaRef;

    /// Appends the rows of one thing.
    ///
    /// # Errors
    /// The error of Arrow for text that is too long.
    fn push(&mut self, of: &Self::Of) -> Result<()>;

    /// The number of rows.
    fn count(&self) -> usize;

    /// Whether the batch has reached the maximum size, or this number of rows.
    fn are_full(&mut self, rows: usize) -> bool;

    /// Returns the columns, which are then empty.
    ///
    /// # Errors
    /// As `push`.
    fn finish(&mut self, few: Few) -> Result<Vec<ArrayRef>>;
}

/// The rows of all things from an iterator, in order, in batches that end with the thing in which
/// they become full.
#[derive(Debug)]
pub struct Filling<I, R> {
    things: I,
    schema: SchemaRef,
    rows: R,
    few: Few,
    batch_rows: usize,
}

impl<R: Rows, I: Iterator<Item = R::Of>> Filling<I, R> {
    /// The rows of these things after the existing ones, in batches of this many, at least one.
    pub(crate) fn with_rows(things: I, rows: R, few: Few, batch_rows: usize) -> Self {
        Self {
            things,
            schema: R::schema(few),
            rows,
            few,
            batch_rows: batch_rows.max(1),
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.rows.are_full(self.batch_rows) {
            let Some(thing) = self.things.next() else {
                break;
            };
            self.rows.push(&thing)?;
        }
        if self.rows.count() == 0 {
            return Ok(None);
        }
        let columns = self.rows.finish(self.few)?;
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns).map(Some)
    }
}

impl<R: Rows, I: Iterator<Item = R::Of>> Iterator for Filling<I, R> {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

impl<R: Rows, I: Iterator<Item = R::Of>> RecordBatchReader for Filling<I, R> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

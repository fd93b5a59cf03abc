//! The table of leaves.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use orbscan_core::error::Error;
use orbscan_core::record::{Item, LeafTable};
use orbscan_core::scan::entry::{Content, Entry};

use crate::block::{Block, KnownTables, TableRows};
use crate::column::{Column, Flags, Integers, Result, Texts};
use crate::facts::{Facts, Vocabulary};
use crate::keypath::Keypaths;
use crate::schema::{Few, leaf_schema};
use crate::{BATCH_BYTES, BATCH_ROWS};

/// A row for each leaf of each checkpoint that was read, and one for each checkpoint and each
/// checkpointable that could not be read.
///
/// Checkpoints come in the order of the entries, their checkpointables in the order of the
/// checkpoint, leaves in the order of the tree. The leaves of a large checkpoint may be split over
/// several batches.
#[derive(Debug)]
pub struct LeafBatches<I> {
    entries: I,
    schema: SchemaRef,
    rows: Rows,
    vocabulary: Vocabulary,
    known: KnownTables,
    current: Option<Current>,
    few: Few,
    batch_rows: usize,
}

/// The checkpoint that is being turned into rows.
#[derive(Debug)]
struct Current {
    origin: Origin,
    /// The error that already has a row.
    error: Option<Error>,
    items: std::vec::IntoIter<Item>,
    item: Option<CurrentItem>,
}

/// The checkpointable that is being turned into rows.
#[derive(Debug)]
struct CurrentItem {
    name: Option<String>,
    rows: TableRows,
    block: Arc<Block>,
    /// How many rows of the block are already in a batch.
    done: usize,
}

/// The columns that are equal in all rows of a checkpoint.
#[derive(Debug)]
struct Origin {
    path: String,
    root: Arc<str>,
    step: Option<i64>,
    fingerprint: Option<String>,
    complete: bool,
}

impl<I: Iterator<Item = Entry>> LeafBatches<I> {
    /// The table of these entries.
    pub fn new(entries: I, few: Few) -> Self {
        Self::with_batch_rows(entries, few, BATCH_ROWS)
    }

    /// The table in batches with at most this many rows, at least one.
    pub fn with_batch_rows(entries: I, few: Few, batch_rows: usize) -> Self {
        Self {
            entries,
            schema: leaf_schema(few),
            rows: Rows::default(),
            vocabulary: Vocabulary::default(),
            known: KnownTables::default(),
            current: None,
            few,
            batch_rows: batch_rows.max(1),
        }
    }

    /// The entries that are still to come.
    pub(crate) const fn entries(&mut self) -> &mut I {
        &mut self.entries
    }

    /// The next batch; `None` if there are no more entries at the moment.
    ///
    /// # Errors
    /// The error of Arrow for text that is too long.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while !self.rows.are_full(self.batch_rows) {
            match self.current.take() {
                Some(current) => self.go_on(current)?,
                None => match self.entries.next() {
                    Some(entry) => self.begin(entry)?,
                    None => break,
                },
            }
        }
        if self.rows.count() == 0 {
            return Ok(None);
        }
        let columns = self.rows.finish(&mut self.vocabulary, self.few)?;
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns).map(Some)
    }

    fn begin(&mut self, entry: Entry) -> Result<()> {
        let error = entry.error().cloned();
        let complete = entry.complete() == Some(true);
        let origin = Origin {
            path: entry.path,
            root: entry.root,
            step: entry.step.and_then(|step| i64::try_from(step).ok()),
            fingerprint: entry.fingerprint.map(fingerprint),
            complete,
        };
        if let Some(error) = &error {
            self.rows
                .failure(&origin, None, error, &mut self.vocabulary)?;
        }
        if let Content::Read(checkpoint) = entry.content {
            self.current = Some(Current {
                origin,
                error,
                items: checkpoint.items.into_iter(),
                item: None,
            });
        }
        Ok(())
    }

    /// Appends the next rows of a checkpoint, and keeps it unless it has no more.
    fn go_on(&mut self, mut current: Current) -> Result<()> {
        let Some(item) = &mut current.item else {
            if let Some(Item { name, table, error }) = current.items.next() {
                if let Some(error) = error.filter(|error| current.error.as_ref() != Some(error)) {
                    let name = name.as_deref();
                    self.rows
                        .failure(&current.origin, name, &error, &mut self.vocabulary)?;
                }
                current.item = table.map(|table| self.open(name, table)).transpose()?;
                self.current = Some(current);
            }
            return Ok(());
        };
        let room = self.batch_rows.saturating_sub(self.rows.count());
        let end = item.block.rows().min(item.done.saturating_add(room));
        let rows = item.done..end;
        let name = item.name.as_deref();
        self.rows
            .append(&current.origin, name, &item.block, &rows)?;
        item.done = end;
        if end == item.block.rows() {
            match item.rows.next_block()? {
                Some(block) => (item.block, item.done) = (block, 0),
                None => current.item = None,
            }
        }
        self.current = Some(current);
        Ok(())
    }

    fn open(&mut self, name: Option<String>, table: Arc<LeafTable>) -> Result<CurrentItem> {
        let (rows, block) = self.known.open(table, &mut self.vocabulary)?;
        Ok(CurrentItem {
            name,
            rows,
            block,
            done: 0,
        })
    }
}

impl<I: Iterator<Item = Entry>> Iterator for LeafBatches<I> {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

impl<I: Iterator<Item = Entry>> RecordBatchReader for LeafBatches<I> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// The fingerprint of a checkpoint as text: tools that only have floating-point numbers would
/// change a 64-bit number.
pub fn fingerprint(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

/// The batch under construction.
#[derive(Debug, Default)]
struct Rows {
    path: Texts,
    root: Texts,
    step: Integers,
    fingerprint: Texts,
    checkpointable: Texts,
    keypaths: Keypaths,
    facts: Facts,
    complete: Flags,
    /// The size of the strings of all rows, or more.
    bytes: usize,
}

impl Rows {
    fn count(&self) -> usize {
        self.path.rows()
    }

    fn are_full(&self, rows: usize) -> bool {
        self.count() >= rows || self.bytes >= BATCH_BYTES
    }

    /// Appends rows of a block.
    fn append(
        &mut self,
        origin: &Origin,
        checkpointable: Option<&str>,
        block: &Block,
        rows: &Range<usize>,
    ) -> Result<()> {
        self.origin(origin, checkpointable, rows.len())?;
        self.bytes = self.bytes.saturating_add(block.bytes);
        let Keypaths { text, keys } = &block.keypaths;
        self.keypaths.text.extend(text, rows.clone())?;
        self.keypaths.keys.extend(keys, rows.clone())?;
        self.facts.extend(&block.facts, rows)
    }

    /// Appends the row of a checkpoint that cannot be read.
    fn failure(
        &mut self,
        origin: &Origin,
        checkpointable: Option<&str>,
        error: &Error,
        vocabulary: &mut Vocabulary,
    ) -> Result<()> {
        self.origin(origin, checkpointable, 1)?;
        self.bytes = self.bytes.saturating_add(error.to_string().len());
        self.keypaths.push_none()?;
        self.facts.failure(error, vocabulary)
    }

    fn origin(
        &mut self,
        origin: &Origin,
        checkpointable: Option<&str>,
        count: usize,
    ) -> Result<()> {
        let each = origin.path.len().saturating_add(origin.root.len());
        self.bytes = self.bytes.saturating_add(each.saturating_mul(count));
        self.path.repeat(Some(&origin.path), count)?;
        self.root.repeat(Some(&origin.root), count)?;
        self.step.repeat(origin.step, count);
        self.fingerprint
            .repeat(origin.fingerprint.as_deref(), count)?;
        self.complete.repeat(origin.complete, count);
        self.checkpointable.repeat(checkpointable, count)
    }

    fn finish(&mut self, vocabulary: &mut Vocabulary, few: Few) -> Result<Vec<ArrayRef>> {
        self.bytes = 0;
        let mut columns = vec![
            self.path.finish()?,
            self.root.finish()?,
            self.step.finish()?,
            self.fingerprint.finish()?,
            self.checkpointable.finish()?,
            self.keypaths.text.finish()?,
            self.keypaths.keys.finish()?,
        ];
        columns.extend(self.facts.finish(vocabulary, few)?);
        columns.push(self.complete.finish());
        Ok(columns)
    }
}

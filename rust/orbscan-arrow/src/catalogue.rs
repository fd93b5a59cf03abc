//! The rows of a catalogue: leaves and checkpoints of one scan, each batch of one kind.

use std::iter;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader, StringArray, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use orbscan_core::scan::entry::{Content, Entry};

use crate::BATCH_ROWS;
use crate::checkpoints::CheckpointRows;
use crate::column::Result;
use crate::filling::Rows as _;
use crate::leaves::LeafBatches;
use crate::schema::{Few, ROWS_OF, catalogue_schema, checkpoint_schema};

/// The most checkpoints of a group, and the number of rows of leaves that ends one: a group is
/// written again as a whole when one of its checkpoints is removed.
const GROUP: (usize, usize) = (1 << 10, 1 << 17);

/// The rows of leaves and of checkpoints, in groups: batches of leaves, if there are any, and then
/// one of the checkpoints to which they belong.
#[derive(Debug)]
pub struct CatalogueBatches<I> {
    leaves: LeafBatches<Group<I>>,
    schema: SchemaRef,
    few: Few,
}

impl<I: Iterator<Item = Entry>> CatalogueBatches<I> {
    /// The rows of these entries.
    pub fn new(entries: I, few: Few) -> Self {
        Self::with_groups(entries, few, BATCH_ROWS, GROUP)
    }

    /// The rows in batches with a maximum of leaves, and in groups with a maximum of checkpoints,
    /// which also end with the checkpoint in which a maximum of leaves is reached.
    pub fn with_groups(entries: I, few: Few, batch_rows: usize, most: (usize, usize)) -> Self {
        let group = Group {
            entries,
            rows: CheckpointRows::default(),
            leaves: 0,
            most,
            refused: None,
        };
        Self {
            leaves: LeafBatches::with_batch_rows(group, few, batch_rows),
            schema: catalogue_schema(few),
            few,
        }
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(batch) = self.leaves.next_batch()? {
            return self.widened("leaves", &batch).map(Some);
        }
        let few = self.few;
        let group = self.leaves.entries();
        if let Some(refused) = group.refused.take() {
            return Err(refused);
        }
        if group.rows.count() == 0 {
            return Ok(None);
        }
        group.leaves = 0;
        let columns = group.rows.finish(few)?;
        let batch = RecordBatch::try_new(checkpoint_schema(few), columns)?;
        self.widened("checkpoints", &batch).map(Some)
    }

    /// Rows with all columns of a catalogue.
    fn widened(&self, rows_of: &str, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let columns = self.schema.fields().iter().map(|field| -> ArrayRef {
            if field.name() == ROWS_OF {
                return Arc::new(StringArray::from_iter_values(iter::repeat_n(rows_of, rows)));
            }
            match batch.column_by_name(field.name()) {
                Some(column) => Arc::clone(column),
                None => new_null_array(field.data_type(), rows),
            }
        });
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns.collect())
    }
}

impl<I: Iterator<Item = Entry>> Iterator for CatalogueBatches<I> {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}

impl<I: Iterator<Item = Entry>> RecordBatchReader for CatalogueBatches<I> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }
}

/// Entries for the rows of leaves, which end with each group.
#[derive(Debug)]
struct Group<I> {
    entries: I,
    rows: CheckpointRows,
    /// The number of their leaves.
    leaves: usize,
    most: (usize, usize),
    /// Why the last one has no row.
    refused: Option<ArrowError>,
}

impl<I: Iterator<Item = Entry>> Iterator for Group<I> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let (checkpoints, leaves) = self.most;
        if self.leaves >= leaves || self.rows.are_full(checkpoints) {
            return None;
        }
        let entry = self.entries.next()?;
        if let Err(refused) = self.rows.push(&entry) {
            self.refused = Some(refused);
            return None;
        }
        if let Content::Read(checkpoint) = &entry.content {
            let tables = checkpoint
                .items
                .iter()
                .filter_map(|item| item.table.as_ref());
            let count = tables.map(|table| table.leaf_of.len());
            self.leaves = count.fold(self.leaves, usize::saturating_add);
        }
        Some(entry)
    }
}

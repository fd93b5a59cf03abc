//! The rows of trees, without the columns of their checkpoints: the steps of a run share a table,
//! and its rows are built once.

use std::collections::VecDeque;
use std::sync::Arc;

use orbscan_core::record::LeafTable;

use crate::column::{Column, Result};
use crate::facts::{Facts, Vocabulary};
use crate::keypath::{Keypaths, Walk};
use crate::{BATCH_BYTES, BATCH_ROWS};

/// The most tables that are remembered: each thread of a scan uses the tables of a few runs.
const MOST_TABLES: usize = 64;

/// Rows of one tree.
#[derive(Debug, Default)]
pub struct Block {
    /// The keypath of each leaf.
    pub keypaths: Keypaths,
    /// The description of each leaf.
    pub facts: Facts,
    /// The size of the strings of all rows, except those that are always short.
    pub bytes: usize,
}

impl Block {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.keypaths.text.rows()
    }

    fn is_full(&self) -> bool {
        self.rows() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }
}

/// The rows of one tree that are still to be built; none if one block holds them all.
#[derive(Debug)]
pub struct TableRows(Option<Unfinished>);

#[derive(Debug)]
struct Unfinished {
    table: Arc<LeafTable>,
    walk: Walk,
    /// A row for each distinct leaf, and the size of its strings.
    distinct: Facts,
    widths: Vec<usize>,
}

impl TableRows {
    fn new(table: Arc<LeafTable>, vocabulary: &mut Vocabulary) -> Result<Self> {
        let (distinct, widths) = Facts::of(&table, vocabulary)?;
        Ok(Self(Some(Unfinished {
            walk: Walk::new(&table.tree),
            distinct,
            widths,
            table,
        })))
    }

    /// Builds the next rows; `None` if there are no more.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn next_block(&mut self) -> Result<Option<Arc<Block>>> {
        let Some(Unfinished {
            table,
            walk,
            distinct,
            widths,
        }) = &mut self.0
        else {
            return Ok(None);
        };
        let mut block = Block::default();
        let mut numbers = Vec::new();
        let mut ended = false;
        while !ended && !block.is_full() {
            match walk.next(&table.tree) {
                Some(leaf) => {
                    let keypath = walk.push(&table.tree, &mut block.keypaths)?;
                    let number = table.leaf_of.get(leaf).copied().unwrap_or_default();
                    let width = widths.get(number).copied().unwrap_or_default();
                    block.bytes = block.bytes.saturating_add(keypath).saturating_add(width);
                    numbers.push(number);
                }
                None => ended = true,
            }
        }
        block.facts.gather(distinct, &numbers)?;
        if ended {
            self.0 = None;
        }
        Ok(Some(Arc::new(block)))
    }
}

/// Tables that fit into one block, and their blocks, the most recently used first.
#[derive(Debug, Default)]
pub struct KnownTables(VecDeque<(Arc<LeafTable>, Arc<Block>)>);

impl KnownTables {
    /// The first rows of a table, and the rest of it.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn open(
        &mut self,
        table: Arc<LeafTable>,
        vocabulary: &mut Vocabulary,
    ) -> Result<(TableRows, Arc<Block>)> {
        let known = self
            .0
            .iter()
            .position(|(known, _)| Arc::ptr_eq(known, &table));
        if let Some((table, block)) = known.and_then(|at| self.0.remove(at)) {
            self.0.push_front((table, Arc::clone(&block)));
            return Ok((TableRows(None), block));
        }
        let mut rows = TableRows::new(Arc::clone(&table), vocabulary)?;
        let block = rows.next_block()?.unwrap_or_default();
        // A table that is not shared does not come again.
        if rows.0.is_none() && Arc::strong_count(&table) > 1 {
            self.0.push_front((table, Arc::clone(&block)));
            self.forget();
        }
        Ok((rows, block))
    }

    /// Drops what has not been used for long, so that all blocks together have no more rows than a
    /// few batches.
    fn forget(&mut self) {
        let mut rows = 0_usize;
        let mut kept = 0_usize;
        for (_, block) in &self.0 {
            rows = rows.saturating_add(block.rows());
            if rows <= BATCH_ROWS || kept == 0 {
                kept = kept.saturating_add(1);
            }
        }
        self.0.truncate(kept.min(MOST_TABLES));
    }
}

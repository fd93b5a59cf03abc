//! Arrow tables of what a scan finds: a row for each leaf, for each checkpoint, or for each finding
//! of a check.
//!
//! Entries in, record batches out: [`LeafBatches`] and [`CheckpointBatches`] are readers over any
//! iterator of [`Entry`](orbscan_core::scan::entry::Entry). A batch has at most [`BATCH_ROWS`] rows,
//! so memory does not grow with the number of checkpoints or the size of one.
//!
//! [`json::json_lines`] writes the rows of a batch as JSON without any other library.
//!
//! The tables are described by [`leaf_schema`], [`checkpoint_schema`] and [`finding_schema`], the
//! rows of the first two together by [`catalogue_schema`]. The crate knows nothing of Python or of
//! files.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

mod block;
mod catalogue;
mod checkpoints;
mod column;
mod facts;
mod filling;
mod findings;
pub mod json;
mod keypath;
mod leaves;
mod literal;
mod schema;
#[cfg(test)]
mod tests;
mod totals;

pub use catalogue::CatalogueBatches;
pub use checkpoints::{CheckpointBatches, checkpoint_row};
pub use findings::{Checked, FindingBatches, Outcome};
pub use leaves::LeafBatches;
pub use schema::{
    Few, SCHEMA_VERSION, catalogue_schema, checkpoint_schema, finding_schema, leaf_schema,
};

/// The most rows of one batch: enough for the cost of a batch not to matter, and few enough to wait
/// for.
pub const BATCH_ROWS: usize = 1 << 16;

/// The size of the strings, in bytes, at which a batch is full before it has all its rows. Offsets
/// into strings are 32-bit numbers.
const BATCH_BYTES: usize = 64 << 20;

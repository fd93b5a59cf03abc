//! Writers for tests, benches and fuzzing; the library itself only reads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::missing_panics_doc
)]

pub mod bundle;
pub mod checkpoint_writer;
pub mod counting_store;
pub mod database_writer;
pub mod ocdbt_writer;
pub mod properties;

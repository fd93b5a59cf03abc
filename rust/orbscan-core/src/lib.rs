//! Reads the metadata of Orbax checkpoints: tree structure, shapes, dtypes, shardings, storage layout.
//!
//! Bytes in, values out: every decoder here is a pure function of a byte slice, and only a
//! [`store::Store`] does I/O. All reads go through [`reader::read_pytree`]: it asks a store for
//! files in batches, decodes them, and returns flat columns ([`record::LeafTable`]).
//!
//! The crate knows nothing of Python.

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

pub mod aside;
pub mod cursor;
pub mod dump;
pub mod error;
pub mod interrupt;
pub mod json;
pub mod layout;
pub mod limits;
pub mod memory;
pub mod msgpack;
mod numbered;
pub mod ocdbt;
pub mod orbax;
pub mod parameters;
pub mod path;
pub mod pattern;
pub mod reader;
pub mod record;
pub mod safetensors;
pub mod scan;
pub mod spelling;
pub mod stand_in;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tree;
pub mod verify;
pub mod zarr;

//! The documents that Orbax writes, one module each.

pub mod aggregate;
pub mod array_metadata;
pub mod base64;
pub mod checkpoint_metadata;
pub mod commit;
pub mod deletion;
mod key_entry;
pub mod names;
pub mod rich_types;
pub mod sharding;
pub mod shardings;
pub mod tree_metadata;
mod usual_entry;

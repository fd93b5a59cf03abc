//! The documents that Orbax writes, one module each.

pub mod aggregate;
pub mod array_metadata;
pub mod checkpoint_metadata;
pub mod commit;
pub mod deletion;
pub mod entry_name;
mod key_entry;
pub mod leaf_entry;
pub mod metrics;
pub mod names;
pub mod process_metadata;
pub mod rich_types;
pub mod root_metadata;
pub mod sharding;
pub mod shardings;
pub mod step_name;
pub mod strings;
pub mod tree_metadata;
mod usual_entry;

//! Writes checkpoints of any number of leaves into memory, spelled as Orbax spells them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::database_writer::DatabaseWriter;
use crate::orbax::names;
use crate::path::StorePath;
use crate::store::memory::MemoryStore;

/// `_sharding` of every leaf: the text inside the JSON string.
const SHARDING: &str = r#"{\"sharding_type\": \"NamedSharding\", \"shape\": [4, 2], \"axis_names\": [\"x\", \"y\"], \"axis_types\": [\"AxisType.Auto\", \"AxisType.Auto\"], \"partition_spec\": [\"x\", \"y\"], \"device_mesh\": {\"mesh\": [[{\"id\": 0}, {\"id\": 1}], [{\"id\": 2}, {\"id\": 3}], [{\"id\": 4}, {\"id\": 5}], [{\"id\": 6}, {\"id\": 7}]]}}"#;

/// The document of every array.
const ZARR: &str = r#"{"chunk_grid":{"configuration":{"chunk_shape":[2,4]},"name":"regular"},"chunk_key_encoding":{"name":"default"},"codecs":[{"configuration":{"endian":"little"},"name":"bytes"},{"configuration":{"level":3},"name":"zstd"}],"data_type":"bfloat16","fill_value":0.0,"node_type":"array","shape":[8,8],"zarr_format":3}"#;

/// A checkpoint of arrays `params.layer_<n>.kernel`, all of one kind.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointWriter {
    /// The number of arrays.
    pub leaves: usize,
    /// How many chunks of each array are stored, in the database itself.
    pub chunks: usize,
}

impl CheckpointWriter {
    /// Writes the checkpoint into the directory `path`.
    ///
    /// # Panics
    /// If the path cannot have children.
    pub fn write(&self, path: &StorePath, store: &mut MemoryStore) {
        let at = |name: &str| path.join(name).expect("a plain name");
        let item = at(names::STATE);
        let in_item = |name: &str| item.join(name).expect("a plain name");
        let header = r#"{"item_handlers": {"state": "h.PyTreeHandler"}, "custom_metadata": {}}"#;
        store.insert(at(names::V1_MARKER), "");
        store.insert(at(names::CHECKPOINT_METADATA), header);
        store.insert(in_item(names::TREE_METADATA), self.tree_metadata());
        store.insert(in_item(names::SHARDING), self.shardings());
        let database = DatabaseWriter::default();
        database.write(&self.database(), &item, store);
    }

    fn layers(&self) -> impl Iterator<Item = String> {
        (0..self.leaves).map(|number| format!("layer_{number:06}"))
    }

    /// The content of `_METADATA`.
    pub fn tree_metadata(&self) -> String {
        let entry = |layer: String| {
            format!(
                r#""('params', '{layer}', 'kernel')": {{"key_metadata": [{{"key": "params", "key_type": 2}}, {{"key": "{layer}", "key_type": 2}}, {{"key": "kernel", "key_type": 2}}], "value_metadata": {{"value_type": "jax.Array", "skip_deserialize": false, "write_shape": [2, 4]}}}}"#
            )
        };
        let entries: Vec<String> = self.layers().map(entry).collect();
        let entries = entries.join(", ");
        format!(r#"{{"tree_metadata": {{{entries}}}, "use_ocdbt": true, "use_zarr3": true}}"#)
    }

    /// The content of `_sharding`.
    pub fn shardings(&self) -> String {
        let entry = |layer: String| {
            let name = URL_SAFE.encode(format!("params.{layer}.kernel"));
            format!(r#""{name}":"{SHARDING}""#)
        };
        let entries: Vec<String> = self.layers().map(entry).collect();
        format!("{{{}}}", entries.join(","))
    }

    /// The entries of the database.
    pub fn database(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut entries = BTreeMap::new();
        for layer in self.layers() {
            let array = format!("params.{layer}.kernel");
            let document = format!("{array}/{}", names::ZARR_V3);
            entries.insert(document.into_bytes(), ZARR.into());
            for chunk in 0..self.chunks {
                entries.insert(format!("{array}/c/{chunk}/0").into_bytes(), vec![7; 40]);
            }
        }
        entries
    }
}

//! Every file that a save can write, by its name.
//!
//! Source: releases 0.2.7 to 0.12.8 of orbax-checkpoint, the files that they wrote, and
//! TensorStore.

use crate::orbax::names;

/// The first characters of the names of files that a deletion writes before it renames them.
const DELETION_DRAFT_PREFIX: &str = ".orbax-delete-";

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `orbax.checkpoint`
    V1Marker,
    /// `commit_success.txt`
    CommitMarker,
    /// `_CHECKPOINT_METADATA`
    CheckpointMetadata,
    /// `_CHECKPOINT_DELETION`
    DeletionRecord,
    /// `.orbax-delete-…`
    DeletionDraft,
    /// `_METADATA`
    TreeMetadata,
    /// `_sharding`
    Shardings,
    /// `_strings.json`
    Strings,
    /// `array_metadatas/process_<N>`
    ArrayMetadatas,
    /// `manifest.ocdbt`
    Manifest,
    /// `manifest.<N>`
    NumberedManifest,
    /// `d/<hex>`
    DataFile,
    /// `.zarray`
    ZarrV2,
    /// `zarr.json`
    ZarrV3,
    /// A chunk in a file of its own.
    Chunk,
    /// `checkpoint`
    Aggregate,
    /// `metadata`
    JsonItem,
    /// `data.json`
    V1JsonItem,
    /// `metrics/metrics`
    Metrics,
    /// `metadata/_ROOT_METADATA`
    RootMetadata,
    /// `proto.pbtxt`
    Proto,
    /// `descriptor.pbtxt`
    Descriptor,
    /// `global_process_metadata.json` and the like
    ProcessMetadata,
    /// `mesh_metadata.json`
    MeshMetadata,
    /// `process_<N>-of-<N>.json`
    DatasetState,
    /// `pygrain_states.json`
    PygrainStates,
    /// `replicator.yaml` and the like
    Replicator,
    /// `*.safetensors`
    Safetensors,
    /// `*.safetensors.index.json`
    SafetensorsIndex,
    /// `*.__lock`
    Lock,
}

/// The description of a kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The kind.
    pub kind: FileKind,
    /// Its names, for people: `<N>` stands for a number, `<hex>` for 32 hexadecimal digits.
    pub names: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

impl Description {
    /// Examples of its names.
    pub fn examples(&self) -> impl Iterator<Item = String> {
        let number = match self.kind {
            FileKind::NumberedManifest => "0000000000000011",
            _ => "17",
        };
        let names = self.names.split(", ");
        names.map(move |name| name.replace("<N>", number).replace('*', "x"))
    }
}

const fn row(
    kind: FileKind,
    names: &'static str,
    what: &'static str,
    meaning: &'static str,
) -> Description {
    Description {
        kind,
        names,
        what,
        meaning,
    }
}

/// Every kind, in the order in which one meets them from the top of a checkpoint downwards.
pub const DESCRIPTIONS: [Description; 30] = [
    row(
        FileKind::V1Marker,
        "orbax.checkpoint",
        "marker of a V1 checkpoint",
        "its presence makes the directory a V1 checkpoint; it holds nothing",
    ),
    row(
        FileKind::CommitMarker,
        "commit_success.txt",
        "marker of a finished save",
        "the last file of a save: where directories are not renamed, a checkpoint without it is not \
         finished; the path in it may be an old one",
    ),
    row(
        FileKind::CheckpointMetadata,
        "_CHECKPOINT_METADATA",
        "checkpoint metadata of Orbax",
        "when the save began and ended, the handlers of the checkpointables, and what the user stored \
         beside them",
    ),
    row(
        FileKind::DeletionRecord,
        "_CHECKPOINT_DELETION",
        "record of a deletion",
        "there while one checkpointable is being deleted: which one, and the checkpoint metadata \
         before and after",
    ),
    row(
        FileKind::DeletionDraft,
        ".orbax-delete-*",
        "draft of a deletion",
        "a working file of a deletion that was cut short; nothing reads it",
    ),
    row(
        FileKind::RootMetadata,
        "metadata/_ROOT_METADATA, metadata/metadata",
        "metadata of all steps",
        "what the user of a manager, and Orbax itself, stored about all steps of a root; called \
         metadata before 0.10",
    ),
    row(
        FileKind::Metrics,
        "metrics/metrics",
        "metrics of a step",
        "what a manager was told about the step",
    ),
    row(
        FileKind::JsonItem,
        "metadata",
        "JSON of a checkpointable",
        "the content of a checkpointable that is JSON and not a pytree, or how a random key is \
         implemented",
    ),
    row(
        FileKind::V1JsonItem,
        "data.json",
        "JSON of a checkpointable",
        "the content of a checkpointable of a V1 checkpoint that is JSON and not a pytree",
    ),
    row(
        FileKind::Proto,
        "proto.pbtxt, *.pbtxt, *.pb",
        "protocol buffer of a checkpointable",
        "the content of a checkpointable that is a protocol buffer, as text",
    ),
    row(
        FileKind::Descriptor,
        "descriptor/descriptor.pbtxt",
        "descriptor of a checkpoint",
        "what builds of Orbax inside Google note about a checkpoint; releases never write it",
    ),
    row(
        FileKind::TreeMetadata,
        "_METADATA",
        "tree metadata of Orbax",
        "the tree of one pytree: its keypaths, what kind of leaf each has, and how arrays are stored",
    ),
    row(
        FileKind::Shardings,
        "_sharding",
        "shardings of Orbax",
        "how each array of jax was laid over devices, by param name in base64",
    ),
    row(
        FileKind::Strings,
        "_strings.json",
        "strings of a pytree",
        "the values of the leaves that are strings, by param name",
    ),
    row(
        FileKind::ArrayMetadatas,
        "array_metadatas/process_<N>",
        "array metadata of one process",
        "the shape of the shards that one process wrote of each array, and how PRNG keys are \
         implemented",
    ),
    row(
        FileKind::Manifest,
        "manifest.ocdbt",
        "an OCDBT manifest",
        "the entry point of a database: its configuration, and where its newest versions lie",
    ),
    row(
        FileKind::NumberedManifest,
        "manifest.<N>",
        "an OCDBT manifest",
        "one of several manifests of a database whose manifest.ocdbt holds the configuration alone",
    ),
    row(
        FileKind::DataFile,
        "d/<hex>",
        "an OCDBT data file",
        "holds nodes of the B+tree of a database, or values (chunks and documents of arrays) that \
         nodes in this file or in others refer to",
    ),
    row(
        FileKind::Lock,
        "*.__lock",
        "lock of TensorStore",
        "left behind by a writer that was killed; nothing reads it",
    ),
    row(
        FileKind::ZarrV2,
        ".zarray",
        "Zarr v2 array",
        "shape, element type, chunks and compression of the array in this directory",
    ),
    row(
        FileKind::ZarrV3,
        "zarr.json",
        "Zarr v3 array",
        "shape, element type, chunks and codecs of the array in this directory",
    ),
    row(
        FileKind::Chunk,
        "<N>.<N>, <N>/<N>, c/<N>/<N>, 0, c",
        "a chunk of an array",
        "elements of the array whose .zarray or zarr.json lies above it",
    ),
    row(
        FileKind::Aggregate,
        "checkpoint",
        "msgpack file of early releases",
        "the whole tree, with small values in-line; before 0.4.3 no other file describes it",
    ),
    row(
        FileKind::ProcessMetadata,
        "process_metadata/global_process_metadata.json, process_metadata/process_metadata.json",
        "process metadata of Orbax",
        "the devices of each process that wrote a local checkpoint",
    ),
    row(
        FileKind::MeshMetadata,
        "process_metadata/mesh_metadata.json",
        "mesh metadata of Orbax",
        "the devices of a local checkpoint in the order of the mesh",
    ),
    row(
        FileKind::DatasetState,
        "process_<N>-of-<N>.json",
        "state of a data set",
        "where one process stood in its data, as Grain writes it",
    ),
    row(
        FileKind::PygrainStates,
        "pygrain_states.json",
        "states of data sets",
        "where the processes stood in their data, as peer-to-peer checkpointing gathers it",
    ),
    row(
        FileKind::Replicator,
        "replicator.yaml, replicator.errors, replicator.failed, jax-init-info.txt",
        "file of multi-tier checkpointing",
        "settings and messages of the service that replicates local checkpoints",
    ),
    row(
        FileKind::Safetensors,
        "*.safetensors",
        "safetensors file",
        "tensors by name: a header of JSON, then their elements",
    ),
    row(
        FileKind::SafetensorsIndex,
        "*.safetensors.index.json",
        "index of safetensors files",
        "which file holds which tensor; Orbax does not read it",
    ),
];

impl FileKind {
    /// The description of this kind.
    pub fn description(self) -> Description {
        let found = DESCRIPTIONS.into_iter().find(|row| row.kind == self);
        found.unwrap_or_else(|| row(self, "", "", ""))
    }

    /// The kind of the file at `path`, if its name or its directory determines it.
    pub fn of_name(path: &str) -> Option<Self> {
        let mut parts = path.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let kind = match name {
            names::V1_MARKER => Self::V1Marker,
            names::COMMIT_SUCCESS => Self::CommitMarker,
            names::CHECKPOINT_METADATA => Self::CheckpointMetadata,
            names::DELETION_RECORD => Self::DeletionRecord,
            names::TREE_METADATA => Self::TreeMetadata,
            names::SHARDING => Self::Shardings,
            names::STRINGS => Self::Strings,
            names::MANIFEST => Self::Manifest,
            names::ZARR_V2 => Self::ZarrV2,
            names::ZARR_V3 => Self::ZarrV3,
            names::AGGREGATE => Self::Aggregate,
            names::ROOT_METADATA => Self::RootMetadata,
            names::JSON => Self::JsonItem,
            names::V1_JSON => Self::V1JsonItem,
            names::METRICS => Self::Metrics,
            "descriptor.pbtxt" => Self::Descriptor,
            "global_process_metadata.json" | "process_metadata.json" => Self::ProcessMetadata,
            "mesh_metadata.json" => Self::MeshMetadata,
            "pygrain_states.json" => Self::PygrainStates,
            "replicator.yaml" | "replicator.errors" | "replicator.failed" | "jax-init-info.txt" => {
                Self::Replicator
            }
            _ => return Self::of_pattern(name),
        };
        Some(kind)
    }

    fn of_pattern(name: &str) -> Option<Self> {
        let ends = |suffix| name.ends_with(suffix);
        let kind = if name.starts_with(DELETION_DRAFT_PREFIX) {
            Self::DeletionDraft
        } else if names::is_manifest(name) {
            Self::NumberedManifest
        } else if let Some(process) = name.strip_prefix(names::ARRAY_METADATAS_PREFIX) {
            match process
                .strip_suffix(".json")
                .map(|of| of.split_once("-of-"))
            {
                None if is_number(process) => Self::ArrayMetadatas,
                Some(Some((process, all))) if is_number(process) && is_number(all) => {
                    Self::DatasetState
                }
                _ => return None,
            }
        } else if ends(names::SAFETENSORS_SUFFIX) {
            Self::Safetensors
        } else if ends(names::SAFETENSORS_INDEX_SUFFIX) {
            Self::SafetensorsIndex
        } else if ends(".__lock") {
            Self::Lock
        } else if ends(".pbtxt") || ends(".pb") {
            Self::Proto
        } else {
            return None;
        };
        Some(kind)
    }

    /// Whether a file of no other kind is named as TensorStore names data files, or lies where they
    /// lie.
    pub fn is_data_file(path: &str) -> bool {
        let mut parts = path.rsplit('/');
        let name = parts.next().unwrap_or_default();
        let parent = parts.next().unwrap_or_default();
        let is_generated = name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_generated || matches!(parent, "d" | "ocdbt_data" | "ocdbt_meta" | "ocdbt_tmp_meta")
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_described_once_and_by_its_own_names() {
        for (place, row) in DESCRIPTIONS.iter().enumerate() {
            assert_eq!(row.kind.description(), *row, "{place}");
            for path in row.examples() {
                let found = FileKind::of_name(&path);
                match row.kind {
                    // Its surroundings determine the kind.
                    FileKind::Chunk => assert_eq!(found, None, "{path}"),
                    FileKind::DataFile => assert!(FileKind::is_data_file(&path)),
                    FileKind::RootMetadata if path == "metadata/metadata" => {
                        assert_eq!(found, Some(FileKind::JsonItem));
                    }
                    kind => assert_eq!(found, Some(kind), "{path}"),
                }
            }
        }
    }

    #[test]
    fn other_names_are_of_no_kind() {
        for name in [
            "notes.txt",
            "process_0.json",
            "process_x",
            "config.json",
            "manifest",
            "0.0",
            "c",
        ] {
            assert_eq!(FileKind::of_name(name), None, "{name}");
            assert!(!FileKind::is_data_file(name), "{name}");
        }
    }
}

//! Every file and directory name that has a meaning, in one place.
//!
//! Source: orbax `_src/path`, `_src/metadata`, `experimental/v1/_src/layout`, release 0.12.8.

/// Its presence alone makes a directory a V1 checkpoint.
pub const V1_MARKER: &str = "orbax.checkpoint";
/// Timestamps, handlers and the user's metadata of one checkpoint.
pub const CHECKPOINT_METADATA: &str = "_CHECKPOINT_METADATA";
/// Present while one checkpointable of a checkpoint is being deleted.
pub const DELETION_RECORD: &str = "_CHECKPOINT_DELETION";
/// The tree of one pytree checkpointable.
pub const TREE_METADATA: &str = "_METADATA";
/// How each `jax.Array` of a pytree was laid over devices.
pub const SHARDING: &str = "_sharding";
/// The directory of `process_<n>` files that repeat write shapes and name PRNG key types.
pub const ARRAY_METADATAS: &str = "array_metadatas";
/// The first characters of the names of the files in it.
pub const ARRAY_METADATAS_PREFIX: &str = "process_";

/// The file of the first process, by its path in the directory of a pytree.
pub const FIRST_ARRAY_METADATA: &str = "array_metadatas/process_0";
/// The entry point of an OCDBT database.
pub const MANIFEST: &str = "manifest.ocdbt";
/// The directory of an OCDBT database that holds its data files.
pub const DATABASE_FILES: &str = "d";
/// The first characters of the names of the databases that single processes write before the merge.
pub const PROCESS_DATABASE_PREFIX: &str = "ocdbt.process_";
/// The msgpack file of releases before 0.5.16: the whole tree, with small values in-line.
pub const AGGREGATE: &str = "checkpoint";
/// Metrics of a step. Reserved: not a checkpointable that a user may name.
pub const METRICS: &str = "metrics";
/// The document of a checkpointable that is not a pytree but JSON.
pub const JSON: &str = "metadata";
/// The name of that document in V1 checkpoints.
pub const V1_JSON: &str = "data.json";
/// The documents of checkpointables that are not pytrees; all of them contain JSON. The document of
/// the metrics is named like their directory.
pub const JSON_DOCUMENTS: [&str; 3] = [JSON, V1_JSON, METRICS];
/// A directory whose name contains this is a save that never finished, on stores that can rename;
/// see [`before_mark`].
pub const TEMPORARY_MARK: &str = ".orbax-checkpoint-tmp";
/// The last file of a save where directories are not renamed; written everywhere since 0.12.3.
pub const COMMIT_SUCCESS: &str = "commit_success.txt";
/// The last characters of the name of a directory in which a partial save waits to be finalized.
pub const PARTIAL_SAVE_SUFFIX: &str = ".partial_save";
/// The directory of a manager root that holds what its user stored about all steps.
pub const ROOT_METADATA_DIRECTORY: &str = "metadata";
/// The file in it.
pub const ROOT_METADATA: &str = "_ROOT_METADATA";
/// The name of that file before 0.10.
pub const LEGACY_ROOT_METADATA: &str = "metadata";
/// The checkpointable of a manager whose user did not name one.
pub const DEFAULT: &str = "default";
/// The default checkpointable name of releases before 0.12.
pub const PYTREE: &str = "pytree";
/// The default checkpointable name since 0.12.
pub const STATE: &str = "state";
/// The directory of an item in which its database keeps the data files that it writes itself.
pub const DATA_FILES: &str = "d";
/// The checkpointable that records which processes wrote a local checkpoint and which devices they
/// had.
pub const PROCESS_METADATA: &str = "process_metadata";
/// Its documents: the devices of each process, and the devices in the order of the mesh.
pub const PROCESS_METADATA_DOCUMENTS: [&str; 2] =
    ["global_process_metadata.json", "mesh_metadata.json"];
/// The last characters of the name of a safetensors file.
pub const SAFETENSORS_SUFFIX: &str = ".safetensors";
/// The last characters of the name of the index of a model in several safetensors files.
pub const SAFETENSORS_INDEX_SUFFIX: &str = ".safetensors.index.json";
/// The document of a Zarr v2 array.
pub const ZARR_V2: &str = ".zarray";
/// The document of a Zarr v3 array.
pub const ZARR_V3: &str = "zarr.json";

/// The values of string leaves, by param name.
pub const STRINGS: &str = "_strings.json";

/// The part of a name before [`TEMPORARY_MARK`]; `None` if it does not contain that.
pub fn before_mark(name: &str) -> Option<&str> {
    // Most names are shorter than the mark. The search of the standard library would first prepare
    // tables, which takes as long as opening a file.
    let mark = TEMPORARY_MARK.as_bytes();
    let mut parts = name.as_bytes().windows(mark.len());
    name.get(..parts.position(|part| part == mark)?)
}

/// Whether a name says that its save never finished.
pub fn is_temporary(name: &str) -> bool {
    before_mark(name).is_some()
}

/// Whether a user may not give this name to a checkpointable.
pub fn is_reserved(name: &str) -> bool {
    matches!(name, METRICS | DELETION_RECORD)
}

/// Whether a file of a pytree, by its path in the directory of the pytree, is one of those that
/// describe it: neither a chunk nor a data file.
pub fn is_document(path: &str) -> bool {
    let is_known = matches!(
        path,
        V1_MARKER
            | CHECKPOINT_METADATA
            | DELETION_RECORD
            | TREE_METADATA
            | SHARDING
            | AGGREGATE
            | STRINGS
            | COMMIT_SUCCESS
    );
    let in_directory = match path.split_once('/') {
        Some((ARRAY_METADATAS, name)) => name.starts_with(ARRAY_METADATAS_PREFIX),
        // Beside a pytree that has no name of its own.
        Some((METRICS, name)) => name == METRICS,
        _ => false,
    };
    is_known || in_directory || is_manifest(path)
}

/// Whether a file of a checkpoint that belongs to no pytree, by its path in the checkpoint, is one
/// that Orbax writes: a document of the checkpoint, or of a checkpointable that is not a pytree.
pub fn is_document_outside(path: &str) -> bool {
    match path.split_once('/') {
        None => matches!(
            path,
            V1_MARKER | CHECKPOINT_METADATA | DELETION_RECORD | COMMIT_SUCCESS
        ),
        Some((PROCESS_METADATA, name)) if PROCESS_METADATA_DOCUMENTS.contains(&name) => true,
        Some((_, name)) => name == COMMIT_SUCCESS || JSON_DOCUMENTS.contains(&name),
    }
}

/// Whether a file of a pytree, by its path in the directory of the pytree, is the document of an
/// array.
pub fn is_array_document(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name == ZARR_V2 || name == ZARR_V3
}

/// The position of a file, by its path in the directory of a pytree, if it is where a database
/// keeps its data files: the directory of the process, or `None` for the merged database; and the
/// rest of the path.
pub fn data_file(path: &str) -> Option<(Option<&str>, &str)> {
    let (process, path) = match path.split_once('/') {
        Some((directory, path)) if directory.starts_with(PROCESS_DATABASE_PREFIX) => {
            (Some(directory), path)
        }
        _ => (None, path),
    };
    let (directory, name) = path.split_once('/')?;
    (directory == DATA_FILES).then_some((process, name))
}

/// Whether Orbax writes a directory with this name into the directory of a pytree, besides those of
/// arrays. Beside other parts of a pytree, a directory with such a name is not a checkpointable.
pub fn is_directory_of_tree(name: &str) -> bool {
    matches!(name, ARRAY_METADATAS | DATABASE_FILES) || name.starts_with(PROCESS_DATABASE_PREFIX)
}

/// Whether Orbax writes a file with this name into the directory of a pytree, and nowhere else.
pub fn is_file_of_tree(name: &str) -> bool {
    matches!(name, TREE_METADATA | SHARDING | AGGREGATE | STRINGS) || is_manifest(name)
}

/// Whether a path is that of a manifest, numbered or not, of the merged database or of the database
/// of a process.
pub fn is_manifest(path: &str) -> bool {
    let name = match path.split_once('/') {
        Some((directory, name)) if directory.starts_with(PROCESS_DATABASE_PREFIX) => name,
        Some(_) => return false,
        None => path,
    };
    name == MANIFEST || crate::ocdbt::manifest::number(name).is_some()
}

/// The word that makes Orbax choose a pytree.
const AUTO: &str = "AUTO";

/// The order in which pytrees are tried if none is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// `pytree`, then `state`, each of which was a default name, then the others by name: a
    /// checkpoint that has both reads the same as when it was written. Those that were never
    /// finished, according to their names, come last.
    #[default]
    Own,
    /// As Orbax since 0.12.2: `state`, then the others by name.
    StateFirst,
    /// As Orbax before 0.12.2: `pytree`, then the others by name.
    PytreeFirst,
}

/// The result of [`preference`]: the least comes first.
pub type Preference<'a> = (bool, bool, bool, bool, &'a str);

/// The rank of a pytree among those to choose from: the lowest is read if none is named.
///
/// A checkpointable whose name is the word for choosing comes last: Orbax reserves that word, and
/// never chooses it.
///
/// Source: orbax `experimental/v1/_src/layout/orbax_layout.py`, `get_checkpointable_names`, releases
/// 0.11.39 to 0.12.8.
pub fn preference(name: &str, order: Order) -> Preference<'_> {
    let (own, first, second) = match order {
        Order::Own => (true, PYTREE, Some(STATE)),
        Order::StateFirst => (false, STATE, None),
        Order::PytreeFirst => (false, PYTREE, None),
    };
    // False sorts before true.
    (
        own && is_temporary(name),
        name == AUTO,
        name != first,
        second != Some(name),
        name,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orbax_writes_into_a_pytree_is_told_from_what_users_name() {
        for name in [
            "array_metadatas",
            "d",
            "ocdbt.process_0",
            "ocdbt.process_1a",
        ] {
            assert!(is_directory_of_tree(name), "{name}");
        }
        for name in ["_METADATA", "_sharding", "checkpoint", "manifest.ocdbt"] {
            assert!(is_file_of_tree(name), "{name}");
        }
        for name in [
            "state", "default", "data", "params.w", "manifest", "metrics",
        ] {
            assert!(
                !is_directory_of_tree(name) && !is_file_of_tree(name),
                "{name}"
            );
        }
    }

    #[test]
    fn the_mark_of_an_unfinished_save_is_found_wherever_it_is() {
        for (name, before) in [
            ("7.orbax-checkpoint-tmp-123", Some("7")),
            ("7.orbax-checkpoint-tmp", Some("7")),
            (".orbax-checkpoint-tmp", Some("")),
            (
                "é.x.orbax-checkpoint-tmp-1.orbax-checkpoint-tmp-2",
                Some("é.x"),
            ),
            ("7.orbax-checkpoint-tm", None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(before_mark(name), before, "{name}");
            assert_eq!(is_temporary(name), before.is_some(), "{name}");
        }
    }

    #[test]
    fn an_unfinished_checkpointable_comes_after_all_finished_ones_but_for_orbax() {
        let mut names = ["a.orbax-checkpoint-tmp-1", "AUTO", "b", "state", "pytree"];
        names.sort_by_key(|name| preference(name, Order::Own));
        let expected = ["pytree", "state", "b", "AUTO", "a.orbax-checkpoint-tmp-1"];
        assert_eq!(names, expected);
        names.sort_by_key(|name| preference(name, Order::StateFirst));
        let expected = ["state", "a.orbax-checkpoint-tmp-1", "b", "pytree", "AUTO"];
        assert_eq!(names, expected);
        names.sort_by_key(|name| preference(name, Order::PytreeFirst));
        let expected = ["pytree", "a.orbax-checkpoint-tmp-1", "b", "state", "AUTO"];
        assert_eq!(names, expected);
    }
}

//! What is fetched along with what was asked for: all that a reader of the same pytree will ask for next.

use orbscan_core::orbax::names::{self, Order};

use crate::tree::Tree;

/// Data files of a database are fetched whole, on the suspicion that they are its index, if together
/// they are no larger.
const BUDGET: u64 = 4 << 20;

/// Documents of arrays in files that are fetched along.
const MOST_DOCUMENTS: usize = 10_000;

/// The files of a pytree that describe it, as far as the listing shows them; `directory` is empty for
/// a checkpoint that is itself a pytree.
pub fn documents(tree: &Tree, directory: &str) -> Vec<String> {
    let path = |name: &str| join(directory, name);
    let mut wanted: Vec<String> = [names::TREE_METADATA, names::SHARDING, names::STRINGS]
        .map(path)
        .into();
    if tree.file(&path(names::MANIFEST)).is_some() {
        wanted.extend(database(tree, directory));
    } else {
        wanted.extend(arrays(tree, directory));
    }
    if tree.file(&path(names::TREE_METADATA)).is_none() {
        wanted.push(path(names::AGGREGATE));
    }
    wanted.retain(|file| tree.file(file).is_some());
    wanted
}

/// The manifest of a database and what may be its index.
pub fn database(tree: &Tree, directory: &str) -> Vec<String> {
    let mut wanted = vec![join(directory, names::MANIFEST)];
    let files = join(directory, names::DATABASE_FILES);
    let data: Vec<(&str, u64)> = tree
        .below(&files)
        .map(|(name, object)| (name, object.size))
        .collect();
    let together = data
        .iter()
        .map(|(_, size)| *size)
        .fold(0, u64::saturating_add);
    if together <= BUDGET {
        wanted.extend(data.into_iter().map(|(name, _)| name.to_owned()));
    }
    wanted
}

/// The documents of arrays that lie in files, and the databases of processes that were not merged.
fn arrays(tree: &Tree, directory: &str) -> Vec<String> {
    let is_document = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or_default();
        matches!(name, names::ZARR_V2 | names::ZARR_V3)
    };
    let mut wanted = Vec::new();
    for (name, _) in tree.below(directory) {
        if is_document(name) && wanted.len() < MOST_DOCUMENTS {
            wanted.push(name.to_owned());
        }
    }
    let is_manifest = |name: &str| {
        let rest = name.strip_prefix(directory)?.trim_start_matches('/');
        let (process, file) = rest.split_once('/')?;
        (process.starts_with(names::PROCESS_DATABASE_PREFIX) && file == names::MANIFEST)
            .then(|| join(directory, process))
    };
    for (name, _) in tree.below(directory) {
        if let Some(process) = is_manifest(name) {
            wanted.extend(database(tree, &process));
        }
    }
    wanted
}

/// What a read of a checkpoint fetches first, where nobody has said which pytree is wanted: the
/// documents of the checkpoint, and of the one that is chosen unless somebody names another.
pub fn first(tree: &Tree) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    if tree.file(names::CHECKPOINT_METADATA).is_some() {
        wanted.push(names::CHECKPOINT_METADATA.to_owned());
    }
    match chosen(tree) {
        Some(directory) => wanted.extend(documents(tree, &directory)),
        None if wanted.is_empty() => {}
        None => wanted.extend(documents(tree, "")),
    }
    wanted
}

/// The directory of the pytree that is read unless another is named.
fn chosen(tree: &Tree) -> Option<String> {
    if tree.file(names::TREE_METADATA).is_some() {
        return Some(String::new());
    }
    let ending = format!("/{}", names::TREE_METADATA);
    let items = tree.below("").filter_map(|(name, _)| {
        let item = name.strip_suffix(ending.as_str())?;
        (!item.contains('/') && !names::is_reserved(item)).then_some(item)
    });
    let chosen = items.min_by_key(|item| names::preference(item, Order::Own));
    chosen.map(str::to_owned)
}

/// What is fetched along with some files: with a manifest what may be its index, with the document of
/// a tree those of its arrays.
pub fn along(tree: &Tree, file: &str) -> Vec<String> {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    match name {
        names::MANIFEST => database(tree, directory),
        names::TREE_METADATA => documents(tree, directory),
        _ => Vec::new(),
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        name.to_owned()
    } else {
        format!("{directory}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use orbscan_core::path::StorePath;

    use super::*;
    use crate::tree::{Object, Reach};

    fn tree(files: &[(&str, u64)]) -> Tree {
        let object = |size| Object {
            size,
            ..Object::default()
        };
        let files = files.iter();
        let files = files.map(|(name, size)| ((*name).to_owned(), object(*size)));
        Tree::new(StorePath::root(), files.collect(), Reach::All)
    }

    #[test]
    fn of_a_v1_checkpoint_five_files_are_fetched() {
        let tree = tree(&[
            ("_CHECKPOINT_METADATA", 1),
            ("orbax.checkpoint", 0),
            ("metadata/_METADATA", 1),
            ("state/_METADATA", 1),
            ("state/_sharding", 1),
            ("state/array_metadatas/process_0", 1),
            ("state/d/abc", 9),
            ("state/manifest.ocdbt", 1),
            ("state/ocdbt.process_0/d/x", 1 << 30),
            ("state/ocdbt.process_0/manifest.ocdbt", 1),
        ]);
        assert_eq!(
            first(&tree),
            [
                "_CHECKPOINT_METADATA",
                "state/_METADATA",
                "state/_sharding",
                "state/manifest.ocdbt",
                "state/d/abc"
            ]
        );
    }

    #[test]
    fn data_files_are_not_fetched_on_suspicion_if_they_are_large() {
        let tree = tree(&[("d/a", BUDGET), ("d/b", 1), ("manifest.ocdbt", 1)]);
        assert_eq!(along(&tree, "manifest.ocdbt"), ["manifest.ocdbt"]);
    }

    #[test]
    fn documents_of_arrays_come_with_the_tree() {
        let tree = tree(&[
            ("_METADATA", 1),
            ("a.b/.zarray", 1),
            ("a.b/0", 1 << 30),
            ("c/zarr.json", 1),
        ]);
        assert_eq!(first(&tree), ["_METADATA", "a.b/.zarray", "c/zarr.json"]);
    }

    #[test]
    fn databases_that_were_not_merged_are_fetched_by_process() {
        let tree = tree(&[
            ("_METADATA", 1),
            ("ocdbt.process_0/manifest.ocdbt", 1),
            ("ocdbt.process_0/d/x", 1),
            ("ocdbt.process_1/manifest.ocdbt", 1),
        ]);
        assert_eq!(first(&tree).len(), 4);
    }

    #[test]
    fn of_what_is_not_a_checkpoint_nothing_is_fetched() {
        assert!(first(&tree(&[("a/b/c", 1), ("x", 5)])).is_empty());
    }
}

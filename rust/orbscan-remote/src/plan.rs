//! What is fetched together with what was requested: everything that a reader of the same pytree
//! will request next.

use orbscan_core::orbax::names::{self, Order};

use orbscan_core::store::{Interest, Pytrees};

use crate::tree::{Known, Tree};

/// Data files of a database are fetched completely, because they may be its index, if their total
/// size is at most this.
const BUDGET: u64 = 4 << 20;

/// Documents of arrays in files that are fetched as well.
const MOST_DOCUMENTS: usize = 10_000;

/// Pytrees whose documents are fetched as well.
const MOST_PYTREES: usize = 64;

/// What the reader of a directory will request.
#[derive(Clone, Debug)]
pub struct Aim {
    pytrees: Which,
    shardings: bool,
    metrics: bool,
}

#[derive(Clone, Debug)]
enum Which {
    First(Order),
    Named(String),
    All,
    None,
}

impl From<Interest<'_>> for Aim {
    fn from(interest: Interest<'_>) -> Self {
        let pytrees = match interest.pytrees {
            Pytrees::First(order) => Which::First(order),
            Pytrees::Named(name) => Which::Named(name.to_owned()),
            Pytrees::All => Which::All,
            Pytrees::None => Which::None,
        };
        Self {
            pytrees,
            shardings: interest.shardings,
            metrics: interest.metrics,
        }
    }
}

/// The files that describe a pytree, according to the listing; `directory` is empty for a
/// checkpoint that is itself a pytree.
fn documents(tree: &Tree, directory: &str, shardings: bool) -> Vec<String> {
    let path = |name: &str| join(directory, name);
    let mut wanted = vec![path(names::TREE_METADATA), path(names::STRINGS)];
    if shardings {
        wanted.push(path(names::SHARDING));
    }
    let manifest = path(names::MANIFEST);
    // After the end of a truncated listing, if the data files show that there is one.
    let is_hidden = tree.last().is_some()
        && tree.stat(&manifest) == Known::Unknown
        && tree.has_many_below(&path(names::DATABASE_FILES), 1);
    if is_hidden || tree.file(&manifest).is_some() {
        wanted.extend(database(tree, directory, &mut { BUDGET }));
    } else {
        wanted.extend(arrays(tree, directory));
    }
    if tree.file(&path(names::TREE_METADATA)).is_none() {
        wanted.push(path(names::AGGREGATE));
    }
    wanted.retain(|file| tree.file(file).is_some() || (is_hidden && *file == manifest));
    wanted
}

/// The manifest of a database and what may be its index, if the budget allows it.
fn database(tree: &Tree, directory: &str, budget: &mut u64) -> Vec<String> {
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
    if let Some(left) = budget.checked_sub(together) {
        *budget = left;
        wanted.extend(data.into_iter().map(|(name, _)| name.to_owned()));
    }
    wanted
}

/// The documents of arrays in files, and the databases of processes that were not merged.
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
    let mut budget = BUDGET;
    for (name, _) in tree.below(directory) {
        if let Some(process) = is_manifest(name) {
            wanted.extend(database(tree, &process, &mut budget));
        }
    }
    wanted
}

/// The files that a read of a checkpoint fetches first: the documents of the checkpoint, and of the
/// pytrees that it needs.
pub fn first(tree: &Tree, aim: &Aim) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    if tree.file(names::CHECKPOINT_METADATA).is_some() {
        wanted.push(names::CHECKPOINT_METADATA.to_owned());
    }
    let pytrees = match &aim.pytrees {
        Which::None => Vec::new(),
        Which::Named(name) => vec![name.clone()],
        Which::All => all(tree),
        Which::First(order) => chosen(tree, *order).into_iter().collect(),
    };
    // One whose tree is in the aggregate file, if anything shows that it is a checkpoint at all.
    let is_old = pytrees.is_empty() && !wanted.is_empty() && !matches!(aim.pytrees, Which::None);
    for directory in pytrees
        .iter()
        .map(String::as_str)
        .chain(is_old.then_some(""))
    {
        wanted.extend(documents(tree, directory, aim.shardings));
    }
    let metrics = join(names::METRICS, names::METRICS);
    if aim.metrics && tree.file(&metrics).is_some() {
        wanted.push(metrics);
    }
    wanted
}

/// The directories of all pytrees.
fn all(tree: &Tree) -> Vec<String> {
    let own = tree.file(names::TREE_METADATA).map(|_| String::new());
    let items = items(tree).map(str::to_owned);
    own.into_iter().chain(items).take(MOST_PYTREES).collect()
}

/// The directory of the pytree that is read if none is named.
fn chosen(tree: &Tree, order: Order) -> Option<String> {
    if tree.file(names::TREE_METADATA).is_some() {
        return Some(String::new());
    }
    let chosen = items(tree).min_by_key(|item| names::preference(item, order));
    chosen.map(str::to_owned)
}

/// The directories in a checkpoint that are pytrees.
fn items(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.below("").filter_map(|(name, _)| {
        let (item, file) = name.split_once('/')?;
        (file == names::TREE_METADATA && !names::is_reserved(item)).then_some(item)
    })
}

/// The files that are requested beside the first listing if connections have to be opened anyway:
/// those of a checkpoint as Orbax writes it today. Whatever they turn out to be, what is fetched
/// next finds open connections.
pub fn guesses(aim: &Aim) -> Vec<String> {
    let item = match &aim.pytrees {
        // A single file, or none.
        Which::None => return Vec::new(),
        Which::Named(name) => name,
        Which::All | Which::First(_) => names::STATE,
    };
    let mut guesses = vec![
        names::CHECKPOINT_METADATA.to_owned(),
        join(item, names::TREE_METADATA),
        join(item, names::MANIFEST),
    ];
    if aim.shardings {
        guesses.push(join(item, names::SHARDING));
    }
    guesses
}

/// What is fetched together with some files: with a manifest what may be its index, with the
/// document of a tree those of its arrays.
pub fn along(tree: &Tree, file: &str, aim: &Aim) -> Vec<String> {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    match name {
        names::MANIFEST => database(tree, directory, &mut { BUDGET }),
        names::TREE_METADATA => documents(tree, directory, aim.shardings),
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

    fn chosen() -> Aim {
        Interest::of(Pytrees::First(Order::Own)).into()
    }

    #[test]
    fn only_what_is_aimed_at_is_fetched() {
        let tree = tree(&[
            ("_CHECKPOINT_METADATA", 1),
            ("metrics/_METADATA", 1),
            ("params/_METADATA", 1),
            ("params/_sharding", 1),
            ("state/_METADATA", 1),
            ("state/_sharding", 1),
        ]);
        let first = |pytrees, shardings| {
            let interest = Interest {
                shardings,
                ..Interest::of(pytrees)
            };
            first(&tree, &interest.into()).join(" ")
        };
        let own = "_CHECKPOINT_METADATA";
        assert_eq!(first(Pytrees::None, true), own);
        assert_eq!(
            first(Pytrees::Named("params"), true),
            format!("{own} params/_METADATA params/_sharding")
        );
        assert_eq!(
            first(Pytrees::First(Order::Own), false),
            format!("{own} state/_METADATA")
        );
        assert_eq!(
            first(Pytrees::All, false),
            format!("{own} params/_METADATA state/_METADATA")
        );
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
            first(&tree, &chosen()),
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
    fn what_is_guessed_is_what_would_be_fetched_first() {
        let named = Interest {
            shardings: false,
            ..Interest::of(Pytrees::Named("params"))
        };
        let guesses = |interest: Interest<'_>| guesses(&interest.into()).join(" ");
        let own = "_CHECKPOINT_METADATA";
        assert_eq!(
            guesses(named),
            format!("{own} params/_METADATA params/manifest.ocdbt")
        );
        assert_eq!(
            guesses(Interest::of(Pytrees::Named(""))),
            format!("{own} _METADATA manifest.ocdbt _sharding")
        );
        assert_eq!(
            guesses(Interest::of(Pytrees::All)),
            format!("{own} state/_METADATA state/manifest.ocdbt state/_sharding")
        );
        assert_eq!(guesses(Interest::of(Pytrees::None)), "");
    }

    #[test]
    fn data_files_are_not_fetched_on_suspicion_if_they_are_large() {
        let tree = tree(&[("d/a", BUDGET), ("d/b", 1), ("manifest.ocdbt", 1)]);
        assert_eq!(
            along(&tree, "manifest.ocdbt", &chosen()),
            ["manifest.ocdbt"]
        );
    }

    #[test]
    fn documents_of_arrays_come_with_the_tree() {
        let tree = tree(&[
            ("_METADATA", 1),
            ("a.b/.zarray", 1),
            ("a.b/0", 1 << 30),
            ("c/zarr.json", 1),
        ]);
        assert_eq!(
            first(&tree, &chosen()),
            ["_METADATA", "a.b/.zarray", "c/zarr.json"]
        );
    }

    #[test]
    fn databases_that_were_not_merged_are_fetched_by_process() {
        let tree = tree(&[
            ("_METADATA", 1),
            ("ocdbt.process_0/manifest.ocdbt", 1),
            ("ocdbt.process_0/d/x", 1),
            ("ocdbt.process_1/manifest.ocdbt", 1),
        ]);
        assert_eq!(first(&tree, &chosen()).len(), 4);
    }

    #[test]
    fn of_what_is_not_a_checkpoint_nothing_is_fetched() {
        assert!(first(&tree(&[("a/b/c", 1), ("x", 5)]), &chosen()).is_empty());
    }
}

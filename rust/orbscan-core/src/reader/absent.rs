//! Items that `_CHECKPOINT_METADATA` says were written, and that are not there.

use super::detect::Root;
use super::is_pytree_handler;
use crate::error::{Error, ErrorKind};
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names;
use crate::record::Issue;

/// The items without a directory. Deleting an item takes its name out of the list as well, so each
/// of them was lost.
pub fn lost(root: &Root, handlers: &ItemHandlers) -> Vec<Issue> {
    let names = named(handlers).map(|(name, _)| name);
    let lost = names.filter(|name| !is_deleted(root, name) && !root.has(name));
    lost.map(|name| without_directory(root, name)).collect()
}

/// The pytrees that would have been chosen rather than `chosen`, had they a tree.
pub fn preferred(root: &Root, handlers: &ItemHandlers, chosen: &str) -> Vec<Issue> {
    let is_preferred = |name: &str| names::preference(name) < names::preference(chosen);
    let pytrees = named(handlers).filter(|(_, handler)| handler.is_some_and(is_pytree_handler));
    let preferred = pytrees
        .map(|(name, _)| name)
        .filter(|name| is_preferred(name) && !is_deleted(root, name));
    let issue = |name| {
        if root.has(name) {
            without_tree(root, name)
        } else {
            without_directory(root, name)
        }
    };
    preferred.map(issue).collect()
}

fn named(handlers: &ItemHandlers) -> impl Iterator<Item = (&str, Option<&str>)> {
    let named = match handlers {
        ItemHandlers::Named(named) => named.as_slice(),
        _ => &[],
    };
    named
        .iter()
        .map(|(name, handler)| (name.as_str(), handler.as_deref()))
}

fn is_deleted(root: &Root, name: &str) -> bool {
    root.deleted.as_deref() == Some(name)
}

fn without_directory(root: &Root, name: &str) -> Issue {
    let reason = format!(
        "the checkpointable {name:?} is gone: {} names it, but it has no directory",
        names::CHECKPOINT_METADATA
    );
    Error::new(ErrorKind::Malformed, reason).in_file(&root.path)
}

fn without_tree(root: &Root, name: &str) -> Issue {
    let reason = format!(
        "the checkpointable {name:?} should be a pytree but has no {}: another was chosen",
        names::TREE_METADATA
    );
    Error::new(ErrorKind::Malformed, reason).in_file(&root.path)
}

#[cfg(test)]
mod tests {
    use crate::path::StorePath;
    use crate::reader::{Options, Recall, Selection, read_checkpointables, read_pytree};
    use crate::store::memory::MemoryStore;
    use crate::testing::checkpoint_writer::CheckpointWriter;

    /// A checkpoint with the pytrees `names`, of which all but `state` lack their directory.
    fn checkpoint(names: &[&str]) -> MemoryStore {
        let mut store = MemoryStore::new();
        let path = StorePath::root();
        let (leaves, chunks) = (2, 0);
        CheckpointWriter { leaves, chunks }.write(&path, &mut store);
        let handlers: Vec<String> = names
            .iter()
            .map(|name| format!(r#""{name}": "h.PyTreeHandler""#))
            .collect();
        let document = format!(r#"{{"item_handlers": {{{}}}}}"#, handlers.join(", "));
        store.insert(path.join("_CHECKPOINT_METADATA").unwrap(), document);
        store
    }

    fn chosen(store: &MemoryStore) -> Vec<String> {
        let options = Options::default();
        let read = read_pytree(
            store,
            &StorePath::root(),
            Selection::Auto,
            &options,
            &Recall::new(),
        )
        .unwrap();
        read.issues.iter().map(ToString::to_string).collect()
    }

    /// Found by the damage campaign: another item was chosen without a word.
    #[test]
    fn a_lost_item_that_would_have_been_chosen_is_said() {
        assert_eq!(chosen(&checkpoint(&["state", "zebra"])), [""; 0]);
        let mut store = checkpoint(&["pytree", "state"]);
        let issues = chosen(&store);
        assert!(issues[0].contains("\"pytree\" is gone"), "{issues:?}");
        store.insert_directory(StorePath::new("pytree").unwrap());
        let issues = chosen(&store);
        assert!(
            issues[0].contains("\"pytree\" should be a pytree"),
            "{issues:?}"
        );
    }

    #[test]
    fn every_lost_item_is_said_among_all() {
        let store = checkpoint(&["state", "zebra"]);
        let options = Options::default();
        let read =
            read_checkpointables(&store, &StorePath::root(), &options, &Recall::new()).unwrap();
        assert_eq!(read.issues.len(), 1);
        assert!(read.issues[0].reason().contains("\"zebra\" is gone"));
    }
}

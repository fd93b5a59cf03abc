//! What should be in a checkpoint but is missing.
//!
//! Each fault has a [`Subject`], by which a check distinguishes them.

use super::choose::{self, Contents, Tree};
use super::evidence;
use super::root::{Root, Unfinished, has, has_kind, sorted};
use crate::error::{Error, ErrorKind, Result, Subject, shown};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::names::{self, Order};
use crate::path::StorePath;
use crate::record::{Issue, Layout};
use crate::store::{Entry, EntryKind, Store, leads_nowhere};

/// Whether a handler, by its class, writes pytrees.
pub fn is_pytree_handler(handler: &str) -> bool {
    let class = handler.rsplit('.').next().unwrap_or_default();
    class.starts_with("PyTree") || class.starts_with("StandardCheckpoint")
}

/// Whether a handler, by its class, writes JSON.
pub fn is_json_handler(handler: &str) -> bool {
    let class = handler.rsplit('.').next().unwrap_or_default();
    class.starts_with("Json") || class.starts_with("Metrics")
}

/// The issue about a checkpointable without a tree whose handler may have written something that
/// has metadata: JSON has none.
pub fn undescribed(directory: &StorePath, name: &str, handler: Option<&str>) -> Option<Issue> {
    let handler = handler.filter(|handler| !is_json_handler(handler))?;
    let reason = format!(
        "the checkpointable {name:?} was written by {handler}, and what it holds is not described: \
         only that handler can"
    );
    let issue = Error::new(ErrorKind::Unsupported, reason).in_file(directory);
    Some(issue.without_loss())
}

/// The recorded handler of a checkpointable, if any.
pub fn handler_of<'h>(handlers: &'h ItemHandlers, name: &str) -> Option<&'h str> {
    let mut named = named(handlers);
    named.find(|(item, _)| *item == name)?.1
}

/// The checkpointables that are recorded but have no directory, or only an unfinished one. A
/// deletion also removes the name from the record, so each of them was lost.
pub fn missing(store: &dyn Store, root: &Root, handlers: &ItemHandlers) -> Vec<Issue> {
    missing_of(store, root, handlers, Scope::All)
}

/// Which checkpointables are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All of them.
    All,
    /// One; `None` for the checkpoint itself.
    One(Option<&'a str>),
    /// All except one that is known to be complete.
    But(&'a str),
}

impl Scope<'_> {
    /// Whether the checkpointable of that name is included.
    pub fn has(self, name: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == name,
            Self::But(one) => Some(one) != name,
        }
    }
}

/// Whether a checkpointable of that name should exist, whether it does or not.
pub fn is_expected(root: &Root, handlers: &ItemHandlers, name: &str) -> bool {
    let mut recorded = named(handlers);
    let mut unfinished = root.unfinished().into_iter();
    let is_recorded = recorded.any(|(item, handler)| item == name && handler.is_some());
    (is_recorded && !root.is_deleted(name)) || unfinished.any(|item| item.name == name)
}

fn missing_of(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    scope: Scope<'_>,
) -> Vec<Issue> {
    let unfinished = root.unfinished();
    let is_unfinished = |name: &str| unfinished.iter().any(|item| item.name == name);
    // One without a handler was declared but perhaps never saved.
    let saved = named(handlers).filter(|(_, handler)| handler.is_some());
    let names = saved.map(|(name, _)| name);
    let lost = names.filter(|name| !root.is_deleted(name) && !root.has_directory(name));
    let lost = lost.filter(|name| !is_unfinished(name) && scope.has(Some(name)));
    let lost = lost.map(|name| without_directory(store, root, name));
    lost.chain(unfinished_of(root, scope))
        .chain(broken_items(store, root, scope))
        .collect()
}

/// The checkpointables that were never finished, although the checkpoint has its final name; one
/// may also be asked for by the name of its directory.
pub fn unfinished_of(root: &Root, scope: Scope<'_>) -> Vec<Issue> {
    if root.uncommitted.is_some() {
        // That is reported for the checkpoint as a whole.
        return Vec::new();
    }
    let issue = |item: Unfinished<'_>| {
        let reason = format!(
            "the checkpointable {:?} was never finished: its directory is still called {:?}",
            item.name, item.directory
        );
        Error::new(ErrorKind::Uncommitted, reason)
            .about(Subject::UnfinishedCheckpointable)
            .in_file(&root.path)
    };
    let items = root.unfinished().into_iter();
    let is_asked =
        |item: &Unfinished<'_>| scope.has(Some(item.name)) || scope.has(Some(item.directory));
    let items = items.filter(is_asked);
    items.map(issue).collect()
}

/// The issues about the checkpointables that a read without a name did not choose: the recorded
/// pytrees that come before `chosen` and are missing, those before it that lost their tree, and
/// those that were never finished.
///
/// # Errors
/// `Store`.
pub fn passed_over(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    chosen: &str,
    order: Order,
    limits: &Limits,
) -> Result<Vec<Issue>> {
    let comes_before = |name: &str| {
        names::preference(name, order) < names::preference(chosen, order) && !root.is_deleted(name)
    };
    let mut issues = unfinished_of(root, Scope::All);
    let is_unfinished = |name: &str| root.unfinished().iter().any(|item| item.name == name);
    for (name, handler) in named(handlers) {
        let is_tree = handler.is_some_and(is_pytree_handler);
        if is_tree && comes_before(name) && !root.has_directory(name) && !is_unfinished(name) {
            issues.push(without_directory(store, root, name));
        }
    }
    for name in root.checkpointables() {
        if comes_before(name) && !names::is_temporary(name) {
            let directory = root.path.join(name)?;
            let lost = lost_tree(store, &directory, name, handler_of(handlers, name), limits)?;
            // The tree of an early release has no `_METADATA` that could be lost.
            if let Some(lost) = lost
                && choose::trees(store, root, &[name])? == [Tree::None]
            {
                issues.push(without_tree(root, name, &lost));
            }
        }
    }
    Ok(issues)
}

/// The fault of a checkpointable that should have a tree and has none: its handler writes pytrees,
/// its directory has a store, or its name is that of a pytree and there is no other document.
///
/// # Errors
/// `Store`.
pub fn lost_tree(
    store: &dyn Store,
    directory: &StorePath,
    name: &str,
    handler: Option<&str>,
    limits: &Limits,
) -> Result<Option<Issue>> {
    let lost = |reason: String| {
        Error::new(ErrorKind::Malformed, reason)
            .about(Subject::LostTree)
            .in_file(directory)
    };
    let document = names::TREE_METADATA;
    let link = || broken_link(store, directory, document);
    let should_be = || {
        let missing = match link() {
            Some(words) => format!("its {document} {words}"),
            None => format!("has no {document}"),
        };
        lost(format!("should be a pytree but {missing}"))
    };
    if handler.is_some_and(is_pytree_handler) {
        return Ok(Some(should_be()));
    }
    let entries = match store.list(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(found) = evidence::of_store(store, directory, &entries, limits)? {
        let reason = match link() {
            Some(words) => {
                format!("has lost its {document}, which {words}; it still holds {found}")
            }
            None => format!("has lost its {document}: it still holds {found}"),
        };
        return Ok(Some(lost(reason)));
    }
    // Releases that record no handlers leave only the name, which a JSON item may also have.
    let by_name = handler.is_none() && matches!(name, names::STATE | names::PYTREE);
    Ok((by_name && !has_json(&entries)).then(should_be))
}

/// Whether a directory has one of the documents of JSON checkpointables. In a pytree, only the
/// directory of an array can have that name.
pub fn has_json(entries: &[Entry]) -> bool {
    let mut documents = names::JSON_DOCUMENTS.iter();
    documents.any(|document| has_kind(entries, document, EntryKind::File))
}

/// What is wrong with a whole checkpoint without a pytree: its only tree is lost, or it is empty.
/// `None` if there are checkpointables of other kinds.
///
/// # Errors
/// `Store`.
pub fn lost_whole(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    limits: &Limits,
) -> Result<Option<Issue>> {
    let lost = |reason: String| {
        Error::new(ErrorKind::UnknownLayout, reason)
            .about(Subject::LostTree)
            .in_file(&root.path)
    };
    let named = matches!(handlers, ItemHandlers::Named(named) if !named.is_empty());
    if root.layout == Layout::V0 && !named {
        if let Some(found) = evidence::of_store(store, &root.path, &root.entries, limits)? {
            let mut parts = root.parts_of_tree();
            if parts.is_empty() {
                parts.push(&found);
            }
            let reason = format!(
                "has lost its {}: it still holds parts of a pytree ({})",
                names::TREE_METADATA,
                shown(&parts)
            );
            return Ok(Some(lost(reason)));
        }
        if matches!(handlers, ItemHandlers::Flat(handler) if is_pytree_handler(handler)) {
            let reason = format!(
                "has the handler of a pytree but no {}",
                names::TREE_METADATA
            );
            return Ok(Some(lost(reason)));
        }
    }
    let of_header = [
        names::V1_MARKER,
        names::CHECKPOINT_METADATA,
        names::COMMIT_SUCCESS,
    ];
    let mut entries = root.entries.iter();
    let is_empty = entries.all(|entry| of_header.contains(&entry.name.as_str())) && !named;
    let has_header = has(&root.entries, names::CHECKPOINT_METADATA);
    Ok((is_empty && has_header).then(|| {
        let reason = format!("holds nothing beside {}", names::CHECKPOINT_METADATA);
        lost(reason)
    }))
}

/// The fault of metrics that should be a pytree but are not.
///
/// # Errors
/// `Store`.
pub fn lost_metrics(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    limits: &Limits,
) -> Result<Option<Issue>> {
    if !root.has_metrics() {
        return Ok(None);
    }
    let directory = root.path.join(names::METRICS)?;
    let handler = handler_of(handlers, names::METRICS);
    lost_tree(store, &directory, names::METRICS, handler, limits)
}

/// Everything that is missing in a checkpoint, or in one of its checkpointables, found without
/// reading a tree. What is wrong with the checkpoint as a whole is always included.
///
/// # Errors
/// `Store`.
pub fn faults(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    contents: &Contents<'_>,
    scope: Scope<'_>,
    limits: &Limits,
) -> Result<Vec<Issue>> {
    if root.layout == Layout::Safetensors {
        return Ok(Vec::new());
    }
    if contents.is_treeless()
        && let Some(whole) = lost_whole(store, root, handlers, limits)?
    {
        return Ok(vec![whole]);
    }
    let mut faults = missing_of(store, root, handlers, scope);
    if !contents.flat {
        let leftovers = root.leftovers();
        let is_leftover = |name: &str| leftovers.iter().any(|left| left.directory == name);
        for (name, tree) in &contents.items {
            if *tree == Tree::None && scope.has(Some(name)) && !is_leftover(name) {
                let directory = root.path.join(name)?;
                let handler = handler_of(handlers, name);
                faults.extend(lost_tree(store, &directory, name, handler, limits)?);
            }
        }
    }
    if scope.has(Some(names::METRICS)) && !contents.has(names::METRICS) {
        faults.extend(lost_metrics(store, root, handlers, limits)?);
    }
    Ok(faults)
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

/// The reason why an entry of a directory is wrong, if it is a broken link.
pub fn broken_link(store: &dyn Store, directory: &StorePath, name: &str) -> Option<String> {
    let path = directory.join(name).ok()?;
    store
        .broken_link(&path)
        .map(|target| leads_nowhere(&target))
}

/// The links to checkpointables that lead nowhere, if no document says which checkpointables exist.
fn broken_items(store: &dyn Store, root: &Root, scope: Scope<'_>) -> Vec<Issue> {
    if root.has(names::CHECKPOINT_METADATA) || choose::own_tree(root, false) != Tree::None {
        return Vec::new();
    }
    let links = sorted(&root.entries, |entry| {
        entry.link && entry.kind == EntryKind::File && scope.has(Some(&entry.name))
    });
    let issue = |name: &str| {
        let words = broken_link(store, &root.path, name)?;
        let reason = format!("the checkpointable {name:?} is gone: it {words}");
        let error = Error::new(ErrorKind::Malformed, reason);
        Some(
            error
                .about(Subject::MissingCheckpointable)
                .in_file(&root.path),
        )
    };
    links.into_iter().filter_map(issue).collect()
}

fn without_directory(store: &dyn Store, root: &Root, name: &str) -> Issue {
    let gone = match broken_link(store, &root.path, name) {
        Some(words) => format!("it {words}"),
        None => "it has no directory".to_owned(),
    };
    let header = names::CHECKPOINT_METADATA;
    let reason = format!("the checkpointable {name:?} is gone: {header} names it, but {gone}");
    Error::new(ErrorKind::Malformed, reason)
        .about(Subject::MissingCheckpointable)
        .in_file(&root.path)
}

fn without_tree(root: &Root, name: &str, lost: &Issue) -> Issue {
    let reason = format!(
        "the checkpointable {name:?} {}; another was chosen",
        lost.reason()
    );
    Error::new(ErrorKind::Malformed, reason)
        .about(Subject::LostTree)
        .in_file(&root.path)
}

#[cfg(test)]
mod tests {
    use crate::error::Error;
    use crate::orbax::checkpoint_metadata::ItemHandlers;
    use crate::path::StorePath;
    use crate::reader::everything;
    use crate::reader::{Options, Recall, Selection, read_checkpointables, read_pytree};
    use crate::store::memory::MemoryStore;
    use crate::testing::checkpoint_writer::CheckpointWriter;

    /// A checkpoint with the pytrees `names`, all but `state` without their directory.
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

    /// Found by the damage campaign: another item was chosen silently.
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

    #[test]
    fn what_only_another_handler_can_describe_is_said_once_and_is_no_loss() {
        let mut store = checkpoint(&["state"]);
        let document = r#"{"item_handlers": {"state": "h.PyTreeHandler", "foo": "mine.FooHandler",
            "notes": "h.JsonCheckpointHandler", "unsaid": null}}"#;
        store.insert(StorePath::new("_CHECKPOINT_METADATA").unwrap(), document);
        for name in ["foo", "notes", "unsaid"] {
            store.insert(StorePath::new(name).unwrap().join("own").unwrap(), "");
        }
        let (path, options) = (StorePath::root(), Options::default());
        for read in [read_checkpointables, everything::read_path] {
            let read = read(&store, &path, &options, &Recall::new()).unwrap();
            let said: Vec<&str> = read.issues.iter().map(Error::reason).collect();
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains("\"foo\" was written by mine.FooHandler"));
            assert!(read.is_complete());
            assert!(matches!(read.handlers, ItemHandlers::Named(named) if named.len() == 4));
        }
    }
}

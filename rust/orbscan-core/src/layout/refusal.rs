//! Why something is not read, in words for people: what was looked for, and what to do instead.

use super::below::{self, Below, Steps};
use super::root::{Root, directories, has};
use super::{choose, evidence, expected, foreign, part, step};
use crate::error::{Advice, Error, ErrorKind, Subject, shown};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::ItemHandlers;
use crate::orbax::{names, step_name};
use crate::path::StorePath;
use crate::store::{Entry, Store};

/// The error for another layout than expected.
pub fn unknown(path: &StorePath, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnknownLayout, reason).in_file(path)
}

/// The error for a directory that is a part of a checkpoint.
pub fn inside_checkpoint(store: &dyn Store, path: &StorePath, entries: &[Entry]) -> Error {
    let parent = path.parent().unwrap_or_default();
    let reason = format!(
        "is a part of the checkpoint {}: pass that path",
        store.locate(&parent)
    );
    let has_tree = has(entries, names::TREE_METADATA) || has(entries, names::AGGREGATE);
    if step::parse(path.name()).is_some() && !has_tree {
        let of_step = format!(
            "; if it is a step, {} is missing",
            names::CHECKPOINT_METADATA
        );
        return unknown(path, reason + &of_step);
    }
    unknown(path, reason).advising(Advice::Name(path.name().to_owned()))
}

/// The error for a directory of checkpoints: which of them can be read.
pub fn directory_of(path: &StorePath, names: &[String]) -> Error {
    if let Some(steps) = Steps::among(names) {
        let reason = format!("is a directory of {}, not a checkpoint", steps.told());
        return unknown(path, reason).advising(Advice::Step);
    }
    let is_temporary = |name: &&String| names::is_temporary(name);
    let finished: Vec<&String> = names.iter().filter(|name| !is_temporary(name)).collect();
    let hint = if finished.is_empty() {
        format!("only unfinished saves lie in it, {}", shown(names))
    } else {
        format!("it has {}", shown(&finished))
    };
    let reason = format!("is a directory of checkpoints, not a checkpoint: {hint}");
    unknown(path, reason)
}

/// The error for a checkpoint in which no pytree was found: what it is instead, what it has lost,
/// or what was looked for.
pub fn no_pytree(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    limits: &Limits,
) -> Error {
    if let Some(error) = &root.uncommitted {
        return without_tree_yet(store, root, error, limits);
    }
    let lost = || expected::lost_whole(store, root, handlers, limits);
    if root.has(names::CHECKPOINT_METADATA) || evidence::of_orbax(&root.entries).is_some() {
        return match lost() {
            Ok(Some(lost)) => lost,
            Ok(None) => without_pytree(store, root, handlers, limits),
            Err(error) => error,
        };
    }
    match part::fault_of(store, &root.path, &root.entries) {
        Ok(Some(part)) => part,
        Ok(None) => no_checkpoint(store, root),
        Err(error) => error,
    }
}

/// The error for an unfinished save, which says how to list a checkpointable whose tree was not yet
/// written.
fn without_tree_yet(store: &dyn Store, root: &Root, error: &Error, limits: &Limits) -> Error {
    let mut names = root.checkpointables();
    names.sort_unstable_by(|a, b| step_name::natural(a, b));
    let has_store = |name: &&str| {
        let directory = root.path.join(name)?;
        let entries = store.list(&directory)?;
        evidence::of_store(store, &directory, &entries, limits)
    };
    let found = names
        .into_iter()
        .find(|name| matches!(has_store(name), Ok(Some(_))));
    match found {
        Some(name) => error.clone().with_remark(&format!(
            "; {name:?} has no {} yet: --recover, or recover=True, lists the arrays in its store",
            names::TREE_METADATA
        )),
        None => error.clone(),
    }
}

/// The error for a checkpoint whose checkpointables are not pytrees, or have lost their trees.
fn without_pytree(
    store: &dyn Store,
    root: &Root,
    handlers: &ItemHandlers,
    limits: &Limits,
) -> Error {
    if let Some(missing) = expected::missing(store, root, handlers).into_iter().next() {
        let reason = format!("has no pytree: {}", missing.reason());
        return unknown(&root.path, reason).about(Subject::LostTree);
    }
    let mut names = root.checkpointables();
    names.sort_unstable_by(|a, b| step_name::natural(a, b));
    for name in &names {
        let Ok(directory) = root.path.join(name) else {
            continue;
        };
        let handler = expected::handler_of(handlers, name);
        match expected::lost_tree(store, &directory, name, handler, limits) {
            Ok(Some(lost)) => {
                let reason = format!("has no pytree: {name:?} {}", lost.reason());
                return unknown(&root.path, reason).about(Subject::LostTree);
            }
            Ok(None) => {}
            Err(error) => return error,
        }
    }
    if let Some(missing) = expected::missing(store, root, handlers).first() {
        let reason = format!("has no pytree: {}", missing.reason());
        return unknown(&root.path, reason).about(Subject::MissingCheckpointable);
    }
    let seen = if names.is_empty() {
        "none".to_owned()
    } else {
        shown(&names)
    };
    let mut reason = format!(
        "has no pytree: no {} in it or in its checkpointables ({seen})",
        names::TREE_METADATA
    );
    if matches!(choose::has_metrics_tree(store, root), Ok(true)) {
        reason.push_str(&format!(
            "; {:?} is one, and is read where it is named",
            names::METRICS
        ));
    }
    unknown(&root.path, reason)
}

/// The error for a directory without anything of a checkpoint: what was looked for, and which
/// checkpoints lie below.
fn no_checkpoint(store: &dyn Store, root: &Root) -> Error {
    if let Some(what) = foreign::told(root) {
        return foreign::refusal(&root.path, what);
    }
    let below = below::look(store, &root.path, &root.entries);
    if Steps::among(&below.checkpoints).is_some() {
        // Steps of early releases, of which only the first ones were examined.
        let all = directories(&root.entries).into_iter().map(str::to_owned);
        return directory_of(&root.path, &all.collect::<Vec<String>>());
    }
    let found_nothing = below == Below::default();
    let reason = if found_nothing {
        format!(
            "is not a checkpoint: no {}, {} or {} in it, and no {} or {} file in a directory of it",
            names::V1_MARKER,
            names::CHECKPOINT_METADATA,
            names::TREE_METADATA,
            names::TREE_METADATA,
            names::AGGREGATE,
        )
    } else {
        "is not a checkpoint".to_owned()
    };
    below.add_to(unknown(&root.path, reason), store, &root.path)
}

/// The error for a name that does not exist, with the names that do.
pub fn no_such(store: &dyn Store, root: &Root, reason: &str) -> Error {
    let contents = choose::contents(store, root).ok();
    let pytrees = contents.iter().flat_map(choose::Contents::pytrees);
    let mut pytrees: Vec<&str> = pytrees.collect();
    pytrees.sort_unstable_by(|a, b| step_name::natural(a, b));
    let mut advice = None;
    let hint = if let [pytree] = pytrees.as_slice() {
        format!("its pytree is {pytree:?}")
    } else if !pytrees.is_empty() {
        format!("its pytrees are {}", shown(&pytrees))
    } else if root.has(names::TREE_METADATA) {
        advice = Some(Advice::NoName);
        "the checkpoint itself is a pytree".to_owned()
    } else {
        "the checkpoint has no pytree".to_owned()
    };
    let reason = format!("{reason}; {hint}");
    let error = Error::new(ErrorKind::NoSuchCheckpointable, reason).in_file(&root.path);
    match advice {
        Some(advice) => error.advising(advice),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use crate::path::StorePath;
    use crate::reader::{Options, Recall, Selection, read_pytree};
    use crate::store::memory::MemoryStore;

    fn refusal(files: &[&str], selection: Selection<'_>) -> String {
        let mut store = MemoryStore::new();
        for file in ["_CHECKPOINT_METADATA"].iter().chain(files) {
            store.insert(StorePath::new(file).unwrap(), "{}");
        }
        let options = Options::default();
        let root = StorePath::root();
        let read = read_pytree(&store, &root, selection, &options, &Recall::new());
        read.unwrap_err().reason().to_owned()
    }

    #[test]
    fn directories_of_the_format_are_not_told_as_checkpointables() {
        let flat = [
            "_sharding",
            "array_metadatas/process_0",
            "d/00ff",
            "manifest.ocdbt",
            "ocdbt.process_0/manifest.ocdbt",
        ];
        assert_eq!(
            refusal(&flat, Selection::Auto),
            "has lost its _METADATA: it still holds parts of a pytree (\"_sharding\", \
             \"array_metadatas\", \"d\", \"manifest.ocdbt\", \"ocdbt.process_0\")"
        );
        assert_eq!(
            refusal(&flat, Selection::Named("d")),
            "\"d\" is a part of a pytree, not a checkpointable; the checkpoint has no pytree"
        );
        let plain = refusal(&["params.w/.zarray"], Selection::Auto);
        assert!(plain.contains("(\"params.w/.zarray\")"), "{plain}");
    }

    #[test]
    fn a_checkpointable_may_be_called_like_a_directory_of_the_format() {
        let items = ["d/data.json", "checkpoint/data.json", "state/data.json"];
        assert!(refusal(&items[..1], Selection::Auto).ends_with("its checkpointables (\"d\")"));
        assert!(refusal(&items[1..], Selection::Auto).ends_with("(\"checkpoint\", \"state\")"));
        let named = refusal(&items, Selection::Named("d"));
        assert!(named.starts_with("\"d\" is not a pytree"), "{named}");
    }

    #[test]
    fn a_checkpoint_of_nothing_is_refused_as_one() {
        let nothing = refusal(&["commit_success.txt"], Selection::Auto);
        assert_eq!(nothing, "holds nothing beside _CHECKPOINT_METADATA");
    }
}

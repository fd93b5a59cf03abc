//! Leaves that a handler of the writer's own saved: what lies where Orbax has it write.
//!
//! Nothing describes what such a handler stores. Orbax gives it a path, that of the param name in the
//! directory of the checkpointable; a handler that is a variant of Orbax's own writes to the database
//! instead. Nothing is asked for in trees without such leaves.

use foldhash::HashMap;

use super::inventory;
use super::outline::ItemFiles;
use crate::error::{Error, ErrorKind, Result, Subject, listed};
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{Issue, LeafKind, LeafTable};
use crate::store::{EntryKind, Store};
use crate::tree::Speller;

/// Files of all leaves of a tree that are named; more are counted.
const NAMED: usize = 1 << 16;

/// Finds the files of the leaves of custom handlers, and notes that there are such leaves: Orbax needs
/// their handlers, and its `metadata` of v1 gives up on the whole tree without them.
pub fn find_files(
    store: &dyn Store,
    files: &ItemFiles,
    table: &mut LeafTable,
    issues: &mut Vec<Issue>,
) {
    if table.custom.is_empty() {
        return;
    }
    issues.push(note(files, table));
    if !store.shows_all(&files.directory) {
        return;
    }
    if let Err(error) = find(store, &files.directory, table) {
        issues.push(error.without_loss());
    }
}

fn find(store: &dyn Store, directory: &StorePath, table: &mut LeafTable) -> Result<()> {
    let entries = store.list(directory)?.into_iter();
    let kinds: HashMap<String, EntryKind> = entries.map(|entry| (entry.name, entry.kind)).collect();
    let mut named = 0_usize;
    for (number, name) in table.leaf_of.iter().zip(table.names.iter()) {
        let Some(LeafKind::Custom(custom)) = table.leaves.get(*number).map(|leaf| leaf.kind) else {
            continue;
        };
        // A name with a slash lies deeper: its first part is a directory.
        let first = name.split('/').next().unwrap_or(name);
        let Some(kind) = kinds.get(first) else {
            continue;
        };
        let (Ok(path), Some(found)) = (directory.join(name), table.custom.get_mut(custom)) else {
            continue;
        };
        let mut add = |path: &StorePath, size: u64| {
            found.bytes = found.bytes.saturating_add(size);
            if named < NAMED {
                named = named.saturating_add(1);
                found.files.push(relative(directory, path).to_owned());
            }
        };
        let stat = store.stat(std::slice::from_ref(&path)).pop();
        let stat = stat.transpose()?.flatten();
        match stat.filter(|stat| stat.kind == EntryKind::File) {
            Some(stat) => add(&path, stat.size),
            None if *kind == EntryKind::File => {}
            None => match inventory::walk(store, &path, &[], |file| add(&file.path, file.size)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            },
        }
    }
    Ok(())
}

fn relative<'p>(directory: &StorePath, path: &'p StorePath) -> &'p str {
    let path = path.as_str();
    let below = path.strip_prefix(directory.as_str()).unwrap_or(path);
    below.strip_prefix('/').unwrap_or(below)
}

fn note(files: &ItemFiles, table: &LeafTable) -> Issue {
    let is_custom = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        matches!(kind, Some(LeafKind::Custom(_)))
    };
    let mut words: Vec<&str> = table
        .custom
        .iter()
        .map(|of| of.value_type.as_str())
        .collect();
    words.sort_unstable();
    words.dedup();
    let words_told = listed(words.iter().map(|word| format!("{word:?}")), words.len());
    let speller = Speller::new(&table.tree);
    let leaves = table.names.iter().zip(&table.leaf_of).enumerate();
    let leaves = leaves.filter(|(_, (_, number))| is_custom(number));
    let leaves = leaves.map(|(leaf, (name, _))| speller.spell(leaf, name));
    let reason = format!(
        "leaves of custom handlers ({words_told}), which only a program that registers these can \
         restore: {}",
        listed(leaves, table.custom.len())
    );
    let note = Error::new(ErrorKind::Unsupported, reason);
    let note = match files.directory.join(names::TREE_METADATA) {
        Ok(path) => note.in_file(&path),
        Err(_) => note.in_file(&files.directory),
    };
    note.about(Subject::CustomHandler).without_loss()
}

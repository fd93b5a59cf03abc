//! The directories below one that is not a checkpoint, in batches that are examined together.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::Options;
use super::batch::{Batch, Child, Key, Rule};
use super::links::Links;
use super::place::{Beside, Visit};
use crate::layout::step;
use crate::store::{self, EntryKind};

/// The directories below one that is not a checkpoint, ordered by name.
pub fn all(
    visit: &Visit,
    key: &Key,
    entries: &[store::Entry],
    options: &Options,
    links: &Links,
) -> Vec<Batch> {
    let directories = walked(visit, entries, options);
    let beside = beside(visit, &directories);
    batches(visit, key, &directories, &beside, options, links)
}

/// Some of the directories below one, found by another walk; what else lies there is not known.
pub fn given(
    visit: &Visit,
    key: &Key,
    entries: &[store::Entry],
    options: &Options,
    links: &Links,
) -> Vec<Batch> {
    let directories = walked(visit, entries, options);
    let batches = batches(visit, key, &directories, &BTreeMap::new(), options, links);
    batches.into_iter().map(Batch::given).collect()
}

/// Which of these entries are directories that may be examined, ordered by name.
fn walked<'e>(
    visit: &Visit,
    entries: &'e [store::Entry],
    options: &Options,
) -> Vec<&'e store::Entry> {
    let way = visit.base.way_to(&visit.path);
    let is_walked = |entry: &&store::Entry| {
        entry.kind == EntryKind::Directory && !options.selection.excludes(way, &entry.name)
    };
    let mut directories: Vec<&store::Entry> = entries.iter().filter(is_walked).collect();
    directories.sort_unstable_by(|a, b| step::compare(&a.name, &b.name));
    directories
}

/// The batches to be examined.
fn batches(
    visit: &Visit,
    key: &Key,
    directories: &[&store::Entry],
    beside: &BTreeMap<Option<&str>, Arc<Beside>>,
    options: &Options,
    links: &Links,
) -> Vec<Batch> {
    let mut waiting = Siblings::default();
    for (number, entry) in (0_u32..).zip(directories) {
        let Ok(path) = visit.path.join(&entry.name) else {
            continue;
        };
        if !options.selection.may_want_below(visit.base.way_to(&path))
            || links.is_given(&visit.base, &path)
        {
            continue;
        }
        let mut followed = None;
        if entry.link {
            followed = links.follow(visit, &path);
            if followed.is_none() {
                continue;
            }
        }
        let prefix = step::parse(&entry.name).map(|(prefix, _)| prefix);
        let child = Child {
            name: entry.name.clone(),
            link: entry.link,
            links: followed,
            beside: prefix
                .and_then(|prefix| beside.get(&prefix))
                .map(Arc::clone),
            number,
        };
        waiting.add(child, options);
    }
    waiting.batches(visit, key, options)
}

/// The directories that have names of steps, by their prefix. Links are excluded: they say nothing
/// about the steps beside them.
fn beside<'e>(
    visit: &Visit,
    directories: &[&'e store::Entry],
) -> BTreeMap<Option<&'e str>, Arc<Beside>> {
    let mut names: BTreeMap<Option<&str>, Vec<String>> = BTreeMap::new();
    for entry in directories.iter().filter(|entry| !entry.link) {
        if let Some((prefix, _)) = step::parse(&entry.name) {
            names.entry(prefix).or_default().push(entry.name.clone());
        }
    }
    let beside = |names| Beside {
        parent: visit.path.clone(),
        names,
        any_is_step: OnceLock::new(),
    };
    let names = names.into_iter();
    names
        .map(|(prefix, names)| (prefix, Arc::new(beside(names))))
        .collect()
}

/// Directories to be examined, by what one may say about another.
#[derive(Default)]
struct Siblings {
    independent: Vec<Child>,
    wanted: BTreeMap<Option<String>, Vec<Child>>,
    unwanted: BTreeMap<Option<String>, Vec<Child>>,
}

impl Siblings {
    fn add(&mut self, child: Child, options: &Options) {
        let selection = &options.selection;
        match step::parse(&child.name) {
            Some((prefix, step)) if !selection.wants_step(Some(step)) => {
                let prefix = prefix.map(str::to_owned);
                self.unwanted.entry(prefix).or_default().push(child);
            }
            Some((prefix, _)) if selection.latest.is_some() => {
                let prefix = prefix.map(str::to_owned);
                self.wanted.entry(prefix).or_default().push(child);
            }
            _ => self.independent.push(child),
        }
    }

    fn batches(self, visit: &Visit, key: &Key, options: &Options) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut add = |children, rule| batches.push(Batch::children(visit, key, children, rule));
        add(self.independent, Rule::Independent);
        for children in self.unwanted.into_values() {
            add(children, Rule::Sample);
        }
        for mut children in self.wanted.into_values() {
            // They came in order of their numbers, and by name if these are equal.
            children.reverse();
            let newest = options.selection.latest.unwrap_or(usize::MAX);
            add(children, Rule::Newest(newest));
        }
        batches
    }
}

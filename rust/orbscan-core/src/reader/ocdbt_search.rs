//! The search in a B+tree, level by level.

use std::ops::Range;

use bytes::Bytes;

use super::ocdbt_faults::{missing_data_file, over};
use super::pointers;
use crate::cursor::to_u64;
use crate::error::{Error, Offset, Result};
use crate::limits::Limits;
use crate::memory::{self, Spare};
use crate::numbered::Numbered;
use crate::ocdbt::Reference;
use crate::ocdbt::btree::{Entries, Node};
use crate::ocdbt::data_files::DataFile;
use crate::ocdbt::envelope::{self, Body, Content};
use crate::ocdbt::interior::Interior;
use crate::ocdbt::keys::Bounds;
use crate::ocdbt::leaf::Leaf;
use crate::ocdbt::values::{Hit, Value};
use crate::ocdbt::version_tree::Root;
use crate::path::StorePath;
use crate::store::{Span, Store, Want};

/// The memory for one key while a node is searched.
const BYTES_OF_HIT: usize = 160;

/// The result for a key: nothing, its value, or why the value could not be read.
pub type Answer = Option<Result<Bytes>>;

/// The requests that a lookup made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Batches of requests.
    pub waves: u64,
    /// B+tree nodes.
    pub nodes: u64,
    /// Their bytes, as stored.
    pub node_bytes: u64,
    /// Their bytes, decompressed; a node that has two parents counts twice.
    pub body_bytes: u64,
    /// Values outside the nodes.
    pub values: u64,
    /// Their bytes.
    pub value_bytes: u64,
}

/// A range of bytes of a data file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Location {
    file: StorePath,
    offset: u64,
    length: u64,
}

impl Location {
    fn want(&self, max_bytes: u64) -> Want {
        Want {
            path: self.file.clone(),
            span: Span::Range {
                offset: self.offset,
                length: self.length,
            },
            max_bytes,
        }
    }
}

/// A node to visit, and the wanted keys that it can hold.
struct Visit {
    location: Location,
    base: Bytes,
    height: u8,
    bounds: Bounds,
    wanted: Range<usize>,
}

/// One lookup under way.
pub(super) struct Search<'d, 'k> {
    store: &'d dyn Store,
    directory: &'d StorePath,
    limits: &'d Limits,
    /// Sorted.
    wanted: Vec<&'k [u8]>,
    pub(super) answers: Vec<Answer>,
    /// Values outside the nodes, and which of the wanted keys they belong to.
    indirect: Vec<(Location, usize)>,
    pub(super) cost: Cost,
    spare: Spare,
}

impl<'d, 'k> Search<'d, 'k> {
    /// A search for sorted keys; the paths of data files are relative to `directory`.
    pub(super) fn new(
        store: &'d dyn Store,
        directory: &'d StorePath,
        limits: &'d Limits,
        wanted: Vec<&'k [u8]>,
    ) -> Self {
        Self {
            store,
            directory,
            limits,
            answers: vec![None; wanted.len()],
            wanted,
            indirect: Vec::new(),
            cost: Cost::default(),
            spare: Spare::default(),
        }
    }

    /// Searches the tree under `root`, which lies in `file`.
    ///
    /// # Errors
    /// Whatever is wrong with the root itself.
    pub(super) fn run(&mut self, root: &Root, file: &DataFile) -> Result<()> {
        let mut visits = vec![Visit {
            location: self.locate(file, root.reference)?,
            base: file.base.clone(),
            height: root.height,
            bounds: Bounds::default(),
            wanted: 0..self.wanted.len(),
        }];
        let mut is_root = true;
        // Each batch is one level lower than the one before, so this loop ends, whatever the nodes
        // say.
        while !visits.is_empty() {
            visits = self.wave(visits, is_root)?;
            is_root = false;
        }
        self.fetch_values();
        Ok(())
    }

    fn locate(&self, file: &DataFile, reference: Reference) -> Result<Location> {
        Ok(Location {
            file: self.directory.join(file.path.as_str())?,
            offset: reference.offset,
            length: reference.length,
        })
    }

    /// Reads the nodes to visit and returns those to visit next.
    fn wave(&mut self, visits: Vec<Visit>, is_root: bool) -> Result<Vec<Visit>> {
        let limits = self.limits;
        let places = group(visits, |visit| visit.location.clone());
        let wants: Vec<Want> = places
            .iter()
            .map(|(location, _)| location.want(limits.max_node_bytes))
            .collect();
        self.reserve(&places)?;
        let fetched = self.fetch(&wants);
        let mut next = Vec::new();
        for ((location, visits), bytes) in places.into_iter().zip(fetched) {
            // Two entries may refer to the same node: it is read and decompressed once.
            let at = Offset::File(location.offset);
            let body = bytes
                .map_err(|error| missing_data_file(error, "it holds a B+tree node"))
                .and_then(|bytes| {
                    envelope::open_in(&self.spare, &bytes, Content::BtreeNode, at, limits)
                });
            for visit in visits {
                let children = match &body {
                    Ok(body) => self.visit(&visit, body),
                    Err(error) => Err(error.clone()),
                };
                match children.map_err(|error| error.in_file(&location.file)) {
                    Ok(children) => next.extend(children),
                    Err(error) if is_root => return Err(error),
                    Err(error) => self.fail(visit.wanted, &error),
                }
            }
        }
        Ok(next)
    }

    /// Counts the nodes of a batch before they are fetched.
    fn reserve(&mut self, places: &[(Location, Vec<Visit>)]) -> Result<()> {
        let limits = self.limits;
        for (location, _) in places {
            self.cost.nodes = self.cost.nodes.saturating_add(1);
            self.cost.node_bytes = self.cost.node_bytes.saturating_add(location.length);
        }
        if self.cost.nodes > limits.max_nodes {
            return Err(over(limits.max_nodes, "nodes"));
        }
        if self.cost.node_bytes > limits.max_total_node_bytes {
            return Err(over(limits.max_total_node_bytes, "bytes"));
        }
        Ok(())
    }

    /// Searches one node: answers from a leaf, or returns the children of an interior node to
    /// visit.
    fn visit(&mut self, visit: &Visit, body: &Body) -> Result<Vec<Visit>> {
        self.charge(body)?;
        let node = Node::decode(body, visit.base.clone(), visit.height)?;
        // The keys under this node all begin with the prefix that its own keys lack.
        let wanted = self.wanted.get(visit.wanted.clone()).unwrap_or_default();
        memory::room_for(wanted.len(), BYTES_OF_HIT)?;
        let stripped = visit.bounds.stripped;
        let wanted: Vec<&[u8]> = wanted
            .iter()
            .map(|key| key.get(stripped..).unwrap_or_default())
            .collect();
        match &node.entries {
            Entries::Leaf(leaf) => {
                self.read_leaf(visit, body, &node, leaf, &wanted)?;
                Ok(Vec::new())
            }
            Entries::Interior(interior) => self.read_interior(visit, &node, interior, &wanted),
        }
    }

    /// Counts a visit. The same node may have many parents and is searched for each, so searches
    /// are counted.
    fn charge(&mut self, body: &Body) -> Result<()> {
        let limits = self.limits;
        self.cost.body_bytes = self.cost.body_bytes.saturating_add(to_u64(body.length()));
        if self.cost.body_bytes > limits.max_total_node_bytes {
            return Err(over(limits.max_total_node_bytes, "decompressed bytes"));
        }
        Ok(())
    }

    fn read_leaf(
        &mut self,
        visit: &Visit,
        body: &Body,
        node: &Node<'_>,
        leaf: &Leaf<'_>,
        wanted: &[&[u8]],
    ) -> Result<()> {
        let hits = leaf.find(&visit.bounds, wanted)?;
        let files = hits.iter().filter_map(|hit| match hit.value {
            Value::Inline(_) => None,
            Value::Indirect(reference) => Some(reference.file),
        });
        let files = node.files.resolve(files, self.limits)?;
        let mut inline = keep(body, &hits).into_iter();
        for hit in &hits {
            let index = visit.wanted.start.saturating_add(hit.wanted);
            match hit.value {
                Value::Inline(_) => self.answer(index, inline.next().map(Ok)),
                Value::Indirect(reference) => {
                    if let Some(file) = files.get(&reference.file) {
                        let location = self.locate(file, reference)?;
                        self.indirect.push((location, index));
                    }
                }
            }
        }
        Ok(())
    }

    fn read_interior(
        &self,
        visit: &Visit,
        node: &Node<'_>,
        interior: &Interior<'_>,
        wanted: &[&[u8]],
    ) -> Result<Vec<Visit>> {
        let children = interior.select(&visit.bounds, wanted)?;
        let files = children.iter().map(|child| child.reference.file);
        let files = node.files.resolve(files, self.limits)?;
        let start = visit.wanted.start;
        let mut visits = Vec::with_capacity(children.len());
        for child in children {
            let Some(file) = files.get(&child.reference.file) else {
                continue;
            };
            visits.push(Visit {
                location: self.locate(file, child.reference)?,
                base: file.base.clone(),
                height: node.height.saturating_sub(1),
                bounds: child.bounds,
                wanted: start.saturating_add(child.wanted.start)
                    ..start.saturating_add(child.wanted.end),
            });
        }
        Ok(visits)
    }

    /// Fetches the values outside the nodes.
    fn fetch_values(&mut self) {
        let limits = self.limits;
        let mut places = group(std::mem::take(&mut self.indirect), |(location, _)| {
            location.clone()
        });
        // Values may overlap, so a small file can hold any number of large ones.
        let mut room = limits.max_array_documents_bytes;
        places.retain(|(location, keys)| {
            if let Some(left) = room.checked_sub(location.length) {
                room = left;
                return true;
            }
            let error =
                over(limits.max_array_documents_bytes, "bytes of values").in_file(&location.file);
            for (_, index) in keys {
                self.answer(*index, Some(Err(error.clone())));
            }
            false
        });
        let wants: Vec<Want> = places
            .iter()
            .map(|(location, _)| location.want(limits.max_array_document_bytes))
            .collect();
        let fetched = self.fetch(&wants);
        for ((_, keys), bytes) in places.into_iter().zip(fetched) {
            let bytes = bytes.map_err(|error| missing_data_file(error, "it holds a value"));
            if let Ok(bytes) = &bytes {
                self.cost.values = self.cost.values.saturating_add(1);
                self.cost.value_bytes = add(self.cost.value_bytes, bytes);
            }
            for (_, index) in keys {
                self.answer(index, Some(bytes.clone()));
            }
        }
    }

    fn fetch(&mut self, wants: &[Want]) -> Vec<Result<Bytes>> {
        if wants.is_empty() {
            return Vec::new();
        }
        self.cost.waves = self.cost.waves.saturating_add(1);
        let mut fetched = self.store.fetch(wants);
        if pointers::remark(self.store, wants, &mut fetched) {
            self.cost.waves = self.cost.waves.saturating_add(1);
        }
        fetched
    }

    fn answer(&mut self, index: usize, answer: Answer) {
        if let Some(slot) = self.answers.get_mut(index) {
            *slot = answer;
        }
    }

    fn fail(&mut self, wanted: Range<usize>, error: &Error) {
        for index in wanted {
            self.answer(index, Some(Err(error.clone())));
        }
    }
}

/// The inline values among `hits`.
///
/// They are parts of the body, which costs nothing, but keeps all of it in memory. If the distinct
/// ones are only a small part of it, they are copied, so that it can be dropped.
fn keep(body: &Body, hits: &[Hit<'_>]) -> Vec<Bytes> {
    let values = hits.iter().filter_map(|hit| match hit.value {
        Value::Inline(value) => Some(value),
        Value::Indirect(_) => None,
    });
    let (distinct, numbers) = told_apart(values);
    let total = distinct
        .iter()
        .fold(0_usize, |total, value| total.saturating_add(value.len()));
    let kept: Vec<Bytes> = if total >= body.length() / 4 {
        distinct
            .into_iter()
            .map(|value| body.share(value))
            .collect()
    } else {
        let mut copies = Bytes::from(distinct.concat());
        let lengths = distinct.into_iter().map(<[u8]>::len);
        lengths
            .map(|length| copies.split_to(length.min(copies.len())))
            .collect()
    };
    let number = |number: usize| kept.get(number).cloned();
    numbers.into_iter().filter_map(number).collect()
}

/// Distinct values, and the index of each value among them: arrays of one kind have one document.
fn told_apart<'v>(values: impl Iterator<Item = &'v [u8]>) -> (Vec<&'v [u8]>, Vec<usize>) {
    let mut distinct = Numbered::default();
    let numbers = values.map(|value| distinct.number(value)).collect();
    (distinct.into_values(), numbers)
}

/// Groups things by key, in the order in which each key first appears.
fn group<T>(things: Vec<T>, key: impl Fn(&T) -> Location) -> Vec<(Location, Vec<T>)> {
    let mut places = Numbered::default();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for thing in things {
        let place = places.number(key(&thing));
        match groups.get_mut(place) {
            Some(group) => group.push(thing),
            None => groups.push(vec![thing]),
        }
    }
    places.into_values().into_iter().zip(groups).collect()
}

fn add(total: u64, bytes: &Bytes) -> u64 {
    total.saturating_add(to_u64(bytes.len()))
}

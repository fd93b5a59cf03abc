//! A walk in pieces: directories that are divided among several scans, listed once for all of them.
//!
//! Directories are listed from the top down until there are enough, and each scan begins at its
//! own. No directory is listed by two scans, except for the few that had to be examined in order to
//! see that they need not be divided any further.

use std::cmp::Ordering;
use std::sync::Arc;

use super::batch::{Batch, Finding, Key};
use super::below;
use super::entry::Kind;
use super::links::{self, Links};
use super::place::{Base, Visit};
use super::walk::{self, Look, Sight};
use super::{Options, Root};
use crate::aside;
use crate::interrupt;
use crate::layout::step;
use crate::reader::inventory;
use crate::store::{Entry, EntryKind, Pytrees};

/// Directories below a root that are searched together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The number of the root.
    pub root: usize,
    /// The path from the root to the directory in which they lie.
    pub way: String,
    /// Their names, and whether each is a link; empty for the root itself.
    pub names: Vec<(String, bool)>,
    /// The total size of their files, if it was requested.
    pub bytes: u64,
}

impl Piece {
    /// The whole root.
    fn whole(root: usize) -> Self {
        Self {
            root,
            ..Self::default()
        }
    }

    /// Directories beside each other.
    fn of(root: usize, visits: &[Visit]) -> Self {
        let parent = visits.first().and_then(|visit| {
            let parent = visit.path.parent()?;
            (!visit.is_base()).then(|| visit.base.way_to(&parent).to_owned())
        });
        let Some(way) = parent else {
            return Self::whole(root);
        };
        let names = visits.iter();
        let names = names.map(|visit| (visit.path.name().to_owned(), visit.link));
        Self {
            names: names.collect(),
            way,
            ..Self::whole(root)
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let levels = |piece: &Self| -> Vec<String> {
            let way = piece.way.split('/').filter(|level| !level.is_empty());
            let name = piece.names.first().map(|(name, _)| name.clone());
            way.map(str::to_owned).chain(name).collect()
        };
        let by_way = || {
            let (own, others) = (levels(self), levels(other));
            let mut pairs = own.iter().zip(&others);
            let differing = pairs.find(|(a, b)| a != b);
            differing.map_or_else(
                || own.len().cmp(&others.len()),
                |(a, b)| step::compare(a, b),
            )
        };
        self.root.cmp(&other.root).then_with(by_way)
    }
}

/// How far a walk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Until there are this many pieces, or nothing is left to be divided.
    Until(usize),
    /// Down to single checkpoints, whose files are measured.
    Checkpoints,
}

/// Directories beside each other that are not divided yet.
struct Group {
    root: usize,
    visits: Vec<Visit>,
    /// Whether they have names of steps, so that one shows what the others are.
    steps: bool,
}

/// What the examination of a directory showed, and its size.
struct Seen {
    look: Look,
    bytes: u64,
}

impl Seen {
    /// Whether it is a checkpoint, or something else that is not divided any further.
    const fn is_checkpoint(&self) -> bool {
        !matches!(self.look.sight, Sight::Nothing)
    }
}

/// Divides a walk. A directory that cannot be examined is a piece, so that a scan reports it.
pub fn divide(roots: Vec<Root>, options: &Options, depth: Depth) -> Vec<Piece> {
    let mut division = Division::of(roots, options, depth);
    while !division.open.is_empty() && !division.is_enough() && interrupt::look().is_ok() {
        division.go_deeper();
    }
    let mut pieces = division.pieces;
    for Group { root, visits, .. } in division.open {
        pieces.extend(visits.chunks(1).map(|visit| Piece::of(root, visit)));
    }
    pieces.sort_by(Piece::compare);
    pieces
}

struct Division<'o> {
    options: &'o Options,
    depth: Depth,
    links: Links,
    open: Vec<Group>,
    pieces: Vec<Piece>,
}

impl<'o> Division<'o> {
    fn of(roots: Vec<Root>, options: &'o Options, depth: Depth) -> Self {
        let mut pieces = Vec::new();
        let mut bases = Vec::new();
        for (root, Root { text, place }) in roots.into_iter().enumerate() {
            let base = place
                .ok()
                .map(|(store, path)| Base::new(&text, store, path));
            if base.is_none() {
                pieces.push(Piece::whole(root));
            }
            bases.push(base.map(Arc::new));
        }
        let bases = links::distinct(bases);
        let numbered = bases.iter().enumerate();
        let open = numbered.filter_map(|(root, base)| {
            Some(Group {
                root,
                visits: vec![Visit::of(Arc::clone(base.as_ref()?))],
                steps: false,
            })
        });
        let open = open.collect();
        let bases = bases.into_iter().flatten().collect();
        Self {
            options,
            depth,
            links: Links::new(bases),
            open,
            pieces,
        }
    }

    fn is_enough(&self) -> bool {
        let open = self.open.iter().map(|group| group.visits.len());
        let known = open.fold(self.pieces.len(), usize::saturating_add);
        matches!(self.depth, Depth::Until(enough) if known >= enough)
    }

    /// Examines the groups that are not divided yet, and replaces them by what lies below.
    fn go_deeper(&mut self) {
        let (mut all, mut samples) = (Vec::new(), Vec::new());
        for group in std::mem::take(&mut self.open) {
            if group.steps && self.depth != Depth::Checkpoints {
                samples.push(group);
            } else {
                all.extend(group.visits.into_iter().map(|visit| (group.root, visit)));
            }
        }
        let firsts = samples.iter().filter_map(|group| group.visits.first());
        let seen = self.look_at_all(&firsts.collect::<Vec<_>>());
        for (group, seen) in samples.into_iter().zip(seen) {
            let mut visits = group.visits.into_iter();
            if seen.is_checkpoint() {
                let single = |visit| Piece::of(group.root, &[visit]);
                self.pieces.extend(visits.map(single));
            } else if let Some(first) = visits.next() {
                self.take(group.root, &first, seen);
                all.extend(visits.map(|visit| (group.root, visit)));
            }
        }
        let visits: Vec<&Visit> = all.iter().map(|(_, visit)| visit).collect();
        let seen = self.look_at_all(&visits);
        for ((root, visit), seen) in all.iter().zip(seen) {
            self.take(*root, visit, seen);
        }
    }

    fn look_at_all(&self, visits: &[&Visit]) -> Vec<Seen> {
        let threads = || self.options.threads;
        let seen = aside::each(threads, visits, |visit| Ok(self.look_at(visit)));
        // What was not examined because of Ctrl-C does not matter.
        let nothing = || Seen {
            look: Sight::Nothing.into(),
            bytes: 0,
        };
        let seen = seen.into_iter();
        seen.map(|seen| seen.unwrap_or_else(|_| nothing()))
            .collect()
    }

    fn look_at(&self, visit: &Visit) -> Seen {
        let look = walk::look(visit, &Key::new(), self.options, &self.links);
        let bytes = match &look.sight {
            Sight::Checkpoint(found)
                if self.depth == Depth::Checkpoints
                    && found.entry.commit.committed
                    && found.entry.kind != Kind::Safetensors =>
            {
                measured(visit, self.options)
            }
            _ => 0,
        };
        Seen { look, bytes }
    }

    /// Replaces a directory by what was seen. What lies below a checkpoint is found with it, and so
    /// is the target of a link.
    fn take(&mut self, root: usize, visit: &Visit, seen: Seen) {
        if seen.is_checkpoint() || visit.link {
            self.pieces.push(Piece {
                bytes: seen.bytes,
                ..Piece::of(root, std::slice::from_ref(visit))
            });
            return;
        }
        for mut batch in seen.look.below {
            if !batch.is_independent() {
                self.one_by_one(root, batch);
                continue;
            }
            let mut visits = Vec::new();
            while let Some((_, visit)) = batch.take() {
                visits.push(visit);
            }
            let is_step = |visit: &Visit| step::parse(visit.path.name()).is_some();
            let (steps, others): (Vec<_>, Vec<_>) = visits.into_iter().partition(is_step);
            let groups = [(steps, true), (others, false)];
            let groups = groups.into_iter().filter(|(visits, _)| !visits.is_empty());
            self.open.extend(groups.map(|(visits, steps)| Group {
                root,
                visits,
                steps,
            }));
        }
    }

    /// Examines siblings of which one determines whether the next is examined. If the first is a
    /// checkpoint, the others are, too, and the scan of this piece continues.
    fn one_by_one(&mut self, root: usize, batch: Batch) {
        let mut is_first = self.depth != Depth::Checkpoints;
        let mut rest = Some(batch);
        while let Some(mut batch) = rest {
            let Some((_, visit)) = batch.take() else {
                return;
            };
            let seen = self.look_at(&visit);
            if is_first && seen.is_checkpoint() {
                let mut visits = vec![visit];
                while let Some((_, visit)) = batch.take() {
                    visits.push(visit);
                }
                self.pieces.push(Piece::of(root, &visits));
                return;
            }
            is_first = false;
            let finding = seen.look.sight.finding(self.options);
            if finding != Finding::Unwanted {
                self.take(root, &visit, seen);
            }
            rest = batch.after(finding);
        }
    }
}

/// The total size of the files of a checkpoint, as far as they can be seen.
fn measured(visit: &Visit, options: &Options) -> u64 {
    let store = visit.base.store.as_ref();
    let everything = options.read.interest(Pytrees::All);
    let held = store.hold(&visit.path, everything);
    let mut bytes = 0_u64;
    let walked = inventory::walk(held.as_deref().unwrap_or(store), &visit.path, &[], |file| {
        bytes = bytes.saturating_add(file.size);
    });
    // What cannot be seen is reported by the check.
    walked.map_or(0, |_| bytes)
}

/// Where a scan of some pieces begins; the bases are those of all roots, by their numbers.
pub(super) fn begun(
    pieces: &[Piece],
    bases: &[Option<Arc<Base>>],
    options: &Options,
    links: &Links,
) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (number, piece) in (0_u32..).zip(pieces) {
        let Some(Some(base)) = bases.get(piece.root) else {
            continue;
        };
        let root = u32::try_from(piece.root).unwrap_or(u32::MAX);
        if piece.names.is_empty() {
            batches.push(Batch::base(Arc::clone(base), root));
            continue;
        }
        let Ok(path) = base.path.join(&piece.way) else {
            continue;
        };
        let parent = Visit {
            path,
            ..Visit::of(Arc::clone(base))
        };
        let names = piece.names.iter();
        let entries: Vec<Entry> = names
            .map(|(name, link)| Entry {
                name: name.clone(),
                kind: EntryKind::Directory,
                link: *link,
                id: 0,
            })
            .collect();
        let key = vec![root, number];
        batches.extend(below::given(&parent, &key, &entries, options, links));
    }
    batches
}

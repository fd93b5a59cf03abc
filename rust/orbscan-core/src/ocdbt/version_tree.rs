//! Versions of a database, and the tree that leads to the older ones.
//!
//! The newest versions are in the manifest itself, and the last of them is the current state. The
//! tree is not needed in order to read that state; it is decoded so that a broken manifest does not
//! count as a good one.

use super::generations::{Arity, CommitTimes, Generations, References};
use super::varint::{self, Varints};
use super::{Reference, Statistics};
use crate::cursor::{Cursor, to_usize};
use crate::error::{Error, Offset, Result, counted};

/// The root node of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// How many levels of nodes lie under it; 0 if it is a leaf.
    pub height: u8,
    /// Where it lies.
    pub reference: Reference,
    /// What it holds.
    pub statistics: Statistics,
}

/// One version: the state after one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// The number of the commit, from 1.
    pub generation: u64,
    /// Nanoseconds since 1970.
    pub commit_time_nsecs: u64,
    /// `None` if the database was empty.
    pub root: Option<Root>,
}

/// A version tree node, as its parent describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionNodeReference {
    /// The last generation under the node.
    pub generation: u64,
    /// Where the node lies.
    pub reference: Reference,
    /// How many generations are under it.
    pub generations: u64,
    /// When the first of them was committed, in nanoseconds since 1970.
    pub commit_time_nsecs: u64,
    /// How many levels of nodes lie under it.
    pub height: u8,
}

/// Reads the versions of a manifest or of a leaf of the version tree.
///
/// # Errors
/// `Malformed` if there are too few or too many, if generations or commit times do not rise, or if
/// they cannot be in one node.
///
/// Source: tensorstore `ocdbt/format/version_tree.cc`, `ValidateVersionTreeLeafNodeEntries`.
pub fn take_versions(cursor: &mut Cursor<'_>, arity: Arity, files: u64) -> Result<Vec<Version>> {
    let start = cursor.offset();
    let count = count(cursor, 1, arity.capacity(0))?;
    let mut generations = Generations::take(cursor, count)?;
    let heights_at = cursor.offset();
    let heights = cursor
        .take(to_usize(count))
        .map_err(|error| error.while_reading("root heights"))?;
    let mut references = References::take(cursor, count, files)?;
    let mut keys = Varints::take(cursor, count, "key counts")?;
    let mut tree_bytes = Varints::take(cursor, count, "tree bytes")?;
    let mut value_bytes = Varints::take(cursor, count, "value bytes")?;
    let mut times = CommitTimes::take(cursor, count)?;
    let mut versions = Vec::with_capacity(heights.len());
    for (index, &height) in (0_u64..).zip(heights) {
        let generation = generations.next()?;
        let reference = references.next_or_missing()?;
        let statistics = Statistics {
            keys: keys.next_u64()?,
            tree_bytes: tree_bytes.next_u64()?,
            indirect_value_bytes: value_bytes.next_u64()?,
        };
        if reference.is_none() && (height != 0 || statistics != Statistics::default()) {
            return Err(Error::malformed(
                heights_at.plus(index),
                format!("generation {generation} is empty but has a height or statistics"),
            ));
        }
        versions.push(Version {
            generation,
            commit_time_nsecs: times.next()?,
            root: reference.map(|reference| Root {
                height,
                reference,
                statistics,
            }),
        });
    }
    check_range(&versions, arity, start)?;
    Ok(versions)
}

fn check_range(versions: &[Version], arity: Arity, at: Offset) -> Result<()> {
    let (Some(first), Some(last)) = (versions.first(), versions.last()) else {
        return Ok(());
    };
    let before = arity.before(last.generation, 0);
    if first.generation > before {
        return Ok(());
    }
    let (first, last) = (first.generation, last.generation);
    let reason = format!("generations {first} and {last} cannot be in one node");
    Err(Error::malformed(at, reason))
}

/// Reads the version tree nodes that a manifest refers to, greatest height first. `versions` are
/// those in the manifest itself.
///
/// # Errors
/// `Malformed` if heights do not decrease, generations or commit times do not increase, or a
/// generation is outside what arity and height allow.
///
/// Source: tensorstore `ocdbt/format/manifest.cc`, `ValidateManifestVersionTreeNodes`.
pub fn take_manifest_nodes(
    cursor: &mut Cursor<'_>,
    arity: Arity,
    files: u64,
    versions: &[Version],
) -> Result<Vec<VersionNodeReference>> {
    let start = cursor.offset();
    let count = count(cursor, 0, u64::from(arity.max_height()))?;
    let nodes = take_nodes(cursor, arity, files, count, None)?;
    let (Some(first), Some(last)) = (versions.first(), versions.last()) else {
        return Ok(nodes);
    };
    check_heights(&nodes, arity, start)?;
    if let Some(node) = nodes.last()
        && node.commit_time_nsecs >= first.commit_time_nsecs
    {
        let reason = "version tree node not older than the first version in the manifest";
        return Err(Error::malformed(start, reason));
    }
    // Each level continues where the level below it begins.
    let mut end = arity.before(last.generation, 0);
    let mut height = 1;
    for node in nodes.iter().rev() {
        while height < node.height {
            end = arity.before(end, height);
            height = height.saturating_add(1);
        }
        let before = arity.before(end, height);
        // Only full nodes are moved to a higher one, so the last of them ends where a node can end.
        let full = arity.capacity(height.saturating_sub(1));
        let generation = node.generation;
        let ends_a_node = generation.checked_rem(full) == Some(0);
        if generation <= before || generation > end || !ends_a_node {
            let reason = format!(
                "generation {generation} at height {height}, \
                 expected a multiple of {full} after {before} and up to {end}"
            );
            return Err(Error::malformed(start, reason));
        }
    }
    Ok(nodes)
}

fn check_heights(nodes: &[VersionNodeReference], arity: Arity, at: Offset) -> Result<()> {
    let mut above = arity.max_height().saturating_add(1);
    for node in nodes {
        if node.height == 0 || node.height >= above {
            let height = node.height;
            let reason = format!("height {height}, expected at least 1 and less than {above}");
            return Err(Error::malformed(at, reason));
        }
        above = node.height;
    }
    Ok(())
}

/// Reads the columns that references to version tree nodes share. In a node all have the given
/// `height`; in a manifest each has its own.
pub(super) fn take_nodes(
    cursor: &mut Cursor<'_>,
    arity: Arity,
    files: u64,
    count: u64,
    height: Option<u8>,
) -> Result<Vec<VersionNodeReference>> {
    let mut generations = Generations::take(cursor, count)?;
    let mut references = References::take(cursor, count, files)?;
    let mut sizes = Varints::take(cursor, count, "generation counts")?;
    let mut times = CommitTimes::take(cursor, count)?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        let at = sizes.offset();
        let node = VersionNodeReference {
            generation: generations.next()?,
            reference: references.next()?,
            generations: sizes.next_u64()?,
            commit_time_nsecs: times.next()?,
            height: height.map_or_else(|| cursor.u8(), Ok)?,
        };
        let before = arity.before(node.generation, node.height);
        let room = node.generation.saturating_sub(before);
        if node.generations == 0 || node.generations > room {
            let generations = node.generations;
            let generations = counted(generations, "generation", "generations");
            let reason = format!("{generations} in a node with room for {room}");
            return Err(Error::malformed(at, reason));
        }
        nodes.push(node);
    }
    Ok(nodes)
}

pub(super) fn count(cursor: &mut Cursor<'_>, min: u64, max: u64) -> Result<u64> {
    let at = cursor.offset();
    let count = varint::read_u64(cursor)?;
    if (min..=max).contains(&count) {
        return Ok(count);
    }
    let reason = format!(
        "{}, expected {min} to {max}",
        counted(count, "entry", "entries")
    );
    Err(Error::malformed(at, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocdbt::generations::MISSING;
    use crate::testing::ocdbt_writer::{VersionEntry, version_nodes, versions};

    const AT: Offset = Offset::Body(50);
    const BINARY: Arity = Arity { log2: 1 };
    const ROOT: Reference = Reference {
        file: 0,
        offset: 38,
        length: 95,
    };
    const EMPTY: Reference = Reference {
        file: 0,
        offset: MISSING,
        length: MISSING,
    };

    fn entry(generation: u64, height: u8, root: Reference, commit_time_nsecs: u64) -> VersionEntry {
        let statistics = Statistics::default();
        VersionEntry {
            generation,
            height,
            root,
            statistics,
            commit_time_nsecs,
        }
    }

    fn decode(log2: u8, entries: &[VersionEntry]) -> Result<Vec<Version>> {
        let mut bytes = Vec::new();
        versions(&mut bytes, entries);
        take_versions(&mut Cursor::new(&bytes, AT), Arity { log2 }, 1)
    }

    #[test]
    fn the_last_version_is_the_newest() {
        let read = decode(4, &[entry(1, 0, EMPTY, 5), entry(2, 3, ROOT, 6)]).unwrap();
        assert_eq!(read.last().unwrap().root.unwrap().reference, ROOT);
        assert_eq!(read.last().unwrap().root.unwrap().height, 3);
        assert_eq!(read.first().unwrap().root, None);
    }

    #[test]
    fn refused_versions_name_the_byte() {
        let other = Reference { file: 1, ..ROOT };
        let far = Reference {
            offset: 1 << 63,
            ..ROOT
        };
        let keys = Statistics {
            keys: 1,
            ..Statistics::default()
        };
        let counted = VersionEntry {
            statistics: keys,
            ..entry(1, 0, EMPTY, 5)
        };
        for (name, at, log2, entries) in [
            ("none", 0, 4, vec![]),
            (
                "more than the arity",
                0,
                1,
                vec![
                    entry(1, 0, ROOT, 1),
                    entry(2, 0, ROOT, 2),
                    entry(3, 0, ROOT, 3),
                ],
            ),
            ("generation 0", 1, 4, vec![entry(0, 0, ROOT, 1)]),
            (
                "the same generation",
                2,
                4,
                vec![entry(3, 0, ROOT, 1), entry(3, 0, ROOT, 2)],
            ),
            (
                "the same time",
                25,
                4,
                vec![entry(3, 0, ROOT, 1), entry(4, 0, ROOT, 1)],
            ),
            ("a file not in the table", 3, 4, vec![entry(1, 0, other, 1)]),
            (
                "an empty tree in a file not in the table",
                3,
                4,
                vec![entry(1, 0, Reference { file: 1, ..EMPTY }, 1)],
            ),
            ("an end past 2^63", 3, 4, vec![entry(1, 0, far, 1)]),
            (
                "half an empty tree",
                3,
                4,
                vec![entry(1, 0, Reference { offset: 0, ..EMPTY }, 1)],
            ),
            (
                "an empty tree with a height",
                2,
                4,
                vec![entry(1, 1, EMPTY, 1)],
            ),
            ("an empty tree with keys", 2, 4, vec![counted]),
            (
                "generations of two leaves",
                0,
                1,
                vec![entry(2, 0, ROOT, 1), entry(3, 0, ROOT, 2)],
            ),
        ] {
            let error = decode(log2, &entries).unwrap_err();
            assert_eq!(error.offset(), Some(AT.plus(at)), "{name}: {error}");
        }
    }

    fn node(
        generation: u64,
        height: u8,
        generations: u64,
        commit_time_nsecs: u64,
    ) -> VersionNodeReference {
        VersionNodeReference {
            generation,
            reference: ROOT,
            generations,
            commit_time_nsecs,
            height,
        }
    }

    /// The nodes of a manifest of arity 2 whose only inline version is the 15th, of time 100.
    fn listed(nodes: &[VersionNodeReference]) -> Result<Vec<VersionNodeReference>> {
        let mut bytes = Vec::new();
        version_nodes(&mut bytes, nodes, true);
        let newest = Version {
            generation: 15,
            commit_time_nsecs: 100,
            root: None,
        };
        take_manifest_nodes(&mut Cursor::new(&bytes, AT), BINARY, 1, &[newest])
    }

    #[test]
    fn a_manifest_leads_to_older_versions() {
        // 1 to 8, 9 to 12, and 13 to 14; any of them may be missing.
        let all = [node(8, 3, 8, 1), node(12, 2, 4, 2), node(14, 1, 2, 3)];
        assert_eq!(listed(&all).unwrap(), all);
        assert_eq!(listed(&all[1..]).unwrap(), all[1..]);
        assert_eq!(listed(&all[..2]).unwrap(), all[..2]);
        assert_eq!(listed(&[]).unwrap(), []);
    }

    #[test]
    fn refused_nodes_name_the_byte() {
        for (name, at, nodes) in [
            ("generation 0", 1, vec![node(0, 1, 1, 1)]),
            ("no generations", 5, vec![node(14, 1, 0, 1)]),
            ("more generations than fit", 5, vec![node(14, 1, 3, 1)]),
            ("a generation that ends no node", 0, vec![node(11, 2, 3, 1)]),
            ("height 0", 0, vec![node(14, 0, 1, 1)]),
            (
                "a height that no generation reaches",
                0,
                vec![node(14, 63, 1, 1)],
            ),
            (
                "heights that rise",
                0,
                vec![node(8, 1, 1, 1), node(12, 2, 1, 2)],
            ),
            ("a generation of another level", 0, vec![node(8, 1, 1, 1)]),
            (
                "a generation among the inline ones",
                0,
                vec![node(15, 1, 1, 1)],
            ),
            (
                "times that fall",
                19,
                vec![node(8, 3, 8, 2), node(12, 2, 4, 1)],
            ),
            (
                "a time after the first inline version",
                0,
                vec![node(14, 1, 2, 100)],
            ),
            (
                "a file not in the table",
                2,
                vec![VersionNodeReference {
                    reference: Reference { file: 1, ..ROOT },
                    ..node(12, 1, 4, 1)
                }],
            ),
            (
                "a missing node",
                2,
                vec![VersionNodeReference {
                    reference: EMPTY,
                    ..node(12, 1, 4, 1)
                }],
            ),
        ] {
            let error = listed(&nodes).unwrap_err();
            assert_eq!(error.offset(), Some(AT.plus(at)), "{name}: {error}");
        }
    }
}

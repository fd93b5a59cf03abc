//! The nodes of the tree that leads to older versions.

use bytes::Bytes;

use super::data_files::DataFileTable;
use super::envelope::Body;
use super::generations::Arity;
use super::version_tree::{Version, VersionNodeReference, count, take_nodes, take_versions};
use crate::error::{Error, Offset, Result};

/// A node of the version tree.
#[derive(Clone, Debug)]
pub struct VersionNode<'a> {
    /// How many levels of nodes lie under it.
    pub height: u8,
    /// The files that its entries refer to.
    pub files: DataFileTable<'a>,
    /// Its entries.
    pub entries: VersionEntries,
}

/// What a version tree node holds, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionEntries {
    /// In a node of height 0.
    Leaf(Vec<Version>),
    /// In any other.
    Interior(Vec<VersionNodeReference>),
}

impl<'a> VersionNode<'a> {
    /// Decodes the node that `parent` refers to, which was read through a data file with the base
    /// `inherited`.
    ///
    /// # Errors
    /// `Malformed` if it differs from what its parent says, or its entries contradict each other.
    pub fn decode(
        body: &'a Body,
        inherited: Bytes,
        arity: Arity,
        parent: &VersionNodeReference,
    ) -> Result<Self> {
        let mut cursor = body.cursor();
        let at = cursor.offset();
        let found = (Arity::take(&mut cursor)?, cursor.u8()?);
        if found != (arity, parent.height) {
            let (found, height) = found;
            let reason = format!(
                "node of arity 2^{} and height {height}, expected 2^{} and {}",
                found.log2, arity.log2, parent.height
            );
            return Err(Error::malformed(at, reason));
        }
        let files = DataFileTable::take(&mut cursor, inherited)?;
        let at = cursor.offset();
        let entries = match parent.height.checked_sub(1) {
            None => VersionEntries::Leaf(take_versions(&mut cursor, arity, files.count())?),
            Some(height) => {
                let count = count(&mut cursor, 1, arity.capacity(0))?;
                let nodes = take_nodes(&mut cursor, arity, files.count(), count, Some(height))?;
                check_node(&nodes, arity, height, at)?;
                VersionEntries::Interior(nodes)
            }
        };
        cursor.finish()?;
        let newest = match &entries {
            VersionEntries::Leaf(versions) => versions.last().map(|last| last.generation),
            VersionEntries::Interior(nodes) => nodes.last().map(|last| last.generation),
        };
        if newest != Some(parent.generation) {
            let reason = format!("does not end with generation {}", parent.generation);
            return Err(Error::malformed(at, reason));
        }
        Ok(Self {
            height: parent.height,
            files,
            entries,
        })
    }
}

/// Children under a common node are complete, and there is one node that can hold them all.
fn check_node(nodes: &[VersionNodeReference], arity: Arity, height: u8, at: Offset) -> Result<()> {
    let stride = arity.capacity(height);
    let above = height.saturating_add(1);
    let parent = nodes
        .last()
        .map(|last| arity.before(last.generation, above));
    for node in nodes {
        let generation = node.generation;
        if generation.checked_rem(stride) != Some(0) || Some(generation) <= parent {
            let reason = format!("generation {generation} cannot end a child of {stride}");
            return Err(Error::malformed(at, reason));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::to_u64;
    use crate::limits::Limits;
    use crate::ocdbt::envelope::{self, Content};
    use crate::ocdbt::{Reference, Statistics};
    use crate::testing::ocdbt_writer::{
        File, Packing, VersionEntry, file_table, seal, version_nodes, versions,
    };

    const BINARY: Arity = Arity { log2: 1 };
    const ROOT: Reference = Reference {
        file: 0,
        offset: 38,
        length: 95,
    };

    fn version(generation: u64) -> VersionEntry {
        let statistics = Statistics::default();
        VersionEntry {
            generation,
            height: 0,
            root: ROOT,
            statistics,
            commit_time_nsecs: generation,
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

    /// Decodes the body of a version node, given the `parent`'s description of it.
    fn open(
        parent: &VersionNodeReference,
        log2: u8,
        height: u8,
        entries: &[u8],
    ) -> Result<VersionEntries> {
        let mut body = vec![log2, height];
        file_table(&mut body, &[File::default()]);
        body.extend(entries);
        let bytes = Bytes::from(seal(Content::VersionNode, &body, Packing::Zstd));
        let body = envelope::open(
            &bytes,
            Content::VersionNode,
            Offset::File(0),
            &Limits::default(),
        )?;
        VersionNode::decode(&body, Bytes::new(), BINARY, parent).map(|node| node.entries)
    }

    #[test]
    fn version_nodes_hold_what_their_parent_says() {
        let mut leaf = Vec::new();
        versions(&mut leaf, &[version(7), version(8)]);
        let mut interior = Vec::new();
        version_nodes(&mut interior, &[node(6, 0, 2, 1), node(8, 0, 2, 2)], false);
        assert!(
            matches!(open(&node(8, 0, 2, 1), 1, 0, &leaf), Ok(VersionEntries::Leaf(all)) if all.len() == 2)
        );
        let read = open(&node(8, 1, 4, 1), 1, 1, &interior);
        assert!(
            matches!(read, Ok(VersionEntries::Interior(all)) if all == [node(6, 0, 2, 1), node(8, 0, 2, 2)])
        );

        let start = 5;
        let longer = [leaf.as_slice(), b"x"].concat();
        let end = start + to_u64(leaf.len());
        let mut incomplete = Vec::new();
        version_nodes(
            &mut incomplete,
            &[node(6, 0, 2, 1), node(7, 0, 1, 2)],
            false,
        );
        let mut wide = Vec::new();
        version_nodes(&mut wide, &[node(4, 0, 2, 1), node(8, 0, 2, 2)], false);
        for (name, at, result) in [
            ("another arity", 0, open(&node(8, 0, 2, 1), 2, 0, &leaf)),
            ("another height", 0, open(&node(8, 1, 2, 1), 1, 0, &leaf)),
            (
                "another generation",
                start,
                open(&node(9, 0, 2, 1), 1, 0, &leaf),
            ),
            (
                "a byte too many",
                end,
                open(&node(8, 0, 2, 1), 1, 0, &longer),
            ),
            (
                "a child that is not full",
                start,
                open(&node(7, 1, 4, 1), 1, 1, &incomplete),
            ),
            (
                "children of two nodes",
                start,
                open(&node(8, 1, 4, 1), 1, 1, &wide),
            ),
            ("no children", start, open(&node(8, 1, 4, 1), 1, 1, &[0])),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.offset(), Some(Offset::Body(at)), "{name}: {error}");
        }
    }
}

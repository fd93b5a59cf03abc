//! The nodes of several databases, level by level.
//!
//! A walk reads one database after another, in the order of its keys, and waits for each node on
//! the way down. If every answer is a round trip, all nodes of one level are requested together
//! first, from a store that keeps what it has fetched.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::nodes::{Content, Nodes, Pending};
use super::{Extent, NodeFault, Value, Visitor, root_of};
use crate::limits::Limits;
use crate::path::StorePath;
use crate::reader::ocdbt_lookup::Database;
use crate::store::{Store, Want};

/// A larger node is read when its turn comes.
const MOST_BYTES: u64 = 1 << 20;

/// Bytes of nodes that are requested ahead.
const TOGETHER: u64 = 32 << 20;

/// Requests the nodes of databases, given their directories and the contents of their
/// `manifest.ocdbt`. What fails here is requested again, and fails there.
pub fn ask_ahead(store: &dyn Store, databases: &[(StorePath, Bytes)], limits: &Limits) {
    let mut left = TOGETHER;
    let mut level: Vec<(&StorePath, Pending)> = Vec::new();
    for (directory, manifest) in databases {
        let opened = Database::open(store, directory, manifest, limits);
        let root = opened.and_then(|database| root_of(&database, directory));
        level.extend(root.ok().flatten().map(|root| (directory, root)));
    }
    // Children are one lower than their parents, so this loop ends, whatever the nodes say.
    while !level.is_empty() {
        level.retain(|(_, node)| {
            let rest = left.checked_sub(node.extent.length);
            let is_asked = node.extent.length <= MOST_BYTES && rest.is_some();
            left = rest.filter(|_| is_asked).unwrap_or(left);
            is_asked
        });
        let wants: Vec<Want> = level.iter().map(|(_, node)| node.want(limits)).collect();
        let answers = store.fetch(&wants);
        let mut below = Vec::new();
        for ((directory, node), answer) in level.into_iter().zip(answers) {
            if node.height == 0 {
                continue;
            }
            let mut nobody = Nobody;
            let mut nodes = Nodes::new(directory, limits, &mut nobody);
            let read = answer.and_then(|bytes| nodes.read(&node, &bytes));
            if let Ok(Content::Interior(children)) = read {
                below.extend(children.into_iter().map(|child| (directory, child)));
            }
        }
        level = below;
    }
}

/// A visitor that ignores everything.
struct Nobody;

impl Visitor for Nobody {
    fn file(&mut self, _: StorePath) -> usize {
        0
    }

    fn node(&mut self, _: Extent) {}

    fn entry(&mut self, _: &[u8], _: Value<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn node_fault(&mut self, _: NodeFault) {}
}

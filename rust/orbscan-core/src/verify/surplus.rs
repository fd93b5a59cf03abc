//! Bytes of data files that no version of a database accounts for.
//!
//! A data file is values and nodes one after the other. Nodes of superseded versions stay in it and
//! can be told by their heads; whatever else nothing refers to came later.

use super::files::Files;
use crate::cursor::Cursor;
use crate::error::{ErrorKind, Offset, Result};
use crate::ocdbt::envelope::Content;
use crate::path::StorePath;
use crate::store::{Store, Want};

/// Nodes that are looked at in the gaps of one file; a file with more is taken as it is.
const MAX_NODES: usize = 1_000;

/// Bytes of a node up to the end of its length.
const HEAD: u64 = 12;

/// Notes the surplus bytes of every file of `files` that something refers to. All that could refer to
/// them must have been seen.
///
/// # Errors
/// `Store`.
pub fn find(store: &dyn Store, files: &mut Files) -> Result<()> {
    for file in &mut files.files {
        let Some(size) = file.size.filter(|_| file.is_used() && !file.is_pointer) else {
            continue;
        };
        let mut nodes = 0;
        for (start, end) in file.runs.gaps(size) {
            let rest = behind_nodes(store, &file.path, (start, end), &mut nodes)?;
            let (at, bytes) = file.surplus.unwrap_or((rest, 0));
            if rest < end {
                let bytes = bytes.saturating_add(end.saturating_sub(rest));
                file.surplus = Some((at, bytes));
            }
        }
    }
    Ok(())
}

/// Where in a gap the nodes end that it begins with; at its end if it holds nothing else.
fn behind_nodes(
    store: &dyn Store,
    path: &StorePath,
    (start, end): (u64, u64),
    nodes: &mut usize,
) -> Result<u64> {
    let mut at = start;
    while at < end {
        *nodes = nodes.saturating_add(1);
        if *nodes > MAX_NODES {
            return Ok(end);
        }
        match head(store, path, at, end)? {
            Some(length) => at = at.saturating_add(length),
            None => return Ok(at),
        }
    }
    Ok(at)
}

/// The length of the node at a place, which must end before `end`; `None` if there is none.
fn head(store: &dyn Store, path: &StorePath, at: u64, end: u64) -> Result<Option<u64>> {
    let left = end.saturating_sub(at);
    if left < HEAD {
        return Ok(None);
    }
    let bytes = match store.fetch_one(Want::range(path.clone(), at, HEAD)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        // The file is another one by now.
        Err(_) => return Ok(Some(left)),
    };
    let mut cursor = Cursor::new(&bytes, Offset::File(at));
    let magic = u32::from_be_bytes(cursor.array()?);
    let length = cursor.u64_le()?;
    let is_node = [Content::BtreeNode, Content::VersionNode]
        .iter()
        .any(|content| content.magic() == magic);
    Ok((is_node && (HEAD..=left).contains(&length)).then_some(length))
}

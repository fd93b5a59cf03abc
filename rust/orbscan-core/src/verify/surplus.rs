//! Bytes of data files that belong to no version of a database.
//!
//! A data file is a sequence of values and nodes. Nodes of superseded versions stay in it and can
//! be recognised by their heads; anything else that nothing refers to was added later.

use super::files::Files;
use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{ErrorKind, Offset, Result};
use crate::ocdbt::envelope::Content;
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};

/// The most nodes that are examined in the gaps of one file; a file with more is not checked.
const MAX_NODES: usize = 1_000;

/// Bytes of a node up to the end of its length.
const HEAD: u64 = 12;

/// Bytes that are read at a position: several nodes may be that small.
const WINDOW: u64 = 4 << 10;

/// Positions that are examined together.
const AT_ONCE: usize = 1_024;

/// Notes the surplus bytes of every file of `files` that something refers to. Everything that could
/// refer to them must have been seen. The next nodes of all files are examined together.
///
/// # Errors
/// `Store`.
pub fn find(store: &dyn Store, files: &mut Files) -> Result<()> {
    let mut gaps: Vec<Gap> = Vec::new();
    let mut nodes = vec![0_usize; files.files.len()];
    for (number, file) in files.files.iter().enumerate() {
        if let Some(size) = file.size.filter(|_| file.is_used() && !file.is_pointer) {
            let own = file.runs.gaps(size).into_iter();
            gaps.extend(own.map(|(at, end)| Gap {
                file: number,
                at,
                end,
                is_open: true,
            }));
        }
    }
    loop {
        let mut open: Vec<&mut Gap> = gaps.iter_mut().filter(|gap| gap.is_open()).collect();
        if open.is_empty() {
            break;
        }
        for some in open.chunks_mut(AT_ONCE) {
            let wants = some.iter().filter_map(|gap| {
                let path = &files.files.get(gap.file)?.path;
                Some(gap.want(path))
            });
            let answers = store.fetch(&wants.collect::<Vec<_>>());
            for (gap, answer) in some.iter_mut().zip(answers) {
                let Some(nodes) = nodes.get_mut(gap.file) else {
                    continue;
                };
                match answer {
                    Ok(bytes) => gap.pass(&bytes, nodes)?,
                    Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                    // The file has been replaced in the meantime.
                    Err(_) => gap.at = gap.end,
                }
            }
        }
    }
    for gap in gaps.iter().filter(|gap| gap.at < gap.end) {
        if let Some(file) = files.files.get_mut(gap.file) {
            let (at, bytes) = file.surplus.unwrap_or((gap.at, 0));
            let bytes = bytes.saturating_add(gap.end.saturating_sub(gap.at));
            file.surplus = Some((at, bytes));
        }
    }
    Ok(())
}

/// Bytes that nothing refers to.
struct Gap {
    file: usize,
    /// The end of the nodes that were examined.
    at: u64,
    end: u64,
    /// Whether more nodes may follow.
    is_open: bool,
}

impl Gap {
    fn left(&self) -> u64 {
        self.end.saturating_sub(self.at)
    }

    fn is_open(&self) -> bool {
        self.is_open && self.left() >= HEAD
    }

    fn want(&self, path: &StorePath) -> Want {
        Want::range(path.clone(), self.at, self.left().min(WINDOW))
    }

    /// Skips the nodes whose heads are among these bytes, which begin at the current position.
    fn pass(&mut self, bytes: &Bytes, nodes: &mut usize) -> Result<()> {
        let begin = self.at;
        while self.is_open() {
            let past = self.at.saturating_sub(begin);
            if past.saturating_add(HEAD) > to_u64(bytes.len()) {
                // If there is a head, it is always skipped completely.
                self.is_open = past > 0;
                return Ok(());
            }
            *nodes = nodes.saturating_add(1);
            if *nodes > MAX_NODES {
                self.at = self.end;
                return Ok(());
            }
            let rest = bytes.get(to_usize(past)..).unwrap_or_default();
            match length_of_node(rest, self.at)? {
                Some(length) if (HEAD..=self.left()).contains(&length) => {
                    self.at = self.at.saturating_add(length);
                }
                _ => self.is_open = false,
            }
        }
        Ok(())
    }
}

/// The length of a node according to its head; `None` if it is not a head.
fn length_of_node(head: &[u8], at: u64) -> Result<Option<u64>> {
    let mut cursor = Cursor::new(head, Offset::File(at));
    let magic = u32::from_be_bytes(cursor.array()?);
    let length = cursor.u64_le()?;
    let mut contents = [Content::BtreeNode, Content::VersionNode].iter();
    Ok(contents
        .any(|content| content.magic() == magic)
        .then_some(length))
}

//! Interior nodes: which children can hold a wanted key.

use std::cmp::Ordering;
use std::ops::Range;

use super::keys::{Bounds, Keys};
use super::leaf::compare;
use super::strings::{Step, Strings};
use super::varint::Varints;
use super::{Reference, Statistics};
use crate::cursor::Cursor;
use crate::error::{Error, Result, counted};

/// A child that can hold a wanted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Which of the wanted keys it can hold.
    pub wanted: Range<usize>,
    /// The bounds of its keys. The stripped prefix counts from the root.
    pub bounds: Bounds,
    /// Where it lies.
    pub reference: Reference,
    /// What it holds, according to its parent.
    pub statistics: Statistics,
    /// The index of its entry in the parent.
    entry: u64,
}

/// The entries of an interior node. The positions of its key columns are known; nothing in them has
/// been checked.
#[derive(Clone, Debug)]
pub struct Interior<'a> {
    count: u64,
    files: u64,
    prefix_lengths: Varints<'a>,
    suffix_lengths: Varints<'a>,
    /// How many bytes of its key each child strips from its own keys.
    common_prefix_lengths: Varints<'a>,
    /// From the key suffixes to the end of the body.
    rest: Cursor<'a>,
}

impl<'a> Interior<'a> {
    /// Locates the key columns of `count` entries; `files` is the size of the data file table.
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64, files: u64) -> Result<Self> {
        let shared = count.saturating_sub(1);
        Ok(Self {
            count,
            files,
            prefix_lengths: Varints::take(cursor, shared, "key prefix lengths")?,
            suffix_lengths: Varints::take(cursor, count, "key suffix lengths")?,
            common_prefix_lengths: Varints::take(cursor, count, "common prefix lengths")?,
            rest: cursor.clone(),
        })
    }

    /// The number of children.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The children that can hold one of the `wanted` keys. These must be sorted, and come without
    /// the prefix that the keys of the node lack.
    ///
    /// # Errors
    /// `Malformed` if anything is wrong with any entry, whether it is needed or not.
    pub fn select(&self, bounds: &Bounds, wanted: &[&[u8]]) -> Result<Vec<Child>> {
        let mut selection = Selection::new(self, bounds, wanted);
        while let Some(step) = selection.keys.read()? {
            selection.pass(step)?;
        }
        selection.leave(None);
        let suffixes = selection.keys.position();
        let mut children = selection.children;
        self.fill_in(&mut children, suffixes)?;
        Ok(children)
    }

    /// Passes every child to `visitor`, in order: its key, without the prefix that the node lacks,
    /// and its bounds. No wanted keys are assigned to them.
    ///
    /// # Errors
    /// `Malformed` if anything is wrong with any entry, perhaps after some were passed on; whatever
    /// `visitor` returns.
    pub fn visit(
        &self,
        bounds: &Bounds,
        mut visitor: impl FnMut(&[u8], Child) -> Result<()>,
    ) -> Result<()> {
        // The columns after the keys begin where these end, so the keys are read once to find the
        // end.
        let mut keys = self.keys(bounds);
        while let Some(step) = keys.read()? {
            keys.apply(step);
        }
        let mut columns = Columns::take(self, keys.position())?;
        let mut keys = self.keys(bounds);
        let mut common_prefix_lengths = self.common_prefix_lengths.clone();
        let mut before: Option<(Vec<u8>, Child)> = None;
        for entry in 0..self.count {
            let Some(step) = keys.read()? else { break };
            let stripped = take_stripped(&mut common_prefix_lengths, step)?;
            keys.apply(step);
            let key = keys.current();
            if let Some((key_before, mut child)) = before.take() {
                child.bounds.upper = bound_above(&key_before, &child, bounds, Some(key));
                visitor(&key_before, child)?;
            }
            let (reference, statistics) = columns.next()?;
            let child = Child {
                wanted: 0..0,
                bounds: Bounds {
                    stripped: bounds.stripped.saturating_add(stripped),
                    lower: key.get(stripped..).unwrap_or_default().to_vec(),
                    upper: None,
                },
                reference,
                statistics,
                entry,
            };
            before = Some((key.to_vec(), child));
        }
        if let Some((key, mut child)) = before {
            child.bounds.upper = bound_above(&key, &child, bounds, None);
            visitor(&key, child)?;
        }
        Ok(())
    }

    fn keys<'b>(&self, bounds: &'b Bounds) -> Keys<'a, 'b> {
        let strings = Strings::new(
            self.prefix_lengths.clone(),
            self.suffix_lengths.clone(),
            &self.rest,
            self.count,
        );
        Keys::new(strings, bounds)
    }

    /// Checks the columns after the keys, and copies the values of the selected children.
    fn fill_in(&self, children: &mut [Child], suffixes: usize) -> Result<()> {
        let mut columns = Columns::take(self, suffixes)?;
        let mut children = children.iter_mut().peekable();
        for entry in 0..self.count {
            let (reference, statistics) = columns.next()?;
            if let Some(child) = children.next_if(|child| child.entry == entry) {
                child.reference = reference;
                child.statistics = statistics;
            }
        }
        Ok(())
    }
}

/// How many bytes of its key a child strips.
fn take_stripped(lengths: &mut Varints<'_>, step: Step<'_>) -> Result<usize> {
    let at = lengths.offset();
    let stripped = lengths.next_u16()?;
    if stripped > step.length() {
        return Err(Error::malformed(
            at,
            format!(
                "child strips {} off a key of {}",
                counted(stripped, "byte", "bytes"),
                step.length()
            ),
        ));
    }
    Ok(stripped)
}

/// The upper bound of the keys of a child, given the key of the next child, if there is one.
fn bound_above(key: &[u8], child: &Child, own: &Bounds, next: Option<&[u8]>) -> Option<Vec<u8>> {
    let stripped = key.len().saturating_sub(child.bounds.lower.len());
    let prefix = key.get(..stripped).unwrap_or_default();
    let upper = next.or(own.upper.as_deref())?;
    upper.strip_prefix(prefix).map(<[u8]>::to_vec)
}

/// The columns after the keys.
struct Columns<'a> {
    table: u64,
    files: Varints<'a>,
    offsets: Varints<'a>,
    lengths: Varints<'a>,
    keys: Varints<'a>,
    tree_bytes: Varints<'a>,
    value_bytes: Varints<'a>,
}

impl<'a> Columns<'a> {
    /// Locates the columns, given the total length of all key suffixes.
    fn take(node: &Interior<'a>, suffixes: usize) -> Result<Self> {
        let mut cursor = node.rest.clone();
        cursor.take(suffixes)?;
        let mut column = |what| Varints::take(&mut cursor, node.count, what);
        let columns = Self {
            table: node.files,
            files: column("data files of children")?,
            offsets: column("offsets of children")?,
            lengths: column("lengths of children")?,
            keys: column("key counts of children")?,
            tree_bytes: column("tree bytes of children")?,
            value_bytes: column("value bytes of children")?,
        };
        cursor.finish()?;
        Ok(columns)
    }

    /// The reference and the statistics of the next entry.
    fn next(&mut self) -> Result<(Reference, Statistics)> {
        let at = self.files.offset();
        let reference = Reference {
            file: self.files.next_u64()?,
            offset: self.offsets.next_u64()?,
            length: self.lengths.next_u64()?,
        };
        let statistics = Statistics {
            keys: self.keys.next_u64()?,
            tree_bytes: self.tree_bytes.next_u64()?,
            indirect_value_bytes: self.value_bytes.next_u64()?,
        };
        Ok((reference.check(self.table, at)?, statistics))
    }
}

/// The merge of the sorted keys of an interior node with the sorted wanted keys.
///
/// Child i holds the keys from k(i) up to k(i+1), so the wanted keys that it can hold are known
/// once k(i+1) is read: those in between that begin with the prefix that the child strips.
struct Selection<'a, 'b, 'w> {
    keys: Keys<'a, 'b>,
    common_prefix_lengths: Varints<'a>,
    bounds: &'b Bounds,
    wanted: &'w [&'w [u8]],
    /// The first wanted key that is not less than the current key.
    next: usize,
    /// As in a leaf: a key that shares at least this much with the one before is less than the next
    /// wanted key, because that one was.
    compare_below: usize,
    /// How many bytes the current child strips; `None` before the first child.
    stripped: Option<usize>,
    entry: u64,
    children: Vec<Child>,
}

impl<'a, 'b, 'w> Selection<'a, 'b, 'w> {
    fn new(node: &Interior<'a>, bounds: &'b Bounds, wanted: &'w [&'w [u8]]) -> Self {
        Self {
            keys: node.keys(bounds),
            common_prefix_lengths: node.common_prefix_lengths.clone(),
            bounds,
            wanted,
            next: 0,
            compare_below: usize::from(!wanted.is_empty()),
            stripped: None,
            entry: 0,
            children: Vec::new(),
        }
    }

    /// Moves on to the next key.
    fn pass(&mut self, step: Step<'a>) -> Result<()> {
        let stripped = take_stripped(&mut self.common_prefix_lengths, step)?;
        if step.shared < self.compare_below
            && let Some(wanted) = self.wanted.get(self.next)
        {
            // The shared bytes are those of the previous key, which shares them with the wanted
            // key; the rest decides.
            let rest = wanted.get(step.shared..).unwrap_or_default();
            let (order, common) = compare(step.suffix, rest, 0);
            self.compare_below = step.shared.saturating_add(common).saturating_add(1);
            if order == Ordering::Greater {
                let shared = self.keys.current().get(..step.shared).unwrap_or_default();
                let key = [shared, step.suffix].concat();
                self.leave(Some(&key));
            }
        }
        self.stripped = Some(stripped);
        self.keys.apply(step);
        self.entry = self.entry.saturating_add(1);
        Ok(())
    }

    /// Moves from the current child to the one that begins at `end`: selects the current one if it
    /// can hold a wanted key.
    fn leave(&mut self, end: Option<&[u8]>) {
        let first = self.next;
        self.compare_below = 0;
        while let Some(wanted) = self.wanted.get(self.next) {
            if let Some(end) = end {
                let (order, common) = compare(end, wanted, 0);
                if order != Ordering::Greater {
                    self.compare_below = common.saturating_add(1);
                    break;
                }
            }
            self.next = self.next.saturating_add(1);
        }
        // Keys before the first one are in no child.
        let Some(stripped) = self.stripped else {
            return;
        };
        let (prefix, lower) = self
            .keys
            .current()
            .split_at_checked(stripped)
            .unwrap_or_default();
        // The wanted keys are sorted, so those that begin with the prefix are neighbours; and all
        // of them are at least the key of the child, so none of them is less than the prefix.
        let holds = self.wanted.get(first..self.next).unwrap_or_default();
        let count = holds.partition_point(|key| key.starts_with(prefix));
        if count == 0 {
            return;
        }
        let upper = end.or(self.bounds.upper.as_deref());
        self.children.push(Child {
            wanted: first..first.saturating_add(count),
            bounds: Bounds {
                stripped: self.bounds.stripped.saturating_add(stripped),
                lower: lower.to_vec(),
                upper: upper
                    .and_then(|key| key.strip_prefix(prefix))
                    .map(<[u8]>::to_vec),
            },
            reference: Reference {
                file: 0,
                offset: 0,
                length: 0,
            },
            statistics: Statistics::default(),
            entry: self.entry.saturating_sub(1),
        });
    }
}

#[cfg(test)]
mod tests;

//! Leaf nodes: keys and their values.
//!
//! Orbax lets a leaf grow to 100 MB, so nearly every checkpoint is one leaf with a key for each
//! chunk of each array, while a reader of metadata wants only a few of them. So a leaf is read in
//! place: its columns are located, then read twice, first the keys, then the values, without a list
//! of entries in between. Every entry is checked, but only a wanted one costs an allocation.

use std::cmp::Ordering;

use super::keys::{Bounds, Keys};
use super::strings::Strings;
use super::values::{Hit, Value, Values};
use super::varint::Varints;
use crate::cursor::{Cursor, to_usize};
use crate::error::Result;
use crate::interrupt;

/// The entries of a leaf. The positions of its key columns are known; nothing in them has been
/// checked.
#[derive(Clone, Debug)]
pub struct Leaf<'a> {
    count: u64,
    files: u64,
    prefix_lengths: Varints<'a>,
    suffix_lengths: Varints<'a>,
    /// From the key suffixes to the end of the body.
    rest: Cursor<'a>,
}

impl<'a> Leaf<'a> {
    /// Locates the key columns of `count` entries; `files` is the size of the data file table.
    pub(super) fn take(cursor: &mut Cursor<'a>, count: u64, files: u64) -> Result<Self> {
        let shared = count.saturating_sub(1);
        Ok(Self {
            count,
            files,
            prefix_lengths: Varints::take(cursor, shared, "key prefix lengths")?,
            suffix_lengths: Varints::take(cursor, count, "key suffix lengths")?,
            rest: cursor.clone(),
        })
    }

    /// The number of entries.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Finds those of the `wanted` keys that are in the leaf. They must be sorted, and come without
    /// the prefix that the keys of the leaf lack.
    ///
    /// # Errors
    /// `Malformed` if anything is wrong with any entry, wanted or not.
    pub fn find(&self, bounds: &Bounds, wanted: &[&[u8]]) -> Result<Vec<Hit<'a>>> {
        let mut keys = self.keys(bounds);
        let found = merge(&mut keys, wanted)?;
        self.values(keys.position())?.select(&found)
    }

    /// Passes every entry to `visitor`: its key, without the prefix that the node lacks, and its
    /// value.
    ///
    /// # Errors
    /// `Malformed` if anything is wrong with any entry, perhaps after some were passed on; whatever
    /// `visitor` returns.
    pub fn visit(
        &self,
        bounds: &Bounds,
        mut visitor: impl FnMut(&[u8], Value<'a>) -> Result<()>,
    ) -> Result<()> {
        // The values begin where the keys end, so the keys are read once to find the end.
        let mut keys = self.keys(bounds);
        merge(&mut keys, &[])?;
        let values = self.values(keys.position())?;
        let mut keys = self.keys(bounds);
        values.each(|_, value| {
            interrupt::check()?;
            if let Some(step) = keys.read()? {
                keys.apply(step);
            }
            visitor(keys.current(), value)
        })
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

    /// The values, given the total length of all key suffixes.
    fn values(&self, suffixes: usize) -> Result<Values<'a>> {
        let mut cursor = self.rest.clone();
        cursor.take(suffixes)?;
        Values::take(&mut cursor, self.count, self.files)
    }
}

/// Reads all keys and finds the wanted ones: pairs of entry and wanted key, both increasing.
///
/// A key is rarely compared at all. Suppose that the previous key was less than the next wanted
/// key, and that the first `common` bytes of the two were the same. A key that shares more than
/// that with the previous key differs from the wanted key in the same byte, in the same direction,
/// so it is less, too, and `common` still holds. All chunks of one array share its whole name; so
/// unless the wanted key is in the same array, they are skipped.
fn merge(keys: &mut Keys<'_, '_>, wanted: &[&[u8]]) -> Result<Vec<(usize, usize)>> {
    let mut found = Vec::with_capacity(wanted.len());
    let mut next = 0;
    // A key is compared if it shares less than this: `common` and one, or nothing if no wanted keys
    // are left. The first key shares nothing.
    let mut compare_below = usize::from(!wanted.is_empty());
    loop {
        keys.pass_plain(compare_below);
        let index = to_usize(keys.next_index());
        interrupt::check()?;
        let Some(step) = keys.read()? else {
            return Ok(found);
        };
        keys.apply(step);
        if step.shared >= compare_below {
            continue;
        }
        compare_below = 0;
        // What the previous key had in common with the next wanted key, this key has in common with
        // it, too; so long keys are not compared from the start again and again.
        let mut known = step.shared;
        while let Some(key) = wanted.get(next) {
            let (order, common) = compare(keys.current(), key, known);
            known = 0;
            match order {
                Ordering::Less => {
                    compare_below = common.saturating_add(1);
                    break;
                }
                Ordering::Equal => found.push((index, next)),
                Ordering::Greater => {}
            }
            next = next.saturating_add(1);
        }
    }
}

/// The order of two keys, and the length of their common prefix, of which the first `known` bytes
/// are known to be equal.
pub(super) fn compare(left: &[u8], right: &[u8], known: usize) -> (Ordering, usize) {
    let left = left.get(known..).unwrap_or_default();
    let right = right.get(known..).unwrap_or_default();
    let common = common_prefix(left, right);
    let order = left.get(common).cmp(&right.get(common));
    (order, common.saturating_add(known))
}

/// The length of the common prefix of two keys, counted eight bytes at a time.
fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let (left_words, _) = left.as_chunks::<8>();
    let (right_words, _) = right.as_chunks::<8>();
    let mut words = left_words.iter().zip(right_words);
    let same = words.position(|(left, right)| left != right);
    let same = same
        .unwrap_or(left_words.len().min(right_words.len()))
        .saturating_mul(8);
    let tail = left.get(same..).unwrap_or_default().iter();
    let more = tail.zip(right.get(same..).unwrap_or_default());
    same.saturating_add(more.take_while(|(left, right)| left == right).count())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::error::{ErrorKind, Offset};
    use crate::limits::Limits;
    use crate::ocdbt::Reference;
    use crate::ocdbt::btree::{Entries, Node};
    use crate::ocdbt::envelope::{self, Body, Content};
    use crate::testing::ocdbt_writer::{Packing, seal};

    const AT: Offset = Offset::File(1_000);

    /// Keys `ab` and `ac`; an indirect value of five bytes and the inline value `hi`.
    const BODY: &[u8] = b"\0\x01\x03\0d/x\x02\x01\x02\x01abc\x05\x02\x01\0\0\x07hi";

    fn body(bytes: &[u8]) -> Body {
        let node = Bytes::from(seal(Content::BtreeNode, bytes, Packing::Plain));
        envelope::open(&node, Content::BtreeNode, AT, &Limits::default()).unwrap()
    }

    fn with_leaf<T>(bytes: &[u8], read: impl Fn(Leaf<'_>) -> Result<T>) -> Result<T> {
        let body = body(bytes);
        match Node::decode(&body, Bytes::new(), 0)?.entries {
            Entries::Leaf(leaf) => read(leaf),
            Entries::Interior(_) => panic!("a leaf has height 0"),
        }
    }

    fn find(bytes: &[u8], bounds: &Bounds, wanted: &[&[u8]]) -> Result<usize> {
        with_leaf(bytes, |leaf| Ok(leaf.find(bounds, wanted)?.len()))
    }

    /// `BODY` with the `cut` bytes from `at` on replaced by `patch`.
    fn patched(at: usize, cut: usize, patch: &[u8]) -> Vec<u8> {
        [&BODY[..at], patch, &BODY[at + cut..]].concat()
    }

    #[test]
    fn finds_what_is_there() {
        let hits = with_leaf(BODY, |leaf| {
            let hits = leaf.find(
                &Bounds::default(),
                &[b"a", b"ab", b"ab", b"abc", b"ac", b"b"],
            )?;
            Ok(hits
                .iter()
                .map(|hit| (hit.wanted, format!("{:?}", hit.value)))
                .collect::<Vec<_>>())
        });
        let indirect = Value::Indirect(Reference {
            file: 0,
            offset: 7,
            length: 5,
        });
        let indirect = format!("{indirect:?}");
        let inline = format!("{:?}", Value::Inline(b"hi"));
        assert_eq!(
            hits.unwrap(),
            [(1, indirect.clone()), (2, indirect), (4, inline)]
        );
    }

    #[test]
    fn shows_every_entry() {
        let shown = with_leaf(BODY, |leaf| {
            let mut shown = Vec::new();
            leaf.visit(&Bounds::default(), |key, value| {
                shown.push((key.to_vec(), matches!(value, Value::Inline(b"hi"))));
                Ok(())
            })?;
            Ok(shown)
        });
        assert_eq!(
            shown.unwrap(),
            [(b"ab".to_vec(), false), (b"ac".to_vec(), true)]
        );
    }

    #[test]
    fn refusals_name_the_byte() {
        for (name, at, bytes) in [
            ("height of an interior node", 0, patched(0, 1, &[1])),
            ("no entries", 7, patched(7, 1, &[0])),
            (
                "more entries than any node has",
                7,
                patched(7, 1, &[0x81, 0x80, 0x40]),
            ),
            ("more entries than bytes", 8, patched(7, 1, &[100])),
            (
                "a prefix longer than the key before",
                13,
                patched(8, 1, &[3]),
            ),
            (
                "a prefix length of 17 bits",
                8,
                patched(8, 1, &[0x80, 0x80, 0x04]),
            ),
            (
                "a suffix length of 17 bits",
                10,
                patched(10, 1, &[0x80, 0x80, 0x04]),
            ),
            ("a suffix that is cut off", 13, patched(10, 1, &[99])),
            ("the same key again", 13, patched(13, 1, b"b")),
            ("a lesser key", 13, patched(13, 1, b"a")),
            (
                "a key that is a prefix of the one before",
                13,
                patched(10, 1, &[0]),
            ),
            (
                "an inline value above the limit",
                15,
                patched(15, 1, &[0x81, 0x80, 0x40]),
            ),
            (
                "a length of 65 bits",
                14,
                patched(14, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
            ),
            (
                "an end past 2^63",
                27,
                patched(14, 1, b"\xf9\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
            ),
            ("a value of kind 2", 17, patched(17, 1, &[2])),
            ("a file that is not in the table", 18, patched(18, 1, &[1])),
            (
                "a file number of two bytes that is not in the table",
                18,
                patched(18, 1, &[0x80, 1]),
            ),
            ("an inline value that is cut off", 20, patched(15, 1, &[3])),
            ("bytes after the last value", 21, patched(15, 1, &[1])),
        ] {
            for wanted in [&[][..], &[&b"ab"[..], b"ac"]] {
                let error = find(&bytes, &Bounds::default(), wanted).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Malformed, "{name}: {error}");
                assert_eq!(error.offset(), Some(AT.plus(14 + at)), "{name}: {error}");
            }
        }
    }

    #[test]
    fn every_prefix_of_a_body_is_refused() {
        for end in 0..BODY.len() {
            assert!(
                find(&BODY[..end], &Bounds::default(), &[]).is_err(),
                "{end}"
            );
        }
    }

    #[test]
    fn keys_must_keep_within_the_bounds_of_their_parent() {
        let bounds = |stripped, lower: &[u8], upper: Option<&[u8]>| Bounds {
            stripped,
            lower: lower.to_vec(),
            upper: upper.map(<[u8]>::to_vec),
        };
        assert_eq!(
            find(BODY, &bounds(9, b"ab", Some(b"ad")), &[b"ac"]).unwrap(),
            1
        );
        for (at, bounds) in [
            (11, bounds(0, b"abc", None)),
            (13, bounds(0, b"", Some(b"ac"))),
            (11, bounds(65_534, b"", None)),
        ] {
            let error = find(BODY, &bounds, &[b"ac"]).unwrap_err();
            assert_eq!(error.offset(), Some(AT.plus(14 + at)), "{error}");
        }
    }
}

//! B+tree nodes: the head that leaves and interior nodes share.

use bytes::Bytes;

use super::data_files::DataFileTable;
use super::envelope::Body;
use super::interior::Interior;
use super::leaf::Leaf;
use super::varint;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_NODE_ENTRIES;

/// A node whose columns have been located; [`Leaf::find`], [`Leaf::visit`] and
/// [`Interior::select`] check them as they read them.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// How many levels of nodes lie under it.
    pub height: u8,
    /// The files that its entries refer to.
    pub files: DataFileTable<'a>,
    /// Its entries.
    pub entries: Entries<'a>,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Entries<'a> {
    /// Keys and values, in a node of height 0.
    Leaf(Leaf<'a>),
    /// Keys and children, in any other.
    Interior(Interior<'a>),
}

impl<'a> Node<'a> {
    /// Decodes the head of a node that was read through a data file with the base `inherited`, and
    /// whose `height` is known from its parent.
    ///
    /// # Errors
    /// `Malformed` if the height is another, there is no entry, or the data file table is wrong.
    ///
    /// Source: tensorstore `ocdbt/index.rst`, "B+tree node format"; the checks are in
    /// `format/btree.cc`.
    pub fn decode(body: &'a Body, inherited: Bytes, height: u8) -> Result<Self> {
        let mut cursor = body.cursor();
        let at = cursor.offset();
        let found = cursor.u8()?;
        if found != height {
            return Err(Error::malformed(
                at,
                format!("node of height {found}, its parent says {height}"),
            ));
        }
        let files = DataFileTable::take(&mut cursor, inherited)?;
        let at = cursor.offset();
        let count = varint::read_u32(&mut cursor)?;
        if count == 0 {
            return Err(Error::malformed(at, "node without entries"));
        }
        if count > MAX_NODE_ENTRIES {
            let reason = format!("node of {count} entries, the limit is {MAX_NODE_ENTRIES}");
            return Err(Error::new(ErrorKind::Malformed, reason).at(at));
        }
        let count = u64::from(count);
        let entries = match height {
            0 => Entries::Leaf(Leaf::take(&mut cursor, count, files.count())?),
            _ => Entries::Interior(Interior::take(&mut cursor, count, files.count())?),
        };
        Ok(Self {
            height,
            files,
            entries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;
    use crate::limits::Limits;
    use crate::ocdbt::Reference;
    use crate::ocdbt::envelope::{self, Content};
    use crate::ocdbt::keys::Bounds;
    use crate::ocdbt::values::Value;

    /// A leaf as tensorstore wrote it, without compression, at offset 38 of its data file: the one
    /// that the manifest in the tests of `manifest.rs` refers to.
    #[rustfmt::skip]
    const LEAF: &[u8] = &[
        // magic, length 95, version 0, no compression
        0x0c, 0xdb, 0x20, 0xde, 0x5f, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        // height 0; one file, its suffix length 34, its base length 0
        0x00, 0x01, 0x22, 0x00,
        // d/387b87d99d2a487839ceedd551aadd5a
        0x64, 0x2f, 0x33, 0x38, 0x37, 0x62, 0x38, 0x37, 0x64, 0x39, 0x39, 0x64, 0x32, 0x61, 0x34,
        0x38, 0x37, 0x38, 0x33, 0x39, 0x63, 0x65, 0x65, 0x64, 0x64, 0x35, 0x35, 0x31, 0x61, 0x61,
        0x64, 0x64, 0x35, 0x61,
        // three entries; key prefix lengths; key suffix lengths
        0x03, 0x02, 0x04, 0x09, 0x03, 0x01,
        // w/.zarray, (w/)0.0, (w/0.)1
        0x77, 0x2f, 0x2e, 0x7a, 0x61, 0x72, 0x72, 0x61, 0x79, 0x30, 0x2e, 0x30, 0x31,
        // value lengths; kinds; files and offsets of the indirect values
        0x0a, 0x14, 0x12, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x14,
        // {"meta":1}
        0x7b, 0x22, 0x6d, 0x65, 0x74, 0x61, 0x22, 0x3a, 0x31, 0x7d,
        // checksum
        0xf6, 0xb4, 0xb9, 0xb7,
    ];

    fn open(bytes: &[u8]) -> Result<Body> {
        let bytes = Bytes::copy_from_slice(bytes);
        envelope::open(
            &bytes,
            Content::BtreeNode,
            Offset::File(38),
            &Limits::default(),
        )
    }

    #[test]
    fn a_leaf_of_tensorstore_reads_byte_for_byte() {
        let body = open(LEAF).unwrap();
        let node = Node::decode(&body, Bytes::new(), 0).unwrap();
        let files = node.files.resolve([0], &Limits::default()).unwrap();
        assert_eq!(
            files[&0].path.as_str(),
            "d/387b87d99d2a487839ceedd551aadd5a"
        );
        assert_eq!(files[&0].base, "");
        let Entries::Leaf(leaf) = node.entries else {
            panic!("height 0 is a leaf");
        };
        let mut shown = Vec::new();
        leaf.visit(&Bounds::default(), |key, value| {
            shown.push((String::from_utf8(key.to_vec()).unwrap(), value));
            Ok(())
        })
        .unwrap();
        let indirect = |offset, length| {
            Value::Indirect(Reference {
                file: 0,
                offset,
                length,
            })
        };
        let expected = [
            ("w/.zarray".to_owned(), Value::Inline(b"{\"meta\":1}")),
            ("w/0.0".to_owned(), indirect(0, 20)),
            ("w/0.1".to_owned(), indirect(20, 18)),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused() {
        for end in 0..LEAF.len() {
            assert!(open(&LEAF[..end]).is_err(), "{end}");
        }
        for bit in 0..LEAF.len() * 8 {
            let mut bytes = LEAF.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bytes).is_err(), "{bit}");
        }
    }
}

use bytes::Bytes;

use super::*;
use crate::error::{ErrorKind, Offset};
use crate::limits::Limits;
use crate::ocdbt::btree::{Entries, Node};
use crate::ocdbt::envelope::{self, Content};
use crate::testing::ocdbt_writer::{Packing, seal};

const AT: Offset = Offset::File(1_000);

/// Children at `ab`, which strips `a`, and at `ca`, which strips `ca`.
const BODY: &[u8] =
    b"\x01\x01\x03\0d/x\x02\0\x02\x02\x01\x02abca\0\0\x05\x63\x10\x11\x03\x04\x20\x21\0\0";

fn select(bytes: &[u8], bounds: &Bounds, wanted: &[&[u8]]) -> Result<Vec<Child>> {
    let node = Bytes::from(seal(Content::BtreeNode, bytes, Packing::Plain));
    let body = envelope::open(&node, Content::BtreeNode, AT, &Limits::default()).unwrap();
    match Node::decode(&body, Bytes::new(), 1)?.entries {
        Entries::Interior(interior) => interior.select(bounds, wanted),
        Entries::Leaf(_) => panic!("a leaf has height 0"),
    }
}

fn patched(at: usize, cut: usize, patch: &[u8]) -> Vec<u8> {
    [&BODY[..at], patch, &BODY[at + cut..]].concat()
}

#[test]
fn a_child_is_told_what_its_keys_must_be() {
    let bounds = Bounds {
        stripped: 7,
        lower: b"aa".to_vec(),
        upper: Some(b"cax".to_vec()),
    };
    let children = select(BODY, &bounds, &[b"abba", b"axe", b"cab"]).unwrap();
    let [first, second] = children.as_slice() else {
        panic!("{children:?}");
    };
    assert_eq!(first.wanted, 0..2);
    // The next key does not begin with the stripped prefix of this child, so it is not a bound.
    let bounds = Bounds {
        stripped: 8,
        lower: b"b".to_vec(),
        upper: None,
    };
    assert_eq!(first.bounds, bounds);
    assert_eq!(
        first.reference,
        Reference {
            file: 0,
            offset: 5,
            length: 16
        }
    );
    assert_eq!(second.wanted, 2..3);
    let bounds = Bounds {
        stripped: 9,
        lower: Vec::new(),
        upper: Some(b"x".to_vec()),
    };
    assert_eq!(second.bounds, bounds);
    assert_eq!(
        second.reference,
        Reference {
            file: 0,
            offset: 99,
            length: 17
        }
    );
    assert_eq!(
        second.statistics,
        Statistics {
            keys: 4,
            tree_bytes: 33,
            indirect_value_bytes: 0
        }
    );
}

#[test]
fn a_visit_shows_every_child_as_a_selection_would() {
    let node = Bytes::from(seal(Content::BtreeNode, BODY, Packing::Plain));
    let body = envelope::open(&node, Content::BtreeNode, AT, &Limits::default()).unwrap();
    let node = Node::decode(&body, Bytes::new(), 1).unwrap();
    let Entries::Interior(interior) = node.entries else {
        panic!("a node of height 1");
    };
    for upper in [None, Some(b"cax".to_vec()), Some(b"d".to_vec())] {
        let bounds = Bounds {
            stripped: 7,
            lower: b"aa".to_vec(),
            upper,
        };
        let selected = interior.select(&bounds, &[b"abba", b"cab"]).unwrap();
        let mut shown = Vec::new();
        let visit = interior.visit(&bounds, |key, child| {
            shown.push((
                key.to_vec(),
                child.bounds,
                child.reference,
                child.statistics,
            ));
            Ok(())
        });
        visit.unwrap();
        let keys = [b"ab".to_vec(), b"ca".to_vec()];
        let expected: Vec<_> = keys
            .into_iter()
            .zip(selected)
            .map(|(key, child)| (key, child.bounds, child.reference, child.statistics))
            .collect();
        assert_eq!(shown, expected);
    }
}

#[test]
fn only_children_that_can_hold_a_wanted_key_are_selected() {
    for (wanted, expected) in [
        (&[][..], &[][..]),
        (&["a", "aa"], &[]),
        (&["ab"], &[(0, 1)]),
        (&["aa", "ab", "az", "b", "c"], &[(1, 3)]),
        (&["b", "c", "cA"], &[]),
        (&["b", "ca", "caz", "cb"], &[(1, 3)]),
        (&["cb", "z"], &[]),
        (&["ab", "ab", "ca", "ca"], &[(0, 2), (2, 4)]),
    ] {
        let keys: Vec<&[u8]> = wanted.iter().map(|key| key.as_bytes()).collect();
        let children = select(BODY, &Bounds::default(), &keys).unwrap();
        let wanted_by = |child: &Child| (child.wanted.start, child.wanted.end);
        let ranges: Vec<_> = children.iter().map(wanted_by).collect();
        assert_eq!(ranges, expected, "{wanted:?}");
    }
}

#[test]
fn refusals_name_the_byte() {
    for (name, at, bytes) in [
        (
            "a child that strips more than its key",
            12,
            patched(12, 1, &[3]),
        ),
        ("a lesser key", 15, patched(15, 1, b"a")),
        (
            "a prefix longer than the key before",
            15,
            patched(8, 1, &[3]),
        ),
        ("a file that is not in the table", 18, patched(18, 1, &[1])),
        (
            "an end past 2^63",
            17,
            patched(19, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ),
        (
            "a statistic of 65 bits",
            27,
            patched(27, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
        ),
        ("a byte too many", 29, [BODY, b"x"].concat()),
    ] {
        for wanted in [&[][..], &[&b"ab"[..], b"ca"]] {
            let error = select(&bytes, &Bounds::default(), wanted).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{name}: {error}");
            assert_eq!(error.offset(), Some(AT.plus(14 + at)), "{name}: {error}");
        }
    }
    for end in 0..BODY.len() {
        assert!(
            select(&BODY[..end], &Bounds::default(), &[]).is_err(),
            "{end}"
        );
    }
}

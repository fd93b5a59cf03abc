//! The entry point of a database: its configuration and its newest versions.

use bytes::Bytes;

use super::data_files::{DataFile, DataFileTable};
use super::envelope::{self, Content};
use super::generations::Arity;
use super::varint;
use super::version_tree::{self, Root, Version, VersionNodeReference};
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::limits::Limits;

/// The name of the manifest in the directory of a database.
pub const FILE_NAME: &str = "manifest.ocdbt";

/// Where the state of a database is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// In the manifest itself.
    Single,
    /// In the numbered manifest with the greatest number, beside it.
    Numbered,
}

/// How nodes are compressed from now on. Each node says how it was compressed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// With zstd at a level.
    Zstd(i32),
}

/// How a database is written. A reader need not care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The same in all manifests of a database.
    pub uuid: [u8; 16],
    /// Where the state is.
    pub kind: ManifestKind,
    /// Longer values are stored outside the nodes.
    pub max_inline_value_bytes: u32,
    /// Nodes that decompress to more are split.
    pub max_decoded_node_bytes: u32,
    /// The arity of the tree of older versions.
    pub version_tree_arity: Arity,
    /// The compression of nodes.
    pub compression: Compression,
}

/// A decoded manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// How the database is written.
    pub config: Config,
    /// Its state; `None` if that is in numbered manifests.
    pub state: Option<State>,
}

/// The versions that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The newest versions, oldest first; the last one is the current state.
    pub versions: Vec<Version>,
    /// Where the older versions are, oldest first, and the files in which they lie, or why the path
    /// of one is refused: the current state can be read without them.
    pub version_tree: Vec<(VersionNodeReference, Result<DataFile>)>,
    /// The root of the current state and the file it lies in; `None` if the database is empty.
    pub root: Option<(Root, DataFile)>,
}

impl State {
    /// The number of the last commit.
    pub fn generation(&self) -> u64 {
        self.versions.last().map_or(0, |version| version.generation)
    }
}

impl Manifest {
    /// Decodes the content of a manifest file.
    ///
    /// # Errors
    /// As [`envelope::open`]; `Malformed` if versions contradict each other or the path of the root
    /// would leave the directory.
    ///
    /// Source: tensorstore `ocdbt/format/manifest.cc` and `config_codec.cc`. Where `index.rst` calls
    /// the kind a varint, the code and the bytes have one byte.
    pub fn decode(bytes: &Bytes, limits: &Limits) -> Result<Self> {
        let body = envelope::open(bytes, Content::Manifest, Offset::File(0), limits)?;
        let mut cursor = body.cursor();
        let config = Config::take(&mut cursor)?;
        let state = match config.kind {
            ManifestKind::Single => Some(take_state(&mut cursor, &config, limits)?),
            ManifestKind::Numbered => None,
        };
        cursor.finish()?;
        Ok(Self { config, state })
    }
}

impl Config {
    fn take(cursor: &mut Cursor<'_>) -> Result<Self> {
        Ok(Self {
            uuid: cursor.array()?,
            kind: take_kind(cursor)?,
            max_inline_value_bytes: varint::read_u32(cursor)?,
            max_decoded_node_bytes: varint::read_u32(cursor)?,
            version_tree_arity: Arity::take(cursor)?,
            compression: take_compression(cursor)?,
        })
    }
}

fn take_kind(cursor: &mut Cursor<'_>) -> Result<ManifestKind> {
    let at = cursor.offset();
    match cursor.u8()? {
        0 => Ok(ManifestKind::Single),
        1 => Ok(ManifestKind::Numbered),
        other => {
            Err(Error::new(ErrorKind::Unsupported, format!("manifest of kind {other}")).at(at))
        }
    }
}

fn take_compression(cursor: &mut Cursor<'_>) -> Result<Compression> {
    let at = cursor.offset();
    match varint::read_u32(cursor)? {
        0 => Ok(Compression::None),
        1 => Ok(Compression::Zstd(cursor.i32_le()?)),
        other => Err(Error::new(
            ErrorKind::Unsupported,
            format!("compression method {other}"),
        )
        .at(at)),
    }
}

fn take_state(cursor: &mut Cursor<'_>, config: &Config, limits: &Limits) -> Result<State> {
    let files = DataFileTable::take(cursor, Bytes::new())?;
    let arity = config.version_tree_arity;
    let versions = version_tree::take_versions(cursor, arity, files.count())?;
    let nodes = version_tree::take_manifest_nodes(cursor, arity, files.count(), &versions)?;
    let file = |id: u64| -> Result<DataFile> {
        let file = files.resolve([id], limits)?.remove(&id);
        // The references were checked against the table.
        file.ok_or_else(|| Error::new(ErrorKind::Malformed, format!("no data file {id}")))
    };
    let version_tree = nodes
        .into_iter()
        .map(|node| (node, file(node.reference.file)))
        .collect();
    let root = match versions.last().and_then(|version| version.root) {
        Some(root) => Some((root, file(root.reference.file)?)),
        None => None,
    };
    Ok(State {
        versions,
        version_tree,
        root,
    })
}

/// The number in the name of a numbered manifest: `manifest.` and sixteen lower-case hexadecimal
/// digits, not all zero. Other spellings are other files.
pub fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("manifest.")?;
    let spelled = digits.len() == 16
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let number = u64::from_str_radix(digits, 16).ok()?;
    (spelled && number != 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocdbt::{Reference, Statistics};
    use crate::testing::ocdbt_writer::{
        File, Packing, VersionEntry, config, file_table, seal, varint, version_nodes, versions,
    };

    /// A manifest as tensorstore wrote it, without compression.
    #[rustfmt::skip]
    const MANIFEST: &[u8] = &[
        // magic, length 134, version 0, no compression
        0x0c, 0xdb, 0x3a, 0x2a, 0x86, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        // uuid
        0x93, 0xb5, 0x0a, 0xab, 0xbb, 0xff, 0x48, 0xe4, 0x4c, 0xd6, 0x8c, 0x03, 0xa6, 0xe2, 0x1f, 0xfa,
        // single; inline limit 16; node limit 100,000,000; arity 2^4; no compression
        0x00, 0x10, 0x80, 0xc2, 0xd7, 0x2f, 0x04, 0x00,
        // two files: prefix length, suffix lengths, base lengths
        0x02, 0x00, 0x00, 0x22, 0x00, 0x00,
        // d/387b87d99d2a487839ceedd551aadd5a
        0x64, 0x2f, 0x33, 0x38, 0x37, 0x62, 0x38, 0x37, 0x64, 0x39, 0x39, 0x64, 0x32, 0x61, 0x34,
        0x38, 0x37, 0x38, 0x33, 0x39, 0x63, 0x65, 0x65, 0x64, 0x64, 0x35, 0x35, 0x31, 0x61, 0x61,
        0x64, 0x64, 0x35, 0x61,
        // two versions: generations, heights, files
        0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x01,
        // offsets missing and 38, lengths missing and 95
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x26,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x5f,
        // keys, tree bytes, indirect bytes
        0x00, 0x03, 0x00, 0x5f, 0x00, 0x26,
        // commit times
        0x34, 0xff, 0x42, 0x34, 0x09, 0xcb, 0xea, 0x18, 0xc4, 0x4c, 0x79, 0x34, 0x09, 0xcb, 0xea, 0x18,
        // no version tree nodes; checksum
        0x00, 0xef, 0xf3, 0xab, 0xd5,
    ];

    fn decode(bytes: &[u8]) -> Result<Manifest> {
        Manifest::decode(&Bytes::copy_from_slice(bytes), &Limits::default())
    }

    #[test]
    fn a_manifest_of_tensorstore_reads_byte_for_byte() {
        let manifest = decode(MANIFEST).unwrap();
        let config = manifest.config;
        assert_eq!(config.uuid[..3], [0x93, 0xb5, 0x0a]);
        assert_eq!(config.kind, ManifestKind::Single);
        assert_eq!(
            (config.max_inline_value_bytes, config.max_decoded_node_bytes),
            (16, 100_000_000)
        );
        assert_eq!(
            (config.version_tree_arity.log2(), config.compression),
            (4, Compression::None)
        );
        let state = manifest.state.unwrap();
        assert_eq!(state.generation(), 2);
        let [empty, current] = state.versions.as_slice() else {
            panic!("{state:?}");
        };
        assert_eq!((empty.generation, empty.root), (1, None));
        let root = Root {
            height: 0,
            reference: Reference {
                file: 1,
                offset: 38,
                length: 95,
            },
            statistics: Statistics {
                keys: 3,
                tree_bytes: 95,
                indirect_value_bytes: 38,
            },
        };
        assert_eq!((current.generation, current.root), (2, Some(root)));
        assert!(empty.commit_time_nsecs < current.commit_time_nsecs);
        let (same, file) = state.root.unwrap();
        assert_eq!(same, root);
        assert_eq!(file.path.as_str(), "d/387b87d99d2a487839ceedd551aadd5a");
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused() {
        for end in 0..MANIFEST.len() {
            assert!(decode(&MANIFEST[..end]).is_err(), "{end}");
        }
        for bit in 0..MANIFEST.len() * 8 {
            let mut bytes = MANIFEST.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_err(), "{bit}");
        }
    }

    /// The configuration, an empty file table, and nothing more.
    fn head() -> Vec<u8> {
        let mut body = config(0);
        file_table(&mut body, &[File::default()]);
        body
    }

    fn empty(generation: u64) -> VersionEntry {
        VersionEntry {
            generation,
            height: 0,
            root: Reference {
                file: 0,
                offset: u64::MAX,
                length: u64::MAX,
            },
            statistics: Statistics::default(),
            commit_time_nsecs: generation,
        }
    }

    #[test]
    fn refusals_name_kind_and_byte() {
        let patched = |at: usize, byte: u8| {
            let mut body = head();
            body[at] = byte;
            body
        };
        let mut whole = head();
        versions(&mut whole, &[empty(1)]);
        varint(&mut whole, 0);
        let longer = [whole.as_slice(), b"x"].concat();
        let numbered = [config(1), vec![0]].concat();
        for (name, kind, at, body) in [
            ("kind 2", ErrorKind::Unsupported, 16, patched(16, 2)),
            ("arity 2^0", ErrorKind::Malformed, 23, patched(23, 0)),
            ("arity 2^17", ErrorKind::Malformed, 23, patched(23, 17)),
            ("compression 2", ErrorKind::Unsupported, 24, patched(24, 2)),
            ("no versions", ErrorKind::Malformed, 32, head()),
            ("a byte too many", ErrorKind::Malformed, whole.len(), longer),
            (
                "a numbered one with a state",
                ErrorKind::Malformed,
                29,
                numbered,
            ),
        ] {
            let error = decode(&seal(Content::Manifest, &body, Packing::Plain)).unwrap_err();
            let offset = Offset::File(14 + u64::try_from(at).unwrap());
            assert_eq!(
                (error.kind(), error.offset()),
                (kind, Some(offset)),
                "{name}: {error}"
            );
        }
        assert!(decode(&seal(Content::Manifest, &whole, Packing::Zstd)).is_ok());
    }

    #[test]
    fn the_path_of_the_root_cannot_leave_the_directory() {
        let mut body = config(0);
        let file = File {
            base: "../".to_owned(),
            rest: "d/a".to_owned(),
        };
        file_table(&mut body, &[file]);
        let root = Reference {
            file: 0,
            offset: 0,
            length: 50,
        };
        versions(&mut body, &[VersionEntry { root, ..empty(1) }]);
        varint(&mut body, 0);
        let error = decode(&seal(Content::Manifest, &body, Packing::Plain)).unwrap_err();
        assert_eq!(
            (error.kind(), error.offset()),
            (ErrorKind::Malformed, Some(Offset::File(14 + 29)))
        );
    }

    #[test]
    fn a_bad_path_of_an_older_version_leaves_the_current_state_readable() {
        let file = |rest: &str| File {
            base: String::new(),
            rest: rest.to_owned(),
        };
        let mut body = config(0);
        file_table(&mut body, &[file("../d/old"), file("d/new")]);
        let root = Reference {
            file: 1,
            offset: 0,
            length: 50,
        };
        versions(&mut body, &[VersionEntry { root, ..empty(17) }]);
        let old = VersionNodeReference {
            generation: 16,
            reference: Reference { file: 0, ..root },
            generations: 16,
            commit_time_nsecs: 1,
            height: 1,
        };
        version_nodes(&mut body, &[old], true);
        let state = decode(&seal(Content::Manifest, &body, Packing::Plain));
        let state = state.unwrap().state.unwrap();
        assert_eq!(state.root.unwrap().1.path.as_str(), "d/new");
        assert!(state.version_tree[0].1.is_err());
    }

    #[test]
    fn only_one_spelling_of_a_number_is_a_numbered_manifest() {
        for (name, expected) in [
            ("manifest.0000000000000001", Some(1)),
            ("manifest.00000000000000ff", Some(255)),
            ("manifest.ffffffffffffffff", Some(u64::MAX)),
            ("manifest.0000000000000000", None),
            ("manifest.00000000000000FF", None),
            ("manifest.+000000000000001", None),
            ("manifest.1", None),
            ("manifest.00000000000000001", None),
            ("manifest.ocdbt", None),
            ("xmanifest.0000000000000001", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
    }
}

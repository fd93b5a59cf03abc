//! Keys that belong to no array of a leaf.

use crate::orbax::names;

/// Groups of stray keys that are kept; further ones are counted.
const KEPT: usize = 1_000;

/// Bytes of a stray name that are kept.
const NAME_SHOWN: usize = 200;

/// Keys that belong to no array of a leaf, grouped by the array that they seem to belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stray {
    /// The common part of the keys: the name of an array, if they belong to one.
    pub name: String,
    /// The number of keys.
    pub keys: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Whether one of them is the document of an array.
    pub has_document: bool,
}

/// The stray keys of a store. Consecutive keys that seem to belong to one array are one group.
#[derive(Debug, Default)]
pub struct Strays {
    /// The groups.
    pub groups: Vec<Stray>,
    /// Keys of further groups.
    pub more: u64,
    /// The group of the last key.
    open: Option<Stray>,
}

impl Strays {
    /// Adds a key and the size of its value.
    pub fn add(&mut self, key: &[u8], bytes: u64) {
        let (name, has_document) = guessed_array(key);
        let name = shown(name);
        if self.open.as_ref().is_none_or(|stray| stray.name != name) {
            self.end();
        }
        let stray = self.open.get_or_insert_with(|| Stray {
            name,
            ..Stray::default()
        });
        stray.keys = stray.keys.saturating_add(1);
        stray.bytes = stray.bytes.saturating_add(bytes);
        stray.has_document |= has_document;
    }

    /// Ends the group of the last key.
    pub fn end(&mut self) {
        if let Some(stray) = self.open.take() {
            if self.groups.len() < KEPT {
                self.groups.push(stray);
            } else {
                self.more = self.more.saturating_add(stray.keys);
            }
        }
    }
}

/// The name of the array that a key seems to belong to, and whether it is the key of its document.
pub(super) fn guessed_array(key: &[u8]) -> (&[u8], bool) {
    let (before, last) = match key.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (
            key.get(..slash).unwrap_or_default(),
            key.get(slash.saturating_add(1)..).unwrap_or_default(),
        ),
        None => (&[][..], key),
    };
    let is_document = last == names::ZARR_V2.as_bytes() || last == names::ZARR_V3.as_bytes();
    if is_document || last == b"c" {
        return (before, is_document);
    }
    // `name/c/0/1`: numbers, and a `c` before them.
    let mut parts = key.rsplit(|byte| *byte == b'/');
    let mut length = key.len();
    let is_number = |part: &&[u8]| part.iter().all(u8::is_ascii_digit) && !part.is_empty();
    for part in parts.by_ref().take_while(is_number) {
        length = length.saturating_sub(part.len().saturating_add(1));
    }
    let prefix = key.get(..length).unwrap_or_default();
    match prefix.strip_suffix(b"/c") {
        Some(name) => (name, false),
        None if prefix == b"c" => (&[], false),
        None => (before, false),
    }
}

/// A key as text, shortened if necessary.
pub(super) fn shown(key: &[u8]) -> String {
    let key = key.get(..NAME_SHOWN).unwrap_or(key);
    String::from_utf8_lossy(key).into_owned()
}

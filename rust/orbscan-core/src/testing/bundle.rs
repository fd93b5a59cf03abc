//! A tree of small files as one sequence of bytes, so that a fuzzer can change a whole checkpoint.
//!
//! ```text
//! length of the path   1 byte
//! path                 relative, parts joined by `/`
//! length of the file   2 bytes, low one first
//! content
//! ```
//!
//! and so on to the end. A file that is cut off is shorter; an invalid path is skipped. Manifests
//! and nodes get a correct length and checksum, without which no change would ever get past them.

use super::ocdbt_writer::reseal;
use crate::path::StorePath;
use crate::store::memory::MemoryStore;

/// Files of one bundle.
const MAX_FILES: usize = 64;

/// Bytes of the longest file that fits.
pub const MAX_FILE_BYTES: usize = 0xffff;

/// Appends a file.
pub fn push(bundle: &mut Vec<u8>, path: &str, content: &[u8]) {
    bundle.push(path.len() as u8);
    bundle.extend(path.as_bytes());
    bundle.extend((content.len() as u16).to_le_bytes());
    bundle.extend(content);
}

/// The files of a bundle.
pub fn unpack(mut bundle: &[u8]) -> MemoryStore {
    let mut store = MemoryStore::new();
    for _ in 0..MAX_FILES {
        let Some((length, rest)) = bundle.split_first() else {
            break;
        };
        let (path, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        let (size, rest) = rest.split_at(rest.len().min(2));
        let size = size
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let (content, rest) = rest.split_at(rest.len().min(size));
        bundle = rest;
        let path = std::str::from_utf8(path).ok();
        if let Some(path) = path.and_then(|path| StorePath::new(path).ok())
            && !path.as_str().is_empty()
        {
            store.insert(path, checked(content));
        }
    }
    store
}

/// A file as it is, or, if it is an OCDBT envelope, with a correct length and checksum.
fn checked(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    if content.starts_with(b"\x0c\xdb") && content.len() >= 16 {
        reseal(&mut content, 4);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_unpacks_to_what_was_pushed() {
        let mut bundle = Vec::new();
        push(&mut bundle, "state/_METADATA", b"{}");
        push(&mut bundle, "../outside", b"left out");
        push(&mut bundle, "empty", b"");
        let store = unpack(&bundle);
        let files: Vec<_> = store
            .files()
            .map(|(path, content)| (path.as_str(), content.as_ref()))
            .collect();
        assert_eq!(files, [("empty", &b""[..]), ("state/_METADATA", b"{}")]);
    }
}

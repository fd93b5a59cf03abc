//! Recognises a file that stands in for the real one.

/// No stand-in has more bytes.
pub const MAX_BYTES: u64 = 1_024;

/// What the pointers of git-lfs begin with. Source: git-lfs `docs/spec.md`.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What to add to the reason of a refusal of a pointer: a checkpoint cloned without `git lfs pull`
/// holds a small text file in the place of each large one, and the format error alone would not say
/// so.
pub const REMARK: &str = "; this is a git-lfs pointer, the file itself was never fetched";

/// Whether the bytes of a file are a pointer of git-lfs.
pub fn is_pointer(file: &[u8]) -> bool {
    file.starts_with(POINTER)
}

/// Whether a file of that many bytes may be a pointer.
pub fn may_be_pointer(size: u64) -> bool {
    let least = u64::try_from(POINTER.len()).unwrap_or(u64::MAX);
    (least..=MAX_BYTES).contains(&size)
}

/// What to add to the reason of a refusal of these bytes; nothing if they are not a pointer.
pub fn remark(file: &[u8]) -> &'static str {
    if is_pointer(file) { REMARK } else { "" }
}

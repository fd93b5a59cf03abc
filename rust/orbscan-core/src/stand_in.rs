//! Recognises a file that stands in for the real one: a git-lfs pointer.

/// The most bytes that such a file has.
pub const MAX_BYTES: u64 = 1_024;

/// The first bytes of a git-lfs pointer. Source: git-lfs `docs/spec.md`.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The remark for the error about a pointer: a checkpoint cloned without `git lfs pull` has a small
/// text file in place of each large one, and a format error alone would not say so.
pub const REMARK: &str = "; this is a git-lfs pointer, the file itself was never fetched";

/// Whether the bytes of a file are a git-lfs pointer.
pub fn is_pointer(file: &[u8]) -> bool {
    file.starts_with(POINTER)
}

/// Whether a file of this size may be a pointer.
pub fn may_be_pointer(size: u64) -> bool {
    let least = u64::try_from(POINTER.len()).unwrap_or(u64::MAX);
    (least..=MAX_BYTES).contains(&size)
}

/// The remark for an error about these bytes; empty if they are not a pointer.
pub fn remark(file: &[u8]) -> &'static str {
    if is_pointer(file) { REMARK } else { "" }
}

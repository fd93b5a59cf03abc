//! Recognises a file that stands in for the real one.

/// No stand-in has more bytes.
pub const MAX_BYTES: u64 = 1_024;

/// What to add to the reason of a refusal: a checkpoint cloned without `git lfs pull` holds a small
/// text file in the place of each large one, and the format error alone would not say so.
pub fn remark(file: &[u8]) -> &'static str {
    if file.starts_with(b"version https://git-lfs.github.com/spec/") {
        "; this is a git-lfs pointer, the file itself was never fetched"
    } else {
        ""
    }
}

//! Data files, and references into them.

use super::fields::{Fields, Value};
use crate::cursor::{Cursor, to_usize};
use crate::error::{Result, counted};

/// Notes a data file table and returns its paths, without the inherited part.
pub fn files(cursor: &mut Cursor<'_>, fields: &mut Fields) -> Result<Vec<String>> {
    let at = Some(cursor.offset());
    fields.group(at, "data files", |fields| {
        let count = fields.varint(cursor, "count")?;
        let mut shared = vec![0];
        shared.extend(fields.varints(cursor, count.saturating_sub(1), "prefix lengths")?);
        let suffixes = fields.varints(cursor, count, "suffix lengths")?;
        let bases = fields.varints(cursor, count, "base lengths")?;
        let mut paths = Vec::new();
        let mut path = Vec::new();
        for ((shared, suffix), base) in shared.into_iter().zip(suffixes).zip(bases) {
            let at = Some(cursor.offset());
            path.truncate(to_usize(shared));
            path.extend_from_slice(cursor.take(to_usize(suffix))?);
            let (base, rest) = path
                .split_at_checked(to_usize(base))
                .unwrap_or((&[], &path));
            let words = match base {
                [] => shown(rest),
                base => format!("{} + {}", shown(base), shown(rest)),
            };
            fields.note(at, format!("file {}", paths.len()), Value::Text(words))?;
            let path = self::shown(&path);
            fields.reserve(path.len())?;
            paths.push(path);
        }
        Ok(paths)
    })
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// The path of a data file, by its number.
fn path(paths: &[String], file: u64) -> &str {
    paths
        .get(to_usize(file))
        .map_or("no such file", String::as_str)
}

/// Notes the columns of references, and each reference in words.
pub fn references(
    cursor: &mut Cursor<'_>,
    count: u64,
    of: &str,
    paths: &[String],
    fields: &mut Fields,
) -> Result<Vec<String>> {
    let files = fields.varints(cursor, count, &format!("{of}data files"))?;
    let offsets = fields.varints(cursor, count, &format!("{of}offsets"))?;
    let lengths = fields.varints(cursor, count, &format!("{of}lengths"))?;
    let words = files.into_iter().zip(offsets).zip(lengths);
    Ok(words
        .map(|((file, offset), length)| reference(paths, file, offset, length))
        .collect())
}

/// A reference in words.
pub fn reference(paths: &[String], file: u64, offset: u64, length: u64) -> String {
    if (offset, length) == (u64::MAX, u64::MAX) {
        return "empty tree".to_owned();
    }
    let length = counted(length, "byte", "bytes");
    format!("{length} at {offset} of {}", path(paths, file))
}

/// Notes the columns of statistics of subtrees.
pub fn statistics(cursor: &mut Cursor<'_>, count: u64, fields: &mut Fields) -> Result<()> {
    fields.varints(cursor, count, "numbers of keys")?;
    fields.varints(cursor, count, "tree bytes")?;
    fields.varints(cursor, count, "indirect value bytes")?;
    Ok(())
}

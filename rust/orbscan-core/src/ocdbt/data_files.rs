//! The table of data files at the head of a node, and the base paths that nodes inherit.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::strings::Strings;
use super::varint::{self, Varints};
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::limits::{Limits, MAX_KEY_BYTES};
use crate::path::StorePath;

/// A data file that a node refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// The prefix that nodes read from this file put before each of their own paths. A merged
    /// database points into `ocdbt.process_0/` this way. It is not a path: it need not end in a
    /// `/`.
    pub base: Bytes,
    /// Where the file lies, relative to the directory of the manifest.
    pub path: StorePath,
}

/// The data files of one node: checked, but not yet spelled out.
///
/// Paths are prefix-compressed, so a small table can expand to gigabytes; only the requested ones
/// are ever built.
#[derive(Clone, Debug)]
pub struct DataFileTable<'a> {
    count: u64,
    prefix_lengths: Varints<'a>,
    suffix_lengths: Varints<'a>,
    base_lengths: Varints<'a>,
    suffixes: Cursor<'a>,
    inherited: Bytes,
    start: Offset,
}

impl<'a> DataFileTable<'a> {
    /// Reads a table from the cursor. `inherited` is the base of the file from which the node was
    /// read; it is empty for the manifest.
    ///
    /// # Errors
    /// `Malformed` if lengths contradict each other or a path is too long.
    ///
    /// Source: tensorstore `ocdbt/format/data_file_id_codec.cc`, `ReadDataFileTable`.
    pub fn take(cursor: &mut Cursor<'a>, inherited: Bytes) -> Result<Self> {
        let start = cursor.offset();
        let count = varint::read_u64(cursor)?;
        // The first path has no predecessor with which it could share a prefix.
        let shared = count.saturating_sub(1);
        let prefix_lengths = Varints::take(cursor, shared, "path prefix lengths")?;
        let suffix_lengths = Varints::take(cursor, count, "path suffix lengths")?;
        let base_lengths = Varints::take(cursor, count, "base path lengths")?;
        let table = Self {
            count,
            prefix_lengths,
            suffix_lengths,
            base_lengths,
            suffixes: cursor.clone(),
            inherited,
            start,
        };
        let length = table.check()?;
        cursor.take(length)?;
        Ok(table)
    }

    /// The number of files.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Checks every length; returns the total length of all suffixes.
    fn check(&self) -> Result<usize> {
        let max = MAX_KEY_BYTES.saturating_sub(self.inherited.len());
        let mut paths = self.paths();
        let mut bases = self.base_lengths.clone();
        let mut last_base = 0;
        while let Some(step) = paths.read()? {
            let base_at = bases.offset();
            let base = bases.next_u16()?;
            let length = step.length();
            if length > max {
                let length = counted(length, "byte", "bytes");
                return Err(Error::malformed(
                    paths.offset(&step),
                    format!("path of {length}, at most {max} may follow its base"),
                ));
            }
            if base > length {
                let base = counted(base, "byte", "bytes");
                let reason = format!("base of {base} in a path of {length}");
                return Err(Error::malformed(base_at, reason));
            }
            // Otherwise the shared bytes would belong to the base in one path and not in the other.
            if base != last_base && step.shared > base.min(last_base) {
                let shared = step.shared;
                let base = counted(base, "byte", "bytes");
                let reason = format!("base of {base} after one of {last_base}, sharing {shared}");
                return Err(Error::malformed(base_at, reason));
            }
            last_base = base;
            paths.apply(step);
        }
        Ok(paths.position())
    }

    /// The files with the given numbers, which must be in the table.
    ///
    /// # Errors
    /// `Malformed` at the table if a path would leave the directory or is not UTF-8; `Limit` if it
    /// is too long.
    pub fn resolve(
        &self,
        wanted: impl IntoIterator<Item = u64>,
        limits: &Limits,
    ) -> Result<BTreeMap<u64, DataFile>> {
        let mut wanted: Vec<u64> = wanted.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut files = BTreeMap::new();
        let mut paths = self.paths();
        let mut bases = self.base_lengths.clone();
        let mut number = 0_u64;
        for id in wanted {
            while let Some(step) = paths.read()? {
                paths.apply(step);
                let base = bases.next_u16()?;
                let here = number;
                number = number.saturating_add(1);
                if here == id {
                    let file = self.file(paths.current(), base, limits);
                    files.insert(id, file.map_err(|error| error.at(self.start))?);
                    break;
                }
            }
        }
        Ok(files)
    }

    fn paths(&self) -> Strings<'a> {
        Strings::new(
            self.prefix_lengths.clone(),
            self.suffix_lengths.clone(),
            &self.suffixes,
            self.count,
        )
    }

    fn file(&self, path: &[u8], base: usize, limits: &Limits) -> Result<DataFile> {
        let length = self.inherited.len().saturating_add(path.len());
        if length > limits.max_path_bytes {
            let limit = limits.max_path_bytes;
            let reason = format!("data file path of {length} bytes, the limit is {limit}");
            return Err(Error::new(ErrorKind::Limit, reason));
        }
        let path = [self.inherited.as_ref(), path].concat();
        let base = self.inherited.len().saturating_add(base);
        let base = Bytes::copy_from_slice(path.get(..base).unwrap_or(&path));
        let text = std::str::from_utf8(&path).map_err(|_| {
            let text = path.escape_ascii();
            Error::new(
                ErrorKind::Malformed,
                format!("data file path \"{text}\" is not UTF-8"),
            )
        })?;
        Ok(DataFile {
            base,
            path: StorePath::new(text)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ocdbt_writer::{File, file_table};

    const AT: Offset = Offset::Body(50);

    fn resolve(
        bytes: &[u8],
        inherited: &'static str,
        ids: &[u64],
    ) -> Result<Vec<(String, String)>> {
        let mut cursor = Cursor::new(bytes, AT);
        let table = DataFileTable::take(&mut cursor, Bytes::from(inherited))?;
        assert_eq!(cursor.remaining(), 0);
        let files = table.resolve(ids.iter().copied(), &Limits::default())?;
        let texts = |file: &DataFile| {
            let base = String::from_utf8(file.base.to_vec()).unwrap();
            (base, file.path.as_str().to_owned())
        };
        Ok(files.values().map(texts).collect())
    }

    fn table(files: &[(&str, &str)]) -> Vec<u8> {
        let files: Vec<File> = files
            .iter()
            .map(|(base, rest)| File {
                base: (*base).to_owned(),
                rest: (*rest).to_owned(),
            })
            .collect();
        let mut out = Vec::new();
        file_table(&mut out, &files);
        out
    }

    fn pair(base: &str, path: &str) -> (String, String) {
        (base.to_owned(), path.to_owned())
    }

    #[test]
    fn paths_follow_what_they_inherit() {
        let bytes = table(&[
            ("", "d/aa"),
            ("", "d/ab"),
            ("p_0/", "d/c"),
            ("p_0/", "d/cd"),
            ("p_1/", "d/c"),
        ]);
        assert_eq!(
            resolve(&bytes, "", &[4, 0, 3, 4]).unwrap(),
            [
                pair("", "d/aa"),
                pair("p_0/", "p_0/d/cd"),
                pair("p_1/", "p_1/d/c")
            ]
        );
        assert_eq!(
            resolve(&bytes, "top/", &[1, 2]).unwrap(),
            [pair("top/", "top/d/ab"), pair("top/p_0/", "top/p_0/d/c")]
        );
        assert_eq!(resolve(&table(&[]), "", &[]).unwrap(), []);
    }

    #[test]
    fn an_empty_path_has_a_place_in_the_table() {
        // The file of an empty version, which is never opened.
        let bytes = table(&[("", ""), ("", "d/a")]);
        assert_eq!(resolve(&bytes, "", &[1]).unwrap(), [pair("", "d/a")]);
    }

    #[test]
    fn refusals_name_the_byte() {
        for (name, at, bytes) in [
            ("no count", 0, &b""[..]),
            ("more files than bytes", 1, b"\x05\0\0"),
            ("no base lengths", 4, b"\x02\0\x01\x01\x80"),
            (
                "a prefix longer than the path before",
                7,
                b"\x02\x02\x01\x01\0\0ab",
            ),
            ("a base longer than its path", 2, b"\x01\x03\x04abc"),
            ("a suffix that is cut off", 3, b"\x01\x04\0abc"),
            (
                "shared bytes that are base here and not there",
                5,
                b"\x02\x02\x03\x01\x01\0abcd",
            ),
            (
                "a prefix length of 17 bits",
                1,
                b"\x02\x80\x80\x04\x01\x01\0\0ab",
            ),
        ] {
            let error = resolve(bytes, "", &[]).unwrap_err();
            assert_eq!(error.offset(), Some(AT.plus(at)), "{name}: {error}");
            assert_eq!(error.kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn a_path_may_not_be_longer_than_its_length_can_say() {
        let long = "x".repeat(65_535);
        let bytes = table(&[("", &long)]);
        assert!(resolve(&bytes, "", &[]).is_ok());
        assert_eq!(
            resolve(&bytes, "y", &[]).unwrap_err().offset(),
            Some(AT.plus(5))
        );
        assert_eq!(
            resolve(&bytes, "", &[0]).unwrap_err().kind(),
            ErrorKind::Limit
        );
    }

    #[test]
    fn a_path_cannot_leave_the_directory() {
        for bad in ["/etc/passwd", "../d/a", "d/../../a", "d//a", "d/\0"] {
            let error = resolve(&table(&[("", bad)]), "", &[0]).unwrap_err();
            assert_eq!(
                (error.kind(), error.offset()),
                (ErrorKind::Malformed, Some(AT)),
                "{bad:?}"
            );
            let error = resolve(&table(&[("p_0/", bad)]), "", &[0]);
            assert!(error.is_err(), "{bad:?}");
        }
        let error = resolve(b"\x01\x02\0d\xff", "", &[0]).unwrap_err();
        assert_eq!(error.reason(), "data file path \"d\\xff\" is not UTF-8");
    }
}

//! Files that lie in the directory of an array: its chunks.

use super::Dump;
use super::around::BelowArray;
use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::limits::Limits;
use crate::zarr::ArrayHeader;
use crate::zarr::chunk_keys::{Grid, Place};

/// Says which chunk of which array a file of `size` bytes is; `None` if it is not a chunk.
pub fn dump(file: &BelowArray, size: u64, limits: &Limits) -> Option<Dump> {
    let header = match &file.header {
        Ok(header) => header,
        Err(error) => return of_unreadable(file, size, error, limits),
    };
    let grid = Grid::new(header)?;
    let (indices, error) = match grid.place(file.key.as_bytes()) {
        Place::Chunk(number) => (grid.indices(number), None),
        Place::Outside => (Vec::new(), Some(outside(&grid))),
        Place::NoChunk => return None,
    };
    let owner = owner(file);
    let meaning = if error.is_some() {
        format!("lies among the chunks of {owner}, but is not one of them")
    } else if indices.is_empty() {
        format!("the only chunk of {owner}")
    } else {
        let elements = ranges(&grid.corners(&indices, &indices));
        format!("chunk {} of {owner}: elements {elements}", tuple(&indices))
    };
    let mut fields = Fields::new(Room::of(0, limits));
    let noted = note(&mut fields, file, size, Some(header));
    Some(Dump {
        kind: FileKind::Chunk.description().what,
        meaning,
        fields: fields.into_vec(),
        error: error.or(noted.err()),
    })
}

/// A file that is named like a chunk, of an array about which nothing else is known.
fn of_unreadable(file: &BelowArray, size: u64, error: &Error, limits: &Limits) -> Option<Dump> {
    let key = file.key.strip_prefix('c').unwrap_or(&file.key);
    let mut numbers = key.split(['.', '/']).filter(|part| !part.is_empty());
    if !numbers.all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let mut fields = Fields::new(Room::of(0, limits));
    let noted = note(&mut fields, file, size, None);
    let reason = format!("{}: {}", file.document, error.reason());
    let unknown = Error::new(ErrorKind::Unsupported, reason);
    Some(Dump {
        kind: FileKind::Chunk.description().what,
        meaning: format!("a chunk of {}, whose document cannot be read", owner(file)),
        fields: fields.into_vec(),
        error: noted.err().or(Some(unknown)),
    })
}

fn note(
    fields: &mut Fields,
    file: &BelowArray,
    size: u64,
    header: Option<&ArrayHeader>,
) -> Result<()> {
    let text = |text: &str| Value::Text(text.to_owned());
    if let Some(name) = &file.checkpointable {
        fields.note(None, "checkpointable", text(name))?;
    }
    fields.note(None, "array", text(&file.array))?;
    if let Some(header) = header {
        fields.note(
            None,
            "shape of the array",
            Value::Numbers(header.shape.clone()),
        )?;
        let chunk_shape = header.grid_chunk_shape.clone();
        fields.note(None, "shape of a chunk", Value::Numbers(chunk_shape))?;
        fields.note(None, "element type", text(header.dtype.name()))?;
        let decoded = Value::Number(header.chunk_bytes());
        fields.note(None, "bytes of its elements", decoded)?;
    }
    fields.note(
        Some(Offset::File(0)),
        "bytes as stored",
        Value::Number(size),
    )
}

fn owner(file: &BelowArray) -> String {
    match &file.checkpointable {
        Some(name) => format!("the array {:?} of the checkpointable {name:?}", file.array),
        None => format!("the array {:?}", file.array),
    }
}

fn outside(grid: &Grid) -> Error {
    let reason = format!(
        "is not a chunk of the array, which has {} of them",
        grid.total()
    );
    Error::new(ErrorKind::Malformed, reason)
}

fn tuple(indices: &[u64]) -> String {
    let indices: Vec<String> = indices.iter().map(u64::to_string).collect();
    format!("({})", indices.join(", "))
}

fn ranges(corners: &[(u64, u64)]) -> String {
    let ranges: Vec<String> = corners
        .iter()
        .map(|(low, high)| format!("{low}:{high}"))
        .collect();
    format!("[{}]", ranges.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump;
    use crate::path::StorePath;
    use crate::store::memory::MemoryStore;

    const V2: &str = r#"{"chunks": [2, 3], "compressor": null, "dtype": "<f4", "fill_value": null,
        "filters": null, "order": "C", "shape": [4, 5], "zarr_format": 2, "dimension_separator": "."}"#;
    const SCALAR: &str = r#"{"zarr_format": 3, "node_type": "array", "shape": [],
        "data_type": "int32", "fill_value": 0, "chunk_grid": {"name": "regular",
        "configuration": {"chunk_shape": []}}, "chunk_key_encoding": {"name": "default",
        "configuration": {"separator": "/"}}, "codecs": [{"name": "bytes",
        "configuration": {"endian": "little"}}]}"#;

    fn dumped(path: &str) -> Dump {
        let mut store = MemoryStore::new();
        for (file, text) in [
            ("run/7/_CHECKPOINT_METADATA", "{}"),
            ("run/7/state/_METADATA", "{}"),
            ("run/7/state/a/w/.zarray", V2),
            ("run/7/state/d/zarr.json", SCALAR),
            ("run/7/state/bad/.zarray", "{"),
            ("flat/_METADATA", "{}"),
            ("flat/w/.zarray", V2),
            ("alone/w/.zarray", V2),
            (path, "1234"),
        ] {
            store.insert(StorePath::new(file).unwrap(), text);
        }
        let limits = Limits::default();
        let path = StorePath::new(path).unwrap();
        dump::file_in(&store, &path, &limits).unwrap().remove(0)
    }

    #[test]
    fn a_chunk_is_told_by_the_document_above_it() {
        for (path, meaning) in [
            (
                "run/7/state/a/w/1.1",
                "chunk (1, 1) of the array \"a/w\" of the checkpointable \"state\": elements [2:4, 3:5]",
            ),
            (
                "run/7/state/d/c",
                "the only chunk of the array \"d\" of the checkpointable \"state\"",
            ),
            (
                "flat/w/0.0",
                "chunk (0, 0) of the array \"w\": elements [0:2, 0:3]",
            ),
            (
                "alone/w/0.1",
                "chunk (0, 1) of the array \"w\": elements [0:2, 3:5]",
            ),
        ] {
            let found = dumped(path);
            assert_eq!(
                (found.kind, found.error),
                ("a chunk of an array", None),
                "{path}"
            );
            assert_eq!(found.meaning, meaning);
        }
    }

    #[test]
    fn a_chunk_that_the_array_does_not_have_is_an_error() {
        let found = dumped("flat/w/2.0");
        assert_eq!(
            found.error.unwrap().reason(),
            "is not a chunk of the array, which has 4 of them"
        );
        let found = dumped("run/7/state/bad/0.0");
        assert!(
            found.meaning.starts_with("a chunk of the array \"bad\""),
            "{found:?}"
        );
        assert!(found.error.unwrap().reason().starts_with(".zarray: "));
    }

    #[test]
    fn another_file_beside_chunks_is_none_of_them() {
        for path in ["flat/w/notes.txt", "flat/w/0", "run/7/state/bad/x.0"] {
            assert_ne!(dumped(path).kind, "a chunk of an array", "{path}");
        }
    }
}

//! Files of plain text, and files without content.

use bytes::Bytes;

use super::Dump;
use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::layout::foreign;
use crate::limits::Limits;
use crate::stand_in;

/// A file of text, shown as one field.
pub fn file(kind: FileKind, bytes: &Bytes, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let start = Offset::File(0);
    let walked = match std::str::from_utf8(bytes) {
        Ok("") => Ok(()),
        Ok(text) => fields.note(Some(start), "text", Value::Text(text.to_owned())),
        Err(error) => {
            let at = Offset::File(to_u64(error.valid_up_to()));
            let noted = fields.note(Some(start), "bytes", Value::Bytes(bytes.to_vec()));
            noted.and(Err(Error::malformed(at, "expected text in UTF-8")))
        }
    };
    let row = kind.description();
    Dump {
        kind: row.what,
        meaning: row.meaning.to_owned(),
        fields: fields.into_vec(),
        error: walked.err(),
    }
}

/// A file of which only the size is shown.
pub fn opaque(kind: FileKind, bytes: &Bytes, limits: &Limits) -> Dump {
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let size = Value::Number(to_u64(bytes.len()));
    let noted = fields.note(Some(Offset::File(0)), "bytes", size);
    let row = kind.description();
    Dump {
        kind: row.what,
        meaning: row.meaning.to_owned(),
        fields: fields.into_vec(),
        error: noted.err(),
    }
}

/// The pointer that git-lfs leaves in place of a file; `None` if it is something else.
pub fn pointer(kind: Option<FileKind>, bytes: &Bytes, limits: &Limits) -> Option<Dump> {
    let remark = stand_in::remark(bytes).trim_start_matches([';', ' ']);
    if remark.is_empty() {
        return None;
    }
    let mut fields = Fields::new(Room::of(bytes.len(), limits));
    let noted = lines(bytes, &mut fields);
    let place = kind.map(|kind| format!(" a file that is: {}", kind.description().what));
    Some(Dump {
        kind: "a git-lfs pointer",
        meaning: format!(
            "takes the place of{}; git lfs pull fetches it",
            place.unwrap_or_else(|| " the file itself".to_owned())
        ),
        fields: fields.into_vec(),
        error: noted
            .err()
            .or(Some(Error::malformed(Offset::File(0), remark))),
    })
}

/// Notes lines that have a name and a value.
fn lines(bytes: &[u8], fields: &mut Fields) -> Result<()> {
    let mut at = 0_u64;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text
            .trim_end()
            .split_once(' ')
            .unwrap_or((text.trim_end(), ""));
        if !name.is_empty() {
            fields.note(Some(Offset::File(at)), name, Value::Text(value.to_owned()))?;
        }
        at = at.saturating_add(to_u64(line.len()));
    }
    Ok(())
}

/// A file of another library that is named like one of a checkpoint.
pub fn stranger(kind: Option<FileKind>, path: &str, bytes: &[u8]) -> Option<Dump> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let meaning = match kind {
        Some(FileKind::Aggregate) if foreign::begins_as_tensorflow(bytes) => {
            "the text in which TensorFlow keeps the name of its newest checkpoint"
        }
        Some(FileKind::Proto) if name.starts_with("saved_model.") => "a TensorFlow SavedModel",
        _ => return None,
    };
    let reason = "is a file of TensorFlow, not one that Orbax writes";
    Some(Dump {
        kind: "not a file of a checkpoint",
        meaning: meaning.to_owned(),
        error: Some(Error::new(ErrorKind::Unsupported, reason)),
        ..Dump::default()
    })
}

/// A file that no save writes.
pub fn unwritten(path: &str) -> Dump {
    let reason = "is not a file that Orbax, TensorStore or Zarr writes: neither its name nor its first \
                  bytes are known, and no OCDBT node lies in it";
    let meaning = if is_called_like_a_chunk(path) {
        "is called like a chunk of an array, but no .zarray or zarr.json lies above it"
    } else {
        "a file of another program"
    };
    Dump {
        kind: "not a file of a checkpoint",
        meaning: meaning.to_owned(),
        error: Some(Error::new(ErrorKind::Unsupported, reason)),
        ..Dump::default()
    }
}

/// A part of a file that holds nothing known.
pub fn unknown(at: Offset) -> Dump {
    let reason = "neither an OCDBT node nor a JSON document begins here";
    Dump {
        kind: "unknown",
        error: Some(Error::new(ErrorKind::Unsupported, reason).at(at)),
        ..Dump::default()
    }
}

fn is_called_like_a_chunk(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let numbers = name.strip_prefix("c.").unwrap_or(name);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    name == "c" || numbers.split('.').all(is_number)
}

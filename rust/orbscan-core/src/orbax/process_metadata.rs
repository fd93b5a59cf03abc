//! `process_metadata`: which processes wrote a local checkpoint, and which devices they had.
//!
//! | file | holds |
//! |---|---|
//! | `global_process_metadata.json` | for each process the ids of its devices: `[[0, 1], [2, 3]]` |
//! | `mesh_metadata.json` | the ids of the devices of the mesh, row-major: `[0, 1, 2, 3]` |
//!
//! Source: orbax `experimental/emergency/mesh_consistency.py`, releases 0.11.0 to 0.12.8; written
//! with Python's `json`. The file of 0.6.4 has numbers in place of the inner lists, and does not
//! occur in local checkpoints.

use crate::error::Result;
use crate::json::{Dialect, Json};
use crate::limits::Limits;

/// The content of both files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessMetadata {
    /// The ids of the devices of each process.
    pub devices: Vec<Vec<i64>>,
    /// The ids of the devices of the mesh, row-major.
    pub mesh: Vec<i64>,
}

/// Reads the devices of each process.
///
/// # Errors
/// `Malformed` if it is not a list of lists of integers; `Limit`.
pub fn decode_devices(bytes: &[u8], limits: &Limits) -> Result<Vec<Vec<i64>>> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let devices = json.list(|json| json.list(Json::integer))?;
    json.end()?;
    Ok(devices)
}

/// Reads the devices of the mesh.
///
/// # Errors
/// `Malformed` if it is not a list of integers; `Limit`.
pub fn decode_mesh(bytes: &[u8], limits: &Limits) -> Result<Vec<i64>> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mesh = json.list(Json::integer)?;
    json.end()?;
    Ok(mesh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Offset};

    #[test]
    fn devices_come_by_process_and_in_the_order_of_the_mesh() {
        let limits = Limits::default();
        let devices = decode_devices(b"[[0, 1], [3, 2], []]", &limits).unwrap();
        assert_eq!(devices, [vec![0, 1], vec![3, 2], vec![]]);
        let mesh = decode_mesh(b"[2, 0, 1, 3]", &limits).unwrap();
        assert_eq!(mesh, [2, 0, 1, 3]);
    }

    #[test]
    fn anything_else_is_an_error_with_its_place() {
        let limits = Limits::default();
        for (text, at) in [
            ("", 0),
            ("{}", 0),
            ("[0, 1]", 1),
            ("[[0.5]]", 2),
            ("[[]] 1", 5),
        ] {
            let error = decode_devices(text.as_bytes(), &limits).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(
                found,
                (ErrorKind::Malformed, Some(Offset::File(at))),
                "{text}"
            );
        }
        for (text, at) in [("null", 0), ("[[0]]", 1), ("[1] []", 4)] {
            let error = decode_mesh(text.as_bytes(), &limits).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(
                found,
                (ErrorKind::Malformed, Some(Offset::File(at))),
                "{text}"
            );
        }
    }
}

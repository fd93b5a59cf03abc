//! `metadata/_ROOT_METADATA`: what the user of a manager stored about all its steps.
//!
//! ```json
//! {"internal_metadata": {}, "custom_metadata": {"owner": "vision"}}
//! ```
//!
//! Before 0.10 the file contained the user's object itself and nothing else; 0.11.0 named the
//! member `custom`, which is read as the user's own, as in Orbax.
//!
//! Source: orbax `_src/metadata/root_metadata_serialization.py`, release 0.12.8.

use crate::error::Result;
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;
use crate::orbax::checkpoint_metadata::users_metadata;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootMetadata {
    /// Orbax's own, as the JSON text of an object; `None` for an empty one.
    pub internal_metadata: Option<String>,
    /// The user's, likewise.
    pub custom_metadata: Option<String>,
}

/// Decodes the file.
///
/// # Errors
/// `Malformed` if it is not an object of JSON or a member is not one; `Limit`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<RootMetadata> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut internal = None;
    let mut custom = None;
    let mut unknown: Vec<(String, &str)> = Vec::new();
    json.object(|json, name| {
        match name.as_ref() {
            "internal_metadata" => internal = object_or_null(json)?,
            "custom_metadata" => custom = object_or_null(json)?,
            _ => unknown.push((name.into_owned(), json.skip()?)),
        }
        Ok(())
    })?;
    json.end()?;
    Ok(RootMetadata {
        internal_metadata: users_metadata(internal, &[])?,
        custom_metadata: users_metadata(custom, &unknown)?,
    })
}

fn object_or_null<'a>(json: &mut Json<'a>) -> Result<Option<&'a str>> {
    json.optional(|json| {
        json.expect(Kind::Object)?;
        json.skip()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn custom(text: &str) -> Result<Option<String>> {
        decode(text.as_bytes(), &Limits::default()).map(|found| found.custom_metadata)
    }

    #[test]
    fn every_release_is_read_as_orbax_reads_it() {
        for (text, expected) in [
            (
                r#"{"internal_metadata": {}, "custom_metadata": {"md": 1}}"#,
                Some(r#"{"md": 1}"#),
            ),
            (r#"{"md": 1}"#, Some(r#"{"md": 1}"#)),
            (r#"{"custom": {"md": 1}}"#, Some(r#"{"custom": {"md": 1}}"#)),
            (
                r#"{"internal_metadata": null, "custom_metadata": null}"#,
                None,
            ),
            (r#"{"custom_metadata": {}, "md": 1}"#, Some(r#"{"md": 1}"#)),
            ("{}", None),
        ] {
            assert_eq!(custom(text).unwrap().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn orbax_own_part_is_kept_apart() {
        let found = decode(br#"{"internal_metadata": {"a": 1}}"#, &Limits::default()).unwrap();
        assert_eq!(found.internal_metadata.as_deref(), Some(r#"{"a": 1}"#));
        assert_eq!(found.custom_metadata, None);
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "[1]",
            "null",
            "{} {}",
            r#"{"custom_metadata": [1]}"#,
            r#"{"internal_metadata": 5}"#,
            r#"{"custom_metadata": {"a": 1}, "other": 2}"#,
        ] {
            assert_eq!(
                custom(text).unwrap_err().kind(),
                ErrorKind::Malformed,
                "{text}"
            );
        }
    }
}

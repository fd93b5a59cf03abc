//! `_CHECKPOINT_METADATA`: timestamps, handlers and the user's metadata of one checkpoint.
//!
//! ```json
//! {"item_handlers": {"state": "orbax...PyTreeHandler"}, "metrics": {}, "performance_metrics": {},
//!  "init_timestamp_nsecs": 1795470688469149184, "commit_timestamp_nsecs": 1795470688711944088,
//!  "custom_metadata": {"a": [1, 2]}}
//! ```
//!
//! Source: orbax `_src/metadata/step_metadata_serialization.py`.

use crate::error::{Error, ErrorKind, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// What the file says about how the checkpoint is divided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ItemHandlers {
    /// Nothing.
    #[default]
    Unknown,
    /// The checkpoint is one unnamed item, written by this handler.
    Flat(String),
    /// The handler of each checkpointable, where it is recorded as text.
    Named(Vec<(String, Option<String>)>),
}

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointMetadata {
    /// The handlers that wrote the checkpointables.
    pub item_handlers: ItemHandlers,
    /// When the save began, in nanoseconds since 1970.
    pub init_timestamp_nsecs: Option<i128>,
    /// When the save was committed, in nanoseconds since 1970.
    pub commit_timestamp_nsecs: Option<i128>,
    /// The user's metadata as the JSON text of an object; `None` for an empty one.
    pub custom_metadata: Option<String>,
}

/// Decodes the file.
///
/// Text that is not JSON is a fault that Orbax does not report; here it is appended to `issues` and
/// the result is empty, so that the tree stays readable.
///
/// # Errors
/// `Malformed` if the JSON has a member of another type than the writer's; `Limit`.
pub fn decode(
    bytes: &[u8],
    limits: &Limits,
    issues: &mut Vec<Error>,
) -> Result<CheckpointMetadata> {
    match falsy(bytes, limits) {
        Ok(false) => members(bytes, limits),
        Ok(true) => Ok(CheckpointMetadata::default()),
        Err(error) if error.kind() == ErrorKind::Limit => Err(error),
        Err(error) => {
            issues.push(error);
            Ok(CheckpointMetadata::default())
        }
    }
}

/// Whether the document, checked as a whole, is one that counts as false in Python.
fn falsy(bytes: &[u8], limits: &Limits) -> Result<bool> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let truth = json.truth()?;
    json.end()?;
    Ok(!truth)
}

fn members(bytes: &[u8], limits: &Limits) -> Result<CheckpointMetadata> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut metadata = CheckpointMetadata::default();
    let mut custom = None;
    let mut unknown: Vec<(String, &str)> = Vec::new();
    json.object(|json, name| {
        match name.as_ref() {
            "item_handlers" => metadata.item_handlers = item_handlers(json)?,
            "metrics" => metrics(json)?,
            "performance_metrics" => {
                json.optional(|json| {
                    json.expect(Kind::Object)?;
                    json.skip()
                })?;
            }
            "init_timestamp_nsecs" => metadata.init_timestamp_nsecs = timestamp(json)?,
            "commit_timestamp_nsecs" => metadata.commit_timestamp_nsecs = timestamp(json)?,
            "custom_metadata" => {
                custom = json.optional(|json| {
                    json.expect(Kind::Object)?;
                    json.skip()
                })?;
            }
            _ => unknown.push((name.into_owned(), json.skip()?)),
        }
        Ok(())
    })?;
    metadata.custom_metadata = users_metadata(custom, &unknown)?;
    Ok(metadata)
}

/// The user's metadata, from the member that holds it or from the members that Orbax does not know,
/// which it also treats as the user's.
///
/// # Errors
/// `Malformed` if there are both.
pub(super) fn users_metadata(
    custom: Option<&str>,
    unknown: &[(String, &str)],
) -> Result<Option<String>> {
    let custom = custom.filter(|text| text.contains('"'));
    match (custom, unknown.first()) {
        (custom, None) => Ok(custom.map(str::to_owned)),
        (None, Some(_)) => Ok(Some(as_object(unknown))),
        (Some(_), Some((name, _))) => Err(Error::new(
            ErrorKind::Malformed,
            format!("unknown member {name:?} beside custom_metadata"),
        )),
    }
}

fn item_handlers(json: &mut Json<'_>) -> Result<ItemHandlers> {
    Ok(match json.peek()? {
        Kind::Null => {
            json.skip()?;
            ItemHandlers::Unknown
        }
        Kind::String => ItemHandlers::Flat(json.string()?.into_owned()),
        _ => {
            let mut named = Vec::new();
            json.object(|json, name| {
                let handler = if json.peek()? == Kind::String {
                    Some(json.string()?.into_owned())
                } else {
                    json.skip()?;
                    None
                };
                named.push((name.into_owned(), handler));
                Ok(())
            })
            .map_err(|error| error.while_reading("item_handlers"))?;
            ItemHandlers::Named(named)
        }
    })
}

/// Checks `metrics`: an object, or anything that counts as false in Python.
fn metrics(json: &mut Json<'_>) -> Result<()> {
    let object = json.peek()? == Kind::Object;
    let offset = json.offset();
    if json.truth()? && !object {
        return Err(Error::malformed(offset, "metrics: expected an object"));
    }
    Ok(())
}

/// A whole number of nanoseconds or null. Python's booleans are whole numbers, so they are
/// accepted.
fn timestamp(json: &mut Json<'_>) -> Result<Option<i128>> {
    json.optional(|json| {
        if json.peek()? == Kind::Bool {
            return json.boolean().map(i128::from);
        }
        json.expect(Kind::Number)?;
        let offset = json.offset();
        let text = json.number()?;
        text.parse().map_err(|_| {
            Error::malformed(
                offset,
                format!("expected whole nanoseconds since 1970, found {text}"),
            )
        })
    })
    .map_err(|error| error.while_reading("timestamp"))
}

fn as_object(members: &[(String, &str)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}: {value}", crate::json::quote(name)))
        .collect();
    format!("{{{}}}", members.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;

    fn read(text: &str) -> (Result<CheckpointMetadata>, Vec<Error>) {
        let mut issues = Vec::new();
        let metadata = decode(text.as_bytes(), &Limits::default(), &mut issues);
        (metadata, issues)
    }

    #[test]
    fn reads_what_orbax_writes() {
        let (metadata, issues) = read(
            r#"{"item_handlers": {"state": "H", "x": null}, "metrics": {}, "performance_metrics": {"a": 1.5},
               "init_timestamp_nsecs": 1795470688469149184, "commit_timestamp_nsecs": null,
               "custom_metadata": {"a": [1, {"b": null}]}}"#,
        );
        let metadata = metadata.unwrap();
        assert!(issues.is_empty());
        assert_eq!(
            metadata.item_handlers,
            ItemHandlers::Named(vec![("state".into(), Some("H".into())), ("x".into(), None)])
        );
        assert_eq!(
            metadata.init_timestamp_nsecs,
            Some(1_795_470_688_469_149_184)
        );
        assert_eq!(metadata.commit_timestamp_nsecs, None);
        assert_eq!(
            metadata.custom_metadata.as_deref(),
            Some(r#"{"a": [1, {"b": null}]}"#)
        );
    }

    #[test]
    fn text_that_is_no_json_is_an_issue() {
        for (text, at) in [
            ("", 0),
            ("{\"item_handlers\"", 16),
            ("{} x", 3),
            ("\u{feff}{}", 0),
        ] {
            let (metadata, issues) = read(text);
            assert_eq!(metadata.unwrap(), CheckpointMetadata::default(), "{text}");
            assert_eq!(issues[0].offset(), Some(Offset::File(at)), "{text}");
        }
    }

    #[test]
    fn falsy_documents_are_empty() {
        for text in ["null", "[]", "0", "\"\"", "false", "{}", " { } "] {
            let (metadata, issues) = read(text);
            assert_eq!(metadata.unwrap(), CheckpointMetadata::default(), "{text}");
            assert!(issues.is_empty());
        }
    }

    #[test]
    fn members_of_the_wrong_type_are_errors() {
        for text in [
            "[1]",
            "\"x\"",
            "NaN",
            r#"{"item_handlers": 5}"#,
            r#"{"metrics": [1]}"#,
            r#"{"performance_metrics": []}"#,
            r#"{"init_timestamp_nsecs": "12"}"#,
            r#"{"commit_timestamp_nsecs": 1.5}"#,
            r#"{"custom_metadata": []}"#,
            r#"{"custom_metadata": {"a": 1}, "other": 2}"#,
        ] {
            let (metadata, _) = read(text);
            assert_eq!(metadata.unwrap_err().kind(), ErrorKind::Malformed, "{text}");
        }
    }

    #[test]
    fn every_member_may_be_null() {
        let (metadata, issues) = read(
            r#"{"item_handlers": null, "metrics": null, "performance_metrics": null,
               "init_timestamp_nsecs": null, "commit_timestamp_nsecs": 7, "custom_metadata": null}"#,
        );
        assert_eq!(metadata.unwrap().commit_timestamp_nsecs, Some(7));
        assert!(issues.is_empty());
    }

    #[test]
    fn unknown_members_become_the_users_metadata() {
        let (metadata, _) = read(r#"{"a\"b": [1], "custom_metadata": {}, "c": "d"}"#);
        let custom = metadata.unwrap().custom_metadata;
        assert_eq!(custom.as_deref(), Some(r#"{"a\"b": [1], "c": "d"}"#));
    }

    #[test]
    fn a_timestamp_may_exceed_64_bits() {
        let (metadata, _) = read(
            r#"{"init_timestamp_nsecs": 99999999999999999999, "commit_timestamp_nsecs": true}"#,
        );
        let metadata = metadata.unwrap();
        assert_eq!(
            metadata.init_timestamp_nsecs,
            Some(99_999_999_999_999_999_999)
        );
        assert_eq!(metadata.commit_timestamp_nsecs, Some(1));
    }
}

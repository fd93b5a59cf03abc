//! `_CHECKPOINT_DELETION`: present while one checkpointable of a checkpoint is being deleted.
//!
//! Orbax v1 reads nothing from a checkpoint whose record cannot be trusted, because an interrupted
//! deletion may have left the checkpoint in any state.
//!
//! Source: orbax 0.12.8 `experimental/v1/_src/deletion`, by experiment.

use crate::error::{Error, ErrorKind, Result};
use crate::json::value::Value;
use crate::json::{Dialect, Json};
use crate::limits::Limits;
use crate::orbax::names;

/// The name of the checkpointable that is being deleted.
///
/// `checkpoint_metadata` is the current content of `_CHECKPOINT_METADATA`: it must be the recorded
/// document from before or from after the deletion.
///
/// # Errors
/// `DeletionRecord` if anything about the record is wrong.
pub fn deleted_name(
    record: &[u8],
    checkpoint_metadata: Option<&[u8]>,
    limits: &Limits,
) -> Result<String> {
    let distrust = |reason: &str| Error::new(ErrorKind::DeletionRecord, reason);
    let as_record_error = |error: Error| {
        let recast = Error::new(ErrorKind::DeletionRecord, error.reason());
        match error.offset() {
            Some(offset) => recast.at(offset),
            None => recast,
        }
    };
    let record = parse(record, limits).map_err(as_record_error)?;
    let text = |name| record.get(name).and_then(Value::as_str);
    if !text("operation_id").is_some_and(is_operation_id) {
        return Err(distrust(
            "operation_id: expected 32 lowercase hexadecimal digits",
        ));
    }
    let name = text("checkpointable_name")
        .filter(|name| is_name(name))
        .ok_or_else(|| distrust("checkpointable_name: expected the name of a checkpointable"))?;
    if !matches!(
        record.get("destination"),
        None | Some(Value::Null | Value::String(_))
    ) {
        return Err(distrust("destination: expected a string or null"));
    }
    let (Some(before @ Value::Object(_)), Some(after @ Value::Object(_))) = (
        record.get("original_metadata"),
        record.get("updated_metadata"),
    ) else {
        return Err(distrust(
            "original_metadata, updated_metadata: expected objects",
        ));
    };
    if without_handler(before, name).as_ref() != Some(after) {
        return Err(distrust(
            "updated_metadata: expected original_metadata without the deleted item's handler",
        ));
    }
    let now = checkpoint_metadata.map(|bytes| parse(bytes, limits));
    match now {
        Some(Ok(now)) if now == *before || now == *after => Ok(name.to_owned()),
        _ => Err(distrust(
            "_CHECKPOINT_METADATA is neither of the two documents that the record holds",
        )),
    }
}

fn is_operation_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | names::CHECKPOINT_METADATA)
        && !names::is_reserved(name)
        && !name.contains(['/', '\\', '\0'])
}

fn without_handler(metadata: &Value, name: &str) -> Option<Value> {
    let Value::Object(metadata) = metadata else {
        return None;
    };
    let mut metadata = metadata.clone();
    let Some(Value::Object(handlers)) = metadata.get_mut("item_handlers") else {
        return None;
    };
    handlers.remove(name)?;
    Some(Value::Object(metadata))
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Value> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let value = Value::read(&mut json)?;
    json.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str =
        r#"{"item_handlers": {"a": "H", "state": "H"}, "init_timestamp_nsecs": 5}"#;
    const AFTER: &str = r#"{"init_timestamp_nsecs": 5, "item_handlers": {"state": "H"}}"#;

    fn record(id: &str, name: &str, before: &str, after: &str) -> String {
        format!(
            r#"{{"operation_id": "{id}", "checkpointable_name": "{name}", "destination": null,
                "original_metadata": {before}, "updated_metadata": {after}, "extra": 1}}"#
        )
    }

    fn name(record: &str, now: Option<&str>) -> Result<String> {
        deleted_name(
            record.as_bytes(),
            now.map(str::as_bytes),
            &Limits::default(),
        )
    }

    #[test]
    fn a_valid_record_names_the_item_before_and_after_the_update() {
        let valid = record(&"0a".repeat(16), "a", BEFORE, AFTER);
        assert_eq!(name(&valid, Some(BEFORE)).unwrap(), "a");
        assert_eq!(name(&valid, Some(AFTER)).unwrap(), "a");
    }

    #[test]
    fn any_doubt_is_an_error() {
        let id = "0a".repeat(16);
        for (text, now) in [
            (record("0A", "a", BEFORE, AFTER), Some(BEFORE)),
            (record(&id, "..", BEFORE, AFTER), Some(BEFORE)),
            (record(&id, "metrics", BEFORE, AFTER), Some(BEFORE)),
            (record(&id, "b", BEFORE, AFTER), Some(BEFORE)),
            (record(&id, "a", BEFORE, BEFORE), Some(BEFORE)),
            (record(&id, "a", BEFORE, "[]"), Some(BEFORE)),
            (record(&id, "a", BEFORE, AFTER), Some("{}")),
            (record(&id, "a", BEFORE, AFTER), Some("{")),
            (record(&id, "a", BEFORE, AFTER), None),
            (String::new(), Some(BEFORE)),
            ("[]".to_owned(), Some(BEFORE)),
            ("{}".to_owned(), Some(BEFORE)),
        ] {
            let error = name(&text, now).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeletionRecord, "{text} {now:?}");
        }
    }
}

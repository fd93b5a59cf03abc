//! `array_metadatas/process_<N>`: what one process says of the arrays it wrote.
//!
//! ```json
//! {"array_metadatas": [{"array_metadata": {"param_name": "k", "write_shape": [2],
//!   "chunk_shape": [2], "ext_metadata": {"random_key_impl": "threefry2x32"}}}]}
//! ```
//!
//! Only the PRNG implementation of typed key arrays stands nowhere else, so nothing else is read.
//!
//! Source: orbax `_src/metadata/array_metadata_store.py`.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::json::{Dialect, Json};
use crate::limits::Limits;

/// The member that makes reading worthwhile. Python writes it without escapes.
const RANDOM_KEY_IMPL: &str = "random_key_impl";

/// The param name and the PRNG implementation of each typed key array, in file order.
///
/// # Errors
/// `Malformed` if the document does not follow its schema; `Limit`. A document without any key
/// array is not parsed, hence never refused.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Vec<(String, String)>> {
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(RANDOM_KEY_IMPL)) {
        return Ok(Vec::new());
    }
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut keys = Vec::new();
    json.object(|json, name| match name.as_ref() {
        "array_metadatas" => {
            keys.clear();
            json.array(|json| {
                json.object(|json, name| {
                    match name.as_ref() {
                        "array_metadata" => keys.extend(array(json)?),
                        _ => drop(json.skip()?),
                    }
                    Ok(())
                })
            })
            .map_err(|error| error.while_reading("array_metadatas"))
        }
        _ => json.skip().map(|_| ()),
    })?;
    json.end()?;
    Ok(keys)
}

/// One array: its param name and PRNG implementation, if it has one.
fn array(json: &mut Json<'_>) -> Result<Option<(String, String)>> {
    json.peek()?;
    let offset = json.offset();
    let mut param_name = None;
    let mut random_key_impl = None;
    json.object(|json, name| {
        match name.as_ref() {
            "param_name" => param_name = Some(json.string()?.into_owned()),
            "ext_metadata" => random_key_impl = json.optional(ext_metadata)?.flatten(),
            _ => drop(json.skip()?),
        }
        Ok(())
    })?;
    match (param_name, random_key_impl) {
        (Some(name), Some(random_key_impl)) => Ok(Some((name, random_key_impl))),
        (None, Some(_)) => Err(Error::malformed(offset, "member \"param_name\" is missing")),
        (_, None) => Ok(None),
    }
}

fn ext_metadata(json: &mut Json<'_>) -> Result<Option<String>> {
    let mut random_key_impl = None;
    json.object(|json, name| {
        if name == RANDOM_KEY_IMPL {
            random_key_impl = json.optional(Json::string)?.map(Cow::into_owned);
        } else {
            json.skip()?;
        }
        Ok(())
    })
    .map_err(|error| error.while_reading("ext_metadata"))?;
    Ok(random_key_impl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;

    /// As orbax 0.12.8 wrote it.
    const DOCUMENT: &str = r#"{"array_metadatas": [{"array_metadata": {"param_name": "f8", "write_shape": [2], "chunk_shape": [2], "ext_metadata": null}}, {"array_metadata": {"param_name": "key", "write_shape": [2], "chunk_shape": [2], "ext_metadata": {"random_key_impl": "threefry2x32"}}}, {"array_metadata": {"param_name": "keys", "write_shape": [3, 4], "chunk_shape": [3, 4], "ext_metadata": {"random_key_impl": "rbg"}}}]}"#;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn typed_keys_are_listed() {
        let pair = |name: &str, implementation: &str| (name.into(), implementation.into());
        let keys = read(DOCUMENT).unwrap();
        assert_eq!(keys, [pair("key", "threefry2x32"), pair("keys", "rbg")]);
    }

    #[test]
    fn a_document_without_keys_is_not_parsed() {
        assert_eq!(read("{\"array_metadatas\": [{").unwrap(), []);
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn refusals_name_the_byte() {
        for (text, at) in [
            (r#"["random_key_impl"]"#, 0),
            (r#"{"array_metadatas": {"random_key_impl": 1}}"#, 20),
            (
                r#"{"array_metadatas": [{"array_metadata": {"ext_metadata": {"random_key_impl": "rbg"}}}]}"#,
                40,
            ),
            (
                r#"{"array_metadatas": [{"array_metadata": {"param_name": "k", "ext_metadata": {"random_key_impl": 5}}}]}"#,
                96,
            ),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(at)), "{text}: {error}");
        }
    }

    #[test]
    fn every_prefix_that_names_a_key_is_refused() {
        let first = DOCUMENT.find(RANDOM_KEY_IMPL).unwrap() + RANDOM_KEY_IMPL.len();
        for end in first..DOCUMENT.len() {
            assert!(read(DOCUMENT.get(..end).unwrap()).is_err(), "{end}");
        }
    }
}

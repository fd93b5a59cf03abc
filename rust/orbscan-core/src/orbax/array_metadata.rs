//! `array_metadatas/process_<N>`: what one process recorded about the arrays that it wrote.
//!
//! ```json
//! {"array_metadatas": [{"array_metadata": {"param_name": "k", "write_shape": [2],
//!   "chunk_shape": [2], "ext_metadata": {"random_key_impl": "threefry2x32"}}}]}
//! ```
//!
//! Only the PRNG implementation of typed key arrays is recorded nowhere else, so nothing else is
//! read.
//!
//! Source: orbax `_src/metadata/array_metadata_store.py`.

use std::borrow::Cow;

use crate::error::{Error, Offset, Result};
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// The member for which the file is read. Python writes it without escapes.
const RANDOM_KEY_IMPL: &str = "random_key_impl";

/// The number of 32-bit words in a key of a PRNG implementation of JAX; `None` for an
/// implementation that is not part of JAX.
///
/// Source: jax `_src/prng.py`.
pub fn key_words(implementation: &str) -> Option<u64> {
    match implementation {
        "threefry2x32" => Some(2),
        "rbg" | "unsafe_rbg" => Some(4),
        _ => None,
    }
}

/// What the file says about a shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// Nothing from which Orbax could make a tuple.
    #[default]
    Nothing,
    /// A shape, in elements.
    Shape(Vec<u64>),
    /// Something from which Orbax makes a tuple, but which is not a shape. Orbax never looks at it.
    Odd,
}

/// What the file says about one array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The shape of one shard.
    pub write_shape: Said,
    /// The shape of one chunk.
    pub chunk_shape: Said,
    /// The PRNG implementation of a typed key array.
    pub random_key_impl: Option<String>,
    /// A member that no release writes, or an `ext_metadata` without content: the member that says
    /// that the array is a key may be misspelled.
    pub unknown: Option<String>,
}

/// The param name and the PRNG implementation of each typed key array, in file order.
///
/// # Errors
/// `Malformed` if the document does not follow its schema; `Limit`. A document without key arrays
/// is only checked to be complete: if it was cut off, it may have had some.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Vec<(String, String)>> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(RANDOM_KEY_IMPL)) {
        json.skip()?;
        json.end()?;
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    arrays(&mut json, |json| {
        let (param_name, implementation) = key_array(json)?;
        keys.extend(param_name.zip(implementation));
        Ok(())
    })?;
    Ok(keys)
}

/// Passes on the param name of each array and what the file says about it, in file order.
///
/// # Errors
/// `Malformed` if the document does not follow its schema, perhaps after some arrays were passed
/// on; `Limit`.
pub fn visit(
    bytes: &[u8],
    limits: &Limits,
    mut visitor: impl FnMut(&str, &Described),
) -> Result<()> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let mut known: Vec<(&str, Described)> = Vec::new();
    arrays(&mut json, |json| {
        if let Some((name, place)) = usual(json, &known) {
            if let Some((_, described)) = known.get(place) {
                visitor(name, described);
            }
            return Ok(());
        }
        let (name, rest, described) = array(json)?;
        visitor(&name, &described);
        if let Some(rest) = rest
            && known.len() < KEPT
        {
            known.push((rest, described));
        }
        Ok(())
    })
}

/// The start of the entry of an array.
const START: &str = "{\"param_name\": \"";

/// Arrays of a model are of few kinds; this many spellings are remembered.
const KEPT: usize = 16;

/// Reads an entry that is spelled like one of the `known` ones except for its name: the name, and
/// the index of the known entry.
fn usual<'a>(json: &mut Json<'a>, known: &[(&str, Described)]) -> Option<(&'a str, usize)> {
    let mut ahead = json.clone();
    ahead.peek().ok()?;
    let name = ahead.eat_text(START).then(|| ahead.eat_plain())??;
    let place = known.iter().position(|(rest, _)| ahead.eat_text(rest))?;
    *json = ahead;
    Some((name, place))
}

/// Reads the document; `array` reads one array. All of several lists with the same name are read.
fn arrays<'a>(
    json: &mut Json<'a>,
    mut array: impl FnMut(&mut Json<'a>) -> Result<()>,
) -> Result<()> {
    json.object(|json, name| match name.as_ref() {
        "array_metadatas" => json
            .array(|json| entry(json, &mut array))
            .map_err(|error| error.while_reading("array_metadatas")),
        _ => json.skip().map(|_| ()),
    })?;
    json.end()
}

/// One entry of the list.
fn entry<'a>(
    json: &mut Json<'a>,
    array: &mut impl FnMut(&mut Json<'a>) -> Result<()>,
) -> Result<()> {
    json.peek()?;
    let offset = json.offset();
    let mut found = false;
    json.object(|json, name| {
        if name == "array_metadata" {
            found = true;
            return array(json);
        }
        json.skip().map(|_| ())
    })?;
    if found {
        Ok(())
    } else {
        Err(Error::malformed(
            offset,
            "member \"array_metadata\" is missing",
        ))
    }
}

/// One array: its param name, and its PRNG implementation if it has one.
fn key_array(json: &mut Json<'_>) -> Result<(Option<String>, Option<String>)> {
    json.peek()?;
    let offset = json.offset();
    let mut param_name = None;
    let mut random_key_impl = None;
    json.object(|json, name| {
        match name.as_ref() {
            "param_name" => param_name = Some(param(json)?),
            "ext_metadata" => random_key_impl = ext_metadata(json)?,
            _ => drop(json.skip()?),
        }
        Ok(())
    })?;
    if param_name.is_none() && random_key_impl.is_some() {
        return Err(nameless(offset));
    }
    Ok((param_name, random_key_impl))
}

/// One array: its name, the text after the name if the name comes first, and what is said about it.
fn array<'a>(json: &mut Json<'a>) -> Result<(String, Option<&'a str>, Described)> {
    json.peek()?;
    let offset = json.offset();
    let mut behind_name = json.clone();
    let name_first = behind_name.eat_text(START) && behind_name.eat_plain().is_some();
    let mut param_name = None;
    let mut described = Described::default();
    json.object(|json, name| {
        match name.as_ref() {
            "param_name" => param_name = Some(param(json)?),
            "write_shape" => described.write_shape = said(json)?,
            "chunk_shape" => described.chunk_shape = said(json)?,
            "ext_metadata" => {
                let is_null = json.peek()? == Kind::Null;
                described.random_key_impl = ext_metadata(json)?;
                if !is_null && described.random_key_impl.is_none() {
                    described.unknown.get_or_insert_with(|| name.into_owned());
                }
            }
            _ => {
                json.skip()?;
                described.unknown.get_or_insert_with(|| name.into_owned());
            }
        }
        Ok(())
    })?;
    let rest = name_first.then(|| json.since(&behind_name));
    // If there are two names, the second counts.
    let rest = rest.filter(|rest| !rest.contains("param_name"));
    let param_name = param_name.ok_or_else(|| nameless(offset))?;
    Ok((param_name, rest, described))
}

/// The name of an array. Orbax takes anything that can be the key of a dict, and finds no leaf for
/// it.
fn param(json: &mut Json<'_>) -> Result<String> {
    match json.peek()? {
        Kind::Number | Kind::Bool | Kind::Null => json.skip().map(ToOwned::to_owned),
        Kind::String | Kind::Array | Kind::Object => json.string().map(Cow::into_owned),
    }
}

/// What is said about a shape: Orbax makes a tuple of it, whatever it is.
fn said(json: &mut Json<'_>) -> Result<Said> {
    let kind = json.peek()?;
    let mut ahead = json.clone();
    if let Ok(shape) = ahead.shape() {
        *json = ahead;
        return Ok(Said::Shape(shape));
    }
    json.skip()?;
    Ok(match kind {
        Kind::Array | Kind::Object | Kind::String => Said::Odd,
        Kind::Number | Kind::Bool | Kind::Null => Said::Nothing,
    })
}

/// A string, unless the value counts as false in Python: Orbax skips these.
fn unless_false(json: &mut Json<'_>) -> Result<Option<String>> {
    let mut ahead = json.clone();
    if !ahead.truth()? {
        *json = ahead;
        return Ok(None);
    }
    json.string().map(Cow::into_owned).map(Some)
}

fn nameless(offset: Offset) -> Error {
    Error::malformed(offset, "member \"param_name\" is missing")
}

/// The recorded PRNG implementation. Orbax ignores anything that is not an object.
fn ext_metadata(json: &mut Json<'_>) -> Result<Option<String>> {
    if json.peek()? != Kind::Object {
        json.skip()?;
        return Ok(None);
    }
    let mut random_key_impl = None;
    json.object(|json, name| {
        if name == RANDOM_KEY_IMPL {
            random_key_impl = unless_false(json)?;
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
    fn every_array_is_shown_with_all_that_is_said_of_it() {
        let entry = |name: &str, shape: &str| {
            format!(
                r#"{{"array_metadata": {{"param_name": "{name}", "write_shape": {shape}, "chunk_shape": {shape}, "ext_metadata": null}}}}"#
            )
        };
        let odd = r#"{"array_metadata": {"write_shape": null, "param_name": "odd\u0041"}}"#;
        let twice = r#"{"array_metadata": {"param_name": "x", "param_name": "y"}}"#;
        let entries = [
            entry("a", "[2]"),
            entry("b", "[2]"),
            entry("c", "[2, 3]"),
            odd.to_owned(),
            twice.to_owned(),
            entry("\\n", "[2]"),
            entry("d", "[2]"),
        ];
        let text = format!(r#"{{"array_metadatas": [{}]}}"#, entries.join(", "));
        let mut shown = Vec::new();
        let read = visit(text.as_bytes(), &Limits::default(), |name, described| {
            shown.push((name.to_owned(), described.write_shape.clone()));
        });
        read.unwrap();
        let one = |name: &str, shape: Option<&[u64]>| {
            let said = shape.map_or(Said::Nothing, |shape| Said::Shape(shape.to_vec()));
            (name.to_owned(), said)
        };
        let expected = [
            one("a", Some(&[2])),
            one("b", Some(&[2])),
            one("c", Some(&[2, 3])),
            one("oddA", None),
            one("y", None),
            one("\n", Some(&[2])),
            one("d", Some(&[2])),
        ];
        assert_eq!(shown, expected);
        for end in 0..text.len() {
            let cut = text.get(..end).unwrap().as_bytes();
            assert!(visit(cut, &Limits::default(), |_, _| ()).is_err(), "{end}");
        }
    }

    #[test]
    fn a_document_without_keys_need_only_be_whole() {
        assert_eq!(read(r#"{"array_metadatas": 5}"#).unwrap(), []);
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

    /// Found by the damage campaign: the part before the first key was treated as the whole
    /// document.
    #[test]
    fn every_prefix_is_refused() {
        for end in 0..DOCUMENT.len() {
            assert!(read(DOCUMENT.get(..end).unwrap()).is_err(), "{end}");
        }
    }
}

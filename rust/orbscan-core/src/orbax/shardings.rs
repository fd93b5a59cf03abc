//! `_sharding`: the sharding of each leaf, by param name.
//!
//! ```json
//! {"YQ==": "{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:0\"}"}
//! ```
//!
//! Names are base64 in the alphabet for URLs, with padding; 0.4.1 wrote them plainly. Values are
//! JSON inside JSON strings, in Python's dialect. Each text repeats the whole device mesh, so large
//! checkpoints have thousands of equal strings of many kilobytes: each spelling is decoded once,
//! and compared before it is even scanned.
//!
//! Source: orbax `_src/serialization/jax_array_handlers.py`, `tensorstore_utils.py`.

mod members;

use std::cell::OnceCell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use members::Members;

use super::sharding::{self, Sharding};
use crate::cursor::{to_u64, to_usize};
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::json::recent::Recent;
use crate::json::{Dialect, Json, Kind, spelled_at};
use crate::limits::Limits;
use crate::memory;
use crate::numbered::Numbered;

/// What one entry says: no sharding, or the number of a sharding in [`Shardings::table`], or why
/// its text cannot be read.
pub type Entry = Result<Option<usize>>;

/// The shardings of one checkpointable.
#[derive(Clone, Debug, Default)]
pub struct Shardings {
    /// The distinct shardings, in order of appearance.
    pub table: Vec<Sharding>,
    /// The numbers of the entries, by the name of the member.
    entries: Members,
    outcomes: Vec<Entry>,
    /// Whether some names are not base64, so that all may be plain.
    plain_names: OnceCell<bool>,
}

impl Shardings {
    /// Finds the entries of many params.
    pub const fn lookup(&self) -> Lookup<'_> {
        Lookup {
            shardings: self,
            encoded: Vec::new(),
            near: 0,
        }
    }

    fn has_plain_names(&self) -> bool {
        let is_plain = |name: &[u8]| !is_encoded_text(name);
        *self
            .plain_names
            .get_or_init(|| self.entries.names().any(is_plain))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Finds entries one after another, with one buffer for their names.
#[derive(Debug)]
pub struct Lookup<'s> {
    shardings: &'s Shardings,
    encoded: Vec<u8>,
    /// Where the next entry is likely to be.
    near: usize,
}

impl<'s> Lookup<'s> {
    /// The entry of a param; `None` if it has none.
    pub fn get(&mut self, param_name: &str) -> Option<&'s Entry> {
        let length = base64::encoded_len(param_name.len(), true)?;
        if self.encoded.len() < length {
            self.encoded.resize(length, 0);
        }
        let written = URL_SAFE.encode_slice(param_name, &mut self.encoded).ok()?;
        let encoded = self.encoded.get(..written)?;
        let Shardings {
            entries, outcomes, ..
        } = self.shardings;
        let number = match entries.get(encoded, &mut self.near) {
            Some(number) => number,
            None if self.shardings.has_plain_names() => {
                entries.get(param_name.as_bytes(), &mut self.near)?
            }
            None => return None,
        };
        outcomes.get(to_usize(u64::from(number)))
    }
}

/// Whether a name is the only spelling of some text in base64.
fn is_encoded_text(name: &[u8]) -> bool {
    let decoded = URL_SAFE.decode(name);
    decoded.is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}

/// Decodes one `_sharding` file. Offsets in errors count from its start, inside the texts as well.
///
/// # Errors
/// `Malformed` if the file is not a JSON object; `Limit`. A text that cannot be read is an error of
/// its entry only.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Shardings> {
    // The table of entries is smaller than their texts.
    memory::room(to_u64(bytes.len()))?;
    let mut json = Json::new(bytes, Dialect::Strict, limits)?;
    let mut texts = Texts::new(limits);
    let mut shardings = Shardings::default();
    json.object(|json, name| {
        let entry = entry(json, &mut texts)?;
        if shardings.is_empty() {
            // Entries are about as long as the first one.
            let room = json.offset().bytes().max(1);
            let likely = to_u64(bytes.len()).checked_div(room).unwrap_or(0);
            let likely = to_usize(likely).min(MOST_RESERVED);
            let of_names = likely.saturating_mul(name.len());
            shardings.entries.reserve(likely, of_names);
        }
        shardings.entries.insert(&name, entry);
        Ok(())
    })?;
    json.end()?;
    (shardings.table, shardings.outcomes) = texts.into_tables();
    Ok(shardings)
}

/// The most entries for which memory is reserved in advance: the first entry may differ from the
/// rest.
const MOST_RESERVED: usize = 1 << 16;

/// The number of the outcome of one member. An error is one of the file.
fn entry<'a>(json: &mut Json<'a>, texts: &mut Texts<'a>) -> Result<u32> {
    if json.peek()? == Kind::String {
        return texts.read(json);
    }
    // In Orbax, anything that counts as false in Python means "no sharding".
    let offset = json.offset();
    if json.truth()? {
        return texts.add(Err(Error::malformed(offset, "expected a string")));
    }
    if let Some(number) = texts.nothing {
        return Ok(number);
    }
    let number = texts.add(Ok(None))?;
    texts.nothing = Some(number);
    Ok(number)
}

/// Texts decoded so far.
struct Texts<'a> {
    limits: Limits,
    /// The outcome of each distinct spelling; offsets in errors count from the start of the string.
    outcomes: Vec<Entry>,
    spellings: Numbered<&'a str>,
    by_spelling: Vec<u32>,
    meanings: Numbered<Sharding>,
    /// By their latest spellings, because leaves of one kind come in runs.
    recent: Recent<'a, u32>,
    /// The number of the outcome that there is no sharding, without a text.
    nothing: Option<u32>,
}

impl<'a> Texts<'a> {
    fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            outcomes: Vec::new(),
            spellings: Numbered::default(),
            by_spelling: Vec::new(),
            meanings: Numbered::default(),
            recent: Recent::default(),
            nothing: None,
        }
    }

    /// Reads the next string.
    fn read(&mut self, json: &mut Json<'a>) -> Result<u32> {
        let offset = json.offset();
        let outcome = match self.recent.read(json) {
            Some(outcome) => outcome,
            None => self.scan(json)?,
        };
        match self.outcomes.get(to_usize(u64::from(outcome))) {
            // The error names the byte in the file, which differs for each entry.
            Some(Err(error)) => {
                let moved = moved(error, offset);
                self.add(Err(moved))
            }
            _ => Ok(outcome),
        }
    }

    fn add(&mut self, outcome: Entry) -> Result<u32> {
        let number = u32::try_from(self.outcomes.len());
        let number = number.map_err(|_| Error::new(ErrorKind::Limit, "more than 2^32 entries"))?;
        self.outcomes.push(outcome);
        Ok(number)
    }

    /// Reads a string that was not among the latest.
    fn scan(&mut self, json: &mut Json<'a>) -> Result<u32> {
        let nesting = json.nesting();
        let raw = json.skip()?;
        let known = self.spellings.find(&raw);
        let outcome = if let Some(outcome) = known.and_then(|at| self.by_spelling.get(at)) {
            *outcome
        } else {
            let meaning = self.decode(raw, nesting);
            let outcome = self.add(meaning)?;
            self.spellings.push(raw);
            self.by_spelling.push(outcome);
            outcome
        };
        self.recent.insert(raw, outcome);
        Ok(outcome)
    }

    /// Decodes the text that `raw` spells, and finds its number among the distinct shardings.
    fn decode(&mut self, raw: &str, nesting: u32) -> Entry {
        let text = Json::new(raw.as_bytes(), Dialect::Strict, &self.limits)?.string()?;
        if text.is_empty() {
            return Ok(None);
        }
        let read = || {
            let (bytes, start) = (text.as_bytes(), Offset::File(0));
            let mut json = Json::nested(bytes, Dialect::Python, &self.limits, start, nesting)?;
            let sharding = sharding::decode(&mut json)?;
            json.end()?;
            Ok(sharding)
        };
        let sharding = read().map_err(|error: Error| {
            let inside = error.offset().map_or(0, Offset::bytes);
            replaced(&error, Offset::File(spelled_at(raw, inside)))
        })?;
        Ok(Some(self.meanings.number(sharding)))
    }

    /// The distinct shardings, and the outcomes.
    fn into_tables(self) -> (Vec<Sharding>, Vec<Entry>) {
        (self.meanings.into_values(), self.outcomes)
    }
}

/// `error`, whose offset counts from `start`, with an offset that counts from where `start` does.
fn moved(error: &Error, start: Offset) -> Error {
    let inside = error.offset().map_or(0, Offset::bytes);
    replaced(error, start.plus(inside))
}

/// `error` at another offset.
fn replaced(error: &Error, offset: Offset) -> Error {
    Error::new(error.kind(), error.reason()).at(offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Shardings> {
        decode(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn equal_shardings_share_one_number_however_they_are_spelled() {
        // As 0.12.8 wrote it, after a save and after a merge.
        let file = r#"{"YQ==":"{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:0\"}","Yi5k": "{\"device_str\":\"cpu:0\",\"sharding_type\":\"SingleDeviceSharding\"}", "":"{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:1\"}","Yw==":"{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:0\"}"}"#;
        let shardings = read(file).unwrap();
        let single = |device: &str| Sharding::Single {
            device_str: device.to_owned(),
        };
        assert_eq!(shardings.table, [single("cpu:0"), single("cpu:1")]);
        for (name, number) in [("a", 0), ("b.d", 0), ("", 1), ("c", 0)] {
            assert_eq!(
                shardings.lookup().get(name),
                Some(&Ok(Some(number))),
                "{name:?}"
            );
        }
    }

    #[test]
    fn more_spellings_than_are_kept_at_hand_are_still_told_apart() {
        let text = |device: usize| {
            format!(
                r#""{{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"cpu:{device}\"}}""#
            )
        };
        let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";
        let names: Vec<String> = ["YWA", "YWB"]
            .into_iter()
            .flat_map(|start| letters.chars().map(move |last| format!("{start}{last}")))
            .collect();
        let members: Vec<String> = (0..100)
            .map(|i| format!("\"{}\":{}", names[i], text(i % 40)))
            .collect();
        let file = format!("{{{}}}", members.join(","));
        let shardings = read(&file).unwrap();
        assert_eq!(shardings.table.len(), 40);
        for (i, name) in names.iter().enumerate() {
            let name = URL_SAFE.decode(name).unwrap();
            let name = String::from_utf8(name).unwrap();
            assert_eq!(
                shardings.lookup().get(&name),
                Some(&Ok(Some(i % 40))),
                "{i}"
            );
        }
    }

    #[test]
    fn texts_have_one_spelling_in_base64() {
        for (name, is_text) in [
            ("", true),
            ("YQ==", true),
            ("YWI=", true),
            ("w6k_", true),
            ("fn5-", true),
            ("YQ", false),
            ("YQ=", false),
            ("YR==", false),
            ("Y===", false),
            ("YQ==YQ==", false),
            ("fn5+", false),
            ("_w==", false),
            ("Y Q=", false),
        ] {
            assert_eq!(is_encoded_text(name.as_bytes()), is_text, "{name}");
        }
    }

    #[test]
    fn names_that_are_no_base64_are_taken_as_they_are() {
        // As 0.4.1 wrote them. `abcd` is also base64, but not of UTF-8; `YWJj` is base64 of `abc`.
        let file = r#"{"d1":"{\"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"x\"}","abcd":"","YWJj":null}"#;
        let shardings = read(file).unwrap();
        assert_eq!(shardings.lookup().get("d1"), Some(&Ok(Some(0))));
        assert_eq!(shardings.lookup().get("abcd"), Some(&Ok(None)));
        assert_eq!(shardings.lookup().get("YWJj"), Some(&Ok(None)));
        assert_eq!(shardings.lookup().get("e"), None);
        let encoded = read(r#"{"YWJj":null}"#).unwrap();
        assert_eq!(encoded.lookup().get("abc"), Some(&Ok(None)));
        assert_eq!(encoded.lookup().get("YWJj"), None);
        assert_eq!(encoded.len(), 1);
    }

    #[test]
    fn absent_values_mean_no_sharding() {
        for value in ["\"\"", "null", "{}", "[]", "false", "0"] {
            let file = format!("{{\"YQ==\":{value}}}");
            let shardings = read(&file).unwrap();
            assert_eq!(shardings.lookup().get("a"), Some(&Ok(None)), "{value}");
        }
    }

    #[test]
    fn a_broken_text_is_an_error_of_its_entry_at_the_byte_of_the_file() {
        // The byte after the mark is the one that the error names.
        for marked in [
            "^5",
            r#""^{}""#,
            r#""^null""#,
            r#""{\"sharding_type\": ^5}""#,
            r#""\u007b\"sharding_type\": ^5}""#,
            r#""{\"\u00e9\ud83d\ude00é\": 5, \"shape\": ^5}""#,
            r#""{\"^\t\": 1, \"shape\": 5}""#,
            r#""{\"shape\": [^""#,
        ] {
            let value = marked.replace('^', "");
            let file = format!("{{\"YQ==\": {value}, \"Yg==\": {value}, \"Yw==\": \"\"}}");
            let shardings = read(&file).unwrap();
            let mark = marked.find('^').unwrap();
            let first = file.find(&value).unwrap();
            let second = file.rfind(&value).unwrap();
            for (name, at) in [("a", first + mark), ("b", second + mark)] {
                let error = shardings.lookup().get(name).cloned().unwrap().unwrap_err();
                let offset = Offset::File(to_u64(at));
                assert_eq!(error.offset(), Some(offset), "{name} {value}: {error}");
            }
            assert_eq!(shardings.lookup().get("c"), Some(&Ok(None)));
        }
    }

    #[test]
    fn a_broken_file_is_refused() {
        for (file, at) in [
            ("", 0),
            ("null", 0),
            ("[]", 0),
            ("\"x\"", 0),
            ("{\"YQ==\":\"", 9),
            ("{\"YQ==\":NaN}", 8),
            ("{\"YQ==\":\"\\ud800\"}", 8),
            ("{} {}", 3),
        ] {
            let error = read(file).unwrap_err();
            let found = (error.kind(), error.offset());
            assert_eq!(
                found,
                (ErrorKind::Malformed, Some(Offset::File(at))),
                "{file}"
            );
        }
    }

    #[test]
    fn nesting_is_counted_through_strings() {
        let limits = Limits {
            max_nesting: 3,
            ..Limits::default()
        };
        let shallow = r#"{"YQ==": "{\"x\": [1], \"sharding_type\": \"SingleDeviceSharding\", \"device_str\": \"\"}"}"#;
        let deep = r#"{"YQ==": "{\"x\": [[1]]}"}"#;
        let entry = |file: &str| {
            decode(file.as_bytes(), &limits)
                .unwrap()
                .lookup()
                .get("a")
                .cloned()
                .unwrap()
        };
        assert_eq!(entry(shallow), Ok(Some(0)));
        assert_eq!(entry(deep).unwrap_err().kind(), ErrorKind::Limit);
    }

    /// As 0.11.0 wrote it.
    const FILE: &str = r#"{"bQ==":"{\"sharding_type\": \"NamedSharding\", \"shape\": [1], \"axis_names\": [\"m\"], \"partition_spec\": [\"m\"], \"device_mesh\": {\"mesh\": [{\"id\": 0}]}}"}"#;

    #[test]
    fn every_prefix_is_refused() {
        assert_eq!(read(FILE).unwrap().lookup().get("m"), Some(&Ok(Some(0))));
        for end in 0..FILE.len() {
            assert!(read(&FILE[..end]).is_err(), "{end}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_gives_a_value_or_an_error(at in 0..FILE.len(), byte: u8) {
            let mut bytes = FILE.as_bytes().to_vec();
            bytes[at] = byte;
            match decode(&bytes, &Limits::default()) {
                Ok(shardings) => prop_assert!(shardings.len() == 1),
                Err(error) => prop_assert!(error.offset().is_some(), "{error}"),
            }
        }
    }
}

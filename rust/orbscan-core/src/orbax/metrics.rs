//! `metrics/metrics`: what a manager was told about a step, beside the checkpoint.
//!
//! ```json
//! {"loss": 0.25, "accuracy": 0.9}
//! ```
//!
//! Source: orbax `checkpoint_manager.py`, `_get_metrics`; written with Python's `json`, so `NaN` may
//! stand in it.

use crate::error::Result;
use crate::json::{Dialect, Json, Kind};
use crate::limits::Limits;

/// Checks the file and gives the JSON text of its object.
///
/// # Errors
/// `Malformed` if it is no object of JSON; `Limit`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<String> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    json.expect(Kind::Object)?;
    let text = json.skip()?.to_owned();
    json.end()?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Offset};

    #[test]
    fn gives_the_text_of_the_object() {
        let text = decode(b" {\"l\": NaN} \n", &Limits::default());
        assert_eq!(text.unwrap(), "{\"l\": NaN}");
    }

    #[test]
    fn anything_else_is_an_error_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("{\"l\": ", 6),
            ("[1]", 0),
            ("{} {}", 3),
            ("null", 0),
        ] {
            let error = decode(text.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{text}");
            assert_eq!(error.offset(), Some(Offset::File(at)), "{text}");
        }
    }
}

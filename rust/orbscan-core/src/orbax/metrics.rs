//! `metrics/metrics`: the metrics that a manager was given with a step, beside the checkpoint.
//!
//! ```json
//! {"loss": 0.25, "accuracy": 0.9}
//! ```
//!
//! It is usually an object; a manager writes whatever it was given, including a single number or a
//! list.
//!
//! Source: orbax `checkpoint_manager.py`, `_get_metrics`; written with Python's `json`, so it may
//! contain `NaN`.

use crate::error::Result;
use crate::json::{Dialect, Json};
use crate::limits::Limits;

/// Checks the file and returns its JSON text.
///
/// # Errors
/// `Malformed` if it is not JSON; `Limit`.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<String> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
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
    fn what_is_no_object_is_given_as_well() {
        for text in ["0.5", "[1, 2]", "null", "\"a\"", "NaN"] {
            let found = decode(text.as_bytes(), &Limits::default());
            assert_eq!(found.unwrap(), text);
        }
    }

    #[test]
    fn anything_else_is_an_error_with_its_place() {
        for (text, at) in [("", 0), ("{\"l\": ", 6), ("{} {}", 3), ("nul", 0)] {
            let error = decode(text.as_bytes(), &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{text}");
            assert_eq!(error.offset(), Some(Offset::File(at)), "{text}");
        }
    }
}

//! Whole numbers as TensorStore reads them.

use crate::error::{Error, Result};
use crate::json::Json;

/// Reads a whole number from `least` to `greatest`, which may be spelled `4.0` or `4e0`.
///
/// # Errors
/// `Malformed` if it is not such a number.
pub(super) fn whole<T: TryFrom<i128>>(
    json: &mut Json<'_>,
    least: i128,
    greatest: i128,
) -> Result<T> {
    json.peek()?;
    let offset = json.offset();
    let text = json.number()?;
    exact(text)
        .filter(|number| (least..=greatest).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            let reason =
                format!("expected a whole number from {least} to {greatest}, found {text}");
            Error::malformed(offset, reason)
        })
}

/// The whole number that a JSON number spells, if it is whole.
fn exact(text: &str) -> Option<i128> {
    // All numbers that callers need fit into 64 bits.
    const LARGEST: f64 = 18_446_744_073_709_551_616.0;
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    if number.fract() != 0.0 || number.abs() > LARGEST {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Offset;
    use crate::json::Dialect;
    use crate::limits::Limits;

    fn read(text: &str) -> Result<i64> {
        let mut json = Json::new(text.as_bytes(), Dialect::Strict, &Limits::default())?;
        whole(&mut json, -8, i128::from(i64::MAX) - 1)
    }

    #[test]
    fn whole_numbers_may_be_spelled_with_a_point() {
        for (text, number) in [
            ("0", 0),
            ("-0.0", 0),
            ("4.0", 4),
            ("4e0", 4),
            ("1e17", 100_000_000_000_000_000),
            ("9223372036854775806", i64::MAX - 1),
            ("-8", -8),
        ] {
            assert_eq!(read(text).unwrap(), number, "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_where_it_begins() {
        for text in [
            " 1.5",
            " -9",
            " 9223372036854775807",
            " 1e19",
            " 1e999",
            " true",
            " \"1\"",
            " null",
            " []",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.offset(), Some(Offset::File(1)), "{text}");
        }
    }
}

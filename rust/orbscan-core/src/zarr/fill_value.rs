//! Fill values. Only whether they fit the element type matters, because TensorStore refuses the
//! document otherwise.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::dtype::DType;
use super::{number, one_of};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result, counted};
use crate::json::{Json, Kind};

/// The words for floating-point numbers that JSON cannot spell.
const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Base64 as TensorStore reads it: with all of its padding, or without any; bits that do not belong
/// to a byte may have any value.
static PADDED: GeneralPurpose = base64_with(DecodePaddingMode::RequireCanonical);
static BARE: GeneralPurpose = base64_with(DecodePaddingMode::RequireNone);

const fn base64_with(padding: DecodePaddingMode) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(padding)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::STANDARD, config)
}

/// How a Zarr 2 document spells the fill value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As a value of the element type.
    Value(DType),
    /// As this many bytes in base64: structured types and raw bytes.
    Bytes(u64),
}

impl Spelling {
    /// The spelling for a plain element type.
    pub(super) const fn of(dtype: DType) -> Self {
        match dtype {
            // TensorStore distinguishes kinds by the letters of a spelling like `<f4`, and this
            // name has an `l` at that position.
            DType::Float4E2M1Fn => Self::Bytes(1),
            other => Self::Value(other),
        }
    }
}

/// Checks the fill value of a Zarr 2 document.
///
/// # Errors
/// `Malformed` if it does not fit.
///
/// Source: tensorstore `driver/zarr/metadata.cc`, `ParseFillValue`.
pub(super) fn check_v2(json: &mut Json<'_>, spelling: Spelling) -> Result<()> {
    let kind = json.peek()?;
    match spelling {
        _ if kind == Kind::Null => json.skip().map(|_| ()),
        Spelling::Bytes(count) => base64(json, count),
        Spelling::Value(dtype) if dtype.is_bool() => json.boolean().map(|_| ()),
        // For small types it only checks that the number fits into the byte.
        Spelling::Value(dtype) if dtype.is_integer() => {
            integer(json, dtype, dtype.item_bytes().saturating_mul(8))
        }
        Spelling::Value(dtype) if dtype.is_complex() && kind != Kind::Array => {
            base64(json, dtype.item_bytes())
        }
        Spelling::Value(dtype) if dtype.is_complex() => pair(json, float_v2),
        Spelling::Value(_) => float_v2(json),
    }
}

/// Checks the fill value of a Zarr 3 document.
///
/// # Errors
/// `Malformed` if it does not fit.
///
/// Source: tensorstore `driver/zarr3/metadata.cc`, `FillValueJsonBinder`.
pub(super) fn check_v3(json: &mut Json<'_>, dtype: DType) -> Result<()> {
    let bytes = dtype.item_bytes();
    if dtype.is_bool() {
        json.boolean().map(|_| ())
    } else if dtype.is_integer() {
        integer(json, dtype, dtype.bits())
    } else if dtype.is_complex() {
        pair(json, |json| float_v3(json, bytes.saturating_div(2)))
    } else {
        float_v3(json, bytes)
    }
}

fn integer(json: &mut Json<'_>, dtype: DType, bits: u64) -> Result<()> {
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    let (least, greatest) = if dtype.is_signed() {
        let half = 1_i128.wrapping_shl(bits.saturating_sub(1));
        (half.saturating_neg(), half.saturating_sub(1))
    } else {
        (0, 1_i128.wrapping_shl(bits).saturating_sub(1))
    };
    number::whole::<i128>(json, least, greatest).map(|_| ())
}

fn pair(json: &mut Json<'_>, mut part: impl FnMut(&mut Json<'_>) -> Result<()>) -> Result<()> {
    json.peek()?;
    let offset = json.offset();
    let parts = json.list(|json| part(json))?;
    match parts.len() {
        2 => Ok(()),
        count => {
            let reason = format!("expected a real and an imaginary part, found {count} numbers");
            Err(Error::malformed(offset, reason))
        }
    }
}

/// A number, one of the words, or a number in quotes.
fn float_v2(json: &mut Json<'_>) -> Result<()> {
    if json.peek()? != Kind::String {
        return json.number().map(|_| ());
    }
    let offset = json.offset();
    let text = json.string()?;
    let finite = || text.trim().parse().is_ok_and(f64::is_finite);
    let hexadecimal = || text.trim().strip_prefix("0x").is_some_and(is_hexadecimal);
    if WORDS.contains(&text.as_ref()) || finite() || hexadecimal() {
        return Ok(());
    }
    let reason = format!("{text:?} is not a floating-point number");
    Err(Error::malformed(offset, reason))
}

/// A number, one of the words, or the bits in hexadecimal.
fn float_v3(json: &mut Json<'_>, bytes: u64) -> Result<()> {
    if json.peek()? != Kind::String {
        return json.number().map(|_| ());
    }
    let digits = json.clone().string()?;
    if let Some(digits) = digits.strip_prefix("0x") {
        let most = crate::cursor::to_usize(bytes.saturating_mul(2));
        if !is_hexadecimal(digits) || digits.len() > most {
            let bytes = counted(bytes, "byte", "bytes");
            let reason = format!("expected the bits of {bytes} in hexadecimal");
            return Err(json.malformed(reason));
        }
        return json.skip().map(|_| ());
    }
    one_of(json, &WORDS, ErrorKind::Malformed).map(|_| ())
}

fn is_hexadecimal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// `count` bytes in base64; padding may be missing.
fn base64(json: &mut Json<'_>, count: u64) -> Result<()> {
    json.peek()?;
    let offset = json.offset();
    let text = json.string()?;
    let engine = if text.ends_with('=') { &PADDED } else { &BARE };
    let bytes = engine.decode(&*text).ok();
    if bytes.is_some_and(|bytes| to_u64(bytes.len()) == count) {
        return Ok(());
    }
    let reason = format!("expected {} in base64", counted(count, "byte", "bytes"));
    Err(Error::malformed(offset, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Dialect;
    use crate::limits::Limits;

    fn accepted(check: impl Fn(&mut Json<'_>) -> Result<()>) -> Vec<&'static str> {
        let accepts = |text: &&str| {
            let limits = Limits::default();
            let mut json = Json::new(text.as_bytes(), Dialect::Strict, &limits).unwrap();
            check(&mut json).and_then(|()| json.end()).is_ok()
        };
        TEXTS.into_iter().filter(accepts).collect()
    }

    const TEXTS: [&str; 24] = [
        "null",
        "0",
        "-1",
        "2",
        "127",
        "300",
        "1.5",
        "1.0",
        "true",
        "\"NaN\"",
        "\"nan\"",
        "\"inf\"",
        "\"-Infinity\"",
        "\" 1.5\"",
        "\"0x7fc0\"",
        "\"0x7fc00000\"",
        "\"0x\"",
        "[0,0.5]",
        "[0,\"NaN\"]",
        "[0]",
        "{}",
        "\"AAAA\"",
        "\"AAAAAAAAAAA=\"",
        "\"AA==\"",
    ];

    #[test]
    fn zarr_2_fill_values_are_checked_as_tensorstore_checks_them() {
        for (dtype, texts) in [
            (DType::Bool, "null true"),
            (DType::Int2, "null 0 -1 2 127 1.0"),
            (DType::UInt16, "null 0 2 127 300 1.0"),
            (
                DType::Float32,
                "null 0 -1 2 127 300 1.5 1.0 \"NaN\" \"-Infinity\" \" 1.5\" \"0x7fc0\" \"0x7fc00000\"",
            ),
            (
                DType::Complex64,
                "null [0,0.5] [0,\"NaN\"] \"AAAAAAAAAAA=\"",
            ),
            (DType::Float4E2M1Fn, "null \"0x\" \"AA==\""),
        ] {
            let found = accepted(|json| check_v2(json, Spelling::of(dtype)));
            assert_eq!(found.join(" "), texts, "{dtype:?}");
        }
        let found = accepted(|json| check_v2(json, Spelling::Bytes(3)));
        assert_eq!(found.join(" "), "null \"AAAA\"");
    }

    #[test]
    fn zarr_3_fill_values_are_checked_as_tensorstore_checks_them() {
        for (dtype, texts) in [
            (DType::Bool, "true"),
            (DType::Int2, "0 -1 1.0"),
            (DType::Int8, "0 -1 2 127 1.0"),
            (
                DType::Float16,
                "0 -1 2 127 300 1.5 1.0 \"NaN\" \"-Infinity\" \"0x7fc0\"",
            ),
            (
                DType::Float32,
                "0 -1 2 127 300 1.5 1.0 \"NaN\" \"-Infinity\" \"0x7fc0\" \"0x7fc00000\"",
            ),
            (DType::Complex64, "[0,0.5] [0,\"NaN\"]"),
        ] {
            let found = accepted(|json| check_v3(json, dtype));
            assert_eq!(found.join(" "), texts, "{dtype:?}");
        }
    }
}

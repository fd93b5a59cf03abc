//! Escapes in JSON strings: `\n`, `\u00e9`, surrogate pairs.

use super::scan;
use crate::cursor::to_u64;

/// The escapes in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// There are none.
    None,
    /// All stand for one character: `\n`, `\"`.
    Characters,
    /// Some are code units of UTF-16: `\u00e9`.
    Units,
}

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\0'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The text that `raw`, checked by `Json::raw_string`, spells; or the position of a lone surrogate.
pub(super) fn unescape(raw: &str) -> std::result::Result<String, usize> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        // Quotes and control characters stand in escapes alone.
        let at = scan::plain_until(rest.as_bytes(), 0);
        if at >= rest.len() {
            break;
        }
        let offset = || raw.len().saturating_sub(rest.len()).saturating_add(at);
        let (plain, escape) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut length = 2;
        match escape.as_bytes().get(1) {
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'n') => out.push('\n'),
            Some(b'r') => out.push('\r'),
            Some(b't') => out.push('\t'),
            Some(b'u') => {
                let high = code_unit(escape).ok_or_else(offset)?;
                length = 6;
                let point = if (0xd800..0xdc00).contains(&high) {
                    length = 12;
                    let low = escape.get(6..).and_then(code_unit);
                    let low = low.filter(|low| (0xdc00..0xe000).contains(low));
                    // Ten bits each, counted from U+10000.
                    low.map(|low| (((high & 0x3ff) << 10) | (low & 0x3ff)).saturating_add(0x1_0000))
                } else {
                    Some(high)
                };
                out.push(point.and_then(char::from_u32).ok_or_else(offset)?);
            }
            Some(other) => out.push(char::from(*other)),
            None => return Err(offset()),
        }
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

/// The position in `raw`, a JSON string with its quotes, at which byte number `wanted` of its text
/// is spelled.
pub(crate) fn spelled_at(raw: &str, wanted: u64) -> u64 {
    let body = raw.get(1..).unwrap_or_default();
    let mut at = 0;
    let mut text = 0;
    while text < wanted {
        let rest = body.get(at..).unwrap_or_default();
        let Some(c) = rest.chars().next() else {
            break;
        };
        let spelled = match c {
            '\\' if is_pair(rest) => (12, 4),
            '\\' if rest.starts_with("\\u") => (6, escaped_bytes(rest)),
            '\\' => (2, 1),
            c => (c.len_utf8(), to_u64(c.len_utf8())),
        };
        at = usize::saturating_add(at, spelled.0);
        text = u64::saturating_add(text, spelled.1);
    }
    to_u64(at).saturating_add(1)
}

/// Whether an escape is the first half of a surrogate pair. The text was decoded before, so the
/// other half follows.
fn is_pair(escape: &str) -> bool {
    code_unit(escape).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

/// The bytes in UTF-8 of the character that an escape spells.
fn escaped_bytes(escape: &str) -> u64 {
    let c = code_unit(escape).and_then(char::from_u32);
    c.map_or(1, |c| to_u64(c.len_utf8()))
}

/// The number in a `\uXXXX` at the start of `escape`.
fn code_unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

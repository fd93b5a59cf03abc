//! Escapes in JSON strings: `\n`, `\u00e9`, surrogate pairs.

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
    while let Some(at) = rest.find('\\') {
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

/// The number in a `\uXXXX` at the start of `escape`.
fn code_unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

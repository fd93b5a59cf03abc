//! Strings as Python spells them, and keys as every output spells them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters that would make a key ambiguous in a keypath.
const SPECIAL: &[char] = &['/', '[', ']', '{', '}', '\'', '"', '\\', ' '];

/// A key of a keypath, in quotes if it would be ambiguous otherwise.
pub fn key(name: &str) -> Cow<'_, str> {
    let plain =
        !name.is_empty() && name != "." && !name.contains(SPECIAL) && name.chars().all(printable);
    if plain {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(quoted(name))
    }
}

/// What `repr` gives for a string.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push(quote);
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if char == quote => out.extend(['\\', quote]),
            _ if printable(char) => out.push(char),
            _ => escape(char, &mut out),
        }
    }
    out.push(quote);
    out
}

fn escape(char: char, out: &mut String) {
    let code = u32::from(char);
    // Writing to a string cannot fail.
    let _ = match code {
        0..0x100 => write!(out, "\\x{code:02x}"),
        0x100..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}

/// What `str.isprintable` returns for a character. The standard library has the same table, but
/// exposes it only through what it escapes: after a letter it does not escape combining marks, like
/// Python.
fn printable(char: char) -> bool {
    if char.is_ascii() {
        return char == ' ' || char.is_ascii_graphic();
    }
    let mut text = String::from('a');
    text.push(char);
    text.escape_debug().nth(1) == Some(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_where_they_could_be_taken_for_something_else() {
        for (name, text) in [
            ("kernel", "kernel"),
            ("0", "0"),
            ("", "''"),
            (".", "'.'"),
            ("..", ".."),
            ("a/b", "'a/b'"),
            ("a[0]", "'a[0]'"),
            ("it's", "\"it's\""),
            ("it's \"it\"", "'it\\'s \"it\"'"),
            ("a\\b", "'a\\\\b'"),
            ("a\tb\n", "'a\\tb\\n'"),
            ("\u{1b}[31m", "'\\x1b[31m'"),
            ("\u{a0}", "'\\xa0'"),
            ("\u{200b}", "'\\u200b'"),
            ("\u{e000}", "'\\ue000'"),
            ("\u{10ffff}", "'\\U0010ffff'"),
            ("e\u{301}", "e\u{301}"),
            ("重み", "重み"),
            ("😀", "😀"),
        ] {
            assert_eq!(key(name), text, "{name:?}");
        }
    }
}

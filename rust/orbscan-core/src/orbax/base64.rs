//! Base64 in the alphabet for URLs, with padding: how `_sharding` spells param names.

/// The letters by what they stand for.
const LETTERS: [u8; 64] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What [`SEXTETS`] has for a byte that is no letter: more than any sextet.
const NO_LETTER: u32 = 0x40;

/// The six bits that each letter stands for, by byte.
const SEXTETS: [u8; 256] = {
    let mut table = [0; 256];
    let mut slots: &mut [u8] = &mut table;
    let mut byte = 0_u8;
    while let Some((slot, rest)) = slots.split_first_mut() {
        *slot = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'-' => 62,
            b'_' => 63,
            _ => 0x40,
        };
        byte = byte.wrapping_add(1);
        slots = rest;
    }
    table
};

/// The one way to spell a text.
pub fn encode(text: &str) -> Vec<u8> {
    let (groups, rest) = text.as_bytes().as_chunks::<3>();
    let length = groups.len().saturating_mul(4);
    let mut encoded = Vec::with_capacity(length.saturating_add(4));
    encoded.resize(length, 0);
    let (quads, _) = encoded.as_chunks_mut::<4>();
    for (quad, group) in quads.iter_mut().zip(groups) {
        *quad = encode_group(*group);
    }
    match rest {
        [a] => {
            let [first, second, ..] = encode_group([*a, 0, 0]);
            encoded.extend_from_slice(&[first, second, b'=', b'=']);
        }
        [a, b] => {
            let [first, second, third, _] = encode_group([*a, *b, 0]);
            encoded.extend_from_slice(&[first, second, third, b'=']);
        }
        _ => {}
    }
    encoded
}

/// Whether `encoded` is the one way to spell some text.
pub fn is_text(encoded: &[u8]) -> bool {
    decode(encoded).is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}

/// The bytes that `encoded` stands for; `None` if it is not the one way to spell them.
pub fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let (groups, rest) = encoded.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let Some((last, groups)) = groups.split_last() else {
        return Some(decoded);
    };
    for group in groups {
        decoded.extend_from_slice(&decode_group(*group)?);
    }
    let (letters, given) = match last {
        [a, b, b'=', b'='] => ([*a, *b, b'A', b'A'], 1),
        [a, b, c, b'='] => ([*a, *b, *c, b'A'], 2),
        letters => (*letters, 3),
    };
    let bytes = decode_group(letters)?;
    let (given, beyond) = bytes.split_at_checked(given)?;
    if beyond.iter().any(|byte| *byte != 0) {
        return None;
    }
    decoded.extend_from_slice(given);
    Some(decoded)
}

/// The four letters of three bytes.
fn encode_group([a, b, c]: [u8; 3]) -> [u8; 4] {
    let bits = u32::from_be_bytes([0, a, b, c]);
    [18, 12, 6, 0].map(|shift| {
        let [.., sextet] = ((bits >> shift) & 0x3f).to_be_bytes();
        LETTERS.get(usize::from(sextet)).copied().unwrap_or(b'=')
    })
}

/// The three bytes of four letters.
fn decode_group(letters: [u8; 4]) -> Option<[u8; 3]> {
    let [a, b, c, d] = letters.map(|letter| {
        let sextet = SEXTETS.get(usize::from(letter)).copied();
        sextet.map_or(NO_LETTER, u32::from)
    });
    let [_, bytes @ ..] = ((a << 18) | (b << 12) | (c << 6) | d).to_be_bytes();
    ((a | b | c | d) < NO_LETTER).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_have_one_spelling() {
        for (encoded, text) in [
            ("", Some("")),
            ("YQ==", Some("a")),
            ("YWI=", Some("ab")),
            ("Yi5k", Some("b.d")),
            ("w6k_", Some("é?")),
            ("fn5-", Some("~~~")),
            ("YQ", None),
            ("YQ=", None),
            ("YR==", None),
            ("YWJ=", None),
            ("Y===", None),
            ("====", None),
            ("YQ==YQ==", None),
            ("fn5+", None),
            ("_w==", None),
            ("Y Q=", None),
        ] {
            assert_eq!(is_text(encoded.as_bytes()), text.is_some(), "{encoded}");
            if let Some(text) = text {
                assert_eq!(encode(text), encoded.as_bytes());
            }
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text: String) {
            prop_assert_eq!(decode(&encode(&text)), Some(text.into_bytes()));
        }

        #[test]
        fn what_decodes_is_what_encodes(encoded in "[A-Za-z0-9=_-]{0,12}") {
            if let Some(decoded) = decode(encoded.as_bytes())
                && let Ok(text) = String::from_utf8(decoded)
            {
                prop_assert_eq!(encode(&text), encoded.into_bytes());
            }
        }
    }
}

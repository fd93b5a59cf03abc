//! The strings of a document, checked to be UTF-8 as they are read.
//!
//! Checking many short strings one by one takes longer than checking a whole stretch of the
//! document; checking the whole document first would scan twice what is later recognised by its
//! spelling.

/// How many bytes are checked at once.
const STRETCH: usize = 512;

/// A stretch of a document that is known to be UTF-8.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Checked<'a> {
    /// The bytes of `document` from `start` to `end`, which is not inside a character, as text; or
    /// the first position that is not UTF-8.
    #[inline]
    pub(super) fn text(
        &mut self,
        document: &'a [u8],
        start: usize,
        end: usize,
    ) -> Result<&'a str, usize> {
        match self.known(start, end) {
            Some(text) => Ok(text),
            None => self.check(document, start, end),
        }
    }

    fn known(&self, start: usize, end: usize) -> Option<&'a str> {
        let (first, last) = (start.checked_sub(self.start)?, end.checked_sub(self.start)?);
        self.text.get(first..last)
    }

    fn check(&mut self, document: &'a [u8], start: usize, end: usize) -> Result<&'a str, usize> {
        let reach = start.saturating_add(STRETCH).max(end).min(document.len());
        let bytes = document.get(start..reach).unwrap_or_default();
        self.text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        self.start = start;
        self.known(start, end)
            .ok_or_else(|| start.saturating_add(self.text.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_wherever_it_lies() {
        let document = "aé".repeat(1_000);
        let mut checked = Checked::default();
        for (start, end) in [
            (0, 3),
            (3, 6),
            (600, 603),
            (3, 6),
            (0, 3_000),
            (2_997, 3_000),
        ] {
            let text = checked.text(document.as_bytes(), start, end);
            assert_eq!(text, Ok(&document[start..end]));
        }
    }

    #[test]
    fn what_is_no_text_is_refused_where_it_begins() {
        let mut checked = Checked::default();
        let document = b"abc\xffdef";
        assert_eq!(checked.text(document, 0, 3), Ok("abc"));
        assert_eq!(checked.text(document, 1, 5), Err(3));
        assert_eq!(checked.text(document, 4, 7), Ok("def"));
        // Cut inside a character.
        assert_eq!(checked.text("aé".as_bytes(), 0, 2), Err(3));
    }
}

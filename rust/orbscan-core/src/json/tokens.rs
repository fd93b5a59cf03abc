//! From bytes to tokens: what a parser reads, and the errors where something else stands.

use super::escape::Escapes;
use super::{Json, scan};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};

impl<'a> Json<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn eat(&mut self, wanted: u8) -> bool {
        let found = self.byte() == Some(wanted);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    pub(super) fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at = self.at.saturating_add(1);
        }
    }

    pub(super) fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at = self.at.saturating_add(1);
        }
        self.at.saturating_sub(start)
    }

    pub(super) fn slice(&mut self, start: usize) -> &'a str {
        // This parser reads only ASCII and strings that were checked, so the fallback is never
        // used.
        let read = self.checked.text(self.bytes, start, self.at);
        read.unwrap_or_default()
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<()> {
        let end = self.at.saturating_add(word.len());
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at = end;
        Ok(())
    }

    pub(super) fn open(&mut self) -> Result<()> {
        if self.nesting >= self.max_nesting {
            return Err(self.too_deep());
        }
        self.nesting = self.nesting.saturating_add(1);
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    #[cold]
    fn too_deep(&self) -> Error {
        let most = self.max_nesting;
        let reason = format!("JSON nested more than {most} levels deep");
        Error::new(ErrorKind::Limit, reason).at(self.offset())
    }

    pub(super) fn closes(&mut self, close: u8) -> bool {
        self.space();
        let closed = self.eat(close);
        if closed {
            self.nesting = self.nesting.saturating_sub(1);
        }
        closed
    }

    pub(super) fn more(&mut self, close: u8, wanted: &str) -> Result<bool> {
        if self.closes(close) {
            return Ok(false);
        }
        if self.eat(b',') {
            return Ok(true);
        }
        Err(self.expected(wanted))
    }

    #[cold]
    pub(super) fn expected(&self, what: &str) -> Error {
        match self.byte() {
            Some(_) => self.malformed(format!("expected {what}")),
            None => self.cut(),
        }
    }

    pub(super) fn cut(&self) -> Error {
        self.malformed("unexpected end of JSON")
    }

    /// The text between the quotes, and its escapes.
    pub(super) fn raw_string(&mut self) -> Result<(&'a str, Escapes)> {
        let bytes = self.bytes;
        let start = self.at.saturating_add(1);
        let mut at = start;
        let mut escapes = Escapes::None;
        loop {
            at = scan::plain_until(bytes, at);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    let length = self.escape_length(at)?;
                    escapes = match (length, escapes) {
                        (2, Escapes::None | Escapes::Characters) => Escapes::Characters,
                        _ => Escapes::Units,
                    };
                    at = at.saturating_add(length);
                }
                Some(_) => {
                    self.at = at;
                    return Err(self.malformed("control character in a string"));
                }
                None => {
                    self.at = at;
                    return Err(self.malformed("unexpected end of JSON inside a string"));
                }
            }
        }
        self.at = at.saturating_add(1);
        self.checked
            .text(bytes, start, at)
            .map(|raw| (raw, escapes))
            .map_err(|at| {
                let at = self.origin.plus(to_u64(at));
                Error::malformed(at, "string is not UTF-8")
            })
    }

    /// The bytes of the escape at `at`.
    pub(super) fn escape_length(&mut self, at: usize) -> Result<usize> {
        let bytes = self.bytes;
        match bytes.get(at.saturating_add(1)) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => {
                let digits = bytes.get(at.saturating_add(2)..at.saturating_add(6));
                if digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                    return Ok(6);
                }
                self.at = at;
                Err(self.malformed("broken \\u escape"))
            }
            _ => {
                self.at = at;
                Err(self.malformed("unknown escape in a string"))
            }
        }
    }
}

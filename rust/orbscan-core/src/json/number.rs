//! Numbers of a document.

use super::{Dialect, Json, Kind};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::MAX_NUMBER_BYTES;

impl<'a> Json<'a> {
    /// Reads a number as it is spelled.
    ///
    /// # Errors
    /// `Malformed` if the next value is not a number; `Limit` if it is too long.
    pub fn number(&mut self) -> Result<&'a str> {
        self.expect(Kind::Number)?;
        let start = self.at;
        self.eat(b'-');
        if matches!(self.byte(), Some(b'N' | b'I')) {
            return self.word(start);
        }
        let zero = self.byte() == Some(b'0');
        let whole = self.digits();
        let bad = whole == 0 || (zero && whole > 1);
        let mut bad = bad;
        if self.eat(b'.') {
            bad |= self.digits() == 0;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at = self.at.saturating_add(1);
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at = self.at.saturating_add(1);
            }
            bad |= self.digits() == 0;
        }
        let length = self.at.saturating_sub(start);
        if bad || length > MAX_NUMBER_BYTES {
            return Err(self.bad_number(start, bad));
        }
        Ok(self.slice(start))
    }

    /// Reads the rest of a number that is spelled as a word, from `start` on.
    #[cold]
    fn word(&mut self, start: usize) -> Result<&'a str> {
        let rest = self.bytes.get(start..).unwrap_or_default();
        for word in ["NaN", "Infinity", "-Infinity"] {
            if rest.starts_with(word.as_bytes()) {
                if self.dialect == Dialect::Strict {
                    self.at = start;
                    return Err(self.malformed(format!("{word} is not a JSON number")));
                }
                self.at = start.saturating_add(word.len());
                return Ok(self.slice(start));
            }
        }
        Err(self.bad_number(start, true))
    }

    /// The error of a number that is none, or is too long.
    #[cold]
    fn bad_number(&mut self, start: usize, bad: bool) -> Error {
        let at = self.origin.plus(to_u64(start));
        if bad {
            let reason = format!("{:?} is not a JSON number", self.slice(start));
            return Error::malformed(at, reason);
        }
        let length = self.at.saturating_sub(start);
        let reason = format!("number of {length} digits, the limit is {MAX_NUMBER_BYTES}");
        Error::new(ErrorKind::Limit, reason).at(at)
    }

    /// Reads a whole number. The strict dialect takes `4.0` and `4e0` for 4, as TensorStore does.
    ///
    /// # Errors
    /// `Malformed` if the next value is not a whole number or does not fit.
    pub fn integer(&mut self) -> Result<i64> {
        self.expect(Kind::Number)?;
        let offset = self.offset();
        let text = self.number()?;
        if let Ok(number) = text.parse() {
            return Ok(number);
        }
        if self.dialect == Dialect::Strict
            && let Some(number) = integral(text)
        {
            return Ok(number);
        }
        Err(Error::malformed(
            offset,
            format!("expected a whole number of 64 bits, found {text}"),
        ))
    }

    /// Reads a list of whole numbers that are not negative: a shape, in elements.
    ///
    /// # Errors
    /// `Malformed` if it is not such a list.
    pub fn shape(&mut self) -> Result<Vec<u64>> {
        self.list(|json| {
            json.peek()?;
            let offset = json.offset();
            let number = json.integer()?;
            u64::try_from(number).map_err(|_| {
                Error::malformed(offset, format!("negative length {number} in a shape"))
            })
        })
    }
}

/// The whole number that a decimal such as `4.0` or `4e0` spells, if it is whole.
fn integral(text: &str) -> Option<i64> {
    // In this range every whole f64 is exact, and no number of a file is larger.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = text.parse().ok()?;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

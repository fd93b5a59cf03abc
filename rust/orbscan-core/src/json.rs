//! A pull parser for JSON: no tree in memory, capped nesting, exact offsets, two dialects.
//!
//! The JSON of a checkpoint comes from two writers, whose parsers differ. Python's `json`
//! (`_METADATA`, `_CHECKPOINT_METADATA`, the strings inside `_sharding`) takes `NaN`, `Infinity`
//! and lone surrogates but no byte order mark; TensorStore's (`.zarray`, `zarr.json`, `_sharding`
//! itself) takes a byte order mark and `4.0` for 4 but none of those. A parser for one rejects
//! files that the other reads, so the dialect is an argument.
//!
//! Members of an object come in file order, including duplicates: a caller that keeps the last one
//! behaves as both reference parsers do.

mod checked;
mod escape;
mod number;
pub mod recent;
mod scan;
#[cfg(test)]
mod tests;
mod tokens;
pub mod value;

use std::borrow::Cow;

use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::interrupt;
use crate::limits::Limits;
use crate::stand_in;
use checked::Checked;
pub use escape::quote;
pub(crate) use escape::spelled_at;
use escape::{Escapes, unescape};

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whose rules a document follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Python's `json` module.
    Python,
    /// TensorStore's parser.
    Strict,
}

/// What the next value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A number, also `NaN` and the infinities.
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Null => "null",
        }
    }
}

/// The kind of value that begins with each byte.
const KINDS: [Option<Kind>; 256] = {
    let mut kinds = [None; 256];
    let mut rest: &mut [Option<Kind>] = &mut kinds;
    let mut byte = 0_u8;
    while let [kind, more @ ..] = rest {
        *kind = match byte {
            b'{' => Some(Kind::Object),
            b'[' => Some(Kind::Array),
            b'"' => Some(Kind::String),
            b'-' | b'0'..=b'9' | b'N' | b'I' => Some(Kind::Number),
            b't' | b'f' => Some(Kind::Bool),
            b'n' => Some(Kind::Null),
            _ => None,
        };
        byte = byte.wrapping_add(1);
        rest = more;
    }
    kinds
};

/// A parser positioned somewhere in a document. Strings are checked to be UTF-8 as they are read,
/// so that a string that is recognised by its spelling is not scanned twice.
#[derive(Clone, Debug)]
pub struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    checked: Checked<'a>,
    nesting: u32,
    max_nesting: u32,
    dialect: Dialect,
    origin: Offset,
}

impl<'a> Json<'a> {
    /// A parser at the start of `bytes`.
    ///
    /// # Errors
    /// `Limit` if the document is too long; `Malformed` if it is empty, or opens with a byte order
    /// mark where the dialect has none.
    pub fn new(bytes: &'a [u8], dialect: Dialect, limits: &Limits) -> Result<Self> {
        Self::nested(bytes, dialect, limits, Offset::File(0), 0)
    }

    /// A parser of JSON inside something else: its offsets count from `origin`, and `nesting`
    /// levels are already used.
    ///
    /// # Errors
    /// As [`Json::new`].
    pub fn nested(
        bytes: &'a [u8],
        dialect: Dialect,
        limits: &Limits,
        origin: Offset,
        nesting: u32,
    ) -> Result<Self> {
        let length = to_u64(bytes.len());
        if length > limits.max_document_bytes {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "document of {length} bytes, the limit is {}",
                    limits.max_document_bytes
                ),
            ));
        }
        let mut json = Self {
            bytes,
            at: 0,
            checked: Checked::default(),
            nesting,
            max_nesting: limits.max_nesting,
            dialect,
            origin,
        };
        if bytes.starts_with(BYTE_ORDER_MARK) {
            if dialect == Dialect::Python {
                return Err(json.malformed("JSON with a byte order mark"));
            }
            json.at = BYTE_ORDER_MARK.len();
        }
        json.space();
        if json.byte().is_none() {
            return Err(json.malformed("empty document, expected JSON"));
        }
        Ok(json)
    }

    /// The offset of the next byte.
    pub fn offset(&self) -> Offset {
        self.origin.plus(to_u64(self.at))
    }

    /// How many containers are open around the next value.
    pub const fn nesting(&self) -> u32 {
        self.nesting
    }

    /// A `Malformed` error at the next byte.
    pub fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::malformed(self.offset(), reason)
    }

    /// The kind of the next value.
    ///
    /// # Errors
    /// `Malformed` if no value begins here.
    #[inline]
    pub fn peek(&mut self) -> Result<Kind> {
        self.space();
        match self.kind() {
            Some(kind) => Ok(kind),
            None => Err(self.no_value()),
        }
    }

    /// Checks that the next value is of one kind.
    ///
    /// # Errors
    /// `Malformed` if it is another.
    #[inline]
    pub fn expect(&mut self, wanted: Kind) -> Result<()> {
        self.space();
        match self.kind() {
            Some(found) if found == wanted => Ok(()),
            found => Err(self.unexpected(wanted, found)),
        }
    }

    /// The kind of the value that begins with the next byte.
    #[inline]
    fn kind(&self) -> Option<Kind> {
        KINDS.get(usize::from(self.byte()?)).copied().flatten()
    }

    // Apart from what is read every time, which stays small enough to be compiled in place.
    #[cold]
    fn no_value(&self) -> Error {
        if self.byte().is_none() {
            return self.cut();
        }
        let remark = stand_in::remark(self.bytes);
        self.malformed(format!("expected a JSON value{remark}"))
    }

    #[cold]
    fn unexpected(&self, wanted: Kind, found: Option<Kind>) -> Error {
        let Some(found) = found else {
            return self.no_value();
        };
        let (wanted, found) = (wanted.name(), found.name());
        self.malformed(format!("expected {wanted}, found {found}"))
    }

    /// Reads an object. `member` is called with each name and must read its value.
    ///
    /// # Errors
    /// `Malformed`, `Limit` if nested too deeply, and whatever `member` returns.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<()>,
    ) -> Result<()> {
        self.expect(Kind::Object)?;
        self.open()?;
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            interrupt::check()?;
            let name = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(self.expected("':'"));
            }
            member(self, name)?;
            if !self.more(b'}', "',' or '}'")? {
                return Ok(());
            }
        }
    }

    /// Reads a list. `item` must read one value each time it is called.
    ///
    /// # Errors
    /// As [`Json::object`].
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(Kind::Array)?;
        self.open()?;
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            interrupt::check()?;
            item(self)?;
            if !self.more(b']', "',' or ']'")? {
                return Ok(());
            }
        }
    }

    /// Reads a list of values that `item` reads.
    ///
    /// # Errors
    /// As [`Json::array`].
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.array(|json| {
            items.push(item(json)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// Reads `null` or what `value` reads.
    ///
    /// # Errors
    /// As `value`.
    pub fn optional<T>(&mut self, value: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.peek()? == Kind::Null {
            self.literal("null")?;
            return Ok(None);
        }
        value(self).map(Some)
    }

    /// Reads a string; it is borrowed from the document unless it has escapes.
    ///
    /// # Errors
    /// `Malformed`; `Unsupported` for a lone surrogate, which no UTF-8 string can hold.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.eat_spelled("\"") {
            // Nearly all strings contain nothing that needs a second look.
            let start = self.at;
            if let Some(plain) = self.eat_plain() {
                return Ok(Cow::Borrowed(plain));
            }
            self.at = start.saturating_sub(1);
        }
        self.expect(Kind::String)?;
        let (raw, escapes) = self.raw_string()?;
        if escapes == Escapes::None {
            return Ok(Cow::Borrowed(raw));
        }
        let start = self.at.saturating_sub(raw.len()).saturating_sub(1);
        unescape(raw).map(Cow::Owned).map_err(|at| {
            Error::new(ErrorKind::Unsupported, "lone surrogate in a string")
                .at(self.origin.plus(to_u64(start.saturating_add(at))))
        })
    }

    /// Reads the next value if it is spelled exactly as `raw`, the text that [`Json::skip`]
    /// returned earlier for a value at this nesting: the same text need not be checked again.
    ///
    /// `raw` must end in a bracket or a quote, because a number could continue after it.
    #[inline]
    pub fn eat_spelled(&mut self, raw: &str) -> bool {
        self.space();
        self.eat_text(raw)
    }

    /// Reads the next bytes if they are `text`, including white space.
    ///
    /// A short cut past the grammar, for documents that a program wrote in one fixed spelling. The
    /// caller must see to it that what it eats amounts to whole values, and start again on a clone
    /// that stood before if it does not. Nesting is not counted; see [`Json::has_room`].
    #[inline]
    pub fn eat_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text.as_bytes());
        if found {
            self.at = self.at.saturating_add(text.len());
        }
        found
    }

    /// Reads what stands before the next quote, and the quote, if there is no escape in it: the
    /// end of a string, after [`Json::eat_text`] has read its start.
    #[inline]
    pub fn eat_plain(&mut self) -> Option<&'a str> {
        let start = self.at;
        let end = scan::plain_until(self.bytes, start);
        let plain = self.checked.text(self.bytes, start, end).ok()?;
        self.at = end;
        self.eat(b'"').then_some(plain)
    }

    /// Whether `levels` more containers may be opened here.
    pub const fn has_room(&self, levels: u32) -> bool {
        self.nesting.saturating_add(levels) <= self.max_nesting
    }

    /// What was read since `before`, a clone of this parser.
    pub fn since(&mut self, before: &Self) -> &'a str {
        self.slice(before.at)
    }

    /// Reads `true` or `false`.
    ///
    /// # Errors
    /// `Malformed` if the next value is neither.
    pub fn boolean(&mut self) -> Result<bool> {
        self.expect(Kind::Bool)?;
        if self.byte() == Some(b't') {
            self.literal("true").map(|()| true)
        } else {
            self.literal("false").map(|()| false)
        }
    }

    /// Whether Python would call the next value true, which is how Orbax reads its switches. The
    /// value is consumed.
    ///
    /// # Errors
    /// As [`Json::skip`].
    pub fn truth(&mut self) -> Result<bool> {
        let kind = self.peek()?;
        let raw = self.skip()?;
        Ok(match kind {
            Kind::Null => false,
            Kind::Bool => raw == "true",
            Kind::String => raw != "\"\"",
            Kind::Number => raw.parse::<f64>() != Ok(0.0),
            Kind::Object | Kind::Array => {
                let inside = raw.get(1..raw.len().saturating_sub(1));
                inside.is_some_and(|inside| !inside.trim_ascii().is_empty())
            }
        })
    }

    /// Reads any value, checks it, and gives its text.
    ///
    /// # Errors
    /// `Malformed`; `Limit` if nested too deeply.
    pub fn skip(&mut self) -> Result<&'a str> {
        self.space();
        let start = self.at;
        self.pass()?;
        Ok(self.slice(start))
    }

    /// As [`Json::skip`], without its text.
    fn pass(&mut self) -> Result<()> {
        let kind = self.peek()?;
        let start = self.at;
        match kind {
            Kind::Object => self.object(|json, _| json.pass()),
            Kind::Array => self.array(Self::pass),
            Kind::String => {
                let (raw, escapes) = self.raw_string()?;
                // Nothing but a code unit can be half of a pair.
                let has_units = escapes == Escapes::Units;
                if has_units && self.dialect == Dialect::Strict && unescape(raw).is_err() {
                    return Err(Error::malformed(
                        self.origin.plus(to_u64(start)),
                        "lone surrogate in a string",
                    ));
                }
                Ok(())
            }
            Kind::Number => self.number().map(|_| ()),
            Kind::Bool => self.boolean().map(|_| ()),
            Kind::Null => self.literal("null"),
        }
    }

    /// Checks that nothing follows but white space (and, in the strict dialect, one NUL).
    ///
    /// # Errors
    /// `Malformed` if something does.
    pub fn end(&mut self) -> Result<()> {
        self.space();
        if self.dialect == Dialect::Strict {
            self.eat(0);
        }
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.malformed("extra text after the JSON value")),
        }
    }
}

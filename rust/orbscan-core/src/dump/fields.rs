//! The fields of a dump, and how they are noted.

use crate::cursor::{Cursor, to_u64, to_usize};
use crate::error::{Error, ErrorKind, Offset, Result};
use crate::interrupt;
use crate::limits::Limits;
use crate::memory;
use crate::ocdbt::varint;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Other fields.
    Group,
    /// A number.
    Number(u64),
    /// A column of numbers.
    Numbers(Vec<u64>),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// Text, or what a number means.
    Text(String),
    /// A number, a truth value or null, as JSON spells it.
    Json(String),
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The number of fields that enclose it.
    pub level: u32,
    /// Where it begins; `None` inside a string that is itself escaped.
    pub at: Option<Offset>,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Field {
    /// The memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        let value = match &self.value {
            Value::Group | Value::Number(_) => 0,
            Value::Numbers(numbers) => numbers.len().saturating_mul(size_of::<u64>()),
            Value::Bytes(bytes) => bytes.len(),
            Value::Text(text) | Value::Json(text) => text.len(),
        };
        let text = self.name.len().saturating_add(value);
        text.saturating_add(size_of::<Self>())
    }
}

/// A piece of a dump, as it is passed to a [`Sink`].
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// A structure begins: what it is, and what it is for.
    Begins(&'static str, String),
    /// More of its fields.
    Fields(Vec<Field>),
    /// The structure ends: what is wrong with it.
    Ends(Option<Error>),
}

/// The receiver of the pieces. An error ends the dump.
pub type Sink<'s> = dyn FnMut(Piece) -> Result<()> + 's;

/// Fields that are passed on at once: some hundred kilobytes.
pub const TOLD_AT_ONCE: usize = 4_096;

/// Fields being noted.
pub struct Fields<'s> {
    level: u32,
    room: Room,
    left: usize,
    noted: Vec<Field>,
    sink: Option<&'s mut Sink<'s>>,
}

/// How many more bytes may be noted.
#[derive(Clone, Copy, Debug)]
pub struct Room(usize);

impl Room {
    /// The least that may be noted, whatever the file is.
    const LEAST: usize = 64 << 20;

    /// Bytes that may be noted per byte of the file: a field for a number of one byte takes a
    /// hundred.
    const FOR_A_BYTE: usize = 16;

    /// The allowance for a file of this size.
    pub fn of(bytes: usize, limits: &Limits) -> Self {
        let room = bytes
            .saturating_mul(Self::FOR_A_BYTE)
            .saturating_add(Self::LEAST);
        Self(room.min(to_usize(limits.max_dump_bytes)))
    }
}

impl<'s> Fields<'s> {
    /// No fields yet, and the allowance for them.
    pub const fn new(room: Room) -> Self {
        Self {
            level: 0,
            room,
            left: room.0,
            noted: Vec::new(),
            sink: None,
        }
    }

    /// The same, with a sink that receives the fields as they come.
    pub fn told(room: Room, sink: Option<&'s mut Sink<'s>>) -> Self {
        Self {
            sink,
            ..Self::new(room)
        }
    }

    /// Keeps a field until there are enough to pass on.
    fn push(&mut self, field: Field) -> Result<()> {
        interrupt::check()?;
        let reserved = self.noted.try_reserve(1);
        reserved.map_err(|_| memory::lack(to_u64(size_of_val(self.noted.as_slice()))))?;
        self.noted.push(field);
        match &mut self.sink {
            Some(sink) if self.noted.len() >= TOLD_AT_ONCE => {
                sink(Piece::Fields(std::mem::take(&mut self.noted)))
            }
            _ => Ok(()),
        }
    }

    /// What is left of the allowance.
    pub const fn room(&self) -> Room {
        Room(self.left)
    }

    /// The noted fields, except those that were passed on.
    pub fn into_vec(self) -> Vec<Field> {
        self.noted
    }

    /// Notes a field.
    ///
    /// # Errors
    /// `Limit` if there is too much to show.
    pub fn note(
        &mut self,
        at: Option<Offset>,
        name: impl Into<String>,
        value: Value,
    ) -> Result<()> {
        let name = name.into();
        let level = self.level;
        let field = Field {
            level,
            at,
            name,
            value,
        };
        let room = self.reserve(field.bytes());
        room.map_err(|error| at.map_or(error.clone(), |at| error.at(at)))?;
        self.push(field)
    }

    /// Counts bytes that will be shown.
    ///
    /// # Errors
    /// `Limit` if there is too much to show.
    pub fn reserve(&mut self, bytes: usize) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes) else {
            // If one field is too large, nothing after it may be shown either.
            self.left = 0;
            let reason = format!(
                "more than {} bytes to show, which is the limit",
                self.room.0
            );
            return Err(Error::new(ErrorKind::Limit, reason));
        };
        self.left = left;
        Ok(())
    }

    /// Notes a group, and within it what `inside` notes.
    pub fn group<T>(
        &mut self,
        at: Option<Offset>,
        name: impl Into<String>,
        inside: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.note(at, name, Value::Group)?;
        self.level = self.level.saturating_add(1);
        let found = inside(self);
        self.level = self.level.saturating_sub(1);
        found
    }

    /// Adds fields that were noted elsewhere, as children of the last one noted here.
    pub fn extend_inside(&mut self, others: Fields<'_>) -> Result<()> {
        self.reserve(others.room.0.saturating_sub(others.left))?;
        let level = self.level.saturating_add(1);
        others.noted.into_iter().try_for_each(|field| {
            self.push(Field {
                level: field.level.saturating_add(level),
                ..field
            })
        })
    }

    /// Reads and notes one byte.
    pub fn byte(&mut self, cursor: &mut Cursor<'_>, name: &str) -> Result<u8> {
        let at = cursor.offset();
        let byte = cursor.u8()?;
        self.note(Some(at), name, Value::Number(u64::from(byte)))?;
        Ok(byte)
    }

    /// Reads and notes a varint.
    pub fn varint(&mut self, cursor: &mut Cursor<'_>, name: &str) -> Result<u64> {
        let at = cursor.offset();
        let number = varint::read_u64(cursor)?;
        self.note(Some(at), name, Value::Number(number))?;
        Ok(number)
    }

    /// Reads and notes a column of `count` varints; if it is cut off, those that are there.
    pub fn varints(&mut self, cursor: &mut Cursor<'_>, count: u64, name: &str) -> Result<Vec<u64>> {
        self.column(cursor, count, name, varint::read_u64)
    }

    /// Reads and notes a column of `count` bytes.
    pub fn bytes(&mut self, cursor: &mut Cursor<'_>, count: u64, name: &str) -> Result<Vec<u64>> {
        self.column(cursor, count, name, |cursor| cursor.u8().map(u64::from))
    }

    /// Reads and notes a column of `count` numbers of eight bytes.
    pub fn u64s(&mut self, cursor: &mut Cursor<'_>, count: u64, name: &str) -> Result<Vec<u64>> {
        self.column(cursor, count, name, u64_le)
    }

    fn column(
        &mut self,
        cursor: &mut Cursor<'_>,
        count: u64,
        name: &str,
        mut read: impl FnMut(&mut Cursor<'_>) -> Result<u64>,
    ) -> Result<Vec<u64>> {
        let at = cursor.offset();
        let mut numbers = Vec::new();
        let mut end = Ok(());
        // The count may be anything, but the bytes end.
        while to_u64(numbers.len()) < count {
            match read(cursor) {
                Ok(number) => numbers.push(number),
                Err(error) => {
                    end = Err(error);
                    break;
                }
            }
        }
        if !numbers.is_empty() {
            self.note(Some(at), name, Value::Numbers(numbers.clone()))?;
        }
        end.map(|()| numbers)
    }
}

/// A function that takes cursors of any lifetime, which the method does not.
fn u64_le(cursor: &mut Cursor<'_>) -> Result<u64> {
    cursor.u64_le()
}

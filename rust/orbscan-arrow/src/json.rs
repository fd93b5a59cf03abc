//! Rows as JSON, in the spelling of Python's `json`, written without any other library.

use std::fmt::Write as _;

use arrow_array::cast::AsArray as _;
use arrow_array::temporal_conversions::timestamp_us_to_datetime;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, FieldRef};

/// The spelling of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As they are: only what JSON does not allow in a string is escaped.
    Utf8,
    /// With escapes for everything that is not ASCII.
    Ascii,
}

/// The rows of a batch as JSON objects, each on a line of its own.
///
/// Members come in the order of the columns, those without a value as `null`. Timestamps are
/// strings, as Arrow formats them.
///
/// # Errors
/// `NotYetImplemented` for a type that does not occur in a table of this crate without categories.
pub fn json_lines(batch: &RecordBatch, spelling: Spelling) -> Result<String, ArrowError> {
    let schema = batch.schema_ref();
    let columns = Members::new(schema.fields(), batch.columns(), spelling)?;
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        columns.write(row, &mut lines);
        lines.push('\n');
    }
    Ok(lines)
}

/// The members of an object.
struct Members<'a>(Vec<(String, Column<'a>)>);

impl<'a> Members<'a> {
    fn new(
        fields: &[FieldRef],
        arrays: &'a [arrow_array::ArrayRef],
        spelling: Spelling,
    ) -> Result<Self, ArrowError> {
        let mut members = Vec::with_capacity(fields.len());
        for (field, array) in fields.iter().zip(arrays) {
            let mut name = String::from(if members.is_empty() { "{" } else { ", " });
            text(field.name(), spelling, &mut name);
            name.push_str(": ");
            members.push((name, Column::new(array.as_ref(), spelling)?));
        }
        Ok(Self(members))
    }

    fn write(&self, row: usize, out: &mut String) {
        for (name, column) in &self.0 {
            out.push_str(name);
            column.write(row, out);
        }
        out.push_str(if self.0.is_empty() { "{}" } else { "}" });
    }
}

/// A column whose type is known.
struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
    spelling: Spelling,
}

enum Values<'a> {
    Texts(&'a StringArray),
    Integers(&'a Int64Array),
    Flags(&'a BooleanArray),
    Moments(&'a TimestampMicrosecondArray),
    Lists(&'a ListArray, Box<Column<'a>>),
    Objects(Members<'a>),
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array, spelling: Spelling) -> Result<Self, ArrowError> {
        let values = match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(Values::Texts),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(Values::Integers),
            DataType::Boolean => array.as_boolean_opt().map(Values::Flags),
            DataType::Timestamp(..) => array
                .as_primitive_opt::<TimestampMicrosecondType>()
                .map(Values::Moments),
            DataType::List(_) => match array.as_list_opt::<i32>() {
                Some(lists) => {
                    let values = Self::new(lists.values().as_ref(), spelling)?;
                    Some(Values::Lists(lists, Box::new(values)))
                }
                None => None,
            },
            DataType::Struct(fields) => match array.as_struct_opt() {
                Some(objects) => Some(Values::Objects(members(fields, objects, spelling)?)),
                None => None,
            },
            _ => None,
        };
        let unknown = || ArrowError::NotYetImplemented(format!("{} as JSON", array.data_type()));
        Ok(Self {
            nulls: array.nulls(),
            values: values.ok_or_else(unknown)?,
            spelling,
        })
    }

    fn write(&self, row: usize, out: &mut String) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.push_str("null");
            return;
        }
        // Writing to a string cannot fail.
        let _ = match &self.values {
            Values::Texts(texts) => {
                text(texts.value(row), self.spelling, out);
                Ok(())
            }
            Values::Integers(numbers) => write!(out, "{}", numbers.value(row)),
            Values::Flags(flags) => write!(out, "{}", flags.value(row)),
            Values::Moments(moments) => match timestamp_us_to_datetime(moments.value(row)) {
                Some(moment) => write!(out, "\"{}\"", moment.format("%Y-%m-%d %H:%M:%S%.6fZ")),
                None => write!(out, "null"),
            },
            Values::Lists(lists, values) => {
                let (start, end) = match lists.value_offsets().get(row..) {
                    Some([start, end, ..]) => (*start, *end),
                    _ => (0, 0),
                };
                let index = |at: i32| usize::try_from(at).unwrap_or(0);
                out.push('[');
                for at in index(start)..index(end) {
                    if at > index(start) {
                        out.push_str(", ");
                    }
                    values.write(at, out);
                }
                out.push(']');
                Ok(())
            }
            Values::Objects(members) => {
                members.write(row, out);
                Ok(())
            }
        };
    }
}

fn members<'a>(
    fields: &[FieldRef],
    objects: &'a StructArray,
    spelling: Spelling,
) -> Result<Members<'a>, ArrowError> {
    Members::new(fields, objects.columns(), spelling)
}

fn text(text: &str, spelling: Spelling, out: &mut String) {
    let is_special = |byte: u8| {
        byte < 0x20
            || byte == b'"'
            || byte == b'\\'
            || (spelling == Spelling::Ascii && byte >= 0x7f)
    };
    out.push('"');
    let mut rest = text;
    // The part that needs no escape is copied at once.
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut chars = special.chars();
        if let Some(char) = chars.next() {
            escape(char, out);
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn escape(char: char, out: &mut String) {
    match char {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        _ => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_spelled_as_python_spells_them() {
        for (plain, utf8, ascii) in [
            ("", r#""""#, r#""""#),
            ("a/b", r#""a/b""#, r#""a/b""#),
            ("\"\\", r#""\"\\""#, r#""\"\\""#),
            ("\n\r\t\u{8}\u{c}", r#""\n\r\t\b\f""#, r#""\n\r\t\b\f""#),
            ("\0\u{1f}", r#""\u0000\u001f""#, r#""\u0000\u001f""#),
            ("\u{7f}", "\"\u{7f}\"", r#""\u007f""#),
            ("aé\"重", "\"aé\\\"重\"", r#""a\u00e9\"\u91cd""#),
            ("😀", "\"😀\"", r#""\ud83d\ude00""#),
        ] {
            for (spelling, expected) in [(Spelling::Utf8, utf8), (Spelling::Ascii, ascii)] {
                let mut out = String::new();
                text(plain, spelling, &mut out);
                assert_eq!(out, expected, "{plain:?}");
            }
        }
    }
}

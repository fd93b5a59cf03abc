//! A JSON document as a tree in memory, for the few documents whose members can be interpreted only
//! after all of them are read.

use std::collections::BTreeMap;

use super::{Json, Kind};
use crate::error::Result;

/// Any JSON value. Of duplicate members the last one counts, as in Python.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, equal to any other spelling of the same value.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// An object; the order of its members does not count.
    Object(BTreeMap<String, Value>),
}

/// A number as it is spelled.
#[derive(Clone, Debug)]
pub struct Number(pub String);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        let whole = |text: &str| text.parse::<i128>().ok();
        match (whole(&self.0), whole(&other.0)) {
            (Some(a), Some(b)) => a == b,
            _ => self.0 == other.0 || self.0.parse::<f64>().ok() == other.0.parse::<f64>().ok(),
        }
    }
}

impl Value {
    /// Reads one value. Recursion ends at the nesting that [`Json`] allows.
    ///
    /// # Errors
    /// As [`Json::skip`], and `Unsupported` for a lone surrogate.
    pub fn read(json: &mut Json<'_>) -> Result<Self> {
        Ok(match json.peek()? {
            Kind::Object => {
                let mut members = BTreeMap::new();
                json.object(|json, name| {
                    members.insert(name.into_owned(), Self::read(json)?);
                    Ok(())
                })?;
                Self::Object(members)
            }
            Kind::Array => Self::List(json.list(Self::read)?),
            Kind::String => Self::String(json.string()?.into_owned()),
            Kind::Number => Self::Number(Number(json.number()?.to_owned())),
            Kind::Bool => Self::Bool(json.boolean()?),
            Kind::Null => {
                json.skip()?;
                Self::Null
            }
        })
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

//! What can be wrong with the bytes of a chunk.

use crate::error::Error;

/// Why a chunk cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Its bytes could not be read.
    Unreadable(String),
    /// Its bytes do not fit its encoding.
    Damaged {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl Flaw {
    /// A flaw of the bytes.
    pub fn damaged(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Damaged {
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        Self::Unreadable(error.reason().to_owned())
    }
}

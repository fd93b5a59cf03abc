//! The order of dimensions, as the `transpose` codec of Zarr 3 changes it.

use super::named::Named;
use super::{number, one_of, required};
use crate::error::{Error, ErrorKind, Result};
use crate::json::{Json, Kind};

/// The order of dimensions after a transpose.
#[derive(Debug)]
pub(super) enum Order {
    /// Dimension `i` after it is dimension `order[i]` before it.
    Permutation(Vec<usize>),
    /// Unchanged.
    Same,
    /// The reverse.
    Reversed,
}

impl Order {
    /// Reads the settings of the codec.
    ///
    /// # Errors
    /// `Malformed` if the order is missing or invalid.
    pub(super) fn v3(named: &Named<'_>) -> Result<Self> {
        let mut order = None;
        named.configuration(|json, name| {
            if name == "order" {
                order = Some(Self::read(json)?);
            }
            Ok(name == "order")
        })?;
        required(order, "order", named.offset)
    }

    /// Reads the order: a permutation, or `C` or `F` for the two usual ones.
    fn read(json: &mut Json<'_>) -> Result<Self> {
        if json.peek()? == Kind::String {
            let word = one_of(json, &["C", "F"], ErrorKind::Malformed)?;
            return Ok(match word {
                "C" => Self::Same,
                _ => Self::Reversed,
            });
        }
        let offset = json.offset();
        let permutation = json.list(|json| number::whole::<usize>(json, 0, 31))?;
        let mut sorted = permutation.clone();
        sorted.sort_unstable();
        if sorted.iter().copied().eq(0..permutation.len()) {
            return Ok(Self::Permutation(permutation));
        }
        let reason = format!("{permutation:?} is not a permutation");
        Err(Error::malformed(offset, reason))
    }

    /// `shape` after the transpose; `None` if the ranks differ.
    pub(super) fn apply(&self, shape: &[u64]) -> Option<Vec<u64>> {
        match self {
            Self::Permutation(order) if order.len() != shape.len() => None,
            Self::Permutation(order) => order.iter().map(|i| shape.get(*i).copied()).collect(),
            Self::Same => Some(shape.to_vec()),
            Self::Reversed => Some(shape.iter().rev().copied().collect()),
        }
    }

    /// The shape that [`Order::apply`] turns into `shape`.
    pub(super) fn undo(&self, shape: &[u64]) -> Vec<u64> {
        match self {
            Self::Permutation(order) => {
                let mut pairs: Vec<_> = order.iter().zip(shape).collect();
                pairs.sort_unstable();
                pairs.into_iter().map(|(_, length)| *length).collect()
            }
            Self::Same => shape.to_vec(),
            Self::Reversed => shape.iter().rev().copied().collect(),
        }
    }
}

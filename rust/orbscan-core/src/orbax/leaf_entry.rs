//! What `_METADATA` says about one leaf.

use crate::cursor::to_usize;
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::json::{Json, Kind};
use crate::numbered::Numbered;

/// The writer's word for a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A JAX array, including a typed PRNG key.
    JaxArray,
    /// A numpy array.
    NumpyArray,
    /// A Python or numpy scalar, stored as an array of rank 0.
    Scalar,
    /// A string.
    String,
    /// `None`, and every empty node of a type that has no word of its own.
    None,
    /// An empty mapping.
    Dict,
    /// An empty list.
    List,
    /// An empty tuple.
    Tuple,
    /// An empty namedtuple; written with rich types only.
    NamedTuple,
    /// Anything else: a custom handler's type.
    Other(String),
}

impl ValueType {
    /// The type with this spelling.
    pub fn new(text: &str) -> Self {
        match text {
            "jax.Array" => Self::JaxArray,
            "np.ndarray" => Self::NumpyArray,
            "scalar" => Self::Scalar,
            "string" => Self::String,
            "None" => Self::None,
            "Dict" => Self::Dict,
            "List" => Self::List,
            "Tuple" => Self::Tuple,
            "NamedTuple" => Self::NamedTuple,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the leaf is an empty container or `None`, so that nothing is stored for it.
    pub const fn is_empty(&self) -> bool {
        matches!(
            self,
            Self::None | Self::Dict | Self::List | Self::Tuple | Self::NamedTuple
        )
    }

    /// Whether an array is stored for the leaf.
    pub const fn is_array(&self) -> bool {
        matches!(self, Self::JaxArray | Self::NumpyArray | Self::Scalar)
    }
}

/// What the file says about each leaf. Most entries are equal, so each distinct one is stored once.
#[derive(Clone, Debug, Default)]
pub struct LeafEntries {
    distinct: Numbered<LeafEntry>,
    /// For each leaf, the number of its entry.
    numbers: Vec<u32>,
}

impl LeafEntries {
    /// Makes room for this many more leaves.
    pub fn reserve(&mut self, leaves: usize) {
        self.numbers.reserve(leaves);
    }

    /// Appends the entry of the next leaf.
    pub fn push(&mut self, entry: LeafEntry) {
        let number = u32::try_from(self.distinct.number(entry));
        self.numbers.push(number.unwrap_or(u32::MAX));
    }

    fn of(&self, number: u32) -> Option<&LeafEntry> {
        self.distinct.values().get(to_usize(u64::from(number)))
    }

    /// The entry of leaf number `index`.
    pub fn get(&self, index: usize) -> Option<&LeafEntry> {
        self.of(*self.numbers.get(index)?)
    }

    /// The entry of each leaf, in order.
    pub fn iter(&self) -> impl Iterator<Item = &LeafEntry> {
        self.numbers.iter().filter_map(|number| self.of(*number))
    }

    /// The number of leaves.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Removes all leaves.
    pub fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Applies `change` to each distinct entry.
    #[must_use]
    pub fn map(self, change: impl Fn(LeafEntry) -> LeafEntry) -> Self {
        let changed = self.distinct.into_values().into_iter().map(change);
        let mut distinct = Numbered::default();
        let moved: Vec<u32> = changed
            .map(|entry| u32::try_from(distinct.number(entry)).unwrap_or(u32::MAX))
            .collect();
        // Each leaf keeps its place.
        let number = |old: u32| {
            moved
                .get(to_usize(u64::from(old)))
                .map_or(u32::MAX, |new| *new)
        };
        let numbers = self.numbers.into_iter().map(number).collect();
        Self { distinct, numbers }
    }
}

impl FromIterator<LeafEntry> for LeafEntries {
    fn from_iter<I: IntoIterator<Item = LeafEntry>>(entries: I) -> Self {
        let mut all = Self::default();
        entries.into_iter().for_each(|entry| all.push(entry));
        all
    }
}

/// What the file says about one leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeafEntry {
    /// The writer's word for it.
    pub value_type: ValueType,
    /// Whether the value is not in the array store: it is empty, or lies in the aggregate file.
    pub skip_deserialize: bool,
    /// The shape of one shard, by its number among the distinct ones.
    pub write_shape: Option<usize>,
}

/// One of `{"value_type": "jax.Array", "skip_deserialize": false, "write_shape": [2, 4]}`.
///
/// An invalid write shape is appended to `issues`.
pub(super) fn read<'a>(
    json: &mut Json<'a>,
    shapes: &mut WriteShapes<'a>,
    issues: &mut Vec<Error>,
) -> Result<LeafEntry> {
    json.peek()?;
    let offset = json.offset();
    let (mut value_type, mut skip, mut write_shape) = (None, None, None);
    json.object(|json, name| {
        match name.as_ref() {
            "value_type" => value_type = Some(ValueType::new(&json.string()?)),
            "skip_deserialize" => skip = Some(json.truth()?),
            "write_shape" => {
                let kind = json.peek()?;
                let mut ahead = json.clone();
                match shapes.read(json) {
                    Ok(shape) => write_shape = Some(shape),
                    Err(error) if error.kind() == ErrorKind::Malformed => {
                        // Whatever it is, it must still be JSON.
                        ahead.skip()?;
                        *json = ahead;
                        let issue = error.while_reading("write_shape");
                        // Python makes a tuple of the others.
                        let subject = match kind {
                            Kind::Array | Kind::Object | Kind::String => Subject::WriteShape,
                            _ => Subject::Refused,
                        };
                        issues.push(issue.about(subject));
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => {
                json.skip()?;
            }
        }
        Ok(())
    })?;
    let missing =
        |member| Error::malformed(offset, format!("no member {member} in value_metadata"));
    Ok(LeafEntry {
        value_type: value_type.ok_or_else(|| missing("value_type"))?,
        skip_deserialize: skip.ok_or_else(|| missing("skip_deserialize"))?,
        write_shape,
    })
}

/// The distinct write shapes. Leaves of one kind share one, so each spelling is decoded once.
#[derive(Default)]
pub(super) struct WriteShapes<'a> {
    pub(super) distinct: Vec<Vec<u64>>,
    /// Their spellings.
    known: Numbered<&'a str>,
}

impl<'a> WriteShapes<'a> {
    fn read(&mut self, json: &mut Json<'a>) -> Result<usize> {
        let mut ahead = json.clone();
        let text = ahead.skip()?;
        if let Some(shape) = self.known.find(&text) {
            *json = ahead;
            return Ok(shape);
        }
        self.distinct.push(json.shape()?);
        Ok(self.known.push(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(value_type: ValueType, write_shape: Option<usize>) -> LeafEntry {
        LeafEntry {
            value_type,
            skip_deserialize: false,
            write_shape,
        }
    }

    #[test]
    fn entries_that_a_change_makes_equal_are_one() {
        let number = |n: usize| entry(ValueType::Other(format!("{}", n % 20)), Some(n % 3));
        let entries: Vec<LeafEntry> = (0..100).map(number).collect();
        let mut all: LeafEntries = entries.iter().cloned().collect();
        assert!(all.iter().eq(&entries));
        let tuple = |_| entry(ValueType::Tuple, None);
        all = all.map(tuple);
        all.push(entry(ValueType::Tuple, None));
        assert!(all.iter().eq(&vec![entry(ValueType::Tuple, None); 101]));
        assert_eq!(all.distinct.values().len(), 1);
    }
}

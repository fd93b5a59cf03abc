//! What `_METADATA` says of one leaf.

use foldhash::HashMap;

use crate::error::{Error, ErrorKind, Result, Subject};
use crate::json::{Json, Kind};

/// The writer's word for a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A JAX array, also a typed PRNG key.
    JaxArray,
    /// A numpy array.
    NumpyArray,
    /// A Python or numpy scalar, stored as an array of rank 0.
    Scalar,
    /// A text.
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
    /// The type that a writer spells like this.
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

/// What the file says of one leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
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
/// A write shape that is none is appended to `issues`.
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

/// The distinct write shapes. Leaves of one kind share one, so it is decoded once per spelling.
#[derive(Default)]
pub(super) struct WriteShapes<'a> {
    pub(super) distinct: Vec<Vec<u64>>,
    known: HashMap<&'a str, usize>,
    last: Option<(&'a str, usize)>,
}

impl<'a> WriteShapes<'a> {
    fn read(&mut self, json: &mut Json<'a>) -> Result<usize> {
        let mut ahead = json.clone();
        let text = ahead.skip()?;
        let known = match self.last {
            Some((last, shape)) if last == text => Some(shape),
            _ => self.known.get(text).copied(),
        };
        let shape = if let Some(shape) = known {
            *json = ahead;
            shape
        } else {
            self.distinct.push(json.shape()?);
            self.distinct.len().saturating_sub(1)
        };
        self.known.insert(text, shape);
        self.last = Some((text, shape));
        Ok(shape)
    }
}

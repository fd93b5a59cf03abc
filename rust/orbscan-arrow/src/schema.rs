//! The columns of the tables. They are stable: a change of them is a new [`SCHEMA_VERSION`].

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

/// The version of the columns, which is also in the metadata of each schema.
///
/// A column that is added at the end does not change it; one that is renamed, removed, moved or
/// given another type or meaning does.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the version in the metadata of a schema.
const VERSION_KEY: &str = "orbscan.schema_version";

/// The key of the table's name, such as `leaves`, in the metadata of a schema.
const TABLE_KEY: &str = "orbscan.table";

/// How columns with few distinct strings are stored, such as element types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Few {
    /// As all other strings: every engine accepts them, and tables of several scans can be joined.
    #[default]
    Plain,
    /// Each string once, and a number for each row.
    Categories,
}

impl Few {
    fn values(self) -> DataType {
        match self {
            Self::Plain => DataType::Utf8,
            Self::Categories => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
        }
    }
}

/// The time zone of timestamps.
pub const UTC: &str = "UTC";

/// The columns of the table of leaves.
///
/// | column | type | |
/// |---|---|---|
/// | `path` | text | the checkpoint |
/// | `root` | text | the root below which it was found |
/// | `step` | int64 | null if its name has none |
/// | `fingerprint` | text | changes with everything an answer depends on; null if there is none |
/// | `checkpointable` | text | null in a flat checkpoint |
/// | `keypath` | text | as `orbscan show` prints it; null in the row of a checkpoint that cannot be read |
/// | `keys` | list of {`key`: text, `index`: int64} | the keypath; in each entry one is null |
/// | `value_type` | few texts | the writer's word: `jax.Array`, `np.ndarray`, `scalar`, … |
/// | `dtype` | few texts | null for a leaf without elements |
/// | `shape` | list of int64 | in elements; empty for a scalar, null for a leaf without elements |
/// | `chunk_shape` | list of int64 | of the smallest part that can be read alone |
/// | `write_shape` | list of int64 | of the part that one device wrote |
/// | `size` | int64 | number of elements; 0 for a leaf without any, null if not known |
/// | `nbytes` | int64 | bytes that they take in memory; null as `size` |
/// | `prng_impl` | text | the implementation of a PRNG key |
/// | `sharding_type` | few texts | `NamedSharding`, `SingleDeviceSharding`, `PositionalSharding` |
/// | `mesh_shape` | list of int64 | in devices |
/// | `axis_names` | list of text | of the mesh |
/// | `partition_spec` | few texts | as JAX prints it: `P('x', None)` |
/// | `device` | few texts | of a single-device sharding |
/// | `error_kind` | few texts | of a leaf or a checkpoint that cannot be read |
/// | `error` | text | |
/// | `complete` | bool | whether all of the checkpoint could be read |
pub fn leaf_schema(few: Few) -> SchemaRef {
    schema(
        "leaves",
        vec![
            required("path", DataType::Utf8),
            required("root", DataType::Utf8),
            optional("step", DataType::Int64),
            optional("fingerprint", DataType::Utf8),
            optional("checkpointable", DataType::Utf8),
            optional("keypath", DataType::Utf8),
            optional("keys", list(DataType::Struct(key_fields()))),
            optional("value_type", few.values()),
            optional("dtype", few.values()),
            optional("shape", list(DataType::Int64)),
            optional("chunk_shape", list(DataType::Int64)),
            optional("write_shape", list(DataType::Int64)),
            optional("size", DataType::Int64),
            optional("nbytes", DataType::Int64),
            optional("prng_impl", DataType::Utf8),
            optional("sharding_type", few.values()),
            optional("mesh_shape", list(DataType::Int64)),
            optional("axis_names", list(DataType::Utf8)),
            optional("partition_spec", few.values()),
            optional("device", few.values()),
            optional("error_kind", few.values()),
            optional("error", DataType::Utf8),
            required("complete", DataType::Boolean),
        ],
    )
}

/// The columns of the table of checkpoints.
///
/// | column | type | |
/// |---|---|---|
/// | `path` | text | |
/// | `root` | text | the root below which it was found |
/// | `step` | int64 | null if its name has none |
/// | `fingerprint` | text | changes with everything an answer depends on; null if there is none |
/// | `kind` | few texts | `v1`, `v0`, `safetensors`, `temporary`, `unknown` |
/// | `committed` | bool | whether a job would consider it finished |
/// | `temporary` | bool | whether a job that cleans up would delete it |
/// | `commit_reason` | text | why |
/// | `state` | few texts | `read`, `unchanged`, `vanished`, `unread`, `failed` |
/// | `init_timestamp` | timestamp in µs, UTC | when the save began; null if not known, or outside of 1677 to 2262 |
/// | `init_timestamp_nsecs` | int64 | the same moment, exactly: nanoseconds since 1970 |
/// | `commit_timestamp` | timestamp in µs, UTC | when it was committed; null as above |
/// | `commit_timestamp_nsecs` | int64 | the same moment, exactly |
/// | `save_duration_nsecs` | int64 | between the two |
/// | `checkpointables` | list of text | their names; empty in a flat checkpoint, null if it was not read |
/// | `leaves` | int64 | in all checkpointables; null if no pytree was read |
/// | `parameters` | int64 | elements of their arrays that are parameters; null as `leaves` |
/// | `elements` | int64 | elements of all their arrays, except PRNG keys; null as `leaves` |
/// | `nbytes` | int64 | bytes that all elements take in memory; null as `leaves` |
/// | `metrics` | text | JSON, as the manager wrote it |
/// | `custom_metadata` | text | a JSON object, as the user wrote it; null for an empty one |
/// | `error_kind` | few texts | why it cannot be read |
/// | `error` | text | |
/// | `issues` | list of text | the faults that were tolerated; null if it was not read |
/// | `complete` | bool | whether all of it could be read; null if it is `unread` or `vanished` |
pub fn checkpoint_schema(few: Few) -> SchemaRef {
    schema(
        "checkpoints",
        vec![
            required("path", DataType::Utf8),
            required("root", DataType::Utf8),
            optional("step", DataType::Int64),
            optional("fingerprint", DataType::Utf8),
            required("kind", few.values()),
            required("committed", DataType::Boolean),
            required("temporary", DataType::Boolean),
            required("commit_reason", DataType::Utf8),
            required("state", few.values()),
            optional("init_timestamp", timestamp()),
            optional("init_timestamp_nsecs", DataType::Int64),
            optional("commit_timestamp", timestamp()),
            optional("commit_timestamp_nsecs", DataType::Int64),
            optional("save_duration_nsecs", DataType::Int64),
            optional("checkpointables", list(DataType::Utf8)),
            optional("leaves", DataType::Int64),
            optional("parameters", DataType::Int64),
            optional("elements", DataType::Int64),
            optional("nbytes", DataType::Int64),
            optional("metrics", DataType::Utf8),
            optional("custom_metadata", DataType::Utf8),
            optional("error_kind", few.values()),
            optional("error", DataType::Utf8),
            optional("issues", list(DataType::Utf8)),
            optional("complete", DataType::Boolean),
        ],
    )
}

/// The columns of the table of findings.
///
/// | column | type | |
/// |---|---|---|
/// | `path` | text | the checkpoint |
/// | `root` | text | the root below which it was found |
/// | `step` | int64 | null if its name has none |
/// | `state` | few texts | `checked`; `uncommitted`; `failed`, if it could not be checked |
/// | `level` | few texts | the level of the check: `structure`, `index`, `data` |
/// | `ok` | bool | whether the checkpoint has no error; null if it was not checked |
/// | `complete` | bool | whether everything was checked; null if it was not checked |
/// | `code` | few texts | of the finding; null in the row of a checkpoint without one |
/// | `severity` | few texts | `error`, `warning`, `note` |
/// | `reason` | text | what is wrong; for an `uncommitted` save, why it counts as such |
/// | `meaning` | few texts | what it means for loading |
/// | `checkpointable` | text | null for the whole checkpoint, and for one without names |
/// | `keypath` | text | of the leaf that it is about; null for one without a place in the tree |
/// | `keys` | list of {`key`: text, `index`: int64} | the keypath as keys |
/// | `param_name` | text | of the leaf |
/// | `chunks` | int64 | the number of its chunks that are affected |
/// | `of_chunks` | int64 | the number of its chunks in total |
/// | `file` | text | where it is |
/// | `offset` | int64 | in the file, in bytes |
/// | `in_body` | bool | whether that counts from the start of the decompressed content |
/// | `expected` | text | what was expected |
/// | `found` | text | what was found |
/// | `v1` | few texts | a load by Orbax v1 without a target: `works`, `may fail`, `fails` |
/// | `v1_target` | few texts | a load by v1 with a target |
/// | `v0` | few texts | a restore by v0 |
/// | `left_out` | int64 | the number of findings of this code that have no row |
/// | `checked_leaves` | int64 | the number of leaves that were checked in the checkpoint |
/// | `checked_chunks` | int64 | the number of chunks that were checked |
/// | `checked_bytes` | int64 | the bytes of chunks that were decoded |
/// | `error_kind` | few texts | why it could not be checked |
/// | `error` | text | |
/// | `part` | int64 | the part of a divided check, from 0; null if it was not divided |
/// | `parts` | int64 | the number of parts |
pub fn finding_schema(few: Few) -> SchemaRef {
    schema(
        "findings",
        vec![
            required("path", DataType::Utf8),
            required("root", DataType::Utf8),
            optional("step", DataType::Int64),
            required("state", few.values()),
            required("level", few.values()),
            optional("ok", DataType::Boolean),
            optional("complete", DataType::Boolean),
            optional("code", few.values()),
            optional("severity", few.values()),
            optional("reason", DataType::Utf8),
            optional("meaning", few.values()),
            optional("checkpointable", DataType::Utf8),
            optional("keypath", DataType::Utf8),
            optional("keys", list(DataType::Struct(key_fields()))),
            optional("param_name", DataType::Utf8),
            optional("chunks", DataType::Int64),
            optional("of_chunks", DataType::Int64),
            optional("file", DataType::Utf8),
            optional("offset", DataType::Int64),
            optional("in_body", DataType::Boolean),
            optional("expected", DataType::Utf8),
            optional("found", DataType::Utf8),
            optional("v1", few.values()),
            optional("v1_target", few.values()),
            optional("v0", few.values()),
            optional("left_out", DataType::Int64),
            optional("checked_leaves", DataType::Int64),
            optional("checked_chunks", DataType::Int64),
            optional("checked_bytes", DataType::Int64),
            optional("error_kind", few.values()),
            optional("error", DataType::Utf8),
            optional("part", DataType::Int64),
            optional("parts", DataType::Int64),
        ],
    )
}

/// The column of a catalogue that says which table a row is of.
pub const ROWS_OF: &str = "rows_of";

/// The columns of a catalogue, whose rows are leaves and checkpoints.
///
/// | column | type | |
/// |---|---|---|
/// | `rows_of` | text | `leaves`, `checkpoints` |
///
/// and then those of [`leaf_schema`], and those of [`checkpoint_schema`] that are not among them. A
/// row has nulls in the columns of the other table.
pub fn catalogue_schema(few: Few) -> SchemaRef {
    let (leaves, checkpoints) = (leaf_schema(few), checkpoint_schema(few));
    let others = checkpoints
        .fields()
        .iter()
        .filter(|field| leaves.index_of(field.name()).is_err());
    let columns = leaves.fields().iter().chain(others);
    let anywhere = |field: &Arc<Field>| field.as_ref().clone().with_nullable(true);
    let mut fields = vec![required(ROWS_OF, DataType::Utf8)];
    fields.extend(columns.map(anywhere));
    schema("catalogue", fields)
}

/// The fields of one entry of a keypath.
pub fn key_fields() -> Fields {
    vec![
        optional("key", DataType::Utf8),
        optional("index", DataType::Int64),
    ]
    .into()
}

/// The values of a list.
pub fn item(values: DataType) -> Arc<Field> {
    Arc::new(Field::new_list_field(values, true))
}

fn schema(table: &str, fields: Vec<Field>) -> SchemaRef {
    let metadata = HashMap::from([
        (TABLE_KEY.to_owned(), table.to_owned()),
        (VERSION_KEY.to_owned(), SCHEMA_VERSION.to_string()),
    ]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn required(name: &str, values: DataType) -> Field {
    Field::new(name, values, false)
}

fn optional(name: &str, values: DataType) -> Field {
    Field::new(name, values, true)
}

fn list(values: DataType) -> DataType {
    DataType::List(item(values))
}

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
}

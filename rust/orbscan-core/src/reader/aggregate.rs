//! The msgpack file `checkpoint` of releases before 0.5.16.
//!
//! Before 0.4.3 it is the only record of a tree: small values in-line, arrays as
//! `PLACEHOLDER://<name>`. Later releases wrote `_METADATA` beside it, and the file matters only
//! for the values that, according to `_METADATA`, are not in the array store.

use std::collections::HashMap;

use super::Options;
use super::arrays::{Format, FormatSaid};
use super::inline::InlineValues;
use super::leaves::{self, Said, Stored};
use super::outline::{ItemFiles, Outline, Told};
use super::prng;
use super::shardings::LeafShardings;
use super::stored::Arrays;
use crate::error::{Error, ErrorKind, Result, Subject};
use crate::limits::Limits;
use crate::orbax::aggregate::{self, Aggregate, AggregateValue};
use crate::orbax::leaf_entry::{LeafEntry, ValueType};
use crate::orbax::names;
use crate::orbax::shardings;
use crate::orbax::strings::Strings;
use crate::path::StorePath;
use crate::record::{Issue, LeafTable};
use crate::stand_in;
use crate::store::{Bytes, Store, Want};

/// The in-line values of a tree that `_METADATA` describes; none if it says that every array is
/// stored.
///
/// # Errors
/// As [`aggregate::decode`], and `Store`.
pub fn values(
    store: &dyn Store,
    files: &ItemFiles,
    told: &Told<'_>,
    limits: &Limits,
) -> Result<InlineValues> {
    let outline = &told.outline;
    let inline = |entry: &LeafEntry| entry.skip_deserialize && entry.value_type.is_array();
    if !outline.leaves.iter().any(inline) {
        return Ok(InlineValues::default());
    }
    let bytes = match fetch(store, files, limits) {
        Ok(bytes) => bytes,
        // Each such leaf is then reported by itself.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(InlineValues::default()),
        Err(error) => return Err(error),
    };
    let Aggregate {
        keypaths, leaves, ..
    } = decode(files, &bytes, limits)?;
    let mut by_keypath = HashMap::with_capacity(leaves.len());
    for (place, value) in leaves.into_iter().enumerate() {
        by_keypath.insert(keypaths.get(place), value);
    }
    let mut by_leaf = HashMap::new();
    for (leaf, entry) in outline.leaves.iter().enumerate() {
        if inline(entry)
            && let Some(value) = by_keypath.remove(told.keypaths.get(leaf))
        {
            by_leaf.insert(leaf, value);
        }
    }
    Ok(InlineValues::new(by_leaf))
}

/// Reads an item that has no `_METADATA`. If none of its arrays can be read, the fault of the first
/// is returned as well.
///
/// # Errors
/// `Malformed` if it has no aggregate file either; as [`aggregate::decode`].
pub fn read(
    store: &dyn Store,
    files: &ItemFiles,
    options: &Options,
    issues: &mut Vec<Issue>,
) -> Result<(LeafTable, Option<Error>)> {
    let limits = &options.limits;
    let bytes = fetch(store, files, limits).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let reason = format!("no {} in the directory", names::TREE_METADATA);
            Error::new(ErrorKind::Malformed, reason).in_file(&files.directory)
        }
        _ => error,
    })?;
    let decoded = decode(files, &bytes, limits)?;
    let path = files.directory.join(names::AGGREGATE)?;
    let reason = "no _METADATA, as before release 0.4.3: the tree was read from the msgpack file, \
                  which does not tell JAX arrays, numpy arrays and scalars apart";
    let issue = Error::new(ErrorKind::Unsupported, reason).in_file(&path);
    issues.push(issue.about(Subject::Aggregate).without_loss());
    let sharding = files.sharding(store, limits.max_document_bytes).ok();
    let sharded = sharded(sharding.as_ref(), limits);
    let entry = |value: &AggregateValue| {
        let jax = matches!(value, AggregateValue::Placeholder(name) if sharded(name));
        let value_type = if jax {
            ValueType::JaxArray
        } else {
            ValueType::NumpyArray
        };
        LeafEntry {
            value_type,
            skip_deserialize: false,
            write_shape: None,
        }
    };
    let outline = Outline {
        tree: decoded.tree,
        leaves: decoded.leaves.iter().map(entry).collect(),
        write_shapes: Vec::new(),
        use_ocdbt: None,
        format: Format::V2,
        format_is_said: FormatSaid::Nowhere,
    };
    let by_leaf = decoded.leaves.into_iter().enumerate().collect();
    let mut values = InlineValues::new(by_leaf);
    let param_names = decoded.keypaths.param_names();
    let shardings = LeafShardings::read(store, files, &outline, &param_names, options);
    let (arrays, names) = Arrays::new(&outline, &param_names, &values);
    let found = arrays.find(store, files, &names, limits, issues)?;
    let stored = Stored {
        arrays: &arrays,
        found: &found,
    };
    let lost =
        (0..outline.leaves.len()).filter(|leaf| stored.document(*leaf).is_some_and(Result::is_err));
    let lost: Vec<usize> = lost.collect();
    mark_strings(store, files, &lost, &mut values, limits, issues)?;
    let said = Said {
        outline,
        param_names,
        shardings,
        values: &values,
    };
    let (mut table, refusal) = leaves::join(files, said, stored, limits, issues);
    let key_types = prng::fetch(store, files, &table, limits, issues);
    prng::mark_keys(&mut table, &key_types, limits, issues);
    Ok((table, refusal))
}

/// How many directories are searched for the strings of a tree: one is named after its first string
/// leaf, and any that are missing before it are arrays.
const MOST_DIRECTORIES_OF_TEXTS: usize = 64;

/// Finds out which of the leaves without an array are strings: the file has the same placeholder
/// for both.
fn mark_strings(
    store: &dyn Store,
    files: &ItemFiles,
    lost: &[usize],
    values: &mut InlineValues,
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> Result<()> {
    let named: Vec<(usize, String)> = lost
        .iter()
        .filter_map(|&leaf| Some((leaf, values.stored_name(leaf)?.to_owned())))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let mut wants = vec![texts_in(&files.directory, limits)?];
    for (_, name) in named.iter().take(MOST_DIRECTORIES_OF_TEXTS) {
        // A name that is not a path has no directory either.
        let directory = files.directory.join(name).ok();
        wants.extend(directory.and_then(|directory| texts_in(&directory, limits).ok()));
    }
    for (want, answer) in wants.iter().zip(store.fetch(&wants)) {
        let texts = match answer.and_then(|bytes| Strings::decode(&bytes, limits)) {
            Ok(texts) => texts,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                issues.push(error.in_file(&want.path));
                continue;
            }
        };
        for (leaf, _) in named.iter().filter(|(_, name)| texts.has(name)) {
            values.set_text(*leaf, files.within(&want.path));
        }
    }
    Ok(())
}

fn texts_in(directory: &StorePath, limits: &Limits) -> Result<Want> {
    let path = directory.join(names::STRINGS)?;
    Ok(Want::whole(path, limits.max_document_bytes))
}

/// Whether `_sharding`, which releases since 0.4.0 write, has an entry for an array.
fn sharded<'a>(bytes: Option<&'a Bytes>, limits: &Limits) -> impl Fn(&str) -> bool + use<'a> {
    let shardings = bytes.and_then(|bytes| shardings::decode(bytes, limits).ok());
    move |name| {
        shardings
            .as_ref()
            .is_some_and(|shardings| shardings.lookup().get(name).is_some())
    }
}

fn fetch(store: &dyn Store, files: &ItemFiles, limits: &Limits) -> Result<Bytes> {
    let want = Want::whole(
        files.directory.join(names::AGGREGATE)?,
        limits.max_document_bytes,
    );
    store.fetch_one(want)
}

fn decode<'a>(files: &ItemFiles, bytes: &'a [u8], limits: &Limits) -> Result<Aggregate<'a>> {
    let path = files.directory.join(names::AGGREGATE)?;
    let decoded = aggregate::decode(bytes, limits);
    decoded.map_err(|error| error.with_remark(stand_in::remark(bytes)).in_file(&path))
}

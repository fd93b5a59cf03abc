//! What is known about a leaf, wherever it is in a tree.

use std::ops::Range;

use arrow_array::ArrayRef;
use orbscan_core::error::Error;
use orbscan_core::orbax::sharding::Sharding;
use orbscan_core::record::{Array, Leaf, LeafKind, LeafTable};

use crate::column::{Codes, Column, Integers, Lists, Result, Texts, Words};
use crate::literal;
use crate::schema::Few;

/// The lists of strings behind the numbers of [`Facts`].
#[derive(Debug, Default)]
pub struct Vocabulary {
    value_types: Words,
    dtypes: Words,
    sharding_types: Words,
    partition_specs: Words,
    devices: Words,
    error_kinds: Words,
}

/// The columns that describe leaves.
#[derive(Debug, Default)]
pub struct Facts {
    value_type: Codes,
    dtype: Codes,
    shape: Lists<Integers>,
    chunk_shape: Lists<Integers>,
    write_shape: Lists<Integers>,
    size: Integers,
    nbytes: Integers,
    prng_impl: Texts,
    sharding_type: Codes,
    mesh_shape: Lists<Integers>,
    axis_names: Lists<Texts>,
    partition_spec: Codes,
    device: Codes,
    error_kind: Codes,
    error: Texts,
}

impl Facts {
    /// Describes the distinct leaves of a table: a row for each, and the size of those of its
    /// strings that may be long.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn of(table: &LeafTable, vocabulary: &mut Vocabulary) -> Result<(Self, Vec<usize>)> {
        let mut facts = Self::default();
        let mut widths = Vec::with_capacity(table.leaves.len());
        for leaf in &table.leaves {
            widths.push(facts.push(table, leaf, vocabulary)?);
        }
        Ok((facts, widths))
    }

    /// Appends the row of a checkpoint that cannot be read.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn failure(&mut self, error: &Error, vocabulary: &mut Vocabulary) -> Result<()> {
        self.value_type.push(None);
        self.array(None, false, vocabulary)?;
        self.write_shape.push::<u64>(None)?;
        self.prng_impl.push(None)?;
        self.sharding(None, vocabulary)?;
        self.error(Some(error), vocabulary)
    }

    /// Appends rows of `other`.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn extend(&mut self, other: &Self, rows: &Range<usize>) -> Result<()> {
        let rows = || rows.clone();
        self.value_type.extend(&other.value_type, rows())?;
        self.dtype.extend(&other.dtype, rows())?;
        self.shape.extend(&other.shape, rows())?;
        self.chunk_shape.extend(&other.chunk_shape, rows())?;
        self.write_shape.extend(&other.write_shape, rows())?;
        self.size.extend(&other.size, rows())?;
        self.nbytes.extend(&other.nbytes, rows())?;
        self.prng_impl.extend(&other.prng_impl, rows())?;
        self.sharding_type.extend(&other.sharding_type, rows())?;
        self.mesh_shape.extend(&other.mesh_shape, rows())?;
        self.axis_names.extend(&other.axis_names, rows())?;
        self.partition_spec.extend(&other.partition_spec, rows())?;
        self.device.extend(&other.device, rows())?;
        self.error_kind.extend(&other.error_kind, rows())?;
        self.error.extend(&other.error, rows())?;
        Ok(())
    }

    /// Appends single rows of `other`.
    ///
    /// # Errors
    /// As [`Column::extend`].
    pub fn gather(&mut self, other: &Self, rows: &[usize]) -> Result<()> {
        self.value_type.gather(&other.value_type, rows)?;
        self.dtype.gather(&other.dtype, rows)?;
        self.shape.gather(&other.shape, rows)?;
        self.chunk_shape.gather(&other.chunk_shape, rows)?;
        self.write_shape.gather(&other.write_shape, rows)?;
        self.size.gather(&other.size, rows)?;
        self.nbytes.gather(&other.nbytes, rows)?;
        self.prng_impl.gather(&other.prng_impl, rows)?;
        self.sharding_type.gather(&other.sharding_type, rows)?;
        self.mesh_shape.gather(&other.mesh_shape, rows)?;
        self.axis_names.gather(&other.axis_names, rows)?;
        self.partition_spec.gather(&other.partition_spec, rows)?;
        self.device.gather(&other.device, rows)?;
        self.error_kind.gather(&other.error_kind, rows)?;
        self.error.gather(&other.error, rows)?;
        Ok(())
    }

    /// The columns in the order of the schema; they are then empty.
    ///
    /// # Errors
    /// As [`Column::finish`].
    pub fn finish(&mut self, vocabulary: &mut Vocabulary, few: Few) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            vocabulary.value_types.finish(&mut self.value_type, few)?,
            vocabulary.dtypes.finish(&mut self.dtype, few)?,
            self.shape.finish()?,
            self.chunk_shape.finish()?,
            self.write_shape.finish()?,
            self.size.finish()?,
            self.nbytes.finish()?,
            self.prng_impl.finish()?,
            vocabulary
                .sharding_types
                .finish(&mut self.sharding_type, few)?,
            self.mesh_shape.finish()?,
            self.axis_names.finish()?,
            vocabulary
                .partition_specs
                .finish(&mut self.partition_spec, few)?,
            vocabulary.devices.finish(&mut self.device, few)?,
            vocabulary.error_kinds.finish(&mut self.error_kind, few)?,
            self.error.finish()?,
        ])
    }

    /// Appends the row of a leaf; returns the size of those of its strings that may be long.
    fn push(
        &mut self,
        table: &LeafTable,
        leaf: &Leaf,
        vocabulary: &mut Vocabulary,
    ) -> Result<usize> {
        let before = self.bytes();
        let value_type = vocabulary.value_types.number(table.word(leaf.kind))?;
        self.value_type.push(Some(value_type));
        let error = match leaf.kind {
            LeafKind::Unreadable(number) => table.errors.get(number),
            _ => None,
        };
        let array = leaf.array.and_then(|number| table.arrays.get(number));
        let is_known = error.is_none() && table.custom_of(leaf.kind).is_none();
        self.array(array, is_known, vocabulary)?;
        let write_shape = leaf.write_shape.and_then(|at| table.write_shapes.get(at));
        self.write_shape.push(write_shape.map(Vec::as_slice))?;
        let prng_impl = leaf.prng_impl.and_then(|at| table.prng_impls.get(at));
        self.prng_impl.push(prng_impl.map(String::as_str))?;
        let sharding = leaf.sharding.and_then(|at| table.shardings.get(at));
        let spelled = self.sharding(sharding, vocabulary)?;
        self.error(error, vocabulary)?;
        Ok(self.bytes().saturating_sub(before).saturating_add(spelled))
    }

    /// The size of strings that may be long, except those that are stored as numbers.
    fn bytes(&mut self) -> usize {
        let names = self.axis_names.values().bytes();
        self.error.bytes().saturating_add(names)
    }

    /// Appends what is known about the array; without one, a leaf has no elements, or, if it is not
    /// `known`, an unknown number of them.
    fn array(
        &mut self,
        array: Option<&Array>,
        known: bool,
        vocabulary: &mut Vocabulary,
    ) -> Result<()> {
        let dtype = array.map(|array| vocabulary.dtypes.number(array.dtype().name()));
        self.dtype.push(dtype.transpose()?);
        self.shape.push(array.map(Array::shape))?;
        self.chunk_shape.push(match array {
            Some(Array::Zarr(header)) => Some(header.chunk_shape.as_slice()),
            _ => None,
        })?;
        let none = known.then_some(0);
        self.size.push(array.map_or(none, size));
        self.nbytes.push(array.map_or(none, nbytes));
        Ok(())
    }

    /// Appends what is known about a sharding; returns the size of its strings that become numbers.
    fn sharding(
        &mut self,
        sharding: Option<&Sharding>,
        vocabulary: &mut Vocabulary,
    ) -> Result<usize> {
        let (kind, shape, names, spec, device) = match sharding {
            None => (None, None, None, None, None),
            Some(Sharding::Named {
                shape,
                axis_names,
                partition_spec,
                ..
            }) => (
                Some("NamedSharding"),
                Some(shape.as_slice()),
                Some(axis_names.as_slice()),
                Some(literal::partition_spec(partition_spec)),
                None,
            ),
            Some(Sharding::Single { device_str }) => (
                Some("SingleDeviceSharding"),
                None,
                None,
                None,
                Some(device_str.as_str()),
            ),
            Some(Sharding::Positional { shape, .. }) => (
                Some("PositionalSharding"),
                Some(shape.as_slice()),
                None,
                None,
                None,
            ),
        };
        let number =
            |words: &mut Words, text: Option<&str>| text.map(|text| words.number(text)).transpose();
        self.sharding_type
            .push(number(&mut vocabulary.sharding_types, kind)?);
        self.mesh_shape.push(shape)?;
        self.axis_names.push(names)?;
        self.partition_spec
            .push(number(&mut vocabulary.partition_specs, spec.as_deref())?);
        self.device.push(number(&mut vocabulary.devices, device)?);
        let texts = [spec.as_deref(), device].into_iter().flatten();
        Ok(texts.map(str::len).fold(0, usize::saturating_add))
    }

    fn error(&mut self, error: Option<&Error>, vocabulary: &mut Vocabulary) -> Result<()> {
        let kind = error.map(|error| vocabulary.error_kinds.number(error.kind().name()));
        self.error_kind.push(kind.transpose()?);
        let text = error.map(Error::to_string);
        self.error.push(text.as_deref())
    }
}

/// The elements of an array; `None` if 63 bits cannot hold their number.
pub fn size(array: &Array) -> Option<i64> {
    let shape = array.shape();
    if shape.contains(&0) {
        return Some(0);
    }
    let product = shape
        .iter()
        .try_fold(1_u64, |size, length| size.checked_mul(*length));
    product.and_then(|size| i64::try_from(size).ok())
}

/// The bytes of an array in memory; `None` if 63 bits cannot hold their number.
pub fn nbytes(array: &Array) -> Option<i64> {
    let bytes = array.dtype().array_bytes(array.shape());
    bytes.and_then(|bytes| i64::try_from(bytes).ok())
}

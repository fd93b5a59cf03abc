//! Side files of a pytree: `array_metadatas/` and `_strings.json`.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::code::Code;
use super::report::{Finding, Report};
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::array_metadata::{self, Described};
use crate::orbax::names;
use crate::orbax::strings::Strings;
use crate::path::StorePath;
use crate::reader::outline::ItemFiles;
use crate::record::{Array, Leaf, LeafKind, LeafTable};
use crate::store::{EntryKind, Store, Want};

/// Checks what each process says of the arrays it wrote against the tree and the arrays.
///
/// # Errors
/// `Store`.
pub(super) fn array_metadatas(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    let directory = files.directory.join(names::ARRAY_METADATAS)?;
    let listed = match store.list(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    let mut wants = Vec::new();
    for entry in listed {
        let process = entry.name.starts_with(names::ARRAY_METADATAS_PREFIX);
        if process && entry.kind == EntryKind::File {
            let path = directory.join(&entry.name)?;
            wants.push(Want::whole(path, limits.max_document_bytes));
        }
    }
    let known = ByName::new(table);
    let mut mentioned = HashSet::new();
    for want in &wants {
        let bytes = match store.fetch_one(want.clone()) {
            Err(error) if error.kind() == ErrorKind::Store => return Err(error),
            answer => answer,
        };
        let decoded = bytes.and_then(|bytes| {
            array_metadata::visit(&bytes, limits, |name, described| {
                let place = known.place(name);
                if let Some(place) = place {
                    mentioned.insert(place);
                }
                if let Some(reason) = known.contradiction(name, place, described) {
                    let finding = Finding::new(Code::ArrayMetadatas, reason).in_file(&want.path);
                    report.add(finding.of_leaf(name));
                }
            })
        });
        if let Err(error) = decoded {
            let error = error.in_file(&want.path);
            // The reader looks for keys in these files and reports what it cannot read.
            let told = report.findings.iter().any(|finding| {
                finding.code == Code::ArrayMetadatas && finding.file.as_deref() == error.file()
            });
            if !told {
                report.add(Finding::of(Code::ArrayMetadatas, &error));
            }
            return Ok(());
        }
    }
    if !wants.is_empty() {
        known.report_unmentioned(&mentioned, &directory, report);
    }
    Ok(())
}

/// The leaves of a table by their names.
struct ByName<'a> {
    table: &'a LeafTable,
    /// The places of the JAX arrays.
    places: HashMap<&'a str, usize>,
    /// The names of all other leaves.
    others: HashSet<&'a str>,
}

impl<'a> ByName<'a> {
    fn new(table: &'a LeafTable) -> Self {
        let mut places = HashMap::new();
        let mut others = HashSet::new();
        for (place, name) in table.names.iter().enumerate() {
            let leaf = table
                .leaf_of
                .get(place)
                .and_then(|leaf| table.leaves.get(*leaf));
            // Values in the aggregate file never had an entry.
            let is_stored = |leaf: &Leaf| {
                let array = leaf.array.and_then(|array| table.arrays.get(array));
                leaf.kind == LeafKind::JaxArray && matches!(array, Some(Array::Zarr(_)))
            };
            if leaf.is_some_and(is_stored) {
                places.insert(name, place);
            } else {
                others.insert(name);
            }
        }
        Self {
            table,
            places,
            others,
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// What an entry says otherwise than the tree or the array.
    fn contradiction(&self, name: &str, place: Option<usize>, entry: &Described) -> Option<String> {
        let table = self.table;
        let Some(place) = place else {
            let known = self.others.contains(name);
            return (!known).then(|| format!("an entry for {name:?}, which is no leaf"));
        };
        let leaf = table
            .leaf_of
            .get(place)
            .and_then(|leaf| table.leaves.get(*leaf))?;
        let write_shape = leaf
            .write_shape
            .and_then(|shape| table.write_shapes.get(shape));
        if let (Some(own), Some(other)) = (&entry.write_shape, write_shape)
            && own != other
        {
            return Some(format!("write_shape {own:?}, the tree says {other:?}"));
        }
        let array = leaf.array.and_then(|array| table.arrays.get(array));
        if let (Some(own), Some(Array::Zarr(header))) = (&entry.chunk_shape, array)
            && *own != header.chunk_shape
        {
            let other = &header.chunk_shape;
            return Some(format!("chunk_shape {own:?}, the array says {other:?}"));
        }
        None
    }

    fn report_unmentioned(
        &self,
        mentioned: &HashSet<usize>,
        directory: &StorePath,
        report: &mut Report,
    ) {
        let missing = self
            .places
            .values()
            .filter(|place| !mentioned.contains(place));
        let mut missing: Vec<usize> = missing.copied().collect();
        missing.sort_unstable();
        if let Some(first) = missing.first() {
            let reason = format!("JAX arrays without an entry: {}", missing.len());
            let finding = Finding::new(Code::ArrayMetadatas, reason).in_file(directory);
            report.add(finding.of_leaf(self.table.names.get(*first)));
        }
    }
}

/// Checks that every text leaf has a text.
///
/// # Errors
/// `Store`.
pub(super) fn strings(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    let is_text = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        kind == Some(LeafKind::String)
    };
    if !table.leaf_of.iter().any(is_text) {
        return Ok(());
    }
    let path = files.directory.join(names::STRINGS)?;
    let wants = [
        Want::whole(path.clone(), limits.max_document_bytes),
        // Early releases kept texts in the aggregate file, which the reader reads.
        Want::whole(
            files.directory.join(names::AGGREGATE)?,
            limits.max_document_bytes,
        ),
    ];
    let mut answers = store.fetch(&wants).into_iter();
    let texts = answers.next();
    let aggregate = answers.next();
    if aggregate.is_some_and(|answer| answer.is_ok()) {
        return Ok(());
    }
    let read = texts.transpose();
    let read = read.and_then(|bytes| Strings::decode(&bytes.unwrap_or_default(), limits));
    let (texts, reason) = match read {
        Ok(texts) => (Some(texts), "has no text".to_owned()),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => (None, format!("its text cannot be read: {}", error.reason())),
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    for (_, name) in leaves.filter(|(number, _)| is_text(number)) {
        if !texts.as_ref().is_some_and(|texts| texts.has(name)) {
            let finding = Finding::new(Code::StringMissing, reason.as_str());
            report.add(finding.in_file(&path).of_leaf(name));
        }
    }
    Ok(())
}

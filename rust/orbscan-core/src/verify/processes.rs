//! `array_metadatas/`: what each process recorded about the arrays that it wrote.
//!
//! Orbax reads all of these files before it restores a JAX array, although it only looks for PRNG
//! keys in them, and fails if it cannot read one. Source: orbax
//! `_src/metadata/array_metadata_store.py`, `_src/serialization/jax_array_handlers.py`.

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

use super::code::Code;
use super::report::{Finding, Report};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result, counted};
use crate::limits::Limits;
use crate::orbax::array_metadata::{self, Described, Said};
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::outline::ItemFiles;
use crate::record::{Array, Leaf, LeafKind, LeafTable};
use crate::store::{Bytes, Entry, EntryKind, Store, Want};
use crate::zarr::ArrayHeader;
use crate::zarr::dtype::DType;

/// Contradictions that are distinguished; further ones are reported as they come.
const MOST_TOLD_APART: usize = 1_000;

/// Files that are read at once: each has a line for every array.
const AT_ONCE: usize = 128;

/// Checks the files against the tree and the arrays.
///
/// # Errors
/// `Store`.
pub(super) fn check(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    let directory = files.directory.join(names::ARRAY_METADATAS)?;
    let mut listed = match store.list(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        listed => listed?,
    };
    listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut checking = Checking {
        leaves: ByName::new(table),
        limits,
        mentioned: HashSet::new(),
        told: Vec::new(),
        numbers: HashMap::new(),
        report,
    };
    let (mut read, mut whole) = (0_usize, true);
    listed.retain(|entry| entry.name.starts_with(names::ARRAY_METADATAS_PREFIX));
    for entries in listed.chunks(AT_ONCE) {
        for (path, answer) in fetched(store, &directory, entries, limits)? {
            match answer.and_then(|bytes| checking.file(&bytes, &path)) {
                Ok(()) => read = read.saturating_add(1),
                Err(error) if error.kind() == ErrorKind::Store => return Err(error),
                Err(error) => {
                    whole = false;
                    checking.refused(&error.in_file(&path));
                }
            }
        }
    }
    checking.tell();
    if whole && read > 0 {
        checking.report_unmentioned(&directory);
    }
    Ok(())
}

/// The content of the files of some processes, in order.
fn fetched(
    store: &dyn Store,
    directory: &StorePath,
    entries: &[Entry],
    limits: &Limits,
) -> Result<Vec<(StorePath, Result<Bytes>)>> {
    let paths = entries.iter().map(|entry| directory.join(&entry.name));
    let paths: Vec<StorePath> = paths.collect::<Result<_>>()?;
    let misnamed: Vec<Option<Error>> = entries.iter().map(misnamed).collect();
    let asked = paths
        .iter()
        .zip(&misnamed)
        .filter(|(_, error)| error.is_none());
    let wants = asked.map(|(path, _)| Want::whole(path.clone(), limits.max_document_bytes));
    let mut answers = store.fetch(&wants.collect::<Vec<_>>()).into_iter();
    let unanswered = || Err(Error::new(ErrorKind::Store, "the store did not answer"));
    let each = paths.into_iter().zip(misnamed).map(|(path, error)| {
        let answer = match error {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(unanswered),
        };
        (path, answer)
    });
    Ok(each.collect())
}

/// Why Orbax cannot read an entry of the directory whose name begins like those of its files.
fn misnamed(entry: &Entry) -> Option<Error> {
    let process = entry.name.strip_prefix(names::ARRAY_METADATAS_PREFIX)?;
    let reason = if entry.kind == EntryKind::Directory {
        "is a directory, expected a file"
    } else if process.is_empty() || !process.bytes().all(|byte| byte.is_ascii_digit()) {
        "its name does not end in the number of a process"
    } else {
        return None;
    };
    Some(Error::new(ErrorKind::Malformed, reason))
}

/// A check in progress.
struct Checking<'a, 'r> {
    leaves: ByName<'a>,
    limits: &'a Limits,
    /// The numbers of the JAX arrays that some file mentions.
    mentioned: HashSet<usize>,
    /// The findings about leaves, and in how many further files they occur.
    told: Vec<(Finding, u64)>,
    /// The indices of those findings, by the name of the leaf and the reason.
    numbers: HashMap<(String, String), usize>,
    report: &'r mut Report,
}

impl Checking<'_, '_> {
    /// Checks the file of one process.
    fn file(&mut self, bytes: &Bytes, path: &StorePath) -> Result<()> {
        array_metadata::visit(bytes, self.limits, |name, described| {
            let place = self.leaves.place(name);
            self.mentioned.extend(place);
            if let Some((code, reason)) = self.leaves.contradiction(name, place, described) {
                self.add(code, name, reason, path);
            }
        })
    }

    /// Notes a contradiction, which the files of other processes may repeat.
    fn add(&mut self, code: Code, name: &str, reason: String, path: &StorePath) {
        let key = (name.to_owned(), reason);
        if let Some((_, more)) = self.numbers.get(&key).and_then(|n| self.told.get_mut(*n)) {
            *more = more.saturating_add(1);
            return;
        }
        let finding = Finding::new(code, key.1.as_str())
            .in_file(path)
            .of_leaf(name);
        if self.told.len() < MOST_TOLD_APART {
            self.numbers.insert(key, self.told.len());
            self.told.push((finding, 0));
        } else {
            self.report.add(finding);
        }
    }

    fn tell(&mut self) {
        for (mut finding, more) in self.told.drain(..) {
            if more > 0 {
                let more = counted(more, "more file", "more files");
                finding.reason = format!("{}; so in {more}", finding.reason);
            }
            self.report.add(finding);
        }
    }

    /// Reports a file that cannot be read.
    fn refused(&mut self, error: &Error) {
        let code = match error.kind() {
            ErrorKind::Limit => Code::NotChecked,
            _ if self.leaves.places.is_empty() => Code::ArrayMetadatas,
            _ => Code::TreeRefused,
        };
        self.report.add(Finding::of(code, error));
    }

    fn report_unmentioned(&mut self, directory: &StorePath) {
        let places = self.leaves.places.values();
        let missing = places.filter(|place| !self.mentioned.contains(place));
        let mut missing: Vec<usize> = missing.copied().collect();
        missing.sort_unstable();
        if let Some(first) = missing.first() {
            let count = to_u64(missing.len());
            let reason = counted(
                count,
                "JAX array without an entry",
                "JAX arrays without an entry",
            );
            let finding = Finding::new(Code::ArrayMetadatas, reason).in_file(directory);
            let name = self.leaves.table.names.get(*first);
            self.report.add(finding.of_leaf(name));
        }
    }
}

/// The leaves of a table by their names.
struct ByName<'a> {
    table: &'a LeafTable,
    /// The numbers of the JAX arrays.
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

    /// What an entry says that differs from the tree, from the array, or from what Orbax accepts.
    fn contradiction(
        &self,
        name: &str,
        place: Option<usize>,
        entry: &Described,
    ) -> Option<(Code, String)> {
        for (member, shape) in [
            ("write_shape", &entry.write_shape),
            ("chunk_shape", &entry.chunk_shape),
        ] {
            match shape {
                Said::Nothing if !self.places.is_empty() => {
                    return Some((Code::TreeRefused, format!("no {member} in its entry")));
                }
                Said::Odd => {
                    let reason = format!("the {member} in its entry is not a shape");
                    return Some((Code::ArrayMetadatas, reason));
                }
                _ => {}
            }
        }
        let told = |reason| Some((Code::ArrayMetadatas, reason));
        let table = self.table;
        let Some(place) = place else {
            let known = self.others.contains(name);
            return (!known)
                .then(|| format!("an entry for {name:?}, which is not a leaf"))
                .and_then(told);
        };
        let leaf = table
            .leaf_of
            .get(place)
            .and_then(|leaf| table.leaves.get(*leaf))?;
        let write_shape = leaf
            .write_shape
            .and_then(|shape| table.write_shapes.get(shape));
        if let (Said::Shape(own), Some(other)) = (&entry.write_shape, write_shape)
            && own != other
        {
            return told(format!("write_shape {own:?}, the tree says {other:?}"));
        }
        let Some(Array::Zarr(header)) = leaf.array.and_then(|array| table.arrays.get(array)) else {
            return None;
        };
        if let Some(implementation) = &entry.random_key_impl
            && let Some(reason) = key_fault(implementation, header)
        {
            return Some((Code::TreeRefused, reason));
        }
        if let Some(member) = &entry.unknown {
            return told(format!(
                "its entry has a member {member:?} in a form that no release writes"
            ));
        }
        match &entry.chunk_shape {
            Said::Shape(own) if *own != header.chunk_shape => {
                let other = &header.chunk_shape;
                told(format!("chunk_shape {own:?}, the array says {other:?}"))
            }
            _ => None,
        }
    }
}

/// Why an array cannot be the data of PRNG keys of an implementation.
fn key_fault(implementation: &str, header: &ArrayHeader) -> Option<String> {
    let Some(words) = array_metadata::key_words(implementation) else {
        return Some(format!("PRNG implementation {implementation:?} is unknown"));
    };
    let shape = &header.shape;
    let fits = header.dtype == DType::UInt32 && shape.last() == Some(&words);
    (!fits).then(|| {
        let dtype = header.dtype.name();
        format!("{dtype}{shape:?} cannot be the data of {implementation} keys")
    })
}

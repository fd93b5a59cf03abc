//! Finds the Zarr document of each array, wherever the writer put it.
//!
//! `_METADATA` says where: in the item's merged OCDBT database or in plain files, as Zarr v2 or v3.
//! If it is not there, it is searched for in every other place in which a release of Orbax has
//! written, and each such detour is an issue.

mod detours;

use super::ocdbt_lookup::Database;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::record::{self, Issue};
use crate::store::{Bytes, EntryKind, Store, Want};
use crate::tree::Names;

/// The version of a Zarr document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.zarray`
    V2,
    /// `zarr.json`
    V3,
}

/// Whether a tree's document records the version of its arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormatSaid {
    /// It does.
    Clearly,
    /// It says `null`.
    AsNull,
    /// There is no such document.
    Nowhere,
}

impl Format {
    /// The name of the document.
    pub const fn document(self) -> &'static str {
        match self {
            Self::V2 => names::ZARR_V2,
            Self::V3 => names::ZARR_V3,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::V2 => Self::V3,
            Self::V3 => Self::V2,
        }
    }
}

/// Where and how an item's arrays are stored, according to its metadata.
#[derive(Debug)]
pub struct Storage<'a> {
    /// The item directory.
    pub directory: &'a StorePath,
    /// `manifest.ocdbt` of the item directory, or why it cannot be read.
    pub manifest: &'a Result<Bytes>,
    /// Whether arrays lie in the database; not recorded before 0.11.31.
    pub use_ocdbt: Option<bool>,
    /// The version of the documents.
    pub format: Format,
    /// Whether that is recorded; otherwise both versions are equally likely.
    pub format_is_said: FormatSaid,
}

/// A document that was found.
pub type Document = (Format, Bytes);

/// What was found of the arrays.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The document of each; if it was not found or is unreadable, the reason.
    pub documents: Vec<Result<Document>>,
    /// The number of the place in which each was found; without meaning if it was not found.
    pub place_of: Vec<usize>,
    /// The distinct places.
    pub places: Vec<record::Place>,
}

/// Where documents may lie.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The merged database of the item.
    Merged,
    /// The database that one process wrote, by its directory.
    Process(StorePath),
    /// One directory for each array.
    Files,
}

impl Place {
    /// The place as it appears in a table. `alone`: whether a single process left a database. Not
    /// every database describes the arrays of which it has values: if there are several, none is
    /// known to have all of them.
    fn told(&self, alone: bool) -> record::Place {
        match self {
            Self::Merged => record::Place::Database,
            Self::Files => record::Place::Files,
            Self::Process(directory) if alone => {
                record::Place::Process(directory.name().to_owned())
            }
            Self::Process(directory) => record::Place::OneOfProcesses(directory.name().to_owned()),
        }
    }
}

/// The documents of the arrays named `wanted` (distinct names in the store), in that order.
///
/// # Errors
/// Anything that prevents reading all of them: a damaged manifest or root node, or no store at all.
pub fn find(
    store: &dyn Store,
    storage: &Storage<'_>,
    wanted: &[&str],
    limits: &Limits,
    issues: &mut Vec<Issue>,
) -> Result<Found> {
    let mut search = Search {
        store,
        storage,
        limits,
        wanted,
        found: vec![None; wanted.len()],
        place_of: vec![0; wanted.len()],
        places: Vec::new(),
        processes: 0,
        count: 0,
        unmerged: Vec::new(),
        from_processes: Vec::new(),
        conflicts: Vec::new(),
        failure: None,
    };
    let in_database = match storage.manifest {
        Ok(_) => storage.use_ocdbt.unwrap_or(true),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        // A manifest that cannot be read is damage, not the absence of a database.
        Err(error) if storage.use_ocdbt != Some(false) => return Err(error.clone()),
        Err(_) => false,
    };
    let primary = if in_database {
        Place::Merged
    } else {
        Place::Files
    };
    search.look(&primary, storage.format)?;
    if storage.use_ocdbt == Some(true) && !in_database && search.count > 0 {
        issues.push(search.detour_issue(&primary, storage.format, search.count));
    }
    if storage.format_is_said == FormatSaid::Clearly {
        search.detour(&primary, storage.format.other(), issues)?;
    } else {
        search.look(&primary, storage.format.other())?;
    }
    if storage.format_is_said == FormatSaid::AsNull {
        issues.extend(search.unsaid_issues());
    }
    if !search.is_done() {
        for place in search.other_places(&primary)? {
            for format in [storage.format, storage.format.other()] {
                if let Err(error) = search.detour(&place, format, issues) {
                    // The arrays that lie elsewhere can still be read.
                    issues.push(error.clone());
                    search.failure.get_or_insert(error);
                    break;
                }
            }
        }
        issues.extend(search.unmerged_issue());
        issues.extend(search.conflict_issue());
    }
    search.answers(&primary)
}

/// How many files are requested at a time: their sizes are known only when they are in memory.
const FILES_AT_ONCE: usize = 128;

/// Subtracts the bytes from the allowance for all documents together.
fn within(room: &mut u64, bytes: Bytes, limits: &Limits) -> Result<Bytes> {
    let Some(left) = room.checked_sub(to_u64(bytes.len())) else {
        let most = limits.max_array_documents_bytes;
        let reason = format!("documents of more than {most} bytes together, which is the limit");
        return Err(Error::new(ErrorKind::Limit, reason));
    };
    *room = left;
    Ok(bytes)
}

struct Search<'a> {
    store: &'a dyn Store,
    storage: &'a Storage<'a>,
    limits: &'a Limits,
    wanted: &'a [&'a str],
    /// By the index of the array in `wanted`.
    found: Vec<Option<Result<Document>>>,
    /// By the same index, as [`Found::place_of`].
    place_of: Vec<usize>,
    /// The places that were searched.
    places: Vec<Place>,
    /// How many processes left a database.
    processes: usize,
    /// How many of them were found.
    count: usize,
    /// The databases of processes that were searched.
    unmerged: Vec<StorePath>,
    /// Which of the arrays were found in the database of a process.
    from_processes: Vec<usize>,
    /// Which of the arrays another process describes differently.
    conflicts: Vec<usize>,
    /// Why a place could not be searched.
    failure: Option<Error>,
}

impl Search<'_> {
    fn is_done(&self) -> bool {
        self.count == self.wanted.len()
    }

    /// The arrays not found yet, by place and name.
    fn missing(&self) -> Vec<(usize, &str)> {
        let all = self.wanted.iter().copied().enumerate().zip(&self.found);
        all.filter(|(_, found)| found.is_none())
            .map(|(missing, _)| missing)
            .collect()
    }

    /// The arrays to look for in a place: those not found yet, and in the database of a process
    /// also those that another process has, because nothing says which of the two is right.
    fn candidates(&self, place: &Place) -> Vec<(usize, &str)> {
        let mut candidates = self.missing();
        if matches!(place, Place::Process(_)) {
            let again = self.from_processes.iter().copied();
            candidates.extend(again.filter_map(|place| Some((place, *self.wanted.get(place)?))));
        }
        candidates
    }

    /// Notes the answer for an array from the place that was searched last.
    fn note(&mut self, place: usize, answer: Result<Document>) {
        if let Some(slot) = self.found.get_mut(place)
            && slot.replace(answer).is_none()
        {
            self.count = self.count.saturating_add(1);
        }
        if let Some(number) = self.place_of.get_mut(place) {
            *number = self.places.len().saturating_sub(1);
        }
    }

    /// All places but the first, the most reliable ones first.
    fn other_places(&mut self, primary: &Place) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        if *primary == Place::Files && self.storage.manifest.is_ok() {
            places.push(Place::Merged);
        }
        let mut processes: Vec<String> = self
            .store
            .list(self.storage.directory)?
            .into_iter()
            .filter(|entry| entry.kind == EntryKind::Directory)
            .map(|entry| entry.name)
            .filter(|name| name.starts_with(names::PROCESS_DATABASE_PREFIX))
            .collect();
        processes.sort_unstable();
        self.processes = processes.len();
        for name in processes {
            places.push(Place::Process(self.storage.directory.join(&name)?));
        }
        if *primary != Place::Files {
            places.push(Place::Files);
        }
        Ok(places)
    }

    /// Searches a place that the metadata does not name, and reports what was found there.
    fn detour(&mut self, place: &Place, format: Format, issues: &mut Vec<Issue>) -> Result<()> {
        if self.candidates(place).is_empty() {
            return Ok(());
        }
        let before = self.count;
        self.look(place, format)?;
        let count = self.count.saturating_sub(before);
        // The databases of processes share one issue.
        if count > 0 && !matches!(place, Place::Process(_)) {
            issues.push(self.detour_issue(place, format, count));
        }
        Ok(())
    }

    /// Looks for the missing arrays in one place, in one version.
    fn look(&mut self, place: &Place, format: Format) -> Result<()> {
        if self.places.last() != Some(place) {
            self.places.push(place.clone());
        }
        match place {
            Place::Files => {
                self.look_in_files(format);
                Ok(())
            }
            Place::Merged => match self.storage.manifest {
                Ok(manifest) => {
                    self.look_in_database(place, self.storage.directory, manifest, format)
                }
                Err(_) => Ok(()),
            },
            Place::Process(directory) => {
                let want =
                    Want::whole(directory.join(names::MANIFEST)?, self.limits.max_node_bytes);
                match self.store.fetch_one(want) {
                    Ok(manifest) => {
                        if self.unmerged.last() != Some(directory) {
                            self.unmerged.push(directory.clone());
                        }
                        self.look_in_database(place, directory, &manifest, format)
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    fn look_in_database(
        &mut self,
        place: &Place,
        directory: &StorePath,
        manifest: &Bytes,
        format: Format,
    ) -> Result<()> {
        let candidates = self.candidates(place);
        let bytes = candidates.iter().map(|(_, name)| name.len());
        let bytes = bytes.fold(0, usize::saturating_add);
        let more = candidates.len().saturating_mul(BYTES_OF_KEY);
        let mut keys = Names::with_capacity(candidates.len(), bytes.saturating_add(more));
        for (_, name) in &candidates {
            keys.push_parts(&key(name, format));
        }
        let keys: Vec<&str> = keys.iter().collect();
        let database = Database::open(self.store, directory, manifest, self.limits)?;
        let values = database.lookup(&keys)?.values;
        let places: Vec<usize> = candidates.into_iter().map(|(place, _)| place).collect();
        let is_process = matches!(place, Place::Process(_));
        for (place, value) in places.into_iter().zip(values) {
            let Some(value) = value else { continue };
            let document = value.map(|bytes| (format, bytes));
            match self.found.get(place) {
                Some(Some(Ok(known))) => {
                    if document.is_ok_and(|document| document != *known) {
                        self.conflicts.push(place);
                    }
                    continue;
                }
                _ if is_process => self.from_processes.push(place),
                _ => {}
            }
            self.note(place, document);
        }
        Ok(())
    }

    fn look_in_files(&mut self, format: Format) {
        let mut places = Vec::new();
        let mut wants = Vec::new();
        let mut refused = Vec::new();
        for (place, name) in self.missing() {
            match document_path(self.storage.directory, name, format) {
                Ok(path) => {
                    places.push(place);
                    wants.push(Want::whole(path, self.limits.max_array_document_bytes));
                }
                Err(error) => refused.push((place, error.in_file(self.storage.directory))),
            }
        }
        let mut room = self.limits.max_array_documents_bytes;
        for (places, wants) in places
            .chunks(FILES_AT_ONCE)
            .zip(wants.chunks(FILES_AT_ONCE))
        {
            for (place, answer) in places.iter().zip(self.store.fetch(wants)) {
                let answer = answer.and_then(|bytes| within(&mut room, bytes, self.limits));
                match answer {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    answer => self.note(*place, answer.map(|bytes| (format, bytes))),
                }
            }
        }
        // Only an array that can lie nowhere but in a file is lost with its path.
        if self.storage.manifest.is_err() {
            for (place, error) in refused {
                self.note(place, Err(error));
            }
        }
    }

    /// One answer for each name.
    fn answers(self, primary: &Place) -> Result<Found> {
        let readable = self.found.iter().flatten().any(Result::is_ok);
        if !readable && let Some(error) = self.failure {
            return Err(error);
        }
        if !readable
            && let Err(error) = self.storage.manifest
            && self.storage.use_ocdbt == Some(true)
        {
            let path = self.storage.directory.join(names::MANIFEST)?;
            let reason = format!("{}: the arrays of this item are lost", error.reason());
            return Err(Error::new(ErrorKind::Malformed, reason).in_file(&path));
        }
        let (places, place_of) = self.used_places();
        let (storage, names) = (self.storage, self.wanted.iter());
        let documents = self.found.into_iter().zip(names);
        let documents = documents
            .map(|(found, name)| found.unwrap_or_else(|| Err(absent(storage, name, primary))));
        Ok(Found {
            documents: documents.collect(),
            place_of,
            places,
        })
    }

    /// The places in which something was found, and their numbers by array.
    fn used_places(&self) -> (Vec<record::Place>, Vec<usize>) {
        let mut used = Vec::new();
        let mut numbers = vec![None; self.places.len()];
        let alone = self.processes == 1;
        let found = self.found.iter().zip(&self.place_of);
        let renumbered = found.map(|(found, number)| {
            let (Some(Ok(_)), Some(slot)) = (found, numbers.get_mut(*number)) else {
                return 0;
            };
            *slot.get_or_insert_with(|| {
                used.extend(self.places.get(*number).map(|place| place.told(alone)));
                used.len().saturating_sub(1)
            })
        });
        let place_of = renumbered.collect();
        (used, place_of)
    }
}

/// The error for an array that is in none of the places.
fn absent(storage: &Storage<'_>, name: &str, primary: &Place) -> Error {
    let format = storage.format;
    match document_path(storage.directory, name, format) {
        Ok(path) if *primary == Place::Files => Error::new(
            ErrorKind::Malformed,
            format!("the document of array {name:?} does not exist"),
        )
        .in_file(&path),
        _ => {
            let key = key(name, format).concat();
            let reason = format!("the database has no key {key:?}, the document of array {name:?}");
            Error::new(ErrorKind::Malformed, reason).in_file(storage.directory)
        }
    }
}

/// The most bytes that the database key of a document has besides the name of its array.
const BYTES_OF_KEY: usize = "/zarr.json".len();

/// The parts of the database key of an array's document: its name, `/`, the document's name.
/// TensorStore adds the `/` only if the name does not end in one.
fn key(name: &str, format: Format) -> [&str; 3] {
    let slash = if name.is_empty() || name.ends_with('/') {
        ""
    } else {
        "/"
    };
    [name, slash, format.document()]
}

/// The file of an array's document. TensorStore treats a backslash in a name as a separator.
///
/// # Errors
/// `Malformed` if the name would lead outside of the directory.
pub fn document_path(directory: &StorePath, name: &str, format: Format) -> Result<StorePath> {
    let name = name.replace('\\', "/");
    let directory = directory.join(name.trim_end_matches('/'));
    directory
        .and_then(|directory| directory.join(format.document()))
        .map_err(|error| error.while_reading(format_args!("array {name:?}")))
}

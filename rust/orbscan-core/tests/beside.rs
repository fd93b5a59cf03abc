//! What a checkpoint has beside the pytree that is read, and reading all of it.

use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::path::StorePath;
use orbscan_core::reader::beside::{self, Other};
use orbscan_core::reader::{Options, Recall, Selection, everything, read_pytree};
use orbscan_core::record::Checkpoint;
use orbscan_core::store::memory::MemoryStore;
use orbscan_core::store::{Bytes, Entry, Stat, Store, Want};
use orbscan_core::testing::checkpoint_writer::CheckpointWriter;
use orbscan_core::testing::counting_store::CountingStore;

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

fn state() -> MemoryStore {
    let mut store = MemoryStore::new();
    let (leaves, chunks) = (2, 0);
    CheckpointWriter { leaves, chunks }.write(&path("7"), &mut store);
    store
}

/// A checkpoint of the pytrees `ema` and `state`, and of JSON.
fn composite() -> MemoryStore {
    let mut store = state();
    let item: Vec<_> = store
        .files()
        .filter_map(|(file, content)| {
            let name = file.as_str().strip_prefix("7/state/")?;
            Some((path(&format!("7/ema/{name}")), content.clone()))
        })
        .collect();
    for (file, content) in item {
        store.insert(file, content);
    }
    store.insert(path("7/dataset/metadata"), "{}");
    store
}

/// A flat checkpoint with a directory for each array, one of which looks like a pytree.
fn flat() -> MemoryStore {
    let mut store = MemoryStore::new();
    let writer = CheckpointWriter {
        leaves: 1,
        chunks: 0,
    };
    store.insert(path("7/_METADATA"), writer.tree_metadata());
    store.insert(path("7/params.kernel/zarr.json"), "{}");
    store.insert(path("7/x/_METADATA"), writer.tree_metadata());
    store
}

fn read(store: &dyn Store, selection: Selection<'_>) -> Checkpoint {
    let options = Options::default();
    read_pytree(store, &path("7"), selection, &options, &Recall::new()).unwrap()
}

fn others(store: &dyn Store, chosen: Option<&str>) -> Vec<(Option<String>, Option<bool>)> {
    let found = beside::others(store, &path("7"), chosen, &Options::default()).unwrap();
    let pair = |Other { name, is_pytree }| (name, is_pytree);
    found.into_iter().map(pair).collect()
}

fn owned(name: &str) -> String {
    name.to_owned()
}

#[test]
fn a_read_tells_what_the_listing_shows_beside_it_and_asks_for_nothing_more() {
    assert_eq!(read(&state(), Selection::Auto).unread, []);
    let (alone, composite) = (state(), composite());
    let (alone, beside) = (CountingStore::new(&alone), CountingStore::new(&composite));
    read(&alone, Selection::Auto);
    let read = read(&beside, Selection::Auto);
    assert_eq!(read.unread, [Some(owned("dataset")), Some(owned("ema"))]);
    assert_eq!(alone.requests(), beside.requests());
}

#[test]
fn what_lies_beside_is_told_from_what_is_no_pytree() {
    assert_eq!(others(&state(), Some("state")), []);
    let found = others(&composite(), Some("state"));
    assert_eq!(
        found,
        [
            (Some(owned("dataset")), Some(false)),
            (Some(owned("ema")), Some(true))
        ]
    );
}

/// A store that does not let anybody look into `7/ema`.
struct Refusing(MemoryStore);

impl Store for Refusing {
    fn list(&self, directory: &StorePath) -> Result<Vec<Entry>> {
        self.0.list(directory)
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<Stat>>> {
        let stat = |path: &StorePath| {
            if path.as_str().starts_with("7/ema/") {
                return Err(Error::new(ErrorKind::Store, "permission denied").in_file(path));
            }
            self.0.stat(std::slice::from_ref(path)).remove(0)
        };
        paths.iter().map(stat).collect()
    }

    fn fetch(&self, wants: &[Want]) -> Vec<Result<Bytes>> {
        self.0.fetch(wants)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.0.locate(path)
    }
}

#[test]
fn what_cannot_be_looked_into_is_told_as_such() {
    let found = others(&Refusing(composite()), Some("state"));
    let (ema, dataset) = (Some(owned("ema")), Some(owned("dataset")));
    assert_eq!(found, [(dataset, Some(false)), (ema, None)]);
}

#[test]
fn a_pytree_that_has_lost_its_tree_is_one_still() {
    let mut store = MemoryStore::new();
    for (file, content) in composite().files() {
        if file.as_str() != "7/ema/_METADATA" {
            store.insert(file.clone(), content.clone());
        }
    }
    let found = others(&store, Some("state"));
    let (ema, dataset) = (Some(owned("ema")), Some(owned("dataset")));
    assert_eq!(found, [(dataset, Some(false)), (ema, Some(true))]);
}

#[test]
fn the_directories_of_a_flat_checkpoint_are_parts_of_its_tree_unless_they_hold_one() {
    assert_eq!(others(&flat(), None), [(Some(owned("x")), Some(true))]);
    assert_eq!(others(&flat(), Some("x")), [(None, Some(true))]);
}

#[test]
fn all_pytrees_are_read_whatever_the_layout() {
    let options = Options::default();
    let read = |store: &MemoryStore| {
        let read = everything::read_path(store, &path("7"), &options, &Recall::new());
        read.map(|checkpoint| {
            let items = checkpoint.items.into_iter();
            items
                .map(|item| (item.name, item.table.is_some()))
                .collect()
        })
    };
    let named: Vec<_> = [("dataset", false), ("ema", true), ("state", true)]
        .map(|(item, table)| (Some(owned(item)), table))
        .into();
    assert_eq!(read(&composite()), Ok(named));
    let mut damaged = composite();
    damaged.insert(path("7/ema/_METADATA"), "{");
    assert_eq!(read(&damaged).map(|items: Vec<_>| items[1].1), Ok(false));
    damaged.insert(path("7/state/_METADATA"), "{");
    assert_eq!(read(&damaged).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn a_directory_without_anything_of_a_checkpoint_is_refused() {
    let mut store = MemoryStore::new();
    store.insert(path("7/notes/a.txt"), "");
    let read = everything::read_path(&store, &path("7"), &Options::default(), &Recall::new());
    assert_eq!(read.unwrap_err().kind(), ErrorKind::UnknownLayout);
}

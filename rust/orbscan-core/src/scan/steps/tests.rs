use super::*;
use crate::error::{ErrorKind, Offset};
use crate::store::memory::MemoryStore;
use crate::testing::counting_store::{CountingStore, Requests};

const HEADER: &str =
    r#"{"init_timestamp_nsecs": 5, "commit_timestamp_nsecs": 9, "custom_metadata": {"a": 1}}"#;

fn path(text: &str) -> StorePath {
    StorePath::new(text).unwrap()
}

fn root() -> StorePath {
    path("run")
}

/// A root with a step of each name, which holds one pytree.
fn store_of(names: &[&str]) -> MemoryStore {
    let mut store = MemoryStore::new();
    store.insert_directory(root());
    for name in names {
        store.insert(path(&format!("run/{name}/_CHECKPOINT_METADATA")), HEADER);
        store.insert(path(&format!("run/{name}/state/_METADATA")), "{}");
    }
    store
}

fn read_all(store: &MemoryStore) -> Vec<Step> {
    let limits = Limits::default();
    list(store, &root(), Scope::default(), &limits)
        .unwrap()
        .steps
}

fn by_commit_file<'a>() -> Scope<'a> {
    Scope {
        atomicity: Some(Atomicity::CommitFile),
        ..Scope::default()
    }
}

fn only(store: &MemoryStore, wanted: Wanted) -> Result<String> {
    let found = find(store, &root(), wanted, Scope::default())?;
    Ok(found.into_iter().map(|step| step.name).collect())
}

#[test]
fn steps_come_by_number_then_by_name() {
    let store = store_of(&[
        "10",
        "9",
        "007",
        "7",
        "step_8",
        "state",
        "metadata",
        "11.orbax-checkpoint-tmp",
    ]);
    let found = read_all(&store);
    let shown: Vec<_> = found
        .iter()
        .map(|step| {
            (
                step.found.step,
                step.found.name.as_str(),
                step.found.commit.committed,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (7, "007", true),
            (7, "7", true),
            (8, "step_8", true),
            (9, "9", true),
            (10, "10", true),
            (11, "11.orbax-checkpoint-tmp", false),
        ]
    );
}

#[test]
fn a_file_is_no_step() {
    let mut store = store_of(&["1"]);
    store.insert(path("run/2"), "");
    assert_eq!(read_all(&store).len(), 1);
}

#[test]
fn a_step_has_timestamps_and_metrics() {
    let mut store = store_of(&["1", "2"]);
    store.insert(path("run/2/metrics/metrics"), r#"{"loss": 0.5}"#);
    let found = read_all(&store);
    let [first, second] = found.as_slice() else {
        panic!("two steps")
    };
    assert_eq!(first.metadata.init_timestamp_nsecs, Some(5));
    assert_eq!(first.metadata.commit_timestamp_nsecs, Some(9));
    assert_eq!(
        first.metadata.custom_metadata.as_deref(),
        Some(r#"{"a": 1}"#)
    );
    assert_eq!(first.metrics, None);
    assert_eq!(first.error, None);
    assert_eq!(second.metrics.as_deref(), Some(r#"{"loss": 0.5}"#));
}

#[test]
fn damage_stays_with_its_step() {
    let mut store = store_of(&["1", "2", "3", "4"]);
    store.insert(
        path("run/1/_CHECKPOINT_METADATA"),
        r#"{"item_handlers": 5}"#,
    );
    store.insert(path("run/1/metrics/metrics"), "[1");
    store.insert(path("run/2/metrics/metrics"), r#"{"loss": "#);
    store.insert(path("run/3/_CHECKPOINT_METADATA"), "not json");
    let found = read_all(&store);
    let errors: Vec<_> = found.iter().map(|step| step.error.as_ref()).collect();
    let [Some(first), Some(second), None, None] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    assert_eq!(first.file(), Some("memory:run/1/_CHECKPOINT_METADATA"));
    assert_eq!(second.file(), Some("memory:run/2/metrics/metrics"));
    assert_eq!(second.offset(), Some(Offset::File(9)));
    // The second fault of a step is not lost.
    assert_eq!(
        found[0].issues[0].file(),
        Some("memory:run/1/metrics/metrics")
    );
    assert_eq!(found[1].metadata.commit_timestamp_nsecs, Some(9));
    assert_eq!(
        found[2].issues[0].file(),
        Some("memory:run/3/_CHECKPOINT_METADATA")
    );
    assert!(found[3].issues.is_empty());
}

#[test]
fn the_number_of_waves_does_not_depend_on_the_number_of_steps() {
    let names: Vec<String> = (0..300).map(|step| step.to_string()).collect();
    let store = store_of(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let limits = Limits::default();
    for (atomicity, wanted, lists, stats, fetches) in [
        (Atomicity::Rename, None, 301, 300, 300),
        (Atomicity::Rename, Some(Wanted::Latest), 2, 1, 1),
        (Atomicity::Rename, Some(Wanted::Number(120)), 2, 1, 1),
        (Atomicity::CommitFileOrRename, None, 301, 600, 300),
        (Atomicity::CommitFileOrRename, Some(Wanted::Latest), 2, 2, 1),
        (
            Atomicity::CommitFileOrRename,
            Some(Wanted::Number(120)),
            2,
            2,
            1,
        ),
    ] {
        let counting = CountingStore::new(&store);
        let scope = Scope {
            atomicity: Some(atomicity),
            ..Scope::default()
        };
        let found = match wanted {
            None => list(&counting, &root(), scope, &limits).unwrap().steps,
            Some(wanted) => read(&counting, &root(), wanted, scope, &limits).unwrap(),
        };
        assert_eq!(found.len(), fetches);
        let asked = counting.requests();
        let bytes = asked.bytes;
        let fetches = u64::try_from(fetches).unwrap();
        let waves = 1;
        let expected = Requests {
            lists,
            stats,
            waves,
            fetches,
            bytes,
        };
        assert_eq!(asked, expected, "{atomicity:?} {wanted:?}");
    }
}

#[test]
fn a_step_is_found_with_one_listing() {
    let store = store_of(&["1", "step_0012"]);
    let counting = CountingStore::new(&store);
    let found = find(&counting, &root(), Wanted::Number(12), Scope::default()).unwrap();
    assert_eq!(found[0].name, "step_0012");
    let expected = Requests {
        lists: 1,
        ..Requests::default()
    };
    assert_eq!(counting.requests(), expected);
}

#[test]
fn the_latest_step_is_the_last_that_is_committed() {
    let store = store_of(&["9", "10", "11.orbax-checkpoint-tmp", "010"]);
    assert_eq!(only(&store, Wanted::Latest).unwrap(), "10");
    let none = only(&store_of(&["metadata"]), Wanted::Latest).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound);
    assert_eq!(
        none.to_string(),
        "memory:run: has no committed step; checkpoints below it: \"metadata\""
    );
    let unfinished = only(&store_of(&["3.orbax-checkpoint-tmp"]), Wanted::Latest).unwrap_err();
    assert_eq!(unfinished.kind(), ErrorKind::Uncommitted);
    assert_eq!(
        unfinished.reason(),
        "has no committed step; \"3.orbax-checkpoint-tmp\" is not committed: its name is temporary"
    );
}

#[test]
fn a_number_that_two_directories_have_names_both() {
    let store = store_of(&["7", "007", "8.orbax-checkpoint-tmp", "8", "9.partial_save"]);
    assert_eq!(only(&store, Wanted::Number(8)).unwrap(), "8");
    let error = only(&store, Wanted::Number(7)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownLayout);
    assert_eq!(
        error.reason(),
        "has several directories of step 7: give the path of one of \"007\", \"7\""
    );
    let partial = only(&store, Wanted::Number(9)).unwrap_err();
    assert_eq!(partial.kind(), ErrorKind::Uncommitted);
    let missing = only(&store, Wanted::Number(1)).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(missing.reason(), "has no step 1, but 3 others from 7 to 8");
}

#[test]
fn what_is_no_root_is_refused() {
    let limits = Limits::default();
    let missing = list(&MemoryStore::new(), &root(), Scope::default(), &limits);
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    let mut file = MemoryStore::new();
    file.insert(root(), "");
    let error = only(&file, Wanted::Latest).unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory:run: is a file, expected a directory of steps"
    );
    let mut checkpoint = store_of(&["1"]);
    checkpoint.insert(path("run/_METADATA"), "{}");
    checkpoint.remove(&path("run/1/_CHECKPOINT_METADATA"));
    let error = only(&checkpoint, Wanted::Latest).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownLayout);
    assert_eq!(error.file(), Some("memory:run"));
}

#[test]
fn where_a_file_commits_its_absence_counts() {
    let mut store = store_of(&["1", "2"]);
    store.insert(path("run/1/commit_success.txt"), "");
    let limits = Limits::default();
    let found = list(&store, &root(), by_commit_file(), &limits)
        .unwrap()
        .steps;
    let committed = found.iter().map(|step| step.found.commit.committed);
    let committed: Vec<_> = committed.collect();
    assert_eq!(committed, [true, false]);
    let latest = find(&store, &root(), Wanted::Latest, by_commit_file()).unwrap();
    assert_eq!(latest[0].name, "1");
}

#[test]
fn a_temporary_name_is_no_step_to_be_chosen() {
    let mut store = store_of(&["5", "6.orbax-checkpoint-tmp", "7.orbax-checkpoint-tmp"]);
    for name in ["5", "7.orbax-checkpoint-tmp"] {
        store.insert(path(&format!("run/{name}/commit_success.txt")), "");
    }
    let find = |wanted| find(&store, &root(), wanted, by_commit_file());
    let names = |wanted| -> Vec<String> {
        let found = find(wanted).unwrap().into_iter();
        found.map(|step| step.name).collect()
    };
    assert_eq!(names(Wanted::Latest), ["5"]);
    assert_eq!(names(Wanted::Committed), ["5"]);
    // It is listed, and finished, as Orbax decides.
    let all = list(&store, &root(), by_commit_file(), &Limits::default()).unwrap();
    assert!(all.steps[2].found.commit.committed);
    let error = find(Wanted::Number(7)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "memory:run: has no committed step 7; \"7.orbax-checkpoint-tmp\" is not committed: its name is \
         temporary"
    );
}

#[test]
fn the_newer_root_metadata_comes_first() {
    let limits = Limits::default();
    let mut store = store_of(&["1"]);
    let read = |store: &MemoryStore| read_root_metadata(store, &root(), &limits);
    assert_eq!(read(&store).unwrap(), RootMetadata::default());
    store.insert(path("run/metadata/metadata"), r#"{"old": 1}"#);
    assert_eq!(
        read(&store).unwrap().custom_metadata.as_deref(),
        Some(r#"{"old": 1}"#)
    );
    store.insert(
        path("run/metadata/_ROOT_METADATA"),
        r#"{"custom_metadata": {"new": 1}}"#,
    );
    assert_eq!(
        read(&store).unwrap().custom_metadata.as_deref(),
        Some(r#"{"new": 1}"#)
    );
    store.insert(path("run/metadata/_ROOT_METADATA"), "");
    let error = read(&store).unwrap_err();
    assert_eq!(error.file(), Some("memory:run/metadata/_ROOT_METADATA"));
    let missing = read(&MemoryStore::new()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn metrics_are_asked_for_where_the_listing_shows_them() {
    let mut store = store_of(&["1", "2"]);
    store.insert(path("run/2/metrics/metrics"), "{}");
    let counting = CountingStore::new(&store);
    let limits = Limits::default();
    list(&counting, &root(), Scope::default(), &limits).unwrap();
    assert_eq!(counting.requests().fetches, 3);
}

#[test]
fn what_is_missing_of_a_step_is_its_error() {
    let mut store = store_of(&["1", "2", "3", "4", "5"]);
    for file in [
        "2/_CHECKPOINT_METADATA",
        "2/state/_METADATA",
        "3/state/_METADATA",
    ] {
        store.remove(&path(&format!("run/{file}")));
    }
    store.insert(path("run/2/state/manifest.ocdbt"), "");
    store.insert(path("run/2/state/_sharding"), "");
    store.insert(path("run/3/state/manifest.ocdbt"), "");
    store.insert(path("run/4/state/_METADATA"), "{}");
    let named = r#"{"item_handlers": {"gone": "PyTreeCheckpointHandler"}}"#;
    store.insert(path("run/4/_CHECKPOINT_METADATA"), named);
    store.insert_directory(path("run/6"));
    let steps = read_all(&store);
    let errors: Vec<_> = steps
        .iter()
        .map(|step| step.error.as_ref().map_or("", Error::reason))
        .collect();
    assert_eq!(
        errors,
        [
            "",
            "is an incomplete step: \"state\" has manifest.ocdbt, but no _METADATA, and there is no \
             _CHECKPOINT_METADATA",
            "has lost its _METADATA: it still holds manifest.ocdbt",
            "the checkpointable \"gone\" is gone: _CHECKPOINT_METADATA names it, but it has no \
             directory",
            "",
            "is an incomplete step: it is empty",
        ]
    );
    // By its name it is committed, and Orbax resumes from it.
    assert!(steps.iter().all(|step| step.found.commit.committed));
    assert_eq!(only(&store, Wanted::Latest).unwrap(), "6");
}

#[test]
fn the_arrays_of_a_flat_step_are_not_asked_for() {
    let mut store = store_of(&["1"]);
    store.remove(&path("run/1/state/_METADATA"));
    store.insert(path("run/1/_METADATA"), "{}");
    for array in 0..300 {
        store.insert(path(&format!("run/1/array_{array}/.zarray")), "{}");
    }
    let counting = CountingStore::new(&store);
    let limits = Limits::default();
    let found = list(&counting, &root(), Scope::default(), &limits).unwrap();
    assert_eq!(found.steps[0].error, None);
    assert_eq!(counting.requests().stats, 0);
}

/// A store in which one directory is deleted once its parent was listed.
struct Vanishing(MemoryStore, StorePath);

impl Store for Vanishing {
    fn list(&self, directory: &StorePath) -> Result<Vec<crate::store::Entry>> {
        if *directory == self.1 {
            return Err(Error::new(ErrorKind::NotFound, "does not exist").in_file(directory));
        }
        self.0.list(directory)
    }

    fn stat(&self, paths: &[StorePath]) -> Vec<Result<Option<crate::store::Stat>>> {
        self.0.stat(paths)
    }

    fn fetch(&self, wants: &[crate::store::Want]) -> Vec<Result<crate::store::Bytes>> {
        self.0.fetch(wants)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.0.locate(path)
    }
}

#[test]
fn a_step_that_is_deleted_meanwhile_is_not_listed_and_not_taken_for_whole() {
    let store = Vanishing(store_of(&["1", "2"]), path("run/2"));
    let limits = Limits::default();
    let found = list(&store, &root(), Scope::default(), &limits).unwrap();
    let names = found.steps.iter().map(|step| step.found.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["1"]);
    let latest = read(&store, &root(), Wanted::Latest, Scope::default(), &limits).unwrap();
    let error = latest[0].error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.file(), Some("memory:run/2"));
}

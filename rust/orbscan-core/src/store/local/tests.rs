#[cfg(target_os = "linux")]
use super::hold::{self, Opened};
use super::*;
use crate::store::Pytrees;

const ALL: Interest<'static> = Interest::of(Pytrees::All);

fn located(given: &str, below: &str) -> (String, String) {
    let (store, place) = LocalStore::open(Path::new(given)).unwrap();
    let below = place.join(below).unwrap();
    let above = place.parent().unwrap_or_default();
    (store.locate(&below), store.locate(&above))
}

#[test]
fn paths_are_shown_as_they_were_given() {
    for (given, itself, below, above) in [
        ("/runs/7", "/runs/7", "/runs/7/state/d", "/runs"),
        ("/runs/7//", "/runs/7", "/runs/7/state/d", "/runs"),
        ("runs/7", "runs/7", "runs/7/state/d", "runs"),
        ("7", "7", "7/state/d", "."),
        ("./7/", "./7", "./7/state/d", "."),
        ("7/.", "7", "7/state/d", "."),
        (".", ".", "./state/d", ".."),
        ("..", "..", "../state/d", "../.."),
        ("src/..", "src/..", "src/../state/d", "src/../.."),
        ("../7", "../7", "../7/state/d", ".."),
        ("/", "/", "/state/d", "/"),
    ] {
        let found = located(given, "");
        assert_eq!(found, (itself.into(), above.into()), "{given}");
        assert_eq!(located(given, "state/d").0, below, "{given}");
    }
}

#[test]
fn what_lies_beside_a_path_is_shown_from_there() {
    let (store, _) = LocalStore::open(Path::new("runs/7")).unwrap();
    let beside = StorePath::new("70/state").unwrap();
    assert_eq!(store.locate(&beside), "runs/70/state");
    let (store, _) = LocalStore::open(Path::new("7")).unwrap();
    assert_eq!(store.locate(&beside), "70/state");
}

#[test]
fn from_the_top_everything_above_is_shown_from_there() {
    let (store, place) = LocalStore::open_from_top(Path::new("src/../src/lib.rs")).unwrap();
    assert!(place.as_str().ends_with("/src/lib.rs"), "{place}");
    assert_eq!(store.locate(&place), "src/../src/lib.rs");
    let directory = place.parent().unwrap();
    assert_eq!(store.locate(&directory), "src/../src");
    let (store, place) = LocalStore::open_from_top(Path::new("x")).unwrap();
    let here = place.parent().unwrap();
    assert_eq!(store.locate(&here), ".");
    assert_eq!(store.locate(&here.join("y").unwrap()), "y");
    assert_eq!(store.locate(&here.parent().unwrap()), "..");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_held_stays_whatever_takes_its_place() {
    let name = format!("orbscan-held-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let file = StorePath::new("7/a").unwrap();
    let put = |place: &str, content: &str| {
        fs::create_dir_all(folder.join(place)).unwrap();
        fs::write(folder.join(place).join("a"), content).unwrap();
    };
    let read = |store: &dyn Store| store.fetch_one(Want::whole(file.clone(), 9));
    put("7", "old");
    let store = LocalStore::new(&folder);
    let place = StorePath::new("7").unwrap();
    let held = store.hold(&place, ALL).unwrap();
    let none = store.hold(&StorePath::new("8").unwrap(), ALL).unwrap();
    fs::rename(folder.join("7"), folder.join("gone")).unwrap();
    put("7", "new");
    put("8", "new");
    assert_eq!(read(&store).unwrap(), "new");
    assert_eq!(read(held.as_ref()).unwrap(), "old");
    // The first listing moves the read position of the directory, and the others must not notice.
    for _ in 0..3 {
        assert_eq!(held.list(&place).unwrap().len(), 1);
    }
    // What lies beside it is found by its path.
    assert_eq!(held.list(&StorePath::root()).unwrap().len(), 3);
    assert_eq!(
        (held.locate(&file), held.absolute(&file)),
        (store.locate(&file), store.absolute(&file))
    );
    let nothing = none.list(&StorePath::new("8").unwrap()).unwrap_err();
    assert_eq!(
        (nothing.kind(), nothing.file()),
        (ErrorKind::NotFound, Some("8"))
    );
    assert!(store.hold(&file, ALL).is_none());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_same_place_is_absolutely_the_same() {
    let here = std::env::current_dir().unwrap();
    for given in ["runs/7", "./runs/7/", "runs//7"] {
        let (store, place) = LocalStore::open(Path::new(given)).unwrap();
        let expected = here.join("runs/7").to_string_lossy().into_owned();
        assert_eq!(store.absolute(&place), expected);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_listing_longer_than_the_buffer_has_every_name_once() {
    let name = format!("orbscan-listed-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(folder.join("7/directory")).unwrap();
    std::os::unix::fs::symlink("directory", folder.join("7/link")).unwrap();
    let long = |number: usize| format!("{number:0>200}");
    for number in 0..300 {
        fs::write(folder.join("7").join(long(number)), "").unwrap();
    }
    let store = LocalStore::new(&folder);
    let place = StorePath::new("7").unwrap();
    let held = store.hold(&place, ALL).unwrap();
    let mut wanted: Vec<String> = (0..300).map(long).collect();
    wanted.extend(["directory".to_owned(), "link".to_owned()]);
    for store in [held.as_ref(), held.as_ref(), &store] {
        let mut listed = store.list(&place).unwrap();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        let directories = listed
            .iter()
            .filter(|entry| entry.kind == EntryKind::Directory);
        let directories: Vec<_> = directories
            .map(|entry| (&*entry.name, entry.link))
            .collect();
        assert_eq!(directories, [("directory", false), ("link", true)]);
        let names: Vec<String> = listed.into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, wanted);
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_path_that_leads_nowhere_is_named_as_it_was_given() {
    let error = LocalStore::open(Path::new("nowhere/..")).unwrap_err();
    assert_eq!(error.to_string(), "nowhere/..: does not exist");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// The result if opening and looking give these answers, in order.
#[cfg(target_os = "linux")]
fn opening(opens: &[bool], links: &[Option<bool>]) -> Opened<usize> {
    let absent = || std::io::Error::from(IoErrorKind::NotFound);
    let (mut opened, mut looked) = (opens.iter().cycle().enumerate(), links.iter().cycle());
    hold::opened(
        || match opened.next().unwrap() {
            (number, true) => Ok(number),
            _ => Err(absent()),
        },
        || looked.next().unwrap().ok_or_else(absent),
    )
}

#[test]
#[cfg(target_os = "linux")]
fn what_comes_into_the_place_while_it_is_opened_is_held() {
    assert_eq!(opening(&[true], &[None]), Opened::Directory(0));
    assert_eq!(
        opening(&[false, false, true], &[Some(false)]),
        Opened::Directory(2)
    );
    assert_eq!(opening(&[false, true], &[Some(true)]), Opened::Directory(1));
}

#[test]
#[cfg(target_os = "linux")]
fn where_nothing_lies_nothing_is_held_and_a_link_to_nowhere_is_not() {
    assert_eq!(opening(&[false], &[None]), Opened::Nothing);
    // Absent whenever it is opened, present whenever it is looked at.
    assert_eq!(opening(&[false], &[Some(false)]), Opened::Nothing);
    assert_eq!(opening(&[false], &[Some(true)]), Opened::Other);
}

#[test]
fn files_of_all_sizes_are_read_whole_and_in_part() {
    let name = format!("orbscan-sizes-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).unwrap();
    let store = LocalStore::new(&folder);
    let file = StorePath::new("file").unwrap();
    // Around the first bytes, and around a large page.
    for size in [
        0,
        (64 << 10) - 1,
        64 << 10,
        (64 << 10) + 1,
        (2 << 20) - 1,
        2 << 20,
        (5 << 20) + 3,
    ] {
        let content: Vec<u8> = (0_usize..size).map(|at| at.to_le_bytes()[at % 3]).collect();
        fs::write(folder.join("file"), &content).unwrap();
        let whole = store.fetch_one(Want::whole(file.clone(), to_u64(size)));
        assert!(whole.unwrap() == content, "{size}");
        let part = Want {
            path: file.clone(),
            span: Span::Range {
                offset: 7,
                length: to_u64(size.saturating_sub(9)),
            },
            max_bytes: u64::MAX,
        };
        let wanted = content.get(7..size.saturating_sub(2)).unwrap_or_default();
        assert!(store.fetch_one(part).unwrap() == wanted, "{size}");
        let beyond = Want {
            path: file.clone(),
            span: Span::Range {
                offset: 7,
                length: to_u64(size),
            },
            max_bytes: u64::MAX,
        };
        assert_eq!(store.fetch_one(beyond).is_ok(), size == 0, "{size}");
    }
    fs::remove_dir_all(folder).unwrap();
}

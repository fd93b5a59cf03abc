//! The table of findings.

use arrow_array::RecordBatch;
use orbscan_core::error::{Error, ErrorKind, Offset};
use orbscan_core::scan::entry::Content;
use orbscan_core::tree::KeyEntry;
use orbscan_core::verify::Level;
use orbscan_core::verify::code::Code;
use orbscan_core::verify::report::{Chunks, Extent, Finding, Report};

use super::entry;
use crate::json::{Spelling, json_lines};
use crate::{Checked, Few, FindingBatches, Outcome, finding_schema};

fn checked(path: &str, outcome: Outcome) -> Checked {
    Checked {
        entry: entry(path, Content::Unread).into(),
        part: None,
        outcome,
    }
}

fn batches(checked: Vec<Checked>, batch_rows: usize) -> Vec<RecordBatch> {
    let level = Level::Data;
    let batches =
        FindingBatches::with_batch_rows(checked.into_iter(), level, Few::Plain, batch_rows);
    batches.collect::<Result<_, _>>().unwrap()
}

/// A report with two findings.
fn damaged() -> Report {
    let mut report = Report::new();
    report.extent = Extent {
        leaves: 3,
        chunks: 9,
        data_bytes: 70,
        ..Extent::default()
    };
    let leaf = (Some("state".to_owned()), "a.b".to_owned());
    let keypath = ["a", "b"].map(|key| KeyEntry::Mapping(key.into()));
    report.keypaths.insert(leaf, keypath.to_vec());
    report.left_out.insert(Code::LeafUnreadable, 4);
    let mut lost = Finding::new(Code::LeafUnreadable, "is cut off")
        .in_file(&"d/1")
        .of_leaf("a.b")
        .but("8 bytes", "7");
    lost.checkpointable = Some("state".to_owned());
    lost.offset = Some(Offset::Body(5));
    lost.chunks = Some(Chunks {
        count: 2,
        of: 6,
        runs: Vec::new(),
        more_runs: None,
        elements: None,
    });
    report.add(lost);
    report.add(Finding::new(Code::CommitMarker, "is missing"));
    report
}

/// The rows as lines of JSON, each without what all rows of its kind share.
fn lines(checked: Vec<Checked>) -> Vec<String> {
    let batches = batches(checked, 100);
    let lines = batches
        .iter()
        .map(|batch| json_lines(batch, Spelling::Utf8).unwrap());
    lines
        .collect::<String>()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn each_finding_has_a_row_and_each_sound_checkpoint_one() {
    let failed = Error::new(ErrorKind::Store, "may not be read");
    let rows = lines(vec![
        checked("sound", Outcome::Checked(Box::new(Report::new()))),
        checked("damaged", Outcome::Checked(Box::new(damaged()))),
        checked("half", Outcome::Unfinished),
        checked("locked", Outcome::Failed(failed)),
    ]);
    let wanted = [
        &[
            "\"sound\"",
            "\"state\": \"checked\", \"level\": \"data\", \"ok\": true",
            "\"code\": null",
        ][..],
        &[
            "\"damaged\"",
            "\"ok\": false, \"complete\": true, \"code\": \"leaf-unreadable\", \"severity\": \"error\", \
             \"reason\": \"is cut off\"",
            "\"checkpointable\": \"state\", \"keypath\": \"a/b\", \
             \"keys\": [{\"key\": \"a\", \"index\": null}, {\"key\": \"b\", \"index\": null}], \
             \"param_name\": \"a.b\", \"chunks\": 2, \"of_chunks\": 6, \"file\": \"d/1\", \"offset\": 5, \
             \"in_body\": true, \"expected\": \"8 bytes\", \"found\": \"7\", \"v1\": \"fails\"",
            "\"left_out\": 4, \"checked_leaves\": 3, \"checked_chunks\": 9, \"checked_bytes\": 70",
        ],
        &[
            "\"damaged\"",
            "\"code\": \"commit-marker\", \"severity\": \"note\"",
            "\"left_out\": 0",
        ],
        &[
            "\"half\"",
            "\"state\": \"uncommitted\", \"level\": \"data\", \"ok\": null, \"complete\": null",
            "\"reason\": \"its name has no temporary suffix\"",
        ],
        &[
            "\"locked\"",
            "\"state\": \"failed\"",
            "\"error_kind\": \"store\", \"error\": \"may not be read\"",
        ],
    ];
    assert_eq!(rows.len(), wanted.len(), "{rows:#?}");
    for (row, parts) in rows.iter().zip(wanted) {
        for part in parts {
            assert!(row.contains(part), "{part} in {row}");
        }
    }
}

#[test]
fn a_batch_ends_with_the_checkpoint_in_which_it_is_full() {
    let several = || {
        let each = ["a", "b", "c"];
        each.map(|path| checked(path, Outcome::Checked(Box::new(damaged()))))
            .into()
    };
    let rows = |size| {
        let batches = batches(several(), size);
        batches
            .iter()
            .map(RecordBatch::num_rows)
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(1), [2, 2, 2]);
    assert_eq!(rows(3), [4, 2]);
    assert_eq!(rows(100), [6]);
    assert_eq!(batches(Vec::new(), 1), []);
    for few in [Few::Plain, Few::Categories] {
        let mut batches = FindingBatches::new(several().into_iter(), Level::Data, few);
        let batch = batches.next().unwrap().unwrap();
        assert_eq!(batch.schema(), finding_schema(few));
    }
}

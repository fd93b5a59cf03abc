//! The rows of a catalogue.

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, RecordBatch};
use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::scan::entry::{Content, Entry};

use super::{checkpoint, entry, table};
use crate::{CatalogueBatches, CheckpointBatches, Few, LeafBatches, catalogue_schema};

fn catalogue(entries: Vec<Entry>, batch_rows: usize, most: (usize, usize)) -> Vec<RecordBatch> {
    let batches = CatalogueBatches::with_groups(entries.into_iter(), Few::Plain, batch_rows, most);
    batches.collect::<Result<_, _>>().unwrap()
}

/// The content of each batch: which rows, and of which checkpoints.
fn told(batches: &[RecordBatch]) -> Vec<(String, Vec<String>)> {
    let texts = |batch: &RecordBatch, name: &str| -> Vec<String> {
        let column = batch.column_by_name(name).unwrap().as_string::<i32>();
        let mut texts: Vec<String> = column.iter().map(|text| text.unwrap().to_owned()).collect();
        texts.dedup();
        texts
    };
    let each = batches.iter().map(|batch| {
        let rows_of = texts(batch, "rows_of");
        assert_eq!(rows_of.len(), 1);
        (rows_of.concat(), texts(batch, "path"))
    });
    each.collect()
}

fn row(rows_of: &str, paths: &[&str]) -> (String, Vec<String>) {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    (rows_of.to_owned(), paths)
}

#[test]
fn a_catalogue_has_groups_of_leaves_and_their_checkpoints() {
    let entries = || {
        let mut entries: Vec<Entry> = ["a", "b", "c", "d"]
            .map(|path| entry(path, checkpoint(vec![(None, Some(table()))])))
            .into();
        entries.insert(1, entry("unread", Content::Unread));
        entries
    };
    let batches = catalogue(entries(), 100, (3, 1_000));
    let by_number = [
        row("leaves", &["a", "b"]),
        row("checkpoints", &["a", "unread", "b"]),
        row("leaves", &["c", "d"]),
        row("checkpoints", &["c", "d"]),
    ];
    assert_eq!(told(&batches), by_number);
    // A table has five leaves, and a batch may end within one.
    let batches = catalogue(entries(), 7, (100, 8));
    let by_leaves = [
        row("leaves", &["a", "b"]),
        row("leaves", &["b"]),
        row("checkpoints", &["a", "unread", "b"]),
        row("leaves", &["c", "d"]),
        row("leaves", &["d"]),
        row("checkpoints", &["c", "d"]),
    ];
    assert_eq!(told(&batches), by_leaves);
    assert_eq!(catalogue(Vec::new(), 7, (1, 1)), []);
}

#[test]
fn the_rows_of_a_catalogue_are_those_of_both_tables() {
    let entries = || {
        vec![
            entry("a", checkpoint(vec![(None, Some(table()))])),
            entry("b", Content::Failed(Error::new(ErrorKind::Store, "gone"))),
        ]
    };
    let both = catalogue(entries(), 100, (100, 100));
    let schema = both[0].schema();
    assert_eq!(schema, catalogue_schema(Few::Plain));
    let mut leaves = LeafBatches::new(entries().into_iter(), Few::Plain);
    let mut checkpoints = CheckpointBatches::new(entries().into_iter(), Few::Plain);
    let alone = [leaves.next(), checkpoints.next()].map(|batch| batch.unwrap().unwrap());
    for (batch, alone) in both.iter().zip(&alone) {
        for (field, column) in schema.fields().iter().zip(batch.columns()).skip(1) {
            match alone.column_by_name(field.name()) {
                Some(wanted) => assert_eq!(column, wanted, "{field}"),
                None => assert_eq!(column.null_count(), alone.num_rows(), "{field}"),
            }
        }
    }
    assert_eq!(both.len(), alone.len());
}

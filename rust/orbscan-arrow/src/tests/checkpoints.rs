//! The table of checkpoints.

use arrow_array::RecordBatch;
use orbscan_core::scan::entry::{Content, Entry};

use super::{checkpoint, checkpoint_row, column, entry, failed, table};
use crate::{CheckpointBatches, Few};

#[test]
fn a_checkpoint_is_summed_up_over_its_trees() {
    let items = vec![(Some("ema"), Some(table())), (Some("state"), Some(table()))];
    let row = [checkpoint_row(checkpoint(items))];
    for (name, cell) in [
        ("kind", "v1"),
        ("committed", "true"),
        ("temporary", "false"),
        ("commit_reason", "its name has no temporary suffix"),
        ("state", "read"),
        ("init_timestamp", "1us"),
        ("init_timestamp_nsecs", "1000"),
        // Cut, as the moments of Python are.
        ("commit_timestamp", "4us"),
        ("commit_timestamp_nsecs", "4500"),
        ("save_duration_nsecs", "3500"),
        ("checkpointables", "[ema state]"),
        ("leaves", "10"),
        // The PRNG key has bytes, but no elements that count.
        ("parameters", "128"),
        ("elements", "128"),
        ("nbytes", "528"),
        ("metrics", "{\"loss\": 1}"),
        ("custom_metadata", "-"),
        ("error", "-"),
        ("issues", "[]"),
    ] {
        assert_eq!(column(&row, name), [cell], "{name}");
    }
}

#[test]
fn parameters_are_those_of_the_part_of_that_name() {
    let items = vec![
        (Some("ema"), Some(table())),
        (Some("params"), Some(table())),
    ];
    let row = [checkpoint_row(checkpoint(items))];
    assert_eq!(column(&row, "parameters"), ["64"]);
    assert_eq!(column(&row, "elements"), ["128"]);
}

#[test]
fn what_was_not_read_is_not_counted() {
    for (content, state, complete, error) in [
        (Content::Unchanged, "unchanged", "true", "-"),
        (Content::Vanished, "vanished", "-", "-"),
        (Content::Unread, "unread", "-", "-"),
        (failed(), "failed", "false", "not_found"),
        (
            checkpoint(vec![(Some("dataset"), None)]),
            "read",
            "true",
            "-",
        ),
    ] {
        let row = [checkpoint_row(content)];
        assert_eq!(column(&row, "state"), [state]);
        assert_eq!(column(&row, "complete"), [complete]);
        assert_eq!(column(&row, "error_kind"), [error]);
        for name in ["leaves", "parameters", "elements", "nbytes"] {
            assert_eq!(column(&row, name), ["-"], "{name} of {state}");
        }
    }
}

#[test]
fn a_time_that_arrow_cannot_hold_is_an_issue() {
    let Content::Read(mut odd) = checkpoint(Vec::new()) else {
        unreachable!()
    };
    odd.commit_timestamp_nsecs = Some(1 << 63);
    let row = [checkpoint_row(Content::Read(odd))];
    assert_eq!(column(&row, "commit_timestamp"), ["-"]);
    assert_eq!(column(&row, "save_duration_nsecs"), ["9223372036854774808"]);
    let issue = "commit_timestamp: 9223372036854775808 ns since 1970 lie outside of the years 1677 \
                 to 2262";
    assert_eq!(column(&row, "issues"), [format!("[{issue}]")]);
}

#[test]
fn what_was_not_read_may_have_timestamps_all_the_same() {
    let leftover = Entry {
        init_timestamp_nsecs: Some(-5),
        commit_timestamp_nsecs: Some(9),
        ..entry("a", Content::Unread)
    };
    let row: Vec<RecordBatch> = CheckpointBatches::new([leftover].into_iter(), Few::Plain)
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(column(&row, "init_timestamp"), ["-1us"]);
    assert_eq!(column(&row, "init_timestamp_nsecs"), ["-5"]);
    assert_eq!(column(&row, "commit_timestamp"), ["0us"]);
    assert_eq!(column(&row, "commit_timestamp_nsecs"), ["9"]);
    assert_eq!(column(&row, "save_duration_nsecs"), ["14"]);
    assert_eq!(column(&row, "checkpointables"), ["-"]);
}

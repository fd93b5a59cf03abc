//! The table of checkpoints.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};
use orbscan_core::error::Error;
use orbscan_core::record::{Checkpoint, LeafTable};
use orbscan_core::scan::entry::{Content, Entry};

use crate::column::{Codes, Column, Flags, Integers, Lists, Numbers, Result, Texts, Words};
use crate::filling::{Filling, Rows};
use crate::leaves::fingerprint;
use crate::schema::{Few, UTC, checkpoint_schema};
use crate::totals::Totals;
use crate::{BATCH_BYTES, BATCH_ROWS};

/// Times, each as a timestamp and as the exact number of nanoseconds.
#[derive(Debug, Default)]
struct Moments {
    usecs: Numbers<TimestampMicrosecondType>,
    nsecs: Integers,
}

impl Moments {
    fn push(&mut self, nsecs: Option<i64>) {
        self.usecs
            .push(nsecs.map(|nsecs| nsecs.div_euclid(NSECS_PER_USEC)));
        self.nsecs.push(nsecs);
    }

    fn finish(&mut self) -> Result<[ArrayRef; 2]> {
        let usecs = Arc::new(self.usecs.primitive()?.with_timezone(UTC));
        Ok([usecs, self.nsecs.finish()?])
    }
}

const NSECS_PER_USEC: i64 = 1_000;

/// The row of an entry, as a batch.
///
/// # Errors
/// As reading [`CheckpointBatches`].
pub fn checkpoint_row(entry: &Entry) -> std::result::Result<RecordBatch, ArrowError> {
    let mut rows = CheckpointRows::default();
    rows.push(entry)?;
    RecordBatch::try_new(checkpoint_schema(Few::Plain), rows.finish(Few::Plain)?)
}

/// A row for each entry, in order.
pub type CheckpointBatches<I> = Filling<I, CheckpointRows>;

impl<I: Iterator<Item = Entry>> CheckpointBatches<I> {
    /// The table of these entries.
    pub fn new(entries: I, few: Few) -> Self {
        Self::with_batch_rows(entries, few, BATCH_ROWS)
    }

    /// The table in batches with at most this many rows, at least one.
    pub fn with_batch_rows(entries: I, few: Few, batch_rows: usize) -> Self {
        Self::with_rows(entries, CheckpointRows::default(), few, batch_rows)
    }
}

/// The batch under construction, and the lists of strings behind its numbers.
#[derive(Debug, Default)]
pub struct CheckpointRows {
    path: Texts,
    root: Texts,
    step: Integers,
    fingerprint: Texts,
    kind: Codes,
    committed: Flags,
    temporary: Flags,
    commit_reason: Texts,
    state: Codes,
    init: Moments,
    commit: Moments,
    save_duration: Integers,
    checkpointables: Lists<Texts>,
    leaves: Integers,
    parameters: Integers,
    elements: Integers,
    nbytes: Integers,
    metrics: Texts,
    custom_metadata: Texts,
    error_kind: Codes,
    error: Texts,
    issues: Lists<Texts>,
    complete: Flags,
    kinds: Words,
    states: Words,
    error_kinds: Words,
}

impl Rows for CheckpointRows {
    type Of = Entry;

    fn schema(few: Few) -> SchemaRef {
        checkpoint_schema(few)
    }

    fn push(&mut self, entry: &Entry) -> Result<()> {
        self.path.push(Some(&entry.path))?;
        self.root.push(Some(&entry.root))?;
        self.step
            .push(entry.step.and_then(|step| i64::try_from(step).ok()));
        self.fingerprint
            .push(entry.fingerprint.map(fingerprint).as_deref())?;
        self.kind.push(Some(self.kinds.number(entry.kind.name())?));
        self.committed.push(Some(entry.commit.committed));
        self.temporary.push(Some(entry.commit.temporary));
        self.complete.push(entry.complete());
        self.commit_reason.push(Some(&entry.commit.reason))?;
        self.state
            .push(Some(self.states.number(entry.content.name())?));
        self.metrics.push(entry.metrics.as_deref())?;
        let error = entry.error();
        let error_kind = error.map(|error| self.error_kinds.number(error.kind().name()));
        self.error_kind.push(error_kind.transpose()?);
        self.error.push(error.map(Error::to_string).as_deref())?;
        let faults = self.timestamps(entry);
        match &entry.content {
            Content::Read(checkpoint) => self.checkpoint(checkpoint, &faults),
            _ => self.nothing(&faults),
        }
    }

    fn count(&self) -> usize {
        self.path.rows()
    }

    fn are_full(&mut self, rows: usize) -> bool {
        let short = [&self.path, &self.root, &self.error];
        let long = [
            &self.metrics,
            &self.custom_metadata,
            self.issues.values(),
            self.checkpointables.values(),
        ];
        let bytes = short.iter().chain(&long).map(|texts| texts.bytes());
        bytes.fold(0, usize::saturating_add) >= BATCH_BYTES || self.path.rows() >= rows
    }

    fn finish(&mut self, few: Few) -> Result<Vec<ArrayRef>> {
        let [init_timestamp, init_timestamp_nsecs] = self.init.finish()?;
        let [commit_timestamp, commit_timestamp_nsecs] = self.commit.finish()?;
        Ok(vec![
            self.path.finish()?,
            self.root.finish()?,
            self.step.finish()?,
            self.fingerprint.finish()?,
            self.kinds.finish(&mut self.kind, few)?,
            self.committed.finish(),
            self.temporary.finish(),
            self.commit_reason.finish()?,
            self.states.finish(&mut self.state, few)?,
            init_timestamp,
            init_timestamp_nsecs,
            commit_timestamp,
            commit_timestamp_nsecs,
            self.save_duration.finish()?,
            self.checkpointables.finish()?,
            self.leaves.finish()?,
            self.parameters.finish()?,
            self.elements.finish()?,
            self.nbytes.finish()?,
            self.metrics.finish()?,
            self.custom_metadata.finish()?,
            self.error_kinds.finish(&mut self.error_kind, few)?,
            self.error.finish()?,
            self.issues.finish()?,
            self.complete.finish(),
        ])
    }
}

impl CheckpointRows {
    /// Appends the times, and returns the issues about those that do not fit into a column.
    fn timestamps(&mut self, entry: &Entry) -> Vec<String> {
        let mut faults = Vec::new();
        let (init, commit) = (entry.init_timestamp_nsecs, entry.commit_timestamp_nsecs);
        self.init.push(moment("init_timestamp", init, &mut faults));
        self.commit
            .push(moment("commit_timestamp", commit, &mut faults));
        let duration = init.and_then(|init| commit?.checked_sub(init));
        self.save_duration
            .push(duration.and_then(|nsecs| i64::try_from(nsecs).ok()));
        faults
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint, faults: &[String]) -> Result<()> {
        let mut issues: Vec<String> = checkpoint.issues.iter().map(Error::to_string).collect();
        issues.extend_from_slice(faults);
        let names: Vec<&str> = checkpoint
            .items
            .iter()
            .filter_map(|item| item.name.as_deref())
            .collect();
        self.checkpointables.push(Some(&names))?;
        let tables: Vec<(Option<&str>, &LeafTable)> = checkpoint
            .items
            .iter()
            .filter_map(|item| Some((item.name.as_deref(), item.table.as_deref()?)))
            .collect();
        self.totals((!tables.is_empty()).then(|| Totals::of(&tables)));
        self.custom_metadata
            .push(checkpoint.custom_metadata.as_deref())?;
        self.issues.push(Some(&issues))
    }

    /// Appends nulls to the columns that only a checkpoint that was read has.
    fn nothing(&mut self, faults: &[String]) -> Result<()> {
        self.checkpointables.push::<&str>(None)?;
        self.totals(None);
        self.custom_metadata.push(None)?;
        self.issues.push((!faults.is_empty()).then_some(faults))
    }

    fn totals(&mut self, totals: Option<Totals>) {
        self.leaves.push(totals.and_then(|totals| totals.leaves));
        self.parameters
            .push(totals.and_then(|totals| totals.parameters));
        self.elements
            .push(totals.and_then(|totals| totals.elements));
        self.nbytes.push(totals.and_then(|totals| totals.nbytes));
    }
}

/// A time as Arrow stores it; one that it cannot store becomes an issue.
fn moment(name: &str, nsecs: Option<i128>, issues: &mut Vec<String>) -> Option<i64> {
    let nsecs = nsecs?;
    let moment = i64::try_from(nsecs).ok();
    if moment.is_none() {
        issues.push(format!(
            "{name}: {nsecs} ns since 1970 lie outside of the years 1677 to 2262"
        ));
    }
    moment
}

//! The table of findings.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::SchemaRef;
use orbscan_core::error::{Error, Offset};
use orbscan_core::scan::entry::Entry;
use orbscan_core::verify::code::{Code, Outlook};
use orbscan_core::verify::report::{Extent, Finding, Report};
use orbscan_core::verify::{Level, Slice};

use crate::column::{Codes, Column, Flags, Integers, Result, Texts, Words};
use crate::filling::{Filling, Rows};
use crate::keypath::Keypaths;
use crate::schema::{Few, finding_schema};
use crate::{BATCH_BYTES, BATCH_ROWS};

/// The outcome of the check of one checkpoint.
#[derive(Debug)]
pub enum Outcome {
    /// It was checked.
    Checked(Box<Report>),
    /// It is not finished, so there is nothing to check yet.
    Unfinished,
    /// It could not be checked.
    Failed(Error),
}

/// A checkpoint, and the outcome of its check.
#[derive(Debug)]
pub struct Checked {
    /// The checkpoint.
    pub entry: Arc<Entry>,
    /// The part that was checked, if the check was divided.
    pub part: Option<Slice>,
    /// The outcome.
    pub outcome: Outcome,
}

/// A row for each finding, and one for each checkpoint without any.
pub type FindingBatches<I> = Filling<I, FindingRows>;

impl<I: Iterator<Item = Checked>> FindingBatches<I> {
    /// The table of these checks at the level `level`.
    pub fn new(checked: I, level: Level, few: Few) -> Self {
        Self::with_batch_rows(checked, level, few, BATCH_ROWS)
    }

    /// The table in batches that end with the checkpoint in which this many rows are reached.
    pub fn with_batch_rows(checked: I, level: Level, few: Few, batch_rows: usize) -> Self {
        let rows = FindingRows {
            level,
            ..FindingRows::default()
        };
        Self::with_rows(checked, rows, few, batch_rows)
    }
}

/// The batch under construction.
#[derive(Debug, Default)]
pub struct FindingRows {
    level: Level,
    path: Texts,
    root: Texts,
    step: Integers,
    ok: Flags,
    complete: Flags,
    reason: Texts,
    checkpointable: Texts,
    keypaths: Keypaths,
    param_name: Texts,
    chunks: Integers,
    of_chunks: Integers,
    file: Texts,
    offset: Integers,
    in_body: Flags,
    expected: Texts,
    found: Texts,
    left_out: Integers,
    checked_leaves: Integers,
    checked_chunks: Integers,
    checked_bytes: Integers,
    error: Texts,
    part: Integers,
    parts: Integers,
    few: FewTexts,
    /// The size of the strings.
    bytes: usize,
}

/// The columns with few distinct strings.
#[derive(Debug, Default)]
struct FewTexts {
    state: Word,
    level: Word,
    code: Word,
    severity: Word,
    meaning: Word,
    restores: [Word; 3],
    error_kind: Word,
}

/// A column with few distinct strings.
#[derive(Debug, Default)]
struct Word {
    codes: Codes,
    words: Words,
}

impl Word {
    fn push(&mut self, text: Option<&str>) -> Result<()> {
        let number = text.map(|text| self.words.number(text)).transpose()?;
        self.codes.push(number);
        Ok(())
    }

    fn finish(&mut self, few: Few) -> Result<ArrayRef> {
        self.words.finish(&mut self.codes, few)
    }
}

impl Rows for FindingRows {
    type Of = Checked;

    fn schema(few: Few) -> SchemaRef {
        finding_schema(few)
    }

    fn push(&mut self, checked: &Checked) -> Result<()> {
        let entry = &checked.entry;
        let before = self.path.rows();
        self.outcome(entry, &checked.outcome)?;
        for _ in before..self.path.rows() {
            self.part.push(number(checked.part.map(|part| part.index)));
            self.parts.push(number(checked.part.map(|part| part.count)));
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.path.rows()
    }

    fn are_full(&mut self, rows: usize) -> bool {
        self.count() >= rows || self.bytes >= BATCH_BYTES
    }

    fn finish(&mut self, few: Few) -> Result<Vec<ArrayRef>> {
        self.bytes = 0;
        let [v1, v1_target, v0] = &mut self.few.restores;
        Ok(vec![
            self.path.finish()?,
            self.root.finish()?,
            self.step.finish()?,
            self.few.state.finish(few)?,
            self.few.level.finish(few)?,
            self.ok.finish(),
            self.complete.finish(),
            self.few.code.finish(few)?,
            self.few.severity.finish(few)?,
            self.reason.finish()?,
            self.few.meaning.finish(few)?,
            self.checkpointable.finish()?,
            self.keypaths.text.finish()?,
            self.keypaths.keys.finish()?,
            self.param_name.finish()?,
            self.chunks.finish()?,
            self.of_chunks.finish()?,
            self.file.finish()?,
            self.offset.finish()?,
            self.in_body.finish(),
            self.expected.finish()?,
            self.found.finish()?,
            v1.finish(few)?,
            v1_target.finish(few)?,
            v0.finish(few)?,
            self.left_out.finish()?,
            self.checked_leaves.finish()?,
            self.checked_chunks.finish()?,
            self.checked_bytes.finish()?,
            self.few.error_kind.finish(few)?,
            self.error.finish()?,
            self.part.finish()?,
            self.parts.finish()?,
        ])
    }
}

impl FindingRows {
    fn outcome(&mut self, entry: &Entry, outcome: &Outcome) -> Result<()> {
        match outcome {
            Outcome::Checked(report) if report.findings.is_empty() => {
                self.row(entry, "checked", Some(report), None)?;
                self.reason.push(None)?;
                self.error(None)
            }
            Outcome::Checked(report) => {
                for finding in &report.findings {
                    self.row(entry, "checked", Some(report), Some(finding))?;
                    self.reason.push(Some(&finding.reason))?;
                    self.error(None)?;
                    self.bytes = self.bytes.saturating_add(finding.reason.len());
                }
                Ok(())
            }
            Outcome::Unfinished => {
                self.row(entry, "uncommitted", None, None)?;
                self.reason.push(Some(&entry.commit.reason))?;
                self.error(None)
            }
            Outcome::Failed(error) => {
                self.row(entry, "failed", None, None)?;
                self.reason.push(None)?;
                self.error(Some(error))
            }
        }
    }

    /// Appends a row, except its reason and its error.
    fn row(
        &mut self,
        entry: &Entry,
        state: &str,
        report: Option<&Report>,
        finding: Option<&Finding>,
    ) -> Result<()> {
        let texts = entry.path.len().saturating_add(entry.root.len());
        self.bytes = self.bytes.saturating_add(texts);
        self.path.push(Some(&entry.path))?;
        self.root.push(Some(&entry.root))?;
        self.step
            .push(entry.step.and_then(|step| i64::try_from(step).ok()));
        self.few.state.push(Some(state))?;
        self.few.level.push(Some(self.level.name()))?;
        self.ok
            .push(report.map(|report| report.complete && report.is_ok()));
        self.complete.push(report.map(|report| report.complete));
        self.extent(report.map(|report| report.extent));
        self.code(finding.map(|finding| finding.code))?;
        let more = finding.zip(report).map(|(finding, report)| {
            let more = report.left_out.get(&finding.code);
            more.copied().unwrap_or_default()
        });
        self.left_out.push(number(more));
        self.place(report, finding)?;
        let chunks = finding.and_then(|finding| finding.chunks.as_ref());
        self.chunks.push(number(chunks.map(|chunks| chunks.count)));
        self.of_chunks.push(number(chunks.map(|chunks| chunks.of)));
        let text = |of: fn(&Finding) -> &Option<String>| finding.and_then(|f| of(f).as_deref());
        self.file.push(text(|finding| &finding.file))?;
        self.expected.push(text(|finding| &finding.expected))?;
        self.found.push(text(|finding| &finding.found))?;
        let offset = finding.and_then(|finding| finding.offset);
        self.offset.push(number(offset.map(Offset::bytes)));
        self.in_body
            .push(offset.map(|offset| matches!(offset, Offset::Body(_))));
        Ok(())
    }

    fn extent(&mut self, extent: Option<Extent>) {
        self.checked_leaves
            .push(number(extent.map(|extent| extent.leaves)));
        self.checked_chunks
            .push(number(extent.map(|extent| extent.chunks)));
        self.checked_bytes
            .push(number(extent.map(|extent| extent.data_bytes)));
    }

    fn code(&mut self, code: Option<Code>) -> Result<()> {
        self.few.code.push(code.map(Code::name))?;
        let severity = code.map(|code| code.severity().name());
        self.few.severity.push(severity)?;
        self.few.meaning.push(code.map(Code::meaning))?;
        let restores = code.map(|code| code.restores().map(Outlook::name));
        for (at, column) in self.few.restores.iter_mut().enumerate() {
            column.push(restores.and_then(|all| all.get(at).copied()))?;
        }
        Ok(())
    }

    /// Appends its position in the tree.
    fn place(&mut self, report: Option<&Report>, finding: Option<&Finding>) -> Result<()> {
        let checkpointable = finding.and_then(|finding| finding.checkpointable.clone());
        let leaf = finding.and_then(|finding| finding.leaf.clone());
        self.checkpointable.push(checkpointable.as_deref())?;
        self.param_name.push(leaf.as_deref())?;
        let keypath = report
            .zip(leaf)
            .and_then(|(report, leaf)| report.keypaths.get(&(checkpointable, leaf)));
        match keypath {
            Some(keypath) => self.keypaths.push_entries(keypath),
            None => self.keypaths.push_none(),
        }
    }

    fn error(&mut self, error: Option<&Error>) -> Result<()> {
        let kind = error.map(|error| error.kind().name());
        self.few.error_kind.push(kind)?;
        self.error.push(error.map(Error::to_string).as_deref())
    }
}

/// A number, unless 63 bits cannot hold it.
fn number(number: Option<u64>) -> Option<i64> {
    number.and_then(|number| i64::try_from(number).ok())
}

//! Issues about arrays that were not found where the tree says.

use super::{Format, FormatSaid, Place, Search};
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Subject, counted, shown};
use crate::orbax::names;
use crate::record::Issue;

impl Search<'_> {
    /// The issue about databases of processes that hold what the merged one should.
    pub(super) fn unmerged_issue(&self) -> Option<Issue> {
        let found = self.from_processes.iter().filter_map(|place| {
            let document = self.found.get(*place)?.as_ref()?.as_ref();
            Some(document.map_or(self.storage.format, |(format, _)| *format))
        });
        let (as_said, otherwise): (Vec<Format>, Vec<Format>) =
            found.partition(|format| *format == self.storage.format);
        let count = as_said.len().saturating_add(otherwise.len());
        if count == 0 {
            return None;
        }
        let arrays = counted(to_u64(count), "array was", "arrays were");
        let merged = self.storage.manifest.is_ok();
        let mut reason = match (merged, self.unmerged.len()) {
            (true, _) => format!("{arrays} found in databases of processes, not in the merged one"),
            (false, 1) => format!("the database of a process is not merged: {arrays} found in it"),
            (false, n) => {
                format!("the databases of {n} processes are not merged: {arrays} found in them")
            }
        };
        if !otherwise.is_empty() {
            let format = self.storage.format;
            let (other, own) = (format.other().document(), format.document());
            reason = match otherwise.len() {
                n if n == count => format!("{reason} as {other} (_METADATA says {own})"),
                n => format!("{reason}, {n} as {other} (_METADATA says {own})"),
            };
        }
        let (file, subject) = match self.unmerged.as_slice() {
            _ if merged => (self.storage.directory, Subject::ArraysElsewhere),
            [only] => (only, Subject::NotMerged),
            _ => (self.storage.directory, Subject::NotMerged),
        };
        let issue = Error::new(ErrorKind::Malformed, reason).in_file(file);
        Some(issue.about(subject).without_loss())
    }

    /// The issues about arrays whose version is not recorded, one for each version.
    pub(super) fn unsaid_issues(&self) -> impl Iterator<Item = Issue> {
        let path = self.storage.directory.join(names::TREE_METADATA).ok();
        let formats = [
            (Format::V2, Subject::OldFormatUnsaid),
            (Format::V3, Subject::FormatUnsaid),
        ];
        formats.into_iter().filter_map(move |(wanted, subject)| {
            let mut found = self.found.iter().flatten().flatten();
            let path = path
                .as_ref()
                .filter(|_| found.any(|(format, _)| *format == wanted))?;
            let document = wanted.document();
            let reason = format!("use_zarr3 is null, the arrays were found as {document}");
            let issue = Error::new(ErrorKind::Malformed, reason).in_file(path);
            Some(issue.about(subject).without_loss())
        })
    }

    /// The issue about processes that describe arrays differently.
    pub(super) fn conflict_issue(&self) -> Option<Issue> {
        let names = self
            .conflicts
            .iter()
            .filter_map(|&place| self.wanted.get(place));
        let names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
        let reason = format!(
            "the databases of single processes disagree about {}",
            shown(&names)
        );
        let issue = Error::new(ErrorKind::Malformed, reason).in_file(self.storage.directory);
        (!names.is_empty()).then(|| issue.without_loss())
    }

    /// The issue about arrays that were found in that version in that place.
    pub(super) fn detour_issue(&self, place: &Place, format: Format, count: usize) -> Issue {
        let arrays = counted(to_u64(count), "array was", "arrays were");
        let document = format.document();
        let reason = match place {
            Place::Files => {
                format!("{arrays} found in plain {document} files, not in the database")
            }
            Place::Merged | Place::Process(_) => {
                format!("{arrays} found as {document} in the database, not where _METADATA says")
            }
        };
        let is_said = self.storage.format_is_said == FormatSaid::Clearly;
        let reason = if format == self.storage.format || !is_said {
            reason
        } else {
            format!(
                "{reason} (_METADATA says {})",
                self.storage.format.document()
            )
        };
        let issue = Error::new(ErrorKind::Malformed, reason).in_file(self.storage.directory);
        issue.about(Subject::ArraysElsewhere).without_loss()
    }
}

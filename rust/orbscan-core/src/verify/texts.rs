//! The texts of a pytree, `_strings.json`.

use super::code::Code;
use super::report::{Finding, Report};
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::names;
use crate::orbax::strings::Strings;
use crate::reader::outline::ItemFiles;
use crate::record::{LeafKind, LeafTable};
use crate::store::{Store, Want};

/// Checks that every text leaf has a text.
///
/// # Errors
/// `Store`.
pub(super) fn strings(
    store: &dyn Store,
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    let is_text = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        kind == Some(LeafKind::String)
    };
    if !table.leaf_of.iter().any(is_text) {
        return Ok(());
    }
    let path = files.directory.join(names::STRINGS)?;
    let wants = [
        Want::whole(path.clone(), limits.max_document_bytes),
        // Early releases kept texts in the aggregate file, which the reader reads.
        Want::whole(
            files.directory.join(names::AGGREGATE)?,
            limits.max_document_bytes,
        ),
    ];
    let mut answers = store.fetch(&wants).into_iter();
    let texts = answers.next();
    let aggregate = answers.next();
    if aggregate.is_some_and(|answer| answer.is_ok()) {
        return Ok(());
    }
    let read = texts.transpose();
    let read = read.and_then(|bytes| Strings::decode(&bytes.unwrap_or_default(), limits));
    let (texts, reason) = match read {
        Ok(texts) => (Some(texts), "has no text".to_owned()),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => (None, format!("its text cannot be read: {}", error.reason())),
    };
    let leaves = table.leaf_of.iter().zip(table.names.iter());
    for (_, name) in leaves.filter(|(number, _)| is_text(number)) {
        if !texts.as_ref().is_some_and(|texts| texts.has(name)) {
            let finding = Finding::new(Code::StringMissing, reason.as_str());
            report.add(finding.in_file(&path).of_leaf(name));
        }
    }
    Ok(())
}

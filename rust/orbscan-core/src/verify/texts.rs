//! The strings of a pytree, `_strings.json`.

use foldhash::{HashSet, HashSetExt};

use super::aggregate;
use super::code::Code;
use super::report::{Finding, Report};
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::orbax::names;
use crate::orbax::strings::Strings;
use crate::reader::outline::ItemFiles;
use crate::record::{LeafKind, LeafTable};
use crate::store::{Store, Want};

/// Checks that every string leaf has a string, and every string a leaf.
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
    let path = files.directory.join(names::STRINGS)?;
    let wants = [
        Want::whole(path.clone(), limits.max_document_bytes),
        // Early releases stored strings in the aggregate file, which the reader reads.
        Want::whole(
            files.directory.join(names::AGGREGATE)?,
            limits.max_document_bytes,
        ),
    ];
    let mut answers = store.fetch(&wants).into_iter();
    let texts = answers.next();
    if let Some(Ok(bytes)) = answers.next() {
        return aggregate::check(&bytes, files, table, limits, report);
    }
    let is_text = |number: &usize| {
        let kind = table.leaves.get(*number).map(|leaf| leaf.kind);
        kind == Some(LeafKind::String)
    };
    let all = table.leaf_of.iter().zip(table.names.iter());
    let leaves = all.filter(|(number, _)| is_text(number));
    let mut leaves = leaves.map(|(_, name)| name).peekable();
    let texts = match texts.transpose() {
        Err(error) if error.kind() == ErrorKind::NotFound && leaves.peek().is_none() => {
            return Ok(());
        }
        read => read.and_then(|bytes| Strings::decode(&bytes.unwrap_or_default(), limits)),
    };
    let (texts, reason) = match texts {
        Ok(texts) => (Some(texts), "has no text".to_owned()),
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => (None, format!("its text cannot be read: {}", error.reason())),
    };
    let mut wanted = HashSet::new();
    for name in leaves {
        wanted.insert(name);
        if !texts.as_ref().is_some_and(|texts| texts.has(name)) {
            let finding = Finding::new(Code::StringMissing, reason.as_str());
            report.add(finding.in_file(&path).of_leaf(name));
        }
    }
    let named = texts.map(|texts| texts.names()).unwrap_or_default();
    for name in named.iter().filter(|name| !wanted.contains(name.as_str())) {
        let reason = format!("a text {name:?} that no leaf of the tree names");
        report.add(Finding::new(Code::StringWithoutLeaf, reason).in_file(&path));
    }
    Ok(())
}

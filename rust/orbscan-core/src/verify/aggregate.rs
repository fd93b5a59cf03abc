//! The msgpack file `checkpoint` of early releases.

use super::code::Code;
use super::report::{Finding, Report};
use crate::cursor::to_u64;
use crate::error::{ErrorKind, Result, counted};
use crate::limits::Limits;
use crate::orbax::{aggregate, names};
use crate::reader::outline::ItemFiles;
use crate::record::{Array, LeafTable};

/// Checks what the file, given its content, means for restores.
///
/// # Errors
/// `Malformed` if the directory cannot have such a file.
pub(super) fn check(
    bytes: &[u8],
    files: &ItemFiles,
    table: &LeafTable,
    limits: &Limits,
    report: &mut Report,
) -> Result<()> {
    // For a tree that has nothing else, the reader has reported it.
    if !files.has_metadata() {
        return Ok(());
    }
    let path = files.directory.join(names::AGGREGATE)?;
    if let Err(error) = aggregate::decode(bytes, limits) {
        if error.kind() == ErrorKind::Malformed {
            report.add(Finding::of(Code::AggregateDamaged, &error).in_file(&path));
        }
        return Ok(());
    }
    let inline = |number: &&usize| {
        let array = table.leaves.get(**number).and_then(|leaf| leaf.array);
        let array = array.and_then(|array| table.arrays.get(array));
        matches!(array, Some(Array::Inline(..)))
    };
    let count = to_u64(table.leaf_of.iter().filter(inline).count());
    if count > 0 {
        let leaves = counted(count, "leaf", "leaves");
        let finding = Finding::new(
            Code::AggregateValues,
            format!("holds the values of {leaves}"),
        );
        report.add(finding.in_file(&path));
    }
    Ok(())
}

//! Findings from the counts of a survey.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use foldhash::HashSet;

use super::arrays::{Array, Fault};
use super::code::Code;
use super::databases::Databases;
use super::files::{AsKey, FileUse};
use super::hosts::{Missing, Sorted};
use super::report::{Chunks, Finding, Part, Report};
use super::roles::{Role, Roles};
use super::survey::{Survey, relative};
use super::together::Together;
use crate::cursor::to_u64;
use crate::error::{Offset, counted};
use crate::orbax::names;
use crate::path::StorePath;
use crate::stand_in;

/// Adds the findings of a survey. `stores_all` determines, if necessary, whether the writer stored
/// every chunk: if that is not known, it may have left out those that contain only a fill value.
/// `sorted` says which chunks other hosts should hold, if any, and `together` collects what all
/// directories hold if several are checked.
pub(super) fn add(
    survey: &Survey<'_>,
    databases: &Databases,
    stores_all: impl FnOnce() -> bool,
    sorted: Option<&Sorted>,
    mut together: Option<&mut Together>,
    report: &mut Report,
) {
    let roles = Roles::new(survey, databases);
    extent(survey, &roles, report);
    for error in &databases.errors {
        report.add(Finding::of(Code::DatabaseUnreadable, error));
    }
    not_merged(databases, report);
    let missing_of = |number: usize| sorted.and_then(|sorted| sorted.missing.get(number)?.as_ref());
    node_faults(survey, missing_of, report);
    let stores_all = LazyCell::new(stores_all);
    let in_damaged_nodes = in_damaged_nodes(survey);
    for (number, array) in survey.arrays.arrays.iter().enumerate() {
        let code = || match survey.arrays.header(array) {
            _ if in_damaged_nodes.contains(&number) => Code::ChunkLost,
            Some(header) if header.has_fill_value && !*stores_all => Code::ChunkAbsent,
            _ => Code::ChunkMissing,
        };
        if let Some(together) = &mut together {
            together.array(survey, array, missing_of(number), code, report);
        }
        missing(survey, array, missing_of(number), code, report);
        array_findings(survey, array, report);
    }
    if let (Some(sorted), None) = (sorted, together) {
        elsewhere(survey, sorted, report);
    }
    strays(survey, report);
    files(survey, &roles, report);
}

fn extent(survey: &Survey<'_>, roles: &Roles<'_>, report: &mut Report) {
    let extent = &mut report.extent;
    let nodes = survey.files.files.iter().map(|file| file.nodes);
    extent.nodes = nodes.fold(extent.nodes, u64::saturating_add);
    let arrays = survey.arrays.arrays.iter();
    let arrays = arrays.filter(|array| !array.is_custom);
    extent.arrays = extent.arrays.saturating_add(to_u64(arrays.count()));
    extent.chunks = extent.chunks.saturating_add(survey.chunks);
    for array in &survey.arrays.arrays {
        if let Some(grid) = survey.arrays.grid(array) {
            let (present, of) = &mut report.chunks;
            *present = present.saturating_add(array.present.count());
            *of = of.saturating_add(grid.total());
        }
    }
    let files = survey.files.files.iter();
    let files = files.filter(|file| roles.of(file) != Role::Other);
    extent.files = extent.files.saturating_add(to_u64(files.count()));
}

fn not_merged(databases: &Databases, report: &mut Report) {
    let known = report.findings.iter();
    let known = known.filter(|finding| finding.checkpointable == report.scope);
    // The reader reports it if it had to search there.
    if databases.unmerged.is_empty() || known.into_iter().any(|f| f.code == Code::NotMerged) {
        return;
    }
    let count = to_u64(databases.unmerged.len());
    let reason = counted(
        count,
        "database of a single process",
        "databases of single processes",
    );
    let mut finding = Finding::new(Code::NotMerged, reason);
    if let Some(first) = databases.unmerged.first() {
        finding = finding.in_file(first);
    }
    report.add(finding.but(format!("a merged {}", names::MANIFEST), "none"));
}

fn node_faults<'s>(
    survey: &Survey<'_>,
    missing: impl Fn(usize) -> Option<&'s Missing>,
    report: &mut Report,
) {
    for fault in &survey.node_faults {
        if !fault.lost {
            report.add(Finding::of(Code::NodeStatistics, &fault.error));
            continue;
        }
        let (from, until) = &fault.keys;
        let arrays = survey.arrays.between(from, until.as_deref());
        let arrays = arrays
            .iter()
            .filter(|number| !matches!(missing(**number), Some(Missing::Elsewhere)))
            .filter_map(|number| survey.arrays.arrays.get(*number));
        let mut affected = 0_u64;
        for array in arrays.filter(|array| !survey.has_all(array)) {
            affected = affected.saturating_add(1);
            report.lose(array.name);
        }
        let mut finding = Finding::of(Code::NodeDamaged, &fault.error);
        finding.reason = format!("{}; arrays that miss chunks: {affected}", finding.reason);
        report.add(finding);
    }
    if survey.more_node_faults > 0 {
        let reason = counted(
            survey.more_node_faults,
            "more damaged node",
            "more damaged nodes",
        );
        report.add(Finding::new(Code::NodeDamaged, reason));
    }
}

/// The arrays whose chunks may be listed in a node that cannot be read.
fn in_damaged_nodes(survey: &Survey<'_>) -> HashSet<usize> {
    if survey.more_node_faults > 0 {
        return (0..survey.arrays.arrays.len()).collect();
    }
    let lost = survey.node_faults.iter().filter(|fault| fault.lost);
    let arrays = lost.flat_map(|fault| {
        let (from, until) = &fault.keys;
        survey.arrays.between(from, until.as_deref())
    });
    arrays.collect()
}

/// Reports the chunks that should be in the store but are not, under the code for that.
fn missing(
    survey: &Survey<'_>,
    array: &Array<'_>,
    missing: Option<&Missing>,
    code: impl FnOnce() -> Code,
    report: &mut Report,
) {
    let Some(grid) = survey.arrays.grid(array) else {
        if array.header.is_some() {
            let reason = "more chunks than can be counted, none of them was checked";
            report.add(Finding::new(Code::NotChecked, reason).of_leaf(array.name));
        }
        return;
    };
    if array.present.count() >= grid.total() {
        return;
    }
    let chunks = match missing {
        Some(Missing::Elsewhere) => return,
        Some(Missing::Some { lost, .. }) => Chunks::new(lost, true, grid),
        Some(Missing::Lost) | None => Chunks::new(&array.present, false, grid),
    };
    let code = code();
    let reason = match code {
        Code::ChunkLost => "chunks that a damaged node may list",
        _ => "chunks that the store does not have",
    };
    let expected = array.present.count().saturating_add(chunks.count);
    let finding = Finding::new(code, reason).of_leaf(array.name).but(
        counted(expected, "chunk", "chunks"),
        counted(array.present.count(), "chunk", "chunks"),
    );
    report.add(Finding {
        chunks: Some(chunks),
        ..finding
    });
}

/// Notes that other hosts hold the rest of the tree, and which processes' shares are here.
fn elsewhere(survey: &Survey<'_>, sorted: &Sorted, report: &mut Report) {
    let arrays = survey.arrays.arrays.iter().zip(&sorted.missing);
    let mut arrays = arrays.filter_map(|(array, missing)| {
        let grid = survey.arrays.grid(array)?;
        match missing.as_ref()? {
            Missing::Lost => None,
            Missing::Elsewhere => Some((array, Chunks::new(&array.present, false, grid))),
            Missing::Some { elsewhere, .. } => Some((array, Chunks::new(elsewhere, true, grid))),
        }
    });
    let Some((first, chunks)) = arrays.next() else {
        return;
    };
    let finding = match arrays.count() {
        0 => Finding {
            chunks: Some(chunks),
            ..Finding::new(Code::ChunkElsewhere, "chunks held by another host").of_leaf(first.name)
        },
        more => {
            let more = counted(to_u64(more), "more leaf", "more leaves");
            let reason = format!("chunks held by another host, and so of {more}");
            Finding::new(Code::ChunkElsewhere, reason).of_leaf(first.name)
        }
    };
    report.add(finding);
    let here = sorted.here.iter().copied().map(to_u64).collect();
    let part = report.part.get_or_insert_with(|| Part {
        processes: to_u64(sorted.processes.unwrap_or_default()),
        here: BTreeSet::clone(&here),
    });
    part.here.retain(|process| here.contains(process));
}

fn array_findings(survey: &Survey<'_>, array: &Array<'_>, report: &mut Report) {
    for fault in array.faults() {
        report.add(fault_finding(survey, array, fault));
    }
    let Some(odd) = array.odd() else { return };
    let is_empty = survey
        .arrays
        .grid(array)
        .is_some_and(|grid| grid.total() == 0);
    let outside = if is_empty {
        (
            Code::ShapeEmpty,
            &odd.outside,
            "keys of chunks of an array without elements",
        )
    } else {
        (
            Code::ChunkOutside,
            &odd.outside,
            "keys of chunks outside the grid",
        )
    };
    for (code, (count, first), what) in [
        outside,
        (
            Code::KeyUnknown,
            &odd.unknown,
            "keys that are not those of a chunk",
        ),
    ] {
        if let Some(first) = first {
            let reason = format!("{what}: {count}, the first is {first:?}");
            report.add(Finding::new(code, reason).of_leaf(array.name));
        }
    }
}

fn fault_finding(survey: &Survey<'_>, array: &Array<'_>, fault: &Fault) -> Finding {
    let reason = match fault.code {
        Code::ChunkLost => "chunks whose bytes are not there",
        Code::ChunkOverlap => "chunks that share bytes with something else",
        Code::ChunkLength => "chunks of an impossible length",
        Code::ChunkUnreadable => "chunks that could not be read",
        Code::ChunkDamaged => "chunks that do not decode",
        Code::NotFinite => "chunks with values that are not finite",
        Code::NotDecoded => "chunks that were not decoded",
        Code::BytesSurplus => "shards with bytes that their index does not refer to",
        _ => "chunks",
    };
    let mut finding = Finding::new(fault.code, reason)
        .of_leaf(array.name)
        .but(fault.expected.as_str(), fault.found.as_str());
    finding.chunks = survey
        .arrays
        .grid(array)
        .map(|grid| Chunks::new(&fault.marks, true, grid));
    if let Some(place) = fault.place
        && let Some(path) = survey.files.path(place.file)
    {
        finding = finding.in_file(path);
        finding.offset = Some(Offset::File(place.offset));
    }
    finding
}

fn strays(survey: &Survey<'_>, report: &mut Report) {
    for stray in &survey.strays.groups {
        let (code, what) = if stray.has_document {
            (Code::ArrayWithoutLeaf, "an array that no leaf names")
        } else {
            (Code::KeyStray, "keys that belong to no array")
        };
        let reason = format!(
            "{what}: {:?}, {} of {}",
            stray.name,
            counted(stray.keys, "key", "keys"),
            counted(stray.bytes, "byte", "bytes")
        );
        report.add(Finding::new(code, reason));
    }
    if survey.strays.more > 0 {
        let more = counted(survey.strays.more, "more key", "more keys");
        let reason = format!("{more} that belong to no array");
        report.add(Finding::new(Code::KeyStray, reason));
    }
}

fn files(survey: &Survey<'_>, roles: &Roles<'_>, report: &mut Report) {
    let mut unused: (u64, u64, Option<&StorePath>) = (0, 0, None);
    let faults = survey.arrays.arrays.iter().flat_map(Array::faults);
    let places = faults.filter_map(|fault| Some(fault.place?.file));
    let with_faults: HashSet<usize> = places.collect();
    for (number, file) in survey.files.files.iter().enumerate() {
        if file.is_used() {
            used_file(file, with_faults.contains(&number), report);
        } else if let Some(size) = file.size
            && roles.of(file) == Role::Unused
            && !is_expected(relative(&survey.directory, &file.path))
        {
            unused.0 = unused.0.saturating_add(1);
            unused.1 = unused.1.saturating_add(size);
            unused.2.get_or_insert(&file.path);
        }
    }
    if let (count, bytes, Some(first)) = unused {
        let reason = format!(
            "{} of {} that nothing refers to; this is the first",
            counted(count, "file", "files"),
            counted(bytes, "byte", "bytes")
        );
        report.add(Finding::new(Code::DataFileUnused, reason).in_file(first));
    }
}

/// Whether it is normal that nothing refers to a file. After the merge, only the values that the
/// processes wrote are needed, which are the smaller part of these files if chunks are small.
fn is_expected(path: &str) -> bool {
    path.starts_with(names::PROCESS_DATABASE_PREFIX)
}

fn used_file(file: &FileUse, has_faults: bool, report: &mut Report) {
    let holds = format!(
        "{} of {} and {}",
        counted(file.values, "value", "values"),
        counted(file.value_bytes, "byte", "bytes"),
        counted(file.nodes, "node", "nodes")
    );
    match file.size {
        None => {
            let reason = format!("the data file does not exist; it held {holds}");
            report.add(Finding::new(Code::DataFileMissing, reason).in_file(&file.path));
        }
        // The chunk in such a file is reported with its array.
        Some(_) if file.is_pointer && file.as_key == AsKey::Value => {}
        Some(size) if file.is_pointer || file.is_short() => {
            let remark = if file.is_pointer {
                stand_in::REMARK
            } else {
                ""
            };
            let reason = format!("the data file ends too early; it held {holds}{remark}");
            let finding = Finding::new(Code::DataFileShort, reason).in_file(&file.path);
            let expected = counted(file.runs.end(), "byte", "bytes");
            let found = counted(size, "byte", "bytes");
            report.add(finding.but(format!("at least {expected}"), found));
        }
        Some(_) if file.nodes_overlap => {
            let reason = "B+tree nodes that share bytes with something else";
            report.add(Finding::new(Code::NodeOverlap, reason).in_file(&file.path));
        }
        Some(size) => {
            // If chunks in it are damaged, that is more informative.
            let Some((at, bytes)) = file.surplus.filter(|_| !has_faults) else {
                return;
            };
            let reason = "bytes of a data file that nothing refers to";
            let expected = counted(size.saturating_sub(bytes), "byte", "bytes");
            let mut finding = Finding::new(Code::BytesSurplus, reason).in_file(&file.path);
            finding.offset = Some(Offset::File(at));
            report.add(finding.but(
                format!("{expected} of values and nodes"),
                counted(size, "byte", "bytes"),
            ));
        }
    }
}

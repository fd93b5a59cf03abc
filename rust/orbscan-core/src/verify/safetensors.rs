//! A directory of safetensors files, or one of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Options;
use super::code::Code;
use super::report::{Finding, Report};
use crate::cursor::to_u64;
use crate::error::{ErrorKind, Result, counted};
use crate::json::value::Value;
use crate::json::{Dialect, Json};
use crate::layout::root::Root;
use crate::limits::Limits;
use crate::orbax::names;
use crate::reader::safetensors::{self, File};
use crate::store::{Store, Want};

/// Checks the headers, that they account for every byte, and that no file is missing.
///
/// # Errors
/// `Store`.
pub(super) fn check(
    store: &dyn Store,
    root: &Root,
    options: &Options,
    mut report: Report,
) -> Result<Report> {
    match safetensors::read_files(store, root, &options.read.limits) {
        Ok((read, files)) => {
            let tables = read.items.iter().filter_map(|item| item.table.as_ref());
            report.extent.leaves = tables
                .map(|table| to_u64(table.leaf_of.len()))
                .fold(0, u64::saturating_add);
            for file in &files {
                surplus(file, &mut report);
            }
            let known = indexed(store, root, &options.read.limits, &mut report)?;
            let issues = read.issues.iter();
            for issue in issues.filter(|issue| !issue.file().is_some_and(|f| known.contains(f))) {
                report.add(Finding::of(Code::DataFileMissing, issue));
            }
        }
        Err(error) if error.kind() == ErrorKind::Store => return Err(error),
        Err(error) => report.add(Finding::of(Code::TreeUnreadable, &error)),
    }
    Ok(report)
}

/// Reports bytes that belong to no tensor.
fn surplus(file: &File, report: &mut Report) {
    let told = file.header_bytes.saturating_add(file.data_bytes);
    if told < file.size {
        let bytes = |count| counted(count, "byte", "bytes");
        let finding = Finding::new(Code::BytesSurplus, "bytes that belong to no tensor");
        let finding = finding.in_file(&file.path);
        report.add(finding.but(
            format!("{} of header and tensors", bytes(told)),
            bytes(file.size),
        ));
    }
}

/// Reports the files that an index names but that are missing, and returns them.
fn indexed(
    store: &dyn Store,
    root: &Root,
    limits: &Limits,
    report: &mut Report,
) -> Result<BTreeSet<String>> {
    let there: BTreeSet<&str> = root
        .files_ending(names::SAFETENSORS_SUFFIX)
        .into_iter()
        .collect();
    let indices = root.files_ending(names::SAFETENSORS_INDEX_SUFFIX);
    let indices = indices.iter().map(|name| root.path.join(name));
    let wants = indices.map(|path| Ok(Want::whole(path?, limits.max_document_bytes)));
    let wants: Vec<Want> = wants.collect::<Result<_>>()?;
    let mut known = BTreeSet::new();
    for (want, answer) in wants.iter().zip(store.fetch(&wants)) {
        let map = match answer.and_then(|bytes| weight_map(&bytes, limits)) {
            Ok(map) => map,
            Err(error) if error.kind() == ErrorKind::Store => return Err(error),
            // Orbax does not read it.
            Err(error) => {
                report.add(Finding::of(Code::Document, &error).in_file(&want.path));
                continue;
            }
        };
        for (file, tensors) in map {
            let Ok(path) = root.path.join(&file) else {
                continue;
            };
            if there.contains(file.as_str()) {
                continue;
            }
            for tensor in &tensors {
                report.lose(tensor);
            }
            let held = counted(to_u64(tensors.len()), "tensor", "tensors");
            let reason = format!("does not exist; {} has it hold {held}", want.path.name());
            let finding = Finding::new(Code::DataFileMissing, reason);
            report.add(finding.in_file(&path));
            known.insert(path.as_str().to_owned());
        }
    }
    Ok(known)
}

/// The tensors in each file, according to an index.
fn weight_map(bytes: &[u8], limits: &Limits) -> Result<BTreeMap<String, Vec<String>>> {
    let mut json = Json::new(bytes, Dialect::Python, limits)?;
    let document = Value::read(&mut json)?;
    json.end()?;
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if let Some(Value::Object(map)) = document.get("weight_map") {
        for (tensor, file) in map {
            if let Some(file) = file.as_str() {
                files
                    .entry(file.to_owned())
                    .or_default()
                    .push(tensor.clone());
            }
        }
    }
    Ok(files)
}

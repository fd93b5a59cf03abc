//! Finds the git-lfs pointers in place of files that were never fetched.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::path::StorePath;
use crate::stand_in;
use crate::store::{Bytes, Store, Want};

/// Files whose first bytes are requested at once.
const AT_ONCE: usize = 1_024;

/// Which of some files are pointers. A file that cannot be read does not count as one; the code
/// that needs it reports that.
pub fn among<'p>(store: &dyn Store, files: &[&'p StorePath]) -> BTreeSet<&'p StorePath> {
    let mut found = BTreeSet::new();
    for files in files.chunks(AT_ONCE) {
        let whole = |path: &&StorePath| Want::whole((*path).clone(), stand_in::MAX_BYTES);
        let wants: Vec<Want> = files.iter().map(whole).collect();
        let heads = files.iter().zip(store.fetch(&wants));
        let pointers = heads.filter(|(_, head)| {
            let head = head.as_ref();
            head.is_ok_and(|head| stand_in::is_pointer(head))
        });
        found.extend(pointers.map(|(path, _)| *path));
    }
    found
}

/// Adds to the errors of files that are too short what the files really are, if it shows; returns
/// whether any request was needed.
///
/// This takes one more batch for all of them together: a whole checkpoint of pointers is one
/// mistake.
pub fn remark(store: &dyn Store, wants: &[Want], fetched: &mut [Result<Bytes>]) -> bool {
    let broken = |answer: &Result<Bytes>| {
        let error = answer.as_ref().err();
        error.is_some_and(|error| error.kind() == ErrorKind::Malformed)
    };
    let suspects = wants.iter().zip(fetched.iter());
    let suspects = suspects.filter(|(_, answer)| broken(answer));
    let suspects: BTreeSet<&StorePath> = suspects.map(|(want, _)| &want.path).collect();
    if suspects.is_empty() {
        return false;
    }
    let suspects: Vec<&StorePath> = suspects.into_iter().collect();
    let pointers = among(store, &suspects);
    for (want, answer) in wants.iter().zip(fetched) {
        if let Err(error) = &*answer
            && pointers.contains(&want.path)
        {
            *answer = Err(error.clone().with_remark(stand_in::REMARK));
        }
    }
    true
}

/// The error of a file, with a remark if the file is a pointer.
#[must_use]
pub fn explained(store: &dyn Store, file: &StorePath, error: Error) -> Error {
    let is_pointer = error.kind() == ErrorKind::Malformed && !among(store, &[file]).is_empty();
    error.with_remark(if is_pointer { stand_in::REMARK } else { "" })
}

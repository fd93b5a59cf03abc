//! What the user of a manager stored about all steps of a root.

use super::listing::{children, unless_missing};
use crate::error::Result;
use crate::limits::Limits;
use crate::orbax::names;
use crate::orbax::root_metadata::{self, RootMetadata};
use crate::path::StorePath;
use crate::store::{Store, Want};

/// Reads it; empty if there is nothing.
///
/// # Errors
/// `NotFound` if the root does not exist; `Malformed`; `Limit`; `Store`.
pub fn read(store: &dyn Store, root: &StorePath, limits: &Limits) -> Result<RootMetadata> {
    let directory = root.join(names::ROOT_METADATA_DIRECTORY)?;
    let mut wants = Vec::new();
    for name in [names::ROOT_METADATA, names::LEGACY_ROOT_METADATA] {
        wants.push(Want::whole(
            directory.join(name)?,
            limits.max_document_bytes,
        ));
    }
    for (want, answer) in wants.iter().zip(store.fetch(&wants)) {
        if let Some(bytes) = unless_missing(answer)? {
            let decoded = root_metadata::decode(&bytes, limits);
            return decoded.map_err(|error| error.in_file(&want.path));
        }
    }
    // The answer "empty" is right only if the root exists.
    children(store, root).map(|_| RootMetadata::default())
}

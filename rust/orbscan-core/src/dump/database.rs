//! What the databases around a data file say about it.

use std::ops::ControlFlow;

use foldhash::{HashSet, HashSetExt};

use super::Dump;
use super::fields::{Fields, Room, Value};
use super::known::FileKind;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind, Offset, Result, counted};
use crate::limits::Limits;
use crate::orbax::names;
use crate::path::StorePath;
use crate::reader::index::{self, Extent, NodeFault, Visitor};
use crate::store::{Store, Want};

/// How many directories above a data file can be that of its database: `d`, its parent, and the
/// directory of the merged database.
const LEVELS: usize = 3;

/// Values that are shown; a file can have a million of them.
const SHOWN_VALUES: usize = 1_000;

/// The content of a data file.
pub struct Content {
    path: StorePath,
    /// The extents of values. The merged database and that of a process refer to the same ones.
    known: HashSet<(u64, u64)>,
    /// The values that are shown, with their keys.
    values: Vec<(Vec<u8>, Extent)>,
    /// What is wrong with nodes in the file.
    node_faults: Vec<Error>,
    /// How many databases there are, and why one could not be read.
    databases: usize,
    unread: Option<Error>,
}

/// Asks the databases around a data file about its content.
///
/// # Errors
/// `Store`.
pub fn content(store: &dyn Store, path: &StorePath, limits: &Limits) -> Result<Content> {
    let mut content = Content {
        path: path.clone(),
        known: HashSet::new(),
        values: Vec::new(),
        node_faults: Vec::new(),
        databases: 0,
        unread: None,
    };
    let mut above = path.parent();
    for _ in 0..LEVELS {
        let Some(directory) = above else { break };
        above = directory.parent();
        let manifest = directory.join(names::MANIFEST)?;
        let bytes = match store.fetch_one(Want::whole(manifest, limits.max_node_bytes)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        content.databases = content.databases.saturating_add(1);
        match index::walk(store, &directory, &bytes, limits, &mut content) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Store => return Err(error),
            Err(error) => content.unread = Some(error),
        }
    }
    Ok(content)
}

impl Visitor for Content {
    fn file(&mut self, path: StorePath) -> usize {
        usize::from(path != self.path)
    }

    fn node(&mut self, _: Extent) {}

    fn entry(&mut self, key: &[u8], value: index::Value<'_>) -> ControlFlow<()> {
        if let index::Value::Stored(extent) = value
            && extent.file == 0
            && self.known.insert((extent.offset, extent.length))
            && self.values.len() < SHOWN_VALUES
        {
            self.values.push((key.to_vec(), extent));
        }
        ControlFlow::Continue(())
    }

    fn node_fault(&mut self, fault: NodeFault) {
        if fault.error.file() == Some(self.path.as_str())
            && !self.node_faults.contains(&fault.error)
        {
            self.node_faults.push(fault.error);
        }
    }
}

impl Content {
    /// A structure for what `found`, the nodes that were found by their first bytes, does not show:
    /// values, and nodes that are too damaged to be recognised. `None` if there are none.
    pub fn beside(mut self, found: &[Dump], size: usize, limits: &Limits) -> Option<Dump> {
        let is_told = found.iter().any(|dump| dump.error.is_some());
        let fault = self.node_faults.first().filter(|_| !is_told).cloned();
        if !found.is_empty() && fault.is_none() {
            return None;
        }
        let mut fields = Fields::new(Room::of(size, limits));
        let noted = self.note(&mut fields);
        Some(Dump {
            kind: FileKind::DataFile.description().what,
            meaning: self.meaning(),
            fields: fields.into_vec(),
            error: fault.or_else(|| self.untold()).or_else(|| noted.err()),
        })
    }

    fn note(&mut self, fields: &mut Fields) -> Result<()> {
        self.values.sort_by_key(|(_, extent)| extent.offset);
        for (key, extent) in &self.values {
            let key = key.escape_ascii().to_string();
            let length = counted(extent.length, "byte", "bytes");
            fields.note(Some(Offset::File(extent.offset)), key, Value::Text(length))?;
        }
        let more = self.known.len().saturating_sub(self.values.len());
        if more > 0 {
            let more = counted(to_u64(more), "value", "values");
            fields.note(None, "more", Value::Text(more))?;
        }
        Ok(())
    }

    fn meaning(&self) -> String {
        let text = if !self.known.is_empty() {
            "values of a database, with the keys that refer to them"
        } else if self.databases > 0 && self.untold().is_none() && self.node_faults.is_empty() {
            "nothing of the newest version of the database refers to it"
        } else {
            FileKind::DataFile.description().meaning
        };
        text.to_owned()
    }

    /// Why it is not known what the file holds.
    fn untold(&self) -> Option<Error> {
        let reason = match &self.unread {
            Some(error) => format!("the database that could tell cannot be read: {error}"),
            None if self.databases == 0 => {
                format!("no {} above it describes its content", names::MANIFEST)
            }
            None => return None,
        };
        Some(Error::new(ErrorKind::Unsupported, reason))
    }
}

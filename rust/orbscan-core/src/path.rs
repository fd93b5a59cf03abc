//! Where a file lies inside a store.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// A relative, `/`-separated path inside a store.
///
/// By construction it is not absolute and has no empty, `.` or `..` part and no NUL, so a path from
/// a file can never leave the directory that it is joined to. The empty path is the top of the
/// store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorePath(String);

impl StorePath {
    /// The top of the store.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// The path that `text` names.
    ///
    /// # Errors
    /// `Malformed` if it is absolute or has an empty, `.` or `..` part or a NUL; on Windows also if
    /// it has a backslash or a colon, which have a meaning there.
    pub fn new(text: &str) -> Result<Self> {
        Self::root().join(text)
    }

    /// This path followed by `relative`, which may have several parts; an empty one changes nothing.
    ///
    /// # Errors
    /// As [`StorePath::new`].
    pub fn join(&self, relative: &str) -> Result<Self> {
        if relative.is_empty() {
            return Ok(self.clone());
        }
        if let Some(reason) = objection(relative) {
            let reason = format!("path {relative:?} {reason}");
            return Err(Error::new(ErrorKind::Malformed, reason));
        }
        let length = self.0.len().saturating_add(relative.len());
        let mut joined = String::with_capacity(length.saturating_add(1));
        joined.push_str(&self.0);
        if !joined.is_empty() {
            joined.push('/');
        }
        joined.push_str(relative);
        Ok(Self(joined))
    }

    /// The path as text, without a leading or trailing `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part; empty for the top of the store.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that this path lies in; `None` for the top of the store.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        let parent = self.0.rsplit_once('/').map_or("", |(parent, _)| parent);
        Some(Self(parent.to_owned()))
    }

    /// The path from `other` to this path, empty if they are the same; `None` if this path does not
    /// lie below `other`.
    pub fn below(&self, other: &Self) -> Option<&str> {
        let rest = self.0.strip_prefix(other.as_str())?;
        if rest.is_empty() || other.0.is_empty() {
            return Some(rest);
        }
        rest.strip_prefix('/')
    }
}

/// Why a path that is not empty cannot be joined to another.
fn objection(relative: &str) -> Option<&'static str> {
    if relative.starts_with('/') {
        return Some("is absolute");
    }
    if relative.bytes().any(|byte| byte == 0) {
        return Some("holds a NUL");
    }
    if cfg!(windows) && relative.contains(['\\', ':']) {
        return Some("holds a backslash or a colon");
    }
    // As bytes, which a name is compared with sooner than it is looked through for characters.
    let mut parts = relative.as_bytes().split(|byte| *byte == b'/');
    parts.find_map(|part| match part {
        b"" => Some("has an empty part"),
        b"." | b".." => Some("leaves its directory"),
        _ => None,
    })
}

impl fmt::Display for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for StorePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_takes_apart() {
        let item = StorePath::new("run/7").unwrap().join("state").unwrap();
        assert_eq!(item.as_str(), "run/7/state");
        assert_eq!(item.name(), "state");
        assert_eq!(item.parent().unwrap().as_str(), "run/7");
        assert_eq!(
            StorePath::new("a").unwrap().parent(),
            Some(StorePath::root())
        );
        assert_eq!(StorePath::root().parent(), None);
        assert_eq!(StorePath::root().join("").unwrap(), StorePath::root());
    }

    #[test]
    fn a_path_lies_below_another_only_at_a_separator() {
        let path = StorePath::new("run/7/state").unwrap();
        for (other, rest) in [
            ("", Some("run/7/state")),
            ("run", Some("7/state")),
            ("run/7/state", Some("")),
            ("ru", None),
            ("run/7/state/d", None),
        ] {
            assert_eq!(path.below(&StorePath::new(other).unwrap()), rest, "{other}");
        }
    }

    #[test]
    fn a_path_cannot_leave_its_directory() {
        for bad in ["/etc", "a//b", "a/../b", "..", ".", "./a", "a/", "a\0b"] {
            let error = StorePath::root().join(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{bad:?}");
        }
    }
}

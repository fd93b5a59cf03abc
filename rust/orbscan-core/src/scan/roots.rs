//! Roots that are patterns, and the paths that they match.

use std::sync::Arc;

use super::links::passed;
use crate::interrupt;
use crate::orbax::names;
use crate::path::StorePath;
use crate::pattern::{Of, Pattern};
use crate::store::{EntryKind, Store};

/// A path with a wildcard, in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots<'t> {
    /// The part before the first level with a wildcard, as it was written; may be empty.
    pub top: &'t str,
    /// The pattern for the path from there.
    pattern: Pattern,
    /// Whether it ends in a slash, so that it matches only directories.
    slash: bool,
}

impl<'t> Roots<'t> {
    /// The root as a pattern; `None` if it has no wildcard.
    pub fn new(text: &'t str) -> Option<Self> {
        let mut at = 0_usize;
        for level in text.split('/') {
            if Pattern::new(level, Of::Path).is_wild() {
                let (top, rest) = text.split_at_checked(at)?;
                return Some(Self {
                    top,
                    pattern: Pattern::new(rest, Of::Path),
                    slash: text.ends_with('/'),
                });
            }
            at = at.saturating_add(level.len()).saturating_add(1);
        }
        None
    }

    /// The paths that it matches, in any order, spelled as the pattern is; `top` is the path of its
    /// top in the store.
    ///
    /// Of plain files only safetensors are roots, and a path below another match is not: it is
    /// searched anyway. Links are followed, but not in a circle. A directory that cannot be listed
    /// counts as empty.
    pub fn expand(&self, store: &dyn Store, top: &StorePath) -> Vec<String> {
        let mut found = Vec::new();
        if self.pattern.matches("") {
            // It also matches its top.
            found.push(self.spelled(""));
            return found;
        }
        let no_links: Arc<[String]> = Arc::from([]);
        let mut waiting = vec![(top.clone(), no_links)];
        while let Some((directory, links)) = waiting.pop() {
            if interrupt::check().is_err() {
                break;
            }
            for entry in store.list(&directory).unwrap_or_default() {
                let Ok(path) = directory.join(&entry.name) else {
                    continue;
                };
                let way = path.below(top).unwrap_or_default();
                let is_directory = entry.kind == EntryKind::Directory;
                if self.pattern.matches(way) {
                    let is_root = is_directory
                        || (!self.slash && entry.name.ends_with(names::SAFETENSORS_SUFFIX));
                    if is_root {
                        found.push(self.spelled(way));
                    }
                } else if is_directory && self.pattern.may_match_below(way) {
                    let links = if entry.link {
                        passed(store, &links, &directory, &path)
                    } else {
                        Some(Arc::clone(&links))
                    };
                    waiting.extend(links.map(|links| (path, links)));
                }
            }
        }
        found
    }

    fn spelled(&self, way: &str) -> String {
        let slash = if self.slash && !way.is_empty() {
            "/"
        } else {
            ""
        };
        match (self.top, way) {
            ("", "") => ".".to_owned(),
            (top, "") if top.len() > 1 => top.trim_end_matches('/').to_owned(),
            (top, way) => format!("{top}{way}{slash}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    fn expanded(pattern: &str) -> Option<Vec<String>> {
        let mut store = MemoryStore::new();
        for file in [
            "runs/a/1/x",
            "runs/a/2/x",
            "runs/b/1/x",
            "runs/b/notes.txt",
            "runs/b/model.safetensors",
            "runs/c_10/deep/1/x",
        ] {
            store.insert(StorePath::new(file).unwrap(), "");
        }
        let roots = Roots::new(pattern)?;
        let top = StorePath::new(roots.top.trim_matches('/')).unwrap();
        let mut found = roots.expand(&store, &top);
        found.sort();
        Some(found)
    }

    #[test]
    fn a_pattern_stands_for_directories_and_safetensors() {
        for (pattern, expected) in [
            ("runs/*", "runs/a runs/b runs/c_10"),
            ("runs/*/1", "runs/a/1 runs/b/1"),
            ("runs/*/", "runs/a/ runs/b/ runs/c_10/"),
            ("runs/b/*", "runs/b/1 runs/b/model.safetensors"),
            ("runs/b/*/", "runs/b/1/"),
            ("/runs/[ab]", "/runs/a /runs/b"),
            ("runs/c_{8..12}", "runs/c_10"),
            ("runs/**/1", "runs/a/1 runs/b/1 runs/c_10/deep/1"),
            ("runs/**", "runs"),
            ("*/*/2", "runs/a/2"),
            ("**", "."),
            ("runs/x*", ""),
        ] {
            assert_eq!(expanded(pattern).unwrap().join(" "), expected, "{pattern}");
        }
        assert_eq!(expanded("runs/a"), None);
    }
}

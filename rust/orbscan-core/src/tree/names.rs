//! Many names in one buffer.

use std::fmt::Write as _;

use super::KeyEntry;

/// Names by number: the param names of leaves, the keys of a tree, the database keys of arrays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    /// An empty list, with room for this many names of this many bytes together.
    pub fn with_capacity(names: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(names),
        }
    }

    /// Appends a name.
    pub fn push(&mut self, name: &str) {
        self.push_parts(&[name]);
    }

    /// Appends a name that consists of parts.
    pub fn push_parts(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
        self.ends.push(self.text.len());
    }

    /// Appends the name of a keypath: its keys joined with dots.
    pub fn push_keypath(&mut self, keypath: &[KeyEntry<'_>]) {
        for (i, key) in keypath.iter().enumerate() {
            if i > 0 {
                self.text.push('.');
            }
            match key {
                // Writing to a string cannot fail.
                KeyEntry::Sequence(index) => drop(write!(self.text, "{index}")),
                KeyEntry::Mapping(key) => self.text.push_str(key),
            }
        }
        self.ends.push(self.text.len());
    }

    /// The number of names.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Name number `index`; empty if there is no such name.
    pub fn get(&self, index: usize) -> &str {
        let before = index.checked_sub(1);
        let start = before.and_then(|i| self.ends.get(i)).copied().unwrap_or(0);
        let end = self.ends.get(index).copied().unwrap_or(0);
        self.text.get(start..end).unwrap_or_default()
    }

    /// All names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The bytes of all names together.
    pub const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The names without anything between them.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_went_in() {
        let mut names = Names::default();
        names.push("a.b");
        names.push("");
        names.push_keypath(&[KeyEntry::Mapping("x".into()), KeyEntry::Sequence(12)]);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["a.b", "", "x.12"]);
        assert_eq!((names.len(), names.get(3)), (3, ""));
    }
}

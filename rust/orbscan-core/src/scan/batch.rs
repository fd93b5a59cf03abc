//! Siblings that wait to be examined, one by one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::place::{Base, Beside, Visit};
use crate::path::StorePath;

/// The numbers of a directory and of those above it among their siblings, the highest first.
pub type Key = Vec<u32>;

/// One of them.
pub struct Child {
    /// Its name.
    pub name: String,
    /// Whether it is a link.
    pub link: bool,
    /// What [`Visit::links`] is after it, if that differs from what it is beside it.
    pub links: Option<Arc<[String]>>,
    /// As [`Visit::beside`].
    pub beside: Option<Arc<Beside>>,
    /// Its number among all its siblings.
    pub number: u32,
}

/// What one of them says about those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Nothing.
    Independent,
    /// This many are wanted; the others are not examined once these are found.
    Newest(usize),
    /// If one is a checkpoint, so are the others, and none of them is wanted.
    Sample,
}

/// What was found in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Not a checkpoint.
    Nothing,
    /// A checkpoint that is not wanted.
    Unwanted,
    /// One that is.
    Wanted,
}

/// Where the siblings come from.
enum Source {
    /// They were given.
    Bases(VecDeque<Arc<Base>>),
    /// They lie in one directory.
    Children {
        base: Arc<Base>,
        parent: StorePath,
        links: Arc<[String]>,
        children: VecDeque<Child>,
    },
}

/// Siblings, in the order in which they are looked at.
pub struct Batch {
    source: Source,
    above: Key,
    rule: Rule,
    /// The number of the next one of those that were given.
    next: u32,
    /// As [`Visit::given`].
    given: bool,
}

impl Batch {
    /// All bases that were given.
    pub fn bases(bases: Vec<Arc<Base>>) -> Self {
        Self {
            source: Source::Bases(bases.into()),
            above: Key::new(),
            rule: Rule::Independent,
            next: 0,
            given: false,
        }
    }

    /// One of the bases that were given, and its number among them.
    pub fn base(base: Arc<Base>, number: u32) -> Self {
        Self {
            next: number,
            ..Self::bases(vec![base])
        }
    }

    /// Children of the directory at `place`, whose key is `above`, by increasing or decreasing
    /// numbers.
    pub fn children(place: &Visit, above: &Key, children: Vec<Child>, rule: Rule) -> Self {
        Self {
            source: Source::Children {
                base: Arc::clone(&place.base),
                parent: place.path.clone(),
                links: Arc::clone(&place.links),
                children: children.into(),
            },
            above: above.clone(),
            rule,
            next: 0,
            given: false,
        }
    }

    /// The same, as they were found by another walk.
    #[must_use]
    pub fn given(self) -> Self {
        Self {
            given: true,
            ..self
        }
    }

    /// Their number.
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Bases(bases) => bases.len(),
            Source::Children { children, .. } => children.len(),
        }
    }

    /// Whether they can be examined concurrently.
    pub fn is_independent(&self) -> bool {
        self.rule == Rule::Independent
    }

    /// The least of their keys; `None` if there are none.
    pub fn least_key(&self) -> Option<Key> {
        let least = match &self.source {
            Source::Bases(bases) => bases.front().map(|_| self.next),
            Source::Children { children, .. } => {
                let ends = [children.front(), children.back()];
                ends.into_iter().flatten().map(|child| child.number).min()
            }
        };
        Some(self.key(least?))
    }

    /// Removes the first.
    pub fn take(&mut self) -> Option<(Key, Visit)> {
        let (number, visit) = match &mut self.source {
            Source::Bases(bases) => {
                let base = bases.pop_front()?;
                let number = self.next;
                self.next = number.saturating_add(1);
                (number, Visit::of(base))
            }
            Source::Children {
                base,
                parent,
                links,
                children,
            } => {
                let child = children.pop_front()?;
                let visit = Visit {
                    base: Arc::clone(base),
                    // A name from a listing contains no separator.
                    path: parent.join(&child.name).ok()?,
                    link: child.link,
                    links: child.links.unwrap_or_else(|| Arc::clone(links)),
                    beside: child.beside,
                    given: self.given,
                };
                (child.number, visit)
            }
        };
        Some((self.key(number), visit))
    }

    /// The siblings that remain to be examined, given what was found in the one before.
    #[must_use]
    pub fn after(mut self, finding: Finding) -> Option<Self> {
        match (&mut self.rule, finding) {
            (Rule::Newest(left), Finding::Wanted) => {
                *left = left.saturating_sub(1);
                (*left > 0).then_some(self)
            }
            (Rule::Sample, Finding::Wanted | Finding::Unwanted) => None,
            _ => Some(self),
        }
    }

    fn key(&self, number: u32) -> Key {
        let mut key = Key::with_capacity(self.above.len().saturating_add(1));
        key.extend_from_slice(&self.above);
        key.push(number);
        key
    }
}

//! The keys of one node, rebuilt one by one, and checked against each other and the parent's
//! bounds.

use super::strings::{STRIDE, Step, Strings};
use crate::cursor::to_u64;
use crate::error::{Error, Offset, Result};
use crate::limits::MAX_KEY_BYTES;

/// The longest key that [`Keys::pass_plain`] handles: at most 127 shared bytes and a stride.
const MAX_PLAIN_BYTES: usize = 256;

/// What a parent says about the keys of its child.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The length of the prefix that the keys lack, in bytes.
    pub stripped: usize,
    /// The first key may not be less.
    pub lower: Vec<u8>,
    /// Every key must be less.
    pub upper: Option<Vec<u8>>,
}

/// The keys of one node: [`Strings`] that stay within their bounds and increase.
#[derive(Clone, Debug)]
pub struct Keys<'a, 'b> {
    strings: Strings<'a>,
    bounds: &'b Bounds,
    max_length: usize,
    last: usize,
}

impl<'a, 'b> Keys<'a, 'b> {
    /// Checks `strings` as they are read.
    pub fn new(strings: Strings<'a>, bounds: &'b Bounds) -> Self {
        Self {
            strings,
            bounds,
            max_length: MAX_KEY_BYTES.saturating_sub(bounds.stripped),
            last: 0,
        }
    }

    /// The next key; `None` after the last.
    ///
    /// # Errors
    /// `Malformed` at its suffix if the key is too long, is not greater than the one before, or is
    /// outside the bounds.
    #[inline]
    pub fn read(&mut self) -> Result<Option<Step<'a>>> {
        let Some(step) = self.strings.read()? else {
            self.check_upper()?;
            return Ok(None);
        };
        if step.length() > self.max_length {
            return Err(self.too_long(&step));
        }
        // Writers share as many bytes as they can, so the first bytes that are not shared nearly
        // always differ and decide.
        let before = self
            .strings
            .current()
            .get(step.shared..)
            .unwrap_or_default();
        let rises = match (before.first(), step.suffix.first()) {
            (Some(old), Some(new)) if old != new => old < new,
            _ => before < step.suffix,
        };
        if !rises || self.strings.index == 1 {
            self.check_first(&step)?;
        }
        self.last = step.position;
        Ok(Some(step))
    }

    #[cold]
    fn too_long(&self, step: &Step<'_>) -> Error {
        let Bounds { stripped, .. } = self.bounds;
        let reason = format!(
            "key {} of {} bytes after a prefix of {stripped}, the limit is {MAX_KEY_BYTES}",
            self.strings.index.saturating_sub(1),
            step.length()
        );
        Error::malformed(self.strings.offset(step), reason)
    }

    /// Compares the first key with the lower bound, as it has no predecessor; any other key that
    /// gets here does not increase.
    #[cold]
    fn check_first(&self, step: &Step<'_>) -> Result<()> {
        let index = self.strings.index.saturating_sub(1);
        let reason = if index > 0 {
            format!("key {index} is not greater than the one before")
        } else if step.suffix < self.bounds.lower.as_slice() {
            let lower = self.bounds.lower.escape_ascii();
            format!("the first key is less than \"{lower}\", which the parent names")
        } else {
            return Ok(());
        };
        Err(Error::malformed(self.strings.offset(step), reason))
    }

    fn check_upper(&self) -> Result<()> {
        match &self.bounds.upper {
            Some(upper) if self.current() >= upper.as_slice() => {
                let upper = upper.escape_ascii();
                Err(Error::malformed(
                    self.strings.start.plus(to_u64(self.last)),
                    format!(
                        "the last key is not less than \"{upper}\", where the next node begins"
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Reads and applies keys for as long as they are plain and share at least `shared` bytes with
    /// the key before.
    ///
    /// Nearly every key of a large leaf is plain: it shares fewer than 128 bytes, adds 1 to 16, and
    /// its first own byte shows that it is greater than the one before. For such keys this loop
    /// makes the same checks as [`Keys::read`], with everything it needs in registers.
    pub fn pass_plain(&mut self, shared: usize) {
        let compare_below = shared;
        let strings = &mut self.strings;
        if strings.index == 0 || self.max_length < MAX_PLAIN_BYTES {
            return;
        }
        strings.reserve(MAX_PLAIN_BYTES);
        let Some(key) = strings.buffer.first_chunk_mut::<MAX_PLAIN_BYTES>() else {
            return;
        };
        let mut shared_lengths = strings.prefix_lengths.rest().iter();
        let mut own_lengths = strings.suffix_lengths.rest().iter();
        let mut suffixes = strings.suffixes.get(strings.position..).unwrap_or_default();
        let before = (shared_lengths.len(), suffixes.len());
        let mut length = strings.length;
        let mut last = None;
        while let (Some(&shared), Some(&own), Some(source)) = (
            shared_lengths.as_slice().first(),
            own_lengths.as_slice().first(),
            suffixes.first_chunk::<STRIDE>(),
        ) {
            let (shared, own) = (usize::from(shared), usize::from(own));
            if shared < compare_below || shared > length || shared >= 128 || own > STRIDE {
                break;
            }
            let Some(target) = key
                .get_mut(shared..)
                .and_then(<[u8]>::first_chunk_mut::<STRIDE>)
            else {
                break;
            };
            let [old, ..] = *target;
            let [new, ..] = *source;
            if own == 0 || (shared < length && old >= new) {
                break;
            }
            *target = *source;
            length = shared.wrapping_add(own);
            last = Some(own);
            suffixes = suffixes.get(own..).unwrap_or_default();
            shared_lengths.next();
            own_lengths.next();
        }
        if let Some(own) = last {
            let passed = before.0.saturating_sub(shared_lengths.len());
            strings.prefix_lengths.pass_bytes(passed);
            strings.suffix_lengths.pass_bytes(passed);
            strings.index = strings.index.saturating_add(to_u64(passed));
            let read = before.1.saturating_sub(suffixes.len());
            strings.position = strings.position.saturating_add(read);
            strings.length = length;
            self.last = strings.position.saturating_sub(own);
        }
    }

    /// How many keys were read, which is the index of the next one.
    pub const fn next_index(&self) -> u64 {
        self.strings.index
    }

    /// See [`Strings::apply`].
    #[inline]
    pub fn apply(&mut self, step: Step<'a>) {
        self.strings.apply(step);
    }

    /// See [`Strings::current`].
    #[inline]
    pub fn current(&self) -> &[u8] {
        self.strings.current()
    }

    /// See [`Strings::position`].
    pub const fn position(&self) -> usize {
        self.strings.position()
    }

    /// See [`Strings::offset`].
    pub fn offset(&self, step: &Step<'_>) -> Offset {
        self.strings.offset(step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ocdbt::strings::tests::{columns, strings};

    /// All keys, or the error that ends them; `pass` is called before each.
    fn walk(
        bytes: &[u8],
        count: usize,
        pass: impl Fn(&mut Keys<'_, '_>),
    ) -> (Vec<u8>, u64, usize, Result<()>) {
        let bounds = Bounds {
            upper: Some(b"y".to_vec()),
            ..Bounds::default()
        };
        let mut keys = Keys::new(strings(bytes, count), &bounds);
        let end = loop {
            pass(&mut keys);
            match keys.read() {
                Ok(Some(step)) => keys.apply(step),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        (
            keys.current().to_vec(),
            keys.next_index(),
            keys.position(),
            end,
        )
    }

    #[test]
    fn a_key_may_be_65535_bytes_long_with_its_prefix() {
        let steps = [(0, vec![b'a'; 65_534]), (65_534, b"b".to_vec())];
        let bytes = columns(&steps);
        for (stripped, good) in [(0, true), (1, false)] {
            let bounds = Bounds {
                stripped,
                ..Bounds::default()
            };
            let mut keys = Keys::new(strings(&bytes, 2), &bounds);
            let step = keys.read().unwrap().unwrap();
            keys.apply(step);
            assert_eq!(keys.read().is_ok(), good);
        }
    }

    proptest! {
        /// The loop for plain keys decides as the loop for all keys does.
        #[test]
        fn passing_plain_keys_changes_nothing(
            steps in prop::collection::vec(
                (0..6_u64, prop::collection::vec(prop::sample::select(&b"aabbcxyz"[..]), 0..20)),
                1..12,
            ),
            lengthen in any::<bool>(),
            shared in 0..4_usize,
            tail in 0..40_usize,
        ) {
            let mut steps = steps;
            if lengthen {
                steps[0].1.extend([b'a'; 300]);
            }
            let mut bytes = columns(&steps);
            bytes.extend(vec![b'~'; tail]);
            let plain = walk(&bytes, steps.len(), |keys| keys.pass_plain(shared));
            prop_assert_eq!(plain, walk(&bytes, steps.len(), |_| ()));
        }

        #[test]
        fn sorted_keys_are_all_plain_or_not_but_all_there(
            words in prop::collection::btree_set("[a-c]{0,20}", 1..30),
            tail in 0..40_usize,
        ) {
            let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let shared = |index: usize| {
                let pair = words[index].iter().zip(words[index - 1]);
                pair.take_while(|(a, b)| a == b).count()
            };
            let steps: Vec<_> = (0..words.len())
                .map(|index| {
                    let shared = if index == 0 { 0 } else { shared(index) };
                    (to_u64(shared), words[index][shared..].to_vec())
                })
                .collect();
            let mut bytes = columns(&steps);
            bytes.extend(vec![b'~'; tail]);
            let (last, count, _, end) = walk(&bytes, steps.len(), |keys| keys.pass_plain(0));
            prop_assert_eq!(end, Ok(()));
            prop_assert_eq!((last.as_slice(), count), (*words.last().unwrap(), to_u64(words.len())));
        }
    }
}

//! A large chunk in a distant store, as a stream of parts that are under way before they are needed.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::cursor::{to_u64, to_usize};
use crate::error::Result;
use crate::memory;
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};

/// Bytes of a part: as many as one request should carry.
const PART: u64 = 4 << 20;

/// Parts that are under way at once at most: at first few, and twice as many with each that is the next.
const AHEAD: u64 = 16;

/// How many there are at first, and again after a piece that is not consecutive.
const FEW: u64 = 2;

/// Parts that are held, for what is read bit by bit and again.
const HELD: usize = 4;

/// Gives the bytes of a chunk, most of which are wanted one after another.
pub struct Streamed<'a> {
    store: &'a dyn Store,
    path: &'a StorePath,
    /// Bytes before it in its file.
    offset: u64,
    length: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// The number of the part that is the next.
    next: u64,
    /// The number of the first part behind it that was not begun.
    end: u64,
    /// How many pieces are fetched before they are needed.
    ahead: u64,
    held: VecDeque<(u64, Bytes)>,
}

impl<'a> Streamed<'a> {
    pub fn new(store: &'a dyn Store, path: &'a StorePath, offset: u64, length: u64) -> Self {
        Self {
            store,
            path,
            offset,
            length,
            state: RefCell::default(),
        }
    }

    /// The bytes from `start` on that lie in one part, `length` of them at most.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub fn some(&self, start: u64, length: u64) -> Result<Bytes> {
        let number = start.checked_div(PART).unwrap_or_default();
        let part = self.part(number)?;
        let begin = to_usize(start.saturating_sub(number.saturating_mul(PART)));
        let begin = begin.min(part.len());
        let end = begin.saturating_add(to_usize(length)).min(part.len());
        Ok(part.slice(begin..end))
    }

    fn part(&self, number: u64) -> Result<Bytes> {
        let mut state = self.state.borrow_mut();
        if let Some((_, bytes)) = state.held.iter().find(|(held, _)| *held == number) {
            return Ok(bytes.clone());
        }
        if number == state.next {
            state.ahead = state.ahead.saturating_mul(2).clamp(FEW, AHEAD);
        } else {
            (state.ahead, state.end) = (FEW, number);
        }
        state.next = number.saturating_add(1);
        let end = number.saturating_add(state.ahead);
        let begun = state.end.max(number);
        for want in (begun..end).map_while(|part| self.want(part)) {
            self.store.begin(&[want]);
        }
        state.end = end;
        let want = self.want(number);
        let bytes = want.map_or_else(|| Ok(Bytes::new()), |want| self.store.fetch_one(want))?;
        state.held.push_back((number, bytes.clone()));
        if state.held.len() > HELD {
            state.held.pop_front();
        }
        Ok(bytes)
    }

    /// What is asked for of a part; nothing behind the last.
    fn want(&self, number: u64) -> Option<Want> {
        let start = number
            .checked_mul(PART)
            .filter(|start| *start < self.length)?;
        let length = self.length.saturating_sub(start).min(PART);
        let offset = self.offset.saturating_add(start);
        Some(Want::range(self.path.clone(), offset, length))
    }

    /// The length of the chunk.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// All of so many bytes from `start` on.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub fn all(&self, start: u64, length: u64) -> Result<Bytes> {
        let first = self.some(start, length)?;
        if to_u64(first.len()) == length {
            return Ok(first);
        }
        let mut whole = Vec::new();
        memory::reserve(&mut whole, to_usize(length))?;
        whole.extend_from_slice(&first);
        while to_u64(whole.len()) < length {
            let done = to_u64(whole.len());
            let next = self.some(start.saturating_add(done), length.saturating_sub(done))?;
            if next.is_empty() {
                break;
            }
            whole.extend_from_slice(&next);
        }
        Ok(whole.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    fn path() -> StorePath {
        StorePath::new("a").unwrap()
    }

    fn store(length: u64) -> MemoryStore {
        let bytes = (0..length).map(|at| u8::try_from(at % 251).unwrap());
        let mut store = MemoryStore::new();
        store.insert(path(), bytes.collect::<Vec<u8>>());
        store
    }

    #[test]
    fn what_is_read_is_what_the_chunk_holds_wherever_parts_begin() {
        let store = store(2 * PART + 100);
        let path = path();
        let streamed = Streamed::new(&store, &path, 50, 2 * PART);
        let ranges = [
            (0, 10),
            (2 * PART - 5, 5),
            (PART - 3, 7),
            (1, 2 * PART - 1),
            (2 * PART, 0),
        ];
        for (start, length) in ranges {
            let read = streamed.all(start, length).unwrap();
            let whole = store.fetch_one(Want::range(path.clone(), 50 + start, length));
            assert_eq!(read, whole.unwrap(), "{length} at {start}");
        }
    }

    #[test]
    fn a_file_that_ends_before_the_chunk_is_told() {
        let store = store(PART);
        let path = path();
        let streamed = Streamed::new(&store, &path, 0, 2 * PART);
        assert!(streamed.all(0, PART).is_ok());
        assert!(streamed.all(PART, 1).is_err());
    }
}

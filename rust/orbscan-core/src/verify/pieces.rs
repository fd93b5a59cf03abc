//! A large chunk in a distant store, in pieces that are fetched before they are needed.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::cursor::{to_u64, to_usize};
use crate::error::Result;
use crate::memory;
use crate::path::StorePath;
use crate::store::{Bytes, Store, Want};

/// Bytes of a piece, which is one request.
const PIECE: u64 = 4 << 20;

/// The most pieces that are fetched at once: first a few, and twice as many with each consecutive
/// piece.
const AHEAD: u64 = 16;

/// How many there are at first, and again after a piece that is not consecutive.
const FEW: u64 = 2;

/// The pieces that are kept, for those that are read in parts and again.
const HELD: usize = 4;

/// Returns the bytes of a chunk, most of which are needed one after another.
pub struct Pieces<'a> {
    store: &'a dyn Store,
    path: &'a StorePath,
    /// Bytes before it in its file.
    offset: u64,
    length: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// The number of the next consecutive piece.
    next: u64,
    /// The number of the first later piece that is not being fetched yet.
    end: u64,
    /// How many pieces are fetched before they are needed.
    ahead: u64,
    held: VecDeque<(u64, Bytes)>,
}

impl<'a> Pieces<'a> {
    pub fn new(store: &'a dyn Store, path: &'a StorePath, offset: u64, length: u64) -> Self {
        Self {
            store,
            path,
            offset,
            length,
            state: RefCell::default(),
        }
    }

    /// The bytes from `start` on that lie in one piece, at most `length` of them.
    ///
    /// # Errors
    /// As [`Store::fetch`].
    pub fn some(&self, start: u64, length: u64) -> Result<Bytes> {
        let number = start.checked_div(PIECE).unwrap_or_default();
        let piece = self.piece(number)?;
        let begin = to_usize(start.saturating_sub(number.saturating_mul(PIECE)));
        let begin = begin.min(piece.len());
        let end = begin.saturating_add(to_usize(length)).min(piece.len());
        Ok(piece.slice(begin..end))
    }

    fn piece(&self, number: u64) -> Result<Bytes> {
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
        for want in (begun..end).map_while(|piece| self.want(piece)) {
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

    /// The request for a piece; `None` after the last one.
    fn want(&self, number: u64) -> Option<Want> {
        let start = number
            .checked_mul(PIECE)
            .filter(|start| *start < self.length)?;
        let length = self.length.saturating_sub(start).min(PIECE);
        let offset = self.offset.saturating_add(start);
        Some(Want::range(self.path.clone(), offset, length))
    }

    /// The length of the chunk.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// All bytes of a part.
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
    fn parts_are_those_of_the_chunk_however_pieces_are_cut() {
        let store = store(2 * PIECE + 100);
        let path = path();
        let pieces = Pieces::new(&store, &path, 50, 2 * PIECE);
        let parts = [
            (0, 10),
            (2 * PIECE - 5, 5),
            (PIECE - 3, 7),
            (1, 2 * PIECE - 1),
            (2 * PIECE, 0),
        ];
        for (start, length) in parts {
            let part = pieces.all(start, length).unwrap();
            let whole = store.fetch_one(Want::range(path.clone(), 50 + start, length));
            assert_eq!(part, whole.unwrap(), "{length} at {start}");
        }
    }

    #[test]
    fn a_file_that_ends_before_the_chunk_is_told() {
        let store = store(PIECE);
        let path = path();
        let pieces = Pieces::new(&store, &path, 0, 2 * PIECE);
        assert!(pieces.all(0, PIECE).is_ok());
        assert!(pieces.all(PIECE, 1).is_err());
    }
}

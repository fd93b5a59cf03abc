//! Memory that grows with a document is requested first, and a refusal is an error.
//!
//! Most allocations of Rust end the process if memory runs out. Therefore buffers for files and for
//! their decompressed content are reserved with [`buffer`]; and before a document is parsed into
//! many small objects, [`room`] requests as much as they need together, and gives it back.

mod pages;

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result, counted};

pub use pages::{Pages, Spare};

/// Smaller amounts are not requested first: that would cost small reads system calls.
const SMALL: u64 = 4 << 20;

thread_local! {
    static LACKED: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Does work, and returns how many bytes it requested and did not get; 0 if it got all. If some
/// were refused, the result must not be used: many places tolerate errors, this one included.
pub fn watched<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = (LACKED.replace(0), WATCHED.replace(true));
    let done = work();
    WATCHED.set(before.1);
    (done, LACKED.replace(before.0))
}

/// Whether the watched work lacks memory.
pub(crate) fn is_lacking() -> bool {
    WATCHED.get() && LACKED.get() > 0
}

/// An empty buffer for this many bytes.
///
/// # Errors
/// `Memory`.
pub fn buffer(bytes: usize) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    reserve(&mut buffer, bytes)?;
    Ok(buffer)
}

/// Reserves memory for exactly this many more things.
///
/// # Errors
/// `Memory`.
pub fn reserve<T>(things: &mut Vec<T>, more: usize) -> Result<()> {
    let reserved = things.try_reserve_exact(more);
    reserved.map_err(|_| lack(bytes_of::<T>(more)))
}

/// An empty list with memory for this many things.
///
/// # Errors
/// `Memory`.
pub fn list<T>(most: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    reserve(&mut list, most)?;
    Ok(list)
}

/// Checks that this many bytes are available, for small pieces.
///
/// # Errors
/// `Memory`.
pub fn room(bytes: u64) -> Result<()> {
    if bytes < SMALL {
        return Ok(());
    }
    if usize::try_from(bytes).is_ok_and(is_there) {
        Ok(())
    } else {
        Err(lack(bytes))
    }
}

/// Requests this many bytes from the allocator, gives them back, and tells whether they were there.
/// They are never written, so they cost no memory.
fn is_there(bytes: usize) -> bool {
    let mut room: Vec<u8> = Vec::new();
    let is_there = room.try_reserve_exact(bytes).is_ok();
    // Unused memory would otherwise be optimised away.
    std::hint::black_box(&mut room);
    is_there
}

/// As [`room`], for things that take this many bytes each, including everything that belongs to
/// them.
///
/// # Errors
/// `Memory`.
pub fn room_for(things: usize, bytes_each: usize) -> Result<()> {
    room(u64::try_from(things.saturating_mul(bytes_each)).unwrap_or(u64::MAX))
}

/// The error for this many bytes that are not available.
///
/// Work that is [`watched`] then ends soon, before one of its small allocations fails.
pub fn lack(bytes: u64) -> Error {
    LACKED.set(bytes);
    Error::new(ErrorKind::Memory, reason(bytes))
}

/// The reason why work ended that was refused this many bytes.
pub fn reason(bytes: u64) -> String {
    format!(
        "not enough memory for {}",
        counted(bytes, "more byte", "more bytes")
    )
}

fn bytes_of<T>(things: usize) -> u64 {
    u64::try_from(things.saturating_mul(size_of::<T>())).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_MANY: usize = isize::MAX.cast_unsigned() / 2;

    #[test]
    fn what_cannot_be_had_is_an_error_that_is_not_forgotten() {
        let (refused, lacked) = watched(|| buffer(TOO_MANY).map(drop).unwrap_err());
        assert_eq!(refused.kind(), ErrorKind::Memory);
        assert_eq!(lacked, u64::try_from(TOO_MANY).unwrap());
        assert_eq!(refused.reason(), reason(lacked));
        assert_eq!(watched(|| room(u64::MAX).is_err()), (true, u64::MAX));
        assert_eq!(watched(|| room(SMALL).is_err()), (false, 0));
        assert!(list::<u64>(TOO_MANY).is_err() && list::<u64>(4).is_ok());
    }
}

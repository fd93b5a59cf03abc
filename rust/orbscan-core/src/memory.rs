//! Memory that grows with a document is asked for, and what cannot be had is an error.
//!
//! Most allocations of Rust end the process where memory runs out. So buffers of files and of what
//! they decompress to are reserved with [`buffer`]; and before a document is taken apart into many
//! small things, [`room`] asks for as much as those will need together, and gives it back.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result, counted};

/// What needs less is not asked for beforehand: it would cost small reads system calls.
const SMALL: u64 = 4 << 20;

thread_local! {
    static LACKED: Cell<u64> = const { Cell::new(0) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Does work, and tells how many bytes it asked for and did not get; 0 if it got all. Then what came
/// of it is of no use: errors are tolerated in many places, this one too.
pub fn watched<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = (LACKED.replace(0), WATCHED.replace(true));
    let done = work();
    WATCHED.set(before.1);
    (done, LACKED.replace(before.0))
}

/// Whether work that is watched lacks memory.
pub(crate) fn is_lacking() -> bool {
    WATCHED.get() && LACKED.get() > 0
}

/// An empty buffer for so many bytes.
///
/// # Errors
/// `Memory`.
pub fn buffer(bytes: usize) -> Result<Vec<u8>> {
    let mut buffer = Vec::new();
    reserve(&mut buffer, bytes)?;
    Ok(buffer)
}

/// Makes room for exactly so many things more.
///
/// # Errors
/// `Memory`.
pub fn reserve<T>(things: &mut Vec<T>, more: usize) -> Result<()> {
    let reserved = things.try_reserve_exact(more);
    reserved.map_err(|_| lack(bytes_of::<T>(more)))
}

/// A list with room for so many things.
///
/// # Errors
/// `Memory`.
pub fn list<T>(most: usize) -> Result<Vec<T>> {
    let mut list = Vec::new();
    reserve(&mut list, most)?;
    Ok(list)
}

/// Checks that there is room for so many bytes in small pieces.
///
/// # Errors
/// `Memory`.
pub fn room(bytes: u64) -> Result<()> {
    if bytes < SMALL {
        return Ok(());
    }
    let mut room: Vec<u8> = Vec::new();
    let has_room = usize::try_from(bytes).is_ok_and(|bytes| room.try_reserve_exact(bytes).is_ok());
    // Nobody else uses what is never used here, unless the compiler sees that.
    std::hint::black_box(&mut room);
    if has_room { Ok(()) } else { Err(lack(bytes)) }
}

/// As [`room`], for things that take so many bytes each, with everything that belongs to them.
///
/// # Errors
/// `Memory`.
pub fn room_for(things: usize, bytes_each: usize) -> Result<()> {
    room(u64::try_from(things.saturating_mul(bytes_each)).unwrap_or(u64::MAX))
}

/// The error for so many bytes that cannot be had.
///
/// Work that is [`watched`] ends soon, lest one of the small allocations be the next to fail.
pub fn lack(bytes: u64) -> Error {
    LACKED.set(bytes);
    Error::new(ErrorKind::Memory, reason(bytes))
}

/// Why work ended that was not given so many bytes.
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

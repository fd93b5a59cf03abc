//! Whether the work of a thread should end early: someone may press Ctrl-C while a document of a
//! million leaves is read.
//!
//! Loops that a document can make long call [`check`]. It costs a countdown; now and then it reads
//! the clock, and at most once per [`PATIENCE`] it asks the caller that waits for the work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::memory;

/// The shortest time between two questions to the caller.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// Rounds of a loop between two looks at the clock; a round takes at most some microseconds.
const ROUNDS: u32 = 1_000;

/// Says whether to go on.
pub type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
    static ROUNDS_LEFT: Cell<u32> = const { Cell::new(ROUNDS) };
    static ENDED: Cell<bool> = const { Cell::new(false) };
}

/// Does work that ends early if `ask` says so, and returns whether it was to end. If so, the result
/// must not be used: many places tolerate errors, this one included.
pub fn watched<T>(ask: Ask, work: impl FnOnce() -> T) -> (T, bool) {
    let before = (ASK.replace(Some(ask)), ENDED.replace(false));
    ASKED.set(None);
    let done = work();
    ASK.set(before.0);
    let ended = ENDED.replace(before.1);
    (done, ended)
}

/// Checks whether the loop that calls this may go on.
///
/// # Errors
/// `Store` once the caller no longer waits, and `Memory` once memory was refused; from then on,
/// every time.
#[inline]
pub fn check() -> Result<()> {
    let left = ROUNDS_LEFT.get();
    if left > 0 {
        ROUNDS_LEFT.set(left.saturating_sub(1));
        return Ok(());
    }
    look()
}

/// Checks whether the work was to end, without asking again: for code after loops that tolerate it.
///
/// # Errors
/// `Store`, once [`check`] has returned it.
pub fn ended() -> Result<()> {
    if ENDED.get() {
        return Err(Error::new(ErrorKind::Store, "interrupted"));
    }
    Ok(())
}

/// As [`check`], but asks at once: for code that waits rather than loops.
///
/// # Errors
/// As [`check`].
#[cold]
pub fn look() -> Result<()> {
    let interrupted = || Err(Error::new(ErrorKind::Store, "interrupted"));
    if memory::is_lacking() {
        return Err(Error::new(ErrorKind::Memory, "not enough memory"));
    }
    if ENDED.get() {
        return interrupted();
    }
    ROUNDS_LEFT.set(ROUNDS);
    let Some(ask) = ASK.get() else {
        return Ok(());
    };
    let now = Instant::now();
    match ASKED.get() {
        // The work has only just begun.
        None => ASKED.set(Some(now)),
        Some(asked) if now.saturating_duration_since(asked) < PATIENCE => {}
        Some(_) => {
            ASKED.set(Some(now));
            if !ask() {
                ENDED.set(true);
                ROUNDS_LEFT.set(0);
                return interrupted();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> bool {
        false
    }

    /// The rounds until the work ends.
    fn rounds() -> u64 {
        let mut rounds = 0;
        while check().is_ok() {
            rounds += 1;
        }
        rounds
    }

    #[test]
    fn work_ends_once_nobody_waits_for_it() {
        let (rounds, ended) = watched(never, || {
            let rounds = rounds();
            assert!(check().is_err());
            rounds
        });
        assert!(ended && rounds >= u64::from(ROUNDS), "{rounds}");
        // What follows is other work.
        ROUNDS_LEFT.set(0);
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn work_that_nobody_asks_about_goes_on() {
        for _ in 0..3 * ROUNDS {
            assert_eq!(check(), Ok(()));
        }
        assert_eq!(watched(|| true, || 5), (5, false));
    }
}

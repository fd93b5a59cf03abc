//! How many connections of a client's pool are open, as far as its requests show.
//!
//! Opening a connection takes a round trip, and one or two more with TLS. A listing opens one; the
//! files that are fetched next would each wait for their own. A pool with fewer connections than
//! that is cold: then a few files are requested beside the listing, so that their connections are
//! opened at the same time (`plan::guesses`).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The time after which the pool closes a connection that nobody used: the default of its library.
const IDLE: Duration = Duration::from_secs(90);

/// What the requests of a client say about its connections.
#[derive(Debug)]
pub struct Warmth(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Requests in progress.
    busy: usize,
    /// The most that were in progress at once since all connections were closed: each had its own.
    open: usize,
    /// When the last of them ended.
    last: Instant,
}

/// A request in progress.
#[derive(Debug)]
pub struct Busy<'w>(&'w Warmth);

impl Default for Warmth {
    fn default() -> Self {
        Self(Mutex::new(State {
            busy: 0,
            open: 0,
            last: Instant::now(),
        }))
    }
}

impl Warmth {
    /// Notes a request, which ends when the result is dropped.
    pub fn begin(&self) -> Busy<'_> {
        let mut state = self.state(Instant::now());
        state.busy = state.busy.saturating_add(1);
        state.open = state.open.max(state.busy);
        Busy(self)
    }

    /// Whether fewer connections are open than this many. The caller will open them, so that the
    /// answer is true only once, until they are closed.
    pub fn lacks(&self, connections: usize) -> bool {
        self.lacks_at(connections, Instant::now())
    }

    fn lacks_at(&self, connections: usize, now: Instant) -> bool {
        let mut state = self.state(now);
        let lacks = state.open < connections;
        if lacks {
            state.open = connections;
            state.last = now;
        }
        lacks
    }

    /// The state at a time.
    fn state(&self, now: Instant) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, so a poisoned one is still valid.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.busy == 0 && now.saturating_duration_since(state.last) >= IDLE {
            state.open = 0;
        }
        state
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state(Instant::now());
        state.busy = state.busy.saturating_sub(1);
        state.last = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_has_answered_nothing_is_cold_once() {
        let begun = Instant::now();
        let warmth = Warmth::default();
        assert!(warmth.lacks_at(5, begun));
        assert!(!warmth.lacks_at(5, begun));
    }

    #[test]
    fn only_requests_at_the_same_time_have_connections_of_their_own() {
        let begun = Instant::now();
        let warmth = Warmth::default();
        for _ in 0..5 {
            drop(warmth.begin());
        }
        assert!(warmth.lacks_at(2, begun));
        let warmth = Warmth::default();
        let busy: Vec<Busy<'_>> = (0..5).map(|_| warmth.begin()).collect();
        drop(busy);
        assert!(!warmth.lacks_at(5, begun));
        assert!(warmth.lacks_at(6, begun));
    }

    #[test]
    fn a_pool_that_nobody_used_for_a_while_is_cold_again() {
        let begun = Instant::now();
        let warmth = Warmth::default();
        assert!(warmth.lacks_at(5, begun));
        assert!(!warmth.lacks_at(5, begun + IDLE / 2));
        let later = begun + IDLE;
        assert!(warmth.lacks_at(5, later + IDLE));
        // A connection with a request is not closed, however long that takes.
        let busy = warmth.begin();
        assert!(!warmth.lacks_at(5, later + IDLE * 3));
        drop(busy);
    }
}

//! Limits the speed at which chunks are read.

use std::time::Duration;

/// How long to wait after `bytes` were read in `elapsed`, so that no more than `limit` bytes are
/// read per second.
pub fn pause(bytes: u64, elapsed: Duration, limit: u64) -> Duration {
    let nanos = u128::from(bytes)
        .saturating_mul(1_000_000_000)
        .checked_div(u128::from(limit))
        .unwrap_or_default();
    let due = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    due.saturating_sub(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_makes_up_for_what_was_read_too_fast() {
        let secs = Duration::from_secs;
        assert_eq!(pause(1_000, secs(0), 100), secs(10));
        assert_eq!(pause(1_000, secs(4), 100), secs(6));
        assert_eq!(pause(1_000, secs(11), 100), secs(0));
        assert_eq!(pause(u64::MAX, secs(0), 0), secs(0));
    }
}

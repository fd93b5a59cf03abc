//! Limits how many requests are in progress at once, and how many are made per second.
//!
//! All requests of a process go through one gate, whichever calls make them. If a server says that
//! there are too many (429, 503), the rate is halved, and then slowly raised again. Large stores
//! say so now and then, however few requests there are: then only the request itself waits.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::fault::{self, Outcome};
use crate::options::Limits;

/// Requests that may be made at once although the rate alone would spread them.
const BURST: u32 = 64;

/// The lowest rate.
const LEAST_RATE: f64 = 1.0;

/// The factor by which the rate grows for each second without a complaint.
const RECOVERY: f64 = 1.25;

/// The number of answers over which complaints are counted.
const RECENT: f64 = 32.0;

/// The share of complaints in them from which on the rate is to blame.
const MANY: f64 = 0.1;

/// The time during which a rate is not halved again, because of requests made before.
const CALM: Duration = Duration::from_millis(500);

/// The gate at which requests wait.
#[derive(Debug)]
pub struct Gate {
    seats: Semaphore,
    /// The total number of seats.
    in_all: usize,
    most_per_second: f64,
    pace: Mutex<Pace>,
}

#[derive(Debug)]
struct Pace {
    per_second: f64,
    /// When the next request may be made.
    next: Instant,
    /// When the rate was last changed.
    changed: Instant,
    /// The share of complaints in recent answers.
    complaints: f64,
}

impl Gate {
    /// A gate with these limits.
    pub fn new(limits: Limits) -> Self {
        let most_per_second = f64::from(limits.requests_per_second);
        let now = Instant::now();
        Self {
            seats: Semaphore::new(limits.concurrency),
            in_all: limits.concurrency,
            most_per_second,
            pace: Mutex::new(Pace {
                per_second: most_per_second,
                next: now,
                changed: now,
                complaints: 0.0,
            }),
        }
    }

    /// A seat, which is kept until the whole answer has arrived.
    pub async fn seat(&self) -> Option<SemaphorePermit<'_>> {
        // It is `None` only if the semaphore is closed, which it never is.
        self.seats.acquire().await.ok()
    }

    /// How many requests may be in progress at once.
    pub const fn seats(&self) -> usize {
        self.in_all
    }

    /// How long the next request waits.
    fn delay(&self, now: Instant) -> Duration {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.per_second < self.most_per_second {
            let calm = now.saturating_duration_since(pace.changed).as_secs_f64();
            if calm >= 1.0 {
                let grown = pace.per_second * RECOVERY.powf(calm);
                pace.per_second = grown.min(self.most_per_second);
                pace.changed = now;
            }
        }
        let apart = Duration::from_secs_f64(pace.per_second.recip());
        // There are no bursts at a lowered rate: each request waits for its turn.
        let burst = if pace.per_second < self.most_per_second {
            Duration::ZERO
        } else {
            apart.saturating_mul(BURST)
        };
        let turn = pace.next.max(now.checked_sub(burst).unwrap_or(now));
        pace.next = turn.checked_add(apart).unwrap_or(turn);
        turn.saturating_duration_since(now)
    }

    /// Takes note of an answer, and lowers the rate if too many are complaints.
    fn learn(&self, is_complaint: bool, now: Instant) {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.complaints += (f64::from(is_complaint) - pace.complaints) / RECENT;
        if !is_complaint || pace.complaints < MANY {
            return;
        }
        let is_new = pace.per_second >= self.most_per_second;
        if is_new || now.saturating_duration_since(pace.changed) >= CALM {
            pace.per_second = (pace.per_second / 2.0).max(LEAST_RATE);
            pace.changed = now;
        }
    }

    #[cfg(test)]
    fn per_second(&self) -> f64 {
        self.pace.lock().unwrap().per_second
    }
}

/// Creates clients whose requests go through a gate.
#[derive(Debug)]
pub struct Gated(pub Arc<Gate>);

impl HttpConnector for Gated {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        let gate = Arc::clone(&self.0);
        Ok(HttpClient::new(Service { client, gate }))
    }
}

struct Service {
    client: HttpClient,
    gate: Arc<Gate>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let delay = self.gate.delay(Instant::now());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answered = self.client.execute(request).await;
        match &answered {
            Ok(response) => {
                let status = response.status().as_u16();
                self.gate.learn(matches!(status, 429 | 503), Instant::now());
                fault::note(Outcome::Status(status));
            }
            Err(error) => fault::note(Outcome::failed(error)),
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        concurrency: 4,
        requests_per_second: 100,
    };

    #[test]
    fn a_burst_passes_and_what_follows_waits() {
        let gate = Gate::new(LIMITS);
        let now = Instant::now() + Duration::from_secs(10);
        let delays: Vec<Duration> = (0..70).map(|_| gate.delay(now)).collect();
        assert!(delays.iter().take(64).all(Duration::is_zero));
        assert!(delays.last().unwrap() > &Duration::from_millis(40));
    }

    #[test]
    fn complaints_halve_the_rate_once_and_it_recovers() {
        let gate = Gate::new(LIMITS);
        let now = Instant::now() + Duration::from_secs(10);
        for _ in 0..5 {
            gate.learn(true, now);
        }
        assert!((gate.per_second() - 50.0).abs() < 1e-9);
        gate.learn(true, now + Duration::from_secs(1));
        assert!((gate.per_second() - 25.0).abs() < 1e-9);
        gate.delay(now + Duration::from_secs(60));
        assert!((gate.per_second() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_complaint_now_and_then_slows_nothing_down() {
        let gate = Gate::new(LIMITS);
        let now = Instant::now();
        for number in 0_u64..10_000 {
            gate.learn(
                number.is_multiple_of(30),
                now + Duration::from_millis(number),
            );
        }
        assert!((gate.per_second() - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_store_that_is_too_busy_is_noticed_within_a_few_answers() {
        let gate = Gate::new(LIMITS);
        let now = Instant::now();
        for number in 0_u64..1_000 {
            gate.learn(number >= 990 && number.is_multiple_of(2), now);
        }
        assert!(gate.per_second() < 100.0);
    }
}

//! The options of a store, and the environment.
//!
//! | option | environment variable | default | means |
//! |---|---|---|---|
//! | `max_concurrency` | `ORBSCAN_MAX_CONCURRENCY` | 64 | concurrent requests of a process |
//! | `max_requests_per_second` | `ORBSCAN_MAX_REQUESTS_PER_SECOND` | 4000 | requests per second |
//! | `max_retries` | `ORBSCAN_MAX_RETRIES` | 4 | further attempts at a request that failed |
//! | `retry_timeout` | `ORBSCAN_RETRY_TIMEOUT` | 30 | seconds after which no further attempt begins |
//! | `connect_timeout` | `ORBSCAN_CONNECT_TIMEOUT` | 5 s | to reach the server |
//! | `read_timeout` | `ORBSCAN_READ_TIMEOUT` | 20 s | without a byte; no limit for the whole |
//! | `root_certificate` | | | PEM certificates that are trusted besides those of the system |
//! | `default_headers` | | | lines `NAME: VALUE`, sent with each request |
//!
//! All other options are those of the `object_store` library, by their names there, and so are the
//! environment variables `AWS_*`, `GOOGLE_*` and `AZURE_*`.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use object_store::client::ClientConfigKey;
use object_store::{BackoffConfig, RetryConfig};
use orbscan_core::error::{Error, ErrorKind, Result};

/// The limits on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most requests in progress at once.
    pub concurrency: usize,
    /// The most requests per second.
    pub requests_per_second: u32,
}

/// The options of a store, sorted by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    given: BTreeMap<String, String>,
}

/// An option of ours: its name, the environment variable, the default, the least and the greatest
/// value.
type Number = (&'static str, &'static str, u64, u64, u64);

const CONCURRENCY: Number = ("max_concurrency", "ORBSCAN_MAX_CONCURRENCY", 64, 1, 1_024);
const RATE: Number = (
    "max_requests_per_second",
    "ORBSCAN_MAX_REQUESTS_PER_SECOND",
    4_000,
    1,
    1_000_000,
);
const RETRIES: Number = ("max_retries", "ORBSCAN_MAX_RETRIES", 4, 0, 100);
const RETRY_TIMEOUT: Number = ("retry_timeout", "ORBSCAN_RETRY_TIMEOUT", 30, 0, 86_400);

/// The option with trusted certificates.
pub const ROOT_CERTIFICATE: &str = "root_certificate";

/// The option with headers of all requests.
pub const DEFAULT_HEADERS: &str = "default_headers";

/// Options of a client that a store's library does not know by name.
const OF_CLIENT: [&str; 4] = [
    TIMEOUTS[0].1,
    TIMEOUTS[1].1,
    ROOT_CERTIFICATE,
    DEFAULT_HEADERS,
];

/// Timeouts of a client, and their defaults.
const TIMEOUTS: [(ClientConfigKey, &str, &str, &str); 2] = [
    (
        ClientConfigKey::ConnectTimeout,
        "connect_timeout",
        "ORBSCAN_CONNECT_TIMEOUT",
        "5 s",
    ),
    (
        ClientConfigKey::ReadTimeout,
        "read_timeout",
        "ORBSCAN_READ_TIMEOUT",
        "20 s",
    ),
];

impl Options {
    /// Options as a user gives them.
    pub fn new(given: impl IntoIterator<Item = (String, String)>) -> Self {
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Self {
            given: given.into_iter().map(lower).collect(),
        }
    }

    /// The options as they were given, including secrets.
    pub const fn given(&self) -> &BTreeMap<String, String> {
        &self.given
    }

    /// The limits on requests.
    ///
    /// # Errors
    /// `Unsupported` for a value that is not a number in its range.
    pub fn limits(&self) -> Result<Limits> {
        Ok(Limits {
            concurrency: usize::try_from(self.number(CONCURRENCY)?).unwrap_or(usize::MAX),
            requests_per_second: u32::try_from(self.number(RATE)?).unwrap_or(u32::MAX),
        })
    }

    /// How often a request is retried.
    ///
    /// # Errors
    /// As [`Options::limits`].
    pub fn retry(&self) -> Result<RetryConfig> {
        Ok(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: usize::try_from(self.number(RETRIES)?).unwrap_or(usize::MAX),
            retry_timeout: Duration::from_secs(self.number(RETRY_TIMEOUT)?),
        })
    }

    /// The timeouts of a client.
    pub fn timeouts(&self) -> impl Iterator<Item = (ClientConfigKey, String)> {
        TIMEOUTS.into_iter().map(|(key, name, variable, usual)| {
            let given = self.given.get(name).cloned();
            let said = given.or_else(|| env::var(variable).ok());
            (key, said.unwrap_or_else(|| usual.to_owned()))
        })
    }

    /// The options of the store itself, as its library names them.
    pub fn of_store(&self) -> impl Iterator<Item = (&str, &str)> {
        let ours = [CONCURRENCY.0, RATE.0, RETRIES.0, RETRY_TIMEOUT.0];
        let given = self.given.iter();
        let given = given.map(|(name, value)| (name.as_str(), value.as_str()));
        given.filter(move |(name, _)| !ours.contains(name) && !OF_CLIENT.contains(name))
    }

    /// Whether requests may share a connection, as they do over HTTP/2.
    pub fn shares_connections(&self) -> bool {
        let is = |name, values: [&str; 5]| {
            let given = self.given.get(name);
            given.is_some_and(|given| values.contains(&given.to_ascii_lowercase().as_str()))
        };
        // As the library spells them.
        is("http1_only", ["0", "false", "off", "no", "n"])
            || is("http2_only", ["1", "true", "on", "yes", "y"])
    }

    /// Whether an option is given under one of its names.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.given.contains_key(*name))
    }

    /// The options that are about the client alone, whatever it requests.
    #[must_use]
    pub fn of_client(&self) -> Self {
        let mut given = self.given.clone();
        given.retain(|name, _| OF_CLIENT.contains(&name.as_str()));
        Self { given }
    }

    /// The value of an option under one of its names.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        let mut found = names.iter().filter_map(|name| self.given.get(*name));
        found.next().map(String::as_str)
    }

    /// A key that distinguishes these options from others: only for a table of clients in memory,
    /// because it contains secrets.
    pub fn key(&self) -> String {
        format!("{:?}", self.given)
    }

    fn number(&self, (name, variable, usual, least, most): Number) -> Result<u64> {
        let given = self.given.get(name).map(|value| (name, value.clone()));
        let said = || env::var(variable).ok().map(|value| (variable, value));
        let Some((source, value)) = given.or_else(said) else {
            return Ok(usual);
        };
        let number: Option<u64> = value.trim().parse().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| {
            let reason = format!(
                "the store option {source} is {value:?}: a whole number from {least} to {most} is wanted"
            );
            Error::new(ErrorKind::Unsupported, reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(given: &[(&str, &str)]) -> Options {
        let given = given.iter();
        Options::new(given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn what_nobody_says_is_as_usual() {
        let limits = Limits {
            concurrency: 64,
            requests_per_second: 4_000,
        };
        assert_eq!(options(&[]).limits(), Ok(limits));
    }

    #[test]
    fn numbers_are_looked_at() {
        let limits = options(&[("MAX_CONCURRENCY", "256")]).limits().unwrap();
        assert_eq!(limits.concurrency, 256);
        for bad in ["0", "many", "-1", "100000"] {
            let error = options(&[("max_concurrency", bad)]).limits().unwrap_err();
            assert!(
                error.reason().contains("from 1 to 1024 is wanted"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_connection_is_shared_if_it_may_be_http_2() {
        for given in [("http1_only", "False"), ("http2_only", "true")] {
            assert!(options(&[given]).shares_connections(), "{given:?}");
        }
        for given in [("http1_only", "true"), ("http2_only", "0"), ("region", "x")] {
            assert!(!options(&[given]).shares_connections(), "{given:?}");
        }
    }

    #[test]
    fn options_of_ours_are_not_handed_on() {
        let options = options(&[
            ("region", "x"),
            ("max_retries", "1"),
            ("read_timeout", "1 s"),
        ]);
        assert_eq!(options.of_store().collect::<Vec<_>>(), [("region", "x")]);
        assert!(options.has(&["aws_region", "region"]));
    }
}

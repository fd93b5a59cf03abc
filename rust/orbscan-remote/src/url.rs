//! URLs of places in stores, as users write them.
//!
//! `gs://`, `s3://`, `az://` and `hf://` take keys literally: `%20` is three characters, as in the
//! clouds' own tools. In `http://` and `https://` it is a space, as everywhere on the web.

use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::path::StorePath;

/// The kind of store of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Google Cloud Storage.
    Gs,
    /// Amazon S3, and compatible services.
    S3,
    /// Azure Blob Storage.
    Az,
    /// A web server.
    Http,
    /// The Hugging Face hub.
    Hub,
}

/// The schemes and their kinds. `abfss` names the account in addition to the container.
const SCHEMES: [(&str, Scheme); 9] = [
    ("gs", Scheme::Gs),
    ("s3", Scheme::S3),
    ("s3a", Scheme::S3),
    ("az", Scheme::Az),
    ("abfs", Scheme::Az),
    ("abfss", Scheme::Az),
    ("http", Scheme::Http),
    ("https", Scheme::Http),
    ("hf", Scheme::Hub),
];

/// The kinds of repositories of the hub that are not models.
const HUB_KINDS: [&str; 2] = ["datasets", "spaces"];

/// A place in a store that is not a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The kind of store.
    pub scheme: Scheme,
    /// The URL up to the bucket, the host or the repository, without a slash at the end.
    pub origin: String,
    /// The bucket or container; the host and the port; the repository, with its revision if it has
    /// one.
    pub bucket: String,
    /// The account, if the URL names it.
    pub account: Option<String>,
    /// The path in the store.
    pub place: StorePath,
}

/// Whether a text is a URL, whether or not orbscan can read such a store.
pub fn is_url(text: &str) -> bool {
    scheme_of(text).is_some()
}

/// The scheme and the rest.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    let is_of_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let length = text.bytes().take_while(is_of_scheme).count();
    let (scheme, rest) = text.split_at_checked(length)?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
    Some((scheme, rest.strip_prefix("://")?)).filter(|_| is_scheme)
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// `Unsupported` for an unknown scheme, or a part that has no meaning here; `Malformed` for a
    /// key that no reader can name. All name the URL, without possible secrets.
    pub fn parse(text: &str) -> Result<Self> {
        let shown = without_secrets(text);
        Self::taken_apart(text).map_err(|error| error.in_file(&shown))
    }

    fn taken_apart(text: &str) -> Result<Self> {
        let unsupported = |reason: String| Error::new(ErrorKind::Unsupported, reason);
        let Some((name, rest)) = scheme_of(text) else {
            return Err(unsupported("is not a URL".to_owned()));
        };
        let known = SCHEMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some(&(name, scheme)) = known else {
            let known: Vec<&str> = SCHEMES.iter().map(|(name, _)| *name).collect();
            let known = known.join("://, ");
            return Err(unsupported(format!(
                "no store is known for {name}://; {known}:// and local paths can be read"
            )));
        };
        if scheme == Scheme::Http && rest.contains(['?', '#']) {
            let reason = "a URL with a query names one file, and a checkpoint has many: give the URL of \
                          its directory, and credentials as store options";
            return Err(unsupported(reason.to_owned()));
        }
        let parts = if scheme == Scheme::Hub {
            hub_parts(rest)
        } else {
            1
        };
        let end = rest.match_indices('/').nth(parts.saturating_sub(1));
        let (authority, key) = match end {
            Some((at, _)) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.is_empty() || (scheme == Scheme::Hub && authority.split('/').count() < parts) {
            let wanted = match scheme {
                Scheme::Hub => "a repository, as in hf://organisation/name",
                Scheme::Http => "a host",
                _ => "a bucket",
            };
            return Err(unsupported(format!("names no place: {wanted} is missing")));
        }
        let (bucket, account) = match (scheme, authority.split_once('@')) {
            (Scheme::Az, Some((container, host))) => {
                let account = host.split('.').next().unwrap_or(host);
                (container, Some(account.to_owned()))
            }
            (Scheme::Http, Some(_)) => {
                let reason = "a user in a URL is not read: pass credentials as store options";
                return Err(unsupported(reason.to_owned()));
            }
            _ => (authority, None),
        };
        let key = key.trim_matches('/');
        let place = match scheme {
            Scheme::Http => StorePath::new(&decoded(key)?)?,
            _ => StorePath::new(key)?,
        };
        Ok(Self {
            scheme,
            origin: format!("{name}://{authority}"),
            bucket: bucket.to_owned(),
            account,
            place,
        })
    }

    /// A path of the store as its user would write it.
    pub fn locate(&self, path: &StorePath) -> String {
        match (path.as_str(), self.scheme) {
            ("", _) => self.origin.clone(),
            (key, Scheme::Http) => format!("{}/{}", self.origin, encoded(key)),
            (key, _) => format!("{}/{key}", self.origin),
        }
    }

    /// The repository of the hub, preceded by its kind unless it is a model, and its revision,
    /// whose slashes are encoded in the URL as by the hub's own tools.
    pub fn hub(&self) -> (&str, String) {
        let (repository, revision) = self
            .bucket
            .split_once('@')
            .unwrap_or((&self.bucket, "main"));
        let revision = revision.replace("%2F", "/").replace("%2f", "/");
        (repository, revision)
    }
}

/// The number of parts in the name of a repository.
fn hub_parts(rest: &str) -> usize {
    let kind = rest.split('/').next().unwrap_or_default();
    if HUB_KINDS.contains(&kind) { 3 } else { 2 }
}

/// A URL without a query and without a user, either of which may be a secret.
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = scheme_of(text) else {
        return text.to_owned();
    };
    // Only web servers have queries; elsewhere these are characters of keys.
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !is_web {
        return text.to_owned();
    }
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// A text of a library without what follows a question mark in its URLs.
pub fn redacted(text: &str) -> String {
    let words = text.split_inclusive(char::is_whitespace);
    let plain = words.map(|word| match word.split_once('?') {
        Some((url, _)) if url.contains("://") => format!("{url}?... "),
        _ => word.to_owned(),
    });
    plain.collect()
}

/// Decodes percent signs.
fn decoded(text: &str) -> Result<String> {
    let bad = || {
        Error::new(
            ErrorKind::Malformed,
            "a percent sign is not followed by two digits",
        )
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(bad());
        };
        bytes.push(u8::try_from(high << 4 | low).unwrap_or_default());
    }
    let not_utf8 = |_| Error::new(ErrorKind::Unsupported, "the name is not UTF-8");
    String::from_utf8(bytes).map_err(not_utf8)
}

/// Encodes what is not allowed in a URL.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// One part of a path as it stands in a URL.
pub fn part_encoded(text: &str) -> String {
    encoded(text).replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Scheme, String, String) {
        let url = Url::parse(text).unwrap();
        (url.scheme, url.bucket, url.place.as_str().to_owned())
    }

    #[test]
    fn every_scheme_has_a_bucket_and_a_key() {
        for (text, scheme, bucket, key) in [
            ("gs://b/run/7", Scheme::Gs, "b", "run/7"),
            ("gs://b", Scheme::Gs, "b", ""),
            ("s3://b/run/7/", Scheme::S3, "b", "run/7"),
            ("az://c/run", Scheme::Az, "c", "run"),
            (
                "http://host:80/run/a%20b",
                Scheme::Http,
                "host:80",
                "run/a b",
            ),
            ("hf://org/name/run/7", Scheme::Hub, "org/name", "run/7"),
            ("hf://org/name@v1/run", Scheme::Hub, "org/name@v1", "run"),
            (
                "hf://datasets/org/name/run",
                Scheme::Hub,
                "datasets/org/name",
                "run",
            ),
        ] {
            assert_eq!(
                parts(text),
                (scheme, bucket.to_owned(), key.to_owned()),
                "{text}"
            );
        }
        let url = Url::parse("abfss://c@account.dfs.core.windows.net/x").unwrap();
        assert_eq!(
            (url.bucket.as_str(), url.account.as_deref()),
            ("c", Some("account"))
        );
    }

    #[test]
    fn a_revision_of_the_hub_may_have_slashes() {
        for (text, repository, revision) in [
            ("hf://org/name/run", "org/name", "main"),
            ("hf://org/name@v1/run", "org/name", "v1"),
            (
                "hf://spaces/org/name@refs%2Fpr%2F7/run",
                "spaces/org/name",
                "refs/pr/7",
            ),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.hub(), (repository, revision.to_owned()), "{text}");
            assert_eq!(url.place.as_str(), "run");
        }
    }

    #[test]
    fn keys_are_taken_as_they_are_but_on_the_web() {
        for text in ["gs://b/a%20b", "s3://b/a b", "gs://b/x#y?z", "az://c/ü+%"] {
            assert_eq!(
                Url::parse(text)
                    .unwrap()
                    .locate(&Url::parse(text).unwrap().place),
                text
            );
        }
        let url = Url::parse("https://host/a%20b/%C3%BC").unwrap();
        assert_eq!(url.place.as_str(), "a b/ü");
        assert_eq!(url.locate(&url.place), "https://host/a%20b/%C3%BC");
    }

    #[test]
    fn what_is_no_place_is_refused_by_name_and_without_secrets() {
        for (text, file, reason) in [
            (
                "ftp://host/x",
                "ftp://host/x",
                "no store is known for ftp://",
            ),
            ("gs:///x", "gs:///x", "a bucket is missing"),
            ("hf://name", "hf://name", "a repository, as in"),
            ("gs://b/x/../y", "gs://b/x/../y", "leaves its directory"),
            (
                "https://h/x?sig=secret",
                "https://h/x",
                "a URL with a query",
            ),
            ("https://me:secret@h/x", "https://h/x", "a user in a URL"),
            ("https://h/%zz", "https://h/%zz", "percent sign"),
        ] {
            let error = Url::parse(text).unwrap_err();
            assert_eq!(error.file(), Some(file), "{text}");
            assert!(error.reason().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_path_of_a_disk_is_not_a_url() {
        for text in ["/data/run", "run", "C:/run", "a b://x", "://x", "1s://b"] {
            assert!(!is_url(text), "{text}");
        }
    }
}

//! The Hugging Face hub: its own listings; files are fetched by `resolve` URLs, through the web
//! client.
//!
//! Source: `GET /api/{models,datasets,spaces}/{repository}/tree/{revision}/{path}`, as in the hub's
//! own clients. For a git-lfs file, the answer is a redirect to a content network, to which the
//! token is not sent.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService,
};
use object_store::{ClientOptions, HeaderMap, HeaderValue, RetryConfig};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault, Subject};
use orbscan_core::path::StorePath;
use serde::Deserialize;

use crate::fault::{self, Failure, Outcome};
use crate::options::Options;
use crate::tree::{Child, Object, Reach, Tree};
use crate::url::{Scheme, Url};

/// The default address of the hub.
const ENDPOINT: &str = "https://huggingface.co";

/// Pages of a listing: a repository has at most some hundred thousand files.
const MOST_PAGES: usize = 200;

/// The header in which the hub says why it refuses.
const ERROR_CODE: &str = "x-error-code";

/// Names of the options for a token.
const TOKEN_OPTIONS: [&str; 2] = ["token", "hf_token"];

/// Names of the options for an endpoint.
const ENDPOINT_OPTIONS: [&str; 2] = ["endpoint", "hf_endpoint"];

/// Requests listings of one repository.
#[derive(Clone, Debug)]
pub struct Lister {
    client: HttpClient,
    endpoint: String,
    /// Preceded by its kind, unless it is a model.
    repository: String,
    revision: String,
    retry: RetryConfig,
}

#[derive(Deserialize)]
struct Item {
    r#type: String,
    path: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    oid: String,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// The address of the hub.
pub fn endpoint(options: &Options) -> String {
    let given = options.get(&ENDPOINT_OPTIONS).map(str::to_owned);
    let said = given.or_else(|| env::var("HF_ENDPOINT").ok());
    let said = said.filter(|endpoint| !endpoint.is_empty());
    let endpoint = said.unwrap_or_else(|| ENDPOINT.to_owned());
    endpoint.trim_end_matches('/').to_owned()
}

/// Options of a client with the user's token, if there is one.
///
/// # Errors
/// `Unsupported` for an option that the hub does not have, or a token that is not valid in a
/// request.
pub fn signed(client: ClientOptions, options: &Options) -> Result<ClientOptions> {
    let known = |name: &str| TOKEN_OPTIONS.contains(&name) || ENDPOINT_OPTIONS.contains(&name);
    if let Some((name, _)) = options.of_store().find(|(name, _)| !known(name)) {
        let reason =
            format!("the store has no option {name:?}: token and endpoint are those of the hub");
        return Err(Error::new(ErrorKind::Unsupported, reason));
    }
    let Some(token) = token(options) else {
        return Ok(client);
    };
    let bad = |_| {
        Error::new(
            ErrorKind::Unsupported,
            "the token of the hub has characters that no token has",
        )
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(bad)?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", value);
    Ok(client.with_default_headers(headers))
}

/// The token: from the options, from the environment, or from the file of the hub's own client.
fn token(options: &Options) -> Option<String> {
    let clean = |token: String| {
        let token = token.trim().to_owned();
        (!token.is_empty()).then_some(token)
    };
    let given = options.get(&TOKEN_OPTIONS).map(str::to_owned);
    let said = given.or_else(|| env::var("HF_TOKEN").ok()).and_then(clean);
    said.or_else(|| {
        let file = match (env::var_os("HF_TOKEN_PATH"), env::var_os("HF_HOME")) {
            (Some(path), _) => PathBuf::from(path),
            (None, Some(home)) => PathBuf::from(home).join("token"),
            (None, None) => PathBuf::from(env::var_os("HOME")?).join(".cache/huggingface/token"),
        };
        fs::read_to_string(file).ok().and_then(clean)
    })
}

/// Creates clients that write a revision with slashes as the hub expects it: as one part of a path.
/// The paths of the library cannot express that.
#[derive(Debug)]
pub struct Revised<C> {
    inner: C,
    plain: String,
    whole: String,
}

impl<C> Revised<C> {
    /// For the revision of a URL.
    pub fn new(inner: C, url: &Url) -> Self {
        let (_, revision) = url.hub();
        Self {
            inner,
            plain: format!("/resolve/{}/", crate::url::encoded(&revision)),
            whole: format!("/resolve/{}/", crate::url::part_encoded(&revision)),
        }
    }
}

impl<C: HttpConnector> HttpConnector for Revised<C> {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Revised {
            inner: self.inner.connect(options)?,
            plain: self.plain.clone(),
            whole: self.whole.clone(),
        }))
    }
}

#[async_trait]
impl HttpService for Revised<HttpClient> {
    async fn call(&self, mut request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let uri = request
            .uri()
            .to_string()
            .replacen(&self.plain, &self.whole, 1);
        if let Ok(uri) = uri.parse() {
            *request.uri_mut() = uri;
        }
        self.inner.execute(request).await
    }
}

impl Lister {
    /// The lister of the repository of a URL.
    pub fn new(client: HttpClient, endpoint: String, url: &Url, retry: RetryConfig) -> Self {
        let (repository, revision) = url.hub();
        Self {
            client,
            endpoint,
            repository: repository.to_owned(),
            revision,
            retry,
        }
    }

    /// The path of a file below the endpoint.
    pub fn key(&self, path: &StorePath) -> String {
        format!("{}/resolve/{}/{path}", self.repository, self.revision)
    }

    /// All files below a directory.
    ///
    /// # Errors
    /// `Store`; `NotFound` if there is no such repository, revision or directory.
    pub async fn tree(&self, place: &StorePath) -> Result<Tree> {
        let files = self.items(place, true).await?.into_iter();
        let files = files.filter(|item| item.r#type == "file");
        let objects = files.filter_map(|item| {
            let way = StorePath::new(&item.path).ok()?.below(place)?.to_owned();
            Some((way, item.object()))
        });
        Ok(Tree::new(place.clone(), objects.collect(), Reach::All))
    }

    /// The children of a directory.
    ///
    /// # Errors
    /// As [`Lister::tree`].
    pub async fn children(&self, place: &StorePath) -> Result<Vec<Child>> {
        let items = self.items(place, false).await?.into_iter();
        let entries = items.filter_map(|item| {
            let name = StorePath::new(&item.path).ok()?.below(place)?.to_owned();
            let is_directory = item.r#type == "directory";
            let object = (!is_directory).then(|| item.object());
            Some(Child { name, object })
        });
        Ok(entries.collect())
    }

    async fn items(&self, place: &StorePath, recursive: bool) -> Result<Vec<Item>> {
        let (kind, name) = match self.repository.split_once('/') {
            Some((kind @ ("datasets" | "spaces"), name)) => (kind, name),
            _ => ("models", self.repository.as_str()),
        };
        let revision = crate::url::part_encoded(&self.revision);
        let path: Vec<String> = place
            .as_str()
            .split('/')
            .map(crate::url::part_encoded)
            .collect();
        let path = path.join("/");
        let mut next = Some(format!(
            "{}/api/{kind}/{name}/tree/{revision}/{path}?recursive={recursive}",
            self.endpoint
        ));
        let mut items = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { break };
            let (page, link) = self.page(&url).await?;
            items.extend(page);
            next = link;
        }
        Ok(items)
    }

    /// One page, and the URL of the next. Failures that may pass are retried, as in the clients of
    /// the other stores.
    async fn page(&self, url: &str) -> Result<(Vec<Item>, Option<String>)> {
        let begun = Instant::now();
        let mut pause = self.retry.backoff.init_backoff;
        let mut left = self.retry.max_retries;
        let (body, link) = loop {
            let error = match self.asked(url).await {
                Ok(answer) => break answer,
                Err(error) => error,
            };
            if left == 0 || !may_pass(&error) || begun.elapsed() >= self.retry.retry_timeout {
                return Err(error);
            }
            left = left.saturating_sub(1);
            tokio::time::sleep(pause).await;
            let longest = self.retry.backoff.max_backoff;
            pause = pause.mul_f64(self.retry.backoff.base).min(longest);
        };
        let items = serde_json::from_slice(&body).map_err(|_| {
            let reason = "the listing of the hub is not what its documentation says";
            Error::new(ErrorKind::Store, reason)
        })?;
        // The token would be sent to a page on another host.
        let link = link.filter(|link| link.starts_with(&self.endpoint));
        Ok((items, link))
    }

    async fn asked(&self, url: &str) -> Result<(Bytes, Option<String>)> {
        let asked = async {
            let mut request = HttpRequest::new(Vec::<u8>::new().into());
            *request.uri_mut() = url.parse().ok()?;
            let response = self.client.execute(request).await.ok()?;
            let header = |name| response.headers().get(name)?.to_str().ok();
            if !response.status().is_success() {
                return Some(Err(header(ERROR_CODE).map(str::to_owned)));
            }
            let link = header("link").and_then(next_page).map(str::to_owned);
            let body = response.into_body().bytes().await.ok()?;
            Some(Ok((body, link)))
        };
        match fault::watched(asked).await {
            (Some(Ok(answer)), _) => Ok(answer),
            (Some(Err(code)), Some(Outcome::Status(status))) => {
                Err(self.refused(status, code.as_deref()))
            }
            (_, Some(Outcome::Failed(failure))) => Err(fault::of_no_answer(failure, Scheme::Hub)),
            _ => Err(fault::of_no_answer(Failure::Broken, Scheme::Hub)),
        }
    }

    /// The error for a refused listing. Source: `hf_raise_for_status` of the hub's own client.
    fn refused(&self, status: u16, code: Option<&str>) -> Error {
        match (status, code) {
            (404, Some("RevisionNotFound")) => {
                let reason = format!("the repository has no revision {:?}", self.revision);
                Error::new(ErrorKind::NotFound, reason)
            }
            (404, Some("EntryNotFound")) => {
                Error::new(ErrorKind::NotFound, "no such file or directory")
            }
            (404, _) => fault::told(StoreFault::Bucket, "", Scheme::Hub),
            _ => {
                let detail = format!("the server answered with status {status}");
                fault::told(fault::of_status(status), &detail, Scheme::Hub)
            }
        }
    }
}

/// Whether the same request may succeed a moment later.
fn may_pass(error: &Error) -> bool {
    let Some(Subject::Store(fault)) = error.subject() else {
        return false;
    };
    matches!(
        fault,
        StoreFault::Throttled | StoreFault::Server | StoreFault::Network | StoreFault::Timeout
    )
}

impl Item {
    fn object(&self) -> Object {
        let (oid, size) = match &self.lfs {
            Some(lfs) => (lfs.oid.as_str(), lfs.size),
            None => (self.oid.as_str(), self.size),
        };
        Object {
            size,
            version: Object::version_of(Some(oid)),
            modified_nsecs: None,
        }
    }
}

/// The URL of the next page in a header like `<https://...>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let mut links = link.split(',');
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    next.split_once('<')?.1.split_once('>').map(|(url, _)| url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_named_in_a_header() {
        let link = "<https://h/a?cursor=1>; rel=\"prev\", <https://h/a?cursor=2>; rel=\"next\"";
        assert_eq!(next_page(link), Some("https://h/a?cursor=2"));
        assert_eq!(next_page("<https://h/a>; rel=\"prev\""), None);
    }
}

//! The Hugging Face hub: its own listings; files come by `resolve` URLs, through the web client.
//!
//! Source: `GET /api/{models,datasets,spaces}/{repository}/tree/{revision}/{path}`, as the hub's own
//! clients ask. A file of git-lfs is answered with a redirect to a content network; the token does not
//! go there.

use std::env;
use std::fs;
use std::path::PathBuf;

use object_store::client::{HttpClient, HttpRequest};
use object_store::{ClientOptions, HeaderMap, HeaderValue};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault};
use orbscan_core::path::StorePath;
use serde::Deserialize;

use crate::fault::{self, Outcome};
use crate::options::Options;
use crate::tree::{Child, Object, Reach, Tree};
use crate::url::{Scheme, Url};

/// Where the hub is, unless somebody says otherwise.
const ENDPOINT: &str = "https://huggingface.co";

/// Pages of a listing: a repository has at most some hundred thousand files.
const MOST_PAGES: usize = 200;

/// What a token is given as.
const TOKEN_OPTIONS: [&str; 2] = ["token", "hf_token"];

/// What an endpoint is given as.
const ENDPOINT_OPTIONS: [&str; 2] = ["endpoint", "hf_endpoint"];

/// Asks for listings of one repository.
#[derive(Clone, Debug)]
pub struct Lister {
    client: HttpClient,
    endpoint: String,
    /// With what kind it is in front, if it holds no model.
    repository: String,
    revision: String,
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

/// Where the hub is.
pub fn endpoint(options: &Options) -> String {
    let given = options.get(&ENDPOINT_OPTIONS).map(str::to_owned);
    let said = given.or_else(|| env::var("HF_ENDPOINT").ok());
    let said = said.filter(|endpoint| !endpoint.is_empty());
    let endpoint = said.unwrap_or_else(|| ENDPOINT.to_owned());
    endpoint.trim_end_matches('/').to_owned()
}

/// A client whose requests show who asks, if anybody said so.
///
/// # Errors
/// `Unsupported` for an option that the hub does not have, or a token that no request can carry.
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

/// The token: what is given, what the environment says, what the hub's own client has written.
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

impl Lister {
    /// The lister of the repository of a URL.
    pub fn new(client: HttpClient, endpoint: String, url: &Url) -> Self {
        let (repository, revision) = url.hub();
        Self {
            client,
            endpoint,
            repository: repository.to_owned(),
            revision: revision.to_owned(),
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

    async fn page(&self, url: &str) -> Result<(Vec<Item>, Option<String>)> {
        let failed = |last: Option<Outcome>| match last {
            Some(Outcome::Status(404)) => Error::new(
                ErrorKind::NotFound,
                "no such repository, revision or directory",
            ),
            Some(Outcome::Status(status)) => {
                let detail = format!("the server answered with status {status}");
                fault::told(fault::of_status(status), &detail, Scheme::Hub)
            }
            _ => fault::told(StoreFault::Network, "the hub was not reached", Scheme::Hub),
        };
        let asked = async {
            let mut request = HttpRequest::new(Vec::<u8>::new().into());
            *request.uri_mut() = url.parse().ok()?;
            let response = self.client.execute(request).await.ok()?;
            if !response.status().is_success() {
                return None;
            }
            let link = response
                .headers()
                .get("link")
                .and_then(|link| link.to_str().ok());
            let link = link.and_then(next_page).map(str::to_owned);
            let body = response.into_body().bytes().await.ok()?;
            Some((body, link))
        };
        let (answer, last) = fault::watched(asked).await;
        let (body, link) = answer.ok_or_else(|| failed(last))?;
        let items = serde_json::from_slice(&body).map_err(|_| {
            let reason = "the listing of the hub is not what its documentation says";
            Error::new(ErrorKind::Store, reason)
        })?;
        // A page elsewhere would be sent the token.
        let link = link.filter(|link| link.starts_with(&self.endpoint));
        Ok((items, link))
    }
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

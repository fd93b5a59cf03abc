//! One client for each bucket of a process: it keeps connections and tokens.

use std::env;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{ClientConfigKey, HttpClient, HttpConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault};

use crate::fault;
use crate::gate::{Gate, Gated};
use crate::hub;
use crate::options::Options;
use crate::runtime::Runtime;
use crate::url::{Scheme, Url};

/// Where the clouds' emulators listen, in the words of Google's own tools.
const GOOGLE_EMULATOR: &str = "STORAGE_EMULATOR_HOST";

/// Names of the options that say which region a bucket lies in.
const REGION_OPTIONS: [&str; 4] = [
    "aws_region",
    "region",
    "aws_default_region",
    "default_region",
];

/// Likewise, in the environment.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Names of the options that say where S3 is.
const ENDPOINT_OPTIONS: [&str; 5] = [
    "aws_endpoint_url_s3",
    "aws_endpoint_url",
    "aws_endpoint",
    "endpoint_url",
    "endpoint",
];

/// Likewise, in the environment, the most particular first.
const ENDPOINT_VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// Asks one bucket, server or repository.
#[derive(Debug)]
pub struct Client {
    /// What asks for files, and for listings where the store has some.
    pub store: Arc<dyn ObjectStore>,
    /// What kind of store it is.
    pub scheme: Scheme,
    /// What all its requests go through.
    pub gate: Arc<Gate>,
    /// What asks for listings of the hub.
    pub hub: Option<hub::Lister>,
}

impl Client {
    /// What tells a client from those for other stores, options or environments: secrets and all.
    pub fn key_of(url: &Url, options: &Options) -> String {
        format!("{} {} {:?}", url.origin, options.key(), environment())
    }

    /// A client that asks a store which somebody else made.
    pub fn over(store: Arc<dyn ObjectStore>, scheme: Scheme, gate: Arc<Gate>) -> Self {
        Self {
            store,
            scheme,
            gate,
            hub: None,
        }
    }

    /// A client for the store of a URL.
    ///
    /// # Errors
    /// `Unsupported` for an option that the store does not have; `Store` if no client can be made.
    pub fn new(runtime: &Runtime, gate: Arc<Gate>, url: &Url, options: &Options) -> Result<Self> {
        let gated = || Gated(Arc::clone(&gate));
        let made = match url.scheme {
            Scheme::Gs => google(url, options, gated())?,
            Scheme::S3 => amazon(runtime, url, options, gated())?,
            Scheme::Az => azure(url, options, gated())?,
            Scheme::Http => web(&url.origin, client_options(options)?, options, gated())?,
            Scheme::Hub => {
                let own = client_options(&Options::default())?;
                let own = hub::signed(own, options)?;
                web(&hub::endpoint(options), own, options, gated())?
            }
        };
        let hub = match url.scheme {
            Scheme::Hub => {
                let own = hub::signed(client_options(&Options::default())?, options)?;
                // An endpoint without TLS is one that its user names.
                let client = connected(&gated(), &own.with_allow_http(true))?;
                Some(hub::Lister::new(client, hub::endpoint(options), url))
            }
            _ => None,
        };
        Ok(Self {
            store: made,
            scheme: url.scheme,
            gate,
            hub,
        })
    }
}

/// What the environment says that clients are made of: a program may change it between two reads.
fn environment() -> Vec<(String, String)> {
    let names = [
        "AWS_",
        "GOOGLE_",
        "AZURE_",
        "AZURITE_",
        "HF_",
        "ORBSCAN_",
        "SSL_CERT_",
    ];
    let is_one = |name: &str| names.iter().any(|begin| name.starts_with(begin));
    let is_one = |name: &str| is_one(name) || [GOOGLE_EMULATOR, "SERVICE_ACCOUNT"].contains(&name);
    let variables = env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        is_one(&name).then(|| (name, value.to_string_lossy().into_owned()))
    });
    let mut variables: Vec<(String, String)> = variables.collect();
    variables.sort_unstable();
    variables
}

/// How a client goes about, whatever it asks.
fn client_options(options: &Options) -> Result<ClientOptions> {
    let mut client = ClientOptions::new().with_timeout_disabled();
    for (key, value) in options.timeouts() {
        client = client.with_config(key, value);
    }
    for (name, value) in options.of_store() {
        let key: ClientConfigKey = name.parse().map_err(|_| unknown(name))?;
        client = client.with_config(key, value);
    }
    Ok(client)
}

fn connected(connector: &Gated, options: &ClientOptions) -> Result<HttpClient> {
    connector.connect(options).map_err(|error| unmade(&error))
}

fn google(url: &Url, options: &Options, gated: Gated) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_client_options(client_options(&options.only_timeouts())?)
        .with_retry(options.retry()?)
        .with_http_connector(gated)
        .with_bucket_name(&url.bucket);
    if let Some(emulator) = env::var(GOOGLE_EMULATOR)
        .ok()
        .filter(|host| !host.is_empty())
    {
        let base = if emulator.contains("://") {
            emulator
        } else {
            format!("http://{emulator}")
        };
        let http = GoogleConfigKey::Client(ClientConfigKey::AllowHttp);
        builder = builder
            .with_config(GoogleConfigKey::BaseUrl, base.trim_end_matches('/'))
            .with_config(GoogleConfigKey::SkipSignature, "true")
            .with_config(http, "true");
    }
    for (name, value) in options.of_store() {
        builder = builder.with_config(name.parse().map_err(|_| unknown(name))?, value);
    }
    Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
}

fn amazon(
    runtime: &Runtime,
    url: &Url,
    options: &Options,
    gated: Gated,
) -> Result<Arc<dyn ObjectStore>> {
    let client = client_options(&options.only_timeouts())?;
    let mut builder = AmazonS3Builder::from_env()
        .with_client_options(client.clone())
        .with_retry(options.retry()?)
        .with_http_connector(gated)
        .with_bucket_name(&url.bucket);
    let said = || {
        ENDPOINT_VARIABLES
            .iter()
            .find_map(|name| env::var(name).ok())
    };
    let endpoint = options
        .get(&ENDPOINT_OPTIONS)
        .map(str::to_owned)
        .or_else(said);
    if endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"))
    {
        // Whoever names such an endpoint means it.
        let http = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
        builder = builder.with_config(http, "true");
    }
    for (name, value) in options.of_store() {
        builder = builder.with_config(name.parse().map_err(|_| unknown(name))?, value);
    }
    let is_known = endpoint.is_some()
        || options.has(&REGION_OPTIONS)
        || REGION_VARIABLES
            .iter()
            .any(|name| env::var_os(name).is_some());
    if !is_known {
        let bucket = url.bucket.clone();
        // If it is not found, the usual one may do; if not, the first request says what is wrong.
        let found = runtime.wait(async move { resolve_bucket_region(&bucket, &client).await })?;
        if let Ok(region) = found {
            builder = builder.with_region(region);
        }
    }
    Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
}

fn azure(url: &Url, options: &Options, gated: Gated) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_client_options(client_options(&options.only_timeouts())?)
        .with_retry(options.retry()?)
        .with_http_connector(gated)
        .with_container_name(&url.bucket);
    if let Some(account) = &url.account {
        builder = builder.with_account(account);
    }
    for (name, value) in options.of_store() {
        builder = builder.with_config(name.parse().map_err(|_| unknown(name))?, value);
    }
    Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
}

fn web(
    origin: &str,
    client: ClientOptions,
    options: &Options,
    gated: Gated,
) -> Result<Arc<dyn ObjectStore>> {
    let builder = HttpBuilder::new()
        .with_url(origin)
        .with_client_options(client.with_allow_http(true))
        .with_retry(options.retry()?)
        .with_http_connector(gated);
    Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
}

fn unknown(name: &str) -> Error {
    let reason = format!("the store has no option {name:?}");
    Error::new(ErrorKind::Unsupported, reason)
}

/// The failure to make a client. Its text names options and files, never their content.
fn unmade(error: &object_store::Error) -> Error {
    let text = error.to_string();
    if fault::is_of_certificates(error) {
        let reason = "no certificates were found that servers could be checked with: install \
                      ca-certificates, or point SSL_CERT_FILE at a file of them";
        return Error::new(ErrorKind::Store, reason)
            .about(orbscan_core::error::Subject::Store(StoreFault::Network));
    }
    let reason = format!(
        "no client can be made for this store: {}",
        crate::url::redacted(&text)
    );
    Error::new(ErrorKind::Store, reason)
        .about(orbscan_core::error::Subject::Store(StoreFault::Credentials))
}

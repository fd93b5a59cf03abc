//! One client for each bucket in a process: it keeps connections and tokens.

use std::collections::HashMap;
use std::env;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{ClientConfigKey, HttpClient, HttpConnector};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::prefix::PrefixStore;
use object_store::{Certificate, ClientOptions, HeaderMap, ObjectStore};
use orbscan_core::error::{Error, ErrorKind, Result, StoreFault};

use crate::choice::Choice;
use crate::gate::{Gate, Gated};
use crate::login::{Signer, Standing};
use crate::options::{DEFAULT_HEADERS, Options, ROOT_CERTIFICATE};
use crate::runtime::Runtime;
use crate::url::{Scheme, Url};
use crate::warmth::Warmth;
use crate::{fault, hub, login};

/// The environment variable of Google's own tools for the address of an emulator.
const GOOGLE_EMULATOR: &str = "STORAGE_EMULATOR_HOST";

/// Names of the options for the region of a bucket.
const REGION_OPTIONS: [&str; 4] = [
    "aws_region",
    "region",
    "aws_default_region",
    "default_region",
];

/// The same in the environment.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Names of the options for the address of S3.
const ENDPOINT_OPTIONS: [&str; 5] = [
    "aws_endpoint_url_s3",
    "aws_endpoint_url",
    "aws_endpoint",
    "endpoint_url",
    "endpoint",
];

/// The same in the environment, the most specific first.
const ENDPOINT_VARIABLES: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];

/// The client of one bucket, server or repository.
#[derive(Debug)]
pub struct Client {
    /// Requests files, and listings if the store has them.
    pub store: Arc<dyn ObjectStore>,
    /// What kind of store it is.
    pub scheme: Scheme,
    /// The gate for all its requests.
    pub gate: Arc<Gate>,
    /// Requests listings of the hub.
    pub hub: Option<hub::Lister>,
    /// What the store makes of its login.
    pub standing: Arc<Standing>,
    /// How many connections are open; `None` if one is enough for all requests, or none needs to be
    /// opened early.
    pub warmth: Option<Warmth>,
}

impl Client {
    /// A key that distinguishes a client from those of the same origin with other options, logins
    /// or environments, including secrets. A client holds its login, so that its id is not reused.
    pub fn key_of(choice: &Choice) -> String {
        let (options, prefix) = (choice.options.key(), &choice.prefix);
        let login = choice.login.as_ref().map(|login| login.id());
        format!("{options} {prefix:?} {login:?} {:?}", environment())
    }

    /// A client for the store of a URL.
    ///
    /// # Errors
    /// `Unsupported` for an option that the store does not have; `Store` if no client can be
    /// created.
    pub fn new(runtime: &Runtime, gate: Arc<Gate>, url: &Url, choice: &Choice) -> Result<Self> {
        // If this is not the first client, the process already has a provider.
        drop(rustls::crypto::ring::default_provider().install_default());
        let options = &choice.options;
        let gated = || Gated(Arc::clone(&gate));
        let standing = Arc::<Standing>::default();
        let signer = choice.login.as_ref();
        let signer = signer.map(|login| Signer::new(login, &standing));
        let made = match url.scheme {
            Scheme::Gs => google(url, choice, signer, gated())?,
            Scheme::S3 => amazon(runtime, url, choice, signer, gated())?,
            Scheme::Az => azure(url, choice, signer, gated())?,
            Scheme::Http => web(&url.origin, client_options(options)?, options, gated())?,
            Scheme::Hub => {
                let own = client_options(&Options::default())?;
                let own = hub::signed(own, options)?;
                let revised = hub::Revised::new(gated(), url);
                web(&hub::endpoint(options), own, options, revised)?
            }
        };
        let hub = match url.scheme {
            Scheme::Hub => {
                let own = hub::signed(client_options(&Options::default())?, options)?;
                // An endpoint without TLS is a choice of the user.
                let client = connected(&gated(), &own.with_allow_http(true))?;
                let (endpoint, retry) = (hub::endpoint(options), options.retry()?);
                Some(hub::Lister::new(client, endpoint, url, retry))
            }
            _ => None,
        };
        Ok(Self {
            store: match &choice.prefix {
                Some(prefix) => Arc::new(PrefixStore::new(made, prefix.as_str())),
                None => made,
            },
            scheme: url.scheme,
            gate,
            hub,
            standing,
            warmth: (url.scheme != Scheme::Http && !options.shares_connections())
                .then(Warmth::default),
        })
    }
}

/// The environment variables that clients use: a program may change them between two reads.
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

/// The options of a client, whatever it requests.
fn client_options(options: &Options) -> Result<ClientOptions> {
    let mut client = ClientOptions::new().with_timeout_disabled();
    for (key, value) in options.timeouts() {
        client = client.with_config(key, value);
    }
    if let Some(text) = options.get(&[ROOT_CERTIFICATE]) {
        let trusted = Certificate::from_pem_bundle(text.as_bytes());
        for certificate in trusted.map_err(|error| unmade(&error))? {
            client = client.with_root_certificate(certificate);
        }
    }
    if let Some(text) = options.get(&[DEFAULT_HEADERS]) {
        client = client.with_default_headers(headers(text)?);
    }
    for (name, value) in options.of_store() {
        let key: ClientConfigKey = name.parse().map_err(|_| unknown(name))?;
        client = client.with_config(key, value);
    }
    Ok(client)
}

/// Headers, one per line, as in a request.
fn headers(text: &str) -> Result<HeaderMap> {
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let pairs: Option<HashMap<String, String>> = text.lines().map(pair).collect();
    let headers = pairs.and_then(|pairs| HeaderMap::try_from(&pairs).ok());
    headers.ok_or_else(|| {
        // It is not shown, because it may be a secret.
        let reason = format!("a line of the store option {DEFAULT_HEADERS} is not \"NAME: VALUE\"");
        Error::new(ErrorKind::Unsupported, reason)
    })
}

fn connected(connector: &Gated, options: &ClientOptions) -> Result<HttpClient> {
    connector.connect(options).map_err(|error| unmade(&error))
}

/// Creates the client of a cloud: from the environment, from what is `$own` to this cloud, and from
/// the options, which take precedence. The three builders have the same methods, but no common
/// trait.
macro_rules! cloud {
    ($builder:ty, $choice:ident, $gated:ident, |$named:ident| $own:expr) => {{
        let options = &$choice.options;
        let $named = <$builder>::from_env()
            .with_client_options(client_options(&options.of_client())?)
            .with_retry(options.retry()?)
            .with_http_connector($gated);
        let mut builder = $own;
        for (name, value) in options.of_store() {
            builder = builder.with_config(name.parse().map_err(|_| unknown(name))?, value);
        }
        Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
    }};
}

fn google(
    url: &Url,
    choice: &Choice,
    signer: Option<Signer>,
    gated: Gated,
) -> Result<Arc<dyn ObjectStore>> {
    cloud!(GoogleCloudStorageBuilder, choice, gated, |builder| {
        let mut builder = builder.with_bucket_name(&url.bucket);
        let emulator = env::var(GOOGLE_EMULATOR).ok();
        if let Some(host) = emulator.filter(|host| !host.is_empty()) {
            let base = if host.contains("://") {
                host
            } else {
                format!("http://{host}")
            };
            let http = GoogleConfigKey::Client(ClientConfigKey::AllowHttp);
            builder = builder
                .with_config(GoogleConfigKey::BaseUrl, base.trim_end_matches('/'))
                .with_config(GoogleConfigKey::SkipSignature, "true")
                .with_config(http, "true");
        }
        match signer {
            Some(signer) => builder.with_credentials(login::google(signer)),
            None => builder,
        }
    })
}

fn amazon(
    runtime: &Runtime,
    url: &Url,
    choice: &Choice,
    signer: Option<Signer>,
    gated: Gated,
) -> Result<Arc<dyn ObjectStore>> {
    let said = |name: &&str| env::var(name).ok();
    let endpoint = choice.options.get(&ENDPOINT_OPTIONS).map(str::to_owned);
    let endpoint = endpoint.or_else(|| ENDPOINT_VARIABLES.iter().find_map(said));
    let region = match &endpoint {
        Some(_) => None,
        None => found_region(runtime, url, &choice.options)?,
    };
    cloud!(AmazonS3Builder, choice, gated, |builder| {
        let mut builder = builder.with_bucket_name(&url.bucket);
        if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
            // An endpoint without TLS is a choice of the user.
            let http = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
            builder = builder.with_config(http, "true");
        }
        if let Some(region) = region {
            builder = builder.with_region(region);
        }
        match signer {
            Some(signer) => builder.with_credentials(login::amazon(signer)),
            None => builder,
        }
    })
}

/// The region of a bucket at Amazon, requested if it is not set.
fn found_region(runtime: &Runtime, url: &Url, options: &Options) -> Result<Option<String>> {
    let is_said = |name: &&str| env::var_os(name).is_some();
    if options.has(&REGION_OPTIONS) || REGION_VARIABLES.iter().any(is_said) {
        return Ok(None);
    }
    let client = client_options(&options.of_client())?;
    let bucket = url.bucket.clone();
    let found = runtime.wait(async move { resolve_bucket_region(&bucket, &client).await })?;
    // If it is not found, the default may do; otherwise the first request gives the error.
    Ok(found.ok())
}

fn azure(
    url: &Url,
    choice: &Choice,
    signer: Option<Signer>,
    gated: Gated,
) -> Result<Arc<dyn ObjectStore>> {
    cloud!(MicrosoftAzureBuilder, choice, gated, |builder| {
        let mut builder = builder.with_container_name(&url.bucket);
        if let Some(account) = &url.account {
            builder = builder.with_account(account);
        }
        match signer {
            Some(signer) => builder.with_credentials(login::azure(signer)),
            None => builder,
        }
    })
}

fn web(
    origin: &str,
    client: ClientOptions,
    options: &Options,
    connector: impl HttpConnector,
) -> Result<Arc<dyn ObjectStore>> {
    let builder = HttpBuilder::new()
        .with_url(origin)
        .with_client_options(client.with_allow_http(true))
        .with_retry(options.retry()?)
        .with_http_connector(connector);
    Ok(Arc::new(builder.build().map_err(|error| unmade(&error))?))
}

fn unknown(name: &str) -> Error {
    let reason = format!("the store has no option {name:?}");
    Error::new(ErrorKind::Unsupported, reason)
}

/// The error for a client that cannot be created. Its text names options and files, never their
/// content.
fn unmade(error: &object_store::Error) -> Error {
    let text = error.to_string();
    if fault::is_of_certificates(error) {
        let reason = "no certificates were found that servers could be checked with: install \
                      ca-certificates, or point SSL_CERT_FILE at a file of them";
        return Error::new(ErrorKind::Store, reason)
            .about(orbscan_core::error::Subject::Store(StoreFault::Network));
    }
    if let Some(why) = text.strip_prefix("Generic Config error: ") {
        let reason = format!(
            "a store option has no valid value: {}",
            crate::url::redacted(why)
        );
        return Error::new(ErrorKind::Unsupported, reason);
    }
    let reason = format!(
        "no client can be made for this store: {}",
        crate::url::redacted(&text)
    );
    Error::new(ErrorKind::Store, reason)
        .about(orbscan_core::error::Subject::Store(StoreFault::Credentials))
}

//! The errors of clients, as a sentence that says what to do.
//!
//! The clients' own texts contain whole URLs and the bodies of answers, and therefore possible
//! secrets: none of them is shown.

use std::cell::RefCell;
use std::error::Error as Fault;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use object_store::client::{HttpError, HttpErrorKind};
use orbscan_core::error::{Error, ErrorKind, StoreFault, Subject};

use crate::login::Failed;
use crate::url::Scheme;

tokio::task_local! {
    /// The outcome of the last request of a task.
    static LAST: RefCell<Option<Outcome>>;
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Status(u16),
    /// No answer.
    Failed(Failure),
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name of the host cannot be resolved.
    Name,
    /// No server listens there.
    Connect,
    /// The certificate of the server is not trusted.
    Certificate,
    /// The server does not speak TLS.
    Plain,
    /// No answer came in time.
    Timeout,
    /// The connection broke.
    Broken,
}

impl Outcome {
    /// The failure of a request that got no answer.
    pub fn failed(error: &HttpError) -> Self {
        let texts = causes(error);
        let says = |words: &[&str]| words.iter().any(|word| texts.contains(word));
        Self::Failed(if says(&["corrupt message"]) {
            Failure::Plain
        } else if is_of_certificates(error) {
            Failure::Certificate
        } else if says(&[
            "dns error",
            "failed to lookup",
            "name or service",
            "name resolution",
        ]) {
            Failure::Name
        } else {
            match error.kind() {
                HttpErrorKind::Connect => Failure::Connect,
                HttpErrorKind::Timeout => Failure::Timeout,
                _ => Failure::Broken,
            }
        })
    }

    /// Whether another attempt may end otherwise.
    const fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => *status >= 500 || matches!(status, 408 | 429),
            Self::Failed(_) => true,
        }
    }
}

/// Whether an error is about certificates, according to its causes.
pub fn is_of_certificates(error: &dyn Fault) -> bool {
    let texts = causes(error);
    ["certificate", "unknownissuer", "tls"]
        .iter()
        .any(|word| texts.contains(word))
}

/// The texts of the causes of an error, in lower case.
fn causes(error: &dyn Fault) -> String {
    let mut texts = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push_str(&error.to_string().to_ascii_lowercase());
        texts.push('\n');
        cause = error.source();
    }
    texts
}

/// Notes the outcome of a request of the task.
pub fn note(outcome: Outcome) {
    // If a client requests a token on its own, the outcome is not needed.
    drop(LAST.try_with(|last| last.replace(Some(outcome))));
}

/// Makes a request, and returns the outcome of the last attempt.
pub async fn watched<T>(request: impl Future<Output = T>) -> (T, Option<Outcome>) {
    let noted = async {
        let done = request.await;
        (done, LAST.try_with(RefCell::take).ok().flatten())
    };
    LAST.scope(RefCell::new(None), noted).await
}

/// Makes a request that is given up instead of being tried again.
pub async fn once<T>(request: impl Future<Output = T>) -> Option<T> {
    let mut request = pin!(request);
    let attempt = poll_fn(|context| match request.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        // The client waits before its next attempt.
        Poll::Pending
            if LAST.with(|last| last.borrow().as_ref().is_some_and(Outcome::may_pass)) =>
        {
            Poll::Ready(None)
        }
        Poll::Pending => Poll::Pending,
    });
    LAST.scope(RefCell::new(None), attempt).await
}

/// The error for a failure of a client; the caller adds the file.
pub fn meaning(error: &object_store::Error, last: Option<&Outcome>, scheme: Scheme) -> Error {
    use object_store::Error as Theirs;
    if let Theirs::NotFound { .. } = error {
        return Error::new(ErrorKind::NotFound, "no such file or directory");
    }
    if let Theirs::InvalidPath { .. } = error {
        let reason =
            "the store holds a key with an empty part, \".\" or \"..\" there, and cannot list it";
        return Error::new(ErrorKind::Unsupported, reason);
    }
    if matches!(error, Theirs::UnknownConfigurationKey { .. }) {
        return Error::new(ErrorKind::Unsupported, error.to_string());
    }
    if let Some(detail) = rejected(error) {
        return told(StoreFault::Credentials, detail, scheme);
    }
    if let Some(failed) = cause::<Failed>(error) {
        return told(StoreFault::Credentials, &failed.to_string(), scheme);
    }
    let fault = match (error, last) {
        (_, Some(Outcome::Status(status))) => of_status(*status),
        (Theirs::PermissionDenied { .. } | Theirs::Unauthenticated { .. }, _) => {
            StoreFault::Forbidden
        }
        // No request was made at all: the client found no credentials with which to sign it.
        _ => StoreFault::Credentials,
    };
    let detail = match last {
        Some(Outcome::Failed(failure)) => return of_no_answer(*failure, scheme),
        Some(Outcome::Status(status)) => format!("the server answered with status {status}"),
        None => String::new(),
    };
    told(fault, &detail, scheme)
}

/// Whether a store has answered that it does not take what a request was signed with. To the question
/// whether a file is there, its answer has a status only: S3 answers 400 if the credentials have expired.
pub fn is_of_signature(error: &object_store::Error, last: Option<&Outcome>) -> bool {
    matches!(last, Some(Outcome::Status(400 | 401))) || rejected(error).is_some()
}

/// The cause of an error that is of a type.
fn cause<T: Fault + 'static>(error: &dyn Fault) -> Option<&T> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// What the store says of credentials that it does not take, in words that hold no secret; `None` if it
/// says nothing of them. Its status does not tell: to credentials that have expired S3 answers 400, and
/// to others 403, as if they were good and lacked a right.
/// Source: the lists of error codes of S3, "Error responses", and of Azure, "Blob service error codes".
fn rejected(error: &object_store::Error) -> Option<&'static str> {
    let texts = causes(error);
    let says = |codes: &[&str]| codes.iter().any(|code| texts.contains(code));
    if says(&["<code>expiredtoken", "<code>tokenrefreshrequired"]) {
        return Some("the credentials have expired");
    }
    let refused = [
        "<code>invalidaccesskeyid",
        "<code>invalidtoken",
        "<code>signaturedoesnotmatch",
        "<code>authenticationfailed",
        "<code>invalidauthenticationinfo",
    ];
    says(&refused).then_some("the store does not know the credentials")
}

/// The error of a request that got no answer.
pub fn of_no_answer(failure: Failure, scheme: Scheme) -> Error {
    let fault = of_failure(failure);
    let advice = match failure {
        Failure::Certificate => {
            "set SSL_CERT_FILE to a file with the certificate of the authority that issued it, and look \
             at the name in the URL and at the clock"
        }
        Failure::Plain => "correct the port, or write http:// if that is what it speaks",
        _ => advice(fault, scheme),
    };
    advised(fault, failure_words(failure), advice)
}

/// The error of a fault of the store.
pub fn told(fault: StoreFault, detail: &str, scheme: Scheme) -> Error {
    advised(fault, detail, advice(fault, scheme))
}

fn advised(fault: StoreFault, detail: &str, advice: &str) -> Error {
    let reason = if detail.is_empty() {
        advice.to_owned()
    } else {
        format!("{detail}: {advice}")
    };
    Error::new(ErrorKind::Store, reason).about(Subject::Store(fault))
}

const fn of_failure(failure: Failure) -> StoreFault {
    match failure {
        Failure::Timeout => StoreFault::Timeout,
        Failure::Name
        | Failure::Connect
        | Failure::Certificate
        | Failure::Plain
        | Failure::Broken => StoreFault::Network,
    }
}

const fn failure_words(failure: Failure) -> &'static str {
    match failure {
        Failure::Name => "the name of the server was not found",
        Failure::Connect => "nothing answers at the address of the store",
        Failure::Certificate => "the certificate of the server is not trusted",
        Failure::Plain => "the server does not speak TLS",
        Failure::Timeout => "the store did not answer in time",
        Failure::Broken => "the connection broke",
    }
}

/// The fault for a status.
pub const fn of_status(status: u16) -> StoreFault {
    match status {
        401 => StoreFault::Credentials,
        403 => StoreFault::Forbidden,
        408 | 504 => StoreFault::Timeout,
        412 => StoreFault::Changed,
        429 | 503 => StoreFault::Throttled,
        _ => StoreFault::Server,
    }
}

/// What to do about it.
const fn advice(fault: StoreFault, scheme: Scheme) -> &'static str {
    match (fault, scheme) {
        (StoreFault::Bucket, Scheme::Hub) => {
            "the repository does not exist, or it is private: set HF_TOKEN to a token that may read it"
        }
        (StoreFault::Bucket, _) => "the bucket does not exist",
        (StoreFault::Credentials, Scheme::Gs) => {
            "no valid credentials: log in with `gcloud auth application-default login`, set \
             GOOGLE_APPLICATION_CREDENTIALS, or pass the store option skip_signature=true for a public \
             bucket"
        }
        (StoreFault::Credentials, Scheme::S3) => {
            "no valid credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, install boto3 for \
             profiles and SSO, or pass the store option skip_signature=true for a public bucket"
        }
        (StoreFault::Credentials, Scheme::Az) => {
            "no valid credentials: set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, log in \
             with `az login` and pass the store option use_azure_cli=true, or pass skip_signature=true \
             for a public container"
        }
        (StoreFault::Credentials, Scheme::Hub) => {
            "the repository does not exist, or it is private and there is no valid token: set HF_TOKEN, \
             or log in with `hf auth login`"
        }
        (StoreFault::Credentials, Scheme::Http) => "the server wants credentials",
        (StoreFault::Forbidden, Scheme::Hub) => {
            "the repository is gated or private: ask for access on its page, and set HF_TOKEN to a \
             token that may read it"
        }
        (StoreFault::Forbidden, Scheme::Http) => "the server does not let anybody read this",
        (StoreFault::Forbidden, _) => {
            "these credentials may not read this: ask for a role that may list and get objects, or pass \
             the store option skip_signature=true for a public bucket"
        }
        (StoreFault::Throttled, _) => {
            "too many requests: lower the store option max_concurrency or max_requests_per_second"
        }
        (StoreFault::Network, _) => "look at the network, the endpoint and the proxy settings",
        (StoreFault::Timeout, _) => "try again, or raise the store option read_timeout",
        (StoreFault::Changed, _) => {
            "it changed while it was read; read it again when it is at rest"
        }
        (StoreFault::Server, _) => "the store failed; try again",
    }
}

//! Logins that a user's own code or another library gives, asked again when they expire, or when a store
//! no longer takes what they gave.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use object_store::azure::{AzureAccessKey, AzureCredential};
use object_store::gcp::GcpCredential;
use tokio::sync::Mutex;

/// The remaining validity at which new credentials are requested, so that current requests keep
/// theirs.
const EARLY: Duration = Duration::from_secs(300);

/// The result of a login: secrets, by their names in obstore.
#[derive(Clone, Default)]
pub struct Grant {
    /// Names and secrets; those of a shared access signature are the parts of its query.
    pub secrets: Vec<(String, String)>,
    /// When it expires; `None` means never.
    pub until: Option<SystemTime>,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grant")
    }
}

impl Grant {
    fn secret(&self, name: &str) -> Option<String> {
        let mut found = self.secrets.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, secret)| secret.clone())
    }

    fn is_good(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now + EARLY < until)
    }
}

/// The user's own code, which may take some time.
pub trait Login: fmt::Debug + Send + Sync {
    /// Returns the secrets with which requests are signed from now on.
    ///
    /// # Errors
    /// A reason without secrets.
    fn ask(&self) -> Result<Grant, String>;

    /// A number that no other login has as long as this one exists.
    fn id(&self) -> usize;
}

/// What a store has made of the grants of a login, which are numbered from 1. Without a login there are
/// none.
#[derive(Debug, Default)]
pub struct Standing {
    given: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Standing {
    /// The number of the last grant; 0 if there is none that the next request can be signed with.
    pub fn given(&self) -> u64 {
        let last = self.last();
        if self.is_refused(last) { 0 } else { last }
    }

    fn last(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// Notes that the store has taken a grant, where `given` was the last when the request was made.
    pub fn takes(&self, given: u64) {
        self.taken
            .fetch_max(self.of_request(given), Ordering::Relaxed);
    }

    /// Notes that the store has not taken a grant, which then is not used again. Tells whether the
    /// request may be made once more: with a newer grant, or because this one was good before. Asking
    /// again does not help where none ever was.
    pub fn refuses(&self, given: u64) -> bool {
        let is_newer = given > 0 && self.last() > given;
        let number = self.of_request(given);
        self.refused.fetch_max(number, Ordering::Relaxed);
        let was_taken = number > 0 && self.taken.load(Ordering::Relaxed) >= number;
        is_newer || was_taken
    }

    /// The grant of a request before which `given` was the last: the first request asks for one itself.
    fn of_request(&self, given: u64) -> u64 {
        if given == 0 { self.last() } else { given }
    }

    fn is_refused(&self, number: u64) -> bool {
        self.refused.load(Ordering::Relaxed) >= number
    }
}

/// A login, and what its store makes of it.
#[derive(Clone, Debug)]
pub struct Signer {
    login: Arc<dyn Login>,
    standing: Arc<Standing>,
}

impl Signer {
    /// One for the client that notes what the store says.
    pub fn new(login: &Arc<dyn Login>, standing: &Arc<Standing>) -> Self {
        Self {
            login: Arc::clone(login),
            standing: Arc::clone(standing),
        }
    }
}

/// Asks a login for what one cloud wants.
#[derive(Debug)]
pub struct Provider<C> {
    signer: Signer,
    made: fn(&Grant) -> Option<C>,
    // Held while the login is asked: whoever comes meanwhile waits for the same answer.
    last: Mutex<Option<Given<C>>>,
}

/// A grant with its number.
#[derive(Debug)]
struct Given<C> {
    number: u64,
    grant: Grant,
    credential: Arc<C>,
}

impl<C> Provider<C> {
    fn new(signer: Signer, made: fn(&Grant) -> Option<C>) -> Arc<Self> {
        Arc::new(Self {
            signer,
            made,
            last: Mutex::default(),
        })
    }
}

#[async_trait]
impl<C: fmt::Debug + Send + Sync + 'static> CredentialProvider for Provider<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let mut last = self.last.lock().await;
        let standing = &self.signer.standing;
        if let Some(given) = &*last
            && given.grant.is_good(SystemTime::now())
            && !standing.is_refused(given.number)
        {
            return Ok(Arc::clone(&given.credential));
        }
        let login = Arc::clone(&self.signer.login);
        // Not in a thread that waits for answers: others would wait for it.
        let asked = tokio::task::spawn_blocking(move || login.ask()).await;
        let grant = asked.map_err(|error| failed(error.to_string()))?;
        let grant = grant.map_err(failed)?;
        let credential = (self.made)(&grant);
        let no_secrets = || failed("the login gives no secrets for this store".to_owned());
        let credential = Arc::new(credential.ok_or_else(no_secrets)?);
        let number = standing.given.fetch_add(1, Ordering::Relaxed) + 1;
        *last = Some(Given {
            number,
            grant,
            credential: Arc::clone(&credential),
        });
        Ok(credential)
    }
}

/// Why a login gave nothing, in words that hold no secret.
#[derive(Debug)]
pub struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

fn failed(reason: String) -> object_store::Error {
    object_store::Error::Generic {
        store: "login",
        source: Box::new(Failed(reason)),
    }
}

/// Signs requests to S3.
pub fn amazon(signer: Signer) -> Arc<Provider<AwsCredential>> {
    Provider::new(signer, |grant| {
        Some(AwsCredential {
            key_id: grant.secret("access_key_id")?,
            secret_key: grant.secret("secret_access_key")?,
            token: grant.secret("token"),
        })
    })
}

/// Signs requests to Google's storage.
pub fn google(signer: Signer) -> Arc<Provider<GcpCredential>> {
    Provider::new(signer, |grant| {
        Some(GcpCredential {
            bearer: grant.secret("token")?,
        })
    })
}

/// Signs requests to Azure's storage.
pub fn azure(signer: Signer) -> Arc<Provider<AzureCredential>> {
    Provider::new(signer, |grant| {
        if let Some(key) = grant.secret("access_key") {
            let key = AzureAccessKey::try_new(&key).ok()?;
            return Some(AzureCredential::AccessKey(key));
        }
        // Every shared access signature has this part.
        if grant.secret("sig").is_some() {
            return Some(AzureCredential::SASToken(grant.secrets.clone()));
        }
        grant.secret("token").map(AzureCredential::BearerToken)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::runtime::Runtime;

    /// Counts its calls; its grants are valid until that time.
    #[derive(Debug)]
    struct Counted(AtomicUsize, Option<SystemTime>);

    impl Login for Counted {
        fn ask(&self) -> Result<Grant, String> {
            let number = self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Grant {
                secrets: vec![("token".to_owned(), number.to_string())],
                until: self.1,
            })
        }

        fn id(&self) -> usize {
            std::ptr::from_ref(self).addr()
        }
    }

    fn signer(until: Option<SystemTime>) -> Signer {
        let login: Arc<dyn Login> = Arc::new(Counted(AtomicUsize::new(0), until));
        Signer::new(&login, &Arc::default())
    }

    fn bearer(runtime: &Runtime, provider: &Arc<Provider<GcpCredential>>) -> String {
        let provider = Arc::clone(provider);
        let asked = runtime.wait(async move { provider.get_credential().await });
        asked.unwrap().unwrap().bearer.clone()
    }

    #[test]
    fn a_login_is_asked_again_once_its_grant_is_about_to_expire() {
        let runtime = Runtime::new().unwrap();
        let bearers = |until| {
            let provider = google(signer(until));
            [0, 1].map(|_| bearer(&runtime, &provider))
        };
        assert_eq!(bearers(None), ["0", "0"]);
        assert_eq!(bearers(Some(SystemTime::UNIX_EPOCH)), ["0", "1"]);
    }

    #[test]
    fn a_login_is_asked_again_for_what_the_store_no_longer_takes() {
        let runtime = Runtime::new().unwrap();
        let signer = signer(None);
        let standing = Arc::clone(&signer.standing);
        let provider = google(signer);
        assert_eq!(bearer(&runtime, &provider), "0");
        // The first request was made before there was a grant.
        standing.takes(0);
        assert!(standing.refuses(1));
        assert_eq!(bearer(&runtime, &provider), "1");
        // Another request with the first one was under way meanwhile.
        assert!(standing.refuses(1));
        assert_eq!(bearer(&runtime, &provider), "1");
        // The second was never taken.
        assert!(!standing.refuses(2));
        assert_eq!(standing.given(), 0);
        assert_eq!(bearer(&runtime, &provider), "2");
        // Nor was the third, which the request had asked for that it was refused to.
        assert!(!standing.refuses(0));
    }

    #[test]
    fn without_a_login_nothing_is_asked_again() {
        let standing = Standing::default();
        standing.takes(standing.given());
        assert!(!standing.refuses(standing.given()));
    }

    #[test]
    fn a_grant_is_renewed_before_it_expires() {
        let until = SystemTime::UNIX_EPOCH + EARLY * 2;
        let grant = Grant {
            until: Some(until),
            ..Grant::default()
        };
        let moments = [EARLY / 2, EARLY, EARLY * 2];
        let good = moments.map(|since| grant.is_good(SystemTime::UNIX_EPOCH + since));
        assert_eq!(good, [true, false, false]);
    }

    #[test]
    fn azure_has_three_kinds_of_secrets() {
        let made = |secrets: &[(&str, &str)]| {
            let secrets = secrets.iter();
            let secrets = secrets.map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned()));
            let grant = Grant {
                secrets: secrets.collect(),
                until: None,
            };
            (azure(signer(None)).made)(&grant)
        };
        let key = made(&[("access_key", "c2VjcmV0")]);
        assert!(matches!(key, Some(AzureCredential::AccessKey(_))));
        let signature = made(&[("sv", "1"), ("sig", "x")]);
        assert!(matches!(signature, Some(AzureCredential::SASToken(parts)) if parts.len() == 2));
        let bearer = made(&[("token", "x")]);
        assert!(matches!(bearer, Some(AzureCredential::BearerToken(_))));
        assert!(made(&[]).is_none());
    }
}

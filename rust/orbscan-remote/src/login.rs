//! Credentials from the user's own code, requested again when they expire.

use std::fmt;
use std::sync::Arc;
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

/// Requests credentials for one cloud from a login.
#[derive(Debug)]
pub struct Provider<C> {
    login: Arc<dyn Login>,
    made: fn(&Grant) -> Option<C>,
    // Held while the login is called: other callers wait for the same answer.
    last: Mutex<Option<(Grant, Arc<C>)>>,
}

impl<C> Provider<C> {
    fn new(login: &Arc<dyn Login>, made: fn(&Grant) -> Option<C>) -> Arc<Self> {
        Arc::new(Self {
            login: Arc::clone(login),
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
        if let Some((grant, credential)) = &*last
            && grant.is_good(SystemTime::now())
        {
            return Ok(Arc::clone(credential));
        }
        let login = Arc::clone(&self.login);
        // Not in a thread that waits for answers, which would block others.
        let asked = tokio::task::spawn_blocking(move || login.ask()).await;
        let grant = asked.map_err(|error| failed(error.to_string()))?;
        let grant = grant.map_err(failed)?;
        let credential = (self.made)(&grant);
        let credential = credential.ok_or_else(|| failed("it gives no such secrets".to_owned()))?;
        let credential = Arc::new(credential);
        *last = Some((grant, Arc::clone(&credential)));
        Ok(credential)
    }
}

fn failed(reason: String) -> object_store::Error {
    object_store::Error::Generic {
        store: "login",
        source: reason.into(),
    }
}

/// Signs requests to S3.
pub fn amazon(login: &Arc<dyn Login>) -> Arc<Provider<AwsCredential>> {
    Provider::new(login, |grant| {
        Some(AwsCredential {
            key_id: grant.secret("access_key_id")?,
            secret_key: grant.secret("secret_access_key")?,
            token: grant.secret("token"),
        })
    })
}

/// Signs requests to Google's storage.
pub fn google(login: &Arc<dyn Login>) -> Arc<Provider<GcpCredential>> {
    Provider::new(login, |grant| {
        Some(GcpCredential {
            bearer: grant.secret("token")?,
        })
    })
}

/// Signs requests to Azure's storage.
pub fn azure(login: &Arc<dyn Login>) -> Arc<Provider<AzureCredential>> {
    Provider::new(login, |grant| {
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

    fn bearers(until: Option<SystemTime>) -> Vec<String> {
        let login: Arc<dyn Login> = Arc::new(Counted(AtomicUsize::new(0), until));
        let provider = google(&login);
        let runtime = Runtime::new().unwrap();
        let ask = || {
            let provider = Arc::clone(&provider);
            let asked = runtime.wait(async move { provider.get_credential().await });
            asked.unwrap().unwrap().bearer.clone()
        };
        vec![ask(), ask()]
    }

    #[test]
    fn a_login_is_asked_again_once_its_grant_is_about_to_expire() {
        assert_eq!(bearers(None), ["0", "0"]);
        assert_eq!(bearers(Some(SystemTime::UNIX_EPOCH)), ["0", "1"]);
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
            let login: Arc<dyn Login> = Arc::new(Counted(AtomicUsize::new(0), None));
            (azure(&login).made)(&grant)
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

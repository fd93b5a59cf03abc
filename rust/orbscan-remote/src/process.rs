//! The threads and clients of a process.
//!
//! A forked process does not have the threads of its parent, and must not use its sockets:
//! everything here belongs to the process that made it, and another process makes its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use orbscan_core::error::Result;

use crate::choice::Choice;
use crate::client::Client;
use crate::gate::Gate;
use crate::options::Limits;
use crate::runtime::Runtime;
use crate::url::Url;

/// Generations of forks that keep a runtime of their own; a later one makes one for each call.
const GENERATIONS: usize = 16;

/// Clients of one bucket, server or repository that are kept. Each login that a user renews makes
/// another key, and a program that alternates between a few of them should not connect again each
/// time.
const CLIENTS: usize = 4;

/// The threads and clients with which a process makes requests.
#[derive(Debug)]
pub struct Process {
    /// The threads that wait.
    pub runtime: Runtime,
    clients: Mutex<HashMap<String, Clients>>,
    gates: Mutex<HashMap<Limits, Arc<Gate>>>,
}

/// The clients of one origin by their keys, the most recently used first.
type Clients = VecDeque<(String, Arc<Client>)>;

/// One for each process that came from the first by forks. Slots are never emptied: the threads of
/// the runtime of another process cannot be ended here.
static PROCESSES: [OnceLock<(u32, Arc<Process>)>; GENERATIONS] =
    [const { OnceLock::new() }; GENERATIONS];

impl Process {
    /// The instance of the calling process.
    ///
    /// # Errors
    /// `Store` if the system refuses to start threads.
    pub fn own() -> Result<Arc<Self>> {
        let id = std::process::id();
        for slot in &PROCESSES {
            if slot.get().is_none() {
                // If another thread was faster, this one is not needed.
                drop(slot.set((id, Arc::new(Self::new()?))));
            }
            if let Some((owner, process)) = slot.get()
                && *owner == id
            {
                return Ok(Arc::clone(process));
            }
        }
        Self::new().map(Arc::new)
    }

    fn new() -> Result<Self> {
        Ok(Self {
            runtime: Runtime::new()?,
            clients: Mutex::default(),
            gates: Mutex::default(),
        })
    }

    /// The client for the store of a URL, which is created at most once for the same options and
    /// login.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn client(&self, url: &Url, choice: &Choice) -> Result<Arc<Client>> {
        let key = Client::key_of(choice);
        if let Some(client) = locked(&self.clients)
            .get_mut(&url.origin)
            .and_then(|clients| used(clients, &key))
        {
            return Ok(client);
        }
        // Not while the lock is held, because it may request the region of a bucket.
        let gate = self.gate(choice.options.limits()?);
        let made = Arc::new(Client::new(&self.runtime, gate, url, choice)?);
        let mut clients = locked(&self.clients);
        let clients = clients.entry(url.origin.clone()).or_default();
        // Another thread may have been faster.
        if let Some(client) = used(clients, &key) {
            return Ok(client);
        }
        clients.push_front((key, Arc::clone(&made)));
        clients.truncate(CLIENTS);
        Ok(made)
    }

    /// The gate for all requests with the same limits.
    pub fn gate(&self, limits: Limits) -> Arc<Gate> {
        let mut gates = locked(&self.gates);
        let gate = gates.entry(limits);
        Arc::clone(gate.or_insert_with(|| Arc::new(Gate::new(limits))))
    }
}

/// The client of a key, which becomes the most recently used.
fn used(clients: &mut Clients, key: &str) -> Option<Arc<Client>> {
    let place = clients.iter().position(|(known, _)| known == key)?;
    let found = clients.remove(place)?;
    let client = Arc::clone(&found.1);
    clients.push_front(found);
    Some(client)
}

/// Nothing panics while it holds one of these locks, so a poisoned one is still valid.
fn locked<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    fn client(process: &Process, text: &str, option: &str) -> Arc<Client> {
        let url = Url::parse(text).unwrap();
        let option = ("user_agent".to_owned(), option.to_owned());
        let choice = Choice {
            options: Options::new([("skip_signature".to_owned(), "true".to_owned()), option]),
            ..Choice::default()
        };
        process.client(&url, &choice).unwrap()
    }

    #[test]
    fn a_process_has_one_of_everything() {
        let process = Process::own().unwrap();
        assert!(Arc::ptr_eq(&process, &Process::own().unwrap()));
        let first = client(&process, "gs://bucket/a", "a");
        let again = client(&process, "gs://bucket/b", "a");
        assert!(Arc::ptr_eq(&first, &again));
        let others = [("gs://bucket/a", "b"), ("gs://other/a", "a")];
        for (url, option) in others {
            assert!(!Arc::ptr_eq(&first, &client(&process, url, option)));
        }
    }

    #[test]
    fn a_client_goes_when_too_many_others_of_its_bucket_were_used_since() {
        let process = Process::new().unwrap();
        let first = client(&process, "gs://bucket/a", "0");
        let second = client(&process, "gs://bucket/a", "1");
        let elsewhere = client(&process, "gs://other/a", "0");
        for number in 2..=CLIENTS {
            assert!(Arc::ptr_eq(&first, &client(&process, "gs://bucket/a", "0")));
            client(&process, "gs://bucket/a", &number.to_string());
        }
        assert!(Arc::ptr_eq(&first, &client(&process, "gs://bucket/a", "0")));
        assert!(Arc::ptr_eq(
            &elsewhere,
            &client(&process, "gs://other/a", "0")
        ));
        assert!(!Arc::ptr_eq(
            &second,
            &client(&process, "gs://bucket/a", "1")
        ));
    }
}

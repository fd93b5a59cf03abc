//! What a process asks stores with.
//!
//! A process that was forked has neither the threads nor may it use the sockets of the one it came
//! from: everything here belongs to the process that made it, and another makes its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use orbscan_core::error::Result;

use crate::client::Client;
use crate::gate::Gate;
use crate::options::{Limits, Options};
use crate::runtime::Runtime;
use crate::url::Url;

/// Generations of forks that keep a runtime of their own; a later one makes one for each call.
const GENERATIONS: usize = 16;

/// All that a process has to ask stores with.
#[derive(Debug)]
pub struct Process {
    /// What waits.
    pub runtime: Runtime,
    clients: Mutex<HashMap<String, Arc<Client>>>,
    gates: Mutex<HashMap<Limits, Arc<Gate>>>,
}

/// One for each process that came from the first by forks. Slots are never emptied: the threads of
/// another process's runtime cannot be ended here.
static PROCESSES: [OnceLock<(u32, Arc<Process>)>; GENERATIONS] =
    [const { OnceLock::new() }; GENERATIONS];

impl Process {
    /// That of the process that asks.
    ///
    /// # Errors
    /// `Store` if the system gives no threads.
    pub fn own() -> Result<Arc<Self>> {
        let id = std::process::id();
        for slot in &PROCESSES {
            if slot.get().is_none() {
                // Somebody else may have been faster; then this one is not needed.
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

    /// The client for the store of a URL, which is made at most once for the same options.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn client(&self, url: &Url, options: &Options) -> Result<Arc<Client>> {
        let key = Client::key_of(url, options);
        if let Some(client) = locked(&self.clients).get(&key) {
            return Ok(Arc::clone(client));
        }
        // Not while the lock is held: it may ask for the region of a bucket.
        let made = Client::new(&self.runtime, self.gate(options.limits()?), url, options)?;
        let mut clients = locked(&self.clients);
        let client = clients.entry(key).or_insert_with(|| Arc::new(made));
        Ok(Arc::clone(client))
    }

    /// The gate through which all requests go that have the same limits.
    pub fn gate(&self, limits: Limits) -> Arc<Gate> {
        let mut gates = locked(&self.gates);
        let gate = gates.entry(limits);
        Arc::clone(gate.or_insert_with(|| Arc::new(Gate::new(limits))))
    }
}

/// Nothing panics while it holds one of these locks, so a poisoned one is as good as any.
fn locked<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_of_everything() {
        let process = Process::own().unwrap();
        assert!(Arc::ptr_eq(&process, &Process::own().unwrap()));
        let client = |text: &str, option: &str| {
            let url = Url::parse(text).unwrap();
            let option = ("skip_signature".to_owned(), option.to_owned());
            process.client(&url, &Options::new([option])).unwrap()
        };
        let first = client("gs://bucket/a", "true");
        assert!(Arc::ptr_eq(&first, &client("gs://bucket/b", "true")));
        assert!(!Arc::ptr_eq(&first, &client("gs://bucket/a", "false")));
        assert!(!Arc::ptr_eq(&first, &client("gs://other/a", "true")));
    }
}

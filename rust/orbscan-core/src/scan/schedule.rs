//! Which work is done next: the directories that wait, and the entries that were not taken yet.
//!
//! Every directory has a key: its number among its siblings, after the key of its parent. The work
//! with the least key is taken first, so that a walk goes deep before it goes wide and little is
//! ever waiting; and an entry whose key is less than all keys that are waiting or in progress can
//! be returned in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::{Batch, Key};
use super::entry::Entry;
use super::place::Visit;

/// One directory to examine.
pub struct Job {
    /// Its key.
    pub key: Key,
    /// The directory.
    pub visit: Visit,
    /// Siblings that wait for what is found in it.
    pub rest: Option<Batch>,
    /// The least key of all these.
    hold: Key,
}

/// What a consumer gets.
pub enum News {
    /// An entry.
    Entry(Box<Entry>),
    /// There is none yet.
    Nothing,
    /// There will be no more.
    End,
}

#[derive(Default)]
struct State {
    waiting: BTreeMap<Key, Batch>,
    /// The number of directories in the batches that wait.
    directories: usize,
    running: BTreeSet<Key>,
    ready: BTreeMap<Key, Box<Entry>>,
    stopped: bool,
}

/// The work and the results of all threads.
pub struct Schedule {
    state: Mutex<State>,
    work: Condvar,
    news: Condvar,
    ordered: bool,
    /// No new work is started while this many entries wait to be taken.
    capacity: AtomicUsize,
}

impl Schedule {
    /// A schedule that begins with some batches.
    pub fn new(first: Vec<Batch>, ordered: bool, capacity: usize) -> Self {
        let schedule = Self {
            state: Mutex::default(),
            work: Condvar::new(),
            news: Condvar::new(),
            ordered,
            capacity: AtomicUsize::new(capacity),
        };
        for batch in first {
            schedule.lock().put(batch);
        }
        schedule
    }

    /// Lets this many entries wait to be taken.
    pub fn let_wait(&self, capacity: usize) {
        self.capacity.store(capacity, Ordering::Relaxed);
    }

    /// Adds the work that was found while a job is in progress, and lets its siblings continue.
    pub fn release(&self, job: &mut Job, batches: Vec<Batch>) {
        let mut state = self.lock();
        for batch in batches {
            state.put(batch);
        }
        if let Some(rest) = job.rest.take() {
            state.put(rest);
            state.running.remove(&job.hold);
            job.hold = job.key.clone();
            state.running.insert(job.key.clone());
        }
        drop(state);
        self.work.notify_one();
    }

    /// Waits for work; `None` if there is none left, or the scan was stopped.
    pub fn take(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped || !state.has_work() {
                return None;
            }
            if self.may_begin(&state)
                && let Some(job) = state.next_job()
            {
                // Each thread wakes the next, as long as there is work.
                let more = !state.waiting.is_empty();
                drop(state);
                if more {
                    self.work.notify_one();
                }
                return Some(job);
            }
            state = wait(&self.work, state);
        }
    }

    /// Work, if there is some and no entry must be taken first.
    pub fn try_take(&self) -> Option<Job> {
        let mut state = self.lock();
        let may = !state.stopped && self.may_begin(&state);
        may.then(|| state.next_job()).flatten()
    }

    /// Ends a job; what it found can be taken.
    pub fn finish(&self, job: &Job, entry: Option<Entry>) {
        let mut state = self.lock();
        state.running.remove(&job.hold);
        let found = entry.is_some();
        if let Some(entry) = entry {
            state.ready.insert(job.key.clone(), Box::new(entry));
        }
        let more = state.has_work();
        drop(state);
        // If entries are ordered, any job may be the one for which an entry waited.
        if found || self.ordered || !more {
            self.news.notify_one();
        }
        if !more {
            self.work.notify_all();
        } else if self.ordered {
            // Work that could not start before may now be first in line.
            self.work.notify_one();
        }
    }

    /// The next entry, for which it waits at most `timeout`.
    pub fn next(&self, timeout: Duration) -> News {
        let begun = Instant::now();
        let mut state = self.lock();
        loop {
            if let Some(entry) = state.next_entry(self.ordered) {
                drop(state);
                self.work.notify_one();
                return News::Entry(entry);
            }
            if state.stopped || !state.has_work() {
                return News::End;
            }
            // However often it is woken: the scan may have been stopped.
            let Some(left) = timeout.checked_sub(begun.elapsed()) else {
                return News::Nothing;
            };
            let outcome = self.news.wait_timeout(state, left);
            (state, _) = outcome.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends everything: no more work is handed out.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.waiting.clear();
        state.ready.clear();
        drop(state);
        self.work.notify_all();
        self.news.notify_all();
    }

    /// How many directories are known but not examined yet.
    pub fn directories_waiting(&self) -> usize {
        self.lock().directories
    }

    fn may_begin(&self, state: &State) -> bool {
        if state.ready.len() < self.capacity.load(Ordering::Relaxed) {
            return true;
        }
        // If entries are ordered, those that wait may wait for exactly this work.
        let first = state.waiting.keys().next();
        self.ordered && first < state.ready.keys().next()
    }

    /// No code that holds the lock can panic, and if it did, the state would still be consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait<'s>(condition: &Condvar, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
    condition
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn put(&mut self, batch: Batch) {
        if self.stopped {
            return;
        }
        if let Some(key) = batch.least_key() {
            self.directories = self.directories.saturating_add(batch.len());
            self.waiting.insert(key, batch);
        }
    }

    fn next_job(&mut self) -> Option<Job> {
        let (_, mut batch) = self.waiting.pop_first()?;
        self.directories = self.directories.saturating_sub(batch.len());
        let (key, visit) = batch.take()?;
        let mut rest = Some(batch);
        if rest.as_ref().is_some_and(Batch::is_independent) {
            rest.take().into_iter().for_each(|batch| self.put(batch));
        }
        let least = rest.as_ref().and_then(Batch::least_key);
        let hold = least.map_or_else(|| key.clone(), |least| least.min(key.clone()));
        self.running.insert(hold.clone());
        Some(Job {
            key,
            visit,
            rest,
            hold,
        })
    }

    fn next_entry(&mut self, ordered: bool) -> Option<Box<Entry>> {
        let (first, _) = self.ready.first_key_value()?;
        let before = |other: Option<&Key>| other.is_none_or(|other| first < other);
        let in_order = before(self.waiting.keys().next()) && before(self.running.first());
        if ordered && !in_order {
            return None;
        }
        self.ready.pop_first().map(|(_, entry)| entry)
    }

    fn has_work(&self) -> bool {
        !(self.waiting.is_empty() && self.running.is_empty())
    }
}

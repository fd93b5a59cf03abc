//! Entries of a scan for a table: counted, until Ctrl-C ends them.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Instant;

use orbscan_core::error::{Error, ErrorKind};
use orbscan_core::scan::entry::{Content, Entry};
use orbscan_core::scan::{self as core, Poll};
use pyo3::prelude::*;

use crate::scan::locked;
use crate::{PATIENCE, work};

/// What is known about a stream that another library reads.
#[derive(Default)]
pub struct Seen {
    /// How many checkpoints have passed.
    pub checkpoints: usize,
    /// How many of them could not be read completely.
    pub incomplete: usize,
    /// The checkpoints that were not read again, in order.
    pub unchanged: Vec<String>,
    /// The error of the first checkpoint for which there was too little memory.
    pub lacking: Option<Error>,
    /// The exception that Ctrl-C raised.
    pub interrupt: Option<PyErr>,
    /// The thread that requested the stream.
    pub thread: Option<ThreadId>,
}

/// Entries, counted as they pass, until Ctrl-C ends them.
pub struct Watched {
    scan: core::Scan,
    seen: Arc<Mutex<Seen>>,
    /// When Ctrl-C was last checked.
    looked: Instant,
    /// Whether checkpoints that were not read again are included.
    with_unchanged: bool,
}

impl Watched {
    /// Watches a scan for the thread that calls this.
    pub fn new(scan: core::Scan, seen: Arc<Mutex<Seen>>, with_unchanged: bool) -> Self {
        locked(&seen).thread = Some(thread::current().id());
        Self {
            scan,
            seen,
            looked: Instant::now(),
            with_unchanged,
        }
    }

    /// Whether Ctrl-C was pressed. Checked only on the thread of the consumer: waiting for the
    /// interpreter on a thread of another library's pool could wait forever.
    pub fn is_interrupted(&mut self) -> bool {
        if locked(&self.seen).interrupt.is_some() {
            return true;
        }
        if self.looked.elapsed() < PATIENCE {
            return false;
        }
        self.looked = Instant::now();
        if locked(&self.seen).thread != Some(thread::current().id()) {
            return false;
        }
        // The lock is not held meanwhile, because a signal handler may call us.
        let raised = Python::try_attach(|py| py.check_signals().err()).flatten();
        let mut seen = locked(&self.seen);
        seen.interrupt = raised;
        seen.interrupt.is_some()
    }

    /// Waits; a scan with one thread reads in this one, which Ctrl-C ends, too.
    fn poll(&mut self) -> Poll {
        let polled = self.interruptible(|watched| watched.scan.poll(PATIENCE));
        polled.unwrap_or(Poll::Waiting)
    }

    /// Does work that Ctrl-C ends if it runs on the thread of the consumer; `None` if it did.
    pub fn interruptible<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let here = locked(&self.seen).thread == Some(thread::current().id());
        if !here {
            return Some(work(self));
        }
        match work::interruptible(|| work(self)) {
            Ok(done) => Some(done),
            Err(raised) => {
                locked(&self.seen).interrupt = Some(raised);
                None
            }
        }
    }

    fn note(&self, entry: &Entry) {
        let mut seen = locked(&self.seen);
        seen.checkpoints = seen.checkpoints.saturating_add(1);
        if entry.complete() == Some(false) {
            seen.incomplete = seen.incomplete.saturating_add(1);
        }
        let lacks = |error: &&Error| error.kind() == ErrorKind::Memory;
        if seen.lacking.is_none() {
            seen.lacking = entry.error().filter(lacks).cloned();
        }
        if matches!(entry.content, Content::Unchanged) {
            seen.unchanged.push(entry.path.clone());
        }
    }
}

impl Iterator for Watched {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        while !self.is_interrupted() {
            match self.poll() {
                Poll::Entry(entry) => {
                    self.note(&entry);
                    if self.with_unchanged || !matches!(entry.content, Content::Unchanged) {
                        return Some(*entry);
                    }
                }
                Poll::Waiting => {}
                Poll::End => return None,
            }
        }
        self.scan.stop();
        None
    }
}

//! The threads that wait for answers, and how a caller waits for them.

use std::future::Future;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

use orbscan_core::error::{Error, ErrorKind, Result};
use orbscan_core::interrupt;
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

/// The number of threads that wait: their work between two answers is short.
const WORKERS: usize = 2;

/// Waits for answers in threads of its own.
#[derive(Debug)]
pub struct Runtime(tokio::runtime::Runtime);

impl Runtime {
    /// A runtime with its threads.
    ///
    /// # Errors
    /// `Store` if the system refuses to start threads.
    pub fn new() -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let builder = builder.worker_threads(WORKERS).thread_name("orbscan-store");
        let made = builder.enable_all().build().map_err(|error| {
            let reason = format!("the system gives no threads to wait for answers with: {error}");
            Error::new(ErrorKind::Store, reason)
        })?;
        Ok(Self(made))
    }

    /// Does work while the caller waits; it ends early if the caller stops waiting, and does not
    /// begin if it has stopped already: readers that tolerate errors go on to their next requests.
    ///
    /// # Errors
    /// As [`Begun::wait`].
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        interrupt::ended()?;
        self.begin(work).wait()
    }

    /// Starts work whose result will be waited for.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Begun<T> {
        let (give, take) = sync_channel(1);
        let task = self.0.spawn(async move {
            // The caller may have stopped waiting.
            drop(give.send(work.await));
        });
        Begun { task, take }
    }
}

/// Work in progress. It ends when this is dropped.
#[derive(Debug)]
pub struct Begun<T> {
    task: JoinHandle<()>,
    take: Receiver<T>,
}

impl<T> Begun<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// `Store` if it was interrupted.
    pub fn wait(self) -> Result<T> {
        interrupt::ended()?;
        loop {
            match self.take.recv_timeout(interrupt::PATIENCE) {
                Ok(done) => return Ok(done),
                Err(RecvTimeoutError::Timeout) => interrupt::look()?,
                Err(RecvTimeoutError::Disconnected) => {
                    let reason = "a request ended without an answer: internal error in orbscan";
                    return Err(Error::new(ErrorKind::Store, reason));
                }
            }
        }
    }
}

impl<T> Drop for Begun<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn work_is_waited_for() {
        assert_eq!(Runtime::new().unwrap().wait(async { 5 }), Ok(5));
    }

    #[test]
    fn work_that_nobody_waits_for_ends() {
        let runtime = Runtime::new().unwrap();
        let (held, gone) = sync_channel::<()>(1);
        let begun = runtime.begin(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        drop(begun);
        // What the work held is dropped with it.
        assert!(gone.recv().is_err());
    }

    #[test]
    fn waiting_ends_once_nobody_wants_the_answer() {
        let runtime = Runtime::new().unwrap();
        let never = || runtime.wait(std::future::pending::<()>());
        let (waited, ended) = interrupt::watched(|| false, never);
        assert_eq!(waited.unwrap_err().reason(), "interrupted");
        assert!(ended);
    }

    #[test]
    fn once_nobody_waits_nothing_more_is_requested() {
        let runtime = Runtime::new().unwrap();
        let begun = Arc::new(AtomicBool::new(false));
        let (next, ended) = interrupt::watched(
            || false,
            || {
                runtime.wait(std::future::pending::<()>()).unwrap_err();
                let begun = Arc::clone(&begun);
                runtime.wait(async move { begun.store(true, Ordering::Relaxed) })
            },
        );
        assert_eq!(next.unwrap_err().reason(), "interrupted");
        assert!(ended && !begun.load(Ordering::Relaxed));
    }
}

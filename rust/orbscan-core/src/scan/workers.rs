//! The threads of a scan, and what they share.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::entry::{Content, Entry, Kind};
use super::links::Links;
use super::place::Visit;
use super::schedule::{Job, Schedule};
use super::walk::{self, Sight};
use super::{MAX_THREADS, Options, Progress, WAITING_PER_THREAD, read};
use crate::aside;
use crate::cursor::to_u64;
use crate::error::{Error, ErrorKind};
use crate::layout::step;
use crate::reader::Recall;

/// Starts the threads of a scan; false if the system refused all of them.
pub(super) fn start(shared: &Arc<Shared>, threads: usize) -> bool {
    start_all(threads, || start_one(shared))
}

/// Starts threads until there are enough or the system refuses one; false if it refused all of
/// them.
fn start_all(threads: usize, start: impl FnMut() -> bool) -> bool {
    let started = std::iter::repeat_with(start).take(threads);
    started.take_while(|started| *started).count() > 0
}

/// Starts one thread; false if the system refuses it.
fn start_one(shared: &Arc<Shared>) -> bool {
    let shared = Arc::clone(shared);
    let work = move || {
        aside::enter();
        while let Some(job) = shared.schedule.take() {
            let base = Arc::clone(&job.visit.base);
            shared.run(job);
            if base.store.width() > 1 {
                grow(&shared);
            }
        }
    };
    let builder = thread::Builder::new().name("orbscan-scan".to_owned());
    builder.spawn(work).is_ok()
}

/// Starts the additional threads for a slow disk, once.
fn grow(shared: &Arc<Shared>) {
    let options = &shared.options;
    let threads = options.slow_threads.min(MAX_THREADS);
    let more = threads.saturating_sub(options.threads.max(1));
    if more > 0 && !shared.has_grown.swap(true, Ordering::Relaxed) {
        let capacity = threads.saturating_mul(WAITING_PER_THREAD);
        shared.schedule.let_wait(capacity);
        start(shared, more);
    }
}

/// What all threads share.
pub(super) struct Shared {
    pub(super) schedule: Schedule,
    pub(super) options: Options,
    links: Links,
    recall: Recall,
    found: AtomicU64,
    done: AtomicU64,
    /// Whether the threads for a slow disk were started.
    has_grown: AtomicBool,
}

impl Shared {
    pub(super) fn new(schedule: Schedule, links: Links, options: Options) -> Self {
        Self {
            schedule,
            options,
            links,
            recall: Recall::new(),
            found: AtomicU64::new(0),
            done: AtomicU64::new(0),
            has_grown: AtomicBool::new(false),
        }
    }

    /// The progress of the scan.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            found: self.found.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            waiting: to_u64(self.schedule.directories_waiting()),
        }
    }

    /// Does a job and ends it in any case: one that never ended would be waited for forever.
    pub(super) fn run(&self, mut job: Job) {
        let visit = job.visit.clone();
        let done = catch_unwind(AssertUnwindSafe(|| self.work(&mut job)));
        let entry = done.unwrap_or_else(|panic| {
            self.schedule.release(&mut job, Vec::new());
            let entry = fault(&visit, panic.as_ref());
            self.tells(&visit, &entry).then_some(entry)
        });
        if entry.is_some() {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self.schedule.finish(&job, entry);
    }

    fn work(&self, job: &mut Job) -> Option<Entry> {
        let refusals = Arc::clone(&job.visit.base.refusals);
        if refusals.are_final() {
            job.rest = None;
            self.schedule.release(job, Vec::new());
            return None;
        }
        let began = refusals.now();
        let entry = self.looked_at(job);
        if let Some(entry) = &entry {
            refusals.note(entry, began);
        }
        entry
    }

    fn looked_at(&self, job: &mut Job) -> Option<Entry> {
        let look = walk::look(&job.visit, &job.key, &self.options, &self.links);
        let finding = look.sight.finding(&self.options);
        job.rest = job.rest.take().and_then(|rest| rest.after(finding));
        self.schedule.release(job, look.below);
        match look.sight {
            Sight::Checkpoint(found) => {
                let selection = &self.options.selection;
                let wanted = selection.wants(&found.entry);
                (wanted && selection.is_in_share(&job.visit.place())).then(|| {
                    self.found.fetch_add(1, Ordering::Relaxed);
                    read::read(*found, &job.visit, &self.options, &self.recall)
                })
            }
            Sight::Told(entry) => self.tells(&job.visit, &entry).then(|| {
                self.found.fetch_add(1, Ordering::Relaxed);
                *entry
            }),
            Sight::Nothing => None,
        }
    }

    /// Whether what could not be examined is reported in this share.
    fn tells(&self, visit: &Visit, entry: &Entry) -> bool {
        let selection = &self.options.selection;
        let way = visit.base.way_to(&visit.path);
        selection.may_want(entry, way) && selection.is_in_share(&visit.place())
    }
}

/// The entry that reports an internal error.
fn fault(visit: &Visit, panic: &(dyn Any + Send)) -> Entry {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let reason = format!("internal error in orbscan: {}", text.unwrap_or("no reason"));
    let error = Error::new(ErrorKind::Unsupported, reason);
    let path = visit.base.text_of(&visit.path);
    told(
        &path,
        &visit.base.text,
        Content::Failed(error.in_file(&path)),
    )
}

/// An entry of which only the reason is known.
pub(super) fn told(path: &str, root: &str, content: Content) -> Entry {
    let name = path.trim_end_matches('/').rsplit('/').next();
    Entry {
        path: path.to_owned(),
        root: root.into(),
        step: name.and_then(step::of),
        kind: Kind::Unknown,
        commit: walk::unknown_commit(),
        init_timestamp_nsecs: None,
        commit_timestamp_nsecs: None,
        fingerprint: None,
        metrics: None,
        chosen: None,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_thread_is_asked_for_behind_one_that_the_system_refused() {
        for (given, any) in [(0, false), (3, true)] {
            let mut asked = 0;
            let started = start_all(100, || {
                asked += 1;
                asked <= given
            });
            assert_eq!((asked, started), (given + 1, any));
        }
    }

    #[test]
    fn as_many_threads_are_started_as_are_asked_for() {
        let mut asked = 0;
        assert!(start_all(5, || {
            asked += 1;
            true
        }));
        assert_eq!(asked, 5);
    }
}

//! Requests that wait for a slow disk, made concurrently.
//!
//! Threads that wait need no cores, so there may be many of them. The calling thread meanwhile
//! handles Ctrl-C and memory, because both are known only to that thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use crate::error::{Error, ErrorKind, Result};
use crate::{interrupt, memory};

/// The most threads of one batch. If each of many things needs four requests, one after another, it
/// takes a sixty-fourth of the time of one request. Systems that allow a process few open files get
/// fewer.
pub const MOST: usize = if cfg!(target_os = "linux") { 256 } else { 64 };

thread_local! {
    static IS_ASIDE: Cell<bool> = const { Cell::new(false) };
    static ROUNDS: Cell<u64> = const { Cell::new(0) };
}

/// Marks this thread as one of many that wait: its work is not divided any further.
pub fn enter() {
    IS_ASIDE.set(true);
}

/// Counts one wait of this thread.
pub fn count_round() {
    ROUNDS.set(ROUNDS.get().saturating_add(1));
}

/// How often this thread has waited, counting only waits that come one after another. Work that was
/// divided among `width` threads counts as if each thing was taken by whichever thread is free
/// first.
pub fn rounds() -> u64 {
    ROUNDS.get()
}

/// Applies `work` to each thing and returns the results in order: in up to `width` threads, or one
/// after another in this thread if that is one.
///
/// Once the caller no longer waits, or memory was refused, no further thing is started in parallel,
/// and those that were not started return the error.
pub fn each<T: Sync, R: Send>(
    width: impl Fn() -> usize,
    things: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Vec<Result<R>> {
    let mut done = Vec::with_capacity(things.len());
    let mut rest = things;
    while let Some((first, others)) = rest.split_first() {
        if !others.is_empty() && !IS_ASIDE.get() {
            let width = width().min(rest.len()).min(MOST);
            if width > 1 {
                done.extend(wave(width, rest, &work));
                return done;
            }
        }
        done.push(work(first));
        rest = others;
    }
    done
}

/// As [`each`], in this many threads.
fn wave<T: Sync, R: Send>(
    width: usize,
    things: &[T],
    work: &(impl Fn(&T) -> Result<R> + Sync),
) -> Vec<Result<R>> {
    let mut answers: Vec<Option<Result<R>>> = Vec::new();
    answers.resize_with(things.len(), || None);
    let mut waits = vec![0; things.len()];
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        let started = (0..width).take_while(|_| {
            let (sender, next) = (sender.clone(), &next);
            let run = move || {
                enter();
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(thing) = things.get(at) else {
                        return;
                    };
                    let before = rounds();
                    let (answer, lacked) = memory::watched(|| work(thing));
                    let waited = rounds().saturating_sub(before);
                    if sender.send((at, answer, lacked, waited)).is_err() {
                        return;
                    }
                }
            };
            let builder = thread::Builder::new().name("orbscan-wait".to_owned());
            builder.spawn_scoped(scope, run).is_ok()
        });
        if started.count() == 0 {
            return;
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(interrupt::PATIENCE) {
                Ok((at, answer, lacked, waited)) => {
                    if lacked > 0 {
                        memory::lack(lacked);
                    }
                    if let (Some(place), Some(wait)) = (answers.get_mut(at), waits.get_mut(at)) {
                        (*place, *wait) = (Some(answer), waited);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if interrupt::look().is_err() {
                next.store(things.len(), Ordering::Relaxed);
            }
        }
    });
    ROUNDS.set(ROUNDS.get().saturating_add(longest(&waits, width)));
    let ended = interrupt::look().is_err();
    let rest = |(answer, thing): (Option<Result<R>>, &T)| match answer {
        Some(answer) => answer,
        None if ended => Err(Error::new(ErrorKind::Store, "interrupted")),
        // The system refused to start a thread.
        None => work(thing),
    };
    answers.into_iter().zip(things).map(rest).collect()
}

/// The time that things take together, given how often each one waits, if `width` threads take them
/// in order.
fn longest(waits: &[u64], width: usize) -> u64 {
    let mut threads = vec![0_u64; width];
    for wait in waits {
        if let Some(first) = threads.iter_mut().min() {
            *first = first.saturating_add(*wait);
        }
    }
    threads.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_questions() {
        let things: Vec<usize> = (0..300).collect();
        for width in [1, 7, MOST] {
            let answers = each(|| width, &things, |thing| Ok(thing * 2));
            let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
            assert_eq!(
                answers,
                things.iter().map(|thing| thing * 2).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn all_of_a_wave_wait_at_the_same_time() {
        // The barrier opens only when all threads are waiting.
        let barrier = Barrier::new(100);
        let before = rounds();
        let answers = each(
            || MOST,
            &[(); 100],
            |()| {
                barrier.wait();
                count_round();
                Ok(())
            },
        );
        assert_eq!((answers.len(), rounds() - before), (100, 1));
    }

    #[test]
    fn more_than_fit_into_a_wave_take_another() {
        let count = |things: usize, waits: u64| {
            let before = rounds();
            each(
                || MOST,
                &vec![(); things],
                |()| {
                    for _ in 0..waits {
                        count_round();
                    }
                    Ok(())
                },
            );
            rounds() - before
        };
        assert_eq!([count(1, 3), count(MOST, 3), count(MOST + 1, 3)], [3, 3, 6]);
    }

    #[test]
    fn what_turns_out_slow_on_the_way_is_asked_side_by_side_from_then_on() {
        let asked = AtomicUsize::new(0);
        let here = thread::current().id();
        let width = || {
            if asked.load(Ordering::Relaxed) < 2 {
                1
            } else {
                9
            }
        };
        let answers = each(width, &[(); 9], |()| {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(thread::current().id() == here)
        });
        let own = answers.iter().filter(|answer| **answer == Ok(true));
        assert_eq!((own.count(), answers.len()), (2, 9));
    }

    #[test]
    fn what_a_wave_does_is_not_divided_again() {
        let answers = each(
            || 2,
            &[(); 2],
            |()| {
                let here = thread::current().id();
                let inner = each(|| 2, &[(); 2], |()| Ok(thread::current().id()));
                Ok(inner.into_iter().all(|inner| inner == Ok(here)))
            },
        );
        assert_eq!(answers, [Ok(true), Ok(true)]);
    }

    #[test]
    fn memory_that_a_wave_lacks_is_lacked_by_whoever_asked() {
        let refuse = || {
            each(
                || 2,
                &[(); 2],
                |()| memory::buffer(usize::MAX / 2).map(drop),
            )
        };
        let (answers, lacked) = memory::watched(refuse);
        let kind = answers[0].as_ref().unwrap_err().kind();
        assert_eq!((kind, lacked > 0), (ErrorKind::Memory, true));
    }

    #[test]
    fn nothing_more_is_begun_once_nobody_waits() {
        let things = vec![(); 2_000];
        let begun = AtomicUsize::new(0);
        let (answers, ended) = interrupt::watched(
            || false,
            || {
                each(
                    || 2,
                    &things,
                    |()| {
                        begun.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(interrupt::PATIENCE / 10);
                        Ok(())
                    },
                )
            },
        );
        assert!(ended && begun.into_inner() < things.len());
        assert_eq!(answers.len(), things.len());
        assert_eq!(
            answers.last().unwrap().as_ref().unwrap_err().reason(),
            "interrupted"
        );
    }
}

//! The bytes of all chunks, read in batches and decoded.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use super::arrays::ChunkFault;
use super::chunk::{self, PIECE_BYTES, Source};
use super::code::Code;
use super::files::Files;
use super::flaw::Flaw;
use super::sinks::Outcome;
use super::survey::{ChunkAt, Chunks, FoundFault};
use super::{OnProgress, Options, Progress, pace};
use crate::cursor::to_u64;
use crate::error::{Error, counted};
use crate::path::StorePath;
use crate::reader::index::{Extent, Value};
use crate::store::{Bytes, Store, Want};
use crate::zarr::ArrayHeader;

/// Bytes of chunks that are read at once.
const BATCH_BYTES: u64 = 32 << 20;

/// Chunks that are read at once.
const BATCH_CHUNKS: usize = 256;

/// Chunks in nodes that are decoded before anybody is told.
const INLINE_CHUNKS: u64 = 1_024;

/// How long a wait lasts before somebody is asked whether to go on.
const SLICE: Duration = Duration::from_millis(50);

/// A chunk to be read.
struct Pending {
    array: usize,
    chunk: u64,
    header: ArrayHeader,
    path: StorePath,
    extent: Extent,
}

/// Reads and decodes every chunk it is given.
pub(super) struct Reader<'a, 'p> {
    store: &'a dyn Store,
    options: &'a Options,
    progress: OnProgress<'p>,
    now: &'a mut Progress,
    began: Instant,
    /// Bytes that were read for this one: those of nodes were read before.
    read: u64,
    waiting: Vec<Pending>,
    waiting_bytes: u64,
    untold: u64,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(
        store: &'a dyn Store,
        options: &'a Options,
        progress: OnProgress<'p>,
        now: &'a mut Progress,
    ) -> Self {
        Self {
            store,
            options,
            progress,
            now,
            began: Instant::now(),
            read: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            untold: 0,
        }
    }

    /// Reads what is waiting.
    fn flush(&mut self, faults: &mut Vec<FoundFault>) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        // Larger ones are read piece by piece when their turn comes.
        let small = |pending: &Pending| pending.extent.length <= PIECE_BYTES;
        let wants: Vec<Want> = batch
            .iter()
            .filter(|pending| small(pending))
            .map(|pending| {
                let Extent { offset, length, .. } = pending.extent;
                Want::range(pending.path.clone(), offset, length)
            })
            .collect();
        let mut answers = self.store.fetch(&wants).into_iter();
        for pending in batch {
            let answer = if small(&pending) {
                answers.next()
            } else {
                None
            };
            let decoded = self.decode(&pending, answer);
            self.read = self.read.saturating_add(pending.extent.length);
            self.count(pending.extent.length);
            if decoded.as_ref().is_ok_and(|outcome| outcome.unsealed) {
                self.now.unsealed = self.now.unsealed.saturating_add(1);
            }
            judge(&pending, decoded, faults);
        }
        self.rest()
    }

    /// Tells how far the check has come, and waits until that is no faster than allowed. Whoever is
    /// told is asked again and again, so that a long wait can be ended.
    fn rest(&mut self) -> ControlFlow<()> {
        loop {
            (self.progress)(*self.now)?;
            let pause = self.options.max_bandwidth.map_or(Duration::ZERO, |limit| {
                pace::pause(self.read, self.began.elapsed(), limit)
            });
            if pause.is_zero() {
                return ControlFlow::Continue(());
            }
            thread::sleep(pause.min(SLICE));
        }
    }

    fn decode(
        &self,
        pending: &Pending,
        answer: Option<Result<Bytes, Error>>,
    ) -> Result<Outcome, Flaw> {
        let Extent { offset, length, .. } = pending.extent;
        let held = answer.transpose()?;
        let source = match &held {
            Some(bytes) => Source::Held(bytes),
            None => Source::Stored {
                store: self.store,
                path: &pending.path,
                offset,
                length,
            },
        };
        chunk::decode(&pending.header, &source, self.options.check_values)
    }

    fn count(&mut self, bytes: u64) {
        self.now.bytes = self.now.bytes.saturating_add(bytes);
        self.now.chunks = self.now.chunks.saturating_add(1);
    }

    /// Decodes a chunk that lies in a node, whose checksum covers it.
    fn inline(
        &mut self,
        at: ChunkAt<'_>,
        bytes: &[u8],
        faults: &mut Vec<FoundFault>,
    ) -> ControlFlow<()> {
        let source = Source::Held(bytes);
        let decoded = chunk::decode(at.header, &source, self.options.check_values);
        if let Some(fault) = fault(decoded) {
            faults.push(FoundFault {
                array: at.array,
                chunk: at.chunk,
                place: None,
                fault,
            });
        }
        // The sizes of files, of which the expectation is made, count compressed nodes.
        self.expect(to_u64(bytes.len()));
        self.count(to_u64(bytes.len()));
        self.untold = self.untold.saturating_add(1);
        if self.untold < INLINE_CHUNKS {
            return ControlFlow::Continue(());
        }
        self.untold = 0;
        (self.progress)(*self.now)
    }
}

impl Chunks for Reader<'_, '_> {
    fn take(
        &mut self,
        at: ChunkAt<'_>,
        value: Value<'_>,
        files: &Files,
        faults: &mut Vec<FoundFault>,
    ) -> ControlFlow<()> {
        let extent = match value {
            Value::Inline(bytes) => return self.inline(at, bytes, faults),
            Value::Stored(extent) => extent,
        };
        let Some(path) = files.path(extent.file) else {
            return ControlFlow::Continue(());
        };
        let held = extent.length.min(PIECE_BYTES);
        let full = self.waiting.len() >= BATCH_CHUNKS
            || self.waiting_bytes.saturating_add(held) > BATCH_BYTES;
        let flow = if full {
            self.flush(faults)
        } else {
            ControlFlow::Continue(())
        };
        self.waiting_bytes = self.waiting_bytes.saturating_add(held);
        self.waiting.push(Pending {
            array: at.array,
            chunk: at.chunk,
            header: at.header.clone(),
            path: path.clone(),
            extent,
        });
        flow
    }

    fn finish(&mut self, faults: &mut Vec<FoundFault>) -> ControlFlow<()> {
        self.flush(faults)
    }

    fn expect(&mut self, bytes: u64) {
        self.now.total_bytes = self.now.total_bytes.saturating_add(bytes);
    }
}

fn judge(pending: &Pending, decoded: Result<Outcome, Flaw>, faults: &mut Vec<FoundFault>) {
    if let Some(fault) = fault(decoded) {
        faults.push(FoundFault {
            array: pending.array,
            chunk: pending.chunk,
            place: Some(pending.extent),
            fault,
        });
    }
}

fn fault(decoded: Result<Outcome, Flaw>) -> Option<ChunkFault> {
    let (code, expected, found) = match decoded {
        Ok(outcome) if outcome.surplus > 0 => (
            Code::BytesSurplus,
            "nothing but sub-chunks and their index".to_owned(),
            format!("{} more", counted(outcome.surplus, "byte", "bytes")),
        ),
        Ok(outcome) if outcome.not_finite > 0 => (
            Code::NotFinite,
            "finite values".to_owned(),
            counted(
                outcome.not_finite,
                "value that is NaN or infinite",
                "values that are NaN or infinite",
            ),
        ),
        Ok(outcome) if outcome.undecoded => (
            Code::NotDecoded,
            "zstd, gzip, zlib or no compression".to_owned(),
            "another compression".to_owned(),
        ),
        Ok(_) => return None,
        Err(Flaw::Unreadable(reason)) => {
            (Code::ChunkUnreadable, "readable bytes".to_owned(), reason)
        }
        Err(Flaw::Damaged { expected, found }) => (Code::ChunkDamaged, expected, found),
    };
    Some(ChunkFault {
        code,
        expected,
        found,
    })
}

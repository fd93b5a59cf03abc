//! The bytes of all chunks, read in batches and decoded. A distant store fetches the next batches
//! while one is being decoded.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use super::arrays::ChunkFault;
use super::chunk::{self, PIECE_BYTES, Source};
use super::code::Code;
use super::files::Files;
use super::flaw::Flaw;
use super::sinks::Outcome;
use super::streamed::Streamed;
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

/// The total size of the batches that a distant store is fetching, besides the one that is being
/// decoded: enough to keep its requests busy.
const AHEAD_BYTES: u64 = 64 << 20;

/// The size of one of them.
const AHEAD_BATCH_BYTES: u64 = 8 << 20;

/// The number of such batches.
const AHEAD: usize = 16;

/// Chunks in nodes that are decoded between two reports of progress.
const INLINE_CHUNKS: u64 = 1_024;

/// How long to wait before asking whether to go on.
const SLICE: Duration = Duration::from_millis(50);

/// A chunk to be read.
struct Pending {
    array: usize,
    chunk: u64,
    header: ArrayHeader,
    path: StorePath,
    extent: Extent,
}

impl Pending {
    /// The request for a chunk; larger ones are read piece by piece later.
    fn want(&self) -> Option<Want> {
        let Extent { offset, length, .. } = self.extent;
        (length <= PIECE_BYTES).then(|| Want::range(self.path.clone(), offset, length))
    }
}

/// Chunks that are read at once.
#[derive(Default)]
struct Batch {
    chunks: Vec<Pending>,
    bytes: u64,
}

impl Batch {
    fn wants(&self) -> Vec<Want> {
        self.chunks.iter().filter_map(Pending::want).collect()
    }
}

/// Reads and decodes every chunk that it is given.
pub(super) struct Reader<'a, 'p> {
    store: &'a dyn Store,
    options: &'a Options,
    progress: OnProgress<'p>,
    now: &'a mut Progress,
    began: Instant,
    /// Bytes that were read for this reader; those of nodes were read before.
    read: u64,
    waiting: Batch,
    /// Batches that a distant store is fetching.
    ahead: VecDeque<Batch>,
    ahead_bytes: u64,
    /// The most bytes that these have.
    most_ahead: u64,
    untold: u64,
    /// The approximate bytes of chunks in the store, and of those that have passed, including other
    /// parts.
    expected: u64,
    passed: u64,
}

impl<'a, 'p> Reader<'a, 'p> {
    pub(super) fn new(
        store: &'a dyn Store,
        options: &'a Options,
        progress: OnProgress<'p>,
        now: &'a mut Progress,
    ) -> Self {
        let most_ahead = if store.is_far() { AHEAD_BYTES } else { 0 };
        Self {
            store,
            options,
            progress,
            now,
            began: Instant::now(),
            read: 0,
            waiting: Batch::default(),
            ahead: VecDeque::new(),
            ahead_bytes: 0,
            // What is fetched ahead is not limited in speed, so it is limited to the amount of one
            // second.
            most_ahead: most_ahead.min(options.max_bandwidth.unwrap_or(u64::MAX)),
            untold: 0,
            expected: 0,
            passed: 0,
        }
    }

    /// Whether this part of the check decodes the chunk.
    fn has(&mut self, value: &Value<'_>) -> bool {
        let has = self.options.slice.has(self.passed, self.expected);
        self.passed = self.passed.saturating_add(value.length());
        has
    }

    /// How many bytes are read at once: fewer if further batches are being fetched meanwhile.
    const fn batch_bytes(&self) -> u64 {
        if self.most_ahead == 0 {
            BATCH_BYTES
        } else {
            AHEAD_BATCH_BYTES
        }
    }

    /// Starts fetching the waiting chunks, and reads what was started before, until no more than
    /// `most` bytes are ahead.
    fn advance(&mut self, most: u64, faults: &mut Vec<FoundFault>) -> ControlFlow<()> {
        let batch = std::mem::take(&mut self.waiting);
        if self.most_ahead == 0 {
            return self.read(batch, faults);
        }
        self.store.begin(&batch.wants());
        self.ahead_bytes = self.ahead_bytes.saturating_add(batch.bytes);
        self.ahead.push_back(batch);
        while self.ahead_bytes > most || self.ahead.len() > AHEAD {
            let Some(first) = self.ahead.pop_front() else {
                break;
            };
            self.ahead_bytes = self.ahead_bytes.saturating_sub(first.bytes);
            self.read(first, faults)?;
        }
        ControlFlow::Continue(())
    }

    /// Reads and decodes a batch.
    fn read(&mut self, batch: Batch, faults: &mut Vec<FoundFault>) -> ControlFlow<()> {
        let mut answers = self.store.fetch(&batch.wants()).into_iter();
        for pending in batch.chunks {
            let answer = pending.want().and_then(|_| answers.next());
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

    /// Reports the progress, and waits until the speed is within the limit. The caller is asked
    /// repeatedly, so that a long wait can be ended.
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
            None if self.store.is_far() => {
                Source::Distant(Streamed::new(self.store, &pending.path, offset, length))
            }
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

    /// Decodes a chunk in a node, whose checksum covers it.
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
        // The sizes of files, on which the expectation is based, include nodes in compressed form.
        self.now.total_bytes = self.now.total_bytes.saturating_add(to_u64(bytes.len()));
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
        if !self.has(&value) {
            return ControlFlow::Continue(());
        }
        let extent = match value {
            Value::Inline(bytes) => return self.inline(at, bytes, faults),
            Value::Stored(extent) => extent,
        };
        let Some(path) = files.path(extent.file) else {
            return ControlFlow::Continue(());
        };
        let held = extent.length.min(PIECE_BYTES);
        let full = self.waiting.chunks.len() >= BATCH_CHUNKS
            || self.waiting.bytes.saturating_add(held) > self.batch_bytes();
        let flow = if full {
            self.advance(self.most_ahead, faults)
        } else {
            ControlFlow::Continue(())
        };
        self.waiting.bytes = self.waiting.bytes.saturating_add(held);
        self.waiting.chunks.push(Pending {
            array: at.array,
            chunk: at.chunk,
            header: at.header.clone(),
            path: path.clone(),
            extent,
        });
        flow
    }

    fn finish(&mut self, faults: &mut Vec<FoundFault>) -> ControlFlow<()> {
        self.advance(0, faults)
    }

    fn expect(&mut self, bytes: u64) {
        self.expected = self.expected.saturating_add(bytes);
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

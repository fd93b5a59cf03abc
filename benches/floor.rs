//! The minimum that any reader of a checkpoint must do: it reads the bytes, walks their tokens, and
//! keeps nothing.
//!
//!     cargo run --release --example floor -- PATH [ROUNDS]
//!
//! Reads `_METADATA`, `_sharding`, `manifest.ocdbt` and the data files of the first directory that
//! has a `_METADATA`; decompresses only zstd frames of B+tree nodes; prints two medians in
//! milliseconds: of everything, and of the walk alone. Whatever orbscan takes beyond this is checking,
//! joining and building objects.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use zstd::zstd_safe::DCtx;

/// The bytes before the compressed body of a B+tree node, and of the checksum after it.
const HEADER: usize = 14;
const CHECKSUM: usize = 4;

/// Strings longer than this are remembered, and at most this many of them.
const LONG: usize = 64;
const MOST_SEEN: usize = 8;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().expect("the path of a checkpoint"));
    let rounds = arguments
        .next()
        .map_or(20, |text| text.parse().expect("a number of rounds"));
    let item = item(&path);
    let mut floor = Floor {
        file: Vec::new(),
        body: Vec::with_capacity(1 << 17),
        decompressor: DCtx::create(),
        reading: 0.0,
    };
    // The first round determines the sizes of the buffers.
    let times: Vec<(f64, f64)> = (0..=rounds).map(|_| floor.round(&item)).skip(1).collect();
    let (whole, walk) = times.into_iter().unzip();
    println!("{:.4} {:.4}", median(whole), median(walk));
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The directory of the pytree.
fn item(path: &Path) -> PathBuf {
    let children = fs::read_dir(path).expect("a directory").flatten();
    let mut directories: Vec<PathBuf> = children.map(|entry| entry.path()).collect();
    directories.push(path.to_owned());
    directories.sort();
    let has_tree = |directory: &&PathBuf| directory.join("_METADATA").is_file();
    let found = directories.iter().rev().find(has_tree);
    found.expect("a directory with a _METADATA").clone()
}

/// Buffers that are reused: new ones would cost more than the work in them.
struct Floor {
    file: Vec<u8>,
    body: Vec<u8>,
    decompressor: DCtx<'static>,
    /// Milliseconds of reading in this round.
    reading: f64,
}

impl Floor {
    /// Milliseconds of one round, and of its walk alone.
    fn round(&mut self, item: &Path) -> (f64, f64) {
        self.reading = 0.0;
        let started = Instant::now();
        let mut tokens = 0;
        for name in ["_METADATA", "_sharding"] {
            self.read(&item.join(name));
            tokens += walk_json(&self.file);
        }
        self.read(&item.join("manifest.ocdbt"));
        for file in fs::read_dir(item.join("d")).into_iter().flatten().flatten() {
            self.read(&file.path());
            tokens += self.walk_node();
        }
        black_box(tokens);
        let whole = milliseconds(started);
        (whole, whole - self.reading)
    }

    /// Reads a file, if there is one.
    fn read(&mut self, path: &Path) {
        let started = Instant::now();
        self.file.clear();
        if let Ok(mut file) = File::open(path) {
            file.read_to_end(&mut self.file)
                .expect("a file that can be read");
        }
        self.reading += milliseconds(started);
    }

    /// Decompresses the node at the start of the file, if there is one, and looks at every byte.
    fn walk_node(&mut self) -> usize {
        if !self.file.starts_with(&[0x0c, 0xdb, 0x20, 0xde]) {
            return 0;
        }
        let length = u64::from_le_bytes(self.file[4..12].try_into().expect("eight bytes"));
        let end = usize::try_from(length).expect("a length") - CHECKSUM;
        let frame = &self.file[HEADER..end];
        while self.decompressor.decompress(&mut self.body, frame).is_err() {
            assert!(self.body.capacity() < 1 << 30, "a zstd frame");
            self.body = Vec::with_capacity(self.body.capacity() * 2);
        }
        // At most 128 to a run, so that a byte can hold the sum and the loop is vectorised.
        let ends = |run: &[u8]| {
            run.iter()
                .fold(0_u8, |sum, byte| sum.wrapping_add(byte >> 7))
        };
        self.body
            .chunks(128)
            .map(|run| usize::from(ends(run)))
            .sum()
    }
}

fn milliseconds(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}

/// Counts the tokens of a JSON text. Long strings repeat, so those seen first are skipped at once.
fn walk_json(text: &[u8]) -> usize {
    let (mut tokens, mut at) = (0, 0);
    let mut seen: Vec<&[u8]> = Vec::new();
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                tokens += 1;
                let rest = &text[at..];
                if let Some(known) = seen.iter().find(|known| rest.starts_with(known)) {
                    at += known.len();
                    continue;
                }
                let start = at;
                at = string_end(text, at);
                if at - start > LONG && seen.len() < MOST_SEEN {
                    seen.push(&text[start..at]);
                }
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => tokens += 1,
            _ => {}
        }
    }
    tokens
}

/// The position after the quote that ends the string in which `at` lies.
fn string_end(text: &[u8], mut at: usize) -> usize {
    loop {
        while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*word);
            let found = same(word, b'"') | same(word, b'\\');
            if found != 0 {
                at += found.trailing_zeros() as usize / 8;
                break;
            }
            at += 8;
        }
        match text.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return text.len(),
        }
    }
}

/// The top bit of the bytes of `word` that are `byte`; correct for the lowest of them.
fn same(word: u64, byte: u8) -> u64 {
    let ones = u64::from_le_bytes([1; 8]);
    let different = word ^ (ones * u64::from(byte));
    different.wrapping_sub(ones) & !different & (ones << 7)
}

//! A bucket on loopback whose answers take a while: what `remote.py` scans.
//!
//!     cargo run --release --example bucket -- DIRECTORY MILLISECONDS
//!
//! Holds a directory in memory and answers like S3 and Google's XML interface, for a bucket of any
//! name: listings with a delimiter and in pages, objects and ranges of them. Prints its port. Each
//! connection has a thread, which answers the given time after the request; no Python proxy or
//! emulator is fast enough for a scan with 64 concurrent requests.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Names on a page of a listing.
const PAGE: usize = 1_000;

struct Object {
    content: Vec<u8>,
    etag: String,
}

type Objects = BTreeMap<String, Object>;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().expect("a directory");
    let delay = arguments.next().expect("milliseconds");
    let delay = Duration::from_millis(delay.parse().expect("a number of milliseconds"));
    let mut objects = Objects::new();
    load(Path::new(&directory), "", &mut objects)?;
    let objects = Arc::new(objects);
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let (stream, objects) = (stream?, Arc::clone(&objects));
        // A client that disconnects in the middle of an answer is not an error.
        thread::spawn(move || drop(serve(&stream, &objects, delay)));
    }
    Ok(())
}

fn load(directory: &Path, prefix: &str, objects: &mut Objects) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            load(&entry.path(), &format!("{key}/"), objects)?;
        } else {
            let content = std::fs::read(entry.path())?;
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            let etag = format!("\"{:016x}\"", hasher.finish());
            objects.insert(key, Object { content, etag });
        }
    }
    Ok(())
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, objects: &Objects, delay: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let due = Instant::now() + delay;
        let (range, length) = headers(&mut reader)?;
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let mut answer = answer(target, range, objects);
        if method == "HEAD" {
            answer.1 = &[];
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let whole = [answer.0.as_bytes(), answer.1, &answer.2].concat();
        (&*stream).write_all(&whole)?;
        line.clear();
    }
    Ok(())
}

/// The requested range, including its end, and the length of the body.
fn headers(reader: &mut impl BufRead) -> std::io::Result<(Option<(usize, usize)>, u64)> {
    let (mut range, mut length) = (None, 0);
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            return Ok((range, length));
        }
        if let Some(value) = header.strip_prefix("range: bytes=") {
            let (first, last) = value.split_once('-').unwrap_or((value, ""));
            range = Some((
                first.parse().unwrap_or(0),
                last.parse().unwrap_or(usize::MAX),
            ));
        } else if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
}

/// Head and body of an answer; the body is that of an object, or generated.
fn answer<'a>(
    target: &str,
    range: Option<(usize, usize)>,
    objects: &'a Objects,
) -> (String, &'a [u8], Vec<u8>) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: HashMap<String, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect();
    if query.contains_key("list-type") {
        let page = listing(&query, objects).into_bytes();
        return (head(200, page.len(), ""), &[], page);
    }
    let path = decoded(path);
    let key = path.trim_start_matches('/').split_once('/');
    let Some(object) = key.and_then(|(_, key)| objects.get(key)) else {
        return (head(404, 0, ""), &[], Vec::new());
    };
    let size = object.content.len();
    let etag = format!("ETag: {}\r\n", object.etag);
    let Some((first, last)) = range else {
        return (head(200, size, &etag), &object.content, Vec::new());
    };
    let end = last.saturating_add(1).min(size);
    let Some(part) = object
        .content
        .get(first..end)
        .filter(|part| !part.is_empty())
    else {
        return (head(416, 0, ""), &[], Vec::new());
    };
    let more = format!("{etag}Content-Range: bytes {first}-{}/{size}\r\n", end - 1);
    (head(206, part.len(), &more), part, Vec::new())
}

fn head(status: u16, length: usize, more: &str) -> String {
    format!(
        "HTTP/1.1 {status} .\r\nContent-Length: {length}\r\n\
         Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n{more}\r\n"
    )
}

/// A page of a listing.
fn listing(query: &HashMap<String, String>, objects: &Objects) -> String {
    let asked = |name: &str| query.get(name).map_or("", String::as_str);
    let (prefix, delimiter) = (asked("prefix"), asked("delimiter"));
    // The last name of the previous page; a directory stands for everything in it.
    let after = match asked("continuation-token") {
        "" => asked("start-after"),
        token => token,
    };
    let page = asked("max-keys").parse().unwrap_or(PAGE).min(PAGE);
    let mut rows = String::new();
    let (mut count, mut last, mut is_cut) = (0, after.to_owned(), false);
    for (key, object) in objects.range(prefix.max(after).to_owned()..) {
        let Some(below) = key.strip_prefix(prefix) else {
            break;
        };
        let is_shown = key == &last || (last.ends_with('/') && key.starts_with(&last));
        if is_shown {
            continue;
        }
        if count == page {
            is_cut = true;
            break;
        }
        count += 1;
        let directory = below
            .split_once(delimiter)
            .filter(|_| !delimiter.is_empty());
        if let Some((name, _)) = directory {
            last = format!("{prefix}{name}{delimiter}");
            let _ = write!(
                rows,
                "<CommonPrefixes><Prefix>{last}</Prefix></CommonPrefixes>"
            );
        } else {
            last.clone_from(key);
            let _ = write!(
                rows,
                "<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>{}</ETag><Size>{}</Size></Contents>",
                object.etag,
                object.content.len()
            );
        }
    }
    if is_cut {
        let _ = write!(
            rows,
            "<NextContinuationToken>{last}</NextContinuationToken>"
        );
    }
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name>\
         <IsTruncated>{is_cut}</IsTruncated>{rows}</ListBucketResult>"
    )
}

/// Text with percent signs decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits =
                    [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap_or(b'0')));
                let [high, low] = digits.map(|digit| digit.to_digit(16).unwrap_or(0));
                u8::try_from(high * 16 + low).unwrap_or(b'?')
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

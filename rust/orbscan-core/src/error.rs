//! What can go wrong, as data: a kind, the file, the offset and the reason.
//!
//! A decoder knows an offset, its caller knows the file; each adds what it knows on the way up.

use std::fmt;

/// The outcome of anything that can fail in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A number of things, for use in a reason: `1 byte`, `2 bytes`.
pub fn counted<N: Copy + fmt::Display + TryInto<u64>>(count: N, one: &str, many: &str) -> String {
    let is_one = count.try_into().is_ok_and(|count| count == 1);
    format!("{count} {}", if is_one { one } else { many })
}

/// The most names that an error lists.
const NAMES_SHOWN: usize = 10;

/// Names for a message, of which only the first few are listed.
pub fn shown<S: AsRef<str>>(names: &[S]) -> String {
    let quoted = names.iter().map(|name| format!("{:?}", name.as_ref()));
    listed(quoted, names.len())
}

/// The first of `count` texts; the others are only counted.
pub fn listed(texts: impl Iterator<Item = String>, count: usize) -> String {
    let some: Vec<String> = texts.take(NAMES_SHOWN).collect();
    match count.saturating_sub(some.len()) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// The closed list of what can go wrong. Each kind has one exception class in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The path does not exist.
    NotFound,
    /// The directory is not a checkpoint of a known layout.
    UnknownLayout,
    /// The directory was left by a save that never finished.
    Uncommitted,
    /// The checkpoint has no pytree of that name.
    NoSuchCheckpointable,
    /// The checkpointable asked for is being deleted.
    DeletionInProgress,
    /// The record of an interrupted deletion cannot be trusted.
    DeletionRecord,
    /// A file does not follow its format.
    Malformed,
    /// A checksum differs from the bytes it covers.
    Checksum,
    /// A file follows its format but uses something that we cannot read.
    Unsupported,
    /// A file asks for more than the limits allow.
    Limit,
    /// The store refused or failed.
    Store,
    /// There is not enough memory.
    Memory,
}

impl ErrorKind {
    /// Every kind, so that tests can enumerate them.
    pub const ALL: [Self; 12] = [
        Self::NotFound,
        Self::UnknownLayout,
        Self::Uncommitted,
        Self::NoSuchCheckpointable,
        Self::DeletionInProgress,
        Self::DeletionRecord,
        Self::Malformed,
        Self::Checksum,
        Self::Unsupported,
        Self::Limit,
        Self::Store,
        Self::Memory,
    ];

    /// The stable name of the kind, as Python shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::UnknownLayout => "unknown_layout",
            Self::Uncommitted => "uncommitted",
            Self::NoSuchCheckpointable => "no_such_checkpointable",
            Self::DeletionInProgress => "deletion_in_progress",
            Self::DeletionRecord => "deletion_record",
            Self::Malformed => "malformed",
            Self::Checksum => "checksum",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
            Self::Store => "store",
            Self::Memory => "memory",
        }
    }
}

/// A position in a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offset {
    /// From the start of the file.
    File(u64),
    /// From the start of what a compressed file or node decompresses to.
    Body(u64),
}

impl Offset {
    /// The number of bytes before the position.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::File(at) | Self::Body(at) => at,
        }
    }

    /// The position `by` bytes further on.
    #[must_use]
    pub const fn plus(self, by: u64) -> Self {
        match self {
            Self::File(at) => Self::File(at.saturating_add(by)),
            Self::Body(at) => Self::Body(at.saturating_add(by)),
        }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(at) => write!(f, "byte {at}"),
            Self::Body(at) => write!(f, "byte {at} of the decompressed body"),
        }
    }
}

/// What an error is about, where the kind and the file do not say enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A link whose target does not exist.
    BrokenLink,
    /// A value that only the handler that wrote it can read: nothing is wrong with it.
    CustomHandler,
    /// The shape of the shard that one device wrote: no array is lost with it.
    WriteShape,
    /// Arrays that lie elsewhere than the document of the tree says.
    ArraysElsewhere,
    /// Arrays of Zarr 3 whose version is missing from the document of the tree.
    FormatUnsaid,
    /// Arrays of Zarr 2 whose version is missing from the document of the tree.
    OldFormatUnsaid,
    /// A checkpointable that is recorded but does not exist.
    MissingCheckpointable,
    /// A checkpointable whose directory still has its temporary name.
    UnfinishedCheckpointable,
    /// A pytree that has lost its own document.
    LostTree,
    /// A checkpoint that is only partly there.
    Incomplete,
    /// A directory of another library.
    Foreign,
    /// The files that distinguish PRNG keys from other arrays.
    KeyTypes,
    /// Something because of which Orbax refuses the whole tree, although it can be read.
    Refused,
    /// Databases of single processes that were never merged.
    NotMerged,
    /// A pytree that lies only in the msgpack file of an early release.
    Aggregate,
    /// A refusal or failure of a store that is not a disk.
    Store(StoreFault),
}

/// Why a store gave no answer. There is one variant for each way of handling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreFault {
    /// There is no such bucket.
    Bucket,
    /// There are no credentials, or they have expired.
    Credentials,
    /// The credentials do not suffice.
    Forbidden,
    /// Too many requests were made.
    Throttled,
    /// The store was not reached: its name, the connection or its certificate.
    Network,
    /// No answer came in time.
    Timeout,
    /// What was being read has changed.
    Changed,
    /// The store failed.
    Server,
}

/// Which other requests to a store will meet the same fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Perhaps none.
    One,
    /// All of them, until the fault passes.
    ForAWhile,
    /// All of them.
    Whole,
}

impl StoreFault {
    /// The stable name of the fault, as Python shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bucket => "bucket",
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::Throttled => "throttled",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Changed => "changed",
            Self::Server => "server",
        }
    }

    /// Which other requests to the same store will meet the fault; one that can pass affects them
    /// for a while.
    pub const fn reach(self) -> Reach {
        match self {
            Self::Bucket | Self::Credentials | Self::Network => Reach::Whole,
            Self::Throttled | Self::Timeout | Self::Server => Reach::ForAWhile,
            Self::Forbidden | Self::Changed => Reach::One,
        }
    }
}

/// What to pass instead, as data: a program and a person at a terminal need different words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The name of a checkpointable.
    Name(String),
    /// No name: the checkpoint itself is the pytree.
    NoName,
    /// A step: the path is a directory of steps.
    Step,
    /// A step of the directory at this path.
    StepOf(String),
    /// A step of one of the directories that the reason names.
    StepOfOne,
}

impl Advice {
    /// The argument that it is about, in one word.
    pub fn topic(&self) -> &'static str {
        match self {
            Self::Name(_) | Self::NoName => "name",
            Self::Step => "step",
            Self::StepOf(_) => "step_of",
            Self::StepOfOne => "step_of_one",
        }
    }

    /// The name or path to pass, if there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Name(value) | Self::StepOf(value) => Some(value),
            Self::NoName | Self::Step | Self::StepOfOne => None,
        }
    }

    /// The words for a program, which follow the reason.
    pub fn words(&self) -> String {
        match self {
            Self::Name(name) => format!(", and the name {name:?}"),
            Self::NoName => ": pass None as the name".to_owned(),
            Self::Step => ": pass step=\"latest\"".to_owned(),
            Self::StepOf(path) => format!(": pass {path:?} with step=\"latest\""),
            Self::StepOfOne => ": pass one of them with step=\"latest\"".to_owned(),
        }
    }
}

/// A failure. It is small, so that a `Result` is cheap to pass around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    file: Option<String>,
    offset: Option<Offset>,
    reason: String,
    subject: Option<Subject>,
    advice: Option<Advice>,
    errno: Option<i32>,
    /// Whether everything was read in spite of it.
    lossless: bool,
}

impl Error {
    /// An error of which only the kind and the reason are known so far.
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            file: None,
            offset: None,
            reason: reason.into(),
            subject: None,
            advice: None,
            errno: None,
            lossless: false,
        }))
    }

    /// A [`ErrorKind::Malformed`] error at an offset.
    pub fn malformed(offset: Offset, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Malformed, reason).at(offset)
    }

    /// Adds the offset, unless it is already known.
    #[must_use]
    pub fn at(mut self, offset: Offset) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds the file, unless it is already known.
    #[must_use]
    pub fn in_file(mut self, file: &impl AsRef<str>) -> Self {
        self.0.file.get_or_insert_with(|| file.as_ref().to_owned());
        self
    }

    /// Adds what it is about.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.0.subject = Some(subject);
        self
    }

    /// Adds what to pass instead, and appends its words to the reason.
    #[must_use]
    pub fn advising(mut self, advice: Advice) -> Self {
        self.0.reason.push_str(&advice.words());
        self.0.advice = Some(advice);
        self
    }

    /// Adds that everything was read in spite of it: something is unusual, or was never written.
    #[must_use]
    pub fn without_loss(mut self) -> Self {
        self.0.lossless = true;
        self
    }

    /// Adds what was being read when it happened: `"chunk_shape: expected a list"`.
    #[must_use]
    pub fn while_reading(mut self, what: impl fmt::Display) -> Self {
        self.0.reason = format!("{what}: {}", self.0.reason);
        self
    }

    /// Appends a remark to the reason.
    #[must_use]
    pub fn with_remark(mut self, remark: &str) -> Self {
        self.0.reason.push_str(remark);
        self
    }

    /// Adds the operating system's error number.
    #[must_use]
    pub fn with_errno(mut self, errno: Option<i32>) -> Self {
        self.0.errno = errno;
        self
    }

    /// Replaces the file by the result of `locate`: the reader knows paths inside a store, and the
    /// user wants to see where the store keeps them.
    #[must_use]
    pub fn located(mut self, locate: impl FnOnce(&str) -> String) -> Self {
        self.0.file = self.0.file.map(|file| locate(&file));
        self
    }

    /// What went wrong, in one word.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file it went wrong in, if it was one file.
    pub fn file(&self) -> Option<&str> {
        self.0.file.as_deref()
    }

    /// Where in the file.
    pub fn offset(&self) -> Option<Offset> {
        self.0.offset
    }

    /// Why, in words that do not repeat the file or the offset.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What it is about, so that callers need not search the reason for it.
    pub fn subject(&self) -> Option<Subject> {
        self.0.subject
    }

    /// What to pass instead.
    pub fn advice(&self) -> Option<&Advice> {
        self.0.advice.as_ref()
    }

    /// Whether something could not be read because of it. When in doubt, it is a loss.
    pub fn is_loss(&self) -> bool {
        !self.0.lossless
    }

    /// The operating system's error number, for [`ErrorKind::Store`] and [`ErrorKind::NotFound`].
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.file, self.0.offset) {
            (Some(file), Some(offset)) => write!(f, "{file}, {offset}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(offset)) => write!(f, "{offset}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.0.reason)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_is_added_going_up_and_never_overwritten() {
        let error = Error::malformed(Offset::Body(41), "key 3 shares 9 bytes with a key of 7")
            .at(Offset::File(0))
            .in_file(&"state/d/903e")
            .in_file(&"");
        assert_eq!(
            error.to_string(),
            "state/d/903e, byte 41 of the decompressed body: key 3 shares 9 bytes with a key of 7"
        );
    }

    #[test]
    fn one_of_a_thing_is_not_several() {
        assert_eq!(counted(1_usize, "byte", "bytes"), "1 byte");
        assert_eq!(counted(0_u8, "byte", "bytes"), "0 bytes");
    }

    #[test]
    fn every_kind_is_listed_once() {
        let mut names: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }
}

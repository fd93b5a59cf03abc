//! The codes of findings, with stable names.

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something cannot be restored as it was saved.
    Error,
    /// Something is not as a writer leaves it; what was saved can be restored.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// The outcome of a restore of all leaves that a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outlook {
    /// Everything comes back as it was saved, as far as this finding is concerned.
    Works,
    /// It depends on more than the finding tells.
    MayFail,
    /// It fails, or gives other values than were saved.
    Fails,
}

impl Outlook {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::MayFail => "may fail",
            Self::Fails => "fails",
        }
    }
}

macro_rules! codes {
    ($(
        $(#[doc = $doc:literal])+
        $variant:ident = $name:literal, $severity:ident, [$v1:ident, $v1_target:ident, $v0:ident],
        $meaning:literal;
    )*) => {
        /// The code of a finding. Names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)* }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its severity.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The outcome of a restore by v1 without a target, by v1 with a target that gives
            /// shape, dtype and sharding, and by v0 without arguments.
            pub const fn restores(self) -> [Outlook; 3] {
                match self {
                    $(Self::$variant => [Outlook::$v1, Outlook::$v1_target, Outlook::$v0],)*
                }
            }

            /// What it means for loading.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    /// A temporary directory of a save that never finished.
    Uncommitted = "uncommitted", Error, [MayFail, MayFail, MayFail],
        "the save was never finished: what is there may be incomplete";
    /// The directory of a checkpointable still has the temporary name of its save.
    CheckpointableUnfinished = "checkpointable-unfinished", Error, [Fails, Fails, Fails],
        "this checkpointable was never finished; the others can be restored";
    /// What makes the directory a checkpoint is missing or contradictory.
    Layout = "layout", Error, [Fails, Fails, MayFail],
        "Orbax v1 refuses the whole checkpoint; v0 restores by name what is there";
    /// The record of an interrupted deletion cannot be trusted.
    DeletionRecord = "deletion-record", Error, [Fails, Fails, Works],
        "Orbax v1 refuses every read of this checkpoint until the record is repaired; v0 does not \
         look at it";
    /// A checkpointable is being deleted.
    Deletion = "deletion", Warning, [Fails, Fails, MayFail],
        "Orbax v1 counts the checkpointable as gone, v0 restores what is left of it; the others can \
         be restored";
    /// The directories that are checked as one do not come from one save.
    HostsDiffer = "hosts-differ", Error, [Fails, Fails, Fails],
        "the directories are not parts of one checkpoint: what they hold cannot be restored together";
    /// `commit_success.txt` is missing.
    CommitMarker = "commit-marker", Note, [Works, Works, Works],
        "fine on local disks; in a bucket the checkpoint counts as unfinished";
    /// `_CHECKPOINT_METADATA` cannot be read, or contradicts the directory.
    CheckpointMetadata = "checkpoint-metadata", Warning, [Works, Works, Works],
        "trees can be restored by name; timestamps, handlers or custom metadata may be lost";
    /// A checkpointable that has a recorded handler is missing.
    CheckpointableMissing = "checkpointable-missing", Error, [Fails, Fails, MayFail],
        "this checkpointable is lost; the others can be restored";
    /// The tree of a checkpointable, or all of its arrays, cannot be read.
    TreeUnreadable = "tree-unreadable", Error, [Fails, Fails, Fails],
        "this checkpointable cannot be restored; others can";
    /// A document has something that Orbax does not accept, although the tree can be read.
    TreeRefused = "tree-refused", Error, [Fails, Fails, Fails],
        "Orbax restores no JAX array here until the file is repaired; no value is lost";
    /// A document other than a tree's cannot be read.
    DocumentUnreadable = "document-unreadable", Error, [Fails, Fails, Fails],
        "this checkpointable cannot be restored; others can";
    /// The description of a leaf's array is missing or damaged.
    LeafUnreadable = "leaf-unreadable", Error, [Fails, Fails, Fails],
        "the leaf is lost, and Orbax refuses the whole tree unless it is left out";
    /// A leaf of a kind that only a custom handler reads.
    LeafUnsupported = "leaf-unsupported", Note, [MayFail, MayFail, MayFail],
        "needs the handler that wrote it; not checked";
    /// A string leaf has no string.
    StringMissing = "string-missing", Error, [Fails, Fails, Fails],
        "the leaf is lost; the others can be restored if it is left out";
    /// A string belongs to no leaf.
    StringWithoutLeaf = "string-without-leaf", Warning, [Fails, Fails, Fails],
        "the text is not restored: its leaf is missing from the tree";
    /// The store has an array that belongs to no leaf.
    ArrayWithoutLeaf = "array-without-leaf", Warning, [Fails, Fails, Fails],
        "the array is not restored: its leaf is missing from the tree";
    /// `_sharding` or one of its entries is missing, unreadable, or has no content.
    Sharding = "sharding", Warning, [Fails, Works, Fails],
        "the arrays can be restored where the caller gives their sharding; otherwise most restores \
         fail";
    /// A sharding cannot be that of its array, or is not a valid sharding.
    ShardingMismatch = "sharding-mismatch", Warning, [Fails, Works, Fails],
        "the array can be restored with a sharding of the caller's choice";
    /// A leaf that is recorded as a scalar is an array of rank one or more.
    ScalarRank = "scalar-rank", Warning, [Fails, Works, Fails],
        "the array can be restored where the caller asks for one; otherwise a restore fails";
    /// `_sharding` has an entry for something that is not a leaf.
    ShardingSurplus = "sharding-surplus", Note, [Works, Works, Works],
        "ignored";
    /// A write shape contradicts its array.
    WriteShape = "write-shape", Warning, [Works, Works, Works],
        "ignored by a restore; the tree's own document is doubtful";
    /// The recorded container types cannot be read, or contradict the tree.
    RichTypes = "rich-types", Warning, [Works, Works, Works],
        "a restore does not look at them; a read that asks for them fails";
    /// A file in `array_metadatas` contradicts the tree, or lacks some of its arrays.
    ArrayMetadatas = "array-metadatas", Warning, [MayFail, MayFail, MayFail],
        "a restore looks there for PRNG keys only: those may come back as plain integers";
    /// An entry of `_METADATA` has another name than its keypath.
    EntryName = "entry-name", Warning, [MayFail, MayFail, MayFail],
        "Orbax goes by key_metadata: if that is what changed, the leaf comes back in another place, \
         and a target does not fit";
    /// An object of a JSON document has two members of the same name.
    DuplicateMember = "duplicate-member", Warning, [Works, Works, Works],
        "the last one counts; another reader may take the first";
    /// A tolerated fault of some other document.
    Document = "document", Warning, [Works, Works, Works],
        "tolerated";
    /// The databases of single processes were never merged.
    NotMerged = "not-merged", Error, [Fails, Fails, Fails],
        "Orbax 0.12 finds no array here until the databases of the processes are merged";
    /// Arrays lie elsewhere than `_METADATA` says.
    ArraysElsewhere = "arrays-elsewhere", Error, [Fails, Fails, Fails],
        "Orbax looks where _METADATA says, and finds no array there";
    /// A pytree that lies only in the msgpack file of an early release.
    AggregateTree = "aggregate-tree", Warning, [Fails, Fails, Works],
        "Orbax v0 restores the tree from the msgpack file of an early release, v1 does not know it";
    /// Values that lie in the msgpack file of an early release.
    AggregateValues = "aggregate-values", Note, [Fails, Fails, Works],
        "Orbax v0 restores the values in the msgpack file of an early release, v1 refuses the tree";
    /// The msgpack file of an early release cannot be read, and the tree does not need it.
    AggregateDamaged = "aggregate-damaged", Warning, [Works, Works, Fails],
        "Orbax v0 reads the msgpack file of an early release first, and fails; v1 does not look at it";
    /// `_METADATA` does not record the Zarr version of the arrays, which is 3.
    FormatUnsaid = "format-unsaid", Warning, [Works, Works, Fails],
        "Orbax takes the version that the program saves in: v1 restores these arrays, v0 does so if \
         told the version";
    /// `_METADATA` does not record the Zarr version of the arrays, which is 2.
    OldFormatUnsaid = "old-format-unsaid", Warning, [Fails, Fails, Works],
        "Orbax takes the version that the program saves in: v0 restores these arrays, v1 does so if \
         told the version";
    /// A manifest or root node cannot be read.
    DatabaseUnreadable = "database-unreadable", Error, [Fails, Fails, Fails],
        "no array of this checkpointable can be restored";
    /// A B+tree node cannot be read.
    NodeDamaged = "node-damaged", Error, [Fails, Fails, Fails],
        "the chunks that it lists are lost";
    /// A B+tree node holds something else than its parent says.
    NodeStatistics = "node-statistics", Warning, [Works, Works, Works],
        "a restore does not look at these numbers";
    /// Chunks that must have been stored are not in the store.
    ChunkMissing = "chunk-missing", Error, [Fails, Fails, Fails],
        "these elements are lost; a restore fails, or fills them with the fill value";
    /// Chunks are not in the store, and their writer may have left them out.
    ChunkAbsent = "chunk-absent", Warning, [Fails, Fails, MayFail],
        "Orbax v0 fills these elements with the fill value: right if they had it, as Zarr 3 writers \
         before 0.10.1 left such chunks out; v1 refuses the array";
    /// Chunks are not in the store of one host, and should be held by others.
    ChunkElsewhere = "chunk-elsewhere", Note, [MayFail, MayFail, MayFail],
        "nothing that this host should hold is missing; --combined with the directories of all hosts tells whether \
         everything is there";
    /// The bytes of chunks lie in a missing data file or after the end of one, or a damaged node
    /// may list them.
    ChunkLost = "chunk-lost", Error, [Fails, Fails, Fails],
        "these elements are lost; a restore fails, or fills them with the fill value";
    /// Two chunks claim the same bytes of a data file.
    ChunkOverlap = "chunk-overlap", Error, [Fails, Fails, Fails],
        "at least one of them holds the data of another chunk";
    /// A chunk has a length that is not possible in its encoding.
    ChunkLength = "chunk-length", Error, [Fails, Fails, Fails],
        "a restore of this array fails";
    /// An array without elements has chunks.
    ShapeEmpty = "shape-empty", Error, [Fails, Fails, Fails],
        "a restore gives an array without elements, or fails where a shape is asked for";
    /// Keys of chunks outside of the grid.
    ChunkOutside = "chunk-outside", Warning, [MayFail, MayFail, MayFail],
        "ignored by a restore; the array's shape is doubtful";
    /// Keys below an array's name that are not chunk keys.
    KeyUnknown = "key-unknown", Warning, [Works, Works, Works],
        "ignored by a restore";
    /// Keys that belong to no array.
    KeyStray = "key-stray", Warning, [Works, Works, Works],
        "ignored by a restore";
    /// A data file that is referred to does not exist.
    DataFileMissing = "data-file-missing", Error, [Fails, Fails, Fails],
        "what lies in it is lost";
    /// A data file ends before something that lies in it.
    DataFileShort = "data-file-short", Error, [Fails, Fails, Fails],
        "data beyond the end of the file is lost";
    /// Two nodes claim the same bytes of a data file.
    NodeOverlap = "node-overlap", Warning, [Works, Works, Works],
        "both could be read";
    /// Data files that nothing refers to.
    DataFileUnused = "data-file-unused", Note, [Works, Works, Works],
        "held by nothing; can come from superseded versions or from before the merge";
    /// Bytes of a shard or a data file that nothing refers to.
    BytesSurplus = "bytes-surplus", Warning, [MayFail, MayFail, MayFail],
        "harmless where they were appended; where they were inserted, other bytes are read as values \
         than were written";
    /// Chunks that could not be read.
    ChunkUnreadable = "chunk-unreadable", Error, [Fails, Fails, Fails],
        "these elements are lost; a restore of this array fails";
    /// Chunks whose compressed form is damaged, or whose checksum differs.
    ChunkDamaged = "chunk-damaged", Error, [Fails, Fails, Fails],
        "these elements are lost; a restore of this array fails";
    /// Chunks that hold NaN or infinity.
    NotFinite = "not-finite", Warning, [Works, Works, Works],
        "restored as they are";
    /// Chunks with a compression that is not decoded here.
    NotDecoded = "not-decoded", Note, [Works, Works, Works],
        "their lengths were checked, not their content";
    /// Something could not be checked.
    NotChecked = "not-checked", Warning, [MayFail, MayFail, MayFail],
        "nothing is known of it";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_of_one_style() {
        let mut names: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(names.iter().all(plain));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}

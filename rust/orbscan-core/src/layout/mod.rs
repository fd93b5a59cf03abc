//! What a directory is, decided in one place: reader, scan, steps, verify and du all use it.
//!
//! | module | what it decides |
//! |---|---|
//! | `step` | what a name says about a step |
//! | `root` | what the listing of a checkpoint shows: its checkpointables, finished and unfinished |
//! | `evidence` | whether a directory holds, or held, the arrays of a pytree |
//! | `foreign` | what the directory of another library is |
//! | `header` | how `_CHECKPOINT_METADATA` is read, and what is tolerated in it |
//! | `recognise` | from a listing to a layout; temporary directories of saves |
//! | `choose` | flat or composite; which pytree is read if none is named |
//! | `expected` | what should be a pytree, or a checkpointable, and is not |
//! | `part` | a step that is only partly there |
//! | `nested` | the steps that lie in the directory of a checkpoint |
//! | `complete` | whether a step is complete |
//! | `steady` | whether it is the same checkpoint from the first byte to the last |
//! | `below` | the steps and checkpoints one level below a directory that is not a checkpoint |
//! | `refusal` | why something is not read, in words for people |
//! | `detect` | all of it, for a path that the user gave |

pub mod below;
pub mod choose;
pub mod complete;
pub mod detect;
pub mod evidence;
pub mod expected;
pub mod foreign;
pub mod header;
pub mod nested;
pub mod part;
pub mod recognise;
pub mod refusal;
pub mod root;
pub mod steady;
pub mod step;

use crate::orbax::commit::Atomicity;

/// What counts as a finished checkpoint, and whether an unfinished one may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What makes a save a finished one; `None` if the store decides, see [`Store::atomicity`].
    ///
    /// [`Store::atomicity`]: crate::store::Store::atomicity
    pub atomicity: Option<Atomicity>,
    /// Whether an unfinished save is read, and reported as an issue, instead of refused.
    pub allow_uncommitted: bool,
}

//! What a directory is, decided once for everybody: reader, scan, steps, verify and du ask here.
//!
//! | module | what it decides |
//! |---|---|
//! | `step` | what a name says of a step |
//! | `root` | what the listing of a checkpoint tells: its checkpointables, those that were never finished |
//! | `evidence` | whether a directory holds, or held, the arrays of a pytree |
//! | `foreign` | what the directory of another library is |
//! | `header` | how `_CHECKPOINT_METADATA` is read, and what is tolerated in it |
//! | `recognise` | from a listing to a layout; the leftovers of saves |
//! | `choose` | flat or composite; which pytree is read if none is named |
//! | `expected` | what should be a pytree, or a checkpointable, and is not |
//! | `part` | a step of which only a part is there |
//! | `nested` | the steps that lie in the directory of a checkpoint |
//! | `complete` | whether all of a step is there |
//! | `steady` | whether it is the same checkpoint from the first byte to the last |
//! | `below` | the steps and checkpoints that lie one level below what is not a checkpoint itself |
//! | `refusal` | why something is not read, in words for people |
//! | `detect` | all of it, for a path that somebody names |

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

/// What counts as a finished checkpoint, and whether one that is not may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What makes a save a finished one; `None` where the store decides, see [`Store::atomicity`].
    ///
    /// [`Store::atomicity`]: crate::store::Store::atomicity
    pub atomicity: Option<Atomicity>,
    /// Whether an unfinished save is read, and said to be one, instead of refused.
    pub allow_uncommitted: bool,
}

//! All that a user says of a store.

use std::sync::Arc;

use crate::login::Login;
use crate::options::Options;

/// What a user says of a store.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// In words.
    pub options: Options,
    /// The user's own code that logs in; by default the options and the environment say how.
    pub login: Option<Arc<dyn Login>>,
    /// A directory of the store that paths begin in, not at its top.
    pub prefix: Option<String>,
}

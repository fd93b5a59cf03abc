//! Everything that a user specifies about a store.

use std::sync::Arc;

use crate::login::Login;
use crate::options::Options;

/// What a user specifies about a store.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// As text.
    pub options: Options,
    /// The user's own code that provides credentials; by default the options and the environment
    /// do.
    pub login: Option<Arc<dyn Login>>,
    /// A directory of the store in which paths begin, instead of its top.
    pub prefix: Option<String>,
}

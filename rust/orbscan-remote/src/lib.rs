//! Checkpoints in buckets, on web servers and on the Hugging Face hub, as stores of the core.
//!
//! On a bucket time is round trips. One listing of a directory, with sizes and versions, answers every
//! question about what lies where; with the first file that is wanted all others are fetched that will
//! be. So a checkpoint takes two rounds, and the readers stay plain code that asks in waves.
//!
//! | module | does |
//! |---|---|
//! | `url` | takes a URL apart, and spells paths of its store |
//! | `options` | what a user may say about a store, and what the environment says |
//! | `gate` | how many requests are under way at once, and how many a second |
//! | `runtime` | the threads that wait for answers, and how a caller waits for them |
//! | `client` | what asks one bucket, server or repository |
//! | `login` | logins that a user's own code gives |
//! | `choice` | all that a user says of a store |
//! | `process` | the runtime and the clients of a process |
//! | `wire` | single requests: a listing, a file, whether one is there |
//! | `hub` | the listings of the Hugging Face hub |
//! | `fault` | what the clients' errors mean |
//! | `tree` | what a listing says |
//! | `ranges` | ranges of one file that lie close are one request |
//! | `plan` | what is fetched along with what was asked for |
//! | `bucket` | many requests at once, and what their answers come to |
//! | `kept` | listings that a walk has come upon |
//! | `held` | one directory while it is read |
//! | `store` | the store itself |
//! | `probe` | a tree of guesses, where nothing can be listed |

mod bucket;
mod choice;
mod client;
mod fault;
mod gate;
mod held;
mod hub;
mod kept;
mod login;
mod options;
mod plan;
mod probe;
mod process;
mod ranges;
mod runtime;
mod store;
mod tree;
mod url;
mod wire;

pub use choice::Choice;
pub use login::{Grant, Login};
pub use options::Options;
pub use store::RemoteStore;
pub use url::{Scheme, Url, is_url};

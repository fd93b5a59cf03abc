//! Checkpoints in buckets, on web servers and on the Hugging Face hub, as stores of the core.
//!
//! In a bucket, round trips take the time. One listing of a directory, with sizes and versions,
//! says what lies where; with the first file that is requested, all others are fetched that will be
//! needed. So a checkpoint takes two rounds, and the readers stay plain code that makes batches of
//! requests.
//!
//! | module | does |
//! |---|---|
//! | `url` | parses a URL, and spells paths of its store |
//! | `options` | the options of a store, and the environment |
//! | `gate` | limits how many requests are made at once, and per second |
//! | `runtime` | the threads that wait for answers, and how a caller waits for them |
//! | `client` | the client of one bucket, server or repository |
//! | `login` | credentials from the user's own code |
//! | `choice` | everything that a user specifies about a store |
//! | `process` | the runtime and the clients of a process |
//! | `wire` | single requests: a listing, a file, whether one exists |
//! | `hub` | the listings of the Hugging Face hub |
//! | `fault` | the meaning of the clients' errors |
//! | `tree` | the content of a listing |
//! | `ranges` | merges ranges of one file that lie close together into one request |
//! | `plan` | what is fetched together with what was requested |
//! | `warmth` | how many connections are open |
//! | `bucket` | many requests at once, and their answers |
//! | `kept` | listings that a walk has made |
//! | `held` | one directory while it is read |
//! | `store` | the store itself |
//! | `probe` | a tree of guesses, if nothing can be listed |

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
mod warmth;
mod wire;

pub use choice::Choice;
pub use login::{Grant, Login};
pub use options::Options;
pub use store::RemoteStore;
pub use url::{Scheme, Url, is_url};

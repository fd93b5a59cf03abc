//! Checks of whole checkpoints in memory: intact ones, and each kind of damage.

mod data;
mod hosts;
mod index;
mod structure;
mod support;
mod usage;

//! Many checkpoints: found by walking directories, read side by side, given one by one.

pub mod entry;
pub mod steps;

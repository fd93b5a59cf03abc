//! The walk, its order and its cost, over checkpoints in memory.

mod cost;
mod found;
mod odd;
mod pieces;
mod support;

//! OCDBT databases as a whole: those that tensorstore wrote, those that our own writer writes, and
//! what is left of them after damage.

mod damage;
mod reads;
mod round_trips;
mod support;

//! Pairings by eight-way arithmetic.
//!
//! | file | subject |
//! |---|---|
//! | `step.rs` | doubling and addition on the twist with their lines |
//! | `duo.rs` | doublings of one or two pairs, for latency |
//! | `miller.rs` | products of Miller loops |
//! | `stored.rs` | points of G2 whose lines are stored |
//! | `finish.rs` | the final exponentiation |
//! | `tests.rs` | tests against arkworks and blst |

mod duo;
mod finish;
mod miller;
mod step;
mod stored;
#[cfg(test)]
mod tests;

pub(crate) use finish::final_exponentiation;
pub(crate) use miller::{miller_loop, miller_loop_stored};
pub(crate) use stored::LineTable;

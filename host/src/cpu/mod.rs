//! The CPU backends.
//!
//! [`CpuPortable`] is blst behind the [`Backend`](crate::backend::Backend) trait, with rayon for threads. It has every
//! operation, runs on every CPU, and is the reference: what it says stands.
//!
//! | file | subject |
//! |---|---|
//! | `group.rs` | blst's functions of G1 and G2 behind one trait; the `unsafe` calls |
//! | `msm.rs` | multi-scalar multiplication, sums, elementwise multiplication |
//! | `pairing.rs` | Miller loops and the final exponentiation |
//! | `map.rs` | hash and map to curve |
//! | `threads.rs` | a pool per class, and the cutting of work into pieces |
//! | `portable.rs` | the backend |

mod group;
mod map;
mod msm;
mod pairing;
mod portable;
mod threads;

pub(crate) use pairing::{final_exponentiation, miller_product};
pub use portable::CpuPortable;

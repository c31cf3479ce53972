//! The CPU backends.
//!
//! [`CpuPortable`] is blst behind the [`Backend`] trait, with rayon for threads. It has every
//! operation, runs on every CPU, and is the reference: what it says stands.
//!
//! The vector engine is our own arithmetic on AVX-512 IFMA, for the operations and sizes where it is faster. It is
//! found at run time ([`vector_engine`]), whatever CPU the build was for: with `-C target-cpu=x86-64` it is in the program
//! and used where the machine has the instructions. The environment variable `ARBLAST_CPU_ENGINE=off` leaves it out.
//!
//! | file | subject |
//! |---|---|
//! | `group.rs` | blst's functions of G1 and G2 behind one trait; the `unsafe` calls |
//! | `msm.rs` | multi-scalar multiplication, sums, elementwise multiplication |
//! | `pairing.rs` | Miller loops and the final exponentiation |
//! | `map.rs` | hash and map to curve |
//! | `threads.rs` | a pool per class, and the cutting of work into pieces |
//! | `transform.rs` | the transform over Fr |
//! | `portable.rs` | the backend |
//! | `engine.rs` | the vector engine as a backend |
//! | `batch.rs` | batch inversion and affine normalisation |
//! | `products.rs` | products in Fp and Fp2 alone, for benches |
//! | `elements.rs` | field elements of arkworks on the engine |
//! | `vector/` | eight-way arithmetic on AVX-512 IFMA |

mod batch;
#[cfg(target_arch = "x86_64")]
mod elements;
#[cfg(target_arch = "x86_64")]
mod engine;
mod group;
mod map;
mod msm;
mod pairing;
mod portable;
mod products;
mod threads;
mod transform;
#[cfg(target_arch = "x86_64")]
mod vector;

use crate::backend::Backend;
use std::sync::Arc;

pub use batch::{invert_fp, invert_fp2, invert_fr, normalize_g1, normalize_g2};
pub(crate) use pairing::{final_exponentiation, miller_product};
pub use portable::CpuPortable;
pub use products::{multiply_fp, multiply_fp2};

/// The name of the vector engine, present or not.
pub const ENGINE: &str = "cpu-ifma";

/// The environment variable that leaves the vector engine out when it is `off`.
pub const ENGINE_SWITCH: &str = "ARBLAST_CPU_ENGINE";

/// The vector engine with `threads` threads for a call (0 means one per core), or why there is none.
///
/// # Errors
/// The reason, for the operator: the CPU or the environment.
pub fn vector_engine(threads: usize) -> Result<Arc<dyn Backend>, String> {
    if switched_off() {
        return Err(format!("{ENGINE_SWITCH}=off"));
    }
    detect(threads).ok_or_else(|| "this CPU has no AVX-512 IFMA".into())
}

/// Whether the environment leaves the vector engine out.
fn switched_off() -> bool {
    std::env::var_os(ENGINE_SWITCH).is_some_and(|value| value == "off")
}

#[cfg(target_arch = "x86_64")]
fn detect(threads: usize) -> Option<Arc<dyn Backend>> {
    Some(Arc::new(engine::CpuEngine::new(vector::Ifma::detect()?, threads)))
}

#[cfg(not(target_arch = "x86_64"))]
fn detect(_threads: usize) -> Option<Arc<dyn Backend>> {
    None
}

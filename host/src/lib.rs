//! Arblast: BLS12-381 on whatever hardware the operator owns, behind one dispatcher with a CPU fallback.
//!
//! ```
//! use arblast::bls::{Ciphersuite, MinPk, SecretKey, SignatureSet};
//! use arblast::{Call, Class, Dispatcher};
//!
//! let dispatcher = Dispatcher::builder().build()?; // detects, self-tests, picks by operation and size
//! let (suite, call) = (Ciphersuite::<MinPk>::POP, Call::new(Class::Block));
//! let secret = SecretKey::key_gen(&[7; 32], b"")?;
//! let signature = suite.sign(&secret, b"message"); // blst, constant time
//! let sets = [SignatureSet::single(b"message", secret.public_key(), signature)];
//! assert!(suite.verify_batch(&dispatcher, &call, &sets)?.all_valid());
//! # Ok::<(), arblast::Error>(())
//! ```
//!
//! # Layers
//!
//! | module | holds |
//! |---|---|
//! | [`bls`] | signatures on top of the dispatcher: keys, ciphersuites, aggregates, batches |
//! | [`Dispatcher`] | the operations: where each one runs, and what its answer is worth |
//! | [`backend`] | the trait that a device implements, and what it may rely on |
//! | [`cpu`] | the reference backend: blst, on every CPU |
//! | `gpu` (feature `wgpu`) | the backend for GPUs through Vulkan |
//! | [`InSubgroup`] | points whose membership was checked, as a type |
//!
//! # Types at the border
//!
//! Points, scalars and pairing outputs are those of arkworks 0.6 (`ark-bls12-381`): affine points in Montgomery form,
//! the identity as (0, 0). Encodings are the compressed ones that Ethereum uses, 48 bytes in G1 and 96 in G2.
//! Multi-scalar multiplication and pairings take [`G1`] and [`G2`], points that were checked to be in the subgroup:
//! backends disagree outside it, and two validators with different hardware must never disagree.
//!
//! # Verdicts and errors
//!
//! An invalid signature is `Ok(false)`. A malformed encoding is a [`PointError`]. Arguments that do not fit together
//! are an [`Error`]. A fault of a device is none of these: the CPU answers, and the fault is counted ([`Stats`]).
//! No call panics, whatever its input.
//!
//! # Time
//!
//! Everything that a dispatcher runs takes variable time and sees public data only. Secret keys stay in [`bls`], in
//! blst's constant-time code.
#![warn(missing_docs)]

pub mod backend;
pub mod bls;
pub mod cpu;
mod dispatcher;
#[cfg(any(feature = "wgpu", target_arch = "x86_64"))]
mod encoding;
mod error;
mod expand;
#[cfg(feature = "wgpu")]
pub mod gpu;
mod layout;
mod point;

pub use backend::{CancelToken, Class};
pub use dispatcher::{
    Audit, BackendStats, BreakerState, Builder, CROSSOVER_BUDGET, Call, Crossover, CrossoverReport, DeviceCrossovers,
    DeviceReport, Dispatcher, LATENCY_BOUNDS_US, Measure, OpCrossover, OpStats, PreparedG1, PreparedG2, PreparedLines,
    Retirement, Selection, SelfTest, Stats, default_crossover_path, default_record_path, processor,
};
pub use error::{DeviceError, Error, PointError};
pub use expand::expand_message_xmd;
pub use point::{G1, G2, InSubgroup};

//! Builds and drives Verilator models of Arblast's FPGA designs, and offers them to the dispatcher as a backend.
//!
//! | module | holds |
//! |---|---|
//! | [`Model`] | any design, verilated, compiled, cached and loaded: pins by name, one clock |
//! | [`axi`] | transactors for the engines, under random backpressure and a cycle budget |
//! | [`simulate`] | the G1 engines, with arkworks' points on both sides |
//! | [`g2`] | the aggregation engine for G2 |
//! | [`trial`] | an engine on random inputs against the CPU, with its figures |
//! | [`testbench`] | a self-checking testbench of the MSM engine, for any simulator |
//! | [`FpgaSim`] | the backend `fpga-sim` |
//!
//! Everything needs Verilator 5.006 or later, g++ and make at run time, and says so where they are absent.
#![warn(missing_docs)]

pub mod axi;
mod backend;
pub mod cache;
mod compile;
mod error;
mod g1;
pub mod g2;
mod model;
mod shim;
pub mod simulate;
pub mod testbench;
mod toolchain;
pub mod trial;

pub use backend::FpgaSim;
pub use compile::{Options, library};
pub use error::Error;
pub use model::{Model, Pin};
pub use shim::Trace;
pub use toolchain::{OLDEST, Toolchain};

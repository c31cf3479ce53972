//! Builds and drives Verilator models of Arblast's FPGA designs, and offers them to the dispatcher as a backend.
//!
//! | module | holds |
//! |---|---|
//! | [`Model`] | any design, verilated, compiled, cached and loaded: pins by name, one clock |
//! | [`axi`] | transactors for the engines, under random backpressure and a cycle budget |
//! | [`simulate`] | what a simulation may be given; the MSM engine, with arkworks' points on both sides |
//! | [`aggregate`] | the aggregation engines for G1 and G2 |
//! | [`timeline`] | what an engine's adder and queue did, clock by clock |
//! | [`trial`] | an engine on random inputs against the CPU, with its figures |
//! | [`coverage`] | what of a design a run exercised |
//! | [`testbench`] | self-checking testbenches of the engines, for any simulator |
//! | [`FpgaSim`] | the backend `fpga-sim` |
//!
//! Everything needs Verilator 5.006 or later, g++ and make at run time, and says so where they are absent.
#![warn(missing_docs)]

pub mod aggregate;
pub mod axi;
mod backend;
pub mod cache;
mod compile;
pub mod coverage;
mod error;
mod g1;
mod model;
mod shim;
pub mod simulate;
mod stand_in;
pub mod testbench;
pub mod timeline;
mod toolchain;
pub mod trial;

pub use backend::FpgaSim;
pub use compile::{Options, library};
pub use error::Error;
pub use model::{Model, Pin};
pub use shim::Trace;
pub use toolchain::{OLDEST, Toolchain};

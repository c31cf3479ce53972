//! Builds and drives Verilator models of Arblast's FPGA designs.
#![warn(missing_docs)]

pub mod axi;
pub mod cache;
mod compile;
mod error;
mod model;
mod shim;
mod toolchain;

pub use compile::{Options, library};
pub use error::Error;
pub use model::{Model, Pin};
pub use shim::Trace;
pub use toolchain::{OLDEST, Toolchain};

//! FPGA designs for BLS12-381 in rust-hdl: field units, a complete G1 adder, MSM and aggregation engines, as Verilog.
#![warn(missing_docs)]

mod block;
pub mod cells;
pub mod designs;
pub mod emit;
pub mod engine;
pub mod field;
pub mod files;
#[rustfmt::skip]
mod generated;
pub mod report;
pub mod semantics;
mod testbench;
pub mod units;

pub use emit::{Design, Port, design, emit};

//! FPGA designs for BLS12-381 in rust-hdl: field units, a complete G1 adder, MSM and aggregation engines, as Verilog.
#![warn(missing_docs)]

mod block;
pub mod cells;
pub mod designs;
pub mod emit;
pub mod engine;
pub mod field;
pub mod field2;
pub mod files;
mod kernel;
pub mod report;
pub mod semantics;
pub mod simulate;
pub mod testbench;
mod text;
pub mod units;

pub use emit::{Design, Port, design, emit, on_large_stack};

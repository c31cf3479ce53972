//! The engines: an accumulator without conflicts around a pipelined adder, and the MSM and aggregation built on it.

pub mod accumulator;
pub mod aggregate;
pub mod aggregate_g2;
pub mod folded_accumulator;
pub mod msm;
pub mod msm_stages;
pub mod ports;
pub mod registers;
pub mod shell;
pub mod toy;

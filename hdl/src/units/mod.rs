//! The units: each has `latency()`, computed from its children, and a software model in [`crate::field`].

pub mod const_mul;
pub mod delay;
pub mod dsp;
pub mod folded;
pub mod fp2;
pub mod memory;
pub mod mod_add;
pub mod mont_mul;
pub mod point_add;
pub mod point_add_g2;
pub mod product;
pub mod register;
pub mod rom;
pub mod schedule;

//! Arblast: BLS12-381 on whatever hardware the operator owns.
#![warn(missing_docs)]

pub mod backend;
pub mod cpu;
mod error;
mod layout;
mod point;

pub use error::{DeviceError, Error, PointError};
pub use point::{G1, G2, InSubgroup};

//! Arblast: BLS12-381 on whatever hardware the operator owns.
#![warn(missing_docs)]

pub mod backend;
pub mod bls;
pub mod cpu;
mod dispatcher;
mod error;
mod layout;
mod point;

pub use backend::{CancelToken, Class};
pub use dispatcher::{
    Audit, BackendStats, BreakerState, Builder, Call, DeviceReport, Dispatcher, LATENCY_BOUNDS_US, OpStats, PreparedG1,
    PreparedG2, Retirement, Selection, SelfTest, Stats, default_record_path,
};
pub use error::{DeviceError, Error, PointError};
pub use point::{G1, G2, InSubgroup};

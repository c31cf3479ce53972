//! Votes: what a validator signs, and the record that keeps it from signing twice.
//!
//! - [`marks`]: the pure rule, which vote may follow which;
//! - [`record`]: the rule made durable, in a file outside the data folder;
//! - [`scheme`]: the certificate scheme that asks the record before it signs and sends every check through the
//!   dispatcher.

pub mod marks;
pub mod record;
pub mod scheme;

pub use marks::{Kind, Marks, Refusal, Vote};
pub use record::{FileRecord, MemoryRecord, Record, RecordError};
pub use scheme::Scheme;

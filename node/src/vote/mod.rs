//! Votes: what a validator signs, and the record that keeps it from signing twice.
//!
//! - [`marks`]: the pure rule, which vote may follow which;
//! - [`record`]: the rule made durable, in a file outside the data folder;
//! - [`gate`]: the door in front of the record, closed while the validator listens or observes;
//! - [`scheme`]: the certificate scheme that asks the record before it signs and sends every check through the
//!   dispatcher;
//! - [`witness`]: what the others have seen of our votes, asked before the gate opens;
//! - [`seen`]: what we have seen of theirs, kept over a restart.

pub mod gate;
pub mod marks;
pub mod record;
pub mod scheme;
pub mod seen;
pub mod witness;

pub use gate::Gate;
pub use marks::{Kind, Marks, Refusal, Vote};
pub use record::{FileRecord, MemoryRecord, Record, RecordError};
pub use scheme::Scheme;

use crate::crypto::{self, SecretKey};
use crate::genesis::Genesis;
use commonware_cryptography::{Hasher as _, Sha256};

/// Whose a record is: a digest of network and vote key.
pub fn owner(genesis: &Genesis, vote: &SecretKey) -> [u8; 32] {
    Sha256::hash(&[genesis.digest(), crypto::address(vote).as_ref()]).into()
}

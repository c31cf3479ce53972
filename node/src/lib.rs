//! The Arblast validator node.
#![warn(missing_docs)]

pub mod application;
pub mod block;
pub mod chain;
pub mod crypto;
pub mod devnet;
pub mod engine;
pub mod environment;
pub mod genesis;
pub mod ledger;
pub mod mempool;
pub mod monitor;
pub mod scratch;
pub mod transaction;
pub mod validation;
pub mod vote;

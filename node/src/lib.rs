//! The Arblast validator node: commonware consensus over a ledger of BLS accounts, with every signature check sent
//! through the `arblast` dispatcher.
//!
//! # The way of a transaction
//!
//! A client signs it ([`transaction`]) and submits it to a validator. The mempool ([`mempool`]) sheds what it can
//! without looking at signatures, checks the rest in batches, and passes good ones on to the other validators. A
//! proposer puts the best of each lane into a [`block`] under one aggregate signature. The other validators execute it
//! ([`application`], [`ledger`]) and check the aggregate ([`validation`]), which costs almost nothing for transactions
//! that their own mempools have checked. Votes and certificates ([`vote`]) make the block final.
//!
//! # Rules
//!
//! - Every signature check goes through [`crypto`]; it and [`accel`] are the only modules that know the host crate.
//! - A signature is called invalid only if blst says so; when a check cannot be carried out, nobody is blamed.
//! - No vote leaves before a synced record of it ([`vote::record`]).
//! - Nothing from outside panics: decoders are bounded, and arithmetic on foreign numbers is checked. What stops a
//!   node is the failure of its own storage.
//! - One function, [`engine::start`], runs a validator on any runtime: [`devnet`] on tokio, the tests on the
//!   deterministic one, where the same seed gives the same history.
//!
//! | module | subject |
//! |---|---|
//! | [`transaction`], [`block`], [`genesis`] | what travels and what is signed |
//! | [`ledger`], [`application`], [`chain`], [`validation`] | state, and what makes a block valid |
//! | [`mempool`] | admission, lanes, gossip |
//! | [`vote`] | the vote scheme and the record against double voting |
//! | [`engine`], [`environment`], [`monitor`] | wiring, what is asked of a runtime, reports |
//! | [`status`] | what a running validator says about itself |
//! | [`network`] | connections between validators |
//! | [`config`], [`init`], [`process`] | settings and files, a new network's, and one validator as a process |
//! | [`http`], [`metrics`] | the interfaces for clients and for operators |
//! | [`devnet`] | a network in one process under load |
//! | [`crypto`] | the door to the host crate |
//! | [`accel`] | `--accel`: the hardware by name |
#![warn(missing_docs)]

pub mod accel;
pub mod application;
pub mod block;
pub mod chain;
pub mod config;
pub mod crypto;
pub mod devnet;
pub mod engine;
pub mod environment;
pub mod genesis;
pub mod http;
pub mod init;
pub mod ledger;
pub mod mempool;
pub mod metrics;
pub mod monitor;
pub mod network;
pub mod process;
pub mod scratch;
pub mod status;
pub mod transaction;
pub mod validation;
pub mod vote;

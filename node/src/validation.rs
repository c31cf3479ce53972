//! The check of a block's aggregate signature.
//!
//! # Subtraction
//!
//! A block carries the sum A of its transactions' signatures. BLS signatures are unique: for a key and a message there
//! is one valid point. A validator that already checked some of the transactions in its mempool knows their points,
//! subtracts them from A and checks the difference against the remaining messages; if it knows all of them, the
//! difference must be the identity, and no pairing is computed at all.
//!
//! All points are checked to be in the subgroup when they are decoded, so that the subtraction is exact. A point in
//! the mempool is good up to the error of the batch check that admitted it (2^-64); so if the difference fails, the
//! whole aggregate is checked before the block is refused. A verdict therefore never depends on what a validator
//! happened to have in its mempool.

use crate::crypto::{Checker, Keys, Signature};
use crate::transaction::Transaction;
use commonware_cryptography::sha256;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether every sender signed.
    pub valid: bool,
    /// Transactions whose signatures were known and subtracted.
    pub known: usize,
    /// Transactions whose signatures were checked now.
    pub checked: usize,
}

/// Checks `aggregate`, a block's encoded signature, over `transactions`.
///
/// `known` holds, for each transaction, its signature if it was checked before. `seeds` are for the check of the
/// difference and of the whole.
///
/// # Errors
/// The check could not be carried out; nothing is known about the block.
///
/// # Panics
/// If `known` does not have the length of `transactions`: the caller's mistake.
pub fn check(
    checker: &Checker,
    keys: &Keys,
    genesis: &sha256::Digest,
    transactions: &[Transaction],
    known: &[Option<Signature>],
    aggregate: &[u8],
    seeds: [[u8; 32]; 2],
) -> Result<Verdict, arblast::Error> {
    assert_eq!(transactions.len(), known.len(), "one entry for each transaction");
    let refused = Verdict { valid: false, known: 0, checked: 0 };
    let Ok(aggregate) = Signature::from_bytes(aggregate) else {
        return Ok(refused);
    };
    let mut signers = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        match keys.get(&transaction.sender) {
            Some(key) => signers.push((key, transaction.message(genesis))),
            None => return Ok(refused),
        }
    }
    let all: Vec<_> = signers.iter().map(|(key, message)| (*key, message.as_slice())).collect();

    let subtracted: Vec<_> = known.iter().copied().flatten().collect();
    if !subtracted.is_empty() {
        let rest: Vec<_> = all.iter().zip(known).filter(|(_, known)| known.is_none()).map(|(pair, _)| *pair).collect();
        let difference = checker.subtract(&aggregate, &subtracted)?;
        if checker.block(seeds[0], &rest, &difference)? {
            return Ok(Verdict { valid: true, known: subtracted.len(), checked: rest.len() });
        }
        tracing::warn!(known = subtracted.len(), "an aggregate did not match the mempool; checking all of it");
    }
    let valid = checker.block(seeds[1], &all, &aggregate)?;
    Ok(Verdict { valid, known: 0, checked: all.len() })
}

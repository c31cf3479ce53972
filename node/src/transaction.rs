//! Transactions: what an account signs, and how it travels.
//!
//! An account is its 48-byte compressed BLS public key (in G1's subgroup, not the identity). A transaction moves an
//! amount from one account to another and pays a fee for its place in a block.
//!
//! # Wire layout
//!
//! All integers are big-endian. A transaction has a fixed size of 121 bytes, so that bytes of block space and counts
//! of transactions are the same thing:
//!
//! ```text
//! | sender (48) | recipient (48) | amount (8) | fee (8) | nonce (8) | lane (1) |
//! ```
//!
//! A signed transaction adds the signature, 217 bytes in all:
//!
//! ```text
//! | transaction (121) | signature: compressed G2 point (96) |
//! ```
//!
//! # What is signed
//!
//! The 32-byte genesis digest followed by the whole transaction, sender included. Three things follow:
//! - messages of different senders differ, so that one aggregate signature over a block needs no proof of possession
//!   (no key can be chosen to cancel another's);
//! - a signature counts on one network only;
//! - the lane is authenticated, so that nobody can move a standard transaction to the priority lane or back.
//!
//! # Lanes
//!
//! `priority` is for transactions that lose their point when they are late (margin, risk). It costs at least
//! [`PRIORITY_FEE_FACTOR`] times the base fee. Each lane counts its own nonces for each sender, so that a queue in
//! one lane never holds up the other.

use commonware_codec::{Buf, Encode as _, Error as CodecError, FixedSize, Read, ReadExt as _, Write};
use commonware_cryptography::{Hasher as _, Sha256, sha256};
use commonware_runtime::BufMut;
use commonware_utils::sequence::FixedBytes;

/// An account: a compressed public key in G1. Whether it is a valid key is checked where it matters, see
/// [`crate::crypto::Keys`].
pub type Address = FixedBytes<48>;

/// Identifies a transaction's content: SHA-256 of its encoding, without the signature.
pub type TransactionId = sha256::Digest;

/// How many times the base fee a priority transaction must pay at least.
pub const PRIORITY_FEE_FACTOR: u64 = 4;

/// The part of a block a transaction competes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Everything else.
    Standard = 0,
    /// Margin and risk transactions, at [`PRIORITY_FEE_FACTOR`] times the base fee or more.
    Priority = 1,
}

impl Lane {
    /// Both lanes, the one served first in front.
    pub const ALL: [Self; 2] = [Self::Priority, Self::Standard];

    /// The name used in interfaces: `standard`, `priority`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Priority => "priority",
        }
    }

    /// Position of this lane in per-lane arrays: standard 0, priority 1.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The least fee in this lane, given the network's base fee.
    pub const fn minimum_fee(self, base_fee: u64) -> u64 {
        match self {
            Self::Standard => base_fee,
            Self::Priority => base_fee.saturating_mul(PRIORITY_FEE_FACTOR),
        }
    }
}

impl FixedSize for Lane {
    const SIZE: usize = 1;
}

impl Write for Lane {
    fn write(&self, buf: &mut impl BufMut) {
        (*self as u8).write(buf);
    }
}

impl Read for Lane {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        match u8::read(buf)? {
            0 => Ok(Self::Standard),
            1 => Ok(Self::Priority),
            other => Err(CodecError::InvalidEnum(other)),
        }
    }
}

/// A transfer as its sender signs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The account that pays and signs.
    pub sender: Address,
    /// The account that receives the amount. May be the sender, may be new.
    pub recipient: Address,
    /// What the recipient receives; at least 1.
    pub amount: u64,
    /// What the sender pays on top. It is burned (see [`crate::ledger`]).
    pub fee: u64,
    /// The sender's next nonce in this lane, from 0.
    pub nonce: u64,
    /// The lane this transaction pays for.
    pub lane: Lane,
}

/// Why a transaction can never be part of a block, whatever the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It moves nothing.
    #[error("the amount is 0; a transfer moves at least 1")]
    NoAmount,
    /// The fee is below the lane's minimum.
    #[error("{lane:?} transaction: got a fee of {got}, expected at least {expected}")]
    Fee {
        /// The lane paid for.
        lane: Lane,
        /// The fee offered.
        got: u64,
        /// The lane's minimum.
        expected: u64,
    },
    /// Amount and fee exceed the largest balance.
    #[error("amount {amount} and fee {fee} exceed the largest possible balance")]
    Overflow {
        /// The amount.
        amount: u64,
        /// The fee.
        fee: u64,
    },
}

impl Transaction {
    /// The 153 bytes that the sender signs: genesis digest, then the encoding.
    pub fn message(&self, genesis: &sha256::Digest) -> Vec<u8> {
        let mut message = Vec::with_capacity(sha256::Digest::SIZE + Self::SIZE);
        message.extend_from_slice(genesis.as_ref());
        self.write(&mut message);
        message
    }

    /// SHA-256 of the encoding.
    pub fn id(&self) -> TransactionId {
        Sha256::hash(&[&self.encode()])
    }

    /// What leaves the sender's balance: amount and fee.
    ///
    /// # Errors
    /// [`Malformed::Overflow`] when the sum exceeds `u64`.
    pub const fn cost(&self) -> Result<u64, Malformed> {
        match self.amount.checked_add(self.fee) {
            Some(cost) => Ok(cost),
            None => Err(Malformed::Overflow { amount: self.amount, fee: self.fee }),
        }
    }

    /// Checks everything that depends on neither state nor signature.
    ///
    /// # Errors
    /// A [`Malformed`] that names the first rule broken.
    pub const fn check(&self, base_fee: u64) -> Result<(), Malformed> {
        if self.amount == 0 {
            return Err(Malformed::NoAmount);
        }
        let expected = self.lane.minimum_fee(base_fee);
        if self.fee < expected {
            return Err(Malformed::Fee { lane: self.lane, got: self.fee, expected });
        }
        match self.cost() {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl FixedSize for Transaction {
    const SIZE: usize = 2 * Address::SIZE + 3 * u64::SIZE + Lane::SIZE;
}

impl Write for Transaction {
    fn write(&self, buf: &mut impl BufMut) {
        self.sender.write(buf);
        self.recipient.write(buf);
        self.amount.write(buf);
        self.fee.write(buf);
        self.nonce.write(buf);
        self.lane.write(buf);
    }
}

impl Read for Transaction {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self {
            sender: Address::read(buf)?,
            recipient: Address::read(buf)?,
            amount: u64::read(buf)?,
            fee: u64::read(buf)?,
            nonce: u64::read(buf)?,
            lane: Lane::read(buf)?,
        })
    }
}

/// A transaction with a signature that nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignedTransaction {
    /// The content.
    pub transaction: Transaction,
    /// A compressed G2 point, not yet decoded.
    pub signature: FixedBytes<96>,
}

impl FixedSize for SignedTransaction {
    const SIZE: usize = Transaction::SIZE + 96;
}

impl Write for SignedTransaction {
    fn write(&self, buf: &mut impl BufMut) {
        self.transaction.write(buf);
        self.signature.write(buf);
    }
}

impl Read for SignedTransaction {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self { transaction: Transaction::read(buf)?, signature: FixedBytes::read(buf)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::DecodeExt as _;

    fn transfer() -> Transaction {
        Transaction {
            sender: Address::new([1; 48]),
            recipient: Address::new([2; 48]),
            amount: 3,
            fee: 4,
            nonce: 5,
            lane: Lane::Priority,
        }
    }

    #[test]
    fn decoding_refuses_an_unknown_lane_and_every_other_length() {
        let good = transfer().encode();
        assert_eq!(good.len(), 121);
        assert_eq!(Transaction::decode(good.clone()).unwrap(), transfer());
        for length in 0..good.len() {
            assert!(Transaction::decode(good.slice(..length)).is_err(), "{length} bytes");
        }
        let mut long = good.to_vec();
        long.push(0);
        assert!(Transaction::decode(long).is_err());
        for lane in 2..=255u8 {
            let mut bad = good.to_vec();
            bad[120] = lane;
            assert!(Transaction::decode(bad).is_err(), "lane {lane}");
        }
    }

    #[test]
    fn every_field_and_the_network_are_part_of_what_is_signed() {
        let genesis = Sha256::hash(&[b"one"]);
        let base = transfer().message(&genesis);
        assert_eq!(base.len(), 153);
        assert_ne!(base, transfer().message(&Sha256::hash(&[b"two"])));
        let variants = [
            Transaction { sender: Address::new([9; 48]), ..transfer() },
            Transaction { recipient: Address::new([9; 48]), ..transfer() },
            Transaction { amount: 9, ..transfer() },
            Transaction { fee: 9, ..transfer() },
            Transaction { nonce: 9, ..transfer() },
            Transaction { lane: Lane::Standard, ..transfer() },
        ];
        for variant in variants {
            assert_ne!(base, variant.message(&genesis), "{variant:?}");
            assert_ne!(transfer().id(), variant.id());
        }
    }

    #[test]
    fn the_rules_that_need_no_state() {
        assert_eq!(transfer().check(1), Ok(()));
        assert_eq!(Transaction { amount: 0, ..transfer() }.check(1), Err(Malformed::NoAmount));
        let cheap = Transaction { fee: 3, ..transfer() };
        assert_eq!(cheap.check(1), Err(Malformed::Fee { lane: Lane::Priority, got: 3, expected: 4 }));
        assert_eq!(Transaction { lane: Lane::Standard, ..cheap }.check(1), Ok(()));
        let huge = Transaction { amount: u64::MAX, ..transfer() };
        assert_eq!(huge.check(1), Err(Malformed::Overflow { amount: u64::MAX, fee: 4 }));
        assert_eq!(Lane::Priority.minimum_fee(u64::MAX), u64::MAX);
    }
}

//! Why the mempool refuses a transaction.

use crate::transaction::Malformed;

/// Why a transaction was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Shed {
    /// No block may hold it.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its nonce was used.
    #[error("nonce {got} is spent, expected at least {expected}")]
    Spent {
        /// Its nonce.
        got: u64,
        /// The account's next.
        expected: u64,
    },
    /// Its nonce is too far ahead.
    #[error("nonce {got} is too far ahead, expected less than {limit}")]
    Ahead {
        /// Its nonce.
        got: u64,
        /// The first nonce that is too far.
        limit: u64,
    },
    /// The sender cannot pay for it.
    #[error("costs {cost}, but the balance is {balance}")]
    Unaffordable {
        /// Amount and fee.
        cost: u64,
        /// The sender's balance.
        balance: u64,
    },
    /// It is here already.
    #[error("already known")]
    Known,
    /// Another one with its nonce is here, and it does not pay enough to replace it.
    #[error("a fee of {got} does not replace the known one, expected at least {expected}")]
    Underpriced {
        /// Its fee.
        got: u64,
        /// The least fee that replaces.
        expected: u64,
    },
    /// The sender has too many in this lane.
    #[error("the sender has {0} transactions in this lane already")]
    SenderFull(usize),
    /// The lane is full of better-paying ones.
    #[error("the lane is full; a fee of {got} does not exceed the lowest")]
    LaneFull {
        /// Its fee.
        got: u64,
    },
    /// Its signature is wrong, or an address is no key.
    #[error("the signature does not verify")]
    Signature,
    /// This node could not check its signature; nobody is to blame.
    #[error("the signature could not be checked")]
    Unchecked,
}

impl Shed {
    /// The reason in one word, for metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Spent { .. } => "nonce_spent",
            Self::Ahead { .. } => "nonce_too_high",
            Self::Unaffordable { .. } => "insufficient_balance",
            Self::Known => "known",
            Self::Underpriced { .. } => "underpriced",
            Self::SenderFull(_) => "sender_full",
            Self::LaneFull { .. } => "lane_full",
            Self::Signature => "invalid_signature",
            Self::Unchecked => "unchecked",
        }
    }
}

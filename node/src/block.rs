//! Blocks: an ordered list of transactions under one aggregate signature.
//!
//! # Wire layout
//!
//! ```text
//! | consensus context: epoch, view, leader (32), parent view, parent digest (32) |
//! | parent digest (32) | height (varint) | state root (32) | operation range     |
//! | aggregate signature: compressed G2 point (96)                               |
//! | count (varint) | transactions (121 each), without their signatures          |
//! ```
//!
//! The block's digest is SHA-256 of this encoding; consensus votes on the digest.
//!
//! # What makes a block valid
//!
//! Given its parent's state ([`crate::application`] runs these checks, in this order):
//! 1. its shape, [`Block::check`]: every transaction well formed, and each lane within its share of the space;
//! 2. its transactions settle: nonces in sequence, debits covered by the balances before the block, new accounts
//!    valid keys ([`crate::ledger`]);
//! 3. the aggregate signature is the sum of a signature by each sender over his message ([`crate::validation`]); a
//!    block without transactions carries the identity;
//! 4. the state root and the range of state operations are what execution gives.
//!
//! # Shares
//!
//! Half of a block's bytes are reserved for priority transactions and a quarter for standard ones; the remaining
//! quarter takes either. So standard transactions fill at most one half and priority ones at most three quarters,
//! whoever proposes: the shares are a rule of validity, not a habit of proposers.

use crate::genesis::{Genesis, Parameters};
use crate::transaction::{Lane, Malformed, Transaction};
use commonware_codec::{
    Buf, Encode as _, EncodeSize, Error as CodecError, FixedSize, MaxEncodeSize, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_consensus::types::{Epoch, Height, Round, View};
use commonware_consensus::{Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable, simplex};
use commonware_cryptography::{Digest as _, Digestible, Hasher as _, Sha256, ed25519, sha256};
use commonware_runtime::BufMut;
use commonware_storage::mmr::Location;
use commonware_utils::range::NonEmptyRange;
use commonware_utils::sequence::FixedBytes;

/// Where and by whom a block was proposed.
pub type Context = simplex::types::Context<sha256::Digest, ed25519::PublicKey>;

/// The state a block leaves behind: the root of the accounts, and the span of the operation log that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Root of the authenticated account database.
    pub root: sha256::Digest,
    /// The log's live operations after the block.
    pub range: NonEmptyRange<Location>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Round, leader and parent, as consensus gave them to the proposer.
    pub context: Context,
    /// Digest of the parent block; of the genesis block, the genesis digest.
    pub parent: sha256::Digest,
    /// Distance from the genesis block.
    pub height: Height,
    /// The state after this block.
    pub state: State,
    /// The sum of the senders' signatures, a compressed point, not yet decoded.
    pub signature: FixedBytes<96>,
    /// The transfers, in the order they apply.
    pub transactions: Vec<Transaction>,
}

/// Why a block can never be valid, whatever the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShape {
    /// More transactions of one lane than its share.
    #[error("{got} {lane:?} transactions, expected at most {most}")]
    Share {
        /// The lane.
        lane: Lane,
        /// How many there are.
        got: usize,
        /// The lane's share.
        most: usize,
    },
    /// More transactions than a block holds.
    #[error("{got} transactions, expected at most {most}")]
    Size {
        /// How many there are.
        got: usize,
        /// The block's limit.
        most: usize,
    },
    /// A transaction that no block may hold.
    #[error("transaction {index}: {source}")]
    Transaction {
        /// Its position in the block, from 0.
        index: usize,
        /// The rule it breaks.
        source: Malformed,
    },
}

/// How many transactions of each lane a block may hold; see the module documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    total: usize,
}

impl Shares {
    /// The shares of a block of at most `total` transactions.
    pub const fn new(total: u32) -> Self {
        Self { total: total as usize }
    }

    /// The most transactions of both lanes together.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// The most transactions of one lane: the whole less what is reserved for the other.
    pub const fn most(&self, lane: Lane) -> usize {
        match lane {
            Lane::Priority => self.total - self.total / 4,
            Lane::Standard => self.total - self.total / 2,
        }
    }
}

impl Block {
    /// The block before the first: no transactions, and a parent digest that binds the whole genesis.
    pub fn genesis(genesis: &Genesis, state: State) -> Self {
        let leader = genesis.validators()[0].0.identity.clone();
        let round = Round::new(Epoch::zero(), View::zero());
        Self {
            context: Context { round, leader, parent: (View::zero(), sha256::Digest::EMPTY) },
            parent: *genesis.digest(),
            height: Height::zero(),
            state,
            signature: empty_signature(),
            transactions: Vec::new(),
        }
    }

    /// Checks everything that depends on neither state nor signatures.
    ///
    /// # Errors
    /// An [`InvalidShape`] that names the first rule broken.
    pub fn check(&self, parameters: &Parameters) -> Result<(), InvalidShape> {
        let shares = Shares::new(parameters.block_transactions);
        if self.transactions.len() > shares.total() {
            return Err(InvalidShape::Size { got: self.transactions.len(), most: shares.total() });
        }
        for lane in Lane::ALL {
            let got = self.transactions.iter().filter(|transaction| transaction.lane == lane).count();
            let most = shares.most(lane);
            if got > most {
                return Err(InvalidShape::Share { lane, got, most });
            }
        }
        for (index, transaction) in self.transactions.iter().enumerate() {
            transaction.check(parameters.base_fee).map_err(|source| InvalidShape::Transaction { index, source })?;
        }
        Ok(())
    }
}

/// The aggregate of no signatures: the compressed identity.
pub const fn empty_signature() -> FixedBytes<96> {
    let mut bytes = [0; 96];
    bytes[0] = 0xc0;
    FixedBytes::new(bytes)
}

/// Bound for decoding: the most transactions of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimit(pub u32);

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        self.context.write(buf);
        self.parent.write(buf);
        self.height.write(buf);
        self.state.root.write(buf);
        self.state.range.write(buf);
        self.signature.write(buf);
        self.transactions.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        self.context.encode_size()
            + self.parent.encode_size()
            + self.height.encode_size()
            + self.state.root.encode_size()
            + self.state.range.encode_size()
            + self.signature.encode_size()
            + self.transactions.encode_size()
    }
}

impl Read for Block {
    type Cfg = BlockLimit;

    fn read_cfg(buf: &mut impl Buf, limit: &BlockLimit) -> Result<Self, CodecError> {
        Ok(Self {
            context: Context::read(buf)?,
            parent: sha256::Digest::read(buf)?,
            height: Height::read(buf)?,
            state: State { root: sha256::Digest::read(buf)?, range: NonEmptyRange::read(buf)? },
            signature: FixedBytes::read(buf)?,
            transactions: Vec::read_cfg(buf, &(RangeCfg::new(0..=limit.0 as usize), ()))?,
        })
    }
}

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> sha256::Digest {
        Sha256::hash(&[&self.encode()])
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        self.height
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> sha256::Digest {
        self.parent
    }
}

impl CertifiableBlock for Block {
    type Context = Context;

    fn context(&self) -> Context {
        self.context.clone()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(limit: &BlockLimit) -> usize {
        /// Widest encoding of the count before the transactions.
        const COUNT: usize = 5;
        Context::MAX_ENCODE_SIZE
            + 2 * sha256::Digest::SIZE
            + Height::MAX_ENCODE_SIZE
            + NonEmptyRange::<Location>::MAX_ENCODE_SIZE
            + FixedBytes::<96>::SIZE
            + COUNT
            + limit.0 as usize * Transaction::SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::Address;
    use commonware_codec::Decode as _;
    use commonware_cryptography::Signer as _;
    use commonware_utils::non_empty_range;

    const PARAMETERS: Parameters = Parameters { base_fee: 1, block_transactions: 8 };

    fn transfer(lane: Lane) -> Transaction {
        let (sender, recipient) = (Address::new([1; 48]), Address::new([2; 48]));
        Transaction { sender, recipient, amount: 1, fee: 4, nonce: 0, lane }
    }

    fn block(standard: usize, priority: usize) -> Block {
        let mut transactions = vec![transfer(Lane::Standard); standard];
        transactions.extend(vec![transfer(Lane::Priority); priority]);
        Block {
            context: Context {
                round: Round::new(Epoch::zero(), View::new(2)),
                leader: ed25519::PrivateKey::from_seed(0).public_key(),
                parent: (View::new(1), Sha256::hash(&[b"parent"])),
            },
            parent: Sha256::hash(&[b"parent"]),
            height: Height::new(7),
            state: State {
                root: Sha256::hash(&[b"root"]),
                range: non_empty_range!(Location::new(1), Location::new(9)),
            },
            signature: empty_signature(),
            transactions,
        }
    }

    #[test]
    fn decoding_is_bounded_and_total() {
        let good = block(3, 1).encode();
        assert_eq!(Block::decode_cfg(good.clone(), &BlockLimit(4)).unwrap(), block(3, 1));
        assert!(Block::decode_cfg(good.clone(), &BlockLimit(3)).is_err(), "more transactions than the limit");
        for length in 0..good.len() {
            assert!(Block::decode_cfg(good.slice(..length), &BlockLimit(4)).is_err(), "{length} bytes");
        }
        assert!(good.len() <= Block::max_encode_size(&BlockLimit(4)));
    }

    #[test]
    fn each_lane_keeps_to_its_share() {
        for (standard, priority, expected) in [
            (0, 0, Ok(())),
            (4, 4, Ok(())),
            (2, 6, Ok(())),
            (5, 0, Err(InvalidShape::Share { lane: Lane::Standard, got: 5, most: 4 })),
            (0, 7, Err(InvalidShape::Share { lane: Lane::Priority, got: 7, most: 6 })),
            (4, 5, Err(InvalidShape::Size { got: 9, most: 8 })),
        ] {
            assert_eq!(block(standard, priority).check(&PARAMETERS), expected, "{standard} + {priority}");
        }
        for total in 0..20 {
            let shares = Shares::new(total);
            let reserved = shares.total() - shares.most(Lane::Standard);
            assert!(reserved <= shares.most(Lane::Priority) && shares.most(Lane::Priority) <= shares.total());
        }
    }

    #[test]
    fn a_malformed_transaction_is_named() {
        let mut bad = block(2, 0);
        bad.transactions[1].amount = 0;
        let expected = InvalidShape::Transaction { index: 1, source: Malformed::NoAmount };
        assert_eq!(bad.check(&PARAMETERS), Err(expected));
    }
}

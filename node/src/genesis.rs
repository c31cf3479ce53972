//! What a network agrees on before its first block.
//!
//! The genesis names the network, its validators, its first accounts and its parameters. Its digest stands in every
//! signed transaction, in the namespace of every vote and in the genesis block, so that two networks share nothing.
//!
//! # Checks
//!
//! [`Genesis::new`] is the only way to one, and refuses:
//! - a validator whose proof of possession does not verify: the consensus engine adds up vote keys and leaves it to
//!   its caller to make sure that none was chosen to cancel another;
//! - two validators with the same identity or the same vote key;
//! - an account that is no key in G1's subgroup, and balances whose sum exceeds `u64` (fees are burned, so that no
//!   balance can overflow later).

use crate::crypto::{Checker, Keys, PublicKey, Signature};
use crate::transaction::{Address, Transaction};
use arblast::PointError;
use commonware_codec::{Encode as _, FixedSize as _};
use commonware_cryptography::{Hasher as _, Sha256, ed25519, sha256};
use std::collections::{BTreeMap, BTreeSet};

/// A validator as the genesis lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Key of the authenticated connections; orders the validators.
    pub identity: ed25519::PublicKey,
    /// Compressed BLS key of the votes.
    pub vote: [u8; 48],
    /// Proof of possession of the vote key: a compressed signature.
    pub proof: [u8; 96],
}

/// How many validators a network may have.
pub const VALIDATORS: std::ops::RangeInclusive<usize> = 1..=64;
/// The longest that the least time from a block to the next may be.
pub const LONGEST_INTERVAL: std::time::Duration = std::time::Duration::from_secs(60);

/// Rules of the ledger that a network chooses once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The least fee of a standard transaction.
    pub base_fee: u64,
    /// The most transactions of a block, both lanes together.
    pub block_transactions: u32,
}

impl Parameters {
    /// Bytes of a block's transactions.
    pub const fn block_bytes(&self) -> u64 {
        self.block_transactions as u64 * Transaction::SIZE as u64
    }
}

/// Why a genesis is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Nobody to vote.
    #[error("the genesis lists no validator, expected at least one")]
    NoValidators,
    /// An identity appears twice.
    #[error("validator {0}: its identity is listed twice")]
    DuplicateIdentity(usize),
    /// A vote key appears twice.
    #[error("validator {0}: its vote key is listed twice")]
    DuplicateVoteKey(usize),
    /// A vote key or proof is no point of its subgroup.
    #[error("validator {validator}: malformed {what}: {source}")]
    Encoding {
        /// Position in the list, from 0.
        validator: usize,
        /// The field.
        what: &'static str,
        /// What is wrong with it.
        source: PointError,
    },
    /// A proof of possession does not verify.
    #[error("validator {0}: the proof of possession does not match its vote key")]
    Possession(usize),
    /// An account is no public key.
    #[error("account {0}: not a public key in the subgroup")]
    Account(Address),
    /// Blocks of a size that nobody supports.
    #[error("block_transactions is {got}, expected 8 to {most}")]
    BlockTransactions {
        /// The most transactions of a block.
        got: u32,
        /// What is supported.
        most: u32,
    },
    /// The balances sum to more than a balance can hold.
    #[error("the balances sum to more than {}", u64::MAX)]
    Supply,
    /// The proofs could not be checked.
    #[error("the proofs of possession could not be checked: {0}")]
    Check(#[from] arblast::Error),
}

/// A checked genesis.
#[derive(Clone, Debug)]
pub struct Genesis {
    validators: Vec<(Validator, PublicKey)>,
    accounts: BTreeMap<Address, u64>,
    parameters: Parameters,
    digest: sha256::Digest,
}

impl Genesis {
    /// Checks a genesis and computes its digest.
    ///
    /// # Errors
    /// A [`GenesisError`] that names the first rule broken.
    pub fn new(
        name: &str,
        validators: Vec<Validator>,
        accounts: BTreeMap<Address, u64>,
        parameters: Parameters,
        checker: &Checker,
    ) -> Result<Self, GenesisError> {
        let validators = check_validators(validators, checker)?;
        check_accounts(&accounts)?;
        let digest = digest(name, &validators, &accounts, &parameters);
        Ok(Self { validators, accounts, parameters, digest })
    }

    /// The validators with their decoded vote keys, in the order of the list.
    pub fn validators(&self) -> &[(Validator, PublicKey)] {
        &self.validators
    }

    /// The first balances.
    pub const fn accounts(&self) -> &BTreeMap<Address, u64> {
        &self.accounts
    }

    /// The ledger's rules.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// SHA-256 over everything above.
    pub const fn digest(&self) -> &sha256::Digest {
        &self.digest
    }

    /// The namespace of this network's votes.
    pub fn vote_namespace(&self) -> Vec<u8> {
        [b"_ARBLAST_VOTE_".as_slice(), self.digest.as_ref()].concat()
    }

    /// The namespace of this network's connections.
    pub fn network_namespace(&self) -> Vec<u8> {
        [b"_ARBLAST_P2P_".as_slice(), self.digest.as_ref()].concat()
    }
}

fn check_validators(
    validators: Vec<Validator>,
    checker: &Checker,
) -> Result<Vec<(Validator, PublicKey)>, GenesisError> {
    if validators.is_empty() {
        return Err(GenesisError::NoValidators);
    }
    let mut identities = BTreeSet::new();
    let mut votes = BTreeSet::new();
    let mut checked = Vec::with_capacity(validators.len());
    for (index, validator) in validators.into_iter().enumerate() {
        if !identities.insert(validator.identity.clone()) {
            return Err(GenesisError::DuplicateIdentity(index));
        }
        if !votes.insert(validator.vote) {
            return Err(GenesisError::DuplicateVoteKey(index));
        }
        let encoding = |what| move |source| GenesisError::Encoding { validator: index, what, source };
        let key = PublicKey::from_bytes(&validator.vote).map_err(encoding("vote key"))?;
        let proof = Signature::from_bytes(&validator.proof).map_err(encoding("proof of possession"))?;
        if !checker.possession(&key, &proof)? {
            return Err(GenesisError::Possession(index));
        }
        checked.push((validator, key));
    }
    Ok(checked)
}

fn check_accounts(accounts: &BTreeMap<Address, u64>) -> Result<(), GenesisError> {
    let keys = Keys::new(1);
    let mut supply = 0u64;
    for (address, balance) in accounts {
        if keys.get(address).is_none() {
            return Err(GenesisError::Account(address.clone()));
        }
        supply = supply.checked_add(*balance).ok_or(GenesisError::Supply)?;
    }
    Ok(())
}

/// Every variable-length part is preceded by its length, so that no two genesis encode alike.
fn digest(
    name: &str,
    validators: &[(Validator, PublicKey)],
    accounts: &BTreeMap<Address, u64>,
    parameters: &Parameters,
) -> sha256::Digest {
    let mut hasher = Sha256::default();
    hasher.update(b"ARBLAST_GENESIS_V1");
    hasher.update(&(name.len() as u64).to_be_bytes());
    hasher.update(name.as_bytes());
    hasher.update(&(validators.len() as u64).to_be_bytes());
    for (validator, _) in validators {
        hasher.update(&validator.identity.encode());
        hasher.update(&validator.vote);
    }
    hasher.update(&(accounts.len() as u64).to_be_bytes());
    for (address, balance) in accounts {
        hasher.update(address.as_ref());
        hasher.update(&balance.to_be_bytes());
    }
    hasher.update(&parameters.base_fee.to_be_bytes());
    hasher.update(&parameters.block_transactions.to_be_bytes());
    hasher.finalize().1
}

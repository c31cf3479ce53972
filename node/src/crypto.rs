//! The node's one door to the `arblast` host crate: every signature check passes here.
//!
//! # What is checked, and in which class
//!
//! | call | class | work |
//! |---|---|---|
//! | votes and certificates ([`crate::vote`]) | consensus | one message, one or many keys |
//! | a block's aggregate signature ([`crate::validation`]) | block | one multi-pairing of n+1 pairs |
//! | admission to the mempool ([`crate::mempool`]) | admission | a batch of sets by random linear combination |
//!
//! # Seeds
//!
//! Each call takes the 32-byte seed of its random linear combination from the caller, so that the deterministic
//! runtime replays exactly. On a real network the runtime's generator is seeded by the operating system.
//!
//! # Errors
//!
//! An invalid signature is `Ok(false)`. An [`arblast::Error`] means that the call could not be carried out, which
//! says nothing about the signature: callers must not blame anyone for it.

use crate::transaction::Address;
use arblast::bls::{Ciphersuite, MinPk, SignatureSet};
use arblast::{Call, Class, Dispatcher, Error};
use commonware_utils::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A public key in G1's subgroup, not the identity.
pub type PublicKey = arblast::bls::PublicKey<MinPk>;
/// A signature in G2's subgroup.
pub type Signature = arblast::bls::Signature<MinPk>;
/// A secret key; signing runs on the CPU in constant time.
pub use arblast::bls::SecretKey;

/// The ciphersuite of accounts and of votes: minimal public keys, proof of possession tag.
const SUITE: Ciphersuite<MinPk> = Ciphersuite::<MinPk>::POP;

/// How long a device may think about a vote or a certificate before the CPU answers.
///
/// These calls hold up the consensus actors, so that the bound is well below a view's time-out.
pub const CONSENSUS_DEADLINE: Duration = Duration::from_millis(50);
/// How long a device may think about a block.
pub const BLOCK_DEADLINE: Duration = Duration::from_millis(250);
/// How long a device may think about a batch of new transactions.
pub const ADMISSION_DEADLINE: Duration = Duration::from_millis(500);

/// One signature with the message and the keys it claims.
pub struct Claim<'a> {
    /// The signed bytes.
    pub message: &'a [u8],
    /// One key, or several for a signature that aggregates theirs over one message.
    pub keys: Vec<PublicKey>,
    /// The signature.
    pub signature: Signature,
}

/// Checks signatures through a dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Checker {
    dispatcher: Dispatcher,
}

impl std::fmt::Debug for Checker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checker")
    }
}

impl Checker {
    /// A checker over a dispatcher, which the validators of one process may share.
    pub const fn new(dispatcher: Dispatcher) -> Self {
        Self { dispatcher }
    }

    /// The dispatcher, for its statistics.
    pub const fn dispatcher(&self) -> &Dispatcher {
        &self.dispatcher
    }

    /// Whether all keys signed one message (a vote has one key, a certificate a quorum). Consensus class.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about the signature.
    pub fn quorum(
        &self,
        seed: [u8; 32],
        keys: &[PublicKey],
        message: &[u8],
        signature: &Signature,
    ) -> Result<bool, Error> {
        let call = Call::new(Class::Consensus).deadline(CONSENSUS_DEADLINE).seed(seed);
        match keys {
            [key] => SUITE.verify(&self.dispatcher, &call, key, message, signature),
            keys => SUITE.fast_aggregate_verify(&self.dispatcher, &call, keys, message, signature),
        }
    }

    /// A verdict for each vote or certificate of a batch. Consensus class.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about any of the signatures.
    pub fn quorums(&self, seed: [u8; 32], claims: &[Claim<'_>]) -> Result<Vec<bool>, Error> {
        self.batch(Call::new(Class::Consensus).deadline(CONSENSUS_DEADLINE).seed(seed), claims)
    }

    /// A verdict for each new transaction of a batch. Admission class.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about any of the signatures.
    pub fn admissions(&self, seed: [u8; 32], claims: &[Claim<'_>]) -> Result<Vec<bool>, Error> {
        self.batch(Call::new(Class::Admission).deadline(ADMISSION_DEADLINE).seed(seed), claims)
    }

    fn batch(&self, call: Call, claims: &[Claim<'_>]) -> Result<Vec<bool>, Error> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let sets: Vec<SignatureSet<'_, MinPk>> = claims
            .iter()
            .map(|claim| SignatureSet {
                message: claim.message.into(),
                keys: claim.keys.clone(),
                signature: claim.signature,
            })
            .collect();
        Ok(SUITE.verify_batch(&self.dispatcher, &call, &sets)?.verdicts(sets.len()))
    }

    /// Decodes signatures of new transactions: `None` for one that is no point of the subgroup. Admission class.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about any of them.
    pub fn decode_admissions(&self, signatures: &[[u8; 96]]) -> Result<Vec<Option<Signature>>, Error> {
        self.decode(&Call::new(Class::Admission).deadline(ADMISSION_DEADLINE), signatures)
    }

    /// Decodes the signatures of votes or certificates; as [`decode_admissions`](Self::decode_admissions). Consensus class.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about any of them.
    pub fn decode_quorums(&self, signatures: &[[u8; 96]]) -> Result<Vec<Option<Signature>>, Error> {
        self.decode(&Call::new(Class::Consensus).deadline(CONSENSUS_DEADLINE), signatures)
    }

    fn decode(&self, call: &Call, signatures: &[[u8; 96]]) -> Result<Vec<Option<Signature>>, Error> {
        let decoded = Signature::from_bytes_batch(&self.dispatcher, call, signatures)?;
        Ok(decoded.into_iter().map(Result::ok).collect())
    }

    /// Whether `signature` aggregates a signature by each key over its message. Block class.
    ///
    /// Of no pairs at all only the identity is the aggregate.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about the signature.
    pub fn block(&self, seed: [u8; 32], pairs: &[(PublicKey, &[u8])], signature: &Signature) -> Result<bool, Error> {
        if pairs.is_empty() {
            return Ok(signature.point().is_identity());
        }
        let call = Call::new(Class::Block).deadline(BLOCK_DEADLINE).seed(seed);
        SUITE.aggregate_verify(&self.dispatcher, &call, pairs, signature)
    }

    /// The sum of signatures; of none, the identity. Block class.
    ///
    /// # Errors
    /// The call could not be carried out.
    pub fn aggregate(&self, signatures: &[Signature]) -> Result<Signature, Error> {
        if signatures.is_empty() {
            return Ok(Signature::from_point(arblast::G2::identity()));
        }
        SUITE.aggregate(&self.dispatcher, &Call::new(Class::Block).deadline(BLOCK_DEADLINE), signatures)
    }

    /// `total` less the signatures given: what is left of an aggregate once these are known to be good.
    ///
    /// All are in the subgroup, so that the difference is too.
    ///
    /// # Errors
    /// The call could not be carried out.
    pub fn subtract(&self, total: &Signature, signatures: &[Signature]) -> Result<Signature, Error> {
        if signatures.is_empty() {
            return Ok(*total);
        }
        let known = self.aggregate(signatures)?;
        self.aggregate(&[*total, Signature::from_point(known.point().negate())])
    }

    /// Whether the owner of a vote key proved that he holds its secret.
    ///
    /// # Errors
    /// The call could not be carried out; nothing is known about the proof.
    pub fn possession(&self, key: &PublicKey, proof: &Signature) -> Result<bool, Error> {
        SUITE.verify_possession(&self.dispatcher, &Call::new(Class::Job), key, proof)
    }
}

/// What one backend did since its dispatcher was built.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// The backend's name.
    pub backend: String,
    /// Answers that were used.
    pub operations: u64,
    /// Points, pairs or signatures in those answers.
    pub items: u64,
    /// Errors, time-outs and wrong answers.
    pub faults: u64,
    /// Calls that the CPU answered because this backend did not.
    pub fallbacks: u64,
}

/// What each backend of a dispatcher did, the reference first.
pub fn usage(dispatcher: &Dispatcher) -> Vec<Usage> {
    let backends = dispatcher.stats().backends;
    let usage = backends.into_iter().map(|backend| Usage {
        operations: backend.total(|stats| stats.operations),
        items: backend.total(|stats| stats.items),
        faults: backend.total(|stats| stats.errors + stats.timeouts + stats.wrong_answers),
        fallbacks: backend.total(|stats| stats.fallbacks),
        backend: backend.backend,
    });
    usage.collect()
}

/// Signs a message as an account. Constant time.
pub fn sign(secret: &SecretKey, message: &[u8]) -> Signature {
    SUITE.sign(secret, message)
}

/// The proof that goes with a vote key. Constant time.
pub fn prove_possession(secret: &SecretKey) -> Signature {
    SUITE.prove_possession(secret)
}

/// The account of a secret key.
pub fn address(secret: &SecretKey) -> Address {
    Address::new(secret.public_key::<MinPk>().to_bytes())
}

/// Remembers decoded account keys, because decoding one (a square root and a subgroup check) costs about as much as
/// a fifth of checking a signature, and the same accounts come again and again.
///
/// Only valid keys are kept. When the table is full it is emptied: accounts in use are back after one decoding each.
#[derive(Clone)]
pub struct Keys {
    known: Arc<Mutex<HashMap<Address, PublicKey>>>,
    capacity: usize,
}

impl Keys {
    /// An empty table of at most `capacity` keys (about 200 bytes each).
    pub fn new(capacity: usize) -> Self {
        Self { known: Arc::default(), capacity }
    }

    /// The key of an account, or `None` if the address is no key in the subgroup.
    pub fn get(&self, address: &Address) -> Option<PublicKey> {
        if let Some(key) = self.known.lock().get(address) {
            return Some(*key);
        }
        let key = PublicKey::from_bytes(address.as_ref()).ok()?;
        let mut known = self.known.lock();
        if known.len() >= self.capacity {
            known.clear();
        }
        known.insert(address.clone(), key);
        Some(key)
    }
}

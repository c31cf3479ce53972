//! The genesis file: JSON, the same bytes at every validator.
//!
//! ```text
//! {
//!   "name": "arblast-local",
//!   "base_fee": "1",
//!   "block_transactions": 2048,
//!   "validators": [ { "identity": "<ed25519 key>", "vote_key": "0x<G1>", "proof": "0x<G2>" } ],
//!   "accounts": { "0x<G1>": "1000000" }
//! }
//! ```
//!
//! Amounts are strings of digits, because they exceed what other JSON readers hold exactly. An unknown field is an
//! error. What the fields must satisfy is checked by [`Genesis::new`].

use super::FileError;
use crate::crypto::Checker;
use crate::genesis::{Genesis, GenesisError, Parameters, Validator};
use crate::transaction::Address;
use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use commonware_cryptography::ed25519;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;
use std::path::Path;

/// The file as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisFile {
    /// The network's name.
    pub name: String,
    /// The least fee of a standard transaction.
    #[serde(with = "digits")]
    pub base_fee: u64,
    /// The most transactions of a block.
    pub block_transactions: u32,
    /// The validators.
    pub validators: Vec<Entry>,
    /// The first balances.
    pub accounts: BTreeMap<Account, Balance>,
}

/// A validator in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its identity: an ed25519 public key in hexadecimal.
    #[serde(serialize_with = "write_identity", deserialize_with = "read_identity")]
    pub identity: ed25519::PublicKey,
    /// Its vote key: a compressed point of G1.
    pub vote_key: Bytes<48>,
    /// The proof of possession of the vote key: a compressed point of G2.
    pub proof: Bytes<96>,
}

/// Bytes as `0x` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes<const N: usize>(pub [u8; N]);

/// An account's address in the file.
pub type Account = Bytes<48>;

/// A balance in the file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Balance(#[serde(with = "digits")] pub u64);

/// The largest number of transactions of a block that a network may choose.
const MOST_TRANSACTIONS: u32 = 16_384;

impl GenesisFile {
    /// A file for these validators, accounts and rules.
    pub fn new(name: &str, validators: Vec<Validator>, accounts: &BTreeMap<Address, u64>, rules: Parameters) -> Self {
        let entry = |validator: Validator| Entry {
            identity: validator.identity,
            vote_key: Bytes(validator.vote),
            proof: Bytes(validator.proof),
        };
        let account = |(address, balance): (&Address, &u64)| (Bytes(address.clone().into()), Balance(*balance));
        Self {
            name: name.into(),
            base_fee: rules.base_fee,
            block_transactions: rules.block_transactions,
            validators: validators.into_iter().map(entry).collect(),
            accounts: accounts.iter().map(account).collect(),
        }
    }

    /// Reads a file without checking its signatures.
    ///
    /// # Errors
    /// A [`FileError`] with the line.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = super::read_text(path)?;
        serde_json::from_str(&text).map_err(|error| {
            let message = error.to_string();
            let message = message.rsplit_once(" at line").map_or(message.as_str(), |(message, _)| message);
            FileError::new(path, super::with_suggestion(message)).at(error.line())
        })
    }

    /// Checks everything.
    ///
    /// # Errors
    /// A [`GenesisError`] that names the first rule broken.
    pub fn check(&self, checker: &Checker) -> Result<Genesis, GenesisError> {
        if !(8..=MOST_TRANSACTIONS).contains(&self.block_transactions) {
            return Err(GenesisError::BlockTransactions { got: self.block_transactions, most: MOST_TRANSACTIONS });
        }
        let validator = |entry: &Entry| Validator {
            identity: entry.identity.clone(),
            vote: entry.vote_key.0,
            proof: entry.proof.0,
        };
        let validators = self.validators.iter().map(validator).collect();
        let accounts = self.accounts.iter().map(|(account, balance)| (Address::new(account.0), balance.0)).collect();
        let rules = Parameters { base_fee: self.base_fee, block_transactions: self.block_transactions };
        Genesis::new(&self.name, validators, accounts, rules, checker)
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// A [`FileError`] that says whose fault it is.
    pub fn load(path: &Path, checker: &Checker) -> Result<Genesis, FileError> {
        let file = Self::read(path)?;
        file.check(checker).map_err(|error| {
            let advice = "the file is not the one the network began with; get it from another validator";
            FileError::new(path, format!("{error}; {advice}"))
        })
    }
}

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", hex::encode(self.0)))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_hex(&text).map(Self).map_err(de::Error::custom)
    }
}

fn write_identity<S: Serializer>(identity: &ed25519::PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(identity.encode()))
}

fn read_identity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ed25519::PublicKey, D::Error> {
    parse_identity(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Parses an ed25519 public key in hexadecimal.
///
/// # Errors
/// What was expected.
pub fn parse_identity(text: &str) -> Result<ed25519::PublicKey, String> {
    let bytes: [u8; 32] = parse_hex(text)?;
    ed25519::PublicKey::decode(Copying(bytes.as_slice())).map_err(|_| format!("{text} is no ed25519 public key"))
}

/// Parses `N` bytes in hexadecimal, with or without `0x`.
fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = [0; N];
    let expected = 2 * N;
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| {
        let shown: String = text.chars().take(20).collect();
        format!("got {shown:?} ({} characters), expected {expected} hexadecimal digits", digits.chars().count())
    })?;
    Ok(bytes)
}

/// `u64` as a string of digits.
mod digits {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = || de::Error::custom(format!("got {text:?}, expected a whole number up to {}", u64::MAX));
        text.parse().map_err(|_| expected())
    }
}

//! The JSON of requests and answers.

use crate::transaction::{Address, Lane, SignedTransaction, Transaction};
use commonware_utils::sequence::FixedBytes;
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes as lower-case hexadecimal after `0x`.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", ::hex::encode(bytes))
}

/// Reads `N` bytes written as hexadecimal after `0x`.
///
/// # Errors
/// What is expected.
pub(super) fn unhex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let expected = || format!("expected 0x and {} hexadecimal digits ({N} bytes)", 2 * N);
    let digits = text.strip_prefix("0x").ok_or_else(expected)?;
    let mut bytes = [0; N];
    ::hex::decode_to_slice(digits, &mut bytes).map_err(|_| expected())?;
    Ok(bytes)
}

/// Reads a decimal integer below 2^64 that is nothing but digits.
///
/// # Errors
/// What is expected.
pub(super) fn decimal(text: &str) -> Result<u64, &'static str> {
    let expected = "expected a decimal integer below 2^64";
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected);
    }
    text.parse().map_err(|_| expected)
}

/// An integer that may exceed 2^53: written as a decimal string, read from one or from a JSON integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer(pub u64);

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer below 2^64, as a decimal string or a number")
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Integer, E> {
                Ok(Integer(value))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Integer, E> {
                decimal(value).map(Integer).map_err(|_| E::invalid_value(de::Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_any(Digits)
    }
}

/// Bytes of a fixed length as hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        unhex(&text).map(Self).map_err(de::Error::custom)
    }
}

impl<const N: usize> From<FixedBytes<N>> for Bytes<N> {
    fn from(bytes: FixedBytes<N>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let lane = Self::ALL.into_iter().find(|lane| lane.name() == text);
        lane.ok_or_else(|| de::Error::unknown_variant(&text, &["standard", "priority"]))
    }
}

/// A transfer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    sender: Bytes<48>,
    recipient: Bytes<48>,
    amount: Integer,
    fee: Integer,
    nonce: Integer,
    lane: Lane,
}

impl From<&Transaction> for Transfer {
    fn from(transaction: &Transaction) -> Self {
        let Transaction { sender, recipient, amount, fee, nonce, lane } = transaction.clone();
        let [amount, fee, nonce] = [amount, fee, nonce].map(Integer);
        Self { sender: sender.into(), recipient: recipient.into(), amount, fee, nonce, lane }
    }
}

/// A transfer as a client submits it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Submission {
    sender: Bytes<48>,
    recipient: Bytes<48>,
    amount: Integer,
    fee: Integer,
    nonce: Integer,
    lane: Lane,
    signature: Bytes<96>,
}

impl From<Submission> for SignedTransaction {
    fn from(submission: Submission) -> Self {
        let transaction = Transaction {
            sender: Address::new(submission.sender.0),
            recipient: Address::new(submission.recipient.0),
            amount: submission.amount.0,
            fee: submission.fee.0,
            nonce: submission.nonce.0,
            lane: submission.lane,
        };
        Self { transaction, signature: FixedBytes::new(submission.signature.0) }
    }
}

/// The answer to a submission.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    pub hash: String,
    pub status: &'static str,
}

/// Where a transaction is.
#[derive(Debug, Serialize)]
pub(super) struct Whereabouts {
    pub hash: String,
    pub status: &'static str,
    /// The final block that holds it.
    pub height: Option<Integer>,
}

/// An account in the latest final state.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    pub address: String,
    pub balance: Integer,
    pub nonces: Nonces,
    pub height: Integer,
    pub state_root: String,
}

/// The next nonce in each lane.
#[derive(Debug, Serialize)]
pub(super) struct Nonces {
    pub standard: Integer,
    pub priority: Integer,
}

/// A final block, or a page of it.
#[derive(Debug, Serialize)]
pub(super) struct Block {
    pub hash: String,
    pub height: Integer,
    pub epoch: Integer,
    pub view: Integer,
    pub proposer: String,
    pub parent: String,
    pub state_root: String,
    pub signature: String,
    pub transaction_count: usize,
    pub offset: usize,
    pub next_offset: Option<usize>,
    pub transactions: Vec<Listed>,
}

/// A transaction of a block.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub hash: String,
    #[serde(flatten)]
    pub transfer: Transfer,
}

/// A certificate of finality.
#[derive(Debug, Serialize)]
pub(super) struct Certificate {
    pub hash: String,
    pub height: Integer,
    /// The block that the votes name: this one, or a later one that makes it final as its ancestor.
    pub certified: Certified,
    pub epoch: Integer,
    pub view: Integer,
    pub parent_view: Integer,
    pub signature: String,
    pub signers: Vec<Signer>,
    pub certificate: String,
}

/// The block that votes name.
#[derive(Debug, Serialize)]
pub(super) struct Certified {
    pub hash: String,
    pub height: Integer,
}

/// A validator who voted.
#[derive(Debug, Serialize)]
pub(super) struct Signer {
    pub index: usize,
    pub identity: String,
}

/// The committee.
#[derive(Debug, Serialize)]
pub(super) struct Validators {
    pub genesis: String,
    pub quorum: usize,
    pub validators: Vec<Validator>,
}

/// A validator.
#[derive(Debug, Serialize)]
pub(super) struct Validator {
    pub index: usize,
    pub identity: String,
    pub vote_key: String,
    pub proof_of_possession: String,
    pub this_node: bool,
}

/// What the node says about itself.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub version: &'static str,
    pub genesis: String,
    pub identity: String,
    pub validator: Option<usize>,
    pub role: &'static str,
    pub reason: Option<Reason>,
    pub ready: bool,
    pub stopping: bool,
    pub height: Integer,
    pub target: Integer,
    pub blocks_per_second: f64,
    pub seconds_left: Option<f64>,
    pub votes_signed: Integer,
    pub votes_refused: Integer,
    pub mempool: Mempool,
}

/// Why the node only observes.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub cause: &'static str,
    pub message: String,
}

/// Transactions in the mempool.
#[derive(Debug, Serialize)]
pub(super) struct Mempool {
    pub waiting: usize,
    pub ready: usize,
}

/// A state in one word: of the process, of the node.
#[derive(Debug, Serialize)]
pub(super) struct Word {
    pub status: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(amount: &str, lane: &str) -> serde_json::Result<Submission> {
        let (key, signature) = (format!("0x{}", "Ab".repeat(48)), format!("0x{}", "cd".repeat(96)));
        serde_json::from_str(&format!(
            r#"{{"sender":"{key}","recipient":"{key}","amount":{amount},"fee":"1","nonce":0,"lane":"{lane}","signature":"{signature}"}}"#
        ))
    }

    #[test]
    fn integers_are_exact_and_nothing_else() {
        for (text, value) in [("\"18446744073709551615\"", u64::MAX), ("9007199254740993", 9_007_199_254_740_993)] {
            assert_eq!(submission(text, "standard").unwrap().amount, Integer(value));
        }
        for text in
            ["-1", "1.0", "1e3", "\"-1\"", "\"+1\"", "\"\"", "\" 1\"", "\"0x1\"", "\"18446744073709551616\"", "null"]
        {
            assert!(submission(text, "standard").is_err(), "{text}");
        }
        assert_eq!(serde_json::to_string(&Integer(u64::MAX)).unwrap(), "\"18446744073709551615\"");
    }

    #[test]
    fn a_submission_says_what_is_wrong_with_it() {
        let signed = SignedTransaction::from(submission("5", "priority").unwrap());
        assert_eq!((signed.transaction.lane, signed.transaction.amount), (Lane::Priority, 5));
        assert_eq!((signed.transaction.sender[0], signed.signature[95]), (0xab, 0xcd));
        let text = |result: serde_json::Result<Submission>| result.unwrap_err().to_string();
        assert!(text(submission("5", "express")).contains("expected `standard` or `priority`"));
        assert!(text(serde_json::from_str(r#"{"sender":"0x12"}"#)).contains("96 hexadecimal digits (48 bytes)"));
        assert!(text(serde_json::from_str(r#"{"memo":1}"#)).contains("unknown field `memo`"));
    }

    #[test]
    fn hexadecimal_has_one_length() {
        assert_eq!(unhex::<2>("0x00fF"), Ok([0, 255]));
        for text in ["", "0x", "00ff", "0X00ff", "0x0ff", "0x00ff0", "0x00fg", "0x00ff ", "0xé0f"] {
            assert!(unhex::<2>(text).is_err(), "{text}");
        }
    }
}

//! Ethereum's BLS signature suite (ethereum/bls12-381-tests): min-pk, proof-of-possession scheme.
//!
//! `output: null` means that the call must be refused. `false` means that the input is well-formed but does not
//! verify, or that a key or signature in it does not decode: the suite's verification functions return false then.

use super::data::{bytes, bytes_list, field, fp2, list, text, unhex};
use super::{Env, Outcome, Stop, settle};
use arblast::bls::{Ciphersuite, MinPk, PublicKey, SecretKey, Signature, SignatureSet};
use ark_bls12_381::G2Affine;
use serde_json::Value;

/// The domain separation tag of the suite's `hash_to_G2` cases.
const HASH_DST: &[u8] = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";

/// One folder of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handler {
    Aggregate,
    AggregateVerify,
    BatchVerify,
    DeserializationG1,
    DeserializationG2,
    FastAggregateVerify,
    HashToG2,
    Sign,
    Verify,
}

impl Handler {
    const ALL: [Self; 9] = [
        Self::Aggregate,
        Self::AggregateVerify,
        Self::BatchVerify,
        Self::DeserializationG1,
        Self::DeserializationG2,
        Self::FastAggregateVerify,
        Self::HashToG2,
        Self::Sign,
        Self::Verify,
    ];

    /// The handler of a folder name.
    pub(super) fn from_folder(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|h| h.name() == name)
    }

    /// The folder's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
            Self::AggregateVerify => "aggregate_verify",
            Self::BatchVerify => "batch_verify",
            Self::DeserializationG1 => "deserialization_G1",
            Self::DeserializationG2 => "deserialization_G2",
            Self::FastAggregateVerify => "fast_aggregate_verify",
            Self::HashToG2 => "hash_to_G2",
            Self::Sign => "sign",
            Self::Verify => "verify",
        }
    }
}

/// Runs one case.
pub(super) fn run(handler: Handler, case: &Value, env: Env<'_>) -> Outcome {
    settle(|| {
        let (input, output) = (field(case, "input")?, field(case, "output")?);
        match handler {
            Handler::Aggregate => aggregate(input, output, env),
            Handler::Sign => sign(input, output),
            Handler::HashToG2 => hash_to_g2(input, output, env),
            Handler::DeserializationG1 => expect_bool(decodes_g1(&bytes(input, "pubkey")?, env)?, output),
            Handler::DeserializationG2 => expect_bool(decodes_g2(&bytes(input, "signature")?, env)?, output),
            Handler::Verify => expect_bool(verify(input, env)?, output),
            Handler::AggregateVerify => expect_bool(aggregate_verify(input, env)?, output),
            Handler::FastAggregateVerify => expect_bool(fast_aggregate_verify(input, env)?, output),
            Handler::BatchVerify => expect_bool(batch_verify(input, env)?, output),
        }
    })
}

fn suite() -> Ciphersuite<MinPk> {
    Ciphersuite::<MinPk>::POP
}

fn expect_bool(got: bool, output: &Value) -> Result<Outcome, Stop> {
    let expected = output.as_bool().ok_or_else(|| Stop::Unreadable("the output is neither true nor false".into()))?;
    Ok(Outcome::compare(&got, &expected))
}

/// Compares bytes, or the refusal (`None`) that `null` asks for.
fn expect_bytes(got: Option<Vec<u8>>, output: &Value) -> Result<Outcome, Stop> {
    let expected = match output {
        Value::Null => None,
        Value::String(hex) => Some(unhex(hex)?),
        _ => return Err(Stop::Unreadable("the output is neither a string nor null".into())),
    };
    Ok(Outcome::compare(&got.map(hex::encode), &expected.map(hex::encode)))
}

fn aggregate(input: &Value, output: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let Value::Array(items) = input else { return Err(Stop::Unreadable("the input is not a list".into())) };
    let encoded = items
        .iter()
        .map(|item| unhex(item.as_str().ok_or_else(|| Stop::Unreadable("a signature is not a string".into()))?))
        .collect::<Result<Vec<_>, _>>()?;
    let decoded: Option<Vec<_>> = encoded.iter().map(|b| Signature::<MinPk>::from_bytes(b).ok()).collect();
    let got = decoded.and_then(|signatures| suite().aggregate(env.dispatcher, env.call, &signatures).ok());
    expect_bytes(got.map(|signature| signature.to_bytes().to_vec()), output)
}

fn sign(input: &Value, output: &Value) -> Result<Outcome, Stop> {
    let (secret, message) = (bytes(input, "privkey")?, bytes(input, "message")?);
    let got = SecretKey::from_bytes(&secret).ok().map(|key| suite().sign(&key, &message).to_bytes().to_vec());
    expect_bytes(got, output)
}

fn hash_to_g2(input: &Value, output: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let message = text(input, "msg")?.as_bytes();
    let expected = G2Affine::new_unchecked(fp2(text(output, "x")?)?, fp2(text(output, "y")?)?);
    let got = env.dispatcher.hash_to_g2(env.call, &[message], HASH_DST)?;
    Ok(Outcome::compare(&got.iter().map(|p| *p.affine()).collect::<Vec<_>>(), &vec![expected]))
}

fn decodes_g1(encoded: &[u8], env: Env<'_>) -> Result<bool, Stop> {
    let Ok(encoded) = <[u8; 48]>::try_from(encoded) else { return Ok(false) };
    Ok(env.dispatcher.decompress_g1(env.call, &[encoded])?.iter().all(Result::is_ok))
}

fn decodes_g2(encoded: &[u8], env: Env<'_>) -> Result<bool, Stop> {
    let Ok(encoded) = <[u8; 96]>::try_from(encoded) else { return Ok(false) };
    Ok(env.dispatcher.decompress_g2(env.call, &[encoded])?.iter().all(Result::is_ok))
}

fn keys(encoded: &[Vec<u8>]) -> Option<Vec<PublicKey<MinPk>>> {
    encoded.iter().map(|b| PublicKey::from_bytes(b).ok()).collect()
}

fn verify(input: &Value, env: Env<'_>) -> Result<bool, Stop> {
    let (key, message) = (bytes(input, "pubkey")?, bytes(input, "message")?);
    let signature = Signature::from_bytes(&bytes(input, "signature")?);
    let (Ok(key), Ok(signature)) = (PublicKey::from_bytes(&key), signature) else { return Ok(false) };
    Ok(suite().verify(env.dispatcher, env.call, &key, &message, &signature).unwrap_or(false))
}

fn aggregate_verify(input: &Value, env: Env<'_>) -> Result<bool, Stop> {
    let (encoded, messages) = (bytes_list(input, "pubkeys")?, bytes_list(input, "messages")?);
    let signature = Signature::from_bytes(&bytes(input, "signature")?);
    let (Some(keys), Ok(signature)) = (keys(&encoded), signature) else { return Ok(false) };
    if keys.len() != messages.len() {
        return Ok(false);
    }
    let pairs: Vec<_> = keys.into_iter().zip(messages.iter().map(Vec::as_slice)).collect();
    Ok(suite().aggregate_verify(env.dispatcher, env.call, &pairs, &signature).unwrap_or(false))
}

fn fast_aggregate_verify(input: &Value, env: Env<'_>) -> Result<bool, Stop> {
    let (encoded, message) = (bytes_list(input, "pubkeys")?, bytes(input, "message")?);
    let signature = Signature::from_bytes(&bytes(input, "signature")?);
    let (Some(keys), Ok(signature)) = (keys(&encoded), signature) else { return Ok(false) };
    Ok(suite().fast_aggregate_verify(env.dispatcher, env.call, &keys, &message, &signature).unwrap_or(false))
}

fn batch_verify(input: &Value, env: Env<'_>) -> Result<bool, Stop> {
    let (encoded, messages) = (bytes_list(input, "pubkeys")?, bytes_list(input, "messages")?);
    let signatures = bytes_list(input, "signatures")?;
    if list(input, "pubkeys")?.len() != messages.len() || messages.len() != signatures.len() {
        return Err(Stop::Unreadable("pubkeys, messages and signatures differ in number".into()));
    }
    let signatures: Result<Vec<_>, _> = signatures.iter().map(|b| Signature::<MinPk>::from_bytes(b)).collect();
    let (Some(keys), Ok(signatures)) = (keys(&encoded), signatures) else { return Ok(false) };
    let sets: Vec<_> = keys
        .into_iter()
        .zip(&messages)
        .zip(signatures)
        .map(|((key, message), signature)| SignatureSet::new(message.as_slice(), vec![key], signature))
        .collect();
    Ok(suite().verify_batch(env.dispatcher, env.call, &sets).is_ok_and(|verdict| verdict.all_valid()))
}

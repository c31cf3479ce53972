//! Key derivation of EIP-2333: master key from a seed, and a child of it. Numbers are decimal.

use super::data::{field, text};
use super::{Env, Outcome, Report, Stop, settle};
use arblast::bls::SecretKey;
use ark_bls12_381::Fr;
use ark_ff::{BigInteger, PrimeField};
use serde_json::Value;
use std::str::FromStr;

/// Runs a file.
pub(super) fn run(name: &str, cases: &Value, _env: Env<'_>, report: &mut Report) {
    for (i, case) in cases.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        report.record("eip2333", format!("{name} case {i}"), settle(|| check(case)));
    }
}

fn check(case: &Value) -> Result<Outcome, Stop> {
    let seed = super::data::bytes(case, "seed")?;
    let (master, child) = (number(text(case, "master_SK")?)?, number(text(case, "child_SK")?)?);
    let index = field(case, "child_index")?.as_u64().and_then(|i| u32::try_from(i).ok());
    let index = index.ok_or_else(|| Stop::Unreadable("\"child_index\" is no 32-bit number".into()))?;
    let key = SecretKey::derive_master(&seed)?;
    let got = [key.to_bytes().to_vec(), key.derive_child(index).to_bytes().to_vec()];
    Ok(Outcome::compare(&got.map(hex::encode), &[master, child].map(hex::encode)))
}

/// The 32 big-endian bytes of a decimal number below r.
fn number(decimal: &str) -> Result<Vec<u8>, Stop> {
    let scalar =
        Fr::from_str(decimal).map_err(|()| Stop::Unreadable(format!("no decimal number below r: {decimal}")))?;
    Ok(scalar.into_bigint().to_bytes_be())
}

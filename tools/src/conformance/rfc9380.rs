//! RFC 9380's suites in the JSON form of the draft's repository.
//!
//! A BLS12-381 case runs in two ways. Random-oracle suites: the dispatcher's hash to curve on the message, and the sum
//! of its maps of the two field elements u₀, u₁ (clearing the cofactor is linear, so both must be P). Non-uniform
//! suites: u from arkworks' `hash_to_field`, compared with the file, then the dispatcher's map.
//!
//! Suites of other curves, and `expand_message` alone, which is a step inside hash to curve and no operation of the
//! host, are out of scope.

use super::data::{field, fp, fp2, list, text};
use super::{Env, Outcome, Report, Stop, settle};
use arblast::backend::IndexLists;
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use ark_ff::Field;
use ark_ff::field_hashers::{DefaultFieldHasher, HashToField};
use serde_json::Value;
use sha2::Sha256;

/// A suite for BLS12-381.
#[derive(Clone, Copy)]
enum Group {
    G1,
    G2,
}

/// Runs a file.
pub(super) fn run(name: &str, file: &Value, env: Env<'_>, report: &mut Report) {
    let get = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (curve, suite) = (get("curve"), get("ciphersuite"));
    let group = match curve.as_str() {
        "BLS12-381 G1" => Group::G1,
        "BLS12-381 G2" => Group::G2,
        "" if file.get("tests").is_some() => {
            let what = format!("{} {}: no operation of its own here", get("name"), get("hash"));
            return other(name, "rfc9380 expand_message", "tests", file, what, report);
        }
        "" => {
            let why = "the field \"curve\" is no string".into();
            return report.record("rfc9380", name.to_owned(), Outcome::NotUnderstood(why));
        }
        _ => return other(name, "rfc9380 other curves", "vectors", file, format!("curve {curve}"), report),
    };
    let cases = match list(file, "vectors") {
        Ok(cases) => cases,
        Err(stop) => return report.record("rfc9380", name.to_owned(), stop.into()),
    };
    for (i, case) in cases.iter().enumerate() {
        let outcome = settle(|| check(group, &suite, file, case, env));
        report.record(&format!("rfc9380 {}", suite.trim_end_matches('_')), format!("{name} case {i}"), outcome);
    }
}

/// Counts the cases of a file that is about something else.
fn other(name: &str, suite: &str, cases: &str, file: &Value, what: String, report: &mut Report) {
    let count = file.get(cases).and_then(Value::as_array).map_or(0, Vec::len);
    if count == 0 {
        let why = format!("no cases under {cases:?}");
        return report.record(suite, name.to_owned(), Outcome::NotUnderstood(why));
    }
    for i in 0..count {
        report.record(suite, format!("{name} case {i}"), Outcome::OutOfScope(what.clone()));
    }
}

fn check(group: Group, suite: &str, file: &Value, case: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let uniform = match suite {
        "BLS12381G1_XMD:SHA-256_SSWU_RO_" | "BLS12381G2_XMD:SHA-256_SSWU_RO_" => true,
        "BLS12381G1_XMD:SHA-256_SSWU_NU_" | "BLS12381G2_XMD:SHA-256_SSWU_NU_" => false,
        _ => return Err(Stop::Unreadable(format!("a suite of BLS12-381 that RFC 9380 does not have: {suite}"))),
    };
    let (dst, message) = (text(file, "dst")?.as_bytes(), text(case, "msg")?.as_bytes());
    let (x, y) = (text(field(case, "P")?, "x")?, text(field(case, "P")?, "y")?);
    let u = list(case, "u")?.iter().map(|u| u.as_str().ok_or_else(|| Stop::Unreadable("an u is no string".into())));
    let u = u.collect::<Result<Vec<_>, _>>()?;
    if u.len() != if uniform { 2 } else { 1 } {
        return Err(Stop::Unreadable(format!("{} field elements in \"u\"", u.len())));
    }
    match group {
        Group::G1 => {
            let u = u.into_iter().map(fp).collect::<Result<Vec<_>, _>>()?;
            g1(uniform, dst, message, &u, G1Affine::new_unchecked(fp(x)?, fp(y)?), env)
        }
        Group::G2 => {
            let u = u.into_iter().map(fp2).collect::<Result<Vec<_>, _>>()?;
            g2(uniform, dst, message, &u, G2Affine::new_unchecked(fp2(x)?, fp2(y)?), env)
        }
    }
}

fn g1(uniform: bool, dst: &[u8], message: &[u8], u: &[Fq], expected: G1Affine, env: Env<'_>) -> Result<Outcome, Stop> {
    if let Some(difference) = hash_to_field_differs(uniform, dst, message, u) {
        return Ok(difference);
    }
    let mapped: Vec<_> = env.dispatcher.map_to_g1(env.call, u)?.iter().map(|p| *p.affine()).collect();
    let mut got = env.dispatcher.sum_g1(env.call, &mapped, &IndexLists::all(mapped.len()))?;
    if uniform {
        got.extend(env.dispatcher.hash_to_g1(env.call, &[message], dst)?.iter().map(|p| *p.affine()));
    }
    Ok(Outcome::compare(&got, &vec![expected; got.len().max(1)]))
}

fn g2(uniform: bool, dst: &[u8], message: &[u8], u: &[Fq2], expected: G2Affine, env: Env<'_>) -> Result<Outcome, Stop> {
    if let Some(difference) = hash_to_field_differs(uniform, dst, message, u) {
        return Ok(difference);
    }
    let mapped: Vec<_> = env.dispatcher.map_to_g2(env.call, u)?.iter().map(|p| *p.affine()).collect();
    let mut got = env.dispatcher.sum_g2(env.call, &mapped, &IndexLists::all(mapped.len()))?;
    if uniform {
        got.extend(env.dispatcher.hash_to_g2(env.call, &[message], dst)?.iter().map(|p| *p.affine()));
    }
    Ok(Outcome::compare(&got, &vec![expected; got.len().max(1)]))
}

/// The failed outcome where arkworks' `hash_to_field` gives other elements than the file.
fn hash_to_field_differs<F: Field + std::fmt::Debug>(
    uniform: bool,
    dst: &[u8],
    message: &[u8],
    u: &[F],
) -> Option<Outcome> {
    let hasher = <DefaultFieldHasher<Sha256> as HashToField<F>>::new(dst);
    let elements: Vec<F> =
        if uniform { hasher.hash_to_field::<2>(message).into() } else { hasher.hash_to_field::<1>(message).into() };
    match Outcome::compare(&elements, &u.to_vec()) {
        Outcome::Passed => None,
        different => Some(different),
    }
}

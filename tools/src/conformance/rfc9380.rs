//! RFC 9380's suites in the JSON form of the draft's repository.
//!
//! A BLS12-381 case runs in two ways. Random-oracle suites: the dispatcher's hash to curve on the message, and the sum
//! of its maps of the two field elements u₀, u₁ (clearing the cofactor is linear, so both must be P). Non-uniform
//! suites: the dispatcher's map of u₀. In both, the u are first computed from the message by the host's
//! `expand_message_xmd` and compared with the file's.
//!
//! `expand_message_xmd` with SHA-256 has vectors of its own. Suites of other curves and hash functions are out of
//! scope.

use super::data::{cases, field, fp, fp2, list, number, text};
use super::{Env, Outcome, Report, Stop, settle};
use arblast::backend::IndexLists;
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use ark_ff::{Field, PrimeField};
use serde_json::Value;

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
        "" if get("name") == "expand_message_xmd" && get("hash") == "SHA256" => {
            return expand_message(name, file, report);
        }
        "" if file.get("tests").is_some() => {
            let what = format!("{} with {}", get("name"), get("hash"));
            return other(name, "rfc9380 other hash functions", "tests", file, what, report);
        }
        "" => {
            let why = "the field \"curve\" is no string".into();
            return report.record("rfc9380", name.to_owned(), Outcome::NotUnderstood(why));
        }
        _ => return other(name, "rfc9380 other curves", "vectors", file, format!("curve {curve}"), report),
    };
    let cases = match cases(file, "vectors") {
        Ok(cases) => cases,
        Err(stop) => return report.record("rfc9380", name.to_owned(), stop.into()),
    };
    for (i, case) in cases.iter().enumerate() {
        let outcome = settle(|| check(group, &suite, file, case, env));
        report.record(&format!("rfc9380 {}", suite.trim_end_matches('_')), format!("{name} case {i}"), outcome);
    }
}

/// The cases of `expand_message_xmd` with SHA-256.
fn expand_message(name: &str, file: &Value, report: &mut Report) {
    let suite = "rfc9380 expand_message_xmd SHA-256";
    let cases = match cases(file, "tests") {
        Ok(cases) => cases,
        Err(stop) => return report.record(suite, name.to_owned(), stop.into()),
    };
    for (i, case) in cases.iter().enumerate() {
        let outcome = settle(|| {
            let length = number(text(case, "len_in_bytes")?)?;
            let length = length.iter().try_fold(0usize, |n, b| n.checked_mul(256)?.checked_add((*b).into()));
            let length = length.ok_or_else(|| Stop::Unreadable("\"len_in_bytes\" is too large".into()))?;
            let (message, dst) = (text(case, "msg")?.as_bytes(), text(file, "DST")?.as_bytes());
            let got = arblast::expand_message_xmd(message, dst, length)?;
            Ok(Outcome::compare(&hex::encode(got), &text(case, "uniform_bytes")?.to_owned()))
        });
        report.record(suite, format!("{name} case {i}"), outcome);
    }
}

/// Counts the cases of a file that is about something else.
fn other(name: &str, suite: &str, field: &str, file: &Value, what: String, report: &mut Report) {
    match cases(file, field) {
        Ok(cases) => (0..cases.len())
            .for_each(|i| report.record(suite, format!("{name} case {i}"), Outcome::OutOfScope(what.clone()))),
        Err(stop) => report.record(suite, name.to_owned(), stop.into()),
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
    if let Some(difference) = hash_to_field_differs(dst, message, u)? {
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
    if let Some(difference) = hash_to_field_differs(dst, message, u)? {
        return Ok(difference);
    }
    let mapped: Vec<_> = env.dispatcher.map_to_g2(env.call, u)?.iter().map(|p| *p.affine()).collect();
    let mut got = env.dispatcher.sum_g2(env.call, &mapped, &IndexLists::all(mapped.len()))?;
    if uniform {
        got.extend(env.dispatcher.hash_to_g2(env.call, &[message], dst)?.iter().map(|p| *p.affine()));
    }
    Ok(Outcome::compare(&got, &vec![expected; got.len().max(1)]))
}

/// The failed outcome where `hash_to_field` (section 5.2, L = 64) gives other elements than the file.
fn hash_to_field_differs<F: Field>(dst: &[u8], message: &[u8], u: &[F]) -> Result<Option<Outcome>, Stop> {
    const L: usize = 64;
    let degree = F::extension_degree() as usize;
    let uniform = arblast::expand_message_xmd(message, dst, u.len() * degree * L)?;
    let element = |bytes: &[u8]| F::from_base_prime_field_elems(bytes.chunks(L).map(coordinate::<F>));
    let elements: Vec<Option<F>> = uniform.chunks(degree * L).map(element).collect();
    Ok(match Outcome::compare(&elements, &u.iter().copied().map(Some).collect()) {
        Outcome::Passed => None,
        different => Some(different),
    })
}

fn coordinate<F: Field>(bytes: &[u8]) -> F::BasePrimeField {
    F::BasePrimeField::from_be_bytes_mod_order(bytes)
}

//! Scalar multiplications in the JSON form of Constantine's vectors: Q = scalar·P, in G1 or G2.
//!
//! Each case runs twice, as an elementwise multiplication and as an MSM of one term.

use super::data::{cases, field, fp, number, text};
use super::{Env, Outcome, Report, Stop, settle};
use arblast::{G1, G2};
use ark_bls12_381::{Fq2, Fr, G1Affine, G2Affine};
use ark_ff::PrimeField;
use serde_json::Value;

/// Runs a file.
pub(super) fn run(name: &str, file: &Value, env: Env<'_>, report: &mut Report) {
    let get = |key: &str| file.get(key).and_then(Value::as_str).unwrap_or_default();
    let in_g1 = match (get("curve"), get("group")) {
        ("BLS12_381", "G1") => true,
        ("BLS12_381", "G2") => false,
        (curve, group) => {
            let why = format!("scalar multiplications of an unknown group: {curve} {group}");
            return report.record("scalar-mul", name.to_owned(), Outcome::NotUnderstood(why));
        }
    };
    let suite = if in_g1 { "scalar-mul G1" } else { "scalar-mul G2" };
    let cases = match cases(file, "vectors") {
        Ok(cases) => cases,
        Err(stop) => return report.record(suite, name.to_owned(), stop.into()),
    };
    for (i, case) in cases.iter().enumerate() {
        let outcome = settle(|| if in_g1 { g1(case, env) } else { g2(case, env) });
        report.record(suite, format!("{name} case {i}"), outcome);
    }
}

fn scalar(case: &Value) -> Result<Fr, Stop> {
    Ok(Fr::from_be_bytes_mod_order(&number(text(case, "scalar")?)?))
}

fn g1(case: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let point = |name| {
        let point = field(case, name)?;
        Ok::<_, Stop>(G1Affine::new_unchecked(fp(text(point, "x")?)?, fp(text(point, "y")?)?))
    };
    let (scalar, expected) = (scalar(case)?, point("Q")?);
    let base = G1::new(point("P")?).map_err(|e| Stop::Unreadable(format!("P: {e}")))?;
    let mut got = env.dispatcher.mul_g1(env.call, &[base], &[scalar])?;
    got.push(env.dispatcher.msm_g1(env.call, &[base], &[scalar])?);
    Ok(Outcome::compare(&got, &vec![G1::new_unchecked(expected); 2]))
}

fn g2(case: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let fp2 = |value: &Value| Ok::<_, Stop>(Fq2::new(fp(text(value, "c0")?)?, fp(text(value, "c1")?)?));
    let point = |name| {
        let point = field(case, name)?;
        Ok::<_, Stop>(G2Affine::new_unchecked(fp2(field(point, "x")?)?, fp2(field(point, "y")?)?))
    };
    let (scalar, expected) = (scalar(case)?, point("Q")?);
    let base = G2::new(point("P")?).map_err(|e| Stop::Unreadable(format!("P: {e}")))?;
    let mut got = env.dispatcher.mul_g2(env.call, &[base], &[scalar])?;
    got.push(env.dispatcher.msm_g2(env.call, &[base], &[scalar])?);
    Ok(Outcome::compare(&got, &vec![G2::new_unchecked(expected); 2]))
}

//! The precompiles of EIP-2537, in go-ethereum's JSON form: the decoding rules of the EIP on top of the dispatcher.
//!
//! Which precompile a file is for is in its name, as in go-ethereum's own tests. A case names the output, or the
//! error; where the error's text is one of go-ethereum's, the reason must agree too, not only the refusal.
//!
//! `pointEvaluation` (EIP-4844) sits in the same folder of go-ethereum. It is a KZG opening, one pairing check:
//! `point_evaluation.rs`.

mod codec;
mod point_evaluation;

use super::data::{field, text, unhex};
use super::{Env, Outcome, Report, Stop, settle};
use arblast::backend::IndexLists;
use arblast::{G1, G2};
use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;
use codec::{Refusal, Words};
use serde_json::Value;

/// A value, a refusal of the input, or no verdict.
type Checked<T> = Result<Result<T, Refusal>, Stop>;

/// What a precompile returns.
type Output = Checked<Vec<u8>>;

/// A precompile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precompile {
    G1Add,
    G1Mul,
    G1Msm,
    G2Add,
    G2Mul,
    G2Msm,
    Pairing,
    MapG1,
    MapG2,
    PointEvaluation,
}

impl Precompile {
    /// The precompile that a file of go-ethereum or of the EIP's assets is for.
    fn from_file(stem: &str) -> Option<Self> {
        let stem = stem.strip_prefix("fail-").unwrap_or(stem);
        Some(match stem {
            "blsG1Add" | "add_G1_bls" => Self::G1Add,
            "blsG1Mul" | "mul_G1_bls" => Self::G1Mul,
            "blsG1MultiExp" | "msm_G1_bls" => Self::G1Msm,
            "blsG2Add" | "add_G2_bls" => Self::G2Add,
            "blsG2Mul" | "mul_G2_bls" => Self::G2Mul,
            "blsG2MultiExp" | "msm_G2_bls" => Self::G2Msm,
            "blsPairing" | "pairing_check_bls" => Self::Pairing,
            "blsMapG1" | "map_fp_to_G1_bls" => Self::MapG1,
            "blsMapG2" | "map_fp2_to_G2_bls" => Self::MapG2,
            "pointEvaluation" => Self::PointEvaluation,
            _ => return None,
        })
    }

    const fn suite(self) -> &'static str {
        match self {
            Self::G1Add => "eip2537 g1-add",
            Self::G1Mul => "eip2537 g1-mul",
            Self::G1Msm => "eip2537 g1-msm",
            Self::G2Add => "eip2537 g2-add",
            Self::G2Mul => "eip2537 g2-mul",
            Self::G2Msm => "eip2537 g2-msm",
            Self::Pairing => "eip2537 pairing",
            Self::MapG1 => "eip2537 map-fp-to-g1",
            Self::MapG2 => "eip2537 map-fp2-to-g2",
            Self::PointEvaluation => "eip4844 point-evaluation",
        }
    }

    fn run(self, input: &[u8], env: Env<'_>) -> Output {
        match self {
            Self::G1Add => g1_add(input, env),
            Self::G2Add => g2_add(input, env),
            Self::G1Mul => g1_mul(input, env),
            Self::G2Mul => g2_mul(input, env),
            Self::G1Msm => g1_msm(input, env),
            Self::G2Msm => g2_msm(input, env),
            Self::Pairing => pairing(input, env),
            Self::MapG1 => map_g1(input, env),
            Self::MapG2 => map_g2(input, env),
            Self::PointEvaluation => point_evaluation::run(input, env),
        }
    }
}

/// Runs every case of a file.
pub(super) fn run(name: &str, stem: &str, cases: &Value, env: Env<'_>, report: &mut Report) {
    let Some(precompile) = Precompile::from_file(stem) else {
        let why = "a precompile's cases, but the file's name is none of the known ones".into();
        return report.record("eip2537", name.to_owned(), Outcome::NotUnderstood(why));
    };
    for (i, case) in cases.as_array().map(Vec::as_slice).unwrap_or_default().iter().enumerate() {
        let label = case.get("Name").and_then(Value::as_str).map_or_else(|| i.to_string(), str::to_owned);
        let outcome = settle(|| check(precompile, case, env));
        report.record(precompile.suite(), format!("{name} {label}"), outcome);
    }
}

fn check(precompile: Precompile, case: &Value, env: Env<'_>) -> Result<Outcome, Stop> {
    let got = precompile.run(&unhex(text(case, "Input")?)?, env)?;
    if case.get("ExpectedError").is_some() {
        let expected = text(case, "ExpectedError")?;
        return Ok(match got {
            Err(refusal) if Refusal::from_text(expected).is_none_or(|e| e == refusal) => Outcome::Passed,
            Err(refusal) => Outcome::Failed(format!("refused because of {refusal:?}, expected {expected:?}")),
            Ok(_) => Outcome::Failed(format!("accepted, expected the error {expected:?}")),
        });
    }
    field(case, "Expected")?;
    let expected = unhex(text(case, "Expected")?)?;
    Ok(match got {
        Ok(output) => Outcome::compare(&hex::encode(output), &hex::encode(expected)),
        Err(refusal) => Outcome::Failed(format!("refused because of {refusal:?}, expected an output")),
    })
}

/// Leaves the function with a refusal of the input.
macro_rules! refuse {
    ($e:expr) => {
        match $e {
            Ok(value) => value,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}
use refuse;

/// A sum needs points of the curve, in the subgroup or not.
fn g1_add(input: &[u8], env: Env<'_>) -> Output {
    let mut words = refuse!(Words::exactly(input, 4));
    let points = [refuse!(words.g1()), refuse!(words.g1())];
    let sums = env.dispatcher.sum_g1(env.call, &points, &IndexLists::all(2))?;
    Ok(Ok(codec::write_g1(only(&sums)?)))
}

fn g2_add(input: &[u8], env: Env<'_>) -> Output {
    let mut words = refuse!(Words::exactly(input, 8));
    let points = [refuse!(words.g2()), refuse!(words.g2())];
    let sums = env.dispatcher.sum_g2(env.call, &points, &IndexLists::all(2))?;
    Ok(Ok(codec::write_g2(only(&sums)?)))
}

/// The one result of a call on one item.
fn only<T>(results: &[T]) -> Result<&T, Stop> {
    results.first().ok_or_else(|| Stop::Unreadable("the dispatcher returned no result".into()))
}

/// Points checked to be in the subgroup, by the dispatcher.
fn members_g1(points: &[G1Affine], env: Env<'_>) -> Checked<Vec<G1>> {
    let members = env.dispatcher.subgroup_g1(env.call, points)?;
    if members.len() != points.len() || members.contains(&false) {
        return Ok(Err(Refusal::NotInG1));
    }
    Ok(Ok(points.iter().map(|p| G1::new_unchecked(*p)).collect()))
}

fn members_g2(points: &[G2Affine], env: Env<'_>) -> Checked<Vec<G2>> {
    let members = env.dispatcher.subgroup_g2(env.call, points)?;
    if members.len() != points.len() || members.contains(&false) {
        return Ok(Err(Refusal::NotInG2));
    }
    Ok(Ok(points.iter().map(|p| G2::new_unchecked(*p)).collect()))
}

/// The pairs (point, scalar) of a multiplication. Scalars may exceed r.
fn g1_terms(input: &[u8], env: Env<'_>) -> Checked<(Vec<G1>, Vec<Fr>)> {
    let (mut points, mut scalars) = (Vec::new(), Vec::new());
    for term in refuse!(codec::chunks(input, 160)) {
        let mut words = Words::new(term);
        points.push(refuse!(words.g1()));
        scalars.push(Fr::from_be_bytes_mod_order(words.rest()));
    }
    let points = refuse!(members_g1(&points, env)?);
    Ok(Ok((points, scalars)))
}

fn g2_terms(input: &[u8], env: Env<'_>) -> Checked<(Vec<G2>, Vec<Fr>)> {
    let (mut points, mut scalars) = (Vec::new(), Vec::new());
    for term in refuse!(codec::chunks(input, 288)) {
        let mut words = Words::new(term);
        points.push(refuse!(words.g2()));
        scalars.push(Fr::from_be_bytes_mod_order(words.rest()));
    }
    let points = refuse!(members_g2(&points, env)?);
    Ok(Ok((points, scalars)))
}

fn g1_mul(input: &[u8], env: Env<'_>) -> Output {
    if input.len() != 160 {
        return Ok(Err(Refusal::Length));
    }
    let (points, scalars) = refuse!(g1_terms(input, env)?);
    let products = env.dispatcher.mul_g1(env.call, &points, &scalars)?;
    Ok(Ok(codec::write_g1(only(&products)?.affine())))
}

fn g2_mul(input: &[u8], env: Env<'_>) -> Output {
    if input.len() != 288 {
        return Ok(Err(Refusal::Length));
    }
    let (points, scalars) = refuse!(g2_terms(input, env)?);
    let products = env.dispatcher.mul_g2(env.call, &points, &scalars)?;
    Ok(Ok(codec::write_g2(only(&products)?.affine())))
}

fn g1_msm(input: &[u8], env: Env<'_>) -> Output {
    let (points, scalars) = refuse!(g1_terms(input, env)?);
    Ok(Ok(codec::write_g1(env.dispatcher.msm_g1(env.call, &points, &scalars)?.affine())))
}

fn g2_msm(input: &[u8], env: Env<'_>) -> Output {
    let (points, scalars) = refuse!(g2_terms(input, env)?);
    Ok(Ok(codec::write_g2(env.dispatcher.msm_g2(env.call, &points, &scalars)?.affine())))
}

fn pairing(input: &[u8], env: Env<'_>) -> Output {
    let (mut ps, mut qs) = (Vec::new(), Vec::new());
    for pair in refuse!(codec::chunks(input, 384)) {
        let mut words = Words::new(pair);
        ps.push(refuse!(words.g1()));
        qs.push(refuse!(words.g2()));
    }
    let ps = refuse!(members_g1(&ps, env)?);
    let qs = refuse!(members_g2(&qs, env)?);
    let pairs: Vec<(G1, G2)> = ps.into_iter().zip(qs).collect();
    let mut output = vec![0; 32];
    output[31] = u8::from(env.dispatcher.pairing_check(env.call, &pairs)?);
    Ok(Ok(output))
}

fn map_g1(input: &[u8], env: Env<'_>) -> Output {
    let mut words = refuse!(Words::exactly(input, 1));
    let u = refuse!(words.fp());
    let points = env.dispatcher.map_to_g1(env.call, &[u])?;
    Ok(Ok(codec::write_g1(only(&points)?.affine())))
}

fn map_g2(input: &[u8], env: Env<'_>) -> Output {
    let mut words = refuse!(Words::exactly(input, 2));
    let u = refuse!(words.fp2());
    let points = env.dispatcher.map_to_g2(env.call, &[u])?;
    Ok(Ok(codec::write_g2(only(&points)?.affine())))
}

/// Whether an affine point satisfies its curve's equation; the identity does.
fn on_curve<P: AffineRepr>(point: &P, check: impl Fn(&P) -> bool) -> bool {
    point.is_zero() || check(point)
}

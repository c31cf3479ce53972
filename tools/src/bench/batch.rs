//! Batch inversion and affine normalisation, one thread.
//!
//! These are functions, not operations of a backend: with `--backend cpu-portable` they still take the engine where there
//! is one, unless `ARBLAST_CPU_ENGINE=off`.

use super::inputs::Inputs;
use super::job::{Baseline, no_plain};
use super::measure::Timing;
use super::{Bench, Error, ark, direct, duel};
use arblast::{G1, cpu};
use ark_bls12_381::{G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, batch_inversion};
use blst::{blst_fp, blst_p1, p1_affines};

type Answer = Result<Option<Timing>, Error>;

pub(super) fn invert_fr(bench: &Bench, size: usize) -> Answer {
    let values = Inputs::new().scalars(size);
    let ours = || {
        let mut out = values.clone();
        cpu::invert_fr(&mut out);
        Ok(out)
    };
    let theirs = || {
        let mut out = values.clone();
        batch_inversion(&mut out);
        out
    };
    Ok(duel(bench, ours, theirs, |a, b| a == b)?)
}

pub(super) fn normalize_g1(bench: &Bench, size: usize) -> Answer {
    // Doubled, so that no Z is 1.
    let double = |p: &G1Affine| p.into_group().double();
    let points: Vec<G1Projective> = G1::as_affine_slice(&Inputs::new().g1(size)).iter().map(double).collect();
    let ours = || Ok(cpu::normalize_g1(&points));
    Ok(match bench.plan.baseline {
        Baseline::Arkworks => duel(bench, ours, || G1Projective::normalize_batch(&points), |a, b| a == b)?,
        Baseline::Plain => return no_plain(),
        Baseline::Blst => {
            let fp = |e: &ark_bls12_381::Fq| blst_fp { l: e.0.0 };
            let p: Vec<_> = points.iter().map(|p| blst_p1 { x: fp(&p.x), y: fp(&p.y), z: fp(&p.z) }).collect();
            let same = |a: &Vec<G1Affine>, b: &p1_affines| {
                a.iter().map(ark::bytes).eq(b.as_slice().iter().map(|b| direct::compress_g1(b).to_vec()))
            };
            duel(bench, ours, || direct::normalize_g1(&p), same)?
        }
    })
}

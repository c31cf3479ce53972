//! Multi-scalar multiplication, at its best and where it is not; and elementwise multiplication.

use super::inputs::Inputs;
use super::job::{Baseline, no_plain};
use super::measure::Timing;
use super::{Bench, Error, ark, direct, duel};
use arblast::{G1, G2};
use ark_bls12_381::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};

type Answer = Result<Option<Timing>, Error>;

/// Bits of a scalar that is not short.
const FULL: usize = 255;

/// What the scalars are like.
pub(super) enum Scalars {
    Full,
    /// Below 2 to this power; blst is told.
    Bits(usize),
    /// A quarter 0 and a quarter 1, as in the witness of a circuit.
    Witness,
}

pub(super) fn g1(bench: &Bench, size: usize, kind: Scalars) -> Answer {
    let mut inputs = Inputs::new();
    let points = inputs.g1(size);
    let (scalars, bits) = match kind {
        Scalars::Full => (inputs.scalars(size), FULL),
        Scalars::Bits(bits) => (inputs.short_scalars(size, bits), bits),
        Scalars::Witness => (inputs.witness(size), FULL),
    };
    msm_g1(bench, &points, &scalars, bits)
}

/// Full scalars, and a hundredth as many points as those, each a hundred times.
pub(super) fn g1_repeated(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (few, scalars) = (inputs.g1(size.div_ceil(100)), inputs.scalars(size));
    let points: Vec<G1> = few.iter().copied().cycle().take(size).collect();
    msm_g1(bench, &points, &scalars, FULL)
}

fn msm_g1(bench: &Bench, points: &[G1], scalars: &[Fr], bits: usize) -> Answer {
    let ours = || bench.dispatcher.msm_g1(&bench.call, points, scalars);
    against_g1(bench, points, scalars, bits, ours)
}

/// Our sum against the baseline's.
fn against_g1(
    bench: &Bench,
    points: &[G1],
    scalars: &[Fr],
    bits: usize,
    ours: impl FnMut() -> Result<G1, arblast::Error>,
) -> Answer {
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let (p, s) = (direct::g1(points), direct::Scalars::new(scalars, bits));
            duel(bench, ours, || direct::msm_g1(pool, &p, &s), |a, b| a.to_bytes() == direct::compress_g1(b))?
        }
        Baseline::Arkworks => {
            let p = G1::as_affine_slice(points);
            duel(bench, ours, || ark::msm::<G1Projective>(pool, p, scalars), |a, b| a.affine() == b)?
        }
        Baseline::Plain => {
            let bases = bench.dispatcher.prepare_g1(&bench.call, points.into())?;
            let theirs = || bench.dispatcher.msm_g1_prepared(&bench.call, &bases, scalars);
            duel(bench, ours, theirs, |a, b| Ok(*a) == *b)?
        }
    })
}

/// Our sum against the baseline's.
fn against_g2(
    bench: &Bench,
    points: &[G2],
    scalars: &[Fr],
    ours: impl FnMut() -> Result<G2, arblast::Error>,
) -> Answer {
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let (p, s) = (direct::g2(points), direct::Scalars::new(scalars, FULL));
            duel(bench, ours, || direct::msm_g2(pool, &p, &s), |a, b| a.to_bytes() == direct::compress_g2(b))?
        }
        Baseline::Arkworks => {
            let p = G2::as_affine_slice(points);
            duel(bench, ours, || ark::msm::<G2Projective>(pool, p, scalars), |a, b| a.affine() == b)?
        }
        Baseline::Plain => {
            let bases = bench.dispatcher.prepare_g2(&bench.call, points.into())?;
            let theirs = || bench.dispatcher.msm_g2_prepared(&bench.call, &bases, scalars);
            duel(bench, ours, theirs, |a, b| Ok(*a) == *b)?
        }
    })
}

pub(super) fn g2(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (points, scalars) = (inputs.g2(size), inputs.scalars(size));
    against_g2(bench, &points, &scalars, || bench.dispatcher.msm_g2(&bench.call, &points, &scalars))
}

/// Memory for the multiples: all that the backends have a use for, within reason.
fn table_bytes(size: usize) -> usize {
    size.saturating_mul(16 << 10).min(1 << 30)
}

pub(super) fn g1_fixed(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (points, scalars) = (inputs.g1(size), inputs.scalars(size));
    let bases = bench.dispatcher.prepare_fixed_g1(&bench.call, points.as_slice().into(), table_bytes(size))?;
    let ours = || bench.dispatcher.msm_g1_prepared(&bench.call, &bases, &scalars);
    against_g1(bench, &points, &scalars, FULL, ours)
}

pub(super) fn g2_fixed(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (points, scalars) = (inputs.g2(size), inputs.scalars(size));
    let bases = bench.dispatcher.prepare_fixed_g2(&bench.call, points.as_slice().into(), table_bytes(size))?;
    let ours = || bench.dispatcher.msm_g2_prepared(&bench.call, &bases, &scalars);
    against_g2(bench, &points, &scalars, ours)
}

pub(super) fn mul_g1(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (points, scalars) = (inputs.g1(size), inputs.scalars(size));
    let ours = || bench.dispatcher.mul_g1(&bench.call, &points, &scalars);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Arkworks => {
            let same = |a: &Vec<G1>, b: &Vec<G1Affine>| G1::as_affine_slice(a) == b;
            duel(bench, ours, || ark::mul(pool, G1::as_affine_slice(&points), &scalars), same)?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Blst => {
            let (p, s) = (direct::g1(&points), direct::Scalars::new(&scalars, FULL));
            let same = |a: &Vec<G1>, b: &Vec<_>| a.iter().map(G1::to_bytes).eq(b.iter().map(direct::compress_g1));
            duel(bench, ours, || direct::mul_g1(pool, &p, &s), same)?
        }
    })
}

pub(super) fn mul_g2(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (points, scalars) = (inputs.g2(size), inputs.scalars(size));
    let ours = || bench.dispatcher.mul_g2(&bench.call, &points, &scalars);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Arkworks => {
            let same = |a: &Vec<G2>, b: &Vec<G2Affine>| G2::as_affine_slice(a) == b;
            duel(bench, ours, || ark::mul(pool, G2::as_affine_slice(&points), &scalars), same)?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Blst => {
            let (p, s) = (direct::g2(&points), direct::Scalars::new(&scalars, FULL));
            let same = |a: &Vec<G2>, b: &Vec<_>| a.iter().map(G2::to_bytes).eq(b.iter().map(direct::compress_g2));
            duel(bench, ours, || direct::mul_g2(pool, &p, &s), same)?
        }
    })
}

//! Operations on points: sums, decompression, membership.

use super::inputs::Inputs;
use super::job::{Baseline, no_plain};
use super::measure::Timing;
use super::{Bench, Error, ark, direct, duel};
use arblast::backend::IndexLists;
use arblast::{G1, G2};
use ark_bls12_381::{G1Affine, G2Affine};

type Answer = Result<Option<Timing>, Error>;

pub(super) fn sum_g1(bench: &Bench, size: usize) -> Answer {
    let points = Inputs::new().g1(size);
    let (affine, lists) = (G1::as_affine_slice(&points), IndexLists::all(size));
    let ours = || bench.dispatcher.sum_g1(&bench.call, affine, &lists);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let p = direct::g1(&points);
            let same = |a: &Vec<G1Affine>, b: &_| a.len() == 1 && ark::bytes(&a[0]) == direct::compress_g1(b);
            duel(bench, ours, || direct::sum_g1(pool, &p), same)?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => duel(bench, ours, || ark::sum_g1(pool, affine), |a, b| a[..] == [*b])?,
    })
}

pub(super) fn decompress_g1(bench: &Bench, size: usize) -> Answer {
    let encoded: Vec<[u8; 48]> = Inputs::new().g1(size).iter().map(G1::to_bytes).collect();
    let ours = || bench.dispatcher.decompress_g1(&bench.call, &encoded);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => duel(
            bench,
            ours,
            || direct::decompress_g1(pool, &encoded),
            |a, b| {
                let theirs = b.iter().map(|p| p.as_ref().map(direct::compress_g1));
                a.iter().map(|p| p.as_ref().ok().map(G1::to_bytes)).eq(theirs)
            },
        )?,
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => {
            let same = |a: &Vec<Result<G1, _>>, b: &Vec<Option<G1Affine>>| {
                a.iter().map(|p| p.as_ref().ok().map(G1::affine)).eq(b.iter().map(Option::as_ref))
            };
            duel(bench, ours, || ark::decompress::<G1Affine, 48>(pool, &encoded), same)?
        }
    })
}

pub(super) fn decompress_g2(bench: &Bench, size: usize) -> Answer {
    let encoded: Vec<[u8; 96]> = Inputs::new().g2(size).iter().map(G2::to_bytes).collect();
    let ours = || bench.dispatcher.decompress_g2(&bench.call, &encoded);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => duel(
            bench,
            ours,
            || direct::decompress_g2(pool, &encoded),
            |a, b| {
                let theirs = b.iter().map(|p| p.as_ref().map(direct::compress_g2));
                a.iter().map(|p| p.as_ref().ok().map(G2::to_bytes)).eq(theirs)
            },
        )?,
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => {
            let same = |a: &Vec<Result<G2, _>>, b: &Vec<Option<G2Affine>>| {
                a.iter().map(|p| p.as_ref().ok().map(G2::affine)).eq(b.iter().map(Option::as_ref))
            };
            duel(bench, ours, || ark::decompress::<G2Affine, 96>(pool, &encoded), same)?
        }
    })
}

pub(super) fn subgroup_g1(bench: &Bench, size: usize) -> Answer {
    let points = Inputs::new().g1(size);
    let affine = G1::as_affine_slice(&points);
    let ours = || bench.dispatcher.subgroup_g1(&bench.call, affine);
    let pool = &bench.pool;
    let member = |p: &G1Affine| p.is_on_curve() && p.is_in_correct_subgroup_assuming_on_curve();
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let p = direct::g1(&points);
            duel(bench, ours, || direct::subgroup_g1(pool, &p), |a, b| a == b)?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => duel(bench, ours, || ark::each(pool, affine, member), |a, b| a == b)?,
    })
}

pub(super) fn subgroup_g2(bench: &Bench, size: usize) -> Answer {
    let points = Inputs::new().g2(size);
    let affine = G2::as_affine_slice(&points);
    let ours = || bench.dispatcher.subgroup_g2(&bench.call, affine);
    let pool = &bench.pool;
    let member = |p: &G2Affine| p.is_on_curve() && p.is_in_correct_subgroup_assuming_on_curve();
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let p = direct::g2(&points);
            duel(bench, ours, || direct::subgroup_g2(pool, &p), |a, b| a == b)?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => duel(bench, ours, || ark::each(pool, affine, member), |a, b| a == b)?,
    })
}

//! Pairings, hashing to the curve, and the NTT.

use super::inputs::Inputs;
use super::job::{Baseline, no_plain};
use super::measure::Timing;
use super::{Bench, Error, ark, direct, duel};
use arblast::backend::NttKind;
use arblast::{G1, G2};
use ark_bls12_381::Fq12;

type Answer = Result<Option<Timing>, Error>;

/// `size` pairings, one call each.
pub(super) fn pairing(bench: &Bench, size: usize) -> Answer {
    let (pairs, ps, qs) = pairs(size);
    let one = |pair: &(G1, G2)| bench.dispatcher.multi_pairing(&bench.call, std::slice::from_ref(pair));
    let ours = || pairs.iter().map(one).collect::<Result<Vec<_>, _>>();
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let (p, q) = (direct::g1(&ps), direct::g2(&qs));
            let theirs = || {
                let each = p.chunks(1).zip(q.chunks(1));
                each.map(|(p, q)| direct::multi_pairing(pool, p, q)).collect::<Vec<_>>()
            };
            duel(bench, ours, theirs, |a, b| {
                a.iter().map(|a| direct::gt_bytes(&a.0)).eq(b.iter().map(|b| b.to_bendian().to_vec()))
            })?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => {
            let (p, q) = (G1::as_affine_slice(&ps), G2::as_affine_slice(&qs));
            let theirs = || {
                let each = p.chunks(1).zip(q.chunks(1));
                each.map(|(p, q)| ark::multi_pairing(pool, p, q)).collect::<Vec<Fq12>>()
            };
            duel(bench, ours, theirs, |a, b| a.iter().map(|a| &a.0).eq(b))?
        }
    })
}

/// One product of `size` pairings.
pub(super) fn multi_pairing(bench: &Bench, size: usize) -> Answer {
    let (pairs, ps, qs) = pairs(size);
    let ours = || bench.dispatcher.multi_pairing(&bench.call, &pairs);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let (p, q) = (direct::g1(&ps), direct::g2(&qs));
            let theirs = || direct::multi_pairing(pool, &p, &q);
            duel(bench, ours, theirs, |a, b| direct::gt_bytes(&a.0) == b.to_bendian())?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => {
            let (p, q) = (G1::as_affine_slice(&ps), G2::as_affine_slice(&qs));
            duel(bench, ours, || ark::multi_pairing(pool, p, q), |a, b| a.0 == *b)?
        }
    })
}

/// One product of `size` pairings, the lines of the points of G2 stored beforehand on both sides.
pub(super) fn multi_pairing_prepared(bench: &Bench, size: usize) -> Answer {
    let (pairs, ps, qs) = pairs(size);
    let lines = bench.dispatcher.prepare_lines(&bench.call, qs.clone().into())?;
    let ours = || bench.dispatcher.multi_pairing_prepared(&bench.call, &[], &lines, &ps);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let (p, q) = (direct::g1(&ps), direct::g2(&qs));
            let lines = direct::StoredLines::new(&q);
            let theirs = || direct::multi_pairing_prepared(pool, &p, &lines);
            duel(bench, ours, theirs, |a, b| direct::gt_bytes(&a.0) == b.to_bendian())?
        }
        Baseline::Plain => {
            let theirs = || bench.dispatcher.multi_pairing(&bench.call, &pairs);
            duel(bench, ours, theirs, |a, b| Ok(*a) == *b)?
        }
        Baseline::Arkworks => {
            let p = G1::as_affine_slice(&ps);
            let lines = ark::stored_lines(G2::as_affine_slice(&qs));
            duel(bench, ours, || ark::multi_pairing_prepared(pool, p, &lines), |a, b| a.0 == *b)?
        }
    })
}

fn pairs(size: usize) -> (Vec<(G1, G2)>, Vec<G1>, Vec<G2>) {
    let mut inputs = Inputs::new();
    let (ps, qs) = (inputs.g1(size), inputs.g2(size));
    (ps.iter().copied().zip(qs.iter().copied()).collect(), ps, qs)
}

/// The tag that the hash bench uses: Ethereum's.
const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

pub(super) fn hash_to_g2(bench: &Bench, size: usize) -> Answer {
    let messages = Inputs::new().messages(size);
    let messages: Vec<&[u8]> = messages.iter().map(|m| m.as_slice()).collect();
    let ours = || bench.dispatcher.hash_to_g2(&bench.call, &messages, DST);
    let pool = &bench.pool;
    Ok(match bench.plan.baseline {
        Baseline::Blst => {
            let theirs = || direct::hash_to_g2(pool, &messages, DST);
            duel(bench, ours, theirs, |a, b| a.iter().map(G2::to_bytes).eq(b.iter().map(direct::compress_g2)))?
        }
        Baseline::Plain => return no_plain(),
        Baseline::Arkworks => {
            let theirs = || ark::hash_to_g2(pool, &messages, DST);
            duel(bench, ours, theirs, |a, b| a.iter().map(G2::affine).eq(b))?
        }
    })
}

/// The forward transform; arkworks is the only baseline.
pub(super) fn ntt(bench: &Bench, size: usize) -> Answer {
    let values = Inputs::new().scalars(size);
    let ours = || bench.dispatcher.ntt(&bench.call, &values, NttKind::FORWARD);
    Ok(duel(bench, ours, || ark::ntt(&bench.pool, &values), |a, b| a == b)?)
}

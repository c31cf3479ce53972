//! Signature verification, min-pk. Keys and signatures were decoded, and so checked to be in their subgroups, before;
//! neither side checks again.
//!
//! Before timing, both sides must also refuse a wrong message: a verifier that says yes to everything is fast.

use super::inputs::{Inputs, suite};
use super::job::{Baseline, no_plain};
use super::measure::Timing;
use super::{Bench, Error, ark, direct, duel};
use arblast::bls::{MinPk, SignatureSet};
use ark_bls12_381::{G1Affine, G2Affine};

type Answer = Result<Option<Timing>, Error>;

const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// A message that nobody signed.
const OTHER: &[u8] = b"another message";

/// Both sides' verdicts agree and are positive.
fn both(a: &bool, b: &bool) -> bool {
    *a && *b
}

/// `size` signatures, one call each.
pub(super) fn verify(bench: &Bench, size: usize) -> Answer {
    let signed = Inputs::new().signed(size)?;
    let one = |message: Option<&[u8]>| {
        let mut valid = true;
        for s in &signed {
            let message = message.unwrap_or(&s.message);
            valid &= suite().verify(&bench.dispatcher, &bench.call, &s.key, message, &s.signature)?;
        }
        Ok(valid)
    };
    let pool = &bench.pool;
    let duel_with = |theirs: &dyn Fn(Option<&[u8]>) -> bool| -> Answer {
        if one(Some(OTHER))? || theirs(Some(OTHER)) {
            return Ok(None);
        }
        Ok(duel(bench, || one(None), || theirs(None), both)?)
    };
    match bench.plan.baseline {
        Baseline::Blst => {
            let keys = direct::g1(&signed.iter().map(|s| s.key.point()).collect::<Vec<_>>());
            let signatures = direct::g2(&signed.iter().map(|s| s.signature.point()).collect::<Vec<_>>());
            let each = || keys.iter().zip(&signatures).zip(&signed);
            duel_with(&|m| each().all(|((k, g), s)| direct::verify(k, m.unwrap_or(&s.message), g, DST)))
        }
        Baseline::Plain => no_plain(),
        Baseline::Arkworks => duel_with(&|m| {
            signed.iter().all(|s| {
                let (key, signature) = (s.key.point().into_affine(), s.signature.point().into_affine());
                ark::verify(pool, key, m.unwrap_or(&s.message), signature, DST)
            })
        }),
    }
}

/// One batch of `size` signatures on distinct messages.
pub(super) fn verify_batch(bench: &Bench, size: usize) -> Answer {
    let mut inputs = Inputs::new();
    let (signed, weights) = (inputs.signed(size)?, inputs.weights(size));
    // The second form has one wrong message.
    let messages = |wrong: bool| -> Vec<&[u8]> {
        let last = signed.len().saturating_sub(1);
        signed.iter().enumerate().map(|(i, s)| if wrong && i == last { OTHER } else { &s.message }).collect()
    };
    let sets = |messages: &[&'_ [u8]]| -> Vec<SignatureSet<'_, MinPk>> {
        let each = signed.iter().zip(messages);
        each.map(|(s, m)| SignatureSet::new(m.to_vec(), vec![s.key], s.signature)).collect()
    };
    let (good, bad) = (sets(&messages(false)), sets(&messages(true)));
    let ours =
        |sets: &[SignatureSet<'_, MinPk>]| Ok(suite().verify_batch(&bench.dispatcher, &bench.call, sets)?.all_valid());
    let pool = &bench.pool;
    match bench.plan.baseline {
        Baseline::Blst => {
            let keys = direct::g1(&signed.iter().map(|s| s.key.point()).collect::<Vec<_>>());
            let signatures = direct::g2(&signed.iter().map(|s| s.signature.point()).collect::<Vec<_>>());
            let sets = |wrong| -> Vec<_> {
                let each = keys.iter().zip(messages(wrong)).zip(&signatures);
                each.map(|((k, m), s)| (*k, m, *s)).collect()
            };
            let (good_sets, bad_sets) = (sets(false), sets(true));
            if ours(&bad)? || direct::verify_batch(pool, &bad_sets, &weights, DST) {
                return Ok(None);
            }
            Ok(duel(bench, || ours(&good), || direct::verify_batch(pool, &good_sets, &weights, DST), both)?)
        }
        Baseline::Plain => no_plain(),
        Baseline::Arkworks => {
            let sets = |wrong| -> Vec<(G1Affine, &[u8], G2Affine)> {
                let each = signed.iter().zip(messages(wrong));
                each.map(|(s, m)| (s.key.point().into_affine(), m, s.signature.point().into_affine())).collect()
            };
            let (good_sets, bad_sets) = (sets(false), sets(true));
            if ours(&bad)? || ark::verify_batch(pool, &bad_sets, &weights, DST) {
                return Ok(None);
            }
            Ok(duel(bench, || ours(&good), || ark::verify_batch(pool, &good_sets, &weights, DST), both)?)
        }
    }
}

/// One aggregate signature of `size` keys on one message.
pub(super) fn fast_aggregate_verify(bench: &Bench, size: usize) -> Answer {
    let committee = Inputs::new().committee(size)?;
    let ours = |message: &[u8]| {
        suite().fast_aggregate_verify(&bench.dispatcher, &bench.call, &committee.keys, message, &committee.signature)
    };
    let pool = &bench.pool;
    let points: Vec<_> = committee.keys.iter().map(|k| k.point()).collect();
    let message = committee.message.as_slice();
    let duel_with = |theirs: &dyn Fn(&[u8]) -> bool| -> Answer {
        if ours(OTHER)? || theirs(OTHER) {
            return Ok(None);
        }
        Ok(duel(bench, || ours(message), || theirs(message), both)?)
    };
    match bench.plan.baseline {
        Baseline::Blst => {
            let (keys, signature) = (direct::g1(&points), direct::g2(&[committee.signature.point()]));
            duel_with(&|message| direct::fast_aggregate_verify(pool, &keys, message, &signature[0], DST))
        }
        Baseline::Plain => no_plain(),
        Baseline::Arkworks => {
            let affine = arblast::G1::as_affine_slice(&points);
            let signature = committee.signature.point().into_affine();
            duel_with(&|message| ark::verify(pool, ark::sum_g1(pool, affine), message, signature, DST))
        }
    }
}

//! arkworks, called directly.

use super::Pool;
use ark_bls12_381::{Bls12_381, Fq12, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g2};
use ark_ec::bls12::G2Prepared as Bls12G2Prepared;
use ark_ec::hashing::HashToCurve;
use ark_ec::hashing::curve_maps::wb::WBMap;
use ark_ec::hashing::map_to_curve_hasher::MapToCurveBasedHasher;
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::PrimeField;
use ark_ff::field_hashers::DefaultFieldHasher;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use sha2::Sha256;

/// A point of G2 with its lines.
pub(super) type G2Prepared = Bls12G2Prepared<ark_bls12_381::Config>;

/// Σ scalarᵢ·pointᵢ.
pub(super) fn msm<G: VariableBaseMSM + CurveGroup>(
    pool: &Pool,
    points: &[G::MulBase],
    scalars: &[G::ScalarField],
) -> G::Affine {
    let parts = pool.parts(points.len(), |r| G::msm_unchecked(&points[r.clone()], &scalars[r]));
    parts.into_iter().sum::<G>().into_affine()
}

/// Each point times its scalar, affine with one inversion a part.
pub(super) fn mul<P: AffineRepr>(pool: &Pool, points: &[P], scalars: &[P::ScalarField]) -> Vec<P> {
    let one = |(p, s): (&P, &P::ScalarField)| *p * s;
    let part = |r: std::ops::Range<usize>| {
        P::Group::normalize_batch(&points[r.clone()].iter().zip(&scalars[r]).map(one).collect::<Vec<_>>())
    };
    pool.parts(points.len(), part).concat()
}

/// The sum of all points, by mixed additions.
pub(super) fn sum_g1(pool: &Pool, points: &[G1Affine]) -> G1Affine {
    let part = |r: std::ops::Range<usize>| points[r].iter().fold(G1Projective::default(), |sum, p| sum + p);
    pool.parts(points.len(), part).into_iter().sum::<G1Projective>().into_affine()
}

/// The compressed encoding, for comparison.
pub(super) fn bytes(point: &impl CanonicalSerialize) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a vector does not fail; if it did, the comparison would.
    let _ = point.serialize_compressed(&mut out);
    out
}

/// Each encoding decoded, with curve and subgroup checks.
pub(super) fn decompress<P: CanonicalDeserialize + Clone + Send, const N: usize>(
    pool: &Pool,
    bytes: &[[u8; N]],
) -> Vec<Option<P>> {
    let one = |b: &[u8; N]| P::deserialize_compressed(&b[..]).ok();
    pool.parts(bytes.len(), |r| bytes[r].iter().map(one).collect::<Vec<_>>()).concat()
}

/// Whether each point passes a check.
pub(super) fn each<P: Sync>(pool: &Pool, points: &[P], check: impl Fn(&P) -> bool + Sync) -> Vec<bool> {
    pool.parts(points.len(), |r| points[r].iter().map(&check).collect::<Vec<_>>()).concat()
}

/// A product of pairings, finished.
pub(super) fn multi_pairing(pool: &Pool, ps: &[G1Affine], qs: &[G2Affine]) -> Fq12 {
    let part = |r: std::ops::Range<usize>| {
        Bls12_381::multi_miller_loop(ps[r.clone()].iter().copied(), qs[r].iter().copied()).0
    };
    finished(pool.parts(ps.len(), part))
}

/// Points of G2 with their lines.
pub(super) fn stored_lines(points: &[G2Affine]) -> Vec<G2Prepared> {
    points.iter().map(|q| G2Prepared::from(*q)).collect()
}

/// A product of pairings over points with stored lines, finished; arkworks takes copies of the lines.
pub(super) fn multi_pairing_prepared(pool: &Pool, ps: &[G1Affine], lines: &[G2Prepared]) -> Fq12 {
    let part = |r: std::ops::Range<usize>| {
        Bls12_381::multi_miller_loop(ps[r.clone()].iter().copied(), lines[r].iter().cloned()).0
    };
    finished(pool.parts(ps.len(), part))
}

/// The final exponentiation of a product of Miller loops.
fn finished(loops: Vec<Fq12>) -> Fq12 {
    let product = loops.into_iter().product::<Fq12>();
    Bls12_381::final_exponentiation(ark_ec::pairing::MillerLoopOutput(product)).map_or_else(Fq12::default, |gt| gt.0)
}

/// Each message hashed; the identity where arkworks reports an error.
pub(super) fn hash_to_g2(pool: &Pool, messages: &[&[u8]], dst: &[u8]) -> Vec<G2Affine> {
    type Hasher = MapToCurveBasedHasher<G2Projective, DefaultFieldHasher<Sha256, 128>, WBMap<g2::Config>>;
    let part = |r: std::ops::Range<usize>| {
        let Ok(hasher) = Hasher::new(dst) else { return vec![G2Affine::zero(); r.len()] };
        messages[r].iter().map(|m| hasher.hash(m).unwrap_or_default()).collect::<Vec<_>>()
    };
    pool.parts(messages.len(), part).concat()
}

/// One signature (min-pk): e(pk, H(m)) = e(g1, σ).
pub(super) fn verify(pool: &Pool, key: G1Affine, message: &[u8], signature: G2Affine, dst: &[u8]) -> bool {
    let hash = hash_to_g2(pool, &[message], dst);
    let negated = (-G1Projective::generator()).into_affine();
    multi_pairing(pool, &[key, negated], &[hash[0], signature]) == Fq12::from(1)
}

/// A batch by random linear combination: Π e(rᵢ·pkᵢ, H(mᵢ)) = e(g1, Σ rᵢ·σᵢ).
pub(super) fn verify_batch(pool: &Pool, sets: &[(G1Affine, &[u8], G2Affine)], weights: &[[u8; 8]], dst: &[u8]) -> bool {
    let scalars: Vec<Fr> = weights.iter().map(|w| Fr::from_le_bytes_mod_order(w)).collect();
    let messages: Vec<&[u8]> = sets.iter().map(|s| s.1).collect();
    let signatures: Vec<G2Affine> = sets.iter().map(|s| s.2).collect();
    let mut qs = hash_to_g2(pool, &messages, dst);
    let weighted = |r: std::ops::Range<usize>| {
        sets[r.clone()].iter().zip(weights[r].iter()).map(|(s, w)| s.0.mul_bigint([u64::from_le_bytes(*w)])).collect()
    };
    let keys: Vec<G1Projective> = pool.parts(sets.len(), weighted).into_iter().flat_map(|v: Vec<_>| v).collect();
    let mut ps = G1Projective::normalize_batch(&keys);
    ps.push((-G1Projective::generator()).into_affine());
    qs.push(msm::<G2Projective>(pool, &signatures, &scalars));
    multi_pairing(pool, &ps, &qs) == Fq12::from(1)
}

/// The forward transform on the subgroup, on the pool's threads.
pub(super) fn ntt(pool: &Pool, values: &[Fr]) -> Vec<Fr> {
    let mut values = values.to_vec();
    if let Some(domain) = Radix2EvaluationDomain::<Fr>::new(values.len()) {
        pool.install(|| domain.fft_in_place(&mut values));
    }
    values
}

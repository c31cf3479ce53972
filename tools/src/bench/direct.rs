//! blst by its C bindings, on blst's own structures.
//!
//! blst's safe Rust functions are used where they are nothing but the C call; its thread pool is compiled out here,
//! so a job runs on the calling thread and is cut into parts by [`Pool`].

use super::Pool;
use arblast::{G1, G2};
use ark_bls12_381::{Fq12, Fr};
use ark_ff::{BigInteger, PrimeField};
use blst::{
    BLST_ERROR, MultiPoint, Pairing, blst_fp6, blst_fp12, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine, p1_affines,
    p2_affines,
};
use std::ops::Range;
use std::ptr::null;

/// Scalars by their lowest `bits` bits, each in little-endian bytes.
pub(super) struct Scalars {
    bytes: Vec<u8>,
    bits: usize,
}

impl Scalars {
    /// Scalars of up to `bits` bits.
    pub(super) fn new(scalars: &[Fr], bits: usize) -> Self {
        let width = bits.div_ceil(8);
        let bytes = scalars.iter().flat_map(|s| s.into_bigint().to_bytes_le().into_iter().take(width)).collect();
        Self { bytes, bits }
    }

    /// The bytes of some of them.
    fn of(&self, range: Range<usize>) -> &[u8] {
        let width = self.bits.div_ceil(8);
        &self.bytes[range.start * width..range.end * width]
    }
}

/// A pairing value in blst's byte order, for comparison.
pub(super) fn gt_bytes(value: &Fq12) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(576);
    for i in 0..3 {
        for half in [&value.c0, &value.c1] {
            let c = [&half.c0, &half.c1, &half.c2][i];
            bytes.extend(c.c0.into_bigint().to_bytes_be());
            bytes.extend(c.c1.into_bigint().to_bytes_be());
        }
    }
    bytes
}

macro_rules! group {
    ($points:ident, $checked:ty, $bytes:literal, $affine:ty, $jacobian:ty, $msm:ident, $mul:ident, $sum:ident, $decode:ident,
     $members:ident, $compress:ident, $c_compress:ident, $c_uncompress:ident, $c_in:ident, $c_inf:ident,
     $c_on_curve:ident, $c_add:ident, $c_to_affine:ident, $affines:ty,
     $c_from_affine:ident, $c_mult:ident) => {
        /// The points in blst's form.
        pub(super) fn $points(points: &[$checked]) -> Vec<$affine> {
            points.iter().filter_map(|p| decode_one::<$bytes, $affine>(&p.to_bytes(), blst::$c_uncompress)).collect()
        }

        /// The compressed encoding, for comparison.
        pub(super) fn $compress(point: &$affine) -> [u8; $bytes] {
            let mut out = [0; $bytes];
            // SAFETY: `out` has the length blst writes.
            unsafe { blst::$c_compress(out.as_mut_ptr(), point) };
            out
        }

        /// Pippenger's method on each part of the points.
        pub(super) fn $msm(pool: &Pool, points: &[$affine], scalars: &Scalars) -> $affine {
            $sum(&pool.parts(points.len(), |r| points[r.clone()].mult(scalars.of(r), scalars.bits)))
        }

        /// Each point times its scalar, affine with one inversion a part.
        pub(super) fn $mul(pool: &Pool, points: &[$affine], scalars: &Scalars) -> Vec<$affine> {
            let one = |i: usize| {
                let (mut base, mut out) = <($jacobian, $jacobian)>::default();
                // SAFETY: valid references; the scalar has the bytes that `bits` asks for.
                unsafe {
                    blst::$c_from_affine(&mut base, &points[i]);
                    blst::$c_mult(&mut out, &base, scalars.of(i..i + 1).as_ptr(), scalars.bits);
                }
                out
            };
            let part = |r: Range<usize>| <$affines>::from(&r.map(one).collect::<Vec<_>>()).as_slice().to_vec();
            pool.parts(points.len(), part).concat()
        }

        /// The sum of a few Jacobian points, affine.
        fn $sum(parts: &[$jacobian]) -> $affine {
            let (mut sum, mut out) = (<$jacobian>::default(), <$affine>::default());
            for part in parts {
                let before = sum;
                // SAFETY: valid references.
                unsafe { blst::$c_add(&mut sum, &before, part) };
            }
            // SAFETY: valid references.
            unsafe { blst::$c_to_affine(&mut out, &sum) };
            out
        }

        /// Each encoding decoded, with curve and subgroup checks.
        pub(super) fn $decode(pool: &Pool, bytes: &[[u8; $bytes]]) -> Vec<Option<$affine>> {
            let one = |bytes| {
                let point = decode_one::<$bytes, $affine>(bytes, blst::$c_uncompress)?;
                // SAFETY: a valid reference.
                unsafe { blst::$c_inf(&point) || blst::$c_in(&point) }.then_some(point)
            };
            pool.parts(bytes.len(), |r| bytes[r].iter().map(one).collect::<Vec<_>>()).concat()
        }

        /// Whether each point is on the curve and in the subgroup.
        pub(super) fn $members(pool: &Pool, points: &[$affine]) -> Vec<bool> {
            // SAFETY: a valid reference.
            let one = |p: &$affine| unsafe { blst::$c_on_curve(p) && blst::$c_in(p) };
            pool.parts(points.len(), |r| points[r].iter().map(one).collect::<Vec<_>>()).concat()
        }
    };
}

fn decode_one<const N: usize, A: Default>(
    bytes: &[u8; N],
    uncompress: unsafe extern "C" fn(*mut A, *const u8) -> BLST_ERROR,
) -> Option<A> {
    let mut out = A::default();
    // SAFETY: a valid destination, and `bytes` has the length the function of this group reads.
    (unsafe { uncompress(&mut out, bytes.as_ptr()) } == BLST_ERROR::BLST_SUCCESS).then_some(out)
}

group!(
    g1,
    G1,
    48,
    blst_p1_affine,
    blst_p1,
    msm_g1,
    mul_g1,
    total_g1,
    decompress_g1,
    subgroup_g1,
    compress_g1,
    blst_p1_affine_compress,
    blst_p1_uncompress,
    blst_p1_affine_in_g1,
    blst_p1_affine_is_inf,
    blst_p1_affine_on_curve,
    blst_p1_add_or_double,
    blst_p1_to_affine,
    p1_affines,
    blst_p1_from_affine,
    blst_p1_mult
);
group!(
    g2,
    G2,
    96,
    blst_p2_affine,
    blst_p2,
    msm_g2,
    mul_g2,
    total_g2,
    decompress_g2,
    subgroup_g2,
    compress_g2,
    blst_p2_affine_compress,
    blst_p2_uncompress,
    blst_p2_affine_in_g2,
    blst_p2_affine_is_inf,
    blst_p2_affine_on_curve,
    blst_p2_add_or_double,
    blst_p2_to_affine,
    p2_affines,
    blst_p2_from_affine,
    blst_p2_mult
);

/// The sum of all points.
pub(super) fn sum_g1(pool: &Pool, points: &[blst_p1_affine]) -> blst_p1_affine {
    total_g1(&pool.parts(points.len(), |r| points[r].add()))
}

/// A product of pairings, finished.
pub(super) fn multi_pairing(pool: &Pool, ps: &[blst_p1_affine], qs: &[blst_p2_affine]) -> blst_fp12 {
    let parts = pool.parts(ps.len(), |r| blst_fp12::miller_loop_n(&qs[r.clone()], &ps[r]));
    parts.into_iter().reduce(|a, b| a * b).unwrap_or_default().final_exp()
}

/// Points of G2 with their lines, as blst stores them.
pub(super) struct StoredLines {
    points: Vec<blst_p2_affine>,
    lines: Vec<[blst_fp6; 68]>,
}

impl StoredLines {
    /// Computes the lines.
    pub(super) fn new(points: &[blst_p2_affine]) -> Self {
        let lines = |q: &blst_p2_affine| {
            let mut out = [blst_fp6::default(); 68];
            // SAFETY: room for 68 lines; a valid reference.
            unsafe { blst::blst_precompute_lines(out.as_mut_ptr(), q) };
            out
        };
        Self { points: points.to_vec(), lines: points.iter().map(lines).collect() }
    }
}

/// A product of pairings over points with stored lines, finished, in the faster of blst's two ways: with the lines it has
/// an accumulator for each pair, without them one for sixteen pairs.
pub(super) fn multi_pairing_prepared(pool: &Pool, ps: &[blst_p1_affine], stored: &StoredLines) -> blst_fp12 {
    if ps.len() > LINES_WIN {
        return multi_pairing(pool, ps, &stored.points);
    }
    let each = ps.iter().zip(&stored.lines).map(|(p, lines)| {
        let mut out = blst_fp12::default();
        // SAFETY: 68 lines; valid references.
        unsafe { blst::blst_miller_loop_lines(&mut out, lines.as_ptr(), p) };
        out
    });
    each.reduce(|a, b| a * b).unwrap_or_default().final_exp()
}

/// Pairs up to which blst is faster with stored lines.
const LINES_WIN: usize = 2;

/// Each message hashed; affine points with one inversion a part.
pub(super) fn hash_to_g2(pool: &Pool, messages: &[&[u8]], dst: &[u8]) -> Vec<blst_p2_affine> {
    let one = |message: &&[u8]| {
        let mut out = blst_p2::default();
        // SAFETY: pointers with their lengths; no augmentation.
        unsafe { blst::blst_hash_to_g2(&mut out, message.as_ptr(), message.len(), dst.as_ptr(), dst.len(), null(), 0) };
        out
    };
    let hash = |messages: &[&[u8]]| p2_affines::from(&messages.iter().map(one).collect::<Vec<_>>());
    pool.parts(messages.len(), |r| hash(&messages[r]).as_slice().to_vec()).concat()
}

/// One signature (min-pk); key and signature are known to be in their subgroups.
pub(super) fn verify(key: &blst_p1_affine, message: &[u8], signature: &blst_p2_affine, dst: &[u8]) -> bool {
    let mut pairing = Pairing::new(true, dst);
    if pairing.aggregate(key, false, signature, false, message, &[]) != BLST_ERROR::BLST_SUCCESS {
        return false;
    }
    pairing.commit();
    pairing.finalverify(None)
}

/// A batch by random linear combination, 64-bit weights; as `verify_multiple_aggregate_signatures` of blst does it.
pub(super) fn verify_batch(
    pool: &Pool,
    sets: &[(blst_p1_affine, &[u8], blst_p2_affine)],
    weights: &[[u8; 8]],
    dst: &[u8],
) -> bool {
    let part = |range: std::ops::Range<usize>| {
        let mut pairing = Pairing::new(true, dst);
        for ((key, message, signature), weight) in sets[range.clone()].iter().zip(&weights[range]) {
            let error = pairing.mul_n_aggregate(key, false, signature, false, weight, 64, message, &[]);
            if error != BLST_ERROR::BLST_SUCCESS {
                return None;
            }
        }
        pairing.commit();
        Some(pairing)
    };
    let merged = pool.parts(sets.len(), part).into_iter().reduce(|a, b| {
        let (mut a, b) = (a?, b?);
        (a.merge(&b) == BLST_ERROR::BLST_SUCCESS).then_some(a)
    });
    merged.flatten().is_some_and(|pairing| pairing.finalverify(None))
}

/// An aggregate signature of many keys on one message: `p1s_add`, then one verification.
pub(super) fn fast_aggregate_verify(
    pool: &Pool,
    keys: &[blst_p1_affine],
    message: &[u8],
    signature: &blst_p2_affine,
    dst: &[u8],
) -> bool {
    verify(&sum_g1(pool, keys), message, signature, dst)
}

/// The affine forms of Jacobian points, with one inversion.
pub(super) fn normalize_g1(points: &[blst_p1]) -> p1_affines {
    p1_affines::from(points)
}

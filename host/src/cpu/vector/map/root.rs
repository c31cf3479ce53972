//! Square roots and quadratic characters in Fp and Fp2, several vectors in step.
//!
//! p ≡ 3 mod 4, so in Fp one power t = a^((p−3)/4) gives the candidate a·t (`power.rs`).
//!
//! In Fp2 two powers in Fp do (the complex method; Scott, eprint 2020/1497, section 6.3; Adj and Rodríguez-Henríquez,
//! eprint 2012/685, algorithm 8). a is a square exactly where its norm N is one in Fp. With s = √N and δ = (a0 + s)/2 the
//! root is x + (a1/2x)·u for x = √δ. Let t = δ^((p−3)/4). Where δ is a square, x = δt, 1/x = t, and the root is
//! δt + (a1/2)t·u. Where it is not, t² = −1/δ; as δ·(a0 − s)/2 = −a1²/4, the other candidate (a0 − s)/2 is ((a1/2)t)²,
//! so x = (a1/2)t, a1/2x = 1/t = −δt, and the root is (a1/2)t − δt·u: the same two numbers, so that no lane waits.
//! If δ = 0, then a1 = 0 and s = −a0; the other sign of s gives δ = a0.

use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::token::Ifma;
use super::power::inverse_root;

/// A root of each lane, or of −a where the lane is no square, below 4/3·p; and the lanes that are squares (0 is one).
/// Takes less than 6·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn fp<const N: usize>(a: &[Fp8; N]) -> [(Fp8, u8); N] {
    let powers = inverse_root(a);
    std::array::from_fn(|k| {
        let root = a[k].mul(&powers[k]);
        let error = root.square().sub::<2>(&a[k].columns().settle::<1>());
        (root, error.zero_mask())
    })
}

/// A root of each lane that is a square, below 4/3·p, anything in the others; and the lanes that are squares (0 is one).
/// Takes coefficients below 6·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn fp2<const N: usize>(ifma: Ifma, a: &[Fp2x8; N]) -> [(Fp2x8, u8); N] {
    let norms: [Fp8; N] = std::array::from_fn(|k| a[k].norm());
    let roots = fp(&norms);
    let out = fp2_with_norm(ifma, a, &std::array::from_fn(|k| roots[k].0));
    std::array::from_fn(|k| (out[k], roots[k].1))
}

/// A root of each lane, below 4/3·p, given a root of its norm. Takes coefficients below 6·p and roots below 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn fp2_with_norm<const N: usize>(ifma: Ifma, a: &[Fp2x8; N], norm_roots: &[Fp8; N]) -> [Fp2x8; N] {
    let half = Fp8::half(ifma);
    let mut halved = *norm_roots;
    for k in 0..N {
        let delta = a[k].c0.add(&norm_roots[k]).mul(&half);
        halved[k] = match delta.zero_mask() {
            0 => delta,
            lanes => delta.select(lanes, &a[k].c0),
        };
    }
    let powers = inverse_root(&halved);
    let mut out = *a;
    for k in 0..N {
        let x = halved[k].mul(&powers[k]);
        let y = a[k].c1.mul(&half).mul(&powers[k]);
        // χ(δ) = δt², 0 only for a = 0, where every choice is 0.
        let square = x.mul(&powers[k]).sub::<2>(&Fp8::one(ifma)).zero_mask();
        out[k].c0 = y.select(square, &x);
        out[k].c1 = x.columns().negate_lanes(!0).settle::<3>().select(square, &y);
    }
    out
}

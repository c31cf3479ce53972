//! Square roots in Fp and Fp2, sixteen at a time.

use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::generated::FP_INV_SQRT_EXPONENT;
use super::token::Ifma;

/// Vectors side by side. One multiplication takes 30 ns but 27 ns of the multipliers: two keep them busy.
pub(super) const WIDE: usize = 2;

/// x^((p−3)/4) =: t. Where x is a square, t = 1/√x; where x is none, t²·x = −1; where x is 0, t = 0.
///
/// Takes less than 2^13·p; gives less than 4/3·p.
fn inverse_root(ifma: Ifma, x: &[Fp8; WIDE]) -> [Fp8; WIDE] {
    // Windows of four bits from the top down, 13 to a limb.
    let nibble = |i: usize| (FP_INV_SQRT_EXPONENT[i / 13] >> (i % 13 * 4)) as usize & 15;
    let mut powers = [[Fp8::one(ifma); WIDE]; 16];
    for i in 1..16 {
        for k in 0..WIDE {
            powers[i][k] = powers[i - 1][k].mul(&x[k]);
        }
    }
    let top = (0..8 * 13).rev().find(|&i| nibble(i) != 0).unwrap_or(0);
    let mut out = powers[nibble(top)];
    for i in (0..top).rev() {
        for _ in 0..4 {
            out.iter_mut().for_each(|vector| *vector = vector.square());
        }
        if nibble(i) != 0 {
            out.iter_mut().zip(&powers[nibble(i)]).for_each(|(vector, power)| vector.mul_assign(power));
        }
    }
    out
}

/// √x where x is a square; anything else where it is not. Takes less than 2^12·p; gives less than 4/3·p.
pub(super) fn fp(ifma: Ifma, x: &[Fp8; WIDE]) -> [Fp8; WIDE] {
    let t = inverse_root(ifma, x);
    std::array::from_fn(|k| t[k].mul(&x[k]))
}

/// √(a + bu) where that is a square; anything else where it is not, or where (a + √(a² + b²))/2 is 0.
///
/// Takes less than 8·p; gives less than 4/3·p. The complex method: with s = √(a² + b²), δ = (a + s)/2 and
/// t = δ^((p−3)/4), let r = t·δ. If δ is a square, r² = δ, 1/r = t and the root is r + (b/2r)·u. If not, then r² = −δ and
/// 1/r = −t, and (a − s)/2 = −b²/4δ = (b/2r)² is a square in its place: the root is b/2r + r·u.
pub(super) fn fp2(ifma: Ifma, w: &[Fp2x8; WIDE]) -> [Fp2x8; WIDE] {
    let s = fp(ifma, &std::array::from_fn(|k| w[k].norm()));
    let half = Fp8::half(ifma);
    let delta: [Fp8; WIDE] = std::array::from_fn(|k| w[k].c0.add(&s[k]).mul(&half));
    let t = inverse_root(ifma, &delta);
    std::array::from_fn(|k| {
        let r = t[k].mul(&delta[k]);
        let other = w[k].c1.mul(&half).mul(&t[k]);
        let square = r.square().sub::<2>(&delta[k]).zero_mask();
        let negative = Fp8::zero(ifma).sub::<2>(&other);
        let c0 = negative.select(square, &r);
        let c1 = r.select(square, &other);
        Fp2x8 { c0: c0.mul(&Fp8::one(ifma)), c1 }
    })
}

//! The twin: what `mont.rs`, `fp.rs`, `fp2.rs` and `fr.rs` compute, by big integers and lane by lane, shaped as on paper.
//!
//! Tight limbs are one number's only digits, so comparing limbs compares the exact integers, not only their residues.

use super::generated::{P, P_FOLD, P_INV, R, R_FOLD, R_INV};
use num_bigint::BigUint;

/// The number that tight limbs stand for.
pub(super) fn number(limbs: &[u64]) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |n, limb| (n << 52) + *limb)
}

/// A number as `N` tight limbs.
pub(super) fn limbs<const N: usize>(n: &BigUint) -> [u64; N] {
    assert!(n.bits() <= 52 * N as u64, "does not fit {N} limbs");
    std::array::from_fn(|i| ((n >> (52 * i)) % (1u64 << 52)).try_into().expect("52 bits"))
}

/// A modulus with what its reduction needs.
pub(super) struct Modulus {
    pub(super) m: BigUint,
    inverse: u64,
    fold: BigUint,
    limbs: usize,
}

impl Modulus {
    pub(super) fn p() -> Self {
        Self { m: number(&P), inverse: P_INV, fold: number(&P_FOLD), limbs: 8 }
    }

    pub(super) fn r() -> Self {
        Self { m: number(&R), inverse: R_INV, fold: number(&R_FOLD), limbs: 5 }
    }

    /// The representative of T/2^52N mod m that `mont::reduce` gives.
    pub(super) fn reduce(&self, mut t: BigUint) -> BigUint {
        let radix = BigUint::from(1u64 << 52);
        for _ in 1..self.limbs {
            t = (&t >> 52) + (&t % &radix) * &self.fold;
        }
        let q = &radix - (&t * self.inverse) % &radix;
        let q = q % &radix;
        (t + q * &self.m) >> 52
    }

    pub(super) fn mul(&self, a: &BigUint, b: &BigUint) -> BigUint {
        self.reduce(a * b)
    }
}

/// v + (offset − k)·p for v = `sum − less`, with the estimate k that `settle` makes from the top limb of v.
pub(super) fn settle(offset: u32, sum: &BigUint, less: &BigUint) -> BigUint {
    let p = number(&P);
    let lifted = sum + offset * &p - less;
    // The top limb of v + offset·p as the vector code sees it: that of v, plus so many times the top limb of p.
    let top_of_p = &p >> 364;
    let big = BigUint::from(1u32) << 416;
    let top = ((sum + &big - less) >> 364) + offset * &top_of_p - (BigUint::from(1u32) << 52);
    let k = (top * ((1u64 << 52) / (top_of_p + 1u32))) >> 52;
    lifted - k * p
}

/// (a0 + a1 u)(b0 + b1 u) with the coefficients that `fp2::mul` gives.
pub(super) fn fp2_mul(a: [&BigUint; 2], b: [&BigUint; 2]) -> [BigUint; 2] {
    let m = Modulus::p();
    let c0 = a[0] * b[0] + (&m.m << 390) - a[1] * b[1];
    let c1 = a[0] * b[1] + a[1] * b[0];
    [m.reduce(c0), m.reduce(c1)]
}

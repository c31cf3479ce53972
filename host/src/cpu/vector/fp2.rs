//! Eight elements of Fp2 = Fp[u]/(u² + 1), one a lane, with one reduction for each coefficient of a product.

use super::fp::{Fp8, ModP, multiple_of_p};
use super::memory::Limbs;
use super::mont::{self, Vector, splat};
use super::token::Ifma;
use std::arch::x86_64::{__mmask8, _mm512_add_epi64, _mm512_setzero_si512, _mm512_sub_epi64};

/// Eight elements c0 + c1·u.
#[derive(Clone, Copy)]
pub(crate) struct Fp2x8 {
    pub(crate) c0: Fp8,
    pub(crate) c1: Fp8,
}

impl Fp2x8 {
    /// The same element, given by tight limbs, in each lane.
    #[inline(always)]
    pub(crate) fn splat(ifma: Ifma, limbs: &[[u64; 8]; 2]) -> Self {
        Self { c0: Fp8::splat(ifma, &limbs[0]), c1: Fp8::splat(ifma, &limbs[1]) }
    }

    /// a·b. Takes coefficients below 16·p; gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { mul(self, other) }
    }

    /// a². Takes coefficients below 16·p; gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn square(&self) -> Self {
        // c0 = (a0 + a1)(a0 − a1), c1 = 2·a0·a1.
        let (sum, difference) = (self.c0.add(&self.c1), self.c0.sub::<16>(&self.c1));
        Self { c0: sum.mul(&difference), c1: self.c0.add(&self.c0).mul(&self.c1) }
    }

    /// a·k for k in Fp. Takes what [`Fp8::mul`] takes; gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn scale(&self, k: &Fp8) -> Self {
        Self { c0: self.c0.mul(k), c1: self.c1.mul(k) }
    }

    /// a + b, coefficient by coefficient.
    #[inline(always)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        Self { c0: self.c0.add(&other.c0), c1: self.c1.add(&other.c1) }
    }

    /// a − b + K·p(1 + u). Takes coefficients of b at most K·p.
    #[inline(always)]
    pub(crate) fn sub<const K: u64>(&self, other: &Self) -> Self {
        Self { c0: self.c0.sub::<K>(&other.c0), c1: self.c1.sub::<K>(&other.c1) }
    }

    /// The conjugate a0 − a1·u, with 2p added to its second coefficient. Takes c1 at most 2·p.
    #[inline(always)]
    pub(crate) fn conjugate(&self, ifma: Ifma) -> Self {
        Self { c0: self.c0, c1: Fp8::zero(ifma).sub::<2>(&self.c1) }
    }

    /// The norm a0² + a1² in Fp. Takes less than 16·p; gives less than 8/3·p.
    #[inline(always)]
    pub(crate) fn norm(&self) -> Fp8 {
        self.c0.square().add(&self.c1.square())
    }

    /// In each lane `other` where the mask has a one, else `self`.
    #[inline(always)]
    pub(crate) fn select(&self, mask: __mmask8, other: &Self) -> Self {
        Self { c0: self.c0.select(mask, &other.c0), c1: self.c1.select(mask, &other.c1) }
    }

    /// The lanes that are 0. Takes less than 8·p.
    #[inline(always)]
    pub(crate) fn zero_mask(&self) -> __mmask8 {
        let mask = self.c0.zero_mask();
        if mask == 0 { 0 } else { mask & self.c1.zero_mask() }
    }

    /// Eight elements from memory.
    #[inline(always)]
    pub(crate) fn load(ifma: Ifma, from: [&[Limbs; 2]; 8]) -> Self {
        Self { c0: Fp8::load(ifma, from.map(|e| &e[0])), c1: Fp8::load(ifma, from.map(|e| &e[1])) }
    }

    /// The eight elements, lane by lane.
    #[inline(always)]
    pub(crate) fn store(&self, ifma: Ifma) -> [[Limbs; 2]; 8] {
        let (c0, c1) = (self.c0.store(ifma), self.c1.store(ifma));
        std::array::from_fn(|i| [c0[i], c1[i]])
    }
}

/// Karatsuba: c0 = a0·b0 − a1·b1, c1 = (a0 + a1)(b0 + b1) − a0·b0 − a1·b1, on 16 columns each, then two reductions.
///
/// p·2^390 keeps c0 positive: a1·b1 is below 2^8·p², and p below 2^381. In the result it is p·2^-26.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn mul(a: &Fp2x8, b: &Fp2x8) -> Fp2x8 {
    let zero = [_mm512_setzero_si512(); 16];
    let low = mont::product::<8, 16>(zero, &a.c0.0, &b.c0.0);
    let high = mont::product::<8, 16>(zero, &a.c1.0, &b.c1.0);
    let offset = const { multiple_of_p(1 << 26) };
    let mut c0 = [_mm512_setzero_si512(); 16];
    let mut both = c0;
    for i in 0..16 {
        c0[i] = _mm512_sub_epi64(low[i], high[i]);
        both[i] = _mm512_add_epi64(low[i], high[i]);
    }
    // 390 = 7·52 + 26: the limbs of 2^26·p from the eighth column on.
    for (i, limb) in offset.into_iter().enumerate() {
        c0[7 + i] = _mm512_add_epi64(c0[7 + i], splat(limb));
    }
    let c0 = mont::reduce::<ModP, 8, 16>(c0);
    let (sum_a, sum_b) = (add(&a.c0.0, &a.c1.0), add(&b.c0.0, &b.c1.0));
    let mut c1 = mont::product::<8, 16>(zero, &sum_a, &sum_b);
    for (column, part) in c1.iter_mut().zip(both) {
        *column = _mm512_sub_epi64(*column, part);
    }
    Fp2x8 { c0: Fp8(c0), c1: Fp8(mont::reduce::<ModP, 8, 16>(c1)) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn add(a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_add_epi64(*x, *y);
    }
    mont::carry(out)
}

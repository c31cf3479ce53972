//! Eight elements of Fr, one a lane: Montgomery form with R = 2^260, five tight limbs.
//!
//! r is just below 2^255, so the limbs leave room for values up to 32·r. Not for secrets.

use super::generated::{FR_FROM_WORDS, FR_TO_WORDS, R, R_FOLD, R_INV};
use super::memory;
#[cfg(test)]
use super::memory::Limbs;
use super::mont::{self, MASK, Modulus, Vector, splat};
use super::token::Ifma;
use std::arch::x86_64::{
    _mm512_add_epi64, _mm512_cmplt_epi64_mask, _mm512_mask_blend_epi64, _mm512_setzero_si512, _mm512_srai_epi64,
    _mm512_sub_epi64,
};

/// Eight elements of Fr.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fr8(pub(super) [Vector; 5]);

/// r as a modulus of the Montgomery reduction: f = 2^-52 mod r is just below r.
pub(super) struct ModR;

impl Modulus<5> for ModR {
    const MODULUS: [u64; 5] = R;
    const INVERSE: u64 = R_INV;
    const FOLD: [u64; 5] = R_FOLD;
}

/// k·r as tight limbs; k at most 32.
pub(super) const fn multiple_of_r(k: u64) -> [u64; 5] {
    let (mut out, mut carry, mut i) = ([0; 5], 0u128, 0);
    while i < 5 {
        carry += R[i] as u128 * k as u128;
        out[i] = carry as u64 & MASK;
        carry >>= 52;
        i += 1;
    }
    out
}

impl Fr8 {
    /// The same element, given by tight limbs, in each lane.
    #[inline(always)]
    pub(crate) fn splat(_: Ifma, limbs: &[u64; 5]) -> Self {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { splat_limbs(limbs) }
    }

    /// a·b. Takes a·b below 32·r²; gives less than 3·r.
    #[inline(always)]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        // SAFETY: an `Fr8` comes from a token.
        unsafe { mul(self, other) }
    }

    /// The element of the same value below r. Takes less than 4·r.
    #[inline(always)]
    pub(crate) fn canonical(&self) -> Self {
        // SAFETY: an `Fr8` comes from a token.
        unsafe { canonical(self) }
    }

    /// Eight elements from arkworks' form: four words, Montgomery form with 2^256, below r. Gives less than 3·r.
    #[inline(always)]
    pub(crate) fn from_words(ifma: Ifma, words: [&[u64; 4]; 8]) -> Self {
        Self::load(ifma, words).mul(&Self::splat(ifma, &FR_FROM_WORDS))
    }

    /// The eight elements in arkworks' form. Takes less than 32·r.
    #[inline(always)]
    pub(crate) fn to_words(self, ifma: Ifma) -> [[u64; 4]; 8] {
        self.mul(&Self::splat(ifma, &FR_TO_WORDS)).canonical().words(ifma)
    }

    /// The integers below r that eight elements in arkworks' form stand for.
    #[inline(always)]
    pub(crate) fn integers(ifma: Ifma, words: [&[u64; 4]; 8]) -> [[u64; 4]; 8] {
        // x·2^256 times 2^4, divided by 2^260.
        Self::load(ifma, words).mul(&Self::splat(ifma, &[16, 0, 0, 0, 0])).canonical().words(ifma)
    }

    /// Eight elements given by their limbs.
    #[cfg(test)]
    pub(super) fn load_limbs(ifma: Ifma, limbs: &[[u64; 5]; 8]) -> Self {
        let padded = limbs.map(|l| Limbs([l[0], l[1], l[2], l[3], l[4], 0, 0, 0]));
        let [a, b, c, d, e, ..] = memory::load_transposed(ifma, padded.each_ref());
        Self([a, b, c, d, e])
    }

    /// The limbs of the eight elements.
    #[cfg(test)]
    pub(super) fn limbs(&self, ifma: Ifma) -> [[u64; 5]; 8] {
        let [a, b, c, d, e] = self.0;
        memory::store_transposed(ifma, &[a, b, c, d, e, a, a, a]).map(|l| [l.0[0], l.0[1], l.0[2], l.0[3], l.0[4]])
    }

    #[inline(always)]
    fn load(ifma: Ifma, words: [&[u64; 4]; 8]) -> Self {
        let padded = words.map(|w| [w[0], w[1], w[2], w[3], 0, 0]);
        let [a, b, c, d, e, ..] = memory::load_words(ifma, padded.each_ref());
        Self([a, b, c, d, e])
    }

    #[inline(always)]
    fn words(&self, ifma: Ifma) -> [[u64; 4]; 8] {
        let [a, b, c, d, e] = self.0;
        // SAFETY: an `Fr8` comes from a token.
        let zero = unsafe { _mm512_setzero_si512() };
        memory::store_words(ifma, &[a, b, c, d, e, zero, zero, zero]).map(|w| [w[0], w[1], w[2], w[3]])
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn splat_limbs(limbs: &[u64; 5]) -> Fr8 {
    let mut out = [_mm512_setzero_si512(); 5];
    for (vector, limb) in out.iter_mut().zip(limbs) {
        *vector = splat(*limb);
    }
    Fr8(out)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn mul(a: &Fr8, b: &Fr8) -> Fr8 {
    let t = mont::product::<5, 10>([_mm512_setzero_si512(); 10], &a.0, &b.0);
    Fr8(mont::reduce::<ModR, 5, 10>(t))
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn difference(a: &Fr8, b: &[u64; 5]) -> [Vector; 5] {
    let mut out = a.0;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_sub_epi64(*x, splat(*y));
    }
    out
}

/// Subtracts 2r and r in turn where the difference is not negative.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn canonical(a: &Fr8) -> Fr8 {
    let mut out = *a;
    for multiple in const { [multiple_of_r(2), multiple_of_r(1)] } {
        let smaller = difference(&out, &multiple);
        let mut borrow = _mm512_srai_epi64::<52>(smaller[0]);
        for x in &smaller[1..] {
            borrow = _mm512_srai_epi64::<52>(_mm512_add_epi64(*x, borrow));
        }
        let negative = _mm512_cmplt_epi64_mask(borrow, _mm512_setzero_si512());
        let smaller = mont::carry(smaller);
        for (x, y) in out.0.iter_mut().zip(smaller) {
            *x = _mm512_mask_blend_epi64(negative, y, *x);
        }
    }
    out
}

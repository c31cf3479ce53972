//! Eight elements of Fp, one a lane: Montgomery form with R = 2^416, eight tight limbs.
//!
//! The 416 bits leave room for values far above p: most operations do not reduce, each says what it takes and what it
//! gives. All but the conversions give tight limbs. Variable time in nothing but [`Fp8::zero_mask`]; still not for
//! secrets, since nothing here was reviewed for that.

use super::generated::{FP_FROM_WORDS, FP_HALF, FP_ONE, FP_R2, FP_TO_WORDS, P, P_FOLD, P_INV};
use super::memory::{self, Limbs};
use super::mont::{self, MASK, Modulus, Vector, splat};
use super::token::Ifma;
use std::arch::x86_64::{
    __mmask8, _mm512_add_epi64, _mm512_cmpeq_epi64_mask, _mm512_cmplt_epi64_mask, _mm512_cmplt_epu64_mask,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_srai_epi64,
    _mm512_srli_epi64, _mm512_sub_epi64, _mm512_ternarylogic_epi64,
};

/// Eight elements of Fp.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Fp8(pub(super) [Vector; 8]);

/// p as a modulus of the Montgomery reduction: f = 2^-52 mod p is just above p/4.
pub(super) struct ModP;

impl Modulus<8> for ModP {
    const MODULUS: [u64; 8] = P;
    const INVERSE: u64 = P_INV;
    const FOLD: [u64; 8] = P_FOLD;
}

/// k·p as tight limbs; k·p below 2^416.
pub(super) const fn multiple_of_p(k: u64) -> [u64; 8] {
    let (mut out, mut carry, mut i) = ([0; 8], 0u128, 0);
    while i < 8 {
        carry += P[i] as u128 * k as u128;
        out[i] = carry as u64 & MASK;
        carry >>= 52;
        i += 1;
    }
    out
}

/// floor(p / 2^364) + 1: what a top limb is divided by to estimate a quotient by p from below.
const TOP: u64 = P[7] + 1;
/// floor(2^52 / TOP).
const TOP_RECIPROCAL: u64 = (1 << 52) / TOP;

/// The vector whose lane k is `words[k]`.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn table(words: [i64; 8]) -> Vector {
    let w = words;
    _mm512_set_epi64(w[7], w[6], w[5], w[4], w[3], w[2], w[1], w[0])
}

/// Limb `i` of (`offset` − k)·p for k = 0..8, limb by limb and not carried.
const fn settle_table(offset: u64, i: usize) -> [i64; 8] {
    let (mut out, mut k) = ([0; 8], 0);
    while k < 8 {
        out[k] = (offset as i64 - k as i64) * P[i] as i64;
        k += 1;
    }
    out
}

/// Limb `i` of k·p for k = 0..8, tight.
const fn multiples_table(i: usize) -> [i64; 8] {
    let (mut out, mut k) = ([0; 8], 0);
    while k < 8 {
        out[k] = multiple_of_p(k as u64)[i] as i64;
        k += 1;
    }
    out
}

impl Fp8 {
    /// The same element, given by tight limbs, in each lane.
    #[inline(always)]
    pub(crate) fn splat(_: Ifma, limbs: &[u64; 8]) -> Self {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { splat_limbs(limbs) }
    }

    /// One.
    #[inline(always)]
    pub(crate) fn one(ifma: Ifma) -> Self {
        Self::splat(ifma, &FP_ONE)
    }

    /// 1/2.
    #[inline(always)]
    pub(crate) fn half(ifma: Ifma) -> Self {
        Self::splat(ifma, &FP_HALF)
    }

    /// Zero.
    #[inline(always)]
    pub(crate) fn zero(ifma: Ifma) -> Self {
        Self::splat(ifma, &[0; 8])
    }

    /// a·b. Takes a·b below 2^26·p² (2^13·p each); gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let mut out = *self;
        out.mul_assign(other);
        out
    }

    /// a·b in the place of a; as [`Fp8::mul`], without a copy of the result.
    #[inline(always)]
    pub(crate) fn mul_assign(&mut self, other: &Self) {
        // SAFETY: an `Fp8` comes from a token; the result may take a factor's place.
        unsafe { mul_to(self, self, other) }
    }

    /// a·b in the place of whatever was here; as [`Fp8::mul`], without a copy of the result.
    #[inline(always)]
    pub(crate) fn set_product(&mut self, a: &Self, b: &Self) {
        // SAFETY: an `Fp8` comes from a token; three valid places.
        unsafe { mul_to(self, a, b) }
    }

    /// a². Takes less than 2^13·p; gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn square(&self) -> Self {
        let mut out = *self;
        out.set_square(self);
        out
    }

    /// a² in the place of whatever was here; as [`Fp8::square`], without a copy of the result.
    #[inline(always)]
    pub(crate) fn set_square(&mut self, a: &Self) {
        // SAFETY: an `Fp8` comes from a token; two valid places.
        unsafe { square_to(self, a) }
    }

    /// a + b. Takes what sums to less than 2^416.
    #[inline(always)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { Self(mont::carry(self.columns().add(other).0)) }
    }

    /// a − b + K·p. Takes b at most K·p; gives less than a + K·p.
    #[inline(always)]
    pub(crate) fn sub<const K: u64>(&self, other: &Self) -> Self {
        self.columns().sub(other).tighten::<K>()
    }

    /// The element as columns, on which sums and differences are formed before one carry.
    #[inline(always)]
    pub(crate) fn columns(&self) -> Columns {
        Columns(self.0)
    }

    /// In each lane `other` where the mask has a one, else `self`.
    #[inline(always)]
    pub(crate) fn select(&self, mask: __mmask8, other: &Self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { select(self, mask, other) }
    }

    /// The lanes that are 0 mod p. Takes less than 8·p. Fast where none is.
    #[inline(always)]
    pub(crate) fn zero_mask(&self) -> __mmask8 {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { zero_mask(self) }
    }

    /// Lane i from lane `i ^ DISTANCE`.
    #[inline(always)]
    pub(crate) fn swap_lanes<const DISTANCE: i64>(&self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { swap_lanes::<DISTANCE>(self) }
    }

    /// The element of the same value below p. Takes less than 8·p.
    #[inline(always)]
    pub(crate) fn canonical(&self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { canonical(self) }
    }

    /// Eight elements from memory, stored as limbs.
    #[inline(always)]
    pub(crate) fn load(ifma: Ifma, from: [&Limbs; 8]) -> Self {
        Self(memory::load_transposed(ifma, from))
    }

    /// The eight elements as limbs, lane by lane.
    #[inline(always)]
    pub(crate) fn store(&self, ifma: Ifma) -> [Limbs; 8] {
        memory::store_transposed(ifma, &self.0)
    }

    /// Eight elements from arkworks' and blst's form: six words, Montgomery form with 2^384, below p. Gives < 4/3·p.
    #[inline(always)]
    pub(crate) fn from_words(ifma: Ifma, words: [&[u64; 6]; 8]) -> Self {
        Self(memory::load_words(ifma, words)).mul(&Self::splat(ifma, &FP_FROM_WORDS))
    }

    /// Eight elements of six words each, below p, whose words stay as they are: those of arkworks' and blst's form are then
    /// 2^-32 times the element.
    #[inline(always)]
    pub(crate) fn from_words_unscaled(ifma: Ifma, words: [&[u64; 6]; 8]) -> Self {
        Self(memory::load_words(ifma, words))
    }

    /// The canonical words, as they are. Takes less than 8·p.
    #[inline(always)]
    pub(crate) fn to_words_unscaled(self, ifma: Ifma) -> [[u64; 6]; 8] {
        memory::store_words(ifma, &self.canonical().0)
    }

    /// 2^16·a, exactly. Takes less than 2^19·p.
    #[inline(always)]
    pub(crate) fn times_2_16(&self) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        unsafe { times_2_16(self) }
    }

    /// Eight elements from integers below p, in six words each. Gives less than 4/3·p.
    #[inline(always)]
    pub(crate) fn from_integers(ifma: Ifma, words: [&[u64; 6]; 8]) -> Self {
        Self(memory::load_words(ifma, words)).mul(&Self::splat(ifma, &FP_R2))
    }

    /// The eight elements in arkworks' and blst's form. Takes less than 2^13·p.
    #[inline(always)]
    pub(crate) fn to_words(self, ifma: Ifma) -> [[u64; 6]; 8] {
        let words = self.mul(&Self::splat(ifma, &FP_TO_WORDS)).canonical();
        memory::store_words(ifma, &words.0)
    }
}

/// Sums and differences of elements, not carried yet: limbs are signed, of magnitude below 2^52 for each term.
#[derive(Clone, Copy)]
pub(crate) struct Columns(pub(super) [Vector; 8]);

impl Columns {
    /// This and another element.
    #[inline(always)]
    pub(crate) fn add(&self, other: &Fp8) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        Self(unsafe { zip_add(&self.0, &other.0) })
    }

    /// This less another element.
    #[inline(always)]
    pub(crate) fn sub(&self, other: &Fp8) -> Self {
        // SAFETY: an `Fp8` comes from a token.
        Self(unsafe { zip_sub(&self.0, &other.0) })
    }

    /// This less other columns.
    #[inline(always)]
    pub(crate) fn sub_columns(&self, other: &Columns) -> Self {
        // SAFETY: columns come from an `Fp8`, and that from a token.
        Self(unsafe { zip_sub(&self.0, &other.0) })
    }

    /// The negative in the lanes that the mask names, the value itself in the others.
    #[inline(always)]
    pub(crate) fn negate_lanes(&self, mask: __mmask8) -> Self {
        // SAFETY: columns come from an `Fp8`, and that from a token.
        Self(unsafe { negate_lanes(&self.0, mask) })
    }

    /// The value plus K·p. Takes a value of at least −K·p.
    #[inline(always)]
    pub(crate) fn tighten<const K: u64>(&self) -> Fp8 {
        // SAFETY: columns come from an `Fp8`, and that from a token.
        Fp8(unsafe { tighten::<K>(&self.0) })
    }

    /// The value mod p, below p·(1 + 2^-13). Takes a value v with 0.2·p < v + OFFSET·p < 7.8·p.
    #[inline(always)]
    pub(crate) fn settle<const OFFSET: u64>(&self) -> Fp8 {
        // SAFETY: columns come from an `Fp8`, and that from a token.
        Fp8(unsafe { settle::<OFFSET>(&self.0) })
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn splat_limbs(limbs: &[u64; 8]) -> Fp8 {
    let mut out = [_mm512_setzero_si512(); 8];
    for (vector, limb) in out.iter_mut().zip(limbs) {
        *vector = splat(*limb);
    }
    Fp8(out)
}

/// a·b to `out`, which may be a or b.
///
/// # Safety
/// The CPU has the features, and the places are valid.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
unsafe fn mul_to(out: *mut Fp8, a: *const Fp8, b: *const Fp8) {
    // SAFETY: the caller's promise; the factors are read before the result is written.
    unsafe {
        let t = mont::product::<8, 16>([_mm512_setzero_si512(); 16], &(*a).0, &(*b).0);
        *out = Fp8(mont::reduce::<ModP, 8, 16>(t));
    }
}

/// a² to `out`, which may be a.
///
/// # Safety
/// The CPU has the features, and the places are valid.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
unsafe fn square_to(out: *mut Fp8, a: *const Fp8) {
    // SAFETY: the caller's promise; the factor is read before the result is written.
    unsafe { *out = Fp8(mont::reduce::<ModP, 8, 16>(mont::square::<8, 16>(&(*a).0))) };
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn zip_add(a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_add_epi64(*x, *y);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn zip_sub(a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_sub_epi64(*x, *y);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn negate_lanes(a: &[Vector; 8], mask: __mmask8) -> [Vector; 8] {
    let mut out = *a;
    for x in &mut out {
        *x = _mm512_mask_sub_epi64(*x, mask, _mm512_setzero_si512(), *x);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn tighten<const K: u64>(a: &[Vector; 8]) -> [Vector; 8] {
    let multiple = const { multiple_of_p(K) };
    let mut out = *a;
    for (x, limb) in out.iter_mut().zip(multiple) {
        *x = _mm512_add_epi64(*x, splat(limb));
    }
    mont::carry(out)
}

/// With s = OFFSET and h the top limb and what is above it of v + s·p, k = floor(h·floor(2^52/T)/2^52) for T just above
/// p/2^364 is at most floor((v + s·p)/p), and short of it only where v + s·p is within p·2^-13 above a multiple of p.
/// v + (s − k)·p remains.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn settle<const OFFSET: u64>(v: &[Vector; 8]) -> [Vector; 8] {
    let carried = _mm512_add_epi64(v[7], _mm512_srai_epi64::<52>(v[6]));
    let top = _mm512_add_epi64(carried, splat(OFFSET * P[7]));
    let k = _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, splat(TOP_RECIPROCAL));
    let mut out = *v;
    for (i, x) in out.iter_mut().enumerate() {
        *x = _mm512_add_epi64(*x, _mm512_permutexvar_epi64(k, table(settle_table(OFFSET, i))));
    }
    mont::carry(out)
}

/// Each limb is its lowest 36 bits, and below them the highest 16 of the limb before.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn times_2_16(a: &Fp8) -> Fp8 {
    let mask = splat(MASK);
    let mut out = a.0;
    let mut before = _mm512_setzero_si512();
    for x in &mut out {
        let high = _mm512_srli_epi64::<36>(*x);
        // (a AND b) OR c.
        *x = _mm512_ternarylogic_epi64::<0xea>(_mm512_slli_epi64::<16>(*x), mask, before);
        before = high;
    }
    Fp8(out)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn select(a: &Fp8, mask: __mmask8, b: &Fp8) -> Fp8 {
    let mut out = a.0;
    for (x, y) in out.iter_mut().zip(&b.0) {
        *x = _mm512_mask_blend_epi64(mask, *x, *y);
    }
    Fp8(out)
}

/// A multiple k·p with k < 8 has the lowest limb k·p₀, so k is the lowest limb times p⁻¹ mod 2^52. Lanes where that is
/// not below 8 are not multiples; the others, all but never any, are compared with k·p in full.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn zero_mask(a: &Fp8) -> __mmask8 {
    let k = _mm512_madd52lo_epu64(_mm512_setzero_si512(), a.0[0], splat(P_INV));
    let mask = _mm512_cmplt_epu64_mask(k, splat(8));
    if mask == 0 { 0 } else { mask & equal_to_multiple(a, k) }
}

/// The lanes where a is k·p, for k in 0..8.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn equal_to_multiple(a: &Fp8, k: Vector) -> __mmask8 {
    let mut mask = !0;
    for (i, x) in a.0.iter().enumerate() {
        mask &= _mm512_cmpeq_epi64_mask(*x, _mm512_permutexvar_epi64(k, table(multiples_table(i))));
    }
    mask
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn swap_lanes<const DISTANCE: i64>(a: &Fp8) -> Fp8 {
    let d = DISTANCE;
    let from = table([d, 1 ^ d, 2 ^ d, 3 ^ d, 4 ^ d, 5 ^ d, 6 ^ d, 7 ^ d]);
    let mut out = a.0;
    for x in &mut out {
        *x = _mm512_permutexvar_epi64(from, *x);
    }
    Fp8(out)
}

/// Subtracts 4p, 2p and p in turn where the difference is not negative.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn canonical(a: &Fp8) -> Fp8 {
    let mut out = *a;
    for multiple in const { [multiple_of_p(4), multiple_of_p(2), multiple_of_p(1)] } {
        let difference = zip_sub(&out.0, &splat_limbs(&multiple).0);
        let mut top = _mm512_srai_epi64::<52>(difference[0]);
        for x in &difference[1..] {
            top = _mm512_srai_epi64::<52>(_mm512_add_epi64(*x, top));
        }
        let negative = _mm512_cmplt_epi64_mask(top, _mm512_setzero_si512());
        out = select(&Fp8(mont::carry(difference)), negative, &out);
    }
    out
}

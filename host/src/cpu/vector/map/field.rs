//! What the maps need of Fp and of Fp2 beyond the arithmetic of coordinates.

use super::super::coordinate::Coordinate;
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::mont::{Vector, splat};
use super::super::token::Ifma;
use super::lazy;
use std::arch::x86_64::_mm512_test_epi64_mask;

/// A field of coordinates with sums, constants and signs. `K` in a name's parameter is a multiple of p, coefficient by
/// coefficient.
pub(crate) trait Field: Coordinate {
    /// A constant in memory: tight limbs.
    type Constant: 'static;

    /// The same element in each lane.
    fn constant(ifma: Ifma, limbs: &Self::Constant) -> Self;
    /// Zero.
    fn zero(ifma: Ifma) -> Self;
    /// a + b, as large as the sum.
    fn add(&self, other: &Self) -> Self;
    /// a − b + K·p. Takes b at most K·p; gives at most a + K·p.
    fn sub<const K: u64>(&self, other: &Self) -> Self;
    /// a below p·(1 + 2^-13). Takes less than 6·p.
    fn settle(&self) -> Self;
    /// −a, settled. Takes less than 3·p.
    fn opposite(&self, ifma: Ifma) -> Self;
    /// out = a·b, below 4/3·p. Takes products of coefficients below 2^9·p².
    fn mul_to(out: &mut Self, a: &Self, b: &Self);
    /// out = a², below 4/3·p. Takes coefficients at most 8·p.
    fn square_to(out: &mut Self, a: &Self);
    /// out = a·b − c·d, below 4/3·p. Takes products of coefficients of a and b and of c and d below 2^7·p².
    fn difference_to(out: &mut Self, ab: [&Self; 2], cd: [&Self; 2]);
    /// out = a·b − 8·d², below 4/3·p. Takes products of coefficients of a and b below 2^7·p², and d below 4/3·p.
    fn less_squares_to(out: &mut Self, a: &Self, b: &Self, d: &Self);
    /// a ← 3·a, as large as the sum.
    fn thrice(&mut self);
    /// out = 2·a, as large as the sum.
    fn twice_to(out: &mut Self, a: &Self);
    /// a ← 4·a, settled. Takes less than 3/2·p.
    fn four_times(&mut self);
    /// out = a − b + K·p. Takes b at most K·p.
    fn sub_to<const K: u64>(out: &mut Self, a: &Self, b: &Self);
    /// a ← a − 2·b + K·p. Takes 2·b at most K·p.
    fn sub_twice<const K: u64>(&mut self, b: &Self);
    /// a ← a − 2·b − c + K·p. Takes 2·b + c at most K·p.
    fn sub_twice_and<const K: u64>(&mut self, b: &Self, c: &Self);
    /// The lanes where sgn0 of RFC 9380, section 4.1, is 1. Takes less than 8·p.
    fn sgn0(&self, ifma: Ifma) -> u8;
    /// The lanes where a is the larger one of a and −a, as the flag of compressed encodings means it: the coefficient c1
    /// if it is not 0, else c0, is above (p − 1)/2. Takes less than 8·p.
    fn larger(&self, ifma: Ifma) -> u8;
}

/// The lanes where k·a mod p is odd, for a word k. Takes less than 2^13·p.
///
/// For k = 2 that is where a is above (p − 1)/2: there 2·a − p remains, elsewhere the even 2·a.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn odd_multiple(ifma: Ifma, a: &Fp8, k: u64) -> u8 {
    // A product with the limbs of k itself leaves Montgomery form.
    let lowest: Vector = a.mul(&Fp8::splat(ifma, &[k, 0, 0, 0, 0, 0, 0, 0])).canonical().0[0];
    _mm512_test_epi64_mask(lowest, splat(1))
}

impl Field for Fp8 {
    type Constant = [u64; 8];

    #[inline(always)]
    fn constant(ifma: Ifma, limbs: &[u64; 8]) -> Self {
        Fp8::splat(ifma, limbs)
    }
    #[inline(always)]
    fn zero(ifma: Ifma) -> Self {
        Fp8::zero(ifma)
    }
    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        Fp8::add(self, other)
    }
    #[inline(always)]
    fn sub<const K: u64>(&self, other: &Self) -> Self {
        Fp8::sub::<K>(self, other)
    }
    #[inline(always)]
    fn settle(&self) -> Self {
        self.columns().settle::<1>()
    }
    #[inline(always)]
    fn opposite(&self, _: Ifma) -> Self {
        self.columns().negate_lanes(!0).settle::<4>()
    }
    #[inline(always)]
    fn mul_to(out: &mut Self, a: &Self, b: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp_mul(out, a, b) }
    }
    #[inline(always)]
    fn square_to(out: &mut Self, a: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp_square(out, a) }
    }
    #[inline(always)]
    fn difference_to(out: &mut Self, ab: [&Self; 2], cd: [&Self; 2]) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp_difference(out, ab, cd) }
    }
    #[inline(always)]
    fn less_squares_to(out: &mut Self, a: &Self, b: &Self, d: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp_less_squares(out, a, b, d) }
    }
    #[inline(always)]
    fn thrice(&mut self) {
        // SAFETY: values come from a token.
        unsafe { lazy::thrice(self) }
    }
    #[inline(always)]
    fn twice_to(out: &mut Self, a: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::twice(out, a) }
    }
    #[inline(always)]
    fn four_times(&mut self) {
        // SAFETY: values come from a token.
        unsafe { lazy::four_times(self) }
    }
    #[inline(always)]
    fn sub_to<const K: u64>(out: &mut Self, a: &Self, b: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::sub::<K>(out, a, b) }
    }
    #[inline(always)]
    fn sub_twice<const K: u64>(&mut self, b: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::sub_twice::<K>(self, b) }
    }
    #[inline(always)]
    fn sub_twice_and<const K: u64>(&mut self, b: &Self, c: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::sub_twice_and::<K>(self, b, c) }
    }
    #[inline(always)]
    fn sgn0(&self, ifma: Ifma) -> u8 {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { odd_multiple(ifma, self, 1) }
    }
    #[inline(always)]
    fn larger(&self, ifma: Ifma) -> u8 {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { odd_multiple(ifma, self, 2) }
    }
}

impl Field for Fp2x8 {
    type Constant = [[u64; 8]; 2];

    #[inline(always)]
    fn constant(ifma: Ifma, limbs: &[[u64; 8]; 2]) -> Self {
        Fp2x8::splat(ifma, limbs)
    }
    #[inline(always)]
    fn zero(ifma: Ifma) -> Self {
        Self { c0: Fp8::zero(ifma), c1: Fp8::zero(ifma) }
    }
    #[inline(always)]
    fn add(&self, other: &Self) -> Self {
        Fp2x8::add(self, other)
    }
    #[inline(always)]
    fn sub<const K: u64>(&self, other: &Self) -> Self {
        Fp2x8::sub::<K>(self, other)
    }
    #[inline(always)]
    fn settle(&self) -> Self {
        Self { c0: Field::settle(&self.c0), c1: Field::settle(&self.c1) }
    }
    #[inline(always)]
    fn opposite(&self, ifma: Ifma) -> Self {
        Self { c0: self.c0.opposite(ifma), c1: self.c1.opposite(ifma) }
    }
    #[inline(always)]
    fn mul_to(out: &mut Self, a: &Self, b: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp2_mul(out, a, b) }
    }
    #[inline(always)]
    fn square_to(out: &mut Self, a: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp2_square(out, a) }
    }
    #[inline(always)]
    fn difference_to(out: &mut Self, ab: [&Self; 2], cd: [&Self; 2]) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp2_difference(out, ab, cd) }
    }
    #[inline(always)]
    fn less_squares_to(out: &mut Self, a: &Self, b: &Self, d: &Self) {
        // SAFETY: values come from a token.
        unsafe { lazy::fp2_less_squares(out, a, b, d) }
    }
    #[inline(always)]
    fn thrice(&mut self) {
        self.c0.thrice();
        self.c1.thrice();
    }
    #[inline(always)]
    fn twice_to(out: &mut Self, a: &Self) {
        Fp8::twice_to(&mut out.c0, &a.c0);
        Fp8::twice_to(&mut out.c1, &a.c1);
    }
    #[inline(always)]
    fn four_times(&mut self) {
        self.c0.four_times();
        self.c1.four_times();
    }
    #[inline(always)]
    fn sub_to<const K: u64>(out: &mut Self, a: &Self, b: &Self) {
        Fp8::sub_to::<K>(&mut out.c0, &a.c0, &b.c0);
        Fp8::sub_to::<K>(&mut out.c1, &a.c1, &b.c1);
    }
    #[inline(always)]
    fn sub_twice<const K: u64>(&mut self, b: &Self) {
        self.c0.sub_twice::<K>(&b.c0);
        self.c1.sub_twice::<K>(&b.c1);
    }
    #[inline(always)]
    fn sub_twice_and<const K: u64>(&mut self, b: &Self, c: &Self) {
        self.c0.sub_twice_and::<K>(&b.c0, &c.c0);
        self.c1.sub_twice_and::<K>(&b.c1, &c.c1);
    }
    #[inline(always)]
    fn sgn0(&self, ifma: Ifma) -> u8 {
        self.c0.sgn0(ifma) | self.c0.zero_mask() & self.c1.sgn0(ifma)
    }
    #[inline(always)]
    fn larger(&self, ifma: Ifma) -> u8 {
        self.c1.larger(ifma) | self.c1.zero_mask() & self.c0.larger(ifma)
    }
}

//! Coordinates of points, eight at a time: what the point arithmetic needs of Fp and of Fp2.

use super::fp::{Fp8, multiple_of_p};
use super::fp2::Fp2x8;
use super::invert;
use super::memory::{self, Limbs};
use super::token::Ifma;

/// Eight elements of the field that a curve's coordinates are in. *Stored* means below 4/3·p, coefficient by
/// coefficient; every method takes stored elements, or what it says, and gives stored ones unless it says otherwise.
pub(crate) trait Coordinate: Copy + Send + Sync + 'static {
    /// One element in memory.
    type Element: Copy + Default + Send + Sync + 'static;

    fn load(ifma: Ifma, from: [&Self::Element; 8]) -> Self;
    fn store(&self, ifma: Ifma) -> [Self::Element; 8];
    /// Stores the eight elements in eight places.
    ///
    /// # Safety
    /// The places are valid for writes.
    unsafe fn store_to(&self, ifma: Ifma, places: [*mut Self::Element; 8]);
    fn one(ifma: Ifma) -> Self;
    /// 2p in each coefficient: another zero, not stored.
    fn two_p(ifma: Ifma) -> Self;

    /// a·b. Takes less than 8·p.
    fn mul(&self, other: &Self) -> Self;
    /// a·b in the place of a; as [`Coordinate::mul`].
    fn mul_assign(&mut self, other: &Self);
    /// a·b in the place of whatever was here; as [`Coordinate::mul`].
    fn set_product(&mut self, a: &Self, b: &Self);
    /// a². Takes less than 8·p.
    fn square(&self) -> Self;
    /// a² in the place of whatever was here; as [`Coordinate::square`].
    fn set_square(&mut self, a: &Self);
    /// 3·a, below 4·p.
    fn triple(&self) -> Self;
    /// 1/a in each lane; no lane may be 0. Takes less than 8·p. Variable time.
    fn invert(&self, ifma: Ifma) -> Self;

    /// a − b + 2p, from 2/3·p to 10/3·p.
    fn difference(&self, other: &Self) -> Self;
    /// ±a − ±b + 3p, below 6·p; the masks name the lanes that are negated.
    fn signed_difference(&self, negate: u8, other: &Self, negate_other: u8) -> Self;
    /// a − (2·b + c) + 2p for c = c' − b + 2p: that is a − b − c'.
    fn sub_pair(&self, b: &Self, c: &Self) -> Self;
    /// a − b − c.
    fn sub_both(&self, b: &Self, c: &Self) -> Self;
    /// a − ±b; the mask names the lanes where b is negated.
    fn sub_signed(&self, b: &Self, negate: u8) -> Self;
    /// −a where the mask has a one, a elsewhere.
    fn negate(&self, mask: u8) -> Self;

    /// The lanes that are 0. Takes less than 8·p.
    fn zero_mask(&self) -> u8;
    /// In each lane `other` where the mask has a one, else `self`.
    fn select(&self, mask: u8, other: &Self) -> Self;
}

impl Coordinate for Fp8 {
    type Element = Limbs;

    #[inline(always)]
    fn load(ifma: Ifma, from: [&Limbs; 8]) -> Self {
        Fp8::load(ifma, from)
    }
    #[inline(always)]
    fn store(&self, ifma: Ifma) -> [Limbs; 8] {
        Fp8::store(self, ifma)
    }
    #[inline(always)]
    unsafe fn store_to(&self, ifma: Ifma, places: [*mut Limbs; 8]) {
        // SAFETY: the caller's promise.
        unsafe { memory::store_transposed_to(ifma, &self.0, places) }
    }
    #[inline(always)]
    fn one(ifma: Ifma) -> Self {
        Fp8::one(ifma)
    }
    #[inline(always)]
    fn two_p(ifma: Ifma) -> Self {
        Fp8::splat(ifma, const { &multiple_of_p(2) })
    }
    #[inline(always)]
    fn mul(&self, other: &Self) -> Self {
        Fp8::mul(self, other)
    }
    #[inline(always)]
    fn mul_assign(&mut self, other: &Self) {
        Fp8::mul_assign(self, other);
    }
    #[inline(always)]
    fn set_product(&mut self, a: &Self, b: &Self) {
        Fp8::set_product(self, a, b);
    }
    #[inline(always)]
    fn square(&self) -> Self {
        Fp8::square(self)
    }
    #[inline(always)]
    fn set_square(&mut self, a: &Self) {
        Fp8::set_square(self, a);
    }
    #[inline(always)]
    fn triple(&self) -> Self {
        self.add(self).add(self)
    }
    #[inline(always)]
    fn invert(&self, ifma: Ifma) -> Self {
        invert::fp(ifma, self)
    }
    #[inline(always)]
    fn difference(&self, other: &Self) -> Self {
        self.sub::<2>(other)
    }
    #[inline(always)]
    fn signed_difference(&self, negate: u8, other: &Self, negate_other: u8) -> Self {
        let other = other.columns().negate_lanes(negate_other);
        self.columns().negate_lanes(negate).sub_columns(&other).tighten::<3>()
    }
    #[inline(always)]
    fn sub_pair(&self, b: &Self, c: &Self) -> Self {
        self.columns().sub(b).sub(b).sub(c).settle::<5>()
    }
    #[inline(always)]
    fn sub_both(&self, b: &Self, c: &Self) -> Self {
        self.columns().sub(b).sub(c).settle::<3>()
    }
    #[inline(always)]
    fn sub_signed(&self, b: &Self, negate: u8) -> Self {
        self.columns().sub_columns(&b.columns().negate_lanes(negate)).settle::<3>()
    }
    #[inline(always)]
    fn negate(&self, mask: u8) -> Self {
        self.columns().negate_lanes(mask).settle::<3>()
    }
    #[inline(always)]
    fn zero_mask(&self) -> u8 {
        Fp8::zero_mask(self)
    }
    #[inline(always)]
    fn select(&self, mask: u8, other: &Self) -> Self {
        Fp8::select(self, mask, other)
    }
}

impl Coordinate for Fp2x8 {
    type Element = [Limbs; 2];

    #[inline(always)]
    fn load(ifma: Ifma, from: [&[Limbs; 2]; 8]) -> Self {
        Fp2x8::load(ifma, from)
    }
    #[inline(always)]
    fn store(&self, ifma: Ifma) -> [[Limbs; 2]; 8] {
        Fp2x8::store(self, ifma)
    }
    #[inline(always)]
    unsafe fn store_to(&self, ifma: Ifma, places: [*mut [Limbs; 2]; 8]) {
        let places = places.map(<*mut [Limbs; 2]>::cast::<Limbs>);
        // SAFETY: the caller's promise; a place has two coefficients.
        unsafe {
            memory::store_transposed_to(ifma, &self.c0.0, places);
            memory::store_transposed_to(ifma, &self.c1.0, places.map(|p| p.add(1)));
        }
    }
    #[inline(always)]
    fn one(ifma: Ifma) -> Self {
        Self { c0: Fp8::one(ifma), c1: Fp8::zero(ifma) }
    }
    #[inline(always)]
    fn two_p(ifma: Ifma) -> Self {
        Self { c0: Fp8::two_p(ifma), c1: Fp8::two_p(ifma) }
    }
    #[inline(always)]
    fn mul(&self, other: &Self) -> Self {
        Fp2x8::mul(self, other)
    }
    #[inline(always)]
    fn mul_assign(&mut self, other: &Self) {
        *self = Fp2x8::mul(self, other);
    }
    #[inline(always)]
    fn set_product(&mut self, a: &Self, b: &Self) {
        *self = Fp2x8::mul(a, b);
    }
    #[inline(always)]
    fn square(&self) -> Self {
        Fp2x8::square(self)
    }
    #[inline(always)]
    fn set_square(&mut self, a: &Self) {
        *self = Fp2x8::square(a);
    }
    #[inline(always)]
    fn triple(&self) -> Self {
        self.map(Fp8::triple)
    }
    #[inline(always)]
    fn invert(&self, ifma: Ifma) -> Self {
        invert::fp2(ifma, self)
    }
    #[inline(always)]
    fn difference(&self, other: &Self) -> Self {
        self.zip(other, Fp8::difference)
    }
    #[inline(always)]
    fn signed_difference(&self, negate: u8, other: &Self, negate_other: u8) -> Self {
        self.zip(other, |a, b| a.signed_difference(negate, b, negate_other))
    }
    #[inline(always)]
    fn sub_pair(&self, b: &Self, c: &Self) -> Self {
        Self { c0: self.c0.sub_pair(&b.c0, &c.c0), c1: self.c1.sub_pair(&b.c1, &c.c1) }
    }
    #[inline(always)]
    fn sub_both(&self, b: &Self, c: &Self) -> Self {
        Self { c0: self.c0.sub_both(&b.c0, &c.c0), c1: self.c1.sub_both(&b.c1, &c.c1) }
    }
    #[inline(always)]
    fn sub_signed(&self, b: &Self, negate: u8) -> Self {
        self.zip(b, |a, b| a.sub_signed(b, negate))
    }
    #[inline(always)]
    fn negate(&self, mask: u8) -> Self {
        self.map(|a| a.negate(mask))
    }
    #[inline(always)]
    fn zero_mask(&self) -> u8 {
        Fp2x8::zero_mask(self)
    }
    #[inline(always)]
    fn select(&self, mask: u8, other: &Self) -> Self {
        Fp2x8::select(self, mask, other)
    }
}

impl Fp2x8 {
    /// The same function of both coefficients.
    #[inline(always)]
    fn map(&self, f: impl Fn(&Fp8) -> Fp8) -> Self {
        Self { c0: f(&self.c0), c1: f(&self.c1) }
    }

    /// The same function of both pairs of coefficients.
    #[inline(always)]
    fn zip(&self, other: &Self, f: impl Fn(&Fp8, &Fp8) -> Fp8) -> Self {
        Self { c0: f(&self.c0, &other.c0), c1: f(&self.c1, &other.c1) }
    }
}

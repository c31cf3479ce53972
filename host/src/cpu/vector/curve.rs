//! The two curves: their coordinates, their endomorphism, and the way of points in and out.

use super::adder::{Point, Sum};
use super::coordinate::Coordinate;
use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::generated::{BETA, E1_B, E2_B, PSI_X, PSI_Y};
use super::token::Ifma;
use crate::cpu::group::{Group, OnE1, OnE2};
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::BigInt;
use std::mem::MaybeUninit;

/// One of the two curves.
pub(crate) trait Curve: 'static {
    /// Its coordinates, eight at a time.
    type Coordinate: Coordinate;
    /// Its operations by blst, for the few additions that end a computation.
    type Group: Group;

    /// Eight points of arkworks as x and y; any values for the identity.
    fn load(ifma: Ifma, points: [&AffineOf<Self>; 8]) -> (Self::Coordinate, Self::Coordinate);
    /// Eight points for arkworks; none of them the identity.
    fn store(ifma: Ifma, x: &Self::Coordinate, y: &Self::Coordinate) -> [AffineOf<Self>; 8];
    /// The constant of the curve equation y² = x³ + b.
    fn b(ifma: Ifma) -> Self::Coordinate;
    /// The endomorphism by whose powers scalars are split, applied to eight points.
    fn endomorphism(ifma: Ifma, x: &Self::Coordinate, y: &Self::Coordinate) -> (Self::Coordinate, Self::Coordinate);
}

pub(crate) type AffineOf<C> = <<C as Curve>::Group as Group>::Affine;
pub(crate) type ElementOf<C> = <<C as Curve>::Coordinate as Coordinate>::Element;
pub(crate) type PointOf<C> = Point<ElementOf<C>>;

/// E1 over Fp. The endomorphism is (x, y) ↦ (βx, −y): z² on G1.
pub(crate) struct E1;

impl Curve for E1 {
    type Coordinate = Fp8;
    type Group = OnE1;

    #[inline(always)]
    fn load(ifma: Ifma, points: [&G1Affine; 8]) -> (Fp8, Fp8) {
        (Fp8::from_words(ifma, points.map(|p| &p.x.0.0)), Fp8::from_words(ifma, points.map(|p| &p.y.0.0)))
    }

    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp8, y: &Fp8) -> [G1Affine; 8] {
        let (x, y) = (x.to_words(ifma).map(fq), y.to_words(ifma).map(fq));
        std::array::from_fn(|i| G1Affine::new_unchecked(x[i], y[i]))
    }

    #[inline(always)]
    fn b(ifma: Ifma) -> Fp8 {
        Fp8::splat(ifma, &E1_B)
    }

    #[inline(always)]
    fn endomorphism(ifma: Ifma, x: &Fp8, y: &Fp8) -> (Fp8, Fp8) {
        (x.mul(&Fp8::splat(ifma, &BETA)), Coordinate::negate(y, !0))
    }
}

/// E2 over Fp2. The endomorphism is −ψ: |z| on G2.
pub(crate) struct E2;

impl Curve for E2 {
    type Coordinate = Fp2x8;
    type Group = OnE2;

    #[inline(always)]
    fn load(ifma: Ifma, points: [&G2Affine; 8]) -> (Fp2x8, Fp2x8) {
        let load = |c: [&Fq2; 8]| Fp2x8 {
            c0: Fp8::from_words(ifma, c.map(|c| &c.c0.0.0)),
            c1: Fp8::from_words(ifma, c.map(|c| &c.c1.0.0)),
        };
        (load(points.map(|p| &p.x)), load(points.map(|p| &p.y)))
    }

    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp2x8, y: &Fp2x8) -> [G2Affine; 8] {
        let store = |c: &Fp2x8| {
            let (c0, c1) = (c.c0.to_words(ifma).map(fq), c.c1.to_words(ifma).map(fq));
            std::array::from_fn::<Fq2, 8, _>(|i| Fq2::new(c0[i], c1[i]))
        };
        let (x, y) = (store(x), store(y));
        std::array::from_fn(|i| G2Affine::new_unchecked(x[i], y[i]))
    }

    #[inline(always)]
    fn b(ifma: Ifma) -> Fp2x8 {
        Fp2x8::splat(ifma, &E2_B)
    }

    #[inline(always)]
    fn endomorphism(ifma: Ifma, x: &Fp2x8, y: &Fp2x8) -> (Fp2x8, Fp2x8) {
        let psi_x = x.conjugate(ifma).mul(&Fp2x8::splat(ifma, &PSI_X));
        let psi_y = y.conjugate(ifma).mul(&Fp2x8::splat(ifma, &PSI_Y));
        (psi_x, psi_y.negate(!0))
    }
}

/// An element of arkworks from its words in Montgomery form.
fn fq(words: [u64; 6]) -> Fq {
    Fq::new_unchecked(BigInt::new(words))
}

/// Points of arkworks in the engine's form; an identity becomes a point that must not be used.
pub(crate) fn import<C: Curve>(ifma: Ifma, points: &[AffineOf<C>]) -> Vec<PointOf<C>> {
    let mut out = Vec::with_capacity(points.len());
    import_to::<C>(ifma, points, &mut out.spare_capacity_mut()[..points.len()]);
    // SAFETY: so many have been written.
    unsafe { out.set_len(points.len()) };
    out
}

/// As [`import`], to as many places; all of them are written.
pub(crate) fn import_to<C: Curve>(ifma: Ifma, points: &[AffineOf<C>], out: &mut [MaybeUninit<PointOf<C>>]) {
    assert_eq!(points.len(), out.len());
    let full = points.len() / 8 * 8;
    for (points, out) in points[..full].chunks_exact(8).zip(out[..full].chunks_exact_mut(8)) {
        // SAFETY: the token proves that the CPU has the features; there are eight places.
        unsafe { import_eight::<C>(ifma, std::array::from_fn(|i| &points[i]), out.as_mut_ptr().cast()) };
    }
    if let Some(last) = points.len().checked_sub(1).filter(|_| full < points.len()) {
        let mut eight = [Point::default(); 8];
        let lanes = std::array::from_fn(|i| &points[last.min(full + i)]);
        // SAFETY: as above.
        unsafe { import_eight::<C>(ifma, lanes, eight.as_mut_ptr()) };
        out[full..].iter_mut().zip(eight).for_each(|(out, point)| _ = out.write(point));
    }
}

/// # Safety
/// The CPU has the features, and there are eight places.
#[target_feature(enable = "avx512f,avx512ifma")]
unsafe fn import_eight<C: Curve>(ifma: Ifma, points: [&AffineOf<C>; 8], out: *mut PointOf<C>) {
    let (x, y) = C::load(ifma, points);
    // SAFETY: the caller's promise.
    unsafe {
        let places: [_; 8] = std::array::from_fn(|i| out.add(i));
        x.store_to(ifma, places.map(|point| &raw mut (*point).x));
        y.store_to(ifma, places.map(|point| &raw mut (*point).y));
    }
}

/// The lanes of up to eight points that satisfy y² = x³ + b.
pub(crate) fn on_curve<C: Curve>(ifma: Ifma, points: &[PointOf<C>]) -> u8 {
    // SAFETY: the token proves that the CPU has the features.
    unsafe { on_curve_eight::<C>(ifma, std::array::from_fn(|i| &points[i.min(points.len() - 1)])) }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn on_curve_eight<C: Curve>(ifma: Ifma, points: [&PointOf<C>; 8]) -> u8 {
    let (x, y) = (C::Coordinate::load(ifma, points.map(|p| &p.x)), C::Coordinate::load(ifma, points.map(|p| &p.y)));
    let right = x.square().mul(&x).sub_signed(&C::b(ifma), !0);
    y.square().difference(&right).zero_mask()
}

/// Points of the engine for arkworks.
pub(crate) fn export<C: Curve>(ifma: Ifma, points: &[Sum<ElementOf<C>>]) -> Vec<AffineOf<C>> {
    let mut out = Vec::with_capacity(points.len());
    for eight in points.chunks(8) {
        let Some(padding) = eight.iter().flatten().next() else {
            out.extend(eight.iter().map(|_| AffineOf::<C>::zero()));
            continue;
        };
        let lanes = std::array::from_fn(|i| eight.get(i).and_then(Option::as_ref).unwrap_or(padding));
        // SAFETY: the token proves that the CPU has the features.
        let stored = unsafe { export_eight::<C>(ifma, lanes) };
        let points = eight.iter().zip(stored);
        out.extend(points.map(|(point, stored)| if point.is_some() { stored } else { AffineOf::<C>::zero() }));
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn export_eight<C: Curve>(ifma: Ifma, points: [&(PointOf<C>, bool); 8]) -> [AffineOf<C>; 8] {
    let negative = points.iter().enumerate().fold(0, |mask, (i, (_, negative))| mask | u8::from(*negative) << i);
    let x = C::Coordinate::load(ifma, points.map(|(p, _)| &p.x));
    let y = C::Coordinate::load(ifma, points.map(|(p, _)| &p.y));
    C::store(ifma, &x, &y.negate(negative))
}

/// Replaces points by their images under the endomorphism.
pub(crate) fn apply_endomorphism<C: Curve>(ifma: Ifma, points: &mut [&mut PointOf<C>]) {
    for eight in points.chunks_mut(8) {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { map_eight::<C>(ifma, eight) }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn map_eight<C: Curve>(ifma: Ifma, points: &mut [&mut PointOf<C>]) {
    let last = points.len() - 1;
    let x = C::Coordinate::load(ifma, std::array::from_fn(|i| &points[i.min(last)].x));
    let y = C::Coordinate::load(ifma, std::array::from_fn(|i| &points[i.min(last)].y));
    let (x, y) = C::endomorphism(ifma, &x, &y);
    let (x, y) = (x.store(ifma), y.store(ifma));
    for (i, point) in points.iter_mut().enumerate() {
        **point = Point { x: x[i], y: y[i] };
    }
}

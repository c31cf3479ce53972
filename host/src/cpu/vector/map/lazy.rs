//! Products, sums of products with one reduction, and sums of multiples with one carry, each written to its place.
//!
//! A value here is 512 or 1,024 bytes, and a function that returns one makes the compiler copy it from place to place: in
//! a doubling that was as many instructions as the arithmetic. So what the long loops are made of takes its destination
//! as its first argument.
//!
//! Columns may be negative in between; p·2^390, which is above 600·p² and is p·2^-26 after the reduction, keeps the value
//! itself positive. With 64-bit columns, each at most 16 halves of a product below 2^52, tens of products fit.

use super::super::fp::{Columns, Fp8, ModP, multiple_of_p};
use super::super::fp2::Fp2x8;
use super::super::mont::{self, Vector, splat};
use std::arch::x86_64::{_mm512_add_epi64, _mm512_setzero_si512, _mm512_slli_epi64, _mm512_sub_epi64};

/// The columns of a product.
type Wide = [Vector; 16];

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn zero() -> Wide {
    [_mm512_setzero_si512(); 16]
}

/// p·2^390.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn offset() -> Wide {
    let mut out = zero();
    // 390 = 7·52 + 26.
    for (i, limb) in const { multiple_of_p(1 << 26) }.into_iter().enumerate() {
        out[7 + i] = splat(limb);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn plus<const N: usize>(mut a: [Vector; N], b: &[Vector; N]) -> [Vector; N] {
    for (x, y) in a.iter_mut().zip(b) {
        *x = _mm512_add_epi64(*x, *y);
    }
    a
}

/// a − b·2^SHIFT.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus<const SHIFT: u32, const N: usize>(mut a: [Vector; N], b: &[Vector; N]) -> [Vector; N] {
    for (x, y) in a.iter_mut().zip(b) {
        *x = _mm512_sub_epi64(*x, _mm512_slli_epi64::<SHIFT>(*y));
    }
    a
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn reduce(t: Wide) -> Fp8 {
    Fp8(mont::reduce::<ModP, 8, 16>(t))
}

/// a·b, below 4/3·p. Takes what [`Fp8::mul`] takes.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp_mul(out: &mut Fp8, a: &Fp8, b: &Fp8) {
    *out = reduce(mont::product(zero(), &a.0, &b.0));
}

/// a², below 4/3·p. Takes what [`Fp8::square`] takes.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp_square(out: &mut Fp8, a: &Fp8) {
    *out = reduce(mont::square(&a.0));
}

/// a·b − c·d, below 4/3·p. Takes a·b and c·d below 2^9·p².
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp_difference(out: &mut Fp8, [a, b]: [&Fp8; 2], [c, d]: [&Fp8; 2]) {
    let less = minus::<0, 16>(offset(), &mont::product(zero(), &c.0, &d.0));
    *out = reduce(mont::product(less, &a.0, &b.0));
}

/// a·b − 8·d², below 4/3·p. Takes a·b below 2^9·p² and d below 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp_less_squares(out: &mut Fp8, a: &Fp8, b: &Fp8, d: &Fp8) {
    let less = minus::<3, 16>(offset(), &mont::square(&d.0));
    *out = reduce(mont::product(less, &a.0, &b.0));
}

/// c0 and c1 of a·b added to columns: Karatsuba.
#[inline(always)]
fn karatsuba(c0: Wide, c1: Wide, a: &Fp2x8, b: &Fp2x8) -> [Wide; 2] {
    // SAFETY: elements come from a token.
    unsafe {
        let low = mont::product(zero(), &a.c0.0, &b.c0.0);
        let high = mont::product(zero(), &a.c1.0, &b.c1.0);
        let (sum_a, sum_b) = (a.c0.add(&a.c1), b.c0.add(&b.c1));
        let c1 = minus::<0, 16>(minus::<0, 16>(c1, &low), &high);
        [minus::<0, 16>(plus(c0, &low), &high), mont::product(c1, &sum_a.0, &sum_b.0)]
    }
}

/// a·b, below 4/3·p. Takes products of coefficients below 2^9·p².
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp2_mul(out: &mut Fp2x8, a: &Fp2x8, b: &Fp2x8) {
    let [c0, c1] = karatsuba(offset(), zero(), a, b);
    out.c0 = reduce(c0);
    out.c1 = reduce(c1);
}

/// a² = (a0 + a1)(a0 − a1) + 2·a0·a1·u, below 4/3·p. Takes coefficients at most 8·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp2_square(out: &mut Fp2x8, a: &Fp2x8) {
    let (sum, difference) = (a.c0.add(&a.c1), a.c0.sub::<8>(&a.c1));
    out.c0 = reduce(mont::product(zero(), &sum.0, &difference.0));
    let half = mont::product(zero(), &a.c0.0, &a.c1.0);
    out.c1 = reduce(plus(half, &half));
}

/// a·b − c·d, below 4/3·p. Takes products of coefficients of a and b and of c and d below 2^7·p².
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp2_difference(out: &mut Fp2x8, [a, b]: [&Fp2x8; 2], [c, d]: [&Fp2x8; 2]) {
    let [less0, less1] = karatsuba(zero(), zero(), c, d);
    let less = [minus::<0, 16>(offset(), &less0), minus::<0, 16>(offset(), &less1)];
    let [c0, c1] = karatsuba(less[0], less[1], a, b);
    out.c0 = reduce(c0);
    out.c1 = reduce(c1);
}

/// a·b − 8·d², below 4/3·p. Takes products of coefficients of a and b below 2^7·p², and d below 4/3·p.
///
/// d² = (d0 + d1)(d0 − d1 + 2p) + 2·d0·d1·u.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn fp2_less_squares(out: &mut Fp2x8, a: &Fp2x8, b: &Fp2x8, d: &Fp2x8) {
    let (sum, difference) = (d.c0.add(&d.c1), d.c0.sub::<2>(&d.c1));
    let less0 = minus::<3, 16>(offset(), &mont::product(zero(), &sum.0, &difference.0));
    let less1 = minus::<4, 16>(offset(), &mont::product(zero(), &d.c0.0, &d.c1.0));
    let [c0, c1] = karatsuba(less0, less1, a, b);
    out.c0 = reduce(c0);
    out.c1 = reduce(c1);
}

/// 3·a, as large as the sum.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn thrice(a: &mut Fp8) {
    let twice = plus(a.0, &a.0);
    a.0 = mont::carry(plus(twice, &a.0));
}

/// out = 2·a, as large as the sum.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn twice(out: &mut Fp8, a: &Fp8) {
    out.0 = mont::carry(plus(a.0, &a.0));
}

/// 4·a, settled. Takes less than 3/2·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn four_times(a: &mut Fp8) {
    let mut out = a.0;
    for x in &mut out {
        *x = _mm512_slli_epi64::<2>(*x);
    }
    *a = Columns(out).settle::<1>();
}

/// out = a − b + K·p. Takes b at most K·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn sub<const K: u64>(out: &mut Fp8, a: &Fp8, b: &Fp8) {
    *out = Columns(minus::<0, 8>(a.0, &b.0)).tighten::<K>();
}

/// a −= 2·b − K·p. Takes 2·b at most K·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn sub_twice<const K: u64>(a: &mut Fp8, b: &Fp8) {
    *a = Columns(minus::<1, 8>(a.0, &b.0)).tighten::<K>();
}

/// a −= 2·b + c − K·p. Takes 2·b + c at most K·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn sub_twice_and<const K: u64>(a: &mut Fp8, b: &Fp8, c: &Fp8) {
    *a = Columns(minus::<0, 8>(minus::<1, 8>(a.0, &b.0), &c.0)).tighten::<K>();
}

//! Sums of products that are not reduced yet, in Fp and Fp2: sixteen columns for each coefficient.
//!
//! # Ranges
//! A product of tight operands adds at most 16 halves of 2^52 to a column, so one such product is a *unit* of 2^56.
//! [`Wide2::product`] gives coefficients of −2 to 1 units. What is reduced must stay below 2^6 units in each column (the
//! sign has the last bit) and its value above −2^18·p²: reduction adds p·2^399, more than 2^18·p², which is
//! p·2^-17 in the result. The callers count both.

use crate::cpu::vector::fp::{Fp8, ModP, multiple_of_p};
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::mont::{self, Vector, splat};
use std::arch::x86_64::{_mm512_add_epi64, _mm512_setzero_si512, _mm512_sub_epi64};

/// Columns of eight values.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Wide([Vector; 16]);

/// Columns of eight elements of Fp2.
#[derive(Clone, Copy)]
pub(super) struct Wide2 {
    c0: Wide,
    c1: Wide,
}

/// a + b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn plus(a: Vector, b: Vector) -> Vector {
    _mm512_add_epi64(a, b)
}

/// a − b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus(a: Vector, b: Vector) -> Vector {
    _mm512_sub_epi64(a, b)
}

/// a + b, tight; what sums to less than 2^416.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn tight_sum(a: &Fp8, b: &Fp8) -> [Vector; 8] {
    let mut out = a.0;
    for (x, y) in out.iter_mut().zip(&b.0) {
        *x = _mm512_add_epi64(*x, *y);
    }
    mont::carry(out)
}

/// x + Y·y + Z·z over R, below 4/3·p, for signs or zeros Y and Z. Takes what the module says.
///
/// The columns of the sum need not be written back. It is a function, called, so that the loops of a pairing stay in
/// the instruction cache.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn reduce<const Y: i8, const Z: i8>(out: &mut Fp8, x: &Wide, y: &Wide, z: &Wide) {
    let mut t = x.0;
    for (t, (y, z)) in t.iter_mut().zip(y.0.iter().zip(&z.0)) {
        *t = signed_sum::<Z>(signed_sum::<Y>(*t, *y), *z);
    }
    // 399 = 7·52 + 35: the limbs of 2^35·p from the eighth column on.
    let offset = const { multiple_of_p(1 << 35) };
    for (i, limb) in offset.into_iter().enumerate() {
        t[7 + i] = plus(t[7 + i], splat(limb));
    }
    out.0 = mont::reduce::<ModP, 8, 16>(t);
}

/// a + SIGN·b.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn signed_sum<const SIGN: i8>(a: Vector, b: Vector) -> Vector {
    match SIGN {
        0 => a,
        1 => plus(a, b),
        _ => minus(a, b),
    }
}

impl Wide2 {
    /// Zero.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn zero() -> Self {
        let zero = Wide([_mm512_setzero_si512(); 16]);
        Self { c0: zero, c1: zero }
    }

    /// Sets this to a·b by Karatsuba: c0 = a0·b0 − a1·b1, c1 = (a0 + a1)(b0 + b1) − a0·b0 − a1·b1. Takes coefficients
    /// below 2^8·p; gives columns from −1 to 1 units in c0, −2 to 1 in c1.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    pub(super) fn product(&mut self, a: &Fp2x8, b: &Fp2x8) {
        let zero = [_mm512_setzero_si512(); 16];
        self.c0.0 = mont::product::<8, 16>(zero, &a.c0.0, &b.c0.0);
        let high = mont::product::<8, 16>(zero, &a.c1.0, &b.c1.0);
        for (high, (c0, c1)) in high.iter().zip(self.c0.0.iter_mut().zip(&mut self.c1.0)) {
            (*c0, *c1) = (minus(*c0, *high), plus(*c0, *high));
        }
        // These columns are in memory now and stay there until they are needed: the compiler would keep them in
        // registers, and spill others to a stack that it does not align to their size, which costs a third of the time.
        std::hint::black_box(&mut *self);
        let cross = mont::product::<8, 16>(zero, &tight_sum(&a.c0, &a.c1), &tight_sum(&b.c0, &b.c1));
        for (c1, cross) in self.c1.0.iter_mut().zip(cross) {
            *c1 = minus(cross, *c1);
        }
    }

    /// The columns of Σ aᵢ·bᵢ from those of Σ aᵢ0·bᵢ0, Σ aᵢ1·bᵢ1 and Σ (aᵢ0 + aᵢ1)(bᵢ0 + bᵢ1).
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn from_karatsuba(low: &[Vector; 16], high: &[Vector; 16], cross: &[Vector; 16]) -> Self {
        let (mut c0, mut c1) = ([_mm512_setzero_si512(); 16], [_mm512_setzero_si512(); 16]);
        for i in 0..16 {
            c0[i] = minus(low[i], high[i]);
            c1[i] = minus(cross[i], plus(low[i], high[i]));
        }
        Self { c0: Wide(c0), c1: Wide(c1) }
    }

    /// Column `i` of both coefficients.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn at(&self, i: usize) -> Column {
        [self.c0.0[i], self.c1.0[i]]
    }

    /// Sets column `i` of both coefficients.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn set(&mut self, i: usize, column: Column) {
        [self.c0.0[i], self.c1.0[i]] = column;
    }

    // Reduced: the value over R, coefficients below 4/3·p. They take what the module says.

    /// x.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn reduce(&self, out: &mut Fp2x8) {
        reduce::<0, 0>(&mut out.c0, &self.c0, &self.c0, &self.c0);
        reduce::<0, 0>(&mut out.c1, &self.c1, &self.c1, &self.c1);
    }

    /// x + y.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn reduce_sum(&self, y: &Self, out: &mut Fp2x8) {
        reduce::<1, 0>(&mut out.c0, &self.c0, &y.c0, &y.c0);
        reduce::<1, 0>(&mut out.c1, &self.c1, &y.c1, &y.c1);
    }

    /// x − y − z.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn reduce_less_both(&self, y: &Self, z: &Self, out: &mut Fp2x8) {
        reduce::<-1, -1>(&mut out.c0, &self.c0, &y.c0, &z.c0);
        reduce::<-1, -1>(&mut out.c1, &self.c1, &y.c1, &z.c1);
    }

    /// x + ξ·y = (x0 + y0 − y1) + (x1 + y0 + y1)·u.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn reduce_sum_xi(&self, y: &Self, out: &mut Fp2x8) {
        reduce::<1, -1>(&mut out.c0, &self.c0, &y.c0, &y.c1);
        reduce::<1, 1>(&mut out.c1, &self.c1, &y.c0, &y.c1);
    }
}

/// a + b, tight, not inlined: see above. Takes what sums to less than 2^416.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(super) fn sum(a: &Fp2x8, b: &Fp2x8) -> Fp2x8 {
    Fp2x8 { c0: Fp8(tight_sum(&a.c0, &b.c0)), c1: Fp8(tight_sum(&a.c1, &b.c1)) }
}

/// One column of both coefficients of an element of Fp2, in sums.
pub(super) type Column = [Vector; 2];

/// x + y.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn add(x: Column, y: Column) -> Column {
    [plus(x[0], y[0]), plus(x[1], y[1])]
}

/// x − y.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn sub(x: Column, y: Column) -> Column {
    [minus(x[0], y[0]), minus(x[1], y[1])]
}

/// ξ·x = (1 + u)(x0 + x1·u) = (x0 − x1) + (x0 + x1)·u.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn xi(x: Column) -> Column {
    [minus(x[0], x[1]), plus(x[0], x[1])]
}

/// (a·b + c·d)/R in Fp with one reduction. Takes a·b + c·d below 2^26·p²; gives less than 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
pub(crate) fn product_sum(a: &Fp8, b: &Fp8, c: &Fp8, d: &Fp8) -> Fp8 {
    let t = mont::product::<8, 16>([_mm512_setzero_si512(); 16], &a.0, &b.0);
    Fp8(mont::reduce::<ModP, 8, 16>(mont::product::<8, 16>(t, &c.0, &d.0)))
}

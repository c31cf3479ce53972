//! Lines: the sparse elements l0 + l1·w² + l4·w³ of Fp12 that a Miller loop multiplies by, those with l4 = 1, and products
//! of two.

use super::fp6::Fp6x8;
use super::fp12::Scratch;
use super::wide::sum;
use crate::cpu::vector::fp::Fp8;
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::token::Ifma;

/// Eight lines l0 + l1·w² + l4·w³ (in the tower's terms, l0 + l1·v + l4·v·w); coefficients below 2^6·p.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) l0: Fp2x8,
    pub(crate) l1: Fp2x8,
    pub(crate) l4: Fp2x8,
}

/// Eight lines l0 + l1·w² + w³; coefficients below 4/3·p.
#[derive(Clone, Copy)]
pub(crate) struct MonicLine {
    pub(crate) l0: Fp2x8,
    pub(crate) l1: Fp2x8,
}

/// The product of two lines: c0 + (x3·v + x5·v²)·w, below 8/3·p.
#[derive(Clone, Copy)]
pub(crate) struct TwoLines {
    pub(crate) c0: Fp6x8,
    /// The coefficient of v·w = w³.
    pub(crate) x3: Fp2x8,
    /// The coefficient of v²·w = w⁵.
    pub(crate) x5: Fp2x8,
}

impl TwoLines {
    /// Zero, to be overwritten.
    pub(crate) fn zero(ifma: Ifma) -> Self {
        let zero = Fp2x8 { c0: Fp8::zero(ifma), c1: Fp8::zero(ifma) };
        Self { c0: Fp6x8 { c0: zero, c1: zero, c2: zero }, x3: zero, x5: zero }
    }
}

impl Line {
    /// a·b by six products in Fp2 for five coefficients: the square terms, and each pair's two cross terms from one more.
    /// Columns within ±5 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul(&self, b: &Self, out: &mut TwoLines, scratch: &mut Scratch) {
        let a = self;
        let [v0, v1, v4] = &mut scratch.low;
        let [t01, t04, t14] = &mut scratch.cross;
        v0.product(&a.l0, &b.l0);
        v1.product(&a.l1, &b.l1);
        v4.product(&a.l4, &b.l4);
        t01.product(&sum(&a.l0, &a.l1), &sum(&b.l0, &b.l1));
        t04.product(&sum(&a.l0, &a.l4), &sum(&b.l0, &b.l4));
        t14.product(&sum(&a.l1, &a.l4), &sum(&b.l1, &b.l4));
        v0.reduce_sum_xi(v4, &mut out.c0.c0);
        t01.reduce_less_both(v0, v1, &mut out.c0.c1);
        v1.reduce(&mut out.c0.c2);
        t04.reduce_less_both(v0, v4, &mut out.x3);
        t14.reduce_less_both(v1, v4, &mut out.x5);
    }
}

impl MonicLine {
    /// a·b by three products in Fp2: (l0·m0 + ξ) + (l0·m1 + l1·m0)·v + l1·m1·v² + ((l0 + m0)·v + (l1 + m1)·v²)·w, for w⁶ = ξ.
    /// Columns within ±5 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul(&self, b: &Self, one: &Fp8, out: &mut TwoLines, scratch: &mut Scratch) {
        let a = self;
        let [v0, v1, _] = &mut scratch.low;
        let [t01, ..] = &mut scratch.cross;
        v0.product(&a.l0, &b.l0);
        v1.product(&a.l1, &b.l1);
        t01.product(&sum(&a.l0, &a.l1), &sum(&b.l0, &b.l1));
        let mut least = out.c0.c0;
        v0.reduce(&mut least);
        // ξ = 1 + u.
        out.c0.c0 = sum(&least, &Fp2x8 { c0: *one, c1: *one });
        t01.reduce_less_both(v0, v1, &mut out.c0.c1);
        v1.reduce(&mut out.c0.c2);
        out.x3 = sum(&a.l0, &b.l0);
        out.x5 = sum(&a.l1, &b.l1);
    }
}

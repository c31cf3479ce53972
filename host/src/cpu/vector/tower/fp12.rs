//! Eight elements of Fp12 = Fp6[w]/(w² − v), one a lane, reduced once for each of the twelve coefficients.
//!
//! *Stored* means: coefficients below 4/3·p. Every operation takes and gives stored elements.
//!
//! # Cost
//! A product in Fp2 is 384 IFMA before reduction, a reduction 258.
//!
//! | operation | products in Fp2 | IFMA |
//! |---|---|---|
//! | `mul` | 18 | 8,460 |
//! | `square` | 12 | 6,156 |
//! | `mul_by_line` | 13 | 6,540 |
//! | `Line::mul` and `mul_by_lines`, for two lines | 6 and 17 | 3,594 and 8,076 |
//! | `MonicLine::mul` and `mul_by_lines`, for two lines with l4 = 1 | 3 and 17 | 1,926 and 8,076 |

use super::fp6::{Fp6x8, Wide6};
use super::line::{Line, TwoLines};
use super::wide::{Wide2, add, sub, sum, xi};
use crate::cpu::vector::fp::Fp8;
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::token::Ifma;
use ark_bls12_381::{Fq, Fq2, Fq6, Fq12};
use ark_ff::BigInt;

/// Eight elements c0 + c1·w.
#[derive(Clone, Copy)]
pub(crate) struct Fp12x8 {
    pub(crate) c0: Fp6x8,
    pub(crate) c1: Fp6x8,
}

/// Columns that products in Fp12 are formed in: 24 KiB, kept by the caller so that they are neither cleared nor copied.
pub(crate) struct Scratch {
    pub(super) low: Wide6,
    high: Wide6,
    pub(super) cross: Wide6,
    v: Wide6,
}

impl Scratch {
    /// Columns of any value.
    pub(crate) fn new(_: Ifma) -> Box<Self> {
        // SAFETY: the token proves that the CPU has the features.
        let zero = unsafe { [Wide2::zero(); 3] };
        Box::new(Self { low: zero, high: zero, cross: zero, v: zero })
    }
}

impl Fp12x8 {
    /// One.
    pub(crate) fn one(ifma: Ifma) -> Self {
        let zero = Fp2x8 { c0: Fp8::zero(ifma), c1: Fp8::zero(ifma) };
        let one = Fp2x8 { c0: Fp8::one(ifma), c1: Fp8::zero(ifma) };
        Self { c0: Fp6x8 { c0: one, c1: zero, c2: zero }, c1: Fp6x8 { c0: zero, c1: zero, c2: zero } }
    }

    /// Sets this to a·b.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul(&mut self, other: &Self, scratch: &mut Scratch) {
        let Scratch { low, high, cross, v } = scratch;
        self.c0.product(&other.c0, low, v);
        self.c1.product(&other.c1, high, v);
        self.c0.add(&self.c1).product(&other.c0.add(&other.c1), cross, v);
        self.karatsuba(scratch);
    }

    /// Sets this to a² (complex squaring): c0 = (a0 + a1)(a0 + v·a1) − t − v·t, c1 = 2·t for t = a0·a1. Columns within
    /// ±36 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn square(&mut self, scratch: &mut Scratch) {
        let Scratch { low: t, cross, v, .. } = scratch;
        self.c0.product(&self.c1, t, v);
        self.c0.add(&self.c1).product(&self.c0.add(&self.c1.mul_by_v()), cross, v);
        for i in 0..16 {
            let (t0, t2) = (t[0].at(i), t[2].at(i));
            let column = sub(cross[0].at(i), add(t0, xi(t2)));
            cross[0].set(i, column);
        }
        cross[0].reduce(&mut self.c0.c0);
        cross[1].reduce_less_both(&t[1], &t[0], &mut self.c0.c1);
        cross[2].reduce_less_both(&t[2], &t[1], &mut self.c0.c2);
        t[0].reduce_sum(&t[0], &mut self.c1.c0);
        t[1].reduce_sum(&t[1], &mut self.c1.c1);
        t[2].reduce_sum(&t[2], &mut self.c1.c2);
    }

    /// Sets this to a·(l0 + l1·w² + l4·w³).
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul_by_line(&mut self, line: &Line, scratch: &mut Scratch) {
        let Scratch { low, high, cross, v } = scratch;
        self.c0.product_01(&line.l0, &line.l1, low, v);
        self.c1.product_1(&line.l4, high);
        self.c0.add(&self.c1).product_01(&line.l0, &sum(&line.l1, &line.l4), cross, v);
        self.karatsuba(scratch);
    }

    /// Sets this to a times the product of two lines.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul_by_lines(&mut self, lines: &TwoLines, scratch: &mut Scratch) {
        let Scratch { low, high, cross, v } = scratch;
        self.c0.product(&lines.c0, low, v);
        self.c1.product_12(&lines.x3, &lines.x5, high, v);
        let both = Fp6x8 { c0: lines.c0.c0, c1: sum(&lines.c0.c1, &lines.x3), c2: sum(&lines.c0.c2, &lines.x5) };
        self.c0.add(&self.c1).product(&both, cross, v);
        self.karatsuba(scratch);
    }

    /// c0 = low + v·high, c1 = cross − low − high, reduced. Columns within ±27 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn karatsuba(&mut self, Scratch { low, high, cross, .. }: &Scratch) {
        low[0].reduce_sum_xi(&high[2], &mut self.c0.c0);
        low[1].reduce_sum(&high[0], &mut self.c0.c1);
        low[2].reduce_sum(&high[1], &mut self.c0.c2);
        cross[0].reduce_less_both(&low[0], &high[0], &mut self.c1.c0);
        cross[1].reduce_less_both(&low[1], &high[1], &mut self.c1.c1);
        cross[2].reduce_less_both(&low[2], &high[2], &mut self.c1.c2);
    }

    /// Sets each lane to the product of all eight.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn multiply_lanes(&mut self, scratch: &mut Scratch) {
        self.mul(&self.map(|c| c.swap_lanes::<4>()), scratch);
        self.mul(&self.map(|c| c.swap_lanes::<2>()), scratch);
        self.mul(&self.map(|c| c.swap_lanes::<1>()), scratch);
    }

    /// The same function of each of the twelve coefficients.
    #[inline(always)]
    fn map(&self, f: impl Fn(&Fp8) -> Fp8) -> Self {
        let fp2 = |a: &Fp2x8| Fp2x8 { c0: f(&a.c0), c1: f(&a.c1) };
        let fp6 = |a: &Fp6x8| Fp6x8 { c0: fp2(&a.c0), c1: fp2(&a.c1), c2: fp2(&a.c2) };
        Self { c0: fp6(&self.c0), c1: fp6(&self.c1) }
    }

    /// Eight elements of arkworks.
    #[cfg(test)]
    pub(crate) fn load(ifma: Ifma, from: [&Fq12; 8]) -> Self {
        let fp = |c: [&Fq; 8]| Fp8::from_words(ifma, c.map(|c| &c.0.0));
        let fp2 = |c: [&Fq2; 8]| Fp2x8 { c0: fp(c.map(|c| &c.c0)), c1: fp(c.map(|c| &c.c1)) };
        let fp6 =
            |c: [&Fq6; 8]| Fp6x8 { c0: fp2(c.map(|c| &c.c0)), c1: fp2(c.map(|c| &c.c1)), c2: fp2(c.map(|c| &c.c2)) };
        Self { c0: fp6(from.map(|e| &e.c0)), c1: fp6(from.map(|e| &e.c1)) }
    }

    /// The eight elements for arkworks.
    pub(crate) fn store(&self, ifma: Ifma) -> [Fq12; 8] {
        let fp = |c: &Fp8| c.to_words(ifma).map(|words| Fq::new_unchecked(BigInt::new(words)));
        let fp2 = |c: &Fp2x8| zip(fp(&c.c0), fp(&c.c1), Fq2::new);
        let fp6 = |c: &Fp6x8| {
            let (c0, c1, c2) = (fp2(&c.c0), fp2(&c.c1), fp2(&c.c2));
            std::array::from_fn(|i| Fq6::new(c0[i], c1[i], c2[i]))
        };
        zip(fp6(&self.c0), fp6(&self.c1), Fq12::new)
    }
}

/// Lane by lane what `f` makes of a and b.
fn zip<A: Copy, B>(a: [A; 8], b: [A; 8], f: impl Fn(A, A) -> B) -> [B; 8] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

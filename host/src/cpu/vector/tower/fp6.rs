//! Eight elements of Fp6 = Fp2[v]/(v³ − ξ), one a lane; products stay in columns until Fp12 has combined them.

use super::wide::{Wide2, add, sub, sum, xi};
use crate::cpu::vector::fp2::Fp2x8;

/// Eight elements c0 + c1·v + c2·v².
#[derive(Clone, Copy)]
pub(crate) struct Fp6x8 {
    pub(crate) c0: Fp2x8,
    pub(crate) c1: Fp2x8,
    pub(crate) c2: Fp2x8,
}

/// The columns of an element of Fp6. One product of two elements is within ±9 units of 2^56 (see `wide.rs`).
pub(super) type Wide6 = [Wide2; 3];

impl Fp6x8 {
    /// a + b, coefficient by coefficient.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn add(&self, other: &Self) -> Self {
        Self { c0: sum(&self.c0, &other.c0), c1: sum(&self.c1, &other.c1), c2: sum(&self.c2, &other.c2) }
    }

    /// v·a = ξ·c2 + c0·v + c1·v², with 2p added to the first coefficient of ξ·c2. Takes c2 at most 2·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn mul_by_v(&self) -> Self {
        Self { c0: mul_by_xi(&self.c2), c1: self.c0, c2: self.c1 }
    }

    // The products set `t`; `v` is scratch.

    /// a·b by six products in Fp2 (Devegili et al., eprint 2006/471, section 4). Takes coefficients below 2^6·p.
    ///
    /// c0 = v0 + ξ((a1 + a2)(b1 + b2) − v1 − v2), c1 = (a0 + a1)(b0 + b1) − v0 − v1 + ξ·v2,
    /// c2 = (a0 + a2)(b0 + b2) − v0 − v2 + v1 for vᵢ = aᵢ·bᵢ.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    pub(super) fn product(&self, b: &Self, t: &mut Wide6, v: &mut Wide6) {
        let a = self;
        v[0].product(&a.c0, &b.c0);
        v[1].product(&a.c1, &b.c1);
        v[2].product(&a.c2, &b.c2);
        t[0].product(&sum(&a.c1, &a.c2), &sum(&b.c1, &b.c2));
        t[1].product(&sum(&a.c0, &a.c1), &sum(&b.c0, &b.c1));
        t[2].product(&sum(&a.c0, &a.c2), &sum(&b.c0, &b.c2));
        for i in 0..16 {
            let (v0, v1, v2) = (v[0].at(i), v[1].at(i), v[2].at(i));
            t[0].set(i, add(v0, xi(sub(t[0].at(i), add(v1, v2)))));
            t[1].set(i, add(sub(t[1].at(i), add(v0, v1)), xi(v2)));
            t[2].set(i, sub(add(t[2].at(i), v1), add(v0, v2)));
        }
    }

    /// a·(b0 + b1·v) by five products: c0 = v0 + ξ·a2·b1, c1 = (a0 + a1)(b0 + b1) − v0 − v1, c2 = a2·b0 + v1.
    /// Takes coefficients below 2^6·p; gives columns within ±4 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    pub(super) fn product_01(&self, b0: &Fp2x8, b1: &Fp2x8, t: &mut Wide6, v: &mut Wide6) {
        let a = self;
        v[1].product(&a.c1, b1);
        v[2].product(&a.c2, b1);
        t[0].product(&a.c0, b0);
        t[1].product(&sum(&a.c0, &a.c1), &sum(b0, b1));
        t[2].product(&a.c2, b0);
        for i in 0..16 {
            let (v0, v1) = (t[0].at(i), v[1].at(i));
            t[0].set(i, add(v0, xi(v[2].at(i))));
            t[1].set(i, sub(t[1].at(i), add(v0, v1)));
            t[2].set(i, add(t[2].at(i), v1));
        }
    }

    /// a·(b1·v + b2·v²) by five products: c0 = ξ((a1 + a2)(b1 + b2) − v1 − v2), c1 = a0·b1 + ξ·v2, c2 = a0·b2 + v1.
    /// Takes coefficients below 2^6·p; gives columns within ±9 units.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    pub(super) fn product_12(&self, b1: &Fp2x8, b2: &Fp2x8, t: &mut Wide6, v: &mut Wide6) {
        let a = self;
        v[1].product(&a.c1, b1);
        v[2].product(&a.c2, b2);
        t[0].product(&sum(&a.c1, &a.c2), &sum(b1, b2));
        t[1].product(&a.c0, b1);
        t[2].product(&a.c0, b2);
        for i in 0..16 {
            let (v1, v2) = (v[1].at(i), v[2].at(i));
            t[0].set(i, xi(sub(t[0].at(i), add(v1, v2))));
            t[1].set(i, add(t[1].at(i), xi(v2)));
            t[2].set(i, add(t[2].at(i), v1));
        }
    }

    /// a·b1·v by three products: c0 = ξ·a2·b1, c1 = a0·b1, c2 = a1·b1. Takes coefficients below 2^8·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline(never)]
    pub(super) fn product_1(&self, b1: &Fp2x8, t: &mut Wide6) {
        t[0].product(&self.c2, b1);
        t[1].product(&self.c0, b1);
        t[2].product(&self.c1, b1);
        for i in 0..16 {
            let v2 = t[0].at(i);
            t[0].set(i, xi(v2));
        }
    }
}

/// ξ·a = (a0 − a1 + 2p) + (a0 + a1)·u. Takes a1 at most 2·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn mul_by_xi(a: &Fp2x8) -> Fp2x8 {
    Fp2x8 { c0: a.c0.sub::<2>(&a.c1), c1: a.c0.add(&a.c1) }
}

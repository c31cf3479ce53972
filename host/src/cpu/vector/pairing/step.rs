//! The steps of a Miller loop on the twist, in homogeneous coordinates, with the lines they cut.
//!
//! E2: y² = x³ + b′ with b′ = 4ξ goes to E1 over Fp12 by (x, y) ↦ (x/w², y/w³). The line through T with slope λ on E2,
//! evaluated at P = (xP, yP) and multiplied by w³, is (λ·xT − yT) − λ·xP·w² + yP·w³; any factor in Fp2 may stand
//! before it, because the final exponentiation takes Fp2 to one.
//!
//! Points are of order r and a step's multiple k of Q has 0 < k < r: T is never the identity, and T ≠ ±Q in an
//! addition. So no case is exceptional.

use crate::cpu::vector::fp::{Columns, Fp8};
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::tower::{Line, product_sum};
use std::arch::x86_64::{_mm512_add_epi64, _mm512_slli_epi64};

/// Eight points (X/Z, Y/Z) of E2; coordinates below 4·p.
#[derive(Clone, Copy)]
pub(super) struct Twisted {
    pub(super) x: Fp2x8,
    pub(super) y: Fp2x8,
    pub(super) z: Fp2x8,
}

/// Eight points of E1 as lines need them, −x at most 2·p, y below 4/3·p. All zero mod p makes every line an element of Fp2.
#[derive(Clone, Copy)]
pub(super) struct Evaluated {
    pub(super) minus_x: Fp8,
    pub(super) y: Fp8,
}

impl Twisted {
    /// T ← 2T; gives the tangent in T: I − 3J·xP·w² + H·yP·w³, coefficients below 34·p.
    ///
    /// With B = Y², C = Z², E = 3b′C, H = 2YZ, J = X², I = B − E: X₃ = 2XY(B − 3E), Y₃ = 4B² − 3I², Z₃ = 4BH. That is
    /// Costello, Lange and Naehrig (eprint 2009/615, section 5) times 4 to avoid halving, and (B + 3E)² − 12E² by
    /// 4B² − 3I². IFMA: 5,780.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn double(&mut self, at: &Evaluated) -> Line {
        let (b, c) = (self.y.square(), self.z.square());
        let (j, yz) = (self.x.square(), self.y.add(&self.z).square());
        let xy = self.x.add(&self.y).square();
        // Below 13/3·p.
        let h = map3(&yz, &b, &c, |s, b, c| s.columns().sub(b).sub(c).tighten::<3>());
        let xy2 = map3(&xy, &j, &b, |s, j, b| s.columns().sub(j).sub(b).tighten::<3>());
        // 3b′ = 12(1 + u): E = 12(c0 − c1 + 4/3·p) + 12(c0 + c1)·u, below 32·p.
        let e = Fp2x8 {
            c0: twelvefold(&c.c0.columns().sub(&c.c1)).tighten::<16>(),
            c1: twelvefold(&c.c0.columns().add(&c.c1)).tighten::<0>(),
        };
        let i = b.sub::<32>(&e);
        // B − 3E = I − 2E, below 98·p.
        let drop = map3(&i, &e, &e, |i, e, e2| i.columns().sub(e).sub(e2).tighten::<64>());
        let line = Line { l0: i, l1: map(&j, triple).scale(&at.minus_x), l4: h.scale(&at.y) };
        // Too large for `Fp2x8::mul`: c0 = a0·b0 + a1·(98p − b1), c1 = a0·b1 + a1·b0.
        let minus_drop = negate::<98>(&drop.c1);
        self.x = Fp2x8 {
            c0: product_sum(&xy2.c0, &drop.c0, &xy2.c1, &minus_drop),
            c1: product_sum(&xy2.c0, &drop.c1, &xy2.c1, &drop.c0),
        };
        self.y = four_squares_less_three(&b, &i);
        self.z = map(&b, quadruple).mul(&h);
        line
    }

    /// T ← T + Q for an affine Q; gives the line through both: (θ·xQ − λ·yQ) − θ·xP·w² + λ·yP·w³, coefficients below 4·p.
    ///
    /// With θ = Y − yQ·Z, λ = X − xQ·Z, D = λ², E = λD, G = XD: X₃ = λ(E + Zθ² − 2G), Y₃ = θ(3G − E − Zθ²) − EY,
    /// Z₃ = ZE (same source).
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add(&mut self, (x, y): (&Fp2x8, &Fp2x8), at: &Evaluated) -> Line {
        // Below 6·p.
        let theta = self.y.sub::<2>(&y.mul(&self.z));
        let lambda = self.x.sub::<2>(&x.mul(&self.z));
        let d = lambda.square();
        let (e, g) = (lambda.mul(&d), self.x.mul(&d));
        let sum = e.add(&self.z.mul(&theta.square()));
        // Below 16/3·p, and G − H = 3G − E − Zθ² below 7·p.
        let h = map3(&sum, &g, &g, |s, g, g2| s.columns().sub(g).sub(g2).tighten::<3>());
        let rise = map(&g, triple).sub::<3>(&sum);
        let l0 = theta.mul(x).sub::<2>(&lambda.mul(y));
        let line = Line { l0, l1: theta.scale(&at.minus_x), l4: lambda.scale(&at.y) };
        self.x = lambda.mul(&h);
        self.y = theta.mul(&rise).sub::<2>(&e.mul(&self.y));
        self.z = self.z.mul(&e);
        line
    }
}

/// 4b² − 3i² with one reduction a coefficient: differences are taken of the operands, so that all products are positive.
/// Takes b below 4/3·p and i below 34·p; gives less than 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
fn four_squares_less_three(b: &Fp2x8, i: &Fp2x8) -> Fp2x8 {
    let c0 = product_sum(
        &quadruple(&b.c0.add(&b.c1)),
        &b.c0.sub::<2>(&b.c1),
        &triple(&i.c0.add(&i.c1)),
        &i.c1.sub::<34>(&i.c0),
    );
    let negative = negate::<34>(&i.c1);
    let (b4, i3) = (quadruple(&b.c0), triple(&i.c0));
    Fp2x8 { c0, c1: product_sum(&b4.add(&b4), &b.c1, &i3.add(&i3), &negative) }
}

/// 12·a, limb by limb.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(super) fn twelvefold(a: &Columns) -> Columns {
    let mut out = a.0;
    for x in &mut out {
        let fourfold = _mm512_slli_epi64::<2>(*x);
        *x = _mm512_add_epi64(_mm512_add_epi64(fourfold, fourfold), fourfold);
    }
    Columns(out)
}

/// K·p − a. Takes a at most K·p.
#[inline(always)]
fn negate<const K: u64>(a: &Fp8) -> Fp8 {
    a.columns().sub(a).sub(a).tighten::<K>()
}

/// 3·a.
#[inline(always)]
fn triple(a: &Fp8) -> Fp8 {
    a.columns().add(a).add(a).tighten::<0>()
}

/// 4·a.
#[inline(always)]
fn quadruple(a: &Fp8) -> Fp8 {
    a.columns().add(a).add(a).add(a).tighten::<0>()
}

/// The same function of both coefficients.
#[inline(always)]
fn map(a: &Fp2x8, f: impl Fn(&Fp8) -> Fp8) -> Fp2x8 {
    Fp2x8 { c0: f(&a.c0), c1: f(&a.c1) }
}

/// The same function of both triples of coefficients.
#[inline(always)]
fn map3(a: &Fp2x8, b: &Fp2x8, c: &Fp2x8, f: impl Fn(&Fp8, &Fp8, &Fp8) -> Fp8) -> Fp2x8 {
    Fp2x8 { c0: f(&a.c0, &b.c0, &c.c0), c1: f(&a.c1, &b.c1, &c.c1) }
}

//! The simplified Shallue–van de Woestijne–Ulas map to E1' and E2' (RFC 9380, section 6.6.2), several vectors in step.
//!
//! x1 = −(B/A)·(1 + 1/(Z²u⁴ + Zu²)), or B/(ZA) where that denominator is 0, and x2 = Zu²·x1; x is the first of them for
//! which g(x) = x³ + Ax + B is a square, and sgn0(y) = sgn0(u). With x1 = n/d the square of an inverse root also holds
//! the inverse of d, so that no lane needs an inversion, and the root of g(x2) = (Zu²)³·g(x1) comes from the power that
//! was raised for g(x1). g has no zero, since the curves have odd order.
//!
//! | | E1', in Fp | E2', in Fp2 |
//! |---|---|---|
//! | G = g(x1)·d³ and d as | numbers of Fp | their norms |
//! | w = G·d, t = w^((p−3)/4), χ = wt² = ±1 | √±g(x1) = wt/d² | √±N(g(x1)) = wt/N(d)² |
//! | inverse, χt²G | 1/d | 1/N(d) = d̄⁻¹/d |
//! | where χ = −1 | √g(x2) = u³·√(−Z³)·√−g(x1) | √N(g(x2)) = N(u)³·√(−N(Z)³)·√−N(g(x1)) |
//!
//! That is the root itself for E1' (one power for a map), and for E2' the root of the norm, from which `root.rs` takes
//! the root by a second power.

use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::token::Ifma;
use super::field::Field;
use super::generated as constants;
use super::power::inverse_root;
use super::root;

/// A, B, −B, Z and −Z of a curve E'.
pub(super) struct Parameters<C> {
    a: C,
    b: C,
    minus_b: C,
    z: C,
    minus_z: C,
}

const E1: Parameters<[u64; 8]> = Parameters {
    a: constants::A_1,
    b: constants::B_1,
    minus_b: constants::MINUS_B_1,
    z: constants::Z_1,
    minus_z: constants::MINUS_Z_1,
};

const E2: Parameters<[[u64; 8]; 2]> = Parameters {
    a: constants::A_2,
    b: constants::B_2,
    minus_b: constants::MINUS_B_2,
    z: constants::Z_2,
    minus_z: constants::MINUS_Z_2,
};

/// x1 = n/d and g(x1) = g/d³ for one vector, and Zu².
struct Candidate<F> {
    /// Below 4/3·p.
    n: F,
    /// Below 4/3·p.
    d: F,
    /// Below 8/3·p.
    g: F,
    /// Below 4/3·p.
    zu2: F,
}

/// The first candidate. Takes u below 6·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn candidate<F: Field>(ifma: Ifma, curve: &Parameters<F::Constant>, u: &F) -> Candidate<F> {
    let a = F::constant(ifma, &curve.a);
    let zu2 = u.square().mul(&F::constant(ifma, &curve.z));
    let sum = zu2.square().add(&zu2);
    // −B(1 + s)/(As), or −B/(−ZA) where s = 0.
    let denominator = match sum.zero_mask() {
        0 => sum,
        lanes => sum.select(lanes, &F::constant(ifma, &curve.minus_z)),
    };
    let d = denominator.mul(&a);
    let n = sum.add(&F::one(ifma)).mul(&F::constant(ifma, &curve.minus_b));
    let (nn, dd) = (n.square(), d.square());
    let left = nn.add(&dd.mul(&a)).mul(&n);
    Candidate { n, d, g: left.add(&dd.mul(&d).mul(&F::constant(ifma, &curve.b))), zu2 }
}

/// From w = G·d and G: the lanes with χ = −1, wt, and χt²G = 1/d. Takes G below 8/3·p; gives less than 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn split(ifma: Ifma, w: &Fp8, t: &Fp8, g: &Fp8) -> (u8, Fp8, Fp8) {
    let root = w.mul(t);
    let other = !root.mul(t).sub::<2>(&Fp8::one(ifma)).zero_mask();
    let inverse = t.square().mul(g);
    (other, root, inverse.columns().negate_lanes(other).settle::<3>())
}

/// y with the sign of u. Takes y below 4/3·p and u below 6·p; gives y below 4/3·p.
#[inline(always)]
fn with_sign<F: Field>(ifma: Ifma, y: &F, u: &F) -> F {
    y.negate(y.sgn0(ifma) ^ u.sgn0(ifma))
}

/// Affine points of E1', below 4/3·p. Takes u below 6·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn to_e1<const N: usize>(ifma: Ifma, u: &[Fp8; N]) -> [(Fp8, Fp8); N] {
    let candidates: [_; N] = std::array::from_fn(|k| candidate(ifma, &E1, &u[k]));
    let w: [Fp8; N] = std::array::from_fn(|k| candidates[k].g.mul(&candidates[k].d));
    let powers = inverse_root(&w);
    std::array::from_fn(|k| {
        let c = &candidates[k];
        let (other, root, inverse) = split(ifma, &w[k], &powers[k], &c.g);
        let (x, y) = (c.n.mul(&inverse), root.mul(&inverse.square()));
        let factor = u[k].square().mul(&u[k]).mul(&Fp8::splat(ifma, &constants::ROOT_1));
        let x = x.select(other, &x.mul(&c.zu2));
        (x, with_sign(ifma, &y.select(other, &y.mul(&factor)), &u[k]))
    })
}

/// Affine points of E2', below 4/3·p. Takes u below 6·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn to_e2<const N: usize>(ifma: Ifma, u: &[Fp2x8; N]) -> [(Fp2x8, Fp2x8); N] {
    let candidates: [_; N] = std::array::from_fn(|k| candidate(ifma, &E2, &u[k]));
    let mut norms = u.map(|u| u.c0);
    let mut w = norms;
    for k in 0..N {
        norms[k] = candidates[k].g.norm();
        w[k] = norms[k].mul(&candidates[k].d.norm());
    }
    let powers = inverse_root(&w);
    let (mut x, mut norm_roots) = (*u, w);
    for k in 0..N {
        let c = &candidates[k];
        let (other, root, inverse) = split(ifma, &w[k], &powers[k], &norms[k]);
        let x1 = c.n.mul(&c.d.conjugate(ifma)).scale(&inverse);
        x[k] = x1.select(other, &x1.mul(&c.zu2));
        let root = root.mul(&inverse.square());
        let norm = u[k].norm();
        let factor = norm.square().mul(&norm).mul(&Fp8::splat(ifma, &constants::ROOT_2));
        norm_roots[k] = root.select(other, &root.mul(&factor));
    }
    let (a, b) = (Fp2x8::splat(ifma, &constants::A_2), Fp2x8::splat(ifma, &constants::B_2));
    let mut values = x;
    for value in &mut values {
        *value = value.square().add(&a).mul(value).add(&b);
    }
    let y = root::fp2_with_norm(ifma, &values, &norm_roots);
    std::array::from_fn(|k| (x[k], with_sign(ifma, &y[k], &u[k])))
}

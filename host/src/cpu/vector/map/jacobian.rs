//! Points in Jacobian coordinates, eight to a vector and several vectors in step: x = X/Z², y = Y/Z³, and Z = 0 for the
//! identity.
//!
//! For curves y² = x³ + b. Complete: identity, equal and opposite points are right in every lane; an exceptional lane
//! costs a doubling and some blends, the test for one a few instructions. Coefficients are below 11/2·p (X), at most
//! 2·p (Y) and below 10/3·p (Z), everywhere in this folder.
//!
//! In Fp a doubling is 1,446 IFMA, in Fp2 3,724: 20 and 52 ns for each point at the limit. In Fp its products wait for one
//! another, so two vectors in step are a quarter faster for each than one.

use super::super::generated::Z_ABS;
use super::super::token::Ifma;
use super::field::Field;

/// Eight points.
#[derive(Clone, Copy)]
pub(crate) struct Jacobian<F> {
    pub(super) x: F,
    pub(super) y: F,
    pub(super) z: F,
}

impl<F: Field> Jacobian<F> {
    /// From affine coordinates below 4/3·p.
    #[inline(always)]
    pub(super) fn from_affine(ifma: Ifma, x: &F, y: &F) -> Self {
        Self { x: *x, y: *y, z: F::one(ifma) }
    }

    /// −P.
    #[inline(always)]
    pub(super) fn negate(&self, ifma: Ifma) -> Self {
        Self { x: self.x, y: F::zero(ifma).sub::<2>(&self.y), z: self.z }
    }

    /// In each lane `other` where the mask has a one, else `self`.
    #[inline(always)]
    pub(super) fn select(&self, mask: u8, other: &Self) -> Self {
        Self { x: self.x.select(mask, &other.x), y: self.y.select(mask, &other.y), z: self.z.select(mask, &other.z) }
    }
}

/// Numbers between the steps of a formula.
#[derive(Clone)]
pub(crate) struct Scratch<F, const N: usize>([[F; N]; 8]);

impl<F: Field, const N: usize> Scratch<F, N> {
    pub(super) fn new(ifma: Ifma) -> Self {
        Self([[F::zero(ifma); N]; 8])
    }
}

/// P ← 2·P: 3 multiplications and 4 squarings, of them one product and one square with one reduction. No lane may have
/// y = 0; no point of our curves has.
///
/// S = X·Y², M = 3·X²; X' = M² − 8·S, Y' = M·(4·S − X') − 8·Y⁴, Z' = 2·Y·Z.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn double<F: Field, const N: usize>(p: &mut [Jacobian<F>; N], scratch: &mut Scratch<F, N>) {
    let [m, yy, s, t, ..] = &mut scratch.0;
    for k in 0..N {
        F::square_to(&mut m[k], &p[k].x);
        F::square_to(&mut yy[k], &p[k].y);
    }
    for k in 0..N {
        F::mul_to(&mut t[k], &p[k].y, &p[k].z);
        F::mul_to(&mut s[k], &p[k].x, &yy[k]);
    }
    for k in 0..N {
        m[k].thrice();
        F::square_to(&mut p[k].x, &m[k]);
        F::twice_to(&mut p[k].z, &t[k]);
        s[k].four_times();
        // Below 4.4·p.
        p[k].x.sub_twice::<3>(&s[k]);
        F::sub_to::<5>(&mut t[k], &s[k], &p[k].x);
    }
    for k in 0..N {
        F::less_squares_to(&mut p[k].y, &m[k], &t[k], &yy[k]);
    }
}

/// P ← P + Q: 12 multiplications and 4 squarings (EFD add-1998-cmo-2), two of the products with one reduction.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add<F: Field, const N: usize>(
    p: &mut [Jacobian<F>; N],
    q: &[Jacobian<F>; N],
    scratch: &mut Scratch<F, N>,
) {
    let [zz1, zz2, u1, s1, h, r, z, t] = &mut scratch.0;
    for k in 0..N {
        F::square_to(&mut zz1[k], &p[k].z);
        F::square_to(&mut zz2[k], &q[k].z);
        F::mul_to(&mut u1[k], &p[k].x, &zz2[k]);
        F::mul_to(&mut h[k], &q[k].x, &zz1[k]);
        F::mul_to(&mut t[k], &q[k].z, &zz2[k]);
        F::mul_to(&mut zz2[k], &p[k].z, &zz1[k]);
        F::mul_to(&mut s1[k], &p[k].y, &t[k]);
        F::mul_to(&mut r[k], &q[k].y, &zz2[k]);
        F::mul_to(&mut z[k], &p[k].z, &q[k].z);
        F::sub_to::<2>(&mut t[k], &h[k], &u1[k]);
        F::sub_to::<2>(&mut zz1[k], &r[k], &s1[k]);
    }
    let (h, r) = (t, zz1);
    for k in 0..N {
        let (first, second) = (p[k].z.zero_mask(), q[k].z.zero_mask());
        let regular = p[k];
        chord(&mut p[k], [&u1[k], &s1[k], &z[k]], &h[k], &r[k], &mut zz2[k]);
        if h[k].zero_mask() | first | second != 0 {
            let equal = h[k].zero_mask() & r[k].zero_mask();
            exceptional(&mut p[k], equal, &regular, first, &q[k], second);
        }
    }
}

/// P ← P + Q for affine Q, none the identity, below 4/3·p: 8 multiplications and 3 squarings (EFD madd for z2 = 1).
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_affine<F: Field, const N: usize>(
    ifma: Ifma,
    p: &mut [Jacobian<F>; N],
    q: &[(F, F); N],
    scratch: &mut Scratch<F, N>,
) {
    let [zz, u2, s2, h, r, t, ..] = &mut scratch.0;
    for k in 0..N {
        F::square_to(&mut zz[k], &p[k].z);
        F::mul_to(&mut u2[k], &q[k].0, &zz[k]);
        F::mul_to(&mut t[k], &p[k].z, &zz[k]);
        F::mul_to(&mut s2[k], &q[k].1, &t[k]);
        F::sub_to::<6>(&mut h[k], &u2[k], &p[k].x);
        F::sub_to::<2>(&mut r[k], &s2[k], &p[k].y);
    }
    for k in 0..N {
        let first = p[k].z.zero_mask();
        let before = p[k];
        chord(&mut p[k], [&before.x, &before.y, &before.z], &h[k], &r[k], &mut t[k]);
        if h[k].zero_mask() | first != 0 {
            let equal = h[k].zero_mask() & r[k].zero_mask();
            let affine = Jacobian::from_affine(ifma, &q[k].0, &q[k].1);
            exceptional(&mut p[k], equal, &before, first, &affine, 0);
        }
    }
}

/// The sum of points (U, S) and (U + H, S + R), both over the denominator of Z; H below 8·p, R below 4·p.
///
/// X' = R² − H³ − 2·U·H², Y' = R·(U·H² − X') − S·H³, Z' = H·Z. Takes what `Jacobian` allows for U, S and Z.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn chord<F: Field>(out: &mut Jacobian<F>, [u, s, z]: [&F; 3], h: &F, r: &F, hh: &mut F) {
    F::square_to(hh, h);
    F::square_to(&mut out.x, r);
    F::mul_to(&mut out.z, h, z);
    F::mul_to(&mut out.y, u, hh);
    let v = out.y;
    let mut hhh = *u;
    F::mul_to(&mut hhh, h, hh);
    out.x.sub_twice_and::<4>(&v, &hhh);
    F::sub_to::<6>(hh, &v, &out.x);
    F::difference_to(&mut out.y, [r, hh], [s, &hhh]);
}

/// Puts the exceptional lanes of a sum right: where the points are equal, and where the first or the second is the
/// identity (then `equal` may be anything). Opposite points have Z = 0 already.
#[cold]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
fn exceptional<F: Field>(sum: &mut Jacobian<F>, equal: u8, p: &Jacobian<F>, first: u8, q: &Jacobian<F>, second: u8) {
    let mut twice = [*p];
    double(&mut twice, &mut Scratch([[p.x]; 8]));
    *sum = sum.select(equal, &twice[0]).select(first, q).select(second, p);
}

/// P ← |z|·P: 63 doublings and five additions.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_by_z<F: Field, const N: usize>(p: &mut [Jacobian<F>; N], scratch: &mut Scratch<F, N>) {
    let base = *p;
    for i in (0..63).rev() {
        double(p, scratch);
        if Z_ABS >> i & 1 == 1 {
            add(p, &base, scratch);
        }
    }
}

/// |z|·P for affine P, none the identity, below 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn mul_affine_by_z<F: Field, const N: usize>(
    ifma: Ifma,
    p: &[(F, F); N],
    scratch: &mut Scratch<F, N>,
) -> [Jacobian<F>; N] {
    let mut out = p.map(|(x, y)| Jacobian::from_affine(ifma, &x, &y));
    for i in (0..63).rev() {
        double(&mut out, scratch);
        if Z_ABS >> i & 1 == 1 {
            add_affine(ifma, &mut out, p, scratch);
        }
    }
    out
}

/// Affine coordinates of many blocks of eight by one inversion, below 4/3·p, and the lanes that are the identity.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn to_affine<F: Field>(ifma: Ifma, points: &[Jacobian<F>]) -> Vec<(F, F, u8)> {
    let mut before = Vec::with_capacity(points.len());
    let mut product = F::one(ifma);
    for point in points {
        let identity = point.z.zero_mask();
        let z = point.z.select(identity, &F::one(ifma));
        before.push((product, z, identity));
        product = product.mul(&z);
    }
    let mut inverse = product.invert(ifma);
    let mut out = Vec::with_capacity(points.len());
    for (point, (before, z, identity)) in points.iter().zip(before).rev() {
        let own = inverse.mul(&before);
        inverse = inverse.mul(&z);
        let square = own.square();
        out.push((point.x.mul(&square), point.y.mul(&square.mul(&own)), identity));
    }
    out.reverse();
    out
}

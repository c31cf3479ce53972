//! Membership of G1 and G2 by endomorphism, eight points at a time.
//!
//! A point P of E1 is in G1 exactly where φ(P) = −z²·P, one of E2 in G2 exactly where ψ(P) = z·P (Scott, eprint
//! 2021/1130; proved for this curve by El Housni, Guillevic and Piellard, eprint 2022/352). φ(x, y) = (βx, y).
//! Deterministic; z² is 126 doublings.

use super::super::coordinate::Coordinate;
use super::super::curve::{Curve, E1, E2, PointOf};
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::generated::{BETA, PSI_X, PSI_Y};
use super::super::token::Ifma;
use super::field::Field;
use super::jacobian::{Jacobian, Scratch, mul_affine_by_z, mul_by_z};

/// A curve with a subgroup.
pub(crate) trait Subgroup: Curve<Coordinate: Field> {
    /// For points of the curve, none the identity, below 4/3·p: the lanes in the subgroup. Anything for other pairs.
    fn members<const N: usize>(
        ifma: Ifma,
        points: &[(Self::Coordinate, Self::Coordinate); N],
        scratch: &mut Scratch<Self::Coordinate, N>,
    ) -> [u8; N];
}

impl Subgroup for E1 {
    #[inline(always)]
    fn members<const N: usize>(ifma: Ifma, points: &[(Fp8, Fp8); N], scratch: &mut Scratch<Fp8, N>) -> [u8; N] {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { members_1(ifma, points, scratch) }
    }
}

impl Subgroup for E2 {
    #[inline(always)]
    fn members<const N: usize>(ifma: Ifma, points: &[(Fp2x8, Fp2x8); N], scratch: &mut Scratch<Fp2x8, N>) -> [u8; N] {
        // SAFETY: the token proves that the CPU has the features.
        unsafe { members_2(ifma, points, scratch) }
    }
}

/// z²·P = −φ(P) = (βx, −y).
#[target_feature(enable = "avx512f,avx512ifma")]
fn members_1<const N: usize>(ifma: Ifma, points: &[(Fp8, Fp8); N], scratch: &mut Scratch<Fp8, N>) -> [u8; N] {
    let mut multiples = mul_affine_by_z(ifma, points, scratch);
    mul_by_z(&mut multiples, scratch);
    let beta = Fp8::splat(ifma, &BETA);
    let mut out = [0; N];
    for k in 0..N {
        let (x, y) = &points[k];
        out[k] = is_mirror(&multiples[k], &x.mul(&beta), y);
    }
    out
}

/// |z|·P = −ψ(P).
#[target_feature(enable = "avx512f,avx512ifma")]
fn members_2<const N: usize>(ifma: Ifma, points: &[(Fp2x8, Fp2x8); N], scratch: &mut Scratch<Fp2x8, N>) -> [u8; N] {
    let multiples = mul_affine_by_z(ifma, points, scratch);
    let (psi_x, psi_y) = (Fp2x8::splat(ifma, &PSI_X), Fp2x8::splat(ifma, &PSI_Y));
    let mut out = [0; N];
    for k in 0..N {
        let (x, y) = (points[k].0.conjugate(ifma).mul(&psi_x), points[k].1.conjugate(ifma).mul(&psi_y));
        out[k] = is_mirror(&multiples[k], &x, &y);
    }
    out
}

/// The lanes with P = (x, −y), for x and y below 4/3·p.
#[inline(always)]
fn is_mirror<F: Field>(p: &Jacobian<F>, x: &F, y: &F) -> u8 {
    let zz = p.z.square();
    let difference = p.x.sub::<2>(&x.mul(&zz));
    let sum = p.y.add(&y.mul(&zz).mul(&p.z));
    difference.zero_mask() & sum.zero_mask() & !p.z.zero_mask()
}

/// x³ + b, below 8/3·p, for x below 4/3·p.
#[inline(always)]
pub(super) fn right_side<T: Subgroup>(ifma: Ifma, x: &T::Coordinate) -> T::Coordinate {
    x.square().mul(x).add(&T::b(ifma))
}

/// For each point, whether it is in the subgroup; all of them on the curve and none the identity.
pub(crate) fn members_by_endomorphism<T: Subgroup>(ifma: Ifma, points: &[PointOf<T>]) -> Vec<bool> {
    let mut out = Vec::with_capacity(points.len());
    for sixteen in points.chunks(16) {
        // SAFETY: the token proves that the CPU has the features.
        let masks = unsafe {
            match sixteen.len() {
                ..=8 => judge::<T, 1>(ifma, sixteen)[0].into(),
                _ => u16::from_le_bytes(judge::<T, 2>(ifma, sixteen)),
            }
        };
        out.extend((0..sixteen.len()).map(|i| masks >> i & 1 == 1));
    }
    out
}

/// The members among up to 8·N points, at least one.
#[target_feature(enable = "avx512f,avx512ifma")]
fn judge<T: Subgroup, const N: usize>(ifma: Ifma, points: &[PointOf<T>]) -> [u8; N] {
    let lane = |i: usize| &points[i.min(points.len() - 1)];
    let mut loaded = [(T::Coordinate::zero(ifma), T::Coordinate::zero(ifma)); N];
    for (k, (x, y)) in loaded.iter_mut().enumerate() {
        *x = T::Coordinate::load(ifma, std::array::from_fn(|i| &lane(8 * k + i).x));
        *y = T::Coordinate::load(ifma, std::array::from_fn(|i| &lane(8 * k + i).y));
    }
    T::members(ifma, &loaded, &mut Scratch::new(ifma))
}

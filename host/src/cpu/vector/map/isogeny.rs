//! Sums on E', the isogenies from there, and the clearing of cofactors.

use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::generated::{PSI_X, PSI_Y};
use super::super::token::Ifma;
use super::field::Field;
use super::generated::PSI2_X;
use super::jacobian::{Jacobian, Scratch, add, double, mul_by_z};

/// The polynomials h, X and Y of an isogeny (x, y) ↦ (X/h², y·Y/h³), of degrees d, 2d + 1 and 3d; lowest coefficient
/// first, X and Y without their leading 1.
pub(crate) struct Polynomials<C: 'static> {
    pub(super) kernel: &'static [C],
    pub(super) x: &'static [C],
    pub(super) y: &'static [C],
}

/// The most factors of Z² in a product: 3d for d = 5.
const DEGREE: usize = 15;

/// P + Q for affine points of E', below 4/3·p. Adding there makes one isogeny enough for two maps.
///
/// Where the abscissas agree, the tangent (3x² + A)/2y takes the place of the chord, or the sum is the identity (y is
/// never 0). Z is below 10/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn sum<F: Field>(ifma: Ifma, a: &F::Constant, p: &(F, F), q: &(F, F)) -> Jacobian<F> {
    let (mut h, mut r) = (q.0.sub::<2>(&p.0), q.1.sub::<2>(&p.1));
    let lanes = h.zero_mask();
    if lanes != 0 {
        let equal = lanes & r.zero_mask();
        h = h.select(equal, &p.1.add(&p.1));
        r = r.select(equal, &p.0.square().triple().add(&F::constant(ifma, a)));
    }
    // X' = R² − (x1 + x2)·H², Y' = R·(x1·H² − X') − y1·H³, Z' = H: right for both slopes R/H.
    let (hh, rr) = (h.square(), r.square());
    let (v1, v2, hhh) = (p.0.mul(&hh), q.0.mul(&hh), h.mul(&hh));
    let x = rr.sub::<3>(&v1.add(&v2));
    let mut y = hh;
    F::difference_to(&mut y, [&r, &v1.sub::<5>(&x)], [&p.1, &hhh]);
    Jacobian { x, y, z: h }
}

/// The image of P under an isogeny: with W = Z², Z' = Z·h, X' = W^(2d+1)·X(x), Y' = Y·W^3d·Y(x), all homogeneous.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn image<F: Field>(ifma: Ifma, map: &Polynomials<F::Constant>, p: &Jacobian<F>) -> Jacobian<F> {
    // W^(i+1) in place i.
    let mut powers = [p.z.square(); DEGREE];
    for i in 1..map.y.len() {
        powers[i] = powers[i - 1].mul(&powers[0]);
    }
    let x = p.x.settle();
    let evaluate = |leading: F, coefficients: &[F::Constant]| {
        let mut out = leading;
        for (c, power) in coefficients.iter().rev().zip(&powers) {
            out = out.mul(&x).add(&F::constant(ifma, c).mul(power));
        }
        out
    };
    let (top, rest) = map.kernel.split_last().map_or((F::one(ifma), map.kernel), |(c, r)| (F::constant(ifma, c), r));
    let kernel = evaluate(top, rest);
    let (one, numerator) = (F::one(ifma), p.y);
    Jacobian { x: evaluate(one, map.x), y: evaluate(one, map.y).mul(&numerator), z: kernel.mul(&p.z) }
}

/// P ← (1 − z)·P on E1 (RFC 9380, section 8.8.1).
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn clear_cofactor_1<const N: usize>(p: &mut [Jacobian<Fp8>; N], scratch: &mut Scratch<Fp8, N>) {
    let before = *p;
    mul_by_z(p, scratch);
    add(p, &before, scratch);
}

/// ψ(P) on E2.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn psi(ifma: Ifma, p: &Jacobian<Fp2x8>) -> Jacobian<Fp2x8> {
    let bar = |a: &Fp2x8| Fp2x8 { c0: a.c0, c1: Fp8::zero(ifma).sub::<6>(&a.c1) };
    Jacobian {
        x: bar(&p.x).mul(&Fp2x8::splat(ifma, &PSI_X)),
        y: bar(&p.y).mul(&Fp2x8::splat(ifma, &PSI_Y)),
        z: Fp2x8 { c0: p.z.c0, c1: p.z.c1.opposite(ifma) },
    }
}

/// P ← (z² − z − 1)·P + (z − 1)·ψ(P) + ψ²(2P) on E2 (RFC 9380, appendix G.3; Budroni and Pintore, eprint 2017/419).
///
/// With a = |z| = −z and S = a·P + P − ψ(P) that is a·S − P − ψ(P) + ψ²(2P).
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn clear_cofactor_2<const N: usize>(
    ifma: Ifma,
    p: &mut [Jacobian<Fp2x8>; N],
    scratch: &mut Scratch<Fp2x8, N>,
) {
    let before = *p;
    let mut minus_image = *p;
    let mut rest = *p;
    double(&mut rest, scratch);
    let c = Fp8::splat(ifma, &PSI2_X);
    for k in 0..N {
        minus_image[k] = psi(ifma, &p[k]).negate(ifma);
        // ψ²(2P).
        rest[k] = Jacobian { x: rest[k].x.scale(&c), ..rest[k] }.negate(ifma);
    }
    mul_by_z(p, scratch);
    add(p, &before, scratch);
    add(p, &minus_image, scratch);
    mul_by_z(p, scratch);
    add(&mut rest, &minus_image, scratch);
    add(&mut rest, &before.map(|q| q.negate(ifma)), scratch);
    add(p, &rest, scratch);
}

//! One element of Fp12 across the lanes: lane k holds the coefficient of wᵏ over Fp2, for k = 0..6; lanes 6 and 7 are idle.
//!
//! It is for latency, where there is one element only: a product in Fp12 is six products of eight lanes in Fp2, one for
//! each coefficient of the first operand with a rotation of the second, w⁶ = ξ.
//!
//! *Stored* means: coefficients below 4/3·p, and multiples of p in the idle lanes. Every operation takes and gives stored
//! elements.
//!
//! # Cost
//! In IFMA: `mul` 2,562, `square` 1,794, `mul_by_line` 1,410, `cyclotomic_square` 674. At two a cycle the last is 75 ns at
//! 4.49 GHz; it takes 106 ns, because a step waits for the one before, and operands are permuted in between.

use super::line::Line;
use super::wide::Wide2;
use crate::cpu::vector::fp::{Columns, Fp8, multiple_of_p};
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::generated as constants;
use crate::cpu::vector::generated::P;
use crate::cpu::vector::mont::{self, Vector, splat};
use crate::cpu::vector::token::Ifma;
use ark_bls12_381::{Fq, Fq2, Fq6, Fq12};
use ark_ff::{AdditiveGroup, BigInt};
use std::arch::x86_64::{
    _mm512_add_epi64, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_add_epi64, _mm512_mask_blend_epi64,
    _mm512_mask_sub_epi64, _mm512_permutex2var_epi64, _mm512_permutexvar_epi64, _mm512_set_epi64, _mm512_setzero_si512,
    _mm512_srai_epi64, _mm512_sub_epi64,
};

/// An element of Fp12, coefficient by coefficient in the lanes.
#[derive(Clone, Copy)]
pub(crate) struct Across(pub(crate) Fp2x8);

/// For each lane, which lane it takes; 8 + k is lane k of a second operand.
type Lanes = [i64; 8];

/// Lane k of a rotation by r: wᵏ takes the coefficient of w^(k−r), with ξ (the second operand) where that wraps around.
const fn rotation(r: i64) -> Lanes {
    let (mut out, mut k) = ([6; 8], 0);
    while k < 6 {
        out[k] = if (k as i64) < r { 8 + k as i64 + 6 - r } else { k as i64 - r };
        k += 1;
    }
    out
}

impl Across {
    /// An element of arkworks.
    pub(crate) fn load(ifma: Ifma, f: &Fq12) -> Self {
        Self(load(ifma, [f.c0.c0, f.c1.c0, f.c0.c1, f.c1.c1, f.c0.c2, f.c1.c2]))
    }

    /// The element for arkworks.
    pub(crate) fn store(&self, ifma: Ifma) -> Fq12 {
        let fp = |c: &Fp8| c.to_words(ifma).map(|words| Fq::new_unchecked(BigInt::new(words)));
        let (c0, c1) = (fp(&self.0.c0), fp(&self.0.c1));
        let lane = |k: usize| Fq2::new(c0[k], c1[k]);
        Fq12::new(Fq6::new(lane(0), lane(2), lane(4)), Fq6::new(lane(1), lane(3), lane(5)))
    }

    /// a·b.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let (a, b) = (Operand::new(&self.0), Pairs::with_xi(&other.0));
        let left = std::array::from_fn::<_, 6, _>(|r| a.permute([r as i64; 8]));
        let right = [
            b.by(rotation(0)),
            b.by(rotation(1)),
            b.by(rotation(2)),
            b.by(rotation(3)),
            b.by(rotation(4)),
            b.by(rotation(5)),
        ];
        let mut out = *self;
        dot(&left, &right, &mut out.0);
        out
    }

    /// Sets this to a²: the coefficient of wᵏ is the sum of aᵢ·aⱼ over i + j = k and of ξ·aᵢ·aⱼ over i + j = k + 6, at most four of them
    /// when two equal ones are one doubled.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn square(&mut self) {
        /// Lanes of a doubled element, or of ξ times an element.
        const L: i64 = 8;
        let right = Pairs::with_xi(&self.0);
        let left = Pairs::with_double(&self.0);
        let left = [
            left.by([0, L, 1, L, 2, L, 6, 6]),
            left.by([3, L + 2, 4, L + 1, 5, L + 1, 6, 6]),
            left.by([L + 1, L + 3, L, L + 4, L, L + 2, 6, 6]),
            left.by([L + 2, 6, L + 3, 6, L + 1, 6, 6, 6]),
        ];
        let right = [
            right.by([0, 1, 1, 3, 2, 5, 6, 6]),
            right.by([L + 3, L + 5, L + 4, 2, L + 5, 4, 6, 6]),
            right.by([L + 5, L + 4, 2, L + 5, 4, 3, 6, 6]),
            right.by([L + 4, 6, L + 5, 6, 3, 6, 6, 6]),
        ];
        dot(&left, &right, &mut self.0);
    }

    /// Sets this to a·(l0 + l1·w² + l4·w³) for the line of one lane.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn mul_by_line(&mut self, lines: &Lines, lane: usize) {
        let a = Pairs::with_xi(&self.0);
        let [l0, l1, l4] = &lines.0;
        let lanes = [lane as i64; 8];
        let left = [l0.permute(lanes), l1.permute(lanes), l4.permute(lanes)];
        dot(&left, &[a.by(rotation(0)), a.by(rotation(2)), a.by(rotation(3))], &mut self.0);
    }

    /// Sets this to a² for a in the cyclotomic subgroup (Granger and Scott, eprint 2009/565, section 3.2).
    ///
    /// Over Fp4 = Fp2[s], s = w³, a is A + B·w + C·w² with A = f0 + f3·s, B = f1 + f4·s, C = f2 + f5·s, and its square
    /// (3A² − 2Ā) + (3s·C² + 2B̄)·w + (3B² − 2C̄)·w². For (x, y) each of A, B, C, one product in each of six lanes: t = x·y,
    /// and q = (x + y)(x + ξ·y), which is x² + ξy² + t + ξt.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn cyclotomic_square(&mut self) {
        /// The lanes of q; the others have t.
        const EVEN: u8 = 0b0001_0101;
        const LANE_1: u8 = 0b0000_0010;
        let f = &self.0;
        let (x, y) = (permute(f, [0, 2, 1, 0, 2, 1, 6, 6]), permute(f, [3, 5, 4, 3, 5, 4, 6, 6]));
        let xi = [y.c0.columns().sub(&y.c1), y.c0.columns().add(&y.c1)];
        // x + y and x + ξy, below 14/3·p; x and y in the other lanes.
        let left = |x: &Fp8, y: &Fp8| Columns(plus_in(EVEN, &x.0, &y.0)).tighten::<0>();
        let right =
            |x: &Fp8, y: &Fp8, xi: &Columns| Columns(plus_in(EVEN, &select(EVEN, &y.0, &xi.0), &x.0)).tighten::<2>();
        let left = Fp2x8 { c0: left(&x.c0, &y.c0), c1: left(&x.c1, &y.c1) };
        let product = left.mul(&Fp2x8 { c0: right(&x.c0, &y.c0, &xi[0]), c1: right(&x.c1, &y.c1, &xi[1]) });
        // q − t − ξt; 2t; and 2ξt in lane 1: between −4p and 16/3·p.
        let t = permute(&product, [3, 1, 5, 3, 1, 5, 6, 6]);
        let q = [product.c0.columns(), product.c1.columns()];
        let even = [q[0].sub(&t.c0).sub(&t.c0).add(&t.c1), q[1].sub(&t.c1).sub(&t.c1).sub(&t.c0)];
        let double = [t.c0.columns().add(&t.c0), t.c1.columns().add(&t.c1)];
        let odd = [minus_in(LANE_1, &double[0].0, &double[1].0), plus_in(LANE_1, &double[1].0, &double[0].0)];
        // Three times that, less 2f in the even lanes, plus 2f in the odd ones.
        let end = |odd: &[Vector; 8], even: &Columns, f: &Fp8| {
            let square = select(EVEN, odd, &even.0);
            let signed = f.columns().negate_lanes(EVEN).0;
            settle::<20>(&Columns(plus(&plus(&plus(&square, &square), &plus(&square, &signed)), &signed)))
        };
        self.0 = Fp2x8 { c0: end(&odd[0], &even[0], &f.c0), c1: end(&odd[1], &even[1], &f.c1) };
    }

    /// 1/a for a in the cyclotomic subgroup: a with −w for w.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn conjugate(&self) -> Self {
        let odd = |c: &Fp8| settle::<5>(&c.columns().negate_lanes(0b0010_1010));
        Self(Fp2x8 { c0: odd(&self.0.c0), c1: odd(&self.0.c1) })
    }

    /// aᵖ: wᵏ goes to γₖ·wᵏ, and coefficients to their conjugates.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn frobenius(&self, ifma: Ifma) -> Self {
        let mut gamma = [[[0; 8]; 2]; 8];
        gamma[0] = [constants::FP_ONE, [0; 8]];
        gamma[1..6].copy_from_slice(&[
            constants::FROBENIUS_1,
            constants::FROBENIUS_2,
            constants::FROBENIUS_3,
            constants::FROBENIUS_4,
            constants::FROBENIUS_5,
        ]);
        let gamma = gamma.map(|g| g.map(crate::cpu::vector::memory::Limbs));
        Self(self.0.conjugate(ifma).mul(&Fp2x8::load(ifma, gamma.each_ref())))
    }
}

/// Eight lines ready to be multiplied by, one after the other.
pub(crate) struct Lines([Operand; 3]);

impl Lines {
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(crate) fn new(line: &Line) -> Self {
        Self([Operand::new(&line.l0), Operand::new(&line.l1), Operand::new(&line.l4)])
    }
}

/// The same coefficients of eight lanes from arkworks: c for lanes 0 to 5, zero in the others.
fn load(ifma: Ifma, c: [Fq2; 6]) -> Fp2x8 {
    let mut lanes = [Fq2::ZERO; 8];
    lanes[..6].copy_from_slice(&c);
    Fp2x8 {
        c0: Fp8::from_words(ifma, lanes.each_ref().map(|c| &c.c0.0.0)),
        c1: Fp8::from_words(ifma, lanes.each_ref().map(|c| &c.c1.0.0)),
    }
}

/// An operand of Karatsuba's method in Fp2: a0, a1, a0 + a1.
struct Operand([Fp8; 3]);

impl Operand {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn new(a: &Fp2x8) -> Self {
        Self([a.c0, a.c1, a.c0.add(&a.c1)])
    }

    /// The lanes as named.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn permute(&self, lanes: Lanes) -> Self {
        let from = table(lanes);
        let mut out = [Fp8([_mm512_setzero_si512(); 8]); 3];
        for (out, x) in out.iter_mut().zip(&self.0) {
            for (out, x) in out.0.iter_mut().zip(&x.0) {
                *out = _mm512_permutexvar_epi64(from, *x);
            }
        }
        Self(out)
    }
}

/// An element of Fp12 and a multiple of it, to take coefficients of either.
struct Pairs {
    low: Operand,
    high: Operand,
}

impl Pairs {
    /// With ξ times the element. Takes coefficients at most 2·p.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn with_xi(a: &Fp2x8) -> Self {
        let (c0, c1) = (a.c0.sub::<2>(&a.c1), a.c0.add(&a.c1));
        // (a0 − a1 + 2p) + (a0 + a1).
        let sum = a.c0.columns().add(&a.c0).tighten::<2>();
        Self { low: Operand([a.c0, a.c1, c1]), high: Operand([c0, c1, sum]) }
    }

    /// With twice the element.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn with_double(a: &Fp2x8) -> Self {
        let low = Operand::new(a);
        let high = Operand(low.0.map(|c| c.add(&c)));
        Self { low, high }
    }

    /// The lanes as named.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    fn by(&self, lanes: Lanes) -> Operand {
        let from = table(lanes);
        let mut out = [Fp8([_mm512_setzero_si512(); 8]); 3];
        for (out, (x, y)) in out.iter_mut().zip(self.low.0.iter().zip(&self.high.0)) {
            for (out, (x, y)) in out.0.iter_mut().zip(x.0.iter().zip(&y.0)) {
                *out = _mm512_permutex2var_epi64(*x, from, *y);
            }
        }
        Operand(out)
    }
}

/// Sets `out` to Σᵢ aᵢ·bᵢ in each lane with one reduction for each coefficient. Takes factors below 2^7·p, at most six of
/// them; gives less than 4/3·p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn dot<const N: usize>(a: &[Operand; N], b: &[Operand; N], out: &mut Fp2x8) {
    Wide2::from_karatsuba(&sum(a, b, 0), &sum(a, b, 1), &sum(a, b, 2)).reduce(out);
}

/// Σᵢ aᵢₖ·bᵢₖ in columns, for one of the three products of Karatsuba's method.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn sum<const N: usize>(a: &[Operand; N], b: &[Operand; N], k: usize) -> [Vector; 16] {
    let mut t = [_mm512_setzero_si512(); 16];
    for (a, b) in a.iter().zip(b) {
        t = mont::product::<8, 16>(t, &a.0[k].0, &b.0[k].0);
    }
    t
}

/// The value mod p, below p·(1 + 2^-9), of columns of a value v with 0 < v + OFFSET·p < 64p.
///
/// As `Columns::settle`, with a multiple of p that is multiplied out and not looked up.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn settle<const OFFSET: u64>(v: &Columns) -> Fp8 {
    /// floor(2^52/T) for T just above p/2^364.
    const RECIPROCAL: u64 = (1 << 52) / (P[7] + 1);
    let zero = _mm512_setzero_si512();
    let offset = const { multiple_of_p(OFFSET) };
    let mut out = v.0;
    for (x, limb) in out.iter_mut().zip(offset) {
        *x = _mm512_add_epi64(*x, splat(limb));
    }
    let top = _mm512_add_epi64(out[7], _mm512_srai_epi64::<52>(out[6]));
    let k = _mm512_madd52hi_epu64(zero, top, splat(RECIPROCAL));
    for i in 0..8 {
        out[i] = _mm512_sub_epi64(out[i], _mm512_madd52lo_epu64(zero, k, splat(P[i])));
        if i > 0 {
            out[i] = _mm512_sub_epi64(out[i], _mm512_madd52hi_epu64(zero, k, splat(P[i - 1])));
        }
    }
    Fp8(mont::carry(out))
}

/// The lanes as named.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn permute(a: &Fp2x8, lanes: Lanes) -> Fp2x8 {
    let from = table(lanes);
    let permute = |a: &Fp8| Fp8(a.0.map(|x| _mm512_permutexvar_epi64(from, x)));
    Fp2x8 { c0: permute(&a.c0), c1: permute(&a.c1) }
}

/// b in the lanes that the mask names, a in the others.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn select(mask: u8, a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_mask_blend_epi64(mask, *x, *y);
    }
    out
}

/// a + b in the lanes that the mask names, a in the others.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn plus_in(mask: u8, a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_mask_add_epi64(*x, mask, *x, *y);
    }
    out
}

/// a − b in the lanes that the mask names, a in the others.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn minus_in(mask: u8, a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_mask_sub_epi64(*x, mask, *x, *y);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn plus(a: &[Vector; 8], b: &[Vector; 8]) -> [Vector; 8] {
    let mut out = *a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = _mm512_add_epi64(*x, *y);
    }
    out
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn table(l: Lanes) -> Vector {
    _mm512_set_epi64(l[7], l[6], l[5], l[4], l[3], l[2], l[1], l[0])
}

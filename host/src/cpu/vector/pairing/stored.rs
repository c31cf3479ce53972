//! G2 points with the lines of their Miller loops stored ("prepared" points).
//!
//! The 68 lines that a Miller loop cuts depend on P only in two places: (λ·xT − yT) − λ·xP·w² + yP·w³ with the slope λ of
//! the step (`step.rs`). Stored are λ and λ·xT − yT, 256 bytes a line, 17 KiB a point. A loop divides by yP, an element of
//! Fp: the line is (λ·xT − yT)·s + λ·t·w² + w³ for s = 1/yP and t = −xP/yP, four products in Fp, and multiplying by a line
//! with a one in it takes less, too.
//!
//! # Limits
//! IFMA for eight pairs: 68 · 1,028 for the lines and 68 · 5,001 to multiply by them two at a time, 410,000, half of what
//! pairs take whose lines are computed (`miller.rs`); at two a cycle 5.7 µs a pair. Measured: 9 µs, two thirds of the limit,
//! as there; fetching the next lines beforehand changes nothing.

use super::miller::{STEPS, load};
use super::step::Evaluated;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::cpu::vector::fp::Fp8;
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::invert;
use crate::cpu::vector::memory::Limbs;
use crate::cpu::vector::token::Ifma;
use crate::cpu::vector::tower::{Line, MonicLine};
use crate::error::DeviceError;
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{G1Affine, G2Affine};
use ark_ec::AffineRepr;

/// Points whose lines are computed as one piece: about 10 ms.
const PIECE: usize = 512;

/// l0/l4 = λ·xT − yT and l1/l4, λ or −λ as `step.rs` has it, of one line; below 4/3·p.
type StoredLine = [[Limbs; 2]; 2];

/// The lines of some points of G2.
pub(crate) struct LineTable {
    lines: Vec<StoredLine>,
    /// Whether each point is the identity; its lines are another point's and not used.
    identity: Vec<bool>,
}

impl LineTable {
    /// Computes the lines of each point, on all threads.
    pub(crate) fn new(ifma: Ifma, threads: &Threads, points: &[G2], control: &Control) -> Result<Self, DeviceError> {
        let points = InSubgroup::as_affine_slice(points);
        let lines = threads.map_pieces(control, points, 8, PIECE, |points| {
            // SAFETY: the token proves that the CPU has the features.
            points.chunks(8).flat_map(|eight| unsafe { lines(ifma, eight) }).collect::<Vec<_>>()
        })?;
        Ok(Self { lines: lines.concat(), identity: points.iter().map(AffineRepr::is_zero).collect() })
    }

    /// The pairs of the points, in order, with one point of G1 each, without those that have an identity.
    pub(super) fn pairs<'a>(&'a self, at: &'a [G1]) -> impl Iterator<Item = StoredPair<'a>> {
        let each = at.iter().zip(self.lines.chunks_exact(STEPS.len())).zip(&self.identity);
        each.filter(|((p, _), q_is_identity)| !p.is_identity() && !**q_is_identity)
            .map(|((p, lines), _)| StoredPair { p: p.affine(), lines })
    }
}

/// The lines of at most eight points, point after point.
#[target_feature(enable = "avx512f,avx512ifma")]
fn lines(ifma: Ifma, points: &[G2Affine]) -> Vec<StoredLine> {
    let (base, padding) = (G1Affine::generator(), G2Affine::generator());
    let pairs: Vec<_> = points.iter().map(|q| (&base, if q.is_zero() { &padding } else { q })).collect();
    let mut block = load(ifma, &pairs);
    // −xP = yP = 1: the coefficients themselves.
    block.at = Evaluated { minus_x: Fp8::one(ifma), y: Fp8::one(ifma) };
    let all: Vec<_> = STEPS.iter().map(|step| step.take(&mut block)).collect();
    // No l4 is zero: it is 2YZ, where points are of odd order, or X − xQ·Z, where T ≠ ±Q.
    let mut inverses: Vec<_> = all.iter().map(|line| line.l4).collect();
    invert::all(ifma, &mut inverses);
    let mut out = vec![StoredLine::default(); STEPS.len() * points.len()];
    for (i, (line, inverse)) in all.iter().zip(&inverses).enumerate() {
        let (l0, l1) = (line.l0.mul(inverse).store(ifma), line.l1.mul(inverse).store(ifma));
        for (lane, point) in out.chunks_exact_mut(STEPS.len()).enumerate() {
            point[i] = [l0[lane], l1[lane]];
        }
    }
    out
}

/// A point of G1 with the lines of a point of G2, neither the identity.
#[derive(Clone, Copy)]
pub(super) struct StoredPair<'a> {
    p: &'a G1Affine,
    lines: &'a [StoredLine],
}

/// Eight pairs, or fewer, in their Miller loops.
pub(super) struct StoredBlock<'a> {
    lines: [&'a [StoredLine]; 8],
    /// s = 1/yP and t = −xP/yP.
    s: Fp8,
    t: Fp8,
    /// The lanes that have a pair.
    mask: u8,
}

impl<'a> StoredBlock<'a> {
    /// Eights of pairs, the last with what is left.
    pub(super) fn all(ifma: Ifma, pairs: &[StoredPair<'a>]) -> Vec<Self> {
        let padding = G1Affine::generator();
        let words = |eight: &[StoredPair<'_>], c: fn(&G1Affine) -> &[u64; 6]| {
            let points: [&G1Affine; 8] = std::array::from_fn(|i| eight.get(i).map_or(&padding, |pair| pair.p));
            Fp8::from_words(ifma, points.map(c))
        };
        // No y is zero: points are of odd order.
        let mut s: Vec<_> = pairs.chunks(8).map(|eight| words(eight, |p| &p.y.0.0)).collect();
        invert::all(ifma, &mut s);
        let block = |(eight, s): (&[StoredPair<'a>], Fp8)| {
            let minus_x = Fp8::zero(ifma).sub::<2>(&words(eight, |p| &p.x.0.0));
            let lines = std::array::from_fn(|i| eight.get(i).unwrap_or(&eight[0]).lines);
            Self { lines, s, t: minus_x.mul(&s), mask: ((1u16 << eight.len()) - 1) as u8 }
        };
        pairs.chunks(8).zip(s).map(block).collect()
    }

    /// Whether every lane has a pair.
    pub(super) fn is_full(&self) -> bool {
        self.mask == u8::MAX
    }

    /// Line `i` of each pair, counted from the first; any line in a lane without a pair.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn monic(&self, ifma: Ifma, i: usize) -> MonicLine {
        let coefficient = |c: usize| Fp2x8::load(ifma, self.lines.map(|lines| &lines[i][c]));
        MonicLine { l0: coefficient(0).scale(&self.s), l1: coefficient(1).scale(&self.t) }
    }

    /// The same in the general form, and one in a lane without a pair.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn line(&self, ifma: Ifma, i: usize) -> Line {
        let MonicLine { l0, l1 } = self.monic(ifma, i);
        let zero = Fp2x8 { c0: Fp8::zero(ifma), c1: Fp8::zero(ifma) };
        let one = Fp2x8 { c0: Fp8::one(ifma), c1: Fp8::zero(ifma) };
        Line { l0: one.select(self.mask, &l0), l1: zero.select(self.mask, &l1), l4: zero.select(self.mask, &one) }
    }
}

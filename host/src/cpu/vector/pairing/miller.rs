//! Products of Miller loops, eight pairs side by side, with one accumulator a lane.
//!
//! With n pairs each lane has n/8 of them and squares its accumulator once for all; in the end the eight accumulators are
//! multiplied together. A pair costs 63 tangents and 5 chords, and a multiplication by each line; two pairs' lines are
//! multiplied by each other first. One to four pairs have a single accumulator, spread over the lanes (`Across`). Pairs
//! whose lines are stored (`stored.rs`) take part in the same accumulators.
//!
//! # Limits
//! IFMA for eight pairs: 63 · 5,780 and 5 · 9,118 for the lines, 68 · 5,835 to multiply by them: 807,000, at two a cycle
//! 90 µs at 4.49 GHz, 11.2 µs a pair; and 63 · 6,156 for squarings, 43 µs whatever n is. Measured: 16.5 µs a pair, seven
//! tenths of the limit; sums, differences and their carries take most of the rest. blst takes 118 µs a pair.
//!
//! Affine steps with one inversion for all pairs of a step would save a tenth of the IFMA (lines of two coefficients), and
//! lose it to 68 inversions of 2 µs where there are fewer than some 400 pairs.

use super::duo::Duo;
use super::step::{Evaluated, Twisted};
use super::stored::{LineTable, StoredBlock, StoredPair};
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::cpu::vector::fp::Fp8;
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::generated::Z_ABS;
use crate::cpu::vector::token::Ifma;
use crate::cpu::vector::tower::{Across, Fp12x8, Line, Lines, Scratch, TwoLines};
use crate::error::DeviceError;
use crate::point::{G1, G2};
use ark_bls12_381::{Fq12, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;

/// Eight pairs in their Miller loops.
pub(super) struct Block {
    pub(super) at: Evaluated,
    base: (Fp2x8, Fp2x8),
    point: Twisted,
}

/// A pair without an identity.
#[derive(Clone, Copy)]
pub(super) enum Pair<'a> {
    /// Its lines are computed.
    Fresh(&'a G1Affine, &'a G2Affine),
    /// Its lines are stored.
    Stored(StoredPair<'a>),
}

/// Pairs of one piece: about 9 ms, and squarings are 2 % of it.
const PIECE: usize = 512;

/// Pairs below which a second thread is not worth waking: eight are as fast as one.
const GRAIN: usize = 16;

/// Pairs up to which one accumulator across the lanes is faster than eight.
const FEW: usize = 4;

/// Πᵢ f(Pᵢ, Qᵢ) over the pairs without an identity, on all threads; up to factors that the final exponentiation takes to
/// one. 1 where no pair is left. Variable time.
pub(crate) fn miller_loop(
    ifma: Ifma,
    threads: &Threads,
    pairs: &[(G1, G2)],
    control: &Control,
) -> Result<Fq12, DeviceError> {
    product(ifma, threads, &fresh(pairs).collect::<Vec<_>>(), control)
}

/// [`miller_loop`] over `pairs` and over the points of a table, in order, with one point of G1 each.
pub(crate) fn miller_loop_stored(
    ifma: Ifma,
    threads: &Threads,
    pairs: &[(G1, G2)],
    (table, at): (&LineTable, &[G1]),
    control: &Control,
) -> Result<Fq12, DeviceError> {
    let all: Vec<_> = fresh(pairs).chain(table.pairs(at).map(Pair::Stored)).collect();
    product(ifma, threads, &all, control)
}

/// The pairs without an identity.
fn fresh(pairs: &[(G1, G2)]) -> impl Iterator<Item = Pair<'_>> {
    let affine = pairs.iter().map(|(p, q)| (p.affine(), q.affine()));
    affine.filter(|(p, q)| !p.is_zero() && !q.is_zero()).map(|(p, q)| Pair::Fresh(p, q))
}

fn product(ifma: Ifma, threads: &Threads, pairs: &[Pair<'_>], control: &Control) -> Result<Fq12, DeviceError> {
    let parts = threads.map_pieces(control, pairs, GRAIN, PIECE, |pairs| live_product(ifma, pairs))?;
    Ok(parts.into_iter().reduce(|a, b| a * b).unwrap_or(Fq12::ONE))
}

/// [`miller_loop`] on the calling thread.
#[cfg(test)]
pub(super) fn miller_product(ifma: Ifma, pairs: &[(G1, G2)]) -> Fq12 {
    live_product(ifma, &fresh(pairs).collect::<Vec<_>>())
}

fn live_product(ifma: Ifma, pairs: &[Pair<'_>]) -> Fq12 {
    let (mut fresh, mut stored) = (Vec::new(), Vec::new());
    for pair in pairs {
        match pair {
            Pair::Fresh(p, q) => fresh.push((*p, *q)),
            Pair::Stored(pair) => stored.push(*pair),
        }
    }
    // SAFETY: the token proves that the CPU has the features.
    let mut product = unsafe {
        match pairs.len() {
            0 => return Fq12::ONE,
            1..=FEW => few(ifma, &fresh, &stored),
            _ => many(ifma, &fresh, &stored),
        }
    };
    // z is negative: f₋ₙ is 1/fₙ up to factors that vanish, and so is the conjugate of fₙ.
    product.conjugate_in_place();
    product
}

/// A step of a Miller loop, which cuts a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// T ← 2T, after the accumulator was squared.
    Double,
    /// T ← T + Q.
    Add,
}

impl Step {
    /// Takes the step in eight pairs; gives the lines.
    pub(super) fn take(self, block: &mut Block) -> Line {
        // SAFETY: a block is made with a token.
        unsafe {
            match self {
                Step::Double => block.point.double(&block.at),
                Step::Add => block.point.add((&block.base.0, &block.base.1), &block.at),
            }
        }
    }
}

/// The steps of f_|z|: a doubling for each bit below the first, and an addition for each one among these bits.
pub(super) const STEPS: [Step; (62 - Z_ABS.leading_zeros() + Z_ABS.count_ones()) as usize] = {
    let mut steps = [Step::Double; (62 - Z_ABS.leading_zeros() + Z_ABS.count_ones()) as usize];
    let (mut bit, mut i) = (63 - Z_ABS.leading_zeros(), 0);
    while bit > 0 {
        (bit, i) = (bit - 1, i + 1);
        if Z_ABS >> bit & 1 == 1 {
            steps[i] = Step::Add;
            i += 1;
        }
    }
    steps
};

/// f_|z| over pairs without an identity, eight in their loops at a time.
#[target_feature(enable = "avx512f,avx512ifma")]
fn many(ifma: Ifma, fresh: &[(&G1Affine, &G2Affine)], stored: &[StoredPair<'_>]) -> Fq12 {
    let mut blocks: Vec<_> = fresh.chunks(8).map(|eight| load(ifma, eight)).collect();
    let stored = StoredBlock::all(ifma, stored);
    let mut scratch = Scratch::new(ifma);
    let mut f = Fp12x8::one(ifma);
    for (i, step) in STEPS.into_iter().enumerate() {
        // The first square is one.
        if step == Step::Double && i > 0 {
            f.square(&mut scratch);
        }
        multiply_fresh(ifma, &mut f, &mut blocks, step, &mut scratch);
        multiply_stored(ifma, &mut f, &stored, i, &mut scratch);
    }
    f.multiply_lanes(&mut scratch);
    let [product, ..] = f.store(ifma);
    product
}

/// The same for a few pairs: their steps side by side, but one accumulator with its coefficients in the lanes.
#[target_feature(enable = "avx512f,avx512ifma")]
fn few(ifma: Ifma, fresh: &[(&G1Affine, &G2Affine)], stored: &[StoredPair<'_>]) -> Fq12 {
    let mut block = load(ifma, fresh);
    let at = Duo::evaluated(&Fp8::zero(ifma), &block.at);
    let table = StoredBlock::all(ifma, stored);
    let mut f = Across::load(ifma, &Fq12::ONE);
    for (i, step) in STEPS.into_iter().enumerate() {
        if step == Step::Double && i > 0 {
            f.square();
        }
        if !fresh.is_empty() {
            let lines = if step == Step::Double && fresh.len() <= 2 {
                let mut duo = Duo::new(&block.point);
                let tangents = duo.double(&at);
                block.point = duo.twisted();
                tangents
            } else {
                step.take(&mut block)
            };
            multiply_few(&mut f, &lines, fresh.len());
        }
        for block in &table {
            multiply_few(&mut f, &block.line(ifma, i), stored.len());
        }
    }
    f.store(ifma)
}

/// Multiplies the lines of the first `count` lanes into f.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_few(f: &mut Across, line: &Line, count: usize) {
    let lines = Lines::new(line);
    for lane in 0..count {
        f.mul_by_line(&lines, lane);
    }
}

/// At most eight pairs, none with an identity. A lane without a pair has P = (0, 0), with which lines are in Fp2.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn load(ifma: Ifma, pairs: &[(&G1Affine, &G2Affine)]) -> Block {
    let (padding, nowhere) = (G2Affine::generator(), G1Affine::identity());
    let p: [&G1Affine; 8] = std::array::from_fn(|i| pairs.get(i).map_or(&nowhere, |pair| pair.0));
    let q: [&G2Affine; 8] = std::array::from_fn(|i| pairs.get(i).map_or(&padding, |pair| pair.1));
    let x = Fp8::from_words(ifma, p.map(|p| &p.x.0.0));
    let y = Fp8::from_words(ifma, p.map(|p| &p.y.0.0));
    let minus_x = Fp8::zero(ifma).sub::<2>(&x);
    let base = (
        Fp2x8 { c0: Fp8::from_words(ifma, q.map(|q| &q.x.c0.0.0)), c1: Fp8::from_words(ifma, q.map(|q| &q.x.c1.0.0)) },
        Fp2x8 { c0: Fp8::from_words(ifma, q.map(|q| &q.y.c0.0.0)), c1: Fp8::from_words(ifma, q.map(|q| &q.y.c1.0.0)) },
    );
    let one = Fp2x8 { c0: Fp8::one(ifma), c1: Fp8::zero(ifma) };
    Block { at: Evaluated { minus_x, y }, base, point: Twisted { x: base.0, y: base.1, z: one } }
}

/// Takes a step in every block and multiplies the lines into `f`, two at a time.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_fresh(ifma: Ifma, f: &mut Fp12x8, blocks: &mut [Block], step: Step, scratch: &mut Scratch) {
    let mut lines = TwoLines::zero(ifma);
    let mut two = blocks.chunks_exact_mut(2);
    for pair in &mut two {
        let [a, b] = pair else { continue };
        step.take(a).mul(&step.take(b), &mut lines, scratch);
        f.mul_by_lines(&lines, scratch);
    }
    for block in two.into_remainder() {
        f.mul_by_line(&step.take(block), scratch);
    }
}

/// Multiplies line `i` of every block into `f`, two at a time where both blocks are full.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_stored(ifma: Ifma, f: &mut Fp12x8, blocks: &[StoredBlock<'_>], i: usize, scratch: &mut Scratch) {
    let (mut lines, one) = (TwoLines::zero(ifma), Fp8::one(ifma));
    for two in blocks.chunks(2) {
        match two {
            [a, b] if a.is_full() && b.is_full() => {
                a.monic(ifma, i).mul(&b.monic(ifma, i), &one, &mut lines, scratch);
                f.mul_by_lines(&lines, scratch);
            }
            _ => two.iter().for_each(|block| f.mul_by_line(&block.line(ifma, i), scratch)),
        }
    }
}

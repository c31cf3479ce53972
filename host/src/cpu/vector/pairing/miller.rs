//! Products of Miller loops, eight pairs side by side, with one accumulator a lane.
//!
//! With n pairs each lane has n/8 of them and squares its accumulator once for all; in the end the eight accumulators are
//! multiplied together. A pair costs 63 tangents and 5 chords, and a multiplication by each line; two pairs' lines are
//! multiplied by each other first. One to four pairs have a single accumulator, spread over the lanes (`Across`).
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
struct Block {
    at: Evaluated,
    base: (Fp2x8, Fp2x8),
    point: Twisted,
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
    let parts = threads.map_pieces(control, pairs, GRAIN, PIECE, |pairs| miller_product(ifma, pairs))?;
    Ok(parts.into_iter().reduce(|a, b| a * b).unwrap_or(Fq12::ONE))
}

/// The same on the calling thread.
pub(super) fn miller_product(ifma: Ifma, pairs: &[(G1, G2)]) -> Fq12 {
    let live: Vec<_> =
        pairs.iter().map(|(p, q)| (p.affine(), q.affine())).filter(|(p, q)| !p.is_zero() && !q.is_zero()).collect();
    if live.is_empty() {
        return Fq12::ONE;
    }
    // SAFETY: the token proves that the CPU has the features.
    let mut product = unsafe { if live.len() <= FEW { few(ifma, &live) } else { many(ifma, &live) } };
    // z is negative: f₋ₙ is 1/fₙ up to factors that vanish, and so is the conjugate of fₙ.
    product.conjugate_in_place();
    product
}

/// f_|z| over pairs without an identity, eight in their loops at a time.
#[target_feature(enable = "avx512f,avx512ifma")]
fn many(ifma: Ifma, pairs: &[(&G1Affine, &G2Affine)]) -> Fq12 {
    let mut blocks: Vec<_> = pairs.chunks(8).map(|eight| load(ifma, eight)).collect();
    let mut scratch = Scratch::new(ifma);
    let mut f = run(ifma, &mut blocks, &mut scratch);
    f.multiply_lanes(&mut scratch);
    let [product, ..] = f.store(ifma);
    product
}

/// The same for a few pairs: their steps side by side, but one accumulator with its coefficients in the lanes.
#[target_feature(enable = "avx512f,avx512ifma")]
fn few(ifma: Ifma, pairs: &[(&G1Affine, &G2Affine)]) -> Fq12 {
    let mut block = load(ifma, pairs);
    let at = Duo::evaluated(&Fp8::zero(ifma), &block.at);
    let mut f = Across::load(ifma, &Fq12::ONE);
    for bit in (0..63 - Z_ABS.leading_zeros()).rev() {
        if bit != 62 {
            f = f.square();
        }
        let tangents = if pairs.len() > 2 {
            double(&mut block)
        } else {
            let mut duo = Duo::new(&block.point);
            let tangents = duo.double(&at);
            block.point = duo.twisted();
            tangents
        };
        f = multiply_few(f, &tangents, pairs.len());
        if Z_ABS >> bit & 1 == 1 {
            f = multiply_few(f, &add(&mut block), pairs.len());
        }
    }
    f.store(ifma)
}

/// f times the lines of the first `count` lanes.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_few(f: Across, line: &Line, count: usize) -> Across {
    let lines = Lines::new(line);
    (0..count).fold(f, |f, lane| f.mul_by_line(&lines, lane))
}

/// At most eight pairs, none with an identity. A lane without a pair has P = (0, 0), with which lines are in Fp2.
#[target_feature(enable = "avx512f,avx512ifma")]
fn load(ifma: Ifma, pairs: &[(&G1Affine, &G2Affine)]) -> Block {
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

/// f_|z| over all pairs of each lane.
#[target_feature(enable = "avx512f,avx512ifma")]
fn run(ifma: Ifma, blocks: &mut [Block], scratch: &mut Scratch) -> Fp12x8 {
    let mut f = Fp12x8::one(ifma);
    for bit in (0..63 - Z_ABS.leading_zeros()).rev() {
        if bit != 62 {
            f.square(scratch);
        }
        multiply_lines(ifma, &mut f, blocks, scratch, double);
        if Z_ABS >> bit & 1 == 1 {
            multiply_lines(ifma, &mut f, blocks, scratch, add);
        }
    }
    f
}

/// Takes a step in every block and multiplies the lines into `f`, two at a time.
#[target_feature(enable = "avx512f,avx512ifma")]
fn multiply_lines(
    ifma: Ifma,
    f: &mut Fp12x8,
    blocks: &mut [Block],
    scratch: &mut Scratch,
    step: impl Fn(&mut Block) -> Line,
) {
    let mut lines = TwoLines::zero(ifma);
    let mut two = blocks.chunks_exact_mut(2);
    for pair in &mut two {
        let [a, b] = pair else { continue };
        step(a).mul(&step(b), &mut lines, scratch);
        f.mul_by_lines(&lines, scratch);
    }
    for block in two.into_remainder() {
        f.mul_by_line(&step(block), scratch);
    }
}

fn double(block: &mut Block) -> Line {
    // SAFETY: a block is made with a token.
    unsafe { block.point.double(&block.at) }
}

fn add(block: &mut Block) -> Line {
    // SAFETY: a block is made with a token.
    unsafe { block.point.add((&block.base.0, &block.base.1), &block.at) }
}

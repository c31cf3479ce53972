//! Transforms of the rows of eight columns, and the two rounds made of them.
//!
//! A transform takes rows in natural order and leaves them in bit-reversed order, since then a block has one factor:
//! at level s, block b is a polynomial modulo x^m − w², which splits into its values modulo x^(m/2) − w and x^(m/2) + w
//! with w = ω^(b with its bits reversed) of order 2^(s+1) (Cooley and Tukey; factors as in Seiler, "Faster AVX2
//! optimized NTT multiplication for Ring-LWE lattice cryptography", section 2). The order is put right by the
//! addresses at which rows are stored.

use super::factors;
use super::kernel::{self, Columns, Factor, Factor8};
use super::words;
use crate::cpu::vector::fr::Fr8;
use crate::cpu::vector::memory::transpose;
use crate::cpu::vector::token::Ifma;
use ark_bls12_381::Fr;
use ark_ff::Field;
use std::marker::PhantomData;
use std::ops::Range;

/// Input and output of a transform as 64-bit words, shared between threads that touch different columns.
pub(super) struct Grid<'a> {
    from: *const u64,
    to: *mut u64,
    values: PhantomData<(&'a [Fr], &'a mut Vec<Fr>)>,
}

// SAFETY: the input is only read; of the output each task touches chunks that no other task of its round does.
unsafe impl Sync for Grid<'_> {}

const _: () = assert!(size_of::<Fr>() == 32 && std::mem::offset_of!(Fr, 0) == 0);

impl<'a> Grid<'a> {
    /// Room in `to` for as many values as in `from`.
    pub(super) fn new(from: &'a [Fr], to: &'a mut Vec<Fr>) -> Self {
        assert!(to.capacity() >= from.len());
        Self { from: from.as_ptr().cast(), to: to.as_mut_ptr().cast(), values: PhantomData }
    }
}

/// Rows by which the cache is asked ahead: memory answers after 100 ns, four rows take 50 ns.
const AHEAD: usize = 4;

/// A matrix of N₁ rows and N₂ columns, and the factors of the blocks.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) n1: usize,
    pub(super) n2: usize,
    pub(super) roots: &'a [Factor],
}

/// The twists of a group of columns: in lane l, for column j₂ = 8·group + l and row k₁, scale·g^j₂·s^k₁.
pub(super) struct Twist {
    steps: [Fr; 2],
    first: [Fr8; 2],
    next: [Fr; 2],
}

impl Twist {
    /// From the group `start` on; see the fields of the plan.
    pub(super) fn new(_: Ifma, steps: [Fr; 2], first: [Fr8; 2], start: usize) -> Self {
        Self { steps, first, next: steps.map(|step| step.pow([start as u64])) }
    }

    /// The twists of rows 0..8 of the next group, in Montgomery form with 2^260, and the factor s⁸ that takes each to
    /// the row eight further on.
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn group(&mut self, ifma: Ifma) -> ([Columns; 8], Factor8) {
        let [s, scale] = [0, 1].map(|i| {
            let step = Fr8::from_words(ifma, [&self.next[i].0.0; 8]);
            self.next[i] *= self.steps[i];
            step.mul(&self.first[i])
        });
        let s2 = s.mul(&s);
        let s4 = s2.mul(&s2);
        let second = scale.mul(&s);
        let four = [scale, second, scale.mul(&s2), second.mul(&s2)];
        let eight: [Fr8; 8] = std::array::from_fn(|k| if k < 4 { four[k] } else { four[k - 4].mul(&s4) });
        (eight.map(|twist| Columns(twist.0)), factors::lanes(ifma, &s4.mul(&s4)))
    }
}

/// Groups of columns of the input, transformed and twisted, into the rows of the output.
///
/// # Safety
/// While this runs, no other thread touches the rows 8·group.. of the output for these groups.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) unsafe fn first_round(
    ifma: Ifma,
    shape: Shape,
    grid: &Grid,
    groups: Range<usize>,
    twist: &mut Twist,
    before: Option<&[Factor]>,
) {
    let Shape { n1, n2, roots } = shape;
    let mut rows = vec![Columns::zero(ifma); n1];
    for group in groups {
        let source = |j1: usize| {
            // SAFETY: row j₁ < N₁ and group < N₂/8 are inside the matrix.
            let from = unsafe { grid.from.add((j1 * n2 + 8 * group) * 4) };
            words::prefetch(from.wrapping_add(AHEAD * n2 * 4));
            // SAFETY: as above.
            unsafe { words::load_elements(from) }
        };
        match before {
            None => transform(&mut rows, roots, source),
            Some(before) => transform(&mut rows, roots, |j1| kernel::settle(&kernel::times(&source(j1), &before[j1]))),
        }
        let (mut twists, step) = twist.group(ifma);
        // SAFETY: lane < 8 and block < N₁/8 are inside the matrix; the caller's for other threads.
        unsafe {
            twisted_rows(&rows, &mut twists, &step, |block, lane| {
                grid.to.add(((8 * group + lane) * n1 + 8 * block) * 4)
            });
        }
    }
}

/// Groups of columns of the output, transformed in place.
///
/// # Safety
/// The first round is over; while this runs, no other thread touches the columns of these groups.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) unsafe fn second_round(
    ifma: Ifma,
    shape: Shape,
    grid: &Grid,
    groups: Range<usize>,
    after: Option<&[Factor]>,
) {
    let Shape { n1, n2, roots } = shape;
    let mut rows = vec![Columns::zero(ifma); n2];
    for group in groups {
        // SAFETY: row < N₂ and group < N₁/8 are inside the matrix.
        let chunk = |row: usize| unsafe { grid.to.add((row * n1 + 8 * group) * 4) };
        let source = |j2: usize| {
            words::prefetch(chunk(j2).wrapping_add(AHEAD * n1 * 4));
            // SAFETY: the first round has written the chunk.
            words::limbs(&unsafe { words::load(chunk(j2)) })
        };
        transform(&mut rows, roots, source);
        // SAFETY: the chunks are inside the matrix; the caller's for other threads.
        unsafe { finished_rows(&rows, after, chunk) };
    }
}

/// The transform of the rows that `source` gives, below r·(1 + ε), into `rows` in bit-reversed order, in the ranges of
/// `kernel.rs`. At least eight rows.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn transform(rows: &mut [Columns], roots: &[Factor], source: impl Fn(usize) -> Columns) {
    let n = rows.len();
    if n.ilog2().is_multiple_of(2) {
        let quarter = n / 4;
        for j in 0..quarter {
            let [a, b, c, d] = [0, 1, 2, 3].map(|k| source(j + k * quarter));
            let out = kernel::first_butterfly([&a, &b, &c, &d], &roots[1]);
            out.into_iter().enumerate().for_each(|(k, row)| rows[j + k * quarter] = row);
        }
        for (block, rows) in rows.chunks_exact_mut(quarter).enumerate() {
            levels(rows, block, roots);
        }
    } else {
        let half = n / 2;
        for j in 0..half {
            [rows[j], rows[j + half]] = kernel::halves(&source(j), &source(j + half));
        }
        let (first, second) = rows.split_at_mut(half);
        let quarter = half / 4;
        for j in 0..quarter {
            let out = kernel::first_butterfly([0, 1, 2, 3].map(|k| &first[j + k * quarter]), &roots[1]);
            out.into_iter().enumerate().for_each(|(k, row)| first[j + k * quarter] = row);
        }
        for (block, rows) in first.chunks_exact_mut(quarter).enumerate() {
            levels(rows, block, roots);
        }
        levels(second, 1, roots);
    }
}

/// All levels of one block, a power of four rows; a part of the block is finished before the next is begun, so that it
/// stays in the cache it fits.
#[target_feature(enable = "avx512f,avx512ifma")]
fn levels(rows: &mut [Columns], block: usize, roots: &[Factor]) {
    let quarter = rows.len() / 4;
    if quarter == 0 {
        return;
    }
    let (upper, lower) = rows.split_at_mut(2 * quarter);
    let ((a, b), (c, d)) = (upper.split_at_mut(quarter), lower.split_at_mut(quarter));
    let (w, next) = (&roots[block], [&roots[2 * block], &roots[2 * block + 1]]);
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        kernel::butterfly([a, b, c, d], w, next);
    }
    if quarter > 1 {
        for (i, part) in rows.chunks_exact_mut(quarter).enumerate() {
            levels(part, 4 * block + i, roots);
        }
    }
}

/// Multiplies rows by their twists and stores them, settled and transposed: `to(k₁/8, lane)` is the chunk of eight k₁
/// of the column in that lane.
///
/// # Safety
/// Each chunk can be written.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
unsafe fn twisted_rows(
    rows: &[Columns],
    twists: &mut [Columns; 8],
    step: &Factor8,
    to: impl Fn(usize, usize) -> *mut u64,
) {
    let eighth = rows.len() / 8;
    for block in 0..eighth {
        let position = reversed(block, eighth);
        let mut words = [words::words(&rows[0]); 8];
        for k in [0, 2, 4, 6] {
            // Row k₁ = 8·block + k is where the bits of k₁ reversed say.
            let row = |k| kernel::carry(&rows[position + reversed(k, 8) * eighth]);
            let [a, next_a] = kernel::twist(&row(k), &twists[k], step);
            let [b, next_b] = kernel::twist(&row(k + 1), &twists[k + 1], step);
            (twists[k], twists[k + 1]) = (kernel::carry(&next_a), kernel::carry(&next_b));
            let (a, b) = (kernel::settle(&a), kernel::settle(&b));
            (words[k], words[k + 1]) = (words::words(&a), words::words(&b));
        }
        for word in 0..4 {
            let [a, b, c, d, e, f, g, h] = &words;
            let columns = transpose([a[word], b[word], c[word], d[word], e[word], f[word], g[word], h[word]]);
            for (lane, column) in columns.iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { words::store_word(to(block, lane), word, *column) };
            }
        }
    }
}

/// Stores rows, canonical, in natural order: row k₂ at `chunk(k₂)`, times `after[k₂]` where that is given.
///
/// # Safety
/// Each chunk can be written.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
unsafe fn finished_rows(rows: &[Columns], after: Option<&[Factor]>, chunk: impl Fn(usize) -> *mut u64) {
    for k2 in 0..rows.len() {
        let mut row = kernel::carry(&rows[reversed(k2, rows.len())]);
        if let Some(after) = after {
            row = kernel::times(&row, &after[k2]);
        }
        let words = words::words(&kernel::canonical(&kernel::settle(&row)));
        // SAFETY: the caller's.
        unsafe { words::store_elements(chunk(k2), &words) };
    }
}

/// The low log₂ n bits of i in reversed order.
fn reversed(i: usize, n: usize) -> usize {
    if n == 1 { 0 } else { i.reverse_bits() >> (usize::BITS - n.ilog2()) }
}

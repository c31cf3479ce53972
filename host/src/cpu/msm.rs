//! Multi-scalar multiplication, elementwise multiplication and sums by blst, cut into tasks.

use super::group::Group;
use super::threads::Threads;
use crate::backend::{Control, IndexLists};
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_bls12_381::Fr;
use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};

/// Bits of a full scalar; r is just below 2^255.
const SCALAR_BITS: usize = 255;

/// Below this many points blst's own single call (a table of odd multiples for each point) beats buckets.
const FEWEST_FOR_TILES: usize = 32;

/// The window that blst's Pippenger takes for `points` points (`pippenger_window_size` in its `multi_scalar.c`), so
/// that one thread does exactly blst's work.
fn window_bits(points: usize) -> usize {
    match points.max(1).ilog2() as usize {
        log @ 13.. => log - 3,
        log @ 9.. => log - 2,
        log @ 5.. => log - 1,
        0 => 1,
        _ => 2,
    }
}

/// The scalars' bits, `bits.div_ceil(8)` little-endian bytes each.
fn scalar_bytes(scalars: &[Fr], bits: usize) -> Vec<u8> {
    let width = bits.div_ceil(8);
    let mut bytes = Vec::with_capacity(scalars.len() * width);
    for scalar in scalars {
        bytes.extend_from_slice(&scalar.into_bigint().to_bytes_le()[..width]);
    }
    bytes
}

/// The bit length of the longest scalar, at least 1.
fn longest(scalars: &[Fr]) -> usize {
    scalars.iter().map(|s| s.into_bigint().num_bits() as usize).max().unwrap_or(1).max(1)
}

/// Σ scalarsᵢ·pointsᵢ. Variable time.
///
/// One task is one window of one block of points. With one thread that is blst's own schedule with a checkpoint
/// between windows; with more, points are cut into blocks only when there are too few windows to go round, since each
/// block integrates its own buckets.
pub(super) fn msm<G: Group>(
    threads: &Threads,
    points: &[G::Affine],
    scalars: &[Fr],
    control: &Control,
) -> Result<G::Affine, DeviceError> {
    control.checkpoint()?;
    if points.is_empty() {
        return Ok(G::Affine::zero());
    }
    let bits = longest(scalars).min(SCALAR_BITS);
    let (points, bytes) = (SameLayout::slice_as_blst(points), scalar_bytes(scalars, bits));
    if points.len() < FEWEST_FOR_TILES {
        return Ok(G::to_affine(&G::msm(points, &bytes, bits)));
    }
    let schedule = Schedule::new(points.len(), bits, threads.count());
    let tiles = threads.map_tasks(control, schedule.tasks(), |task| {
        let (range, bit0) = schedule.task(task);
        let width = bits.div_ceil(8);
        G::msm_tile(&points[range.clone()], &bytes[range.start * width..range.end * width], bits, bit0, schedule.window)
    })?;
    Ok(G::to_affine(&schedule.combine::<G>(&tiles)))
}

/// How an MSM is cut: `blocks` blocks of points times `windows` windows of bits.
struct Schedule {
    points: usize,
    blocks: usize,
    window: usize,
    windows: usize,
}

impl Schedule {
    fn new(points: usize, bits: usize, threads: usize) -> Self {
        // Two tasks a thread even the load out; a block below 256 points costs more buckets than it saves waiting.
        let windows_whole = bits.div_ceil(window_bits(points));
        let blocks = if threads == 1 { 1 } else { (2 * threads).div_ceil(windows_whole) };
        let blocks = blocks.min(points / 256).max(1);
        let window = window_bits(points.div_ceil(blocks));
        // An exact division leaves no bits for the top window, but booth recoding carries into it.
        Self { points, blocks, window, windows: bits / window + 1 }
    }

    fn tasks(&self) -> usize {
        self.blocks * self.windows
    }

    /// The points and the lowest bit of a task. Tasks go from the top window down, block after block in each.
    fn task(&self, task: usize) -> (std::ops::Range<usize>, usize) {
        let (from_top, block) = (task / self.blocks, task % self.blocks);
        let size = self.points.div_ceil(self.blocks);
        let range = (block * size).min(self.points)..((block + 1) * size).min(self.points);
        (range, (self.windows - 1 - from_top) * self.window)
    }

    /// Horner's rule over the windows: acc ← 2^window·acc + Σ of the window's blocks.
    fn combine<G: Group>(&self, tiles: &[<G::Projective as SameLayout>::Blst]) -> <G::Projective as SameLayout>::Blst {
        let mut acc = Default::default();
        for row in tiles.chunks(self.blocks) {
            acc = G::double(&acc, self.window);
            for tile in row {
                acc = G::add(&acc, tile);
            }
        }
        acc
    }
}

/// Points with multiples of each: blst's windowed method, which adds a point for each window of each scalar and has no
/// buckets.
pub(super) struct Table<G: Group> {
    multiples: Vec<Blst<G>>,
    window: usize,
}

type Blst<G> = <<G as Group>::Affine as SameLayout>::Blst;

/// Points of one task of a table's MSM: 15 ms in G1.
const TABLE_PIECE: usize = 2048;

impl<G: Group> Table<G> {
    /// The widest windows that `memory` bytes hold; `None` where they hold none that gains over buckets.
    pub(super) fn new(
        threads: &Threads,
        points: &[G::Affine],
        memory: usize,
        control: &Control,
    ) -> Result<Option<Self>, DeviceError> {
        let Some(window) = table_window(points.len(), memory / size_of::<G::Affine>()) else { return Ok(None) };
        let build = |piece: &[Blst<G>]| G::table(piece, window);
        let pieces = threads.map_pieces(control, SameLayout::slice_as_blst(points), 16, 256, build)?;
        Ok(Some(Self { multiples: pieces.concat(), window }))
    }

    /// Σ scalarsᵢ·pointsᵢ, as many scalars as points. Variable time.
    pub(super) fn msm(&self, threads: &Threads, scalars: &[Fr], control: &Control) -> Result<G::Affine, DeviceError> {
        let bits = longest(scalars).min(SCALAR_BITS);
        let share = scalars.len().div_ceil(threads.count()).clamp(32, TABLE_PIECE);
        let sums = threads.map_tasks(control, scalars.len().div_ceil(share), |task| {
            let (start, end) = (task * share, scalars.len().min((task + 1) * share));
            let rows = &self.multiples[start << (self.window - 1)..end << (self.window - 1)];
            G::msm_table(rows, self.window, &scalar_bytes(&scalars[start..end], bits), bits)
        })?;
        Ok(G::to_affine(&sums.iter().fold(Default::default(), |total, sum| G::add(&total, sum))))
    }
}

/// The windows of a table with at most `most` points in all: as wide as fit, up to 12 bits.
///
/// Buckets for n points have windows of log2(n) − 2 bits or so (`window_bits`), and cost half a point each; a table
/// gains where its windows are as wide as those.
fn table_window(points: usize, most: usize) -> Option<usize> {
    let window =
        (2..=12).rev().find(|window| points > 0 && points.checked_mul(1 << (window - 1)).is_some_and(|n| n <= most))?;
    (window >= window_bits(points).max(4)).then_some(window)
}

/// scalarsᵢ·pointsᵢ for each i, affine. Variable time in `bits`, the bound on the scalars' bit lengths.
pub(super) fn mul<G: Group>(
    threads: &Threads,
    points: &[G::Affine],
    scalars: &[Fr],
    bits: u32,
    control: &Control,
) -> Result<Vec<G::Affine>, DeviceError> {
    let bits = (bits as usize).clamp(1, SCALAR_BITS);
    let pairs: Vec<(&G::Affine, &Fr)> = points.iter().zip(scalars).collect();
    let chunks = threads.map_pieces(control, &pairs, 2, 128, |pairs| {
        let products: Vec<_> = pairs
            .iter()
            .map(|(point, scalar)| G::mul(point.as_blst(), &scalar.into_bigint().to_bytes_le(), bits))
            .collect();
        G::to_affine_many(&products)
    })?;
    Ok(chunks.concat())
}

/// Indices added by one task of a sum: about 0.2 µs each in G1, 0.6 µs in G2.
const SUM_BLOCK: usize = 1 << 14;

/// The sum of the points that each list selects.
///
/// Long lists are cut into blocks, so that one committee of all validators also uses every thread.
pub(super) fn sum<G: Group>(
    threads: &Threads,
    points: &[G::Affine],
    lists: &IndexLists,
    control: &Control,
) -> Result<Vec<G::Affine>, DeviceError> {
    let points = SameLayout::slice_as_blst(points);
    let share = lists.indices().len().div_ceil(threads.count()).clamp(1 << 10, SUM_BLOCK);
    let blocks: Vec<(usize, &[u32])> =
        lists.iter().enumerate().flat_map(|(i, list)| list.chunks(share).map(move |block| (i, block))).collect();
    let grain = (blocks.len() * 512 / lists.indices().len().max(1)).max(1);
    let partial = threads.map_pieces(control, &blocks, grain, blocks.len().max(1), |blocks| {
        let sums = blocks.iter().map(|(list, block)| {
            let selected: Vec<*const _> = block.iter().map(|&i| std::ptr::from_ref(&points[i as usize])).collect();
            (*list, G::sum(&selected))
        });
        sums.collect::<Vec<_>>()
    })?;
    let mut totals = vec![Default::default(); lists.len()];
    for (list, part) in partial.into_iter().flatten() {
        totals[list] = G::add(&totals[list], &part);
    }
    Ok(G::to_affine_many(&totals))
}

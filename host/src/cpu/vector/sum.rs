//! Sums of points by index lists. Points of the whole curve.
//!
//! Long lists become a few points by the blocks of `dense.rs`; those and short lists are summed by blst where they are
//! few, and by the trees of `runs.rs` where they are many.
//!
//! # Limit
//! 10,000 points in one list on one thread, in µs: the products and squares of the additions 207 at the limit of 20.7 ns.
//! 345 measured while the machine was busy: products and squares 224, other instructions of the additions 60, taking the
//! points in 20, nine inversions 23, the last forty points by blst 10, the rest dispatch.

use super::adder::PointRef;
use super::coordinate::Coordinate;
use super::curve::{AffineOf, Curve, E1, E2, export, import};
use super::dense::{Converted, DenseAdder, Eight, Scale, Unconverted};
use super::fp::Fp8;
use super::fp2::Fp2x8;
use super::memory::prefetch;
use super::msm::Workspaces;
use super::runs::{Runs, Workspace};
use super::token::Ifma;
use crate::backend::{Control, IndexLists};
use crate::cpu::group::Group;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_bls12_381::{Fq, G1Affine};
use ark_ec::AffineRepr;
use ark_ff::BigInt;
use std::ops::Range;

/// Indices of one task at most: 2 ms in G1.
const TASK: usize = 1 << 16;

/// The least that is worth a thread.
const FEWEST: usize = 1 << 9;

/// The least indices of a list that is first summed block by block.
const LONG: usize = 32;

/// Jobs between a prefetch and its use.
const AHEAD: usize = 4;

/// Points that blst sums sooner than one inversion for each level of their trees.
const FEW: usize = 128;

/// The sum of each list's points; the identity for an empty list. Variable time.
pub(crate) fn sum<C: Dense>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<C>,
    points: &[AffineOf<C>],
    lists: &IndexLists,
    control: &Control,
) -> Result<Vec<AffineOf<C>>, DeviceError> {
    let share = lists.indices().len().div_ceil(threads.count()).clamp(FEWEST, TASK);
    let blocks: Vec<(usize, &[u32])> =
        lists.iter().enumerate().flat_map(|(i, list)| list.chunks(share).map(move |block| (i, block))).collect();
    let tasks = cut(&blocks, share);
    let partial = threads.map_tasks(control, tasks.len(), |task| {
        let blocks: Vec<&[u32]> = blocks[tasks[task].clone()].iter().map(|(_, block)| *block).collect();
        workspaces.with(ifma, |work| sum_blocks::<C>(ifma, work, points, &blocks, control))
    })?;
    let partial = partial.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok(combine::<C>(lists.len(), blocks.iter().map(|(list, _)| *list).zip(partial)))
}

/// How a curve's points go through the sums here.
pub(crate) trait Dense: Curve {
    /// What is done about their Montgomery form.
    type Scale: Scale<Self::Coordinate>;
    /// Eight points as x and y; any values for the identity.
    fn load(ifma: Ifma, points: [&AffineOf<Self>; 8]) -> (Self::Coordinate, Self::Coordinate);
    /// Eight points for arkworks; none of them the identity.
    fn store(ifma: Ifma, x: &Self::Coordinate, y: &Self::Coordinate) -> [AffineOf<Self>; 8];
}

impl Dense for E1 {
    type Scale = Unconverted;
    #[inline(always)]
    fn load(ifma: Ifma, points: [&G1Affine; 8]) -> (Fp8, Fp8) {
        let load = |words| Fp8::from_words_unscaled(ifma, words);
        (load(points.map(|p| &p.x.0.0)), load(points.map(|p| &p.y.0.0)))
    }
    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp8, y: &Fp8) -> [G1Affine; 8] {
        let [x, y] = [x, y].map(|c| c.to_words_unscaled(ifma).map(|words| Fq::new_unchecked(BigInt::new(words))));
        std::array::from_fn(|i| G1Affine::new_unchecked(x[i], y[i]))
    }
}

/// Points of G2 are converted: a product in Fp2 has no room for a factor that is not reduced.
impl Dense for E2 {
    type Scale = Converted;
    #[inline(always)]
    fn load(ifma: Ifma, points: [&AffineOf<E2>; 8]) -> (Fp2x8, Fp2x8) {
        <E2 as Curve>::load(ifma, points)
    }
    #[inline(always)]
    fn store(ifma: Ifma, x: &Fp2x8, y: &Fp2x8) -> [AffineOf<E2>; 8] {
        <E2 as Curve>::store(ifma, x, y)
    }
}

/// A few points for each list, whose sum is the list's; none of them the identity.
#[target_feature(enable = "avx512f,avx512ifma")]
fn shorten<C: Dense>(
    ifma: Ifma,
    adder: &mut DenseAdder<C::Coordinate>,
    points: &[AffineOf<C>],
    lists: &[&[u32]],
    control: &Control,
) -> Result<Vec<Vec<AffineOf<C>>>, DeviceError> {
    let mut jobs: Vec<[&[u32]; 2]> = Vec::new();
    let mut places = Vec::with_capacity(lists.len());
    for list in lists {
        let (start, count) = (jobs.len(), list.len().div_ceil(16));
        let eight = |i: usize| list.chunks(8).nth(i).unwrap_or_default();
        jobs.extend((0..count).map(|i| [eight(i), eight(count + i)]));
        places.push(start..start + count);
    }
    let fetch = |indices: &[u32]| indices.iter().for_each(|&i| prefetch(ifma, &points[i as usize]));
    let bring = |job: usize, second: bool, block: &mut Eight<C::Coordinate>| {
        if let Some(later) = jobs.get(job + AHEAD) {
            fetch(later[usize::from(second)]);
        }
        take::<C>(ifma, points, jobs[job][usize::from(second)], block);
    };
    let announce = |job: usize| jobs[job].iter().for_each(|indices| fetch(indices));
    adder.first_level::<C::Scale>(jobs.len(), |job| !jobs[job][1].is_empty(), bring, announce, control)?;
    // An inversion takes 2.5 µs, a block of eight with blst 1.3 µs more than here.
    adder.levels::<C::Scale>(&mut places, |pairs| pairs < 3, control)?;
    let export = |place: Range<usize>| {
        let mut out = Vec::with_capacity(8 * place.len());
        for block in place.map(|i| adder.block(i)) {
            let stored = give::<C>(ifma, block);
            out.extend((0..8).filter(|i| block.live >> i & 1 == 1).map(|i| stored[i]));
        }
        out
    };
    Ok(places.into_iter().map(export).collect())
}

/// Takes up to eight points into a block, at least one.
#[target_feature(enable = "avx512f,avx512ifma")]
fn take<C: Dense>(ifma: Ifma, points: &[AffineOf<C>], indices: &[u32], block: &mut Eight<C::Coordinate>) {
    let lanes: [&AffineOf<C>; 8] = match indices.first_chunk::<8>() {
        Some(eight) => eight.map(|i| &points[i as usize]),
        None => std::array::from_fn(|i| &points[indices[i.min(indices.len() - 1)] as usize]),
    };
    (block.point.x, block.point.y) = <C as Dense>::load(ifma, lanes);
    // The identity is (0, 0).
    let identities = match block.point.x.zero_mask() {
        0 => 0,
        mask => mask & block.point.y.zero_mask(),
    };
    block.live = !identities & (0xff >> (8 - indices.len()));
    block.negative = 0;
}

/// The points of a block for arkworks.
#[target_feature(enable = "avx512f,avx512ifma")]
fn give<C: Dense>(ifma: Ifma, block: &Eight<C::Coordinate>) -> [AffineOf<C>; 8] {
    <C as Dense>::store(ifma, &block.point.x, &block.point.y)
}

/// Neighbouring blocks in tasks of about `share` indices.
fn cut(blocks: &[(usize, &[u32])], share: usize) -> Vec<std::ops::Range<usize>> {
    let (mut tasks, mut start, mut filled) = (Vec::new(), 0, 0);
    for (i, (_, block)) in blocks.iter().enumerate() {
        filled += block.len();
        if filled >= share || i + 1 == blocks.len() {
            tasks.push(start..i + 1);
            (start, filled) = (i + 1, 0);
        }
    }
    tasks
}

/// The sum of each block: long ones first become a few points.
fn sum_blocks<C: Dense>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    points: &[AffineOf<C>],
    blocks: &[&[u32]],
    control: &Control,
) -> Result<Vec<AffineOf<C>>, DeviceError> {
    let long: Vec<&[u32]> = blocks.iter().copied().filter(|block| block.len() >= LONG).collect();
    // SAFETY: the token proves that the CPU has the features.
    let mut shortened = unsafe { shorten::<C>(ifma, &mut work.dense, points, &long, control)?.into_iter() };
    let (mut rest, mut lengths) = (Vec::new(), Vec::with_capacity(blocks.len()));
    for block in blocks {
        let before = rest.len();
        if block.len() >= LONG {
            rest.extend(shortened.next().into_iter().flatten());
        } else {
            rest.extend(block.iter().map(|&i| points[i as usize]).filter(|p| !p.is_zero()));
        }
        lengths.push((rest.len() - before) as u32);
    }
    if rest.len() < FEW {
        Ok(by_blst::<C>(&rest, &lengths))
    } else {
        in_trees::<C>(ifma, work, &rest, lengths, control)
    }
}

/// The sums of neighbouring points, so many for each; none of them the identity.
fn by_blst<C: Curve>(points: &[AffineOf<C>], lengths: &[u32]) -> Vec<AffineOf<C>> {
    let pointers: Vec<_> = points.iter().map(|p| std::ptr::from_ref(p.as_blst())).collect();
    let mut rest = &pointers[..];
    let lists = lengths.iter().map(|&length| {
        let (list, after) = rest.split_at(length as usize);
        rest = after;
        list
    });
    let sums = lists.map(|list| if list.is_empty() { Default::default() } else { C::Group::sum(list) });
    C::Group::to_affine_many(&sums.collect::<Vec<_>>())
}

/// The same by the trees of `runs.rs`.
fn in_trees<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    points: &[AffineOf<C>],
    lengths: Vec<u32>,
    control: &Control,
) -> Result<Vec<AffineOf<C>>, DeviceError> {
    let bases = import::<C>(ifma, points);
    let refs = (0..points.len()).map(|i| PointRef::base(i, false)).collect();
    let mut runs = Runs { refs, lengths };
    work.reset(0);
    work.sum(&bases, &mut runs, control)?;
    let sums: Vec<_> = runs.sums().map(|s| s.map(|r| (*r.of([&bases, &work.points]), r.is_negative()))).collect();
    Ok(export::<C>(ifma, &sums))
}

/// The sums of the lists from those of their blocks; the blocks of a list are neighbours.
fn combine<C: Curve>(lists: usize, blocks: impl Iterator<Item = (usize, AffineOf<C>)>) -> Vec<AffineOf<C>> {
    let mut totals = vec![AffineOf::<C>::zero(); lists];
    for (list, part) in blocks {
        if totals[list].is_zero() {
            totals[list] = part;
        } else if !part.is_zero() {
            let pair = [&totals[list], &part].map(|p| std::ptr::from_ref(p.as_blst()));
            totals[list] = C::Group::to_affine(&C::Group::sum(&pair));
        }
    }
    totals
}

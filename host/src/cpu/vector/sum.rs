//! Sums of points by index lists. Points of the whole curve.

use super::adder::PointRef;
use super::curve::{AffineOf, Curve, export, import};
use super::dense::Dense;
use super::msm::Workspaces;
use super::runs::{Runs, Workspace};
use super::token::Ifma;
use crate::backend::{Control, IndexLists};
use crate::cpu::group::Group;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_ec::AffineRepr;

/// Indices of one task at most: 2 ms in G1.
const TASK: usize = 1 << 16;

/// The least that is worth a thread.
const FEWEST: usize = 1 << 9;

/// The least indices of a list that is first summed block by block.
const LONG: usize = 32;

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
    let mut shortened = work.dense.shorten::<C>(points, &long, control)?.into_iter();
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

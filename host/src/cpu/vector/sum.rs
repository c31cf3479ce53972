//! Sums of points by index lists. Points of the whole curve.

use super::adder::PointRef;
use super::curve::{AffineOf, Curve, PointOf, export, import};
use super::msm::Workspaces;
use super::runs::Runs;
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

/// The sum of each list's points; the identity for an empty list. Variable time.
pub(crate) fn sum<C: Curve>(
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
    // Where the lists select most points, each is converted once; where not, only those selected are.
    let all = match 2 * lists.indices().len() >= points.len() {
        true => Some(threads.map_pieces(control, points, FEWEST, 1 << 18, |piece| import::<C>(ifma, piece))?.concat()),
        false => None,
    };
    let partial = threads.map_tasks(control, tasks.len(), |task| {
        let blocks = &blocks[tasks[task].clone()];
        match &all {
            Some(bases) => sum_blocks::<C>(ifma, workspaces, points, bases, blocks, control),
            None => {
                let selected: Vec<AffineOf<C>> =
                    blocks.iter().flat_map(|(_, block)| block.iter().map(|&i| points[i as usize])).collect();
                let bases = import::<C>(ifma, &selected);
                let mut next = 0u32..;
                let own: Vec<Vec<u32>> = blocks.iter().map(|(_, b)| next.by_ref().take(b.len()).collect()).collect();
                let blocks: Vec<(usize, &[u32])> = own.iter().map(|b| (0, b.as_slice())).collect();
                sum_blocks::<C>(ifma, workspaces, &selected, &bases, &blocks, control)
            }
        }
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

/// The sum of each block.
fn sum_blocks<C: Curve>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    points: &[AffineOf<C>],
    bases: &[PointOf<C>],
    blocks: &[(usize, &[u32])],
    control: &Control,
) -> Result<Vec<AffineOf<C>>, DeviceError> {
    let mut runs = Runs::default();
    for (_, block) in blocks {
        let before = runs.refs.len();
        let live = block.iter().map(|&i| i as usize).filter(|&i| !points[i].is_zero());
        runs.refs.extend(live.map(|i| PointRef::base(i, false)));
        runs.lengths.push((runs.refs.len() - before) as u32);
    }
    workspaces.with(ifma, |work| {
        work.reset(0);
        work.sum(bases, &mut runs, control)?;
        let sums: Vec<_> = runs.sums().map(|s| s.map(|r| (*r.of([bases, &work.points]), r.is_negative()))).collect();
        Ok(export::<C>(ifma, &sums))
    })
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

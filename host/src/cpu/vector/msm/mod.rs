//! Multi-scalar multiplication: endomorphism, signed windows, buckets as runs of points, batch-affine sums.
//!
//! # Method
//! 1. Scalars are split by the endomorphism into parts of half (G1) or a quarter (G2) of the bits (`scalar.rs`).
//! 2. In each window, a counting sort brings the points of one digit together, and the buckets are summed as trees, one
//!    in each lane (`columns.rs`): no two lanes ever wait for one bucket.
//! 3. Parts of different powers of the endomorphism have buckets of their own, so that the endomorphism is applied to
//!    buckets, not to points: no images are stored, and memory is read less.
//! 4. Buckets fold into one point for each bit of the scalars (`fold.rs`), and one Horner pass ends it.
//!
//! # Limit
//! 2^16 points in G1 with ten windows of 12 and 13 bits make 10·2^17 digits; with the fold that is 1.35 million
//! additions, at 20.7 ns 28 ms, thirteen times blst's pace. 60 ms were measured, 44 ns an addition, by samples: products
//! and squares 22; gathering, differences, carries and stores of the buckets' sums 12; digits and their sorting 1.6;
//! inversions 1.5; splitting scalars 1.4; rows of points for the lanes 1; conversion of the points 1; merging and folding
//! buckets, without products, 1; the rest is pages that are touched for the first time, allocation and the end.
//!
//! Digits took 3 ns and rows 2 as plain loops into fresh memory; both are eight at a time now, and in memory that stays.
//!
//! | file | subject |
//! |---|---|
//! | `scalar.rs` | splitting scalars |
//! | `plan.rs` | windows and digits |
//! | `digits.rs` | the digits of eight parts at once |
//! | `sort.rs` | digits by bucket |
//! | `group.rs` | the buckets of a group of windows |
//! | `columns.rs` | the sums of buckets, eight at a time |
//! | `subset.rs` | sums of random subsets |
//! | `fold.rs` | from buckets to one sum for each bit |
//! | `table.rs`, `fixed.rs` | multiples of bases that are used again and again, and MSMs with them |

mod columns;
mod digits;
mod fixed;
mod fold;
mod group;
mod plan;
mod scalar;
mod sort;
mod subset;
mod table;
#[cfg(test)]
mod tests;

use super::adder::Sum;
use super::curve::{AffineOf, Curve, E1, E2, ElementOf, PointOf, export, import_to};
use super::fr::Fr8;
use super::pages;
use super::runs::Workspace;
use super::token::Ifma;
use crate::backend::Control;
use crate::cpu::group::Group;
use crate::cpu::threads::Threads;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_bls12_381::Fr;
use ark_ec::AffineRepr;
use plan::{Plan, Terms};
use scalar::Part;
use sort::Layout;
use std::sync::Mutex;

pub(super) use columns::Rows;
pub(crate) use fixed::msm_fixed;
pub(super) use sort::Sorter;
pub(super) use subset::subset_sums;
pub(crate) use table::Table;

/// A curve whose scalars are split by its endomorphism.
pub(crate) trait Split: Curve {
    /// Parts of a scalar.
    const PARTS: usize;
    /// Passes the parts of a scalar on, for the powers 0, 1, … of the endomorphism.
    fn split(scalar: [u64; 4], part: impl FnMut(usize, Part));
}

impl Split for E1 {
    const PARTS: usize = 2;
    fn split(scalar: [u64; 4], mut part: impl FnMut(usize, Part)) {
        scalar::halves(scalar).into_iter().enumerate().for_each(|(i, p)| part(i, p));
    }
}

impl Split for E2 {
    const PARTS: usize = 4;
    fn split(scalar: [u64; 4], mut part: impl FnMut(usize, Part)) {
        scalar::quarters(scalar).into_iter().enumerate().for_each(|(i, p)| part(i, p));
    }
}

/// Points in the engine's form, ready for any number of MSMs.
pub(crate) struct Bases<C: Curve> {
    points: Vec<PointOf<C>>,
    /// Which of them are the identity, in ascending order.
    identities: Vec<u32>,
}

impl<C: Curve> Bases<C> {
    /// Converts points, a piece on each thread.
    pub(crate) fn new(
        ifma: Ifma,
        threads: &Threads,
        points: &[AffineOf<C>],
        control: &Control,
    ) -> Result<Self, DeviceError> {
        Self::in_buffer(ifma, threads, points, Vec::new(), control)
    }

    /// The same, in memory that was in use before, if that is enough.
    fn in_buffer(
        ifma: Ifma,
        threads: &Threads,
        points: &[AffineOf<C>],
        mut all: Vec<PointOf<C>>,
        control: &Control,
    ) -> Result<Self, DeviceError> {
        all.clear();
        if all.capacity() < points.len() {
            all = Vec::with_capacity(points.len());
            pages::ask_for_large(&mut all);
        }
        let piece = points.len().div_ceil(threads.count()).clamp(1 << 12, 1 << 18);
        let starts = (0u32..).step_by(piece);
        let places = all.spare_capacity_mut()[..points.len()].chunks_mut(piece);
        let tasks: Vec<_> = starts.zip(points.chunks(piece)).zip(places.map(Mutex::new)).collect();
        let identities = threads.map_tasks(control, tasks.len(), |task| {
            let ((start, points), places) = &tasks[task];
            import_to::<C>(ifma, points, &mut places.lock().unwrap_or_else(|e| e.into_inner()));
            (*start..).zip(*points).filter(|(_, p)| p.is_zero()).map(|(i, _)| i).collect::<Vec<u32>>()
        })?;
        drop(tasks);
        // SAFETY: the tasks have written all of them.
        unsafe { all.set_len(points.len()) };
        Ok(Self { points: all, identities: identities.concat() })
    }
}

/// Workspaces and memory for converted points that calls leave for the next ones, so that memory is not faulted in anew
/// each time.
pub(crate) struct Workspaces<C: Curve> {
    idle: Mutex<Vec<Workspace<C::Coordinate>>>,
    points: Mutex<Vec<PointOf<C>>>,
}

/// Points that an idle workspace may keep: 16 MiB in G1.
const KEPT: usize = 1 << 17;

impl<C: Curve> Workspaces<C> {
    pub(crate) fn new() -> Self {
        Self { idle: Mutex::new(Vec::new()), points: Mutex::new(Vec::new()) }
    }

    /// Runs `work` with points converted for it alone.
    pub(crate) fn with_bases<R>(
        &self,
        ifma: Ifma,
        threads: &Threads,
        points: &[AffineOf<C>],
        control: &Control,
        work: impl FnOnce(&Bases<C>) -> Result<R, DeviceError>,
    ) -> Result<R, DeviceError> {
        let buffer = std::mem::take(&mut *self.points.lock().unwrap_or_else(|e| e.into_inner()));
        let bases = Bases::in_buffer(ifma, threads, points, buffer, control)?;
        let result = work(&bases);
        let mut kept = self.points.lock().unwrap_or_else(|e| e.into_inner());
        if (kept.capacity()..=KEPT).contains(&bases.points.capacity()) {
            *kept = bases.points;
        }
        result
    }

    /// Runs `work` with a workspace of its own.
    pub(crate) fn with<R>(&self, ifma: Ifma, work: impl FnOnce(&mut Workspace<C::Coordinate>) -> R) -> R {
        let idle = self.idle.lock().unwrap_or_else(|e| e.into_inner()).pop();
        let mut workspace = idle.unwrap_or_else(|| Workspace::new(ifma));
        let result = work(&mut workspace);
        if workspace.points.len() <= KEPT {
            self.idle.lock().unwrap_or_else(|e| e.into_inner()).push(workspace);
        }
        result
    }
}

/// Σ scalarsᵢ·basesᵢ, as many scalars as bases. Variable time.
pub(crate) fn msm<C: Split>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<C>,
    bases: &Bases<C>,
    scalars: &[Fr],
    control: &Control,
) -> Result<AffineOf<C>, DeviceError> {
    control.checkpoint()?;
    let parts = split_all::<C>(ifma, threads, &bases.identities, scalars, control)?;
    let terms: usize = parts.iter().map(Terms::len).sum();
    if terms == 0 {
        return Ok(AffineOf::<C>::zero());
    }
    let plan = Plan::choose(&parts, threads.count());
    let groups = plan.groups(terms, threads.count());
    let bits = threads.map_tasks(control, groups.len(), |task| {
        let layout = Layout::plain(&plan.windows[groups[groups.len() - 1 - task].clone()]);
        workspaces.with(ifma, |work| group::sums::<C>(ifma, work, &bases.points, &parts, layout, control))
    })?;
    let bits = bits.into_iter().rev().collect::<Result<Vec<_>, _>>()?;
    Ok(horner::<C>(ifma, &bits.concat()))
}

/// The parts of the scalars, for each power of the endomorphism.
fn split_all<C: Split>(
    ifma: Ifma,
    threads: &Threads,
    identities: &[u32],
    scalars: &[Fr],
    control: &Control,
) -> Result<Vec<Terms>, DeviceError> {
    let piece = scalars.len().div_ceil(threads.count()).clamp(1 << 12, 1 << 18);
    let mut pieces = threads
        .map_tasks(control, scalars.len().div_ceil(piece), |task| {
            let scalars = &scalars[task * piece..scalars.len().min((task + 1) * piece)];
            split::<C>(ifma, identities, (task * piece) as u32, scalars)
        })?
        .into_iter();
    let mut parts = pieces.next().unwrap_or_default();
    pieces.for_each(|piece| parts.iter_mut().zip(piece).for_each(|(all, more)| all.append(more)));
    parts.iter_mut().for_each(Terms::index);
    Ok(parts)
}

/// The parts of some scalars, those of the bases from `first` on.
fn split<C: Split>(ifma: Ifma, identities: &[u32], first: u32, scalars: &[Fr]) -> Vec<Terms> {
    let mut parts: Vec<Terms> = (0..C::PARTS).map(|_| Terms::with_capacity(scalars.len())).collect();
    let before = identities.partition_point(|&identity| identity < first);
    let mut identities = identities[before..].iter().peekable();
    for (start, eight) in (first..).step_by(8).zip(scalars.chunks(8)) {
        let words = std::array::from_fn(|i| &eight[i.min(eight.len() - 1)].0.0);
        let integers = Fr8::integers(ifma, words);
        for (index, scalar) in (start..).zip(&integers[..eight.len()]) {
            if identities.next_if_eq(&&index).is_some() {
                continue;
            }
            C::split(*scalar, |power, part| {
                if part != Part::default() {
                    parts[power].push(index, part);
                }
            });
        }
    }
    parts
}

/// Σ 2^i·H[i].
fn horner<C: Curve>(ifma: Ifma, sums: &[Sum<ElementOf<C>>]) -> AffineOf<C> {
    let sums = export::<C>(ifma, sums);
    let mut acc = Default::default();
    for sum in sums.iter().rev() {
        acc = C::Group::double(&acc, 1);
        if !sum.is_zero() {
            acc = C::Group::add(&acc, &C::Group::sum(&[std::ptr::from_ref(sum.as_blst())]));
        }
    }
    C::Group::to_affine(&acc)
}

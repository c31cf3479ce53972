//! The buckets of a group of neighbouring windows: sort, sum, merge the powers of the endomorphism, fold.

use super::fold::Buckets;
use super::plan::{Plan, Terms};
use crate::backend::Control;
use crate::cpu::vector::adder::{Pairs, PointRef, Sum};
use crate::cpu::vector::curve::{Curve, ElementOf, PointOf, apply_endomorphism};
use crate::cpu::vector::runs::{Runs, Workspace};
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;
use std::ops::Range;

/// Digits whose buckets are summed at a time: their work points, half as many, stay in the second-level cache.
const CHUNK: usize = 1 << 14;

/// For each window of the group and each bit of its digits, lowest first, the sum of the points whose digit has it.
pub(super) fn sums<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    parts: &[Terms],
    plan: &Plan,
    windows: Range<usize>,
    control: &Control,
) -> Result<Vec<Sum<ElementOf<C>>>, DeviceError> {
    let sorted = sort(parts, plan, windows);
    let points = sum_buckets::<C>(work, bases, &sorted, control)?;
    let points = merge_powers::<C>(ifma, work, points, parts.len(), control)?;
    Buckets { bits: plan.window - 1, points }.fold(work, control)
}

/// Points by bucket. The buckets of power e of the endomorphism in window w start at `(e·windows + w)·buckets`.
pub(super) struct Sorted {
    pub(super) refs: Vec<PointRef>,
    /// Where each bucket begins, and the end of the last.
    pub(super) starts: Vec<u32>,
}

/// A digit that is zero, among the keys of [`keys`].
const NOTHING: u32 = u32::MAX;

/// For each digit of the group, power by power and window by window, twice its bucket, plus one for a negative.
fn keys(parts: &[Terms], plan: &Plan, windows: Range<usize>) -> Vec<u32> {
    let mut keys = Vec::with_capacity(parts.iter().map(|terms| terms.len() * windows.len()).sum());
    for (power, terms) in parts.iter().enumerate() {
        for (w, window) in windows.clone().enumerate() {
            let first = (power * windows.len() + w) * plan.buckets();
            keys.extend(terms.reaching(window * plan.window).1.iter().map(|&part| {
                let digit = plan.digit(part, window);
                let bucket = (first as u32).wrapping_add(digit.unsigned_abs()).wrapping_sub(1);
                let key = bucket << 1 | u32::from((digit < 0) != part.is_negative());
                if digit == 0 { NOTHING } else { key }
            }));
        }
    }
    keys
}

/// A counting sort of the digits by bucket.
fn sort(parts: &[Terms], plan: &Plan, windows: Range<usize>) -> Sorted {
    let buckets = parts.len() * windows.len() * plan.buckets();
    let keys = keys(parts, plan, windows.clone());
    let mut starts = vec![0u32; buckets + 1];
    for key in keys.iter().filter(|key| **key != NOTHING) {
        starts[(key >> 1) as usize + 1] += 1;
    }
    for i in 0..buckets {
        starts[i + 1] += starts[i];
    }
    let mut ends = starts.clone();
    let mut refs = vec![PointRef::base(0, false); starts[buckets] as usize];
    let mut keys = keys.into_iter();
    for terms in parts {
        for window in windows.clone() {
            let (points, _) = terms.reaching(window * plan.window);
            for (&point, key) in points.iter().zip(&mut keys) {
                if key != NOTHING {
                    let end = &mut ends[(key >> 1) as usize];
                    refs[*end as usize] = PointRef::base(point as usize, key & 1 == 1);
                    *end += 1;
                }
            }
        }
    }
    Sorted { refs, starts }
}

/// Sums each bucket; bucket i's sum is then work point i.
pub(super) fn sum_buckets<C: Curve>(
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    sorted: &Sorted,
    control: &Control,
) -> Result<Vec<Option<PointRef>>, DeviceError> {
    let buckets = sorted.starts.len() - 1;
    let mut points = vec![None; buckets];
    let mut runs = Runs::default();
    let mut first = 0;
    while first < buckets {
        // As many buckets as a chunk of digits fills, at least one.
        let limit = sorted.starts[first] + CHUNK as u32;
        let end = first + sorted.starts[first + 1..].partition_point(|&start| start <= limit).max(1);
        runs.clear();
        runs.refs.extend_from_slice(&sorted.refs[sorted.starts[first] as usize..sorted.starts[end] as usize]);
        runs.lengths.extend(sorted.starts[first..=end].windows(2).map(|pair| pair[1] - pair[0]));
        work.reset(buckets);
        work.sum(bases, &mut runs, control)?;
        for (bucket, sum) in (first..end).zip(runs.sums()) {
            if let Some(sum) = sum {
                work.points[bucket] = *sum.of([bases, &work.points]);
                points[bucket] = Some(PointRef::work(bucket, sum.is_negative()));
            }
        }
        first = end;
    }
    work.reset(buckets);
    Ok(points)
}

/// B₀ + φ(B₁ + φ(B₂ + …)) for each digit of each window, where Bₑ is its bucket of power e. The sums take B₀'s places.
pub(super) fn merge_powers<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    mut points: Vec<Option<PointRef>>,
    powers: usize,
    control: &Control,
) -> Result<Vec<Option<PointRef>>, DeviceError> {
    let count = points.len() / powers;
    for power in (1..powers).rev() {
        let (lower, upper) = points.split_at_mut(power * count);
        let lower = &mut lower[(power - 1) * count..];
        let mut images: Vec<&mut PointOf<C>> = Vec::with_capacity(count);
        let places = &mut work.points[power * count..(power + 1) * count];
        images.extend(places.iter_mut().zip(upper.iter()).filter(|(_, r)| r.is_some()).map(|(point, _)| point));
        apply_endomorphism::<C>(ifma, &mut images);
        let (mut pairs, mut targets) = (Pairs::default(), Vec::with_capacity(count));
        for (i, (low, high)) in lower.iter_mut().zip(upper.iter()).enumerate() {
            match (*low, *high) {
                (Some(a), Some(b)) => {
                    pairs.push(a, b, a.index());
                    targets.push(i);
                }
                (None, Some(b)) => {
                    let place = (power - 1) * count + i;
                    work.points[place] = work.points[b.index()];
                    *low = Some(PointRef::work(place, b.is_negative()));
                }
                _ => {}
            }
        }
        work.add(&[], &mut pairs, control)?;
        for (i, sum) in targets.into_iter().zip(pairs.sums()) {
            lower[i] = sum;
        }
        points.truncate(power * count);
    }
    Ok(points)
}

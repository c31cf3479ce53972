//! The buckets of a group of neighbouring windows, equally wide: sort, sum, merge the powers of the endomorphism, fold.

use super::columns::sum_chunk;
use super::fold::Buckets;
use super::plan::Terms;
use super::sort::{Layout, Sorted};
use crate::backend::Control;
use crate::cpu::vector::adder::{Pairs, PointRef, Sum};
use crate::cpu::vector::curve::{Curve, ElementOf, PointOf, apply_endomorphism};
use crate::cpu::vector::runs::Workspace;
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;

/// Digits whose buckets are summed at a time. A half or a quarter of it is as fast at 2^16 points, within noise.
const CHUNK: usize = 1 << 15;

/// For each set of buckets and each bit of its digits, lowest first, the sum of the points whose digit has it.
pub(super) fn sums<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    parts: &[Terms],
    layout: Layout<'_>,
    control: &Control,
) -> Result<Vec<Sum<ElementOf<C>>>, DeviceError> {
    let mut sorter = std::mem::take(&mut work.sorter);
    let points = sum_buckets::<C>(ifma, work, bases, sorter.sort(ifma, parts, layout), control);
    work.sorter = sorter;
    let points = merge_powers::<C>(ifma, work, points?, parts.len(), control)?;
    Buckets { bits: layout.windows[0].bits - 1, points }.fold(work, control)
}

/// Sums each bucket; bucket i's sum is then work point i.
pub(super) fn sum_buckets<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    sorted: &Sorted,
    control: &Control,
) -> Result<Vec<Option<PointRef>>, DeviceError> {
    let buckets = sorted.starts.len() - 1;
    let mut points = vec![None; buckets];
    let mut first = 0;
    while first < buckets {
        // As many buckets as a chunk of digits fills, at least one.
        let limit = sorted.starts[first] + CHUNK as u32;
        let end = first + sorted.starts[first + 1..].partition_point(|&start| start <= limit).max(1);
        let part = (&sorted.refs[..], &sorted.starts[first..=end]);
        sum_chunk::<C>(ifma, work, bases, part, first, &mut points, control)?;
        first = end;
    }
    work.reset(buckets);
    Ok(points)
}

/// B₀ + φ(B₁ + φ(B₂ + …)) for each digit of each window, where Bₑ is its bucket of power e. The sums take B₀'s places.
fn merge_powers<C: Curve>(
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
        let (mut pairs, mut targets) = (Pairs::with_capacity(count), Vec::with_capacity(count));
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

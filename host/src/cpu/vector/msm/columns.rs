//! Sums of buckets, eight at a time: a bucket in each lane.
//!
//! The sums of eight buckets go through the blocks of `dense.rs` together, so that only the points themselves are
//! gathered; what comes of them stays in vectors until each bucket has one point. Lanes are full where eight buckets
//! are equally long: so buckets are sorted by length, and long ones are cut into pieces, whose sums are then added by
//! the trees of `runs.rs`. Neighbours in that order differ little: with pieces of at most [`LONGEST`] points, all
//! lanes that end early together miss at most 7·[`LONGEST`] points.

use crate::backend::Control;
use crate::cpu::vector::adder::{Operands, Point, PointRef, Pools};
use crate::cpu::vector::coordinate::Coordinate;
use crate::cpu::vector::curve::{Curve, PointOf};
use crate::cpu::vector::dense::{Converted, Eight};
use crate::cpu::vector::memory::Stretches;
use crate::cpu::vector::runs::{Runs, Workspace};
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;
use std::ops::Range;

/// Points of a piece at most.
const LONGEST: usize = 64;

/// Jobs between a prefetch and its use.
const AHEAD: usize = 4;

/// A bucket or a part of one.
#[derive(Clone, Copy)]
struct Piece {
    /// Where its points begin, and how many there are.
    start: u32,
    length: u32,
    /// The work point that takes its sum.
    place: u32,
}

/// A point of each of up to eight pieces.
#[derive(Clone, Copy)]
struct Row {
    refs: [PointRef; 8],
    /// The lanes that have a point.
    live: u8,
}

/// The rows of a chunk's pieces, in memory that is used again and again.
#[derive(Default)]
pub(crate) struct Rows(Vec<Row>);

/// Appends the rows of up to eight pieces, the longest first.
#[target_feature(enable = "avx512f,avx512ifma")]
fn append_rows(rows: &mut Vec<Row>, ifma: Ifma, pieces: &[Piece], refs: &[PointRef]) {
    // Where there is no piece any more, points of the first stand in, and so does the last point of a piece after it.
    let piece = |i: usize| pieces.get(i).unwrap_or(&pieces[0]);
    let stretches = Stretches {
        starts: std::array::from_fn(|i| piece(i).start),
        lasts: std::array::from_fn(|i| piece(i).length - 1),
        lengths: std::array::from_fn(|i| pieces.get(i).map_or(0, |piece| piece.length)),
    };
    rows.reserve(pieces[0].length as usize);
    for row in 0..pieces[0].length {
        let (refs, live) = PointRef::gather_row(ifma, refs, &stretches, row);
        rows.push(Row { refs, live });
    }
}

/// Two rows that are added, or one that is left over.
struct Job {
    first: usize,
    second: Option<usize>,
}

/// Sums neighbouring buckets, from number `first` on; bucket i's sum is then work point i.
///
/// Bucket `first + i` has the points `refs[starts[i]..starts[i + 1]]` of `bases`. Work points below `points.len()` are
/// the buckets'; those above are used up.
pub(super) fn sum_chunk<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    (refs, starts): (&[PointRef], &[u32]),
    first: usize,
    points: &mut [Option<PointRef>],
    control: &Control,
) -> Result<(), DeviceError> {
    work.reset(points.len());
    let (pieces, split) = cut(work, (refs, starts), first, bases, points);
    // SAFETY: the token proves that the CPU has the features.
    let places = unsafe { sum_pieces::<C>(ifma, work, bases, refs, &pieces, control)? };
    let mut extra = vec![None; split.last().map_or(0, |(_, others)| others.end)];
    for (pieces, place) in pieces.chunks(8).zip(places) {
        let block = work.dense.block(place.start);
        // SAFETY: the token proves that the CPU has the features.
        let stored = unsafe { store::<C::Coordinate>(ifma, block) };
        for (i, piece) in pieces.iter().enumerate().filter(|(i, _)| block.live >> i & 1 == 1) {
            let place = piece.place as usize;
            work.points[place] = stored[i];
            let sum = match place.checked_sub(points.len()) {
                Some(beyond) => &mut extra[beyond],
                None => &mut points[place],
            };
            *sum = Some(PointRef::work(place, false));
        }
    }
    join(work, &split, &extra, points, control)
}

/// Sums pieces, the longest first; gives where the block of each eight is.
#[target_feature(enable = "avx512f,avx512ifma")]
fn sum_pieces<C: Curve>(
    ifma: Ifma,
    work: &mut Workspace<C::Coordinate>,
    bases: &[PointOf<C>],
    refs: &[PointRef],
    pieces: &[Piece],
    control: &Control,
) -> Result<Vec<Range<usize>>, DeviceError> {
    let (Rows(rows), adder) = (&mut work.rows, &mut work.dense);
    rows.clear();
    pieces.chunks(8).for_each(|group| append_rows(rows, ifma, group, refs));
    let (jobs, mut places) = plan(pieces);
    let within = |r: &PointRef| !r.is_work() & (r.index() < bases.len());
    assert!(rows.iter().all(|row| row.refs.iter().fold(true, |all, r| all & within(r))), "a point that is not there");
    let pools = Pools::bases(bases);
    let row_of = |job: usize, second: bool| match (second, &jobs[job]) {
        (true, Job { second: Some(second), .. }) => &rows[*second],
        (_, Job { first, .. }) => &rows[*first],
    };
    let prefetch = |row: &Row| pools.eight::<C::Coordinate>(ifma, row.refs).prefetch(ifma);
    let bring = |job: usize, second: bool, block: &mut Eight<C::Coordinate>| {
        if job + AHEAD < jobs.len() {
            prefetch(row_of(job + AHEAD, second));
        }
        let row = row_of(job, second);
        // SAFETY: the CPU has the features, and all points are there.
        unsafe { take(ifma, pools, &row.refs, block) }
        block.live = row.live;
    };
    let announce = |job: usize| [false, true].into_iter().for_each(|second| prefetch(row_of(job, second)));
    adder.first_level::<Converted>(jobs.len(), |job| jobs[job].second.is_some(), bring, announce, control)?;
    adder.levels::<Converted>(&mut places, |pairs| pairs == 0, control)?;
    Ok(places)
}

/// The pieces of the buckets, the longest first; and of each bucket that was cut, its number and the work points of all
/// its pieces but the first, less `points.len()`. Buckets of one point are done.
fn cut<F: Coordinate>(
    work: &mut Workspace<F>,
    (refs, starts): (&[PointRef], &[u32]),
    first: usize,
    bases: &[Point<F::Element>],
    points: &mut [Option<PointRef>],
) -> (Vec<Piece>, Vec<(usize, Range<usize>)>) {
    let (mut pieces, mut split) = (Vec::with_capacity(starts.len()), Vec::new());
    let mut counts = [0u32; LONGEST + 1];
    for (bucket, ends) in (first..).zip(starts.windows(2)) {
        let (start, length) = (ends[0] as usize, (ends[1] - ends[0]) as usize);
        if length == 1 {
            let only = refs[start];
            work.points[bucket] = bases[only.index()];
            points[bucket] = Some(PointRef::work(bucket, only.is_negative()));
        }
        if length < 2 {
            continue;
        }
        let count = length.div_ceil(LONGEST);
        let extra: Vec<usize> = (1..count).map(|_| work.fresh()).collect();
        for i in 0..count {
            let (from, to) = (start + i * length / count, start + (i + 1) * length / count);
            let place = if i == 0 { bucket } else { extra[i - 1] };
            counts[to - from] += 1;
            pieces.push(Piece { start: from as u32, length: (to - from) as u32, place: place as u32 });
        }
        if let (Some(first), Some(last)) = (extra.first(), extra.last()) {
            split.push((bucket, first - points.len()..last + 1 - points.len()));
        }
    }
    // A counting sort, the longest first.
    let mut next = 0;
    for count in counts.iter_mut().rev() {
        next += std::mem::replace(count, next);
    }
    let mut sorted = pieces.clone();
    for piece in pieces {
        let place = &mut counts[piece.length as usize];
        sorted[*place as usize] = piece;
        *place += 1;
    }
    (sorted, split)
}

/// The additions of the first level, the second half of each eight pieces' rows to the first; and where the blocks of
/// each eight are then.
fn plan(pieces: &[Piece]) -> (Vec<Job>, Vec<Range<usize>>) {
    let (mut jobs, mut places, mut before) = (Vec::new(), Vec::with_capacity(pieces.len().div_ceil(8)), 0);
    for longest in pieces.iter().step_by(8) {
        let (start, rows) = (jobs.len(), longest.length as usize);
        let half = rows.div_ceil(2);
        jobs.extend((0..half).map(|first| {
            let second = first + half;
            Job { first: before + first, second: (second < rows).then_some(before + second) }
        }));
        places.push(start..jobs.len());
        before += rows;
    }
    (jobs, places)
}

/// Takes eight points into a block.
///
/// # Safety
/// The CPU has the features, and the points are there.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
unsafe fn take<F: Coordinate>(ifma: Ifma, pools: Pools, refs: &[PointRef; 8], block: &mut Eight<F>) {
    let operands: Operands<F> = pools.eight(ifma, *refs);
    // SAFETY: the caller's promise.
    unsafe {
        block.point.x = operands.x(ifma);
        block.point.y = operands.y(ifma);
    }
    block.negative = operands.negative;
}

/// The points of a block.
#[target_feature(enable = "avx512f,avx512ifma")]
fn store<F: Coordinate>(ifma: Ifma, block: &Eight<F>) -> [Point<F::Element>; 8] {
    let (x, y) = (block.point.x.store(ifma), block.point.y.negate(block.negative).store(ifma));
    std::array::from_fn(|i| Point { x: x[i], y: y[i] })
}

/// Adds up the pieces of the buckets that were cut.
fn join<F: Coordinate>(
    work: &mut Workspace<F>,
    split: &[(usize, Range<usize>)],
    extra: &[Option<PointRef>],
    points: &mut [Option<PointRef>],
    control: &Control,
) -> Result<(), DeviceError> {
    if split.is_empty() {
        return Ok(());
    }
    let mut runs = Runs::default();
    for (bucket, others) in split {
        let before = runs.refs.len();
        runs.refs.extend(points[*bucket].iter().chain(extra[others.clone()].iter().flatten()));
        runs.lengths.push((runs.refs.len() - before) as u32);
    }
    work.sum(&[], &mut runs, control)?;
    for ((bucket, _), sum) in split.iter().zip(runs.sums()) {
        points[*bucket] = sum.map(|sum| {
            work.points[*bucket] = work.points[sum.index()];
            PointRef::work(*bucket, sum.is_negative())
        });
    }
    Ok(())
}

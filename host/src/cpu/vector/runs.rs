//! Sums of runs of points: many lists, each summed as a binary tree, all trees level by level together.
//!
//! The pairs of one level are independent, whichever lists they belong to, so no two lanes ever meet in one bucket and
//! every batch of the [`Adder`] is full. A list of n points takes n − 1 additions. Sums overwrite the work points
//! that they were made of.

use super::adder::{Adder, Pairs, Point, PointRef};
use super::coordinate::Coordinate;
use super::dense::DenseAdder;
use super::msm::{Rows, Sorter};
use super::token::Ifma;
use crate::backend::Control;
use crate::error::DeviceError;

/// Lists of points, stored flat.
#[derive(Default)]
pub(crate) struct Runs {
    pub(crate) refs: Vec<PointRef>,
    pub(crate) lengths: Vec<u32>,
}

impl Runs {
    /// The only point of each list, after [`Workspace::sum`]; `None` for the identity.
    pub(crate) fn sums(&self) -> impl Iterator<Item = Option<PointRef>> {
        let mut refs = self.refs.iter();
        self.lengths.iter().map(move |&length| if length == 0 { None } else { refs.next().copied() })
    }
}

/// The work points of one thread, and what adds them.
pub(crate) struct Workspace<F: Coordinate> {
    adder: Adder<F>,
    pub(crate) points: Vec<Point<F::Element>>,
    /// Work points from here on are free.
    next: usize,
    pairs: Pairs,
    next_pairs: Pairs,
    pub(crate) dense: DenseAdder<F>,
    /// What MSMs keep.
    pub(super) sorter: Sorter,
    pub(super) rows: Rows,
}

impl<F: Coordinate> Workspace<F> {
    pub(crate) fn new(ifma: Ifma) -> Self {
        Self {
            adder: Adder::new(ifma),
            points: Vec::new(),
            next: 0,
            pairs: Pairs::default(),
            next_pairs: Pairs::default(),
            dense: DenseAdder::new(ifma),
            sorter: Sorter::default(),
            rows: Rows::default(),
        }
    }

    /// Frees all work points but the first `kept`, which exist from now on.
    pub(crate) fn reset(&mut self, kept: usize) {
        self.next = kept;
        if self.points.len() < kept {
            self.points.resize_with(kept, Default::default);
        }
    }

    /// A free work point.
    pub(crate) fn fresh(&mut self) -> usize {
        if self.next == self.points.len() {
            self.points.push(Point::default());
        }
        self.next += 1;
        self.next - 1
    }

    /// The work point that may take the sum of two points.
    fn place(&mut self, a: PointRef, b: PointRef) -> usize {
        if a.is_work() {
            a.index()
        } else if b.is_work() {
            b.index()
        } else {
            self.fresh()
        }
    }

    /// Computes pairs that the caller placed.
    pub(crate) fn add(
        &mut self,
        bases: &[Point<F::Element>],
        pairs: &mut Pairs,
        control: &Control,
    ) -> Result<(), DeviceError> {
        control.checkpoint()?;
        self.adder.add(bases, &mut self.points, pairs);
        Ok(())
    }

    /// Replaces each list by its sum: one point, or none for the identity. No point may be the identity, and no work
    /// point may be in two places, since it is overwritten.
    pub(crate) fn sum(
        &mut self,
        bases: &[Point<F::Element>],
        runs: &mut Runs,
        control: &Control,
    ) -> Result<(), DeviceError> {
        let (mut pairs, mut next) = (std::mem::take(&mut self.pairs), std::mem::take(&mut self.next_pairs));
        pairs.clear();
        pairs.reserve(runs.refs.len() / 2);
        let mut start = 0;
        for &length in &runs.lengths {
            let end = start + length as usize;
            self.pair_up(&runs.refs[start..end], &mut pairs);
            start = end;
        }
        while pairs.len() > 0 {
            self.add(bases, &mut pairs, control)?;
            next.clear();
            self.shorten(runs, &pairs, &mut next);
            std::mem::swap(&mut pairs, &mut next);
        }
        (self.pairs, self.next_pairs) = (pairs, next);
        Ok(())
    }

    /// Pairs the points of a list; an odd one is left over at the end.
    #[inline(always)]
    fn pair_up(&mut self, run: &[PointRef], pairs: &mut Pairs) {
        for pair in run.chunks_exact(2) {
            let place = self.place(pair[0], pair[1]);
            pairs.push(pair[0], pair[1], place);
        }
    }

    /// Puts the sums of a level in the place of its pairs, and pairs them up for the next level.
    fn shorten(&mut self, runs: &mut Runs, pairs: &Pairs, next: &mut Pairs) {
        let (mut first, mut read, mut write) = (0, 0, 0);
        for length in &mut runs.lengths {
            let (count, start) = (*length as usize, write);
            for sum in pairs.sums_of(first..first + count / 2) {
                runs.refs[write] = sum;
                write += 1;
            }
            if count % 2 == 1 {
                runs.refs[write] = runs.refs[read + count - 1];
                write += 1;
            }
            (first, read) = (first + count / 2, read + count);
            *length = (write - start) as u32;
            self.pair_up(&runs.refs[start..write], next);
        }
        runs.refs.truncate(write);
    }
}

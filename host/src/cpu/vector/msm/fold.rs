//! From the buckets of a group of windows to one sum for each bit of the scalars.
//!
//! Σ d·B[d] = Σⱼ 2ʲ·H[j], where H[j] is the sum of the buckets whose number d has bit j. Halving gives all of them with
//! two additions for a bucket: from the top bit down, H[j] is the sum of the upper half, and adding the upper half to
//! the lower leaves the same problem for half as many buckets. Unlike running sums, every step is a batch of
//! independent additions. The digits' bits are then the scalar's bits: one Horner pass over all bits ends the MSM.

use crate::backend::Control;
use crate::cpu::vector::adder::{Pairs, PointRef, Sum};
use crate::cpu::vector::coordinate::Coordinate;
use crate::cpu::vector::runs::{Runs, Workspace};
use crate::error::DeviceError;

/// The buckets of several windows. Bucket d of window w, for d from 1 to 2^bits, is at `w·2^bits + d − 1`.
pub(super) struct Buckets {
    /// log2 of the buckets of a window.
    pub(super) bits: usize,
    /// What is in each bucket, all of it work points, each in a place of its own; `None` for nothing.
    pub(super) points: Vec<Option<PointRef>>,
}

impl Buckets {
    /// H[j] for each window and bit j: window by window, `bits + 1` of them, lowest first. Uses the work points up.
    pub(super) fn fold<F: Coordinate>(
        mut self,
        work: &mut Workspace<F>,
        control: &Control,
    ) -> Result<Vec<Sum<F::Element>>, DeviceError> {
        let count = 1 << self.bits;
        let windows = self.points.len() / count;
        // Half of the buckets, then half of the rest, and so on.
        let mut runs = Runs { refs: Vec::with_capacity(self.points.len()), lengths: Vec::new() };
        let mut pairs = Pairs::with_capacity(self.points.len() / 2);
        // Bit `bits` is set in one number only.
        for window in 0..windows {
            push_run(&mut runs, [self.points[(window + 1) * count - 1]]);
        }
        // From here on number d is at index d: what was left over, at number 2^bits, makes room for number 0.
        for window in self.points.chunks_mut(count) {
            window.rotate_right(1);
            window[0] = None;
        }
        for bit in (0..self.bits).rev() {
            let half = 1 << bit;
            for window in 0..windows {
                let upper = window * count + half;
                push_run(&mut runs, self.points[upper..upper + half].iter().copied());
            }
            self.add_halves(half, work, &mut pairs, control)?;
        }
        work.sum(&[], &mut runs, control)?;
        let sums: Vec<_> = runs.sums().map(|sum| sum.map(|r| (work.points[r.index()], r.is_negative()))).collect();
        let by_window = |i: usize| sums[(self.bits - i % (self.bits + 1)) * windows + i / (self.bits + 1)];
        Ok((0..sums.len()).map(by_window).collect())
    }

    /// Adds bucket `half + i` to bucket i of each window, for i below `half`. The upper ones stay as they are.
    fn add_halves<F: Coordinate>(
        &mut self,
        half: usize,
        work: &mut Workspace<F>,
        pairs: &mut Pairs,
        control: &Control,
    ) -> Result<(), DeviceError> {
        pairs.clear();
        let mut targets = Vec::with_capacity(self.points.len() / 2);
        for start in (0..self.points.len()).step_by(1 << self.bits) {
            for i in start..start + half {
                match (self.points[i], self.points[i + half]) {
                    (Some(low), Some(high)) => {
                        pairs.push(low, high, low.index());
                        targets.push(i);
                    }
                    (None, Some(high)) if half > 1 => {
                        let place = work.fresh();
                        work.points[place] = work.points[high.index()];
                        self.points[i] = Some(PointRef::work(place, high.is_negative()));
                    }
                    _ => {}
                }
            }
        }
        work.add(&[], pairs, control)?;
        for (i, sum) in targets.into_iter().zip(pairs.sums()) {
            self.points[i] = sum;
        }
        Ok(())
    }
}

/// Appends a list of what is there.
fn push_run(runs: &mut Runs, points: impl IntoIterator<Item = Option<PointRef>>) {
    let before = runs.refs.len();
    runs.refs.extend(points.into_iter().flatten());
    runs.lengths.push((runs.refs.len() - before) as u32);
}

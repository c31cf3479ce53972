//! How long an operation takes on a backend: measured, then learnt from what it took.
//!
//! For each operation and each power of two of the size there is a moving average of nanoseconds an item. It begins with
//! what `crossover/` measured, where that was measured. An estimate for a size not seen yet is taken from the nearest size
//! that was, an item costing the same; before anything was measured the reference has the figures below, and a device has
//! none, which means that it is not chosen by them. What a call did that is not the operation itself (preparing bases, an
//! MSM with a table of multiples) is not learnt.
//!
//! What a device took includes its queue. So where it is busy, throttled or had to compile first, its figure rises above
//! what was measured and the CPU is preferred; since nobody asks it then, [`Costs::forget`] brings the figure back, and
//! the device is tried again.

use crate::backend::Op;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Powers of two of the size that are told apart.
const BUCKETS: usize = 32;

/// Nanoseconds an item of blst on one core of a 4.5 GHz Zen 5, at a size where the cost an item is highest; slower
/// machines correct it with their first calls.
const fn reference_nanoseconds(op: Op) -> u64 {
    match op {
        Op::MsmG1 => 60_000,
        Op::MsmG2 => 160_000,
        Op::MulG1 => 75_000,
        Op::MulG2 => 170_000,
        Op::SumG1 => 600,
        Op::SumG2 => 1_500,
        Op::MillerLoop => 200_000,
        Op::HashToG1 => 60_000,
        Op::HashToG2 => 130_000,
        Op::MapToG1 => 40_000,
        Op::MapToG2 => 90_000,
        Op::DecompressG1 => 40_000,
        Op::DecompressG2 => 60_000,
        Op::SubgroupG1 => 25_000,
        Op::SubgroupG2 => 30_000,
        Op::Ntt => 400,
    }
}

/// A part of what is above the measured figure is forgotten at a time.
const FORGOTTEN: u64 = 16;

/// Picoseconds an item by operation and power of two of the size, 0 where nothing is known.
type Cells = [[AtomicU64; BUCKETS]; Op::ALL.len()];

/// The costs of one backend.
pub(super) struct Costs {
    learnt: Cells,
    measured: Cells,
}

impl Default for Costs {
    fn default() -> Self {
        let empty = || std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Self { learnt: empty(), measured: empty() }
    }
}

fn bucket(size: usize) -> usize {
    (size.max(1).ilog2() as usize).min(BUCKETS - 1)
}

/// Picoseconds an item.
fn item_cost(size: usize, took: Duration) -> u64 {
    (took.as_nanos().saturating_mul(1_000) / size.max(1) as u128).clamp(1, u128::from(u64::MAX)) as u64
}

/// The bucket nearest to `at` in which something is known, the larger one of two.
fn nearest(cells: &[AtomicU64; BUCKETS], at: usize) -> Option<usize> {
    let known = |i: &usize| cells.get(*i).is_some_and(|cell| cell.load(Relaxed) > 0);
    (0..BUCKETS).find_map(|d| Some(at + d).filter(known).or_else(|| at.checked_sub(d).filter(known)))
}

impl Costs {
    /// Takes in that `size` items of `op` took `took`: a quarter of the new figure, three quarters of the old.
    pub(super) fn learn(&self, op: Op, size: usize, took: Duration) {
        let item = item_cost(size, took);
        let cell = &self.learnt[op as usize][bucket(size)];
        let old = cell.load(Relaxed);
        let new = if old == 0 { item } else { old - old / 4 + item / 4 };
        cell.store(new.max(1), Relaxed);
    }

    /// Sets what `size` items of `op` take by a measurement, whatever was learnt before.
    pub(super) fn set(&self, op: Op, size: usize, took: Duration) {
        for cells in [&self.measured, &self.learnt] {
            cells[op as usize][bucket(size)].store(item_cost(size, took), Relaxed);
        }
    }

    /// Brings the learnt figure of a size a part of the way back to the measured one, if it is above it.
    pub(super) fn forget(&self, op: Op, size: usize) {
        let (learnt, measured) = (&self.learnt[op as usize], &self.measured[op as usize]);
        let Some(at) = nearest(learnt, bucket(size)) else { return };
        let (now, aim) = (learnt[at].load(Relaxed), measured[at].load(Relaxed));
        if aim > 0 && now > aim {
            // At least one, so that the aim is reached.
            learnt[at].store(now - ((now - aim) / FORGOTTEN).max(1), Relaxed);
        }
    }

    /// What `size` items of `op` should take, from the nearest size known.
    pub(super) fn estimate(&self, op: Op, size: usize) -> Option<Duration> {
        let cells = &self.learnt[op as usize];
        Some(scale(cells[nearest(cells, bucket(size))?].load(Relaxed), size))
    }

    /// What `size` items of `op` should take on the reference.
    pub(super) fn estimate_reference(&self, op: Op, size: usize) -> Duration {
        self.estimate(op, size).unwrap_or_else(|| scale(reference_nanoseconds(op) * 1_000, size))
    }
}

fn scale(picoseconds: u64, size: usize) -> Duration {
    let nanoseconds = u128::from(picoseconds) * size.max(1) as u128 / 1_000;
    Duration::from_nanos(nanoseconds.min(u128::from(u64::MAX)) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_come_from_the_nearest_size() {
        let costs = Costs::default();
        assert_eq!(costs.estimate(Op::Ntt, 1), None);
        costs.learn(Op::Ntt, 1 << 10, Duration::from_micros(1024));
        costs.learn(Op::Ntt, 1 << 20, Duration::from_secs(2));
        assert_eq!(costs.estimate(Op::Ntt, 1 << 9), Some(Duration::from_micros(512)));
        assert!(costs.estimate(Op::Ntt, 1 << 19) > Some(Duration::from_millis(900)));
        assert_eq!(costs.estimate(Op::SumG1, 5), None);
    }

    /// One slow call (a kernel compiled, a queue) turns nobody away for ever.
    #[test]
    fn what_was_slow_once_is_forgotten() {
        let costs = Costs::default();
        let (usual, slow) = (Duration::from_micros(64), Duration::from_secs(2));
        costs.forget(Op::Ntt, 64);
        assert_eq!(costs.estimate(Op::Ntt, 64), None);
        costs.set(Op::Ntt, 64, usual);
        costs.learn(Op::Ntt, 64, slow);
        assert!(costs.estimate(Op::Ntt, 64) > Some(slow / 8));
        let calls = (0..1_000).take_while(|_| {
            costs.forget(Op::Ntt, 64);
            costs.estimate(Op::Ntt, 64) > Some(2 * usual)
        });
        assert!(calls.count() < 200);
        (0..1_000).for_each(|_| costs.forget(Op::Ntt, 100));
        assert_eq!(costs.estimate(Op::Ntt, 64), Some(usual), "and no further back than what was measured");
        // What became cheaper than it was measured stays so.
        (0..50).for_each(|_| costs.learn(Op::Ntt, 64, usual / 2));
        costs.forget(Op::Ntt, 64);
        assert!(costs.estimate(Op::Ntt, 64) < Some(usual * 3 / 4));
    }

    #[test]
    fn extremes_neither_overflow_nor_vanish() {
        let costs = Costs::default();
        costs.learn(Op::SumG1, 0, Duration::ZERO);
        costs.learn(Op::SumG1, usize::MAX, Duration::MAX);
        assert!(costs.estimate(Op::SumG1, 0).is_some());
        assert!(costs.estimate_reference(Op::SumG1, usize::MAX) > Duration::from_secs(1));
    }
}

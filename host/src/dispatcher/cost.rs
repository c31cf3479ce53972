//! How long an operation takes on a backend, learnt from what it took.
//!
//! For each operation and each power of two of the size there is a moving average of nanoseconds an item. An estimate
//! for a size not seen yet is taken from the nearest size that was, an item costing the same; before anything was
//! measured the reference has the figures below, and a device has none, which means that it must be tried first
//! (`selftest.rs` does). What a call did that is not the operation itself (preparing bases, an MSM with a table of
//! multiples) is not learnt.

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

/// The learnt costs of one backend: picoseconds an item, 0 where nothing is known.
pub(super) struct Costs([[AtomicU64; BUCKETS]; Op::ALL.len()]);

impl Default for Costs {
    fn default() -> Self {
        Self(std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0))))
    }
}

fn bucket(size: usize) -> usize {
    (size.max(1).ilog2() as usize).min(BUCKETS - 1)
}

impl Costs {
    /// Takes in that `size` items of `op` took `took`: a quarter of the new figure, three quarters of the old.
    pub(super) fn learn(&self, op: Op, size: usize, took: Duration) {
        let item = (took.as_nanos().saturating_mul(1_000) / size.max(1) as u128).clamp(1, u128::from(u64::MAX)) as u64;
        let cell = &self.0[op as usize][bucket(size)];
        let old = cell.load(Relaxed);
        let new = if old == 0 { item } else { old - old / 4 + item / 4 };
        cell.store(new.max(1), Relaxed);
    }

    /// What `size` items of `op` should take, from the nearest size measured.
    pub(super) fn estimate(&self, op: Op, size: usize) -> Option<Duration> {
        let (cells, at) = (&self.0[op as usize], bucket(size));
        let known = |i: usize| Some(cells.get(i)?.load(Relaxed)).filter(|&item| item > 0);
        let nearest = (0..BUCKETS).find_map(|d| known(at + d).or_else(|| known(at.checked_sub(d)?)));
        nearest.map(|item| scale(item, size))
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

    #[test]
    fn extremes_neither_overflow_nor_vanish() {
        let costs = Costs::default();
        costs.learn(Op::SumG1, 0, Duration::ZERO);
        costs.learn(Op::SumG1, usize::MAX, Duration::MAX);
        assert!(costs.estimate(Op::SumG1, 0).is_some());
        assert!(costs.estimate_reference(Op::SumG1, usize::MAX) > Duration::from_secs(1));
    }
}

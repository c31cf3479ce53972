//! Counters and latency histograms, for an application to export.

use crate::backend::Op;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Upper bounds of the latency histogram's buckets but the last: 16 µs·4^i, up to about 4 s.
pub const LATENCY_BOUNDS_US: [u64; 10] = [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The counters of one operation on one backend since the dispatcher was built.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct OpStats {
            $($(#[$doc])* pub $name: u64,)*
            /// Answers by time taken; bucket i counts those of at most [`LATENCY_BOUNDS_US`]`[i]` µs (and above the
            /// bucket before), the last one the rest.
            pub latency: [u64; LATENCY_BOUNDS_US.len() + 1],
        }

        #[derive(Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64,)*
            latency: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
        }

        impl Counters {
            fn snapshot(&self) -> OpStats {
                OpStats {
                    $($name: self.$name.load(Relaxed),)*
                    latency: std::array::from_fn(|i| self.latency[i].load(Relaxed)),
                }
            }
        }
    };
}

counters! {
    /// Answers given that were used.
    operations,
    /// Items in those answers.
    items,
    /// Time they took, in nanoseconds, queueing included.
    nanoseconds,
    /// Calls that ended with an error of the device.
    errors,
    /// Calls that were not answered within their deadline.
    timeouts,
    /// Calls in which the backend panicked (counted in `errors` too).
    panics,
    /// Answers found wrong.
    wrong_answers,
    /// Calls that gave up before the device got to them, because it was busy.
    busy,
    /// Calls that the CPU answered because this backend did not.
    fallbacks,
    /// Answers that were audited.
    audits,
    /// Negative verdicts that were computed again on blst.
    rechecks,
}

impl Counters {
    /// Counts an answer.
    pub(super) fn answered(&self, items: usize, took: Duration) {
        self.operations.fetch_add(1, Relaxed);
        self.items.fetch_add(items as u64, Relaxed);
        self.nanoseconds.fetch_add(took.as_nanos().min(u128::from(u64::MAX)) as u64, Relaxed);
        let micros = took.as_micros().min(u128::from(u64::MAX)) as u64;
        let bucket = LATENCY_BOUNDS_US.iter().position(|&bound| micros <= bound).unwrap_or(LATENCY_BOUNDS_US.len());
        self.latency[bucket].fetch_add(1, Relaxed);
    }
}

/// The counters of one backend, by operation.
pub(super) struct Board([Counters; Op::ALL.len()]);

impl Default for Board {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counters::default()))
    }
}

impl Board {
    pub(super) fn of(&self, op: Op) -> &Counters {
        &self.0[op as usize]
    }

    /// The operations that were asked of the backend at all.
    pub(super) fn snapshot(&self) -> Vec<(Op, OpStats)> {
        let all = Op::ALL.into_iter().map(|op| (op, self.of(op).snapshot()));
        all.filter(|(_, stats)| *stats != OpStats::default()).collect()
    }
}

/// The counters of one backend.
#[derive(Clone, Debug)]
pub struct BackendStats {
    /// The backend's name.
    pub backend: String,
    /// Its operations that were asked for.
    pub operations: Vec<(Op, OpStats)>,
}

impl BackendStats {
    /// The sum of one counter over all operations.
    pub fn total(&self, counter: impl Fn(&OpStats) -> u64) -> u64 {
        self.operations.iter().map(|(_, stats)| counter(stats)).sum()
    }
}

/// The counters of every backend of a dispatcher.
#[derive(Clone, Debug)]
pub struct Stats {
    /// One entry a backend, the reference first.
    pub backends: Vec<BackendStats>,
}

impl Stats {
    /// The counters of a backend.
    pub fn backend(&self, name: &str) -> Option<&BackendStats> {
        self.backends.iter().find(|b| b.backend == name)
    }

    /// Calls that the CPU answered because another backend did not.
    pub fn fallbacks(&self) -> u64 {
        self.backends.iter().map(|b| b.total(|s| s.fallbacks)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_counts_every_answer_once() {
        let board = Board::default();
        for us in [0u64, 16, 17, 5_000_000, u64::MAX / 2_000] {
            board.of(Op::Ntt).answered(3, Duration::from_micros(us));
        }
        let [(op, stats)] = &board.snapshot()[..] else { panic!("one operation was used") };
        assert_eq!((*op, stats.operations, stats.items), (Op::Ntt, 5, 15));
        assert_eq!(stats.latency.iter().sum::<u64>(), 5);
        assert_eq!((stats.latency[0], stats.latency[1], stats.latency[10]), (2, 1, 2));
    }
}

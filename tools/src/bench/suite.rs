//! A suite: many operations, each at several sizes, against every baseline that has it.

use super::job::{Baseline, Op};
use super::{Bench, Error, Record, machine};
use clap::ValueEnum;
use std::time::Duration;

/// A suite of figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// What the CPU path is held to, at several sizes, against blst and arkworks
    Cpu,
}

/// What a suite came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The figures, by operation, baseline and size.
    pub records: Vec<Record>,
    /// What the reader of the figures must know: what was left out and why, a busy machine.
    pub remarks: Vec<String>,
    /// Where the two sides computed different results.
    pub disagreements: Vec<String>,
}

/// The operations of the CPU suite with their sizes, ascending.
const CPU: [(Op, &[usize]); 26] = [
    (Op::FpMul, &[1 << 12, 1 << 14, 1 << 16]),
    (Op::Fp2Mul, &[1 << 12, 1 << 14, 1 << 16]),
    (Op::MsmG1, &[1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18]),
    (Op::MsmG2, &[1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14]),
    (Op::MsmG1Fixed, &[1 << 6, 1 << 8, 1 << 10, 1 << 12, 1 << 14, 1 << 16]),
    (Op::MsmG2Fixed, &[1 << 6, 1 << 8, 1 << 10, 1 << 12]),
    (Op::MsmG1Bits64, &[1 << 8, 1 << 10, 1 << 12, 1 << 14]),
    (Op::MsmG1Bits128, &[1 << 8, 1 << 10, 1 << 12, 1 << 14]),
    (Op::MsmG1Witness, &[1 << 8, 1 << 10, 1 << 12, 1 << 14]),
    (Op::MsmG1Repeated, &[1 << 8, 1 << 10, 1 << 12, 1 << 14]),
    (Op::MulG1, &[2, 16, 128, 1_024]),
    (Op::MulG2, &[2, 16, 128, 1_024]),
    (Op::SumG1, &[128, 1_024, 10_000]),
    (Op::MultiPairing, &[1, 2, 8, 32, 128]),
    (Op::MultiPairingPrepared, &[1, 2, 8, 32, 128]),
    (Op::HashToG2, &[1, 2, 8, 32, 128]),
    (Op::DecompressG1, &[2, 16, 128, 1_024]),
    (Op::DecompressG2, &[2, 16, 128, 1_024]),
    (Op::SubgroupG1, &[16, 128, 1_024, 10_000, 100_000]),
    (Op::SubgroupG2, &[16, 128, 1_024, 10_000, 100_000]),
    (Op::Verify, &[1]),
    (Op::VerifyBatch, &[2, 8, 32, 128]),
    (Op::FastAggregateVerify, &[128, 1_024, 10_000]),
    (Op::InvertFr, &[16, 256, 1 << 12, 1 << 16]),
    (Op::NormalizeG1, &[16, 256, 1 << 12, 1 << 16]),
    (Op::Ntt, &[1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18]),
];

/// Runs of both sides that a figure takes at the least: comparison, warm-up, five rounds.
const FEWEST_RUNS: u32 = 7;

/// A size is left out where its fewest runs would take this many times the time of a figure.
const PATIENCE: u32 = 40;

impl Suite {
    /// The seconds for a figure where none are asked for: some minutes for the whole suite.
    pub const SECONDS: f64 = 0.5;

    /// Measures everything, telling `progress` of each operation before its turn.
    ///
    /// # Errors
    /// [`Error::Dispatcher`]; what is refused and where results differ is part of the outcome.
    pub fn run(self, bench: &mut Bench, mut progress: impl FnMut(&str)) -> Result<Outcome, Error> {
        let Self::Cpu = self;
        let mut outcome = Outcome::default();
        for (op, sizes) in CPU {
            for baseline in [Baseline::Blst, Baseline::Arkworks] {
                // What blst does not have is no gap.
                if matches!(op, Op::Ntt | Op::InvertFr) && baseline == Baseline::Blst {
                    continue;
                }
                progress(&format!("{} against {}", op.name(), baseline.name()));
                bench.plan.baseline = baseline;
                ascend(bench, op, sizes, &mut outcome)?;
            }
        }
        outcome.remarks.extend(machine::busy(bench.pool.threads));
        Ok(outcome)
    }
}

/// The sizes of one operation against one baseline, as long as the next is not too slow.
fn ascend(bench: &Bench, op: Op, sizes: &[usize], outcome: &mut Outcome) -> Result<(), Error> {
    let name = format!("{} against {}", op.name(), bench.plan.baseline.name());
    let mut last: Option<Record> = None;
    for size in sizes {
        if last.as_ref().is_some_and(|last| too_slow(last, *size, bench.plan.budget)) {
            outcome.remarks.push(format!("left out: {name} from {size} on: too slow for the time of a figure"));
            break;
        }
        match bench.run(op, *size) {
            Ok(record) => {
                outcome.records.push(record.clone());
                last = Some(record);
            }
            Err(error @ Error::Disagree { .. }) => outcome.disagreements.push(error.to_string()),
            Err(Error::Refused(why)) => {
                outcome.remarks.push(format!("left out: {name}: {why}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a size would take too long, if time grows as the size does.
fn too_slow(last: &Record, size: usize, budget: Duration) -> bool {
    let run = (last.median_ns + last.baseline_median_ns) as f64 * 1e-9 * size as f64 / last.size as f64;
    run * f64::from(FEWEST_RUNS) > budget.as_secs_f64() * f64::from(PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::super::report::sample;
    use super::*;

    #[test]
    fn sizes_are_accepted_and_ascend() {
        for (op, sizes) in CPU {
            assert!(sizes.is_sorted_by(|a, b| a < b), "{op:?}");
            for size in sizes {
                assert!(super::super::check(op, *size, Baseline::Arkworks).is_ok(), "{op:?} {size}");
            }
        }
    }

    #[test]
    fn slow_sizes_are_foreseen() {
        // 10 ms for both sides at a size of 10: 100 ms a run at 100, 0.7 s for the fewest runs.
        let last = Record { size: 10, median_ns: 4_000_000, baseline_median_ns: 6_000_000, ..sample() };
        assert!(!too_slow(&last, 100, Duration::from_millis(18)));
        assert!(too_slow(&last, 100, Duration::from_millis(17)));
        assert!(too_slow(&last, 11, Duration::ZERO));
    }
}

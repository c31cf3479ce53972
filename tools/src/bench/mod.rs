//! A backend against blst or arkworks: both sides in one process, interleaved, warmed up, and their results compared
//! for equality before anything is timed.
//!
//! What is compared is a call of the dispatcher with the inputs that its callers have (arkworks types), and the same
//! job by direct calls of the baseline on inputs in the baseline's own form, prepared outside the timing. Points that
//! come out are affine on both sides. With one thread on a CPU the time is what that thread ran (Linux), so that what
//! else the machine does is not in it; else it is what passed.
//!
//! | file | subject |
//! |---|---|
//! | `job.rs` | the operations, sizes and baselines that can be asked for, and what is refused |
//! | `measure.rs` | interleaved rounds and their medians |
//! | `inputs.rs` | seeded random inputs |
//! | `msm.rs`, `points.rs`, `pairings.rs`, `signatures.rs`, `batch.rs`, `fields.rs` | each operation on both sides |
//! | `direct.rs` | blst by its C bindings |
//! | `ark.rs` | arkworks |
//! | `report.rs` | records, table, JSON and CSV |
//! | `suite.rs` | many operations at many sizes against both baselines |
//! | `page.rs`, `plot.rs` | records as a page of HTML with plots |
//! | `machine.rs` | what a figure was measured on |

mod ark;
mod batch;
mod direct;
mod fields;
mod inputs;
mod job;
pub(crate) mod machine;
mod measure;
mod msm;
mod page;
mod pairings;
mod plot;
mod points;
mod report;
mod signatures;
mod suite;

pub use job::{Baseline, Op, check, parse_sizes};
pub use page::html;
pub use report::{Record, geometric_mean, table, to_csv};
pub use suite::{Outcome, Suite};

use crate::backends::Wanted;
use arblast::{Call, Class, Dispatcher, Selection};
use measure::{Clock, Timing};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Duration;

/// Why a bench gives no figure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The combination means nothing (yet).
    #[error("{0}")]
    Refused(String),
    /// The two sides computed different results; nothing was timed.
    #[error("{op} of {size}: {backend} and {baseline} disagree about the result; nothing was timed")]
    Disagree {
        /// The operation.
        op: &'static str,
        /// Its size.
        size: usize,
        /// The backend under test.
        backend: String,
        /// The baseline.
        baseline: &'static str,
    },
    /// The dispatcher refused a call or could not be built.
    #[error(transparent)]
    Dispatcher(#[from] arblast::Error),
    /// The operating system gave no threads.
    #[error("the thread pool of the baseline could not be made: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The backend under test.
    pub backend: Wanted,
    /// Its name as typed, for the records.
    pub backend_name: String,
    /// What it is compared with.
    pub baseline: Baseline,
    /// Threads on both sides; 0 means one per core.
    pub threads: usize,
    /// Time spent on each figure, both sides together.
    pub budget: Duration,
}

/// A plan made ready: the dispatcher, and the baseline's threads.
pub struct Bench<'a> {
    plan: Plan,
    /// Who times the sides one by one, instead of the interleaved rounds of `measure.rs`.
    timer: Option<&'a Timer<'a>>,
    dispatcher: Dispatcher,
    call: Call,
    pool: Pool,
    machine: String,
}

/// Given a side's name and its job, to be run as often as it takes.
pub type Timer<'a> = dyn Fn(&str, &mut dyn FnMut()) + 'a;

impl<'a> Bench<'a> {
    /// Builds the dispatcher and the baseline's thread pool.
    ///
    /// # Errors
    /// [`Error::Dispatcher`] where the backend is unknown or unusable, [`Error::Threads`].
    pub fn new(plan: Plan) -> Result<Self, Error> {
        let dispatcher = crate::backends::builder(&plan.backend).threads(plan.threads).build()?;
        let pool = Pool::new(plan.threads)?;
        Ok(Self { plan, timer: None, dispatcher, call: Call::new(Class::Job), pool, machine: machine::line() })
    }

    /// Measures one operation at one size.
    ///
    /// # Errors
    /// [`Error`]; a disagreement between the two sides is one.
    pub fn run(&self, op: Op, size: usize) -> Result<Record, Error> {
        let timing = self.timing(op, size)?;
        Ok(self.record(op, size, timing))
    }

    /// Hands both sides of one operation at one size to a timer, ours first, after their results were compared.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn each_side(mut self, op: Op, size: usize, timer: &'a Timer<'a>) -> Result<(), Error> {
        self.timer = Some(timer);
        self.timing(op, size).map(drop)
    }

    fn timing(&self, op: Op, size: usize) -> Result<Timing, Error> {
        job::check(op, size, self.plan.baseline)?;
        let timing = match op {
            Op::MsmG1 => msm::g1(self, size, msm::Scalars::Full),
            Op::MsmG2 => msm::g2(self, size),
            Op::MsmG1Fixed => msm::g1_fixed(self, size),
            Op::MsmG2Fixed => msm::g2_fixed(self, size),
            Op::MsmG1Bits64 => msm::g1(self, size, msm::Scalars::Bits(64)),
            Op::MsmG1Bits128 => msm::g1(self, size, msm::Scalars::Bits(128)),
            Op::MsmG1Witness => msm::g1(self, size, msm::Scalars::Witness),
            Op::MsmG1Repeated => msm::g1_repeated(self, size),
            Op::MulG1 => msm::mul_g1(self, size),
            Op::MulG2 => msm::mul_g2(self, size),
            Op::SumG1 => points::sum_g1(self, size),
            Op::DecompressG1 => points::decompress_g1(self, size),
            Op::DecompressG2 => points::decompress_g2(self, size),
            Op::SubgroupG1 => points::subgroup_g1(self, size),
            Op::SubgroupG2 => points::subgroup_g2(self, size),
            Op::Pairing => pairings::pairing(self, size),
            Op::MultiPairing => pairings::multi_pairing(self, size),
            Op::MultiPairingPrepared => pairings::multi_pairing_prepared(self, size),
            Op::HashToG2 => pairings::hash_to_g2(self, size),
            Op::Ntt => pairings::ntt(self, size),
            Op::Verify => signatures::verify(self, size),
            Op::VerifyBatch => signatures::verify_batch(self, size),
            Op::FastAggregateVerify => signatures::fast_aggregate_verify(self, size),
            Op::InvertFr => batch::invert_fr(self, size),
            Op::NormalizeG1 => batch::normalize_g1(self, size),
            Op::FpMul => fields::fp_mul(self, size),
            Op::Fp2Mul => fields::fp2_mul(self, size),
        };
        timing?.ok_or_else(|| Error::Disagree {
            op: op.name(),
            size,
            backend: self.plan.backend_name.clone(),
            baseline: self.plan.baseline.name(),
        })
    }

    fn record(&self, op: Op, size: usize, timing: Timing) -> Record {
        Record {
            op: op.name(),
            size,
            backend: self.plan.backend_name.clone(),
            threads: if op.is_single_threaded() { 1 } else { self.pool.threads },
            median_ns: timing.ours_ns,
            baseline: self.plan.baseline.name(),
            baseline_median_ns: timing.baseline_ns,
            ratio: timing.baseline_ns as f64 / timing.ours_ns.max(1) as f64,
            verified: true,
            machine: self.machine.clone(),
            baseline_threads: if job::baseline_uses_threads(op) { self.pool.threads } else { 1 },
            rounds: timing.rounds,
            clock: if op.is_field() { Clock::of(true).name() } else { self.clock().name() },
        }
    }

    /// Both sides run on the calling thread where one thread is asked for, the backend is a CPU's, and the baseline is
    /// not arkworks, which computes on a pool's thread even if that is its only one.
    fn clock(&self) -> Clock {
        let on_cpu = matches!(self.plan.backend.selection, Selection::Cpu | Selection::CpuPortable);
        let baseline_here = !matches!(self.plan.baseline, Baseline::Arkworks);
        Clock::of(on_cpu && baseline_here && self.pool.threads == 1)
    }

    /// The machine, as the records name it.
    pub fn machine(&self) -> &str {
        &self.machine
    }
}

/// Compares the results of both sides and times them as the bench asks; `None` where they are not the same.
fn duel<A, B>(
    bench: &Bench,
    mut ours: impl FnMut() -> Result<A, arblast::Error>,
    mut baseline: impl FnMut() -> B,
    same: impl Fn(&A, &B) -> bool,
) -> Result<Option<Timing>, arblast::Error> {
    let Some(timer) = bench.timer else { return measure::duel(bench.clock(), bench.plan.budget, ours, baseline, same) };
    if !same(&ours()?, &baseline()) {
        return Ok(None);
    }
    let mut outcome = Ok(());
    timer(&bench.plan.backend_name, &mut || match ours() {
        Ok(answer) => drop(black_box(answer)),
        Err(error) => outcome = Err(error),
    });
    outcome?;
    timer(bench.plan.baseline.name(), &mut || drop(black_box(baseline())));
    Ok(Some(Timing::default()))
}

/// The baseline's threads: blst is built single-threaded and arkworks mostly is, so their jobs are cut into one part
/// for each thread where that is natural.
struct Pool {
    threads: usize,
    pool: rayon::ThreadPool,
}

impl Pool {
    fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores() } else { threads };
        Ok(Self { threads, pool: rayon::ThreadPoolBuilder::new().num_threads(threads).build()? })
    }

    /// Maps one part of `0..len` for each thread; with one thread, on the calling thread.
    fn parts<R: Send>(&self, len: usize, work: impl Fn(std::ops::Range<usize>) -> R + Sync) -> Vec<R> {
        if self.threads == 1 || len < 2 {
            return vec![work(0..len)];
        }
        let step = len.div_ceil(self.threads);
        let starts: Vec<usize> = (0..len).step_by(step).collect();
        self.pool.install(|| starts.par_iter().map(|&s| work(s..(s + step).min(len))).collect())
    }

    /// Runs rayon code of the baseline on these threads.
    fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}

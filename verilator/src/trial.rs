//! Trials: an engine on random inputs, compared with the CPU, with the figures a hardware engineer asks for.

use crate::aggregate::{Aggregate, Summed};
use crate::axi::{Counters, Engine};
use crate::coverage::{self, Summary};
use crate::error::{Error, file};
use crate::g1;
use crate::simulate::{Config, MsmG1};
use crate::timeline::Timeline;
use arblast_hdl::designs;
use arblast_hdl::engine::registers;
use ark_bls12_381::{Fr, G1Projective, g1 as g1_curve, g2 as g2_curve};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::PrimeField;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// Which engine is tried, on how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// An MSM of `points` points with full random scalars, or one such scalar for all.
    Msm {
        /// Points.
        points: usize,
        /// Bits of a window.
        window_bits: usize,
        /// Windows in a pass.
        windows: usize,
        /// Whether all scalars are equal: every point falls into one bucket a window.
        equal_scalars: bool,
    },
    /// One sum of all of `points` points of G1.
    Aggregate {
        /// Points.
        points: usize,
    },
    /// One sum of all of `points` points of G2.
    AggregateG2 {
        /// Points.
        points: usize,
    },
}

impl Trial {
    /// About how many clocks the trial takes, for a progress bar. `percent` is that of the backpressure.
    pub fn expected_clocks(&self, percent: u8) -> u64 {
        let held = |clocks: usize| clocks * 100 / (100 - usize::from(percent.min(99)));
        let clocks = match *self {
            Self::Msm { points, window_bits, windows, .. } => {
                let buckets = windows << (window_bits - 1);
                // Each slot is cleared, and each bucket added to the slots of its bits.
                let reduction = buckets * (2 + window_bits / 2);
                let passes = g1::SCALAR_BITS.div_ceil(window_bits).div_ceil(windows);
                passes * (held(points * windows.max(3)) + reduction + held(3 * windows * window_bits))
            }
            // The folded adder takes an addition every 36 clocks, and the last sums wait for each other.
            Self::AggregateG2 { points } => held(4 * points) + 36 * points + held(6 * designs::AGGREGATE_G2.1) + 4000,
            Self::Aggregate { points } => 3 * held(points) + held(4 * designs::AGGREGATE.1) + 1000,
        };
        clocks as u64
    }
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether the engine's answer equals the CPU's.
    pub equal: bool,
    /// What the engine counted.
    pub counters: Counters,
    /// Clocks simulated, the register accesses and the loading included.
    pub clocks: u64,
    /// Time of the simulation, the building of the model left out.
    pub elapsed: Duration,
    /// Points.
    pub points: usize,
    /// Clocks of the adder's pipeline.
    pub adder_latency: usize,
    /// Clock by clock, where the configuration asks for it.
    pub timeline: Timeline,
    /// What was exercised, where the configuration asks for it.
    pub coverage: Option<Summary>,
}

impl Outcome {
    /// Clocks of the run for each point.
    pub fn cycles_per_point(&self) -> f64 {
        self.counters.cycles as f64 / self.points.max(1) as f64
    }

    /// Simulated clocks in a millisecond.
    pub fn simulation_khz(&self) -> f64 {
        self.clocks as f64 / self.elapsed.as_secs_f64().max(1e-9) / 1e3
    }

    /// The time of the run on hardware with an ASSUMED clock: no clock was measured.
    pub fn at_assumed_mhz(&self, mhz: f64) -> Duration {
        Duration::from_secs_f64(self.counters.cycles as f64 / mhz / 1e6)
    }
}

/// What is told of a trial while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The model is built, or taken from the cache.
    Building,
    /// About a thousand clocks were simulated.
    Clocks,
    /// The CPU computes the same.
    Comparing,
}

/// Runs a trial on inputs drawn from `seed`; `progress` is told of each [`Step`], and ends the run with `false`.
///
/// # Errors
/// What building and running an engine run into; [`Error::Limit`] for a trial of no points.
pub fn run(trial: Trial, seed: u64, config: &Config, progress: &mut dyn FnMut(Step) -> bool) -> Result<Outcome, Error> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    if let Some(folder) = &config.coverage {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
    }
    progress(Step::Building);
    match trial {
        Trial::Msm { points, window_bits, windows, equal_scalars } => {
            let (bases, mut scalars) =
                (random_points::<g1_curve::Config>(points, &mut rng), random_scalars(points, &mut rng));
            if let (true, Some(&first)) = (equal_scalars, scalars.first()) {
                scalars.fill(first);
            }
            let mut engine = MsmG1::new((window_bits, windows), config)?;
            let (start, before) = (Instant::now(), engine.clock());
            let (got, counters) = engine.run(&bases, &scalars, &mut || progress(Step::Clocks))?;
            let (elapsed, clocks) = (start.elapsed(), engine.clock() - before);
            progress(Step::Comparing);
            let equal = G1Projective::msm(&bases, &scalars).is_ok_and(|sum| sum.into_affine() == got);
            outcome(engine.engine(), config, Figures { equal, counters, clocks, elapsed, points })
        }
        Trial::Aggregate { points } => sum_all::<g1_curve::Config>(points, &mut rng, config, progress),
        Trial::AggregateG2 { points } => sum_all::<g2_curve::Config>(points, &mut rng, config, progress),
    }
}

/// The trial of an aggregation engine: one sum of all points.
fn sum_all<C: Summed>(
    points: usize,
    rng: &mut ChaCha20Rng,
    config: &Config,
    progress: &mut dyn FnMut(Step) -> bool,
) -> Result<Outcome, Error> {
    let terms = random_points::<C>(points, rng);
    let all: Vec<u32> = (0..points as u32).collect();
    let bits = (points.next_power_of_two().trailing_zeros() as usize).max(C::SHAPE.0);
    let mut engine = Aggregate::<C>::new((bits, C::SHAPE.1), config)?;
    let (start, before) = (Instant::now(), engine.clock());
    engine.load(&terms, &mut || progress(Step::Clocks))?;
    let (got, counters) = engine.run(&[&all], &mut || progress(Step::Clocks))?;
    let (elapsed, clocks) = (start.elapsed(), engine.clock() - before);
    progress(Step::Comparing);
    let equal = got == [terms.iter().sum::<Projective<C>>().into_affine()];
    outcome(engine.engine(), config, Figures { equal, counters, clocks, elapsed, points })
}

/// What a trial measured by itself.
struct Figures {
    equal: bool,
    counters: Counters,
    clocks: u64,
    elapsed: Duration,
    points: usize,
}

/// The figures, with what the engine knows.
fn outcome(engine: &mut Engine, config: &Config, figures: Figures) -> Result<Outcome, Error> {
    let adder_latency = engine.read(registers::ADDER_LATENCY)? as usize;
    let coverage = match &config.coverage {
        None => None,
        Some(folder) => {
            let data = folder.join("coverage.dat");
            engine.write_coverage(&data)?;
            Some(coverage::annotate(&data, engine.sources(), folder)?)
        }
    };
    let Figures { equal, counters, clocks, elapsed, points } = figures;
    let timeline = engine.timeline().clone();
    Ok(Outcome { equal, counters, clocks, elapsed, points, adder_latency, timeline, coverage })
}

/// Scalars of full length.
pub(crate) fn random_scalars(count: usize, rng: &mut ChaCha20Rng) -> Vec<Fr> {
    let mut bytes = [0; 64];
    let mut one = || {
        rng.fill_bytes(&mut bytes);
        Fr::from_le_bytes_mod_order(&bytes)
    };
    (0..count).map(|_| one()).collect()
}

/// An arithmetic progression of points with random start and step.
pub(crate) fn random_points<C: SWCurveConfig>(count: usize, rng: &mut ChaCha20Rng) -> Vec<Affine<C>> {
    let ends = random_scalars(2, rng);
    let point = |scalar: Fr| Affine::<C>::generator().mul_bigint(scalar.into_bigint());
    let (start, step) = (point(ends[0]), point(ends[1]));
    let all: Vec<Projective<C>> = std::iter::successors(Some(start), |p| Some(*p + step)).take(count).collect();
    Projective::normalize_batch(&all)
}

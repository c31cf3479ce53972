//! Trials: an engine on random inputs, compared with the CPU, with the figures a hardware engineer asks for.

use crate::axi::{Counters, Engine};
use crate::coverage::{self, Summary};
use crate::error::{Error, file};
use crate::g1;
use crate::simulate::{AggregateG1, Config, MsmG1};
use crate::timeline::Timeline;
use arblast_hdl::designs;
use arblast_hdl::engine::registers;
use ark_bls12_381::{Fr, G1Affine, G1Projective};
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
    /// One sum of all of `points` points.
    Aggregate {
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
            let (bases, mut scalars) = (random_points(points, &mut rng), random_scalars(points, &mut rng));
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
        Trial::Aggregate { points } => {
            let keys = random_points(points, &mut rng);
            let all: Vec<u32> = (0..points as u32).collect();
            let bits = (points.next_power_of_two().trailing_zeros() as usize).max(designs::AGGREGATE.0);
            let mut engine = AggregateG1::new((bits, designs::AGGREGATE.1), config)?;
            let (start, before) = (Instant::now(), engine.clock());
            engine.load(&keys, &mut || progress(Step::Clocks))?;
            let (got, counters) = engine.run(&[&all], &mut || progress(Step::Clocks))?;
            let (elapsed, clocks) = (start.elapsed(), engine.clock() - before);
            progress(Step::Comparing);
            let equal = got == [keys.iter().sum::<G1Projective>().into_affine()];
            outcome(engine.engine(), config, Figures { equal, counters, clocks, elapsed, points })
        }
    }
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
pub(crate) fn random_points(count: usize, rng: &mut ChaCha20Rng) -> Vec<G1Affine> {
    let ends = random_scalars(2, rng);
    let (start, step) = (G1Affine::generator() * ends[0], G1Affine::generator() * ends[1]);
    let all: Vec<G1Projective> = std::iter::successors(Some(start), |p| Some(*p + step)).take(count).collect();
    G1Projective::normalize_batch(&all)
}

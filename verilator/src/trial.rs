//! Trials: an engine on random inputs, compared with the CPU, with the figures a hardware engineer asks for.

use crate::axi::Counters;
use crate::error::Error;
use crate::simulate::{AggregateG1, Config, MsmG1};
use arblast_hdl::designs;
use ark_bls12_381::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::PrimeField;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

/// Which engine is tried, on how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// An MSM of `points` points with full random scalars.
    Msm {
        /// Points.
        points: usize,
        /// Bits of a window.
        window_bits: usize,
        /// Windows in a pass.
        windows: usize,
    },
    /// One sum of all of `points` points.
    Aggregate {
        /// Points.
        points: usize,
    },
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

/// Runs a trial on inputs drawn from `seed`; `progress` is called every thousand clocks, and ends the run with
/// `false`.
///
/// # Errors
/// What building and running an engine run into.
pub fn run(trial: Trial, seed: u64, config: &Config, progress: &mut dyn FnMut() -> bool) -> Result<Outcome, Error> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    match trial {
        Trial::Msm { points, window_bits, windows } => {
            let (bases, scalars) = (random_points(points, &mut rng), random_scalars(points, &mut rng));
            let mut engine = MsmG1::new((window_bits, windows), config)?;
            let (start, before) = (Instant::now(), engine.clock());
            let (got, counters) = engine.run(&bases, &scalars, progress)?;
            let (elapsed, clocks) = (start.elapsed(), engine.clock() - before);
            let equal = G1Projective::msm(&bases, &scalars).is_ok_and(|sum| sum.into_affine() == got);
            Ok(Outcome { equal, counters, clocks, elapsed, points })
        }
        Trial::Aggregate { points } => {
            let keys = random_points(points, &mut rng);
            let all: Vec<u32> = (0..points as u32).collect();
            let bits = (points.next_power_of_two().trailing_zeros() as usize).max(designs::AGGREGATE.0);
            let mut engine = AggregateG1::new((bits, designs::AGGREGATE.1), config)?;
            let (start, before) = (Instant::now(), engine.clock());
            engine.load(&keys, progress)?;
            let (got, counters) = engine.run(&[&all], progress)?;
            let (elapsed, clocks) = (start.elapsed(), engine.clock() - before);
            let equal = got == [keys.iter().sum::<G1Projective>().into_affine()];
            Ok(Outcome { equal, counters, clocks, elapsed, points })
        }
    }
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

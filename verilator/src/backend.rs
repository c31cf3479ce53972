//! The `fpga-sim` backend: MSM in G1 and sums of G1 and G2 points by the simulated engines.
//!
//! It is a [`Kind::Simulation`]: the dispatcher takes it by name only. The models are built when the first job of
//! their kind comes, and kept. It compiles and loads code, from a cache folder that only its owner can enter.
//!
//! Each job logs its cycles, stalls and the adder's occupancy ([`tracing`], level info); [`FpgaSim::counters`] has their
//! totals by operation.

use crate::aggregate::{Aggregate, AggregateG1, AggregateG2, Summed};
use crate::axi::Counters;
use crate::error::Error;
use crate::simulate::{Config, MsmG1};
use crate::toolchain::Toolchain;
use arblast::G1;
use arblast::backend::{Backend, Control, Description, IndexLists, Kind, Op};
use arblast::{DeviceError, InSubgroup};
use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::short_weierstrass::Affine;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Window bits and windows in a pass.
const MSM: (usize, usize) = arblast_hdl::designs::MSM_SMALL;
/// The largest job: about a minute of simulation.
const LARGEST: usize = 1 << arblast_hdl::designs::AGGREGATE.0;

/// The backend. One job at a time: a second waits for the first.
pub struct FpgaSim {
    tools: Toolchain,
    config: Config,
    msm: Mutex<Option<MsmG1>>,
    aggregate: Mutex<Option<AggregateG1>>,
    aggregate_g2: Mutex<Option<AggregateG2>>,
    counters: Mutex<BTreeMap<Op, Counters>>,
}

impl FpgaSim {
    /// The backend, where Verilator is there; nothing is built yet.
    ///
    /// # Errors
    /// [`Error::NoVerilator`] and [`Error::OldVerilator`], which say what to install.
    pub fn detect(config: Config) -> Result<Self, Error> {
        Ok(Self {
            tools: Toolchain::find()?,
            config,
            msm: Mutex::default(),
            aggregate: Mutex::default(),
            aggregate_g2: Mutex::default(),
            counters: Mutex::default(),
        })
    }

    /// What the engines counted so far, summed up by operation: the jobs that came to their end.
    pub fn counters(&self) -> BTreeMap<Op, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sum<C: Summed>(
        &self,
        op: Op,
        place: &Mutex<Option<Aggregate<C>>>,
        points: &[Affine<C>],
        lists: &IndexLists,
        control: &Control,
    ) -> Result<Vec<Affine<C>>, DeviceError> {
        let go = &mut || control.checkpoint().is_ok();
        let build = || Aggregate::new(C::SHAPE, &self.config);
        let lists: Vec<&[u32]> = lists.iter().collect();
        let answer = self.with(place, build, |engine| {
            engine.load(points, go)?;
            engine.run(&lists, go)
        });
        answer.map(|run| self.report(op, run)).map_err(|e| device_error(e, control))
    }

    /// Reports a job's counters, and gives its answer.
    fn report<T>(&self, op: Op, (answer, counters): (T, Counters)) -> T {
        tracing::info!(
            operation = op.name(),
            cycles = counters.cycles,
            stalls = counters.stalls,
            additions = counters.additions,
            occupancy = counters.occupancy(),
            "simulated"
        );
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let total = all.entry(op).or_default();
        *total = total.plus(counters);
        answer
    }

    /// Takes the model out of its place (or builds it), runs `work`, and puts it back unless it failed.
    ///
    /// The model is out while it runs, so that a job that runs inside a checkpoint of this one builds its own and never
    /// waits for a lock that its own thread holds.
    fn with<M, T>(
        &self,
        place: &Mutex<Option<M>>,
        build: impl FnOnce() -> Result<M, Error>,
        work: impl FnOnce(&mut M) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let kept = place.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut model = kept.map_or_else(build, Ok)?;
        let answer = work(&mut model)?;
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
        Ok(answer)
    }
}

/// What the dispatcher is told; a run that its control stopped says why it did.
fn device_error(error: Error, control: &Control) -> DeviceError {
    match error {
        Error::Stopped => control.checkpoint().err().unwrap_or(DeviceError::Cancelled),
        Error::NoVerilator { .. } | Error::OldVerilator { .. } => DeviceError::Lost(error.to_string()),
        Error::Limit { .. } => DeviceError::Unsupported,
        other => DeviceError::Failed(other.to_string()),
    }
}

impl Backend for FpgaSim {
    fn name(&self) -> &str {
        "fpga-sim"
    }

    fn kind(&self) -> Kind {
        Kind::Simulation
    }

    fn describe(&self) -> Description {
        let hardware = format!("simulation under {}", self.tools.version());
        Description { hardware, version: format!("arblast-hdl {}", env!("CARGO_PKG_VERSION")) }
    }

    fn supports(&self, op: Op, size: usize) -> bool {
        matches!(op, Op::MsmG1 | Op::SumG1 | Op::SumG2) && size <= LARGEST
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Result<G1Affine, DeviceError> {
        let build = || MsmG1::new(MSM, &self.config);
        let points = InSubgroup::as_affine_slice(points);
        let answer = self.with(&self.msm, build, |msm| msm.run(points, scalars, &mut || control.checkpoint().is_ok()));
        answer.map(|run| self.report(Op::MsmG1, run)).map_err(|e| device_error(e, control))
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, control: &Control) -> Result<Vec<G1Affine>, DeviceError> {
        self.sum(Op::SumG1, &self.aggregate, points, lists, control)
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, control: &Control) -> Result<Vec<G2Affine>, DeviceError> {
        self.sum(Op::SumG2, &self.aggregate_g2, points, lists, control)
    }
}

//! The dispatcher: one place that decides where an operation runs, and vouches for its answer.
//!
//! # What happens to a call
//!
//! 1. The arguments are checked; a mismatch is the caller's [`Error`] and nothing runs.
//! 2. A backend is picked by operation and size ([`Selection`]): with `auto` a device from the size on from which it was
//!    measured to be faster than this machine's CPU (`crossover/`), unless it was much slower of late; else the CPU.
//! 3. A device gets a [`Job`](operation::Job) on its own thread, served by [`Class`], with a deadline that is never above what the
//!    CPU would need, and with probes of the dispatcher's own mixed in.
//! 4. Its answer is checked: shape, coordinates, probes, and at the audit's rate by recomputation. Negative verdicts
//!    (a pairing product that is not one, an encoding refused) are computed again on blst, always.
//! 5. If there is no answer, or a wrong one, the CPU answers; the fault is counted, and the breaker opens (error, time
//!    out) or the device is retired (wrong answer), which outlasts restarts.
//!
//! # What this does not do
//!
//! It catches faults: a device that errs, hangs, panics, lies at random or is stuck. It is no defence against a
//! malicious driver, which runs inside this process and can change memory at will.
//!
//! | file | subject |
//! |---|---|
//! | `builder.rs` | settings, and which self-tests they ask for |
//! | `call.rs` | what a caller says about a call |
//! | `operations.rs` | the public operations |
//! | `operation/` | each operation as a value: run, job, probe, audit |
//! | `side.rs` | G1 and G2 as parameters |
//! | `slot.rs`, `queue.rs`, `breaker.rs` | a device's thread, queue and breaker |
//! | `gate.rs`, `offload.rs` | order among calls on the CPU; calls from asynchronous code |
//! | `selftest.rs`, `cost.rs` | self-test; measured and learnt costs |
//! | `crossover/` | from which sizes on devices are faster: measured, kept, reported |
//! | `stats.rs`, `record.rs` | counters; the record of retired devices |
//! | `machine.rs` | the processor, and the user's folders |

mod breaker;
mod builder;
mod call;
mod cost;
mod crossover;
mod gate;
mod machine;
mod offload;
mod operation;
mod operations;
mod queue;
mod record;
mod selftest;
mod side;
mod slot;
mod stats;

pub use breaker::BreakerState;
pub use builder::{Audit, Builder, Selection};
pub use call::Call;
pub use crossover::{
    BUDGET as CROSSOVER_BUDGET, Crossover, CrossoverReport, DeviceCrossovers, Measure, OpCrossover,
    default_crossover_path,
};
pub use machine::processor;
pub use operations::{PreparedG1, PreparedG2, PreparedLines};
pub use record::{Retirement, default_record_path};
pub use slot::SelfTest;
pub use stats::{BackendStats, LATENCY_BOUNDS_US, OpStats, Stats};

use crate::backend::{Control, Description, Kind, Op};
use crate::cpu;
use crate::error::{DeviceError, Error};
use ark_bls12_381::Fq12;
use breaker::Admission;
use crossover::{Crossovers, SLACK};
use gate::Gate;
use offload::Offload;
use operation::{Job as _, Operation};
use rand_core::Rng;
use record::Record;
use slot::{Failure, Slot, guarded};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Runs operations on the backends of a program, with the CPU as the fallback. Clones share everything.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    selection: Selection,
    audit: Audit,
    /// The reference first.
    slots: Vec<Slot>,
    absent: Vec<(String, String)>,
    record: Record,
    crossovers: Crossovers,
    gate: Arc<Gate>,
    offload: Offload,
}

/// How many times the vector engine's time blst takes, roughly: twice for some operations, seven times for others.
const LEAD: u32 = 4;

/// What the operator is told about one backend.
#[derive(Clone, Debug)]
pub struct DeviceReport {
    /// The name.
    pub name: String,
    /// What it is; `None` for a backend that is absent.
    pub kind: Option<Kind>,
    /// Hardware and version; `None` for a backend that is absent.
    pub description: Option<Description>,
    /// Why it is absent.
    pub absent: Option<String>,
    /// What its self-test found.
    pub self_test: SelfTest,
    /// The state of its breaker.
    pub breaker: BreakerState,
    /// Why it is retired, if it is.
    pub retirement: Option<Retirement>,
}

impl Dispatcher {
    /// Starts building a dispatcher.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The selection it was built with.
    pub fn selection(&self) -> &Selection {
        &self.0.selection
    }

    /// A snapshot of every counter.
    pub fn stats(&self) -> Stats {
        let backends = self.0.slots.iter();
        Stats {
            backends: backends
                .map(|s| BackendStats { backend: s.name().to_owned(), operations: s.board.snapshot() })
                .collect(),
        }
    }

    /// Every backend, present or not.
    pub fn devices(&self) -> Vec<DeviceReport> {
        let present = self.0.slots.iter().map(|slot| DeviceReport {
            name: slot.name().to_owned(),
            kind: Some(slot.backend.kind()),
            description: Some(slot.backend.describe()),
            absent: None,
            self_test: slot.self_test(),
            breaker: slot.breaker_state(),
            retirement: self.0.record.retirement(slot.name()),
        });
        let absent = self.0.absent.iter().map(|(name, reason)| DeviceReport {
            name: name.clone(),
            kind: None,
            description: None,
            absent: Some(reason.clone()),
            self_test: SelfTest::NotRun,
            breaker: BreakerState::Open,
            retirement: self.0.record.retirement(name),
        });
        present.chain(absent).collect()
    }

    /// Runs the self-test of every backend that is present and not retired, used or not; see
    /// [`devices`](Self::devices) for what it found. A simulation, whose test takes long, is tested where it is selected
    /// by name, when the dispatcher is built.
    pub fn self_test_all(&self) {
        let tested = |s: &&Slot| s.backend.kind() != Kind::Simulation && self.0.record.retirement(s.name()).is_none();
        for slot in self.0.slots.iter().filter(tested) {
            selftest::run(self, slot);
        }
    }

    /// Re-admits a device that was retired for a wrong answer, after its operator mended it; whether it was retired.
    ///
    /// # Errors
    /// [`Error::Record`] if the record cannot be written.
    pub fn readmit(&self, device: &str) -> Result<bool, Error> {
        let was_retired = self.0.record.readmit(device)?;
        self.0.slots.iter().filter(|s| s.name() == device).for_each(Slot::readmit);
        Ok(was_retired)
    }

    fn reference(&self) -> &Slot {
        &self.0.slots[0]
    }

    /// The CPU's vector engine, if there is one that may be used.
    fn engine(&self, op: Op, size: usize) -> Option<&Slot> {
        let engines = self.0.slots.iter().filter(|s| s.backend.kind() == Kind::VectorEngine);
        engines.filter(|s| s.is_usable()).find(|s| s.backend.supports(op, size))
    }

    /// Where an operation of this size is tried first; `None` for the reference.
    fn choose(&self, call: &Call, op: Op, size: usize) -> Option<&Slot> {
        if call.is_reference_only() || size == 0 {
            return None;
        }
        match &self.0.selection {
            Selection::CpuPortable => None,
            Selection::Cpu => self.engine(op, size),
            Selection::Only(name) => {
                let named = self.0.slots.iter().find(|s| s.name() == name && s.backend.supports(op, size));
                named.or_else(|| self.engine(op, size))
            }
            Selection::Auto => {
                let cpu = self.engine(op, size);
                self.faster_device(op, size, cpu).or(cpu)
            }
        }
    }

    /// The device that `auto` prefers to the CPU, whose vector engine is `engine` if it has one here: of those that are
    /// past their crossover the one with the lowest estimate, unless that is far above the CPU's.
    fn faster_device(&self, op: Op, size: usize, engine: Option<&Slot>) -> Option<&Slot> {
        let reached = |s: &&Slot| s.starts.reached(op, size) && s.is_usable() && s.backend.supports(op, size);
        let devices = || self.0.slots.iter().filter(reached);
        let (cost, fastest) =
            devices().filter_map(|s| Some((s.costs.estimate(op, size)?, s))).min_by_key(|(c, _)| *c)?;
        let reference = || self.reference().costs.estimate_reference(op, size);
        let cpu = engine.and_then(|s| s.costs.estimate(op, size)).unwrap_or_else(reference);
        let chosen = (cost <= cpu.saturating_mul(SLACK)).then_some(fastest);
        // Whoever is not asked learns nothing new, so its last figures must not stand for ever.
        let passed_over = devices().filter(|s| chosen.is_none_or(|chosen| chosen.index != s.index));
        passed_over.for_each(|s| s.costs.forget(op, size));
        chosen
    }

    /// The final exponentiation of a Miller value, by the CPU's vector engine where it may be used, else by blst. `None`
    /// for zero.
    fn finish(&self, call: &Call, f: &Fq12) -> Option<Fq12> {
        let barred = call.is_reference_only() || self.0.selection == Selection::CpuPortable;
        let engine = if barred { None } else { self.engine(Op::MillerLoop, 1) };
        let power = |slot: &Slot| guarded(|| Ok(slot.backend.final_exponentiation(f))).ok().flatten();
        let by_engine = engine.and_then(|slot| Some((slot, power(slot)?)));
        by_engine.map_or_else(
            || cpu::final_exponentiation(f),
            |(slot, value)| {
                call.trail().note(slot.index);
                Some(value)
            },
        )
    }

    /// How long a device may take: never above what blst would need, nor above the caller's deadline. Where the vector
    /// engine does the work, blst's estimate may be from far smaller sizes, so [`LEAD`] bounds it. A backend chosen by
    /// name is wanted even where it is slower, and gets thirty times blst's need and ten seconds; a simulation an hour.
    fn time_limit<O: Operation>(&self, slot: &Slot, call: &Call, operation: &O) -> Duration {
        let (op, size) = (operation.op(), operation.size());
        let blst = self.reference().costs.estimate_reference(op, size);
        let engine = self.engine(op, size).and_then(|engine| engine.costs.estimate(op, size));
        let least = engine.map_or(blst, |engine| blst.min(engine.saturating_mul(LEAD)));
        let [blst, least] = [blst, least].map(|once| once.saturating_mul(operation.allowance()));
        let named = matches!(&self.0.selection, Selection::Only(name) if slot.name() == name);
        let limit = match slot.backend.kind() {
            Kind::Simulation => Duration::from_secs(3600),
            _ if named => blst.saturating_mul(30).saturating_add(Duration::from_secs(10)),
            _ => least,
        };
        call.time_limit().map_or(limit, |deadline| deadline.min(limit))
    }

    /// Runs an operation where it is best run, and vouches for the answer.
    fn run<O: Operation>(&self, call: &Call, operation: &O) -> Result<O::Output, Error> {
        let (op, size) = (operation.op(), operation.size());
        let _span = tracing::debug_span!("operation", op = op.name(), size, class = call.class().name()).entered();
        if call.cancel_token().is_cancelled() {
            return Err(Error::Cancelled);
        }
        if let Some(slot) = self.choose(call, op, size) {
            let answer = match slot.admit() {
                Some(admission) => self.try_on(slot, admission, call, operation)?,
                None => None,
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
            slot.board.of(op).fallbacks.fetch_add(1, Relaxed);
        }
        self.run_on_reference(call, operation)
    }

    /// Runs an operation on blst.
    fn run_on_reference<O: Operation>(&self, call: &Call, operation: &O) -> Result<O::Output, Error> {
        let (slot, op, size) = (self.reference(), operation.op(), operation.size());
        let _running = self.0.gate.enter(call.class());
        let control = Control::new(call.class(), call.cancel_token()).with_yield(self.0.gate.clone());
        let start = Instant::now();
        match operation.run(&*slot.backend, &control) {
            Ok(answer) => {
                let took = start.elapsed();
                slot.board.of(op).answered(size, took);
                if operation.is_typical() {
                    slot.costs.learn(op, size, took);
                }
                Ok(answer)
            }
            Err(DeviceError::Cancelled) => Err(Error::Cancelled),
            Err(error) => Err(Error::Reference(error)),
        }
    }

    /// Runs an operation on a backend that is not the reference; `None` where the CPU has to answer.
    fn try_on<O: Operation>(
        &self,
        slot: &Slot,
        admission: Admission,
        call: &Call,
        operation: &O,
    ) -> Result<Option<O::Output>, Error> {
        let (op, size, start) = (operation.op(), operation.size(), Instant::now());
        let raw = if slot.is_inline() {
            let _running = self.0.gate.enter(call.class());
            let control = Control::new(call.class(), call.cancel_token()).with_yield(self.0.gate.clone());
            guarded(|| operation.run(&*slot.backend, &control)).map_err(|e| match e {
                DeviceError::Cancelled => Failure::Cancelled,
                e => Failure::Device(e),
            })
        } else {
            let job = Arc::new(operation.to_job(&mut call::fresh_rng()?));
            let limit = self.time_limit(slot, call, operation);
            let raw = slot.submit(job.clone(), call.class(), call.cancel_token(), Some(limit));
            raw.and_then(|raw| job.finish(raw).map_err(|e| Failure::Device(DeviceError::WrongAnswer(e))))
        };
        let took = start.elapsed();
        let checked = match raw {
            Ok(answer) => self.check(slot, admission, call, operation, answer)?,
            Err(Failure::Device(DeviceError::WrongAnswer(how))) => {
                self.blame(slot, admission, operation, &how);
                return Ok(None);
            }
            Err(failure) => {
                self.note_failure(slot, admission, op, &failure);
                return if failure == Failure::Cancelled { Err(Error::Cancelled) } else { Ok(None) };
            }
        };
        if let Checked::Right(answer) = checked {
            slot.succeeded(admission);
            slot.board.of(op).answered(size, took);
            if operation.is_typical() {
                slot.costs.learn(op, size, took);
            }
            call.trail().note(slot.index);
            return Ok(Some(answer));
        }
        let Checked::Replaced(answer) = checked else { return Ok(None) };
        slot.board.of(op).fallbacks.fetch_add(1, Relaxed);
        Ok(Some(answer))
    }

    /// Audits an answer as the policy says, and confirms the negative verdicts in it.
    fn check<O: Operation>(
        &self,
        slot: &Slot,
        admission: Admission,
        call: &Call,
        operation: &O,
        mut answer: O::Output,
    ) -> Result<Checked<O::Output>, Error> {
        let (reference, board) = (self.reference(), slot.board.of(operation.op()));
        let control = Control::new(call.class(), call.cancel_token());
        if operation.confirm_negatives(&mut answer, &*reference.backend, &control) {
            self.blame(slot, admission, operation, "it refused an input that is valid");
            return Ok(Checked::Replaced(answer));
        }
        if slot.is_inline() || !self.is_audited(admission)? {
            return Ok(Checked::Right(answer));
        }
        board.audits.fetch_add(1, Relaxed);
        match operation.cheap_audit(&answer, &mut call::fresh_rng()?) {
            Some(true) => return Ok(Checked::Right(answer)),
            Some(false) => {
                self.blame(slot, admission, operation, "an audit found its answer wrong");
                return Ok(Checked::Wrong);
            }
            None => {}
        }
        let again = self.run_on_reference(call, operation)?;
        if operation.same(&answer, &again) {
            return Ok(Checked::Right(answer));
        }
        self.blame(slot, admission, operation, "an audit computed a different answer");
        Ok(Checked::Replaced(again))
    }

    /// Whether this answer is audited. A trial always is.
    fn is_audited(&self, admission: Admission) -> Result<bool, Error> {
        Ok(match self.0.audit {
            Audit::Always => true,
            _ if admission == Admission::Trial => true,
            Audit::Never => false,
            Audit::Rate(rate) => (call::fresh_rng()?.next_u64() as f64) < rate * (u64::MAX as f64),
        })
    }

    /// Counts a failure and moves the breaker.
    fn note_failure(&self, slot: &Slot, admission: Admission, op: Op, failure: &Failure) {
        let counters = slot.board.of(op);
        match failure {
            Failure::Busy => {
                counters.busy.fetch_add(1, Relaxed);
                slot.released(admission);
            }
            Failure::Cancelled | Failure::Device(DeviceError::Unsupported) => slot.released(admission),
            Failure::Device(error) => {
                match error {
                    DeviceError::TimedOut(_) => counters.timeouts.fetch_add(1, Relaxed),
                    DeviceError::Panicked(_) => {
                        counters.panics.fetch_add(1, Relaxed);
                        counters.errors.fetch_add(1, Relaxed)
                    }
                    _ => counters.errors.fetch_add(1, Relaxed),
                };
                slot.failed();
                tracing::warn!(backend = slot.name(), op = op.name(), %error, "the CPU answers instead");
            }
        }
    }

    /// Retires a backend for a wrong answer to an operation, unless its inputs were not what the caller vouched for.
    fn blame<O: Operation>(&self, slot: &Slot, admission: Admission, operation: &O, how: &str) {
        if operation.inputs_sound() {
            return self.retire(slot, operation.op(), how);
        }
        slot.released(admission);
        tracing::warn!(backend = slot.name(), op = operation.op().name(), "its caller vouched for a point wrongly");
    }

    /// Takes a backend out of use for a wrong answer, across restarts.
    fn retire(&self, slot: &Slot, op: Op, how: &str) {
        slot.board.of(op).wrong_answers.fetch_add(1, Relaxed);
        slot.retire();
        let reason = format!("{op}: {how}");
        tracing::error!(backend = slot.name(), reason, "wrong answer: retired until re-admitted");
        if let Err(error) = self.0.record.retire(slot.name(), &reason) {
            tracing::error!(%error, "the retirement will not outlast this process");
        }
    }

    /// Runs a verification composed of several operations. If it fails and anything but blst took part, runs it again
    /// on blst alone, and that verdict stands; where it contradicts the first, the devices that took part are retired,
    /// or the vector engine if no device did.
    ///
    /// `verify` must use the call that it is given.
    ///
    /// # Errors
    /// Those of `verify`.
    pub fn judge(&self, call: &Call, verify: impl Fn(&Call) -> Result<bool, Error>) -> Result<bool, Error> {
        let first = call.with_own_trail();
        if verify(&first)? {
            first.trail().backends().into_iter().for_each(|b| call.trail().note(b));
            return Ok(true);
        }
        let involved = first.trail().backends();
        if involved.is_empty() {
            return Ok(false);
        }
        let verdict = verify(&call.on_reference())?;
        let involved: Vec<&Slot> = involved.into_iter().map(|index| &self.0.slots[index]).collect();
        let device_took_part = involved.iter().any(|slot| !slot.is_inline());
        for slot in involved {
            slot.board.of(Op::MillerLoop).rechecks.fetch_add(1, Relaxed);
            // Our own vector code is blamed only where no device took part.
            if verdict && !(device_took_part && slot.is_inline()) {
                self.retire(slot, Op::MillerLoop, "a verification that it took part in failed, and holds on blst");
            }
        }
        Ok(verdict)
    }
}

/// What the checks of an answer came to.
enum Checked<T> {
    /// The answer stands.
    Right(T),
    /// The answer was wrong; here is the reference's.
    Replaced(T),
    /// The answer was wrong, and nothing was computed in its place.
    Wrong,
}

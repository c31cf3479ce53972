//! The measurement in the dispatcher: what is missing, who runs it when, and what becomes of the times.

use super::super::breaker::BreakerState;
use super::super::slot::Slot;
use super::super::{Dispatcher, Inner, Selection, machine};
use super::cache::{self, Entry, Found, Key, Measured};
use super::contest::Laboratory;
use super::curve::{Curve, REACH, crossing};
use super::sample::Samples;
use super::trial::{self, Fault, Trial};
use super::{BUDGET, Crossover, CrossoverReport, DeviceCrossovers, Known, Measure, OpCrossover};
use crate::backend::{Kind, Op};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Operations to measure, each with the slots of the devices.
type Missing = Vec<(Op, Vec<usize>)>;

impl Dispatcher {
    /// What is known about crossovers.
    pub fn crossovers(&self) -> CrossoverReport {
        let crossovers = &self.0.crossovers;
        let state = crossovers.lock();
        let report = |slot: &Slot| {
            let known = state.devices.get(&slot.index).cloned().unwrap_or_default();
            DeviceCrossovers {
                device: slot.name().to_owned(),
                from_cache: known.from_cache,
                measured_at_unix_seconds: (!known.operations.is_empty()).then_some(known.measured_at),
                operations: operations(slot).map(|op| report(slot, op, known.operations.get(&op))).collect(),
                fault: known.fault,
            }
        };
        let devices = self.candidates().map(report).collect();
        CrossoverReport {
            measuring: state.measuring,
            cache: crossovers.path.clone(),
            notes: state.notes.clone(),
            devices,
        }
    }

    /// Measures all crossovers anew, whatever is known, and keeps them; returns when it is done, after `budget` or a
    /// little more ([`CROSSOVER_BUDGET`](crate::CROSSOVER_BUDGET) is enough for sizes whose calls take some tens of
    /// milliseconds). A measurement in the background is waited for first. Does nothing where `auto` has no choice.
    pub fn remeasure_crossovers(&self, budget: Duration) -> CrossoverReport {
        let missing = self.missing(|_, _| true);
        measure(&Arc::downgrade(&self.0), missing, budget);
        self.crossovers()
    }

    /// At build: takes what the cache has, and measures the rest when it is wanted.
    pub(in super::super) fn start_crossovers(&self, when: Measure) {
        if self.candidates().next().is_none() {
            return;
        }
        self.load();
        let missing = {
            let state = self.0.crossovers.lock();
            let known =
                |slot: &Slot, op| state.devices.get(&slot.index).is_some_and(|k| k.operations.contains_key(&op));
            self.missing(|slot, op| !known(slot, op))
        };
        if missing.is_empty() {
            return;
        }
        match when {
            Measure::Never => {}
            Measure::AtBuild => measure(&Arc::downgrade(&self.0), missing, BUDGET),
            Measure::Background => self.measure_in_background(missing),
        }
    }

    fn measure_in_background(&self, missing: Missing) {
        tracing::info!(seconds = BUDGET.as_secs(), "measuring from which sizes on devices are faster than the CPU");
        self.0.crossovers.lock().measuring = true;
        let weak = Arc::downgrade(&self.0);
        let work = move || measure(&weak, missing, BUDGET);
        let thread = std::thread::Builder::new().name("arblast-crossovers".into()).spawn(work);
        if let Err(error) = thread {
            let mut state = self.0.crossovers.lock();
            state.measuring = false;
            state.notes.push(format!("nothing was measured: no thread for it ({error})"));
        }
    }

    /// The devices that `auto` may choose.
    fn candidates(&self) -> impl Iterator<Item = &Slot> {
        let automatic = self.0.selection == Selection::Auto;
        let devices = self.0.slots.iter().filter(move |slot| automatic && slot.backend.kind() == Kind::Device);
        devices.filter(|slot| slot.is_usable())
    }

    /// The operations that candidates have and that are `wanted`.
    fn missing(&self, wanted: impl Fn(&Slot, Op) -> bool) -> Missing {
        let with = |op| {
            let able = self.candidates().filter(|slot| operations(slot).any(|has| has == op));
            (op, able.filter(|slot| wanted(slot, op)).map(|slot| slot.index).collect::<Vec<_>>())
        };
        Op::ALL.into_iter().map(with).filter(|(_, devices)| !devices.is_empty()).collect()
    }

    /// The best of the CPU for an operation, as `auto` takes it.
    pub(super) fn best_cpu(&self, op: Op, size: usize) -> &Slot {
        self.engine(op, size).unwrap_or_else(|| self.reference())
    }

    /// What the times of a device hold for.
    fn key(&self, device: &Slot) -> Key {
        let cpu = self.0.slots.iter().filter(|slot| slot.is_inline() && slot.is_usable());
        let cpu = cpu.map(|slot| format!("{} ({})", slot.name(), slot.backend.describe().hardware));
        let description = device.backend.describe();
        Key {
            processor: machine::processor(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu: cpu.collect::<Vec<_>>().join(", "),
            device: device.name().to_owned(),
            hardware: description.hardware,
            driver: description.version,
            arblast: env!("CARGO_PKG_VERSION").into(),
        }
    }

    /// Takes over what the cache has for the candidates.
    fn load(&self) {
        let crossovers = &self.0.crossovers;
        let Some(path) = &crossovers.path else { return };
        let entries = cache::read(path).unwrap_or_else(|reason| {
            self.note(format!("{} is passed over: {reason}", path.display()));
            vec![]
        });
        for slot in self.candidates() {
            match cache::find(&entries, &self.key(slot)) {
                Found::Nothing => {}
                Found::Stale(changes) => {
                    self.note(format!("{}: what was measured holds no more: {changes}", slot.name()));
                }
                Found::Entry(entry) => {
                    let operations = entry.operations();
                    operations.iter().for_each(|(op, measured)| self.apply(slot, *op, measured));
                    let measured_at = entry.measured_at_unix_seconds;
                    let known = Known { from_cache: true, measured_at, operations, fault: None };
                    log(slot, &known);
                    crossovers.lock().devices.insert(slot.index, known);
                }
            }
        }
    }

    /// Something for the operator to know, once.
    fn note(&self, note: String) {
        let mut state = self.0.crossovers.lock();
        if !state.notes.contains(&note) {
            tracing::warn!("crossovers: {note}");
            state.notes.push(note);
        }
    }

    /// Lets `auto` choose by these times.
    fn apply(&self, slot: &Slot, op: Op, measured: &Measured) {
        let most = measured.device.largest().saturating_mul(REACH);
        for size in (0..usize::BITS - 1).map(|k| 1usize << k).take_while(|&size| size <= most) {
            let times = [(slot, &measured.device), (self.best_cpu(op, size), &measured.cpu)];
            for (backend, curve) in times {
                curve.at(size).into_iter().for_each(|time| backend.costs.set(op, size, time));
            }
        }
        slot.starts.set(op, resolve(slot, op, measured));
    }

    /// Takes in what a trial found, and keeps it.
    fn take_in(&self, op: Op, trial: Trial) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        for (index, found) in trial.devices {
            let slot = &self.0.slots[index];
            let mut state = self.0.crossovers.lock();
            let known = state.devices.entry(index).or_default();
            match found {
                Ok(device) if device.is_empty() => continue,
                Ok(device) => {
                    let measured = Measured { cpu: trial.cpu.clone(), device };
                    self.apply(slot, op, &measured);
                    known.operations.insert(op, measured);
                    (known.from_cache, known.measured_at) = (false, at);
                }
                Err(fault) => {
                    known.fault = Some(format!("{op}: {}", reason(&fault)));
                    known.operations.remove(&op);
                    slot.starts.set(op, Crossover::Unmeasured);
                    continue;
                }
            }
            let entry = Entry::new(self.key(slot), at, &known.operations);
            drop(state);
            self.keep(entry);
        }
    }

    fn keep(&self, entry: Entry) {
        let Some(path) = &self.0.crossovers.path else { return };
        if let Err(error) = cache::save(path, entry) {
            self.note(format!("{} cannot be written ({error}); the next start measures again", path.display()));
        }
    }

    /// Measures one operation until the clock of this measurement, begun at `start`, shows `until`.
    fn measure_one(&self, samples: &mut Samples, op: Op, devices: &[usize], start: Instant, until: Duration) {
        let state = |index: usize| self.0.slots[index].breaker_state();
        let (devices, shut): (Vec<usize>, Vec<usize>) =
            devices.iter().partition(|&&index| state(index) == BreakerState::Closed);
        for index in shut {
            let mut crossovers = self.0.crossovers.lock();
            let fault = &mut crossovers.devices.entry(index).or_default().fault;
            fault.get_or_insert_with(|| format!("{op}: its breaker is {}", state(index).name()));
        }
        let mut lab = Laboratory { dispatcher: self, samples, start };
        match trial::measure(&mut lab, op, &devices, until) {
            Ok(trial) => self.take_in(op, trial),
            Err(fault) => self.note(format!("{op} was not measured: {}", reason(&fault))),
        }
    }

    /// Marks a measurement of `devices` as begun or ended.
    fn mark(&self, devices: &BTreeSet<usize>, begins: bool) {
        let mut state = self.0.crossovers.lock();
        state.measuring = begins;
        for index in devices {
            let known = state.devices.entry(*index).or_default();
            if begins {
                known.fault = None;
            } else {
                log(&self.0.slots[*index], known);
            }
        }
    }
}

/// Measures what is missing, one operation after another, each with an equal part of the time that is left. Between two
/// operations nothing keeps the dispatcher alive; when it is gone the measurement ends.
fn measure(inner: &Weak<Inner>, missing: Missing, budget: Duration) {
    let dispatcher = || inner.upgrade().map(Dispatcher);
    let Some(running) = dispatcher().map(|d| d.0.crossovers.running.clone()) else { return };
    let _alone = running.lock().unwrap_or_else(|e| e.into_inner());
    let devices: BTreeSet<usize> = missing.iter().flat_map(|(_, devices)| devices).copied().collect();
    if let Some(dispatcher) = dispatcher() {
        dispatcher.mark(&devices, true);
    }
    let (mut samples, start) = (Samples::default(), Instant::now());
    for (done, (op, devices)) in missing.iter().enumerate() {
        let Some(dispatcher) = dispatcher() else { return };
        let (now, left) = (start.elapsed(), missing.len() - done);
        let part = budget.saturating_sub(now) / u32::try_from(left).unwrap_or(u32::MAX);
        dispatcher.measure_one(&mut samples, *op, devices, start, now + part);
    }
    if let Some(dispatcher) = dispatcher() {
        dispatcher.mark(&devices, false);
    }
}

/// The operations that a backend has at some size that is measured.
fn operations(slot: &Slot) -> impl Iterator<Item = Op> {
    Op::ALL.into_iter().filter(|&op| trial::sizes().any(|size| slot.backend.supports(op, size)))
}

/// Where `auto` begins to choose the device. A crossing beyond the sizes measured counts only where the device has them.
fn resolve(slot: &Slot, op: Op, measured: &Measured) -> Crossover {
    match crossing(&measured.cpu, &measured.device) {
        Some(Crossover::From { size, extrapolated: true }) if !slot.backend.supports(op, size) => {
            Crossover::Never { up_to: measured.device.largest() }
        }
        found => found.unwrap_or(Crossover::Unmeasured),
    }
}

fn report(slot: &Slot, op: Op, measured: Option<&Measured>) -> OpCrossover {
    OpCrossover {
        op,
        crossover: measured.map_or(Crossover::Unmeasured, |measured| resolve(slot, op, measured)),
        measured_up_to: measured.map_or(0, |measured| measured.device.largest()),
        ratio: measured.and_then(|measured| Curve::ratio(&measured.cpu, &measured.device)),
    }
}

/// Tells the log what `auto` goes by.
fn log(slot: &Slot, known: &Known) {
    let item = |(op, measured): (&Op, &Measured)| match resolve(slot, *op, measured).start() {
        Some(size) => format!("{op} from {size}"),
        None => format!("{op} never"),
    };
    let list = known.operations.iter().map(item).collect::<Vec<_>>().join(", ");
    let source = if known.from_cache { "cache" } else { "measured" };
    match &known.fault {
        None => tracing::info!(device = slot.name(), source, "items from which on it is used: {list}"),
        Some(fault) => tracing::warn!(device = slot.name(), fault, "not all measured; used: {list}"),
    }
}

/// A fault in words.
fn reason(fault: &Fault) -> String {
    match fault {
        Fault::Unsupported => "it does not have it".into(),
        Fault::Failed(reason) | Fault::Cpu(reason) => reason.clone(),
        Fault::Wrong(how) => format!("a wrong answer, for which it is retired: {how}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::operation::Ntt;
    use super::super::super::{Call, SelfTest};
    use super::*;
    use crate::backend::{Backend, Class, Description, NttKind};
    use ark_bls12_381::Fr;

    /// A backend that nobody asks anything.
    struct Idle(&'static str, Kind);

    impl Backend for Idle {
        fn name(&self) -> &str {
            self.0
        }
        fn kind(&self) -> Kind {
            self.1
        }
        fn describe(&self) -> Description {
            Description { hardware: "none".into(), version: "0".into() }
        }
        fn supports(&self, op: Op, size: usize) -> bool {
            op == Op::Ntt && size <= 1 << 20
        }
    }

    fn curve(call: u64, item: u64) -> Curve {
        let mut curve = Curve::default();
        trial::sizes().take(8).for_each(|n| curve.push(n, Duration::from_nanos(call + item * n as u64)));
        curve
    }

    /// Two devices, of which the second is the faster one at large sizes, and the CPU without its vector engine.
    fn dispatcher() -> Dispatcher {
        let builder =
            Dispatcher::builder().vector_engine(false).retirement_record(None).crossover_cache(None).threads(1);
        let device = |name| Arc::new(Idle(name, Kind::Device));
        let builder = builder.backend(device("first")).backend(device("second"));
        let dispatcher = builder.measure_crossovers(Measure::Never).build().unwrap();
        // They fail their self-tests, having nothing to answer with.
        for (slot, (call, item)) in dispatcher.0.slots[1..].iter().zip([(10_000, 500), (1_000_000, 10)]) {
            slot.set_self_test(SelfTest::Passed);
            dispatcher.apply(slot, Op::Ntt, &Measured { cpu: curve(0, 1_000), device: curve(call, item) });
        }
        dispatcher
    }

    fn chosen(dispatcher: &Dispatcher, size: usize) -> &str {
        dispatcher.choose(&Call::new(Class::Job), Op::Ntt, size).map_or("the CPU", Slot::name)
    }

    #[test]
    fn each_size_goes_where_it_was_measured_to_be_fastest() {
        let d = dispatcher();
        // 10,000 + 500·n = 0.8·1,000·n at n = 33.3, and 1,000,000 + 10·n at n = 1265.8; the two cross at n = 2020.
        for (size, expected) in [(1, "the CPU"), (16, "the CPU"), (64, "first"), (1024, "first"), (1 << 14, "second")] {
            assert_eq!(chosen(&d, size), expected, "{size}");
        }
        assert_eq!(chosen(&d, 1 << 18), "second", "beyond the sizes measured");
        assert_eq!(chosen(&d, 1 << 21), "the CPU", "a size that no device has");
        // From the crossover itself on, wherever it lies within its power of two.
        let size = crossing(&curve(0, 1_000), &curve(10_000, 500)).and_then(Crossover::start).unwrap();
        assert_eq!([chosen(&d, size - 1), chosen(&d, size)], ["the CPU", "first"]);
        assert_eq!(d.choose(&Call::new(Class::Job), Op::MsmG1, 1 << 14).map(Slot::name), None);
    }

    /// A device far slower than it was is turned away, and tried again after some calls.
    #[test]
    fn a_device_that_was_slow_is_turned_away_for_a_while() {
        let d = dispatcher();
        let (second, size) = (&d.0.slots[2], 1 << 14);
        for _ in 0..8 {
            second.costs.learn(Op::Ntt, size, Duration::from_secs(1));
        }
        assert_eq!(chosen(&d, size), "first");
        d.0.slots[1].costs.learn(Op::Ntt, size, Duration::from_secs(1));
        assert_eq!(chosen(&d, size), "the CPU");
        let calls = (0..1_000).take_while(|_| chosen(&d, size) == "the CPU").count();
        assert!((1..200).contains(&calls), "{calls}");
        let calls = (0..1_000).take_while(|_| chosen(&d, size) != "second").count();
        assert!((1..200).contains(&calls), "{calls}");
        // Slightly slower than the CPU, of late, is no reason.
        d.0.slots[1].retire();
        let cpu = d.reference().costs.estimate_reference(Op::Ntt, size);
        (0..50).for_each(|_| second.costs.learn(Op::Ntt, size, cpu * 3 / 2));
        assert_eq!(chosen(&d, size), "second");
    }

    /// With an engine blst is asked seldom, and what it took at a small size says too much about a large one.
    #[test]
    fn a_deadline_follows_the_engine_where_there_is_one() {
        let builder = Dispatcher::builder().retirement_record(None).crossover_cache(None).threads(1);
        let builder = builder.backend(Arc::new(Idle("engine", Kind::VectorEngine)));
        let d = builder.backend(Arc::new(Idle("device", Kind::Device))).build().unwrap();
        let [blst, engine, device] = &d.0.slots[..] else { panic!("three backends") };
        blst.costs.set(Op::Ntt, 16, Duration::from_millis(16));
        let operation = Ntt { values: vec![Fr::from(1u64); 1024].into(), kind: NttKind::FORWARD };
        let limit = || d.time_limit(device, &Call::new(Class::Job), &operation);
        assert_eq!(limit(), Duration::from_millis(1024));
        engine.set_self_test(SelfTest::Passed);
        assert_eq!(limit(), Duration::from_millis(1024), "nothing is known of the engine");
        engine.costs.set(Op::Ntt, 1024, Duration::from_millis(8));
        assert_eq!(limit(), Duration::from_millis(32));
        engine.costs.set(Op::Ntt, 1024, Duration::from_secs(8));
        assert_eq!(limit(), Duration::from_millis(1024));
    }

    #[test]
    fn a_retired_or_untested_device_is_no_candidate() {
        let d = dispatcher();
        assert_eq!(d.crossovers().devices.len(), 2);
        d.0.slots[2].retire();
        assert_eq!(chosen(&d, 1 << 14), "first");
        d.0.slots[1].set_self_test(SelfTest::NotRun);
        assert_eq!(chosen(&d, 1 << 14), "the CPU");
        assert!(d.crossovers().devices.is_empty());
    }

    /// An extrapolated crossing at a size that the device has not is none.
    #[test]
    fn a_crossing_that_the_device_cannot_reach_is_none() {
        let d = dispatcher();
        let slot = &d.0.slots[1];
        let mut far = Measured { cpu: Curve::default(), device: Curve::default() };
        for n in [1usize << 18, 1 << 19] {
            far.cpu.push(n, Duration::from_nanos(1_000 * n as u64));
            far.device.push(n, Duration::from_nanos((1 << 30) + 10 * n as u64));
        }
        assert!(matches!(crossing(&far.cpu, &far.device), Some(Crossover::From { extrapolated: true, .. })));
        assert_eq!(resolve(slot, Op::Ntt, &far), Crossover::Never { up_to: 1 << 19 });
    }
}

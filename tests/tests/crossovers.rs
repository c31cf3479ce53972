//! Crossovers through the dispatcher: what `auto` does below and above them, what a measurement does to a device that is
//! wrong or fails, and what is kept.

use arblast::backend::{Backend, Control, Description, Kind, NttKind, Op};
use arblast::{
    Audit, BreakerState, Builder, CROSSOVER_BUDGET, Call, Class, Crossover, DeviceError, Dispatcher, G1, Measure,
    Selection, processor,
};
use arblast_tests::faulty::{Fault, Faulty};
use ark_bls12_381::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const DEVICE: &str = "device";
/// Enough for a few sizes of each operation.
const BRIEF: Duration = Duration::from_millis(800);

/// A scratch folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("arblast-crossing-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("cache").join("crossovers.json")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A device for MSMs in G1. It remembers its answers, so that it is slow once and then takes the time it
/// is told to, whatever the size: what the CPU takes grows, and somewhere the two cross.
struct Memory {
    name: String,
    version: Mutex<String>,
    overhead: Duration,
    calls: AtomicU64,
    seen: Mutex<HashMap<(usize, Fr), G1Affine>>,
}

impl Memory {
    fn new(name: &str, overhead: Duration) -> Arc<Self> {
        let (version, seen) = (Mutex::new("1".into()), Mutex::default());
        Arc::new(Self { name: name.into(), version, overhead, calls: AtomicU64::new(0), seen })
    }

    fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }
}

impl Backend for Memory {
    fn name(&self) -> &str {
        &self.name
    }

    fn describe(&self) -> Description {
        Description { hardware: "memory".into(), version: self.version.lock().unwrap().clone() }
    }

    fn supports(&self, op: Op, size: usize) -> bool {
        op == Op::MsmG1 && size <= 4096
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Result<G1Affine, DeviceError> {
        self.calls.fetch_add(1, SeqCst);
        let key = (points.len(), scalars.last().copied().unwrap_or_default());
        let known = self.seen.lock().unwrap().get(&key).copied();
        let answer = match known {
            Some(answer) => answer,
            None => arblast::cpu::CpuPortable::new(1).msm_g1(points, scalars, control)?,
        };
        self.seen.lock().unwrap().insert(key, answer);
        std::thread::sleep(self.overhead);
        Ok(answer)
    }
}

fn builder(cache: Option<PathBuf>) -> Builder {
    Dispatcher::builder()
        .threads(1)
        .vector_engine(false)
        .audit(Audit::Never)
        .retirement_record(None)
        .crossover_cache(cache)
}

fn crossover(dispatcher: &Dispatcher, device: &str, op: Op) -> Crossover {
    let report = dispatcher.crossovers();
    let device = report.devices.iter().find(|d| d.device == device).unwrap();
    device.operations.iter().find(|o| o.op == op).unwrap().crossover
}

/// Σ (k² + 5)·(k·g) for k up to n, which is Σ (k³ + 5k) times g.
fn msm(dispatcher: &Dispatcher, n: u64) {
    let g = G1Affine::generator();
    let points: Vec<G1> = (1..=n).map(|k| G1::new((g * Fr::from(k)).into_affine()).unwrap()).collect();
    let scalars: Vec<Fr> = (1..=n).map(|k| Fr::from(k * k + 5)).collect();
    let right = g * (1..=n).map(|k| Fr::from(k * k * k + 5 * k)).sum::<Fr>();
    let answer = dispatcher.msm_g1(&Call::new(Class::Job), &points, &scalars).unwrap();
    assert_eq!(*answer.affine(), right.into_affine());
}

/// A file with curves of the test's own for an MSM in G1: a second an item on the CPU, a constant time on each device.
fn scripted(path: &Path, devices: &[(&str, u64)]) {
    let cpu: Vec<(u64, u64)> = (0..7).map(|k| (4u64.pow(k), 4u64.pow(k) * 1_000_000_000)).collect();
    let entry = |(name, nanoseconds): &(&str, u64)| {
        let device: Vec<(u64, u64)> = (0..7).map(|k| (4u64.pow(k), *nanoseconds)).collect();
        let cores = std::thread::available_parallelism().unwrap();
        format!(
            r#"{{"key": {{"processor": {:?}, "cores": {cores}, "cpu": "cpu-portable (CPU, 1 thread)",
                "device": {name:?}, "hardware": "memory", "driver": "1", "arblast": {:?}}},
              "measured_at_unix_seconds": 1800000000,
              "operations": {{"msm-g1": {{"cpu": {}, "device": {}}}}}}}"#,
            processor(),
            env!("CARGO_PKG_VERSION"),
            format!("{cpu:?}").replace('(', "[").replace(')', "]"),
            format!("{device:?}").replace('(', "[").replace(')', "]"),
        )
    };
    let entries: Vec<String> = devices.iter().map(entry).collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!(r#"{{"format": 1, "entries": [{}]}}"#, entries.join(","))).unwrap();
}

#[test]
fn below_the_crossover_the_cpu_answers_and_above_it_the_device() {
    let scratch = Scratch::new("below");
    // 0.8·n seconds reach 40 at 50.
    scripted(&scratch.file(), &[(DEVICE, 40_000_000_000)]);
    let device = Memory::new(DEVICE, Duration::ZERO);
    let dispatcher =
        builder(Some(scratch.file())).backend(device.clone()).measure_crossovers(Measure::Never).build().unwrap();
    let Crossover::From { size, extrapolated: false } = crossover(&dispatcher, DEVICE, Op::MsmG1) else { panic!() };
    assert!((50..=51).contains(&size), "{size}");
    let report = dispatcher.crossovers();
    assert!(report.notes.is_empty() && !report.measuring && report.devices[0].from_cache, "{report:?}");
    assert_eq!(report.devices[0].measured_at_unix_seconds, Some(1_800_000_000));
    let tested = device.calls();
    for (i, n) in [size as u64, size as u64 + 1, 64, 500].into_iter().enumerate() {
        msm(&dispatcher, n);
        assert_eq!(device.calls(), tested + 1 + i as u64, "{n} items are the device's");
    }
    let used = device.calls();
    for n in [1, 7, size as u64 - 1] {
        msm(&dispatcher, n);
        assert_eq!(device.calls(), used, "{n} items are the CPU's");
    }
    assert_eq!(dispatcher.stats().fallbacks(), 0);
}

#[test]
fn of_two_devices_past_their_crossovers_the_faster_one_answers() {
    let scratch = Scratch::new("two");
    scripted(&scratch.file(), &[("slow", 40_000_000_000), ("late", 200_000_000_000), ("quick", 60_000_000_000)]);
    let devices = ["slow", "late", "quick"].map(|name| Memory::new(name, Duration::ZERO));
    let mut builder = builder(Some(scratch.file())).measure_crossovers(Measure::Never);
    for device in &devices {
        builder = builder.backend(device.clone());
    }
    let dispatcher = builder.build().unwrap();
    let calls = || devices.each_ref().map(|device| device.calls());
    let tested = calls();
    msm(&dispatcher, 60);
    assert_eq!(calls(), [tested[0] + 1, tested[1], tested[2]], "one of three is past its crossover");
    msm(&dispatcher, 30);
    assert_eq!(calls(), [tested[0] + 1, tested[1], tested[2]], "none is");
    msm(&dispatcher, 300);
    assert_eq!(calls(), [tested[0] + 2, tested[1], tested[2]], "all are");
}

#[test]
fn crossovers_are_measured_kept_and_taken_from_the_cache() {
    let scratch = Scratch::new("kept");
    let overhead = Duration::from_millis(3);
    let first = Memory::new(DEVICE, overhead);
    let build = |device: &Arc<Memory>, when| {
        builder(Some(scratch.file())).backend(device.clone()).measure_crossovers(when).build().unwrap()
    };
    let dispatcher = build(&first, Measure::AtBuild);
    let measured = crossover(&dispatcher, DEVICE, Op::MsmG1);
    // blst takes 10 to 60 µs a point on whatever machine this is; the device 3 ms and what a sleep overshoots.
    let Crossover::From { size: 4..=4096, .. } = measured else {
        panic!("{measured:?}: {:?}", dispatcher.crossovers())
    };
    assert!(scratch.file().is_file());
    let again = Memory::new(DEVICE, overhead);
    let dispatcher = build(&again, Measure::AtBuild);
    assert_eq!(again.calls(), 1, "the self-test, and nothing is measured");
    assert_eq!(crossover(&dispatcher, DEVICE, Op::MsmG1), measured);
    assert!(dispatcher.crossovers().devices[0].from_cache);
    // The driver changed: what was measured holds no more, and says so.
    *again.version.lock().unwrap() = "2".into();
    let never = build(&again, Measure::Never);
    let report = never.crossovers();
    assert!(report.notes.iter().any(|n| n.contains("driver was \"1\", is \"2\"")), "{report:?}");
    assert_eq!(crossover(&never, DEVICE, Op::MsmG1), Crossover::Unmeasured);
    assert_eq!(report.devices[0].measured_at_unix_seconds, None);
    let before = again.calls();
    msm(&never, 64);
    assert_eq!(again.calls(), before, "what is not measured is the CPU's");
    // And a damaged file is no obstacle.
    std::fs::write(scratch.file(), b"{\"format\": 1, \"entr").unwrap();
    let report = build(&again, Measure::AtBuild).crossovers();
    assert!(report.notes.iter().any(|n| n.contains("passed over") && n.contains("damaged")), "{report:?}");
    assert!(build(&again, Measure::Never).crossovers().notes.is_empty(), "the file is whole again");
}

#[test]
fn in_the_background_nobody_waits() {
    let scratch = Scratch::new("background");
    let device = Memory::new(DEVICE, Duration::from_millis(3));
    let dispatcher = builder(Some(scratch.file())).backend(device.clone()).build().unwrap();
    assert!(dispatcher.crossovers().measuring);
    // Whether the measurement has come to it or not, calls are right.
    msm(&dispatcher, 200);
    let start = Instant::now();
    while dispatcher.crossovers().measuring {
        assert!(start.elapsed() < 10 * CROSSOVER_BUDGET, "it never ends");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_ne!(crossover(&dispatcher, DEVICE, Op::MsmG1), Crossover::Unmeasured);
    msm(&dispatcher, 4096);
    // A dispatcher that goes while it is measured ends the measurement soon.
    drop(builder(None).backend(device.clone()).build().unwrap());
}

/// With one kind of device nothing is measured, read or written; nor where the selection leaves no choice.
#[test]
fn a_single_kind_of_device_pays_nothing() {
    let scratch = Scratch::new("single");
    let alone = builder(Some(scratch.file())).measure_crossovers(Measure::AtBuild).build().unwrap();
    assert!(alone.crossovers().devices.is_empty() && !alone.crossovers().measuring);
    assert!(alone.remeasure_crossovers(BRIEF).devices.is_empty());
    let device = Arc::new(Faulty::new(DEVICE));
    for selection in [Selection::Cpu, Selection::CpuPortable, Selection::Only(DEVICE.into())] {
        let builder = builder(Some(scratch.file())).select(selection).measure_crossovers(Measure::AtBuild);
        let dispatcher = builder.backend(device.clone()).build().unwrap();
        let asked = device.calls();
        assert!(dispatcher.remeasure_crossovers(BRIEF).devices.is_empty());
        assert_eq!(device.calls(), asked);
    }
    let simulation = Arc::new(Faulty::of_kind("simulation", Kind::Simulation));
    let dispatcher = builder(Some(scratch.file())).backend(simulation.clone()).build().unwrap();
    assert!(dispatcher.crossovers().devices.is_empty());
    assert_eq!(simulation.calls(), 0);
    assert!(!scratch.0.exists(), "nothing was written");
}

fn faulty(cache: Option<PathBuf>) -> (Arc<Faulty>, Dispatcher) {
    let device = Arc::new(Faulty::new(DEVICE));
    // One that fails stays out for the rest of a test.
    let builder = builder(cache).breaker_pause(Duration::from_secs(3600)).measure_crossovers(Measure::Never);
    let dispatcher = builder.backend(device.clone()).build().unwrap();
    (device, dispatcher)
}

#[test]
fn a_wrong_answer_in_a_measurement_is_a_failed_audit() {
    for fault in [Fault::WrongPoint, Fault::OffCurve, Fault::WrongLength, Fault::AcceptAll, Fault::NeverOne] {
        let scratch = Scratch::new("wrong");
        let (device, dispatcher) = faulty(Some(scratch.file()));
        device.set(fault);
        let report = dispatcher.remeasure_crossovers(2 * BRIEF);
        assert!(report.devices.is_empty(), "{fault:?}: a retired device is no candidate: {report:?}");
        let state = dispatcher.devices().into_iter().find(|d| d.name == DEVICE).unwrap();
        assert_eq!(state.breaker, BreakerState::Retired, "{fault:?}");
        assert!(state.retirement.is_some(), "{fault:?}");
        let stats = dispatcher.stats();
        assert_eq!(stats.backend(DEVICE).unwrap().total(|s| s.wrong_answers), 1, "{fault:?}");
        let asked = device.calls();
        dispatcher.remeasure_crossovers(BRIEF);
        msm(&dispatcher, 300);
        assert_eq!(device.calls(), asked, "{fault:?}");
    }
}

/// Where the CPU's own engine is the one that is wrong, blst says so, and no device is blamed.
#[test]
fn a_wrong_engine_is_not_held_against_the_device() {
    let (engine, device) = (Arc::new(Faulty::of_kind("engine", Kind::VectorEngine)), Arc::new(Faulty::new(DEVICE)));
    let builder = builder(None).backend(engine.clone()).backend(device.clone()).measure_crossovers(Measure::Never);
    let dispatcher = builder.build().unwrap();
    engine.set(Fault::WrongPoint);
    let report = dispatcher.remeasure_crossovers(4 * BRIEF);
    assert_eq!(report.notes, ["msm-g1 was not measured: engine gave a wrong answer"]);
    let breaker = |name: &str| dispatcher.devices().into_iter().find(|d| d.name == name).unwrap().breaker;
    assert_eq!((breaker("engine"), breaker(DEVICE)), (BreakerState::Retired, BreakerState::Closed));
    assert_eq!(dispatcher.stats().backend(DEVICE).unwrap().total(|s| s.wrong_answers), 0);
    let unmeasured = |o: &&arblast::OpCrossover| o.crossover == Crossover::Unmeasured;
    let missing: Vec<Op> = report.devices[0].operations.iter().filter(unmeasured).map(|o| o.op).collect();
    assert_eq!(missing, [Op::MsmG1], "the others are measured against blst");
}

#[test]
fn a_device_that_fails_in_a_measurement_is_left_alone_and_said_so() {
    for fault in [Fault::Error, Fault::OutOfMemory, Fault::Panic] {
        let scratch = Scratch::new("fails");
        let (device, dispatcher) = faulty(Some(scratch.file()));
        device.set(fault);
        let asked = device.calls();
        let report = dispatcher.remeasure_crossovers(BRIEF);
        assert_eq!(device.calls(), asked + 1, "{fault:?}: asked once");
        assert!(!report.measuring);
        let why = report.devices[0].fault.as_deref().unwrap_or_default();
        assert!(why.starts_with("msm-g1: "), "{fault:?}: {why}");
        assert!(report.devices[0].operations.iter().all(|o| o.crossover == Crossover::Unmeasured), "{report:?}");
        assert!(!scratch.file().exists());
        let again = dispatcher.remeasure_crossovers(BRIEF);
        let why = again.devices[0].fault.as_deref().unwrap_or_default();
        assert_eq!((why, device.calls()), ("msm-g1: its breaker is open", asked + 1), "{fault:?}");
        msm(&dispatcher, 300);
        device.set(Fault::None);
        let stats = dispatcher.stats();
        assert_eq!(stats.backend(DEVICE).unwrap().total(|s| s.errors), 1, "{fault:?}");
        assert_eq!(stats.backend(DEVICE).unwrap().total(|s| s.wrong_answers), 0, "{fault:?}");
    }
}

/// A device that does not come back costs its ten seconds once.
#[test]
fn a_device_that_hangs_in_a_measurement_is_given_up() {
    let (device, dispatcher) = faulty(None);
    device.set(Fault::Hang);
    let (asked, start) = (device.calls(), Instant::now());
    let report = dispatcher.remeasure_crossovers(BRIEF);
    device.set(Fault::None);
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(20), "{took:?}");
    assert_eq!(device.calls(), asked + 1);
    let why = report.devices[0].fault.as_deref().unwrap_or_default();
    assert!(why.starts_with("msm-g1: the device was not done after 10."), "{why}");
    assert_eq!(dispatcher.stats().backend(DEVICE).unwrap().total(|s| s.timeouts), 1);
}

/// The device of the fault tests computes on the CPU, and so is never faster than the CPU itself; every operation is
/// measured, compared and kept.
#[test]
fn every_operation_is_measured_within_its_time() {
    let scratch = Scratch::new("every");
    let (device, dispatcher) = faulty(Some(scratch.file()));
    let start = Instant::now();
    let report = dispatcher.remeasure_crossovers(4 * BRIEF);
    let took = start.elapsed();
    assert!(took < 20 * BRIEF, "{took:?}");
    let operations = &report.devices[0].operations;
    assert_eq!(operations.len(), Op::ALL.len());
    for operation in operations {
        assert!(operation.measured_up_to >= 1 && operation.ratio.is_some(), "{operation:?}");
        assert!(operation.crossover != Crossover::Unmeasured, "{operation:?}");
    }
    assert!(report.devices[0].fault.is_none() && device.calls() > 32);
    let stats = dispatcher.stats();
    assert!(stats.backend(DEVICE).unwrap().total(|s| s.audits) > 32, "each answer was compared");
    assert!(dispatcher.ntt(&Call::new(Class::Job), &[Fr::from(1); 64], NttKind::FORWARD).is_ok());
}

#[test]
fn a_folder_that_cannot_be_written_is_a_note() {
    let scratch = Scratch::new("readonly");
    std::fs::create_dir_all(&scratch.0).unwrap();
    std::fs::write(scratch.0.join("cache"), b"a file where the folder should be").unwrap();
    let device = Memory::new(DEVICE, Duration::from_millis(1));
    let build = builder(Some(scratch.file())).backend(device).measure_crossovers(Measure::AtBuild);
    let report = build.build().unwrap().crossovers();
    assert!(report.notes.iter().any(|n| n.contains("cannot be written")), "{report:?}");
    assert_ne!(report.devices[0].operations[0].crossover, Crossover::Unmeasured, "it is used all the same");
}

//! The G1 engines against arkworks: the MSMs and an aggregation of 512 keys, under random backpressure.

mod common;

use arblast::backend::{Backend, CancelToken, Class, Control, IndexLists, Kind, Op};
use arblast::{Dispatcher, G1, InSubgroup};
use arblast_hdl::designs::{AGGREGATE, MSM_SMALL};
use arblast_verilator::aggregate::AggregateG1;
use arblast_verilator::axi::{Backpressure, Engine};
use arblast_verilator::simulate::{Config, MsmG1};
use arblast_verilator::trial::{self, Step, Trial};
use arblast_verilator::{Error, FpgaSim, Options, Trace};
use ark_bls12_381::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{PrimeField, Zero};
use common::{random, verilator};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;

fn scalar(rng: &mut ChaCha20Rng) -> Fr {
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    Fr::from_le_bytes_mod_order(&bytes)
}

/// `n` points of the subgroup.
fn points(n: usize, rng: &mut ChaCha20Rng) -> Vec<G1Affine> {
    let (start, step) = (G1Affine::generator() * scalar(rng), G1Affine::generator() * scalar(rng));
    let all: Vec<G1Projective> = std::iter::successors(Some(start), |p| Some(*p + step)).take(n).collect();
    G1Projective::normalize_batch(&all)
}

fn config(percent: u8) -> Config {
    Config { backpressure: Backpressure { percent, seed: 99 }, ..Config::default() }
}

#[test]
fn msm_equals_the_cpu() {
    if !verilator("msm_equals_the_cpu") {
        return;
    }
    let mut rng = random(31);
    let mut engine = MsmG1::new(MSM_SMALL, &config(20)).unwrap();
    let some = points(256, &mut rng);
    let scalars: Vec<Fr> = (0..1024).map(|_| scalar(&mut rng)).collect();
    let mut odd = some[..64].to_vec();
    for i in 0..16 {
        (odd[4 * i], odd[4 * i + 1]) = (G1Affine::zero(), -odd[4 * i + 2]);
    }
    let mut corners = vec![Fr::zero(), Fr::from(1u64), -Fr::from(1u64), Fr::from(2u64)];
    corners.extend(&scalars[..60]);
    let cases: [(&str, Vec<G1Affine>, Vec<Fr>); 6] = [
        ("1,024 points, full scalars", points(1024, &mut rng), scalars.clone()),
        ("equal scalars", some.clone(), vec![scalars[0]; 256]),
        ("equal points", vec![some[0]; 256], scalars[..256].to_vec()),
        ("infinities and opposites", odd, corners),
        ("opposite points, equal scalars", vec![some[0], -some[0]], vec![scalars[1]; 2]),
        ("nothing but infinity", vec![G1Affine::zero()], vec![scalars[2]]),
    ];
    for (name, points, scalars) in cases {
        let start = (std::time::Instant::now(), engine.clock());
        let (got, counters) = engine.run(&points, &scalars, &mut || true).unwrap();
        let khz = (engine.clock() - start.1) as f64 / start.0.elapsed().as_secs_f64() / 1e3;
        println!("{name}: {counters:?}, {khz:.1} kHz, {:.3} cycles an item", counters.cycles_per_item());
        assert_eq!(got, G1Projective::msm(&points, &scalars).unwrap().into_affine(), "{name}");
    }
}

#[test]
fn aggregation_equals_the_cpu() {
    if !verilator("aggregation_equals_the_cpu") {
        return;
    }
    let mut rng = random(32);
    let mut keys = points(512, &mut rng);
    (keys[7], keys[9]) = (G1Affine::zero(), -keys[8]);
    let mut engine = AggregateG1::new(AGGREGATE, &config(20)).unwrap();
    engine.load(&keys, &mut || true).unwrap();
    let all: Vec<u32> = (0..512).collect();
    let few: Vec<u32> = (0..70).map(|_| rng.next_u32() % 512).collect();
    let lists: Vec<&[u32]> = vec![&all, &few, &[], &[3, 3, 3], &[8, 9], &[7]];
    let (got, counters) = engine.run(&lists, &mut || true).unwrap();
    println!("{counters:?}");
    for (list, got) in lists.iter().zip(got) {
        let sum: G1Projective = list.iter().map(|&i| keys[i as usize]).sum();
        assert_eq!(got, sum.into_affine(), "{list:?}");
    }
    assert!(engine.run(&[&[512]], &mut || true).is_err());
}

#[test]
fn the_backend_passes_the_dispatchers_self_test_and_obeys_its_control() {
    if !verilator("the_backend_passes_the_dispatchers_self_test_and_obeys_its_control") {
        return;
    }
    let backend = std::sync::Arc::new(FpgaSim::detect(Config::default()).unwrap());
    assert_eq!((backend.name(), backend.kind()), ("fpga-sim", Kind::Simulation));
    assert!(backend.supports(Op::MsmG1, 1024) && !backend.supports(Op::MsmG2, 1));
    let dispatcher = Dispatcher::builder()
        .backend(backend.clone())
        .select(arblast::Selection::Only("fpga-sim".into()))
        .retirement_record(None)
        .build()
        .unwrap();
    let call = arblast::Call::new(Class::Job);
    let bases: Vec<G1> = (0..9).map(|_| InSubgroup::generator()).collect();
    let scalars: Vec<Fr> = (1..10u64).map(Fr::from).collect();
    let got = dispatcher.msm_g1(&call, &bases, &scalars).unwrap().into_affine();
    assert_eq!(got, (G1Affine::generator() * Fr::from(45u64)).into_affine());
    let stats = dispatcher.stats();
    let calls = stats.backend("fpga-sim").unwrap().total(|op| op.operations);
    assert!(calls == 1 && stats.fallbacks() == 0, "the simulation answered: {stats:?}");
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new(Class::Job, token);
    assert_eq!(backend.msm_g1(&bases, &scalars, &control), Err(arblast::DeviceError::Cancelled));
    let lists: IndexLists = [vec![0u32, 0], vec![]].into_iter().collect();
    let control = Control::new(Class::Job, CancelToken::new());
    let sums = backend.sum_g1(&[G1Affine::generator()], &lists, &control).unwrap();
    assert_eq!(sums, [(G1Affine::generator() * Fr::from(2u64)).into_affine(), G1Affine::zero()]);
    // The self-test's jobs are counted too; the one that was cancelled is not.
    let counters = backend.counters();
    let (msm, sum) = (counters[&Op::MsmG1], counters[&Op::SumG1]);
    assert!(msm.cycles > 0 && msm.additions > 0 && msm.occupancy() > 0.0 && msm.occupancy() < 1.0, "{msm:?}");
    assert!(sum.additions >= 1 && sum.cycles > sum.additions, "{sum:?}");
}

#[test]
fn trials_report_and_draw_a_timeline() {
    if !verilator("trials_report_and_draw_a_timeline") {
        return;
    }
    let config = Config { timeline: true, ..Config::default() };
    let mut steps = Vec::new();
    let outcome = trial::run(Trial::Aggregate { points: 100 }, 1, &config, &mut |step| {
        steps.push(step);
        true
    });
    let outcome = outcome.unwrap();
    assert!(outcome.equal && outcome.counters.additions == 99, "{outcome:?}");
    assert_eq!((steps[0], steps.last()), (Step::Building, Some(&Step::Comparing)));
    assert!(outcome.at_assumed_mhz(250.0).as_nanos() == u128::from(outcome.counters.cycles) * 4);
    let (line, all) = (&outcome.timeline, outcome.timeline.windows(1)[0]);
    assert_eq!(all.additions, 99, "the timeline has every addition");
    assert!(u64::from(all.queue_peak) >= outcome.counters.queue_peak, "{all:?} {:?}", outcome.counters);
    let names: Vec<_> = line.phases().iter().map(|phase| phase.name).collect();
    assert_eq!(names, ["load", "clear", "accumulate", "reduce, send"]);
    assert!(line.phases().is_sorted_by_key(|phase| phase.start));
    let stopped = trial::run(Trial::Aggregate { points: 100 }, 1, &config, &mut |_| false);
    assert!(matches!(stopped, Err(Error::Stopped)));
}

/// Coverage of the aggregation engine: most of its control ran, and what did not run is marked in the source.
#[test]
fn coverage_is_counted_and_marked() {
    if !verilator("coverage_is_counted_and_marked") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("arblast-coverage-{}", std::process::id()));
    let config = Config { coverage: Some(folder.clone()), ..Config::default() };
    let outcome = trial::run(Trial::Aggregate { points: 40 }, 1, &config, &mut |_| true).unwrap();
    let summary = outcome.coverage.unwrap();
    println!("{summary:?}");
    assert!(outcome.equal && summary.total > 100 && (30.0..100.0).contains(&summary.percent()), "{summary:?}");
    let marked = std::fs::read_to_string(folder.join("design.v")).unwrap();
    assert!(marked.lines().any(|line| line.starts_with("%000000")), "an index out of range never came");
    assert!(marked.lines().any(|line| line.starts_with(" 0")), "lines that ran are counted");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Waveforms of a small engine: VCD is text and names the ports; FST has the header of its format.
#[test]
fn waveforms_are_written() {
    let name = "waveforms_are_written";
    if !verilator(name) {
        return;
    }
    let built = arblast_hdl::designs::msm_toy((2, 1), 4);
    let wave = |trace, ending| {
        let path = std::env::temp_dir().join(format!("arblast-wave-{}.{ending}", std::process::id()));
        let options = Options::fast().with_trace(trace);
        let mut engine = Engine::new(&built, &options, Backpressure::default(), Some(&path)).unwrap();
        engine.read(arblast_hdl::engine::registers::ID).unwrap();
        drop(engine);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        bytes
    };
    let vcd = String::from_utf8(wave(Trace::Vcd, "vcd")).unwrap();
    assert!(vcd.contains("$var") && vcd.contains("s_axis_tdata") && vcd.contains("#8"));
    if !std::path::Path::new("/usr/include/zlib.h").exists() {
        println!(
            "SKIPPED {name}, FST: zlib's headers are not installed; install them with: apt-get install zlib1g-dev"
        );
        return;
    }
    let fst = wave(Trace::Fst, "fst");
    // A header block: type 0, then its length of 329 bytes.
    assert!(fst.len() > 400 && fst[..9] == [0, 0, 0, 0, 0, 0, 0, 1, 73], "{:?}", &fst[..9]);
}

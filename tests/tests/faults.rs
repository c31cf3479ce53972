//! Each fault of a device ends in the right answer, a counter, and the right state of the breaker.

use arblast::backend::{IndexLists, Kind, NttKind, Op};
use arblast::{Audit, BreakerState, Call, CancelToken, Class, Dispatcher, Error, G1, G2, OpStats, Selection};
use arblast_tests::faulty::{Fault, Faulty};
use ark_bls12_381::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEVICE: &str = "device";
/// Short enough that a hang costs a test little, long enough for the work on a busy machine.
const DEADLINE: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(60);

struct Bench {
    device: Arc<Faulty>,
    dispatcher: Dispatcher,
}

impl Bench {
    fn new(audit: Audit) -> Self {
        let device = Arc::new(Faulty::new(DEVICE));
        let dispatcher = Dispatcher::builder()
            .select(Selection::Only(DEVICE.into()))
            .backend(device.clone())
            .threads(1)
            .audit(audit)
            .breaker_pause(PAUSE)
            .retirement_record(None)
            .build()
            .unwrap();
        Self { device, dispatcher }
    }

    fn breaker(&self) -> BreakerState {
        self.dispatcher.devices().into_iter().find(|d| d.name == DEVICE).unwrap().breaker
    }

    fn total(&self, counter: impl Fn(&OpStats) -> u64) -> u64 {
        self.dispatcher.stats().backend(DEVICE).unwrap().total(counter)
    }
}

fn call() -> Call {
    Call::new(Class::Block).deadline(DEADLINE)
}

fn points(n: u64) -> (Vec<G1>, Vec<Fr>) {
    let g = G1Affine::generator();
    let points = (1..=n).map(|k| G1::new((g * Fr::from(k)).into_affine()).unwrap()).collect();
    (points, (1..=n).map(|k| Fr::from(k * k + 5)).collect())
}

/// Runs one of every operation on the dispatcher, with verdicts of both signs, and compares with blst.
fn every_operation_is_right(dispatcher: &Dispatcher) {
    let (call, on_blst) = (call(), call().on_reference());
    let (ps, ss) = points(7);
    let qs: Vec<G2> = dispatcher.hash_to_g2(&on_blst, &[b"a", b"b", b"c", b"d", b"e", b"f", b"g"], b"tag").unwrap();
    let affine = G1::as_affine_slice(&ps);
    let outside = (0u64..)
        .filter_map(|x| G1Affine::get_point_from_x_unchecked(x.into(), false))
        .find(|p| G1::new(*p).is_err())
        .unwrap();
    let mut encodings: Vec<[u8; 48]> = ps.iter().map(G1::to_bytes).collect();
    encodings.extend([G1::new_unchecked(outside).to_bytes(), [0xff; 48], [0; 48]]);
    let mut encodings_g2: Vec<[u8; 96]> = qs.iter().map(G2::to_bytes).collect();
    encodings_g2.push([7; 96]);
    let lists: IndexLists = [vec![0, 3, 3], vec![], vec![6]].into_iter().collect();
    let messages: [&[u8]; 3] = [b"", b"abc", &[9; 300]];
    let pairs: Vec<(G1, G2)> = ps.iter().copied().zip(qs.iter().copied()).collect();
    let cancelling = [(ps[0], qs[0]), (ps[0].negate(), qs[0])];

    macro_rules! agrees {
        ($what:literal, $run:expr) => {
            let run = $run;
            assert_eq!(run(&call).unwrap(), run(&on_blst).unwrap(), $what);
        };
    }
    agrees!("msm g1", |c: &Call| dispatcher.msm_g1(c, &ps, &ss));
    agrees!("msm g2", |c: &Call| dispatcher.msm_g2(c, &qs, &ss));
    agrees!("mul g1", |c: &Call| dispatcher.mul_g1(c, &ps, &ss));
    agrees!("mul g2", |c: &Call| dispatcher.mul_g2(c, &qs, &ss));
    agrees!("sum g1", |c: &Call| dispatcher.sum_g1(c, affine, &lists));
    agrees!("sum g2", |c: &Call| dispatcher.sum_g2(c, G2::as_affine_slice(&qs), &lists));
    agrees!("hash g1", |c: &Call| dispatcher.hash_to_g1(c, &messages, b"tag"));
    agrees!("hash g2", |c: &Call| dispatcher.hash_to_g2(c, &messages, b"tag"));
    agrees!("map g1", |c: &Call| dispatcher.map_to_g1(c, &[affine[0].x, affine[1].y]));
    agrees!("map g2", |c: &Call| dispatcher.map_to_g2(c, &[qs[0].affine().x]));
    agrees!("decompress g1", |c: &Call| dispatcher.decompress_g1(c, &encodings));
    agrees!("decompress g2", |c: &Call| dispatcher.decompress_g2(c, &encodings_g2));
    agrees!("subgroup g1", |c: &Call| dispatcher.subgroup_g1(c, &[affine[0], outside, affine[1]]));
    agrees!("subgroup g2", |c: &Call| dispatcher.subgroup_g2(c, G2::as_affine_slice(&qs)));
    agrees!("ntt", |c: &Call| dispatcher.ntt(c, &ss[..4], NttKind::FORWARD));
    agrees!("pairing", |c: &Call| dispatcher.multi_pairing(c, &pairs));
    let lines = dispatcher.prepare_lines(&call, qs.clone().into()).unwrap();
    agrees!("pairing with stored lines", |c: &Call| dispatcher.multi_pairing_prepared(c, &pairs, &lines, &ps));
    agrees!("check that fails with stored lines", |c: &Call| {
        dispatcher.pairing_check_prepared(c, &pairs[1..], &lines, &ps)
    });
    let negated: Vec<G1> = ps.iter().map(|p| p.negate()).collect();
    assert!(dispatcher.pairing_check_prepared(&call, &pairs, &lines, &negated).unwrap());
    assert!(!dispatcher.pairing_check_prepared(&call, &pairs[1..], &lines, &negated).unwrap());
    agrees!("check that fails", |c: &Call| dispatcher.pairing_check(c, &pairs));
    agrees!("check that holds", |c: &Call| dispatcher.pairing_check(c, &cancelling));
    assert!(dispatcher.pairing_check(&call, &cancelling).unwrap());
    assert!(!dispatcher.pairing_check(&call, &pairs).unwrap());
}

#[test]
fn a_sound_device_answers_everything_itself() {
    let bench = Bench::new(Audit::Always);
    every_operation_is_right(&bench.dispatcher);
    assert_eq!(bench.breaker(), BreakerState::Closed);
    assert_eq!(bench.total(|s| s.fallbacks + s.errors + s.timeouts + s.wrong_answers), 0);
    assert!(bench.total(|s| s.operations) >= 18 && bench.total(|s| s.audits) >= 18);
    let unused: Vec<Op> = Op::ALL
        .into_iter()
        .filter(|op| !bench.dispatcher.stats().backend(DEVICE).unwrap().operations.iter().any(|(o, _)| o == op))
        .collect();
    assert_eq!(unused, [], "every operation was asked of the device");
}

#[test]
fn errors_and_panics_open_the_breaker_and_a_sound_trial_closes_it() {
    for (fault, panics) in [(Fault::Error, 0), (Fault::OutOfMemory, 0), (Fault::Panic, 1)] {
        let bench = Bench::new(Audit::Never);
        bench.device.set(fault);
        every_operation_is_right(&bench.dispatcher);
        assert_ne!(bench.breaker(), BreakerState::Closed, "{fault:?}");
        assert!(bench.total(|s| s.errors) >= 1 && bench.total(|s| s.fallbacks) >= 10, "{fault:?}");
        assert!(bench.total(|s| s.panics) >= panics);
        bench.device.set(Fault::None);
        std::thread::sleep(4 * PAUSE);
        let audits = bench.total(|s| s.audits);
        every_operation_is_right(&bench.dispatcher);
        assert_eq!(bench.breaker(), BreakerState::Closed, "{fault:?}");
        assert!(bench.total(|s| s.audits) > audits, "a trial is audited whatever the policy");
        assert_eq!(bench.total(|s| s.wrong_answers), 0);
    }
}

#[test]
fn an_open_breaker_leaves_the_device_alone() {
    let device = Arc::new(Faulty::new(DEVICE));
    let dispatcher = Dispatcher::builder()
        .select(Selection::Only(DEVICE.into()))
        .backend(device.clone())
        .threads(1)
        .breaker_pause(Duration::from_secs(3600))
        .retirement_record(None)
        .build()
        .unwrap();
    device.set(Fault::Error);
    let (ps, ss) = points(3);
    dispatcher.msm_g1(&call(), &ps, &ss).unwrap();
    let asked = device.calls();
    every_operation_is_right(&dispatcher);
    assert_eq!(device.calls(), asked);
}

#[test]
fn a_hang_costs_the_deadline_and_no_more() {
    let bench = Bench::new(Audit::Never);
    let (ps, ss) = points(3);
    let right = bench.dispatcher.msm_g1(&call().on_reference(), &ps, &ss).unwrap();
    bench.device.set(Fault::Hang);
    let start = Instant::now();
    assert_eq!(bench.dispatcher.msm_g1(&call(), &ps, &ss).unwrap(), right);
    assert!(start.elapsed() >= DEADLINE && start.elapsed() < 4 * DEADLINE, "{:?}", start.elapsed());
    assert_eq!(bench.total(|s| s.timeouts), 1);
    assert_eq!(bench.total(|s| s.fallbacks), 1);
    assert_ne!(bench.breaker(), BreakerState::Closed);
    bench.device.set(Fault::None);
    std::thread::sleep(2 * PAUSE);
    every_operation_is_right(&bench.dispatcher);
    assert_eq!(bench.breaker(), BreakerState::Closed);
}

#[test]
fn hanging_for_ever_takes_a_bounded_number_of_threads() {
    let device = Arc::new(Faulty::new(DEVICE));
    let dispatcher = Dispatcher::builder()
        .select(Selection::Only(DEVICE.into()))
        .backend(device.clone())
        .threads(1)
        .breaker_pause(Duration::from_micros(1))
        .retirement_record(None)
        .build()
        .unwrap();
    let asked = device.calls();
    device.set(Fault::Hang);
    let (ps, ss) = points(3);
    let brief = Call::new(Class::Consensus).deadline(Duration::from_millis(5));
    for _ in 0..12 {
        dispatcher.msm_g1(&brief, &ps, &ss).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(device.calls() - asked <= 4, "{} calls hang at once", device.calls() - asked);
    device.set(Fault::None);
}

#[test]
fn an_audited_lie_retires_the_device() {
    for fault in [Fault::WrongPoint, Fault::OffCurve, Fault::WrongLength] {
        let bench = Bench::new(Audit::Always);
        bench.device.set(fault);
        every_operation_is_right(&bench.dispatcher);
        assert_eq!(bench.breaker(), BreakerState::Retired, "{fault:?}");
        assert_eq!(bench.total(|s| s.wrong_answers), 1, "{fault:?}");
        bench.device.set(Fault::None);
        let asked = bench.device.calls();
        std::thread::sleep(4 * PAUSE);
        every_operation_is_right(&bench.dispatcher);
        assert_eq!(bench.device.calls(), asked, "a retired device is not asked");
        assert!(bench.dispatcher.readmit(DEVICE).unwrap());
        every_operation_is_right(&bench.dispatcher);
        assert_eq!(bench.breaker(), BreakerState::Closed, "the operator re-admitted it");
    }
}

#[test]
fn lies_in_each_operation_are_caught_when_audited() {
    let (ps, ss) = points(5);
    let affine = G1::as_affine_slice(&ps).to_vec();
    type Run = Box<dyn Fn(&Dispatcher, &Call) -> Result<(), Error>>;
    let (p, s) = (ps.clone(), ss.clone());
    let cases: Vec<(&str, Fault, Run)> = vec![
        ("msm", Fault::WrongPoint, Box::new(move |d, c| d.msm_g1(c, &p, &s).map(drop))),
        ("mul", Fault::WrongPoint, {
            let (p, s) = (ps.clone(), ss.clone());
            Box::new(move |d, c| d.mul_g1(c, &p, &s).map(drop))
        }),
        ("sum", Fault::WrongPoint, {
            let lists = IndexLists::all(5);
            Box::new(move |d, c| d.sum_g1(c, &affine, &lists).map(drop))
        }),
        ("hash", Fault::WrongPoint, Box::new(|d, c| d.hash_to_g2(c, &[b"m"], b"tag").map(drop))),
        ("ntt", Fault::WrongPoint, {
            let s = ss.clone();
            Box::new(move |d, c| d.ntt(c, &s[..4], NttKind::INVERSE).map(drop))
        }),
        ("product", Fault::WrongProduct, {
            let p = ps.clone();
            Box::new(move |d, c| d.multi_pairing(c, &[(p[0], G2::generator())]).map(drop))
        }),
        ("product with stored lines", Fault::WrongProduct, {
            let p = ps.clone();
            Box::new(move |d, c| {
                let lines = d.prepare_lines(c, [G2::generator(); 2].into())?;
                d.multi_pairing_prepared(c, &[], &lines, &p[..2]).map(drop)
            })
        }),
        ("decompress", Fault::WrongPoint, {
            let bytes: Vec<_> = ps.iter().map(G1::to_bytes).collect();
            Box::new(move |d, c| d.decompress_g1(c, &bytes).map(drop))
        }),
    ];
    for (what, fault, run) in cases {
        let bench = Bench::new(Audit::Always);
        bench.device.set(fault);
        run(&bench.dispatcher, &call()).unwrap();
        assert_eq!(bench.breaker(), BreakerState::Retired, "{what}");
    }
}

#[test]
fn pairing_lies_are_caught_without_audits() {
    let (ps, _) = points(2);
    let q = G2::generator();
    let holds = [(ps[0], q), (ps[0].negate(), q)];
    let fails = [(ps[0], q), (ps[1], q)];
    for fault in [Fault::AlwaysOne, Fault::NeverOne, Fault::WrongProduct, Fault::WrongPoint] {
        for ((pairs, verdict), prepared) in
            [(&holds, true), (&fails, false)].into_iter().flat_map(|case| [(case, false), (case, true)])
        {
            let bench = Bench::new(Audit::Never);
            let d = &bench.dispatcher;
            let (at, points): (Vec<G1>, Vec<G2>) = pairs.iter().copied().unzip();
            let lines = d.prepare_lines(&call(), points.into()).unwrap();
            bench.device.set(fault);
            let answer = if prepared {
                d.pairing_check_prepared(&call(), &[], &lines, &at)
            } else {
                d.pairing_check(&call(), pairs)
            };
            assert_eq!(answer, Ok(verdict), "{fault:?}");
            if verdict {
                assert_eq!(bench.breaker(), BreakerState::Retired, "{fault:?}");
                assert_eq!(bench.total(|s| s.wrong_answers), 1, "{fault:?}");
            } else {
                assert!(bench.total(|s| s.rechecks + s.wrong_answers) >= 1, "{fault:?}: a no is computed again");
            }
        }
    }
}

#[test]
fn membership_lies_are_caught_without_audits() {
    for fault in [Fault::RefuseAll, Fault::AcceptAll] {
        let bench = Bench::new(Audit::Never);
        bench.device.set(fault);
        every_operation_is_right(&bench.dispatcher);
        assert_eq!(bench.breaker(), BreakerState::Retired, "{fault:?}");
        assert_eq!(bench.total(|s| s.wrong_answers), 1, "{fault:?}");
    }
}

#[test]
fn a_vector_engine_that_lies_or_panics_changes_no_verdict() {
    for fault in [Fault::NeverOne, Fault::WrongProduct, Fault::Panic, Fault::Error, Fault::RefuseAll] {
        let engine = Arc::new(Faulty::of_kind("engine", Kind::VectorEngine));
        let dispatcher = Dispatcher::builder()
            .select(Selection::Cpu)
            .backend(engine.clone())
            .threads(1)
            .retirement_record(None)
            .build()
            .unwrap();
        let asked = engine.calls();
        engine.set(fault);
        let (p, q) = (G1::generator(), G2::generator());
        assert!(dispatcher.pairing_check(&call(), &[(p, q), (p.negate(), q)]).unwrap(), "{fault:?}");
        assert_eq!(dispatcher.subgroup_g1(&call(), &[*p.affine()]).unwrap(), [true], "{fault:?}");
        assert!(engine.calls() > asked, "the engine was asked");
    }
}

#[test]
fn a_device_that_fails_its_self_test_is_not_used() {
    for fault in [Fault::WrongPoint, Fault::Error, Fault::Panic, Fault::AcceptAll] {
        let device = Arc::new(Faulty::new(DEVICE));
        device.set(fault);
        let builder = || Dispatcher::builder().backend(device.clone()).threads(1).retirement_record(None);
        let refused = builder().select(Selection::Only(DEVICE.into())).build();
        assert!(matches!(refused, Err(Error::BackendUnavailable { .. })), "{fault:?}");
        let auto = builder().build().unwrap();
        let asked = device.calls();
        every_operation_is_right(&auto);
        assert_eq!(device.calls(), asked, "{fault:?}");
    }
}

#[test]
fn retirement_outlasts_a_restart() {
    let path = std::env::temp_dir().join(format!("arblast-faults-{}.json", std::process::id()));
    let build = |device: &Arc<Faulty>, path: PathBuf, selection| {
        Dispatcher::builder()
            .select(selection)
            .backend(device.clone())
            .threads(1)
            .audit(Audit::Always)
            .retirement_record(Some(path))
            .build()
    };
    let device = Arc::new(Faulty::new(DEVICE));
    let only = || Selection::Only(DEVICE.into());
    let first = build(&device, path.clone(), only()).unwrap();
    device.set(Fault::WrongPoint);
    every_operation_is_right(&first);
    device.set(Fault::None);
    let Err(Error::BackendUnavailable { reason, .. }) = build(&device, path.clone(), only()) else {
        panic!("a retired device was accepted")
    };
    assert!(reason.contains("retired"), "{reason}");
    let auto = build(&device, path.clone(), Selection::Auto).unwrap();
    assert!(auto.readmit(DEVICE).unwrap());
    build(&device, path.clone(), only()).unwrap();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_cancelled_call_ends_on_the_device_and_on_the_cpu() {
    let bench = Bench::new(Audit::Never);
    let (ps, ss) = points(3);
    bench.device.set(Fault::Hang);
    let token = CancelToken::new();
    let canceller = token.clone();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        canceller.cancel();
    });
    let patient = Call::new(Class::Job).cancel_with(token.clone());
    assert_eq!(bench.dispatcher.msm_g1(&patient, &ps, &ss), Err(Error::Cancelled));
    thread.join().unwrap();
    assert_eq!(bench.dispatcher.msm_g1(&patient.on_reference(), &ps, &ss), Err(Error::Cancelled));
    assert_eq!(bench.breaker(), BreakerState::Closed, "giving up is no fault of the device");
    bench.device.set(Fault::None);
}

#[test]
fn prepared_bases_outlive_the_device_that_holds_them() {
    let bench = Bench::new(Audit::Never);
    let (ps, ss) = points(9);
    let right = bench.dispatcher.msm_g1(&call().on_reference(), &ps, &ss).unwrap();
    let plain = bench.dispatcher.prepare_g1(&call(), ps.clone().into()).unwrap();
    let fixed = bench.dispatcher.prepare_fixed_g1(&call(), ps.into(), 1 << 20).unwrap();
    for bases in [plain, fixed] {
        for fault in [Fault::None, Fault::Error, Fault::None] {
            bench.device.set(fault);
            assert_eq!(bench.dispatcher.msm_g1_prepared(&call(), &bases, &ss).unwrap(), right, "{fault:?}");
            std::thread::sleep(2 * PAUSE);
        }
    }
    assert_eq!(bench.breaker(), BreakerState::Closed);
}

#[test]
fn urgent_calls_overtake_a_long_queue() {
    let bench = Bench::new(Audit::Never);
    let (ps, ss) = points(3);
    bench.device.set(Fault::Hang);
    let started = bench.device.calls();
    let jobs: Vec<_> = (0..3)
        .map(|_| {
            let (d, ps, ss) = (bench.dispatcher.clone(), ps.clone(), ss.clone());
            std::thread::spawn(move || d.msm_g1(&Call::new(Class::Job), &ps, &ss).unwrap())
        })
        .collect();
    while bench.device.calls() == started {
        std::thread::sleep(Duration::from_millis(1));
    }
    // The vote waits behind one running job that never yields; its deadline passes in the queue, and the CPU answers.
    let vote = Call::new(Class::Consensus).deadline(Duration::from_millis(30));
    let start = Instant::now();
    bench.dispatcher.msm_g1(&vote, &ps, &ss).unwrap();
    assert!(start.elapsed() < Duration::from_millis(500));
    assert_eq!(bench.total(|s| s.busy), 1);
    assert_eq!(bench.breaker(), BreakerState::Closed, "being busy is no fault");
    bench.device.set(Fault::None);
    jobs.into_iter().for_each(|job| assert!(job.join().is_ok()));
}

#[test]
fn points_vouched_for_wrongly_are_not_the_devices_fault() {
    let off = G1Affine::new_unchecked(1.into(), 1.into());
    for audit in [Audit::Always, Audit::Never] {
        let bench = Bench::new(audit);
        let (d, bad) = (&bench.dispatcher, vec![G1::new_unchecked(off); 3]);
        let scalars = [Fr::from(2), Fr::from(3), Fr::from(5)];
        d.msm_g1(&call(), &bad, &scalars).unwrap();
        d.mul_g1(&call(), &bad, &scalars).unwrap();
        d.sum_g1(&call(), &[off; 3], &IndexLists::all(3)).unwrap();
        assert!(d.multi_pairing(&call(), &[(bad[0], G2::generator())]).is_ok());
        let lines = d.prepare_lines(&call(), [G2::generator()].into()).unwrap();
        assert!(d.multi_pairing_prepared(&call(), &[], &lines, &bad[..1]).is_ok());
        assert_eq!(bench.breaker(), BreakerState::Closed, "{audit:?}");
        assert_eq!(bench.total(|s| s.wrong_answers), 0, "{audit:?}");
        every_operation_is_right(d);
        bench.device.set(Fault::OffCurve);
        every_operation_is_right(d);
        assert_eq!(bench.breaker(), BreakerState::Retired, "{audit:?}: the device's own fault is still its own");
    }
}

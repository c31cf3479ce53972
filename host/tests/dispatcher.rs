//! The dispatcher as its callers see it: arguments, classes, threads, asynchronous calls, counters.

use arblast::backend::{IndexLists, NttKind, Op};
use arblast::{Audit, Call, Class, Dispatcher, Error, G1, G2, Selection};
use ark_bls12_381::{Fr, G1Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

fn dispatcher(threads: usize) -> Dispatcher {
    Dispatcher::builder()
        .select(Selection::CpuPortable)
        .threads(threads)
        .retirement_record(None)
        .build()
        .expect("blst needs nothing")
}

fn call() -> Call {
    Call::new(Class::Job)
}

fn points(n: u64) -> Vec<G1> {
    (1..=n).map(|k| G1::new((G1Affine::generator() * Fr::from(k)).into_affine()).unwrap()).collect()
}

#[test]
fn mismatched_arguments_are_the_callers_errors() {
    let d = dispatcher(1);
    let (ps, one) = (points(2), [Fr::from(1)]);
    let mismatch = Error::LengthMismatch { what: "scalars", got: 1, expected: 2, per: "point" };
    assert_eq!(d.msm_g1(&call(), &ps, &one), Err(mismatch.clone()));
    assert_eq!(d.mul_g1(&call(), &ps, &one), Err(mismatch));
    assert!(matches!(d.msm_g2(&call(), &[], &one), Err(Error::LengthMismatch { got: 1, expected: 0, .. })));
    let bases = d.prepare_g1(&call(), ps.clone().into()).unwrap();
    assert!(matches!(d.msm_g1_prepared(&call(), &bases, &one), Err(Error::LengthMismatch { .. })));
    let lists: IndexLists = [vec![0], vec![1, 2]].into_iter().collect();
    let out_of_range = Error::IndexOutOfRange { list: 1, position: 1, index: 2, points: 2 };
    assert_eq!(d.sum_g1(&call(), G1::as_affine_slice(&ps), &lists), Err(out_of_range));
    assert_eq!(d.hash_to_g1(&call(), &[b"m"], b""), Err(Error::EmptyDst));
    assert_eq!(d.hash_to_g2(&call(), &[], b""), Err(Error::EmptyDst));
    for n in [0, 3, 6] {
        assert_eq!(d.ntt(&call(), &vec![Fr::from(1); n], NttKind::FORWARD), Err(Error::NttLength { got: n }));
    }
    let zero_coset = NttKind { inverse: false, coset: Some(Fr::from(0)) };
    assert_eq!(d.ntt(&call(), &one, zero_coset), Err(Error::ZeroCosetOffset));
}

#[test]
fn empty_input_gives_the_neutral_answer() {
    let d = dispatcher(2);
    assert_eq!(d.msm_g1(&call(), &[], &[]), Ok(G1::identity()));
    assert_eq!(d.msm_g2(&call(), &[], &[]), Ok(G2::identity()));
    assert_eq!(d.mul_g1(&call(), &[], &[]), Ok(vec![]));
    assert_eq!(d.sum_g1(&call(), &[], &IndexLists::new()), Ok(vec![]));
    let empty_list: IndexLists = [vec![]].into_iter().collect();
    assert_eq!(d.sum_g1(&call(), &[], &empty_list), Ok(vec![G1Affine::identity()]));
    assert_eq!(d.hash_to_g2(&call(), &[], b"tag"), Ok(vec![]));
    assert_eq!(d.decompress_g1(&call(), &[]), Ok(vec![]));
    assert_eq!(d.subgroup_g2(&call(), &[]), Ok(vec![]));
    assert_eq!(d.pairing_check(&call(), &[]), Ok(true));
    assert!(d.multi_pairing(&call(), &[]).is_ok());
}

#[test]
fn points_off_the_curve_never_panic() {
    let d = dispatcher(2);
    let off = G1::new_unchecked(G1Affine::new_unchecked(1.into(), 1.into()));
    let many = vec![off; 300];
    let scalars: Vec<Fr> = (0..300u64).map(Fr::from).collect();
    d.msm_g1(&call(), &many, &scalars).unwrap();
    d.mul_g1(&call(), &many[..5], &scalars[..5]).unwrap();
    d.sum_g1(&call(), G1::as_affine_slice(&many), &IndexLists::all(300)).unwrap();
    assert!(d.multi_pairing(&call(), &[(off, G2::generator())]).is_ok());
    assert!(d.pairing_check(&call(), &[(off, G2::generator()); 20]).is_ok());
    assert_eq!(d.subgroup_g1(&call(), &[*off.affine()]), Ok(vec![false]));
}

#[test]
fn thread_counts_agree() {
    let ps = points(700);
    let scalars: Vec<Fr> = (0..700u64).map(|k| Fr::from(k).inverse().unwrap_or_default()).collect();
    let expected = dispatcher(1).msm_g1(&call(), &ps, &scalars).unwrap();
    for threads in [2, 3, 16] {
        assert_eq!(dispatcher(threads).msm_g1(&call(), &ps, &scalars), Ok(expected), "{threads} threads");
    }
}

/// Waits for a future on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn asynchronous_calls_run_elsewhere() {
    let d = dispatcher(2);
    let here = std::thread::current().id();
    let (there, sum) = block_on(d.offload(Class::Admission, move |d| {
        let (ps, ss) = (points(3), [Fr::from(1); 3]);
        (std::thread::current().id(), d.msm_g1(&call(), &ps, &ss))
    }))
    .unwrap();
    assert_ne!(here, there);
    assert_eq!(sum, Ok(points(6)[5]));
    let panicking = block_on(d.offload(Class::Block, |_| -> u8 { panic!("a panic in offloaded work") }));
    assert_eq!(panicking, Err(Error::Cancelled));
    assert_eq!(block_on(d.offload(Class::Block, |_| 7)), Ok(7), "the threads survive a panic");
}

#[test]
fn calls_from_many_threads_and_classes_all_end() {
    let d = dispatcher(2);
    let ps = points(64);
    let scalars = vec![Fr::from(3); 64];
    let expected = d.msm_g1(&call(), &ps, &scalars).unwrap();
    std::thread::scope(|scope| {
        for class in Class::ALL.into_iter().cycle().take(12) {
            let (d, ps, scalars) = (&d, &ps, &scalars);
            scope.spawn(move || {
                for _ in 0..5 {
                    assert_eq!(d.msm_g1(&Call::new(class), ps, scalars), Ok(expected));
                }
            });
        }
    });
}

#[test]
fn counters_count() {
    let d = dispatcher(1);
    d.hash_to_g2(&call(), &[b"a", b"b", b"c"], b"tag").unwrap();
    d.hash_to_g2(&call(), &[b"a"], b"tag").unwrap();
    let stats = d.stats();
    let reference = stats.backend("cpu-portable").unwrap();
    let [(Op::HashToG2, hash)] = &reference.operations[..] else { panic!("{reference:?}") };
    assert_eq!((hash.operations, hash.items, hash.latency.iter().sum::<u64>()), (2, 4, 2));
    assert!(hash.nanoseconds > 0);
    assert_eq!(stats.fallbacks(), 0);
}

#[test]
fn settings_are_checked() {
    let only = |name: &str| Dispatcher::builder().select(name.parse().unwrap()).retirement_record(None);
    assert!(matches!(only("gpu").build(), Err(Error::UnknownBackend { .. })));
    let absent = only("wgpu").absent("wgpu", "no Vulkan loader (libvulkan.so.1)").build();
    let Err(Error::BackendUnavailable { reason, .. }) = absent else { panic!("an absent device was selected") };
    assert!(reason.contains("Vulkan"), "{reason}");
    for text in ["-0.1", "1.5", "nan", "often", ""] {
        assert!(matches!(text.parse::<Audit>(), Err(Error::InvalidSetting { .. })), "{text}");
    }
    assert_eq!("0.25".parse::<Audit>(), Ok(Audit::Rate(0.25)));
    let rate = Dispatcher::builder().audit(Audit::Rate(f64::NAN)).retirement_record(None).build();
    assert!(matches!(rate, Err(Error::InvalidSetting { .. })));
    for name in ["auto", "cpu", "cpu-portable"] {
        assert_eq!(only(name).build().unwrap().selection().to_string(), name);
    }
}

#[test]
fn the_cpu_backends_pass_their_self_tests() {
    let d = dispatcher(1);
    d.self_test_all();
    let devices = d.devices();
    let mut present = devices.iter().filter(|device| device.absent.is_none());
    assert!(present.all(|device| device.self_test == arblast::SelfTest::Passed), "{devices:?}");
}

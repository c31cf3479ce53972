//! MSMs against blst, on every kind of input.

use super::*;
use crate::backend::{Backend, CancelToken, Class};
use crate::cpu::CpuPortable;
use crate::point::InSubgroup;
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, Field};

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// What blst computes.
trait Known: Split {
    fn known(points: &[AffineOf<Self>], scalars: &[Fr]) -> AffineOf<Self>;
}

impl Known for E1 {
    fn known(points: &[AffineOf<Self>], scalars: &[Fr]) -> AffineOf<Self> {
        let points: Vec<_> = points.iter().copied().map(InSubgroup::new_unchecked).collect();
        CpuPortable::new(1).msm_g1(&points, scalars, &control()).unwrap()
    }
}

impl Known for E2 {
    fn known(points: &[AffineOf<Self>], scalars: &[Fr]) -> AffineOf<Self> {
        let points: Vec<_> = points.iter().copied().map(InSubgroup::new_unchecked).collect();
        CpuPortable::new(1).msm_g2(&points, scalars, &control()).unwrap()
    }
}

/// Points that are hard on a batch-affine sum: P, −P, the identity, repeats, an arithmetic progression.
fn points<C: Curve>(count: usize) -> Vec<AffineOf<C>> {
    let g = AffineOf::<C>::generator();
    let mut out = vec![g, (-g.into_group()).into_affine(), AffineOf::<C>::zero(), g];
    let mut next = g.into_group();
    for i in 0..count {
        out.push(if i % 7 == 6 { (-next).into_affine() } else { next.into_affine() });
        if i % 3 != 0 {
            next += g;
        }
    }
    out.truncate(count);
    out
}

/// Scalars by kind; each kind has `count` of them.
fn scalar_kinds(count: usize) -> Vec<(&'static str, Vec<Fr>)> {
    let spread = |i: usize| Fr::from(i as u64 + 2).pow([0xdead_beef_1234_5677]);
    let special = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(2u64), -Fr::from(2u64)];
    let each = |f: &dyn Fn(usize) -> Fr| (0..count).map(f).collect::<Vec<_>>();
    vec![
        ("spread", each(&spread)),
        ("zero", each(&|_| Fr::ZERO)),
        ("one", each(&|_| Fr::ONE)),
        ("minus one", each(&|_| -Fr::ONE)),
        ("special", each(&|i| special[i % 5])),
        ("equal", each(&|_| spread(1))),
        ("64 bits", each(&|i| Fr::from((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)))),
        ("128 bits", each(&|i| Fr::from((i as u128 + 1).wrapping_mul(u128::MAX / 0x9e37_79b9)))),
        ("mostly zero and one", each(&|i| if i % 16 == 0 { spread(i) } else { special[i % 2] })),
        ("opposite", each(&|i| if i % 2 == 0 { spread(i / 2) } else { -spread(i / 2) })),
        ("counting", each(&|i| Fr::from(i as u64))),
    ]
}

fn check<C: Known>(counts: &[usize], threads: &[usize]) {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let workspaces = Workspaces::<C>::new();
    for &count in counts {
        let points = points::<C>(count);
        for (kind, scalars) in scalar_kinds(count) {
            let known = C::known(&points, &scalars);
            for threads in threads {
                let threads = Threads::new(*threads);
                let bases = Bases::<C>::new(ifma, &threads, &points, &control()).unwrap();
                let ours = msm(ifma, &threads, &workspaces, &bases, &scalars, &control());
                assert_eq!(ours, Ok(known), "{count} points, {kind} scalars, {} threads", threads.count());
            }
        }
    }
}

#[test]
fn g1_agrees_with_blst() {
    check::<E1>(&[0, 1, 2, 3, 5, 8, 9, 64, 257, 1000], &[1]);
    check::<E1>(&[100, 3000], &[1, 2, 5]);
}

#[test]
fn g2_agrees_with_blst() {
    check::<E2>(&[0, 1, 2, 7, 64, 300], &[1, 3]);
}

/// Tables of every stride, and what memory allows none.
fn check_fixed<C: Known>(counts: &[usize], threads: &[usize]) {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let workspaces = Workspaces::<C>::new();
    for &count in counts {
        let points = points::<C>(count);
        let base = count * size_of::<PointOf<C>>();
        let kinds: Vec<_> = scalar_kinds(count).into_iter().map(|(k, s)| (k, C::known(&points, &s), s)).collect();
        for rows in [128, 64, 48, 32, 16, 11, 8] {
            let memory = rows * base;
            for threads in threads {
                let threads = Threads::new(*threads);
                let table = Table::<C>::new(ifma, &threads, &points, memory, &control()).unwrap().expect("it fits");
                assert!(table.bytes() <= memory, "{} of {memory} bytes", table.bytes());
                for (kind, known, scalars) in &kinds {
                    let ours = msm_fixed(ifma, &threads, &workspaces, &table, scalars, &control());
                    let case = format!("{count} points, {kind} scalars, stride {}", table.stride);
                    assert_eq!(ours.as_ref(), Ok(known), "{case}, {} threads", threads.count());
                }
            }
        }
        assert!(Table::<C>::new(ifma, &Threads::new(1), &points, 3 * base, &control()).unwrap().is_none());
    }
}

#[test]
fn g1_tables_agree_with_blst() {
    check_fixed::<E1>(&[1, 2, 5, 9, 64, 300], &[1]);
    check_fixed::<E1>(&[1000], &[1, 3]);
}

#[test]
fn g2_tables_agree_with_blst() {
    check_fixed::<E2>(&[1, 7, 64], &[1]);
    check_fixed::<E2>(&[600], &[2]);
}

#[test]
fn tables_of_identities_equal_points_and_points_off_the_curve() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let (threads, workspaces) = (Threads::new(1), Workspaces::<E1>::new());
    let run = |points: &[_], scalars: &[Fr]| {
        let table = Table::<E1>::new(ifma, &threads, points, 1 << 24, &control()).unwrap().expect("it fits");
        msm_fixed(ifma, &threads, &workspaces, &table, scalars, &control()).unwrap()
    };
    for (kind, scalars) in scalar_kinds(1000) {
        let equal = vec![AffineOf::<E1>::generator(); 1000];
        assert_eq!(run(&equal, &scalars), E1::known(&equal, &scalars), "{kind}");
        assert!(run(&vec![AffineOf::<E1>::zero(); 1000], &scalars).is_zero(), "{kind}");
        // Nonsense in, some point out, and no panic.
        let _ = run(&vec![AffineOf::<E1>::new_unchecked(1.into(), 1.into()); 1000], &scalars);
        let _ = run(&vec![AffineOf::<E1>::new_unchecked(1.into(), 0.into()); 1000], &scalars);
    }
}

#[test]
fn a_thousand_equal_points_and_points_off_the_curve() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let (threads, workspaces) = (Threads::new(1), Workspaces::<E1>::new());
    let run = |points: &[_], scalars: &[Fr]| {
        let bases = Bases::<E1>::new(ifma, &threads, points, &control()).unwrap();
        msm(ifma, &threads, &workspaces, &bases, scalars, &control()).unwrap()
    };
    for (_, scalars) in scalar_kinds(1000) {
        let equal = vec![AffineOf::<E1>::generator(); 1000];
        assert_eq!(run(&equal, &scalars), E1::known(&equal, &scalars));
        // Nonsense in, some point out, and no panic.
        let off = vec![AffineOf::<E1>::new_unchecked(1.into(), 1.into()); 1000];
        let _ = run(&off, &scalars);
        let _ = run(&vec![AffineOf::<E1>::new_unchecked(1.into(), 0.into()); 1000], &scalars);
    }
}

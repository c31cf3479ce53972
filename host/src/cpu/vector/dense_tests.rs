//! Sums of long lists against blst, on what is hard on them.

use super::curve::{AffineOf, Curve, E1, E2};
use super::dense::Dense;
use super::msm::Workspaces;
use super::sum::sum;
use super::token::Ifma;
use crate::backend::{Backend, CancelToken, Class, Control, IndexLists};
use crate::cpu::CpuPortable;
use crate::cpu::threads::Threads;
use ark_ec::{AffineRepr, CurveGroup};

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// What blst computes.
trait Known: Dense {
    fn known(points: &[AffineOf<Self>], lists: &IndexLists) -> Vec<AffineOf<Self>>;
}

impl Known for E1 {
    fn known(points: &[AffineOf<Self>], lists: &IndexLists) -> Vec<AffineOf<Self>> {
        CpuPortable::new(1).sum_g1(points, lists, &control()).unwrap()
    }
}

impl Known for E2 {
    fn known(points: &[AffineOf<Self>], lists: &IndexLists) -> Vec<AffineOf<Self>> {
        CpuPortable::new(1).sum_g2(points, lists, &control()).unwrap()
    }
}

/// Half of the points that [`points`] makes, without the identity.
const HALF: u32 = 150;

/// The index of the identity.
const IDENTITY: u32 = 2 * HALF;

/// Multiples 1, 2, … of the generator, then their negatives, then the identity.
fn points<C: Curve>() -> Vec<AffineOf<C>> {
    let g = AffineOf::<C>::generator();
    let mut next = g.into_group();
    let mut out: Vec<AffineOf<C>> = Vec::new();
    for _ in 0..HALF {
        out.push(next.into_affine());
        next += g;
    }
    out.extend(out.clone().into_iter().map(|p| (-p.into_group()).into_affine()));
    out.push(AffineOf::<C>::zero());
    out
}

/// The index of the negative of a point.
fn minus(i: u32) -> u32 {
    if i == IDENTITY { i } else { (i + HALF) % (2 * HALF) }
}

/// Indices without a pattern.
fn scattered(count: usize) -> Vec<u32> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % (2 * HALF)
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Lists in which equal, opposite and missing points meet, in some lanes and in all, at the first level and below.
fn adversarial() -> Vec<Vec<u32>> {
    let mut lists: Vec<Vec<u32>> = (0..70).map(|n| (0..n).collect()).collect();
    lists.extend((0..70).map(|n| scattered(300 + n)[300..].to_vec()));
    for n in [32usize, 33, 40, 63, 64, 65, 100, 127, 128, 129, 250, 511, 1000, 1001] {
        let x = scattered(n);
        let negative: Vec<u32> = x.iter().map(|&i| minus(i)).collect();
        let progression: Vec<u32> = (0..n as u32).map(|i| i % HALF).collect();
        lists.extend([
            vec![7; n],
            vec![IDENTITY; n],
            // Blocks of eight meet their equals, their negatives and both, at the first level and at the second.
            [&x[..], &x[..]].concat(),
            [&x[..], &negative[..]].concat(),
            [&x[..], &x[..], &negative[..], &x[..]].concat(),
            [&x[..], &negative[..], &x[..], &negative[..]].concat(),
            // Neighbours.
            x.iter().flat_map(|&i| [i, minus(i)]).collect(),
            x.iter().flat_map(|&i| [i, i]).collect(),
            (0..n).map(|i| if i % 2 == 0 { 3 } else { minus(3) }).collect(),
            (0..n).map(|i| if i % 3 == 0 { 3 } else { minus(3) }).collect(),
            // Identities in one lane, in all but one, and scattered.
            (0..n).map(|i| if i % 8 == 3 { IDENTITY } else { x[i] }).collect(),
            (0..n).map(|i| if i % 8 == 3 { x[i] } else { IDENTITY }).collect(),
            (0..n).map(|i| if x[i].is_multiple_of(3) { IDENTITY } else { x[i] }).collect(),
            (0..n).map(|i| if i < n / 2 { IDENTITY } else { x[i] }).collect(),
            progression.clone(),
            progression.iter().rev().copied().collect(),
            // Sums of levels that are equal or opposite: a + d, (a + 1) + (d − 1), …
            (0..n).map(|i| if i < n / 2 { i as u32 % HALF } else { (n - 1 - i) as u32 % HALF }).collect(),
            x,
        ]);
    }
    lists
}

fn check<C: Known>(ifma: Ifma, threads: usize, points: &[AffineOf<C>], lists: &[Vec<u32>]) {
    let index: IndexLists = lists.iter().map(|list| list.iter().copied()).collect();
    let known = C::known(points, &index);
    let sums = sum(ifma, &Threads::new(threads), &Workspaces::<C>::new(), points, &index, &control()).unwrap();
    for (i, list) in lists.iter().enumerate() {
        assert_eq!(sums[i], known[i], "list {i} of {} points, {threads} threads", list.len());
    }
}

#[test]
fn lists_are_right_alone() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let (p, q) = (points::<E1>(), points::<E2>());
    for list in adversarial() {
        check::<E1>(ifma, 1, &p, std::slice::from_ref(&list));
        if list.len() < 300 {
            check::<E2>(ifma, 1, &q, &[list]);
        }
    }
}

#[test]
fn lists_are_right_together() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    for threads in [1, 2, 5] {
        check::<E1>(ifma, threads, &points::<E1>(), &adversarial());
    }
    check::<E2>(ifma, 1, &points::<E2>(), &adversarial());
}

/// More points than one task takes, more blocks than one batch, and lengths around both.
#[test]
fn long_lists_are_right() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let p = points::<E1>();
    for count in [2559, 2560, 2561, 2569, 5120, 10_000, 66_000] {
        for threads in [1, 2] {
            check::<E1>(ifma, threads, &p, &[scattered(count)]);
        }
    }
}

/// Nonsense in, some point out, and no panic.
#[test]
fn points_off_the_curve_do_no_harm() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let off = [(1u64, 1u64), (1, 0), (0, 0), (0, 1)].map(|(x, y)| AffineOf::<E1>::new_unchecked(x.into(), y.into()));
    for list in [vec![0; 100], vec![1; 100], vec![2; 100], (0..100).map(|i| i % 4).collect::<Vec<u32>>()] {
        let index: IndexLists = [list].into_iter().collect();
        let sums = sum(ifma, &Threads::new(1), &Workspaces::<E1>::new(), &off, &index, &control()).unwrap();
        assert_eq!(sums.len(), 1);
    }
}

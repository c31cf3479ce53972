//! Pair sums and run sums against arkworks, exceptional pairs first.

use super::adder::PointRef;
use super::curve::{AffineOf, Curve, E1, E2, export, import};
use super::runs::{Runs, Workspace};
use super::token::Ifma;
use crate::backend::{CancelToken, Class, Control};
use ark_bls12_381::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;

/// A list of signed selections from the points.
type List = Vec<(usize, bool)>;

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// Points without the identity: multiples 1, 2, … of the generator, then scattered ones.
fn points<C: Curve>(count: usize) -> Vec<AffineOf<C>> {
    let g = AffineOf::<C>::generator();
    let scalar = |i: u64| if i <= 40 { Fr::from(i) } else { Fr::from(i).pow([77]) };
    (1..=count as u64)
        .map(|i| {
            let k: <AffineOf<C> as AffineRepr>::ScalarField = to_scalar::<C>(scalar(i));
            (g * k).into_affine()
        })
        .collect()
}

fn to_scalar<C: Curve>(k: Fr) -> <AffineOf<C> as AffineRepr>::ScalarField {
    use ark_ff::{BigInteger, PrimeField};
    PrimeField::from_le_bytes_mod_order(&k.into_bigint().to_bytes_le())
}

fn check<C: Curve>(ifma: Ifma, points: &[AffineOf<C>], lists: &[List]) {
    let bases = import::<C>(ifma, points);
    let mut runs = Runs::default();
    for list in lists {
        runs.refs.extend(list.iter().map(|&(i, negative)| PointRef::base(i, negative)));
        runs.lengths.push(list.len() as u32);
    }
    let mut work = Workspace::<C::Coordinate>::new(ifma);
    work.sum(&bases, &mut runs, &control()).unwrap();
    let sums: Vec<_> = runs.sums().map(|s| s.map(|r| (*r.of([&bases, &work.points]), r.is_negative()))).collect();
    for (i, (sum, list)) in export::<C>(ifma, &sums).iter().zip(lists).enumerate() {
        let known = list.iter().map(|&(i, negative)| if negative { -points[i].into_group() } else { points[i].into() });
        let known = known.sum::<<AffineOf<C> as AffineRepr>::Group>().into_affine();
        assert_eq!(*sum, known, "list {i} of {} points", list.len());
    }
}

/// Lists in which every exceptional pair occurs, alone and among others.
fn adversarial() -> Vec<List> {
    let plus = |indices: &[usize]| -> List { indices.iter().map(|&i| (i, false)).collect() };
    let mut lists = vec![
        vec![],
        plus(&[3]),
        vec![(3, true)],
        plus(&[3, 3]),
        vec![(3, false), (3, true)],
        vec![(3, true), (3, true)],
        vec![(3, true), (4, false), (3, false), (4, true)],
        plus(&[0, 1, 2]),
        vec![(0, false), (1, false), (2, true)],
        plus(&[5; 7]),
        plus(&[5; 1000]),
        (0..1000).map(|i| (5, i % 2 == 0)).collect(),
        (0..1000).map(|i| (5, i % 3 == 0)).collect(),
        plus(&(0..40).collect::<Vec<_>>()),
        (0..80).map(|i| (i % 40, i >= 40)).collect(),
        (0..300).map(|i| (i * i % 60, i % 5 == 1)).collect(),
    ];
    lists.extend((1..20).map(|n| (0..n).map(|i| (i * 7 % 60, i % 2 == 1)).collect::<List>()));
    lists
}

#[test]
fn sums_are_right_on_every_input() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let (p, q) = (points::<E1>(60), points::<E2>(60));
    check::<E1>(ifma, &p, &adversarial());
    check::<E2>(ifma, &q, &adversarial());
    // Each list alone, so that it is the only one in its batch.
    adversarial().into_iter().for_each(|list| check::<E1>(ifma, &p, &[list]));
}

#[test]
fn batches_of_every_size_agree() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    let p = points::<E1>(60);
    for pairs in (1..40).chain([63, 64, 65, 2047, 2048, 2049, 5000]) {
        let lists: Vec<List> = (0..pairs).map(|i| vec![(i % 60, false), ((i / 60 + i + 1) % 60, i % 3 == 0)]).collect();
        check::<E1>(ifma, &p, &lists);
    }
}

#[test]
fn endomorphisms_are_powers_of_the_seed() {
    let Some(ifma) = Ifma::detect() else { return eprintln!("skipped: this CPU has no AVX-512 IFMA") };
    fn image<C: Curve>(ifma: Ifma) -> AffineOf<C> {
        let mut point = import::<C>(ifma, &[AffineOf::<C>::generator()])[0];
        super::curve::apply_endomorphism::<C>(ifma, &mut [&mut point]);
        export::<C>(ifma, &[Some((point, false))])[0]
    }
    let z = Fr::from(super::generated::Z_ABS);
    assert_eq!(image::<E1>(ifma), (ark_bls12_381::G1Affine::generator() * (z * z)).into_affine());
    assert_eq!(image::<E2>(ifma), (ark_bls12_381::G2Affine::generator() * z).into_affine());
}

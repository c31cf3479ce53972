//! No call of the host crate panics on any input: wrong lengths, empty input, points off the curve or out of the
//! subgroup, bytes that are not canonical. The caller's mistakes are errors that say which.

use arblast::backend::{IndexLists, NttKind};
use arblast::bls::{Ciphersuite, MinPk, PublicKey, SecretKey, Signature, SignatureSet};
use arblast::{Audit, Call, CancelToken, Class, Dispatcher, Error, G1, G2, Selection};
use arblast_tests::faulty::Faulty;
use arblast_tests::random::Random;
use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{Field, Zero};
use std::sync::Arc;

/// The reference with one thread and with several, and a device that is asked for everything.
fn dispatchers() -> Vec<Dispatcher> {
    let builder = || Dispatcher::builder().retirement_record(None);
    let device = builder()
        .select(Selection::Only("device".into()))
        .backend(Arc::new(Faulty::new("device")))
        .audit(Audit::Always)
        .threads(1);
    let portable = |threads| builder().select(Selection::CpuPortable).threads(threads);
    [portable(1), portable(2), portable(3), device].map(|b| b.build().unwrap()).into()
}

fn call() -> Call {
    Call::new(Class::Block)
}

/// Coordinates that are on no curve, and points of the curve outside the subgroup.
fn strange_points() -> (Vec<G1Affine>, Vec<G2Affine>) {
    let mut random = Random::new("strange");
    let mut g1 = vec![
        G1Affine::new_unchecked(Fq::zero(), Fq::from(1)),
        G1Affine::new_unchecked(Fq::from(1), Fq::zero()),
        G1Affine::new_unchecked(-Fq::from(1), -Fq::from(1)),
        // x = 0 is on the curve: y² = 4; its order is 3.
        G1Affine::new_unchecked(Fq::zero(), Fq::from(2)),
    ];
    let mut g2 = vec![
        G2Affine::new_unchecked(Fq2::zero(), Fq2::ONE),
        G2Affine::new_unchecked(Fq2::ONE, Fq2::zero()),
        G2Affine::new_unchecked(-Fq2::ONE, -Fq2::ONE),
    ];
    for _ in 0..40 {
        g1.push(G1Affine::new_unchecked(random.field(), random.field()));
        g2.push(G2Affine::new_unchecked(random.field(), random.field()));
        g1.extend(G1Affine::get_point_from_x_unchecked(random.field(), false));
        g2.extend(G2Affine::get_point_from_x_unchecked(random.field(), true));
    }
    g1.extend([G1Affine::zero(), G1Affine::generator()]);
    g2.extend([G2Affine::zero(), G2Affine::generator()]);
    (g1, g2)
}

#[test]
fn lengths_that_differ_are_the_callers_mistake() {
    let (p, q) = ([G1::generator(); 3], [G2::generator(); 3]);
    for d in dispatchers() {
        for scalars in [vec![], vec![Fr::ONE; 2], vec![Fr::ONE; 4]] {
            let got = scalars.len();
            let expected = Error::LengthMismatch { what: "scalars", got, expected: 3, per: "point" };
            assert_eq!(d.msm_g1(&call(), &p, &scalars), Err(expected.clone()));
            assert_eq!(d.msm_g2(&call(), &q, &scalars), Err(expected.clone()));
            assert_eq!(d.mul_g1(&call(), &p, &scalars), Err(expected.clone()));
            assert_eq!(d.mul_g2(&call(), &q, &scalars), Err(expected));
            let bases = d.prepare_g1(&call(), Arc::from(p)).unwrap();
            assert!(matches!(d.msm_g1_prepared(&call(), &bases, &scalars), Err(Error::LengthMismatch { .. })));
            let bases = d.prepare_g2(&call(), Arc::from(q)).unwrap();
            assert!(matches!(d.msm_g2_prepared(&call(), &bases, &scalars), Err(Error::LengthMismatch { .. })));
            let bases = d.prepare_fixed_g1(&call(), Arc::from(p), 1 << 20).unwrap();
            assert!(matches!(d.msm_g1_prepared(&call(), &bases, &scalars), Err(Error::LengthMismatch { .. })));
            let bases = d.prepare_fixed_g2(&call(), Arc::from(q), 1 << 20).unwrap();
            assert!(matches!(d.msm_g2_prepared(&call(), &bases, &scalars), Err(Error::LengthMismatch { .. })));
        }
        let lines = d.prepare_lines(&call(), Arc::from(q)).unwrap();
        for got in [0, 2, 4] {
            let (what, per) = ("points of G1", "prepared point");
            let (at, expected) = (vec![p[0]; got], Error::LengthMismatch { what, got, expected: 3, per });
            assert_eq!(d.multi_pairing_prepared(&call(), &[(p[0], q[0])], &lines, &at), Err(expected.clone()));
            assert_eq!(d.pairing_check_prepared(&call(), &[], &lines, &at), Err(expected));
        }
        for n in [0, 3, 6, 1000] {
            let values = vec![Fr::ONE; n];
            assert_eq!(d.ntt(&call(), &values, NttKind::FORWARD), Err(Error::NttLength { got: n }));
            assert_eq!(d.ntt(&call(), &values, NttKind::INVERSE), Err(Error::NttLength { got: n }));
        }
        let zero = NttKind { inverse: false, coset: Some(Fr::zero()) };
        assert_eq!(d.ntt(&call(), &[Fr::ONE; 4], zero), Err(Error::ZeroCosetOffset));
    }
}

#[test]
fn indices_out_of_range_are_named() {
    let points = [G1Affine::generator(); 3];
    for d in dispatchers() {
        for index in [3, 4, u32::MAX] {
            let lists: IndexLists = [vec![0, 1], vec![2, index]].into_iter().collect();
            let expected = Error::IndexOutOfRange { list: 1, position: 1, index, points: 3 };
            assert_eq!(d.sum_g1(&call(), &points, &lists), Err(expected));
            assert!(d.sum_g2(&call(), &[], &lists).is_err());
        }
    }
}

#[test]
fn empty_input_has_an_answer() {
    for d in dispatchers() {
        let c = call();
        assert_eq!(d.msm_g1(&c, &[], &[]), Ok(G1::identity()));
        assert_eq!(d.msm_g2(&c, &[], &[]), Ok(G2::identity()));
        assert_eq!(d.mul_g1(&c, &[], &[]), Ok(vec![]));
        assert_eq!(d.mul_g2(&c, &[], &[]), Ok(vec![]));
        assert_eq!(d.sum_g1(&c, &[], &IndexLists::new()), Ok(vec![]));
        assert_eq!(d.sum_g2(&c, &[], &IndexLists::all(0)), Ok(vec![G2Affine::zero()]));
        assert!(d.multi_pairing(&c, &[]).unwrap().is_zero());
        assert_eq!(d.pairing_check(&c, &[]), Ok(true));
        let lines = d.prepare_lines(&c, Arc::from([])).unwrap();
        assert_eq!(d.pairing_check_prepared(&c, &[], &lines, &[]), Ok(true));
        assert_eq!(d.hash_to_g1(&c, &[], b"tag"), Ok(vec![]));
        assert_eq!(d.hash_to_g2(&c, &[], b""), Err(Error::EmptyDst));
        assert_eq!(d.hash_to_g1(&c, &[b""], b""), Err(Error::EmptyDst));
        assert_eq!(d.hash_to_g2(&c, &[b""], &[7; 300]).unwrap().len(), 1);
        assert_eq!(d.map_to_g1(&c, &[]), Ok(vec![]));
        assert_eq!(d.map_to_g2(&c, &[]), Ok(vec![]));
        assert_eq!(d.decompress_g1(&c, &[]), Ok(vec![]));
        assert_eq!(d.decompress_g2(&c, &[]), Ok(vec![]));
        assert_eq!(d.subgroup_g1(&c, &[]), Ok(vec![]));
        assert_eq!(d.subgroup_g2(&c, &[]), Ok(vec![]));
        let bases = d.prepare_g1(&c, Arc::from([])).unwrap();
        assert_eq!(d.msm_g1_prepared(&c, &bases, &[]), Ok(G1::identity()));
        for memory in [0, 1, usize::MAX] {
            let bases = d.prepare_fixed_g1(&c, Arc::from([]), memory).unwrap();
            assert_eq!(d.msm_g1_prepared(&c, &bases, &[]), Ok(G1::identity()));
        }
    }
}

#[test]
fn points_off_the_curve_or_out_of_the_subgroup_do_not_panic() {
    let (g1, g2) = strange_points();
    for d in dispatchers() {
        let c = call();
        // Membership is told apart; what else is computed of points that are no members is some value.
        let members = d.subgroup_g1(&c, &g1).unwrap();
        assert_eq!(members.iter().filter(|m| **m).count(), 2);
        let members = d.subgroup_g2(&c, &g2).unwrap();
        assert_eq!(members.iter().filter(|m| **m).count(), 2);
        for n in [1, 2, 31, 32, 33, g1.len().min(g2.len())] {
            let p: Vec<G1> = g1[..n].iter().map(|p| G1::new_unchecked(*p)).collect();
            let q: Vec<G2> = g2[..n].iter().map(|q| G2::new_unchecked(*q)).collect();
            let scalars = Random::new("strange scalars").scalars(n);
            let pairs: Vec<(G1, G2)> = p.iter().copied().zip(q.iter().copied()).collect();
            d.msm_g1(&c, &p, &scalars).unwrap();
            d.msm_g2(&c, &q, &scalars).unwrap();
            d.mul_g1(&c, &p, &scalars).unwrap();
            d.mul_g2(&c, &q, &scalars).unwrap();
            d.sum_g1(&c, &g1[..n], &IndexLists::all(n)).unwrap();
            d.sum_g2(&c, &g2[..n], &IndexLists::all(n)).unwrap();
            let _ = d.multi_pairing(&c, &pairs).unwrap();
            let (at, points): (Vec<G1>, Vec<G2>) = pairs.iter().copied().unzip();
            let lines = d.prepare_lines(&c, points.into()).unwrap();
            let _ = d.multi_pairing_prepared(&c, &pairs[..1], &lines, &at).unwrap();
            d.pairing_check(&c, &pairs).unwrap();
        }
    }
}

#[test]
fn bytes_that_are_not_canonical_are_refused() {
    let mut random = Random::new("bytes");
    let g1: Vec<[u8; 48]> =
        [vec![0; 48], vec![0xff; 48], random.bytes(48)].into_iter().map(|b| b.try_into().unwrap()).collect();
    let g2: Vec<[u8; 96]> =
        [vec![0; 96], vec![0xff; 96], vec![0xc0; 96]].into_iter().map(|b| b.try_into().unwrap()).collect();
    for d in dispatchers() {
        assert!(d.decompress_g1(&call(), &g1[..2]).unwrap().iter().all(Result::is_err));
        assert!(d.decompress_g2(&call(), &g2).unwrap().iter().all(Result::is_err));
        d.decompress_g1(&call(), &g1).unwrap();
    }
    for length in [0, 1, 31, 33, 47, 49, 95, 97, 1000] {
        let bytes = vec![0x80; length];
        assert!(PublicKey::<MinPk>::from_bytes(&bytes).is_err() && Signature::<MinPk>::from_bytes(&bytes).is_err());
        assert!(SecretKey::from_bytes(&bytes).is_err());
    }
    assert_eq!(SecretKey::from_bytes(&[0xff; 32]).err(), Some(Error::InvalidSecretKey));
    assert_eq!(SecretKey::from_bytes(&[0; 32]).err(), Some(Error::InvalidSecretKey));
    assert!(PublicKey::<MinPk>::from_bytes(&G1::identity().to_bytes()).is_err());
}

#[test]
fn schemes_take_any_sets() {
    let suite = Ciphersuite::<MinPk>::POP;
    let key = SecretKey::key_gen(&[3; 32], b"").unwrap().public_key::<MinPk>();
    let (g1, g2) = strange_points();
    for d in dispatchers() {
        let c = call();
        assert_eq!(suite.aggregate(&d, &c, &[]).err(), Some(Error::Empty { what: "signatures to aggregate" }));
        let nothing = Signature::from_point(G2::identity());
        assert_eq!(suite.aggregate_verify(&d, &c, &[], &nothing), Ok(false));
        assert_eq!(suite.fast_aggregate_verify(&d, &c, &[], b"", &nothing), Ok(false));
        assert!(suite.verify_batch(&d, &c, &[]).unwrap().all_valid());
        let mut sets = vec![
            SignatureSet::new(b"".as_slice(), vec![], nothing),
            SignatureSet::new(b"".as_slice(), vec![key], nothing),
        ];
        assert_eq!(suite.verify_batch(&d, &c, &sets).unwrap().verdicts(2), [false, false]);
        // A caller who vouches for points that are no members gets some verdict, for the sets beside them too.
        for (p, q) in g1.iter().zip(&g2).take(12) {
            let keys = PublicKey::from_point(G1::new_unchecked(*p)).into_iter().collect();
            sets.push(SignatureSet::new(b"m".as_slice(), keys, Signature::from_point(G2::new_unchecked(*q))));
        }
        let verdicts = suite.verify_batch(&d, &c, &sets).unwrap().verdicts(sets.len());
        assert_eq!(verdicts.len(), sets.len());
        for set in &sets {
            suite.fast_aggregate_verify(&d, &c, &set.keys, &set.message, &set.signature).unwrap();
        }
    }
}

#[test]
fn a_cancelled_call_ends() {
    let token = CancelToken::new();
    token.cancel();
    for d in dispatchers() {
        let c = call().cancel_with(token.clone());
        assert_eq!(d.msm_g1(&c, &[G1::generator()], &[Fr::ONE]), Err(Error::Cancelled));
        assert_eq!(d.pairing_check(&c, &[(G1::generator(), G2::generator())]), Err(Error::Cancelled));
        assert_eq!(d.decompress_g1(&c, &[[0; 48]]), Err(Error::Cancelled));
    }
}

//! The vector engine behind the backend trait, against blst; and how it is left out.

use arblast::backend::{Backend, CancelToken, Class, Control, IndexLists, Kind, Op};
use arblast::cpu::{CpuPortable, ENGINE, vector_engine};
use arblast::{Dispatcher, G1, G2, InSubgroup, Selection, SelfTest};
use ark_bls12_381::{Bls12_381, Fq2, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use std::sync::Arc;

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// The engine with one and with three threads; nothing, said aloud, where the CPU or the environment forbids it.
fn engines() -> Vec<Arc<dyn Backend>> {
    [1, 3].into_iter().filter_map(|n| vector_engine(n).map_err(|e| eprintln!("skipped: {e}")).ok()).collect()
}

/// P, −P, the identity, repeats, then an arithmetic progression with signs.
fn points<A: AffineRepr>(count: usize) -> Vec<A> {
    let g = A::generator();
    let mut out = vec![g, (-g.into_group()).into_affine(), A::zero(), g, g];
    let mut next = g.into_group();
    while out.len() < count {
        next += g;
        out.push(if out.len() % 5 == 0 { (-next).into_affine() } else { next.into_affine() });
    }
    out.truncate(count);
    out
}

/// Lists that are empty, single, repeated, cancelling, long, and of one point a thousand times.
fn lists(points: u32) -> IndexLists {
    let mut lists: IndexLists =
        [vec![], vec![2], vec![0], vec![0, 1], vec![0, 0], vec![0, 1, 2, 0]].into_iter().collect();
    lists.push(vec![7; 1000]);
    lists.push((0..1000).map(|i| i % 2));
    lists.push(0..points);
    (0..50).for_each(|k| lists.push((0..k * 3).map(|i| (i * i + k) % points)));
    lists.push((0..5000).map(|i| i * 31 % points));
    lists
}

#[test]
fn sums_agree_with_blst() {
    let blst = CpuPortable::new(1);
    for engine in engines() {
        for n in [8u32, 100, 20_000] {
            let (p, q) = (points::<G1Affine>(n as usize), points::<G2Affine>(n as usize));
            let lists = lists(n);
            assert_eq!(engine.sum_g1(&p, &lists, &control()), blst.sum_g1(&p, &lists, &control()), "{n} points");
            assert_eq!(engine.sum_g2(&q, &lists, &control()), blst.sum_g2(&q, &lists, &control()), "{n} points");
        }
        assert_eq!(engine.sum_g1(&[], &IndexLists::new(), &control()), Ok(vec![]));
    }
}

#[test]
fn msm_agrees_with_blst_also_over_prepared_bases() {
    let blst = CpuPortable::new(1);
    for engine in engines() {
        for n in [0usize, 1, 33, 700] {
            let p: Vec<G1> = points(n).into_iter().map(InSubgroup::new_unchecked).collect();
            let q: Vec<G2> = points(n).into_iter().map(InSubgroup::new_unchecked).collect();
            let scalars: Vec<Fr> = (0..n as u64).map(|k| Fr::from(k).inverse().unwrap_or_default()).collect();
            let (g1, g2) = (blst.msm_g1(&p, &scalars, &control()), blst.msm_g2(&q, &scalars, &control()));
            assert_eq!(engine.msm_g1(&p, &scalars, &control()), g1);
            assert_eq!(engine.msm_g2(&q, &scalars, &control()), g2);
            let (p, q) = (engine.prepare_g1(&p, &control()).unwrap(), engine.prepare_g2(&q, &control()).unwrap());
            assert_eq!(engine.msm_g1_prepared(&p, &scalars, &control()), g1);
            assert_eq!(engine.msm_g2_prepared(&q, &scalars, &control()), g2);
            assert!(n == 0 || engine.msm_g1_prepared(&q, &scalars, &control()).is_err(), "bases of the wrong group");
        }
    }
}

/// Points of the curve outside the subgroup, those of small order among them where they are easy to name.
fn outsiders_g1(count: u64) -> Vec<G1Affine> {
    let lift = |x: u64| G1Affine::get_point_from_x_unchecked(x.into(), false);
    // (0, 2) has order 3: 3·(0, 2) is the identity since its tangent is y = 2.
    let mut out = vec![G1Affine::new_unchecked(0.into(), 2.into()), G1Affine::new_unchecked(0.into(), (-2).into())];
    out.extend((1..).filter_map(lift).take(count as usize));
    out
}

fn outsiders_g2(count: usize) -> Vec<G2Affine> {
    let lift = |x: u64| G2Affine::get_point_from_x_unchecked(Fq2::new(x.into(), 1.into()), false);
    (1..).filter_map(lift).take(count).collect()
}

#[test]
fn membership_agrees_with_blst() {
    let blst = CpuPortable::new(1);
    for engine in engines() {
        let (out1, out2) = (outsiders_g1(40), outsiders_g2(20));
        let (mut p, mut q) = (points::<G1Affine>(2000), points::<G2Affine>(1000));
        let check = |p: &[G1Affine], q: &[G2Affine], what: &str| {
            assert_eq!(engine.subgroup_g1(p, &control()), blst.subgroup_g1(p, &control()), "{what}");
            assert_eq!(engine.subgroup_g2(q, &control()), blst.subgroup_g2(q, &control()), "{what}");
        };
        check(&p, &q, "members");
        check(&[], &[], "none");
        check(&[p[0]; 1000], &[q[0]; 300], "one point, many times");
        check(&out1.repeat(20), &out2.repeat(20), "outsiders only");
        (p[77], q[999]) = (out1[0], out2[3]);
        check(&p, &q, "one outsider");
        p[1999] = G1Affine::new_unchecked(1.into(), 1.into());
        q[0] = G2Affine::new_unchecked(Fq2::new(1.into(), 2.into()), Fq2::new(0.into(), 0.into()));
        (p[5], p[6]) = (out1[0], out1[1]);
        check(&p, &q, "points off the curve, and two outsiders whose sum is the identity");
        p[100..140].copy_from_slice(&out1[..40]);
        check(&p, &q, "many outsiders");
    }
}

#[test]
fn decoding_agrees_with_blst() {
    let blst = CpuPortable::new(1);
    for engine in engines() {
        let (p, q) = (points::<G1Affine>(700), points::<G2Affine>(600));
        let mut p: Vec<[u8; 48]> = p.into_iter().map(|p| G1::new_unchecked(p).to_bytes()).collect();
        let mut q: Vec<[u8; 96]> = q.into_iter().map(|q| G2::new_unchecked(q).to_bytes()).collect();
        let check = |p: &[[u8; 48]], q: &[[u8; 96]], what: &str| {
            assert_eq!(engine.decompress_g1(p, &control()), blst.decompress_g1(p, &control()), "{what}");
            assert_eq!(engine.decompress_g2(q, &control()), blst.decompress_g2(q, &control()), "{what}");
        };
        check(&p, &q, "members");
        check(&p[..3], &q[..17], "few");
        check(&[], &[], "none");
        // Signs flipped, flags set and cleared, coordinates past p, no point, outside the subgroup, infinities.
        for i in 0..8 {
            p[10 + i][0] ^= 1 << i;
            q[10 + i][0] ^= 1 << i;
            p[20 + i][47] ^= 1 << i;
            q[20 + i][95] ^= 1 << i;
            q[30 + i][47] ^= 1 << i;
        }
        let mut modulus = [0x9a; 48];
        modulus[..8].copy_from_slice(&0x9a01_11ea_397f_e69a_u64.to_be_bytes());
        (p[40], p[41], p[42], p[43], p[44]) = ([0xff; 48], [0; 48], [0x80; 48], [0xc0; 48], modulus);
        (q[40], q[41], q[42], q[43]) = ([0xff; 96], [0; 96], [0x80; 96], [0xc0; 96]);
        (p[45], q[45]) = ([0; 48], [0; 96]);
        (p[45][0], q[45][0]) = (0xe0, 0xe0);
        (p[46], q[46]) = (p[45], q[45]);
        (p[46][0], q[46][0]) = (0xc0, 0xc0);
        (p[47], q[47]) = (p[46], q[46]);
        (p[47][0], q[47][0]) = (0x80, 0x80);
        q[48][48..].copy_from_slice(&[0xff; 48]);
        for (i, outsider) in outsiders_g1(20).into_iter().enumerate() {
            p[60 + 3 * i] = G1::new_unchecked(outsider).to_bytes();
        }
        q[599] = G2::new_unchecked(outsiders_g2(1)[0]).to_bytes();
        check(&p, &q, "broken encodings among others");
    }
}

#[test]
fn a_cancelled_call_ends() {
    for engine in engines() {
        let token = CancelToken::new();
        token.cancel();
        let cancelled = Control::new(Class::Job, token);
        let p: Vec<G1> = points(40).into_iter().map(InSubgroup::new_unchecked).collect();
        assert!(engine.msm_g1(&p, &[Fr::from(3); 40], &cancelled).is_err());
        assert!(engine.sum_g1(&points(40), &IndexLists::all(40), &cancelled).is_err());
    }
}

#[test]
fn it_can_be_left_out() {
    let build = |used| Dispatcher::builder().select(Selection::Cpu).vector_engine(used).retirement_record(None).build();
    let engine = |used| build(used).unwrap().devices().into_iter().find(|d| d.name == ENGINE);
    assert!(engine(false).is_none(), "by the builder");
    let found = engine(true).expect("present, or absent with the reason");
    match vector_engine(1) {
        Ok(engine) => {
            assert_eq!((found.kind, &found.self_test), (Some(Kind::VectorEngine), &SelfTest::Passed), "{found:?}");
            assert!(Op::ALL.iter().any(|op| engine.supports(*op, 1 << 12)));
        }
        Err(reason) => assert_eq!(found.absent, Some(reason)),
    }
}

/// Miller values are equal up to what the final exponentiation takes to one.
#[test]
fn miller_loops_agree_with_blst() {
    let blst = CpuPortable::new(1);
    let raised = |f: Fq12| Bls12_381::final_exponentiation(MillerLoopOutput(f));
    for engine in engines() {
        assert_eq!(engine.miller_loop(&[], &control()), Ok(Fq12::ONE));
        for n in [1usize, 2, 3, 4, 8, 17, 128, 1100] {
            let (p, q) = (points::<G1Affine>(n), points::<G2Affine>(n + 3).split_off(3));
            let pairs: Vec<_> =
                p.into_iter().zip(q).map(|(p, q)| (G1::new_unchecked(p), G2::new_unchecked(q))).collect();
            let (ours, theirs) = (engine.miller_loop(&pairs, &control()), blst.miller_loop(&pairs, &control()));
            assert_eq!(ours.clone().map(raised), theirs.map(raised), "{n} pairs");
            let value = engine.final_exponentiation(&ours.clone().unwrap());
            assert_eq!(value, ours.map(raised).unwrap().map(|output| output.0), "{n} pairs");
        }
    }
}

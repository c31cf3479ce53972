//! The vector engine's hashing, decompression and membership behind the backend trait, with one thread and with three,
//! against blst. What takes the exceptional ways is in the unit tests of `cpu/vector/map`.

use arblast::backend::{Backend, CancelToken, Class, Control, Op};
use arblast::cpu::{CpuPortable, vector_engine};
use ark_bls12_381::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::Field;
use std::sync::Arc;

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// The engine with one and with three threads; nothing, said aloud, where the CPU or the environment forbids it.
fn engines() -> Vec<Arc<dyn Backend>> {
    [1, 3].into_iter().filter_map(|n| vector_engine(n).map_err(|e| eprintln!("skipped: {e}")).ok()).collect()
}

const SIZES: [usize; 7] = [0, 1, 3, 8, 17, 129, 600];

#[test]
fn hashes_and_maps_agree_with_blst() {
    let blst = CpuPortable::new(0);
    let messages: Vec<Vec<u8>> = (0..600u32).map(|i| i.to_le_bytes().repeat(i as usize % 50)).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let u: Vec<Fq> = (0..600u64).map(|i| Fq::from(i).pow([1 + i % 9])).collect();
    let v: Vec<Fq2> = u.iter().zip(u.iter().rev()).map(|(a, b)| Fq2::new(*a, *b)).collect();
    for engine in engines() {
        for n in SIZES {
            let (m, dst) = (&messages[..n], b"a tag of the tests");
            assert_eq!(engine.hash_to_g1(m, dst, &control()), blst.hash_to_g1(m, dst, &control()), "{n} messages");
            assert_eq!(engine.hash_to_g2(m, dst, &control()), blst.hash_to_g2(m, dst, &control()), "{n} messages");
            assert_eq!(engine.map_to_g1(&u[..n], &control()), blst.map_to_g1(&u[..n], &control()), "{n} elements");
            assert_eq!(engine.map_to_g2(&v[..n], &control()), blst.map_to_g2(&v[..n], &control()), "{n} elements");
        }
    }
}

/// Encodings that a change of one byte in every third makes malformed, pointless or foreign.
fn encodings<const N: usize>(points: usize, encode: impl Fn(u64) -> [u8; N]) -> Vec<[u8; N]> {
    let mut out: Vec<[u8; N]> = (0..points as u64).map(encode).collect();
    for (i, bytes) in out.iter_mut().enumerate().filter(|(i, _)| i % 3 == 1) {
        bytes[i * i % N] ^= (i % 255) as u8 + 1;
    }
    out
}

#[test]
fn decoding_and_membership_agree_with_blst() {
    let blst = CpuPortable::new(0);
    let one = encodings(600, |i| arblast::G1::new_unchecked(multiple::<G1Affine>(i)).to_bytes());
    let two = encodings(600, |i| arblast::G2::new_unchecked(multiple::<G2Affine>(i)).to_bytes());
    let p: Vec<G1Affine> = (0..600).map(lifted1).collect();
    let q: Vec<G2Affine> = (0..600).map(lifted2).collect();
    for engine in engines() {
        for n in SIZES {
            let (a, b) = (&one[..n], &two[..n]);
            assert_eq!(engine.decompress_g1(a, &control()), blst.decompress_g1(a, &control()), "{n} points");
            assert_eq!(engine.decompress_g2(b, &control()), blst.decompress_g2(b, &control()), "{n} points");
            let (a, b) = (&p[..n], &q[..n]);
            assert_eq!(engine.subgroup_g1(a, &control()), blst.subgroup_g1(a, &control()), "{n} points");
            assert_eq!(engine.subgroup_g2(b, &control()), blst.subgroup_g2(b, &control()), "{n} points");
        }
        assert!(engine.supports(Op::HashToG2, 128) && engine.supports(Op::DecompressG1, 1024));
    }
}

/// i times the generator; the identity now and then.
fn multiple<A: AffineRepr>(i: u64) -> A {
    A::generator().mul_bigint([i % 97]).into()
}

/// A point of the curve, a member, or neither.
fn lifted1(i: u64) -> G1Affine {
    match i % 4 {
        0 => multiple(i),
        1 => G1Affine::new_unchecked(Fq::from(i), Fq::from(i)),
        _ => G1Affine::get_point_from_x_unchecked(Fq::from(i), true).unwrap_or_else(|| multiple(i)),
    }
}

/// A point of the curve, a member, or neither.
fn lifted2(i: u64) -> G2Affine {
    let x = Fq2::new(Fq::from(i), Fq::from(1));
    match i % 4 {
        0 => multiple(i),
        1 => G2Affine::new_unchecked(x, x),
        _ => G2Affine::get_point_from_x_unchecked(x, true).unwrap_or_else(|| multiple(i)),
    }
}

//! The maps against blst and arkworks, on random inputs and on those that take the exceptional ways.

use super::super::curve::{AffineOf, E1, E2};
use super::super::fp::Fp8;
use super::super::fp2::Fp2x8;
use super::super::msm::Workspaces;
use super::super::subgroup::members;
use super::super::token::Ifma;
use super::{decompress, hash, map, power, root};
use crate::backend::{Backend, CancelToken, Class, Control};
use crate::cpu::CpuPortable;
use crate::cpu::threads::Threads;
use crate::layout;
use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveConfig, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Field, PrimeField};
use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Runs a test where the CPU has the instructions; says so where it has not.
pub(super) fn with_ifma(test: impl Fn(Ifma)) {
    match Ifma::detect() {
        Some(ifma) => test(ifma),
        None => eprintln!("skipped: this CPU has no AVX-512 IFMA"),
    }
}

pub(super) fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

pub(super) fn random_fq(rng: &mut impl Rng) -> Fq {
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    Fq::from_le_bytes_mod_order(&bytes)
}

/// 0, 1, −1, small numbers, their inverses and roots, then random ones.
fn elements(count: usize) -> Vec<Fq> {
    let mut out = vec![Fq::ZERO];
    for n in 1u64..12 {
        let n = Fq::from(n);
        out.extend([n, -n, n.inverse().unwrap()]);
        out.extend((-n).sqrt().or(n.sqrt()));
        out.extend([n.square(), -n.square()]);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(9380);
    while out.len() < count {
        out.push(random_fq(&mut rng));
    }
    out
}

/// Pairs of special coefficients, and squares and non-squares of random ones.
fn elements2() -> Vec<Fq2> {
    let special = elements(0);
    let mut out: Vec<Fq2> = special.iter().flat_map(|a| special[..12].iter().map(|b| Fq2::new(*a, *b))).collect();
    out.extend(special.iter().map(|b| Fq2::new(Fq::ZERO, *b)));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..64 {
        let a = Fq2::new(random_fq(&mut rng), random_fq(&mut rng));
        out.extend([a, a.square(), a.square() * Fq2::new(Fq::from(2), Fq::from(1))]);
    }
    out
}

fn fp8(ifma: Ifma, values: &[Fq]) -> Fp8 {
    Fp8::from_words(ifma, std::array::from_fn(|i| &values[i % values.len()].0.0))
}

fn fp2x8(ifma: Ifma, values: &[Fq2]) -> Fp2x8 {
    let part = |f: fn(&Fq2) -> Fq| fp8(ifma, &values.iter().map(f).collect::<Vec<_>>());
    Fp2x8 { c0: part(|v| v.c0), c1: part(|v| v.c1) }
}

fn fq(ifma: Ifma, x: &Fp8) -> [Fq; 8] {
    x.to_words(ifma).map(|words| Fq::new_unchecked(ark_ff::BigInt::new(words)))
}

#[test]
fn powers_are_arkworks_powers() {
    with_ifma(|ifma| {
        let exponent = (-Fq::from(3)).into_bigint() >> 2;
        let inputs = elements(96);
        for pair in inputs.chunks(16) {
            let x = [fp8(ifma, pair), fp8(ifma, &pair[pair.len() / 2..])];
            // SAFETY: the token proves that the CPU has the features.
            let powers = unsafe { power::inverse_root(&x) };
            for (x, power) in x.iter().zip(&powers) {
                assert_eq!(fq(ifma, power), fq(ifma, x).map(|x| x.pow(exponent)));
            }
        }
    });
}

#[test]
fn roots_in_fp_are_roots() {
    with_ifma(|ifma| {
        for eight in elements(120).chunks(8) {
            let x = fp8(ifma, eight);
            // SAFETY: the token proves that the CPU has the features.
            let [(root, squares)] = unsafe { root::fp(&[x]) };
            for (i, (x, root)) in fq(ifma, &x).into_iter().zip(fq(ifma, &root)).enumerate() {
                assert_eq!(squares >> i & 1 == 1, x.sqrt().is_some(), "the character of {x}");
                assert!(root.square() == if squares >> i & 1 == 1 { x } else { -x }, "the root of {x}");
            }
        }
    });
}

#[test]
fn roots_in_fp2_are_roots() {
    with_ifma(|ifma| {
        for eight in elements2().chunks(8) {
            let x = fp2x8(ifma, eight);
            // SAFETY: the token proves that the CPU has the features.
            let [(root, squares)] = unsafe { root::fp2(ifma, &[x]) };
            let (c0, c1) = (fq(ifma, &root.c0), fq(ifma, &root.c1));
            for (i, x) in eight.iter().enumerate() {
                let square = squares >> i & 1 == 1;
                assert_eq!(square, x.sqrt().is_some(), "the character of {x}");
                assert!(!square || Fq2::new(c0[i], c1[i]).square() == *x, "the root of {x}");
            }
        }
    });
}

#[test]
fn maps_are_blsts() {
    with_ifma(|ifma| {
        let (threads, reference) = (Threads::new(1), CpuPortable::new(1));
        let (one, two) = (elements(150), elements2());
        for count in [0, 1, 7, 8, 9, 16, 17, one.len()] {
            let ours: Vec<G1Affine> = map::<E1>(ifma, &threads, &one[..count], &control()).unwrap();
            assert_eq!(ours, reference.map_to_g1(&one[..count], &control()).unwrap());
        }
        for count in [0, 1, 7, 8, 9, 16, 17, two.len()] {
            let ours: Vec<G2Affine> = map::<E2>(ifma, &threads, &two[..count], &control()).unwrap();
            assert_eq!(ours, reference.map_to_g2(&two[..count], &control()).unwrap());
        }
    });
}

#[test]
fn hashes_are_blsts() {
    with_ifma(|ifma| {
        let (threads, reference) = (Threads::new(1), CpuPortable::new(1));
        let text: Vec<u8> = (0..4000u32).map(|i| ((i * i) >> 3) as u8).collect();
        let messages: Vec<&[u8]> = (0..300).map(|i| &text[i..i + i * 7 % 333]).collect();
        for (count, tag) in [(0, 1), (1, 1), (7, 43), (9, 255), (17, 256), (300, 43), (33, 700)] {
            let (messages, tag) = (&messages[..count], &text[..tag]);
            let ours: Vec<AffineOf<E1>> = hash::<E1>(ifma, &threads, messages, tag, &control()).unwrap();
            assert_eq!(ours, reference.hash_to_g1(messages, tag, &control()).unwrap());
            let ours: Vec<AffineOf<E2>> = hash::<E2>(ifma, &threads, messages, tag, &control()).unwrap();
            assert_eq!(ours, reference.hash_to_g2(messages, tag, &control()).unwrap());
        }
    });
}

/// Points of the curve, members and others, of every small order that there is, the identity, and pairs off the curve.
fn points1() -> Vec<G1Affine> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let outside: Vec<G1Affine> = (0u64..)
        .filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), x % 2 == 0))
        .take(12)
        .chain([G1Affine::identity()])
        .collect();
    let mut out = Vec::new();
    for point in &outside {
        // r·P has an order that divides the cofactor; its multiples by cofactor/q have order q.
        let small = point.mul_bigint(Fr::MODULUS);
        // The cofactor is (1 − z)²/3, and 1 − z the exponent of that part of the curve.
        let z1 = 0xd201_0000_0001_0001u64;
        for q in [3u64, 11, 10177, 859267, 52437899] {
            let by_z = small.mul_bigint([z1 / q]);
            out.extend([by_z.into_affine(), by_z.mul_bigint([z1 / 3]).into_affine()]);
        }
        let member = point.clear_cofactor();
        out.extend([*point, small.into_affine(), member, (member + small).into_affine(), -*point]);
        out.push(G1Affine::new_unchecked(random_fq(&mut rng), random_fq(&mut rng)));
    }
    out
}

fn points2() -> Vec<G2Affine> {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let outside: Vec<G2Affine> = (0u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::from(x / 3)), x % 2 == 0))
        .take(12)
        .chain([G2Affine::identity()])
        .collect();
    let cofactor = BigUint::from_slice(
        &ark_bls12_381::g2::Config::COFACTOR.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]).collect::<Vec<_>>(),
    );
    let mut out = Vec::new();
    for point in &outside {
        let small = point.mul_bigint(Fr::MODULUS);
        for q in [13u32, 23, 2713, 11953, 262069] {
            out.push(small.mul_bigint((&cofactor / q).to_u64_digits()).into_affine());
            out.push(small.mul_bigint((&cofactor / q / q).to_u64_digits()).into_affine());
        }
        let member = point.clear_cofactor();
        out.extend([*point, small.into_affine(), member, (member + small).into_affine(), -*point]);
        let mut coordinate = || Fq2::new(random_fq(&mut rng), random_fq(&mut rng));
        out.push(G2Affine::new_unchecked(coordinate(), coordinate()));
    }
    out
}

#[test]
fn membership_is_blsts() {
    with_ifma(|ifma| {
        let (threads, reference) = (Threads::new(1), CpuPortable::new(1));
        let (one, two) = (points1(), points2());
        for count in [0, 1, 8, 17, one.len()] {
            let ours = members(ifma, &threads, &Workspaces::<E1>::new(), &one[..count], &control()).unwrap();
            assert_eq!(ours, reference.subgroup_g1(&one[..count], &control()).unwrap());
        }
        for count in [0, 1, 8, 17, two.len()] {
            let ours = members(ifma, &threads, &Workspaces::<E2>::new(), &two[..count], &control()).unwrap();
            assert_eq!(ours, reference.subgroup_g2(&two[..count], &control()).unwrap());
        }
    });
}

/// Encodings of points and what is left of them after changes: flags, single bits, numbers around p, noise.
fn damaged<const N: usize>(encodings: Vec<[u8; N]>) -> Vec<[u8; N]> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut out = encodings.clone();
    for (i, encoding) in encodings.iter().enumerate() {
        for flags in 0..8 {
            let mut changed = *encoding;
            changed[0] = changed[0] & 0x1f | flags << 5;
            out.push(changed);
        }
        let mut changed = *encoding;
        changed[i * 7 % N] ^= 1 << (i % 8);
        out.push(changed);
    }
    let p = BigUint::from(Fq::MODULUS);
    for (number, flags) in
        [&p - 1u32, p.clone(), &p + 1u32, 0u32.into(), 1u32.into()].iter().zip([0x80, 0xa0].iter().cycle())
    {
        for start in (0..N).step_by(48) {
            let mut bytes = [0; N];
            let digits = number.to_bytes_be();
            bytes[start + 48 - digits.len()..start + 48].copy_from_slice(&digits);
            bytes[0] |= flags;
            out.push(bytes);
        }
    }
    for first in [0x00, 0x1f, 0x3f, 0x80, 0xbf, 0xc0, 0xe0, 0xff] {
        let mut bytes = [0; N];
        bytes[0] = first;
        out.push(bytes);
        bytes[N - 1] = 1;
        out.push(bytes);
        rng.fill_bytes(&mut bytes);
        bytes[0] = first;
        out.push(bytes);
    }
    out
}

#[test]
fn decoding_is_blsts_with_its_errors() {
    with_ifma(|ifma| {
        let (threads, reference) = (Threads::new(1), CpuPortable::new(1));
        let on_curve: Vec<G1Affine> = points1().into_iter().filter(|p| p.is_on_curve()).collect();
        let one = damaged(on_curve.iter().map(layout::g1_compress).collect());
        for count in [0, 1, 15, 16, 17, one.len()] {
            let ours = decompress(ifma, &threads, &Workspaces::<E1>::new(), &one[..count], &control()).unwrap();
            assert_eq!(ours, reference.decompress_g1(&one[..count], &control()).unwrap());
        }
        let on_curve: Vec<G2Affine> = points2().into_iter().filter(|p| p.is_on_curve()).collect();
        let two = damaged(on_curve.iter().map(layout::g2_compress).collect());
        for count in [0, 1, 15, 16, 17, two.len()] {
            let ours = decompress(ifma, &threads, &Workspaces::<E2>::new(), &two[..count], &control()).unwrap();
            assert_eq!(ours, reference.decompress_g2(&two[..count], &control()).unwrap());
        }
    });
}

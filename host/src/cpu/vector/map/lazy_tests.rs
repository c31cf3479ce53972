//! The operations of `lazy.rs` by big integers, and the point formulas against arkworks, with limbs and lanes at their
//! bounds.

use super::super::curve::{AffineOf, E1, E2};
use super::super::fp::{Fp8, multiple_of_p};
use super::super::fp2::Fp2x8;
use super::super::generated::P;
use super::super::memory::Limbs;
use super::super::token::Ifma;
use super::super::twin::{Modulus, limbs, number};
use super::field::Field;
use super::jacobian::{Jacobian, Scratch, add, add_affine, double, to_affine};
use super::target::{Target, store};
use super::tests::{control, random_fq, with_ifma};
use super::{isogeny, lazy};
use crate::backend::Backend;
use crate::cpu::CpuPortable;
use ark_bls12_381::{Fq, Fq2, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{AdditiveGroup, Zero};
use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

fn p() -> BigUint {
    number(&P)
}

/// Numbers below a bound: both ends, the neighbourhood of multiples of p, long runs of ones, then random ones.
fn below(bound: &BigUint, count: usize) -> Vec<BigUint> {
    let one = BigUint::from(1u32);
    let mut out = vec![bound - &one, BigUint::ZERO, one.clone()];
    out.extend([1u32, 2, 3, 7].iter().flat_map(|k| [k * p() - &one, k * p(), k * p() + &one]));
    out.extend([(&one << 52) - &one, (&one << 364) - &one, (&one << 104) - (&one << 52)]);
    out.retain(|n| n < bound);
    let mut rng = ChaCha8Rng::seed_from_u64(52);
    while out.len() < count {
        let words: Vec<u32> = (0..13).map(|_| rng.next_u32()).collect();
        out.push(BigUint::new(words) % bound);
    }
    out
}

/// Eight numbers from a list, from some place on.
fn pick(ifma: Ifma, list: &[BigUint], start: usize) -> (Fp8, Vec<BigUint>) {
    let numbers: Vec<BigUint> = (0..8).map(|i| list[(start + i) % list.len()].clone()).collect();
    let stored: [Limbs; 8] = std::array::from_fn(|i| Limbs(limbs(&numbers[i])));
    (Fp8::load(ifma, stored.each_ref()), numbers)
}

/// That a value is a number times 2^-416 mod p, and below 4/3·p.
fn assert_reduced(ifma: Ifma, value: &Fp8, expected: impl Fn(usize) -> BigUint) {
    for (i, stored) in value.store(ifma).iter().enumerate() {
        let got = number(&stored.0);
        assert!(&got * 3u32 < 4u32 * p(), "lane {i}: above 4/3·p");
        assert_eq!(got % p(), Modulus::p().reduce(expected(i) % p()) % p(), "lane {i}");
    }
}

#[test]
fn sums_of_products_in_fp() {
    with_ifma(|ifma| {
        // 22² < 2^9.
        let (wide, narrow) = (below(&(22u32 * p()), 40), below(&(4u32 * p() / 3u32), 40));
        let shift = p() << 40;
        for start in 0..40 {
            let [(a, an), (b, bn), (c, cn)] = [start, 3 * start + 1, 7 * start].map(|s| pick(ifma, &wide, s));
            let (d, dn) = pick(ifma, &narrow, 5 * start);
            let mut out = a;
            // SAFETY: the token proves that the CPU has the features.
            unsafe {
                lazy::fp_mul(&mut out, &a, &b);
                assert_reduced(ifma, &out, |i| &an[i] * &bn[i]);
                lazy::fp_square(&mut out, &a);
                assert_reduced(ifma, &out, |i| &an[i] * &an[i]);
                lazy::fp_difference(&mut out, [&a, &b], [&c, &a]);
                assert_reduced(ifma, &out, |i| &an[i] * &bn[i] + (&shift << 380) - &cn[i] * &an[i]);
                lazy::fp_less_squares(&mut out, &a, &b, &d);
                assert_reduced(ifma, &out, |i| &an[i] * &bn[i] + (&shift << 380) - 8u32 * &dn[i] * &dn[i]);
            }
        }
    });
}

/// (a0 + a1·u)(b0 + b1·u), made positive.
fn product(a: [&BigUint; 2], b: [&BigUint; 2]) -> [BigUint; 2] {
    [a[0] * b[0] + (p() << 420) - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

#[test]
fn sums_of_products_in_fp2() {
    with_ifma(|ifma| {
        // 11² < 2^7.
        let (wide, narrow) = (below(&(11u32 * p()), 40), below(&(4u32 * p() / 3u32), 40));
        let square = below(&(8u32 * p() + 1u32), 40);
        for start in 0..40 {
            let [(a0, an0), (a1, an1), (b0, bn0), (b1, bn1)] =
                [start, 3 * start + 1, 7 * start, 9 * start + 4].map(|s| pick(ifma, &wide, s));
            let [(d0, dn0), (d1, dn1)] = [start, 3 * start].map(|s| pick(ifma, &narrow, s));
            let [(s0, sn0), (s1, sn1)] = [start, 3 * start].map(|s| pick(ifma, &square, s));
            let (a, b) = (Fp2x8 { c0: a0, c1: a1 }, Fp2x8 { c0: b0, c1: b1 });
            let (d, s) = (Fp2x8 { c0: d0, c1: d1 }, Fp2x8 { c0: s0, c1: s1 });
            let ab = |i: usize| product([&an0[i], &an1[i]], [&bn0[i], &bn1[i]]);
            let dd = |i: usize| product([&dn0[i], &dn1[i]], [&dn0[i], &dn1[i]]);
            let check = |value: &Fp2x8, expected: &dyn Fn(usize) -> [BigUint; 2]| {
                assert_reduced(ifma, &value.c0, |i| expected(i)[0].clone());
                assert_reduced(ifma, &value.c1, |i| expected(i)[1].clone());
            };
            let less = |[x0, x1]: [BigUint; 2], k: u32, [y0, y1]: [BigUint; 2]| {
                [x0 + (p() << 430) - k * y0, x1 + (p() << 430) - k * y1]
            };
            let mut out = a;
            // SAFETY: the token proves that the CPU has the features.
            unsafe {
                lazy::fp2_mul(&mut out, &a, &b);
                check(&out, &ab);
                lazy::fp2_square(&mut out, &s);
                check(&out, &|i| product([&sn0[i], &sn1[i]], [&sn0[i], &sn1[i]]));
                lazy::fp2_difference(&mut out, [&a, &b], [&b, &b]);
                check(&out, &|i| less(ab(i), 1, product([&bn0[i], &bn1[i]], [&bn0[i], &bn1[i]])));
                lazy::fp2_less_squares(&mut out, &a, &b, &d);
                check(&out, &|i| less(ab(i), 8, dd(i)));
            }
        }
    });
}

/// Curves with their points of arkworks in and out of vectors.
trait Sample: Target<Coordinate: Field> {
    type Point: CurveGroup;
    /// The points' Jacobian coordinates, with multiples of p added up to the bounds.
    fn lanes(ifma: Ifma, points: &[Self::Point; 8]) -> Jacobian<Self::Coordinate>;
    /// A random factor of the Z coordinate.
    fn rescaled(point: Self::Point, rng: &mut ChaCha8Rng) -> Self::Point;
}

impl Sample for E1 {
    type Point = G1Projective;
    fn lanes(ifma: Ifma, points: &[G1Projective; 8]) -> Jacobian<Fp8> {
        let load = |f: fn(&G1Projective) -> &Fq| Fp8::from_words(ifma, points.each_ref().map(|q| &f(q).0.0));
        let add = |x: Fp8, k| x.add(&Fp8::splat(ifma, &multiple_of_p(k)));
        Jacobian { x: add(load(|q| &q.x), 4), y: load(|q| &q.y), z: add(load(|q| &q.z), 2) }
    }
    fn rescaled(q: G1Projective, rng: &mut ChaCha8Rng) -> G1Projective {
        let k = random_fq(rng);
        G1Projective::new_unchecked(q.x * k * k, q.y * k * k * k, q.z * k)
    }
}

impl Sample for E2 {
    type Point = G2Projective;
    fn lanes(ifma: Ifma, points: &[G2Projective; 8]) -> Jacobian<Fp2x8> {
        let load = |f: fn(&G2Projective) -> &Fq2, k| {
            let part = |g: fn(&Fq2) -> &Fq| Fp8::from_words(ifma, points.each_ref().map(|q| &g(f(q)).0.0));
            let lift = Fp8::splat(ifma, &multiple_of_p(k));
            Fp2x8 { c0: part(|c| &c.c0).add(&lift), c1: part(|c| &c.c1).add(&lift) }
        };
        Jacobian { x: load(|q| &q.x, 4), y: load(|q| &q.y, 0), z: load(|q| &q.z, 2) }
    }
    fn rescaled(q: G2Projective, rng: &mut ChaCha8Rng) -> G2Projective {
        let k = Fq2::new(random_fq(rng), random_fq(rng));
        G2Projective::new_unchecked(q.x * k * k, q.y * k * k * k, q.z * k)
    }
}

/// Doublings and sums where `mask` names the lanes that are exceptional, each in another way.
fn check_formulas<S: Sample>(ifma: Ifma)
where
    S::Group: crate::cpu::group::Group<Affine = <S::Point as CurveGroup>::Affine>,
{
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let zero = S::Point::zero();
    for mask in [0u8, 1, 0x80, 0x5a, 0xff] {
        let random: Vec<S::Point> = (0..32).map(|_| S::Point::generator().mul_bigint([rng.next_u64()])).collect();
        let p: [S::Point; 8] = std::array::from_fn(|i| S::rescaled(random[i], &mut rng));
        let q: [S::Point; 8] = std::array::from_fn(|i| match (mask >> i & 1, i % 5) {
            (0, _) => S::rescaled(random[8 + i], &mut rng),
            (_, 0) => S::rescaled(p[i], &mut rng),
            (_, 1) => S::rescaled(-p[i], &mut rng),
            (_, 2) => zero,
            (_, 3) => p[i],
            _ => -p[i],
        });
        let o: [S::Point; 8] = std::array::from_fn(|i| if mask >> i & 1 == 1 { zero } else { p[i] });
        let (pv, qv, ov) = (S::lanes(ifma, &p), S::lanes(ifma, &q), S::lanes(ifma, &o));
        let expect = |blocks: &[Jacobian<S::Coordinate>; 2], sums: [[S::Point; 8]; 2]| {
            // SAFETY: the token proves that the CPU has the features.
            let got = unsafe { store::<S>(ifma, &to_affine(ifma, blocks), 16) };
            assert_eq!(got, sums.concat().iter().map(|s| s.into_affine()).collect::<Vec<_>>(), "mask {mask:#x}");
        };
        let sum = |a: &[S::Point; 8], b: &[S::Point; 8]| std::array::from_fn(|i| a[i] + b[i]);
        let mut scratch = Scratch::new(ifma);
        // SAFETY: the token proves that the CPU has the features.
        unsafe {
            let mut r = [pv, ov];
            double(&mut r, &mut scratch);
            expect(&r, [sum(&p, &p), sum(&o, &o)]);
            let mut r = [pv, qv];
            add(&mut r, &[qv, ov], &mut scratch);
            expect(&r, [sum(&p, &q), sum(&q, &o)]);
            let affine = to_affine(ifma, &[pv]);
            let affine = (affine[0].0, affine[0].1);
            let mut r = [qv, ov];
            add_affine(ifma, &mut r, &[affine, affine], &mut scratch);
            expect(&r, [sum(&q, &p), sum(&o, &p)]);
        }
    }
}

#[test]
fn formulas_are_complete() {
    with_ifma(|ifma| {
        check_formulas::<E1>(ifma);
        check_formulas::<E2>(ifma);
    });
}

/// Maps of u and of v, added on E' and taken to the subgroup, for u = v, u = −v and others.
#[test]
fn sums_before_the_isogeny_are_sums_after_it() {
    with_ifma(|ifma| {
        let (mut rng, reference) = (ChaCha8Rng::seed_from_u64(11), CpuPortable::new(1));
        let u: Vec<Fq> = (0..8).map(|i| if i == 3 { Fq::ZERO } else { random_fq(&mut rng) }).collect();
        let v: Vec<Fq> = (0..8).map(|i| [u[i], -u[i], random_fq(&mut rng), u[i], -u[i]][i % 5]).collect();
        let (u2, v2): (Vec<Fq2>, Vec<Fq2>) = (0..8).map(|i| (Fq2::new(u[i], v[i]), Fq2::new(v[i], u[i]))).unzip();
        let v2: Vec<Fq2> = (0..8).map(|i| [u2[i], -u2[i], v2[i]][i % 3]).collect();
        let sum = |a: &[G1Affine], b: &[G1Affine]| -> Vec<_> {
            a.iter().zip(b).map(|(a, b)| (a.into_group() + b).into_affine()).collect()
        };
        let sum2 = |a: &[G2Affine], b: &[G2Affine]| -> Vec<_> {
            a.iter().zip(b).map(|(a, b)| (a.into_group() + b).into_affine()).collect()
        };
        let one = |u: &[Fq]| reference.map_to_g1(u, &control()).unwrap();
        let two = |u: &[Fq2]| reference.map_to_g2(u, &control()).unwrap();
        assert_eq!(mapped_sum::<E1>(ifma, &u, &v), sum(&one(&u), &one(&v)));
        assert_eq!(mapped_sum::<E2>(ifma, &u2, &v2), sum2(&two(&u2), &two(&v2)));
    });
}

fn mapped_sum<T: Target>(ifma: Ifma, u: &[T::Element], v: &[T::Element]) -> Vec<AffineOf<T>> {
    let load = |e: &[T::Element]| T::load_elements(ifma, std::array::from_fn(|i| &e[i]));
    let [p, q] = T::to_isogenous(ifma, &[load(u), load(v)]);
    // SAFETY: the token proves that the CPU has the features.
    unsafe {
        let sum = isogeny::sum(ifma, &T::A, &p, &q);
        let mut image = [isogeny::image(ifma, &T::ISOGENY, &sum)];
        T::clear_cofactor(ifma, &mut image, &mut Scratch::new(ifma));
        store::<T>(ifma, &to_affine(ifma, &image), 8)
    }
}

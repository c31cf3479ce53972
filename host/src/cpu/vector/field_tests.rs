//! The fields against their twin, limb by limb, with limbs driven to the stated bounds; and against arkworks.

use super::fp::{Fp8, multiple_of_p};
use super::fp2::Fp2x8;
use super::fr::{Fr8, multiple_of_r};
use super::generated as constants;
use super::memory::Limbs;
use super::token::Ifma;
use super::twin::{self, Modulus, limbs, number};
use ark_bls12_381::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, PrimeField};
use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Runs a test where the CPU has the instructions; says so where it has not.
fn with_ifma(test: impl Fn(Ifma)) {
    match Ifma::detect() {
        Some(ifma) => test(ifma),
        None => eprintln!("skipped: this CPU has no AVX-512 IFMA"),
    }
}

/// Values in `0..bound`: both ends, the neighbourhood of multiples of m, all-ones limbs, then random ones.
fn values(bound: &BigUint, m: &BigUint, count: usize) -> Vec<BigUint> {
    let one = BigUint::from(1u32);
    let mut out = vec![BigUint::ZERO, one.clone(), bound - &one];
    for k in [1u32, 2, 3, 7] {
        out.extend([k * m - &one, k * m, k * m + &one]);
    }
    out.extend([(&one << 52) - &one, (&one << 364) - &one, (&one << 104) - (&one << 52), &one << 364]);
    out.retain(|v| v < bound);
    let mut rng = ChaCha8Rng::seed_from_u64(381);
    while out.len() < count {
        let words: Vec<u32> = (0..13).map(|_| rng.next_u32()).collect();
        out.push(BigUint::new(words) % bound);
    }
    out
}

fn fp8(ifma: Ifma, values: &[BigUint]) -> Fp8 {
    let limbs: [Limbs; 8] = std::array::from_fn(|i| Limbs(limbs(&values[i % values.len()])));
    Fp8::load(ifma, limbs.each_ref())
}

fn lanes(ifma: Ifma, x: &Fp8) -> [BigUint; 8] {
    x.store(ifma).map(|l| number(&l.0))
}

/// Calls `check` with eight pairs at a time, so that each value meets many others.
fn each_pair(a: &[BigUint], b: &[BigUint], check: impl Fn(&[BigUint], &[BigUint])) {
    for shift in 0..b.len() {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for i in 0..a.len().next_multiple_of(8) {
            left.push(a[i % a.len()].clone());
            right.push(b[(i + shift) % b.len()].clone());
        }
        left.chunks(8).zip(right.chunks(8)).for_each(|(l, r)| check(l, r));
    }
}

fn p() -> BigUint {
    number(&constants::P)
}

#[test]
fn fp_multiplication_is_the_twins_to_the_last_limb() {
    with_ifma(|ifma| {
        let m = Modulus::p();
        let inputs = values(&(p() << 13), &p(), 48);
        each_pair(&inputs, &inputs, |a, b| {
            let (x, y) = (fp8(ifma, a), fp8(ifma, b));
            let (product, square) = (lanes(ifma, &x.mul(&y)), lanes(ifma, &x.square()));
            for i in 0..8 {
                assert_eq!(product[i], m.mul(&a[i], &b[i]), "lane {i}: {:x} times {:x}", a[i], b[i]);
                assert_eq!(square[i], m.mul(&a[i], &a[i]), "lane {i}: the square of {:x}", a[i]);
                assert!(&product[i] * 3u32 < 4u32 * p(), "lane {i}: above 4/3·p");
            }
        });
    });
}

/// Products whose carries ripple through limbs of all ones, which random ones never do.
#[test]
fn carries_that_ripple_are_followed() {
    with_ifma(|ifma| {
        let (m, one) = (Modulus::p(), BigUint::from(1u32));
        // a·b = c + k·p for a c with runs of ones or of zeros: a is chosen, b = c/a mod p follows.
        let radix = Fq::from(2u64).pow([416]);
        let runs = (0..7).flat_map(|i| (i + 1..8).map(move |j| (52 * i, 52 * j)));
        let targets = runs.flat_map(|(from, to)| [(&one << to) - (&one << from), (&one << to) + (&one << from)]);
        let targets: Vec<BigUint> = targets.filter(|c| *c < p()).chain([BigUint::from(1u32)]).collect();
        for (i, c) in targets.iter().enumerate() {
            let a = Fq::from(i as u64 + 3).pow([12_345_678_901]);
            let b = Fq::from(c.clone()) * radix / a;
            let (a, b) = (BigUint::from(a.into_bigint()), BigUint::from(b.into_bigint()));
            let product = lanes(ifma, &fp8(ifma, std::slice::from_ref(&a)).mul(&fp8(ifma, std::slice::from_ref(&b))));
            assert_eq!(product[0], m.mul(&a, &b), "towards {c:x}");
            assert_eq!(&product[0] % p(), *c);
        }
    });
}

#[test]
fn fp_sums_and_differences_are_the_twins() {
    with_ifma(|ifma| {
        let inputs = values(&(2u32 * p()), &p(), 40);
        each_pair(&inputs, &inputs, |a, b| {
            let (x, y) = (fp8(ifma, a), fp8(ifma, b));
            let (sum, difference) = (lanes(ifma, &x.add(&y)), lanes(ifma, &x.sub::<2>(&y)));
            let settled = lanes(ifma, &x.columns().sub(&y).settle::<3>());
            let negated = lanes(ifma, &x.columns().negate_lanes(0x5a).sub(&y).tighten::<4>());
            for i in 0..8 {
                assert_eq!(sum[i], &a[i] + &b[i]);
                assert_eq!(difference[i], &a[i] + 2u32 * p() - &b[i]);
                assert_eq!(settled[i], twin::settle(3, &a[i], &b[i]), "lane {i}: {:x} less {:x}", a[i], b[i]);
                assert!(settled[i] < p() + (p() >> 13), "lane {i}: not settled");
                let signed = if 0x5a >> i & 1 == 1 { 4u32 * p() - &a[i] } else { 4u32 * p() + &a[i] };
                assert_eq!(negated[i], signed - &b[i]);
            }
        });
    });
}

#[test]
fn shifts_and_words_that_are_not_converted() {
    with_ifma(|ifma| {
        for chunk in values(&(p() << 19), &p(), 64).chunks(8) {
            let x = fp8(ifma, chunk);
            let (values, shifted) = (lanes(ifma, &x), lanes(ifma, &x.times_2_16()));
            (0..8).for_each(|i| assert_eq!(shifted[i], &values[i] << 16, "lane {i}"));
        }
        for chunk in values(&(8u32 * p()), &p(), 64).chunks(8) {
            let x = fp8(ifma, chunk);
            let words = x.to_words_unscaled(ifma);
            let back = lanes(ifma, &Fp8::from_words_unscaled(ifma, words.each_ref()));
            let values = lanes(ifma, &x);
            for i in 0..8 {
                let number = words[i].iter().rev().fold(BigUint::ZERO, |n, word| (n << 64) + *word);
                assert_eq!(number, &values[i] % p(), "lane {i}");
                assert_eq!(back[i], number, "lane {i}");
            }
        }
    });
}

#[test]
fn settle_takes_its_whole_range() {
    with_ifma(|ifma| {
        let (up, down) = (values(&((19u32 * p()) >> 2), &p(), 40), values(&((11u32 * p()) >> 2), &p(), 40));
        each_pair(&up, &down, |a, b| {
            let settled = lanes(ifma, &fp8(ifma, a).columns().sub(&fp8(ifma, b)).settle::<3>());
            for i in 0..8 {
                assert_eq!(settled[i], twin::settle(3, &a[i], &b[i]), "lane {i}: {:x} less {:x}", a[i], b[i]);
                assert!(settled[i] < p() + (p() >> 13), "lane {i}: not settled");
            }
        });
    });
}

#[test]
fn fp_masks_and_canonical_forms() {
    with_ifma(|ifma| {
        let inputs = values(&(8u32 * p()), &p(), 64);
        for chunk in inputs.chunks(8) {
            let x = fp8(ifma, chunk);
            let (mask, canonical) = (x.zero_mask(), lanes(ifma, &x.canonical()));
            let swapped = lanes(ifma, &x.swap_lanes::<2>());
            let chosen = lanes(ifma, &x.select(0x0f, &Fp8::one(ifma)));
            let values = lanes(ifma, &x);
            for i in 0..8 {
                let value = &values[i];
                assert_eq!(mask >> i & 1 == 1, (value % p()) == BigUint::ZERO, "lane {i}: {value:x}");
                assert_eq!(canonical[i], value % p());
                assert_eq!(swapped[i], values[i ^ 2]);
                assert_eq!(chosen[i], if i < 4 { number(&constants::FP_ONE) } else { value.clone() });
            }
        }
        // A multiple in the lowest limb only is not zero.
        let trap = (2u32 * p()) + (BigUint::from(1u32) << 52);
        assert_eq!(fp8(ifma, &[trap, 2u32 * p()]).zero_mask(), 0b1010_1010);
    });
}

#[test]
fn fp2_multiplication_is_the_twins_to_the_last_limb() {
    with_ifma(|ifma| {
        let inputs = values(&(p() << 4), &p(), 32);
        each_pair(&inputs, &inputs, |a, b| {
            let x = Fp2x8 { c0: fp8(ifma, a), c1: fp8(ifma, b) };
            let y = Fp2x8 { c0: x.c1.swap_lanes::<1>(), c1: x.c0.swap_lanes::<3>() };
            let z = x.mul(&y);
            let (c0, c1) = (lanes(ifma, &z.c0), lanes(ifma, &z.c1));
            let square = x.square();
            let (s0, s1) = (lanes(ifma, &square.c0), lanes(ifma, &square.c1));
            for i in 0..8 {
                let known = twin::fp2_mul([&a[i], &b[i]], [&b[i ^ 1], &a[i ^ 3]]);
                assert_eq!([c0[i].clone(), c1[i].clone()], known, "lane {i}");
                let known = twin::fp2_mul([&a[i], &b[i]], [&a[i], &b[i]]);
                assert_eq!([&s0[i] % p(), &s1[i] % p()], known.map(|k| k % p()), "lane {i}: square");
                assert!([&c0[i], &c1[i], &s0[i], &s1[i]].iter().all(|c| *c * 3u32 < 4u32 * p()));
            }
        });
    });
}

#[test]
fn fr_is_the_twins_and_arkworks() {
    with_ifma(|ifma| {
        let m = Modulus::r();
        let bound = 5u32 * &m.m;
        let inputs = values(&bound, &m.m, 40);
        let load = |v: &[BigUint]| {
            let lanes: [[u64; 5]; 8] = std::array::from_fn(|i| limbs(&v[i]));
            Fr8::load_limbs(ifma, &lanes)
        };
        each_pair(&inputs, &inputs, |a, b| {
            let (x, y) = (load(a), load(b));
            let (product, sum) = (x.mul(&y).limbs(ifma), x.add(&y).limbs(ifma));
            let difference = x.sub::<6>(&y).limbs(ifma);
            for i in 0..8 {
                assert_eq!(number(&product[i]), m.mul(&a[i], &b[i]));
                assert!(number(&product[i]) < 3u32 * &m.m);
                assert_eq!(number(&sum[i]), &a[i] + &b[i]);
                assert_eq!(number(&difference[i]), &a[i] + number(&multiple_of_r(6)) - &b[i]);
            }
        });
        let elements: [Fr; 8] = [0u64, 1, 2, 3, u64::MAX, 5, 6, 7].map(|k| -Fr::from(k) * Fr::from(k));
        let words = elements.each_ref().map(|e| &e.0.0);
        let x = Fr8::from_words(ifma, words);
        assert_eq!(x.to_words(ifma), elements.map(|e| e.0.0));
        assert_eq!(x.mul(&x).to_words(ifma), elements.map(|e| e.square().0.0));
        assert_eq!(x.mul(&Fr8::one(ifma)).to_words(ifma), elements.map(|e| e.0.0));
        assert_eq!(Fr8::integers(ifma, words), elements.map(|e| e.into_bigint().0));
    });
}

#[test]
fn fp_agrees_with_arkworks() {
    with_ifma(|ifma| {
        let elements: [Fq; 8] =
            std::array::from_fn(|i| Fq::from(i as u64).pow([77]) - Fq::from(3u64).pow([i as u64 * 991]));
        let x = Fp8::from_words(ifma, elements.each_ref().map(|e| &e.0.0));
        assert_eq!(x.to_words(ifma), elements.map(|e| e.0.0));
        assert_eq!(x.square().mul(&x).to_words(ifma), elements.map(|e| (e * e * e).0.0));
        assert_eq!(Fp8::zero(ifma).sub::<2>(&x).to_words(ifma), elements.map(|e| (-e).0.0));
    });
}

/// The element of Fp that limbs in Montgomery form stand for.
fn element(limbs: &[u64; 8]) -> Fq {
    Fq::from(number(limbs)) / Fq::from(2u64).pow([416])
}

#[test]
fn generated_constants_hold() {
    let two = Fq::from(2u64);
    assert_eq!(p(), BigUint::from(Fq::MODULUS));
    assert_eq!(number(&constants::R), BigUint::from(Fr::MODULUS));
    assert_eq!(constants::P[0].wrapping_mul(constants::P_INV) % (1 << 52), 1);
    assert_eq!(constants::R[0].wrapping_mul(constants::R_INV) % (1 << 52), 1);
    assert_eq!(Fq::from(number(&constants::P_FOLD)) * two.pow([52]), Fq::ONE);
    assert_eq!(Fr::from(number(&constants::R_FOLD)) * Fr::from(2u64).pow([52]), Fr::ONE);
    assert_eq!(element(&constants::FP_ONE), Fq::ONE);
    assert_eq!(Fq::from(number(&constants::FP_R2)), two.pow([832]));
    assert_eq!(Fr::from(number(&constants::FR_R2)), Fr::from(2u64).pow([520]));
    assert_eq!(number(&multiple_of_p(26)), 26u32 * p());
    let g = G1Affine::generator();
    assert_eq!((element(&constants::G1_X), element(&constants::G1_Y)), (g.x, g.y));
    assert_eq!(g.y.square(), g.x.square() * g.x + element(&constants::E1_B));
    assert_eq!((g * Fr::from(-1i64) + g).into_affine(), G1Affine::identity(), "order r");
    let (beta, z) = (element(&constants::BETA), Fr::from(constants::Z_ABS));
    assert_eq!(beta.pow([3]), Fq::ONE);
    assert_eq!(z * z, Fr::from(constants::Z_SQUARED));
    assert_eq!((g * -(z * z)).into_affine(), G1Affine::new_unchecked(beta * g.x, g.y), "φ is −z²");
}

#[test]
fn generated_constants_of_the_twist_hold() {
    let pair = |c: &[[u64; 8]; 2]| ark_bls12_381::Fq2::new(element(&c[0]), element(&c[1]));
    let h = G2Affine::generator();
    assert_eq!((pair(&constants::G2_X), pair(&constants::G2_Y)), (h.x, h.y));
    assert_eq!(h.y.square(), h.x.square() * h.x + pair(&constants::E2_B));
    let conjugate = |mut a: ark_bls12_381::Fq2| {
        a.conjugate_in_place();
        a
    };
    let psi =
        G2Affine::new_unchecked(conjugate(h.x) * pair(&constants::PSI_X), conjugate(h.y) * pair(&constants::PSI_Y));
    assert_eq!((h * -Fr::from(constants::Z_ABS)).into_affine(), psi, "ψ is z");
    // γᵢ = γ₁ⁱ and γ₁⁶ = ξ^(p−1) = ξ̄/ξ.
    let gamma = pair(&constants::FROBENIUS_1);
    let xi = ark_bls12_381::Fq2::new(Fq::ONE, Fq::ONE);
    assert_eq!(gamma.pow([6]) * xi, conjugate(xi));
    let others = [constants::FROBENIUS_2, constants::FROBENIUS_3, constants::FROBENIUS_4, constants::FROBENIUS_5];
    for (i, other) in others.iter().enumerate() {
        assert_eq!(gamma.pow([i as u64 + 2]), pair(other));
    }
}

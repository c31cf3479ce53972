//! The transform against arkworks and its definition; the kernels against big integers, at the ends of their ranges.

use super::factors::{self, factors, roots};
use super::kernel::{self, Columns, Factor};
use super::*;
use crate::backend::{CancelToken, Class};
use crate::cpu::vector::generated::R;
use crate::cpu::vector::memory::{Limbs, load_transposed, store_transposed};
use crate::cpu::vector::twin::number;
use ark_ff::{AdditiveGroup, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use num_bigint::{BigInt, BigUint};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Runs a test where the CPU has the instructions; says so where it has not.
fn with_ifma(test: impl Fn(Ifma)) {
    match Ifma::detect() {
        Some(ifma) => test(ifma),
        None => eprintln!("skipped: this CPU has no AVX-512 IFMA"),
    }
}

fn control() -> Control {
    Control::new(Class::Job, CancelToken::new())
}

/// Random elements.
fn elements(n: usize) -> Vec<Fr> {
    let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
    let mut bytes = [0; 64];
    let mut next = || {
        rng.fill_bytes(&mut bytes);
        Fr::from_le_bytes_mod_order(&bytes)
    };
    (0..n).map(|_| next()).collect()
}

/// Every kind of transform: forward and inverse, on the subgroup, on cosets, on the coset of one.
fn kinds() -> Vec<NttKind> {
    let offsets = [None, Some(Fr::from(7u64)), Some(-Fr::ONE), Some(Fr::ONE), Some(elements(3)[2])];
    let kind = |coset| [false, true].map(|inverse| NttKind { inverse, coset });
    offsets.into_iter().flat_map(kind).collect()
}

fn by_arkworks(values: &[Fr], kind: NttKind) -> Vec<Fr> {
    let domain = Radix2EvaluationDomain::<Fr>::new(values.len()).expect("a power of two");
    let domain = domain.get_coset(kind.coset.unwrap_or(Fr::ONE)).expect("an offset that is not zero");
    if kind.inverse { domain.ifft(values) } else { domain.fft(values) }
}

#[test]
fn agrees_with_arkworks_on_every_size_and_kind() {
    with_ifma(|ifma| {
        let threads = [Threads::new(1), Threads::new(3)];
        for log in 6..=15 {
            let values = elements(1 << log);
            for kind in kinds() {
                let known = by_arkworks(&values, kind);
                for threads in &threads {
                    let ours = ntt(ifma, threads, &values, kind, &control()).expect("nobody cancels");
                    assert!(ours == known, "2^{log}, {} threads, {kind:?}", threads.count());
                }
            }
        }
    });
}

#[test]
fn agrees_with_arkworks_on_extreme_values() {
    with_ifma(|ifma| {
        let (one, last) = (Fr::ONE, -Fr::ONE);
        // In arkworks' form: the largest integer below r, and the smallest ones.
        let (high, low) = (Fr::new_unchecked((-Fr::ONE).into_bigint()), Fr::new_unchecked(Fr::ONE.into_bigint()));
        type Pattern = Box<dyn Fn(usize) -> Fr>;
        let patterns: Vec<(&str, Pattern)> = vec![
            ("zero", Box::new(|_| Fr::ZERO)),
            ("all one", Box::new(move |_| one)),
            ("all r − 1", Box::new(move |_| last)),
            ("all of the largest form", Box::new(move |_| high)),
            ("all of the smallest form", Box::new(move |_| low)),
            ("alternating", Box::new(move |i| if i % 2 == 0 { Fr::ZERO } else { high })),
            ("pairs", Box::new(move |i| if i % 4 < 2 { high } else { Fr::ZERO })),
            ("the first alone", Box::new(move |i| if i == 0 { last } else { Fr::ZERO })),
            ("the last of 512 alone", Box::new(move |i| if i == 511 { last } else { Fr::ZERO })),
        ];
        for n in [64, 128, 512, 4096] {
            for (name, pattern) in &patterns {
                let values: Vec<Fr> = (0..n).map(pattern).collect();
                for kind in kinds() {
                    let ours = ntt(ifma, &Threads::new(1), &values, kind, &control()).expect("nobody cancels");
                    assert!(ours == by_arkworks(&values, kind), "{n} values, {name}, {kind:?}");
                }
            }
        }
    });
}

#[test]
fn is_the_sum_of_its_definition() {
    with_ifma(|ifma| {
        let (x, g) = (elements(64), Fr::from(5u64));
        let kind = NttKind { inverse: false, coset: Some(g) };
        let y = ntt(ifma, &Threads::new(1), &x, kind, &control()).expect("nobody cancels");
        for (i, y) in y.iter().enumerate() {
            let point = g * roots_of_order(6)[0].pow([i as u64]);
            let sum: Fr = x.iter().enumerate().map(|(j, x)| *x * point.pow([j as u64])).sum();
            assert_eq!(*y, sum, "value {i}");
        }
    });
}

#[test]
fn stops_when_cancelled() {
    with_ifma(|ifma| {
        let token = CancelToken::new();
        token.cancel();
        let control = Control::new(Class::Job, token);
        for threads in [1, 3] {
            let answer = ntt(ifma, &Threads::new(threads), &elements(1 << 14), NttKind::FORWARD, &control);
            assert_eq!(answer, Err(DeviceError::Cancelled));
        }
    });
}

#[test]
fn tables_hold_what_they_say() {
    with_ifma(|ifma| {
        for (inverse, log) in [(false, 6u32), (true, 5)] {
            let table = roots(ifma, log, inverse);
            assert_eq!(table.len(), 1 << (log - 1));
            for (block, factor) in table.iter().enumerate() {
                let bits = block.reverse_bits() >> (usize::BITS - (log - 1));
                let known = roots_of_order(log)[usize::from(inverse)].pow([bits as u64]);
                assert_factor(factor, known);
            }
        }
        let few = elements(11);
        let made = factors(ifma, &few);
        assert_eq!(made.len(), 11);
        made.iter().zip(&few).for_each(|(factor, element)| assert_factor(factor, *element));
    });
}

/// Number i of a factor is w·2^(52(i+1)), below r.
fn assert_factor(factor: &Factor, w: Fr) {
    for (i, limbs) in factor.0.iter().enumerate() {
        assert!(number(limbs) < r() && limbs.iter().all(|limb| limb >> 52 == 0));
        assert_eq!(Fr::from(number(limbs)), w * Fr::from(2u64).pow([52 * (i as u64 + 1)]));
    }
}

fn r() -> BigUint {
    number(&R)
}

/// r times a number of thousandths.
fn thousandths(k: u32) -> BigUint {
    r() * k / 1000u32
}

/// Values in `low..high`: both ends, the neighbourhood of every multiple of r, then random ones.
fn between(low: &BigUint, high: &BigUint, count: usize) -> Vec<BigUint> {
    let mut out = vec![low.clone(), high - 1u32];
    for k in 1..36u32 {
        out.extend([k * r() - 1u32, k * r(), k * r() + 1u32, k * r() - (r() >> 33)]);
    }
    out.retain(|v| low <= v && v < high);
    let mut rng = ChaCha8Rng::seed_from_u64(52);
    while out.len() < count.next_multiple_of(8) || !out.len().is_multiple_of(8) {
        let words: Vec<u32> = (0..9).map(|_| rng.next_u32()).collect();
        out.push(low + BigUint::new(words) % (high - low));
    }
    out
}

/// Eight values as tight limbs.
fn tight(ifma: Ifma, values: &[BigUint]) -> Columns {
    let limbs: [Limbs; 8] = std::array::from_fn(|lane| {
        let limbs: [u64; 5] = crate::cpu::vector::twin::limbs(&values[lane % values.len()]);
        Limbs([limbs[0], limbs[1], limbs[2], limbs[3], limbs[4], 0, 0, 0])
    });
    let [a, b, c, d, e, ..] = load_transposed(ifma, limbs.each_ref());
    Columns([a, b, c, d, e])
}

/// Eight values by limbs that are far from carried: `lean`·2^52 is lent to each limb from the one above.
fn loose(ifma: Ifma, values: &[BigUint], lean: i64) -> Columns {
    let lanes = limbs_of(ifma, &tight(ifma, values)).map(|limbs| {
        let lent = |i: usize| if i < 4 { lean << 52 } else { 0 } - if i > 0 { lean } else { 0 };
        std::array::from_fn::<u64, 8, _>(|i| if i < 5 { (limbs[i] + lent(i)).cast_unsigned() } else { 0 })
    });
    let lanes = lanes.map(Limbs);
    let [a, b, c, d, e, ..] = load_transposed(ifma, lanes.each_ref());
    Columns([a, b, c, d, e])
}

fn limbs_of(ifma: Ifma, x: &Columns) -> [[i64; 5]; 8] {
    let [a, b, c, d, e] = x.0;
    let lanes = store_transposed(ifma, &[a, b, c, d, e, a, a, a]);
    lanes.map(|l| std::array::from_fn(|i| l.0[i].cast_signed()))
}

/// The values of the lanes.
fn values(ifma: Ifma, x: &Columns) -> [BigInt; 8] {
    limbs_of(ifma, x).map(|l| l.iter().rev().fold(BigInt::ZERO, |n, limb| (n << 52) + *limb))
}

fn assert_tight(ifma: Ifma, x: &Columns) {
    assert!(limbs_of(ifma, x).as_flattened().iter().all(|limb| limb >> 52 == 0), "limbs are not tight");
}

/// Whether each lane is congruent to `known` and in `low..high` thousandths of r.
fn assert_lanes(ifma: Ifma, x: &Columns, known: impl Fn(usize) -> Fr, (low, high): (u32, u32)) {
    for (lane, value) in values(ifma, x).into_iter().enumerate() {
        let value = value.to_biguint().unwrap_or_else(|| panic!("lane {lane} is negative: {value}"));
        assert_eq!(Fr::from(value.clone()), known(lane), "lane {lane}");
        assert!(thousandths(low) <= value && value < thousandths(high), "lane {lane}: {value:x} is out of range");
    }
}

#[test]
fn multiplications_keep_to_their_ranges() {
    with_ifma(|ifma| {
        let top = BigUint::from(1u32) << 260;
        let w = [-Fr::ONE, elements(1)[0], Fr::from(number(&[u64::MAX >> 12; 5])), Fr::ZERO];
        let made = factors(ifma, &w);
        for eight in between(&BigUint::ZERO, &top, 200).chunks(8) {
            let x = tight(ifma, eight);
            for (factor, w) in made.iter().zip(w) {
                // SAFETY: the token proves the features.
                let product = unsafe { kernel::times(&x, factor) };
                assert_lanes(ifma, &product, |i| Fr::from(eight[i].clone()) * w, (0, 6000));
                // SAFETY: as above.
                let settled = unsafe { kernel::settle(&product) };
                assert_tight(ifma, &settled);
                assert_lanes(ifma, &settled, |i| Fr::from(eight[i].clone()) * w, (0, 1001));
            }
        }
        let (wide, narrow) =
            (between(&BigUint::ZERO, &(29u32 * r()), 160), between(&BigUint::ZERO, &(6u32 * r()), 160));
        let radix = Fr::from(2u64).pow([260]).inverse().expect("not zero");
        let s: [Fr; 8] = elements(8).try_into().expect("eight");
        let step = factors::lanes(ifma, &Fr8::from_words(ifma, s.each_ref().map(|s| &s.0.0)));
        for (a, b) in wide.chunks(8).zip(narrow.chunks(8).rev()) {
            // SAFETY: as above.
            let [product, next] = unsafe { kernel::twist(&tight(ifma, a), &tight(ifma, b), &step) };
            assert_lanes(ifma, &next, |i| Fr::from(b[i].clone()) * s[i], (0, 6000));
            let known = |i: usize| Fr::from(a[i].clone()) * Fr::from(b[i].clone()) * radix;
            assert_lanes(ifma, &product, known, (0, 6960));
            // SAFETY: as above.
            assert_lanes(ifma, &unsafe { kernel::settle(&product) }, known, (0, 1001));
        }
    });
}

#[test]
fn settling_takes_whatever_fits() {
    with_ifma(|ifma| {
        let top = BigUint::from(1u32) << 260;
        for eight in between(&BigUint::ZERO, &top, 400).chunks(8) {
            // SAFETY: the token proves the features.
            let settled = unsafe { kernel::settle(&tight(ifma, eight)) };
            assert_tight(ifma, &settled);
            assert_lanes(ifma, &settled, |i| Fr::from(eight[i].clone()), (0, 1001));
        }
        for eight in between(&BigUint::ZERO, &(2u32 * r()), 64).chunks(8) {
            // SAFETY: as above.
            let canonical = unsafe { kernel::canonical(&tight(ifma, eight)) };
            assert_tight(ifma, &canonical);
            assert_lanes(ifma, &canonical, |i| Fr::from(eight[i].clone()), (0, 1000));
        }
    });
}

#[test]
fn butterflies_keep_to_their_ranges() {
    with_ifma(|ifma| {
        let w = elements(3);
        let [f, v, u] = [0, 1, 2].map(|i| factors(ifma, &w[i..=i])[0]);
        let range = between(&(r() - (r() >> 30)), &(29u32 * r()), 200);
        for shift in [0, 3, 11, 17] {
            for (i, a) in range.chunks(8).enumerate() {
                let other = |k: usize| range.chunks(8).nth((i * k + shift) % (range.len() / 8)).expect("in range");
                let rows = [a, other(2), other(3), other(5)];
                for lean in [0, 1 << 7, -(1 << 7)] {
                    let mut x = rows.map(|row| loose(ifma, row, lean));
                    let [a, b, c, d] = &mut x;
                    // SAFETY: the token proves the features.
                    unsafe { kernel::butterfly([a, b, c, d], &f, [&v, &u]) };
                    let e = |row: usize, lane: usize| Fr::from(rows[row][lane].clone());
                    let upper = |i| (e(0, i) + w[0] * e(2, i), w[1] * (e(1, i) + w[0] * e(3, i)));
                    let lower = |i| (e(0, i) - w[0] * e(2, i), w[2] * (e(1, i) - w[0] * e(3, i)));
                    let range = (999, 29_000);
                    assert_lanes(ifma, &x[0], |i| upper(i).0 + upper(i).1, range);
                    assert_lanes(ifma, &x[1], |i| upper(i).0 - upper(i).1, range);
                    assert_lanes(ifma, &x[2], |i| lower(i).0 + lower(i).1, range);
                    assert_lanes(ifma, &x[3], |i| lower(i).0 - lower(i).1, range);
                }
            }
        }
    });
}

#[test]
fn first_butterflies_keep_to_their_ranges() {
    with_ifma(|ifma| {
        let i = roots_of_order(2)[0];
        let factor = factors(ifma, &[i])[0];
        let range = between(&BigUint::ZERO, &thousandths(3010), 64);
        let half = between(&BigUint::ZERO, &thousandths(1001), 64);
        for shift in 0..8 {
            let eight = |range: &[BigUint], k: usize| range[8 * ((k * 3 + shift) % 8)..][..8].to_vec();
            let rows = [0, 1, 2, 3].map(|k| eight(&range, k));
            let x = rows.each_ref().map(|row| tight(ifma, row));
            let e = |row: usize, lane: usize| Fr::from(rows[row][lane].clone());
            // SAFETY: the token proves the features.
            let y = unsafe { kernel::first_butterfly(x.each_ref(), &factor) };
            let (even, odd) = (|l| (e(0, l) + e(2, l), e(0, l) - e(2, l)), |l| (e(1, l) + e(3, l), e(1, l) - e(3, l)));
            assert_lanes(ifma, &y[0], |l| even(l).0 + odd(l).0, (0, 13_000));
            assert_lanes(ifma, &y[1], |l| even(l).0 - odd(l).0, (999, 15_000));
            assert_lanes(ifma, &y[2], |l| even(l).1 + i * odd(l).1, (999, 15_000));
            assert_lanes(ifma, &y[3], |l| even(l).1 - i * odd(l).1, (999, 15_000));
            assert!(limbs_of(ifma, &y[0]).as_flattened().iter().all(|limb| *limb >= 0), "a limb is negative");
            let (a, b) = (eight(&half, 0), eight(&half, 1));
            // SAFETY: as above.
            let [sum, difference] = unsafe { kernel::halves(&tight(ifma, &a), &tight(ifma, &b)) };
            assert_tight(ifma, &sum);
            assert_tight(ifma, &difference);
            assert_lanes(ifma, &sum, |l| Fr::from(a[l].clone()) + Fr::from(b[l].clone()), (0, 3010));
            assert_lanes(ifma, &difference, |l| Fr::from(a[l].clone()) - Fr::from(b[l].clone()), (0, 3010));
        }
    });
}

#[test]
fn words_and_limbs_are_the_same_numbers() {
    with_ifma(|ifma| {
        let x: Vec<Fr> = elements(6).into_iter().chain([Fr::ZERO, -Fr::ONE]).collect();
        let mut back = [Fr::ZERO; 8];
        // SAFETY: the token proves the features; eight elements are read and written.
        unsafe {
            let limbs = words::load_elements(x.as_ptr().cast());
            let number = |i: usize| BigUint::new(x[i].0.0.iter().flat_map(|w| [*w as u32, (w >> 32) as u32]).collect());
            assert_tight(ifma, &limbs);
            values(ifma, &limbs).into_iter().enumerate().for_each(|(i, value)| assert_eq!(value, number(i).into()));
            words::store_elements(back.as_mut_ptr().cast(), &words::words(&limbs));
        }
        assert_eq!(back.as_slice(), x);
        // All ones survive, which an element never is.
        let ones = [u64::MAX; 32];
        let mut copy = [0; 32];
        // SAFETY: as above, in words.
        unsafe { words::store(copy.as_mut_ptr(), &words::words(&words::limbs(&words::load(ones.as_ptr())))) };
        assert_eq!(copy, ones);
    });
}

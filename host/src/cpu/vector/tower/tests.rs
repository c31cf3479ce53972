//! The tower against arkworks.

use super::{Across, Fp12x8, Line, Lines, Scratch, TwoLines, settle};
use crate::cpu::vector::fp::{Fp8, multiple_of_p};
use crate::cpu::vector::fp2::Fp2x8;
use crate::cpu::vector::generated as constants;
use crate::cpu::vector::token::Ifma;
use crate::cpu::vector::twin;
use ark_bls12_381::{Fq, Fq2, Fq6, Fq12};
use ark_ff::{AdditiveGroup, Field, One};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Elements of Fp: 0, 1, −1, 2, 1/R and then random ones.
fn element(rng: &mut ChaCha8Rng) -> Fq {
    match rng.next_u32() % 12 {
        0 => Fq::ZERO,
        1 => Fq::ONE,
        2 => -Fq::ONE,
        3 => Fq::from(2u64),
        4 => Fq::from(2u64).pow([416]).inverse().unwrap(),
        _ => Fq::from(rng.next_u64()).pow([6]) - Fq::from(rng.next_u64()),
    }
}

fn fq2(rng: &mut ChaCha8Rng) -> Fq2 {
    Fq2::new(element(rng), element(rng))
}

fn fq6(rng: &mut ChaCha8Rng) -> Fq6 {
    Fq6::new(fq2(rng), fq2(rng), fq2(rng))
}

fn fq12(rng: &mut ChaCha8Rng) -> Fq12 {
    Fq12::new(fq6(rng), fq6(rng))
}

/// Runs a test with seeded randomness where the CPU has the instructions; says so where it has not.
fn with_ifma(test: impl Fn(Ifma, &mut ChaCha8Rng)) {
    match Ifma::detect() {
        Some(ifma) => test(ifma, &mut ChaCha8Rng::seed_from_u64(12)),
        None => eprintln!("skipped: this CPU has no AVX-512 IFMA"),
    }
}

/// Eight elements of each sort, the first lanes with 0, 1, −1 and others with few coefficients.
fn operands(rng: &mut ChaCha8Rng, round: u64) -> [Fq12; 8] {
    let mut out: [Fq12; 8] = std::array::from_fn(|_| fq12(rng));
    if round == 0 {
        let p_minus_one =
            Fq6::new(-Fq2::new(Fq::ONE, Fq::ONE), -Fq2::new(Fq::ONE, Fq::ONE), -Fq2::new(Fq::ONE, Fq::ONE));
        out[..4].copy_from_slice(&[Fq12::ZERO, Fq12::ONE, -Fq12::one(), Fq12::new(p_minus_one, p_minus_one)]);
    }
    out
}

fn lanes_of(ifma: Ifma, values: &[Fq2; 8], lift: u64) -> Fp2x8 {
    let fp = |c: [&Fq; 8]| {
        let lifted = Fp8::from_words(ifma, c.map(|c| &c.0.0));
        lifted.add(&Fp8::splat(ifma, &multiple_of_p(lift)))
    };
    Fp2x8 { c0: fp(values.each_ref().map(|c| &c.c0)), c1: fp(values.each_ref().map(|c| &c.c1)) }
}

#[test]
fn fp12_agrees_with_arkworks() {
    with_ifma(|ifma, rng| {
        for round in 0..20 {
            let (a, b) = (operands(rng, round), operands(rng, round % 3));
            let (x, y) = (Fp12x8::load(ifma, a.each_ref()), Fp12x8::load(ifma, b.each_ref()));
            assert_eq!(x.store(ifma), a);
            let (mut product, mut square, mut all) = (x, x, x);
            let scratch = &mut Scratch::new(ifma);
            // SAFETY: the token proves that the CPU has the features.
            let chained = unsafe {
                product.mul(&y, scratch);
                square.square(scratch);
                all.multiply_lanes(scratch);
                let mut chained = product;
                chained.mul(&square, scratch);
                chained.square(scratch);
                chained
            };
            let (product, square, chained) = (product.store(ifma), square.store(ifma), chained.store(ifma));
            for i in 0..8 {
                assert_eq!(product[i], a[i] * b[i], "round {round}, lane {i}: product");
                assert_eq!(square[i], a[i].square(), "round {round}, lane {i}: square");
                assert_eq!(chained[i], (a[i] * b[i] * a[i].square()).square(), "round {round}, lane {i}: chain");
            }
            assert_eq!(all.store(ifma), [a.iter().product::<Fq12>(); 8], "round {round}: lanes");
        }
    });
}

#[test]
fn lines_agree_with_arkworks_up_to_their_bound() {
    with_ifma(|ifma, rng| {
        // From values just below 4/3·p to values just below 2^6·p.
        for lift in [0, 1, 40, 62] {
            let a = operands(rng, lift);
            let x = Fp12x8::load(ifma, a.each_ref());
            let values: [[[Fq2; 8]; 3]; 2] =
                std::array::from_fn(|_| std::array::from_fn(|_| std::array::from_fn(|_| fq2(rng))));
            let line = |l: &[[Fq2; 8]; 3]| Line {
                l0: lanes_of(ifma, &l[0], lift),
                l1: lanes_of(ifma, &l[1], lift),
                l4: lanes_of(ifma, &l[2], lift),
            };
            let [first, second] = values.each_ref().map(line);
            let (mut one, mut two) = (x, x);
            let (mut lines, scratch) = (TwoLines::zero(ifma), &mut Scratch::new(ifma));
            // SAFETY: the token proves that the CPU has the features.
            unsafe {
                one.mul_by_line(&first, scratch);
                first.mul(&second, &mut lines, scratch);
                two.mul_by_lines(&lines, scratch);
            }
            let (one, two) = (one.store(ifma), two.store(ifma));
            for i in 0..8 {
                let [m, n] = values
                    .each_ref()
                    .map(|l| Fq12::new(Fq6::new(l[0][i], l[1][i], Fq2::ZERO), Fq6::new(Fq2::ZERO, l[2][i], Fq2::ZERO)));
                assert_eq!(one[i], a[i] * m, "lift {lift}, lane {i}: one line");
                assert_eq!(two[i], a[i] * m * n, "lift {lift}, lane {i}: two lines");
            }
        }
    });
}

/// Round after round, so that values at their bounds come back as operands.
#[test]
fn one_element_across_the_lanes_agrees_with_arkworks() {
    with_ifma(|ifma, rng| {
        for round in 0..4 {
            for mut f in operands(rng, round) {
                let mut x = Across::load(ifma, &f);
                assert_eq!(x.store(ifma), f);
                let (g, l) = (fq12(rng), [fq2(rng), fq2(rng), fq2(rng)]);
                let y = Across::load(ifma, &g);
                let lane = rng.next_u32() as usize % 8;
                let mut lines = l.map(|_| [fq2(rng); 8]);
                (0..3).for_each(|k| lines[k][lane] = l[k]);
                let [l0, l1, l4] = lines.map(|c| lanes_of(ifma, &c, 62));
                // SAFETY: the token proves that the CPU has the features.
                let lines = unsafe { Lines::new(&Line { l0, l1, l4 }) };
                let line = Fq12::new(Fq6::new(l[0], l[1], Fq2::ZERO), Fq6::new(Fq2::ZERO, l[2], Fq2::ZERO));
                for step in 0..4 {
                    // SAFETY: the token proves that the CPU has the features.
                    x = unsafe {
                        let mut next = x.mul(&y);
                        next.square();
                        next.mul_by_line(&lines, lane);
                        next.frobenius(ifma).conjugate().mul(&x)
                    };
                    let mut next = ((f * g).square() * line).frobenius_map(1);
                    next.conjugate_in_place();
                    f *= next;
                    assert_eq!(x.store(ifma), f, "round {round}, step {step}");
                }
            }
        }
    });
}

#[test]
fn cyclotomic_squares_agree_with_arkworks() {
    with_ifma(|ifma, rng| {
        let easy = |f: Fq12| {
            let mut g = f;
            g.conjugate_in_place();
            g *= f.inverse().unwrap();
            g.frobenius_map(2) * g
        };
        for mut f in
            [Fq12::ONE, easy(fq12(rng)), easy(fq12(rng)), easy(fq12(rng)), easy(-Fq12::new(fq6(rng), Fq6::ONE))]
        {
            let mut x = Across::load(ifma, &f);
            for step in 0..200 {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { x.cyclotomic_square() };
                f.square_in_place();
                assert_eq!(x.store(ifma), f, "step {step}");
            }
        }
    });
}

#[test]
fn settle_takes_its_whole_range() {
    with_ifma(|ifma, rng| {
        let p = twin::number(&constants::P);
        let edges = [Fq::ZERO, Fq::ONE, -Fq::ONE];
        for k in 0..61u64 {
            let lanes: [Fq; 8] = std::array::from_fn(|i| edges.get(i).copied().unwrap_or_else(|| element(rng)));
            let x = Fp8::from_words(ifma, lanes.each_ref().map(|c| &c.0.0));
            let y = x.swap_lanes::<4>();
            // x − y + k·p − 3p + 5p, from just above 0 to just below 64·p.
            let lifted = x.add(&Fp8::splat(ifma, &multiple_of_p(k)));
            let columns = lifted.columns().sub(&y).sub(&Fp8::splat(ifma, &multiple_of_p(3)));
            // SAFETY: the token proves that the CPU has the features.
            let settled = unsafe { settle::<5>(&columns) };
            let known = x.sub::<2>(&y).canonical().store(ifma).map(|l| twin::number(&l.0));
            for (lane, (ours, known)) in settled.store(ifma).iter().zip(known).enumerate() {
                let ours = twin::number(&ours.0);
                assert_eq!(&ours % &p, known, "lane {lane}, {k}p");
                assert!(ours < &p + (&p >> 9), "lane {lane}, {k}p: not settled");
            }
        }
    });
}

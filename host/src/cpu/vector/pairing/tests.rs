//! Miller loops against arkworks and blst.

use super::miller::miller_product;
use super::{LineTable, final_exponentiation, miller_loop_stored};
use crate::backend::{CancelToken, Class, Control};
use crate::cpu;
use crate::cpu::threads::Threads;
use crate::cpu::vector::token::Ifma;
use crate::point::{G1, G2};
use ark_bls12_381::{Bls12_381, Fq6, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, PrimeGroup};
use ark_ff::{AdditiveGroup, Field};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

fn with_ifma(test: impl Fn(Ifma)) {
    match Ifma::detect() {
        Some(ifma) => test(ifma),
        None => eprintln!("skipped: this CPU has no AVX-512 IFMA"),
    }
}

fn g1(k: Fr) -> G1 {
    G1::new_unchecked((G1Affine::generator() * k).into())
}

fn g2(k: Fr) -> G2 {
    G2::new_unchecked((G2Affine::generator() * k).into())
}

fn value(ifma: Ifma, pairs: &[(G1, G2)]) -> Fq12 {
    cpu::final_exponentiation(&miller_product(ifma, pairs)).expect("not zero")
}

fn arkworks(pairs: &[(G1, G2)]) -> Fq12 {
    let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (*p.affine(), *q.affine())).unzip();
    Bls12_381::multi_pairing(ps, qs).0
}

fn random_pairs(n: usize, seed: u64) -> Vec<(G1, G2)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut scalar = || Fr::from(rng.next_u64()) * Fr::from(rng.next_u64()) * Fr::from(rng.next_u64());
    (0..n).map(|_| (g1(scalar()), g2(scalar()))).collect()
}

#[test]
fn each_number_of_pairs_agrees_with_arkworks() {
    with_ifma(|ifma| {
        assert_eq!(miller_product(ifma, &[]), Fq12::ONE);
        for n in [1usize, 2, 7, 8, 9, 15, 16, 17, 24, 33] {
            let pairs = random_pairs(n, n as u64);
            assert_eq!(value(ifma, &pairs), arkworks(&pairs), "{n} pairs");
        }
    });
}

#[test]
fn identities_and_repeated_and_opposite_points() {
    with_ifma(|ifma| {
        let (p, q) = (G1::generator(), G2::generator());
        let (o, oo) = (G1::identity(), G2::identity());
        assert_eq!(miller_product(ifma, &[(o, q), (p, oo), (o, oo)]), Fq12::ONE);
        let mut pairs = vec![(p, q); 9];
        assert_eq!(value(ifma, &pairs), arkworks(&pairs), "nine times the generators");
        pairs.extend([(o, q), (p.negate(), q), (p, q.negate()), (p, oo), (g1(-Fr::from(1)), g2(Fr::from(2)))]);
        assert_eq!(value(ifma, &pairs), arkworks(&pairs), "with identities and negatives");
        assert_eq!(value(ifma, &[(p, q), (p.negate(), q)]), Fq12::ONE, "e(P, Q)·e(−P, Q)");
        assert_eq!(value(ifma, &[(p, g2(Fr::from(6))), (g1(-Fr::from(6)), q)]), Fq12::ONE, "e(P, 6Q)·e(−6P, Q)");
    });
}

#[test]
fn points_where_a_step_could_be_exceptional() {
    with_ifma(|ifma| {
        // Multiples near the ends and near z and its powers, where other chains have their exceptions.
        let z = -Fr::from(crate::cpu::vector::generated::Z_ABS);
        let scalars = [Fr::from(1), -Fr::from(1), Fr::from(2), z, -z, z * z, z.inverse().unwrap(), z - Fr::from(1)];
        let pairs: Vec<_> = scalars.iter().flat_map(|a| scalars.map(|b| (g1(*a), g2(b)))).collect();
        assert_eq!(value(ifma, &pairs), arkworks(&pairs));
        for pair in pairs.chunks(13) {
            assert_eq!(value(ifma, pair), arkworks(pair));
        }
        let sum: Fr = scalars.iter().flat_map(|a| scalars.map(|b| *a * b)).sum();
        assert_eq!(value(ifma, &pairs), (ark_ec::pairing::PairingOutput::<Bls12_381>::generator() * sum).0);
    });
}

#[test]
fn stored_lines_are_those_of_the_steps() {
    with_ifma(|ifma| {
        let threads = Threads::new(1);
        let control = Control::new(Class::Job, CancelToken::new());
        for n in [1usize, 2, 3, 4, 5, 8, 9, 16, 23, 40] {
            let mut pairs = random_pairs(n, 100 + n as u64);
            if n > 4 {
                pairs[1].0 = G1::identity();
                pairs[3].1 = G2::identity();
            }
            let (at, points): (Vec<G1>, Vec<G2>) = pairs.iter().copied().unzip();
            let table = LineTable::new(ifma, &threads, &points, &control).unwrap();
            for fresh in [0, 1, n / 2, n] {
                let f = miller_loop_stored(ifma, &threads, &pairs[..fresh], (&table, &at), &control).unwrap();
                let all: Vec<_> = pairs[..fresh].iter().chain(&pairs).copied().collect();
                assert_eq!(cpu::final_exponentiation(&f), Some(arkworks(&all)), "{fresh} and {n} stored");
            }
        }
    });
}

#[test]
fn final_exponentiation_is_blsts() {
    with_ifma(|ifma| {
        assert_eq!(final_exponentiation(ifma, &Fq12::ZERO), None);
        assert_eq!(final_exponentiation(ifma, &Fq12::ONE), Some(Fq12::ONE));
        let mut f = cpu::miller_product(&random_pairs(3, 5));
        for round in 0..20 {
            let value = final_exponentiation(ifma, &f);
            assert_eq!(value, cpu::final_exponentiation(&f), "round {round}");
            f = f.square() + Fq12::from(round) + value.unwrap();
        }
        // Elements of the subfields go to one, or to few values.
        for f in [-Fq12::ONE, Fq12::new(Fq6::ONE, Fq6::ONE), Fq12::new(Fq6::ZERO, Fq6::ONE), Fq12::from(7)] {
            assert_eq!(final_exponentiation(ifma, &f), cpu::final_exponentiation(&f));
        }
    });
}

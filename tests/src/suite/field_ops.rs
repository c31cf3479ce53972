//! The checks of pairing products and of the NTT.

use super::{answer, control, same, same_list};
use crate::random::{Random, edge_members};
use arblast::backend::{Backend, NttKind, Op};
use arblast::{G1, G2};
use ark_bls12_381::{Bls12_381, Fr};
use ark_ec::pairing::{MillerLoopOutput, Pairing};
use ark_ff::{FftField, Field, One};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

/// Products of Miller loops, compared after the final exponentiation: what it kills is free.
pub(super) fn miller_loop(backend: &dyn Backend) -> Result<(), String> {
    let mut random = Random::new("miller");
    let check = |case: &str, pairs: &[(G1, G2)]| {
        let f = answer(case, backend.miller_loop(pairs, &control()))?;
        let got = Bls12_381::final_exponentiation(MillerLoopOutput(f)).map(|gt| gt.0);
        let (ps, qs): (Vec<_>, Vec<_>) = pairs.iter().map(|(p, q)| (*p.affine(), *q.affine())).unzip();
        same(case, &got, &Some(Bls12_381::multi_pairing(ps, qs).0))
    };
    let grid: Vec<(G1, G2)> =
        edge_members().into_iter().flat_map(|p| edge_members().into_iter().map(move |q| (p, q))).collect();
    for (i, pair) in grid.iter().enumerate() {
        check(&format!("edge {i}"), &[*pair])?;
    }
    check("all edges", &grid)?;
    check("identities only", &[(G1::identity(), G2::identity()); 3])?;
    for n in [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65, 129] {
        let pairs: Vec<(G1, G2)> = random.members(n).into_iter().zip(random.members(n)).collect();
        check(&format!("{n} random"), &pairs)?;
        let cancelling: Vec<(G1, G2)> = pairs.iter().flat_map(|&(p, q)| [(p, q), (p.negate(), q)]).collect();
        check(&format!("{n} pairs and their inverses"), &cancelling)?;
        let (p, q) = (random.member(), random.member());
        check(&format!("{n} times one pair"), &vec![(p, q); n])?;
    }
    Ok(())
}

/// Forward, inverse, on cosets, at every size that the backend has; against the definition for small sizes, and
/// arkworks for others.
pub(super) fn ntt(backend: &dyn Backend) -> Result<(), String> {
    let mut random = Random::new("ntt");
    let cosets = [None, Some(Fr::from(7)), Some(random.field()), Some(-Fr::one())];
    for log in 0..=11 {
        let n = 1usize << log;
        if !backend.supports(Op::Ntt, n) {
            continue;
        }
        let fillings =
            [random.scalars(n), vec![Fr::from(0); n], vec![Fr::one(); n], vec![-Fr::one(); n]].into_iter().enumerate();
        for (filling, values) in fillings {
            for coset in cosets {
                let case = format!("2^{log} values, filling {filling}, coset {coset:?}");
                let forward = NttKind { inverse: false, coset };
                let got = answer(&case, backend.ntt(&values, forward, &control()))?;
                same_list(&format!("{case}, forward"), &got, &evaluations(&values, coset))?;
                let inverse = NttKind { inverse: true, coset };
                let back = answer(&case, backend.ntt(&got, inverse, &control()))?;
                same_list(&format!("{case}, inverse"), &back, &values)?;
            }
        }
    }
    Ok(())
}

/// yᵢ = Σⱼ xⱼ (g ωⁱ)ʲ.
fn evaluations(values: &[Fr], coset: Option<Fr>) -> Vec<Fr> {
    let n = values.len();
    let offset = coset.unwrap_or(Fr::ONE);
    if n > 32 {
        let domain = Radix2EvaluationDomain::<Fr>::new(n).and_then(|d| d.get_coset(offset));
        return domain.map(|d| d.fft(values)).unwrap_or_default();
    }
    let root = Fr::get_root_of_unity(n as u64).unwrap_or(Fr::ONE);
    let horner = |x: Fr| values.iter().rev().fold(Fr::from(0), |acc, c| acc * x + c);
    (0..n as u64).map(|i| horner(offset * root.pow([i]))).collect()
}

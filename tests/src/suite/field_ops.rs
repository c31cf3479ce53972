//! The checks of pairing products and of the NTT.

use super::{answer, control, same, same_list};
use crate::random::{Random, edge_members};
use arblast::backend::{Backend, NttKind, Op};
use arblast::{DeviceError, G1, G2};
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
    prepared_points(backend, &mut random)
}

/// Products over pairs and over points that the backend has prepared, if it prepares any.
fn prepared_points(backend: &dyn Backend, random: &mut Random) -> Result<(), String> {
    let check = |case: &str, pairs: &[(G1, G2)], at: &[G1], points: &[G2]| -> Result<(), String> {
        let handle = match backend.prepare_pairing(points, &control()) {
            Err(DeviceError::Unsupported) => return Ok(()),
            handle => answer(case, handle)?,
        };
        // Twice: what is prepared is not used up.
        for _ in 0..2 {
            let f = answer(case, backend.miller_loop_prepared(pairs, &handle, at, &control()))?;
            let got = Bls12_381::final_exponentiation(MillerLoopOutput(f)).map(|gt| gt.0);
            let all = pairs.iter().copied().chain(at.iter().copied().zip(points.iter().copied()));
            let (ps, qs): (Vec<_>, Vec<_>) = all.map(|(p, q)| (p.into_affine(), q.into_affine())).unzip();
            same(case, &got, &Some(Bls12_381::multi_pairing(ps, qs).0))?;
        }
        Ok(())
    };
    let (edges, edge_points): (Vec<G1>, Vec<G2>) =
        edge_members().into_iter().flat_map(|p| edge_members().into_iter().map(move |q| (p, q))).unzip();
    check("all edges, prepared", &[], &edges, &edge_points)?;
    check("identities only, prepared", &[], &[G1::identity(); 3], &[G2::identity(); 3])?;
    check("points left out", &[], &[G1::identity(); 9], &random.members(9))?;
    let lengths =
        [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (1, 2), (3, 1), (0, 4), (4, 1), (1, 4), (5, 3), (0, 8), (0, 9)];
    for (n, m) in lengths.into_iter().chain([(8, 8), (3, 16), (17, 24), (0, 33), (40, 65)]) {
        let (p, q): (Vec<G1>, Vec<G2>) = (random.members(n + m), random.members(n + m));
        let pairs: Vec<(G1, G2)> = p[..n].iter().copied().zip(q[..n].iter().copied()).collect();
        check(&format!("{n} pairs and {m} prepared"), &pairs, &p[n..], &q[n..])?;
        let mut at = p[n..].to_vec();
        at.iter_mut().step_by(2).for_each(|p| *p = G1::identity());
        check(&format!("{n} pairs and {m} prepared, every other left out"), &pairs, &at, &q[n..])?;
        // The prepared half cancels the other.
        let inverses: Vec<G1> = p.iter().map(|p| p.negate()).collect();
        let pairs: Vec<(G1, G2)> = p.iter().copied().zip(q.iter().copied()).collect();
        check(&format!("{} pairs and their inverses, prepared", n + m), &pairs, &inverses, &q)?;
        check(&format!("{m} times one prepared point"), &pairs, &p[n..], &vec![random.member(); m])?;
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

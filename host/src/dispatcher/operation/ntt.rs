//! The transform over Fr, with an audit in linear time.

use super::{Answer, Job, Operation, expect_len};
use crate::backend::{Backend, Control, NttKind, Op};
use crate::cpu::invert_fr;
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, PrimeField, Zero};
use rand_core::Rng;
use std::borrow::Cow;
use std::iter::successors;

/// A transform of Fr^n.
pub(crate) struct Ntt<'a> {
    pub values: Cow<'a, [Fr]>,
    pub kind: NttKind,
}

impl Operation for Ntt<'_> {
    type Output = Vec<Fr>;
    type Job = Ntt<'static>;

    fn op(&self) -> Op {
        Op::Ntt
    }
    fn size(&self) -> usize {
        self.values.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<Fr>> {
        backend.ntt(&self.values, self.kind, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Ntt { values: self.values.to_vec().into(), kind: self.kind }
    }
    fn same(&self, a: &Vec<Fr>, b: &Vec<Fr>) -> bool {
        a == b
    }
    /// Compares both sides at a random point; see [`evaluations_match`].
    fn cheap_audit(&self, output: &Vec<Fr>, rng: &mut dyn Rng) -> Option<bool> {
        let (mut coefficients, mut evaluations) = (self.values.as_ref(), output.as_slice());
        if self.kind.inverse {
            std::mem::swap(&mut coefficients, &mut evaluations);
        }
        let mut seed = [0; 64];
        rng.fill_bytes(&mut seed);
        let point = Fr::from_le_bytes_mod_order(&seed);
        Some(evaluations_match(coefficients, evaluations, self.kind.coset.unwrap_or(Fr::ONE), point))
    }
}

impl Job for Ntt<'static> {
    type Raw = Vec<Fr>;
    type Output = Vec<Fr>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<Fr>> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, raw: Vec<Fr>) -> Result<Vec<Fr>, String> {
        expect_len(raw.len(), self.values.len()).map(|()| raw)
    }
}

/// Whether `evaluations` are the values of the polynomial with these coefficients on the coset g·⟨ω⟩, checked at one
/// point t in O(n): the coefficients by Horner's rule, the evaluations by the barycentric formula
/// f(t) = (zⁿ − 1)/n · Σᵢ yᵢ·ωⁱ/(z − ωⁱ) with z = t/g.
///
/// For a random t a wrong transform passes with probability at most n/r < 2⁻²²². A t inside the coset is skipped, as
/// if it had passed; its probability is n/r too.
fn evaluations_match(coefficients: &[Fr], evaluations: &[Fr], g: Fr, t: Fr) -> bool {
    let n = coefficients.len();
    let (Some(omega), Some(g_inverse)) = (Fr::get_root_of_unity(n as u64), g.inverse()) else { return false };
    let z = t * g_inverse;
    let powers: Vec<Fr> = successors(Some(Fr::ONE), |w| Some(*w * omega)).take(n).collect();
    let mut differences: Vec<Fr> = powers.iter().map(|w| z - w).collect();
    if differences.iter().any(Fr::is_zero) {
        return true;
    }
    invert_fr(&mut differences);
    let sum: Fr = evaluations.iter().zip(&powers).zip(&differences).map(|((y, w), d)| *y * w * d).sum();
    let scale = (z.pow([n as u64]) - Fr::ONE) * Fr::from(n as u64).inverse().unwrap_or(Fr::ZERO);
    let horner = coefficients.iter().rev().fold(Fr::ZERO, |acc, c| acc * t + c);
    horner == sum * scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

    #[test]
    fn audit_accepts_the_transform_and_nothing_else() {
        for (n, g) in [(1usize, 1u64), (2, 7), (8, 1), (64, 7)] {
            let coefficients: Vec<Fr> = (0..n as u64).map(|i| Fr::from(i * i + 3)).collect();
            let domain = Radix2EvaluationDomain::<Fr>::new(n).unwrap().get_coset(Fr::from(g)).unwrap();
            let mut evaluations = domain.fft(&coefficients);
            let t = Fr::from(123_456_789u64);
            assert!(evaluations_match(&coefficients, &evaluations, Fr::from(g), t), "n = {n}");
            assert!(!evaluations_match(&coefficients, &evaluations, Fr::from(g + 1), t) || n == 1);
            evaluations[n / 2] += Fr::ONE;
            assert!(!evaluations_match(&coefficients, &evaluations, Fr::from(g), t), "n = {n}");
        }
    }
}

//! Elementwise multiplication, and sums by index lists.

use super::{Answer, Job, Operation, are_members, expect_len, expect_on_curve};
use crate::backend::{Backend, Control, IndexLists, Op};
use crate::dispatcher::side::Side;
use crate::point::InSubgroup;
use ark_bls12_381::Fr;
use ark_ff::{BigInteger, PrimeField};
use rand_core::Rng;
use std::borrow::Cow;

/// scalarsᵢ·pointsᵢ for each i.
pub(crate) struct Mul<'a, S: Side> {
    pub points: Cow<'a, [InSubgroup<S::Affine>]>,
    pub scalars: Cow<'a, [Fr]>,
    pub bits: u32,
}

impl<S: Side> Mul<'_, S> {
    /// The bit length of the longest scalar.
    pub(crate) fn longest(scalars: &[Fr]) -> u32 {
        scalars.iter().map(|s| s.into_bigint().num_bits()).max().unwrap_or(0)
    }
}

impl<S: Side> Operation for Mul<'_, S> {
    type Output = Vec<S::Affine>;
    type Job = Mul<'static, S>;

    fn op(&self) -> Op {
        S::MUL
    }
    fn size(&self) -> usize {
        self.points.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        S::mul(backend, &self.points, &self.scalars, self.bits, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Mul { points: self.points.to_vec().into(), scalars: self.scalars.to_vec().into(), bits: self.bits }
    }
    fn same(&self, a: &Vec<S::Affine>, b: &Vec<S::Affine>) -> bool {
        a == b
    }
    fn inputs_sound(&self) -> bool {
        are_members::<S>(&self.points)
    }
}

impl<S: Side> Job for Mul<'static, S> {
    type Raw = Vec<S::Affine>;
    type Output = Vec<S::Affine>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, raw: Vec<S::Affine>) -> Result<Vec<S::Affine>, String> {
        expect_len(raw.len(), self.points.len())?;
        expect_on_curve::<S>(&raw).map(|()| raw)
    }
}

/// The sums of the points that each list selects.
pub(crate) struct Sum<'a, S: Side> {
    pub points: Cow<'a, [S::Affine]>,
    pub lists: Cow<'a, IndexLists>,
}

impl<S: Side> Operation for Sum<'_, S> {
    type Output = Vec<S::Affine>;
    type Job = Sum<'static, S>;

    fn op(&self) -> Op {
        S::SUM
    }
    fn size(&self) -> usize {
        self.lists.indices().len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        S::sum(backend, &self.points, &self.lists, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Sum { points: self.points.to_vec().into(), lists: Cow::Owned(self.lists.clone().into_owned()) }
    }
    fn same(&self, a: &Vec<S::Affine>, b: &Vec<S::Affine>) -> bool {
        a == b
    }
    fn inputs_sound(&self) -> bool {
        self.points.iter().all(S::on_curve)
    }
}

impl<S: Side> Job for Sum<'static, S> {
    type Raw = Vec<S::Affine>;
    type Output = Vec<S::Affine>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, raw: Vec<S::Affine>) -> Result<Vec<S::Affine>, String> {
        expect_len(raw.len(), self.lists.len())?;
        expect_on_curve::<S>(&raw).map(|()| raw)
    }
}

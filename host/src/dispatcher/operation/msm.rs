//! Multi-scalar multiplication, over points sent along and over prepared bases.

use super::prepare::{Handles, Prepares};
use super::{Answer, Job, Operation, are_members, expect_on_curve};
use crate::backend::{Backend, Control, Kind, Op, Prepared};
use crate::dispatcher::side::Side;
use crate::point::InSubgroup;
use ark_bls12_381::Fr;
use rand_core::Rng;
use std::borrow::Cow;
use std::sync::Arc;

/// Σ scalarsᵢ·pointsᵢ.
pub(crate) struct Msm<'a, S: Side> {
    pub points: Cow<'a, [InSubgroup<S::Affine>]>,
    pub scalars: Cow<'a, [Fr]>,
}

impl<S: Side> Operation for Msm<'_, S> {
    type Output = S::Affine;
    type Job = Msm<'static, S>;

    fn op(&self) -> Op {
        S::MSM
    }
    fn size(&self) -> usize {
        self.points.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<S::Affine> {
        S::msm(backend, &self.points, &self.scalars, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Msm { points: self.points.to_vec().into(), scalars: self.scalars.to_vec().into() }
    }
    fn same(&self, a: &S::Affine, b: &S::Affine) -> bool {
        a == b
    }
    fn inputs_sound(&self) -> bool {
        are_members::<S>(&self.points)
    }
}

impl<S: Side> Job for Msm<'static, S> {
    type Raw = S::Affine;
    type Output = S::Affine;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<S::Affine> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, raw: S::Affine) -> Result<S::Affine, String> {
        expect_on_curve::<S>(&[raw]).map(|()| raw)
    }
}

/// Bases that stay where they are used.
pub(crate) struct Bases<S: Side> {
    pub points: Arc<[InSubgroup<S::Affine>]>,
    /// Bytes that a backend may fill with multiples of them.
    pub memory: usize,
    pub handles: Handles,
}

impl<S: Side> Prepares for Bases<S> {
    fn op(&self) -> Op {
        S::MSM
    }
    fn size(&self) -> usize {
        self.points.len()
    }
    fn handles(&self) -> &Handles {
        &self.handles
    }
    /// An MSM adds about ten points for each base; a table takes up to 127 doublings, and their way to the device.
    fn allowance(&self) -> u32 {
        if self.memory == 0 { 1 } else { 20 }
    }
    /// The reference reads the caller's points, but where it may keep multiples.
    fn gains(&self, backend: &dyn Backend) -> bool {
        backend.kind() != Kind::Reference || self.memory != 0
    }
    fn prepare(&self, backend: &dyn Backend, control: &Control) -> Answer<Prepared> {
        S::prepare(backend, &self.points, self.memory, control)
    }
}

/// Σ scalarsᵢ·basesᵢ over prepared bases.
pub(crate) struct MsmPrepared<'a, S: Side> {
    pub bases: Arc<Bases<S>>,
    pub scalars: Cow<'a, [Fr]>,
}

impl<S: Side> Operation for MsmPrepared<'_, S> {
    type Output = S::Affine;
    type Job = MsmPrepared<'static, S>;

    fn op(&self) -> Op {
        S::MSM
    }
    fn size(&self) -> usize {
        self.scalars.len()
    }
    /// With multiples an MSM takes less than without, and these choices are made for.
    fn is_typical(&self) -> bool {
        self.bases.memory == 0
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<S::Affine> {
        match self.bases.handles.of(backend) {
            Some(handle) => S::msm_prepared(backend, &handle, &self.scalars, control),
            None => S::msm(backend, &self.bases.points, &self.scalars, control),
        }
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        MsmPrepared { bases: self.bases.clone(), scalars: self.scalars.to_vec().into() }
    }
    fn same(&self, a: &S::Affine, b: &S::Affine) -> bool {
        a == b
    }
    fn inputs_sound(&self) -> bool {
        are_members::<S>(&self.bases.points)
    }
}

impl<S: Side> Job for MsmPrepared<'static, S> {
    type Raw = S::Affine;
    type Output = S::Affine;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<S::Affine> {
        let answer = Operation::run(self, backend, control);
        if answer.is_err() {
            // The copy may have gone with the device; later calls send the points along.
            self.bases.handles.forget(backend);
        }
        answer
    }
    fn finish(&self, raw: S::Affine) -> Result<S::Affine, String> {
        expect_on_curve::<S>(&[raw]).map(|()| raw)
    }
}

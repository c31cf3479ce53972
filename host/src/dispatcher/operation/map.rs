//! Hash and map to curve.

use super::{Answer, Job, Operation, expect_len, expect_on_curve};
use crate::backend::{Backend, Control, Op};
use crate::dispatcher::side::Side;
use rand_core::Rng;
use std::borrow::Cow;
use std::marker::PhantomData;

/// RFC 9380 `hash_to_curve` for each message.
pub(crate) struct Hash<'a, S> {
    pub messages: &'a [&'a [u8]],
    pub dst: &'a [u8],
    pub side: PhantomData<S>,
}

/// [`Hash`] with messages of its own.
pub(crate) struct HashJob<S> {
    messages: Vec<Vec<u8>>,
    dst: Vec<u8>,
    side: PhantomData<fn() -> S>,
}

impl<S: Side> Operation for Hash<'_, S> {
    type Output = Vec<S::Affine>;
    type Job = HashJob<S>;

    fn op(&self) -> Op {
        S::HASH
    }
    fn size(&self) -> usize {
        self.messages.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        S::hash(backend, self.messages, self.dst, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        let messages = self.messages.iter().map(|m| m.to_vec()).collect();
        HashJob { messages, dst: self.dst.to_vec(), side: PhantomData }
    }
    fn same(&self, a: &Vec<S::Affine>, b: &Vec<S::Affine>) -> bool {
        a == b
    }
}

impl<S: Side> Job for HashJob<S> {
    type Raw = Vec<S::Affine>;
    type Output = Vec<S::Affine>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        let messages: Vec<&[u8]> = self.messages.iter().map(Vec::as_slice).collect();
        S::hash(backend, &messages, &self.dst, control)
    }
    fn finish(&self, raw: Vec<S::Affine>) -> Result<Vec<S::Affine>, String> {
        expect_len(raw.len(), self.messages.len())?;
        expect_on_curve::<S>(&raw).map(|()| raw)
    }
}

/// RFC 9380 `clear_cofactor(map_to_curve(u))` for each element.
pub(crate) struct Map<'a, S: Side> {
    pub elements: Cow<'a, [S::Field]>,
}

impl<S: Side> Operation for Map<'_, S> {
    type Output = Vec<S::Affine>;
    type Job = Map<'static, S>;

    fn op(&self) -> Op {
        S::MAP
    }
    fn size(&self) -> usize {
        self.elements.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        S::map(backend, &self.elements, control)
    }
    fn to_job(&self, _rng: &mut dyn Rng) -> Self::Job {
        Map { elements: self.elements.to_vec().into() }
    }
    fn same(&self, a: &Vec<S::Affine>, b: &Vec<S::Affine>) -> bool {
        a == b
    }
}

impl<S: Side> Job for Map<'static, S> {
    type Raw = Vec<S::Affine>;
    type Output = Vec<S::Affine>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<S::Affine>> {
        Operation::run(self, backend, control)
    }
    fn finish(&self, raw: Vec<S::Affine>) -> Result<Vec<S::Affine>, String> {
        expect_len(raw.len(), self.elements.len())?;
        expect_on_curve::<S>(&raw).map(|()| raw)
    }
}

//! Decompression and membership checks, with a probe that a device stuck at "yes" fails.

use super::{Answer, Job, Operation, expect_len, expect_on_curve, place};
use crate::backend::{Backend, Control, Op};
use crate::dispatcher::side::Side;
use crate::error::PointError;
use rand_core::Rng;

/// A fresh point of the curve outside the subgroup: the probe that a device stuck at "member" fails.
fn outsider<S: Side>(rng: &mut dyn Rng) -> S::Affine {
    loop {
        // One abscissa in two lifts to the curve, and the cofactor leaves all but 2^-125 of the points outside.
        if let Some(point) = S::lift(rng.next_u64()).filter(|p| !S::in_subgroup(p)) {
            return point;
        }
    }
}

/// Each encoding decoded, with curve and subgroup checks.
pub(crate) struct Decompress<'a, S: Side> {
    pub bytes: &'a [S::Bytes],
}

/// [`Decompress`] with a probe at a random place.
pub(crate) struct DecompressJob<S: Side> {
    bytes: Vec<S::Bytes>,
    probe: usize,
}

impl<S: Side> Operation for Decompress<'_, S> {
    type Output = Vec<Result<S::Affine, PointError>>;
    type Job = DecompressJob<S>;

    fn op(&self) -> Op {
        S::DECOMPRESS
    }
    fn size(&self) -> usize {
        self.bytes.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Self::Output> {
        S::decompress(backend, self.bytes, control)
    }
    fn to_job(&self, rng: &mut dyn Rng) -> Self::Job {
        let mut bytes = self.bytes.to_vec();
        let probe = place(rng, bytes.len());
        bytes.insert(probe, S::compress(&outsider::<S>(rng)));
        DecompressJob { bytes, probe }
    }
    fn same(&self, a: &Self::Output, b: &Self::Output) -> bool {
        a == b
    }
    fn confirm_negatives(&self, output: &mut Self::Output, reference: &dyn Backend, control: &Control) -> bool {
        let refused: Vec<usize> = (0..output.len()).filter(|&i| output[i].is_err()).collect();
        let bytes: Vec<S::Bytes> = refused.iter().map(|&i| self.bytes[i]).collect();
        let Ok(verdicts) = S::decompress(reference, &bytes, control) else { return false };
        let mut wrong = false;
        for (i, verdict) in refused.into_iter().zip(verdicts) {
            wrong |= verdict.is_ok();
            // The reason is blst's too, so that the same bytes are refused with the same words on every machine.
            output[i] = verdict;
        }
        wrong
    }
}

impl<S: Side> Job for DecompressJob<S> {
    type Raw = Vec<Result<S::Affine, PointError>>;
    type Output = Self::Raw;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Self::Raw> {
        S::decompress(backend, &self.bytes, control)
    }
    fn finish(&self, mut raw: Self::Raw) -> Result<Self::Raw, String> {
        expect_len(raw.len(), self.bytes.len())?;
        if raw.remove(self.probe).is_ok() {
            return Err("a point outside the subgroup was accepted".into());
        }
        let points: Vec<S::Affine> = raw.iter().filter_map(|r| r.as_ref().ok().copied()).collect();
        expect_on_curve::<S>(&points).map(|()| raw)
    }
}

/// Whether each point is on the curve and in the subgroup.
pub(crate) struct Subgroup<'a, S: Side> {
    pub points: &'a [S::Affine],
}

/// [`Subgroup`] with a probe at a random place.
pub(crate) struct SubgroupJob<S: Side> {
    points: Vec<S::Affine>,
    probe: usize,
}

impl<S: Side> Operation for Subgroup<'_, S> {
    type Output = Vec<bool>;
    type Job = SubgroupJob<S>;

    fn op(&self) -> Op {
        S::SUBGROUP
    }
    fn size(&self) -> usize {
        self.points.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<bool>> {
        S::subgroup(backend, self.points, control)
    }
    fn to_job(&self, rng: &mut dyn Rng) -> Self::Job {
        let mut points = self.points.to_vec();
        let probe = place(rng, points.len());
        points.insert(probe, outsider::<S>(rng));
        SubgroupJob { points, probe }
    }
    fn same(&self, a: &Vec<bool>, b: &Vec<bool>) -> bool {
        a == b
    }
    fn confirm_negatives(&self, output: &mut Vec<bool>, reference: &dyn Backend, control: &Control) -> bool {
        let refused: Vec<usize> = (0..output.len()).filter(|&i| !output[i]).collect();
        let points: Vec<S::Affine> = refused.iter().map(|&i| self.points[i]).collect();
        let Ok(verdicts) = S::subgroup(reference, &points, control) else { return false };
        let mut wrong = false;
        for (i, verdict) in refused.into_iter().zip(verdicts) {
            wrong |= verdict;
            output[i] = verdict;
        }
        wrong
    }
}

impl<S: Side> Job for SubgroupJob<S> {
    type Raw = Vec<bool>;
    type Output = Vec<bool>;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Vec<bool>> {
        S::subgroup(backend, &self.points, control)
    }
    fn finish(&self, mut raw: Vec<bool>) -> Result<Vec<bool>, String> {
        expect_len(raw.len(), self.points.len())?;
        if raw.remove(self.probe) {
            return Err("a point outside the subgroup was accepted".into());
        }
        Ok(raw)
    }
}

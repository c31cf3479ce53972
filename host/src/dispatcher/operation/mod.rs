//! Each operation as a value: how it runs on a backend, how it travels to a device, and how an answer is checked.
//!
//! The CPU runs an operation on borrowed inputs. A device runs a [`Job`], which owns copies (the caller may stop
//! waiting while a device still reads them) and carries probes: inputs of the dispatcher's own, fresh and unknown to
//! the device, whose answers it must get right. [`Job::finish`] takes the probes out again.

mod map;
mod membership;
mod msm;
mod ntt;
mod pairing;
mod prepare;
mod sum;

pub(crate) use map::{Hash, Map};
pub(crate) use membership::{Decompress, Subgroup};
pub(crate) use msm::{Bases, Msm, MsmPrepared};
pub(crate) use ntt::Ntt;
pub(crate) use pairing::{LinePoints, Miller};
pub(crate) use prepare::Prepare;
pub(crate) use sum::{Mul, Sum};

use super::side::Side;
use crate::backend::{Backend, Control, Op};
use crate::error::DeviceError;
use crate::point::InSubgroup;
use rand_core::Rng;

type Answer<T> = Result<T, DeviceError>;

/// An operation on borrowed inputs.
pub(crate) trait Operation {
    type Output: Send + 'static;
    type Job: Job<Output = Self::Output>;

    /// Which operation this is.
    fn op(&self) -> Op;

    /// The number of items, by which a backend is chosen.
    fn size(&self) -> usize;

    /// Whether its time says what the operation takes at this size; else no later choice is made by it.
    fn is_typical(&self) -> bool {
        true
    }

    /// How many times the reference's time for the operation it may take on a device.
    fn allowance(&self) -> u32 {
        1
    }

    /// Runs on the calling thread, on borrowed inputs.
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Self::Output>;

    /// The operation as a job for a device, with probes mixed in.
    fn to_job(&self, rng: &mut dyn Rng) -> Self::Job;

    /// Whether two answers mean the same.
    fn same(&self, a: &Self::Output, b: &Self::Output) -> bool;

    /// An audit cheaper than computing again, if there is one: whether it finds the answer right.
    fn cheap_audit(&self, _output: &Self::Output, _rng: &mut dyn Rng) -> Option<bool> {
        None
    }

    /// Whether the inputs are what their types promise: points of the curve, members of the subgroup. Asked only before
    /// a device is blamed, since a caller can vouch wrongly for a point and then no two backends need agree.
    fn inputs_sound(&self) -> bool {
        true
    }

    /// Computes the negative verdicts inside an answer again on `reference`; true where one was wrong, and then the
    /// answer has been put right.
    fn confirm_negatives(&self, _output: &mut Self::Output, _reference: &dyn Backend, _control: &Control) -> bool {
        false
    }
}

/// An operation that owns its inputs and can outlive its caller.
pub(crate) trait Job: Send + Sync + 'static {
    type Raw: Send + 'static;
    type Output;

    /// Runs on the device's thread.
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Self::Raw>;

    /// Checks shape, coordinates and probes of a device's answer, and strips the probes.
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn finish(&self, raw: Self::Raw) -> Result<Self::Output, String>;
}

/// Refuses an answer of the wrong length.
fn expect_len(got: usize, expected: usize) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{got} results for {expected} items")) }
}

/// Refuses coordinates that are not on the curve.
fn expect_on_curve<S: Side>(points: &[S::Affine]) -> Result<(), String> {
    match points.iter().position(|p| !S::on_curve(p)) {
        None => Ok(()),
        Some(i) => Err(format!("result {i} is not on the curve")),
    }
}

/// A random position among `len + 1`.
fn place(rng: &mut dyn Rng, len: usize) -> usize {
    (rng.next_u64() % (len as u64 + 1)) as usize
}

/// Whether points that were vouched for are members of the subgroup.
fn are_members<S: Side>(points: &[InSubgroup<S::Affine>]) -> bool {
    points.iter().all(|p| S::on_curve(p.affine()) && S::in_subgroup(p.affine()))
}

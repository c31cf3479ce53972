//! A device that fails in a chosen way once it is armed.

use arblast::backend::{Backend, Control, Description, IndexLists, Op};
use arblast::cpu::CpuPortable;
use arblast::{DeviceError, G1, G2};
use ark_bls12_381::{Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::Field as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How a device fails once it is armed.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It returns an error.
    Errors,
    /// It hangs, far past any deadline.
    Hangs,
    /// It panics.
    Panics,
    /// Points are wrong, though on the curve and in the subgroup.
    WrongPoint,
    /// Pairing products are wrong in a way that depends on the input.
    WrongProduct,
    /// Pairing products are always one.
    AlwaysOne,
    /// Pairing products are a fixed value that is never one.
    NeverOne,
}

/// A device that computes on blst until it is armed.
pub struct Faulty {
    sound: CpuPortable,
    fault: Fault,
    armed: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
}

impl Faulty {
    /// A device with this fault. `armed` switches the fault on; `calls` counts the calls after that.
    pub fn new(fault: Fault, armed: Arc<AtomicBool>, calls: Arc<AtomicU64>) -> Self {
        Self { sound: CpuPortable::new(1), fault, armed, calls }
    }

    /// Passes a call on, with the faults that any operation can have.
    fn call<T>(&self, run: impl FnOnce(&CpuPortable) -> Result<T, DeviceError>) -> Result<T, DeviceError> {
        if self.armed.load(Ordering::Relaxed) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            match self.fault {
                Fault::Errors => return Err(DeviceError::Failed("injected".into())),
                Fault::Hangs => std::thread::sleep(Duration::from_secs(2)),
                Fault::Panics => panic!("injected"),
                _ => {}
            }
        }
        run(&self.sound)
    }

    fn lies(&self) -> bool {
        self.armed.load(Ordering::Relaxed) && matches!(self.fault, Fault::WrongPoint)
    }

    fn bend<P: Copy + std::ops::Neg<Output = P>>(&self, mut points: Vec<P>) -> Vec<P> {
        if self.lies()
            && let Some(last) = points.last_mut()
        {
            *last = -*last;
        }
        points
    }
}

impl Backend for Faulty {
    fn name(&self) -> &str {
        "faulty"
    }

    fn describe(&self) -> Description {
        Description { hardware: "none".into(), version: format!("{:?}", self.fault) }
    }

    fn supports(&self, op: Op, _: usize) -> bool {
        use Op::{HashToG2, MillerLoop, MsmG1, MsmG2, MulG1, MulG2, SumG1, SumG2};
        matches!(op, HashToG2 | MillerLoop | MsmG1 | MsmG2 | MulG1 | MulG2 | SumG1 | SumG2)
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Result<G1Affine, DeviceError> {
        let sum = self.call(|sound| sound.msm_g1(points, scalars, control))?;
        Ok(if self.lies() { G1Affine::generator() } else { sum })
    }

    fn msm_g2(&self, points: &[G2], scalars: &[Fr], control: &Control) -> Result<G2Affine, DeviceError> {
        let sum = self.call(|sound| sound.msm_g2(points, scalars, control))?;
        Ok(if self.lies() { G2Affine::generator() } else { sum })
    }

    fn mul_g1(&self, points: &[G1], scalars: &[Fr], bits: u32, c: &Control) -> Result<Vec<G1Affine>, DeviceError> {
        self.call(|sound| sound.mul_g1(points, scalars, bits, c)).map(|points| self.bend(points))
    }

    fn mul_g2(&self, points: &[G2], scalars: &[Fr], bits: u32, c: &Control) -> Result<Vec<G2Affine>, DeviceError> {
        self.call(|sound| sound.mul_g2(points, scalars, bits, c)).map(|points| self.bend(points))
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, c: &Control) -> Result<Vec<G1Affine>, DeviceError> {
        self.call(|sound| sound.sum_g1(points, lists, c)).map(|points| self.bend(points))
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, c: &Control) -> Result<Vec<G2Affine>, DeviceError> {
        self.call(|sound| sound.sum_g2(points, lists, c)).map(|points| self.bend(points))
    }

    fn miller_loop(&self, pairs: &[(G1, G2)], control: &Control) -> Result<Fq12, DeviceError> {
        let product = self.call(|sound| sound.miller_loop(pairs, control))?;
        if !self.armed.load(Ordering::Relaxed) {
            return Ok(product);
        }
        Ok(match self.fault {
            Fault::WrongProduct => product.square() + Fq12::ONE,
            Fault::AlwaysOne => Fq12::ONE,
            Fault::NeverOne => Fq12::new(Default::default(), ark_bls12_381::Fq6::ONE),
            _ => product,
        })
    }

    fn hash_to_g2(&self, m: &[&[u8]], dst: &[u8], c: &Control) -> Result<Vec<G2Affine>, DeviceError> {
        self.call(|sound| sound.hash_to_g2(m, dst, c)).map(|points| self.bend(points))
    }
}

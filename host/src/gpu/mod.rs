//! The backend for GPUs: WGSL kernels through wgpu (Vulkan; Metal and DX12 as cargo features).
//!
//! | module | subject |
//! |---|---|
//! | `adapter` | which adapters there are, and why one is not chosen |
//! | `device` | an open device: buffers, pipelines, submissions, failure |
//! | `cache` | compiled pipelines on disk |
//! | `elements` | the border between arkworks values and words |
//! | `points` | sums and multi-scalar multiplication |
//! | `batch`, `decode`, `pairing` | programs on many items: membership, decompression, Miller loops |
//! | `ntt` | transforms over Fr |
//! | [`stages`] | one stage at a time, for tests and measurements |
//!
//! # Sizes
//!
//! A kernel binds at most what the adapter allows in one buffer, often 128 MiB. Larger inputs are cut, each piece a
//! pass of its own, and the CPU joins what comes back. A transform is cut into parts that are on the device at once. So
//! only bases that stay on the device, and a transform's values, must fit its memory.
//!
//! # Faults
//!
//! A lost device, a full memory, an error of validation, work that is never done: the job ends in a [`DeviceError`],
//! the device is given up with all that is on it, and the next job opens its adapter again. What the device computes is
//! audited and probed by the dispatcher like any device's.
//!
//! # Time
//!
//! Work goes to the device in submissions of about 20 ms, by a rate that is measured as it runs; between them the
//! dispatcher may cancel, or let more urgent work go first.

mod adapter;
mod batch;
mod cache;
mod decode;
mod device;
mod elements;
mod ntt;
mod pairing;
mod points;
pub mod stages;

pub use adapter::{AdapterReport, Choice, adapters};
pub use arblast_kernels::Family;

use crate::backend::{Answer, Backend, Control, Description, IndexLists, Kind, NttKind, Op, Prepared};
use crate::error::{DeviceError, PointError};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq12, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup;
use ark_ff::Zero as _;
use batch::Machine;
use device::{Device, Work};
use elements::Curve;
use points::{Plan, Points};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use wgpu::Buffer;

/// The name of the backend.
pub const NAME: &str = "wgpu";

/// A GPU.
pub struct Gpu {
    adapter: wgpu::Adapter,
    family: Family,
    kind: Kind,
    largest_binding: Option<u64>,
    /// The device, until it fails.
    open: Mutex<Option<Arc<Open>>>,
}

/// An open device with what stays on it.
struct Open {
    device: Device,
    machine: Machine,
    roots: Mutex<Vec<Arc<ntt::Roots>>>,
}

/// Bases on a device.
struct Bases<C> {
    points: Vec<C>,
    /// The device that they are on, and their chunks.
    resident: Mutex<(Weak<Open>, Vec<Buffer>)>,
}

impl Gpu {
    /// The adapter that `choice` names, or the first that is no software rendering.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub fn detect(choice: &Choice) -> Result<Self, String> {
        let (adapter, family, kind) = adapter::choose(choice)?;
        Ok(Self { adapter, family, kind, largest_binding: choice.largest_binding, open: Mutex::new(None) })
    }

    /// The family that its kernels are compiled in.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Gives up the device with all that is on it, whatever runs there: jobs that run end in
    /// [`DeviceError::Lost`], and the next one opens the adapter again.
    pub fn reset(&self) {
        let open = self.slot().take();
        if let Some(open) = open {
            give_up(open);
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Open>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The device, opened if it is not, or opened again if it failed.
    fn open(&self) -> Result<Arc<Open>, DeviceError> {
        let mut slot = self.slot();
        if let Some(open) = slot.as_ref() {
            if open.device.failure().is_none() {
                return Ok(open.clone());
            }
            slot.take().into_iter().for_each(give_up);
        }
        let device = Device::open(&self.adapter, self.family, self.largest_binding)?;
        let machine = Machine::new(&device)?;
        Ok(slot.insert(Arc::new(Open { device, machine, roots: Mutex::default() })).clone())
    }

    /// Runs a job on the device; gives the device up if it failed.
    fn job<T>(&self, control: &Control, job: impl FnOnce(&Arc<Open>, &mut Work<'_>) -> Answer<T>) -> Answer<T> {
        let open = self.open()?;
        let answer = Work::new(&open.device, control).and_then(|mut work| job(&open, &mut work));
        if let Some(failure) = open.device.failure() {
            let mut slot = self.slot();
            if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, &open)) {
                *slot = None;
            }
            drop(slot);
            give_up(open);
            // The failure says more than what it led to.
            return Err(failure);
        }
        answer
    }

    fn msm<C: Curve<ScalarField = Fr>>(&self, points: &[C], scalars: &[Fr], control: &Control) -> Answer<C> {
        self.job(control, |open, work| {
            let plan = Plan::new(C::GROUP, points.len(), &open.device)?;
            let mut sum = C::Group::zero();
            for (points, scalars) in points.chunks(plan.chunk).zip(scalars.chunks(plan.chunk)) {
                let buffer = points::affine(&open.device, points)?;
                sum += points::msm::<C>(work, &open.machine, &plan, &affine::<C>(&buffer), scalars)?;
            }
            Ok(sum.into_affine())
        })
    }

    fn msm_prepared<C: Curve<ScalarField = Fr>>(
        &self,
        bases: &Prepared,
        scalars: &[Fr],
        control: &Control,
    ) -> Answer<C> {
        let any: &(dyn Any + Send + Sync) = &**bases;
        let bases: &Bases<C> = any.downcast_ref().ok_or(DeviceError::Unsupported)?;
        self.job(control, |open, work| {
            let plan = Plan::new(C::GROUP, bases.points.len(), &open.device)?;
            let mut sum = C::Group::zero();
            for (buffer, scalars) in bases.on(open, &plan)?.iter().zip(scalars.chunks(plan.chunk)) {
                sum += points::msm::<C>(work, &open.machine, &plan, &affine::<C>(buffer), scalars)?;
            }
            Ok(sum.into_affine())
        })
    }

    fn prepare<C: Curve>(&self, points: &[C], control: &Control) -> Answer<Prepared> {
        self.job(control, |open, work| {
            let bases = Bases { points: points.to_vec(), resident: Mutex::default() };
            bases.on(open, &Plan::new(C::GROUP, points.len(), &open.device)?)?;
            // Uploads fail when they are carried out.
            work.finish()?;
            let prepared: Prepared = Arc::new(bases);
            Ok(prepared)
        })
    }

    fn sum<C: Curve>(&self, points: &[C], lists: &IndexLists, control: &Control) -> Answer<Vec<C>> {
        self.job(control, |open, work| {
            Ok(C::Group::normalize_batch(&points::sums(work, &open.machine, points, lists)?))
        })
    }

    /// `compute` on all of `items`, in chunks whose buffers fit: `bytes` is the larger of what an item reads and writes.
    fn chunked<T, R>(
        &self,
        items: &[T],
        bytes: usize,
        control: &Control,
        mut compute: impl FnMut(&mut Work<'_>, &Machine, &[T]) -> Answer<Vec<R>>,
    ) -> Answer<Vec<R>> {
        self.job(control, |open, work| {
            let mut out = Vec::with_capacity(items.len());
            for chunk in items.chunks(open.device.fitting(bytes).clamp(1, CHUNK)) {
                out.extend(compute(work, &open.machine, chunk)?);
            }
            Ok(out)
        })
    }
}

/// Items of a program in one pass.
const CHUNK: usize = 1 << 15;

/// Ends a device and what runs on it. Drivers may take long over it and wgpu panics where they fail at it, so this is
/// the business of a thread that nobody waits for.
fn give_up(open: Arc<Open>) {
    open.device.destroy();
    let end = move || drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(open))));
    if let Err(error) = std::thread::Builder::new().name("arblast-gpu-end".into()).spawn(end) {
        tracing::warn!(%error, "no thread to release a failed device in");
    }
}

fn affine<C: Curve>(buffer: &Buffer) -> Points<'_> {
    Points { buffer, elements: 2 * C::GROUP.coordinate() }
}

impl<C: Curve> Bases<C> {
    /// The bases on `open`, uploaded if they are not there (the device was opened again).
    fn on(&self, open: &Arc<Open>, plan: &Plan) -> Result<Vec<Buffer>, DeviceError> {
        let mut resident = self.resident.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(resident.0.as_ptr(), Arc::as_ptr(open)) {
            let chunks = self.points.chunks(plan.chunk).map(|chunk| points::affine(&open.device, chunk));
            *resident = (Arc::downgrade(open), chunks.collect::<Result<_, _>>()?);
        }
        Ok(resident.1.clone())
    }
}

impl Backend for Gpu {
    fn name(&self) -> &str {
        NAME
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn describe(&self) -> Description {
        let info = self.adapter.get_info();
        let family = match self.family {
            Family::Narrow => "32-bit limbs",
            Family::Wide => "64-bit limbs",
        };
        Description {
            hardware: info.name,
            version: format!("{} {}, {}, {family}", info.driver, info.driver_info, info.backend),
        }
    }

    fn supports(&self, op: Op, _size: usize) -> bool {
        let sums = matches!(op, Op::MsmG1 | Op::MsmG2 | Op::SumG1 | Op::SumG2);
        let points = matches!(op, Op::DecompressG1 | Op::DecompressG2 | Op::SubgroupG1 | Op::SubgroupG2);
        sums || points || matches!(op, Op::MillerLoop | Op::Ntt)
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        self.msm(InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn msm_g2(&self, points: &[G2], scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        self.msm(InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn prepare_g1(&self, points: &[G1], control: &Control) -> Answer<Prepared> {
        self.prepare(InSubgroup::as_affine_slice(points), control)
    }

    fn prepare_g2(&self, points: &[G2], control: &Control) -> Answer<Prepared> {
        self.prepare(InSubgroup::as_affine_slice(points), control)
    }

    fn msm_g1_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        self.msm_prepared(bases, scalars, control)
    }

    fn msm_g2_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        self.msm_prepared(bases, scalars, control)
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G1Affine>> {
        self.sum(points, lists, control)
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G2Affine>> {
        self.sum(points, lists, control)
    }

    fn miller_loop(&self, pairs: &[(G1, G2)], control: &Control) -> Answer<Fq12> {
        let products = self.chunked(pairs, pairing::BYTES, control, |work, machine, pairs| {
            Ok(vec![pairing::miller_loop(work, machine, pairs)?])
        })?;
        Ok(products.into_iter().product())
    }

    fn decompress_g1(&self, bytes: &[[u8; 48]], control: &Control) -> Answer<Vec<Result<G1Affine, PointError>>> {
        self.chunked(bytes, 2 * 48, control, decode::decompress::<G1Affine>)
    }

    fn decompress_g2(&self, bytes: &[[u8; 96]], control: &Control) -> Answer<Vec<Result<G2Affine, PointError>>> {
        self.chunked(bytes, 4 * 48, control, decode::decompress::<G2Affine>)
    }

    fn subgroup_g1(&self, points: &[G1Affine], control: &Control) -> Answer<Vec<bool>> {
        self.chunked(points, 2 * 48, control, |work, machine, points| {
            decode::members(work, machine, points, G1Affine::is_on_curve)
        })
    }

    fn subgroup_g2(&self, points: &[G2Affine], control: &Control) -> Answer<Vec<bool>> {
        self.chunked(points, 4 * 48, control, |work, machine, points| {
            decode::members(work, machine, points, G2Affine::is_on_curve)
        })
    }

    fn ntt(&self, values: &[Fr], kind: NttKind, control: &Control) -> Answer<Vec<Fr>> {
        self.job(control, |open, work| {
            let part = ntt::part(&open.device, values.len())?;
            ntt::transform(work, &*open.roots(part, kind.inverse)?, values, kind)
        })
    }
}

impl Open {
    /// The roots of one length and direction. Kept are those of two: two lengths, or one in both directions.
    fn roots(&self, log: u32, inverse: bool) -> Result<Arc<ntt::Roots>, DeviceError> {
        let mut all = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|roots| (roots.log, roots.inverse) == (log, inverse)) {
            return Ok(known.clone());
        }
        let roots = Arc::new(ntt::Roots::new(&self.device, log, inverse)?);
        if all.len() >= 2 {
            all.remove(0);
        }
        all.push(roots.clone());
        Ok(roots)
    }
}

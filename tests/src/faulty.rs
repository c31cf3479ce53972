//! A device that does what it is told to do wrong, and recovers when told to.
//!
//! It computes with the CPU reference and then spoils the answer as its current [`Fault`] says, so that everything
//! between a right answer and the fault is the dispatcher's.

use arblast::backend::{Backend, Control, Description, IndexLists, Kind, NttKind, Op, Prepared};
use arblast::cpu::CpuPortable;
use arblast::{DeviceError, G1, G2, PointError};
use ark_bls12_381::{Fq, Fq2, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// What the device does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It reports an error.
    Error,
    /// It reports that its memory is full.
    OutOfMemory,
    /// It does not come back, whatever its control says, until the fault is changed (or half a minute has passed).
    Hang,
    /// It panics.
    Panic,
    /// Its points are on the curve and in the subgroup, but the wrong ones; its field elements are off by one.
    WrongPoint,
    /// Its points are not on the curve.
    OffCurve,
    /// Its answers lack an item.
    WrongLength,
    /// Its pairing products are off by a factor.
    WrongProduct,
    /// Every pairing product is one.
    AlwaysOne,
    /// No pairing product is one: it answers with the same other element each time.
    NeverOne,
    /// Every encoding is refused and no point is in the subgroup.
    RefuseAll,
    /// Every encoding is accepted and every point is in the subgroup.
    AcceptAll,
}

/// The longest a hang lasts, so that a test that goes wrong ends.
const LONGEST_HANG: Duration = Duration::from_secs(30);

/// The device.
pub struct Faulty {
    name: String,
    kind: Kind,
    fault: Mutex<Fault>,
    calls: AtomicU64,
    inner: CpuPortable,
}

type Answer<T> = Result<T, DeviceError>;

impl Faulty {
    /// A device of this name without a fault.
    pub fn new(name: &str) -> Self {
        Self::of_kind(name, Kind::Device)
    }

    /// A backend of another kind, without a fault.
    pub fn of_kind(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            fault: Mutex::new(Fault::None),
            calls: AtomicU64::new(0),
            inner: CpuPortable::new(1),
        }
    }

    /// Changes what is wrong.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// How often it was asked.
    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }

    /// Acts out the faults that keep an answer from coming, then computes it.
    fn answer<T>(&self, compute: impl FnOnce(&CpuPortable) -> Answer<T>) -> Answer<(T, Fault)> {
        self.calls.fetch_add(1, SeqCst);
        let fault = self.fault();
        match fault {
            Fault::Error => return Err(DeviceError::Failed("injected".into())),
            Fault::OutOfMemory => return Err(DeviceError::OutOfMemory("injected".into())),
            Fault::Panic => panic!("injected panic"),
            Fault::Hang => self.hang(),
            _ => {}
        }
        Ok((compute(&self.inner)?, fault))
    }

    fn hang(&self) {
        let start = Instant::now();
        while self.fault() == Fault::Hang && start.elapsed() < LONGEST_HANG {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn point<P: AffineRepr>(&self, answer: Answer<(P, Fault)>, off_curve: P) -> Answer<P> {
        let (point, fault) = answer?;
        Ok(match fault {
            Fault::WrongPoint => (point + P::generator()).into_affine(),
            Fault::OffCurve => off_curve,
            _ => point,
        })
    }

    fn points<P: AffineRepr>(&self, answer: Answer<(Vec<P>, Fault)>, off_curve: P) -> Answer<Vec<P>> {
        let (mut points, fault) = answer?;
        let middle = points.len() / 2;
        match (fault, points.get_mut(middle)) {
            (Fault::WrongPoint, Some(point)) => *point = (*point + P::generator()).into_affine(),
            (Fault::OffCurve, Some(point)) => *point = off_curve,
            (Fault::WrongLength, _) => drop(points.pop()),
            _ => {}
        }
        Ok(points)
    }

    fn decoded<P: AffineRepr>(
        &self,
        answer: Answer<(Vec<Result<P, PointError>>, Fault)>,
    ) -> Answer<Vec<Result<P, PointError>>> {
        let (mut items, fault) = answer?;
        match fault {
            Fault::RefuseAll => items.iter_mut().for_each(|item| *item = Err(PointError::Encoding)),
            Fault::AcceptAll => items.iter_mut().for_each(|item| *item = Ok(P::generator())),
            Fault::WrongLength => drop(items.pop()),
            Fault::WrongPoint => {
                if let Some(Ok(point)) = items.iter_mut().find(|item| item.is_ok()) {
                    *point = (*point + P::generator()).into_affine();
                }
            }
            _ => {}
        }
        Ok(items)
    }

    fn product(&self, answer: Answer<(Fq12, Fault)>, c: &Control) -> Answer<Fq12> {
        let (product, fault) = answer?;
        let other = self.inner.miller_loop(&[(G1::generator(), G2::generator())], c)?;
        Ok(match fault {
            Fault::WrongProduct => product * other,
            Fault::AlwaysOne => Fq12::ONE,
            Fault::NeverOne => other,
            Fault::WrongPoint => Fq12::ZERO,
            _ => product,
        })
    }

    fn verdicts(&self, answer: Answer<(Vec<bool>, Fault)>) -> Answer<Vec<bool>> {
        let (mut verdicts, fault) = answer?;
        match fault {
            Fault::RefuseAll => verdicts.fill(false),
            Fault::AcceptAll => verdicts.fill(true),
            Fault::WrongLength => drop(verdicts.pop()),
            _ => {}
        }
        Ok(verdicts)
    }
}

fn off_e1() -> G1Affine {
    G1Affine::new_unchecked(Fq::ONE, Fq::ONE)
}

fn off_e2() -> G2Affine {
    G2Affine::new_unchecked(Fq2::ONE, Fq2::ONE)
}

impl Backend for Faulty {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn describe(&self) -> Description {
        Description { hardware: "fault injector".into(), version: "1".into() }
    }

    fn supports(&self, _op: Op, _size: usize) -> bool {
        true
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], c: &Control) -> Answer<G1Affine> {
        self.point(self.answer(|b| b.msm_g1(points, scalars, c)), off_e1())
    }

    fn msm_g2(&self, points: &[G2], scalars: &[Fr], c: &Control) -> Answer<G2Affine> {
        self.point(self.answer(|b| b.msm_g2(points, scalars, c)), off_e2())
    }

    fn prepare_g1(&self, points: &[G1], c: &Control) -> Answer<Prepared> {
        Ok(self.answer(|b| b.prepare_g1(points, c))?.0)
    }

    fn prepare_g2(&self, points: &[G2], c: &Control) -> Answer<Prepared> {
        Ok(self.answer(|b| b.prepare_g2(points, c))?.0)
    }

    fn prepare_fixed_g1(&self, points: &[G1], memory: usize, c: &Control) -> Answer<Prepared> {
        Ok(self.answer(|b| b.prepare_fixed_g1(points, memory, c))?.0)
    }

    fn prepare_fixed_g2(&self, points: &[G2], memory: usize, c: &Control) -> Answer<Prepared> {
        Ok(self.answer(|b| b.prepare_fixed_g2(points, memory, c))?.0)
    }

    fn msm_g1_prepared(&self, bases: &Prepared, scalars: &[Fr], c: &Control) -> Answer<G1Affine> {
        self.point(self.answer(|b| b.msm_g1_prepared(bases, scalars, c)), off_e1())
    }

    fn msm_g2_prepared(&self, bases: &Prepared, scalars: &[Fr], c: &Control) -> Answer<G2Affine> {
        self.point(self.answer(|b| b.msm_g2_prepared(bases, scalars, c)), off_e2())
    }

    fn mul_g1(&self, points: &[G1], scalars: &[Fr], bits: u32, c: &Control) -> Answer<Vec<G1Affine>> {
        self.points(self.answer(|b| b.mul_g1(points, scalars, bits, c)), off_e1())
    }

    fn mul_g2(&self, points: &[G2], scalars: &[Fr], bits: u32, c: &Control) -> Answer<Vec<G2Affine>> {
        self.points(self.answer(|b| b.mul_g2(points, scalars, bits, c)), off_e2())
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, c: &Control) -> Answer<Vec<G1Affine>> {
        self.points(self.answer(|b| b.sum_g1(points, lists, c)), off_e1())
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, c: &Control) -> Answer<Vec<G2Affine>> {
        self.points(self.answer(|b| b.sum_g2(points, lists, c)), off_e2())
    }

    fn miller_loop(&self, pairs: &[(G1, G2)], c: &Control) -> Answer<Fq12> {
        self.product(self.answer(|b| b.miller_loop(pairs, c)), c)
    }

    fn prepare_pairing(&self, points: &[G2], c: &Control) -> Answer<Prepared> {
        Ok(self.answer(|b| b.prepare_pairing(points, c))?.0)
    }

    fn miller_loop_prepared(&self, pairs: &[(G1, G2)], points: &Prepared, at: &[G1], c: &Control) -> Answer<Fq12> {
        self.product(self.answer(|b| b.miller_loop_prepared(pairs, points, at, c)), c)
    }

    fn hash_to_g1(&self, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<G1Affine>> {
        self.points(self.answer(|b| b.hash_to_g1(messages, dst, c)), off_e1())
    }

    fn hash_to_g2(&self, messages: &[&[u8]], dst: &[u8], c: &Control) -> Answer<Vec<G2Affine>> {
        self.points(self.answer(|b| b.hash_to_g2(messages, dst, c)), off_e2())
    }

    fn map_to_g1(&self, elements: &[Fq], c: &Control) -> Answer<Vec<G1Affine>> {
        self.points(self.answer(|b| b.map_to_g1(elements, c)), off_e1())
    }

    fn map_to_g2(&self, elements: &[Fq2], c: &Control) -> Answer<Vec<G2Affine>> {
        self.points(self.answer(|b| b.map_to_g2(elements, c)), off_e2())
    }

    fn decompress_g1(&self, bytes: &[[u8; 48]], c: &Control) -> Answer<Vec<Result<G1Affine, PointError>>> {
        self.decoded(self.answer(|b| b.decompress_g1(bytes, c)))
    }

    fn decompress_g2(&self, bytes: &[[u8; 96]], c: &Control) -> Answer<Vec<Result<G2Affine, PointError>>> {
        self.decoded(self.answer(|b| b.decompress_g2(bytes, c)))
    }

    fn subgroup_g1(&self, points: &[G1Affine], c: &Control) -> Answer<Vec<bool>> {
        self.verdicts(self.answer(|b| b.subgroup_g1(points, c)))
    }

    fn subgroup_g2(&self, points: &[G2Affine], c: &Control) -> Answer<Vec<bool>> {
        self.verdicts(self.answer(|b| b.subgroup_g2(points, c)))
    }

    fn ntt(&self, values: &[Fr], kind: NttKind, c: &Control) -> Answer<Vec<Fr>> {
        let (mut values, fault) = self.answer(|b| b.ntt(values, kind, c))?;
        match (fault, values.last_mut()) {
            (Fault::WrongPoint, Some(value)) => *value += Fr::ONE,
            (Fault::WrongLength, Some(_)) => drop(values.pop()),
            _ => {}
        }
        Ok(values)
    }
}

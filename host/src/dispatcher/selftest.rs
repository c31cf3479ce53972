//! The known-answer self-test of a backend.
//!
//! The inputs are fixed: scalars 0, 1, r−1 and others, points with the identity, repeated, doubled and opposite ones,
//! and lengths that are no multiple of a group size. The known answers are the reference's, which is itself tested
//! against published constants.

use super::operation::{Decompress, Hash, Job, Map, Miller, Msm, Mul, Ntt, Operation, Subgroup, Sum};
use super::side::{Side, SideG1, SideG2};
use super::slot::{Failure, SelfTest, Slot};
use super::{Dispatcher, call};
use crate::backend::{CancelToken, Class, Control, IndexLists, NttKind, Op};
use crate::cpu;
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq12, Fr};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, PrimeField};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one operation of a self-test may take: a simulation may have to compile first.
const PATIENCE: Duration = Duration::from_secs(600);
/// Sizes to test at, powers of two and others: some backends have an operation only from some size on.
const SIZES: [usize; 4] = [9, 64, 300, 1024];

/// Tests a backend and notes the result.
pub(super) fn run(dispatcher: &Dispatcher, slot: &Slot) {
    let test = Test { dispatcher, slot };
    let result = if slot.index == 0 { reference() } else { test.all() };
    if let Err(reason) = &result {
        tracing::warn!(backend = slot.name(), reason, "self-test failed: not used");
    }
    slot.set_self_test(result.map_or_else(SelfTest::Failed, |()| SelfTest::Passed));
}

/// The reference against constants: the encodings of the generators, a hash to G2 of RFC 9380 (appendix J.10.1, first
/// vector), and that the pairing is bilinear and not degenerate.
fn reference() -> Result<(), String> {
    let expect = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what} is wrong")) };
    let g1 = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb";
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    expect(hex(&G1::generator().to_bytes()) == g1, "the encoding of the generator of G1")?;
    let (backend, control) = (cpu::CpuPortable::new(1), Control::new(Class::Job, CancelToken::new()));
    let dst = b"QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
    let hashed = SideG2::hash(&backend, &[b""], dst, &control).map_err(|e| e.to_string())?;
    let x0 = "0141ebfbdca40eb85b87142e130ab689c673cf60f1a3e98d69335266f30d9b8d4ac44c1038e9dcdd5393faf5c41fb78a";
    let bytes = SideG2::compress(&hashed[0]);
    expect(hex(&bytes[48..]) == x0, "the hash to G2 of the empty message")?;
    let (g, h) = (G1::generator(), G2::generator());
    let double = InSubgroup::new_unchecked((*g.affine() + *g.affine()).into_affine());
    let pairing = |pairs: &[(G1, G2)]| cpu::final_exponentiation(&cpu::miller_product(pairs));
    let single = pairing(&[(g, h)]).unwrap_or(Fq12::ONE);
    expect(single != Fq12::ONE && pairing(&[(double, h)]) == Some(single.square()), "the pairing")
}

/// The inputs of one size, from which every operation takes its own.
struct Inputs<S: Side> {
    points: Vec<InSubgroup<S::Affine>>,
    scalars: Vec<Fr>,
}

impl<S: Side> Inputs<S> {
    /// `n` points: −g, the identity, g, g again, then 2g, 3g, …; and `n` scalars: 0, 1, r−1, then spread over Fr.
    fn new(n: usize) -> Self {
        let g = S::Affine::generator();
        let mut points = vec![(-g.into_group()).into_affine(), S::Affine::zero(), g, g];
        let mut next = g.into_group();
        while points.len() < n {
            next += g;
            points.push(next.into_affine());
        }
        points.truncate(n);
        let mut scalars = vec![Fr::from(0u64), Fr::from(1u64), -Fr::from(1u64)];
        let step = Fr::from_be_bytes_mod_order(b"arblast self-test: a scalar of full length");
        while scalars.len() < n {
            scalars.push(scalars[scalars.len() - 1] * step + step);
        }
        scalars.truncate(n);
        Self { points: points.into_iter().map(InSubgroup::new_unchecked).collect(), scalars }
    }

    fn affine(&self) -> &[S::Affine] {
        InSubgroup::as_affine_slice(&self.points)
    }
}

struct Test<'a> {
    dispatcher: &'a Dispatcher,
    slot: &'a Slot,
}

impl Test<'_> {
    /// Every operation that the backend has, at the smallest of a few sizes at which it has it.
    fn all(&self) -> Result<(), String> {
        Op::ALL.into_iter().try_for_each(|op| {
            let size = SIZES.into_iter().find(|&n| self.slot.backend.supports(op, n));
            size.map_or(Ok(()), |n| self.one(op, n)).map_err(|e| format!("{op}: {e}"))
        })
    }

    /// Runs one operation at size `n` and compares.
    fn one(&self, op: Op, n: usize) -> Result<(), String> {
        let n = if op == Op::Ntt { n.next_power_of_two() } else { n };
        if !self.slot.backend.supports(op, n) {
            return Ok(());
        }
        match op {
            Op::MsmG1 => self.msm::<SideG1>(n),
            Op::MsmG2 => self.msm::<SideG2>(n),
            Op::MulG1 => self.mul::<SideG1>(n),
            Op::MulG2 => self.mul::<SideG2>(n),
            Op::SumG1 => self.sum::<SideG1>(n),
            Op::SumG2 => self.sum::<SideG2>(n),
            Op::HashToG1 => self.hash::<SideG1>(n),
            Op::HashToG2 => self.hash::<SideG2>(n),
            Op::MapToG1 => self.map::<SideG1>(n, |p| p.x().unwrap_or_default()),
            Op::MapToG2 => self.map::<SideG2>(n, |p| p.x().unwrap_or_default()),
            Op::DecompressG1 => self.decompress::<SideG1>(n),
            Op::DecompressG2 => self.decompress::<SideG2>(n),
            Op::SubgroupG1 => self.subgroup::<SideG1>(n),
            Op::SubgroupG2 => self.subgroup::<SideG2>(n),
            Op::MillerLoop => {
                let (p, q) = (Inputs::<SideG1>::new(n).points, Inputs::<SideG2>::new(n).points);
                let pairs: Vec<(G1, G2)> = p.into_iter().zip(q.into_iter().rev()).collect();
                self.compare(&Miller { pairs: &pairs, prepared: None })?;
                let f = cpu::miller_product(&pairs);
                let value = self.slot.backend.final_exponentiation(&f);
                match value.is_none() || value == cpu::final_exponentiation(&f) {
                    true => Ok(()),
                    false => Err("the final exponentiation is wrong".into()),
                }
            }
            Op::Ntt => {
                let values = Inputs::<SideG1>::new(n).scalars;
                let kinds = [NttKind::FORWARD, NttKind { inverse: true, coset: Some(Fr::from(7u64)) }];
                kinds.into_iter().try_for_each(|kind| self.compare(&Ntt { values: Cow::Borrowed(&values), kind }))
            }
        }
    }

    fn msm<S: Side>(&self, n: usize) -> Result<(), String> {
        let Inputs { points, scalars } = Inputs::<S>::new(n);
        self.compare(&Msm::<S> { points: points.into(), scalars: scalars.into() })
    }

    fn mul<S: Side>(&self, n: usize) -> Result<(), String> {
        let Inputs { points, scalars } = Inputs::<S>::new(n);
        self.compare(&Mul::<S> { points: points.into(), scalars: scalars.into(), bits: 255 })
    }

    fn sum<S: Side>(&self, n: usize) -> Result<(), String> {
        let inputs = Inputs::<S>::new(n);
        let all = 0..n as u32;
        let lists: IndexLists =
            [all.clone().collect::<Vec<_>>(), vec![], all.rev().step_by(2).collect(), vec![0, 0]].into_iter().collect();
        self.compare(&Sum::<S> { points: inputs.affine().into(), lists: Cow::Borrowed(&lists) })
    }

    fn hash<S: Side>(&self, n: usize) -> Result<(), String> {
        let messages: Vec<Vec<u8>> = (0..n).map(|i| vec![i as u8; i * 7]).collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        self.compare(&Hash::<S> { messages: &messages, dst: b"arblast self-test", side: PhantomData })
    }

    fn map<S: Side>(&self, n: usize, field: impl Fn(&S::Affine) -> S::Field) -> Result<(), String> {
        let elements: Vec<S::Field> = Inputs::<S>::new(n).affine().iter().map(field).collect();
        self.compare(&Map::<S> { elements: elements.into() })
    }

    fn decompress<S: Side>(&self, n: usize) -> Result<(), String> {
        let mut points = Inputs::<S>::new(n).affine().to_vec();
        points.extend((1..40).find_map(S::lift));
        let bytes: Vec<S::Bytes> = points.iter().map(S::compress).collect();
        self.compare(&Decompress::<S> { bytes: &bytes })
    }

    fn subgroup<S: Side>(&self, n: usize) -> Result<(), String> {
        let mut points = Inputs::<S>::new(n).affine().to_vec();
        points.extend((1..40).find_map(S::lift));
        self.compare(&Subgroup::<S> { points: &points })
    }

    /// Runs an operation on the backend and on the reference; learns what the reference took.
    fn compare<O: Operation>(&self, operation: &O) -> Result<(), String> {
        let (op, size) = (operation.op(), operation.size());
        let job = Arc::new(operation.to_job(&mut call::fresh_rng().map_err(|e| e.to_string())?));
        let raw = self.slot.submit(job.clone(), Class::Job, CancelToken::new(), Some(PATIENCE));
        let answer = raw.map_err(|failure| match failure {
            Failure::Device(error) => error.to_string(),
            Failure::Busy | Failure::Cancelled => "it gave no answer".into(),
        });
        let answer = job.finish(answer?)?;
        let (reference, control) = (self.dispatcher.reference(), Control::new(Class::Job, CancelToken::new()));
        let start = Instant::now();
        let known = operation.run(&*reference.backend, &control).map_err(|e| e.to_string())?;
        reference.costs.learn(op, size, start.elapsed());
        if operation.same(&answer, &known) { Ok(()) } else { Err(format!("a wrong answer for {size} items")) }
    }
}

//! What operations are measured on: ordinary inputs, as callers have them, of any size.

use super::super::operation::{Decompress, Hash, Map, Miller, Msm, Mul, Ntt, Operation, Subgroup, Sum};
use super::super::side::{Side, SideG1, SideG2};
use crate::backend::{IndexLists, NttKind, Op};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::Fr;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, PrimeField};
use std::borrow::Cow;
use std::marker::PhantomData;

/// Whoever is shown an operation.
pub(super) trait Visitor {
    /// Called once.
    fn visit<O: Operation>(&mut self, operation: &O);
}

/// The inputs made so far; a larger size adds to them.
#[derive(Default)]
pub(super) struct Samples {
    g1: Multiples<SideG1>,
    g2: Multiples<SideG2>,
    scalars: Vec<Fr>,
    messages: Vec<[u8; 32]>,
}

/// g, 2g, 3g, … for the generator g.
struct Multiples<S: Side> {
    points: Vec<InSubgroup<S::Affine>>,
    last: <S::Affine as AffineRepr>::Group,
}

impl<S: Side> Default for Multiples<S> {
    fn default() -> Self {
        Self { points: vec![], last: AdditiveGroup::ZERO }
    }
}

impl<S: Side> Multiples<S> {
    /// The first `n`.
    fn first(&mut self, n: usize) -> &[InSubgroup<S::Affine>] {
        let g = S::Affine::generator();
        let more: Vec<_> = (self.points.len()..n)
            .map(|_| {
                self.last += g;
                self.last
            })
            .collect();
        let more = CurveGroup::normalize_batch(&more);
        self.points.extend(more.into_iter().map(InSubgroup::new_unchecked));
        &self.points[..n]
    }
}

/// The first `n` of scalars spread over Fr.
fn scalars(known: &mut Vec<Fr>, n: usize) -> &[Fr] {
    let step = Fr::from_be_bytes_mod_order(b"arblast crossovers: a scalar of full length");
    let mut last = known.last().copied().unwrap_or(step);
    while known.len() < n {
        last = last * step + step;
        known.push(last);
    }
    &known[..n]
}

/// The first `n` of distinct messages, as long as a digest.
fn messages(known: &mut Vec<[u8; 32]>, n: usize) -> Vec<&[u8]> {
    let message = |i: usize| {
        let mut bytes = [0x5a; 32];
        bytes[..8].copy_from_slice(&(i as u64).to_be_bytes());
        bytes
    };
    known.extend((known.len()..n).map(message));
    known[..n].iter().map(|message| &message[..]).collect()
}

impl Samples {
    /// Shows the operation over `n` items (a power of two) to `visitor`.
    pub(super) fn show(&mut self, op: Op, n: usize, visitor: &mut impl Visitor) {
        match op {
            Op::MsmG1 | Op::MulG1 | Op::SumG1 | Op::DecompressG1 | Op::SubgroupG1 => {
                show::<SideG1>(op, self.g1.first(n), scalars(&mut self.scalars, n), visitor);
            }
            Op::MsmG2 | Op::MulG2 | Op::SumG2 | Op::DecompressG2 | Op::SubgroupG2 => {
                show::<SideG2>(op, self.g2.first(n), scalars(&mut self.scalars, n), visitor);
            }
            Op::MapToG1 => {
                let elements = self.g1.first(n).iter().map(|p| p.affine().x).collect();
                visitor.visit(&Map::<SideG1> { elements: Cow::Owned(elements) });
            }
            Op::MapToG2 => {
                let elements = self.g2.first(n).iter().map(|p| p.affine().x).collect();
                visitor.visit(&Map::<SideG2> { elements: Cow::Owned(elements) });
            }
            Op::HashToG1 => {
                let messages = messages(&mut self.messages, n);
                visitor.visit(&Hash::<SideG1> { messages: &messages, dst: DST, side: PhantomData });
            }
            Op::HashToG2 => {
                let messages = messages(&mut self.messages, n);
                visitor.visit(&Hash::<SideG2> { messages: &messages, dst: DST, side: PhantomData });
            }
            Op::MillerLoop => {
                let qs = self.g2.first(n).iter().rev();
                let pairs: Vec<(G1, G2)> = self.g1.first(n).iter().copied().zip(qs.copied()).collect();
                visitor.visit(&Miller { pairs: &pairs, prepared: None });
            }
            Op::Ntt => {
                let values = Cow::Borrowed(scalars(&mut self.scalars, n));
                visitor.visit(&Ntt { values, kind: NttKind::FORWARD });
            }
        }
    }
}

/// The tag that messages are hashed with.
const DST: &[u8] = b"arblast crossovers";

/// The operations on points and scalars of a group.
fn show<S: Side>(op: Op, points: &[InSubgroup<S::Affine>], scalars: &[Fr], visitor: &mut impl Visitor) {
    let affine = InSubgroup::as_affine_slice(points);
    if op == S::MSM {
        visitor.visit(&Msm::<S> { points: points.into(), scalars: scalars.into() });
    } else if op == S::MUL {
        visitor.visit(&Mul::<S> { points: points.into(), scalars: scalars.into(), bits: Fr::MODULUS_BIT_SIZE });
    } else if op == S::SUM {
        visitor.visit(&Sum::<S> { points: affine.into(), lists: Cow::Owned(IndexLists::all(points.len())) });
    } else if op == S::DECOMPRESS {
        let bytes: Vec<S::Bytes> = affine.iter().map(S::compress).collect();
        visitor.visit(&Decompress::<S> { bytes: &bytes });
    } else {
        visitor.visit(&Subgroup::<S> { points: affine });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{CancelToken, Class, Control};
    use crate::cpu::CpuPortable;

    struct Check {
        op: Op,
        size: usize,
        seen: u32,
    }

    impl Visitor for Check {
        fn visit<O: Operation>(&mut self, operation: &O) {
            assert_eq!((operation.op(), operation.size()), (self.op, self.size));
            assert!(operation.inputs_sound(), "{}", self.op);
            let (reference, control) = (CpuPortable::new(1), Control::new(Class::Job, CancelToken::new()));
            let mut answer = operation.run(&reference, &control).unwrap();
            let again = operation.run(&reference, &control).unwrap();
            assert!(operation.same(&answer, &again), "{}", self.op);
            assert!(!operation.confirm_negatives(&mut answer, &reference, &control));
            self.seen += 1;
        }
    }

    /// Each operation is shown once, with as many items as asked for, and its inputs are what their types promise.
    #[test]
    fn every_operation_has_inputs_of_every_size() {
        let mut samples = Samples::default();
        for size in [1, 16, 4, 64] {
            for op in Op::ALL {
                let mut check = Check { op, size, seen: 0 };
                samples.show(op, size, &mut check);
                assert_eq!(check.seen, 1, "{op}");
            }
        }
        let distinct: std::collections::BTreeSet<_> = messages(&mut samples.messages, 64).into_iter().collect();
        assert_eq!(distinct.len(), 64);
        assert_eq!(samples.g1.points.len(), 64);
    }
}

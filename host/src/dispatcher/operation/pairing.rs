//! The product of Miller loops, with a pair of the dispatcher's own.

use super::prepare::{Handles, Prepares};
use super::{Answer, Job, Operation, are_members, place};
use crate::backend::{Backend, Control, Op, Prepared};
use crate::cpu;
use crate::dispatcher::side::{SideG1, SideG2};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq12, Fr};
use ark_ff::AdditiveGroup;
use rand_core::Rng;
use std::sync::Arc;

/// G2 points whose lines a backend may store.
pub(crate) struct LinePoints {
    pub points: Arc<[G2]>,
    pub handles: Handles,
}

impl Prepares for LinePoints {
    fn op(&self) -> Op {
        Op::MillerLoop
    }
    fn size(&self) -> usize {
        self.points.len()
    }
    fn handles(&self) -> &Handles {
        &self.handles
    }
    /// The lines are most of a Miller loop.
    fn allowance(&self) -> u32 {
        2
    }
    fn gains(&self, _backend: &dyn Backend) -> bool {
        true
    }
    fn prepare(&self, backend: &dyn Backend, control: &Control) -> Answer<Prepared> {
        backend.prepare_pairing(&self.points, control)
    }
}

/// The product of Miller loops over pairs, and over prepared points with one point of G1 each.
pub(crate) struct Miller<'a> {
    pub pairs: &'a [(G1, G2)],
    pub prepared: Option<(&'a Arc<LinePoints>, &'a [G1])>,
}

/// Runs on a backend: with its handle where it has one, else with the prepared points as pairs like the others.
fn run(
    backend: &dyn Backend,
    pairs: &[(G1, G2)],
    prepared: Option<(&LinePoints, &[G1])>,
    control: &Control,
) -> Answer<Fq12> {
    let Some((points, at)) = prepared else { return backend.miller_loop(pairs, control) };
    match points.handles.of(backend) {
        Some(handle) => backend.miller_loop_prepared(pairs, &handle, at, control),
        None => {
            let rest = at.iter().copied().zip(points.points.iter().copied());
            backend.miller_loop(&pairs.iter().copied().chain(rest).collect::<Vec<_>>(), control)
        }
    }
}

/// [`Miller`] with a pair of the dispatcher's own at a random place.
///
/// The probe is (s·g1, g2) for a fresh s. The dispatcher divides its contribution out again by multiplying with the
/// Miller loop of (−s·g1, g2), which it computes itself: the final exponentiation makes the two cancel exactly when
/// the device took part in the product with the right value. A device stuck at one, or at any fixed value, is left
/// with e(g1, g2)^−s, which is not one.
pub(crate) struct MillerJob {
    pairs: Vec<(G1, G2)>,
    prepared: Option<(Arc<LinePoints>, Vec<G1>)>,
    undo: Fq12,
}

impl Operation for Miller<'_> {
    type Output = Fq12;
    type Job = MillerJob;

    fn op(&self) -> Op {
        Op::MillerLoop
    }
    fn size(&self) -> usize {
        self.pairs.len() + self.prepared.map_or(0, |(_, at)| at.len())
    }
    /// With lines stored it takes less than without, and these choices are made for.
    fn is_typical(&self) -> bool {
        self.prepared.is_none()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Fq12> {
        run(backend, self.pairs, self.prepared.map(|(points, at)| (&**points, at)), control)
    }
    fn to_job(&self, rng: &mut dyn Rng) -> MillerJob {
        let mut pairs = self.pairs.to_vec();
        let secret = Fr::from(rng.next_u64() | 1);
        let point = InSubgroup::new_unchecked((*G1::generator().affine() * secret).into());
        pairs.insert(place(rng, pairs.len()), (point, G2::generator()));
        let prepared = self.prepared.map(|(points, at)| (points.clone(), at.to_vec()));
        MillerJob { pairs, prepared, undo: cpu::miller_product(&[(point.negate(), G2::generator())]) }
    }
    /// Miller values are equal up to what the final exponentiation kills.
    fn same(&self, a: &Fq12, b: &Fq12) -> bool {
        let (a, b) = (cpu::final_exponentiation(a), cpu::final_exponentiation(b));
        a.is_some() && a == b
    }
    fn inputs_sound(&self) -> bool {
        let (ps, qs): (Vec<G1>, Vec<G2>) = self.pairs.iter().copied().unzip();
        let prepared = |(points, at): (&Arc<LinePoints>, &[G1])| {
            are_members::<SideG1>(at) && are_members::<SideG2>(&points.points)
        };
        are_members::<SideG1>(&ps) && are_members::<SideG2>(&qs) && self.prepared.is_none_or(prepared)
    }
}

impl Job for MillerJob {
    type Raw = Fq12;
    type Output = Fq12;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Fq12> {
        let prepared = self.prepared.as_ref();
        let answer = run(backend, &self.pairs, prepared.map(|(points, at)| (&**points, &**at)), control);
        if let (Err(_), Some((points, _))) = (&answer, prepared) {
            points.handles.forget(backend);
        }
        answer
    }
    fn finish(&self, raw: Fq12) -> Result<Fq12, String> {
        if raw == Fq12::ZERO {
            return Err("the product of Miller loops is zero".into());
        }
        Ok(raw * self.undo)
    }
}

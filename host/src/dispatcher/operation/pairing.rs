//! The product of Miller loops, with a pair of the dispatcher's own.

use super::{Answer, Job, Operation, are_members, place};
use crate::backend::{Backend, Control, Op};
use crate::cpu;
use crate::dispatcher::side::{SideG1, SideG2};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq12, Fr};
use ark_ff::AdditiveGroup;
use rand_core::Rng;

/// The product of Miller loops.
pub(crate) struct Miller<'a> {
    pub pairs: &'a [(G1, G2)],
}

/// [`Miller`] with a pair of the dispatcher's own at a random place.
///
/// The probe is (s·g1, g2) for a fresh s. The dispatcher divides its contribution out again by multiplying with the
/// Miller loop of (−s·g1, g2), which it computes itself: the final exponentiation makes the two cancel exactly when
/// the device took part in the product with the right value. A device stuck at one, or at any fixed value, is left
/// with e(g1, g2)^−s, which is not one.
pub(crate) struct MillerJob {
    pairs: Vec<(G1, G2)>,
    undo: Fq12,
}

impl Operation for Miller<'_> {
    type Output = Fq12;
    type Job = MillerJob;

    fn op(&self) -> Op {
        Op::MillerLoop
    }
    fn size(&self) -> usize {
        self.pairs.len()
    }
    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Fq12> {
        backend.miller_loop(self.pairs, control)
    }
    fn to_job(&self, rng: &mut dyn Rng) -> MillerJob {
        let mut pairs = self.pairs.to_vec();
        let secret = Fr::from(rng.next_u64() | 1);
        let point = InSubgroup::new_unchecked((*G1::generator().affine() * secret).into());
        pairs.insert(place(rng, pairs.len()), (point, G2::generator()));
        MillerJob { pairs, undo: cpu::miller_product(&[(point.negate(), G2::generator())]) }
    }
    /// Miller values are equal up to what the final exponentiation kills.
    fn same(&self, a: &Fq12, b: &Fq12) -> bool {
        let (a, b) = (cpu::final_exponentiation(a), cpu::final_exponentiation(b));
        a.is_some() && a == b
    }
    fn inputs_sound(&self) -> bool {
        let (ps, qs): (Vec<G1>, Vec<G2>) = self.pairs.iter().copied().unzip();
        are_members::<SideG1>(&ps) && are_members::<SideG2>(&qs)
    }
}

impl Job for MillerJob {
    type Raw = Fq12;
    type Output = Fq12;

    fn run(&self, backend: &dyn Backend, control: &Control) -> Answer<Fq12> {
        backend.miller_loop(&self.pairs, control)
    }
    fn finish(&self, raw: Fq12) -> Result<Fq12, String> {
        if raw == Fq12::ZERO {
            return Err("the product of Miller loops is zero".into());
        }
        Ok(raw * self.undo)
    }
}

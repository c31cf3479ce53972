//! The public operations: arguments checked, results given their types.

use super::operation::{
    Bases, Decompress, Hash, LinePoints, Map, Miller, Msm, MsmPrepared, Mul, Ntt, Prepare, Subgroup, Sum,
};
use super::side::{Side, SideG1, SideG2};
use super::{Call, Dispatcher};
use crate::backend::{IndexLists, NttKind};
use crate::cpu;
use crate::error::{Error, PointError};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Bls12_381, Fq, Fq2, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::pairing::PairingOutput;
use ark_ff::{AdditiveGroup, Zero};
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// G1 bases prepared for many multi-scalar multiplications. Clones share the bases.
#[derive(Clone)]
pub struct PreparedG1(Arc<Bases<SideG1>>);

/// G2 bases prepared for many multi-scalar multiplications. Clones share the bases.
#[derive(Clone)]
pub struct PreparedG2(Arc<Bases<SideG2>>);

/// G2 points prepared for many pairings: with the lines of their Miller loops. Clones share them.
#[derive(Clone)]
pub struct PreparedLines(Arc<LinePoints>);

impl PreparedLines {
    /// The points, in the order in which they were given.
    pub fn points(&self) -> &[G2] {
        &self.0.points
    }
}

fn same_length(what: &'static str, got: usize, per: &'static str, expected: usize) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::LengthMismatch { what, got, expected, per }) }
}

fn expect_dst(dst: &[u8]) -> Result<(), Error> {
    if dst.is_empty() { Err(Error::EmptyDst) } else { Ok(()) }
}

fn expect_in_range(lists: &IndexLists, points: usize) -> Result<(), Error> {
    if lists.indices().iter().all(|&index| (index as usize) < points) {
        return Ok(());
    }
    let bad = lists.iter().enumerate().find_map(|(list, indices)| {
        let position = indices.iter().position(|&index| index as usize >= points)?;
        Some(Error::IndexOutOfRange { list, position, index: indices[position], points })
    });
    bad.map_or(Ok(()), Err)
}

/// Results that are members by construction, given that the inputs were.
fn members<P: Copy>(points: Vec<P>) -> Vec<InSubgroup<P>> {
    points.into_iter().map(InSubgroup::new_unchecked).collect()
}

impl Dispatcher {
    fn msm<S: Side>(
        &self,
        call: &Call,
        points: &[InSubgroup<S::Affine>],
        scalars: &[Fr],
    ) -> Result<InSubgroup<S::Affine>, Error> {
        same_length("scalars", scalars.len(), "point", points.len())?;
        let operation = Msm::<S> { points: points.into(), scalars: scalars.into() };
        self.run(call, &operation).map(InSubgroup::new_unchecked)
    }

    fn prepare<S: Side>(
        &self,
        call: &Call,
        points: Arc<[InSubgroup<S::Affine>]>,
        memory: usize,
    ) -> Result<Arc<Bases<S>>, Error> {
        let bases = Arc::new(Bases { points, memory, handles: Default::default() });
        self.run(call, &Prepare(bases.clone()))?;
        Ok(bases)
    }

    fn msm_prepared<S: Side>(
        &self,
        call: &Call,
        bases: &Arc<Bases<S>>,
        scalars: &[Fr],
    ) -> Result<InSubgroup<S::Affine>, Error> {
        same_length("scalars", scalars.len(), "base", bases.points.len())?;
        let operation = MsmPrepared::<S> { bases: bases.clone(), scalars: scalars.into() };
        self.run(call, &operation).map(InSubgroup::new_unchecked)
    }

    fn mul<S: Side>(
        &self,
        call: &Call,
        points: &[InSubgroup<S::Affine>],
        scalars: &[Fr],
    ) -> Result<Vec<InSubgroup<S::Affine>>, Error> {
        same_length("scalars", scalars.len(), "point", points.len())?;
        let bits = Mul::<S>::longest(scalars);
        let operation = Mul::<S> { points: points.into(), scalars: scalars.into(), bits };
        self.run(call, &operation).map(members)
    }

    fn sum<S: Side>(&self, call: &Call, points: &[S::Affine], lists: &IndexLists) -> Result<Vec<S::Affine>, Error> {
        expect_in_range(lists, points.len())?;
        self.run(call, &Sum::<S> { points: points.into(), lists: Cow::Borrowed(lists) })
    }

    fn hash<S: Side>(&self, call: &Call, messages: &[&[u8]], dst: &[u8]) -> Result<Vec<InSubgroup<S::Affine>>, Error> {
        expect_dst(dst)?;
        self.run(call, &Hash::<S> { messages, dst, side: PhantomData }).map(members)
    }

    /// Σᵢ scalarsᵢ·pointsᵢ in G1. `points` and `scalars` have the same length; none give the identity. Variable time.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn msm_g1(&self, call: &Call, points: &[G1], scalars: &[Fr]) -> Result<G1, Error> {
        self.msm::<SideG1>(call, points, scalars)
    }

    /// Σᵢ scalarsᵢ·pointsᵢ in G2; as [`msm_g1`](Self::msm_g1).
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn msm_g2(&self, call: &Call, points: &[G2], scalars: &[Fr]) -> Result<G2, Error> {
        self.msm::<SideG2>(call, points, scalars)
    }

    /// Prepares G1 bases: a device that would be chosen for their number keeps a copy in its own form. Without one
    /// this costs nothing.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn prepare_g1(&self, call: &Call, points: Arc<[G1]>) -> Result<PreparedG1, Error> {
        self.prepare::<SideG1>(call, points, 0).map(PreparedG1)
    }

    /// Prepares G1 bases that are used many times, such as the points of a KZG set-up or of a proving key: the backend
    /// that would be chosen for their number computes multiples of them, for which it may take up to `memory` bytes, and
    /// MSMs over them need fewer additions. Where `memory` is too small for a table of use, or the backend has none, the
    /// bases are prepared as by [`prepare_g1`](Self::prepare_g1).
    ///
    /// The vector engine takes 128 bytes (G2: 256) for each base and row, from two rows to one for each window: ten for
    /// 4,096 bases, twenty for 64; it never takes more than it has a use for. Building takes the time of four or five
    /// MSMs. blst takes 96 bytes (G2: 192) for each base and each of 2^(w − 1) multiples, in windows of w bits, and no
    /// table where its buckets have windows as wide.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn prepare_fixed_g1(&self, call: &Call, points: Arc<[G1]>, memory: usize) -> Result<PreparedG1, Error> {
        self.prepare::<SideG1>(call, points, memory).map(PreparedG1)
    }

    /// Prepares G2 bases; as [`prepare_g1`](Self::prepare_g1).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn prepare_g2(&self, call: &Call, points: Arc<[G2]>) -> Result<PreparedG2, Error> {
        self.prepare::<SideG2>(call, points, 0).map(PreparedG2)
    }

    /// Prepares G2 bases that are used many times; as [`prepare_fixed_g1`](Self::prepare_fixed_g1).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn prepare_fixed_g2(&self, call: &Call, points: Arc<[G2]>, memory: usize) -> Result<PreparedG2, Error> {
        self.prepare::<SideG2>(call, points, memory).map(PreparedG2)
    }

    /// Σᵢ scalarsᵢ·basesᵢ over prepared bases; one scalar a base. Variable time.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn msm_g1_prepared(&self, call: &Call, bases: &PreparedG1, scalars: &[Fr]) -> Result<G1, Error> {
        self.msm_prepared(call, &bases.0, scalars)
    }

    /// Σᵢ scalarsᵢ·basesᵢ over prepared bases in G2; as [`msm_g1_prepared`](Self::msm_g1_prepared).
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn msm_g2_prepared(&self, call: &Call, bases: &PreparedG2, scalars: &[Fr]) -> Result<G2, Error> {
        self.msm_prepared(call, &bases.0, scalars)
    }

    /// scalarsᵢ·pointsᵢ in G1 for each i. Variable time in the longest scalar.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn mul_g1(&self, call: &Call, points: &[G1], scalars: &[Fr]) -> Result<Vec<G1>, Error> {
        self.mul::<SideG1>(call, points, scalars)
    }

    /// scalarsᵢ·pointsᵢ in G2 for each i. Variable time in the longest scalar.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn mul_g2(&self, call: &Call, points: &[G2], scalars: &[Fr]) -> Result<Vec<G2>, Error> {
        self.mul::<SideG2>(call, points, scalars)
    }

    /// The sum of the G1 points that each list selects; an empty list gives the identity. Any points of the curve,
    /// in the subgroup or not. A point off the curve gives unspecified sums. Variable time.
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`]; [`Error::Cancelled`].
    pub fn sum_g1(&self, call: &Call, points: &[G1Affine], lists: &IndexLists) -> Result<Vec<G1Affine>, Error> {
        self.sum::<SideG1>(call, points, lists)
    }

    /// The sum of the G2 points that each list selects; as [`sum_g1`](Self::sum_g1).
    ///
    /// # Errors
    /// [`Error::IndexOutOfRange`]; [`Error::Cancelled`].
    pub fn sum_g2(&self, call: &Call, points: &[G2Affine], lists: &IndexLists) -> Result<Vec<G2Affine>, Error> {
        self.sum::<SideG2>(call, points, lists)
    }

    /// The value of a pairing product.
    fn pairing_value(&self, call: &Call, product: &Miller<'_>) -> Result<PairingOutput<Bls12_381>, Error> {
        let f = self.run(call, product)?;
        // A product of Miller loops is zero only for points off the curve. Any value will do there but one, which
        // would read as "this equation holds".
        let any = || cpu::final_exponentiation(&cpu::miller_product(&[(G1::generator(), G2::generator())]));
        let value = self.finish(call, &f).or_else(any);
        Ok(PairingOutput(value.unwrap_or(Fq12::ZERO)))
    }

    /// Whether a pairing product is one.
    fn pairing_is_one(&self, call: &Call, product: &Miller<'_>) -> Result<bool, Error> {
        self.judge(call, |call| {
            let f = self.run(call, product)?;
            Ok(self.finish(call, &f).is_some_and(|value| PairingOutput::<Bls12_381>(value).is_zero()))
        })
    }

    /// Πᵢ e(Pᵢ, Qᵢ), the value that arkworks computes (the cube of the reduced ate pairing). No pairs give one.
    /// Variable time.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn multi_pairing(&self, call: &Call, pairs: &[(G1, G2)]) -> Result<PairingOutput<Bls12_381>, Error> {
        self.pairing_value(call, &Miller { pairs, prepared: None })
    }

    /// Whether Πᵢ e(Pᵢ, Qᵢ) is one; no pairs are. A "no" from a device has been computed again by blst. Variable time.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn pairing_check(&self, call: &Call, pairs: &[(G1, G2)]) -> Result<bool, Error> {
        self.pairing_is_one(call, &Miller { pairs, prepared: None })
    }

    /// Prepares G2 points that take part in many pairings, such as those of a verifying key or of a KZG set-up: the
    /// backend that would be chosen for their number stores the lines of their Miller loops, which are most of a pairing's
    /// work beside the final exponentiation. Takes about the time of one pairing for each point; the vector engine keeps
    /// 17 KiB a point, blst 20.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn prepare_lines(&self, call: &Call, points: Arc<[G2]>) -> Result<PreparedLines, Error> {
        let points = Arc::new(LinePoints { points, handles: Default::default() });
        self.run(call, &Prepare(points.clone()))?;
        Ok(PreparedLines(points))
    }

    /// Πᵢ e(Pᵢ, Qᵢ) · Πⱼ e(atⱼ, linesⱼ): [`multi_pairing`](Self::multi_pairing) over `pairs`, which may be none, and over all
    /// prepared points with one point of G1 each; the identity leaves a prepared point out. Variable time.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn multi_pairing_prepared(
        &self,
        call: &Call,
        pairs: &[(G1, G2)],
        lines: &PreparedLines,
        at: &[G1],
    ) -> Result<PairingOutput<Bls12_381>, Error> {
        same_length("points of G1", at.len(), "prepared point", lines.points().len())?;
        self.pairing_value(call, &Miller { pairs, prepared: Some((&lines.0, at)) })
    }

    /// Whether [`multi_pairing_prepared`](Self::multi_pairing_prepared) comes to one. A "no" from a device has been
    /// computed again by blst. Variable time.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Cancelled`].
    pub fn pairing_check_prepared(
        &self,
        call: &Call,
        pairs: &[(G1, G2)],
        lines: &PreparedLines,
        at: &[G1],
    ) -> Result<bool, Error> {
        same_length("points of G1", at.len(), "prepared point", lines.points().len())?;
        self.pairing_is_one(call, &Miller { pairs, prepared: Some((&lines.0, at)) })
    }

    /// RFC 9380 `hash_to_curve` of each message to G1, suite BLS12381G1_XMD:SHA-256_SSWU_RO_ with the caller's tag (one
    /// byte at least; above 255 it is hashed first, section 5.3.3). Variable time in the messages' lengths.
    ///
    /// # Errors
    /// [`Error::EmptyDst`]; [`Error::Cancelled`].
    pub fn hash_to_g1(&self, call: &Call, messages: &[&[u8]], dst: &[u8]) -> Result<Vec<G1>, Error> {
        self.hash::<SideG1>(call, messages, dst)
    }

    /// RFC 9380 `hash_to_curve` of each message to G2, suite BLS12381G2_XMD:SHA-256_SSWU_RO_; as
    /// [`hash_to_g1`](Self::hash_to_g1).
    ///
    /// # Errors
    /// [`Error::EmptyDst`]; [`Error::Cancelled`].
    pub fn hash_to_g2(&self, call: &Call, messages: &[&[u8]], dst: &[u8]) -> Result<Vec<G2>, Error> {
        self.hash::<SideG2>(call, messages, dst)
    }

    /// RFC 9380 `clear_cofactor(map_to_curve(u))` in G1 for each u.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn map_to_g1(&self, call: &Call, elements: &[Fq]) -> Result<Vec<G1>, Error> {
        self.run(call, &Map::<SideG1> { elements: elements.into() }).map(members)
    }

    /// RFC 9380 `clear_cofactor(map_to_curve(u))` in G2 for each u.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn map_to_g2(&self, call: &Call, elements: &[Fq2]) -> Result<Vec<G2>, Error> {
        self.run(call, &Map::<SideG2> { elements: elements.into() }).map(members)
    }

    /// Decodes compressed G1 points, with curve and subgroup checks and a verdict for each. Variable time.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn decompress_g1(&self, call: &Call, bytes: &[[u8; 48]]) -> Result<Vec<Result<G1, PointError>>, Error> {
        let points = self.run(call, &Decompress::<SideG1> { bytes })?;
        Ok(points.into_iter().map(|p| p.map(InSubgroup::new_unchecked)).collect())
    }

    /// Decodes compressed G2 points; as [`decompress_g1`](Self::decompress_g1).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn decompress_g2(&self, call: &Call, bytes: &[[u8; 96]]) -> Result<Vec<Result<G2, PointError>>, Error> {
        let points = self.run(call, &Decompress::<SideG2> { bytes })?;
        Ok(points.into_iter().map(|p| p.map(InSubgroup::new_unchecked)).collect())
    }

    /// For each point, whether it is on the curve and in G1; the identity is. Variable time.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn subgroup_g1(&self, call: &Call, points: &[G1Affine]) -> Result<Vec<bool>, Error> {
        self.run(call, &Subgroup::<SideG1> { points })
    }

    /// For each point, whether it is on the curve and in G2; the identity is. Variable time.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn subgroup_g2(&self, call: &Call, points: &[G2Affine]) -> Result<Vec<bool>, Error> {
        self.run(call, &Subgroup::<SideG2> { points })
    }

    /// The transform of `values`, a power of two of them, in natural order. Variable time.
    ///
    /// # Errors
    /// [`Error::NttLength`]; [`Error::ZeroCosetOffset`]; [`Error::Cancelled`].
    pub fn ntt(&self, call: &Call, values: &[Fr], kind: NttKind) -> Result<Vec<Fr>, Error> {
        let n = values.len();
        if !n.is_power_of_two() || n.trailing_zeros() > 32 {
            return Err(Error::NttLength { got: n });
        }
        if kind.coset.is_some_and(|offset| offset.is_zero()) {
            return Err(Error::ZeroCosetOffset);
        }
        self.run(call, &Ntt { values: values.into(), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Selection;
    use crate::backend::{Class, Op};

    #[test]
    fn choices_are_made_by_the_time_of_operations_not_of_preparations() {
        let d = Dispatcher::builder().select(Selection::CpuPortable).threads(1).build().unwrap();
        let call = Call::new(Class::Job);
        let (points, scalars) = (vec![G1::generator(); 40], vec![Fr::from(7u64); 40]);
        let learnt = || d.reference().costs.estimate(Op::MsmG1, 40);
        let plain = d.prepare_g1(&call, points.clone().into()).unwrap();
        let fixed = d.prepare_fixed_g1(&call, points.clone().into(), 1 << 20).unwrap();
        let by_table = d.msm_g1_prepared(&call, &fixed, &scalars).unwrap();
        assert_eq!(learnt(), None);
        assert_eq!(d.msm_g1_prepared(&call, &plain, &scalars).unwrap(), by_table);
        assert!(learnt().is_some());
        assert_eq!(d.msm_g1(&call, &points, &scalars).unwrap(), by_table);
    }
}

//! The reference backend: every operation, by blst and rayon.

use super::group::{OnE1, OnE2};
use super::threads::Threads;
use super::{map, msm, pairing, transform};
use crate::backend::{Backend, Control, Description, IndexLists, Kind, NttKind, Op, Prepared};
use crate::error::{DeviceError, PointError};
use crate::layout;
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq, Fq2, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use std::sync::Arc;

/// blst on every CPU, with the caller's number of threads. Never late, never lost, always right: the fallback.
pub struct CpuPortable {
    threads: Threads,
}

impl CpuPortable {
    /// The name of the backend.
    pub const NAME: &str = "cpu-portable";

    /// With `threads` threads for a call; 0 means one per core.
    pub fn new(threads: usize) -> Self {
        Self { threads: Threads::new(threads) }
    }

    /// Threads that one call may use.
    pub fn threads(&self) -> usize {
        self.threads.count()
    }
}

type Answer<T> = Result<T, DeviceError>;

/// Points of one task of decompression or membership checks: about 10 ms.
const POINTS: usize = 256;

impl Backend for CpuPortable {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn kind(&self) -> Kind {
        Kind::Reference
    }

    fn describe(&self) -> Description {
        let plural = if self.threads() == 1 { "" } else { "s" };
        Description {
            hardware: format!("CPU, {} thread{plural}", self.threads()),
            version: "blst 0.3.17; arithmetic of arkworks 0.6 for the NTT".into(),
        }
    }

    fn supports(&self, _op: Op, _size: usize) -> bool {
        true
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        msm::msm::<OnE1>(&self.threads, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn msm_g2(&self, points: &[G2], scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        msm::msm::<OnE2>(&self.threads, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn prepare_g1(&self, points: &[G1], _control: &Control) -> Answer<Prepared> {
        Ok(Arc::new(points.to_vec()))
    }

    fn prepare_g2(&self, points: &[G2], _control: &Control) -> Answer<Prepared> {
        Ok(Arc::new(points.to_vec()))
    }

    fn prepare_fixed_g1(&self, points: &[G1], memory: usize, control: &Control) -> Answer<Prepared> {
        match msm::Table::<OnE1>::new(&self.threads, InSubgroup::as_affine_slice(points), memory, control)? {
            Some(table) => Ok(Arc::new(table)),
            None => self.prepare_g1(points, control),
        }
    }

    fn prepare_fixed_g2(&self, points: &[G2], memory: usize, control: &Control) -> Answer<Prepared> {
        match msm::Table::<OnE2>::new(&self.threads, InSubgroup::as_affine_slice(points), memory, control)? {
            Some(table) => Ok(Arc::new(table)),
            None => self.prepare_g2(points, control),
        }
    }

    fn msm_g1_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        if let Some(table) = bases.downcast_ref::<msm::Table<OnE1>>() {
            return table.msm(&self.threads, scalars, control);
        }
        self.msm_g1(own::<Vec<_>>(bases)?, scalars, control)
    }

    fn msm_g2_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        if let Some(table) = bases.downcast_ref::<msm::Table<OnE2>>() {
            return table.msm(&self.threads, scalars, control);
        }
        self.msm_g2(own::<Vec<_>>(bases)?, scalars, control)
    }

    fn mul_g1(&self, points: &[G1], scalars: &[Fr], bits: u32, control: &Control) -> Answer<Vec<G1Affine>> {
        msm::mul::<OnE1>(&self.threads, InSubgroup::as_affine_slice(points), scalars, bits, control)
    }

    fn mul_g2(&self, points: &[G2], scalars: &[Fr], bits: u32, control: &Control) -> Answer<Vec<G2Affine>> {
        msm::mul::<OnE2>(&self.threads, InSubgroup::as_affine_slice(points), scalars, bits, control)
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G1Affine>> {
        msm::sum::<OnE1>(&self.threads, points, lists, control)
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G2Affine>> {
        msm::sum::<OnE2>(&self.threads, points, lists, control)
    }

    fn miller_loop(&self, pairs: &[(G1, G2)], control: &Control) -> Answer<Fq12> {
        pairing::miller_loop(&self.threads, pairs, control)
    }

    fn prepare_pairing(&self, points: &[G2], control: &Control) -> Answer<Prepared> {
        Ok(Arc::new(pairing::LineTable::new(&self.threads, points, control)?))
    }

    fn miller_loop_prepared(
        &self,
        pairs: &[(G1, G2)],
        points: &Prepared,
        at: &[G1],
        control: &Control,
    ) -> Answer<Fq12> {
        pairing::miller_loop_stored(&self.threads, pairs, (own(points)?, at), control)
    }

    fn hash_to_g1(&self, messages: &[&[u8]], dst: &[u8], control: &Control) -> Answer<Vec<G1Affine>> {
        map::hash_to_g1(&self.threads, messages, dst, control)
    }

    fn hash_to_g2(&self, messages: &[&[u8]], dst: &[u8], control: &Control) -> Answer<Vec<G2Affine>> {
        map::hash_to_g2(&self.threads, messages, dst, control)
    }

    fn map_to_g1(&self, elements: &[Fq], control: &Control) -> Answer<Vec<G1Affine>> {
        map::map_to_g1(&self.threads, elements, control)
    }

    fn map_to_g2(&self, elements: &[Fq2], control: &Control) -> Answer<Vec<G2Affine>> {
        map::map_to_g2(&self.threads, elements, control)
    }

    fn decompress_g1(&self, bytes: &[[u8; 48]], control: &Control) -> Answer<Vec<Result<G1Affine, PointError>>> {
        let decode = |b: &[u8; 48]| G1::from_bytes(b).map(InSubgroup::into_affine);
        Ok(self.threads.map_pieces(control, bytes, 2, POINTS, |b| b.iter().map(decode).collect::<Vec<_>>())?.concat())
    }

    fn decompress_g2(&self, bytes: &[[u8; 96]], control: &Control) -> Answer<Vec<Result<G2Affine, PointError>>> {
        let decode = |b: &[u8; 96]| G2::from_bytes(b).map(InSubgroup::into_affine);
        Ok(self.threads.map_pieces(control, bytes, 2, POINTS, |b| b.iter().map(decode).collect::<Vec<_>>())?.concat())
    }

    fn subgroup_g1(&self, points: &[G1Affine], control: &Control) -> Answer<Vec<bool>> {
        let member = |p: &G1Affine| p.is_zero() || (layout::g1_on_curve(p) && layout::g1_in_subgroup(p));
        Ok(self.threads.map_pieces(control, points, 2, POINTS, |p| p.iter().map(member).collect::<Vec<_>>())?.concat())
    }

    fn subgroup_g2(&self, points: &[G2Affine], control: &Control) -> Answer<Vec<bool>> {
        let member = |p: &G2Affine| p.is_zero() || (layout::g2_on_curve(p) && layout::g2_in_subgroup(p));
        Ok(self.threads.map_pieces(control, points, 2, POINTS, |p| p.iter().map(member).collect::<Vec<_>>())?.concat())
    }

    fn ntt(&self, values: &[Fr], kind: NttKind, control: &Control) -> Answer<Vec<Fr>> {
        transform::ntt(&self.threads, values, kind, control)
    }
}

/// What this backend prepared itself.
fn own<T: 'static>(prepared: &Prepared) -> Answer<&T> {
    prepared.downcast_ref().ok_or_else(|| DeviceError::Failed("the points were prepared by another backend".into()))
}

//! The vector engine as a backend: what it has, at the sizes where it wins.

use super::threads::Threads;
use super::vector::{
    AffineOf, Bases, E1, E2, Ifma, LineTable, NTT_FEWEST, Split, Table, Workspaces, decompress, final_exponentiation,
    hash, map, members, miller_loop, miller_loop_stored, msm, msm_fixed, multiply, ntt, sum,
};
use crate::backend::{Backend, Control, Description, IndexLists, Kind, NttKind, Op, Prepared};
use crate::error::{DeviceError, PointError};
use crate::point::{G1, G2, InSubgroup};
use ark_bls12_381::{Fq, Fq2, Fq12, Fr, G1Affine, G2Affine};
use std::sync::Arc;

/// AVX-512 IFMA arithmetic, eight values at a time. Public data only; negatives are blst's to confirm.
pub(crate) struct CpuEngine {
    ifma: Ifma,
    threads: Threads,
    g1: Workspaces<E1>,
    g2: Workspaces<E2>,
}

impl CpuEngine {
    /// With `threads` threads for a call; 0 means one per core.
    pub(super) fn new(ifma: Ifma, threads: usize) -> Self {
        Self { ifma, threads: Threads::new(threads), g1: Workspaces::new(), g2: Workspaces::new() }
    }
}

type Answer<T> = Result<T, DeviceError>;

/// The bases that this backend keeps.
enum Kept<C: Split> {
    /// In its own form.
    Plain(Bases<C>),
    /// With multiples.
    Fixed(Table<C>),
}

/// What this backend prepared itself.
fn own<T: 'static>(prepared: &Prepared) -> Answer<&T> {
    prepared.downcast_ref().ok_or_else(|| DeviceError::Failed("the points were prepared by another backend".into()))
}

impl CpuEngine {
    fn prepare<C: Split>(&self, points: &[AffineOf<C>], memory: usize, control: &Control) -> Answer<Prepared> {
        let kept = match Table::<C>::new(self.ifma, &self.threads, points, memory, control)? {
            Some(table) => Kept::Fixed(table),
            None => Kept::Plain(Bases::<C>::new(self.ifma, &self.threads, points, control)?),
        };
        Ok(Arc::new(kept))
    }

    fn msm<C: Split>(
        &self,
        workspaces: &Workspaces<C>,
        points: &[AffineOf<C>],
        scalars: &[Fr],
        control: &Control,
    ) -> Answer<AffineOf<C>> {
        let work = |bases: &Bases<C>| msm(self.ifma, &self.threads, workspaces, bases, scalars, control);
        workspaces.with_bases(self.ifma, &self.threads, points, control, work)
    }

    fn msm_prepared<C: Split>(
        &self,
        workspaces: &Workspaces<C>,
        bases: &Prepared,
        scalars: &[Fr],
        control: &Control,
    ) -> Answer<AffineOf<C>> {
        match own::<Kept<C>>(bases)? {
            Kept::Plain(bases) => msm(self.ifma, &self.threads, workspaces, bases, scalars, control),
            Kept::Fixed(table) => msm_fixed(self.ifma, &self.threads, workspaces, table, scalars, control),
        }
    }
}

impl Backend for CpuEngine {
    fn name(&self) -> &str {
        super::ENGINE
    }

    fn kind(&self) -> Kind {
        Kind::VectorEngine
    }

    fn describe(&self) -> Description {
        let count = self.threads.count();
        let plural = if count == 1 { "" } else { "s" };
        Description {
            hardware: format!("CPU with AVX-512 IFMA, {count} thread{plural}"),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }

    fn supports(&self, op: Op, size: usize) -> bool {
        match op {
            Op::MsmG1 | Op::MsmG2 => size >= 8,
            Op::SumG1 | Op::SumG2 => size >= 128,
            // Eight lanes cost the same with one item in them as with eight: 0.6 to 0.9 times blst's pace for one, 1.2 to
            // 1.9 for two.
            Op::HashToG1 | Op::HashToG2 | Op::MapToG1 | Op::MapToG2 => size >= 2,
            Op::DecompressG1 | Op::DecompressG2 | Op::SubgroupG1 | Op::SubgroupG2 => size >= 2,
            Op::MulG1 | Op::MulG2 => size >= 2,
            Op::MillerLoop => size >= 1,
            Op::Ntt => size >= NTT_FEWEST,
        }
    }

    fn msm_g1(&self, points: &[G1], scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        self.msm(&self.g1, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn msm_g2(&self, points: &[G2], scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        self.msm(&self.g2, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn prepare_g1(&self, points: &[G1], control: &Control) -> Answer<Prepared> {
        self.prepare::<E1>(InSubgroup::as_affine_slice(points), 0, control)
    }

    fn prepare_g2(&self, points: &[G2], control: &Control) -> Answer<Prepared> {
        self.prepare::<E2>(InSubgroup::as_affine_slice(points), 0, control)
    }

    fn prepare_fixed_g1(&self, points: &[G1], memory: usize, control: &Control) -> Answer<Prepared> {
        self.prepare::<E1>(InSubgroup::as_affine_slice(points), memory, control)
    }

    fn prepare_fixed_g2(&self, points: &[G2], memory: usize, control: &Control) -> Answer<Prepared> {
        self.prepare::<E2>(InSubgroup::as_affine_slice(points), memory, control)
    }

    fn msm_g1_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G1Affine> {
        self.msm_prepared(&self.g1, bases, scalars, control)
    }

    fn msm_g2_prepared(&self, bases: &Prepared, scalars: &[Fr], control: &Control) -> Answer<G2Affine> {
        self.msm_prepared(&self.g2, bases, scalars, control)
    }

    fn mul_g1(&self, points: &[G1], scalars: &[Fr], _bits: u32, control: &Control) -> Answer<Vec<G1Affine>> {
        multiply(self.ifma, &self.threads, &self.g1, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn mul_g2(&self, points: &[G2], scalars: &[Fr], _bits: u32, control: &Control) -> Answer<Vec<G2Affine>> {
        multiply(self.ifma, &self.threads, &self.g2, InSubgroup::as_affine_slice(points), scalars, control)
    }

    fn sum_g1(&self, points: &[G1Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G1Affine>> {
        sum(self.ifma, &self.threads, &self.g1, points, lists, control)
    }

    fn sum_g2(&self, points: &[G2Affine], lists: &IndexLists, control: &Control) -> Answer<Vec<G2Affine>> {
        sum(self.ifma, &self.threads, &self.g2, points, lists, control)
    }

    fn subgroup_g1(&self, points: &[G1Affine], control: &Control) -> Answer<Vec<bool>> {
        members(self.ifma, &self.threads, &self.g1, points, control)
    }

    fn subgroup_g2(&self, points: &[G2Affine], control: &Control) -> Answer<Vec<bool>> {
        members(self.ifma, &self.threads, &self.g2, points, control)
    }

    fn decompress_g1(&self, bytes: &[[u8; 48]], control: &Control) -> Answer<Vec<Result<G1Affine, PointError>>> {
        decompress(self.ifma, &self.threads, &self.g1, bytes, control)
    }

    fn decompress_g2(&self, bytes: &[[u8; 96]], control: &Control) -> Answer<Vec<Result<G2Affine, PointError>>> {
        decompress(self.ifma, &self.threads, &self.g2, bytes, control)
    }

    fn hash_to_g1(&self, messages: &[&[u8]], dst: &[u8], control: &Control) -> Answer<Vec<G1Affine>> {
        hash::<E1>(self.ifma, &self.threads, messages, dst, control)
    }

    fn hash_to_g2(&self, messages: &[&[u8]], dst: &[u8], control: &Control) -> Answer<Vec<G2Affine>> {
        hash::<E2>(self.ifma, &self.threads, messages, dst, control)
    }

    fn map_to_g1(&self, elements: &[Fq], control: &Control) -> Answer<Vec<G1Affine>> {
        map::<E1>(self.ifma, &self.threads, elements, control)
    }

    fn map_to_g2(&self, elements: &[Fq2], control: &Control) -> Answer<Vec<G2Affine>> {
        map::<E2>(self.ifma, &self.threads, elements, control)
    }

    fn miller_loop(&self, pairs: &[(G1, G2)], control: &Control) -> Answer<Fq12> {
        miller_loop(self.ifma, &self.threads, pairs, control)
    }

    fn prepare_pairing(&self, points: &[G2], control: &Control) -> Answer<Prepared> {
        Ok(Arc::new(LineTable::new(self.ifma, &self.threads, points, control)?))
    }

    fn miller_loop_prepared(
        &self,
        pairs: &[(G1, G2)],
        points: &Prepared,
        at: &[G1],
        control: &Control,
    ) -> Answer<Fq12> {
        miller_loop_stored(self.ifma, &self.threads, pairs, (own(points)?, at), control)
    }

    fn final_exponentiation(&self, f: &Fq12) -> Option<Fq12> {
        final_exponentiation(self.ifma, f)
    }

    fn ntt(&self, values: &[Fr], kind: NttKind, control: &Control) -> Answer<Vec<Fr>> {
        if values.len() < NTT_FEWEST {
            return Err(DeviceError::Unsupported);
        }
        ntt(self.ifma, &self.threads, values, kind, control)
    }
}

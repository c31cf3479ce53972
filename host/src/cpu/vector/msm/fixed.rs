//! Multi-scalar multiplication over bases with a table of multiples (`table.rs`). A thread takes a piece of the bases,
//! with buckets of its own.
//!
//! # Limit
//! 2^12 points in G1: ten windows of 13 bits make 82,000 digits for 4,096 buckets of two powers, with merge and fold
//! 86,000 additions; without a table, thirteen windows of 10 bits, 113,000. It takes 0.8 times as long.

use super::fold::Buckets;
use super::group::{Sorted, merge_powers, sum_buckets};
use super::plan::{Plan, Terms};
use super::table::{Piece, Shape, Table};
use super::{Split, Workspaces, horner, split};
use crate::backend::Control;
use crate::cpu::group::Group;
use crate::cpu::threads::Threads;
use crate::cpu::vector::adder::PointRef;
use crate::cpu::vector::curve::AffineOf;
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;
use crate::layout::SameLayout;
use ark_bls12_381::Fr;
use ark_ec::AffineRepr;

/// Σ scalarsᵢ·basesᵢ over the bases of a table, as many scalars as bases. Variable time.
pub(crate) fn msm_fixed<C: Split>(
    ifma: Ifma,
    threads: &Threads,
    workspaces: &Workspaces<C>,
    table: &Table<C>,
    scalars: &[Fr],
    control: &Control,
) -> Result<AffineOf<C>, DeviceError> {
    control.checkpoint()?;
    let sums = threads.map_tasks(control, table.pieces.len(), |task| {
        let piece = &table.pieces[task];
        sum_piece(ifma, workspaces, table.shape, piece, &scalars[piece.bases.clone()], control)
    })?;
    let sums = sums.into_iter().collect::<Result<Vec<_>, _>>()?;
    let live: Vec<_> = sums.iter().filter(|sum| !sum.is_zero()).map(|sum| std::ptr::from_ref(sum.as_blst())).collect();
    if live.is_empty() {
        return Ok(AffineOf::<C>::zero());
    }
    Ok(C::Group::to_affine(&C::Group::sum(&live)))
}

/// The sum over one piece of the bases.
fn sum_piece<C: Split>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    shape: Shape,
    piece: &Piece<C>,
    scalars: &[Fr],
    control: &Control,
) -> Result<AffineOf<C>, DeviceError> {
    let mut parts = split::<C>(ifma, &piece.identities, 0, scalars);
    parts.iter_mut().for_each(Terms::index);
    // Short scalars have no parts for the higher powers.
    let powers = parts.iter().rposition(|terms| terms.len() > 0).map_or(0, |last| last + 1);
    if powers == 0 {
        return Ok(AffineOf::<C>::zero());
    }
    let parts = &parts[..powers];
    let longest = parts.iter().map(Terms::longest).max().unwrap_or(0);
    let plan = Plan::new(shape.window, (longest + 1).div_ceil(shape.window));
    let sorted = sort(parts, &plan, shape.sets, piece.bases.len());
    let sums = workspaces.with(ifma, |work| {
        let points = sum_buckets::<C>(ifma, work, &piece.points, &sorted, control)?;
        let points = merge_powers::<C>(ifma, work, points, powers, control)?;
        Buckets { bits: shape.window - 1, points }.fold(work, control)
    })?;
    Ok(horner::<C>(ifma, shape.window, &sums))
}

/// A digit that is zero, among the keys of [`keys`].
const NOTHING: u32 = u32::MAX;

/// For each digit, power by power and window by window, twice its bucket, plus one for a negative. The buckets of power e
/// and set s start at `(e·sets + s)·buckets`.
fn keys(parts: &[Terms], plan: &Plan, sets: usize) -> Vec<u32> {
    let mut keys = Vec::with_capacity(parts.iter().map(|terms| terms.len() * plan.windows).sum());
    for (power, terms) in parts.iter().enumerate() {
        for window in 0..plan.windows {
            let first = ((power * sets + window % sets) * plan.buckets()) as u32;
            keys.extend(terms.reaching(window * plan.window).1.iter().map(|&part| {
                let digit = plan.digit(part, window);
                let bucket = first.wrapping_add(digit.unsigned_abs()).wrapping_sub(1);
                let key = bucket << 1 | u32::from((digit < 0) != part.is_negative());
                if digit == 0 { NOTHING } else { key }
            }));
        }
    }
    keys
}

/// A counting sort of the digits by bucket; row j of base i is point `j·bases + i`.
fn sort(parts: &[Terms], plan: &Plan, sets: usize, bases: usize) -> Sorted {
    let keys = keys(parts, plan, sets);
    let mut starts = vec![0u32; parts.len() * sets * plan.buckets() + 1];
    for key in keys.iter().filter(|key| **key != NOTHING) {
        starts[(key >> 1) as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut ends = starts.clone();
    let mut refs = vec![PointRef::base(0, false); starts[starts.len() - 1] as usize];
    let mut keys = keys.into_iter();
    for terms in parts {
        for window in 0..plan.windows {
            let row = window / sets * bases;
            let (points, _) = terms.reaching(window * plan.window);
            for (&point, key) in points.iter().zip(&mut keys) {
                if key != NOTHING {
                    let end = &mut ends[(key >> 1) as usize];
                    refs[*end as usize] = PointRef::base(row + point as usize, key & 1 == 1);
                    *end += 1;
                }
            }
        }
    }
    Sorted { refs, starts }
}

//! Multi-scalar multiplication over bases with a table of multiples (`table.rs`).
//!
//! All digits go to one set of buckets, whose numbers are no multiples of 2^stride; the fold then ends it with one
//! Horner pass over a window's bits. A thread takes a piece of the bases with buckets of its own.
//!
//! # Limit
//! 2^12 points in G1 at stride 1: windows of 13 bits leave a digit for each 14 of 127 bits, 2^13·9.1 = 74,000 additions,
//! and 6,000 for 2,048 odd buckets of two powers; without a table, 106,000 and 20,000.

use super::fold::Buckets;
use super::group::{Sorted, merge_powers, sum_buckets};
use super::plan::Terms;
use super::table::{Piece, Sliding, Table};
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
        sum_piece(ifma, workspaces, table, piece, &scalars[piece.bases.clone()], control)
    })?;
    let sums = sums.into_iter().collect::<Result<Vec<_>, _>>()?;
    let live: Vec<_> = sums.iter().filter(|sum| !sum.is_zero()).map(|sum| std::ptr::from_ref(sum.as_blst())).collect();
    match live.len() {
        0 => Ok(AffineOf::<C>::zero()),
        1 => Ok(AffineOf::<C>::from_blst(sums.iter().find(|sum| !sum.is_zero()).unwrap_or(&sums[0]).as_blst())),
        _ => Ok(C::Group::to_affine(&C::Group::sum(&live))),
    }
}

/// The sum over one piece of the bases.
fn sum_piece<C: Split>(
    ifma: Ifma,
    workspaces: &Workspaces<C>,
    table: &Table<C>,
    piece: &Piece<C>,
    scalars: &[Fr],
    control: &Control,
) -> Result<AffineOf<C>, DeviceError> {
    let parts = split::<C>(ifma, &piece.identities, scalars);
    let powers = parts.iter().rposition(|terms| terms.len() > 0).map_or(0, |last| last + 1);
    if powers == 0 {
        return Ok(AffineOf::<C>::zero());
    }
    let parts = &parts[..powers];
    let bits = parts.iter().flat_map(|terms| terms.reaching(0).1).map(|part| part.bits()).sum();
    let count = parts.iter().map(Terms::len).sum();
    let sliding = Sliding::choose(table.stride, bits, count, powers);
    let sorted = sort(parts, sliding, piece.bases.len());
    let sums = workspaces.with(ifma, |work| {
        let points = sum_buckets::<C>(work, &piece.points, &sorted, control)?;
        let points = merge_powers::<C>(ifma, work, points, powers, control)?;
        Buckets { bits: sliding.window - 1, points: spread(sliding, &points) }.fold(work, control)
    })?;
    Ok(horner::<C>(ifma, sliding.window, &sums))
}

/// The digits of the parts sorted by bucket, power by power; row j of base i is point `j·bases + i`.
fn sort(parts: &[Terms], sliding: Sliding, bases: usize) -> Sorted {
    let buckets = sliding.buckets();
    let mut starts = vec![0u32; parts.len() * buckets + 1];
    let mut digits: Vec<(u32, PointRef)> = Vec::new();
    for (power, terms) in parts.iter().enumerate() {
        let (points, parts) = terms.reaching(0);
        for (&point, &part) in points.iter().zip(parts) {
            sliding.digits(part, |row, digit, negative| {
                let bucket = power * buckets + sliding.bucket(digit);
                starts[bucket + 1] += 1;
                let base = PointRef::base(row * bases + point as usize, negative != part.is_negative());
                digits.push((bucket as u32, base));
            });
        }
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    let mut ends = starts.clone();
    let mut refs = vec![PointRef::base(0, false); digits.len()];
    for (bucket, base) in digits {
        let end = &mut ends[bucket as usize];
        refs[*end as usize] = base;
        *end += 1;
    }
    Sorted { refs, starts }
}

/// The buckets at their numbers from 1 on, with nothing at those that are no digits.
fn spread(sliding: Sliding, points: &[Option<PointRef>]) -> Vec<Option<PointRef>> {
    let number = |digit: usize| match digit % (1 << sliding.stride) {
        0 => None,
        _ => points[sliding.bucket(digit)],
    };
    (1..=1 << (sliding.window - 1)).map(number).collect()
}

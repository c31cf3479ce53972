//! Multiples of bases that are used again and again: 2^(s·j)·P for each base P and row j, s bits being the stride.
//!
//! With windows of w bits and s = w·k, the digits of windows i, i + k, i + 2k, … go to one set of buckets, each with the
//! row that its window begins at (Brickell, Gordon, McCurley and Wilson, Eurocrypt '92, for buckets). So there are k sets
//! of buckets instead of one for each window, and since those cost less, windows can be wider, and digits fewer. One
//! row is an MSM without a table; k = 1 is as many rows as windows.
//!
//! Tried without gain: sliding windows with a row for each bit, whose digits are odd and a bit sparser. They take 4 to 22
//! parts in a hundred fewer additions, and tables of ten times the size, out of which points come slower.

use super::Split;
use crate::backend::Control;
use crate::cpu::threads::Threads;
use crate::cpu::vector::adder::{Pairs, PointRef};
use crate::cpu::vector::curve::{AffineOf, PointOf, import};
use crate::cpu::vector::pages;
use crate::cpu::vector::runs::Workspace;
use crate::cpu::vector::token::Ifma;
use crate::error::DeviceError;
use ark_ec::AffineRepr;
use std::ops::Range;

/// Bits of the longest part: r is below 2^255, and parts are signed.
pub(super) const fn longest<C: Split>() -> usize {
    254 / C::PARTS
}

/// Bytes of one point in a table: 128 in G1, 256 in G2.
const fn point_bytes<C: Split>() -> usize {
    size_of::<PointOf<C>>()
}

/// Bases that one task looks after at the least; with fewer, its own buckets cost more than a thread brings.
const SHARE: usize = 256;

/// Points of a table at most, so that a reference to any of them fits.
const MOST: usize = 1 << 28;

/// The multiples of a range of the bases, row after row.
pub(super) struct Piece<C: Split> {
    /// The bases that these are.
    pub(super) bases: Range<usize>,
    /// Row j of base i of the piece at `j·bases.len() + i`.
    pub(super) points: Vec<PointOf<C>>,
    /// Which of its bases are the identity, in ascending order.
    pub(super) identities: Vec<u32>,
}

/// Bases with their multiples.
pub(crate) struct Table<C: Split> {
    pub(super) shape: Shape,
    pub(super) pieces: Vec<Piece<C>>,
}

impl<C: Split> Table<C> {
    /// The table with the fewest additions that `memory` bytes hold; `None` where they hold none that is of use.
    ///
    /// A base takes 128 bytes in G1 and 256 in G2 for each row. Building takes a doubling for each bit of the longest
    /// part (127 in G1, 63 in G2) and each base.
    pub(crate) fn new(
        ifma: Ifma,
        threads: &Threads,
        points: &[AffineOf<C>],
        memory: usize,
        control: &Control,
    ) -> Result<Option<Self>, DeviceError> {
        let share = points.len().div_ceil(threads.count()).max(SHARE).min(points.len());
        let most = (memory / point_bytes::<C>()).min(MOST) / points.len().max(1);
        let Some(shape) = Shape::choose::<C>(share, most) else { return Ok(None) };
        let ranges: Vec<_> =
            (0..points.len()).step_by(share).map(|start| start..points.len().min(start + share)).collect();
        let pieces = threads.map_tasks(control, ranges.len(), |task| {
            let bases = ranges[task].clone();
            let own = &points[bases.clone()];
            let identities = (0u32..).zip(own).filter(|(_, p)| p.is_zero()).map(|(i, _)| i).collect();
            Ok(Piece { bases, points: multiples::<C>(ifma, own, shape, control)?, identities })
        })?;
        Ok(Some(Self { shape, pieces: pieces.into_iter().collect::<Result<_, _>>()? }))
    }

    /// Bytes that the table takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.points.len() * point_bytes::<C>()).sum()
    }
}

/// Windows and rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Bits of a window.
    pub(super) window: usize,
    /// Sets of buckets: window i belongs to set `i % sets` and row `i / sets`.
    pub(super) sets: usize,
    /// Rows of the table.
    pub(super) rows: usize,
}

impl Shape {
    /// The widest window, as in `plan.rs`.
    const WIDEST: usize = 16;

    /// The shape with the fewest additions for so many bases and at most `most` rows; `None` where that saves less than an
    /// eighth of those without a table: points out of a table come slower than out of the bases alone.
    ///
    /// A digit is an addition, and a bucket two in the fold. `plan.rs` counts four for a bucket, by a sweep without tables.
    fn choose<C: Split>(bases: usize, most: usize) -> Option<Self> {
        let cost = |shape: &Self| {
            let windows = (longest::<C>() + 1).div_ceil(shape.window);
            let digits = C::PARTS.saturating_mul(bases).saturating_mul(windows);
            digits.saturating_add(shape.sets << shape.window)
        };
        let best = |most: usize| {
            let shapes = (2..=Self::WIDEST).flat_map(|window| {
                let windows = (longest::<C>() + 1).div_ceil(window);
                (1..=windows).map(move |sets| Self { window, sets, rows: windows.div_ceil(sets) })
            });
            shapes.filter(|shape| shape.rows <= most).min_by_key(|shape| (cost(shape), shape.rows))
        };
        let (with, without) = (best(most)?, best(1)?);
        (bases > 0 && with.rows > 1 && cost(&with) < cost(&without) / 8 * 7).then_some(with)
    }
}

/// Each row from the one before by doublings; all rows of a piece, in one allocation of large pages.
fn multiples<C: Split>(
    ifma: Ifma,
    bases: &[AffineOf<C>],
    shape: Shape,
    control: &Control,
) -> Result<Vec<PointOf<C>>, DeviceError> {
    let (count, rows) = (bases.len(), shape.rows);
    let mut work = Workspace::<C::Coordinate>::new(ifma);
    work.points = Vec::with_capacity(rows * count);
    pages::ask_for_large(&mut work.points);
    work.points.extend(import::<C>(ifma, bases));
    work.reset(rows * count);
    let mut pairs = Pairs::default();
    for row in 1..rows {
        for doubling in 0..shape.window * shape.sets {
            let from = if doubling == 0 { row - 1 } else { row };
            pairs.clear();
            for i in 0..count {
                let point = PointRef::work(from * count + i, false);
                pairs.push(point, point, row * count + i);
            }
            // An identity has no affine form: its rows hold nothing, and nothing refers to them.
            work.add(&[], &mut pairs, control)?;
        }
    }
    Ok(work.points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::vector::curve::{E1, E2};

    #[test]
    fn shapes_keep_to_the_rows_and_cover_every_bit() {
        for bases in [1, 5, 64, 1000, 4096, 1 << 16, 1 << 20] {
            for most in 0..70 {
                for (shape, bits) in [(Shape::choose::<E1>(bases, most), 127), (Shape::choose::<E2>(bases, most), 63)] {
                    let Some(shape) = shape else { continue };
                    assert!((2..=most).contains(&shape.rows), "{bases} {most} {shape:?}");
                    assert!(shape.rows * shape.sets * shape.window > bits, "{bases} {most} {shape:?}");
                }
            }
            assert_eq!(Shape::choose::<E1>(bases, 1), None);
        }
        assert_eq!(Shape::choose::<E1>(0, 100), None);
    }

    #[test]
    fn more_memory_is_used_for_fewer_sets() {
        let sets = |most| Shape::choose::<E1>(4096, most).map(|shape| (shape.window, shape.sets, shape.rows));
        assert_eq!(sets(100), Some((13, 1, 10)));
        assert_eq!(sets(6), Some((13, 2, 5)));
        assert_eq!(sets(4), Some((12, 3, 4)));
        assert_eq!(sets(3), None);
    }
}

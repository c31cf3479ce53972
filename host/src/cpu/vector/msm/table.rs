//! Multiples of bases that are used again and again: 2^(s·j)·P for each base P and row j, s bits being the stride.
//!
//! With them a part's digits need no doublings, whatever window they are in, so all windows share one set of buckets,
//! and digits may begin at any multiple of s instead of the windows' borders. The recoding is then a sliding window
//! (the width-w non-adjacent form for s = 1; Brickell, Gordon, McCurley and Wilson, Eurocrypt '92, for s = w): a digit
//! of w bits, and on average s/(2^s − 1) bits until the next that is not zero.

use super::Split;
use super::scalar::Part;
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

/// Bases that one task looks after at the least; with fewer, its own set of buckets costs more than a thread brings.
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
    pub(super) stride: usize,
    pub(super) pieces: Vec<Piece<C>>,
}

impl<C: Split> Table<C> {
    /// The table with the smallest stride that `memory` bytes hold; `None` where they hold none that is of use.
    ///
    /// A base takes 128 bytes in G1 and 256 in G2 for each row, ⌈127/s⌉ or so rows in G1 and ⌈63/s⌉ in G2: 16 KiB at
    /// stride 1 in both groups. Building takes a doubling for each bit of the longest part and each base.
    pub(crate) fn new(
        ifma: Ifma,
        threads: &Threads,
        points: &[AffineOf<C>],
        memory: usize,
        control: &Control,
    ) -> Result<Option<Self>, DeviceError> {
        let most = (memory / point_bytes::<C>()).min(MOST);
        let Some(stride) = stride_for::<C>(points.len(), most) else { return Ok(None) };
        let share = points.len().div_ceil(threads.count()).max(SHARE);
        let ranges: Vec<_> =
            (0..points.len()).step_by(share).map(|start| start..points.len().min(start + share)).collect();
        let pieces = threads.map_tasks(control, ranges.len(), |task| {
            let bases = ranges[task].clone();
            let own = &points[bases.clone()];
            let identities = (0u32..).zip(own).filter(|(_, p)| p.is_zero()).map(|(i, _)| i).collect();
            Ok(Piece { bases, points: multiples::<C>(ifma, own, stride, control)?, identities })
        })?;
        Ok(Some(Self { stride, pieces: pieces.into_iter().collect::<Result<_, _>>()? }))
    }

    /// Bytes that the table takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(|piece| piece.points.len() * point_bytes::<C>()).sum()
    }
}

/// Rows that a table has: a digit begins at bit `longest` at the highest, where only a carry does.
fn rows<C: Split>(stride: usize) -> usize {
    longest::<C>() / stride + 1
}

/// The strides worth having: with windows of about 8 to 16 bits, those from 5 to 7 save less than they take.
const STRIDES: [usize; 7] = [1, 2, 3, 4, 8, 12, 16];

/// The smallest stride with at most `most` points in all; `None` where even the largest has more.
fn stride_for<C: Split>(bases: usize, most: usize) -> Option<usize> {
    STRIDES.into_iter().find(|&stride| bases > 0 && rows::<C>(stride).saturating_mul(bases) <= most)
}

/// Each row from the one before by `stride` doublings; all rows of a piece, in one allocation of large pages.
fn multiples<C: Split>(
    ifma: Ifma,
    bases: &[AffineOf<C>],
    stride: usize,
    control: &Control,
) -> Result<Vec<PointOf<C>>, DeviceError> {
    let (count, rows) = (bases.len(), rows::<C>(stride));
    let mut work = Workspace::<C::Coordinate>::new(ifma);
    work.points = Vec::with_capacity(rows * count);
    pages::ask_for_large(&mut work.points);
    work.points.extend(import::<C>(ifma, bases));
    work.reset(rows * count);
    let mut pairs = Pairs::default();
    for row in 1..rows {
        for doubling in 0..stride {
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

/// Windows of `window` bits, a multiple of `stride`, that begin at multiples of `stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sliding {
    pub(super) stride: usize,
    pub(super) window: usize,
}

impl Sliding {
    /// Buckets of one power of the endomorphism: digits from 1 to 2^(window−1) that are no multiple of 2^stride. Where
    /// the stride is the window, that is all of them.
    pub(super) fn buckets(self) -> usize {
        let half = 1 << (self.window - 1);
        half - (half >> self.stride)
    }

    /// The place of a digit's magnitude among the buckets, in order.
    #[inline(always)]
    pub(super) fn bucket(self, digit: usize) -> usize {
        digit - (digit >> self.stride) - 1
    }

    /// Passes on the digits of a magnitude that are not zero: row, magnitude, and whether it is negative.
    ///
    /// From the lowest bit up: skip zeros, `stride` at a time; take `window` bits; above 2^(window−1) the digit is
    /// negative and carries. A carry can come out at bit `Part::BITS` at the highest, since it takes a window full of
    /// bits that are there.
    #[inline(always)]
    pub(super) fn digits(self, part: Part, mut digit: impl FnMut(usize, usize, bool)) {
        let (mut rest, mut row) = (part.magnitude(), 0);
        let rows = self.window / self.stride;
        while rest != 0 {
            let skipped = rest.trailing_zeros() as usize / self.stride;
            rest >>= skipped * self.stride;
            row += skipped;
            let bits = rest as usize & ((1 << self.window) - 1);
            rest >>= self.window;
            let negative = bits > 1 << (self.window - 1);
            rest += u128::from(negative);
            digit(row, if negative { (1 << self.window) - bits } else { bits }, negative);
            row += rows;
        }
    }

    /// Additions for parts of `bits` bits altogether, `count` of them, in buckets for `powers` powers: the digits, one
    /// merge of each power into the next, two additions a bucket for the fold, and the half-empty last batches.
    fn cost(self, bits: usize, count: usize, powers: usize) -> usize {
        /// What an inversion costs, in additions; three for each level of a tree or of the fold.
        const UNEVEN: usize = 150;
        let gap = self.stride as f64 / ((1u64 << self.stride) - 1) as f64;
        let digits = bits as f64 / (self.window as f64 + gap) + count as f64 / 2.0;
        digits as usize + (powers + 1) * self.buckets() + 3 * self.window * UNEVEN
    }

    /// The window with the fewest additions.
    pub(super) fn choose(stride: usize, bits: usize, count: usize, powers: usize) -> Self {
        let windows = (stride..=WIDEST).step_by(stride).filter(|&window| window > 1);
        let all = windows.map(|window| Self { stride, window });
        all.min_by_key(|sliding| sliding.cost(bits, count, powers)).unwrap_or(Self { stride, window: stride.max(2) })
    }
}

/// The widest window: 2^16 odd digits.
const WIDEST: usize = 18;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::vector::curve::{E1, E2};
    use crate::cpu::vector::msm::scalar::halves;

    fn parts() -> Vec<Part> {
        let mut scalars = vec![
            [0u64; 4],
            [1, 0, 0, 0],
            [u64::MAX; 4].map(|w| w >> 2),
            [u64::MAX, u64::MAX >> 2, 0, 0],
            [5, 6, 7, 8],
            [u64::MAX, 3, u64::MAX, 1 << 62],
            [0, 1 << 62, 0, 0],
        ];
        scalars.extend((1..60u64).map(|i| [i.wrapping_mul(0x9e37_79b9_7f4a_7c15), i << 40 | i, !i, i.pow(8) >> 2]));
        scalars.iter_mut().for_each(|s| s[3] &= (1 << 62) - 1);
        scalars.into_iter().flat_map(halves).collect()
    }

    #[test]
    fn digits_sum_to_the_magnitude() {
        for stride in STRIDES {
            for window in (stride..=WIDEST).step_by(stride).filter(|w| *w > 1) {
                let sliding = Sliding { stride, window };
                for part in parts() {
                    let mut sum = num_bigint::BigInt::ZERO;
                    let mut next = 0;
                    sliding.digits(part, |row, digit, negative| {
                        assert!(row >= next && row < rows::<E1>(stride), "{sliding:?} {part:?}");
                        assert!((1..=1 << (window - 1)).contains(&digit));
                        assert!(sliding.bucket(digit) < sliding.buckets());
                        next = row + window / stride;
                        let value = num_bigint::BigInt::from(digit) << (row * stride);
                        sum += if negative { -value } else { value };
                    });
                    assert_eq!(sum, num_bigint::BigInt::from(part.magnitude()), "{sliding:?}");
                }
            }
        }
    }

    #[test]
    fn buckets_are_numbered_without_gaps() {
        for (stride, window) in [(1, 2), (1, 9), (2, 8), (3, 9), (4, 4), (8, 8), (8, 16), (16, 16)] {
            let sliding = Sliding { stride, window };
            let digits = (1..=1usize << (window - 1)).filter(|d| d % (1 << stride) != 0);
            let places: Vec<usize> = digits.map(|d| sliding.bucket(d)).collect();
            assert_eq!(places, (0..sliding.buckets()).collect::<Vec<_>>(), "{sliding:?}");
        }
    }

    #[test]
    fn memory_is_kept_to() {
        assert_eq!(stride_for::<E1>(4096, 4096 * 128), Some(1));
        assert_eq!(stride_for::<E1>(4096, 4096 * 128 - 1), Some(2));
        assert_eq!(stride_for::<E1>(4096, 4096 * 8), Some(16));
        assert_eq!(stride_for::<E1>(4096, 4096 * 8 - 1), None);
        assert_eq!(stride_for::<E2>(1000, 64_000), Some(1));
        assert_eq!(stride_for::<E1>(0, 1 << 20), None);
        assert_eq!(stride_for::<E1>(usize::MAX, MOST), None);
    }
}

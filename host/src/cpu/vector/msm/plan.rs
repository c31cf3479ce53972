//! How an MSM is cut into windows: signed digits, the choice of the window, and groups of windows.

use super::scalar::Part;
use std::ops::Range;

/// The parts of all scalars that go with one power of the endomorphism, without the zeros.
#[derive(Default)]
pub(super) struct Terms {
    /// Indices of the points; those with the longest parts first if `sorted`.
    points: Vec<u32>,
    /// Their parts.
    parts: Vec<Part>,
    /// How many parts have at least so many bits; [`Part::BITS`] + 1 entries from 0 bits on.
    at_least: Vec<u32>,
    sorted: bool,
}

impl Terms {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { points: Vec::with_capacity(count), parts: Vec::with_capacity(count), ..Self::default() }
    }

    /// Appends terms of later points; neither was indexed.
    pub(super) fn append(&mut self, mut more: Self) {
        self.points.append(&mut more.points);
        self.parts.append(&mut more.parts);
    }

    pub(super) fn push(&mut self, point: u32, part: Part) {
        self.points.push(point);
        self.parts.push(part);
    }

    pub(super) fn len(&self) -> usize {
        self.points.len()
    }

    /// Counts bit lengths. Where many parts are much shorter than the longest, sorts them by length, so that high
    /// windows look only at those that reach them.
    pub(super) fn index(&mut self) {
        let mut at_least = vec![0u32; Part::BITS + 2];
        for part in &self.parts {
            at_least[part.bits()] += 1;
        }
        for bits in (0..=Part::BITS).rev() {
            at_least[bits] += at_least[bits + 1];
        }
        let visits: usize = at_least[1..].iter().map(|&n| n as usize).sum();
        let longest = at_least.iter().filter(|n| **n > 0).count().saturating_sub(1);
        self.at_least = at_least;
        self.sorted = visits * 4 < self.len() * longest * 3;
        if self.sorted {
            let mut terms: Vec<(u32, Part)> = self.points.drain(..).zip(self.parts.drain(..)).collect();
            terms.sort_by_key(|(_, part)| std::cmp::Reverse(part.bits()));
            (self.points, self.parts) = terms.into_iter().unzip();
        }
    }

    /// Bits of the longest part; 0 where there is none.
    pub(super) fn longest(&self) -> usize {
        self.at_least.iter().filter(|n| **n > 0).count().saturating_sub(1)
    }

    /// The points and parts that may have a digit other than zero in the window that starts at `bit`.
    pub(super) fn reaching(&self, bit: usize) -> (&[u32], &[Part]) {
        let count = if self.sorted { self.reaching_count(bit) } else { self.len() };
        (&self.points[..count], &self.parts[..count])
    }

    /// How many terms may have a digit other than zero in the window that starts at `bit`.
    ///
    /// With digits down to −2^(w−1), windows of w bits carry into `bit` from 2^bit·(1 − 2^(w−1)/(2^w − 1)) on, a third
    /// of 2^bit at least: such a part has `bit` − 1 bits or more.
    fn reaching_count(&self, bit: usize) -> usize {
        self.at_least.get(bit.saturating_sub(1)).copied().unwrap_or(0) as usize
    }
}

/// A window of the scalars: which bits of a part make its digit.
///
/// With 2^(bits−1) added in each window but the top one, a window's bits less 2^(bits−1) are its signed digit, and no
/// carries have to be followed. The top window keeps its bits, which are at most 2^(bits−1) since the magnitude has a
/// bit less than the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The lowest bit.
    pub(super) start: usize,
    pub(super) bits: usize,
    /// What is added to the magnitude: Σ 2^(start + bits − 1) over the windows below the top one.
    pub(super) lift: u128,
    /// What is taken from the bits.
    pub(super) half: i32,
}

impl Window {
    /// Buckets of the window: digits −2^(bits−1) to 2^(bits−1).
    pub(super) fn buckets(&self) -> usize {
        1 << (self.bits - 1)
    }

    /// The digit of a part's magnitude, from −2^(bits−1) to 2^(bits−1). `digits.rs` computes eight.
    #[cfg(test)]
    pub(super) fn digit(&self, part: Part) -> i32 {
        let lifted = part.magnitude() + self.lift;
        let bits = (lifted >> self.start) as u32 & ((2 << (self.bits - 1)) - 1);
        bits.cast_signed() - self.half
    }
}

/// The windows of an MSM, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) windows: Vec<Window>,
}

/// The widest window: digits up to 2^15.
const WIDEST: usize = 16;

/// What a bucket costs, in additions. From the sweep: two more windows of 14 bits cost what 3.6 additions for each of
/// their buckets do at 2^16 points, 4.7 at 2^18.
const BUCKET: usize = 4;

/// What a batch costs that is not full, in additions: an inversion takes as long as ninety in G1, and thirty in G2.
const UNEVEN: usize = 60;

/// Digits of one task, unless threads would have none: 2^17 are 3 ms in G1.
const TASK: usize = 1 << 17;

impl Plan {
    /// The cheapest plan, in additions, counted from the lengths of the parts.
    ///
    /// A window adds each digit that is not zero to a bucket, at most one of each part and window. A bucket is then
    /// merged with those of the other powers and folded with two additions (`fold.rs`), and it is written and read in
    /// no order: [`BUCKET`] in all. In each group of windows each level of a tree ends in a batch that is not full, which
    /// costs about the additions that one inversion takes.
    ///
    /// Windows of two widths make up exactly the bits that the parts have, so that no digit is spent on bits that are
    /// not there: 128 bits are eleven windows of 11 and 12 bits, or twelve of 11 that reach 132.
    ///
    /// Against a sweep in G1 on a Zen 5 EPYC, one thread, the least CPU time of six runs in ms for one window fewer, the
    /// choice, one window more: 2^8 points 0.665, 0.660, 0.673; 2^10 1.64, 1.60, 1.68; 2^12 4.93, 4.98, 5.3; 2^14 17.6,
    /// 17.8, 17.9; 2^16 64.5, 61.1, 66; 2^18 249, 237, 248. In G2 2^12: 12.3 for the choice, 12.9 for one more.
    pub(super) fn choose(parts: &[Terms], threads: usize) -> Self {
        let bits = parts.iter().map(Terms::longest).max().unwrap_or(0).max(1) + 1;
        let uniform = (2..=WIDEST).map(|width| Self::uniform(width, bits.div_ceil(width)));
        let spread = (bits.div_ceil(WIDEST)..=bits / 2).map(|count| Self::spread(bits, count));
        uniform.chain(spread).min_by_key(|plan| plan.cost(parts, threads)).unwrap_or(Self::uniform(2, 1))
    }

    /// As many windows of equal width; together they have a bit more than the longest part, and all are needed for that.
    pub(super) fn uniform(bits: usize, count: usize) -> Self {
        Self::new(std::iter::repeat_n(bits, count))
    }

    /// As many windows that have so many bits together, the lower ones a bit more than the others if need be.
    fn spread(bits: usize, count: usize) -> Self {
        Self::new((0..count).map(|i| bits / count + usize::from(i < bits % count)))
    }

    fn new(widths: impl Iterator<Item = usize>) -> Self {
        let mut next = 0;
        let mut windows: Vec<_> = widths
            .map(|bits| {
                let start = next;
                next += bits;
                Window { start, bits, lift: 0, half: 1 << (bits - 1) }
            })
            .collect();
        let lift = windows.iter().rev().skip(1).map(|window| 1 << (window.start + window.bits - 1)).sum();
        windows.iter_mut().for_each(|window| window.lift = lift);
        if let Some(top) = windows.last_mut() {
            top.half = 0;
        }
        Self { windows }
    }

    fn cost(&self, parts: &[Terms], threads: usize) -> usize {
        let reaching = |window: &Window| parts.iter().map(|p| p.reaching_count(window.start)).sum::<usize>();
        let windows = self.windows.iter().map(|window| reaching(window) + BUCKET * window.buckets());
        let terms = parts.iter().map(Terms::len).sum();
        let groups = self.groups(terms, threads).into_iter().map(|group| 3 * self.windows[group.start].bits * UNEVEN);
        windows.chain(groups).sum()
    }

    /// The windows in groups of neighbours that are equally wide: each group is one task, of at least [`TASK`] digits
    /// where that leaves a group for each thread.
    pub(super) fn groups(&self, terms: usize, threads: usize) -> Vec<Range<usize>> {
        let fit = (TASK / terms.max(1)).max(1);
        let count = self.windows.len().div_ceil(fit).max(threads.min(self.windows.len()));
        let size = self.windows.len().div_ceil(count).min((self.windows.len() / threads).max(1));
        let mut groups = Vec::new();
        let mut start = 0;
        for equal in self.windows.chunk_by(|a, b| a.bits == b.bits) {
            let count = equal.len().div_ceil(size);
            groups.extend((0..count).map(|i| start + i * equal.len() / count..start + (i + 1) * equal.len() / count));
            start += equal.len();
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::vector::msm::scalar::halves;

    #[test]
    fn digits_sum_to_the_magnitude() {
        let scalars =
            [[1u64, 0, 0, 0], [u64::MAX, u64::MAX >> 2, 0, 0], [5, 6, 7, 8], [u64::MAX, 3, u64::MAX, 1 << 62]];
        let bits = Part::BITS + 1;
        for part in scalars.into_iter().flat_map(halves).chain([Part::LARGEST]) {
            let uniform = (2..=WIDEST).map(|width| Plan::uniform(width, bits.div_ceil(width)));
            for plan in uniform.chain((bits.div_ceil(WIDEST)..=bits / 2).map(|count| Plan::spread(bits, count))) {
                let sum = plan.windows.iter().rev().fold(0i128, |sum, window| {
                    let digit = window.digit(part);
                    assert!(digit.unsigned_abs() as usize <= window.buckets());
                    (sum << window.bits) + i128::from(digit)
                });
                assert_eq!(sum, part.magnitude().cast_signed(), "{plan:?}");
            }
        }
    }

    #[test]
    fn windows_spread_have_the_bits_and_no_more() {
        for (bits, count) in [(128, 9), (128, 8), (64, 5), (2, 1), (3, 1)] {
            let windows = Plan::spread(bits, count).windows;
            assert_eq!(windows.len(), count);
            assert_eq!(windows.iter().map(|window| window.bits).sum::<usize>(), bits);
            assert!(windows.windows(2).all(|two| two[0].start + two[0].bits == two[1].start));
            assert!(windows.iter().all(|window| window.bits.abs_diff(bits / count) <= 1));
        }
    }

    #[test]
    fn short_parts_are_looked_at_only_where_they_reach() {
        let mut terms = Terms::default();
        let mut expected = 0;
        for i in 0..100u32 {
            let scalar = if i % 10 == 0 { [0, 1 << 60, 0, 0] } else { [1, 0, 0, 0] };
            expected += u32::from(i % 10 == 0);
            terms.push(i, halves(scalar)[0]);
        }
        terms.index();
        assert_eq!(terms.reaching(0).0.len(), 100);
        assert_eq!(terms.reaching(2).0.len(), 100, "carries out of bits 0 and 1");
        assert_eq!(terms.reaching(3).0.len() as u32, expected);
        assert_eq!(terms.reaching(127).0.len(), 0);
        assert_eq!(terms.longest(), 125);
    }

    #[test]
    fn groups_cover_all_windows_once() {
        for plan in [Plan::uniform(13, 10), Plan::spread(128, 9), Plan::spread(128, 13)] {
            let count = plan.windows.len();
            for threads in [1, 2, 3, 7, 64] {
                for terms in [0, 1, 1 << 10, 1 << 20] {
                    let groups = plan.groups(terms, threads);
                    assert_eq!(groups.iter().cloned().flatten().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
                    assert!(groups.len() >= threads.min(count), "{threads} threads: {groups:?}");
                    let wide = |group: &Range<usize>| plan.windows[group.clone()].iter().map(|window| window.bits);
                    assert!(groups.iter().all(|group| wide(group).min() == wide(group).max()));
                }
            }
        }
    }
}

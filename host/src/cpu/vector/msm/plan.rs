//! How an MSM is cut into windows: signed digits, the choice of the window, and groups of windows.

use super::scalar::Part;

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

/// Windows of `window` bits, `windows` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) window: usize,
    pub(super) windows: usize,
    /// Σ 2^(window·w + window − 1) over the windows w below the top one.
    offset: u128,
}

/// The widest window: digits up to 2^15.
const WIDEST: usize = 16;

impl Plan {
    /// The plan with the fewest additions, counted from the lengths of the parts.
    ///
    /// A window adds each digit that is not zero to a bucket, at most one of each part and window, and folds its
    /// 2^(window−1) buckets with two additions each (`fold.rs`); each level of a tree ends in a batch that is not full,
    /// which costs about the additions that one inversion takes.
    ///
    /// Against a sweep in G1 on a Zen 5 EPYC, one thread, CPU time in ms for windows one below, at and one above the
    /// choice: 2^8 points 0.70, 0.67, 0.67; 2^10 1.97, 1.80, 1.93; 2^12 5.93, 5.58, 5.76; 2^14 19.2, 18.8, 19.3;
    /// 2^16 69.0, 66.3, 71.1. Repeated runs differ by 2 to 3 parts in a hundred, so the choice is the best each time.
    pub(super) fn choose(parts: &[Terms]) -> Self {
        let longest = parts.iter().map(Terms::longest).max().unwrap_or(0).max(1);
        let plan = |window| Self::new(window, (longest + 1).div_ceil(window));
        (2..=WIDEST).map(plan).min_by_key(|plan| plan.cost(parts)).unwrap_or(plan(2))
    }

    /// Windows of `window` bits; `windows` times those are more than the longest part has.
    pub(super) fn new(window: usize, windows: usize) -> Self {
        let ones = (1u128 << (window * (windows - 1))) - 1;
        Self { window, windows, offset: (ones / ((1 << window) - 1)) << (window - 1) }
    }

    fn cost(&self, parts: &[Terms]) -> usize {
        const UNEVEN: usize = 150;
        let reaching = |window: usize| parts.iter().map(move |p| p.reaching_count(window * self.window));
        let digits: usize = (0..self.windows).flat_map(reaching).sum();
        digits + self.windows * 2 * self.buckets() + 3 * self.window * UNEVEN
    }

    /// Buckets of a window: digits −2^(window−1) to 2^(window−1).
    pub(super) fn buckets(&self) -> usize {
        1 << (self.window - 1)
    }

    /// The digit of a part's magnitude in a window, from −2^(window−1) to 2^(window−1).
    ///
    /// With 2^(window−1) added in each window but the top one, a window's bits less 2^(window−1) are its signed digit,
    /// and no carries have to be followed. The top window keeps its bits, which are at most 2^(window−1) since the
    /// magnitude has a bit less than the windows.
    #[inline(always)]
    pub(super) fn digit(&self, part: Part, window: usize) -> i32 {
        let half = 1i32 << (self.window - 1);
        let lifted = part.magnitude() + self.offset;
        let bits = (lifted >> (window * self.window)) as u32 & ((2 << (self.window - 1)) - 1);
        bits.cast_signed() - if window + 1 < self.windows { half } else { 0 }
    }

    /// The windows in groups of neighbours: each group is one task, of at least `digits` digits where that leaves a
    /// group for each thread.
    pub(super) fn groups(&self, terms: usize, digits: usize, threads: usize) -> Vec<std::ops::Range<usize>> {
        let fit = (digits / terms.max(1)).max(1);
        let count = self.windows.div_ceil(fit).max(threads.min(self.windows));
        (0..count).map(|i| i * self.windows / count..(i + 1) * self.windows / count).collect()
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
        for part in scalars.into_iter().flat_map(halves) {
            for window in 2..=WIDEST {
                let plan = Plan::new(window, (Part::BITS + 1).div_ceil(window));
                let sum = (0..plan.windows).rev().fold(0i128, |sum, w| {
                    let digit = plan.digit(part, w);
                    assert!(digit.unsigned_abs() as usize <= plan.buckets());
                    (sum << window) + i128::from(digit)
                });
                assert_eq!(sum, part.magnitude().cast_signed(), "window {window}");
            }
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
        let plan = Plan::new(13, 10);
        for threads in [1, 2, 3, 7, 64] {
            for terms in [0, 1, 1 << 10, 1 << 20] {
                let groups = plan.groups(terms, 1 << 17, threads);
                assert_eq!(groups.iter().cloned().flatten().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
                assert!(groups.len() >= threads.min(10));
            }
        }
    }
}

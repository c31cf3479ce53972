//! Times by size, and where two such curves cross. Pure arithmetic on what was measured.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A device wins where it takes at most this part of the CPU's time. Its deadline is the CPU's time, so a quarter of its
/// own is left to what varies from call to call.
const WINS: f64 = 0.8;
/// A crossing beyond the largest size measured is looked for up to this many times that size.
pub(super) const REACH: usize = 16;
/// More points than any measurement makes.
const MOST_POINTS: usize = 64;

/// From which size on `auto` gives an operation to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crossover {
    /// From `size` items on the device is faster than the CPU, and stays so.
    From {
        /// Items.
        size: usize,
        /// The crossing lies beyond the sizes that there was time for, on straight lines through the last two.
        extrapolated: bool,
    },
    /// The CPU is faster at the largest size measured, and no crossing is near beyond it.
    Never {
        /// That size.
        up_to: usize,
    },
    /// Not measured (yet): the CPU answers.
    Unmeasured,
}

impl Crossover {
    /// The smallest size that the device is given, if any.
    pub fn start(self) -> Option<usize> {
        match self {
            Self::From { size, .. } => Some(size),
            Self::Never { .. } | Self::Unmeasured => None,
        }
    }
}

/// Median times of one operation on one backend: (items, nanoseconds), sizes ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Curve(Vec<(usize, u64)>);

/// A straight line through times: nanoseconds for a call and for each item.
struct Line {
    call: f64,
    item: f64,
}

impl Curve {
    /// Adds the time of a size above all others.
    pub(super) fn push(&mut self, size: usize, took: Duration) {
        self.0.push((size, took.as_nanos().clamp(1, u128::from(u64::MAX)) as u64));
    }

    /// Whether nothing was measured.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a curve that came from outside is one: sizes ascending from 1, times above 0.
    pub(super) fn is_sound(&self) -> bool {
        let ascending = self.0.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let positive = self.0.iter().all(|&(size, nanoseconds)| size > 0 && nanoseconds > 0);
        (1..=MOST_POINTS).contains(&self.0.len()) && ascending && positive
    }

    /// The largest size; 0 where nothing was measured.
    pub(super) fn largest(&self) -> usize {
        self.0.last().map_or(0, |&(size, _)| size)
    }

    /// The time of a size that was measured.
    fn get(&self, size: usize) -> Option<u64> {
        self.0.iter().find(|&&(at, _)| at == size).map(|&(_, nanoseconds)| nanoseconds)
    }

    /// The time of any size: a power law between two that were measured, the first below all, a straight line above.
    pub(super) fn at(&self, size: usize) -> Option<Duration> {
        let (first, last) = (*self.0.first()?, *self.0.last()?);
        let nanoseconds = if size <= first.0 {
            first.1 as f64
        } else if size >= last.0 {
            let line = self.line()?;
            line.call + line.item * size as f64
        } else {
            let above = self.0.partition_point(|&(at, _)| at <= size);
            let ((n0, t0), (n1, t1)) = (self.0[above - 1], self.0[above]);
            let way = (size as f64 / n0 as f64).ln() / (n1 as f64 / n0 as f64).ln();
            t0 as f64 * (t1 as f64 / t0 as f64).powf(way)
        };
        Some(Duration::from_nanos(nanoseconds.max(1.0) as u64))
    }

    /// The line through the last two points, never falling; through the origin where there is one point only.
    fn line(&self) -> Option<Line> {
        let &(n1, t1) = self.0.last()?;
        let (n1, t1) = (n1 as f64, t1 as f64);
        let before = self.0.len().checked_sub(2).map(|i| self.0[i]);
        Some(match before {
            None => Line { call: 0.0, item: t1 / n1 },
            Some((n0, t0)) => {
                let item = ((t1 - t0 as f64) / (n1 - n0 as f64)).max(0.0);
                Line { call: t1 - item * n1, item }
            }
        })
    }

    /// How many times the device's time the CPU takes at the largest size that both have.
    pub(super) fn ratio(cpu: &Self, device: &Self) -> Option<f64> {
        let common = device.0.iter().rev();
        common.filter_map(|&(size, time)| Some(cpu.get(size)? as f64 / time as f64)).next()
    }
}

/// The smallest size from which the device is faster than the CPU at every larger size measured; `None` where the two
/// have no size in common.
///
/// Between a size lost and the next one won, the crossing is where the ratio of the times, as a power of the size,
/// reaches [`WINS`]. Where the largest size is lost, it is looked for on the lines through the last two points.
pub(super) fn crossing(cpu: &Curve, device: &Curve) -> Option<Crossover> {
    // The logarithm of the device's time over what it may take to win: negative where it wins.
    let behind = |&(size, time): &(usize, u64)| Some((size, (time as f64 / (WINS * cpu.get(size)? as f64)).ln()));
    let behind: Vec<(usize, f64)> = device.0.iter().filter_map(behind).collect();
    let measured = |size| Crossover::From { size, extrapolated: false };
    let (largest, _) = *behind.last()?;
    Some(match behind.iter().rposition(|&(_, by)| by >= 0.0) {
        None => measured(behind[0].0),
        Some(lost) if lost + 1 < behind.len() => {
            let ((n0, b0), (n1, b1)) = (behind[lost], behind[lost + 1]);
            let size = n0 as f64 * (n1 as f64 / n0 as f64).powf(b0 / (b0 - b1));
            measured((size.ceil() as usize).clamp(n0 + 1, n1))
        }
        Some(_) => beyond(cpu, device, largest).unwrap_or(Crossover::Never { up_to: largest }),
    })
}

/// The crossing of the lines beyond `largest`, if it is within reach.
fn beyond(cpu: &Curve, device: &Curve, largest: usize) -> Option<Crossover> {
    let (cpu, device) = (cpu.line()?, device.line()?);
    let gained_per_item = WINS * cpu.item - device.item;
    let size = ((device.call - WINS * cpu.call) / gained_per_item).ceil();
    let near = gained_per_item > 0.0 && size > largest as f64 && size <= largest as f64 * REACH as f64;
    near.then_some(Crossover::From { size: size as usize, extrapolated: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The curve of `call + item·size` nanoseconds at powers of 4.
    fn affine(call: u64, item: u64, points: u32) -> Curve {
        Curve((0..points).map(|k| (4usize.pow(k), call + item * 4u64.pow(k))).collect())
    }

    fn curve(points: &[(usize, u64)]) -> Curve {
        Curve(points.to_vec())
    }

    #[test]
    fn the_crossing_of_two_lines_is_found_between_the_sizes_measured() {
        // 100,000 + 10·n = 0.8·1,000·n at n = 126.6.
        let crossover = crossing(&affine(0, 1_000, 6), &affine(100_000, 10, 6));
        let Some(Crossover::From { size, extrapolated: false }) = crossover else { panic!("{crossover:?}") };
        assert!((126..=130).contains(&size), "{size}");
        // At a size that was measured the device wins from there on, below it does not.
        let exact = crossing(&curve(&[(1, 10), (4, 40), (16, 160)]), &curve(&[(1, 100), (4, 100), (16, 100)]));
        let Some(Crossover::From { size, .. }) = exact else { panic!("{exact:?}") };
        assert!((5..=16).contains(&size), "{size}");
    }

    #[test]
    fn always_never_and_parity() {
        let (fast, slow) = (affine(10, 10, 5), affine(1_000, 1_000, 5));
        assert_eq!(crossing(&slow, &fast), Some(Crossover::From { size: 1, extrapolated: false }));
        assert_eq!(crossing(&fast, &slow), Some(Crossover::Never { up_to: 256 }));
        assert_eq!(crossing(&fast, &fast), Some(Crossover::Never { up_to: 256 }), "at parity the CPU is preferred");
        assert_eq!(crossing(&fast, &Curve::default()), None);
        assert_eq!(crossing(&fast, &curve(&[(5, 1)])), None, "no size in common");
        assert_eq!(crossing(&curve(&[(1, 100)]), &curve(&[(1, 200)])), Some(Crossover::Never { up_to: 1 }));
    }

    /// A device that starts at a size of its own is compared from there on.
    #[test]
    fn a_device_may_lack_the_small_sizes() {
        let device = curve(&[(64, 100), (256, 100)]);
        assert_eq!(crossing(&affine(0, 1_000, 5), &device), Some(Crossover::From { size: 64, extrapolated: false }));
        assert_eq!(Curve::ratio(&affine(0, 1_000, 5), &device), Some(2_560.0));
        assert_eq!(Curve::ratio(&affine(0, 1_000, 2), &device), None);
    }

    /// A win at a small size that does not last is noise, or a cost that grows faster: it is no crossover.
    #[test]
    fn only_a_lead_that_lasts_counts() {
        let cpu = affine(0, 1_000, 6);
        let mut noisy = affine(100_000, 10, 6);
        noisy.0[0].1 = 1;
        noisy.0[2].1 = 1;
        let (clean, spoilt) = (crossing(&cpu, &affine(100_000, 10, 6)), crossing(&cpu, &noisy));
        assert_eq!(clean, spoilt);
        let mut late = affine(100_000, 10, 6);
        late.0[5].1 = 100_000_000;
        assert_eq!(crossing(&cpu, &late), Some(Crossover::Never { up_to: 1024 }));
        // Ahead in the middle only.
        let middle = curve(&[(1, 5_000), (4, 5_000), (16, 5_000), (64, 5_000), (256, 900_000), (1024, 9_000_000)]);
        assert_eq!(crossing(&cpu, &middle), Some(Crossover::Never { up_to: 1024 }));
    }

    #[test]
    fn a_crossing_beyond_the_largest_size_is_extrapolated_not_far() {
        // 1,000,000 + 100·n = 0.8·1,000·n at n = 1428.6.
        let crossover = crossing(&affine(0, 1_000, 5), &affine(1_000_000, 100, 5));
        assert_eq!(crossover, Some(Crossover::From { size: 1429, extrapolated: true }));
        let far = crossing(&affine(0, 1_000, 5), &affine(1_000_000_000, 100, 5));
        assert_eq!(far, Some(Crossover::Never { up_to: 256 }));
    }

    #[test]
    fn times_between_and_beyond() {
        let curve = affine(0, 1_000, 4);
        let at = |size| curve.at(size).unwrap().as_nanos() as i64;
        assert_eq!((at(0), at(1), at(4), at(64)), (1_000, 1_000, 4_000, 64_000));
        assert!((at(8) - 8_000).abs() < 10 && (at(640) - 640_000).abs() < 10);
        assert_eq!(Curve::default().at(1), None);
        // Noise that falls with the size is taken as a constant.
        assert_eq!(Curve(vec![(16, 900), (64, 800)]).at(1 << 20).unwrap().as_nanos(), 800);
        assert_eq!(Curve(vec![(16, 1_600)]).at(32).unwrap().as_nanos(), 3_200);
    }

    #[test]
    fn extremes_neither_overflow_nor_panic() {
        let huge = Curve(vec![(1, u64::MAX), (usize::MAX, u64::MAX)]);
        assert!(huge.at(usize::MAX).is_some() && huge.at(7).is_some());
        let tiny = Curve(vec![(1, 1), (usize::MAX, 1)]);
        assert!(crossing(&huge, &tiny).is_some() && crossing(&tiny, &huge).is_some());
        let mut pushed = Curve::default();
        pushed.push(1, Duration::ZERO);
        pushed.push(2, Duration::MAX);
        assert!(pushed.is_sound());
    }

    #[test]
    fn what_is_no_curve_is_recognised() {
        assert!(affine(1, 1, 8).is_sound());
        for bad in [vec![], vec![(0, 5)], vec![(1, 0)], vec![(4, 9), (4, 9)], vec![(4, 9), (1, 9)]] {
            assert!(!Curve(bad.clone()).is_sound(), "{bad:?}");
        }
        assert!(!Curve((1..100).map(|n| (n, 1)).collect()).is_sound());
    }
}

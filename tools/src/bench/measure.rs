//! Interleaved rounds and their medians.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What a sample's time is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// The time that passes.
    Wall,
    /// The time that the calling thread runs: what else the machine does is not in it. For jobs on one thread only.
    Thread,
}

impl Clock {
    /// The thread's clock where there is one for jobs of one thread, else the wall's.
    pub(super) fn of(one_thread: bool) -> Self {
        if one_thread && cfg!(target_os = "linux") { Self::Thread } else { Self::Wall }
    }

    /// The name in records.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Thread => "cpu",
        }
    }

    /// Runs a job; what time it took.
    fn time<T>(self, job: impl FnOnce() -> T) -> (Duration, T) {
        if self == Self::Thread {
            let before = thread_time();
            let result = job();
            return (thread_time().saturating_sub(before), result);
        }
        let before = Instant::now();
        let result = job();
        (before.elapsed(), result)
    }
}

/// How long this thread has run.
#[cfg(target_os = "linux")]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid destination; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// No such clock here, and [`Clock::of`] does not choose it.
#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    Duration::ZERO
}

/// The medians of both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Timing {
    pub ours_ns: u64,
    pub baseline_ns: u64,
    pub rounds: usize,
}

/// The shortest sample worth a reading of the clock; shorter jobs are repeated within a sample. Not longer than that,
/// since a long sample is more often interrupted by what else the machine does.
const SAMPLE: Duration = Duration::from_micros(200);

/// Rounds: at least this many however slow a job is, at most that many however fast.
const ROUNDS: std::ops::RangeInclusive<usize> = 5..=4000;

/// Compares the results of both sides, then times them: `None` where they are not the same.
///
/// A round takes one sample of each side, and which side goes first alternates, so that a slow drift of the machine
/// meets both alike. Rounds go on until `budget` is spent.
pub(super) fn duel<A, B>(
    clock: Clock,
    budget: Duration,
    mut ours: impl FnMut() -> Result<A, arblast::Error>,
    mut baseline: impl FnMut() -> B,
    same: impl Fn(&A, &B) -> bool,
) -> Result<Option<Timing>, arblast::Error> {
    if !same(&ours()?, &baseline()) {
        return Ok(None);
    }
    let mut ours = || ours().map(|answer| drop(black_box(answer)));
    let mut baseline = || {
        black_box(baseline());
        Ok(())
    };
    // Warm caches, clocks and thread pools, and learn how long a job takes.
    let once_ours = warm(clock, budget / 20, &mut ours)?;
    let once_baseline = warm(clock, budget / 20, &mut baseline)?;
    let repeat = |once: Duration| (SAMPLE.as_nanos() / once.as_nanos().max(1)).clamp(1, 1 << 16) as u32;
    let (repeat_ours, repeat_baseline) = (repeat(once_ours), repeat(once_baseline));
    let (mut samples_ours, mut samples_baseline) = (Vec::new(), Vec::new());
    let start = Instant::now();
    while samples_ours.len() < *ROUNDS.start() || (start.elapsed() < budget && samples_ours.len() < *ROUNDS.end()) {
        let ours_first = samples_ours.len().is_multiple_of(2);
        if ours_first {
            samples_ours.push(sample(clock, repeat_ours, &mut ours)?);
        }
        samples_baseline.push(sample(clock, repeat_baseline, &mut baseline)?);
        if !ours_first {
            samples_ours.push(sample(clock, repeat_ours, &mut ours)?);
        }
    }
    let rounds = samples_ours.len();
    Ok(Some(Timing { ours_ns: median(samples_ours), baseline_ns: median(samples_baseline), rounds }))
}

/// Runs a job for about `time`, at least once; its shortest run.
fn warm(
    clock: Clock,
    time: Duration,
    job: &mut impl FnMut() -> Result<(), arblast::Error>,
) -> Result<Duration, arblast::Error> {
    let start = Instant::now();
    let mut shortest = Duration::MAX;
    loop {
        let (took, result) = clock.time(&mut *job);
        result?;
        shortest = shortest.min(took);
        if start.elapsed() >= time {
            return Ok(shortest);
        }
    }
}

/// Nanoseconds of one job, the mean over `repeat` in a row.
fn sample(
    clock: Clock,
    repeat: u32,
    job: &mut impl FnMut() -> Result<(), arblast::Error>,
) -> Result<u64, arblast::Error> {
    let (took, result) = clock.time(|| (0..repeat).try_for_each(|_| job()));
    result?;
    Ok((took.as_nanos() / u128::from(repeat)) as u64)
}

/// The median; 0 of nothing.
fn median(mut samples: Vec<u64>) -> u64 {
    samples.sort_unstable();
    match samples.len() {
        0 => 0,
        n if n % 2 == 1 => samples[n / 2],
        n => samples[n / 2 - 1].midpoint(samples[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), 0);
        assert_eq!(median(vec![9, 1, 5]), 5);
        assert_eq!(median(vec![4, 1, 9, 2]), 3);
    }

    #[test]
    fn sides_alternate_and_rounds_are_equal() {
        let order = RefCell::new(String::new());
        let job = |name: char| {
            order.borrow_mut().push(name);
            std::thread::sleep(Duration::from_millis(3));
            name
        };
        let timing = duel(Clock::Wall, Duration::ZERO, || Ok(job('a')), || job('b'), |_, _| true).unwrap().unwrap();
        assert_eq!(timing.rounds, 5);
        // One comparison, one warm-up each, then five rounds whose order alternates.
        assert_eq!(*order.borrow(), "ab".repeat(2) + "abbaabbaab");
        assert!(timing.ours_ns >= 3_000_000 && timing.baseline_ns >= 3_000_000);
    }

    #[test]
    fn the_threads_clock_does_not_count_sleep() {
        let work = || (0..200_000u64).fold(1u64, |x, i| black_box(x.wrapping_mul(3) ^ i));
        let nap = || std::thread::sleep(Duration::from_millis(20));
        let clock = Clock::of(true);
        let (asleep, ()) = clock.time(nap);
        let (busy, _) = clock.time(work);
        assert!(busy > Duration::ZERO);
        assert_eq!(asleep >= Duration::from_millis(20), clock == Clock::Wall);
        assert!(Clock::of(false).time(nap).0 >= Duration::from_millis(20));
    }

    #[test]
    fn different_results_are_not_timed() {
        assert_eq!(duel(Clock::Wall, Duration::ZERO, || Ok(1), || 2, |a, b| a == b), Ok(None));
        assert!(
            duel(Clock::Wall, Duration::ZERO, || Err::<(), _>(arblast::Error::Cancelled), || (), |(), ()| true)
                .is_err()
        );
    }
}

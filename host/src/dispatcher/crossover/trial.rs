//! The measurement of one operation: which sizes, how many rounds, and when to stop. Pure: the clock, the operations
//! and the backends are the laboratory's.

use super::curve::Curve;
use crate::backend::Op;
use std::time::Duration;

/// The factor between sizes.
const GROWTH: usize = 4;
/// Sizes measured at most: 1, 4, 16, … 2^20.
const MOST_SIZES: u32 = 11;
/// Timed rounds of a size; fewer where time runs out.
const ROUNDS: u32 = 5;
/// A size is begun if there is time for so many timed rounds.
const FEWEST_ROUNDS: u32 = 3;

/// The sizes to measure, ascending.
pub(super) fn sizes() -> impl Iterator<Item = usize> {
    (0..MOST_SIZES).map(|k| GROWTH.pow(k))
}

/// Why a device has no time for an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not have the operation at this size after all.
    Unsupported,
    /// It failed; it is not asked again in this measurement.
    Failed(String),
    /// Its answer was wrong; it is not asked again at all.
    Wrong(String),
    /// The CPU failed or was wrong: there is nothing to compare with.
    Cpu(String),
}

/// What measures.
pub(super) trait Lab {
    /// Time since some fixed instant.
    fn now(&self) -> Duration;
    /// Whether a device has the operation at this size.
    fn supports(&self, device: usize, op: Op, size: usize) -> bool;
    /// What the CPU is thought to take before anything was measured.
    fn expected(&self, op: Op, size: usize) -> Duration;
    /// Makes the inputs of `size` items and hands the operation over, once.
    fn bout(&mut self, op: Op, size: usize, work: &mut dyn FnMut(&mut dyn Bout));
}

/// One operation of one size, to be run as often as it takes.
pub(super) trait Bout {
    /// The laboratory's clock.
    fn now(&self) -> Duration;
    /// Runs it on the CPU; the time of the run alone.
    fn cpu(&mut self) -> Result<Duration, Fault>;
    /// Runs it on a device and compares the answer with the CPU's, which ran before; the time without the comparison.
    fn device(&mut self, device: usize) -> Result<Duration, Fault>;
}

/// What a measurement found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trial {
    pub(super) cpu: Curve,
    /// For each device its curve, empty where there was no size or no time for it, or its fault.
    pub(super) devices: Vec<(usize, Result<Curve, Fault>)>,
}

/// Measures one operation on the CPU and on `devices`, smaller sizes first, until the clock shows `until` or the sizes
/// are through.
///
/// A size is begun only if it fits, by what the size before it took: so the end is missed by no more than the growth of
/// one size is underestimated. At each size the first run of everybody warms up and is compared; then rounds of CPU and
/// devices in turn, of which the medians count.
///
/// # Errors
/// The CPU's fault: nothing was measured.
pub(super) fn measure(lab: &mut dyn Lab, op: Op, devices: &[usize], until: Duration) -> Result<Trial, Fault> {
    let mut trial = Trial {
        cpu: Curve::default(),
        devices: devices.iter().map(|&device| (device, Ok(Curve::default()))).collect(),
    };
    let mut round = None;
    for size in sizes() {
        let able = trial.devices.iter().filter(|(device, state)| state.is_ok() && lab.supports(*device, op, size));
        let able: Vec<usize> = able.map(|&(device, _)| device).collect();
        if able.is_empty() {
            continue;
        }
        let next = match round {
            Some(Round { size: before, took }) => scaled(took, size / before),
            None => scaled(lab.expected(op, size), 1 + able.len()),
        };
        if lab.now().saturating_add(next.saturating_mul(1 + FEWEST_ROUNDS)) > until {
            break;
        }
        let mut found = Found::default();
        lab.bout(op, size, &mut |bout| found = rounds(bout, &able, until));
        if let Some(fault) = found.void {
            return Err(fault);
        }
        round = Some(Round { size, took: found.round });
        for (device, time) in found.devices {
            let Some((_, state)) = trial.devices.iter_mut().find(|(known, _)| *known == device) else { continue };
            match (time, &mut *state) {
                (Ok(time), Ok(curve)) => curve.push(size, time),
                (Err(Fault::Unsupported), _) | (Ok(_), Err(_)) => {}
                (Err(fault), _) => *state = Err(fault),
            }
        }
        if let Some(cpu) = found.cpu {
            trial.cpu.push(size, cpu);
        }
    }
    Ok(trial)
}

/// The last round of a size: everybody once, comparisons included.
struct Round {
    size: usize,
    took: Duration,
}

fn scaled(time: Duration, factor: usize) -> Duration {
    time.saturating_mul(u32::try_from(factor).unwrap_or(u32::MAX))
}

/// The medians of one size.
#[derive(Default)]
struct Found {
    /// `None` where every device failed in the first run.
    cpu: Option<Duration>,
    devices: Vec<(usize, Result<Duration, Fault>)>,
    round: Duration,
    /// The CPU's fault: the rest means nothing.
    void: Option<Fault>,
}

/// The rounds of one size.
fn rounds(bout: &mut dyn Bout, devices: &[usize], until: Duration) -> Found {
    let mut cpu = Vec::new();
    let mut times: Vec<(usize, Result<Vec<Duration>, Fault>)> = devices.iter().map(|&d| (d, Ok(vec![]))).collect();
    let mut last = Duration::ZERO;
    for round in 0..=ROUNDS {
        let start = bout.now();
        // One timed round there always is: the first run may be slow for what it compiles or loads.
        if round > 1 && start.saturating_add(last) > until {
            break;
        }
        match bout.cpu() {
            Ok(took) if round > 0 => cpu.push(took),
            Ok(_) => {}
            Err(fault) => return Found { void: Some(fault), ..Found::default() },
        }
        for (device, state) in &mut times {
            let Ok(kept) = state else { continue };
            match bout.device(*device) {
                Ok(took) if round > 0 => kept.push(took),
                Ok(_) => {}
                Err(fault @ Fault::Cpu(_)) => return Found { void: Some(fault), ..Found::default() },
                Err(fault) => *state = Err(fault),
            }
        }
        last = bout.now().saturating_sub(start);
        if times.iter().all(|(_, state)| state.is_err()) {
            break;
        }
    }
    // Whoever has no fault was timed: the round after the first is never left out while one device is left.
    let devices = times.into_iter().map(|(device, state)| (device, state.map(|t| median(t).unwrap_or_default())));
    Found { devices: devices.collect(), cpu: median(cpu), round: last, void: None }
}

/// The middle one of an odd number, the lower of the middle two of an even one.
fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::super::curve::{Crossover, crossing};
    use super::*;
    use std::cell::{Cell, RefCell};

    /// Nanoseconds by size and run (0 is the first at that size).
    type Script = Box<dyn Fn(usize, u32) -> Result<u64, Fault>>;

    /// A laboratory whose clock moves by what the scripts say, and by nothing else.
    struct Scripted {
        clock: Cell<u64>,
        scripts: Vec<Script>,
        /// Smallest and largest size that each device has.
        range: (usize, usize),
        /// Who ran: (size, contestant), the CPU being 0.
        log: RefCell<Vec<(usize, usize)>>,
    }

    impl Scripted {
        fn new(cpu: impl Fn(usize, u32) -> Result<u64, Fault> + 'static) -> Self {
            let (clock, log) = (Cell::new(0), RefCell::default());
            Self { clock, scripts: vec![Box::new(cpu)], range: (0, usize::MAX), log }
        }

        fn device(mut self, script: impl Fn(usize, u32) -> Result<u64, Fault> + 'static) -> Self {
            self.scripts.push(Box::new(script));
            self
        }

        fn measure(&mut self, budget: Duration) -> Result<Trial, Fault> {
            let devices: Vec<usize> = (1..self.scripts.len()).collect();
            measure(self, Op::MsmG1, &devices, budget)
        }

        fn largest(&self) -> usize {
            self.log.borrow().iter().map(|&(size, _)| size).max().unwrap_or(0)
        }
    }

    impl Lab for Scripted {
        fn now(&self) -> Duration {
            Duration::from_nanos(self.clock.get())
        }
        fn supports(&self, _: usize, _: Op, size: usize) -> bool {
            (self.range.0..=self.range.1).contains(&size)
        }
        fn expected(&self, _: Op, size: usize) -> Duration {
            Duration::from_nanos(size as u64)
        }
        fn bout(&mut self, _: Op, size: usize, work: &mut dyn FnMut(&mut dyn Bout)) {
            work(&mut ScriptedBout { lab: self, size, runs: vec![0; self.scripts.len()] });
        }
    }

    struct ScriptedBout<'a> {
        lab: &'a Scripted,
        size: usize,
        runs: Vec<u32>,
    }

    impl ScriptedBout<'_> {
        fn run(&mut self, who: usize) -> Result<Duration, Fault> {
            self.lab.log.borrow_mut().push((self.size, who));
            let took = (self.lab.scripts[who])(self.size, self.runs[who])?;
            self.runs[who] += 1;
            self.lab.clock.set(self.lab.clock.get() + took);
            Ok(Duration::from_nanos(took))
        }
    }

    impl Bout for ScriptedBout<'_> {
        fn now(&self) -> Duration {
            self.lab.now()
        }
        fn cpu(&mut self) -> Result<Duration, Fault> {
            self.run(0)
        }
        fn device(&mut self, device: usize) -> Result<Duration, Fault> {
            assert_eq!(self.lab.log.borrow().iter().rev().find(|run| run.1 == 0).map(|run| run.0), Some(self.size));
            self.run(device)
        }
    }

    fn linear(call: u64, item: u64) -> impl Fn(usize, u32) -> Result<u64, Fault> {
        move |size, _| Ok(call + item * size as u64)
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn both_sides_are_measured_in_turn_at_every_size() {
        let mut lab = Scripted::new(linear(0, 1_000)).device(linear(50_000, 10));
        let trial = lab.measure(LONG).unwrap();
        let device = trial.devices[0].1.clone().unwrap();
        assert_eq!((trial.cpu.largest(), device.largest()), (1 << 20, 1 << 20));
        let crossover = crossing(&trial.cpu, &device);
        assert!(matches!(crossover, Some(Crossover::From { size: 17..=64, extrapolated: false })), "{crossover:?}");
        let expected: Vec<(usize, usize)> = sizes().flat_map(|n| [(n, 0), (n, 1)].repeat(6)).collect();
        assert_eq!(*lab.log.borrow(), expected);
    }

    #[test]
    fn the_first_run_and_outliers_do_not_count() {
        // The first run takes a second, and one in five is a hundred times slower.
        let noisy = |item: u64| {
            move |size: usize, run: u32| {
                let time = item * size as u64 + 100;
                Ok(if run == 0 {
                    1_000_000_000
                } else if run == 3 {
                    100 * time
                } else {
                    time
                })
            }
        };
        let mut lab = Scripted::new(noisy(1_000)).device(noisy(10));
        let trial = lab.measure(LONG).unwrap();
        assert_eq!(trial.cpu.at(16), Some(Duration::from_nanos(16_100)));
        assert_eq!(trial.devices[0].1.as_ref().unwrap().at(16), Some(Duration::from_nanos(260)));
    }

    #[test]
    fn time_bounds_the_sizes() {
        for budget in [Duration::from_millis(1), Duration::from_millis(50), Duration::from_secs(2)] {
            let mut lab = Scripted::new(linear(0, 1_000)).device(linear(10_000, 500));
            let trial = lab.measure(budget).unwrap();
            assert!(lab.now() <= budget, "{:?} of {budget:?}", lab.now());
            assert!(trial.cpu.largest() >= 16 && trial.cpu.largest() < 1 << 20, "{}", trial.cpu.largest());
        }
        let mut late = Scripted::new(linear(0, 1_000)).device(linear(10_000, 500));
        let trial = late.measure(Duration::ZERO).unwrap();
        assert!(trial.cpu.is_empty() && late.log.borrow().is_empty(), "no time, no run");
    }

    /// A device whose cost explodes costs what one size of it takes, not more.
    #[test]
    fn a_cost_that_explodes_ends_the_measurement() {
        let explodes = |size: usize, _| Ok(if size < 256 { 1_000 } else { 10_000_000_000 });
        let mut lab = Scripted::new(linear(0, 1_000)).device(explodes);
        let trial = lab.measure(Duration::from_secs(1)).unwrap();
        assert_eq!((lab.largest(), trial.cpu.largest()), (256, 256));
        assert!(lab.now() < Duration::from_secs(21), "a first run and a timed one: {:?}", lab.now());
        let device = trial.devices[0].1.as_ref().unwrap();
        assert_eq!(crossing(&trial.cpu, device), Some(Crossover::Never { up_to: 256 }));
    }

    #[test]
    fn a_fault_ends_the_part_of_its_device_only() {
        for fault in [Fault::Failed("lost".into()), Fault::Wrong("no point".into())] {
            let given = fault.clone();
            let failing = move |size: usize, _| if size < 64 { Ok(7) } else { Err(given.clone()) };
            let mut lab = Scripted::new(linear(0, 1_000)).device(failing).device(linear(10, 1));
            let trial = lab.measure(LONG).unwrap();
            assert_eq!(trial.devices[0], (1, Err(fault)));
            assert_eq!(trial.devices[1].1.as_ref().unwrap().largest(), 1 << 20);
            assert_eq!(lab.log.borrow().iter().filter(|run| **run == (64, 1)).count(), 1, "asked once, then never");
            assert!(!lab.log.borrow().contains(&(256, 1)));
        }
    }

    #[test]
    fn devices_that_all_fail_end_it() {
        let mut lab = Scripted::new(linear(0, 1)).device(|_, _| Err(Fault::Failed("gone".into())));
        let trial = lab.measure(LONG).unwrap();
        assert!(trial.cpu.is_empty() && trial.devices[0].1.is_err());
        assert_eq!(*lab.log.borrow(), [(1, 0), (1, 1)]);
    }

    #[test]
    fn a_fault_of_the_cpu_voids_the_measurement() {
        let fault = Fault::Cpu("out of memory".into());
        let given = fault.clone();
        let mut lab = Scripted::new(move |_, _| Err(given.clone())).device(linear(0, 1));
        assert_eq!(lab.measure(LONG), Err(fault.clone()));
        let given = fault.clone();
        let mut lab = Scripted::new(linear(0, 1)).device(move |_, _| Err(given.clone()));
        assert_eq!(lab.measure(LONG), Err(fault));
    }

    #[test]
    fn sizes_that_a_device_lacks_are_left_out() {
        let mut lab = Scripted::new(linear(0, 1_000)).device(linear(10, 1));
        lab.range = (20, 5_000);
        let trial = lab.measure(LONG).unwrap();
        let device = trial.devices[0].1.as_ref().unwrap();
        assert_eq!((device.largest(), trial.cpu.largest()), (4096, 4096));
        assert_eq!(crossing(&trial.cpu, device), Some(Crossover::From { size: 64, extrapolated: false }));
        // One that finds out only when it is asked.
        let small = |size: usize, _| if size < 64 { Err(Fault::Unsupported) } else { Ok(5) };
        let mut lab = Scripted::new(linear(0, 1_000)).device(small);
        let trial = lab.measure(LONG).unwrap();
        let device = trial.devices[0].1.as_ref().unwrap();
        assert_eq!(crossing(&trial.cpu, device), Some(Crossover::From { size: 64, extrapolated: false }));
    }

    /// An operation whose smallest size on the device is more than there is time for is not begun.
    #[test]
    fn a_first_size_that_is_too_large_is_not_begun() {
        let mut lab = Scripted::new(linear(0, 1_000)).device(linear(10, 1));
        lab.range = (1 << 18, usize::MAX);
        let trial = lab.measure(Duration::from_millis(1)).unwrap();
        assert!(trial.cpu.is_empty() && lab.log.borrow().is_empty());
    }
}

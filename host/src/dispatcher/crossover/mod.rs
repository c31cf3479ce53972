//! Crossovers: for each operation, from how many items on a device is faster than the CPU of this machine.
//!
//! # When they are measured
//!
//! Only where there is something to choose: the selection is `auto`, and a device is there that passed its self-test and
//! is not retired. With the CPU alone nothing is measured, read or written. Simulations and software renderings are used
//! by name only, and not measured.
//!
//! Once on a machine: the times are kept in the user's cache folder ([`default_crossover_path`]), and hold for one
//! processor, number of threads, device, driver and version of this library. What the file does not have is measured in
//! the background after the dispatcher is built ([`Measure::Background`]), as work of the lowest class, for
//! [`BUDGET`] in all; until an operation is measured the CPU answers it. So the start of a program is not delayed, and one
//! that ends early goes on where it ended when it is started again: each operation is kept as soon as it is measured. A
//! program that wants its choices made before its first call says [`Measure::AtBuild`].
//!
//! # What is measured
//!
//! A call as the dispatcher makes it, with copy, queue and probes, against the best of the CPU (`trial.rs`): sizes 1, 4,
//! 16, … as far as there is time, smaller ones first; at each size a first run that warms up, then up to five of each side
//! in turn, of which the median counts. Each answer is compared with the CPU's. A wrong one is a failed audit: it is
//! counted and the device is retired. A device that fails otherwise, or does not come back within ten seconds, is left
//! alone for the rest of the measurement, its breaker opens, and it is measured again at the next start.
//!
//! # How `auto` uses them
//!
//! The crossover is the smallest size from which the device takes at most 0.8 of the CPU's time, there and at every larger
//! size measured (`curve.rs`): its deadline is the CPU's time, and the rest is left to what varies. Below it the CPU
//! answers. From it on the device does; of several, the one whose estimate is lowest. The estimates
//! (`cost.rs`) are set to the measured times and then follow what calls take. They turn a device away only where it lately
//! took more than [`SLACK`] times the CPU's estimate, so that a queue or a throttled clock cannot make calls much slower;
//! and that is forgotten again.
//!
//! | file | subject |
//! |---|---|
//! | `curve.rs` | times by size; where two curves cross |
//! | `trial.rs` | sizes, rounds and time of a measurement |
//! | `sample.rs` | the inputs |
//! | `contest.rs` | one operation on the dispatcher's backends |
//! | `measure.rs` | what is measured when, and what becomes of the times |
//! | `cache.rs` | the file |

mod cache;
mod contest;
mod curve;
mod measure;
mod sample;
mod trial;

pub use curve::Crossover;

use super::machine;
use crate::backend::Op;
use cache::Measured;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How long a measurement takes unless its caller says otherwise, all operations together.
pub const BUDGET: Duration = Duration::from_secs(6);

/// A device past its crossover is turned away where it lately took more than so many times the CPU's estimate. Both
/// estimates are by powers of two of the size, within which the cost an item of a device may halve: so 2 is the least
/// that contradicts no crossover.
pub(super) const SLACK: u32 = 2;

/// When crossovers that are not known yet are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// After the dispatcher is built, on a thread of its own.
    #[default]
    Background,
    /// Before [`build`](crate::Builder::build) returns, which takes some seconds the first time on a machine.
    AtBuild,
    /// Never: the CPU answers what was not measured before.
    Never,
}

/// Where the times are kept by default: `arblast/crossovers.json` in the user's cache folder.
pub fn default_crossover_path() -> Option<PathBuf> {
    Some(machine::cache_folder()?.join("crossovers.json"))
}

/// From which size on `auto` may choose a device, by operation.
pub(super) struct Starts([AtomicUsize; Op::ALL.len()]);

impl Default for Starts {
    /// Not at all.
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicUsize::new(usize::MAX)))
    }
}

impl Starts {
    /// Whether the device may be chosen for `size` items.
    pub(super) fn reached(&self, op: Op, size: usize) -> bool {
        let start = self.0[op as usize].load(Relaxed);
        start != usize::MAX && size >= start
    }

    fn set(&self, op: Op, crossover: Crossover) {
        self.0[op as usize].store(crossover.start().unwrap_or(usize::MAX), Relaxed);
    }
}

/// The crossovers of a dispatcher and where they are kept.
pub(super) struct Crossovers {
    path: Option<PathBuf>,
    state: Mutex<State>,
    /// Held while a measurement runs, so that there is one at a time.
    running: Arc<Mutex<()>>,
}

#[derive(Default)]
struct State {
    measuring: bool,
    /// What the operator should know about the file.
    notes: Vec<String>,
    /// By the number of the slot.
    devices: BTreeMap<usize, Known>,
}

/// What is known about one device.
#[derive(Clone, Debug, Default)]
struct Known {
    from_cache: bool,
    measured_at: u64,
    operations: BTreeMap<Op, Measured>,
    /// Why the last measurement of it ended early.
    fault: Option<String>,
}

impl Crossovers {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, state: Mutex::default(), running: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What the operator is told about crossovers.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct CrossoverReport {
    /// Whether a measurement is running.
    pub measuring: bool,
    /// The file that the times are kept in; `None` where there is no folder for it, or the program wants none.
    pub cache: Option<PathBuf>,
    /// What happened to the file: damaged, of another driver or version, not writable.
    pub notes: Vec<String>,
    /// The devices that `auto` may choose; none where the CPU is the only kind.
    pub devices: Vec<DeviceCrossovers>,
}

/// The crossovers of one device.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceCrossovers {
    /// The device's name.
    pub device: String,
    /// Whether they were read, not measured by this program.
    pub from_cache: bool,
    /// When they were measured, in seconds since the Unix epoch; `None` where nothing is known yet.
    pub measured_at_unix_seconds: Option<u64>,
    /// Why the last measurement ended early.
    pub fault: Option<String>,
    /// The operations that the device has at some size.
    pub operations: Vec<OpCrossover>,
}

/// The crossover of one operation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OpCrossover {
    /// The operation.
    pub op: Op,
    /// From where on the device is chosen.
    pub crossover: Crossover,
    /// The largest size measured on the device; 0 where none was.
    pub measured_up_to: usize,
    /// The CPU's time over the device's at that size.
    pub ratio: Option<f64>,
}

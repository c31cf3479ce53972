//! What a program chooses: backends, selection, threads, audits.

use super::crossover::{self, Crossovers, Measure};
use super::{Dispatcher, Inner, gate::Gate, offload::Offload, record, record::Record, selftest, slot::Slot};
use crate::backend::{Backend, Kind};
use crate::cpu::{self, CpuPortable};
use crate::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Which backends a dispatcher uses. Parses from the names on command lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// The fastest of what is there, by operation and size (`auto`): a device from the size on from which it was measured
    /// to be faster than this machine's CPU, else the best CPU path.
    #[default]
    Auto,
    /// The best CPU path of this machine (`cpu`).
    Cpu,
    /// blst alone (`cpu-portable`).
    CpuPortable,
    /// One device by name for all that it has, however slow; the CPU for the rest.
    Only(String),
}

impl FromStr for Selection {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "auto" => Self::Auto,
            "cpu" => Self::Cpu,
            CpuPortable::NAME => Self::CpuPortable,
            other => Self::Only(other.to_owned()),
        })
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::CpuPortable => CpuPortable::NAME,
            Self::Only(name) => name,
        })
    }
}

/// How often a device's answers are computed again (or checked by a cheaper audit with a stated error).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Audit {
    /// Every answer.
    Always,
    /// A fraction of the answers, in 0..=1, chosen at random.
    Rate(f64),
    /// None; probes and the recomputation of negatives remain.
    Never,
}

impl Default for Audit {
    /// One answer in a hundred.
    fn default() -> Self {
        Self::Rate(0.01)
    }
}

impl FromStr for Audit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::InvalidSetting {
            what: "audit",
            got: text.to_owned(),
            expected: "always, never, or a rate from 0 to 1",
        };
        match text {
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            rate => match rate.parse::<f64>() {
                Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(Self::Rate(rate)),
                _ => Err(refused()),
            },
        }
    }
}

/// Builds a [`Dispatcher`].
pub struct Builder {
    selection: Selection,
    threads: usize,
    audit: Audit,
    backends: Vec<Arc<dyn Backend>>,
    absent: Vec<(String, String)>,
    record: Option<PathBuf>,
    crossovers: Option<PathBuf>,
    measure: Measure,
    first_pause: Option<Duration>,
    engine: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            selection: Selection::Auto,
            threads: 0,
            audit: Audit::default(),
            backends: Vec::new(),
            absent: Vec::new(),
            record: record::default_record_path(),
            crossovers: crossover::default_crossover_path(),
            measure: Measure::default(),
            first_pause: None,
            engine: true,
        }
    }
}

impl Builder {
    /// Chooses among the backends; [`Selection::Auto`] unless set.
    #[must_use]
    pub fn select(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Threads that a CPU call may use; 0, the default, means one per core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// How often devices are audited; one answer in a hundred unless set.
    #[must_use]
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    /// Adds a backend that was found.
    #[must_use]
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backends.push(backend);
        self
    }

    /// Whether the CPU's vector engine is used where the CPU has what it needs; it is, unless set. The environment
    /// variable `ARBLAST_CPU_ENGINE=off` leaves it out too.
    #[must_use]
    pub fn vector_engine(mut self, used: bool) -> Self {
        self.engine = used;
        self
    }

    /// Names a backend that was looked for and not found, with the reason, for the operator.
    #[must_use]
    pub fn absent(mut self, name: impl Into<String>, reason: impl Into<String>) -> Self {
        self.absent.push((name.into(), reason.into()));
        self
    }

    /// Where retired devices are recorded; the user's state folder unless set. `None` keeps the record in memory only,
    /// so that a restart forgets it.
    #[must_use]
    pub fn retirement_record(mut self, path: Option<PathBuf>) -> Self {
        self.record = path;
        self
    }

    /// Where measured crossovers are kept; the user's cache folder unless set. `None` keeps them in memory only, so that
    /// each start measures. Used by [`Selection::Auto`] with a device only.
    #[must_use]
    pub fn crossover_cache(mut self, path: Option<PathBuf>) -> Self {
        self.crossovers = path;
        self
    }

    /// When crossovers are measured that are not known yet; in the background unless set. Used by [`Selection::Auto`]
    /// with a device only.
    #[must_use]
    pub fn measure_crossovers(mut self, when: Measure) -> Self {
        self.measure = when;
        self
    }

    /// How long the first error keeps a device out (default 1 s); each failed trial doubles it, up to 60 s.
    #[must_use]
    pub fn breaker_pause(mut self, pause: Duration) -> Self {
        self.first_pause = Some(pause);
        self
    }

    /// Checks the settings, runs the self-tests of the backends that the selection can use, and starts.
    ///
    /// Takes as long as the self-tests: milliseconds on a GPU, perhaps seconds on a simulation; and the measurement of
    /// crossovers where [`Measure::AtBuild`] is set.
    ///
    /// # Errors
    /// [`Error::UnknownBackend`] and [`Error::BackendUnavailable`] for a backend selected by name;
    /// [`Error::InvalidSetting`] for an audit rate outside 0..=1 or two backends of one name; [`Error::Record`].
    pub fn build(mut self) -> Result<Dispatcher, Error> {
        self.add_engine();
        self.check()?;
        let reference = CpuPortable::new(self.threads);
        let offload = Offload::new(reference.threads());
        let mut slots = vec![Slot::new(0, Arc::new(reference), None)];
        for backend in self.backends {
            slots.push(Slot::new(slots.len(), backend, self.first_pause));
        }
        let dispatcher = Dispatcher(Arc::new(Inner {
            selection: self.selection,
            audit: self.audit,
            slots,
            absent: self.absent,
            record: Record::open(self.record)?,
            crossovers: Crossovers::new(self.crossovers),
            gate: Gate::new(),
            offload,
        }));
        dispatcher.apply_record();
        dispatcher.test_selected()?;
        dispatcher.start_crossovers(self.measure);
        Ok(dispatcher)
    }

    /// Puts the vector engine before the caller's backends, unless one of those is a vector engine.
    fn add_engine(&mut self) {
        if !self.engine || self.backends.iter().any(|b| b.kind() == Kind::VectorEngine) {
            return;
        }
        match cpu::vector_engine(self.threads) {
            Ok(engine) => self.backends.insert(0, engine),
            Err(reason) => self.absent.push((cpu::ENGINE.to_owned(), reason)),
        }
    }

    fn check(&self) -> Result<(), Error> {
        if let Audit::Rate(rate) = self.audit
            && !(0.0..=1.0).contains(&rate)
        {
            let expected = "a rate from 0 to 1";
            return Err(Error::InvalidSetting { what: "audit", got: rate.to_string(), expected });
        }
        let mut names = vec!["auto", "cpu", CpuPortable::NAME];
        for backend in &self.backends {
            if names.contains(&backend.name()) {
                let got = backend.name().to_owned();
                return Err(Error::InvalidSetting { what: "backend name", got, expected: "a name of its own" });
            }
            names.push(backend.name());
        }
        match &self.selection {
            Selection::Only(name) if !names.contains(&name.as_str()) => {
                if let Some((_, reason)) = self.absent.iter().find(|(absent, _)| absent == name) {
                    return Err(Error::BackendUnavailable { name: name.clone(), reason: reason.clone() });
                }
                Err(Error::UnknownBackend { name: name.clone(), known: names.join(", ") })
            }
            _ => Ok(()),
        }
    }
}

impl Dispatcher {
    /// Carries retirements of earlier runs over to the breakers.
    fn apply_record(&self) {
        for slot in &self.0.slots[1..] {
            if self.0.record.retirement(slot.name()).is_some() {
                slot.retire();
            }
        }
    }

    /// Runs the self-tests that the selection asks for.
    fn test_selected(&self) -> Result<(), Error> {
        for slot in &self.0.slots[1..] {
            let used = match &self.0.selection {
                Selection::CpuPortable => false,
                Selection::Cpu => slot.backend.kind() == Kind::VectorEngine,
                Selection::Auto => matches!(slot.backend.kind(), Kind::Device | Kind::VectorEngine),
                Selection::Only(name) => slot.name() == name || slot.backend.kind() == Kind::VectorEngine,
            };
            if used && self.0.record.retirement(slot.name()).is_none() {
                selftest::run(self, slot);
            }
            if let Selection::Only(name) = &self.0.selection
                && slot.name() == name
            {
                self.expect_usable(slot)?;
            }
        }
        Ok(())
    }

    /// Refuses to go on with a named backend that would never be asked.
    fn expect_usable(&self, slot: &Slot) -> Result<(), Error> {
        let reason = match (self.0.record.retirement(slot.name()), slot.self_test()) {
            (Some(retirement), _) => {
                format!("it was retired: {}; re-admit it when its fault is mended", retirement.reason)
            }
            (None, super::SelfTest::Failed(reason)) => format!("its self-test failed: {reason}"),
            _ => return Ok(()),
        };
        Err(Error::BackendUnavailable { name: slot.name().to_owned(), reason })
    }
}

//! What a running validator says about itself: its role, how far it is behind, and what it signed.
//!
//! One [`Status`] is shared by everything that knows or shows something: the vote scheme counts votes, the engine
//! reports progress, the process sets the role; the HTTP server, the metrics and the log read.
//!
//! # Roles
//!
//! A validator starts [`Role::Listening`]: it follows the network and signs nothing until it has made sure that no
//! copy of it is running and that its vote record is not older than its own votes (see [`crate::vote`]). Then
//! it is [`Role::Voting`], unless something forbids it: then it is [`Role::Observing`], for the rest of the process.
//! An observer follows the network, serves its clients, and signs nothing.

use commonware_utils::sync::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a validator does with its vote key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It makes sure that it may vote, and does not vote yet.
    Listening,
    /// It votes.
    Voting,
    /// It signs nothing until it is restarted.
    Observing(Reason),
}

impl Role {
    /// The role in one word: `listening`, `voting`, `observing`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Voting => "voting",
            Self::Observing(_) => "observing",
        }
    }
}

/// Why a validator only observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kind of reason, for machines.
    pub cause: Cause,
    /// What happened, and what the operator can do: full sentences.
    pub message: String,
}

/// The kinds of reasons to observe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The operator asked for it.
    Asked,
    /// There is no vote record.
    RecordMissing,
    /// The vote record is damaged, or it cannot be read.
    RecordUnusable,
    /// The vote record was written for another key or network.
    RecordForeign,
    /// Another process holds the vote record.
    RecordInUse,
    /// The network has seen votes of this key that the record does not know.
    RecordStale,
    /// Somebody else is voting with this key.
    Copy,
    /// The vote record could not be written.
    RecordWrite,
    /// The disk is full, or nearly.
    DiskFull,
}

impl Cause {
    /// The kind in one word, for metrics and interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::RecordMissing => "record_missing",
            Self::RecordUnusable => "record_unusable",
            Self::RecordForeign => "record_foreign",
            Self::RecordInUse => "record_in_use",
            Self::RecordStale => "record_stale",
            Self::Copy => "copy",
            Self::RecordWrite => "record_write",
            Self::DiskFull => "disk_full",
        }
    }
}

/// How far a validator has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// The last final block that was executed and is durable.
    pub height: u64,
    /// The highest final block that it knows of.
    pub target: u64,
    /// Blocks executed per second, over the last ten seconds or so.
    pub blocks_per_second: f64,
    /// How long until it has caught up; `None` if it has, or if there is no telling.
    pub remaining: Option<Duration>,
}

impl Progress {
    /// Whether it is at most a few blocks behind what it knows of.
    pub const fn synced(&self) -> bool {
        self.target.saturating_sub(self.height) <= SYNCED
    }
}

/// How many blocks behind its target a validator still counts as caught up: those on their way to the disk.
const SYNCED: u64 = 4;

/// What became of the votes that consensus asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Votes {
    /// Signed, by kind: notarize, nullify, finalize.
    pub signed: BTreeMap<&'static str, u64>,
    /// Not signed, by reason: `listening`, `observing`, `conflict` with an earlier vote, `record` not writable.
    pub refused: BTreeMap<&'static str, u64>,
}

/// The state of a validator, shared by all who know or show something of it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Status {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    role: Role,
    height: u64,
    target: u64,
    /// Heights at moments of the last seconds, oldest first, for the rate.
    samples: VecDeque<(Instant, u64)>,
    votes: Votes,
    stopping: bool,
}

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(10);
/// Samples closer together than this are one.
const SAMPLE: Duration = Duration::from_millis(100);

impl Default for Status {
    fn default() -> Self {
        Self::new(Role::Listening)
    }
}

impl Status {
    /// The status of a validator that starts in a role, at height 0.
    pub fn new(role: Role) -> Self {
        let inner =
            Inner { role, height: 0, target: 0, samples: VecDeque::new(), votes: Votes::default(), stopping: false };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// The role.
    pub fn role(&self) -> Role {
        self.inner.lock().role.clone()
    }

    /// Goes from listening to voting; false if the validator observes meanwhile.
    pub fn vote(&self) -> bool {
        let mut inner = self.inner.lock();
        if inner.role == Role::Listening {
            inner.role = Role::Voting;
        }
        inner.role == Role::Voting
    }

    /// Stops voting for the rest of the process. The first reason stays.
    pub fn observe(&self, cause: Cause, message: impl Into<String>) {
        let mut inner = self.inner.lock();
        if matches!(inner.role, Role::Observing(_)) {
            return;
        }
        let message = message.into();
        tracing::error!(cause = cause.name(), "observing only, nothing is signed: {message}");
        inner.role = Role::Observing(Reason { cause, message });
    }

    /// How far the validator has come.
    pub fn progress(&self) -> Progress {
        self.inner.lock().progress(Instant::now())
    }

    /// Notes that a final block was executed and is durable.
    pub fn reached(&self, height: u64) {
        let mut inner = self.inner.lock();
        let now = Instant::now();
        inner.height = inner.height.max(height);
        inner.target = inner.target.max(height);
        if inner.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= SAMPLE) {
            inner.samples.push_back((now, height));
            while inner.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
                inner.samples.pop_front();
            }
        }
    }

    /// Notes that a block at this height is final.
    pub fn known(&self, height: u64) {
        let mut inner = self.inner.lock();
        inner.target = inner.target.max(height);
    }

    /// What became of the votes.
    pub fn votes(&self) -> Votes {
        self.inner.lock().votes.clone()
    }

    /// Counts a vote that was signed.
    pub fn signed(&self, kind: &'static str) {
        *self.inner.lock().votes.signed.entry(kind).or_default() += 1;
    }

    /// Counts a vote that was not signed.
    pub fn refused(&self, reason: &'static str) {
        *self.inner.lock().votes.refused.entry(reason).or_default() += 1;
    }

    /// Notes that the process is shutting down.
    pub fn stop(&self) {
        self.inner.lock().stopping = true;
    }

    /// Whether the process is shutting down.
    pub fn stopping(&self) -> bool {
        self.inner.lock().stopping
    }
}

impl Inner {
    fn progress(&self, now: Instant) -> Progress {
        let recent = self.samples.iter().find(|(at, _)| now.duration_since(*at) <= WINDOW);
        let blocks_per_second = recent.map_or(0.0, |(at, height)| {
            let seconds = now.duration_since(*at).as_secs_f64();
            if seconds > 0.0 { self.height.saturating_sub(*height) as f64 / seconds } else { 0.0 }
        });
        let behind = self.target.saturating_sub(self.height);
        let remaining = (behind > SYNCED && blocks_per_second > 0.0)
            .then(|| Duration::try_from_secs_f64(behind as f64 / blocks_per_second).ok())
            .flatten();
        Progress { height: self.height, target: self.target, blocks_per_second, remaining }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_observes_never_votes_again() {
        let status = Status::default();
        assert_eq!(status.role(), Role::Listening);
        assert!(status.vote());
        status.observe(Cause::Copy, "first");
        status.observe(Cause::DiskFull, "second");
        assert!(!status.vote());
        assert_eq!(status.role(), Role::Observing(Reason { cause: Cause::Copy, message: "first".into() }));
        let status = Status::default();
        status.observe(Cause::RecordMissing, "none");
        assert!(!status.vote(), "not even after listening");
    }

    #[test]
    fn progress_counts_what_is_left() {
        let status = Status::default();
        status.known(1_000);
        status.reached(10);
        let mut inner = status.inner.lock();
        let start = inner.samples[0].0;
        inner.height = 110;
        let progress = inner.progress(start + Duration::from_secs(5));
        assert_eq!((progress.height, progress.target, progress.blocks_per_second), (110, 1_000, 20.0));
        assert_eq!(progress.remaining, Some(Duration::from_millis(44_500)));
        assert!(!progress.synced());
        inner.height = 999;
        assert!(inner.progress(start + Duration::from_secs(60)).synced());
        assert_eq!(inner.progress(start + Duration::from_secs(60)).remaining, None);
    }
}

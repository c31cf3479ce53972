//! What Prometheus reads of a validator: `/metrics`, on an address of its own.
//!
//! The page begins with the metrics of this module, whose names begin with `arblast_`, and goes on with the registry of
//! commonware's runtime as it is (`runtime_…`, `network_…`, `validator_…`), brought into the text format of
//! Prometheus.
//!
//! | names | subject |
//! |---|---|
//! | `arblast_consensus_…` | heights, view, blocks, time to finality, time of a block's check |
//! | `arblast_votes_…`, `arblast_role`, `arblast_observing` | votes signed and refused, and what the node does with its key |
//! | `arblast_mempool_…` | each lane: transactions, bytes, what was kept, what was shed and why |
//! | `arblast_peers_…` | validators tracked, connected, blocked |
//! | `arblast_storage_…` | bytes of the data folder, and free on its disk |
//! | `arblast_backend_…` | each backend and operation: counts, seconds, fallbacks, audits, faults; breaker; crossovers |
//!
//! # Use
//!
//! [`Metrics`] is a [`Monitor`], so that it exists before the engine; [`Metrics::attach`] hands it the mempool when
//! there is one, [`Metrics::router`] goes to [`crate::http::serve`]. Values are read when the page is asked for; the
//! data folder is measured at most every [`MEASURE`].

mod crossovers;
mod page;

use crate::mempool::Mempool;
use crate::monitor::{Event, Monitor};
use crate::status::{Role, Status};
use crate::transaction::Lane;
use arblast::{BreakerState, Dispatcher, LATENCY_BOUNDS_US, OpStats, Stats};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::get;
use commonware_cryptography::sha256;
use page::{Kind, Page, Registry};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the data folder is measured at most: it is walked through.
pub const MEASURE: Duration = Duration::from_secs(10);

/// Upper bounds of the buckets of times to finality and of block checks, in seconds.
const BOUNDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Blocks on their way to finality that are remembered.
const PENDING: usize = 1024;

/// A page of the runtime's registry, as its context encodes it.
pub type RuntimePage = Box<dyn Fn() -> String + Send + Sync>;

/// Counts what happens at a validator, and shows it.
pub struct Metrics {
    status: Status,
    dispatcher: Dispatcher,
    data: PathBuf,
    runtime: RuntimePage,
    mempool: OnceLock<Mempool>,
    started: SystemTime,
    counts: Mutex<Counts>,
    measured: Mutex<Option<(Instant, u64)>>,
}

/// Observations by their size.
#[derive(Clone, Debug, Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    more: u64,
    sum: f64,
}

#[derive(Debug, Default)]
struct Counts {
    /// When each block on its way was first seen; the oldest go first.
    pending: HashMap<sha256::Digest, SystemTime>,
    order: VecDeque<sha256::Digest>,
    finality: Histogram,
    checks: Histogram,
    view: u64,
    proposed: u64,
    verified: u64,
    refused: u64,
    finalized: u64,
    transactions: u64,
    blocked: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Histogram {
    fn observe(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        match BOUNDS.iter().position(|bound| seconds <= *bound) {
            Some(bucket) => self.buckets[bucket] += 1,
            None => self.more += 1,
        }
        self.sum += seconds;
    }

    fn write(&self, page: &mut Page, name: &'static str, help: &str) {
        let buckets = BOUNDS.into_iter().zip(self.buckets);
        page.family(name, Kind::Histogram, help).histogram(&[], buckets, self.more, self.sum);
    }
}

impl Counts {
    fn seen(&mut self, block: sha256::Digest, at: SystemTime) {
        if self.pending.contains_key(&block) {
            return;
        }
        if self.order.len() == PENDING
            && let Some(oldest) = self.order.pop_front()
        {
            self.pending.remove(&oldest);
        }
        self.order.push_back(block);
        self.pending.insert(block, at);
    }

    fn certified(&mut self, block: &sha256::Digest, at: SystemTime) {
        if let Some(seen) = self.pending.remove(block) {
            self.order.retain(|known| known != block);
            self.finality.observe(at.duration_since(seen).unwrap_or_default());
        }
    }
}

impl Monitor for Metrics {
    fn on(&self, _: usize, event: Event) {
        let mut counts = lock(&self.counts);
        match event {
            Event::Proposed { block, at, .. } => {
                counts.proposed += 1;
                counts.seen(block, at);
            }
            Event::Verified { block, total, .. } => {
                counts.verified += 1;
                counts.checks.observe(total);
                // The block was seen when its check began.
                let now = SystemTime::now();
                counts.seen(block, now.checked_sub(total).unwrap_or(now));
            }
            Event::Refused { .. } => counts.refused += 1,
            Event::Certified { block, at } => counts.certified(&block, at),
            Event::Finalized { round, transactions, .. } => {
                counts.view = counts.view.max(round.view().get());
                counts.finalized += 1;
                counts.transactions += transactions as u64;
            }
            Event::Blocked { .. } => counts.blocked += 1,
            // The mempool counts for itself, by lane and reason; the status knows the height.
            Event::Admitted { .. } | Event::Resumed { .. } => {}
        }
    }
}

impl Metrics {
    /// Metrics of a validator that is about to start: what it says about itself, what checks its signatures, where its
    /// data lie, and how to read the runtime's registry.
    pub fn new(status: Status, dispatcher: Dispatcher, data: PathBuf, runtime: RuntimePage) -> Self {
        Self {
            status,
            dispatcher,
            data,
            runtime,
            mempool: OnceLock::new(),
            started: SystemTime::now(),
            counts: Mutex::default(),
            measured: Mutex::default(),
        }
    }

    /// Hands over the validator's mempool; the first one counts.
    pub fn attach(&self, mempool: Mempool) {
        let _ = self.mempool.set(mempool);
    }

    /// The route `/metrics`.
    pub fn router(self: &Arc<Self>) -> Router {
        let metrics = self.clone();
        let page = async move || {
            // Walking through the data folder may wait for the disk.
            let page = tokio::task::spawn_blocking(move || metrics.page()).await.unwrap_or_default();
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
        };
        Router::new().route("/metrics", get(page))
    }

    /// The page as it is now. May block on the disk.
    pub fn page(&self) -> String {
        let runtime = (self.runtime)();
        let runtime = Registry(&runtime);
        let mut page = Page::default();
        self.process(&mut page);
        self.consensus(&mut page, runtime);
        self.votes(&mut page);
        self.pool(&mut page);
        self.peers(&mut page, runtime);
        self.storage(&mut page);
        self.backends(&mut page);
        page.append(&runtime.page());
        page.into_text()
    }

    fn process(&self, page: &mut Page) {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.family("arblast_build_info", Kind::Gauge, "The version that runs; always 1.").sample(&version, 1);
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        page.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", started);
    }

    fn consensus(&self, page: &mut Page, runtime: Registry<'_>) {
        let progress = self.status.progress();
        let counts = lock(&self.counts);
        let entered = runtime.values("voter_state_current_view").into_iter().fold(0.0, f64::max);
        page.gauge("arblast_consensus_view", "The view that this node is in.", entered.max(counts.view as f64));
        page.gauge("arblast_consensus_finalized_view", "The view of the last final block.", counts.view);
        page.gauge("arblast_consensus_height", "The last final block that was executed.", progress.height);
        let help = "The highest final block that this node knows of.";
        page.gauge("arblast_consensus_target_height", help, progress.target);
        let help = "Blocks executed per second, over the last ten seconds or so.";
        page.gauge("arblast_consensus_blocks_per_second", help, progress.blocks_per_second);
        let help = "Whether at most a few blocks are missing to the target.";
        page.gauge("arblast_consensus_synced", help, u8::from(progress.synced()));
        let help = "Blocks that this node proposed.";
        page.counter("arblast_consensus_blocks_proposed_total", help, counts.proposed);
        let help = "Blocks of other validators that this node checked and found good.";
        page.counter("arblast_consensus_blocks_verified_total", help, counts.verified);
        let help = "Blocks of other validators that this node refused.";
        page.counter("arblast_consensus_blocks_refused_total", help, counts.refused);
        let help = "Final blocks that this node executed since it started.";
        page.counter("arblast_consensus_blocks_finalized_total", help, counts.finalized);
        let help = "Transactions in final blocks that this node executed since it started.";
        page.counter("arblast_consensus_transactions_finalized_total", help, counts.transactions);
        let help = "From the first sight of a block (or the beginning of its proposal) to the certificate of finality.";
        counts.finality.write(page, "arblast_consensus_finality_seconds", help);
        let help = "The whole check of a block: settlement, signatures, state root.";
        counts.checks.write(page, "arblast_consensus_block_check_seconds", help);
    }

    fn votes(&self, page: &mut Page) {
        let votes = self.status.votes();
        let mut signed = page.family("arblast_votes_signed_total", Kind::Counter, "Votes that were signed, by kind.");
        for (kind, count) in &votes.signed {
            signed.sample(&[("kind", kind)], count);
        }
        let help = "Votes that were not signed, by reason.";
        let mut refused = page.family("arblast_votes_refused_total", Kind::Counter, help);
        for (reason, count) in &votes.refused {
            refused.sample(&[("reason", reason)], count);
        }
        let role = self.status.role();
        let help = "What the node does with its vote key: 1 for the role it has.";
        let mut roles = page.family("arblast_role", Kind::Gauge, help);
        for name in ["listening", "voting", "observing"] {
            roles.sample(&[("role", name)], u8::from(role.name() == name));
        }
        let help = "Why the node observes instead of voting; no sample while it does not.";
        let mut observing = page.family("arblast_observing", Kind::Gauge, help);
        if let Role::Observing(reason) = role {
            observing.sample(&[("cause", reason.cause.name())], 1);
        }
    }

    fn pool(&self, page: &mut Page) {
        let Some(mempool) = self.mempool.get() else { return };
        let lanes = mempool.with(|pool| Lane::ALL.map(|lane| (lane.name(), pool.figures(lane))));
        let rooms = ["waiting", "ready"];
        let help = "Transactions in the mempool, by lane; waiting for the check of their signature, or ready.";
        let mut family = page.family("arblast_mempool_transactions", Kind::Gauge, help);
        for (lane, figures) in &lanes {
            for (room, count) in rooms.into_iter().zip([figures.waiting, figures.ready]) {
                family.sample(&[("lane", lane), ("room", room)], count);
            }
        }
        let mut family = page.family("arblast_mempool_bytes", Kind::Gauge, "Bytes of these transactions.");
        for (lane, figures) in &lanes {
            for (room, bytes) in rooms.into_iter().zip([figures.waiting_bytes, figures.ready_bytes]) {
                family.sample(&[("lane", lane), ("room", room)], bytes);
            }
        }
        let help = "Transactions that the mempool kept after their check.";
        let mut family = page.family("arblast_mempool_kept_total", Kind::Counter, help);
        for (lane, figures) in &lanes {
            family.sample(&[("lane", lane)], figures.kept);
        }
        let help = "Transactions that the mempool did not keep, by reason.";
        let mut family = page.family("arblast_mempool_shed_total", Kind::Counter, help);
        for (lane, figures) in &lanes {
            for (reason, count) in &figures.shed {
                family.sample(&[("lane", lane), ("reason", reason)], count);
            }
        }
    }

    fn peers(&self, page: &mut Page, runtime: Registry<'_>) {
        let tracked: f64 = runtime.values("tracker_directory_tracked").iter().sum();
        page.gauge("arblast_peers_tracked", "Other validators of this network.", tracked);
        let connected = runtime.values("tracker_directory_connected").into_iter().filter(|since| *since > 0.0).count();
        page.gauge("arblast_peers_connected", "Validators with an open connection.", connected);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
        let blocked = runtime.values("tracker_directory_blocked").into_iter().filter(|until| *until > now).count();
        page.gauge("arblast_peers_blocked", "Validators that this node refuses to talk to for a while.", blocked);
        let help = "Times that this node blocked a validator for breaking the protocol.";
        page.counter("arblast_peers_blocked_total", help, lock(&self.counts).blocked);
    }

    fn storage(&self, page: &mut Page) {
        page.gauge("arblast_storage_used_bytes", "Bytes of the files in the data folder.", self.used());
        match crate::process::free_space(&self.data) {
            Ok(free) => {
                let help = "Bytes that this process may still write to the disk of the data folder.";
                page.gauge("arblast_storage_free_bytes", help, free);
            }
            Err(error) => tracing::warn!(folder = %self.data.display(), %error, "the free space is not known"),
        }
    }

    /// Bytes of the data folder, measured not too long ago.
    fn used(&self) -> u64 {
        // The lock is held while measuring, so that only one request measures.
        let mut measured = lock(&self.measured);
        match *measured {
            Some((at, bytes)) if at.elapsed() < MEASURE => bytes,
            _ => {
                let bytes = size(&self.data);
                *measured = Some((Instant::now(), bytes));
                bytes
            }
        }
    }

    fn backends(&self, page: &mut Page) {
        let devices = self.dispatcher.devices();
        let help = "Whether a backend is there; 0 for one that was looked for and is absent.";
        let mut family = page.family("arblast_backend_present", Kind::Gauge, help);
        for device in &devices {
            family.sample(&[("backend", &device.name)], u8::from(device.absent.is_none()));
        }
        let help = "The state of a backend's circuit breaker: 1 for the state it is in.";
        let mut family = page.family("arblast_backend_breaker_state", Kind::Gauge, help);
        let states = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen, BreakerState::Retired];
        for device in devices.iter().filter(|device| device.absent.is_none()) {
            for state in states {
                let value = u8::from(device.breaker == state);
                family.sample(&[("backend", &device.name), ("state", state.name())], value);
            }
        }
        crossovers::write(page, &self.dispatcher.crossovers());
        self.operations(page);
    }

    fn operations(&self, page: &mut Page) {
        /// A counter of the dispatcher.
        type Counter = (&'static str, &'static str, fn(&OpStats) -> u64);
        const COUNTERS: [Counter; 10] = [
            ("arblast_backend_operations_total", "Answers of a backend that were used.", |s| s.operations),
            ("arblast_backend_items_total", "Points, pairs or signatures in these answers.", |s| s.items),
            ("arblast_backend_errors_total", "Calls that ended with an error of the backend.", |s| s.errors),
            ("arblast_backend_timeouts_total", "Calls that were not answered in time.", |s| s.timeouts),
            ("arblast_backend_panics_total", "Calls in which the backend panicked (errors, too).", |s| s.panics),
            ("arblast_backend_wrong_answers_total", "Answers that were found wrong.", |s| s.wrong_answers),
            ("arblast_backend_busy_total", "Calls that gave up because the backend was busy.", |s| s.busy),
            ("arblast_backend_fallbacks_total", "Calls that the CPU answered instead.", |s| s.fallbacks),
            ("arblast_backend_audits_total", "Answers that were audited.", |s| s.audits),
            ("arblast_backend_rechecks_total", "Negative verdicts computed again on blst.", |s| s.rechecks),
        ];
        let stats = self.dispatcher.stats();
        for (name, help, counter) in COUNTERS {
            let mut family = page.family(name, Kind::Counter, help);
            for (labels, stats) in each(&stats) {
                family.sample(&labels, counter(stats));
            }
        }
        let help = "Time that the answers of a backend took, queueing included.";
        let mut family = page.family("arblast_backend_operation_seconds", Kind::Histogram, help);
        for (labels, stats) in each(&stats) {
            let bounds = LATENCY_BOUNDS_US.into_iter().map(|micros| micros as f64 / 1e6);
            let more = stats.latency[LATENCY_BOUNDS_US.len()];
            family.histogram(&labels, bounds.zip(stats.latency), more, stats.nanoseconds as f64 / 1e9);
        }
    }
}

/// Every operation of every backend, with its labels.
fn each(stats: &Stats) -> impl Iterator<Item = ([(&str, &str); 2], &OpStats)> {
    stats.backends.iter().flat_map(|backend| {
        let operations = backend.operations.iter();
        operations.map(|(operation, stats)| ([("backend", &*backend.backend), ("operation", operation.name())], stats))
    })
}

/// Bytes of the files in a folder and below. What cannot be read does not count.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

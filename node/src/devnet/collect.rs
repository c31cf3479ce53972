//! Turns the events of all validators into lines and figures.

use super::Output;
use super::report::{self, Line, Summary};
use crate::crypto::{self, Usage};
use crate::monitor::{Event, Monitor};
use arblast::Dispatcher;
use commonware_cryptography::sha256;
use commonware_utils::sync::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

/// The validator whose view the lines show.
const OBSERVER: usize = 0;

/// A block while it is on its way, by digest.
#[derive(Default)]
struct Pending {
    proposed: Option<SystemTime>,
    certified: Option<SystemTime>,
    /// Longest check by any validator.
    slowest: Duration,
    /// Most signatures that any validator still had to check.
    checked: usize,
}

/// A final block, at the observer.
struct Final {
    transactions: usize,
    at: SystemTime,
}

#[derive(Default)]
struct State {
    started: Option<SystemTime>,
    pending: HashMap<sha256::Digest, Pending>,
    finals: BTreeMap<u64, Final>,
    /// State root by height, for each validator.
    roots: Vec<BTreeMap<u64, sha256::Digest>>,
    finality: Vec<Duration>,
    checks: Vec<Duration>,
    transactions: u64,
    refused: u64,
    blocked: u64,
    admitted: u64,
    shed: u64,
    invalid: u64,
    usage: Vec<Usage>,
}

/// Collects events. One for all validators of a devnet.
pub struct Collector {
    state: Mutex<State>,
    output: Output,
    dispatcher: Dispatcher,
}

impl Collector {
    /// A collector for so many validators, which writes a line for each final block to `output`.
    pub fn new(validators: usize, output: Output, dispatcher: Dispatcher) -> Self {
        let state = State { roots: vec![BTreeMap::new(); validators], ..State::default() };
        Self { state: Mutex::new(state), output, dispatcher }
    }

    /// Notes when the load began.
    pub fn start(&self, at: SystemTime) {
        self.state.lock().started = Some(at);
    }

    /// The highest final block of a validator.
    pub fn height(&self, validator: usize) -> u64 {
        self.state.lock().height(validator)
    }

    /// The lowest of the validators' heights.
    pub fn lowest(&self) -> u64 {
        let state = self.state.lock();
        (0..state.roots.len()).map(|validator| state.height(validator)).min().unwrap_or(0)
    }

    /// Transactions in final blocks so far, at the observer.
    pub fn transactions(&self) -> u64 {
        self.state.lock().transactions
    }

    /// The figures up to `height`.
    pub fn summary(&self, height: u64) -> Summary {
        let mut state = self.state.lock();
        state.finality.sort_unstable();
        state.checks.sort_unstable();
        let blocks: Vec<_> = state.finals.range(..=height).collect();
        // The first block only starts the clock.
        let (seconds, measured) = match (blocks.first(), blocks.last()) {
            (Some((_, first)), Some((_, last))) => (
                last.at.duration_since(first.at).unwrap_or_default().as_secs_f64(),
                blocks.iter().skip(1).map(|(_, block)| block.transactions).sum::<usize>(),
            ),
            _ => (0.0, 0),
        };
        let ends: Vec<_> = state.roots.iter().map(|roots| roots.get(&height)).collect();
        let root = ends[OBSERVER];
        Summary {
            validators: state.roots.len(),
            blocks: blocks.len(),
            height,
            transactions: blocks.iter().map(|(_, block)| block.transactions).sum(),
            seconds,
            transactions_per_second: if seconds > 0.0 { measured as f64 / seconds } else { 0.0 },
            finality_ms: report::Quantiles::of(&state.finality),
            verification_ms: report::Quantiles::of(&state.checks),
            admitted: state.admitted,
            shed: state.shed,
            invalid: state.invalid,
            blocks_refused: state.refused,
            peers_blocked: state.blocked,
            backends: crypto::usage(&self.dispatcher),
            state_root: root.map(ToString::to_string),
            agreed: height == 0 || (root.is_some() && ends.iter().all(|end| *end == root)),
        }
    }

    /// The backend that did most since the last line.
    fn busiest(&self, before: &mut Vec<Usage>) -> String {
        let now = crypto::usage(&self.dispatcher);
        let earlier = |name: &str| before.iter().find(|usage| usage.backend == name).map_or(0, |usage| usage.items);
        let busiest = now.iter().max_by_key(|usage| usage.items - earlier(&usage.backend));
        let name = busiest.map_or_else(String::new, |usage| usage.backend.clone());
        *before = now;
        name
    }
}

impl State {
    fn height(&self, validator: usize) -> u64 {
        self.roots[validator].last_key_value().map_or(0, |(height, _)| *height)
    }
}

impl Monitor for Collector {
    fn on(&self, validator: usize, event: Event) {
        let mut state = self.state.lock();
        match event {
            Event::Proposed { block, at, .. } => state.pending.entry(block).or_default().proposed = Some(at),
            Event::Verified { block, signatures, total, .. } => {
                state.checks.push(total);
                let pending = state.pending.entry(block).or_default();
                pending.slowest = pending.slowest.max(total);
                pending.checked = pending.checked.max(signatures.checked);
            }
            Event::Certified { block, at } if validator == OBSERVER => {
                state.pending.entry(block).or_default().certified.get_or_insert(at);
            }
            Event::Certified { .. } => {}
            Event::Finalized { block, height, root, transactions, at, .. } => {
                state.roots[validator].insert(height, root);
                if validator == OBSERVER {
                    let line = self.finalized(&mut state, block, height, transactions, at);
                    drop(state);
                    (self.output)(&line);
                }
            }
            Event::Admitted { kept, shed, invalid } => {
                state.admitted += kept as u64;
                state.shed += shed as u64;
                state.invalid += invalid as u64;
            }
            Event::Refused { .. } => state.refused += 1,
            Event::Blocked { .. } => state.blocked += 1,
        }
    }
}

impl Collector {
    fn finalized(
        &self,
        state: &mut State,
        block: sha256::Digest,
        height: u64,
        transactions: usize,
        at: SystemTime,
    ) -> String {
        let pending = state.pending.remove(&block).unwrap_or_default();
        let finality = pending.proposed.map(|proposed| {
            let certified = pending.certified.unwrap_or(at);
            certified.duration_since(proposed).unwrap_or_default()
        });
        state.finality.extend(finality);
        state.finals.insert(height, Final { transactions, at });
        state.transactions += transactions as u64;
        if height.is_multiple_of(64) {
            // Blocks that lost to another never become final.
            state.pending.retain(|_, pending| pending.proposed.is_none_or(|proposed| proposed + STALE > at));
        }
        let mut usage = std::mem::take(&mut state.usage);
        let backend = self.busiest(&mut usage);
        state.usage = usage;
        Line { height, transactions, checked: pending.checked, verification: pending.slowest, backend, finality }
            .to_string()
    }
}

/// When a block that was proposed and not finalized is forgotten.
const STALE: Duration = Duration::from_secs(60);

//! Turns the events of all validators into lines and figures.

use super::Output;
use super::report::{Line, Quantiles, Summary};
use crate::crypto::{self, Usage};
use crate::monitor::{Event, Monitor};
use arblast::Dispatcher;
use commonware_cryptography::sha256;
use commonware_utils::sync::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
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

/// The final blocks of the observer, up to the last one that counts.
#[derive(Default)]
struct Finals {
    blocks: usize,
    /// Transactions of the first block, which only starts the clock.
    first: usize,
    transactions: usize,
    from: Option<SystemTime>,
    to: Option<SystemTime>,
}

#[derive(Default)]
struct State {
    pending: HashMap<sha256::Digest, Pending>,
    finals: Finals,
    /// State root by height, for each validator: the latest heights.
    roots: Vec<BTreeMap<u64, sha256::Digest>>,
    finality: Samples,
    checks: Samples,
    refused: u64,
    blocked: u64,
    admitted: u64,
    shed: u64,
    invalid: u64,
    usage: Vec<Usage>,
}

/// The latest samples of a duration, so that a run of days needs no more memory than one of minutes.
#[derive(Default)]
struct Samples(VecDeque<Duration>);

impl Samples {
    const MOST: usize = 1 << 16;

    fn push(&mut self, sample: Duration) {
        if self.0.len() == Self::MOST {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    fn quantiles(&self) -> Quantiles {
        let mut sorted: Vec<_> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        Quantiles::of(&sorted)
    }
}

/// How many heights back a validator's state roots are kept: far more than one may fall behind.
const ROOTS: u64 = 4096;

/// Collects events. One for all validators of a devnet.
pub struct Collector {
    /// The last block that counts.
    blocks: Option<u64>,
    state: Mutex<State>,
    output: Output,
    dispatcher: Dispatcher,
}

impl Collector {
    /// A collector for so many validators, which writes a line for each final block to `output`. Blocks above
    /// `blocks` do not count.
    pub fn new(validators: usize, blocks: Option<u64>, output: Output, dispatcher: Dispatcher) -> Self {
        let state = State { roots: vec![BTreeMap::new(); validators], ..State::default() };
        Self { blocks, state: Mutex::new(state), output, dispatcher }
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
        self.state.lock().finals.transactions as u64
    }

    /// The figures; the validators are compared at `height`.
    pub fn summary(&self, height: u64) -> Summary {
        let state = self.state.lock();
        let finals = &state.finals;
        let seconds = match (finals.from, finals.to) {
            (Some(from), Some(to)) => to.duration_since(from).unwrap_or_default().as_secs_f64(),
            _ => 0.0,
        };
        let measured = finals.transactions - finals.first;
        let ends: Vec<_> = state.roots.iter().map(|roots| roots.get(&height)).collect();
        let root = ends[OBSERVER];
        Summary {
            validators: state.roots.len(),
            blocks: finals.blocks,
            height,
            transactions: finals.transactions,
            seconds,
            transactions_per_second: if seconds > 0.0 { measured as f64 / seconds } else { 0.0 },
            finality_ms: state.finality.quantiles(),
            verification_ms: state.checks.quantiles(),
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
        let busiest = now.iter().max_by_key(|usage| usage.items.saturating_sub(earlier(&usage.backend)));
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
                let roots = &mut state.roots[validator];
                roots.insert(height, root);
                *roots = roots.split_off(&height.saturating_sub(ROOTS));
                if validator == OBSERVER && self.blocks.is_none_or(|last| height <= last) {
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
            Event::Resumed { .. } => {}
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
        if let Some(finality) = finality {
            state.finality.push(finality);
        }
        let finals = &mut state.finals;
        if finals.blocks == 0 {
            (finals.from, finals.first) = (Some(at), transactions);
        }
        finals.blocks += 1;
        finals.transactions += transactions;
        finals.to = Some(at);
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

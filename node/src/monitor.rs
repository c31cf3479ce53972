//! What a validator reports while it runs.
//!
//! The engine calls a [`Monitor`] at a few points; the devnet turns the events into lines and a summary, tests into
//! assertions. A monitor must return at once: it is called from the consensus path.

use crate::block::Block;
use crate::status::Status;
use crate::validation::Verdict;
use commonware_actor::Feedback;
use commonware_consensus::marshal::Update;
use commonware_consensus::types::Round;
use commonware_consensus::{Reporter, simplex};
use commonware_cryptography::{ed25519, sha256};
use commonware_p2p::{BlockedSubscription, Blocker};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Something that happened at one validator.
#[derive(Clone, Debug)]
pub enum Event {
    /// It began to build a block.
    Proposed {
        /// The block.
        block: sha256::Digest,
        /// Its height.
        height: u64,
        /// When building began.
        at: SystemTime,
    },
    /// It checked a block of another validator.
    Verified {
        /// The block.
        block: sha256::Digest,
        /// Its height.
        height: u64,
        /// What the check of the aggregate signature did.
        signatures: Verdict,
        /// Time of the signature check.
        checking: Duration,
        /// Time of the whole: settlement, signatures, state root.
        total: Duration,
    },
    /// It refused a block.
    Refused {
        /// The block.
        block: sha256::Digest,
        /// Its height.
        height: u64,
        /// The rule it breaks.
        reason: String,
    },
    /// It saw a certificate that makes a block final.
    Certified {
        /// The block.
        block: sha256::Digest,
        /// When.
        at: SystemTime,
    },
    /// It applied a final block.
    Finalized {
        /// The block.
        block: sha256::Digest,
        /// The round it was proposed in.
        round: Round,
        /// Its height.
        height: u64,
        /// The state root after it.
        root: sha256::Digest,
        /// How many transactions it holds.
        transactions: usize,
        /// When.
        at: SystemTime,
    },
    /// It stands at this height when it starts.
    Resumed {
        /// The last final block of the last run.
        height: u64,
    },
    /// It checked a batch of new transactions.
    Admitted {
        /// How many passed and were kept.
        kept: usize,
        /// How many were shed although their signature is good.
        shed: usize,
        /// How many carry a wrong signature.
        invalid: usize,
    },
    /// It blocked a peer for a protocol violation.
    Blocked {
        /// The peer.
        peer: ed25519::PublicKey,
    },
}

/// Receives the events of the validators it is given to.
pub trait Monitor: Send + Sync + 'static {
    /// Takes note of an event at the validator with this index.
    fn on(&self, validator: usize, event: Event);
}

/// Ignores everything.
impl Monitor for () {
    fn on(&self, _: usize, _: Event) {}
}

/// A monitor bound to one validator.
#[derive(Clone)]
pub struct Probe {
    monitor: Arc<dyn Monitor>,
    validator: usize,
}

impl Probe {
    /// Reports as `validator`.
    pub fn new(monitor: Arc<dyn Monitor>, validator: usize) -> Self {
        Self { monitor, validator }
    }

    /// Reports an event.
    pub fn on(&self, event: Event) {
        self.monitor.on(self.validator, event);
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe").field("validator", &self.validator).finish_non_exhaustive()
    }
}

/// Reports certificates of finality on their way to the engine's own reporter.
pub struct Certificates<R, E> {
    /// Where the activity goes next.
    pub inner: R,
    /// Who hears of it.
    pub probe: Probe,
    /// The clock that events are dated by.
    pub clock: Arc<E>,
}

impl<R: Clone, E> Clone for Certificates<R, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), probe: self.probe.clone(), clock: self.clock.clone() }
    }
}

impl<R, E> Reporter for Certificates<R, E>
where
    R: Reporter<Activity = simplex::types::Activity<crate::vote::Scheme, sha256::Digest>>,
    E: commonware_runtime::Clock,
{
    type Activity = R::Activity;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let simplex::types::Activity::Finalization(finalization) = &activity {
            let block = finalization.proposal.payload;
            self.probe.on(Event::Certified { block, at: self.clock.current() });
        }
        self.inner.report(activity)
    }
}

/// Reports whom the engine blocks, and passes it on.
#[derive(Clone, Debug)]
pub struct Blocks<B> {
    /// The network's own blocker.
    pub inner: B,
    /// Who hears of it.
    pub probe: Probe,
}

impl<B: Blocker<PublicKey = ed25519::PublicKey>> Blocker for Blocks<B> {
    type PublicKey = ed25519::PublicKey;

    fn block(&mut self, peer: ed25519::PublicKey) -> Feedback {
        self.probe.on(Event::Blocked { peer: peer.clone() });
        self.inner.block(peer)
    }

    fn blocked(&mut self) -> BlockedSubscription<ed25519::PublicKey> {
        self.inner.blocked()
    }
}

/// Notes how far the chain is known to be final, on the way from marshal to the ledger.
#[derive(Clone)]
pub struct Tips<R> {
    /// Where the update goes next.
    pub inner: R,
    /// Where it is noted.
    pub status: Status,
}

impl<R: Reporter<Activity = Update<Block>>> Reporter for Tips<R> {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        if let Update::Tip(_, height, _) = &update {
            self.status.known(height.get());
        }
        self.inner.report(update)
    }
}

//! How long a transaction takes from its submission to its finality, by lane.
//!
//! The load generator says when it submits what; a task reads each final block of the observer and looks up what the
//! block holds. The time ends when the observer has applied the block.

use super::report::Quantiles;
use crate::block::Block;
use crate::transaction::{Address, Lane, Transaction};
use crate::vote::Scheme;
use commonware_consensus::marshal::Identifier;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::types::Height;
use commonware_cryptography::sha256;
use commonware_utils::sync::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What tells transactions apart before they are signed again: sender, lane and nonce.
type Key = (Address, Lane, u64);

/// Submissions on their way, and the times of those that arrived.
#[derive(Default)]
pub struct Lanes(Mutex<State>);

#[derive(Default)]
struct State {
    /// Final blocks.
    blocks: usize,
    submitted: HashMap<Key, SystemTime>,
    taken: [Vec<Duration>; 2],
}

impl Lanes {
    /// The most submissions and times that are kept; what comes later is not measured.
    const MOST: usize = 1 << 18;
    /// Final blocks before anything is measured.
    const WARM_UP: usize = 8;

    /// Notes a submission.
    pub fn submitted(&self, transaction: &Transaction, at: SystemTime) {
        let mut state = self.0.lock();
        if state.blocks >= Self::WARM_UP && state.submitted.len() < Self::MOST {
            state.submitted.insert(key(transaction), at);
        }
    }

    /// Notes that a block was applied.
    fn finalized(&self, block: &Block, at: SystemTime) {
        let mut state = self.0.lock();
        state.blocks += 1;
        for transaction in &block.transactions {
            let Some(submitted) = state.submitted.remove(&key(transaction)) else { continue };
            let taken = &mut state.taken[transaction.lane.index()];
            if taken.len() < Self::MOST {
                taken.push(at.duration_since(submitted).unwrap_or_default());
            }
        }
    }

    /// How many transactions of a lane are final, and how long they took.
    pub fn quantiles(&self, lane: Lane) -> (usize, Quantiles) {
        let mut taken = self.0.lock().taken[lane.index()].clone();
        taken.sort_unstable();
        (taken.len(), Quantiles::of(&taken))
    }

    /// Takes note of the final blocks of a validator: `finals` gives their heights and when they were applied.
    pub async fn watch(
        self: Arc<Self>,
        marshal: Mailbox<Scheme, Standard<Block>>,
        mut finals: commonware_utils::channel::mpsc::UnboundedReceiver<(u64, SystemTime)>,
    ) {
        while let Some((height, at)) = finals.recv().await {
            let height = Identifier::<sha256::Digest>::Height(Height::new(height));
            if let Some(block) = marshal.get_block(height).await {
                let block: Arc<Block> = block.into();
                self.finalized(&block, at);
            }
        }
    }
}

fn key(transaction: &Transaction) -> Key {
    (transaction.sender.clone(), transaction.lane, transaction.nonce)
}

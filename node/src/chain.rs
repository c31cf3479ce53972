//! Blocks seen and not yet final: what a proposer must know about the branch that it builds on.

use crate::block::Block;
use crate::mempool::pool::NextNonces;
use commonware_consensus::types::Height;
use commonware_cryptography::sha256;
use std::collections::HashMap;
use std::time::SystemTime;

#[derive(Debug)]
struct Link {
    parent: sha256::Digest,
    height: Height,
    /// The nonces that this block leaves to be used next.
    next: NextNonces,
    seen: SystemTime,
}

/// The blocks from the last final one on, in every branch.
///
/// It holds what this node has proposed or checked since it started. What it does not know it leaves out: settlement
/// drops a transaction that an unknown ancestor used up.
#[derive(Debug, Default)]
pub struct Chain {
    links: HashMap<sha256::Digest, Link>,
}

impl Chain {
    /// Adds a block seen at `at`; the first time counts.
    pub fn note(&mut self, digest: sha256::Digest, block: &Block, at: SystemTime) {
        self.links.entry(digest).or_insert_with(|| {
            let mut next = NextNonces::new();
            for transaction in &block.transactions {
                let after = transaction.nonce.saturating_add(1);
                let place = next.entry((transaction.lane, transaction.sender.clone())).or_default();
                *place = after.max(*place);
            }
            Link { parent: block.parent, height: block.height, next, seen: at }
        });
    }

    /// When a block was first seen.
    pub fn seen(&self, digest: &sha256::Digest) -> Option<SystemTime> {
        self.links.get(digest).map(|link| link.seen)
    }

    /// The next nonces after the branch that ends in `tip`.
    pub fn spent(&self, tip: &sha256::Digest) -> NextNonces {
        let mut spent = NextNonces::new();
        let mut digest = tip;
        while let Some(link) = self.links.get(digest) {
            for (key, next) in &link.next {
                let place = spent.entry(key.clone()).or_default();
                *place = (*next).max(*place);
            }
            digest = &link.parent;
        }
        spent
    }

    /// Forgets everything below the last final block.
    pub fn finalized(&mut self, height: Height) {
        self.links.retain(|_, link| link.height >= height);
    }
}

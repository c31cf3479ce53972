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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{Context, State, empty_signature};
    use crate::transaction::{Address, Lane, Transaction};
    use commonware_consensus::types::{Epoch, Round, View};
    use commonware_cryptography::{Digestible as _, Hasher as _, Sha256, Signer as _, ed25519};
    use commonware_storage::mmr::Location;
    use commonware_utils::non_empty_range;
    use std::time::{Duration, UNIX_EPOCH};

    fn child(parent: sha256::Digest, height: u64, nonces: &[u64]) -> Block {
        let (sender, recipient) = (Address::new([1; 48]), Address::new([2; 48]));
        let transfer = |nonce: &u64| Transaction {
            sender: sender.clone(),
            recipient: recipient.clone(),
            amount: 1,
            fee: 1,
            nonce: *nonce,
            lane: Lane::Standard,
        };
        let leader = ed25519::PrivateKey::from_seed(0).public_key();
        let round = Round::new(Epoch::zero(), View::new(height));
        Block {
            context: Context { round, leader, parent: (View::zero(), parent) },
            parent,
            height: Height::new(height),
            state: State { root: parent, range: non_empty_range!(Location::new(0), Location::new(1)) },
            signature: empty_signature(),
            transactions: nonces.iter().map(transfer).collect(),
        }
    }

    #[test]
    fn a_branch_is_told_apart_and_forgotten_when_final() {
        let (at, root) = (UNIX_EPOCH, Sha256::hash(&[b"root"]));
        let first = child(root, 1, &[0, 1]);
        let (left, right) = (child(first.digest(), 2, &[2]), child(first.digest(), 2, &[]));
        let mut chain = Chain::default();
        for block in [&first, &left, &right] {
            chain.note(block.digest(), block, at);
        }
        let next = |chain: &Chain, tip: &Block| {
            chain.spent(&tip.digest()).get(&(Lane::Standard, Address::new([1; 48]))).copied()
        };
        assert_eq!((next(&chain, &left), next(&chain, &right)), (Some(3), Some(2)));
        assert!(chain.spent(&root).is_empty());
        chain.note(first.digest(), &first, at + Duration::from_secs(9));
        assert_eq!(chain.seen(&first.digest()), Some(at), "the first time counts");
        chain.finalized(Height::new(2));
        assert_eq!((next(&chain, &left), next(&chain, &right)), (Some(3), None));
        assert_eq!(chain.seen(&first.digest()), None);
    }
}

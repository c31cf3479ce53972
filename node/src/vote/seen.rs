//! The votes that were received from the others, in memory and on the disk.
//!
//! They are written once a second, so a validator that is killed forgets a second of them at most: a copy of another
//! validator that starts then is still told of every vote before.

use super::{Kind, Scheme};
use crate::environment::Environment;
use commonware_codec::{Copying, MaxEncodeSize as _, RangeCfg, ReadExt as _};
use commonware_consensus::simplex::types::Vote;
use commonware_consensus::types::Round;
use commonware_cryptography::{ed25519, sha256};
use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sync::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A vote as it travels.
pub(super) type Wire = Vote<Scheme, sha256::Digest>;

/// Kinds of votes.
const KINDS: usize = Kind::ALL.len();

/// The highest vote of each kind that was received from each validator. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Table>>);

/// The highest vote of each kind, as it was received.
type Highest = [Option<(Round, Vec<u8>)>; KINDS];

#[derive(Debug, Default)]
struct Table {
    votes: HashMap<ed25519::PublicKey, Highest>,
    /// Validators of whom something was received since they were written.
    changed: HashSet<ed25519::PublicKey>,
}

impl Seen {
    /// Remembers a vote as it was received, if it is the highest of its kind from this validator.
    ///
    /// Only kind and round are read here. A validator that sends nonsense spoils what is told to itself alone.
    pub(super) fn note(&self, from: &ed25519::PublicKey, message: &[u8]) {
        if message.len() > Wire::MAX_ENCODE_SIZE {
            return;
        }
        let mut reader = Copying(message);
        let (Ok(kind @ 0..=2), Ok(round)) = (u8::read(&mut reader), Round::read(&mut reader)) else { return };
        let mut table = self.0.lock();
        let slot = &mut table.votes.entry(from.clone()).or_default()[usize::from(kind)];
        if slot.as_ref().is_none_or(|(highest, _)| round > *highest) {
            *slot = Some((round, message.to_vec()));
            table.changed.insert(from.clone());
        }
    }

    /// What was seen of a validator.
    pub(super) fn of(&self, who: &ed25519::PublicKey) -> Vec<Vec<u8>> {
        let table = self.0.lock();
        table.votes.get(who).into_iter().flatten().flatten().map(|(_, message)| message.clone()).collect()
    }

    /// What was received since the last call.
    fn changes(&self) -> Vec<(ed25519::PublicKey, Vec<Vec<u8>>)> {
        let changed = std::mem::take(&mut self.0.lock().changed);
        changed.into_iter().map(|who| (who.clone(), self.of(&who))).collect()
    }
}

/// Writes what was seen.
pub struct Keeper<E: Environment> {
    seen: Seen,
    /// None once it could not be read or written.
    store: Option<Metadata<E, ed25519::PublicKey, Vec<Vec<u8>>>>,
}

impl<E: Environment> Keeper<E> {
    /// What was seen of these validators before, and what writes more of it.
    ///
    /// Storage that fails costs the memory over a restart and no more; the log says so.
    pub async fn open(
        context: E,
        partition: String,
        validators: impl IntoIterator<Item = &ed25519::PublicKey>,
    ) -> (Seen, Self) {
        let codec_config = (RangeCfg::new(0..=KINDS), (RangeCfg::new(0..=Wire::MAX_ENCODE_SIZE), ()));
        let seen = Seen::default();
        let store = match Metadata::init(context, metadata::Config { partition, codec_config }).await {
            Ok(store) => Some(store),
            Err(error) => {
                forgetful(&error);
                None
            }
        };
        for validator in validators {
            let votes: Option<&Vec<Vec<u8>>> = store.as_ref().and_then(|store| store.get(validator));
            votes.into_iter().flatten().for_each(|vote| seen.note(validator, vote));
        }
        // What was read needs no writing.
        drop(seen.changes());
        (seen.clone(), Self { seen, store })
    }

    /// Writes what was received since the last time, and waits until it is on the disk.
    pub async fn keep(mut self) -> Self {
        let changes = self.seen.changes();
        if changes.is_empty() {
            return self;
        }
        let Some(mut store) = self.store.take() else { return self };
        for (validator, votes) in changes {
            store.put(validator, votes);
        }
        match store.sync().await {
            Ok(store) => self.store = Some(store),
            Err(error) => forgetful(&error),
        }
        self
    }
}

fn forgetful(error: &metadata::Error) {
    tracing::warn!(
        %error,
        "what was seen of the others' votes is not kept: after a restart this validator cannot tell a copy of another \
         one what it saw before"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_codec::Write as _;
    use commonware_consensus::types::{Epoch, View};
    use commonware_cryptography::Signer as _;
    use commonware_runtime::{Runner as _, Supervisor as _, deterministic};

    fn peer(seed: u64) -> ed25519::PublicKey {
        ed25519::PrivateKey::from_seed(seed).public_key()
    }

    /// The beginning of a vote, which is all that is read, and a tail to tell votes apart.
    fn vote(kind: u8, view: u64, tail: u8) -> Vec<u8> {
        let mut message = vec![kind];
        Round::new(Epoch::zero(), View::new(view)).write(&mut message);
        message.extend([tail; 100]);
        message
    }

    #[test]
    fn the_highest_vote_of_each_kind_is_remembered() {
        let seen = Seen::default();
        for (kind, view, tail) in [(0, 5, 1), (0, 4, 2), (0, 5, 3), (1, 9, 4), (2, 2, 5), (2, 3, 6)] {
            seen.note(&peer(1), &vote(kind, view, tail));
        }
        assert_eq!(seen.of(&peer(1)), [vote(0, 5, 1), vote(1, 9, 4), vote(2, 3, 6)]);
        assert!(seen.of(&peer(2)).is_empty());
    }

    #[test]
    fn what_is_no_vote_is_not_remembered() {
        let seen = Seen::default();
        for nonsense in [vec![], vec![0], vec![3; 50], vec![0xff; 50], vec![0; Wire::MAX_ENCODE_SIZE + 1]] {
            seen.note(&peer(1), &nonsense);
        }
        assert!(seen.of(&peer(1)).is_empty());
    }

    #[test]
    fn what_was_kept_is_there_after_a_crash_for_those_who_are_validators() {
        let open = |context: &deterministic::Context, name: &'static str, validators: &[u64]| {
            let validators: Vec<_> = validators.iter().map(|&seed| peer(seed)).collect();
            let context = context.child(name);
            async move { Keeper::open(context, "seen".into(), &validators).await }
        };
        let (_, checkpoint) = deterministic::Runner::default().start_and_recover(|context| async move {
            let (seen, keeper) = open(&context, "first", &[1, 2]).await;
            assert!(seen.of(&peer(1)).is_empty());
            for who in [1, 2] {
                seen.note(&peer(who), &vote(0, 5, 1));
                seen.note(&peer(who), &vote(2, 4, 2));
            }
            let keeper = keeper.keep().await;
            seen.note(&peer(1), &vote(0, 6, 3));
            let keeper = keeper.keep().await;
            // Of this the disk never hears.
            seen.note(&peer(1), &vote(0, 7, 4));
            drop(keeper);
        });
        deterministic::Runner::from(checkpoint).start(|context| async move {
            let (seen, keeper) = open(&context, "second", &[1]).await;
            assert_eq!(seen.of(&peer(1)), [vote(0, 6, 3), vote(2, 4, 2)]);
            assert!(seen.of(&peer(2)).is_empty(), "it is no validator any more");
            // Higher ones take their place, older ones do not.
            seen.note(&peer(1), &vote(0, 3, 9));
            seen.note(&peer(1), &vote(0, 8, 5));
            drop(keeper.keep().await);
            let (seen, _) = open(&context, "third", &[1]).await;
            assert_eq!(seen.of(&peer(1)), [vote(0, 8, 5), vote(2, 4, 2)]);
        });
    }
}

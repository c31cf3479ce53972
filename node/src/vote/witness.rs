//! What the others have seen of a validator's votes.
//!
//! A validator that starts cannot know from its own disk whether its vote record is the latest: the record may have
//! been restored from a backup, and a copy of the validator may be running elsewhere. The others know: they have seen
//! the votes. So every validator remembers, for each other one, the highest vote of each kind that it received, and
//! tells it when it is asked.
//!
//! # Protocol
//!
//! On a channel of its own, small and rare messages:
//!
//! ```text
//! Ask:  | 0 (1) |
//! Tell: | 1 (1) | count (varint, 0 to 3) | for each: length (varint), vote as it was received |
//! ```
//!
//! `Ask` means "what have you seen of me?"; who asks is known from the authenticated connection. `Tell` carries the
//! votes themselves, with their signatures, so that nobody can silence a validator by inventing votes.
//!
//! # Listening
//!
//! A validator asks all others until it has listened for the configured time and as many have answered as it needs,
//! itself included, for a quorum. Fewer would not do: without a quorum there is nothing to vote for, and any two
//! quorums share an honest validator, which knows the votes of the other copy. If the whole network starts at once,
//! all answer that they have seen nothing, and all vote.
//!
//! What was seen is kept (`seen.rs`), so that a validator that restarts has something to tell.
//!
//! It goes on asking while it votes, so that a copy that is started later is noticed by both. A vote in flight is no
//! false alarm: the record holds a vote before anybody else can see it.

use super::Scheme;
use super::gate::Gate;
use super::record::Record as _;
use super::scheme::mark_of;
use super::seen::{Keeper, Seen, Wire};
use crate::environment::Environment;
use crate::status::Role;
use commonware_codec::{
    Buf, Copying, DecodeExt as _, Encode as _, EncodeSize, Error as CodecError, MaxEncodeSize as _, RangeCfg, Read,
    ReadExt as _, Write,
};
use commonware_consensus::simplex::types::{Subject, Vote};
use commonware_cryptography::certificate::{Attestation, Scheme as _};
use commonware_cryptography::{ed25519, sha256};
use commonware_macros::select;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{BufMut, IoBuf};
use commonware_utils::ordered::Quorum as _;
use commonware_utils::{N3f1, Widen as _};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// The largest message of this channel, in bytes.
pub const MAX_MESSAGE: usize = 2 + 3 * (Wire::MAX_ENCODE_SIZE + 5);

/// How often the others are asked while listening.
const ASK: Duration = Duration::from_millis(250);
/// How often they are asked while voting.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often a validator that cannot finish listening says so.
const REMIND: Duration = Duration::from_secs(15);
/// How often what was seen is written.
const KEEP: Duration = Duration::from_secs(1);

/// Receives votes for the engine and remembers them.
#[derive(Debug)]
pub struct Tap<R> {
    inner: R,
    /// None on channels that carry something else.
    seen: Option<Seen>,
}

impl<R> Tap<R> {
    /// Passes on what `inner` receives.
    pub const fn new(inner: R, seen: Option<Seen>) -> Self {
        Self { inner, seen }
    }
}

impl<R: Receiver<PublicKey = ed25519::PublicKey>> Receiver for Tap<R> {
    type Error = R::Error;
    type PublicKey = ed25519::PublicKey;

    async fn recv(&mut self) -> Result<(ed25519::PublicKey, IoBuf), R::Error> {
        let (from, message) = self.inner.recv().await?;
        if let Some(seen) = &self.seen {
            seen.note(&from, message.as_ref());
        }
        Ok((from, message))
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}

/// A message of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Ask,
    Tell(Vec<Vec<u8>>),
}

impl Write for Message {
    fn write(&self, buf: &mut impl BufMut) {
        match self {
            Self::Ask => 0u8.write(buf),
            Self::Tell(votes) => {
                1u8.write(buf);
                votes.write(buf);
            }
        }
    }
}

impl EncodeSize for Message {
    fn encode_size(&self) -> usize {
        1 + match self {
            Self::Ask => 0,
            Self::Tell(votes) => votes.encode_size(),
        }
    }
}

impl Read for Message {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        match u8::read(buf)? {
            0 => Ok(Self::Ask),
            1 => {
                let bounds = (RangeCfg::new(0..=3), (RangeCfg::new(0..=Wire::MAX_ENCODE_SIZE), ()));
                Ok(Self::Tell(Vec::<Vec<u8>>::read_cfg(buf, &bounds)?))
            }
            other => Err(CodecError::InvalidEnum(other)),
        }
    }
}

/// What the task is made of.
pub struct Witness {
    /// Checks votes that are told.
    pub scheme: Scheme,
    /// Opened when listening is over; told of foreign votes. Without one this validator only answers.
    pub gate: Option<Arc<Gate>>,
    /// The least time to listen.
    pub listen: Duration,
    /// What was seen of the others.
    pub seen: Seen,
}

impl Witness {
    /// Asks, answers and keeps what was seen until the context is stopped.
    pub async fn run<E, S, R>(self, mut context: E, mut keeper: Keeper<E>, (mut sender, mut receiver): (S, R))
    where
        E: Environment,
        S: Sender<PublicKey = ed25519::PublicKey>,
        R: Receiver<PublicKey = ed25519::PublicKey>,
    {
        let started = context.current();
        let needed: usize = self.scheme.participants().quorum::<N3f1>().widen();
        let needed = needed.saturating_sub(1);
        let mut answered = BTreeSet::new();
        let (mut next, mut remind, mut keep) = (started, started + REMIND, started + KEEP);
        loop {
            let now = context.current();
            if now >= keep {
                keeper = keeper.keep().await;
                keep = now + KEEP;
            }
            if let Some(gate) = &self.gate {
                let listening = gate.role() == Role::Listening;
                if listening && now >= started + self.listen && answered.len() >= needed {
                    gate.open();
                } else if listening && now >= remind {
                    remind = now + REMIND;
                    tracing::warn!(
                        answered = answered.len(),
                        needed,
                        "not voting yet: too few validators answer; they are down or unreachable, or they are \
                         connected to a running copy of this validator"
                    );
                }
            }
            if now >= next {
                let pause = match self.gate.as_ref().map(|gate| gate.role()) {
                    Some(Role::Listening) => Some(ASK),
                    Some(Role::Voting) => Some(ASK_AGAIN),
                    // Whoever does not vote has nothing to ask.
                    Some(Role::Observing(_)) | None => None,
                };
                if pause.is_some() {
                    sender.send(Recipients::All, IoBuf::from(Message::Ask.encode()), false);
                }
                next = now + pause.unwrap_or(ASK_AGAIN);
            }
            select! {
                _ = context.sleep_until(next) => {},
                message = receiver.recv() => {
                    let Ok((peer, message)) = message else { return };
                    match Message::decode(message) {
                        Ok(Message::Ask) => {
                            let tell = Message::Tell(self.seen.of(&peer));
                            sender.send(Recipients::One(peer), IoBuf::from(tell.encode()), false);
                        }
                        Ok(Message::Tell(votes)) => {
                            for vote in votes {
                                self.told(&mut context, &vote);
                            }
                            answered.insert(peer);
                        }
                        Err(error) => tracing::warn!(%peer, %error, "dropped a malformed message about votes"),
                    }
                },
            }
        }
    }

    /// Looks at a vote that carries our signature, as somebody says.
    fn told<E: Environment>(&self, context: &mut E, vote: &[u8]) {
        let (Some(gate), Some(me)) = (&self.gate, self.scheme.me()) else { return };
        let Ok(vote) = Wire::decode(Copying(vote)) else { return };
        let (subject, attestation) = opened(&vote);
        let mark = mark_of(&subject);
        // Most of the time it is one of ours, and needs no check of its signature.
        if attestation.signer != me.index() || gate.covers(&mark) {
            return;
        }
        if self.scheme.verify_attestation::<_, sha256::Digest>(context, subject, attestation, &Sequential) {
            gate.witnessed(&mark);
        }
    }
}

/// What a vote is about, and its signature.
const fn opened(vote: &Wire) -> (Subject<'_, sha256::Digest>, &Attestation<Scheme>) {
    match vote {
        Vote::Notarize(vote) => (Subject::Notarize { proposal: &vote.proposal }, &vote.attestation),
        Vote::Nullify(vote) => (Subject::Nullify { round: vote.round }, &vote.attestation),
        Vote::Finalize(vote) => (Subject::Finalize { proposal: &vote.proposal }, &vote.attestation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_bounded() {
        let largest = Message::Tell(vec![vec![7; Wire::MAX_ENCODE_SIZE]; 3]);
        for message in [Message::Ask, Message::Tell(Vec::new()), largest] {
            let encoded = message.encode();
            assert!(encoded.len() <= MAX_MESSAGE);
            assert_eq!(Message::decode(encoded).unwrap(), message);
        }
        let too_many = Message::Tell(vec![vec![7]; 4]).encode();
        let too_long = Message::Tell(vec![vec![7; Wire::MAX_ENCODE_SIZE + 1]]).encode();
        for bad in [too_many, too_long] {
            assert!(Message::decode(bad).is_err());
        }
        for bad in [&[][..], &[2], &[0, 0], &[1, 1]] {
            assert!(Message::decode(Copying(bad)).is_err(), "{bad:?}");
        }
    }
}

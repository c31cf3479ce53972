//! What leaves a simulated validator: honest traffic as it is, with a note of every vote; a traitor's traffic changed.
//!
//! A traitor runs the same engine as everybody else and so knows the state of the network; only what it sends is
//! changed, by [`Misdeed`], and it signs whatever it likes. A twin is a traitor that runs two engines under one
//! identity, each of which talks to one half of the network: both propose valid blocks for the same view.

use arblast_node::engine::{CHANNELS, Channels};
use arblast_node::vote::{Record, RecordError, Scheme, Vote as Mark};
use commonware_actor::{Feedback, Unreliable};
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::Viewable as _;
use commonware_consensus::simplex::types::{Certificate, Finalize, Notarize, Nullify, Proposal, Vote};
use commonware_consensus::types::{Round, View};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::{Hasher as _, Sha256, ed25519, sha256::Digest};
use commonware_p2p::simulated::{self, SplitTarget};
use commonware_p2p::{CheckedSender, LimitedSender, Recipients, Sender as _};
use commonware_runtime::{IoBufs, Supervisor as _, deterministic};
use commonware_utils::Participant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

pub type Sender = simulated::Sender<ed25519::PublicKey, deterministic::Context>;
pub type Receiver = simulated::Receiver<ed25519::PublicKey>;
type Pair = (Sender, Receiver);

/// A record that forbids nothing.
#[derive(Debug)]
pub struct Reckless;

impl Record for Reckless {
    fn authorize(&self, _: &Mark) -> Result<(), RecordError> {
        Ok(())
    }
}

/// The votes that honest validators have sent, by validator and view.
#[derive(Default)]
pub struct Ballots(Mutex<BTreeMap<(usize, View), Sent>>);

#[derive(Default)]
struct Sent {
    notarized: BTreeSet<Vec<u8>>,
    nullified: bool,
    finalized: BTreeSet<Vec<u8>>,
}

impl Ballots {
    fn note(&self, validator: usize, message: &[u8]) {
        let vote = Vote::<Scheme, Digest>::decode(Copying(message)).expect("an honest validator sends votes");
        let mut ballots = self.0.lock().unwrap();
        let sent = ballots.entry((validator, vote.view())).or_default();
        match vote {
            Vote::Notarize(notarize) => drop(sent.notarized.insert(notarize.proposal.encode().to_vec())),
            Vote::Nullify(_) => sent.nullified = true,
            Vote::Finalize(finalize) => drop(sent.finalized.insert(finalize.proposal.encode().to_vec())),
        }
    }

    /// Checks that no validator sent two conflicting votes; gives in how many views one voted.
    pub fn check(&self) -> Result<usize, String> {
        let ballots = self.0.lock().unwrap();
        for ((validator, view), sent) in ballots.iter() {
            if sent.notarized.len() > 1 || sent.finalized.len() > 1 || (sent.nullified && !sent.finalized.is_empty()) {
                return Err(format!("validator {validator} sent conflicting votes in view {view}"));
            }
        }
        Ok(ballots.len())
    }
}

/// How a traitor departs from the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misdeed {
    /// One half of the network sees one vote, the other half one that conflicts with it.
    Equivocate,
    /// Votes, certificates and blocks reach a third of the network only.
    Withhold,
    /// Votes with the signature of another message, in another's name, or that are garbage; certificates for
    /// proposals that nobody made.
    Forge,
    /// Votes of earlier views instead of the present one, and of a far later one.
    Stale,
}

impl Misdeed {
    pub const ALL: [Self; 4] = [Self::Equivocate, Self::Withhold, Self::Forge, Self::Stale];
    /// Views after which a traitor changes its ways.
    const TURN: u64 = 3;
}

/// How often each misdeed was committed, over all validators of a network.
#[derive(Default)]
pub struct Misdeeds(Mutex<BTreeMap<Misdeed, u64>>);

impl Misdeeds {
    pub fn of(&self, misdeed: Misdeed) -> u64 {
        self.0.lock().unwrap().get(&misdeed).copied().unwrap_or(0)
    }
}

/// A validator that breaks the protocol, each way in turn.
pub struct Traitor {
    /// Signs without a record.
    scheme: Scheme,
    /// Where in the turn it begins.
    offset: u64,
    /// The latest view it voted in.
    view: AtomicU64,
    history: Mutex<BTreeMap<View, Vote<Scheme, Digest>>>,
    misdeeds: Arc<Misdeeds>,
}

impl Traitor {
    /// A traitor with a scheme on a [`Reckless`] record, whose first misdeed is number `offset`.
    pub fn new(scheme: Scheme, offset: u64, misdeeds: Arc<Misdeeds>) -> Self {
        Self { scheme, offset, view: AtomicU64::new(0), history: Mutex::default(), misdeeds }
    }

    fn misdeed(&self) -> Misdeed {
        let turn = self.offset + self.view.load(Ordering::Relaxed) / Misdeed::TURN;
        Misdeed::ALL[turn as usize % Misdeed::ALL.len()]
    }

    fn commit(&self, misdeed: Misdeed) {
        *self.misdeeds.0.lock().unwrap().entry(misdeed).or_default() += 1;
    }

    /// What is sent instead of a message on a channel: bytes, and for whom of the recipients.
    fn send(&self, channel: usize, bytes: &[u8]) -> Vec<(Portion, Vec<u8>)> {
        let changed = match channel {
            VOTES => Some(self.votes(Vote::decode(Copying(bytes)).expect("the engine sends votes"))),
            CERTIFICATES => self.certificate(bytes),
            BLOCKS | BACKFILL if self.misdeed() == Misdeed::Withhold => Some(vec![(Portion::Third, bytes.to_vec())]),
            _ => return vec![(Portion::All, bytes.to_vec())],
        };
        changed.map_or_else(
            || vec![(Portion::All, bytes.to_vec())],
            |changed| {
                self.commit(self.misdeed());
                changed
            },
        )
    }

    fn votes(&self, vote: Vote<Scheme, Digest>) -> Vec<(Portion, Vec<u8>)> {
        self.view.fetch_max(vote.view().get(), Ordering::Relaxed);
        let honest = vote.encode().to_vec();
        match self.misdeed() {
            Misdeed::Equivocate => vec![(Portion::Even, honest), (Portion::Odd, self.conflicting(&vote))],
            Misdeed::Withhold => vec![(Portion::Third, honest)],
            Misdeed::Forge => {
                let mut cut = honest;
                cut.truncate(cut.len() / 2);
                vec![
                    (Portion::Third, self.forged(vote.clone(), false)),
                    (Portion::Odd, self.forged(vote, true)),
                    (Portion::First, cut),
                ]
            }
            Misdeed::Stale => {
                let mut history = self.history.lock().unwrap();
                let view = vote.view();
                let (epoch, later) = (vote_round(&vote).epoch(), View::new(view.get() + 1_000));
                history.insert(view, vote);
                let old = history.range(..view).next_back().map(|(_, vote)| vote.encode().to_vec());
                let later =
                    Nullify::sign::<Digest>(&self.scheme, Round::new(epoch, later)).expect("nothing forbids it");
                let later = Vote::<Scheme, Digest>::Nullify(later).encode().to_vec();
                old.into_iter().chain([later]).map(|bytes| (Portion::All, bytes)).collect()
            }
        }
    }

    /// A vote of the same view that no honest validator sends beside the given one.
    fn conflicting(&self, vote: &Vote<Scheme, Digest>) -> Vec<u8> {
        let invented = |round: Round, parent| {
            let payload = Sha256::hash(&[b"invented", &round.encode()]);
            Proposal::new(round, parent, payload)
        };
        let scheme = &self.scheme;
        let conflicting = match vote {
            Vote::Notarize(notarize) => {
                let other = invented(notarize.proposal.round, notarize.proposal.parent);
                Vote::Notarize(Notarize::sign(scheme, other).expect("nothing forbids it"))
            }
            Vote::Finalize(finalize) => Vote::<Scheme, Digest>::Nullify(
                Nullify::sign::<Digest>(scheme, finalize.proposal.round).expect("nothing forbids it"),
            ),
            Vote::Nullify(nullify) => {
                let parent = nullify.round.view().previous().unwrap_or(View::zero());
                Vote::Finalize(Finalize::sign(scheme, invented(nullify.round, parent)).expect("nothing forbids it"))
            }
        };
        conflicting.encode().to_vec()
    }

    /// The vote with a signature of another message, or in the name of another.
    fn forged(&self, mut vote: Vote<Scheme, Digest>, impersonate: bool) -> Vec<u8> {
        let round = Round::new(vote_round(&vote).epoch(), View::new(u64::MAX));
        let attestation = match &mut vote {
            Vote::Notarize(vote) => &mut vote.attestation,
            Vote::Nullify(vote) => &mut vote.attestation,
            Vote::Finalize(vote) => &mut vote.attestation,
        };
        if impersonate {
            attestation.signer = Participant::new((attestation.signer.get() + 1) % 2);
        } else {
            let other = Nullify::<Scheme>::sign::<Digest>(&self.scheme, round).expect("nothing forbids it");
            attestation.signature = other.attestation.signature;
        }
        vote.encode().to_vec()
    }

    fn certificate(&self, bytes: &[u8]) -> Option<Vec<(Portion, Vec<u8>)>> {
        match self.misdeed() {
            Misdeed::Withhold => Some(vec![(Portion::Third, bytes.to_vec())]),
            Misdeed::Forge => {
                let codec = self.scheme.certificate_codec_config();
                let mut certificate = Certificate::<Scheme, Digest>::decode_cfg(Copying(bytes), &codec).ok()?;
                let payload = Sha256::hash(&[b"never proposed"]);
                match &mut certificate {
                    Certificate::Notarization(notarization) => notarization.proposal.payload = payload,
                    Certificate::Nullification(nullification) => {
                        nullification.round =
                            Round::new(nullification.round.epoch(), nullification.round.view().next());
                    }
                    Certificate::Finalization(finalization) => finalization.proposal.payload = payload,
                }
                Some(vec![(Portion::All, certificate.encode().to_vec())])
            }
            Misdeed::Equivocate | Misdeed::Stale => None,
        }
    }
}

fn vote_round(vote: &Vote<Scheme, Digest>) -> Round {
    match vote {
        Vote::Notarize(vote) => vote.proposal.round,
        Vote::Nullify(vote) => vote.round,
        Vote::Finalize(vote) => vote.proposal.round,
    }
}

/// A part of the validators, by their place in the order of identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portion {
    All,
    Even,
    Odd,
    Third,
    First,
}

impl Portion {
    fn holds(self, position: usize) -> bool {
        match self {
            Self::All => true,
            Self::Even => position.is_multiple_of(2),
            Self::Odd => !position.is_multiple_of(2),
            Self::Third => position.is_multiple_of(3),
            Self::First => position == 0,
        }
    }
}

const VOTES: usize = 0;
const CERTIFICATES: usize = 1;
const BACKFILL: usize = 3;
const BLOCKS: usize = 4;

/// What a validator does to its own traffic.
#[derive(Clone)]
pub enum Conduct {
    /// It sends what its engine sends, and its votes are noted.
    Honest { validator: usize, ballots: Arc<Ballots> },
    /// It sends something else.
    Traitor(Arc<Traitor>),
    /// One of two engines of a validator, talking to one half only.
    Twin(Portion),
}

/// The sending end of a channel under a conduct.
#[derive(Clone)]
pub struct Link {
    inner: Sender,
    channel: usize,
    conduct: Conduct,
    /// All validators, in the order of identities.
    everybody: Arc<Vec<ed25519::PublicKey>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// A message about to be sent on a [`Link`].
pub struct Checked<'a> {
    link: &'a mut Link,
    honest: Option<(usize, Arc<Ballots>)>,
    recipients: Vec<ed25519::PublicKey>,
}

impl LimitedSender for Link {
    type PublicKey = ed25519::PublicKey;
    type Checked<'a> = Checked<'a>;

    fn check(&mut self, recipients: Recipients<ed25519::PublicKey>) -> Result<Checked<'_>, SystemTime> {
        // The limit itself is applied when the message is sent.
        let recipients = match recipients {
            Recipients::All => self.everybody.to_vec(),
            Recipients::Some(some) => some,
            Recipients::One(one) => vec![one],
        };
        let honest = match &self.conduct {
            Conduct::Honest { validator, ballots } if self.channel == VOTES => Some((*validator, ballots.clone())),
            _ => None,
        };
        Ok(Checked { link: self, honest, recipients })
    }
}

impl CheckedSender for Checked<'_> {
    type PublicKey = ed25519::PublicKey;

    fn recipients(&self) -> Vec<ed25519::PublicKey> {
        self.recipients.clone()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let bytes = message.into().coalesce();
        if let Some((validator, ballots)) = &self.honest {
            ballots.note(*validator, bytes.as_ref());
        }
        let portions = match &self.link.conduct {
            Conduct::Honest { .. } => vec![(Portion::All, bytes.as_ref().to_vec())],
            Conduct::Twin(half) => vec![(*half, bytes.as_ref().to_vec())],
            Conduct::Traitor(traitor) => traitor.send(self.link.channel, bytes.as_ref()),
        };
        let everybody = self.link.everybody.clone();
        let position = |identity: &ed25519::PublicKey| everybody.iter().position(|other| other == identity);
        for (portion, bytes) in portions {
            let chosen = self.recipients.iter().filter(|identity| position(identity).is_some_and(|p| portion.holds(p)));
            let chosen: Vec<_> = chosen.cloned().collect();
            if !chosen.is_empty() {
                self.link.inner.send(Recipients::Some(chosen), bytes, priority);
            }
        }
        Unreliable::new(Feedback::Ok)
    }
}

/// The channels of a validator under a conduct.
pub fn channels(
    pairs: Vec<Pair>,
    conduct: &Conduct,
    everybody: &Arc<Vec<ed25519::PublicKey>>,
) -> Channels<Link, Receiver> {
    let pairs = pairs.into_iter().enumerate().map(|(channel, (inner, receiver))| {
        (Link { inner, channel, conduct: conduct.clone(), everybody: everybody.clone() }, receiver)
    });
    Channels::from_pairs(pairs).expect("a pair for each channel")
}

/// The channels of the two engines of a twin.
pub fn twins(
    context: &deterministic::Context,
    pairs: Vec<Pair>,
    everybody: &Arc<Vec<ed25519::PublicKey>>,
) -> [Channels<Link, Receiver>; 2] {
    let (mut even, mut odd) = (Vec::with_capacity(CHANNELS.len()), Vec::with_capacity(CHANNELS.len()));
    for (sender, receiver) in pairs {
        let everybody = everybody.clone();
        let (first, second) = receiver.split_with(context.child("twins"), move |(from, _)| {
            let position = everybody.iter().position(|other| other == from);
            if position.is_some_and(|position| Portion::Even.holds(position)) {
                SplitTarget::Primary
            } else {
                SplitTarget::Secondary
            }
        });
        even.push((sender.clone(), first));
        odd.push((sender, second));
    }
    [channels(even, &Conduct::Twin(Portion::Even), everybody), channels(odd, &Conduct::Twin(Portion::Odd), everybody)]
}

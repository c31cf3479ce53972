//! The rule against double voting: a pure state machine.
//!
//! # State
//!
//! For each kind of vote (notarize, nullify, finalize) the highest round voted in, and the digest voted for.
//!
//! # Rules
//!
//! A vote is allowed if it is identical to the recorded one of its kind (the engine signs again after a restart), or
//! if both hold:
//! 1. its round is above the recorded one of its kind: a different vote in the same or an older round never;
//! 2. a nullify is above the highest finalize, and a finalize above the highest nullify.
//!
//! The protocol forbids nullify and finalize of the *same* view only. The record knows the highest round of each kind
//! and not the rounds below, so rule 2 also refuses a nullify below the highest finalize and the reverse: in doubt a
//! validator stays silent for one view, which costs nothing that the protocol does not tolerate.
//!
//! Rounds are ordered by epoch, then view.
//!
//! # Encoding
//!
//! 147 bytes: for each kind, in the order above, a presence byte (0 or 1), epoch (8), view (8), digest (32). The
//! digest of a nullify and every byte of an absent mark are zero.

/// A kind of vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Kind {
    /// For a proposal, first round.
    Notarize = 0,
    /// For skipping a view.
    Nullify = 1,
    /// For a notarized proposal.
    Finalize = 2,
}

impl Kind {
    /// All kinds, in the order of their marks.
    pub const ALL: [Self; 3] = [Self::Notarize, Self::Nullify, Self::Finalize];

    /// The kind in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notarize => "notarize",
            Self::Nullify => "nullify",
            Self::Finalize => "finalize",
        }
    }
}

/// One vote, as far as double voting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What it is for.
    pub kind: Kind,
    /// Epoch of the round.
    pub epoch: u64,
    /// View of the round.
    pub view: u64,
    /// SHA-256 of the signed message; zero for a nullify, whose message is the round alone.
    pub digest: [u8; 32],
}

impl Vote {
    /// Whether this is the mark of [`Marks::above`] for the round of `vote`.
    fn is_floor(&self, vote: &Self) -> bool {
        self.round() == vote.round() && self.digest == [0; 32]
    }

    /// Epoch and view.
    pub const fn round(&self) -> (u64, u64) {
        (self.epoch, self.view)
    }
}

/// Why a vote must not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("refusing to {:?} in {:?}: already voted to {:?} in {:?}", wanted.kind, wanted.round(), recorded.kind, recorded.round())]
pub struct Refusal {
    /// The vote asked for.
    pub wanted: Vote,
    /// The recorded vote it conflicts with.
    pub recorded: Vote,
}

/// The highest vote of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    highest: [Option<Vote>; 3],
}

impl Marks {
    /// Length of the encoding in bytes.
    pub const BYTES: usize = 3 * Self::MARK;
    const MARK: usize = 1 + 8 + 8 + 32;

    /// The marks after `vote`, or `None` if it is the recorded one again and nothing changes.
    ///
    /// # Errors
    /// A [`Refusal`] if the vote must not be signed.
    pub fn admit(&self, vote: &Vote) -> Result<Option<Self>, Refusal> {
        let conflict = |recorded: &Vote| Refusal { wanted: *vote, recorded: *recorded };
        if let Some(same_kind) = &self.highest[vote.kind as usize] {
            if same_kind == vote {
                return Ok(None);
            }
            if vote.round() <= same_kind.round() {
                return Err(conflict(same_kind));
            }
        }
        let opposite = match vote.kind {
            Kind::Notarize => None,
            Kind::Nullify => self.highest[Kind::Finalize as usize].as_ref(),
            Kind::Finalize => self.highest[Kind::Nullify as usize].as_ref(),
        };
        if let Some(opposite) = opposite.filter(|opposite| vote.round() <= opposite.round()) {
            return Err(conflict(opposite));
        }
        let mut next = self.clone();
        next.highest[vote.kind as usize] = Some(*vote);
        Ok(Some(next))
    }

    /// Marks that refuse every vote at or below a round (epoch, view), whatever it is for.
    pub fn above((epoch, view): (u64, u64)) -> Self {
        Self { highest: Kind::ALL.map(|kind| Some(Vote { kind, epoch, view, digest: [0; 32] })) }
    }

    /// The highest vote of a kind.
    pub const fn highest(&self, kind: Kind) -> Option<&Vote> {
        self.highest[kind as usize].as_ref()
    }

    /// The highest round (epoch, view) of any kind.
    pub fn last(&self) -> Option<(u64, u64)> {
        self.highest.iter().flatten().map(Vote::round).max()
    }

    /// Whether `vote` can be one that these marks admitted: it is the highest of its kind, or older. One that is not
    /// covered was signed by somebody else with the same key, or under a later state of the record.
    pub fn covers(&self, vote: &Vote) -> bool {
        match &self.highest[vote.kind as usize] {
            // A record made above a round does not know what was voted for there.
            Some(highest) => vote == highest || vote.round() < highest.round() || highest.is_floor(vote),
            None => false,
        }
    }

    /// The encoding described in the module documentation.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        for (mark, slot) in self.highest.iter().zip(bytes.chunks_exact_mut(Self::MARK)) {
            if let Some(vote) = mark {
                slot[0] = 1;
                slot[1..9].copy_from_slice(&vote.epoch.to_be_bytes());
                slot[9..17].copy_from_slice(&vote.view.to_be_bytes());
                slot[17..].copy_from_slice(&vote.digest);
            }
        }
        bytes
    }

    /// Decodes what [`Marks::encode`] wrote, and nothing else.
    pub fn decode(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let mut marks = Self::default();
        for (kind, slot) in Kind::ALL.into_iter().zip(bytes.chunks_exact(Self::MARK)) {
            if slot[0] == 1 {
                marks.highest[kind as usize] = Some(Vote {
                    kind,
                    epoch: u64::from_be_bytes(slot[1..9].try_into().ok()?),
                    view: u64::from_be_bytes(slot[9..17].try_into().ok()?),
                    digest: slot[17..].try_into().ok()?,
                });
            }
        }
        // Encoding again refuses other presence bytes, and anything hidden in an absent mark.
        (marks.encode() == *bytes).then_some(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(kind: Kind, epoch: u64, view: u64, digest: u8) -> Vote {
        Vote { kind, epoch, view, digest: [digest; 32] }
    }

    fn after(votes: &[Vote]) -> Marks {
        votes.iter().fold(Marks::default(), |marks, vote| marks.admit(vote).unwrap().unwrap_or(marks))
    }

    #[test]
    fn a_different_vote_in_the_same_or_an_older_round_is_refused() {
        for kind in [Kind::Notarize, Kind::Finalize] {
            let recorded = vote(kind, 1, 5, 7);
            let marks = after(&[recorded]);
            for wanted in [vote(kind, 1, 5, 8), vote(kind, 1, 4, 7), vote(kind, 0, 9, 7), vote(kind, 0, 9, 8)] {
                assert_eq!(marks.admit(&wanted), Err(Refusal { wanted, recorded }));
            }
            assert_eq!(marks.admit(&recorded), Ok(None), "the same vote again");
            for higher in [vote(kind, 1, 6, 7), vote(kind, 2, 0, 8)] {
                assert!(marks.admit(&higher).unwrap().is_some());
            }
        }
    }

    #[test]
    fn nullify_and_finalize_exclude_each_other() {
        let nullified = after(&[vote(Kind::Nullify, 0, 5, 0)]);
        assert!(nullified.admit(&vote(Kind::Finalize, 0, 5, 1)).is_err());
        assert!(nullified.admit(&vote(Kind::Finalize, 0, 4, 1)).is_err());
        assert!(nullified.admit(&vote(Kind::Finalize, 0, 6, 1)).is_ok());
        let finalized = after(&[vote(Kind::Finalize, 0, 5, 1)]);
        assert!(finalized.admit(&vote(Kind::Nullify, 0, 5, 0)).is_err());
        assert!(finalized.admit(&vote(Kind::Nullify, 0, 4, 0)).is_err());
        assert!(finalized.admit(&vote(Kind::Nullify, 0, 6, 0)).is_ok());
    }

    #[test]
    fn the_protocol_s_own_sequences_pass() {
        // Notarize, time out, nullify; next view notarize and finalize; the retry of an old nullify is identical.
        let marks = after(&[
            vote(Kind::Notarize, 0, 1, 1),
            vote(Kind::Nullify, 0, 1, 0),
            vote(Kind::Nullify, 0, 1, 0),
            vote(Kind::Notarize, 0, 2, 2),
            vote(Kind::Finalize, 0, 2, 2),
            vote(Kind::Nullify, 0, 3, 0),
        ]);
        assert_eq!(marks.admit(&vote(Kind::Finalize, 0, 2, 2)), Ok(None), "signed before: may be signed again");
        assert!(marks.admit(&vote(Kind::Notarize, 0, 3, 3)).is_ok(), "notarize may follow nullify");
    }

    #[test]
    fn what_these_marks_did_not_admit_is_not_covered() {
        let marks = after(&[vote(Kind::Notarize, 0, 5, 1), vote(Kind::Nullify, 0, 3, 0)]);
        for own in [vote(Kind::Notarize, 0, 5, 1), vote(Kind::Notarize, 0, 4, 9), vote(Kind::Nullify, 0, 3, 0)] {
            assert!(marks.covers(&own), "{own:?}");
        }
        let foreign = [
            vote(Kind::Notarize, 0, 5, 2),
            vote(Kind::Notarize, 0, 6, 1),
            vote(Kind::Nullify, 0, 4, 0),
            vote(Kind::Finalize, 0, 1, 1),
        ];
        for foreign in foreign {
            assert!(!marks.covers(&foreign), "{foreign:?}");
        }
    }

    #[test]
    fn marks_above_a_round_refuse_everything_up_to_it() {
        let marks = Marks::above((0, 9));
        assert_eq!(marks.last(), Some((0, 9)));
        for kind in Kind::ALL {
            let digest = if kind == Kind::Nullify { 0 } else { 7 };
            for view in [0, 8, 9] {
                assert!(kind == Kind::Nullify && view == 9 || marks.admit(&vote(kind, 0, view, digest)).is_err());
                assert!(marks.covers(&vote(kind, 0, view, digest)), "{kind:?} in {view}");
            }
            assert!(marks.admit(&vote(kind, 0, 10, digest)).is_ok());
            assert!(!marks.covers(&vote(kind, 0, 10, digest)));
        }
        assert_eq!(Marks::decode(&marks.encode()), Some(marks));
    }

    #[test]
    fn decoding_accepts_exactly_what_encoding_writes() {
        let marks = after(&[vote(Kind::Notarize, 1, 2, 3), vote(Kind::Finalize, u64::MAX, 0, 255)]);
        let good = marks.encode();
        assert_eq!(Marks::decode(&good), Some(marks));
        assert_eq!(Marks::decode(&Marks::default().encode()), Some(Marks::default()));
        let mut presence = good;
        presence[0] = 2;
        assert_eq!(Marks::decode(&presence), None);
        let mut hidden = good;
        hidden[Marks::MARK + 3] = 1;
        assert_eq!(Marks::decode(&hidden), None, "a byte in an absent mark");
    }
}

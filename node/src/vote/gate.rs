//! The door in front of the vote record.
//!
//! A [`Gate`] lets votes through to the record while the validator's role is to vote, and to nobody otherwise. What it
//! refuses it counts; what makes voting unsafe changes the role for good:
//!
//! - the record cannot be written: nothing more is signed, because it is unknown what is on the disk;
//! - somebody shows a vote with our signature that the record does not cover: another copy votes with this key, or the
//!   record was replaced by an older one.

use super::marks::Vote;
use super::record::{FileRecord, Record, RecordError};
use crate::status::{Cause, Role, Status};
use commonware_utils::sync::Mutex;

/// Lets votes through to a record while the validator is to vote.
pub struct Gate {
    status: Status,
    /// None if there is no usable record; then the role never becomes voting.
    record: Option<FileRecord>,
    /// The highest foreign votes shown while listening: the first and the last.
    shown: Mutex<Option<(Vote, Vote)>>,
}

impl Gate {
    /// A gate before a record. Without one the caller must have made `status` an observer's.
    pub fn new(status: Status, record: Option<FileRecord>) -> Self {
        Self { status, record, shown: Mutex::default() }
    }

    /// Ends listening: opens the gate, unless a foreign vote was shown meanwhile.
    pub fn open(&self) {
        let shown = *self.shown.lock();
        match shown {
            None => {
                if self.record.is_some() && self.status.vote() {
                    tracing::info!("voting");
                }
            }
            // More votes while we only listened: somebody is signing at this moment.
            Some((first, last)) if last.round() > first.round() => self.copy(&last),
            Some((_, last)) => self.stale(&last),
        }
    }

    /// The validator's role.
    pub fn role(&self) -> Role {
        self.status.role()
    }

    /// Whether the record can be the one that admitted this vote. Without a record nothing is known, and nothing is
    /// voted for.
    pub fn covers(&self, vote: &Vote) -> bool {
        self.record.as_ref().and_then(FileRecord::marks).is_none_or(|marks| marks.covers(vote))
    }

    fn copy(&self, vote: &Vote) {
        let (_, view) = vote.round();
        self.status.observe(
            Cause::Copy,
            format!(
                "somebody else votes with this validator's key: a {} in view {view} is not in the vote record. Find \
                 and stop the other copy, then restart this one; if that does not help, see: arblast-node vote-record \
                 --help",
                vote.kind.name()
            ),
        );
    }

    fn stale(&self, vote: &Vote) {
        let (_, view) = vote.round();
        let known = self.record.as_ref().and_then(FileRecord::marks).and_then(|marks| marks.last());
        let known = known.map_or("is empty".into(), |(_, view)| format!("ends in view {view}"));
        self.status.observe(
            Cause::RecordStale,
            format!(
                "the network has seen a {} of this validator's key in view {view}, but the vote record {known}: the \
                 record was replaced by an older one, or a copy of this validator has voted. Make sure that no copy \
                 is running; then run: arblast-node vote-record create --help",
                vote.kind.name()
            ),
        );
    }
}

impl Record for Gate {
    fn authorize(&self, vote: &Vote) -> Result<(), RecordError> {
        let role = self.status.role();
        let record = match (&role, &self.record) {
            (Role::Voting, Some(record)) => record,
            _ => {
                self.status.refused(role.name());
                return Err(RecordError::NotVoting { role: role.name() });
            }
        };
        let outcome = record.authorize(vote);
        match &outcome {
            Ok(()) => self.status.signed(vote.kind.name()),
            Err(RecordError::Conflict(_)) => self.status.refused("conflict"),
            Err(error) => {
                self.status.refused("record");
                self.status.observe(
                    Cause::RecordWrite,
                    format!("{error}. Make the file writable (is the disk full?) and restart the validator"),
                );
            }
        }
        outcome
    }

    fn witnessed(&self, vote: &Vote) {
        if self.covers(vote) {
            return;
        }
        match self.status.role() {
            Role::Voting => self.copy(vote),
            Role::Listening => {
                let mut shown = self.shown.lock();
                let first = shown.map_or(*vote, |(first, _)| first);
                let last = shown.map_or(*vote, |(_, last)| if vote.round() > last.round() { *vote } else { last });
                *shown = Some((first, last));
            }
            Role::Observing(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use crate::vote::marks::Kind;
    use std::path::PathBuf;

    fn vote(view: u64, digest: u8) -> Vote {
        Vote { kind: Kind::Notarize, epoch: 0, view, digest: [digest; 32] }
    }

    /// A gate before a new record in a folder of its own.
    fn gate(folder: &Scratch) -> (Gate, Status, PathBuf) {
        let (path, status) = (folder.path().join("votes"), Status::default());
        let record = FileRecord::create(&path, [1; 32]).unwrap();
        (Gate::new(status.clone(), Some(record)), status, path)
    }

    fn cause(status: &Status) -> Option<Cause> {
        match status.role() {
            Role::Observing(reason) => Some(reason.cause),
            _ => None,
        }
    }

    #[test]
    fn nothing_is_signed_while_listening() {
        let folder = Scratch::new("gate-listening").unwrap();
        let (gate, status, _) = gate(&folder);
        assert!(matches!(gate.authorize(&vote(1, 1)), Err(RecordError::NotVoting { role: "listening" })));
        gate.open();
        gate.authorize(&vote(1, 1)).unwrap();
        assert!(matches!(gate.authorize(&vote(1, 2)), Err(RecordError::Conflict(_))));
        let votes = status.votes();
        assert_eq!(votes.signed, [("notarize", 1)].into());
        assert_eq!(votes.refused, [("conflict", 1), ("listening", 1)].into());
    }

    #[test]
    fn a_vote_that_the_record_does_not_know_keeps_the_gate_closed() {
        let folder = Scratch::new("gate-stale").unwrap();
        let (gate, status, path) = gate(&folder);
        gate.open();
        gate.authorize(&vote(5, 1)).unwrap();
        drop(gate);
        let reopened = || {
            let (status, record) = (Status::default(), FileRecord::open(&path, [1; 32]).unwrap());
            (Gate::new(status.clone(), Some(record)), status)
        };
        // Our own votes come back: the last one, and older ones.
        let (gate, status_again) = reopened();
        gate.witnessed(&vote(5, 1));
        gate.witnessed(&vote(4, 7));
        gate.open();
        assert_eq!(status_again.role(), Role::Voting);
        drop(gate);
        // One that this record did not admit.
        for foreign in [vote(6, 1), vote(5, 2), Vote { kind: Kind::Finalize, ..vote(1, 1) }] {
            let (gate, status) = reopened();
            gate.witnessed(&foreign);
            assert_eq!(status.role(), Role::Listening, "it is still found out why");
            gate.open();
            assert_eq!(cause(&status), Some(Cause::RecordStale), "{foreign:?}");
            assert!(gate.authorize(&vote(9, 1)).is_err());
        }
        // More of them while we listen.
        let (gate, status_live) = reopened();
        gate.witnessed(&vote(6, 1));
        gate.witnessed(&vote(7, 1));
        gate.open();
        assert_eq!(cause(&status_live), Some(Cause::Copy));
        assert_eq!(status.role(), Role::Voting, "the first one ended before all this");
    }

    #[test]
    fn a_copy_that_votes_later_ends_voting() {
        let folder = Scratch::new("gate-copy").unwrap();
        let (gate, status, _) = gate(&folder);
        gate.open();
        gate.authorize(&vote(3, 1)).unwrap();
        gate.witnessed(&vote(3, 1));
        assert_eq!(status.role(), Role::Voting);
        gate.witnessed(&vote(4, 1));
        assert_eq!(cause(&status), Some(Cause::Copy));
        assert!(matches!(gate.authorize(&vote(5, 1)), Err(RecordError::NotVoting { role: "observing" })));
        gate.open();
        assert_eq!(cause(&status), Some(Cause::Copy), "it does not open again");
    }

    #[test]
    fn a_record_that_cannot_be_written_ends_voting() {
        let folder = Scratch::new("gate-write").unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let status = Status::default();
        let record = FileRecord::create(&inner.join("votes"), [1; 32]).unwrap();
        let gate = Gate::new(status.clone(), Some(record));
        gate.open();
        std::fs::remove_dir_all(&inner).unwrap();
        assert!(gate.authorize(&vote(1, 1)).is_err());
        assert_eq!(cause(&status), Some(Cause::RecordWrite));
        std::fs::create_dir(&inner).unwrap();
        assert!(gate.authorize(&vote(2, 1)).is_err());
    }

    #[test]
    fn without_a_record_the_gate_never_opens() {
        let status = Status::default();
        let gate = Gate::new(status.clone(), None);
        gate.open();
        assert_ne!(status.role(), Role::Voting);
        assert!(gate.authorize(&vote(1, 1)).is_err());
    }
}

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

//! The vote scheme and the genesis checks, against real keys.

use crate::support::{dispatcher, entry, secret};
use arblast_node::crypto::{self, Checker, SecretKey};
use arblast_node::genesis::{Genesis, GenesisError, Parameters, Validator};
use arblast_node::transaction::Address;
use arblast_node::vote::{MemoryRecord, Scheme};
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal, Subject};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::certificate::{Attestation, Scheme as _, Verifier as _};
use commonware_cryptography::{Hasher as _, Sha256, Signer as _, ed25519, sha256::Digest};
use commonware_parallel::Sequential;
use commonware_utils::Participant;
use commonware_utils::iter::NonEmpty;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::Arc;

const PARAMETERS: Parameters = Parameters { base_fee: 1, block_transactions: 64 };

fn validators() -> Vec<Validator> {
    (0..4u8).map(|n| entry(&ed25519::PrivateKey::from_seed(n.into()), &secret("vote", n))).collect()
}

fn genesis_of(validators: Vec<Validator>, accounts: BTreeMap<Address, u64>) -> Result<Genesis, GenesisError> {
    Genesis::new("votes", validators, accounts, PARAMETERS, &Checker::new(dispatcher()))
}

fn genesis() -> Genesis {
    genesis_of(validators(), BTreeMap::new()).unwrap()
}

/// A signing scheme for each validator, in the order of the participants, with a record of its own.
fn schemes(genesis: &Genesis) -> Vec<Scheme> {
    let scheme = |n| {
        let vote = secret("vote", n).to_bytes();
        Scheme::signer(genesis, &vote, Arc::new(MemoryRecord::default()), Checker::new(dispatcher())).unwrap()
    };
    let mut schemes: Vec<_> = (0..4u8).map(scheme).collect();
    schemes.sort_by_key(|scheme| scheme.me().unwrap().index());
    schemes
}

fn proposal(view: u64, payload: &[u8]) -> Proposal<Digest> {
    Proposal::new(Round::new(Epoch::zero(), View::new(view)), View::new(view - 1), Sha256::hash(&[payload]))
}

fn votes(schemes: &[Scheme], proposal: &Proposal<Digest>) -> Vec<Attestation<Scheme>> {
    schemes.iter().map(|scheme| scheme.sign::<Digest>(Subject::Notarize { proposal }).unwrap()).collect()
}

/// Runs a call and checks that it drew one seed of 32 bytes, no more and no less.
fn one_seed<T>(call: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
    let (mut used, mut expected) = (ChaCha20Rng::from_seed([5; 32]), ChaCha20Rng::from_seed([5; 32]));
    let outcome = call(&mut used);
    expected.fill_bytes(&mut [0; 32]);
    assert_eq!(used.next_u64(), expected.next_u64(), "the call did not draw exactly one seed");
    outcome
}

#[test]
fn a_genesis_needs_proofs_of_possession_and_distinct_keys() {
    let refused = |change: &dyn Fn(&mut Vec<Validator>)| {
        let mut validators = validators();
        change(&mut validators);
        genesis_of(validators, BTreeMap::new()).err()
    };
    let foreign = crypto::prove_possession(&secret("vote", 9)).to_bytes();
    assert!(matches!(refused(&|v| v[2].proof = foreign), Some(GenesisError::Possession(2))));
    assert!(matches!(refused(&|v| v[1].proof = [0; 96]), Some(GenesisError::Encoding { validator: 1, .. })));
    assert!(matches!(refused(&|v| v[3].vote = [0xff; 48]), Some(GenesisError::Encoding { validator: 3, .. })));
    assert!(matches!(refused(&|v| v[3].identity = v[0].identity.clone()), Some(GenesisError::DuplicateIdentity(3))));
    assert!(matches!(refused(&|v| v[3].vote = v[1].vote), Some(GenesisError::DuplicateVoteKey(3))));
    assert!(matches!(refused(&Vec::clear), Some(GenesisError::NoValidators)));
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    for bad in [[0; 48], [0xff; 48], identity] {
        let accounts = BTreeMap::from([(Address::new(bad), 1)]);
        assert!(matches!(genesis_of(validators(), accounts), Err(GenesisError::Account(_))));
    }
    let accounts = [1, 2].map(|n| (crypto::address(&secret("wallet", n)), u64::MAX)).into();
    assert!(matches!(genesis_of(validators(), accounts), Err(GenesisError::Supply)));
}

#[test]
fn only_a_validator_of_this_network_signs() {
    let stranger: SecretKey = secret("vote", 77);
    let record = Arc::new(MemoryRecord::default());
    assert!(Scheme::signer(&genesis(), &stranger.to_bytes(), record, Checker::new(dispatcher())).is_err());
    let verifier = Scheme::verifier(&genesis(), Checker::new(dispatcher())).unwrap();
    assert!(verifier.sign::<Digest>(Subject::Nullify { round: proposal(1, b"a").round }).is_none());
}

#[test]
fn forged_and_misattributed_votes_are_found_and_the_others_kept() {
    let schemes = schemes(&genesis());
    let (this, other) = (proposal(3, b"this"), proposal(4, b"other"));
    let mut attestations = votes(&schemes, &this);
    attestations[1] = votes(&schemes[1..2], &other).remove(0);
    attestations[2].signer = Participant::new(40);
    let subject = Subject::Notarize { proposal: &this };
    let result =
        one_seed(|rng| schemes[0].verify_attestations::<_, Digest, _>(rng, subject, attestations.clone(), &Sequential));
    let good: Vec<_> = result.verified.iter().map(|attestation| attestation.signer).collect();
    assert_eq!(good, [Participant::new(0), Participant::new(3)]);
    assert_eq!(result.invalid, [Participant::new(1), Participant::new(40)]);
    for (attestation, valid) in attestations.iter().zip([true, false, false, true]) {
        let single = one_seed(|rng| schemes[3].verify_attestation::<_, Digest>(rng, subject, attestation, &Sequential));
        assert_eq!(single, valid);
    }
    let empty = one_seed(|rng| schemes[0].verify_attestations::<_, Digest, _>(rng, subject, [], &Sequential));
    assert!(empty.verified.is_empty() && empty.invalid.is_empty());
}

#[test]
fn a_certificate_needs_a_quorum_of_good_votes() {
    let schemes = schemes(&genesis());
    let this = proposal(3, b"this");
    let subject = Subject::Notarize { proposal: &this };
    let good = votes(&schemes, &this);
    let assemble = |pending: Vec<Attestation<Scheme>>, verified: &[Attestation<Scheme>]| {
        one_seed(|rng| schemes[0].optimistic_assemble::<_, Digest, _, _>(rng, subject, pending, verified, &Sequential))
    };
    let certificate = assemble(good[..3].to_vec(), &[]).ok().expect("three of four are a quorum");
    assert!(one_seed(|rng| schemes[1].verify_certificate::<_, Digest>(rng, subject, &certificate, &Sequential)));
    assert!(assemble(Vec::new(), &good[..3]).is_ok(), "votes checked before");
    assert!(assemble(good[2..3].to_vec(), &good[..2]).is_ok(), "some checked before");
    let few = assemble(good[..2].to_vec(), &[]).expect_err("two are too few");
    assert_eq!((few.verified.len(), few.invalid.len()), (2, 0));

    let mut mixed = good[..3].to_vec();
    mixed[1].signature = votes(&schemes[1..2], &proposal(4, b"other"))[0].signature.clone();
    let blamed = assemble(mixed, &[]).expect_err("one vote is forged");
    assert_eq!((blamed.verified.len(), blamed.invalid), (2, vec![Participant::new(1)]));
}

#[test]
fn a_batch_of_certificates_has_a_verdict_for_each() {
    let schemes = schemes(&genesis());
    let proposals: Vec<_> = (1..=4).map(|view| proposal(view, &[view as u8])).collect();
    let certificate = |proposal| {
        let votes = votes(&schemes, proposal);
        schemes[0].assemble(NonEmpty::try_new(votes.into_iter()).unwrap(), &Sequential).unwrap()
    };
    let certificates: Vec<_> = proposals.iter().map(certificate).collect();
    let mut pairs: Vec<_> =
        proposals.iter().zip(&certificates).map(|(proposal, c)| (Subject::Notarize { proposal }, c)).collect();
    let all = |rng: &mut ChaCha20Rng, pairs: &[_]| {
        let pairs = NonEmpty::try_new(pairs.iter().copied()).unwrap();
        schemes[0].verify_certificates::<_, Digest, _>(rng, pairs, &Sequential)
    };
    assert!(one_seed(|rng| all(rng, &pairs)));
    pairs[2].1 = &certificates[0];
    assert!(!one_seed(|rng| all(rng, &pairs)));
    let verdicts = one_seed(|rng| schemes[0].verify_certificates_bisect::<_, Digest>(rng, &pairs, &Sequential));
    assert_eq!(verdicts, [true, true, false, true]);
}

#[test]
fn the_record_silences_conflicting_votes() {
    let scheme = &schemes(&genesis())[0];
    let (this, other) = (proposal(5, b"this"), proposal(5, b"other"));
    assert!(Notarize::sign(scheme, this.clone()).is_some());
    assert!(Notarize::sign(scheme, this.clone()).is_some(), "the same vote again");
    assert!(Notarize::sign(scheme, other).is_none(), "another proposal of the view");
    assert!(Notarize::sign(scheme, proposal(4, b"older")).is_none());
    assert!(Finalize::sign(scheme, this.clone()).is_some());
    assert!(Nullify::<Scheme>::sign::<Digest>(scheme, this.round).is_none(), "finalized this view");
    let next = proposal(6, b"next");
    assert!(Nullify::<Scheme>::sign::<Digest>(scheme, next.round).is_some());
    assert!(Finalize::sign(scheme, next).is_none(), "nullified this view");
}

#[test]
fn a_vote_counts_on_its_network_only() {
    let here = schemes(&genesis());
    let checker = Checker::new(dispatcher());
    let elsewhere = Genesis::new("elsewhere", validators(), BTreeMap::new(), PARAMETERS, &checker).unwrap();
    let there = Scheme::verifier(&elsewhere, checker).unwrap();
    let this = proposal(1, b"this");
    let subject = Subject::Notarize { proposal: &this };
    let vote = votes(&here[..1], &this).remove(0);
    let mut rng = ChaCha20Rng::from_seed([0; 32]);
    assert!(here[1].verify_attestation::<_, Digest>(&mut rng, subject, &vote, &Sequential));
    assert!(!there.verify_attestation::<_, Digest>(&mut rng, subject, &vote, &Sequential));
}

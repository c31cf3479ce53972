//! The certificate scheme of the votes: commonware's BLS multisignature with every check sent to the dispatcher.
//!
//! A vote is a BLS signature (keys in G1, signatures in G2) over a namespaced message; a certificate is the sum of a
//! quorum's votes with a bitmap of who voted. The wire format and the quorum rules are those of
//! [`bls12381_multisig`]; this module replaces the checks.
//!
//! # Invariants
//!
//! - **Randomness**: each verifying call takes exactly one 32-byte seed from the runtime's generator, whatever path it
//!   takes inside, or the deterministic runtime would diverge between a run with and a run without a device. A second
//!   check inside one call derives its seed from the first.
//! - **Blame**: a vote is reported invalid only if it does not decode, names nobody, or blst found it wrong (the
//!   dispatcher confirms every negative). If a check could not be carried out, commonware's own check answers; the
//!   peer is never blamed for our trouble.
//! - **Signing**: a signature leaves only after the [`Record`] holds it durably. A refusal looks like a scheme that
//!   cannot sign: the engine stays silent.
//! - **Witness**: a valid certificate that holds our own vote is shown to the record, which finds out that a copy of
//!   this validator has voted.
//! - **Possession**: constructors take a checked [`Genesis`], so that every vote key has a verified proof.

use super::{Kind, Record, RecordError, Vote};
use crate::crypto::{Checker, Claim, PublicKey, Signature};
use crate::genesis::Genesis;
use commonware_codec::{Copying, DecodeExt as _, Encode, Read};
use commonware_consensus::simplex::scheme::{Namespace, bls12381_multisig};
use commonware_consensus::simplex::types::{Finalization, Subject};
use commonware_cryptography::bls12381::primitives::group;
use commonware_cryptography::bls12381::primitives::variant::{MinPk, Variant};
use commonware_cryptography::certificate::{
    self, AssemblyError, Attestation, Membership, Namespace as _, Scheme as _, Subject as _, Verification, Verifier,
};
use commonware_cryptography::{Digest, Hasher as _, Sha256, ed25519, sha256};
use commonware_parallel::Strategy;
use commonware_utils::iter::NonEmpty;
use commonware_utils::ordered::{BiMap, Quorum as _, Set};
use commonware_utils::{N3f1, Participant, Widen as _, union_unique};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng as _};
use std::collections::BTreeSet;
use std::sync::Arc;

type Inner = bls12381_multisig::Scheme<ed25519::PublicKey, MinPk>;
type Certificate = <Inner as Verifier>::Certificate;

/// Signs votes under a record, and checks votes and certificates through the dispatcher. Cheap to clone.
#[derive(Clone)]
pub struct Scheme {
    inner: Inner,
    shared: Arc<Shared>,
    batches: Batches,
}

struct Shared {
    /// Vote keys in the order of the participants.
    keys: Vec<PublicKey>,
    namespace: Namespace,
    checker: Checker,
    record: Option<Arc<dyn Record>>,
}

/// How a batch of certificates is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batches {
    /// As one batch through the dispatcher.
    Together,
    /// Each on its own by the engine's multisignature.
    OneByOne,
}

impl std::fmt::Debug for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheme").field("me", &self.inner.me()).finish_non_exhaustive()
    }
}

/// Why a scheme cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SchemeError {
    /// The genesis holds a vote key that the engine's decoder refuses.
    #[error("validator {0}: its vote key is not accepted by the consensus engine")]
    Key(usize),
    /// The secret key belongs to no validator of the genesis.
    #[error("the vote key given belongs to no validator of this network")]
    NotAValidator,
}

impl Scheme {
    /// A scheme that signs with `secret`, a validator's 32-byte vote key, under `record`.
    ///
    /// # Errors
    /// [`SchemeError`].
    pub fn signer(
        genesis: &Genesis,
        secret: &[u8; 32],
        record: Arc<dyn Record>,
        checker: Checker,
    ) -> Result<Self, SchemeError> {
        let participants = participants(genesis)?;
        let private = group::Private::decode(Copying(secret)).map_err(|_| SchemeError::NotAValidator)?;
        let inner = Inner::signer(&genesis.vote_namespace(), participants, private);
        Ok(Self::assembled(inner.ok_or(SchemeError::NotAValidator)?, genesis, Some(record), checker))
    }

    /// A scheme that only checks.
    ///
    /// # Errors
    /// [`SchemeError::Key`].
    pub fn verifier(genesis: &Genesis, checker: Checker) -> Result<Self, SchemeError> {
        let inner = Inner::verifier(&genesis.vote_namespace(), participants(genesis)?);
        Ok(Self::assembled(inner, genesis, None, checker))
    }

    fn assembled(inner: Inner, genesis: &Genesis, record: Option<Arc<dyn Record>>, checker: Checker) -> Self {
        let mut validators: Vec<_> = genesis.validators().iter().collect();
        validators.sort_by(|(a, _), (b, _)| a.identity.cmp(&b.identity));
        let keys = validators.into_iter().map(|(_, key)| *key).collect();
        let namespace = Namespace::derive(&genesis.vote_namespace());
        Self { inner, shared: Arc::new(Shared { keys, namespace, checker, record }), batches: Batches::Together }
    }

    /// The same scheme, but every certificate of a batch is checked on its own by the engine's multisignature. It is
    /// what catching up in batches is measured against, and nothing else uses it.
    #[doc(hidden)]
    #[must_use]
    pub fn one_by_one(mut self) -> Self {
        self.batches = Batches::OneByOne;
        self
    }

    /// Tells the record of a certificate that this validator has stored, and so checked before.
    pub fn recall<D: Digest>(&self, finalization: &Finalization<Self, D>) {
        let subject = Subject::Finalize { proposal: &finalization.proposal };
        self.witness(&subject, &finalization.certificate, true);
    }

    fn to_inner(attestation: &Attestation<Self>) -> Attestation<Inner> {
        Attestation { signer: attestation.signer, signature: attestation.signature.clone() }
    }

    fn from_inner(attestation: Attestation<Inner>) -> Attestation<Self> {
        Attestation { signer: attestation.signer, signature: attestation.signature }
    }

    fn key(&self, signer: Participant) -> Option<PublicKey> {
        self.shared.keys.get(usize::from(signer)).copied()
    }

    fn message<D: Digest>(&self, subject: &Subject<'_, D>) -> Vec<u8> {
        union_unique(subject.namespace(&self.shared.namespace), &subject.message())
    }

    /// Who signed a certificate, if it is well formed and carries a quorum.
    fn signers(&self, certificate: &Certificate) -> Option<Vec<PublicKey>> {
        let committee = self.inner.participants();
        if certificate.signers.len() != committee.len()
            || certificate.signers.count() < committee.quorum::<N3f1>().widen()
        {
            return None;
        }
        certificate.signers.iter().map(|signer| self.key(signer)).collect()
    }

    /// The signatures of several certificates, decoded as one batch; `None` for what is none.
    fn decoded<D: Digest>(&self, certificates: &[(Subject<'_, D>, &Certificate)]) -> Vec<Option<Signature>> {
        let one_by_one = || certificates.iter().map(|(_, certificate)| decode(&certificate.signature)).collect();
        let encoded = |(_, certificate): &(_, &Certificate)| certificate.signature.encode().as_ref().try_into().ok();
        let Some(encoded) = certificates.iter().map(encoded).collect::<Option<Vec<[u8; 96]>>>() else {
            return one_by_one();
        };
        self.shared.checker.decode_quorums(&encoded).unwrap_or_else(|error| {
            unchecked(&error);
            one_by_one()
        })
    }

    /// Checks a certificate with a seed already drawn.
    fn check_certificate<D: Digest>(
        &self,
        seed: [u8; 32],
        subject: Subject<'_, D>,
        certificate: &Certificate,
        strategy: &impl Strategy,
    ) -> bool {
        let (Some(keys), Some(signature)) = (self.signers(certificate), decode(&certificate.signature)) else {
            return false;
        };
        let message = self.message(&subject);
        let valid = self.shared.checker.quorum(seed, &keys, &message, &signature).unwrap_or_else(|error| {
            unchecked(&error);
            self.inner.verify_certificate::<_, D>(&mut ChaCha20Rng::from_seed(seed), subject, certificate, strategy)
        });
        self.witness(&subject, certificate, valid);
        valid
    }

    /// Tells the record of a valid certificate that holds our own vote: whether we cast it, the record knows.
    fn witness<D: Digest>(&self, subject: &Subject<'_, D>, certificate: &Certificate, valid: bool) {
        if let (true, Some(record), Some(me)) = (valid, &self.shared.record, self.inner.me())
            && certificate.signers.iter().any(|signer| signer == me.index())
        {
            record.witnessed(&mark_of(subject));
        }
    }

    /// Sorts votes into good and bad with a seed already drawn.
    fn check_attestations<D: Digest>(
        &self,
        seed: [u8; 32],
        subject: Subject<'_, D>,
        attestations: Vec<Attestation<Self>>,
        strategy: &impl Strategy,
    ) -> Verification<Self> {
        let message = self.message(&subject);
        let mut invalid = BTreeSet::new();
        let (mut candidates, mut claims) = (Vec::new(), Vec::new());
        for attestation in attestations {
            match (self.key(attestation.signer), decode(&attestation.signature)) {
                (Some(key), Some(signature)) => {
                    claims.push(Claim { message: &message, keys: vec![key], signature });
                    candidates.push(attestation);
                }
                _ => {
                    invalid.insert(attestation.signer);
                }
            }
        }
        let verdicts = self.shared.checker.quorums(seed, &claims).unwrap_or_else(|error| {
            unchecked(&error);
            let mut rng = ChaCha20Rng::from_seed(seed);
            let check = |candidate| {
                let candidate = Self::to_inner(candidate);
                self.inner.verify_attestation::<_, D>(&mut rng, subject, &candidate, strategy)
            };
            candidates.iter().map(check).collect()
        });
        let mut verified = Vec::with_capacity(candidates.len());
        for (candidate, good) in candidates.into_iter().zip(verdicts) {
            if good {
                verified.push(candidate);
            } else {
                invalid.insert(candidate.signer);
            }
        }
        Verification::new(verified, invalid.into_iter().collect())
    }
}

impl Verifier for Scheme {
    type Subject<'a, D: Digest> = Subject<'a, D>;
    type Faults = N3f1;
    type PublicKey = ed25519::PublicKey;
    type Certificate = Certificate;

    fn verify_certificate<R, D>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        certificate: &Certificate,
        strategy: &impl Strategy,
    ) -> bool
    where
        R: CryptoRng,
        D: Digest,
    {
        self.check_certificate(draw(rng), subject, certificate, strategy)
    }

    fn verify_certificates<'a, R, D, I>(&self, rng: &mut R, certificates: NonEmpty<I>, strategy: &impl Strategy) -> bool
    where
        R: CryptoRng,
        D: Digest,
        I: Iterator<Item = (Subject<'a, D>, &'a Certificate)>,
    {
        let certificates: Vec<_> = certificates.into_iter().collect();
        self.verify_certificates_bisect::<R, D>(rng, &certificates, strategy).into_iter().all(|valid| valid)
    }

    /// Signatures are decoded as one batch, then checked as one by random linear combination; the dispatcher says which
    /// certificates are bad, so nothing is bisected.
    fn verify_certificates_bisect<'a, R, D>(
        &self,
        rng: &mut R,
        certificates: &[(Subject<'a, D>, &'a Certificate)],
        strategy: &impl Strategy,
    ) -> Vec<bool>
    where
        R: CryptoRng,
        D: Digest,
        Subject<'a, D>: Copy,
    {
        let seed = draw(rng);
        if self.batches == Batches::OneByOne {
            let mut rng = ChaCha20Rng::from_seed(seed);
            return self.inner.verify_certificates_bisect::<_, D>(&mut rng, certificates, strategy);
        }
        let messages: Vec<_> = certificates.iter().map(|(subject, _)| self.message(subject)).collect();
        let mut verdicts = vec![false; certificates.len()];
        let (mut positions, mut claims) = (Vec::new(), Vec::new());
        for (position, ((_, certificate), signature)) in certificates.iter().zip(self.decoded(certificates)).enumerate()
        {
            if let (Some(keys), Some(signature)) = (self.signers(certificate), signature) {
                positions.push(position);
                claims.push(Claim { message: &messages[position], keys, signature });
            }
        }
        let answers = self.shared.checker.quorums(seed, &claims).unwrap_or_else(|error| {
            unchecked(&error);
            let check = |position: &usize| {
                let (subject, certificate) = certificates[*position];
                self.check_certificate(derive(&seed, *position as u64), subject, certificate, strategy)
            };
            positions.iter().map(check).collect()
        });
        for (position, answer) in positions.into_iter().zip(answers) {
            verdicts[position] = answer;
            let (subject, certificate) = &certificates[position];
            self.witness(subject, certificate, answer);
        }
        verdicts
    }

    fn is_batchable() -> bool {
        true
    }

    fn max_certificate_size(participants: u32) -> usize {
        Inner::max_certificate_size(participants)
    }

    fn certificate_codec_config(&self) -> <Certificate as Read>::Cfg {
        self.inner.certificate_codec_config()
    }

    fn certificate_codec_config_unbounded() -> <Certificate as Read>::Cfg {
        Inner::certificate_codec_config_unbounded()
    }
}

impl certificate::Scheme for Scheme {
    type Signature = <MinPk as Variant>::Signature;

    fn me(&self) -> Option<Membership> {
        self.inner.me()
    }

    fn participants(&self) -> &Set<ed25519::PublicKey> {
        self.inner.participants()
    }

    fn sign<D: Digest>(&self, subject: Subject<'_, D>) -> Option<Attestation<Self>> {
        let record = self.shared.record.as_ref()?;
        let vote = mark_of(&subject);
        if let Err(error) = record.authorize(&vote) {
            match error {
                // Said once, when the role changed.
                RecordError::NotVoting { .. } => tracing::debug!(%error, "a vote was not signed"),
                RecordError::Conflict(_) => tracing::warn!(%error, "a vote was not signed"),
                error => tracing::error!(%error, "a vote was not signed"),
            }
            return None;
        }
        // Before it leaves: who reads the log knows of every signature there is.
        tracing::debug!(
            kind = vote.kind.name(),
            epoch = vote.epoch,
            view = vote.view,
            digest = %sha256::Digest::from(vote.digest),
            "signed a vote"
        );
        self.inner.sign(subject).map(Self::from_inner)
    }

    fn verify_attestation<R, D>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        attestation: &Attestation<Self>,
        strategy: &impl Strategy,
    ) -> bool
    where
        R: CryptoRng,
        D: Digest,
    {
        self.check_attestations(draw(rng), subject, vec![attestation.clone()], strategy).invalid.is_empty()
    }

    fn verify_attestations<R, D, I>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        attestations: I,
        strategy: &impl Strategy,
    ) -> Verification<Self>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: Send,
    {
        self.check_attestations(draw(rng), subject, attestations.into_iter().collect(), strategy)
    }

    fn optimistic_assemble<'a, R, D, I, J>(
        &self,
        rng: &mut R,
        subject: Subject<'_, D>,
        pending: I,
        verified: J,
        strategy: &impl Strategy,
    ) -> Result<Certificate, Verification<Self>>
    where
        R: CryptoRng,
        D: Digest,
        I: IntoIterator<Item = Attestation<Self>>,
        I::IntoIter: ExactSizeIterator + Send,
        J: IntoIterator<Item = &'a Attestation<Self>>,
        J::IntoIter: Send,
    {
        let seed = draw(rng);
        let pending: Vec<_> = pending.into_iter().collect();
        let mut all: Vec<_> = pending.iter().map(Self::to_inner).collect();
        all.extend(verified.into_iter().map(Self::to_inner));
        let candidate = NonEmpty::try_new(all.into_iter()).and_then(|all| self.inner.assemble(all, strategy).ok());
        if let Some(candidate) = candidate {
            // A quorum of votes that were all checked before needs no check of their sum.
            if pending.is_empty() || self.check_certificate(seed, subject, &candidate, strategy) {
                return Ok(candidate);
            }
        }
        Err(self.check_attestations(derive(&seed, 0), subject, pending, strategy))
    }

    fn assemble<I>(&self, attestations: NonEmpty<I>, strategy: &impl Strategy) -> Result<Certificate, AssemblyError>
    where
        I: Iterator<Item = Attestation<Self>> + Send,
    {
        let attestations = attestations.into_iter().map(|attestation| Self::to_inner(&attestation));
        match NonEmpty::try_new(attestations) {
            Some(attestations) => self.inner.assemble(attestations, strategy),
            None => Err(AssemblyError::InsufficientAttestations(self.inner.participants().quorum::<N3f1>(), 0)),
        }
    }

    fn is_attributable() -> bool {
        true
    }
}

/// Identity keys with vote keys as the engine wants them. The genesis has refused duplicates.
fn participants(genesis: &Genesis) -> Result<BiMap<ed25519::PublicKey, <MinPk as Variant>::Public>, SchemeError> {
    let mut pairs = Vec::with_capacity(genesis.validators().len());
    for (index, (validator, _)) in genesis.validators().iter().enumerate() {
        let vote = <MinPk as Variant>::Public::decode(Copying(&validator.vote)).map_err(|_| SchemeError::Key(index))?;
        pairs.push((validator.identity.clone(), vote));
    }
    let last = pairs.len() - 1;
    BiMap::try_from(pairs).map_err(|_| SchemeError::Key(last))
}

/// The one seed that a call takes from the generator.
fn draw(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}

/// The seed of a further check within the same call.
fn derive(seed: &[u8; 32], index: u64) -> [u8; 32] {
    Sha256::hash(&[b"ARBLAST_SEED", seed, &index.to_be_bytes()]).into()
}

/// Decodes a signature from its wire bytes, with all checks of the host crate.
fn decode(signature: &impl Encode) -> Option<Signature> {
    Signature::from_bytes(&signature.encode()).ok()
}

fn unchecked(error: &arblast::Error) {
    tracing::error!(%error, "the dispatcher could not check votes; the engine's own check answers");
}

/// What a subject is to the record. The digest covers everything that is signed: round, parent and payload.
pub(super) fn mark_of<D: Digest>(subject: &Subject<'_, D>) -> Vote {
    let (kind, round) = match subject {
        Subject::Notarize { proposal } => (Kind::Notarize, proposal.round),
        Subject::Nullify { round } => (Kind::Nullify, *round),
        Subject::Finalize { proposal } => (Kind::Finalize, proposal.round),
    };
    let digest = match kind {
        Kind::Nullify => [0; 32],
        _ => Sha256::hash(&[&subject.message()]).into(),
    };
    Vote { kind, epoch: round.epoch().get(), view: round.view().get(), digest }
}

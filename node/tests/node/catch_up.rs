//! What a node that was away has to check: the certificates of the blocks it missed, in batches through the dispatcher
//! against one by one on blst, as the engine's own multisignature does it.
//!
//! Ratios on one thread, the sides in turn for each piece of the chain, of each the best of a few rounds.
//! `ARBLAST_CERTIFICATES` says how many certificates; without it a few hundred, so that CI can afford it, and a lower
//! bound: other tests run at the same time there, and what a few hundred take on a busy machine decides nothing.
//!
//! ```text
//! ARBLAST_CERTIFICATES=10000 cargo test --release -p arblast-node --test node certificates -- --nocapture
//! ```

use crate::adversary::Reckless;
use crate::network::{Network, Shape, State};
use crate::support::{entry, long_form, secret};
use arblast::{Dispatcher, Selection};
use arblast_node::crypto::Checker;
use arblast_node::engine::REPAIR;
use arblast_node::genesis::{Genesis, Parameters};
use arblast_node::vote::Scheme;
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::bls12381_multisig;
use commonware_consensus::simplex::types::{Proposal, Subject};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::bls12381::primitives::variant::{MinPk, Variant};
use commonware_cryptography::certificate::{Scheme as _, Verifier};
use commonware_cryptography::{Hasher as _, Sha256, Signer as _, ed25519, sha256::Digest};
use commonware_glue::simulate::action::Crash;
use commonware_glue::simulate::exit::ExitCondition;
use commonware_glue::simulate::plan::PlanBuilder;
use commonware_glue::simulate::processed::ProcessedHeight as _;
use commonware_glue::simulate::tracker::ProgressTracker;
use commonware_parallel::Sequential;
use commonware_utils::iter::NonEmpty;
use commonware_utils::ordered::BiMap;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Baseline = bls12381_multisig::Scheme<ed25519::PublicKey, MinPk>;
type Certificate = <Scheme as Verifier>::Certificate;

/// Certificates in the short form.
const SHORT: u64 = 384;
const ROUNDS: usize = 3;
/// How many times the certificates a second of one by one: portable, and with the vector engine.
const EXPECTED: [f64; 2] = [1.6, 3.0];
const EXPECTED_SHORT: [f64; 2] = [1.2, 1.5];

fn checker(selection: Selection) -> Checker {
    let dispatcher = Dispatcher::builder().select(selection).threads(1).retirement_record(None).build();
    Checker::new(dispatcher.expect("the processor needs nothing"))
}

/// A chain of finality certificates, each with the votes of a quorum and no more.
struct Chain {
    genesis: Genesis,
    certified: Vec<(Proposal<Digest>, Certificate)>,
}

impl Chain {
    fn new(committee: u8, length: usize) -> Self {
        let identities: Vec<_> = (0..u64::from(committee)).map(ed25519::PrivateKey::from_seed).collect();
        let validators = (0..committee).map(|n| entry(&identities[usize::from(n)], &secret("vote", n))).collect();
        let parameters = Parameters { base_fee: 1, block_transactions: 16 };
        let checker = checker(Selection::CpuPortable);
        let genesis = Genesis::new("catch-up", validators, BTreeMap::new(), parameters, &checker).expect("it is good");
        let quorum = usize::from(committee) - usize::from(committee - 1) / 3;
        let signer = |n: u8| {
            let vote = secret("vote", n).to_bytes();
            Scheme::signer(&genesis, &vote, Arc::new(Reckless), checker.clone()).expect("a validator")
        };
        let signers: Vec<_> = (0..committee).map(signer).collect();
        let certified = |view: usize| {
            let round = Round::new(Epoch::zero(), View::new(view as u64 + 1));
            let proposal = Proposal::new(round, View::new(view as u64), Sha256::hash(&[b"block", &view.to_be_bytes()]));
            // Another quorum for each block.
            let voters = (0..quorum).map(|place| &signers[(view + place) % signers.len()]);
            let votes = voters.map(|signer| signer.sign(Subject::Finalize { proposal: &proposal }).expect("it signs"));
            let votes = NonEmpty::try_new(votes.collect::<Vec<_>>().into_iter()).expect("a quorum is not empty");
            let certificate = signers[0].assemble(votes, &Sequential).expect("a quorum");
            (proposal, certificate)
        };
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let share = length.div_ceil(threads);
        let certified = std::thread::scope(|scope| {
            let make = |thread: usize| {
                let certified = &certified;
                let range = thread * share..((thread + 1) * share).min(length);
                scope.spawn(move || range.map(certified).collect::<Vec<_>>())
            };
            let threads: Vec<_> = (0..threads).map(make).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("it signs")).collect()
        });
        Self { genesis, certified }
    }

    fn subjects(&self) -> Vec<(Subject<'_, Digest>, &Certificate)> {
        self.certified.iter().map(|(proposal, certificate)| (Subject::Finalize { proposal }, certificate)).collect()
    }

    fn baseline(&self) -> Baseline {
        let pairs: Vec<_> = self
            .genesis
            .validators()
            .iter()
            .map(|(validator, _)| {
                let vote = <MinPk as Variant>::Public::decode(Copying(&validator.vote)).expect("a checked key");
                (validator.identity.clone(), vote)
            })
            .collect();
        Baseline::verifier(&self.genesis.vote_namespace(), BiMap::try_from(pairs).expect("distinct"))
    }

    fn ours(&self, selection: Selection) -> Scheme {
        Scheme::verifier(&self.genesis, checker(selection)).expect("a good genesis")
    }
}

/// Checks all, so many at a time, and gives how long it took.
fn check<S>(scheme: &S, certificates: &[(Subject<'_, Digest>, &Certificate)], batch: usize) -> Duration
where
    S: for<'a> Verifier<Subject<'a, Digest> = Subject<'a, Digest>, Certificate = Certificate>,
{
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let start = Instant::now();
    let good = certificates.chunks(batch).all(|batch| {
        scheme.verify_certificates_bisect::<_, Digest>(&mut rng, batch, &Sequential).into_iter().all(|good| good)
    });
    let took = start.elapsed();
    assert!(good, "a good certificate was refused");
    took
}

/// The vector engine's ratio needs the engine.
fn vector_engine() -> Result<(), String> {
    arblast::cpu::vector_engine(1).map(drop)
}

/// How many certificates a batch has: a few, and as many as a node that catches up takes at once.
const BATCHES: [usize; 2] = [16, REPAIR.get()];

fn measure(committee: u8, length: usize, expected: [f64; 2]) {
    let chain = Chain::new(committee, length);
    let subjects = chain.subjects();
    let (baseline, portable) = (chain.baseline(), chain.ours(Selection::CpuPortable));
    let vector = vector_engine().map(|()| chain.ours(Selection::Cpu));
    // Every side finds the same bad certificate before anything is timed.
    let mut spoilt = subjects[..8].to_vec();
    spoilt[5].1 = subjects[6].1;
    let verdicts: Vec<_> = (0..8).map(|n| n != 5).collect();
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    assert_eq!(baseline.verify_certificates_bisect::<_, Digest>(&mut rng, &spoilt, &Sequential), verdicts);
    assert_eq!(portable.verify_certificates_bisect::<_, Digest>(&mut rng, &spoilt, &Sequential), verdicts);
    if let Ok(vector) = &vector {
        assert_eq!(vector.verify_certificates_bisect::<_, Digest>(&mut rng, &spoilt, &Sequential), verdicts);
    }

    let pieces = subjects.chunks(REPAIR.get());
    let mut one = vec![Duration::MAX; pieces.len()];
    let mut many = BATCHES.map(|_| [one.clone(), one.clone()]);
    for _ in 0..ROUNDS {
        for (n, piece) in pieces.clone().enumerate() {
            // One by one: a batch of one each.
            one[n] = one[n].min(check(&baseline, piece, 1));
            for ([on_portable, on_vector], batch) in many.iter_mut().zip(BATCHES) {
                on_portable[n] = on_portable[n].min(check(&portable, piece, batch));
                if let Ok(vector) = &vector {
                    on_vector[n] = on_vector[n].min(check(vector, piece, batch));
                }
            }
        }
    }
    let rate = |took: &[Duration]| length as f64 / took.iter().sum::<Duration>().as_secs_f64();
    println!("{length} certificates of {committee} validators, one by one on blst: {:.0} a second", rate(&one));
    for ([on_portable, on_vector], batch) in many.iter().zip(BATCHES) {
        let check = |what, took: &[Duration], expected| {
            let ratio = rate(took) / rate(&one);
            println!("  batches of {batch}, {what}: {:.0} a second, {ratio:.2} times", rate(took));
            assert!(batch < REPAIR.get() || ratio >= expected, "{what}: {ratio:.2} times, expected {expected}");
        };
        check("portable", on_portable, expected[0]);
        match &vector {
            Ok(_) => check("vector", on_vector, expected[1]),
            Err(reason) => println!("  batches of {batch}, vector: skipped: {reason}"),
        }
    }
}

#[test]
fn certificates_in_batches_are_checked_sooner_than_one_by_one() {
    let length = long_form("ARBLAST_CERTIFICATES", SHORT) as usize;
    let expected = if length < 10_000 { EXPECTED_SHORT } else { EXPECTED };
    for committee in [4, 16] {
        measure(committee, length, expected);
    }
}

/// Reached when the validator that came late has all blocks that the others had when it came.
#[derive(Clone)]
struct CaughtUp {
    latecomer: usize,
    target: u64,
    /// When the latecomer was first seen, its height then, and how long it took from there.
    progress: Arc<Mutex<Progress>>,
}

#[derive(Default)]
struct Progress {
    begun: Option<(Instant, u64)>,
    took: Option<(Duration, u64)>,
}

impl ExitCondition<ed25519::PublicKey, State> for CaughtUp {
    fn name(&self) -> &str {
        "caught up"
    }

    fn requires_polling(&self) -> bool {
        true
    }

    fn reached<'a>(
        &'a self,
        _: &'a ProgressTracker<ed25519::PublicKey>,
        states: &'a [&'a State],
        _: usize,
    ) -> Pin<Box<dyn Future<Output = Result<bool, String>> + Send + 'a>> {
        Box::pin(async move {
            let Some(state) = states.iter().find(|state| state.validator == self.latecomer) else { return Ok(false) };
            let height = state.processed_height().await;
            let mut progress = self.progress.lock().unwrap();
            let (begun, from) = *progress.begun.get_or_insert((Instant::now(), height));
            if height >= self.target {
                progress.took = Some((begun.elapsed(), height - from));
            }
            Ok(progress.took.is_some())
        })
    }
}

/// Blocks a second of one core at which a validator that was away catches up, all of it included: fetching, checking,
/// executing, storing. The links are simulated and cost no time; the other validators, who serve it, run on the same
/// core.
fn catching_up(network: Network, blocks: u64) -> f64 {
    let latecomer = 3;
    let caught_up = CaughtUp { latecomer, target: blocks, progress: Arc::default() };
    // One view in four is the latecomer's and gives no block.
    let round = Round::new(Epoch::zero(), View::new(blocks + blocks / 3));
    let plan = PlanBuilder::new(network.clone())
        .seed(61)
        .crash(Crash::DelayRound { participants: vec![network.identity(latecomer)], round })
        .exit_condition(caught_up.clone());
    plan.run().unwrap_or_else(|error| panic!("{error}"));
    network.ballots.check().unwrap();
    let (took, blocks) = caught_up.progress.lock().unwrap().took.expect("it caught up");
    println!("  {blocks} blocks in {took:?}");
    blocks as f64 / took.as_secs_f64()
}

/// `ARBLAST_CATCH_UP_BLOCKS` says how many blocks were missed.
#[test]
fn a_validator_that_was_away_catches_up_in_batches() {
    let blocks = long_form("ARBLAST_CATCH_UP_BLOCKS", 200);
    let shape = Shape { interval: Duration::from_millis(100), block_transactions: 16, wallets: 0..1 };
    let run = |dispatcher: Dispatcher, one_by_one| {
        catching_up(Network::shaped_on(4, &shape, dispatcher).with_one_by_one(one_by_one), blocks)
    };
    let dispatcher = |selection| {
        Dispatcher::builder().select(selection).threads(1).retirement_record(None).build().expect("nothing is needed")
    };
    let one = run(dispatcher(Selection::CpuPortable), true);
    println!("catching up {blocks} blocks, one by one on blst: {one:.0} blocks a second");
    let portable = run(dispatcher(Selection::CpuPortable), false);
    println!("in batches, portable: {portable:.0} blocks a second, {:.2} times", portable / one);
    match vector_engine() {
        Err(reason) => println!("in batches, vector: skipped: {reason}"),
        Ok(()) => {
            let vector = run(dispatcher(Selection::Cpu), false);
            println!("in batches, vector: {vector:.0} blocks a second, {:.2} times", vector / one);
        }
    }
}

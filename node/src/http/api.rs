//! The routes and their handlers.

use super::error::Error;
use super::finals::{Absent, Finals, Name};
use super::model::{self, Integer, hex, unhex};
use super::{DEFAULT_PAGE, MAX_BODY, MAX_PAGE, OPENAPI};
use crate::block::Block;
use crate::engine::Validator;
use crate::environment::Environment;
use crate::genesis::Genesis;
use crate::mempool::Mempool;
use crate::status::{Role, Status};
use crate::transaction::{Address, SignedTransaction, Transaction, TransactionId};
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use commonware_codec::{Copying, DecodeExt as _, Encode as _, FixedSize as _};
use commonware_cryptography::{Digestible as _, ed25519, sha256};
use commonware_utils::ordered::{Quorum as _, Set};
use commonware_utils::{N3f1, Widen as _};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the interface of a validator is made of.
pub struct Handles<'a, E: Environment> {
    /// The running validator.
    pub validator: &'a Validator<E>,
    /// The network's genesis.
    pub genesis: Arc<Genesis>,
    /// The node's identity on the network.
    pub identity: ed25519::PublicKey,
    /// What the node says about itself.
    pub status: Status,
}

/// The interface of one validator. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

struct Shared {
    genesis: Arc<Genesis>,
    /// The validators as certificates number them.
    committee: Set<ed25519::PublicKey>,
    identity: ed25519::PublicKey,
    mempool: Mempool,
    finals: Finals,
    status: Status,
    /// Bounds the blocks that are in memory for clients.
    blocks: Semaphore,
    openapi: Bytes,
}

type Answer<T> = Result<T, Error>;

/// How many blocks are rendered at a time.
const BLOCKS: usize = 8;
/// When a client may try again what is missing for a moment.
const SOON: Duration = Duration::from_secs(1);
/// How often recent transactions are looked up.
const FOLLOW: Duration = Duration::from_millis(100);

impl Api {
    /// The interface over a running validator.
    pub fn new<E: Environment>(handles: Handles<'_, E>) -> Self {
        let Handles { validator, genesis, identity, status } = handles;
        let members = genesis.validators().iter().map(|(validator, _)| validator.identity.clone());
        let committee = Set::from_iter_dedup(members);
        let finals =
            Finals::new(genesis.clone(), validator.marshal.clone(), validator.databases.clone(), status.clone());
        let mempool = validator.mempool.clone();
        let openapi = Bytes::from(OPENAPI.replace("VERSION", env!("CARGO_PKG_VERSION")));
        let blocks = Semaphore::new(BLOCKS);
        Self(Arc::new(Shared { genesis, committee, identity, mempool, finals, status, blocks, openapi }))
    }

    /// Remembers where recent transactions are; ends never. Without it `GET /v1/transactions/{hash}` knows of no final
    /// ones.
    pub async fn follow(self) {
        loop {
            self.0.finals.follow().await;
            tokio::time::sleep(FOLLOW).await;
        }
    }

    /// All routes.
    pub fn router(&self) -> Router {
        let only_get = |route: MethodRouter<Arc<Shared>>| route.fallback(async || Error::method("GET, HEAD"));
        Router::new()
            .route("/v1/transactions", post(submit).fallback(async || Error::method("POST")))
            .route("/v1/transactions/{hash}", only_get(get(transaction)))
            .route("/v1/accounts/{address}", only_get(get(account)))
            .route("/v1/blocks/{id}", only_get(get(block)))
            .route("/v1/blocks/{id}/certificate", only_get(get(certificate)))
            .route("/v1/validators", only_get(get(validators)))
            .route("/v1/status", only_get(get(status)))
            .route("/health", only_get(get(health)))
            .route("/ready", only_get(get(ready)))
            .route("/openapi.json", only_get(get(openapi)))
            .fallback(async || Error::missing("unknown_path", "no such path; /openapi.json lists them all"))
            .with_state(self.0.clone())
    }
}

async fn submit(State(api): State<Arc<Shared>>, request: Request) -> Answer<Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
    let kind = kind.as_deref();
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let parse: fn(&[u8]) -> Answer<SignedTransaction> = match essence.as_deref() {
        Some("application/json") => from_json,
        Some("application/octet-stream") => from_bytes,
        _ => return Err(Error::media_type(kind)),
    };
    let signed = parse(&body(request.into_body()).await?)?;
    let id = api.mempool.admit(signed).await?;
    Ok((StatusCode::ACCEPTED, Json(model::Accepted { hash: hex(id), status: "accepted" })).into_response())
}

/// The whole body, if it is within bounds.
async fn body(body: Body) -> Answer<Bytes> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        let source = std::error::Error::source(&error);
        if source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>()) {
            return Error::large(MAX_BODY);
        }
        Error::malformed("incomplete_body", "the body ended before its announced length, or its framing is wrong")
    })
}

fn from_json(body: &[u8]) -> Answer<SignedTransaction> {
    let submission: model::Submission = serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Error::invalid("invalid_field", error.to_string()),
        _ => Error::malformed("malformed_json", error.to_string()),
    })?;
    Ok(submission.into())
}

fn from_bytes(body: &[u8]) -> Answer<SignedTransaction> {
    if body.len() != SignedTransaction::SIZE {
        let message = format!("got {} bytes, expected {}", body.len(), SignedTransaction::SIZE);
        return Err(Error::malformed("wrong_length", message));
    }
    SignedTransaction::decode(Copying(body))
        .map_err(|error| Error::invalid("invalid_field", format!("the lane: {error}")))
}

/// A parameter of the path, which must be text.
fn text(path: Result<Path<String>, PathRejection>) -> Answer<String> {
    let Path(text) = path.map_err(|_| Error::malformed("malformed_path", "the path is not UTF-8"))?;
    Ok(text)
}

fn hash(text: &str) -> Answer<sha256::Digest> {
    unhex::<32>(text).map(Into::into).map_err(|expected| Error::malformed("invalid_hash", expected))
}

async fn transaction(
    State(api): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Answer<Json<model::Whereabouts>> {
    let id: TransactionId = hash(&text(path)?)?;
    let found = |status, height: Option<u64>| {
        Ok(Json(model::Whereabouts { hash: hex(id), status, height: height.map(Integer) }))
    };
    // The mempool first: between the two looks a transaction moves from there to a final block, never back.
    let pending = api.mempool.with(|pool| pool.find(&id));
    match (api.finals.transaction(&id), pending) {
        (Some(height), _) => found("final", Some(height)),
        (None, Some(true)) => found("in_block", None),
        (None, Some(false)) => found("accepted", None),
        (None, None) => Err(Error::missing(
            "transaction_not_found",
            "neither in the mempool of this node nor in a recent final block; the account's nonce tells whether it \
             was used",
        )),
    }
}

async fn account(
    State(api): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Answer<Json<model::Account>> {
    let bytes = unhex::<48>(&text(path)?).map_err(|expected| Error::malformed("invalid_address", expected))?;
    let address = Address::new(bytes);
    let (account, height, root) = api.finals.account(&address).await.map_err(|error| {
        tracing::error!(%error, "an account could not be read");
        Error::unavailable("storage", "the state cannot be read at the moment", SOON)
    })?;
    let Some(height) = height else {
        return Err(Error::unavailable("state_moving", "the state is being replaced; try again", SOON));
    };
    let Some(account) = account else {
        let message = format!("no such account at height {height}: it has received nothing yet");
        return Err(Error::missing("account_not_found", message));
    };
    let [standard, priority] = account.nonces.map(Integer);
    Ok(Json(model::Account {
        address: hex(address),
        balance: Integer(account.balance),
        nonces: model::Nonces { standard, priority },
        height: Integer(height),
        state_root: hex(root),
    }))
}

/// A page of a block's transactions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    offset: u32,
    limit: Option<usize>,
}

fn name(text: &str) -> Answer<Name> {
    if text == "latest" {
        return Ok(Name::Latest);
    }
    if text.starts_with("0x") {
        return hash(text).map(Name::Hash);
    }
    model::decimal(text).map(Name::Height).map_err(|_| {
        let message = "expected latest, a height (decimal), or a hash (0x and 64 hexadecimal digits)";
        Error::malformed("invalid_block_id", message)
    })
}

impl Shared {
    async fn block(&self, text: &str) -> Answer<Block> {
        let name = name(text)?;
        self.finals.block(name).await.map_err(|absent| match absent {
            Absent::Unknown { latest } => {
                Error::missing("block_not_found", format!("no such final block here; the latest is at height {latest}"))
            }
            Absent::Pruned => Error::gone("block_pruned", "this node keeps that block no more; ask another"),
        })
    }

    /// Waits for one of the few places for blocks in memory.
    async fn place(&self) -> Answer<tokio::sync::SemaphorePermit<'_>> {
        let closed = |_| Error::unavailable("stopping", "this node is stopping; try another", SOON);
        self.blocks.acquire().await.map_err(closed)
    }
}

async fn block(
    State(api): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    query: Result<Query<Page>, QueryRejection>,
) -> Answer<Json<model::Block>> {
    let id = text(path)?;
    let Query(Page { offset, limit }) =
        query.map_err(|error| Error::malformed("invalid_query", format!("{}: offset, limit", error.body_text())))?;
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::malformed("invalid_query", format!("limit: got {limit}, expected 1 to {MAX_PAGE}")));
    }
    let _place = api.place().await?;
    let block = api.block(&id).await?;
    let count = block.transactions.len();
    // A page beyond the last is empty.
    let offset = (offset as usize).min(count);
    let end = offset.saturating_add(limit).min(count);
    let listed =
        |transaction: &Transaction| model::Listed { hash: hex(transaction.id()), transfer: transaction.into() };
    Ok(Json(model::Block {
        hash: hex(block.digest()),
        height: Integer(block.height.get()),
        epoch: Integer(block.context.round.epoch().get()),
        view: Integer(block.context.round.view().get()),
        proposer: hex(&block.context.leader),
        parent: hex(block.parent),
        state_root: hex(block.state.root),
        signature: hex(&block.signature),
        transaction_count: count,
        offset,
        next_offset: (end < count).then_some(end),
        transactions: block.transactions[offset..end].iter().map(listed).collect(),
    }))
}

async fn certificate(
    State(api): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
) -> Answer<Json<model::Certificate>> {
    let id = text(path)?;
    let _place = api.place().await?;
    let block = api.block(&id).await?;
    let height = block.height.get();
    if height == 0 {
        let message = "the genesis block has no certificate: everybody starts from it";
        return Err(Error::missing("no_certificate", message));
    }
    let Some((above, finalization)) = api.finals.certificate(height).await else {
        let message = "the certificate is not stored yet; try again";
        return Err(Error::unavailable("certificate_pending", message, SOON));
    };
    let (proposal, votes) = (&finalization.proposal, &finalization.certificate);
    let signers = votes.signers.iter().map(|signer| {
        let identity = api.committee.key(signer).map(hex).unwrap_or_default();
        model::Signer { index: usize::from(signer), identity }
    });
    Ok(Json(model::Certificate {
        hash: hex(block.digest()),
        height: Integer(height),
        certified: model::Certified { hash: hex(proposal.payload), height: Integer(above) },
        epoch: Integer(proposal.round.epoch().get()),
        view: Integer(proposal.round.view().get()),
        parent_view: Integer(proposal.parent.get()),
        signature: hex(votes.signature.encode()),
        signers: signers.collect(),
        certificate: hex(finalization.encode()),
    }))
}

async fn validators(State(api): State<Arc<Shared>>) -> Json<model::Validators> {
    let listed = api.genesis.validators().iter().map(|(validator, _)| model::Validator {
        index: api.committee.position(&validator.identity).unwrap_or_default(),
        identity: hex(&validator.identity),
        vote_key: hex(validator.vote),
        proof_of_possession: hex(validator.proof),
        this_node: validator.identity == api.identity,
    });
    let mut validators: Vec<_> = listed.collect();
    validators.sort_by_key(|validator| validator.index);
    let quorum = api.committee.quorum::<N3f1>().widen();
    Json(model::Validators { genesis: hex(api.genesis.digest()), quorum, validators })
}

impl Shared {
    fn ready(&self) -> bool {
        let voting_or_observing = matches!(self.status.role(), Role::Voting | Role::Observing(_));
        voting_or_observing && self.status.progress().synced() && !self.status.stopping()
    }
}

async fn status(State(api): State<Arc<Shared>>) -> Json<model::Status> {
    let (role, progress, votes) = (api.status.role(), api.status.progress(), api.status.votes());
    let (waiting, ready) = api.mempool.with(|pool| (pool.waiting(), pool.ready()));
    let reason = match &role {
        Role::Observing(reason) => Some(model::Reason { cause: reason.cause.name(), message: reason.message.clone() }),
        Role::Listening | Role::Voting => None,
    };
    Json(model::Status {
        version: env!("CARGO_PKG_VERSION"),
        genesis: hex(api.genesis.digest()),
        identity: hex(&api.identity),
        validator: api.committee.position(&api.identity),
        role: role.name(),
        reason,
        ready: api.ready(),
        stopping: api.status.stopping(),
        height: Integer(api.finals.latest().await),
        target: Integer(progress.target.max(progress.height)),
        blocks_per_second: progress.blocks_per_second,
        seconds_left: progress.remaining.map(|remaining| remaining.as_secs_f64()),
        votes_signed: Integer(votes.signed.values().sum()),
        votes_refused: Integer(votes.refused.values().sum()),
        mempool: model::Mempool { waiting, ready },
    })
}

async fn health() -> Json<model::Word> {
    Json(model::Word { status: "alive" })
}

async fn ready(State(api): State<Arc<Shared>>) -> Answer<Json<model::Word>> {
    if api.ready() {
        return Ok(Json(model::Word { status: "ready" }));
    }
    let progress = api.status.progress();
    let message = if api.status.stopping() {
        "the node is stopping".to_owned()
    } else if !progress.synced() {
        format!("catching up: at height {} of {}", progress.height, progress.target)
    } else {
        format!("{}: making sure that it may vote", api.status.role().name())
    };
    Err(Error::unavailable("not_ready", message, SOON))
}

async fn openapi(State(api): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.openapi.clone()).into_response()
}

//! The HTTP interface of a validator: transactions in, accounts, blocks and certificates out.
//!
//! [`Api::router`] makes the routes, [`serve`] runs any router on a listener under [`Limits`]; the metrics of
//! [`crate::metrics`] are served by the same function on an address of their own.
//!
//! # Routes
//!
//! | route | answer |
//! |---|---|
//! | `POST /v1/transactions` | takes a transfer as JSON or as its 217 bytes; answers when the mempool has kept it |
//! | `GET /v1/transactions/{hash}` | where a transaction is: mempool, block under way, final block |
//! | `GET /v1/accounts/{address}` | balance and nonces in the latest final state, with its height and root |
//! | `GET /v1/blocks/{id}` | a final block by height, hash, or `latest`; its transactions in pages |
//! | `GET /v1/blocks/{id}/certificate` | the certificate that makes it final |
//! | `GET /v1/validators` | the committee |
//! | `GET /v1/status` | role, progress, mempool |
//! | `GET /health` | the process is alive |
//! | `GET /ready` | caught up, and voting or observing |
//! | `GET /openapi.json` | all of this for machines |
//!
//! # What is final
//!
//! Only final blocks are shown, and only once they are durable: marshal hands a block to the ledger after its archive
//! is synced, and what is shown ends at the highest block so handed over. What has been shown survives `kill -9`.
//!
//! # Representation
//!
//! JSON. An integer that may exceed 2^53 is a decimal string, bytes are lower-case hexadecimal after `0x`. An error is
//! `{"error": {"code", "message"}}` with a status that tells whose fault it is: 4xx is the client's and says what to
//! change; 503 is ours and says when to come back (`Retry-After`).
//!
//! # Bounds
//!
//! Connections in all and by client, requests a second by client, bytes of a body, and the time for each step are
//! bounded by [`Limits`]; see [`serve`]. A client is an IPv4 address or an IPv6 /64: behind a proxy all clients are
//! one, and the limits should be raised. Nothing here is authenticated or encrypted, so that the default address is the
//! loopback interface; put a proxy with TLS in front to publish it.
//!
//! | module | subject |
//! |---|---|
//! | `api.rs` | the routes and their handlers |
//! | `finals.rs` | what of the chain is shown: durable blocks, state with its height, recent transactions |
//! | `model.rs` | the JSON of requests and answers |
//! | `error.rs` | errors as answers |
//! | `server.rs`, `clients.rs`, `stream.rs` | connections, their limits and time-outs |

mod api;
mod clients;
mod error;
mod finals;
mod model;
mod server;
mod stream;

pub use api::{Api, Handles};
pub use server::{Limits, serve};

/// The most bytes of a request's body.
pub const MAX_BODY: usize = 4096;
/// The most transactions in one page of a block.
pub const MAX_PAGE: usize = 1024;
/// Transactions in a page when the client does not say.
pub const DEFAULT_PAGE: usize = 256;
/// The OpenAPI document, but for the version of the program.
pub const OPENAPI: &str = include_str!("openapi.json");

//! Errors as answers.

use crate::mempool::Refusal;
use crate::mempool::pool::Shed;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;
use std::time::Duration;

/// A request that is not answered with what was asked for.
#[derive(Clone, Debug)]
pub(super) struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// When to come back.
    retry: Option<Duration>,
    /// The methods that a route has.
    allow: Option<&'static str>,
}

impl Error {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry: None, allow: None }
    }

    /// 400: the request cannot be read.
    pub fn malformed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404: there is no such thing here.
    pub fn missing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 405: the path exists, the method does not.
    pub fn method(allow: &'static str) -> Self {
        let message = format!("this path takes {allow} only");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message) }
    }

    /// 408: the client is too slow.
    pub fn slow(limit: Duration) -> Self {
        let message = format!("the request was not complete after {} s; send it again", limit.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
    }

    /// 410: it was here.
    pub fn gone(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, code, message)
    }

    /// 413: a body beyond the limit.
    pub fn large(limit: usize) -> Self {
        let message = format!("the body exceeds {limit} bytes; send one transaction at a time");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
    }

    /// 415: a content type that this route does not take.
    pub fn media_type(got: Option<&str>) -> Self {
        let got = got.map_or_else(|| "no content type".into(), |got| format!("{got:?}"));
        let message = format!(
            "got {got}, expected application/json or application/octet-stream (the 217 bytes of a transaction)"
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// 422: readable, and never valid.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// 429: too much from this client.
    pub fn too_many(retry: Duration) -> Self {
        let message = "too many requests from this address; slow down".to_owned();
        Self { retry: Some(retry), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message) }
    }

    /// 500: a bug of this program.
    pub fn internal() -> Self {
        let message = "this node failed to answer; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// 503: our trouble; it is worth another try.
    pub fn unavailable(code: &'static str, message: impl Into<String>, retry: Duration) -> Self {
        Self { retry: Some(retry), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message) }
    }
}

/// What a client hears when the mempool refuses his transaction: 422 for what can never be valid, 409 for what does not
/// fit the state as it is, 429 for what is too much of him, 503 for our trouble.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        const SOON: Duration = Duration::from_secs(1);
        let shed = match refusal {
            Refusal::Busy => {
                return Self::unavailable("busy", "too many submissions are waiting; try again", SOON);
            }
            Refusal::Stopped => return Self::unavailable("stopping", "this node is stopping; try another", SOON),
            Refusal::Shed(shed) => shed,
        };
        let (status, code, advice) = match shed {
            Shed::Malformed(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_transaction", ""),
            Shed::Signature => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_signature",
                ": sender and recipient must be valid keys, and the sender signs the genesis hash of this network \
                 followed by the transaction",
            ),
            Shed::Spent { .. } => {
                (StatusCode::CONFLICT, "nonce_spent", "; sign it again with the account's next nonce")
            }
            Shed::Ahead { .. } => (StatusCode::CONFLICT, "nonce_too_high", "; submit the ones before it first"),
            Shed::Unaffordable { .. } => (StatusCode::CONFLICT, "insufficient_balance", " in the latest final state"),
            Shed::Known => (StatusCode::CONFLICT, "known", ""),
            Shed::Underpriced { .. } => (StatusCode::CONFLICT, "underpriced", ""),
            Shed::SenderFull(_) => {
                (StatusCode::TOO_MANY_REQUESTS, "sender_full", "; wait until some of them are final")
            }
            Shed::LaneFull { .. } => (StatusCode::SERVICE_UNAVAILABLE, "lane_full", "; pay more, or try again later"),
            Shed::Unchecked => (StatusCode::SERVICE_UNAVAILABLE, "unchecked", " by this node; try again"),
        };
        let retry = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE).then_some(SOON);
        Self { retry, ..Self::new(status, code, format!("{shed}{advice}")) }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response<Body> {
        let body = json!({ "error": { "code": self.code, "message": self.message } });
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(retry) = self.retry {
            let seconds = retry.as_millis().div_ceil(1000).max(1);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        if let Some(allow) = self.allow {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

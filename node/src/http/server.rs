//! Connections, their limits and time-outs.

use super::clients::{Bounds, Client, Clients};
use super::error::Error;
use super::stream::{Pieces, Stream};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, header};
use axum::response::IntoResponse as _;
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open connections of one client.
    pub connections_per_client: usize,
    /// Requests a second of one client.
    pub requests_per_second: u32,
    /// Requests of one client at once, after a rest.
    pub burst: u32,
    /// Clients that are counted apart.
    pub clients: usize,
    /// How long a client may take to send the head of a request, and how long a connection may be idle.
    pub head: Duration,
    /// How long a request may take from its head to the head of its answer.
    pub request: Duration,
    /// How long a client may read nothing of what is sent to it.
    pub stalled: Duration,
    /// How long an answer may take in all.
    pub answer: Duration,
    /// How long connections may take to end when the server stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_client: 64,
            requests_per_second: 1_000,
            burst: 2_000,
            clients: 16_384,
            head: Duration::from_secs(10),
            request: Duration::from_secs(15),
            stalled: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            grace: Duration::from_secs(2),
        }
    }
}

/// Bytes of the head of a request, and of what is written ahead of a client that reads slowly.
const BUFFER: usize = 16 * 1024;
/// Pause after the system refused a connection for want of something.
const EXHAUSTED: Duration = Duration::from_millis(50);

struct Shared {
    router: Router,
    limits: Limits,
    clients: Clients,
}

/// Serves `router` on `listener` until `stop` resolves, then lets requests under way end within [`Limits::grace`].
///
/// HTTP/1.1, one request at a time on a connection. A connection beyond the bounds is closed at once. A head or a body
/// that does not arrive in time, an answer that is not read in time, or an idle connection ends it, so that neither slow
/// writers nor slow readers hold anything for long. A request beyond the client's rate gets 429. A handler that panics
/// costs its own request only (500).
///
/// Must be called on a tokio runtime. Dropping the future closes everything.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let bounds = Bounds {
        rate: f64::from(limits.requests_per_second),
        burst: f64::from(limits.burst),
        connections: limits.connections_per_client,
        clients: limits.clients,
    };
    let shared = Arc::new(Shared { router, limits, clients: Clients::new(bounds, Instant::now()) });
    let (stopping, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    futures::pin_mut!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    while connections.try_join_next().is_some() {}
                    let client = Client::from(address.ip());
                    if connections.len() < limits.connections && shared.clients.connect(client, Instant::now()) {
                        let leave = Leave { shared: shared.clone(), client };
                        connections.spawn(connection(leave, stream, address, stopped.clone()));
                    }
                }
                Err(error) => refused(&error).await,
            },
        }
    }
    drop(listener);
    drop(stopping);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.grace, ended).await.is_err() {
        tracing::debug!("connections that did not end in time were closed");
    }
}

/// A peer that is gone already is its own affair; a system that is out of something needs a pause.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(EXHAUSTED).await;
    }
}

/// Counts a connection out, however it ends.
struct Leave {
    shared: Arc<Shared>,
    client: Client,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.shared.clients.disconnect(self.client);
    }
}

async fn connection(leave: Leave, stream: TcpStream, address: SocketAddr, mut stopped: watch::Receiver<()>) {
    let (shared, client) = (leave.shared.clone(), leave.client);
    let limits = shared.limits;
    // Answers are short, and a client waits for each.
    let _ = stream.set_nodelay(true);
    let stream = Stream::new(stream, limits.stalled);
    let service = hyper::service::service_fn(move |request| answer(shared.clone(), client, request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(BUFFER).half_close(true);
    let serving = http.serve_connection(TokioIo::new(stream), service);
    futures::pin_mut!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        _ = stopped.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%address, %error, "a connection ended");
    }
    drop(leave);
}

/// Answers one request.
async fn answer(shared: Arc<Shared>, client: Client, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let limits = shared.limits;
    if let Err(retry) = shared.clients.request(client, Instant::now()) {
        return Ok(closing(Error::too_many(retry).into_response()));
    }
    let handler = AssertUnwindSafe(shared.router.clone().oneshot(request)).catch_unwind();
    let response = match tokio::time::timeout(limits.request, handler).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => closing(Error::internal().into_response()),
        Err(_) => closing(Error::slow(limits.request).into_response()),
    };
    Ok(response.map(|body| Body::new(Pieces::new(body, limits.answer))))
}

/// The body of the request may not be read to its end: the connection cannot be used again.
fn closing(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

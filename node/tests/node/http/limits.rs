//! Slow, greedy and broken clients, against the server alone.

use super::client::{Connection, get};
use arblast_node::http::{Limits, serve};
use axum::Router;
use axum::body::Bytes;
use axum::routing::{get as route, post};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Short, so that the tests are.
const SHORT: Duration = Duration::from_millis(400);

/// A server of a few routes.
struct Server {
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(limits: Limits) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (sender, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, router(), limits, async { drop(stopped.await) }).await;
            });
        });
        let address = started.recv_timeout(Duration::from_secs(10)).unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Stops it, and says how long that took.
    fn stop(&mut self) -> Duration {
        let start = Instant::now();
        self.stop.take();
        self.thread.take().map(JoinHandle::join);
        start.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn router() -> Router {
    let large = async || Bytes::from(vec![b'x'; 1 << 20]);
    let slow = async || {
        tokio::time::sleep(SHORT / 2).await;
        "done"
    };
    let panics = async || -> &'static str { panic!("on purpose") };
    let never = async || -> &'static str { std::future::pending().await };
    let echo = async |body: Bytes| body;
    Router::new()
        .route("/", route(async || "hello"))
        .route("/large", route(large))
        .route("/slow", route(slow))
        .route("/panic", route(panics))
        .route("/never", route(never))
        .route("/echo", post(echo))
}

/// Bounds that no test meets but the one it is about.
fn roomy() -> Limits {
    Limits { requests_per_second: 1_000_000, burst: 1_000_000, connections_per_client: 400, ..Limits::default() }
}

/// How long until the server closes a connection; whatever it sends before is thrown away.
fn closed(stream: &mut TcpStream) -> Duration {
    let start = Instant::now();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return start.elapsed(),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return start.elapsed();
            }
            Err(error) => panic!("not closed after {:?}: {error}", start.elapsed()),
        }
    }
}

/// A connection from another address of this machine, which the server takes for another client.
fn from(last: u8, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        let stream = socket.connect(to).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    })
}

#[test]
fn a_head_that_drips_in_and_a_connection_that_idles_are_closed() {
    let server = Server::start(Limits { head: SHORT, ..roomy() });
    let mut dripping = Connection::open(server.address);
    let start = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" {
        if dripping.stream().write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(SHORT / 10);
    }
    closed(dripping.stream());
    assert!(start.elapsed() < 10 * SHORT, "{:?}", start.elapsed());
    // Idle from the start, and idle after an answer.
    let mut idle = Connection::open(server.address);
    assert!(closed(idle.stream()) < 5 * SHORT);
    let mut kept = Connection::open(server.address);
    assert_eq!(kept.request("GET", "/", None, b"").unwrap().body, b"hello");
    assert_eq!(kept.request("GET", "/", None, b"").unwrap().body, b"hello");
    assert!(closed(kept.stream()) < 5 * SHORT);
}

#[test]
fn a_body_that_does_not_come_gets_408() {
    let server = Server::start(Limits { request: SHORT, ..roomy() });
    let mut connection = Connection::open(server.address);
    connection.send(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n123").unwrap();
    let answer = connection.answer(false).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"));
    closed(connection.stream());
    let answer = Connection::open(server.address).request("GET", "/never", None, b"").unwrap();
    assert_eq!(answer.status, 408);
}

#[test]
fn who_does_not_read_holds_nothing_for_long() {
    let server = Server::start(Limits { stalled: SHORT, connections_per_client: 2, ..roomy() });
    let mut stalled: Vec<_> = (0..2).map(|_| from(2, server.address)).collect();
    for stream in &mut stalled {
        // 64 MiB of answers, far beyond what the sockets hold.
        stream.write_all("GET /large HTTP/1.1\r\nhost: a\r\n\r\n".repeat(64).as_bytes()).unwrap();
    }
    assert_eq!(get(server.address, "/").status, 200, "others are served");
    // Both places are free again once the server has lost patience.
    let start = Instant::now();
    loop {
        let mut stream = from(2, server.address);
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        if stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "the places are never free");
        std::thread::sleep(SHORT / 4);
    }
}

#[test]
fn who_reads_slowly_is_cut_off() {
    let server = Server::start(Limits { answer: SHORT, ..roomy() });
    let mut stream = from(2, server.address);
    stream.write_all("GET /large HTTP/1.1\r\nhost: a\r\n\r\n".repeat(64).as_bytes()).unwrap();
    let (start, mut buffer, mut received) = (Instant::now(), vec![0; 64 << 10], 0);
    // About 3 MB a second: never stalled, and far too slow for one answer after the other.
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        received += count;
        assert!(start.elapsed() < Duration::from_secs(30), "still served after {received} bytes");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(received < 64 << 20, "{received}");
}

#[test]
fn one_client_takes_no_more_than_its_connections() {
    let server = Server::start(Limits { connections_per_client: 4, ..roomy() });
    let mut held: Vec<_> = (0..4).map(|_| from(2, server.address)).collect();
    for stream in &mut held {
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        let mut buffer = [0; 1024];
        assert!(stream.read(&mut buffer).unwrap() > 0, "a connection within the bound is served");
    }
    for _ in 0..200 {
        assert!(closed(&mut from(2, server.address)) < Duration::from_secs(5));
    }
    assert_eq!(get(server.address, "/").status, 200, "another client is served");
    held.clear();
    std::thread::sleep(Duration::from_millis(200));
    let mut again = from(2, server.address);
    again.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    again.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn all_clients_together_are_bounded() {
    let server = Server::start(Limits { connections: 40, connections_per_client: 8, head: SHORT, ..roomy() });
    // A flood from twenty addresses that send nothing.
    let mut flood: Vec<_> = (0..200).map(|number| from(2 + number % 20, server.address)).collect();
    // The server closes those beyond the bound at once, and the others when their time is up.
    let start = Instant::now();
    for stream in &mut flood {
        closed(stream);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(get(server.address, "/").status, 200);
}

#[test]
fn a_client_beyond_its_rate_gets_429_and_recovers() {
    let server = Server::start(Limits { requests_per_second: 20, burst: 5, ..roomy() });
    let mut connection = Connection::open(server.address);
    let answers: Vec<_> = (0..5).map(|_| connection.request("GET", "/", None, b"").unwrap().status).collect();
    assert_eq!(answers, [200; 5]);
    let refused = (0..20).find_map(|_| {
        let answer = Connection::open(server.address).request("GET", "/", None, b"").unwrap();
        (answer.status != 200).then_some(answer)
    });
    let refused = refused.expect("the bucket empties");
    assert_eq!(
        (refused.status, refused.code().as_str(), refused.header("retry-after")),
        (429, "rate_limited", Some("1"))
    );
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(get(server.address, "/").status, 200);
}

#[test]
fn a_handler_that_panics_costs_its_own_request_only() {
    let server = Server::start(roomy());
    let answer = get(server.address, "/panic");
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert_eq!(get(server.address, "/").status, 200);
}

#[test]
fn a_stop_lets_requests_end_and_waits_for_nobody_else() {
    let mut server = Server::start(Limits { grace: 5 * SHORT, ..roomy() });
    let _idle: Vec<_> = (0..10).map(|_| Connection::open(server.address)).collect();
    let mut busy = Connection::open(server.address);
    busy.send(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    std::thread::sleep(SHORT / 8);
    let took = server.stop();
    assert_eq!(busy.answer(false).unwrap().body, b"done");
    assert!(took < 5 * SHORT, "{took:?}");
    assert!(TcpStream::connect(server.address).is_err(), "nobody listens any more");
    // One that would never end is cut off after the grace.
    let mut server = Server::start(Limits { grace: SHORT, ..roomy() });
    let mut stuck = Connection::open(server.address);
    stuck.send(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    std::thread::sleep(SHORT / 8);
    let took = server.stop();
    assert!(took >= SHORT && took < 5 * SHORT, "{took:?}");
}

#[test]
fn what_is_no_http_is_refused_or_closed() {
    let server = Server::start(Limits { head: SHORT, request: SHORT, ..roomy() });
    let huge = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000));
    let header = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(500));
    let mut garbage: Vec<Vec<u8>> = [
        "",
        "\r\n\r\n",
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\0b\r\n\r\n",
        "GET  /  HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03",
        "POST /echo HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        "POST /echo HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        &huge,
        &header,
        &many,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    garbage.extend((0..200).map(|_| {
        let mut bytes = vec![0; (rng.next_u64() % 2048) as usize];
        rng.fill_bytes(&mut bytes);
        bytes
    }));
    for chunk in garbage.chunks(64) {
        let open = |bytes: &Vec<u8>| {
            let mut connection = Connection::open(server.address);
            connection.send(bytes).unwrap();
            connection
        };
        let connections: Vec<_> = chunk.iter().map(open).collect();
        for (mut connection, bytes) in connections.into_iter().zip(chunk) {
            let mut answer = Vec::new();
            let _ = connection.stream().read_to_end(&mut answer);
            let sent = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
            let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
            assert!(refused, "{sent:?}: {:?}", String::from_utf8_lossy(&answer));
        }
    }
    assert_eq!(get(server.address, "/").status, 200);
}

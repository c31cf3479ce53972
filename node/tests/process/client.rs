//! A client of the HTTP interface: as much of HTTP/1.1 as the node's answers need.

use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection to one node, made anew when it breaks.
pub struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// How long a node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

impl Client {
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Asks for a path.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").as_bytes())
    }

    /// The answer to a path if it is 200.
    pub fn ok(&mut self, path: &str) -> Option<Value> {
        self.get(path).ok().filter(|answer| answer.status == 200).map(|answer| answer.body)
    }

    /// The node's highest final block.
    pub fn height(&mut self) -> Option<u64> {
        integer(&self.ok("/v1/status")?["height"])
    }

    /// Submits a signed transaction in bytes.
    pub fn submit(&mut self, signed: &[u8]) -> io::Result<Answer> {
        self.post("application/octet-stream", signed)
    }

    /// Submits a signed transaction in JSON.
    pub fn submit_json(&mut self, signed: &[u8]) -> io::Result<Answer> {
        self.post("application/json", signed)
    }

    fn post(&mut self, kind: &str, signed: &[u8]) -> io::Result<Answer> {
        let head = format!(
            "POST /v1/transactions HTTP/1.1\r\nHost: node\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            signed.len()
        );
        self.ask(&[head.as_bytes(), signed].concat())
    }

    fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let reused = self.stream.is_some();
        let answer = self.once(request);
        // A connection that the node closed while it was idle says nothing about the node.
        let answer = if reused && answer.is_err() { self.once(request) } else { answer };
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    fn once(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(request)?;
        let answer = read(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(|| invalid("status line"))?;
    let mut length = None;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let mut body = vec![0; length.ok_or_else(|| invalid("no length"))?];
    stream.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).map_err(|_| invalid("the body is no JSON"))?;
    Ok(Answer { status, body })
}

/// An integer as the interface writes it: decimal digits in a string.
pub fn integer(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

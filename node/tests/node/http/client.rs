//! A small HTTP client that can also send what no client should.

use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer longer than this is a hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

/// One connection.
pub struct Connection {
    stream: TcpStream,
    /// Read and not used yet.
    ahead: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends a request as it should be, and reads the answer.
    pub fn request(&mut self, method: &str, path: &str, kind: Option<&str>, body: &[u8]) -> io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n");
        if let Some(kind) = kind {
            head += &format!("content-type: {kind}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat())?;
        self.answer(method == "HEAD")
    }

    /// Sends bytes. A server that has closed the connection may have answered before.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.stream.write_all(bytes) {
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            other => other,
        }
    }

    /// Reads one answer; `UnexpectedEof` if the server closed the connection without one.
    pub fn answer(&mut self, without_body: bool) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.ahead.drain(..end + 4).collect()).expect("ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status_line = lines.next().unwrap();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap_or_else(|| panic!("{head:?}")))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer { status: status.expect("a status"), headers, body: Vec::new() };
        if status == Some(100) {
            return self.answer(without_body);
        }
        if !without_body {
            let length = answer.header("content-length").unwrap_or_else(|| panic!("no length: {head:?}"));
            let length: usize = length.parse().unwrap();
            while self.ahead.len() < length {
                self.more()?;
            }
            answer.body = self.ahead.drain(..length).collect();
        }
        Ok(answer)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 8192];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.ahead.extend_from_slice(&buffer[..count]);
                Ok(())
            }
        }
    }
}

/// One request on a connection of its own.
pub fn request(address: SocketAddr, method: &str, path: &str, kind: Option<&str>, body: &[u8]) -> Answer {
    let mut connection = Connection::open(address);
    connection.request(method, path, kind, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// A GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, None, b"")
}

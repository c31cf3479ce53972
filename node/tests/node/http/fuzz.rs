//! A client that knows nothing but the OpenAPI document, and sends what it allows and what it does not.
//!
//! Each answer must come in time, with a status, headers, content type and body that the document has for the
//! operation; 503 is the only answer of the five hundreds. A request that the document allows is never refused as
//! malformed, and one that it does not allow never succeeds. Requests depend on the seed alone;
//! `ARBLAST_HTTP_FUZZ=N` makes N requests for each operation and thread instead of 120.

use super::client::{Answer, Connection, get};
use super::node::Node;
use super::schema::{Document, pick};
use super::{as_json, hex};
use arblast_node::http::Limits;
use arblast_node::transaction::Lane;
use commonware_codec::Encode as _;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Threads, each with a connection and a seed of its own.
const THREADS: u64 = 3;

/// What the document says of one operation.
struct Operation {
    path: String,
    method: String,
    parameters: Vec<Value>,
    bodies: Vec<(String, Value)>,
    responses: Value,
}

fn operations(document: &Document) -> Vec<Operation> {
    let mut operations = Vec::new();
    for (path, methods) in document.0["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
            let bodies = operation.pointer("/requestBody/content").and_then(Value::as_object).into_iter().flatten();
            operations.push(Operation {
                path: path.clone(),
                method: method.to_uppercase(),
                parameters: parameters.map(|parameter| document.resolve(parameter).clone()).collect(),
                bodies: bodies.map(|(kind, content)| (kind.clone(), content["schema"].clone())).collect(),
                responses: operation["responses"].clone(),
            });
        }
    }
    operations
}

/// Whether a request is one that the document allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Allowed {
    Yes,
    No,
    /// It depends on what the document does not say.
    Unclear,
}

impl Allowed {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unclear,
        }
    }
}

impl From<bool> for Allowed {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

struct Client<'a> {
    node: &'a Node,
    document: &'a Document,
    rng: ChaCha20Rng,
    connection: Connection,
    /// Values that exist: hashes, addresses, heights.
    known: Vec<String>,
    /// Statuses by operation.
    seen: BTreeMap<String, BTreeMap<u16, usize>>,
}

impl<'a> Client<'a> {
    fn new(node: &'a Node, document: &'a Document, known: Vec<String>, seed: u64) -> Self {
        let connection = Connection::open(node.address);
        Self { node, document, rng: ChaCha20Rng::seed_from_u64(seed), connection, known, seen: BTreeMap::new() }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.rng.next_u64().is_multiple_of(n)
    }

    /// A text that may or may not be what a parameter takes.
    fn text(&mut self, schema: &Value) -> String {
        let valid = match self.document.make(schema, &mut self.rng) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let rng = &mut self.rng;
        match rng.next_u64() % 16 {
            0..6 => valid,
            6..9 => pick(rng, &self.known).clone(),
            9 => "9".repeat(1 + (rng.next_u64() % 4000) as usize),
            10 => pick(rng, &["-1", "+1", "1.5", "1e3", "0x", "null", "latest ", "LATEST", "..", ".", "*"]).to_string(),
            11 => pick(rng, &["\u{0}", "é", "\u{202e}", "日本語", "%", "%%%", "a/b", "?", "#", " ", "\r\nx: y"])
                .to_string(),
            12 => valid.chars().take((rng.next_u64() as usize) % (valid.len() + 1)).collect(),
            13 => valid.clone() + &valid,
            14 => valid.to_uppercase(),
            _ => {
                let mut bytes = valid.into_bytes();
                let at = (rng.next_u64() as usize) % bytes.len();
                bytes[at] = 33 + (rng.next_u32() % 90) as u8;
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }

    /// The target of a request, and whether the document allows it.
    fn target(&mut self, operation: &Operation) -> (String, Allowed) {
        let (mut path, mut query, mut allowed) = (operation.path.clone(), Vec::new(), Allowed::Yes);
        for parameter in &operation.parameters {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let text = self.text(schema);
            if parameter["in"] == "path" {
                // An empty segment is another path.
                let fits = self.document.check(schema, &json!(text)).is_ok();
                allowed = allowed.and(if text.is_empty() { Allowed::Unclear } else { fits.into() });
                path = path.replace(&format!("{{{name}}}"), &escaped(&text));
            } else if self.one_in(2) {
                let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text).map(Value::from);
                let fits = number.is_some_and(|number| self.document.check(schema, &number).is_ok());
                // Numbers with leading zeros or a plus sign.
                let unclear = !fits && text.parse::<u64>().is_ok();
                allowed = allowed.and(if unclear { Allowed::Unclear } else { fits.into() });
                query.push(format!("{name}={}", escaped(&text)));
            }
        }
        if !operation.parameters.is_empty() && self.one_in(12) {
            query.push("unknown=1".into());
            allowed = allowed.and(Allowed::Unclear);
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        (path, allowed)
    }

    /// A body with its content type, and whether the document allows it.
    fn body(&mut self, operation: &Operation) -> (Option<String>, Vec<u8>, Allowed) {
        let (kind, schema) = pick(&mut self.rng, &operation.bodies).clone();
        let (body, mut allowed) = if kind == "application/json" { self.json(&schema) } else { self.bytes(&schema) };
        let kind = match self.rng.next_u64() % 16 {
            0 => {
                allowed = Allowed::No;
                Some(pick(&mut self.rng, &["text/plain", "application/xml", "x", "multipart/form-data"]).to_string())
            }
            1 => {
                allowed = Allowed::No;
                None
            }
            2 => Some(format!("{}; charset=utf-8", kind.to_uppercase())),
            _ => Some(kind),
        };
        (kind, body, allowed)
    }

    fn json(&mut self, schema: &Value) -> (Vec<u8>, Allowed) {
        let mut value = match self.rng.next_u64() % 4 {
            // Signed as it should be; whether it settles is another matter.
            0 => {
                let (wallet, nonce) = ((self.rng.next_u64() % 8) as u8, self.rng.next_u64() % 8);
                as_json(&self.node.transfer(wallet, nonce, *pick(&mut self.rng, &Lane::ALL)))
            }
            _ => self.document.make(schema, &mut self.rng),
        };
        let names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        let name = pick(&mut self.rng, &names).clone();
        match self.rng.next_u64() % 12 {
            0 => drop(value.as_object_mut().unwrap().remove(&name)),
            1 => value[&name] = self.odd(),
            2 => value["extra"] = self.odd(),
            3 => value = self.odd(),
            4 => {
                let property = schema_of(self.document, schema, &name);
                value[&name] = json!(self.text(&property));
            }
            _ => {}
        }
        let allowed = self.document.check(schema, &value).is_ok().into();
        let mut text = value.to_string().into_bytes();
        match self.rng.next_u64() % 16 {
            0 => {
                text.truncate((self.rng.next_u64() as usize) % text.len());
                (text, Allowed::No)
            }
            1 => {
                let at = (self.rng.next_u64() as usize) % text.len();
                text[at] = 0xff;
                (text, Allowed::No)
            }
            2 => ("[".repeat(1000 + (self.rng.next_u64() % 8000) as usize).into_bytes(), Allowed::No),
            3 => (" ".repeat(5000).into_bytes(), Allowed::No),
            4 => {
                (String::from_utf8(text).unwrap().replacen('{', "{\"lane\":\"standard\",", 1).into(), Allowed::Unclear)
            }
            _ => (text, allowed),
        }
    }

    fn bytes(&mut self, schema: &Value) -> (Vec<u8>, Allowed) {
        let mut bytes = match self.rng.next_u64() % 3 {
            0 => self
                .node
                .transfer((self.rng.next_u64() % 8) as u8, self.rng.next_u64() % 8, Lane::Standard)
                .encode()
                .to_vec(),
            _ => {
                let mut bytes = vec![0; 217];
                self.rng.fill_bytes(&mut bytes);
                bytes[120] &= 1;
                bytes
            }
        };
        if self.one_in(3) {
            bytes.resize((self.rng.next_u64() % 6000) as usize, 7);
        }
        let fits = self.document.check(schema, &json!("x".repeat(bytes.len()))).is_ok();
        (bytes, fits.into())
    }

    /// A value of any type.
    fn odd(&mut self) -> Value {
        let mut deep = json!(1);
        (0..40).for_each(|_| deep = json!([deep]));
        let odd = [
            Value::Null,
            json!(true),
            json!(-1),
            json!(1.5),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("é\u{0}"),
            json!("x".repeat(2000)),
            json!([]),
            json!({}),
            json!([[], {}]),
            deep,
        ];
        pick(&mut self.rng, &odd).clone()
    }

    /// Makes one request and checks its answer.
    fn step(&mut self, operation: &Operation) {
        let (target, mut allowed) = self.target(operation);
        let (kind, body) = if operation.bodies.is_empty() {
            (None, Vec::new())
        } else {
            let (kind, body, fits) = self.body(operation);
            allowed = allowed.and(fits);
            (kind, body)
        };
        let mut method = operation.method.clone();
        if self.one_in(10) {
            method =
                pick(&mut self.rng, &["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "BREW"]).to_string();
        }
        let start = Instant::now();
        let context = format!("{method} {target} {kind:?} {:?}", String::from_utf8_lossy(&body));
        let answer = self.send(&method, &target, kind.as_deref(), &body, &context);
        assert!(start.elapsed() < Duration::from_secs(15), "{context}: {:?}", start.elapsed());
        *self.seen.entry(operation.path.clone()).or_default().entry(answer.status).or_default() += 1;
        let documented = method == operation.method || (method == "HEAD" && operation.method == "GET");
        if documented {
            self.answers(operation, &answer, method == "HEAD", allowed, &context);
        } else {
            // An empty parameter makes another path, which does not exist at all.
            assert!(matches!(answer.status, 405 | 404), "{context}: {answer:?}");
            assert!(answer.status == 404 || answer.header("allow").is_some(), "{context}: {answer:?}");
        }
    }

    fn send(&mut self, method: &str, target: &str, kind: Option<&str>, body: &[u8], context: &str) -> Answer {
        // A connection that the server closed after its last answer is opened again, once.
        for _ in 0..2 {
            if let Ok(answer) = self.connection.request(method, target, kind, body) {
                if answer.header("connection") == Some("close") {
                    self.connection = Connection::open(self.node.address);
                }
                return answer;
            }
            self.connection = Connection::open(self.node.address);
        }
        panic!("{context}: no answer");
    }

    fn answers(&self, operation: &Operation, answer: &Answer, head: bool, allowed: Allowed, context: &str) {
        let status = answer.status.to_string();
        let Some(response) = operation.responses.get(&status) else {
            // A path with an empty parameter is none that the document knows.
            let unknown = allowed == Allowed::Unclear && answer.status == 404;
            assert!(unknown, "{context}: undocumented {answer:?}");
            return;
        };
        assert!(answer.status < 500 || answer.status == 503, "{context}: {answer:?}");
        let response = self.document.resolve(response);
        for (name, header) in response.get("headers").and_then(Value::as_object).into_iter().flatten() {
            let value = answer.header(&name.to_lowercase()).unwrap_or_else(|| panic!("{context}: no {name}"));
            let value = value.parse::<u64>().map_or_else(|_| json!(value), Value::from);
            self.document.check(&header["schema"], &value).unwrap_or_else(|error| panic!("{context}: {name}: {error}"));
        }
        assert_eq!(answer.header("content-type"), Some("application/json"), "{context}");
        if !head {
            let schema = &response["content"]["application/json"]["schema"];
            self.document
                .check(schema, &answer.json())
                .unwrap_or_else(|error| panic!("{context}: {error}: {answer:?}"));
        }
        match allowed {
            Allowed::Yes => {
                assert!(!matches!(answer.status, 400 | 413 | 415), "{context}: refused as malformed: {answer:?}");
            }
            Allowed::No => assert!((400..500).contains(&answer.status), "{context}: {answer:?}"),
            Allowed::Unclear => {}
        }
    }
}

fn schema_of(document: &Document, schema: &Value, name: &str) -> Value {
    document.resolve(&document.resolve(schema)["properties"][name]).clone()
}

/// A text as one segment of a path or a value of a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    // A segment of dots would be resolved by well-behaved clients.
    let dots = text.bytes().all(|byte| byte == b'.');
    let bytes = text
        .bytes()
        .map(|byte| if plain(byte) && !dots { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    bytes.collect()
}

#[test]
fn a_client_of_the_document_finds_it_true() {
    let rounds = std::env::var("ARBLAST_HTTP_FUZZ").ok().map_or(120, |rounds| rounds.parse().expect("a number"));
    let node = Node::start(Limits { requests_per_second: 1_000_000, burst: 1_000_000, ..Limits::default() });
    let document = Arc::new(Document(get(node.address, "/openapi.json").json()));
    assert_eq!(
        (&document.0["openapi"], &document.0["info"]["version"]),
        (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let first = node.transfer(9, 0, Lane::Standard);
    assert_eq!(super::submit_bytes(&node, &first).status, 202);
    super::finality(&node, &hex(first.transaction.id()));
    let block = get(node.address, "/v1/blocks/latest").json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let known = vec![
        hex(first.transaction.id()),
        hex(&first.transaction.sender),
        text(&block["hash"]),
        text(&block["height"]),
        "0".into(),
        "latest".into(),
    ];
    let seen: Vec<_> = std::thread::scope(|scope| {
        let run = |thread| {
            let mut client = Client::new(&node, &document, known.clone(), 0xa5b1_a570 + thread);
            for operation in operations(&document) {
                // What takes no input needs few requests.
                let few = operation.parameters.is_empty() && operation.bodies.is_empty();
                (0..if few { rounds / 10 } else { rounds }).for_each(|_| client.step(&operation));
            }
            client.seen
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no finding")).collect()
    });
    // The client is of use only if it got through, and if it was refused.
    for path in ["/v1/transactions/{hash}", "/v1/accounts/{address}", "/v1/blocks/{id}", "/v1/blocks/{id}/certificate"]
    {
        for status in [200, 400, 404, 405] {
            assert!(seen.iter().any(|seen| seen[path].contains_key(&status)), "{path} never answered {status}");
        }
    }
    for status in [202, 400, 405, 409, 413, 415, 422] {
        assert!(seen.iter().any(|seen| seen["/v1/transactions"].contains_key(&status)), "never {status}");
    }
    assert_eq!(get(node.address, "/ready").status, 200, "the validator goes on");
}

//! Validators as processes.

use crate::client::Client;
use crate::votes::Votes;
use arblast_node::crypto::SecretKey;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_arblast-node");

/// What a network is made with.
pub struct Shape {
    pub interval: Duration,
    pub accounts: usize,
    pub block_transactions: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { interval: Duration::from_millis(200), accounts: 0, block_transactions: 2048 }
    }
}

/// Four validators and their files.
pub struct Network {
    pub nodes: Vec<Node>,
    pub folder: Folder,
    pub genesis: [u8; 32],
    /// One network at a time: they are measured by the clock, and share the machine.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

/// A folder that goes with its owner.
pub struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU16 = AtomicU16::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("arblast-process-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files is writable");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What a failed test leaves is worth a look.
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// One validator: its files, its process if it runs, and what its processes logged.
pub struct Node {
    pub index: usize,
    pub home: PathBuf,
    pub http: SocketAddr,
    pub p2p: SocketAddr,
    /// What goes before the program: the way into a network namespace.
    pub prefix: Vec<String>,
    process: Option<Process>,
    pub log: Arc<Log>,
}

/// A running process, which ends with this.
pub struct Process {
    child: Child,
    pub log: Arc<Log>,
}

/// The lines of a log, and the votes among them.
#[derive(Default)]
pub struct Log {
    lines: Mutex<Vec<String>>,
    pub votes: Votes,
}

impl Log {
    /// How many lines contain a text.
    pub fn count(&self, text: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }

    /// The last lines that are not about single votes, for a failure.
    pub fn tail(&self) -> String {
        let lines = self.lines.lock().unwrap();
        let told: Vec<_> = lines.iter().filter(|line| !line.contains("a vote")).map(String::as_str).collect();
        told[told.len().saturating_sub(20)..].join("\n")
    }
}

/// The first of `count` free ports in a row, in three rows one after the other.
fn free_ports(count: u16) -> u16 {
    // Below the ports that the system gives to clients; each test program begins elsewhere.
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = (std::process::id() % 500) as u16 * 20;
    for _ in 0..500 {
        let base = 20_000 + (offset + NEXT.fetch_add(3 * count, Ordering::Relaxed)) % 10_000;
        let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if (base..base + 3 * count).all(free) {
            return base;
        }
    }
    panic!("no free ports");
}

impl Network {
    /// The files of a network on the loopback interface; nothing runs yet.
    pub fn new(shape: &Shape) -> Self {
        Self::at(shape, &[IpAddr::V4(Ipv4Addr::LOCALHOST)], free_ports(4))
    }

    /// The files of a network at these addresses.
    pub fn at(shape: &Shape, hosts: &[IpAddr], base: u16) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new();
        let out = folder.path().join("network");
        let hosts: Vec<_> = hosts.iter().map(ToString::to_string).collect();
        let interval = format!("{}ms", shape.interval.as_millis());
        let made = Command::new(PROGRAM)
            .args(["init-network", "--validators", "4", "--out"])
            .arg(&out)
            .args(["--host", &hosts.join(","), "--block-interval", &interval])
            .args(["--base-port", &base.to_string(), "--http-port", &(base + 4).to_string()])
            .args(["--metrics-port", &(base + 8).to_string(), "--accounts", &shape.accounts.to_string()])
            .args(["--block-txs", &shape.block_transactions.to_string()])
            .output()
            .expect("the program starts");
        assert!(made.status.success(), "init-network: {}", String::from_utf8_lossy(&made.stderr));
        let said = String::from_utf8_lossy(&made.stdout);
        let digest = said.lines().find_map(|line| line.strip_prefix("genesis ")).expect("it says the genesis");
        let mut genesis = [0; 32];
        hex::decode_to_slice(digest.trim(), &mut genesis).expect("32 bytes in hexadecimal");
        let node = |index: usize| {
            let shared = hosts.len() == 1;
            let host: IpAddr = hosts[if shared { 0 } else { index }].parse().expect("an address");
            let offset = if shared { index as u16 } else { 0 };
            Node {
                index,
                home: out.join(format!("validator-{index}")),
                http: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), base + 4 + offset),
                p2p: SocketAddr::new(host, base + offset),
                prefix: Vec::new(),
                process: None,
                log: Arc::default(),
            }
        };
        let nodes = (0..4).map(node).collect();
        Self { nodes, folder, genesis, _turn: turn }
    }

    /// Starts all validators.
    pub fn start(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.start(&[]));
    }

    /// The highest final block of any node that answers.
    pub fn height(&self) -> u64 {
        self.nodes.iter().filter_map(|node| node.client().height()).max().unwrap_or(0)
    }

    /// Waits until every running node has a block at `height`, or panics with what the slowest logged.
    pub fn reach(&self, height: u64, within: Duration) {
        for node in self.nodes.iter().filter(|node| node.process.is_some()) {
            node.until(within, &format!("height {height}"), |node| node.client().height().is_some_and(|h| h >= height));
        }
    }

    /// Waits for a block above the present height at a node that is not `except`; gives how long it took.
    pub fn next_block(&self, except: Option<usize>, within: Duration) -> Duration {
        let start = Instant::now();
        let others: Vec<_> = self.nodes.iter().filter(|node| Some(node.index) != except).collect();
        let height = || others.iter().filter_map(|node| node.client().height()).max().unwrap_or(0);
        let before = height();
        while height() <= before {
            let tail = || others.iter().map(|node| node.log.tail()).collect::<Vec<_>>().join("\n--\n");
            assert!(start.elapsed() < within, "no block above {before} within {within:?}; logs:\n{}", tail());
            std::thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }

    /// No two conflicting votes were signed with one key, and nobody saw any.
    pub fn check_votes(&self) {
        for node in &self.nodes {
            node.log.votes.check().unwrap_or_else(|error| panic!("validator {}: {error}", node.index));
            let blamed = node.log.count("blocked a peer");
            assert_eq!(blamed, 0, "validator {} blocked a peer; its log:\n{}", node.index, node.log.tail());
        }
    }

    /// The same block and state root at every height up to `height`, at every running node.
    pub fn check_agreement(&self, height: u64) {
        let mut clients: Vec<_> = self.nodes.iter().filter(|n| n.process.is_some()).map(Node::client).collect();
        for height in 1..=height {
            let mut blocks: Vec<_> = clients
                .iter_mut()
                .map(|client| {
                    let block = client.ok(&format!("/v1/blocks/{height}?limit=1"))?;
                    Some((block["hash"].as_str()?.to_owned(), block["state_root"].as_str()?.to_owned()))
                })
                .collect();
            assert!(blocks.iter().all(Option::is_some), "height {height}: {blocks:?}");
            blocks.dedup();
            assert_eq!(blocks.len(), 1, "height {height}: two blocks or state roots");
        }
    }

    /// The secrets of the funded accounts.
    pub fn accounts(&self) -> Vec<SecretKey> {
        let path = self.folder.path().join("network/accounts.json");
        let text = std::fs::read_to_string(path).expect("init-network wrote the accounts");
        let listed: Vec<serde_json::Value> = serde_json::from_str(&text).expect("it is JSON");
        let secret = |account: &serde_json::Value| {
            let digits = account["secret"].as_str()?.strip_prefix("0x")?;
            SecretKey::from_bytes(&hex::decode(digits).ok()?).ok()
        };
        listed.iter().map(|account| secret(account).expect("a secret key")).collect()
    }
}

impl Node {
    /// Starts the validator, with these flags beside its configuration file.
    pub fn start(&mut self, flags: &[&str]) {
        assert!(self.process.is_none(), "validator {} runs already", self.index);
        self.process = Some(Process::spawn(self, &self.home, flags, self.log.clone()));
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").child.id()
    }

    /// A connection to its HTTP interface.
    pub fn client(&self) -> Client {
        Client::new(self.http)
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Asks the process to stop, and gives how long it took and its exit status.
    pub fn terminate(&mut self, within: Duration) -> (Duration, Option<i32>) {
        let mut process = self.process.take().expect("it runs");
        let start = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &process.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill -TERM");
        while start.elapsed() < within {
            if let Some(status) = process.child.try_wait().expect("it is a child") {
                return (start.elapsed(), status.code());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("validator {} did not stop within {within:?}; its log:\n{}", self.index, self.log.tail());
    }

    /// Its exit status, once the process has ended by itself.
    pub fn exit_status(&mut self) -> Option<Option<i32>> {
        let status = self.process.as_mut()?.child.try_wait().expect("it is a child")?;
        Some(status.code())
    }

    /// Whether the process has ended by itself.
    pub fn ended(&mut self) -> bool {
        self.exit_status().is_some()
    }

    /// What it says it does: `listening`, `voting`, `observing`; none if it does not answer.
    pub fn role(&self) -> Option<String> {
        Some(self.client().ok("/v1/status")?["role"].as_str()?.to_owned())
    }

    /// Waits until something is so, or panics with its log.
    pub fn until(&self, within: Duration, what: &str, so: impl Fn(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !so(self) {
            let tail = || self.log.tail();
            assert!(
                start.elapsed() < within,
                "validator {}: no {what} within {within:?}; log:\n{}",
                self.index,
                tail()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }

    /// Waits until it votes and has caught up.
    pub fn until_voting(&self, within: Duration) -> Duration {
        self.until(within, "vote", |node| {
            node.role().as_deref() == Some("voting") && node.client().ok("/ready").is_some()
        })
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the system says so");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
    }
}

impl Process {
    /// Starts another process with a validator's keys, on a copy of its folder.
    pub fn start(node: &Node, home: &Path, flags: &[&str]) -> Self {
        Self::spawn(node, home, flags, Arc::default())
    }

    fn spawn(node: &Node, home: &Path, flags: &[&str], log: Arc<Log>) -> Self {
        let mut words = node.prefix.iter().map(String::as_str).chain([PROGRAM]);
        let mut command = Command::new(words.next().expect("there is at least the program"));
        command.args(words).arg("run").arg("--config").arg(home.join("config.toml")).args(flags);
        command.args(["--log-format", "json", "--log-level", "warn,arblast_node=info,arblast_node::vote=debug"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let lines = log.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines.votes.read(&line);
                lines.lines.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("it is a folder").map_while(Result::ok) {
        let (kind, target) = (entry.file_type().expect("it has one"), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else {
            // A live folder changes while it is copied.
            let _ = std::fs::copy(entry.path(), target);
        }
    }
}

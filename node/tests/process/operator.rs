//! What an operator reads and types: metrics of a network, and a transfer from the command line.

use crate::client::Client;
use crate::network::{Network, Shape};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The address of a validator's metrics, from its configuration.
fn metrics(home: &Path) -> SocketAddr {
    let config = std::fs::read_to_string(home.join("config.toml")).expect("init-network wrote it");
    let port = config.lines().find_map(|line| line.strip_prefix("metrics-port = ")).expect("a port");
    format!("127.0.0.1:{port}").parse().expect("an address")
}

/// The page of metrics.
fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("the metrics are served");
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer in text");
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    page.to_owned()
}

fn value(page: &str, name: &str) -> f64 {
    let line = page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("no {name} in:\n{page}"))
}

/// Whether promtool has nothing to say against a page; `None` where it is not installed.
fn promtool(page: &str) -> Option<String> {
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    check.stdin.take().expect("piped").write_all(page.as_bytes()).expect("it reads");
    let output = check.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    Some(said.into_owned())
}

#[test]
fn metrics_see_the_others_and_a_transfer_from_the_command_line_is_accepted() {
    let mut network = Network::new(&Shape { accounts: 2, ..Shape::default() });
    network.start();
    network.reach(3, Duration::from_secs(60));

    let folder = network.nodes[0].home.parent().expect("the network's folder");
    let output = Command::new(env!("CARGO_BIN_EXE_arblast-node"))
        .args(["transfer", "--from", "0", "--to", "1", "--amount", "5", "--nonce", "0", "--network"])
        .arg(folder)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut client = Client::new(network.nodes[1].http);
    let answer = client.submit_json(&output.stdout).expect("an answer");
    assert_eq!((answer.status, answer.body["status"].as_str()), (202, Some("accepted")), "{}", answer.body);

    // Every validator is connected to all others, and executes the transfer.
    for node in &network.nodes {
        let start = Instant::now();
        let page = loop {
            let page = page(metrics(&node.home));
            let executed = value(&page, "arblast_consensus_transactions_finalized_total") >= 1.0;
            if executed && value(&page, "arblast_peers_connected") == 3.0 {
                break page;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "validator {}:\n{page}", node.index);
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(value(&page, "arblast_peers_tracked"), 3.0);
        assert_eq!(value(&page, "arblast_peers_blocked_total"), 0.0);
        assert!(value(&page, "arblast_consensus_view") >= 3.0);
        assert!(value(&page, "arblast_consensus_finality_seconds_count") >= 1.0);
        assert!(value(&page, "arblast_votes_signed_total{kind=\"finalize\"}") >= 1.0);
        match promtool(&page) {
            Some(said) => assert_eq!(said, "", "promtool"),
            None => println!("promtool is not installed: its checks are skipped"),
        }
    }
}

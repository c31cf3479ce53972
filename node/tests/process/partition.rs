//! Four processes in network namespaces, cut into two halves: finality stops, nothing forks, and it resumes.
//!
//! The test runs itself again inside a network namespace of its own, in which each validator gets another one. What
//! they need (`unshare`, `ip`, `nsenter`, and the right to use them) is not there everywhere; then the test says so
//! and is skipped.
//!
//! ```text
//!   validator 0   validator 1       validator 2   validator 3      10.77.0.1 to 10.77.0.4
//!        \            /                  \            /
//!        bridge left -------- trunk ------ bridge right            cut: the trunk goes down
//!   every validator -- bridge side                                 10.78.0.1 to 10.78.0.4: HTTP, never cut
//! ```

use crate::network::{Network, Shape};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};

/// Set inside the namespace.
const INSIDE: &str = "ARBLAST_PARTITION_INSIDE";
/// How long the halves are apart.
const APART: Duration = Duration::from_secs(20);
/// How soon after healing there must be a new block.
const RESUMED: Duration = Duration::from_secs(10);
const P2P: u16 = 7100;
/// How long blocks on their way may still become final after the cut.
const LAST: Duration = Duration::from_secs(2);

fn ip(arguments: &str) -> Result<(), String> {
    tool("ip", arguments)
}

fn tool(program: &str, arguments: &str) -> Result<(), String> {
    let output = Command::new(program).args(arguments.split(' ')).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("{program} {arguments}: {}", said.trim()))
}

/// Why namespaces cannot be used here, if they cannot.
fn impossible() -> Option<String> {
    let inside = "ip link add name probe type bridge && ip link add name probe0 type veth peer name probe1 && \
                  unshare --net true && nsenter --version";
    let output = match Command::new("unshare").args(["--net", "sh", "-c", inside]).output() {
        Err(error) => return Some(format!("unshare: {error}")),
        Ok(output) => output,
    };
    let said = String::from_utf8_lossy(&output.stderr);
    (!output.status.success()).then(|| said.trim().to_owned())
}

#[test]
fn a_partition_stops_finality_without_a_fork_and_heals() {
    if std::env::var_os(INSIDE).is_some() {
        inside();
    } else if let Some(reason) = impossible() {
        println!("skipped: no network namespaces here: {reason}");
    } else {
        let program = std::env::current_exe().expect("the test program has a path");
        let name = "partition::a_partition_stops_finality_without_a_fork_and_heals";
        let mut command = Command::new("unshare");
        command.args(["--net", "--"]).arg(program).args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
        assert!(command.status().expect("unshare was there before").success(), "it failed inside the namespace");
    }
}

/// Builds both bridges, the trunk between them, and the way to the HTTP interfaces.
fn build() -> Result<(), String> {
    ip("link set lo up")?;
    for bridge in ["left", "right", "side"] {
        ip(&format!("link add name {bridge} type bridge"))?;
        ip(&format!("link set {bridge} up"))?;
    }
    ip("link add name trunk type veth peer name trunk1")?;
    for (end, bridge) in [("trunk", "left"), ("trunk1", "right")] {
        ip(&format!("link set {end} master {bridge}"))?;
        ip(&format!("link set {end} up"))?;
    }
    ip("addr add 10.78.0.254/24 dev side")
}

/// Gives a validator's process, which waits in a namespace of its own, its two connections.
fn connect(index: usize, pid: u32) -> Result<(), String> {
    let bridge = if index < 2 { "left" } else { "right" };
    let addresses = [format!("10.77.0.{}/24", index + 1), format!("10.78.0.{}/24", index + 1)];
    for ((link, bridge), address) in [("p", bridge), ("s", "side")].into_iter().zip(addresses) {
        ip(&format!("link add name {link}{index} type veth peer name eth{link} netns {pid}"))?;
        ip(&format!("link set {link}{index} master {bridge}"))?;
        ip(&format!("link set {link}{index} up"))?;
        let within = format!("--target {pid} --net ip");
        tool("nsenter", &format!("{within} addr add {address} dev eth{link}"))?;
        tool("nsenter", &format!("{within} link set eth{link} up"))?;
    }
    tool("nsenter", &format!("--target {pid} --net ip link set lo up"))
}

fn inside() {
    build().unwrap_or_else(|error| panic!("{error}"));
    let hosts: Vec<IpAddr> = (1..=4).map(|host| Ipv4Addr::new(10, 77, 0, host).into()).collect();
    let mut network = Network::at(&Shape { interval: Duration::from_millis(500), ..Shape::default() }, &hosts, P2P);
    for node in &mut network.nodes {
        let side = Ipv4Addr::new(10, 78, 0, node.index as u8 + 1);
        // The node waits in its namespace until that is connected.
        let go = node.home.join("go");
        let wait = format!("while ! [ -e {} ]; do sleep 0.05; done; exec \"$@\"", go.display());
        node.prefix = ["unshare", "--net", "sh", "-c", &wait, "sh"].map(str::to_owned).to_vec();
        node.http = SocketAddr::new(side.into(), node.http.port());
        node.start(&["--http-address", &side.to_string()]);
        let (pid, start) = (node.pid(), Instant::now());
        let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        while namespace(&pid.to_string()) == namespace("self") {
            assert!(start.elapsed() < Duration::from_secs(10), "validator {} got no namespace", node.index);
            std::thread::sleep(Duration::from_millis(10));
        }
        connect(node.index, pid).unwrap_or_else(|error| panic!("{error}"));
        std::fs::write(go, "").expect("its folder is writable");
    }
    for node in &network.nodes {
        node.until_voting(Duration::from_secs(60));
    }
    network.reach(5, Duration::from_secs(60));

    ip("link set trunk down").unwrap_or_else(|error| panic!("{error}"));
    std::thread::sleep(LAST);
    let cut = network.height();
    std::thread::sleep(APART);
    assert_eq!(network.height(), cut, "two of four finalized a block");
    ip("link set trunk up").unwrap_or_else(|error| panic!("{error}"));
    let healed = Instant::now();
    network.next_block(None, RESUMED);
    let resumed = healed.elapsed();
    network.reach(cut + 3, Duration::from_secs(60));
    let height = network.height();
    network.reach(height, Duration::from_secs(60));
    network.check_agreement(height);
    network.check_votes();
    println!("cut 2/2 for {APART:?} at height {cut}: no block; a new one {resumed:?} after healing; no fork");
}

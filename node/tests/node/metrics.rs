//! The page of metrics of a running validator.

use crate::http::node::Node;
use arblast_node::http::Limits;
use arblast_node::transaction::Lane;
use commonware_codec::Encode as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A validator that has finalized some transactions and refused others.
fn busy() -> Node {
    let node = Node::start(Limits::default());
    let post = |bytes: &[u8]| {
        let kind = Some("application/octet-stream");
        crate::http::client::request(node.address, "POST", "/v1/transactions", kind, bytes).status
    };
    assert_eq!(post(&node.transfer(0, 0, Lane::Standard).encode()), 202);
    assert_eq!(post(&node.transfer(0, 0, Lane::Priority).encode()), 202);
    assert_eq!(post(&node.transfer(1, 60_000, Lane::Standard).encode()), 409);
    let mut forged = node.transfer(2, 0, Lane::Standard);
    forged.transaction.amount += 1;
    assert_eq!(post(&forged.encode()), 422);
    let start = Instant::now();
    while value(&page(&node), "arblast_consensus_transactions_finalized_total") < 2.0 {
        assert!(start.elapsed() < Duration::from_secs(30), "no finality");
        std::thread::sleep(Duration::from_millis(20));
    }
    node
}

fn page(node: &Node) -> String {
    let answer = crate::http::client::get(node.metrics, "/metrics");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    String::from_utf8(answer.body).expect("text")
}

/// The value of a sample, given as it is written.
fn value(page: &str, sample: &str) -> f64 {
    let line = page.lines().find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {sample} in:\n{page}"));
    line[sample.len() + 1..].parse().expect("a number")
}

#[test]
fn the_page_tells_what_happened() {
    let node = busy();
    let page = page(&node);
    assert!(value(&page, "arblast_consensus_height") >= 1.0);
    assert!(value(&page, "arblast_consensus_view") >= value(&page, "arblast_consensus_finalized_view"));
    assert!(value(&page, "arblast_consensus_finality_seconds_count") >= 1.0);
    assert_eq!(value(&page, "arblast_consensus_blocks_refused_total"), 0.0);
    assert_eq!(value(&page, "arblast_role{role=\"voting\"}"), 1.0);
    for lane in ["standard", "priority"] {
        assert_eq!(value(&page, &format!("arblast_mempool_kept_total{{lane=\"{lane}\"}}")), 1.0);
        for room in ["waiting", "ready"] {
            let labels = format!("{{lane=\"{lane}\",room=\"{room}\"}}");
            assert!(value(&page, &format!("arblast_mempool_transactions{labels}")) >= 0.0);
            assert!(value(&page, &format!("arblast_mempool_bytes{labels}")) >= 0.0);
        }
    }
    for reason in ["nonce_too_high", "invalid_signature"] {
        assert_eq!(value(&page, &format!("arblast_mempool_shed_total{{lane=\"standard\",reason=\"{reason}\"}}")), 1.0);
    }
    assert_eq!(value(&page, "arblast_peers_connected"), 0.0, "alone");
    assert!(value(&page, "arblast_storage_used_bytes") > 0.0);
    assert!(value(&page, "arblast_storage_free_bytes") > 0.0);
    let verified = "{backend=\"cpu-portable\",operation=\"miller-loop\"}";
    assert!(value(&page, &format!("arblast_backend_operations_total{verified}")) >= 1.0);
    assert_eq!(
        value(&page, &format!("arblast_backend_operations_total{verified}")),
        value(&page, &format!("arblast_backend_operation_seconds_count{verified}")),
    );
    assert!(value(&page, &format!("arblast_backend_operation_seconds_sum{verified}")) > 0.0);
    for counter in ["fallbacks", "audits", "errors", "timeouts", "wrong_answers"] {
        assert!(value(&page, &format!("arblast_backend_{counter}_total{verified}")) >= 0.0);
    }
    assert_eq!(value(&page, "arblast_backend_breaker_state{backend=\"cpu-portable\",state=\"closed\"}"), 1.0);
    assert!(value(&page, "runtime_storage_writes_total") > 0.0, "the runtime's own registry");
    assert_eq!(crate::http::client::get(node.metrics, "/").status, 404);
}

/// The rules of the format that a page can break without any tool to tell.
#[test]
fn every_sample_has_a_type_and_a_help_and_comes_once() {
    let page = page(&busy());
    let (mut types, mut helps, mut samples) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    let mut family = "";
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help");
            assert!(!help.is_empty() && helps.insert(name), "{line}");
            family = name;
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(types.insert(name, kind).is_none() && name == family, "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            value.parse::<f64>().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(sample), "twice: {line}");
            let name = sample.split('{').next().unwrap();
            let of_histogram =
                ["_bucket", "_sum", "_count"].iter().any(|suffix| name.strip_suffix(suffix) == Some(family));
            let fits = if types[family] == "histogram" { of_histogram } else { name == family };
            assert!(fits, "{line} in family {family}");
        }
    }
    assert!(types.keys().filter(|name| name.starts_with("arblast_")).count() > 30, "{types:?}");
}

#[test]
fn promtool_has_nothing_to_say() {
    let check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut check = match check {
        Ok(check) => check,
        Err(error) => {
            // Past the capture of the harness: ./tools/test shows such lines.
            let _ = writeln!(
                std::io::stderr(),
                "promtool (Debian package prometheus): {error}; its checks of /metrics are skipped"
            );
            return;
        }
    };
    let page = page(&busy());
    check.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

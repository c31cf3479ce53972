//! The HTTP interface over a running validator.
//!
//! | module | subject |
//! |---|---|
//! | this one | what each route answers |
//! | `fuzz.rs` | a client that makes its requests from the OpenAPI document, good and bad ones |
//! | `limits.rs` | slow, greedy and broken clients |
//! | `node.rs`, `client.rs`, `schema.rs` | a validator, a client, JSON Schema |

pub mod client;
mod fuzz;
mod limits;
pub mod node;
mod schema;

use crate::support::secret;
use arblast_node::crypto;
use arblast_node::http::Limits;
use arblast_node::transaction::{Lane, SignedTransaction, Transaction};
use client::{Answer, get, request};
use commonware_codec::Encode as _;
use node::{BALANCE, Node};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// A submission as JSON.
fn as_json(signed: &SignedTransaction) -> Value {
    let Transaction { sender, recipient, amount, fee, nonce, lane } = &signed.transaction;
    json!({
        "sender": hex(sender), "recipient": hex(recipient), "amount": amount.to_string(), "fee": fee,
        "nonce": nonce.to_string(), "lane": lane.name(), "signature": hex(&signed.signature),
    })
}

fn submit_json(node: &Node, body: &Value) -> Answer {
    request(node.address, "POST", "/v1/transactions", Some("application/json"), body.to_string().as_bytes())
}

fn submit_bytes(node: &Node, signed: &SignedTransaction) -> Answer {
    request(node.address, "POST", "/v1/transactions", Some("application/octet-stream"), &signed.encode())
}

fn account(node: &Node, wallet: u8) -> Answer {
    get(node.address, &format!("/v1/accounts/{}", hex(crypto::address(&secret("wallet", wallet)))))
}

/// Asks until the answer is as wanted.
fn until(what: &str, mut ask: impl FnMut() -> Option<Answer>) -> Answer {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn finality(node: &Node, hash: &str) -> Answer {
    until("finality", || {
        let answer = get(node.address, &format!("/v1/transactions/{hash}"));
        (answer.status == 200 && answer.json()["status"] == "final").then_some(answer)
    })
}

#[test]
fn transactions_go_in_and_final_blocks_come_out() {
    let node = Node::start(Limits::default());
    assert_eq!(account(&node, 0).json()["balance"], BALANCE.to_string(), "before or after the first block");

    let (first, second) = (node.transfer(0, 0, Lane::Standard), node.transfer(0, 0, Lane::Priority));
    let answer = submit_json(&node, &as_json(&first));
    assert_eq!((answer.status, &answer.json()["status"]), (202, &json!("accepted")), "{answer:?}");
    assert_eq!(answer.json()["hash"], hex(first.transaction.id()));
    assert_eq!(submit_bytes(&node, &second).status, 202);
    let hash = hex(second.transaction.id());
    let height = finality(&node, &hash).json()["height"].as_str().unwrap().to_owned();
    finality(&node, &hex(first.transaction.id()));

    // The block by height and by hash, in pages.
    let block = get(node.address, &format!("/v1/blocks/{height}")).json();
    assert_eq!(block["height"], height);
    let named = get(node.address, &format!("/v1/blocks/{}", block["hash"].as_str().unwrap())).json();
    assert_eq!(block, named);
    let listed = block["transactions"].as_array().unwrap();
    let transfer = listed.iter().find(|transfer| transfer["hash"] == hash).expect("it is in the block");
    assert_eq!((&transfer["lane"], &transfer["fee"]), (&json!("priority"), &json!("4")));
    let count = block["transaction_count"].as_u64().unwrap() as usize;
    let mut paged = Vec::new();
    let mut offset = Some(0);
    while let Some(at) = offset {
        let page = get(node.address, &format!("/v1/blocks/{height}?offset={at}&limit=1")).json();
        paged.extend(page["transactions"].as_array().unwrap().clone());
        offset = page["next_offset"].as_u64();
    }
    assert_eq!((paged.len(), &paged), (count, listed));

    // The account, with the state it comes from.
    let sender = account(&node, 0).json();
    assert_eq!(sender["balance"], (BALANCE - 5 - 1 - 5 - 4).to_string());
    assert_eq!(sender["nonces"], json!({ "standard": "1", "priority": "1" }));
    let at: u64 = sender["height"].as_str().unwrap().parse().unwrap();
    assert!(at >= height.parse::<u64>().unwrap());
    let state = until("the block of that state", || {
        Some(get(node.address, &format!("/v1/blocks/{at}"))).filter(|answer| answer.status == 200)
    });
    assert_eq!(state.json()["state_root"], sender["state_root"]);

    // The certificate names the block, or a descendant.
    let certificate = until("the certificate", || {
        Some(get(node.address, &format!("/v1/blocks/{height}/certificate"))).filter(|answer| answer.status == 200)
    });
    let certificate = certificate.json();
    assert_eq!(certificate["hash"], block["hash"]);
    assert_eq!(certificate["signers"], json!([{ "index": 0, "identity": block["proposer"] }]));
    certificate_verifies(&node, &certificate);

    let validators = get(node.address, "/v1/validators").json();
    assert_eq!((&validators["quorum"], &validators["validators"][0]["this_node"]), (&json!(1), &json!(true)));
    let status = get(node.address, "/v1/status").json();
    assert_eq!((&status["role"], &status["ready"], &status["validator"]), (&json!("voting"), &json!(true), &json!(0)));
    assert_eq!(status["genesis"], hex(node.genesis.digest()));

    // What was shown is shown again after a restart.
    let node = node.restart(Limits::default());
    let again = until("the block after a restart", || {
        Some(get(node.address, &format!("/v1/blocks/{height}"))).filter(|answer| answer.status == 200)
    });
    assert_eq!(again.json(), block);
    finality(&node, &hash);
    assert_eq!(get(node.address, "/v1/blocks/0").json()["height"], "0");
    assert_eq!(get(node.address, "/v1/blocks/0/certificate").code(), "no_certificate");
}

/// Checks a certificate as a client would: from its bytes, the genesis and nothing else.
fn certificate_verifies(node: &Node, answer: &Value) {
    use arblast_node::crypto::Checker;
    use arblast_node::vote::Scheme;
    use commonware_codec::Decode as _;
    use commonware_consensus::simplex::types::Finalization;
    use commonware_cryptography::certificate::Verifier as _;
    use commonware_cryptography::sha256;
    use rand_core::SeedableRng as _;
    let bytes = hex::decode(&answer["certificate"].as_str().unwrap()[2..]).unwrap();
    let scheme = Scheme::verifier(&node.genesis, Checker::new(crate::support::dispatcher())).unwrap();
    let finalization =
        Finalization::<Scheme, sha256::Digest>::decode_cfg(bytes, &scheme.certificate_codec_config()).unwrap();
    assert_eq!(hex(finalization.proposal.payload), answer["certified"]["hash"].as_str().unwrap());
    assert_eq!(finalization.round().view().get().to_string(), answer["view"].as_str().unwrap());
    let mut rng = rand_chacha::ChaCha20Rng::from_seed([1; 32]);
    assert!(finalization.verify(&mut rng, &scheme, &commonware_parallel::Sequential));
}

#[test]
fn bad_submissions_say_what_is_wrong() {
    let node = Node::start(Limits::default());
    let good = node.transfer(0, 0, Lane::Standard);
    let refused = |answer: Answer, status: u16, code: &str| {
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{answer:?}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.len() > 10, "{answer:?}");
    };
    let with = |field: &str, value: Value| {
        let mut body = as_json(&good);
        body[field] = value;
        submit_json(&node, &body)
    };
    refused(with("amount", json!("0")), 422, "invalid_transaction");
    refused(with("fee", json!(0)), 422, "invalid_transaction");
    refused(with("amount", json!(u64::MAX.to_string())), 422, "invalid_transaction");
    refused(with("amount", json!(-1)), 422, "invalid_field");
    refused(with("amount", json!(1.5)), 422, "invalid_field");
    refused(with("lane", json!("express")), 422, "invalid_field");
    refused(with("sender", json!("0x12")), 422, "invalid_field");
    refused(with("memo", json!("hello")), 422, "invalid_field");
    refused(with("amount", json!("6")), 422, "invalid_signature");
    refused(with("signature", json!(hex([0; 96]))), 422, "invalid_signature");
    refused(with("nonce", json!(64)), 409, "nonce_too_high");
    refused(with("sender", json!(hex([9; 48]))), 409, "insufficient_balance");
    let dear = Transaction { amount: BALANCE, ..good.transaction.clone() };
    refused(submit_bytes(&node, &node.sign(0, dear)), 409, "insufficient_balance");

    let post = |kind: Option<&str>, body: &[u8]| request(node.address, "POST", "/v1/transactions", kind, body);
    refused(post(None, b"{}"), 415, "unsupported_media_type");
    refused(post(Some("text/plain"), b"{}"), 415, "unsupported_media_type");
    refused(post(Some("application/json"), b""), 400, "malformed_json");
    refused(post(Some("application/json"), b"{\"sender\":"), 400, "malformed_json");
    refused(post(Some("application/json"), b"[]"), 422, "invalid_field");
    refused(post(Some("Application/JSON; charset=utf-8"), b"{}"), 422, "invalid_field");
    refused(post(Some("application/octet-stream"), &[0; 216]), 400, "wrong_length");
    refused(post(Some("application/octet-stream"), &[0xff; 217]), 422, "invalid_field");
    refused(post(Some("application/octet-stream"), &[0; 5_000]), 413, "body_too_large");
    refused(request(node.address, "DELETE", "/v1/transactions", None, b""), 405, "method_not_allowed");

    // A spent nonce, and a repeated submission.
    assert_eq!(submit_bytes(&node, &good).status, 202);
    let again = submit_json(&node, &as_json(&good));
    assert!(again.status == 202 || again.code() == "nonce_spent", "{again:?}");
    finality(&node, &hex(good.transaction.id()));
    refused(submit_json(&node, &as_json(&good)), 409, "nonce_spent");

    for (path, status, code) in [
        ("/v1/accounts/0x12", 400, "invalid_address"),
        ("/v1/blocks/x", 400, "invalid_block_id"),
        ("/v1/blocks/0x12", 400, "invalid_hash"),
        ("/v1/blocks/-1", 400, "invalid_block_id"),
        ("/v1/blocks/99999999999999999999", 400, "invalid_block_id"),
        ("/v1/blocks/18446744073709551615", 404, "block_not_found"),
        ("/v1/blocks/18446744073709551615/certificate", 404, "block_not_found"),
        ("/v1/blocks/latest?limit=0", 400, "invalid_query"),
        ("/v1/blocks/latest?limit=1025", 400, "invalid_query"),
        ("/v1/blocks/latest?offset=-1", 400, "invalid_query"),
        ("/v1/blocks/latest?ofset=1", 400, "invalid_query"),
        ("/v1/blocks/%ff", 400, "malformed_path"),
        ("/v1/transactions/0x00", 400, "invalid_hash"),
        ("/v2", 404, "unknown_path"),
    ] {
        refused(get(node.address, path), status, code);
    }
    let unknown = get(node.address, &format!("/v1/blocks/0x{}", "ab".repeat(32)));
    refused(unknown, 404, "block_not_found");
    refused(get(node.address, &format!("/v1/accounts/{}", hex([9; 48]))), 404, "account_not_found");
}

//! The devnet over real connections, with devices that fail in the middle of a run.

use crate::faulty::{Fault, Faulty};
use crate::support;
use arblast::{Audit, Dispatcher, Selection};
use arblast_node::devnet::{self, report::Summary};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const BLOCKS: u64 = 12;
/// The device begins to fail after this many final blocks.
const ARMED_AFTER: usize = 3;

fn run(dispatcher: Dispatcher, load: u32, arm: Arc<AtomicBool>) -> Summary {
    let lines = AtomicU64::new(0);
    devnet::run(devnet::Config {
        validators: 4,
        blocks: Some(BLOCKS),
        interval: Duration::from_millis(100),
        load,
        flood: 0,
        block_transactions: 256,
        dispatcher,
        output: Arc::new(move |_| {
            if lines.fetch_add(1, Ordering::Relaxed) as usize == ARMED_AFTER {
                arm.store(true, Ordering::Relaxed);
            }
        }),
        tamper: None,
    })
    .expect("the devnet runs")
}

fn healthy(summary: &Summary) {
    assert_eq!(summary.height, BLOCKS);
    assert!(summary.agreed, "{summary}");
    assert_eq!((summary.blocks_refused, summary.peers_blocked, summary.invalid), (0, 0, 0), "{summary}");
    assert!(summary.transactions > 0, "{summary}");
}

#[test]
fn four_validators_finalize_a_load_and_agree() {
    let summary = run(support::dispatcher(), 200, Arc::default());
    healthy(&summary);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["height"], BLOCKS);
    assert_eq!(json["agreed"], true);
}

#[test]
fn a_single_validator_is_a_network_too() {
    let summary = devnet::run(devnet::Config {
        validators: 1,
        blocks: Some(3),
        interval: Duration::from_millis(50),
        load: 0,
        flood: 0,
        block_transactions: 64,
        dispatcher: support::dispatcher(),
        output: Arc::new(|_| ()),
        tamper: None,
    });
    let summary = summary.expect("the devnet runs");
    assert_eq!((summary.height, summary.agreed, summary.transactions), (3, true, 0));
}

#[test]
fn settings_out_of_range_are_refused() {
    let config = devnet::Config {
        validators: 4,
        blocks: Some(1),
        interval: Duration::ZERO,
        load: 0,
        flood: 0,
        block_transactions: 64,
        dispatcher: support::dispatcher(),
        output: Arc::new(|_| ()),
        tamper: None,
    };
    let refused = |config| matches!(devnet::run(config), Err(devnet::Error::Setting { .. }));
    assert!(refused(devnet::Config { validators: 0, ..config.clone() }));
    assert!(refused(devnet::Config { validators: 65, ..config.clone() }));
    assert!(refused(devnet::Config { blocks: Some(0), ..config.clone() }));
    assert!(refused(devnet::Config { block_transactions: 7, ..config.clone() }));
    assert!(refused(devnet::Config { interval: Duration::from_secs(61), ..config.clone() }));
    assert!(refused(devnet::Config { flood: 100_001, ..config.clone() }));
    assert!(refused(devnet::Config { load: 100_001, ..config }));
}

/// Runs a devnet on a device that begins to fail in the middle.
///
/// On a machine that is busy with other tests the device can be late, and then sits out what is left of a run without
/// showing its fault; such a run has proved nothing and is repeated.
fn with_fault(fault: Fault) {
    let shown = (0..3).any(|_| {
        let (armed, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let device = Faulty::new(fault, armed.clone(), calls.clone());
        let dispatcher = Dispatcher::builder()
            .backend(Arc::new(device))
            .select(Selection::Only("faulty".into()))
            .audit(Audit::Rate(0.2))
            // The usual pause of a second is most of so short a run.
            .breaker_pause(Duration::from_millis(5))
            .retirement_record(None)
            .build()
            .expect("the device passes its self-test");
        let summary = run(dispatcher, 100, armed);
        healthy(&summary);
        if calls.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let device = summary.backends.iter().find(|usage| usage.backend == "faulty").expect("it is listed");
        assert!(device.operations > 0, "{fault:?}: the device did nothing before it was armed");
        assert!(device.faults > 0 && device.fallbacks > 0, "{fault:?}: {device:?}");
        true
    });
    assert!(shown, "{fault:?}: the device was not used after it was armed, in three runs");
}

#[test]
fn a_device_that_errs_changes_nothing() {
    with_fault(Fault::Errors);
}

#[test]
fn a_device_that_hangs_changes_nothing() {
    with_fault(Fault::Hangs);
}

#[test]
fn a_device_that_panics_changes_nothing() {
    with_fault(Fault::Panics);
}

#[test]
fn a_device_with_wrong_points_changes_nothing() {
    with_fault(Fault::WrongPoint);
}

#[test]
fn a_device_with_wrong_products_changes_nothing() {
    with_fault(Fault::WrongProduct);
}

#[test]
fn a_device_that_always_says_one_changes_nothing() {
    with_fault(Fault::AlwaysOne);
}

#[test]
fn a_device_that_never_says_one_changes_nothing() {
    with_fault(Fault::NeverOne);
}

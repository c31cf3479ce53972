//! A device whose answers are the identity, which is what would make a false equation hold: e(K, O)·e(−g, O) = 1.

use super::{call, identity, key, secret};
use arblast::backend::{Backend, Control, Description, IndexLists, Op};
use arblast::bls::{BatchVerdict, Ciphersuite, MinPk, SignatureSet};
use arblast::cpu::CpuPortable;
use arblast::{Audit, DeviceError, Dispatcher, G1, G2, Selection};
use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// blst, but for the operations it is stuck in once `stuck` is set.
struct Stuck {
    blst: CpuPortable,
    stuck: Arc<AtomicBool>,
    operations: &'static [Op],
}

impl Stuck {
    fn answer<P: AffineRepr>(&self, op: Op, mut honest: Vec<P>) -> Vec<P> {
        if self.stuck.load(Relaxed) && self.operations.contains(&op) {
            honest.fill(P::zero());
        }
        honest
    }
}

impl Backend for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }

    fn describe(&self) -> Description {
        Description { hardware: "test".into(), version: "0".into() }
    }

    fn supports(&self, op: Op, _size: usize) -> bool {
        self.operations.contains(&op)
    }

    fn hash_to_g2(&self, m: &[&[u8]], dst: &[u8], control: &Control) -> Result<Vec<G2Affine>, DeviceError> {
        Ok(self.answer(Op::HashToG2, self.blst.hash_to_g2(m, dst, control)?))
    }

    fn mul_g1(&self, p: &[G1], s: &[Fr], bits: u32, control: &Control) -> Result<Vec<G1Affine>, DeviceError> {
        Ok(self.answer(Op::MulG1, self.blst.mul_g1(p, s, bits, control)?))
    }

    fn msm_g1(&self, p: &[G1], s: &[Fr], control: &Control) -> Result<G1Affine, DeviceError> {
        Ok(self.answer(Op::MsmG1, vec![self.blst.msm_g1(p, s, control)?])[0])
    }

    fn msm_g2(&self, p: &[G2], s: &[Fr], control: &Control) -> Result<G2Affine, DeviceError> {
        Ok(self.answer(Op::MsmG2, vec![self.blst.msm_g2(p, s, control)?])[0])
    }

    fn sum_g1(&self, p: &[G1Affine], lists: &IndexLists, control: &Control) -> Result<Vec<G1Affine>, DeviceError> {
        Ok(self.answer(Op::SumG1, self.blst.sum_g1(p, lists, control)?))
    }
}

/// A dispatcher that never audits a device that is stuck in these operations.
fn stuck_in(operations: &'static [Op]) -> Dispatcher {
    let stuck = Arc::new(AtomicBool::new(false));
    let device = Stuck { blst: CpuPortable::new(1), stuck: stuck.clone(), operations };
    let builder = Dispatcher::builder().backend(Arc::new(device)).select(Selection::Only("stuck".into()));
    let dispatcher = builder.audit(Audit::Never).threads(1).retirement_record(None).build();
    let dispatcher = dispatcher.expect("the device passes its self-test");
    stuck.store(true, Relaxed);
    dispatcher
}

const STUCK_IN: [&[Op]; 6] = [
    &[],
    &[Op::HashToG2],
    &[Op::SumG1],
    &[Op::MulG1, Op::MsmG2],
    &[Op::MsmG1, Op::MsmG2],
    &[Op::HashToG2, Op::SumG1, Op::MulG1, Op::MsmG1, Op::MsmG2],
];

#[test]
fn stuck_devices_change_no_verdict() {
    let suite = Ciphersuite::<MinPk>::POP;
    let single = |i: u32| SignatureSet::single(vec![i as u8], key(i), suite.sign(&secret(i), &[i as u8]));
    let same = |i: u32| SignatureSet::single(&b"same"[..], key(i), suite.sign(&secret(i), b"same"));
    let good: Vec<SignatureSet<MinPk>> = (0..4).map(single).chain((4..14).map(same)).collect();
    let mut nothing_signed = good.clone();
    nothing_signed.iter_mut().for_each(|set| set.signature = identity());
    for operations in STUCK_IN {
        // Each on a device that has not been caught yet.
        let batch = |sets| suite.verify_batch(&stuck_in(operations), &call(), sets).unwrap();
        assert_eq!(batch(&good), BatchVerdict::AllValid, "{operations:?}");
        assert_eq!(batch(&nothing_signed), BatchVerdict::Invalid(vec![false; good.len()]), "{operations:?}");
        let (message, key) = (&good[0].message, &good[0].keys[0]);
        for signature in [good[0].signature, identity()] {
            let valid = signature == good[0].signature;
            let verdict = suite.verify(&stuck_in(operations), &call(), key, message, &signature);
            assert_eq!(verdict, Ok(valid), "{operations:?}");
            let keys = std::slice::from_ref(key);
            let verdict = suite.fast_aggregate_verify(&stuck_in(operations), &call(), keys, message, &signature);
            assert_eq!(verdict, Ok(valid), "{operations:?}");
            let verdict = suite.aggregate_verify(&stuck_in(operations), &call(), &[(*key, message)], &signature);
            assert_eq!(verdict, Ok(valid), "{operations:?}");
        }
        let twice = [(*key, message.as_ref()), (good[1].keys[0], message.as_ref())];
        let verdict = suite.aggregate_verify(&stuck_in(operations), &call(), &twice, &identity());
        assert_eq!(verdict, Ok(false), "{operations:?}");
    }
}

//! The transform over Fr as callers see it: every small size and kind, and a large size, against arkworks, with the engine
//! and without.

use arblast::backend::NttKind;
use arblast::{Call, Class, Dispatcher, Selection};
use ark_bls12_381::Fr;
use ark_ff::Field;
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

fn by_arkworks(values: &[Fr], kind: NttKind) -> Vec<Fr> {
    let domain = Radix2EvaluationDomain::<Fr>::new(values.len()).unwrap();
    let domain = domain.get_coset(kind.coset.unwrap_or(Fr::ONE)).unwrap();
    if kind.inverse { domain.ifft(values) } else { domain.fft(values) }
}

#[test]
fn all_sizes_and_kinds_agree_with_arkworks() {
    for (selection, threads) in [(Selection::Cpu, 1), (Selection::Cpu, 3), (Selection::CpuPortable, 1)] {
        let name = format!("{selection:?}, {threads} threads");
        let dispatcher = Dispatcher::builder().select(selection).threads(threads).retirement_record(None);
        let dispatcher = dispatcher.build().unwrap();
        for log in 0..14 {
            let step = -Fr::from(7u64).inverse().unwrap();
            let values: Vec<Fr> =
                std::iter::successors(Some(step), |x| Some(x.square() + step)).take(1 << log).collect();
            for coset in [None, Some(Fr::from(7u64)), Some(step)] {
                for inverse in [false, true] {
                    let kind = NttKind { inverse, coset };
                    let ours = dispatcher.ntt(&Call::new(Class::Job), &values, kind).unwrap();
                    assert!(ours == by_arkworks(&values, kind), "{name}: 2^{log}, {kind:?}");
                }
            }
        }
    }
}

/// A size whose tables are not kept, whose values leave the caches, and which threads cut up. (2^24 is too slow for
/// here: `arblast bench --op ntt --sizes 2^24 --baseline arkworks` compares it before it measures.)
#[test]
fn a_large_size_agrees_with_arkworks() {
    let step = -Fr::from(7u64).inverse().unwrap();
    let values: Vec<Fr> = std::iter::successors(Some(step), |x| Some(x.square() + step)).take(1 << 18).collect();
    for (inverse, coset) in [(false, None), (true, None), (false, Some(step)), (true, Some(step))] {
        let kind = NttKind { inverse, coset };
        let known = by_arkworks(&values, kind);
        for (selection, threads) in [(Selection::Cpu, 1), (Selection::Cpu, 3), (Selection::CpuPortable, 2)] {
            let name = format!("{selection:?}, {threads} threads");
            let dispatcher = Dispatcher::builder().select(selection).threads(threads).retirement_record(None);
            let dispatcher = dispatcher.build().unwrap();
            let ours = dispatcher.ntt(&Call::new(Class::Job), &values, kind).unwrap();
            assert!(ours == known, "{name}: {kind:?}");
        }
    }
}

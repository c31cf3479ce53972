//! Guards: kernels mean the same in Rust and in Verilog, and rust-hdl's pitfalls are as this crate's printer assumes; the DSP slices, instantiated, equal their behaviour.

mod common;

use arblast_hdl::field::mont_mul;
use arblast_hdl::units::mont_mul::MontMul;
use arblast_hdl::{cells, design, semantics};
use arblast_verilator::{Model, Options};
use common::{below, check_pipeline, corners, random, verilator};

/// Every pair of operands, in Rust, as this crate prints the kernel, and as rust-hdl does.
#[test]
fn kernels_mean_in_verilog_what_they_mean_in_rust() {
    if !verilator("kernels_mean_in_verilog_what_they_mean_in_rust") {
        return;
    }
    let ours =
        [design("cast_of_sum", semantics::CastOfSum::default), design("and_equals", semantics::AndEquals::default)];
    let theirs = [
        semantics::printed_by_rust_hdl("their_cast_of_sum", semantics::CastOfSum::default(), 8),
        semantics::printed_by_rust_hdl("their_and_equals", semantics::AndEquals::default(), 1),
    ];
    let mut models: Vec<Model> =
        ours.iter().chain(&theirs).map(|built| Model::new(built, &Options::fast()).unwrap()).collect();
    let mut in_verilog = |a: u32, b: u32| -> Vec<u64> {
        let run = |model: &mut Model| {
            for (name, value) in [("a", a), ("b", b)] {
                let pin = model.pin(name);
                model.set(pin, value);
            }
            model.settle();
            let pin = model.pin("r");
            u64::from(model.get(pin))
        };
        models.iter_mut().map(run).collect()
    };
    let mut differs = [false; 2];
    for (a, b) in (0..256).map(|i| (i / 16, i % 16)) {
        let (rust, verilog) = (semantics::in_rust(a.into(), b.into()), in_verilog(a, b));
        assert_eq!(rust[..], verilog[..2], "{a}, {b}");
        differs[0] |= rust[0] != verilog[2];
        differs[1] |= rust[1] != verilog[3];
    }
    assert_eq!(differs, [true; 2], "rust-hdl's printer has changed: is ours still needed?");
    // The carry of a cast sum; (6 & 4) == 4 against bit 0 of 6 & (4 == 4).
    assert_eq!((semantics::in_rust(9, 8)[0], in_verilog(9, 8)[2]), (1, 17));
    assert_eq!((semantics::in_rust(6, 4)[1], in_verilog(6, 4)[3]), (1, 0));
}

#[test]
fn the_multiplier_with_dsp_primitives() {
    if !verilator("the_multiplier_with_dsp_primitives") {
        return;
    }
    let mut latency = 0;
    let built = design("mont_mul", || {
        let unit = MontMul::default();
        latency = unit.latency();
        unit
    });
    let (all, p, mut rng) = (corners(), arblast_hdl::field::modulus(), random(8));
    let mut vectors: Vec<_> = all.iter().map(|a| vec![a.clone(), all[all.len() - 1].clone()]).collect();
    vectors.extend((0..300).map(|_| vec![below(&mut rng, &p), below(&mut rng, &p)]));
    let options = Options::primitives(cells::DSP48E2);
    check_pipeline(&built, &options, (&["a", "b"], &["r"]), latency, &vectors, |v| vec![mont_mul(&v[0], &v[1])]);
}

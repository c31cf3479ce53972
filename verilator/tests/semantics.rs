//! Guards: rust-hdl's pitfalls are as the units assume; the DSP slices, instantiated, equal their behaviour.

mod common;

use arblast_hdl::field::mont_mul;
use arblast_hdl::units::mont_mul::MontMul;
use arblast_hdl::{cells, design, semantics};
use arblast_verilator::{Model, Options};
use common::{below, check_pipeline, corners, random, verilator};

#[test]
fn rust_and_verilog_differ_where_the_units_say_so() {
    if !verilator("rust_and_verilog_differ_where_the_units_say_so") {
        return;
    }
    let mut cast = Model::new(&design("cast_of_sum", semantics::CastOfSum::default), &Options::fast()).unwrap();
    let mut equals = Model::new(&design("and_equals", semantics::AndEquals::default), &Options::fast()).unwrap();
    let mut in_verilog = |a: u32, b: u32| {
        [&mut cast, &mut equals].map(|model| {
            for (name, value) in [("a", a), ("b", b)] {
                let pin = model.pin(name);
                model.set(pin, value);
            }
            model.settle();
            let pin = model.pin("r");
            u64::from(model.get(pin))
        })
    };
    assert_eq!((semantics::in_rust(3, 4)[0], in_verilog(3, 4)[0]), (7, 7), "no carry, no difference");
    assert_eq!((semantics::in_rust(9, 8)[0], in_verilog(9, 8)[0]), (1, 17), "the carry of a cast sum");
    assert_eq!((semantics::in_rust(6, 4)[1], in_verilog(6, 4)[1]), (1, 0), "(6 & 4) == 4, and bit 0 of 6 & (4 == 4)");
    assert_eq!((semantics::in_rust(7, 4)[1], in_verilog(7, 4)[1]), (1, 1), "both true by chance");
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

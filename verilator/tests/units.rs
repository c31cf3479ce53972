//! Every unit against its software model, at the corners and at random, one operand pair a clock.

mod common;

use arblast_hdl::field::{add_mod, modulus, mont_mul, point_add, sub_mod, to_mont};
use arblast_hdl::units::mod_add::{ModAdd, ModOp};
use arblast_hdl::units::mont_mul::MontMul;
use arblast_hdl::units::point_add::{Adder, PointAdd};
use arblast_hdl::units::product::{Multiplier, Product384};
use arblast_hdl::{Design, design};
use arblast_verilator::{Model, Options};
use common::{below, check_pipeline, corners, random, verilator};
use num_bigint::BigUint;

/// All pairs of corners, then random pairs.
fn pairs(count: usize, seed: u64) -> Vec<Vec<BigUint>> {
    let (all, p, mut rng) = (corners(), modulus(), random(seed));
    let mut vectors: Vec<_> = all.iter().flat_map(|a| all.iter().map(|b| vec![a.clone(), b.clone()])).collect();
    vectors.extend((0..count).map(|_| vec![below(&mut rng, &p), below(&mut rng, &p)]));
    vectors
}

const TWO_IN: (&[&str], &[&str]) = (&["a", "b"], &["r"]);

#[test]
fn modular_addition_and_subtraction() {
    if !verilator("modular_addition_and_subtraction") {
        return;
    }
    let p = modulus();
    for (name, op, model) in [
        ("mod_add", ModOp::Add, add_mod as fn(&BigUint, &BigUint, &BigUint) -> BigUint),
        ("mod_sub", ModOp::Sub, sub_mod),
    ] {
        let built = design(name, || ModAdd::<384>::new(op, &p));
        let latency = ModAdd::<384>::LATENCY;
        for options in [Options::fast(), Options::plain()] {
            check_pipeline(&built, &options, TWO_IN, latency, &pairs(2000, 1), |v| vec![model(&v[0], &v[1], &p)]);
        }
    }
}

/// The plain body for simulation and the tiled one for synthesis, with the same vectors.
#[test]
fn product_plain_and_tiled() {
    if !verilator("product_plain_and_tiled") {
        return;
    }
    let built = design("product", Product384::default);
    let full = BigUint::from(1u32) << 384;
    let mut vectors = pairs(500, 2);
    vectors.extend([vec![&full - 1u32, &full - 1u32], vec![&full - 1u32, BigUint::from(1u32)]]);
    let ends = |bits: u32| (BigUint::from(1u32) << bits) - 1u32;
    vectors.extend([96, 192, 288].map(|bits| vec![ends(bits), &full - 1u32 - ends(bits)]));
    for options in [Options::plain(), Options::structural()] {
        let ports: (&[&str], &[&str]) = (&["a", "b"], &["p"]);
        check_pipeline(&built, &options, ports, Product384::latency(), &vectors, |v| vec![&v[0] * &v[1]]);
    }
}

fn multiplier() -> (Design, usize) {
    let mut latency = 0;
    let built = design("mont_mul", || {
        let unit = MontMul::default();
        latency = unit.latency();
        unit
    });
    (built, latency)
}

/// In C++, in plain Verilog, and in DSP tiles: the same vectors.
#[test]
fn montgomery_multiplier_fast_plain_and_tiled() {
    if !verilator("montgomery_multiplier_fast_plain_and_tiled") {
        return;
    }
    let (built, latency) = multiplier();
    for options in [Options::fast(), Options::plain(), Options::structural()] {
        check_pipeline(&built, &options, TWO_IN, latency, &pairs(500, 3), |v| vec![mont_mul(&v[0], &v[1])]);
    }
}

/// Points of the curve's group and corners of the coordinates: the formulas are polynomials, so any input must agree
/// with the model; what the model does on points is checked in `curve.rs`.
#[test]
fn point_adders_agree_with_the_formulas() {
    if !verilator("point_adders_agree_with_the_formulas") {
        return;
    }
    let (p, mut rng, all) = (modulus(), random(4), corners());
    let vectors: Vec<Vec<BigUint>> = (0..300)
        .map(|i| {
            (0..6)
                .map(|j| if i < 120 { all[(i * 7 + j * 13) % all.len()].clone() } else { below(&mut rng, &p) })
                .collect()
        })
        .collect();
    for mixed in [false, true] {
        let mut latency = 0;
        let built = design(if mixed { "point_add_mixed" } else { "point_add" }, || {
            let unit = if mixed { PointAdd::mixed() } else { PointAdd::full() };
            latency = unit.latency();
            unit
        });
        let one = to_mont(&BigUint::from(1u32));
        let ports: (&[&str], &[&str]) = (&["x1", "y1", "z1", "x2", "y2", "z2"], &["x3", "y3", "z3"]);
        check_pipeline(&built, &Options::fast(), ports, latency, &vectors, |v| {
            let z2 = if mixed { &one } else { &v[5] };
            let second = [v[3].clone(), v[4].clone(), z2.clone()];
            point_add(&[v[0].clone(), v[1].clone(), v[2].clone()], &second).to_vec()
        });
    }
}

/// The speed that the mixed adder must have with new operands each clock: 20 kHz on one core, in processor time.
#[test]
fn speed_of_the_mixed_adder() {
    if !verilator("speed_of_the_mixed_adder") {
        return;
    }
    let mut model = Model::new(&design("point_add_mixed", PointAdd::mixed), &Options::fast()).unwrap();
    let pins = ["x1", "y1", "z1", "x2", "y2"].map(|name| model.pin(name));
    let (p, mut rng) = (modulus(), random(5));
    let operands: Vec<Vec<u32>> = (0..64).map(|_| below(&mut rng, &p).to_u32_digits()).collect();
    let (start, clocks) = (processor_seconds(), 20_000);
    for clock in 0..clocks {
        for (i, pin) in pins.iter().enumerate() {
            model.set_words(*pin, &operands[(clock + 11 * i) % 64]);
        }
        model.settle();
        model.edge();
    }
    let khz = clocks as f64 / (processor_seconds() - start) / 1e3;
    println!("mixed adder: {khz:.1} kHz");
    assert!(khz > 20.0, "{khz} kHz");
}

/// Time that this thread ran, whatever else the machine was busy with.
fn processor_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

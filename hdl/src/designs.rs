//! The designs by name, with the shapes they are built and tested in.

use crate::emit::{Design, design};
use crate::engine::aggregate_g2::{self, AggregateG2};
use crate::engine::folded_accumulator::SLOT_BITS;
use crate::engine::{aggregate, msm, toy::ToyAdder};
use crate::field::{WIDTH, modulus, to_mont};
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::mont_mul::MontMul;
use crate::units::point_add::PointAdd;
use crate::units::point_add_g2::PointAddG2;
use num_bigint::BigUint;

/// What can be emitted by name.
pub const NAMES: &[&str] = &[
    "mod-add",
    "mod-sub",
    "mont-mul",
    "point-add",
    "point-add-mixed",
    "point-add-g2",
    "msm-g1",
    "msm-g1-small",
    "aggregate-g1",
    "aggregate-g2",
];

/// Window bits and windows in a pass of `msm-g1`: one pass covers 264 bits, all of a scalar; its slots are the most
/// that two thirds of a VU9P's block RAM hold.
pub const MSM_LARGE: (usize, usize) = (12, 22);
/// The same of `msm-g1-small`, which simulates fast: two passes cover 256 bits.
pub const MSM_SMALL: (usize, usize) = (8, 16);
/// log2 of the points, and the sums, of `aggregate-g1`.
pub const AGGREGATE: (usize, usize) = (12, 64);
/// The same of `aggregate-g2`.
pub const AGGREGATE_G2: (usize, usize) = (12, 64);

/// Emits a design by one of [`NAMES`]; `None` for any other name.
pub fn by_name(name: &str) -> Option<Design> {
    let p = modulus();
    let top = name.replace('-', "_");
    Some(match name {
        "mod-add" => design(&top, || ModAdd::<WIDTH>::new(ModOp::Add, &p)),
        "mod-sub" => design(&top, || ModAdd::<WIDTH>::new(ModOp::Sub, &p)),
        "mont-mul" => design(&top, MontMul::default),
        "point-add" => design(&top, PointAdd::full),
        "point-add-mixed" => design(&top, PointAdd::mixed),
        "point-add-g2" => design(&top, PointAddG2::<SLOT_BITS>::default),
        "msm-g1" => msm_g1(&top, MSM_LARGE),
        "msm-g1-small" => msm_g1(&top, MSM_SMALL),
        "aggregate-g1" => aggregate_g1(&top, AGGREGATE),
        "aggregate-g2" => aggregate_g2(&top, AGGREGATE_G2),
        _ => return None,
    })
}

/// An MSM engine for G1 with (window bits, windows in a pass).
pub fn msm_g1(name: &str, (window_bits, windows): (usize, usize)) -> Design {
    let one = to_mont(&BigUint::from(1u32));
    let identity = [BigUint::ZERO, one.clone(), BigUint::ZERO];
    let shape = msm::Shape { window_bits, windows, modulus: modulus(), one, identity };
    // A slot number's width is part of the type: a few widths are enough for every shape.
    match shape.slots().next_power_of_two().trailing_zeros() {
        0..=8 => design(name, || msm::MsmEngine::<WIDTH, 8, PointAdd>::new(&shape, PointAdd::full())),
        9..=12 => design(name, || msm::MsmEngine::<WIDTH, 12, PointAdd>::new(&shape, PointAdd::full())),
        13..=17 => design(name, || msm::MsmEngine::<WIDTH, 17, PointAdd>::new(&shape, PointAdd::full())),
        _ => design(name, || msm::MsmEngine::<WIDTH, 20, PointAdd>::new(&shape, PointAdd::full())),
    }
}

/// An aggregation engine for G1 with (log2 of the points, sums).
pub fn aggregate_g1(name: &str, (point_bits, sums): (usize, usize)) -> Design {
    let one = to_mont(&BigUint::from(1u32));
    let identity = [BigUint::ZERO, one.clone(), BigUint::ZERO];
    let shape = aggregate::Shape { point_bits, sums, one, identity };
    design(name, || aggregate::AggregateEngine::<WIDTH, 12, PointAdd>::new(&shape, PointAdd::full()))
}

/// An aggregation engine for G2 with (log2 of the points, sums).
pub fn aggregate_g2(name: &str, (point_bits, sums): (usize, usize)) -> Design {
    design(name, || AggregateG2::new(aggregate_g2::Shape { point_bits, sums }))
}

/// Width of a coordinate of the toy engines.
pub const TOY_WIDTH: usize = 64;
/// The modulus of the toy group's y.
pub const TOY_MODULUS: u64 = 0x7fff_ffff_ffff_ffe7;

/// An MSM engine over the toy group with (window bits, windows in a pass), at most 4 windows, and an adder latency.
pub fn msm_toy((window_bits, windows): (usize, usize), latency: usize) -> Design {
    design("msm_toy", || msm_toy_block((window_bits, windows), latency))
}

/// The same as a block, for rust-hdl's own simulator.
pub fn msm_toy_block(
    (window_bits, windows): (usize, usize),
    latency: usize,
) -> msm::MsmEngine<TOY_WIDTH, 12, ToyAdder<TOY_WIDTH>> {
    let modulus = BigUint::from(TOY_MODULUS);
    let one = BigUint::from(1u32);
    let shape = msm::Shape { window_bits, windows, modulus: modulus.clone(), one, identity: Default::default() };
    msm::MsmEngine::new(&shape, ToyAdder::new(&modulus, latency))
}

/// An aggregation engine over the toy group with (log2 of the points, sums) and an adder latency.
pub fn aggregate_toy((point_bits, sums): (usize, usize), latency: usize) -> Design {
    design("aggregate_toy", || aggregate_toy_block((point_bits, sums), latency))
}

/// The same as a block, for rust-hdl's own simulator.
pub fn aggregate_toy_block(
    (point_bits, sums): (usize, usize),
    latency: usize,
) -> aggregate::AggregateEngine<TOY_WIDTH, 12, ToyAdder<TOY_WIDTH>> {
    let shape = aggregate::Shape { point_bits, sums, one: BigUint::from(1u32), identity: Default::default() };
    aggregate::AggregateEngine::new(&shape, ToyAdder::new(&BigUint::from(TOY_MODULUS), latency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_only_names_are_designs() {
        for name in ["mod-add", "mont-mul", "point-add-mixed", "msm-g1", "aggregate-g1"] {
            let built = by_name(name).unwrap();
            assert_eq!(built.modules.last().unwrap(), &name.replace('-', "_"));
            assert!(NAMES.contains(&name));
        }
        assert!(by_name("msm-g2").is_none());
    }

    /// The same inputs give the same bytes, and identical instances one module.
    #[test]
    fn emission_is_deterministic_and_folded() {
        let (first, second) = (by_name("point-add").unwrap(), by_name("point-add").unwrap());
        assert_eq!(first.digest(), second.digest());
        assert!(first.modules.len() < 40, "{:?}", first.modules);
        assert_eq!(first.verilog.matches("endmodule").count(), first.modules.len());
    }
}

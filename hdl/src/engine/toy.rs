//! A small stand-in for the curve: a group with the adder's interface, for fast simulations of the engines.

use crate::block::{Config, module, verilog_logic};
use crate::units::delay::Delay;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::point_add::Adder;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Addition in (Z/2)^W × Z/m × (Z/2)^W: x and z by exclusive or, y modulo m. Latency: any of at least 4.
///
/// The opposite of (x, y, z) is (x, m − y, z), as on the curve; the identity is (0, 0, 0).
#[derive(LogicBlock)]
pub struct ToyAdder<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First element.
    pub x1: Signal<In, Bits<W>>,
    /// First element.
    pub y1: Signal<In, Bits<W>>,
    /// First element.
    pub z1: Signal<In, Bits<W>>,
    /// Second element.
    pub x2: Signal<In, Bits<W>>,
    /// Second element.
    pub y2: Signal<In, Bits<W>>,
    /// Second element.
    pub z2: Signal<In, Bits<W>>,
    /// Sum.
    pub x3: Signal<Out, Bits<W>>,
    /// Sum.
    pub y3: Signal<Out, Bits<W>>,
    /// Sum.
    pub z3: Signal<Out, Bits<W>>,
    add: ModAdd<W>,
    wait_x: Delay<W>,
    wait_y: Delay<W>,
    wait_z: Delay<W>,
    latency: Config<usize>,
}

impl<const W: usize> Default for ToyAdder<W> {
    fn default() -> Self {
        Self::new(&BigUint::from(3u32), ModAdd::<W>::LATENCY)
    }
}

impl<const W: usize> ToyAdder<W> {
    /// The adder for y modulo `modulus`, with a latency of at least 4.
    pub fn new(modulus: &BigUint, latency: usize) -> Self {
        assert!(latency >= ModAdd::<W>::LATENCY, "the modular adder inside takes {} clocks", ModAdd::<W>::LATENCY);
        Self {
            clock: Default::default(),
            x1: Default::default(),
            y1: Default::default(),
            z1: Default::default(),
            x2: Default::default(),
            y2: Default::default(),
            z2: Default::default(),
            x3: Default::default(),
            y3: Default::default(),
            z3: Default::default(),
            add: ModAdd::new(ModOp::Add, modulus),
            wait_x: Delay::new(latency),
            wait_y: Delay::new(latency - ModAdd::<W>::LATENCY),
            wait_z: Delay::new(latency),
            latency: Config(latency),
        }
    }
}

impl<const W: usize> Adder<W> for ToyAdder<W> {
    fn latency(&self) -> usize {
        self.latency.0
    }
}

verilog_logic!([const W: usize] ToyAdder<W>, drives: [x3, y3, z3], |unit| {
    let body = "  assign add_a = y1;
  assign add_b = y2;
  assign wait_x_d = x1 ^ x2;
  assign wait_y_d = add_r;
  assign wait_z_d = z1 ^ z2;
  assign x3 = wait_x_q;
  assign y3 = wait_y_q;
  assign z3 = wait_z_q;";
    let description = format!("A stand-in for the point adder: x and z by exclusive or, y modulo m; latency {}.", unit.latency.0);
    module("toy_adder", &description, body)
});

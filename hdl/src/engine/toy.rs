//! A small stand-in for the curve: a group with the adder's interface, for fast simulations of the engines.

use crate::block::{Config, Title};
use crate::units::delay::Delay;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::point_add::{Adder, PointPorts};
use num_bigint::BigUint;
use rust_hdl::prelude::*;
use std::ops::{Deref, DerefMut};

/// Addition in (Z/2)^W × Z/m × (Z/2)^W: x and z by exclusive or, y modulo m. Latency: any of at least 4.
///
/// The opposite of (x, y, z) is (x, m − y, z), as on the curve; the identity is (0, 0, 0).
#[derive(LogicBlock)]
pub struct ToyAdder<const W: usize> {
    ports: PointPorts<W>,
    add: ModAdd<W>,
    wait_x: Delay<W>,
    wait_y: Delay<W>,
    wait_z: Delay<W>,
    latency: Config<usize>,
    title: Title,
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
        let description =
            format!("A stand-in for the point adder: x and z by exclusive or, y modulo m; latency {latency}.");
        Self {
            ports: PointPorts::default(),
            add: ModAdd::new(ModOp::Add, modulus),
            wait_x: Delay::new(latency),
            wait_y: Delay::new(latency - ModAdd::<W>::LATENCY),
            wait_z: Delay::new(latency),
            latency: Config(latency),
            title: Title::new("toy_adder", &description),
        }
    }
}

impl<const W: usize> Deref for ToyAdder<W> {
    type Target = PointPorts<W>;
    fn deref(&self) -> &Self::Target {
        &self.ports
    }
}

impl<const W: usize> DerefMut for ToyAdder<W> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.ports
    }
}

impl<const W: usize> Adder<W> for ToyAdder<W> {
    fn latency(&self) -> usize {
        self.latency.0
    }
}

impl<const W: usize> Logic for ToyAdder<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, add, wait_x, wait_y, wait_z);
        self.add.a.next = self.y1.val();
        self.add.b.next = self.y2.val();
        self.wait_x.d.next = self.x1.val() ^ self.x2.val();
        self.wait_y.d.next = self.add.r.val();
        self.wait_z.d.next = self.z1.val() ^ self.z2.val();
        self.x3.next = self.wait_x.q.val();
        self.y3.next = self.wait_y.q.val();
        self.z3.next = self.wait_z.q.val();
    }
}

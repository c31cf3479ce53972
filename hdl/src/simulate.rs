//! Designs in rust-hdl's own simulator: slow, but it runs the Rust itself, with no Verilog between.

use num_bigint::BigUint;
use rust_hdl::prelude::{Atom, AtomKind, Probe, simulate};
use std::collections::BTreeMap;

/// What setting the inputs of a block needs.
pub use rust_hdl::prelude::{Bits, Block, Clock, In, Signal, ToBits};

/// Passes after which values that still change are a loop of logic.
const PASSES: usize = 1000;

/// The clock of a block.
pub type ClockOf<B> = fn(&mut B) -> &mut Signal<In, Clock>;

/// A design under simulation. Build and run large ones within [`on_large_stack`](crate::on_large_stack).
pub struct Simulation<B: Block> {
    /// The design; inputs are set by their `next`.
    pub top: Box<B>,
    clock: ClockOf<B>,
}

impl<B: Block> Simulation<B> {
    /// The design, with `clock` its clock; all registers and memories start at 0.
    pub fn new(mut top: Box<B>, clock: ClockOf<B>) -> Self {
        top.connect_all();
        let mut simulation = Self { top, clock };
        simulation.settle();
        simulation
    }

    /// Lets all values follow the inputs.
    ///
    /// # Panics
    /// Where values never come to rest: a loop of logic in the design.
    pub fn settle(&mut self) {
        assert!(simulate(self.top.as_mut(), PASSES), "a loop of logic: values do not come to rest");
    }

    /// One clock: a rising edge, and the falling one.
    pub fn edge(&mut self) {
        for level in [true, false] {
            (self.clock)(&mut self.top).next = Clock { clk: level };
            self.settle();
        }
    }

    /// The values of the outputs, by their names in the Verilog.
    pub fn outputs(&self) -> BTreeMap<String, BigUint> {
        let mut outputs = Outputs::default();
        self.top.accept("top", &mut outputs);
        outputs.values
    }
}

/// Collects the outputs of the top block.
#[derive(Default)]
struct Outputs {
    depth: usize,
    namespace: Vec<String>,
    values: BTreeMap<String, BigUint>,
}

impl Probe for Outputs {
    fn visit_start_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.depth += 1;
    }
    fn visit_start_namespace(&mut self, name: &str, _node: &dyn Block) {
        self.namespace.push(name.into());
    }
    fn visit_atom(&mut self, name: &str, signal: &dyn Atom) {
        if self.depth == 1 && signal.kind() == AtomKind::OutputParameter {
            let path: Vec<&str> = self.namespace.iter().map(String::as_str).chain([name]).collect();
            let text = format!("{:x}", signal.verilog());
            let digits = text.split_once("'h").map_or("0", |(_, digits)| digits);
            let value = BigUint::parse_bytes(digits.as_bytes(), 16).unwrap_or_default();
            self.values.insert(path.join("_").replace('$', "_"), value);
        }
    }
    fn visit_end_namespace(&mut self, _name: &str, _node: &dyn Block) {
        self.namespace.pop();
    }
    fn visit_end_scope(&mut self, _name: &str, _node: &dyn Block) {
        self.depth -= 1;
    }
}

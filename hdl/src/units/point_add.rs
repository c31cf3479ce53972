//! The complete G1 adder: the formulas of Renes, Costello and Batina (2016) for a = 0, one addition a clock.
//!
//! The formulas are lists of steps over named values. A step starts when its later operand is there; the earlier one
//! waits in a delay line, and lines of one value are shared. Latencies follow from the units'.

use crate::block::{Config, module, verilog_logic};
use crate::field::{WIDTH, modulus};
use crate::units::delay::Delay;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::mont_mul::MontMul;
use rust_hdl::prelude::*;
use std::collections::BTreeMap;

/// Renes–Costello–Batina 2016, algorithm 7: 12 multiplications, b₃ = 12. Any two points, identities included.
pub const FULL: &str = "
t0 = x1 * x2; t1 = y1 * y2; t2 = z1 * z2
xy1 = x1 + y1; xy2 = x2 + y2; xyp = xy1 * xy2; xys = t0 + t1; xy = xyp - xys
yz1 = y1 + z1; yz2 = y2 + z2; yzp = yz1 * yz2; yzs = t1 + t2; yz = yzp - yzs
xz1 = x1 + z1; xz2 = x2 + z2; xzp = xz1 * xz2; xzs = t0 + t2; xz = xzp - xzs
c2 = xz + xz; c4 = c2 + c2; c8 = c4 + c4; xzb = c8 + c4
d2 = t0 + t0; xx3 = d2 + t0
e2 = t2 + t2; e4 = e2 + e2; e8 = e4 + e4; zzb = e8 + e4
plus = t1 + zzb; minus = t1 - zzb
xa = xy * minus; xb = yz * xzb; x3 = xa - xb
ya = xzb * xx3; yb = minus * plus; y3 = ya + yb
za = plus * yz; zb = xx3 * xy; z3 = za + zb";

/// The same, algorithm 8 (z2 = 1): 11 multiplications. The second point must not be the identity.
pub const MIXED: &str = "
t0 = x1 * x2; t1 = y1 * y2
xy1 = x1 + y1; xy2 = x2 + y2; xyp = xy1 * xy2; xys = t0 + t1; xy = xyp - xys
yzp = y2 * z1; yz = yzp + y1
xzp = x2 * z1; xz = xzp + x1
c2 = xz + xz; c4 = c2 + c2; c8 = c4 + c4; xzb = c8 + c4
d2 = t0 + t0; xx3 = d2 + t0
e2 = z1 + z1; e4 = e2 + e2; e8 = e4 + e4; zzb = e8 + e4
plus = t1 + zzb; minus = t1 - zzb
xa = xy * minus; xb = yz * xzb; x3 = xa - xb
ya = xzb * xx3; yb = minus * plus; y3 = ya + yb
za = plus * yz; zb = xx3 * xy; z3 = za + zb";

/// An adder of points with ports x1 y1 z1, x2 y2 z2 and x3 y3 z3 of W bits, one addition a clock.
pub trait Adder<const W: usize>: Block {
    /// Clocks from the operands to the sum.
    fn latency(&self) -> usize;
}

/// (x3 : y3 : z3) = (x1 : y1 : z1) + (x2 : y2 : z2), Montgomery form, all below p; one addition a clock.
///
/// The mixed adder ignores z2 and takes it as 1.
#[derive(LogicBlock)]
pub struct PointAdd {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First point.
    pub x1: Signal<In, Bits<WIDTH>>,
    /// First point.
    pub y1: Signal<In, Bits<WIDTH>>,
    /// First point.
    pub z1: Signal<In, Bits<WIDTH>>,
    /// Second point.
    pub x2: Signal<In, Bits<WIDTH>>,
    /// Second point.
    pub y2: Signal<In, Bits<WIDTH>>,
    /// Second point.
    pub z2: Signal<In, Bits<WIDTH>>,
    /// Sum.
    pub x3: Signal<Out, Bits<WIDTH>>,
    /// Sum.
    pub y3: Signal<Out, Bits<WIDTH>>,
    /// Sum.
    pub z3: Signal<Out, Bits<WIDTH>>,
    mul: Vec<MontMul>,
    add: Vec<ModAdd<WIDTH>>,
    sub: Vec<ModAdd<WIDTH>>,
    line: Vec<Delay<WIDTH>>,
    plan: Config<Plan>,
}

/// Where every value comes from, and when.
#[derive(Clone, Debug, Default)]
struct Plan {
    name: &'static str,
    wiring: String,
    latency: usize,
    lines: Vec<usize>,
    counts: [usize; 3],
}

impl Default for PointAdd {
    fn default() -> Self {
        Self::full()
    }
}

impl PointAdd {
    /// Algorithm 7: any two points.
    pub fn full() -> Self {
        Self::new(Plan::new("point_add", FULL))
    }

    /// Algorithm 8: the second point is affine (z2 = 1) and not the identity.
    pub fn mixed() -> Self {
        Self::new(Plan::new("point_add_mixed", MIXED))
    }

    fn new(plan: Plan) -> Self {
        let p = modulus();
        let units = |op| move |_| ModAdd::new(op, &p);
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
            mul: (0..plan.counts[0]).map(|_| MontMul::default()).collect(),
            add: (0..plan.counts[1]).map(units.clone()(ModOp::Add)).collect(),
            sub: (0..plan.counts[2]).map(units(ModOp::Sub)).collect(),
            line: plan.lines.iter().map(|&stages| Delay::new(stages)).collect(),
            plan: Config(plan),
        }
    }

    /// Numbers of multipliers, modular adders and modular subtractors.
    pub fn units(&self) -> [usize; 3] {
        self.plan.0.counts
    }
}

impl Adder<WIDTH> for PointAdd {
    fn latency(&self) -> usize {
        self.plan.0.latency
    }
}

verilog_logic!([] PointAdd, drives: [x3, y3, z3], |unit| {
    let plan = &unit.plan.0;
    let [muls, adds, subs] = plan.counts;
    let description = format!(
        "(x3:y3:z3) = (x1:y1:z1) + (x2:y2:z2) on y^2 = x^3 + 4, complete (Renes, Costello, Batina 2016), Montgomery form.\n\
         {muls} multipliers, {adds} adders, {subs} subtractors; one addition a clock, latency {}.",
        plan.latency
    );
    module(plan.name, &description, &plan.wiring)
});

/// The steps of a formula as (result, left, operator, right).
fn steps(formula: &'static str) -> impl Iterator<Item = [&'static str; 4]> {
    formula.split([';', '\n']).filter(|s| !s.trim().is_empty()).map(|statement| {
        let mut words = statement.split_whitespace();
        let mut word = || words.next().expect("a statement has five words");
        let (result, _, left, operator, right) = (word(), word(), word(), word(), word());
        [result, left, operator, right]
    })
}

impl Plan {
    /// Schedules a formula as soon as possible.
    fn new(name: &'static str, formula: &'static str) -> Self {
        let latencies = [MontMul::default().latency(), ModAdd::<WIDTH>::LATENCY, ModAdd::<WIDTH>::LATENCY];
        let mut plan = Plan { name, ..Plan::default() };
        let mut ready: BTreeMap<&str, (usize, String)> =
            ["x1", "y1", "z1", "x2", "y2", "z2"].into_iter().map(|port| (port, (0, port.to_string()))).collect();
        let mut uses: Vec<(&str, usize, String)> = Vec::new();
        for [result, left, operator, right] in steps(formula) {
            let kind = ["*", "+", "-"].iter().position(|&o| o == operator).expect("an operator is *, + or -");
            let unit = format!("{}_{}", ["mul", "add", "sub"][kind], plan.counts[kind]);
            plan.counts[kind] += 1;
            let start = ready[left].0.max(ready[right].0);
            uses.push((left, start, format!("{unit}_a")));
            uses.push((right, start, format!("{unit}_b")));
            ready.insert(result, (start + latencies[kind], format!("{unit}_r")));
        }
        plan.latency = ["x3", "y3", "z3"].iter().map(|&out| ready[out].0).max().unwrap_or(0);
        uses.extend(["x3", "y3", "z3"].map(|out| (out, plan.latency, out.to_string())));
        plan.connect(&ready, &uses);
        plan
    }

    /// Wires every use of every value, through a chain of delay lines where the value is early.
    fn connect(&mut self, ready: &BTreeMap<&str, (usize, String)>, uses: &[(&str, usize, String)]) {
        for (value, (time, source)) in ready {
            let mut wanted: Vec<_> = uses.iter().filter(|(name, _, _)| name == value).collect();
            wanted.sort_by_key(|(_, start, _)| *start);
            let (mut now, mut wire) = (*time, source.clone());
            for (_, start, sink) in wanted {
                if *start > now {
                    let line = self.lines.len();
                    self.wiring += &format!("  assign line_{line}_d = {wire}; // {value}\n");
                    self.lines.push(start - now);
                    (now, wire) = (*start, format!("line_{line}_q"));
                }
                self.wiring += &format!("  assign {sink} = {wire}; // {value}\n");
            }
        }
    }
}

//! The complete G1 adder: the formulas of Renes, Costello and Batina (2016) for a = 0, one addition a clock.
//!
//! The formulas are lists of steps over named values. A step starts when its later operand is there; the earlier one
//! waits in a delay line, and lines of one value are shared. Latencies follow from the units'.

use crate::block::{Config, Title};
use crate::field::{WIDTH, modulus};
use crate::units::delay::Delay;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::mont_mul::MontMul;
use rust_hdl::prelude::ast::{VerilogExpression, VerilogStatement};
use rust_hdl::prelude::*;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

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

/// The ports of an adder of points with coordinates of W bits.
#[derive(Default)]
pub struct PointPorts<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First point.
    pub x1: Signal<In, Bits<W>>,
    /// First point.
    pub y1: Signal<In, Bits<W>>,
    /// First point.
    pub z1: Signal<In, Bits<W>>,
    /// Second point.
    pub x2: Signal<In, Bits<W>>,
    /// Second point.
    pub y2: Signal<In, Bits<W>>,
    /// Second point.
    pub z2: Signal<In, Bits<W>>,
    /// Sum.
    pub x3: Signal<Out, Bits<W>>,
    /// Sum.
    pub y3: Signal<Out, Bits<W>>,
    /// Sum.
    pub z3: Signal<Out, Bits<W>>,
}

impl<const W: usize> Logic for PointPorts<W> {
    fn update(&mut self) {}
}

/// The ports are ports of the unit that holds them, under their own names.
impl<const W: usize> Block for PointPorts<W> {
    fn connect_all(&mut self) {}

    fn update_all(&mut self) {
        let Self { clock, x1, y1, z1, x2, y2, z2, x3, y3, z3 } = self;
        clock.update_all();
        [x1, y1, z1, x2, y2, z2].into_iter().for_each(Block::update_all);
        [x3, y3, z3].into_iter().for_each(Block::update_all);
    }

    fn has_changed(&self) -> bool {
        let Self { clock, x1, y1, z1, x2, y2, z2, x3, y3, z3 } = self;
        clock.has_changed()
            || [x1, y1, z1, x2, y2, z2].into_iter().any(Block::has_changed)
            || [x3, y3, z3].into_iter().any(Block::has_changed)
    }

    fn accept(&self, _name: &str, probe: &mut dyn Probe) {
        let Self { clock, x1, y1, z1, x2, y2, z2, x3, y3, z3 } = self;
        clock.accept("clock", probe);
        let inputs = [("x1", x1), ("y1", y1), ("z1", z1), ("x2", x2), ("y2", y2), ("z2", z2)];
        inputs.into_iter().for_each(|(name, port)| port.accept(name, probe));
        [("x3", x3), ("y3", y3), ("z3", z3)].into_iter().for_each(|(name, port)| port.accept(name, probe));
    }
}

/// An adder of points, one addition a clock. It stands for its ports, so that an engine may be generic over it.
pub trait Adder<const W: usize>: Block + DerefMut<Target = PointPorts<W>> {
    /// Clocks from the operands to the sum.
    fn latency(&self) -> usize;
}

/// (x3 : y3 : z3) = (x1 : y1 : z1) + (x2 : y2 : z2), Montgomery form, all below p; one addition a clock.
///
/// The mixed adder ignores z2 and takes it as 1.
#[derive(LogicBlock)]
pub struct PointAdd {
    ports: PointPorts<WIDTH>,
    mul: Vec<MontMul>,
    add: Vec<ModAdd<WIDTH>>,
    sub: Vec<ModAdd<WIDTH>>,
    line: Vec<Delay<WIDTH>>,
    plan: Config<Plan>,
    title: Title,
}

impl Deref for PointAdd {
    type Target = PointPorts<WIDTH>;
    fn deref(&self) -> &Self::Target {
        &self.ports
    }
}

impl DerefMut for PointAdd {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.ports
    }
}

/// Where every value comes from, and when.
#[derive(Clone, Debug, Default)]
struct Plan {
    name: &'static str,
    wires: Vec<Wire>,
    latency: usize,
    lines: Vec<usize>,
    counts: [usize; 3],
    /// A line for each step: what is computed where and when.
    schedule: String,
}

/// A kind of unit, and which one of it.
type Unit = (Kind, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mul,
    Add,
    Sub,
}

/// What drives a wire.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// An operand: x1 y1 z1 x2 y2 z2.
    Operand(usize),
    /// A unit's result.
    Unit(Unit),
    /// A delay line's end.
    Line(usize),
}

/// What a wire drives.
#[derive(Clone, Copy, Debug)]
enum Sink {
    /// A unit's first or second operand.
    Unit(Unit, bool),
    /// A delay line.
    Line(usize),
    /// A coordinate of the sum.
    Sum(usize),
}

/// A value of the formula on its way from one unit to the next.
#[derive(Clone, Copy, Debug)]
struct Wire {
    source: Source,
    sink: Sink,
}

const OPERANDS: [&str; 6] = ["x1", "y1", "z1", "x2", "y2", "z2"];
const SUM: [&str; 3] = ["x3", "y3", "z3"];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Mul => "mul",
            Kind::Add => "add",
            Kind::Sub => "sub",
        }
    }
}

impl Wire {
    /// The wire as rust-hdl's statement.
    fn statement(&self) -> VerilogStatement {
        let source = match self.source {
            Source::Operand(index) => OPERANDS[index].into(),
            Source::Unit((kind, index)) => format!("{}${index}$r", kind.name()),
            Source::Line(index) => format!("line${index}$q"),
        };
        let sink = match self.sink {
            Sink::Unit((kind, index), second) => format!("{}${index}${}", kind.name(), if second { "b" } else { "a" }),
            Sink::Line(index) => format!("line${index}$d"),
            Sink::Sum(index) => SUM[index].into(),
        };
        VerilogStatement::Assignment(VerilogExpression::Signal(sink), VerilogExpression::Signal(source))
    }
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
        let [muls, adds, subs] = plan.counts;
        let description = format!(
            "(x3:y3:z3) = (x1:y1:z1) + (x2:y2:z2) on y^2 = x^3 + 4, complete (Renes, Costello, Batina 2016), Montgomery form.\n\
             {muls} multipliers, {adds} adders, {subs} subtractors; one addition a clock, latency {}.{}",
            plan.latency, plan.schedule
        );
        Self {
            ports: PointPorts::default(),
            mul: (0..muls).map(|_| MontMul::default()).collect(),
            add: (0..adds).map(units.clone()(ModOp::Add)).collect(),
            sub: (0..subs).map(units(ModOp::Sub)).collect(),
            line: plan.lines.iter().map(|&stages| Delay::new(stages)).collect(),
            title: Title::new(plan.name, &description),
            plan: Config(plan),
        }
    }

    /// Numbers of multipliers, modular adders and modular subtractors.
    pub fn units(&self) -> [usize; 3] {
        self.plan.0.counts
    }

    fn get(&self, source: Source) -> Bits<WIDTH> {
        let ports = &self.ports;
        match source {
            Source::Operand(index) => [&ports.x1, &ports.y1, &ports.z1, &ports.x2, &ports.y2, &ports.z2][index].val(),
            Source::Unit((Kind::Mul, index)) => self.mul[index].r.val(),
            Source::Unit((Kind::Add, index)) => self.add[index].r.val(),
            Source::Unit((Kind::Sub, index)) => self.sub[index].r.val(),
            Source::Line(index) => self.line[index].q.val(),
        }
    }

    fn set(&mut self, sink: Sink, value: Bits<WIDTH>) {
        match sink {
            Sink::Unit((Kind::Mul, index), false) => self.mul[index].a.next = value,
            Sink::Unit((Kind::Mul, index), true) => self.mul[index].b.next = value,
            Sink::Unit((Kind::Add, index), false) => self.add[index].a.next = value,
            Sink::Unit((Kind::Add, index), true) => self.add[index].b.next = value,
            Sink::Unit((Kind::Sub, index), false) => self.sub[index].a.next = value,
            Sink::Unit((Kind::Sub, index), true) => self.sub[index].b.next = value,
            Sink::Line(index) => self.line[index].d.next = value,
            Sink::Sum(0) => self.ports.x3.next = value,
            Sink::Sum(1) => self.ports.y3.next = value,
            Sink::Sum(_) => self.ports.z3.next = value,
        }
    }
}

impl Adder<WIDTH> for PointAdd {
    fn latency(&self) -> usize {
        self.plan.0.latency
    }
}

/// The wires of the plan: the same list is what rust-hdl's simulator does and what becomes Verilog. A kernel's text
/// would have to name the lines, whose number and lengths follow from the units' latencies.
impl Logic for PointAdd {
    fn update(&mut self) {
        let clock = self.ports.clock.val();
        self.mul.iter_mut().for_each(|unit| unit.clock.next = clock);
        self.add.iter_mut().chain(&mut self.sub).for_each(|unit| unit.clock.next = clock);
        self.line.iter_mut().for_each(|line| line.clock.next = clock);
        for index in 0..self.plan.0.wires.len() {
            let wire = self.plan.0.wires[index];
            self.set(wire.sink, self.get(wire.source));
        }
    }

    fn connect(&mut self) {
        self.mul.iter_mut().for_each(|unit| [&mut unit.a, &mut unit.b].into_iter().for_each(Signal::connect));
        let adders = self.add.iter_mut().chain(&mut self.sub);
        adders.for_each(|unit| [&mut unit.a, &mut unit.b].into_iter().for_each(Signal::connect));
        self.line.iter_mut().for_each(|line| line.d.connect());
        [&mut self.ports.x3, &mut self.ports.y3, &mut self.ports.z3].into_iter().for_each(Signal::connect);
    }

    fn hdl(&self) -> Verilog {
        Verilog::Combinatorial(self.plan.0.wires.iter().map(Wire::statement).collect())
    }
}

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
        let operand = |(index, name): (usize, &'static str)| (name, (0, Source::Operand(index)));
        let mut ready: BTreeMap<&'static str, (usize, Source)> =
            OPERANDS.into_iter().enumerate().map(operand).collect();
        let mut uses: Vec<(&'static str, usize, Sink)> = Vec::new();
        for [result, left, operator, right] in steps(formula) {
            let which = ["*", "+", "-"].iter().position(|&o| o == operator).expect("an operator is *, + or -");
            let unit = ([Kind::Mul, Kind::Add, Kind::Sub][which], plan.counts[which]);
            plan.counts[which] += 1;
            let start = ready[left].0.max(ready[right].0);
            let (name, end) = (unit.0.name(), start + latencies[which]);
            plan.schedule +=
                &format!("\n{result} = {left} {operator} {right}: {name}_{}, clocks {start} to {end}", unit.1);
            uses.push((left, start, Sink::Unit(unit, false)));
            uses.push((right, start, Sink::Unit(unit, true)));
            ready.insert(result, (start + latencies[which], Source::Unit(unit)));
        }
        plan.latency = SUM.iter().map(|&out| ready[out].0).max().unwrap_or(0);
        uses.extend(SUM.into_iter().enumerate().map(|(index, out)| (out, plan.latency, Sink::Sum(index))));
        plan.connect(&ready, &uses);
        plan
    }

    /// Wires every use of every value, through a chain of delay lines where the value is early.
    fn connect(&mut self, ready: &BTreeMap<&'static str, (usize, Source)>, uses: &[(&'static str, usize, Sink)]) {
        for (&value, &(time, source)) in ready {
            let mut wanted: Vec<_> = uses.iter().filter(|(name, _, _)| *name == value).collect();
            wanted.sort_by_key(|(_, start, _)| *start);
            let (mut now, mut source) = (time, source);
            for &&(_, start, sink) in &wanted {
                if start > now {
                    let line = self.lines.len();
                    self.wires.push(Wire { source, sink: Sink::Line(line) });
                    self.lines.push(start - now);
                    (now, source) = (start, Source::Line(line));
                }
                self.wires.push(Wire { source, sink });
            }
        }
    }
}

//! The designs in rust-hdl's own simulator and their Verilog in Verilator, clock by clock: every output is the same.

mod common;

use arblast_hdl::engine::accumulator::Accumulator;
use arblast_hdl::engine::{aggregate::AggregateEngine, msm::MsmEngine, toy::ToyAdder};
use arblast_hdl::field::modulus;
use arblast_hdl::simulate::{Bits, Block, ClockOf, Simulation, ToBits};
use arblast_hdl::units::mod_add::{ModAdd, ModOp};
use arblast_hdl::units::mont_mul::MontMul;
use arblast_hdl::{Design, designs, on_large_stack};
use arblast_verilator::{Model, Options};
use common::{below, random, verilator};
use num_bigint::BigUint;
use rand_core::Rng;
use std::collections::BTreeMap;

/// Both simulators of one design.
struct Both<B: Block> {
    name: String,
    rust: Simulation<B>,
    verilog: Model,
    clocks: usize,
}

impl<B: Block> Both<B> {
    fn new(design: &Design, options: &Options, top: B, clock: ClockOf<B>) -> Self {
        let verilog = Model::new(design, options).unwrap();
        Self { name: design.name.clone(), rust: Simulation::new(Box::new(top), clock), verilog, clocks: 0 }
    }

    /// Sets inputs on both sides, and gives the outputs, which must be the same.
    fn outputs(&mut self, inputs: &[(&str, BigUint)], set: impl FnOnce(&mut B)) -> BTreeMap<String, BigUint> {
        for (name, value) in inputs {
            let pin = self.verilog.pin(name);
            self.verilog.set_big(pin, value);
        }
        set(&mut self.rust.top);
        self.verilog.settle();
        self.rust.settle();
        let outputs = self.rust.outputs();
        for (name, value) in &outputs {
            let pin = self.verilog.pin(name);
            assert_eq!(self.verilog.get_big(pin), *value, "{}: {name} in clock {}", self.name, self.clocks);
        }
        outputs
    }

    fn edge(&mut self) {
        self.verilog.edge();
        self.rust.edge();
        self.clocks += 1;
    }
}

fn wide<const N: usize>(value: &BigUint) -> Bits<N> {
    value.clone().into()
}

#[test]
fn arithmetic_units_are_the_same_in_rust_and_verilog() {
    if !verilator("arithmetic_units_are_the_same_in_rust_and_verilog") {
        return;
    }
    on_large_stack(|| {
        let (p, mut rng) = (modulus(), random(41));
        let mut pairs: Vec<[BigUint; 2]> = (0..40).map(|_| [below(&mut rng, &p), below(&mut rng, &p)]).collect();
        pairs.push([&p - 1u32, &p - 1u32]);
        pairs.push([BigUint::ZERO, &p - 1u32]);
        for op in [ModOp::Add, ModOp::Sub] {
            let built = arblast_hdl::design("mod_op", || ModAdd::<384>::new(op, &p));
            let mut both = Both::new(&built, &Options::fast(), ModAdd::<384>::new(op, &p), |top| &mut top.clock);
            for [a, b] in &pairs {
                both.outputs(&[("a", a.clone()), ("b", b.clone())], |top| {
                    (top.a.next, top.b.next) = (wide(a), wide(b));
                });
                both.edge();
            }
        }
        let built = arblast_hdl::design("mont_mul", MontMul::default);
        let mut both = Both::new(&built, &Options::fast(), MontMul::default(), |top| &mut top.clock);
        let mut results = std::collections::BTreeSet::new();
        for [a, b] in pairs.iter().chain(&pairs) {
            let outputs = both.outputs(&[("a", a.clone()), ("b", b.clone())], |top| {
                (top.a.next, top.b.next) = (wide(a), wide(b));
            });
            results.insert(outputs["r"].clone());
            both.edge();
        }
        assert!(results.len() > 40, "results came out");
    });
}

/// Any traffic on few slots: the accumulator's every output in every clock.
#[test]
fn the_accumulator_is_the_same_in_rust_and_verilog() {
    if !verilator("the_accumulator_is_the_same_in_rust_and_verilog") {
        return;
    }
    on_large_stack(|| {
        let built = arblast_hdl::design("accumulator", || Accumulator::<8, 4>::new(11, 5));
        let mut both = Both::new(&built, &Options::fast(), Accumulator::<8, 4>::new(11, 5), |top| &mut top.clock);
        let mut rng = random(42);
        let (mut queued, mut waited) = (0, 0);
        for clock in 0..3000u32 {
            let clear = clock < 11;
            // Few slots, so that everything meets; now and then an input never pauses, and the queue fills.
            let busy = clock / 100 % 2 == 0;
            let bit = |rng: &mut rand_chacha::ChaCha20Rng, of: u32| u32::from(rng.next_u32().is_multiple_of(of));
            let in_valid = !clear && (busy || bit(&mut rng, 2) == 1);
            let pop = !clear && bit(&mut rng, 16) == 1;
            let reset = bit(&mut rng, 400) == 1;
            let slots = [0, 1, 2].map(|_| rng.next_u32() % if busy { 11 } else { 3 });
            let clear_slot = if clear { clock } else { slots[2] };
            let data = [0; 6].map(|_: u32| rng.next_u32() & 0xff);
            let mut inputs = vec![
                ("in_valid", u32::from(in_valid)),
                ("pop_valid", u32::from(pop)),
                ("clear_valid", u32::from(clear)),
                ("reset", u32::from(reset)),
                ("in_slot", slots[0]),
                ("pop_slot", slots[1]),
                ("clear_slot", clear_slot),
            ];
            inputs.extend(["in_x", "in_y", "in_z", "sum_x", "sum_y", "sum_z"].into_iter().zip(data));
            let inputs: Vec<(&str, BigUint)> = inputs.into_iter().map(|(name, v)| (name, BigUint::from(v))).collect();
            let outputs = both.outputs(&inputs, |top| {
                (top.in_valid.next, top.pop_valid.next) = (in_valid, pop);
                (top.clear_valid.next, top.reset.next) = (clear, reset);
                top.in_slot.next = slots[0].to_bits();
                top.pop_slot.next = slots[1].to_bits();
                top.clear_slot.next = clear_slot.to_bits();
                let ports =
                    [&mut top.in_x, &mut top.in_y, &mut top.in_z, &mut top.sum_x, &mut top.sum_y, &mut top.sum_z];
                ports.into_iter().zip(data).for_each(|(port, value)| port.next = value.to_bits());
            });
            queued = queued.max(u32::try_from(&outputs["queued"]).unwrap());
            waited += u32::from(in_valid && outputs["in_ready"] == BigUint::ZERO);
            both.edge();
        }
        println!("at most {queued} pairs queued, {waited} clocks waited");
        assert!(queued > 2 && queued <= 16 && waited > 10);
    });
}

/// What an engine's environment does in a clock.
#[derive(Clone, Default)]
struct Drive {
    reset: bool,
    control: Option<u32>,
    beat: Option<(u64, bool)>,
    ready: bool,
}

macro_rules! set_engine {
    ($top:expr, $drive:expr) => {{
        let (top, drive) = ($top, $drive);
        top.reset.next = drive.reset;
        top.s_axil.awaddr.next = 0x1cu32.to_bits();
        top.s_axil.wdata.next = drive.control.unwrap_or(0).to_bits();
        (top.s_axil.awvalid.next, top.s_axil.wvalid.next) = (drive.control.is_some(), drive.control.is_some());
        (top.s_axil.bready.next, top.s_axil.rready.next, top.s_axil.arvalid.next) = (true, true, true);
        top.s_axil.araddr.next = 0x24u32.to_bits();
        let (data, last) = drive.beat.unwrap_or((0, false));
        top.s_axis.tdata.next = data.to_bits();
        (top.s_axis.tvalid.next, top.s_axis.tlast.next) = (drive.beat.is_some(), last);
        top.m_axis.tready.next = drive.ready;
    }};
}

/// Sends a packet and takes `answer` beats, with random pauses on both streams; gives the beats.
fn run<B: Block>(
    both: &mut Both<B>,
    set: fn(&mut B, &Drive),
    control: u32,
    packet: &[u64],
    answer: usize,
) -> Vec<BigUint> {
    let (mut rng, mut sent, mut got) = (random(43), 0, Vec::new());
    let (mut written, start) = (false, both.clocks);
    while sent < packet.len() || got.len() < answer {
        assert!(both.clocks - start < 6000, "{sent} beats sent, {} taken", got.len());
        let offered = written && sent < packet.len() && rng.next_u32() % 4 != 0;
        let drive = Drive {
            reset: both.clocks == 0,
            control: (both.clocks > 0 && !written).then_some(control),
            beat: offered.then(|| (packet[sent], sent + 1 == packet.len())),
            ready: rng.next_u32() % 4 != 0,
        };
        let number = |value: bool| BigUint::from(u32::from(value));
        let (data, last) = drive.beat.unwrap_or((0, false));
        let inputs = [
            ("reset", number(drive.reset)),
            ("s_axil_awaddr", BigUint::from(0x1cu32)),
            ("s_axil_wdata", BigUint::from(drive.control.unwrap_or(0))),
            ("s_axil_awvalid", number(drive.control.is_some())),
            ("s_axil_wvalid", number(drive.control.is_some())),
            ("s_axil_bready", number(true)),
            ("s_axil_rready", number(true)),
            ("s_axil_arvalid", number(true)),
            ("s_axil_araddr", BigUint::from(0x24u32)),
            ("s_axis_tdata", BigUint::from(data)),
            ("s_axis_tvalid", number(drive.beat.is_some())),
            ("s_axis_tlast", number(last)),
            ("m_axis_tready", number(drive.ready)),
        ];
        let outputs = both.outputs(&inputs, |top| set(top, &drive));
        let one = BigUint::from(1u32);
        written |= drive.control.is_some() && outputs["s_axil_awready"] == one;
        sent += usize::from(offered && outputs["s_axis_tready"] == one);
        if drive.ready && outputs["m_axis_tvalid"] == one {
            got.push(outputs["m_axis_tdata"].clone());
        }
        both.edge();
    }
    got
}

type Toy = ToyAdder<{ designs::TOY_WIDTH }>;

/// Whole runs of both engines over the toy group.
#[test]
fn the_engines_are_the_same_in_rust_and_verilog() {
    if !verilator("the_engines_are_the_same_in_rust_and_verilog") {
        return;
    }
    on_large_stack(|| {
        let shape = (2, 3);
        let top: MsmEngine<64, 12, Toy> = designs::msm_toy_block(shape, 5);
        let mut both = Both::new(&designs::msm_toy(shape, 5), &Options::fast(), top, |top| &mut top.clock);
        // Digits −1, 2, 1 for the first point, then all kinds.
        let digits = [0x0001_0002_ffffu64, 0xffff_fffe_0001, 0, 0x0002_0002_0002, 0x0001_0001_0001];
        let packet: Vec<u64> = digits.iter().zip(1u64..).flat_map(|(&d, i)| [i << 20, 7 * i, d]).collect();
        let got = run(&mut both, |top, drive| set_engine!(top, drive), 1, &packet, 18);
        // Window 0: −1·P1, 1·P2, 2·P4, 1·P5; the bits' x are P1 ^ P2 ^ P5 and P4.
        assert_eq!([&got[0], &got[3]], [&BigUint::from((1u64 ^ 2 ^ 5) << 20), &BigUint::from(4u64 << 20)]);

        let shape = (3, 2);
        let top: AggregateEngine<64, 12, Toy> = designs::aggregate_toy_block(shape, 6);
        let mut both = Both::new(&designs::aggregate_toy(shape, 6), &Options::fast(), top, |top| &mut top.clock);
        let points: Vec<u64> = (1..=8u64).flat_map(|i| [i << 8, i]).collect();
        run(&mut both, |top, drive| set_engine!(top, drive), 4, &points, 0);
        for _ in 0..3 {
            both.outputs(&[], |_| {});
            both.edge();
        }
        let selections = [0x000f_0000_0000_0000u64, 0x0001_0001_0000_0005, 0x0003_0000_0000_0006];
        let got = run(&mut both, |top, drive| set_engine!(top, drive), 1, &selections, 6);
        let x = |list: &[u64]| BigUint::from(list.iter().fold(0, |sum, i| sum ^ (i << 8)));
        assert_eq!([&got[0], &got[3]], [&x(&[1, 2, 3, 4, 7, 8]), &x(&[6])]);
    });
}

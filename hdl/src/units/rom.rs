//! The ROM that plays a [schedule](super::schedule): one word for each clock of a round, round after round.

use crate::block::{Config, module, verilog_logic};
use crate::units::schedule::{BEAT, CONTEXT_BITS, REGISTER_BITS, Schedule, Word};
use rust_hdl::prelude::*;
use std::fmt::Write as _;

/// Bits that count the clocks of a round.
pub const PHASE_BITS: usize = 8;

/// Counts the clocks of a round and gives the control of each, one clock after its number.
#[derive(LogicBlock, Default)]
pub struct ScheduleRom {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: the next clock is the first of a round.
    pub reset: Signal<In, Bit>,
    /// Clock of the beat.
    pub beat: Signal<Out, Bits<2>>,
    /// Number of the round, modulo the contexts.
    pub round: Signal<Out, Bits<CONTEXT_BITS>>,
    /// Stage, bank and register of the multiplier's port.
    pub read_stage: Signal<Out, Bits<CONTEXT_BITS>>,
    /// Whether bank 1.
    pub read_linear: Signal<Out, Bit>,
    /// Register.
    pub read_register: Signal<Out, Bits<REGISTER_BITS>>,
    /// A product starts.
    pub product: Signal<Out, Bit>,
    /// Its register.
    pub product_register: Signal<Out, Bits<REGISTER_BITS>>,
    /// A linear step starts.
    pub linear: Signal<Out, Bit>,
    /// Its operation.
    pub linear_op: Signal<Out, Bits<3>>,
    /// Its stage.
    pub linear_stage: Signal<Out, Bits<CONTEXT_BITS>>,
    /// Its first operand: whether in bank 1.
    pub a_linear: Signal<Out, Bit>,
    /// Register.
    pub a_register: Signal<Out, Bits<REGISTER_BITS>>,
    /// Its second operand: whether in bank 1.
    pub b_linear: Signal<Out, Bit>,
    /// Register.
    pub b_register: Signal<Out, Bits<REGISTER_BITS>>,
    /// The register of its result.
    pub linear_register: Signal<Out, Bits<REGISTER_BITS>>,
    /// An operand is asked for.
    pub want: Signal<Out, Bit>,
    /// Which.
    pub want_index: Signal<Out, Bits<3>>,
    /// The first of a run.
    pub want_first: Signal<Out, Bit>,
    /// The last of a run.
    pub want_last: Signal<Out, Bit>,
    /// A result is read.
    pub deliver: Signal<Out, Bit>,
    /// Which.
    pub deliver_index: Signal<Out, Bits<2>>,
    /// The feeder may decide.
    pub window: Signal<Out, Bit>,
    schedule: Config<Schedule>,
}

impl ScheduleRom {
    /// The ROM of a schedule.
    pub fn new(schedule: &Schedule) -> Self {
        assert!(schedule.interval() <= 1 << PHASE_BITS && schedule.ports[0] <= 8 && schedule.ports[1] <= 4);
        Self { schedule: Config(schedule.clone()), ..Self::default() }
    }
}

/// The fields of a word, highest first: name, bits, value.
fn fields(word: &Word, schedule: &Schedule, phase: usize) -> Vec<(&'static str, usize, usize)> {
    let (read, linear) = (word.read.unwrap_or_default(), word.linear);
    let of = |f: fn(crate::units::schedule::LinearStep) -> usize| linear.map_or(0, f);
    vec![
        ("beat", 2, phase % BEAT),
        ("read_stage", CONTEXT_BITS, read.stage),
        ("read_linear", 1, read.from.linear.into()),
        ("read_register", REGISTER_BITS, read.from.register),
        ("product", 1, word.product.is_some().into()),
        ("product_register", REGISTER_BITS, word.product.unwrap_or(0)),
        ("linear", 1, linear.is_some().into()),
        ("linear_op", 3, of(|l| l.operation.bits() as usize)),
        ("linear_stage", CONTEXT_BITS, of(|l| l.stage)),
        ("a_linear", 1, of(|l| l.operands[0].linear.into())),
        ("a_register", REGISTER_BITS, of(|l| l.operands[0].register)),
        ("b_linear", 1, of(|l| l.operands[1].linear.into())),
        ("b_register", REGISTER_BITS, of(|l| l.operands[1].register)),
        ("linear_register", REGISTER_BITS, of(|l| l.result)),
        ("want", 1, word.want.is_some().into()),
        ("want_index", 3, word.want.unwrap_or(0)),
        ("want_first", 1, (word.want == Some(0)).into()),
        ("want_last", 1, (word.want == Some(schedule.ports[0] - 1)).into()),
        ("deliver", 1, word.output.is_some().into()),
        ("deliver_index", 2, word.output.unwrap_or(0)),
        ("window", 1, word.window.into()),
    ]
}

verilog_logic!([] ScheduleRom,
    drives: [beat, round, read_stage, read_linear, read_register, product, product_register, linear, linear_op,
        linear_stage, a_linear, a_register, b_linear, b_register, linear_register, want, want_index, want_first,
        want_last, deliver, deliver_index, window],
    |unit| {
    let schedule = &unit.schedule.0;
    let layout = fields(&Word::default(), schedule, 0);
    let bits: usize = layout.iter().map(|field| field.1).sum();
    let mut cases = String::new();
    for (phase, word) in schedule.words.iter().enumerate() {
        let values: Vec<String> =
            fields(word, schedule, phase).iter().map(|(_, bits, value)| format!("{bits}'d{value}")).collect();
        let comment = word.comment.trim_end_matches("; ");
        let _ = writeln!(cases, "      {PHASE_BITS}'d{phase}: word <= {{{}}}; // {comment}", values.join(", "));
    }
    let names: Vec<&str> = layout.iter().map(|field| field.0).collect();
    let last = schedule.interval() - 1;
    let body = format!(
        "  // Fields of a word: {}.
  // In the comments, [n] is the stage: the step is for the run that began n rounds ago.
  reg [{}:0] word;
  reg [{}:0] phase;
  reg [{}:0] next_round, this_round;
  always @(posedge clock) begin
    if (reset) phase <= {PHASE_BITS}'d0;
    else phase <= phase == {PHASE_BITS}'d{last} ? {PHASE_BITS}'d0 : phase + {PHASE_BITS}'d1;
    if (reset) next_round <= {CONTEXT_BITS}'d0;
    else if (phase == {PHASE_BITS}'d{last}) next_round <= next_round + {CONTEXT_BITS}'d1;
    this_round <= next_round;
    if (reset) word <= {bits}'d0;
    else case (phase)
{cases}      default: word <= {bits}'d0;
    endcase
  end
  assign round = this_round;
  assign {{{}}} = word;",
        names.join(" "),
        bits - 1,
        PHASE_BITS - 1,
        CONTEXT_BITS - 1,
        names.join(", ")
    );
    let description = format!(
        "A schedule over {} clocks: {} products and {} linear steps; up to {} runs are under way.\n\
         First result read {} clocks after a run began, last {}.",
        schedule.interval(), schedule.steps[0], schedule.steps[1], schedule.runs(), schedule.first_output,
        schedule.last_output
    );
    module("schedule_rom", &description, &body)
});

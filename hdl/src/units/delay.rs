//! Delay lines, and tag pipelines that run beside an arithmetic pipeline.
//!
//! The lines are leaves: a shift register's inference depends on its text, and a ring buffer simulates faster.

use crate::block::{Config, Line, Title, module, verilog_logic};
use rust_hdl::prelude::*;

/// q = d, `stages` clocks later. A shift register for synthesis, a ring buffer for simulation; no reset.
#[derive(LogicBlock)]
pub struct Delay<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Input.
    pub d: Signal<In, Bits<W>>,
    /// Output.
    pub q: Signal<Out, Bits<W>>,
    stages: Config<usize>,
    _line: Option<Line<Bits<W>>>,
}

impl<const W: usize> Delay<W> {
    /// A line of `stages` clocks; 0 is a wire.
    pub fn new(stages: usize) -> Self {
        Self {
            clock: Default::default(),
            d: Default::default(),
            q: Default::default(),
            stages: Config(stages),
            _line: (stages > 0).then(|| Line::new(stages)),
        }
    }

    /// Clocks from `d` to `q`.
    pub fn latency(&self) -> usize {
        self.stages.0
    }
}

verilog_logic!([const W: usize] Delay<W>, drives: [q],
    update: |unit| {
        match &mut unit._line {
            None => unit.q.next = unit.d.val(),
            Some(line) if unit.clock.pos_edge() => unit.q.next = line.step(unit.d.val()),
            Some(_) => {}
        }
    },
    |unit| {
    let stages = unit.stages.0;
    let description = format!("{W} bits, {stages} clocks later.");
    let body = if stages == 0 { "  assign q = d;".into() } else { pipeline_text("q", "d", W, stages) };
    module(&format!("delay_{W}x{stages}"), &description, &body)
});

/// Statements that make `output` (a wire of `width` bits) equal to the expression `input`, `stages` > 0 clocks later.
pub(crate) fn pipeline_text(output: &str, input: &str, width: usize, stages: usize) -> String {
    let (top, last) = (width - 1, stages - 1);
    let shift = if stages == 1 {
        format!(
            "  reg [{top}:0] {output}_line;\n  always @(posedge clock) {output}_line <= {input};\n  \
             assign {output} = {output}_line;"
        )
    } else {
        let (all, keep) = (width * stages - 1, width * last - 1);
        format!(
            "  reg [{all}:0] {output}_line;\n  always @(posedge clock) {output}_line <= {{{output}_line[{keep}:0], {input}}};\n  \
             assign {output} = {output}_line[{all}:{}];",
            width * last
        )
    };
    if stages < 3 || width < 32 {
        return shift;
    }
    format!("`ifdef ARBLAST_PLAIN\n{}\n`else\n{shift}\n`endif", ring_text(output, input, width, stages))
}

/// The same as [`pipeline_text`], as a ring buffer: one word written a clock, which is what a simulator does fast.
pub(crate) fn ring_text(output: &str, input: &str, width: usize, stages: usize) -> String {
    let (top, last) = (width - 1, stages - 1);
    format!(
        "  reg [{top}:0] {output}_ring [0:{last}];\n  reg [15:0] {output}_at = 0;\n  \
         always @(posedge clock) begin\n    {output}_ring[{output}_at] <= {input};\n    \
         {output}_at <= {output}_at == {last} ? 16'd0 : {output}_at + 16'd1;\n  end\n  \
         assign {output} = {output}_ring[{output}_at];"
    )
}

/// A bit, `stages` clocks later, in a shift register that `reset` clears and that says whether any stage holds a 1.
#[derive(LogicBlock)]
pub struct ValidLine {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Input.
    pub d: Signal<In, Bit>,
    /// Output.
    pub q: Signal<Out, Bit>,
    /// Whether any stage, the last included, holds a 1.
    pub busy: Signal<Out, Bit>,
    stages: Config<usize>,
    _line: Line<bool>,
}

impl ValidLine {
    /// A line of `stages` clocks, at least one.
    pub fn new(stages: usize) -> Self {
        Self {
            clock: Default::default(),
            reset: Default::default(),
            d: Default::default(),
            q: Default::default(),
            busy: Default::default(),
            stages: Config(stages),
            _line: Line::new(stages),
        }
    }
}

verilog_logic!([] ValidLine, drives: [q, busy],
    update: |unit| {
        if unit.clock.pos_edge() {
            let (reset, d) = (unit.reset.val(), unit.d.val());
            if reset {
                unit._line.clear();
            }
            unit.q.next = unit._line.step(d && !reset) && !reset;
            unit.busy.next = unit.q.next || unit._line.inside().any(|&bit| bit);
        }
    },
    |unit| {
    let (stages, last) = (unit.stages.0, unit.stages.0 - 1);
    let next = if stages == 1 { "d".into() } else { format!("{{line[{}:0], d}}", stages - 2) };
    let body = format!(
        "  reg [{last}:0] line = 0;
  always @(posedge clock) line <= reset ? {stages}'d0 : {next};
  assign q = line[{last}];
  assign busy = |line;"
    );
    module(&format!("valid_line_{stages}"), &format!("A bit, {stages} clocks later; busy while any stage holds a 1."), &body)
});

/// A tag with a valid bit that travels `stages` clocks beside an arithmetic pipeline of that latency.
///
/// `reset` clears the valid bits; `busy` says that any valid tag is inside. Latency: `stages` (at least 1).
#[derive(LogicBlock)]
pub struct TagPipe<const W: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Whether a tag goes in.
    pub valid: Signal<In, Bit>,
    /// The tag.
    pub tag: Signal<In, Bits<W>>,
    /// Whether a tag comes out.
    pub out_valid: Signal<Out, Bit>,
    /// That tag.
    pub out_tag: Signal<Out, Bits<W>>,
    /// Whether any stage holds a valid tag.
    pub busy: Signal<Out, Bit>,
    line: Delay<W>,
    valids: ValidLine,
    title: Title,
}

impl<const W: usize> TagPipe<W> {
    /// A pipeline of `stages` clocks.
    pub fn new(stages: usize) -> Self {
        assert!(stages > 0, "a tag pipeline has at least one stage");
        let name = format!("tag_pipe_{W}x{stages}");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            valid: Default::default(),
            tag: Default::default(),
            out_valid: Default::default(),
            out_tag: Default::default(),
            busy: Default::default(),
            line: Delay::new(stages),
            valids: ValidLine::new(stages),
            title: Title::new(&name, &format!("A valid bit and a tag of {W} bits, {stages} clocks later.")),
        }
    }

    /// Clocks from `tag` to `out_tag`.
    pub fn latency(&self) -> usize {
        self.line.latency()
    }
}

impl<const W: usize> Default for TagPipe<W> {
    fn default() -> Self {
        Self::new(1)
    }
}

impl<const W: usize> Logic for TagPipe<W> {
    #[hdl_gen]
    fn update(&mut self) {
        clock!(self, clock, line, valids);
        self.line.d.next = self.tag.val();
        self.out_tag.next = self.line.q.val();
        self.valids.reset.next = self.reset.val();
        self.valids.d.next = self.valid.val();
        self.out_valid.next = self.valids.q.val();
        self.busy.next = self.valids.busy.val();
    }
}

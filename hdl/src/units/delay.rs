//! Delay lines, and tag pipelines that run beside an arithmetic pipeline.

use crate::block::{Config, module, verilog_logic};
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
}

impl<const W: usize> Delay<W> {
    /// A line of `stages` clocks; 0 is a wire.
    pub fn new(stages: usize) -> Self {
        Self { clock: Default::default(), d: Default::default(), q: Default::default(), stages: Config(stages) }
    }

    /// Clocks from `d` to `q`.
    pub fn latency(&self) -> usize {
        self.stages.0
    }
}

verilog_logic!([const W: usize] Delay<W>, drives: [q], |unit| {
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
    stages: Config<usize>,
}

impl<const W: usize> TagPipe<W> {
    /// A pipeline of `stages` clocks.
    pub fn new(stages: usize) -> Self {
        assert!(stages > 0, "a tag pipeline has at least one stage");
        Self {
            clock: Default::default(),
            reset: Default::default(),
            valid: Default::default(),
            tag: Default::default(),
            out_valid: Default::default(),
            out_tag: Default::default(),
            busy: Default::default(),
            line: Delay::new(stages),
            stages: Config(stages),
        }
    }

    /// Clocks from `tag` to `out_tag`.
    pub fn latency(&self) -> usize {
        self.line.latency()
    }
}

verilog_logic!([const W: usize] TagPipe<W>, drives: [out_valid, out_tag, busy], |unit| {
    let stages = unit.stages.0;
    let next = if stages == 1 { "valid".into() } else { format!("{{valids[{}:0], valid}}", stages - 2) };
    let body = format!(
        "  reg [{last}:0] valids = 0;
  always @(posedge clock) valids <= reset ? {stages}'d0 : {next};
  assign line_d = tag;
  assign out_tag = line_q;
  assign out_valid = valids[{last}];
  assign busy = |valids;",
        last = stages - 1
    );
    module(&format!("tag_pipe_{W}x{stages}"), &format!("A valid bit and a tag of {W} bits, {stages} clocks later."), &body)
});

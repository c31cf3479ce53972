//! The MSM engine: points and signed digits in, one point for each bit of each window out.
//!
//! Bucket m of window k (digit m or −m) is a slot of the [accumulator](super::accumulator). The reduction Σ m·Bₘ is
//! done by the same accumulator: bucket m is added to the slot of every bit that is set in m, so that
//! Σ m·Bₘ = Σᵢ 2ⁱ·Sᵢ with Sᵢ the sum of the buckets whose number has bit i. That is (C/2)·2^(C−1) more additions for a
//! window of C bits, at the full rate of one a clock, where running sums would wait for the adder's latency. The host
//! doubles and adds the Sᵢ, which joins the windows at the same time.
//!
//! Stream in (W bits): three beats a point, x, y (Montgomery) and the digits, 16 bits for each window, two's
//! complement, lowest window lowest; `tlast` on the last point's digits. Digits are in −2^(C−1)..=2^(C−1). A point at
//! infinity is sent with digits 0. Stream out: x, y, z (homogeneous, Montgomery) for window 0 bit 0, window 0 bit 1, …

use super::accumulator::Accumulator;
use super::registers::RegisterFile;
use super::shell::Shell;
use crate::block::{CHILDREN_MARK, Config, module, verilog_logic};
use crate::units::delay::TagPipe;
use crate::units::mod_add::{ModAdd, ModOp};
use crate::units::point_add::Adder;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Bits of a digit on the stream.
pub const DIGIT_BITS: usize = 16;

/// The shape of an engine and the group it works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// C: bits of a window, 2 to 15.
    pub window_bits: usize,
    /// K: windows in a pass; K digits fit a beat.
    pub windows: usize,
    /// p, for the opposite of a point.
    pub modulus: BigUint,
    /// z of an affine point.
    pub one: BigUint,
    /// The identity.
    pub identity: [BigUint; 3],
}

impl Shape {
    /// Buckets of a window: digits 1 to 2^(C−1).
    pub fn buckets(&self) -> usize {
        1 << (self.window_bits - 1)
    }

    /// All slots: the buckets, then one for each bit of each window.
    pub fn slots(&self) -> usize {
        self.windows * (self.buckets() + self.window_bits)
    }
}

/// The engine, with an adder A; S bits number its slots.
#[derive(LogicBlock, Default)]
pub struct MsmEngine<const W: usize, const S: usize, A: Adder<W> + Default> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// AXI-Lite write address.
    pub s_axil_awaddr: Signal<In, Bits<12>>,
    /// AXI-Lite.
    pub s_axil_awvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub s_axil_awready: Signal<Out, Bit>,
    /// AXI-Lite write data.
    pub s_axil_wdata: Signal<In, Bits<32>>,
    /// AXI-Lite.
    pub s_axil_wvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub s_axil_wready: Signal<Out, Bit>,
    /// AXI-Lite.
    pub s_axil_bresp: Signal<Out, Bits<2>>,
    /// AXI-Lite.
    pub s_axil_bvalid: Signal<Out, Bit>,
    /// AXI-Lite.
    pub s_axil_bready: Signal<In, Bit>,
    /// AXI-Lite read address.
    pub s_axil_araddr: Signal<In, Bits<12>>,
    /// AXI-Lite.
    pub s_axil_arvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub s_axil_arready: Signal<Out, Bit>,
    /// AXI-Lite read data.
    pub s_axil_rdata: Signal<Out, Bits<32>>,
    /// AXI-Lite.
    pub s_axil_rresp: Signal<Out, Bits<2>>,
    /// AXI-Lite.
    pub s_axil_rvalid: Signal<Out, Bit>,
    /// AXI-Lite.
    pub s_axil_rready: Signal<In, Bit>,
    /// Points and digits.
    pub s_axis_tdata: Signal<In, Bits<W>>,
    /// AXI-Stream.
    pub s_axis_tvalid: Signal<In, Bit>,
    /// AXI-Stream.
    pub s_axis_tready: Signal<Out, Bit>,
    /// AXI-Stream.
    pub s_axis_tlast: Signal<In, Bit>,
    /// Results.
    pub m_axis_tdata: Signal<Out, Bits<W>>,
    /// AXI-Stream.
    pub m_axis_tvalid: Signal<Out, Bit>,
    /// AXI-Stream.
    pub m_axis_tready: Signal<In, Bit>,
    /// AXI-Stream.
    pub m_axis_tlast: Signal<Out, Bit>,
    regs: RegisterFile,
    core: Accumulator<W, S>,
    adder: A,
    negate: Vec<ModAdd<W>>,
    arrive: Vec<TagPipe<1>>,
    shape: Config<Shape>,
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> MsmEngine<W, S, A> {
    /// The engine of this shape around `adder`.
    pub fn new(shape: &Shape, adder: A) -> Self {
        let (c, k) = (shape.window_bits, shape.windows);
        assert!(
            (2..=15).contains(&c) && k >= 1 && k * DIGIT_BITS <= W,
            "2 to 15 bits, digits of all windows in a beat"
        );
        let latency = adder.latency();
        let constants = [0x4152_424C, 1, 1, c as u32, k as u32, latency as u32, shape.slots() as u32];
        Self {
            regs: RegisterFile::new(&constants),
            core: Accumulator::new(shape.slots(), latency),
            adder,
            negate: vec![ModAdd::new(ModOp::Sub, &shape.modulus)],
            arrive: vec![TagPipe::new(ModAdd::<W>::LATENCY)],
            shape: Config(shape.clone()),
            ..Self::default()
        }
    }
}

verilog_logic!([const W: usize, const S: usize, A: Adder<W> + Default] MsmEngine<W, S, A>,
    drives: [s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid, s_axil_arready, s_axil_rdata, s_axil_rresp,
        s_axil_rvalid, s_axis_tready, m_axis_tdata, m_axis_tvalid, m_axis_tlast],
    |unit| {
    let shape = &unit.shape.0;
    let (c, k, buckets) = (shape.window_bits, shape.windows, shape.buckets());
    let shell = Shell {
        width: W, slot_bits: S, slots: shape.slots(), first: k * buckets, results: k * c, identity: &shape.identity,
    };
    let fill = |text: &str| text
        .replace("W1", &(W - 1).to_string())
        .replace("S1", &(S - 1).to_string())
        .replace("SB", &S.to_string())
        .replace("D1", &(k * DIGIT_BITS - 1).to_string())
        .replace("KLAST", &(k - 1).to_string())
        .replace("BUCKETS", &buckets.to_string())
        .replace("LASTBUCKET", &(k * buckets - 1).to_string())
        .replace("FIRST", &(k * buckets).to_string())
        .replace("SHIFT", &(c - 1).to_string())
        .replace("CB", &c.to_string())
        .replace("C1", &(c - 1).to_string())
        .replace("ONE", &shell.word(&shape.one))
        .replace("ZERO", &shell.word(&BigUint::ZERO));
    let body = [
        CHILDREN_MARK, "\n", &shell.declarations(), &shell.wiring(), &fill(POINTS), &fill(DIGITS), &fill(REDUCTION),
        &shell.output(), &shell.counters("op_valid && core_in_ready", "core_in_valid && !core_in_ready"),
        &fill(&control(&shell)),
    ].concat();
    let description = format!(
        "MSM engine: {k} windows of {c} bits in a pass, {buckets} buckets each; adder latency {}.\n\
         Stream in: x, y, digits of each point. Stream out: x, y, z of one point for each bit of each window.",
        unit.adder.latency()
    );
    module(&format!("msm_engine_{c}x{k}"), &description, &body)
});

/// Points arrive, wait for their opposite's y, and queue up: at most four are inside.
const POINTS: &str = "
  // A point is three beats. While its -y is computed it stays in the ring; `held_points` counts ring places taken.
  reg [1:0] beat;
  reg [2:0] held_points;
  reg [W1:0] ring_x [0:3];
  reg [W1:0] ring_y [0:3];
  reg [W1:0] ring_n [0:3];
  reg [D1:0] ring_d [0:3];
  reg ring_last [0:3];
  reg [1:0] write_at, negated_at, read_at;
  reg closed;
  wire next_point;
  assign s_axis_tready = state == RUN && !closed && (beat != 2'd0 || held_points != 3'd4);
  wire taken = s_axis_tvalid && s_axis_tready;
  wire arrived = taken && beat == 2'd2;
  assign negate_0_a = ZERO;
  assign negate_0_b = s_axis_tdata;
  assign arrive_0_valid = taken && beat == 2'd1;
  assign arrive_0_tag = 1'b0;
  assign arrive_0_reset = stop;
  // -y comes 4 clocks after y, the digits at least one: a point is ready when both are there.
  reg [2:0] negated, complete;
  always @(posedge clock) begin
    if (taken && beat == 2'd0) ring_x[write_at] <= s_axis_tdata;
    if (taken && beat == 2'd1) ring_y[write_at] <= s_axis_tdata;
    if (arrived) begin
      ring_d[write_at] <= s_axis_tdata[D1:0];
      ring_last[write_at] <= s_axis_tlast;
    end
    if (arrive_0_out_valid) ring_n[negated_at] <= negate_0_r;
    if (stop || begin_run) begin
      beat <= 2'd0;
      held_points <= 3'd0;
      write_at <= 2'd0;
      negated_at <= 2'd0;
      read_at <= 2'd0;
      negated <= 3'd0;
      complete <= 3'd0;
      closed <= 1'b0;
    end else begin
      if (taken) beat <= beat == 2'd2 ? 2'd0 : beat + 2'd1;
      if (arrived) write_at <= write_at + 2'd1;
      if (arrived && s_axis_tlast) closed <= 1'b1;
      if (arrive_0_out_valid) negated_at <= negated_at + 2'd1;
      if (next_point) read_at <= read_at + 2'd1;
      held_points <= held_points + {2'd0, taken && beat == 2'd0} - {2'd0, next_point};
      negated <= negated + {2'd0, arrive_0_out_valid} - {2'd0, next_point};
      complete <= complete + {2'd0, arrived} - {2'd0, next_point};
    end
  end
  wire point_ready = negated != 3'd0 && complete != 3'd0;
";

/// The digits of the first point in the ring become operations, one a clock.
const DIGITS: &str = "
  reg [4:0] window;
  reg op_valid;
  reg [S1:0] op_slot;
  reg [W1:0] op_x, op_y;
  wire op_free = !op_valid || core_in_ready;
  wire [15:0] digit = ring_d[read_at] >> {window, 4'd0};
  wire negative = digit[15];
  wire [15:0] magnitude = negative ? -digit : digit;
  wire out_of_range = magnitude > 16'dBUCKETS;
  wire step = state == RUN && point_ready && op_free;
  assign next_point = step && window == 5'dKLAST;
  wire accept = step && digit != 16'd0 && !out_of_range;
  always @(posedge clock) begin
    if (stop || begin_run) begin
      window <= 5'd0;
      op_valid <= 1'b0;
    end else begin
      if (step) window <= window == 5'dKLAST ? 5'd0 : window + 5'd1;
      if (op_free) op_valid <= accept;
    end
    if (op_free) begin
      op_slot <= ({{SB{1'b0}}, window} << SHIFT) + magnitude - 16'd1;
      op_x <= ring_x[read_at];
      op_y <= negative ? ring_n[read_at] : ring_y[read_at];
    end
  end
";

/// The reduction: the bucket at `walk` is read, and added to the slot of each bit of its number.
const REDUCTION: &str = "
  reg [CB:0] left;
  reg [W1:0] held_x, held_y, held_z;
  reg [S1:0] bits_at;
  wire [CB:0] lowest = left & -left;
  reg [4:0] bit_index;
  integer i;
  always @(*) begin
    bit_index = 5'd0;
    for (i = 0; i <= C1; i = i + 1) if (lowest[i]) bit_index = i;
  end
  assign core_pop_valid = state == REDUCE || state == POP;
  assign core_pop_slot = walk;
  assign core_in_valid = state == FEED || op_valid;
  assign core_in_slot = state == FEED ? bits_at + bit_index : op_slot;
  assign core_in_x = state == FEED ? held_x : op_x;
  assign core_in_y = state == FEED ? held_y : op_y;
  assign core_in_z = state == FEED ? held_z : ONE;
  wire last_bucket = walk == SB'dLASTBUCKET;
  wire last_of_window = walk[C1:0] % BUCKETS == BUCKETS - 1;
";

/// The run's state machine.
fn control(shell: &Shell<'_>) -> String {
    format!(
        "
  always @(posedge clock) begin
    if (stop) begin
      state <= IDLE;
      finished <= 1'b0;
      cut <= 1'b0;
      range <= 1'b0;
    end else begin
      if (taken && s_axis_tlast && beat != 2'd2) cut <= 1'b1;
      if (step && out_of_range) range <= 1'b1;
      case (state)
        IDLE: if (begin_run) begin
          state <= CLEAR;
          walk <= SB'd0;
          finished <= 1'b0;
          cut <= 1'b0;
          range <= 1'b0;
        end
{}        RUN: if (next_point && ring_last[read_at]) state <= DRAIN;
        DRAIN: if (!op_valid && !core_busy) begin
          state <= REDUCE;
          walk <= SB'd0;
          bits_at <= SB'dFIRST;
        end
        REDUCE: if (core_pop_ready) begin
          left <= walk % BUCKETS + 1;
          state <= READ;
        end
        READ: begin
          held_x <= core_out_x;
          held_y <= core_out_y;
          held_z <= core_out_z;
          state <= core_out_full ? FEED : last_bucket ? SETTLE : REDUCE;
          if (!core_out_full) begin
            walk <= walk + SB'd1;
            if (last_of_window) bits_at <= bits_at + SB'dCB;
          end
        end
        FEED: if (core_in_ready) begin
          left <= left ^ lowest;
          if (left == lowest) begin
            walk <= walk + SB'd1;
            if (last_of_window) bits_at <= bits_at + SB'dCB;
            state <= last_bucket ? SETTLE : REDUCE;
          end
        end
        SETTLE: if (!core_busy) state <= POP; // walk is at the first result
{}        default: state <= IDLE;
      endcase
    end
  end
",
        shell.clear_state(),
        shell.results_states()
    )
}

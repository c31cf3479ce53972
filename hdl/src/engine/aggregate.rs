//! The aggregation engine: sums of G1 points (public keys) that lie in the engine's memory, by index or by mask.
//!
//! Points are loaded once (CONTROL bit 2): two beats a point, x and y in Montgomery form, `tlast` on the last y. A run
//! (CONTROL bit 0) streams selections, one beat each: bits 31:0 the index of a first point, bits 47:32 the number of
//! the sum, bits 63:48 a mask: bit i selects the point i places after the first. An index list is a beat with mask 1 an
//! index; a dense bit mask is a beat for 16 points. `tlast` on the last. One selected point is added a clock, whatever
//! the sum: the [accumulator](super::accumulator) pairs them through the adder's latency. Then every sum is sent as
//! x, y, z (homogeneous), sum 0 first. A point at infinity has no affine form: the host leaves it out.

use super::accumulator::Accumulator;
use super::registers::RegisterFile;
use super::shell::Shell;
use crate::block::{CHILDREN_MARK, Config, module, verilog_logic};
use crate::units::point_add::Adder;
use num_bigint::BigUint;
use rust_hdl::prelude::*;

/// Points that one selection beat can name.
pub const MASK_BITS: usize = 16;

/// The shape of an engine and the group it works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// log2 of the points that fit the memory, at most 20.
    pub point_bits: usize,
    /// Number of sums.
    pub sums: usize,
    /// z of an affine point.
    pub one: BigUint,
    /// The identity.
    pub identity: [BigUint; 3],
}

/// The engine, with an adder A; S bits number its sums.
#[derive(LogicBlock, Default)]
pub struct AggregateEngine<const W: usize, const S: usize, A: Adder<W> + Default> {
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
    shape: Config<Shape>,
}

impl<const W: usize, const S: usize, A: Adder<W> + Default> AggregateEngine<W, S, A> {
    /// The engine of this shape around `adder`.
    pub fn new(shape: &Shape, adder: A) -> Self {
        assert!(shape.point_bits <= 20 && shape.sums >= 2 && W >= 64, "at most 2^20 points, two sums, 64 bits a beat");
        let latency = adder.latency();
        let numbers = [shape.point_bits, shape.sums, latency, shape.sums].map(|n| n as u32);
        let constants = [&[0x4152_424C, 1, 2], &numbers[..]].concat();
        Self {
            regs: RegisterFile::new(&constants),
            core: Accumulator::new(shape.sums, latency),
            adder,
            shape: Config(shape.clone()),
            ..Self::default()
        }
    }
}

verilog_logic!([const W: usize, const S: usize, A: Adder<W> + Default] AggregateEngine<W, S, A>,
    drives: [s_axil_awready, s_axil_wready, s_axil_bresp, s_axil_bvalid, s_axil_arready, s_axil_rdata, s_axil_rresp,
        s_axil_rvalid, s_axis_tready, m_axis_tdata, m_axis_tvalid, m_axis_tlast],
    |unit| {
    let shape = &unit.shape.0;
    let shell = Shell {
        width: W, slot_bits: S, slots: shape.sums, first: 0, results: shape.sums, identity: &shape.identity,
    };
    let fill = |text: &str| text
        .replace("W1", &(W - 1).to_string())
        .replace("S1", &(S - 1).to_string())
        .replace("SB", &S.to_string())
        .replace("SUMS", &shape.sums.to_string())
        .replace("P1", &(shape.point_bits - 1).to_string())
        .replace("PB", &shape.point_bits.to_string())
        .replace("PLAST", &((1usize << shape.point_bits) - 1).to_string())
        .replace("ONE", &shell.word(&shape.one));
    let body = [
        CHILDREN_MARK, "\n", &shell.declarations(), &shell.wiring(), &fill(MEMORY), &fill(SELECTION), &shell.output(),
        &shell.counters("op_valid && core_in_ready", "core_in_valid && !core_in_ready"), &fill(&control(&shell)),
    ].concat();
    let description = format!(
        "Aggregation engine: {} sums over a memory of 2^{} points; adder latency {}.\n\
         Stream in: points (x, y), then selections. Stream out: x, y, z of each sum.",
        shape.sums, shape.point_bits, unit.adder.latency()
    );
    module(&format!("aggregate_engine_{}", shape.sums), &description, &body)
});

/// The points' memory, and its filling.
const MEMORY: &str = "
  (* ram_style = \"block\" *) reg [W1:0] points_x [0:PLAST];
  (* ram_style = \"block\" *) reg [W1:0] points_y [0:PLAST];
  wire begin_load = regs_control[2] && state == IDLE;
  reg second;
  reg [PB:0] place;
  wire room = !place[PB];
  wire loaded = state == LOAD && s_axis_tvalid;
  always @(posedge clock) begin
    if (loaded && room && !second) points_x[place[P1:0]] <= s_axis_tdata;
    if (loaded && room && second) points_y[place[P1:0]] <= s_axis_tdata;
    if (stop || begin_load) begin
      second <= 1'b0;
      place <= 0;
    end else if (loaded) begin
      second <= !second;
      if (second && room) place <= place + 1;
    end
  end
";

/// The selections become operations, one a clock.
const SELECTION: &str = "
  reg chosen, chosen_last, closed;
  reg [31:0] base;
  reg [15:0] sum, mask;
  reg op_valid;
  reg [S1:0] op_slot;
  reg [W1:0] op_x, op_y;
  wire op_free = !op_valid || core_in_ready;
  wire [15:0] lowest = mask & -mask;
  wire final_bit = mask == lowest; // also for an empty mask
  reg [3:0] offset;
  integer i;
  always @(*) begin
    offset = 4'd0;
    for (i = 0; i < 16; i = i + 1) if (lowest[i]) offset = i;
  end
  wire [32:0] index = {1'b0, base} + {29'd0, offset};
  wire out_of_range = mask != 16'd0 && (index >= {{(32-PB){1'b0}}, place} || sum >= SUMS);
  wire step = state == RUN && chosen && op_free;
  wire next_choice = step && final_bit;
  wire accept = step && mask != 16'd0 && !out_of_range;
  assign s_axis_tready = state == LOAD || (state == RUN && !closed && (!chosen || next_choice));
  wire taken = state == RUN && s_axis_tvalid && s_axis_tready;
  always @(posedge clock) begin
    if (taken) begin
      {mask, sum, base} <= s_axis_tdata[63:0];
      chosen_last <= s_axis_tlast;
    end else if (step) mask <= mask ^ lowest;
    if (stop || begin_run) begin
      chosen <= 1'b0;
      closed <= 1'b0;
      op_valid <= 1'b0;
    end else begin
      if (taken || next_choice) chosen <= taken;
      if (taken && s_axis_tlast) closed <= 1'b1;
      if (op_free) op_valid <= accept;
    end
    if (op_free) begin
      op_slot <= sum[S1:0];
      op_x <= points_x[index[P1:0]];
      op_y <= points_y[index[P1:0]];
    end
  end
  assign core_in_valid = op_valid;
  assign core_in_slot = op_slot;
  assign core_in_x = op_x;
  assign core_in_y = op_y;
  assign core_in_z = ONE;
  assign core_pop_valid = state == POP;
  assign core_pop_slot = walk;
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
      if (loaded && s_axis_tlast && !second) cut <= 1'b1;
      if ((loaded && !room) || (step && out_of_range)) range <= 1'b1;
      case (state)
        IDLE: begin
          walk <= SB'd0;
          if (begin_run || begin_load) begin
            state <= begin_run ? CLEAR : LOAD;
            finished <= 1'b0;
            cut <= 1'b0;
            range <= 1'b0;
          end
        end
        LOAD: if (loaded && s_axis_tlast) begin
          state <= IDLE;
          finished <= 1'b1;
        end
{}        RUN: if (next_choice && chosen_last) state <= DRAIN;
        DRAIN: if (!op_valid && !core_busy) state <= POP; // walk is 0
{}        default: state <= IDLE;
      endcase
    end
  end
",
        shell.clear_state(),
        shell.results_states()
    )
}

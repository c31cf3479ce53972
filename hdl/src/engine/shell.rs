//! What both engines share: the life of a run, the reading of results and the counters, as Verilog text.

use num_bigint::BigUint;

/// The states of a run, as parameters. `LOAD` is the aggregation's, `REDUCE…` the MSM's.
pub(crate) const STATES: &str =
    "  localparam IDLE = 4'd0, CLEAR = 4'd1, RUN = 4'd2, DRAIN = 4'd3, REDUCE = 4'd4, READ = 4'd5, FEED = 4'd6,
    SETTLE = 4'd7, POP = 4'd8, FETCH = 4'd9, SEND_X = 4'd10, SEND_Y = 4'd11, SEND_Z = 4'd12, LOAD = 4'd13;
";

/// What the shared text needs to know.
pub(crate) struct Shell<'a> {
    /// Width of a coordinate.
    pub width: usize,
    /// Bits of a slot number.
    pub slot_bits: usize,
    /// All slots.
    pub slots: usize,
    /// The slot of the first result.
    pub first: usize,
    /// Number of results.
    pub results: usize,
    /// The identity's coordinates, sent for a slot without a value.
    pub identity: &'a [BigUint; 3],
}

impl Shell<'_> {
    /// The wires between accumulator and adder, the register file's, and the control bits.
    pub fn wiring(&self) -> String {
        let mut text = String::from(
            "  wire begin_run = regs_control[0] && state == IDLE;\n  wire stop = reset || regs_control[1];\n",
        );
        for name in ["x", "y", "z"] {
            text += &format!(
                "  assign adder_{name}1 = core_add_{name}1;\n  assign adder_{name}2 = core_add_{name}2;\n  \
                 assign core_sum_{name} = adder_{name}3;\n"
            );
        }
        for name in ["awaddr", "awvalid", "wdata", "wvalid", "bready", "araddr", "arvalid", "rready"] {
            text += &format!("  assign regs_{name} = s_axil_{name};\n");
        }
        for name in ["awready", "wready", "bvalid", "arready", "rdata", "rvalid"] {
            text += &format!("  assign s_axil_{name} = regs_{name};\n");
        }
        text + "  assign s_axil_bresp = 2'b00;\n  assign s_axil_rresp = 2'b00;\n  assign regs_reset = reset;\n  assign core_reset = stop;\n"
    }

    /// Declarations of the state and of the walk over slots.
    pub fn declarations(&self) -> String {
        let top = self.slot_bits - 1;
        format!("{STATES}  reg [3:0] state;\n  reg [{top}:0] walk;\n")
    }

    /// The counters and the status registers; `accepted` is when an item is accepted, `waiting` when one waits.
    pub fn counters(&self, accepted: &str, waiting: &str) -> String {
        format!(
            "  reg [31:0] cycles, stalls, additions, items, accumulated;
  reg [7:0] peak;
  reg finished, cut, range;
  always @(posedge clock) begin
    if (begin_run) begin
      cycles <= 32'd0;
      stalls <= 32'd0;
      additions <= 32'd0;
      items <= 32'd0;
      accumulated <= 32'd0;
      peak <= 8'd0;
    end else if (state != IDLE && state != CLEAR && state != LOAD) begin
      cycles <= cycles + 32'd1;
      if ({waiting}) stalls <= stalls + 32'd1;
      if (core_add_valid) additions <= additions + 32'd1;
      if ({accepted}) items <= items + 32'd1;
      if (core_queued > peak) peak <= core_queued;
      if (state == RUN || state == DRAIN) accumulated <= accumulated + 32'd1;
    end
  end
  assign regs_status = {{accumulated, {{24'd0, peak}}, items, additions, stalls, cycles,
    {{22'd0, range, cut, 6'd0, finished, state != IDLE}}}};
"
        )
    }

    /// The states after the last addition: each result's slot is read and sent as three beats.
    pub fn results_states(&self) -> String {
        format!(
            "        POP: if (core_pop_ready) state <= FETCH;
        FETCH: begin
          result_x <= core_out_full ? core_out_x : {};
          result_y <= core_out_full ? core_out_y : {};
          result_z <= core_out_full ? core_out_z : {};
          state <= SEND_X;
        end
        SEND_X: if (m_axis_tready) state <= SEND_Y;
        SEND_Y: if (m_axis_tready) state <= SEND_Z;
        SEND_Z: if (m_axis_tready) begin
          walk <= walk + {}'d1;
          state <= last_result ? IDLE : POP;
          finished <= last_result;
        end
",
            self.word(&self.identity[0]),
            self.word(&self.identity[1]),
            self.word(&self.identity[2]),
            self.slot_bits
        )
    }

    /// Declarations of the result registers and the output stream.
    pub fn output(&self) -> String {
        let (top, bits) = (self.width - 1, self.slot_bits);
        format!(
            "  reg [{top}:0] result_x, result_y, result_z;
  wire last_result = walk == {bits}'d{};
  assign m_axis_tvalid = state == SEND_X || state == SEND_Y || state == SEND_Z;
  assign m_axis_tdata = state == SEND_X ? result_x : state == SEND_Y ? result_y : result_z;
  assign m_axis_tlast = state == SEND_Z && last_result;
  assign core_clear_valid = state == CLEAR;
  assign core_clear_slot = walk;
",
            self.first + self.results - 1
        )
    }

    /// The state that empties all slots before a run.
    pub fn clear_state(&self) -> String {
        let (bits, last) = (self.slot_bits, self.slots - 1);
        format!(
            "        CLEAR: begin
          walk <= walk + {bits}'d1;
          if (walk == {bits}'d{last}) begin
            walk <= {bits}'d0;
            state <= RUN;
          end
        end
"
        )
    }

    /// A literal as wide as a coordinate.
    pub fn word(&self, value: &BigUint) -> String {
        format!("{}'h{value:x}", self.width)
    }
}

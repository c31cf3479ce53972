//! Proofs by yosys: modular addition and subtraction at 381 bits, and the accumulator's bookkeeping, bounded.

use arblast_hdl::engine::accumulator::Accumulator;
use arblast_hdl::field::modulus;
use arblast_hdl::units::mod_add::{ModAdd, ModOp};
use arblast_hdl::{Design, design};
use std::process::Command;

/// Runs the script on the design and the bench; `None` where yosys is absent, else whether the proof went through.
fn proves(test: &str, design: &Design, bench: &str, sat: &str) -> Option<bool> {
    if Command::new("yosys").arg("-V").output().is_err() {
        println!("SKIPPED {test}: yosys is not installed; install it with: apt-get install yosys");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("arblast-formal-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("design.v"), &design.verilog).unwrap();
    std::fs::write(folder.join("bench.sv"), bench).unwrap();
    let script = format!("read_verilog -sv design.v bench.sv; prep -top bench -flatten; memory_map; opt -full; {sat}");
    let run = Command::new("yosys").current_dir(&folder).args(["-q", "-p", &script]).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let said = String::from_utf8_lossy(&run.stderr).to_string() + &String::from_utf8_lossy(&run.stdout);
    let refuted = said.contains("proof did fail");
    assert!(run.status.success() || refuted, "yosys did not get to the proof: {said}");
    Some(run.status.success())
}

/// The specification of a modular unit, in plain words of 385 bits, four clocks later.
fn modular_bench(unit: &str, specification: &str) -> String {
    format!(
        "module bench(input clock, input [383:0] a, input [383:0] b, output ok);
  localparam [383:0] p = 384'h{:x};
  wire [383:0] r;
  {unit} dut (.clock(clock), .a(a), .b(b), .r(r));
  wire [383:0] e;
  {specification}
  reg [383:0] e1, e2, e3, e4;
  reg v1, v2, v3, v4;
  always @(posedge clock) begin
    e1 <= e; e2 <= e1; e3 <= e2; e4 <= e3;
    v1 <= a < p && b < p; v2 <= v1; v3 <= v2; v4 <= v3;
  end
  assign ok = !v4 || r == e4;
endmodule",
        modulus()
    )
}

/// A pipeline without feedback: after five clocks its output depends on its inputs only, whatever its first state.
const PIPELINE: &str = "sat -seq 5 -prove-skip 4 -prove ok 1 -verify bench";

const ADD: &str = "wire [383:0] s = a + b; wire [384:0] d = {1'b0, s} - {1'b0, p}; assign e = d[384] ? s : d[383:0];";
const SUB: &str = "wire [384:0] d = {1'b0, a} - {1'b0, b}; assign e = d[384] ? d[383:0] + p : d[383:0];";

#[test]
fn modular_addition_is_its_specification() {
    let built = design("mod_add", || ModAdd::<384>::new(ModOp::Add, &modulus()));
    let proved = proves("mod-add", &built, &modular_bench("mod_add", ADD), PIPELINE);
    assert_ne!(proved, Some(false));
}

#[test]
fn modular_subtraction_is_its_specification() {
    let built = design("mod_sub", || ModAdd::<384>::new(ModOp::Sub, &modulus()));
    let proved = proves("mod-sub", &built, &modular_bench("mod_sub", SUB), PIPELINE);
    assert_ne!(proved, Some(false));
    // A specification that is wrong for one value of a must be refuted.
    let wrong = modular_bench("mod_sub", &SUB.replace("+ p", "+ p + (a == 384'd5)"));
    assert_ne!(proves("mod-sub-wrong", &built, &wrong, PIPELINE), Some(true));
}

/// Any traffic on four slots of one bit, around an exclusive-or of latency 2. Whenever nothing is in flight:
/// - what a pop reads is the sum of what went into the slot since it was last emptied, and it is full if anything did;
/// - every addition has joined two values into one: values put in − additions − values popped = slots that are full, so
///   no value was lost, and none was added twice (where the sums alone would not show a value that is added three times).
///
/// The queue never holds more than its 16 pairs, and never less than none.
const TRAFFIC: &str = "
module bench(input clock, input in_valid, input [1:0] in_slot, input in_x, input pop_wish, input [1:0] pop_slot,
  output ok, output counted);
  wire in_ready, pop_ready, out_valid, out_full, out_x, out_y, out_z, add_valid, busy;
  wire x1, y1, z1, x2, y2, z2;
  wire [7:0] queued;
  wire pop_valid = pop_wish && !busy;
  reg s1, s2;
  always @(posedge clock) begin
    s1 <= x1 ^ x2;
    s2 <= s1;
  end
  accumulator dut (.clock(clock), .reset(1'b0), .in_valid(in_valid), .in_ready(in_ready), .in_slot(in_slot),
    .in_x(in_x), .in_y(1'b0), .in_z(1'b0), .pop_valid(pop_valid), .pop_ready(pop_ready), .pop_slot(pop_slot),
    .out_valid(out_valid), .out_full(out_full), .out_x(out_x), .out_y(out_y), .out_z(out_z), .clear_valid(1'b0),
    .clear_slot(2'd0), .add_valid(add_valid), .add_x1(x1), .add_y1(y1), .add_z1(z1), .add_x2(x2), .add_y2(y2),
    .add_z2(z2), .sum_x(s2), .sum_y(1'b0), .sum_z(1'b0), .busy(busy), .queued(queued));
  reg [3:0] sum, has;
  reg [3:0] values; // put in, less the additions, less those popped
  reg asked, want, want_full;
  wire put = in_valid && in_ready;
  wire pop = pop_valid && pop_ready;
  wire popped = pop && has[pop_slot];
  always @(posedge clock) begin
    if (put) begin
      sum[in_slot] <= sum[in_slot] ^ in_x;
      has[in_slot] <= 1'b1;
    end
    if (pop) begin
      sum[pop_slot] <= 1'b0;
      has[pop_slot] <= 1'b0;
    end
    values <= values + {3'd0, put} - {3'd0, add_valid} - {3'd0, popped};
    asked <= pop;
    want <= sum[pop_slot];
    want_full <= has[pop_slot];
  end
  wire [3:0] full = {3'd0, has[0]} + {3'd0, has[1]} + {3'd0, has[2]} + {3'd0, has[3]};
  assign counted = busy || values == full;
  assign ok = queued <= 8'd16 && asked == out_valid
    && (!asked || (out_full == want_full && (!want_full || out_x == want)));
endmodule";

#[test]
fn accumulator_keeps_every_sum_bounded() {
    // From the state after a reset and a clear, all of whose registers are 0, for every input over so many clocks.
    let bounded = "sat -set-init-zero -seq 13 -prove ok 1 -verify bench";
    let counted = "sat -set-init-zero -seq 10 -prove counted 1 -verify bench";
    let built = design("accumulator", || Accumulator::<1, 2>::new(4, 2));
    assert_ne!(proves("accumulator", &built, TRAFFIC, bounded), Some(false));
    assert_ne!(proves("accumulator-counted", &built, TRAFFIC, counted), Some(false));
    // The same with the meeting of a result and an input left out of the flags, and with a popped slot that stays full:
    // the proofs must notice.
    let refuted = |test: &str, line: &str, instead: &str, question: &str| {
        assert!(built.verilog.contains(line), "{line}");
        let broken = Design { verilog: built.verilog.replace(line, instead), ..built.clone() };
        assert_ne!(proves(test, &broken, TRAFFIC, question), Some(true), "{test}");
    };
    let toggle = "assign flags_a_toggle = tags_out_valid && !meet;";
    refuted("accumulator-broken", toggle, "assign flags_a_toggle = tags_out_valid;", bounded);
    let toggle = "assign flags_b_toggle = in_fire || (pop_fire && flags_b_full);";
    refuted("accumulator-miscounted", toggle, "assign flags_b_toggle = in_fire;", counted);
}

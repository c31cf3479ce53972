// Self-checking testbench of {TOP}: {PAIRS} pairs of points, offered at random times. Prints PASS or FAIL.
// The formulas are polynomials, so the coordinates are any elements below p, corners among them.
`timescale 1ns / 1ps
module {TOP}_tb;
  localparam PAIRS = {PAIRS};

  reg clock = 0, reset = 1;
  always #1 clock = !clock;

  // Operands in the order of their numbers (x1 x2 y1 y2 z1 z2 of each pair), and sums (x3 y3 z3).
  reg [383:0] operand_c0 [0:6 * PAIRS - 1];
  reg [383:0] operand_c1 [0:6 * PAIRS - 1];
  reg [383:0] sum_c0 [0:3 * PAIRS - 1];
  reg [383:0] sum_c1 [0:3 * PAIRS - 1];
  integer taken = 0, received = 0, errors = 0, clocks = 0;
  // The operand that was asked for one clock ago, and the one before.
  integer asked = 0, answered = 0;
  reg in_valid = 0, took = 0;
  wire in_ready, out_valid;
  wire [2:0] want;
  wire [1:0] out_index;
  wire [{TAG}:0] out_tag;
  wire [383:0] out_c0, out_c1;

  {TOP} dut (
    .clock(clock), .reset(reset), .in_valid(in_valid), .in_tag(taken), .in_ready(in_ready), .want(want),
    .in_c0(operand_c0[answered]), .in_c1(operand_c1[answered]),
    .out_valid(out_valid), .out_index(out_index), .out_tag(out_tag), .out_c0(out_c0), .out_c1(out_c1), .window()
  );

  // A pair that is offered stays until it is taken; its operands come two clocks after they were asked for.
  reg [15:0] lfsr = 16'hace1;
  always @(posedge clock) begin
    took <= in_valid && in_ready;
    if (in_valid && in_ready) taken <= taken + 1;
    asked <= want > 5 ? 0 : 6 * (taken < PAIRS ? taken : PAIRS - 1) + want;
    answered <= asked;
  end
  always @(negedge clock) begin
    lfsr = {lfsr[14:0], lfsr[15] ^ lfsr[13] ^ lfsr[12] ^ lfsr[10]};
    if (took) in_valid = 0;
    if (!in_valid) in_valid = !reset && taken < PAIRS && lfsr[4:0] == 5'd0;
  end

  always @(posedge clock) begin
    if (out_valid && !reset) begin
      if (out_index !== received % 3 || out_tag !== received / 3 || out_c0 !== sum_c0[received]
          || out_c1 !== sum_c1[received]) begin
        $display("FAIL: coordinate %0d of sum %0d: got number %0d of tag %0d, %h + %h u, expected %h + %h u",
          received % 3, received / 3, out_index, out_tag, out_c0, out_c1, sum_c0[received], sum_c1[received]);
        errors = errors + 1;
      end
      received = received + 1;
    end
    clocks = clocks + 1;
    if (clocks == 100000) begin
      $display("FAIL: no answer after %0d clocks: %0d pairs taken, %0d coordinates received", clocks, taken, received);
      $finish;
    end
  end

  initial begin
{VECTORS}    repeat ({RESET}) @(negedge clock);
    reset = 0;
    while (received < 3 * PAIRS) @(posedge clock);
    if (errors == 0) $display("PASS: %0d sums, %0d clocks", PAIRS, clocks);
    else $display("FAIL: %0d errors", errors);
    $finish;
  end
endmodule

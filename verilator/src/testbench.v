// Self-checking testbench of {TOP}: {BEATS} beats in, {SUMS} sums out, both streams held back at random.
// Prints PASS or FAIL. The expected sums were computed on the CPU.
`timescale 1ns / 1ps
module {TOP}_tb;
  localparam SUMS = {SUMS};
  // Beats of a coordinate: 1 in Fp, 2 in Fp2 = Fp(u), u^2 = -1 (c0 before c1).
  localparam EXTENSION = {EXTENSION};
  localparam [383:0] P = 384'h{MODULUS};

  reg clock = 0, reset = 1;
  always #1 clock = !clock;

  // AXI-Lite: inputs change on the falling edge, so that every simulator agrees on what a rising edge sees.
  reg [11:0] awaddr = 0, araddr = 0;
  reg [31:0] wdata = 0, register = 0;
  reg awvalid = 0, arvalid = 0;
  wire awready, arready, rvalid;
  wire [31:0] rdata;

  // Streams.
  reg [383:0] sends [0:{BEATS} - 1];
  reg [767:0] want_x [0:SUMS - 1];
  reg [767:0] want_y [0:SUMS - 1];
  integer sent = 0, send_end = 0, received = 0, errors = 0, clocks = 0;
  reg in_valid = 0, out_ready = 0, took = 0;
  wire in_ready, out_valid, out_last;
  wire [383:0] out_data;

  {TOP} dut (
    .clock(clock), .reset(reset),
    .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata),
    .s_axil_wvalid(awvalid), .s_axil_bready(1'b1), .s_axil_araddr(araddr), .s_axil_arvalid(arvalid),
    .s_axil_arready(arready), .s_axil_rdata(rdata), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1),
    .s_axis_tdata(sends[sent < {BEATS} ? sent : 0]), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready),
    .s_axis_tlast(sent == send_end - 1),
    .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tready(out_ready), .m_axis_tlast(out_last)
  );

  task write_register(input [11:0] address, input [31:0] value);
    begin
      @(negedge clock);
      awaddr = address;
      wdata = value;
      awvalid = 1;
      @(posedge clock);
      while (!awready) @(posedge clock);
      @(negedge clock);
      awvalid = 0;
    end
  endtask

  task read_register(input [11:0] address);
    begin
      @(negedge clock);
      araddr = address;
      arvalid = 1;
      @(posedge clock);
      while (!arready) @(posedge clock);
      @(negedge clock);
      arvalid = 0;
      @(posedge clock);
      while (!rvalid) @(posedge clock);
      register = rdata;
    end
  endtask

  // Sender and backpressure: a beat that is offered stays until it is taken.
  reg [15:0] lfsr = 16'hace1;
  always @(posedge clock) took <= in_valid && in_ready;
  always @(negedge clock) begin
    lfsr = {lfsr[14:0], lfsr[15] ^ lfsr[13] ^ lfsr[12] ^ lfsr[10]};
    if (took) begin
      sent = sent + 1;
      in_valid = 0;
    end
    if (!in_valid) in_valid = sent < send_end && lfsr[1:0] != 2'd0;
    out_ready = lfsr[3:2] != 2'd0;
  end

  // a*b mod P, from the top bit of a down.
  function [383:0] times(input [383:0] a, input [383:0] b);
    reg [384:0] sum;
    integer i;
    begin
      sum = 0;
      for (i = 383; i >= 0; i = i - 1) begin
        sum = sum << 1;
        if (sum >= P) sum = sum - P;
        if (a[i]) sum = sum + b;
        if (sum >= P) sum = sum - P;
      end
      times = sum[383:0];
    end
  endfunction

  // a*b in Fp2, c1 above c0.
  function [767:0] product(input [767:0] a, input [767:0] b);
    reg [384:0] low, high, difference, sum;
    begin
      low = times(a[383:0], b[383:0]);
      high = times(a[767:384], b[767:384]);
      difference = low >= high ? low - high : low + P - high;
      low = times(a[383:0], b[767:384]);
      high = times(a[767:384], b[383:0]);
      sum = low + high;
      if (sum >= P) sum = sum - P;
      product = {sum[383:0], difference[383:0]};
    end
  endfunction

  // Receiver: X, Y, Z of each sum, in Montgomery form; x = X/Z and y = Y/Z, the identity has Z = 0.
  reg [767:0] got [0:2];
  integer coordinate;
  always @(posedge clock) begin
    if (out_valid && out_ready && !reset) begin
      if (out_last !== (received == 3 * EXTENSION * SUMS - 1)) begin
        $display("FAIL: tlast is %b on beat %0d", out_last, received);
        errors = errors + 1;
      end
      if (!(out_data < P)) begin
        $display("FAIL: beat %0d is not below p: %h", received, out_data);
        errors = errors + 1;
      end
      coordinate = received / EXTENSION % 3;
      if (received % EXTENSION == 0) got[coordinate] = {384'h0, out_data};
      else got[coordinate] = {out_data, got[coordinate][383:0]};
      if (received % (3 * EXTENSION) == 3 * EXTENSION - 1) begin
        coordinate = received / (3 * EXTENSION);
        if (want_x[coordinate] === ~768'h0 ? got[2] !== 768'h0
            : got[2] === 768'h0 || got[0] !== product(want_x[coordinate], got[2])
              || got[1] !== product(want_y[coordinate], got[2])) begin
          $display("FAIL: sum %0d: got (%h : %h : %h)", coordinate, got[0], got[1], got[2]);
          errors = errors + 1;
        end
      end
      received = received + 1;
    end
    clocks = clocks + 1;
    if (clocks == 10000000) begin
      $display("FAIL: no answer after %0d clocks: %0d beats sent, %0d received", clocks, sent, received);
      $finish;
    end
  end

  initial begin
{VECTORS}    repeat (4) @(negedge clock);
    reset = 0;
{STEPS}    if (errors == 0) $display("PASS: %0d sums, %0d clocks", SUMS, clocks);
    else $display("FAIL: %0d errors", errors);
    $finish;
  end
endmodule

//! A self-checking testbench of the MSM engine in plain Verilog, for any simulator.
//!
//! The vectors are random points and scalars. The engine's answer is taken from a Verilator run whose result equals the
//! CPU's, and the testbench expects the same beats: the engine is deterministic, clock by clock.

use crate::axi::{Beat, Engine};
use crate::compile::Options;
use crate::error::Error;
use crate::g1;
use crate::trial::{random_points, random_scalars};
use arblast_hdl::engine::registers;
use arblast_hdl::{Design, designs};
use ark_bls12_381::{G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::fmt::Write as _;

/// The MSM engine of this shape (window bits, windows in a pass) and a testbench with one pass over `points` points,
/// whose scalars fit the pass.
///
/// # Errors
/// What building and running the engine run into; [`Error::Design`] where its answer is not the CPU's.
pub fn msm(points: usize, shape: (usize, usize), seed: u64) -> Result<(Design, String), Error> {
    let design = designs::msm_g1("msm_g1", shape);
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (bases, scalars) = (random_points(points, &mut rng), random_scalars(points, &mut rng));
    let digits: Vec<Vec<i32>> = scalars.iter().map(|s| g1::signed_digits(s, shape.0)[..shape.1].to_vec()).collect();
    let packet: Vec<Beat> = bases
        .iter()
        .zip(&digits)
        .flat_map(|(p, digits)| [g1::coordinate(&p.x), g1::coordinate(&p.y), g1::digit_beat(digits)])
        .collect();
    let mut engine = Engine::new(&design, &Options::fast(), Default::default(), None)?;
    engine.write(registers::CONTROL, 1)?;
    let answer = engine.exchange(&packet, 3 * shape.0 * shape.1, 1_000_000, &mut || true)?;
    let values: Vec<_> = digits.iter().map(|digits| g1::value(digits, shape.0)).collect();
    let wanted = G1Projective::msm(&bases, &values).map(CurveGroup::into_affine).unwrap_or_default();
    let got: G1Affine = g1::join(&g1::points(&answer)?);
    if got != wanted {
        return Err(Error::Design("the engine's answer is not the CPU's".into()));
    }
    Ok((design, text(&packet, &answer)))
}

/// The beats as assignments to a memory.
fn memory(name: &str, beats: &[Beat]) -> String {
    beats.iter().enumerate().fold(String::new(), |mut text, (i, beat)| {
        let word: String = beat[..12].iter().rev().map(|word| format!("{word:08x}")).collect();
        let _ = writeln!(text, "    {name}[{i}] = 384'h{word};");
        text
    })
}

fn text(packet: &[Beat], answer: &[Beat]) -> String {
    let (sends, wants) = (packet.len(), answer.len());
    format!(
        "// Self-checking testbench of msm_g1: {sends} beats in, {wants} beats out. Prints PASS or FAIL.
`timescale 1ns / 1ps
module msm_g1_tb;
  reg clock = 0, reset = 1, awvalid = 0, in_valid = 0;
  reg [383:0] sends [0:{}];
  reg [383:0] wants [0:{}];
  integer sent = 0, received = 0, errors = 0, clocks = 0;
  wire in_ready, out_valid, out_last;
  wire [383:0] out_data;
  msm_g1 dut (
    .clock(clock), .reset(reset), .s_axil_awaddr(12'h{:03x}), .s_axil_awvalid(awvalid), .s_axil_wdata(32'd1),
    .s_axil_wvalid(awvalid), .s_axil_bready(1'b1), .s_axil_araddr(12'd0), .s_axil_arvalid(1'b0), .s_axil_rready(1'b1),
    .s_axis_tdata(sends[sent < {sends} ? sent : 0]), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready),
    .s_axis_tlast(sent == {}), .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tready(1'b1),
    .m_axis_tlast(out_last)
  );
  always #1 clock = !clock;
  // Inputs change on the falling edge, so that every simulator agrees on what a rising edge sees.
  reg took = 0;
  always @(posedge clock) begin
    took <= in_valid && in_ready;
    clocks <= clocks + 1;
    if (out_valid && !reset) begin
      if (out_data !== wants[received] || out_last !== (received == {})) begin
        $display(\"FAIL: beat %0d: got %h, expected %h\", received, out_data, wants[received]);
        errors = errors + 1;
      end
      received = received + 1;
      if (received == {wants}) begin
        if (errors == 0) $display(\"PASS: {wants} beats, %0d clocks\", clocks);
        else $display(\"FAIL: %0d errors\", errors);
        $finish;
      end
    end
    if (clocks == 1000000) begin
      $display(\"FAIL: no answer\");
      $finish;
    end
  end
  always @(negedge clock) begin
    reset <= clocks < 4;
    awvalid <= clocks == 6;
    if (took) sent = sent + 1;
    in_valid <= clocks > 8 && sent < {sends};
  end
  initial begin
{}{}  end
endmodule
",
        sends - 1,
        wants - 1,
        registers::CONTROL,
        sends - 1,
        wants - 1,
        memory("sends", packet),
        memory("wants", answer)
    )
}

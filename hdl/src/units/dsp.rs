//! The DSP48E2 slice as a multiply-add with cascade, and the 52×52-bit signed multiplier made of six.

use crate::block::{CHILDREN_MARK, Config, Line, module, verilog_logic};
use crate::units::product::{Multiplier, signed, wrapped};
use num_bigint::BigInt;
use rust_hdl::prelude::*;

/// p = a·b + (pcin >> 17), signed, in one DSP slice: the cascade input is 0 for the first slice of a column.
///
/// a: 27 bits, b: 18 bits, both two's complement; p: 48 bits. Registers A1/B1, M and P: latency 3 from a and b, 1 from
/// pcin. With `ARBLAST_DSP48E2` the slice is instantiated (UG579); without it the body describes the same.
#[derive(LogicBlock)]
pub struct DspMac {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Multiplicand, 27 bits signed.
    pub a: Signal<In, Bits<27>>,
    /// Multiplier, 18 bits signed.
    pub b: Signal<In, Bits<18>>,
    /// The slice below, where there is one.
    pub pcin: Signal<In, Bits<48>>,
    /// Sum.
    pub p: Signal<Out, Bits<48>>,
    /// The same on the dedicated cascade wires.
    pub pcout: Signal<Out, Bits<48>>,
    cascade: Config<bool>,
    _operands: [BigInt; 2],
    _product: BigInt,
}

impl DspMac {
    /// Clocks from a and b to p.
    pub const LATENCY: usize = 3;

    /// A slice that adds the one below it (`cascade`), or none.
    pub fn new(cascade: bool) -> Self {
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            pcin: Default::default(),
            p: Default::default(),
            pcout: Default::default(),
            cascade: Config(cascade),
            _operands: Default::default(),
            _product: BigInt::ZERO,
        }
    }
}

verilog_logic!([] DspMac, drives: [p, pcout],
    update: |unit| {
        if unit.clock.pos_edge() {
            let below = if unit.cascade.0 { signed(unit.pcin.val()) >> 17 } else { BigInt::ZERO };
            unit.p.next = wrapped(&(&unit._product + below));
            unit.pcout.next = unit.p.next;
            unit._product = &unit._operands[0] * &unit._operands[1];
            unit._operands = [signed(unit.a.val()), signed(unit.b.val())];
        }
    },
    |unit| {
    // OPMODE: W = 0, Z = PCIN >> 17 (101) or 0 (000), Y and X = M (01, 01).
    let (name, opmode, addend) = if unit.cascade.0 {
        ("dsp_mac_cascade", "9'b001010101", " + (pcin_s >>> 17)")
    } else {
        ("dsp_mac", "9'b000000101", "")
    };
    let body = format!(
        "`ifdef ARBLAST_DSP48E2
  DSP48E2 #(
    .AREG(1), .ACASCREG(1), .BREG(1), .BCASCREG(1), .MREG(1), .PREG(1), .CREG(0), .DREG(0), .ADREG(0),
    .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0), .OPMODEREG(0), .USE_MULT(\"MULTIPLY\")
  ) slice (
    .CLK(clock), .A({{{{3{{a[26]}}}}, a}}), .B(b), .C(48'd0), .D(27'd0), .PCIN(pcin), .P(p), .PCOUT(pcout),
    .OPMODE({opmode}), .ALUMODE(4'd0), .INMODE(5'd0), .CARRYIN(1'b0), .CARRYINSEL(3'd0),
    .ACIN(30'd0), .BCIN(18'd0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
    .CEA1(1'b0), .CEA2(1'b1), .CEAD(1'b0), .CEALUMODE(1'b0), .CEB1(1'b0), .CEB2(1'b1), .CEC(1'b0),
    .CECARRYIN(1'b0), .CECTRL(1'b0), .CED(1'b0), .CEINMODE(1'b0), .CEM(1'b1), .CEP(1'b1),
    .RSTA(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0),
    .RSTD(1'b0), .RSTINMODE(1'b0), .RSTM(1'b0), .RSTP(1'b0)
  );
`else
  reg signed [26:0] a1;
  reg signed [17:0] b1;
  reg signed [44:0] m;
  reg signed [47:0] sum;
  wire signed [47:0] pcin_s = pcin;
  always @(posedge clock) begin
    a1 <= a;
    b1 <= b;
    m <= a1 * b1;
    sum <= m{addend};
  end
  assign p = sum;
  assign pcout = sum;
`endif"
    );
    module(name, "p = a*b plus the slice below shifted down by 17 bits (where there is one); latency 3.", &body)
});

/// p = a·b for signed operands of 52 bits: two columns of three slices, added outside. Six DSP48E2, latency 6.
///
/// a = a₁·2^26 + a₀, b = b₂·2^34 + b₁·2^17 + b₀ with unsigned a₀, b₀, b₁; a column computes aᵢ·b.
#[derive(LogicBlock)]
pub struct Tile52 {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// First factor, two's complement.
    pub a: Signal<In, Bits<52>>,
    /// Second factor, two's complement.
    pub b: Signal<In, Bits<52>>,
    /// Product, two's complement.
    pub p: Signal<Out, Bits<104>>,
    lo: [DspMac; 3],
    hi: [DspMac; 3],
    _line: Line<Bits<104>>,
}

impl Default for Tile52 {
    fn default() -> Self {
        let column = || [DspMac::new(false), DspMac::new(true), DspMac::new(true)];
        Self {
            clock: Default::default(),
            a: Default::default(),
            b: Default::default(),
            p: Default::default(),
            lo: column(),
            hi: column(),
            _line: Line::new(Self::latency()),
        }
    }
}

impl Multiplier for Tile52 {
    const WIDTH: usize = 52;
    fn latency() -> usize {
        DspMac::LATENCY + 3 // two slices up the column, then the sum of the columns
    }
}

verilog_logic!([] Tile52, drives: [p],
    update: |unit| {
        if unit.clock.pos_edge() {
            unit.p.next = unit._line.step(wrapped(&(signed(unit.a.val()) * signed(unit.b.val()))));
        }
    },
    |_unit| {
    let mut body = String::from(CHILDREN_MARK);
    body += "
  reg [51:0] a_1, a_2;
  reg [17:0] b1_1, b2_1, b2_2;
  always @(posedge clock) begin
    a_1 <= a;
    a_2 <= a_1;
    b1_1 <= {1'b0, b[33:17]};
    b2_1 <= b[51:34];
    b2_2 <= b2_1;
  end
";
    for (column, operand) in [("lo", "{1'b0, X[25:0]}"), ("hi", "{X[51], X[51:26]}")] {
        for (slice, (a, b)) in [("a", "{1'b0, b[16:0]}"), ("a_1", "b1_1"), ("a_2", "b2_2")].into_iter().enumerate() {
            let below = if slice == 0 { "48'd0".into() } else { format!("{column}_{}_pcout", slice - 1) };
            body += &format!(
                "  assign {column}_{slice}_a = {};\n  assign {column}_{slice}_b = {b};\n  assign {column}_{slice}_pcin = {below};\n",
                operand.replace('X', a)
            );
        }
        body += &format!(
            "  reg [16:0] {column}_low_1, {column}_low_2, {column}_mid_1;
  always @(posedge clock) begin
    {column}_low_1 <= {column}_0_p[16:0];
    {column}_low_2 <= {column}_low_1;
    {column}_mid_1 <= {column}_1_p[16:0];
  end
  wire signed [81:0] {column} = {{{column}_2_p, {column}_mid_1, {column}_low_2}};
"
        );
    }
    body += "  // p = hi * 2^26 + lo: the low 26 bits pass by the adder.
  wire signed [55:0] lo_top = lo[81:26];
  reg signed [77:0] top;
  reg [25:0] low;
  always @(posedge clock) begin
    top <= hi + lo_top;
    low <= lo[25:0];
  end
  assign p = {top, low};";
    module("tile_52", "p = a*b, 52 x 52 bits signed, six DSP slices in two columns, latency 6.", &body)
});

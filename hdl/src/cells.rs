//! A model of the DSP48E2 for simulation, for the parts of it that the designs use.

/// Verilog of a module `DSP48E2` with its vendor's ports (UG579): the 27×18 multiplier, A2/B2, M and P registers, and
/// Z = 0 or PCIN >> 17. Any other use ends the simulation with a message.
///
/// It lets the instantiated slices be simulated without the vendor's library; that library stays the reference.
pub const DSP48E2: &str = "module DSP48E2 #(
  parameter AREG = 1, ACASCREG = 1, BREG = 1, BCASCREG = 1, MREG = 1, PREG = 1, CREG = 1, DREG = 1, ADREG = 1,
  parameter ALUMODEREG = 1, CARRYINREG = 1, CARRYINSELREG = 1, INMODEREG = 1, OPMODEREG = 1,
  parameter USE_MULT = \"MULTIPLY\"
) (
  input wire CLK, input wire [29:0] A, input wire [17:0] B, input wire [47:0] C, input wire [26:0] D,
  input wire [47:0] PCIN, output wire [47:0] P, output wire [47:0] PCOUT,
  input wire [8:0] OPMODE, input wire [3:0] ALUMODE, input wire [4:0] INMODE, input wire CARRYIN,
  input wire [2:0] CARRYINSEL, input wire [29:0] ACIN, input wire [17:0] BCIN, input wire CARRYCASCIN,
  input wire MULTSIGNIN, input wire CEA1, input wire CEA2, input wire CEAD, input wire CEALUMODE, input wire CEB1,
  input wire CEB2, input wire CEC, input wire CECARRYIN, input wire CECTRL, input wire CED, input wire CEINMODE,
  input wire CEM, input wire CEP, input wire RSTA, input wire RSTALLCARRYIN, input wire RSTALUMODE, input wire RSTB,
  input wire RSTC, input wire RSTCTRL, input wire RSTD, input wire RSTINMODE, input wire RSTM, input wire RSTP
);
  initial begin
    if (AREG != 1 || BREG != 1 || MREG != 1 || PREG != 1) begin
      $display(\"DSP48E2: this model has one register on A, B, M and P each\");
      $finish;
    end
  end
  reg signed [26:0] a2;
  reg signed [17:0] b2;
  reg signed [44:0] m;
  reg signed [47:0] p;
  wire signed [47:0] below = PCIN;
  wire signed [47:0] z = OPMODE[6:4] == 3'b101 ? below >>> 17 : 48'sd0;
  always @(posedge CLK) begin
    if (CEA2) a2 <= A[26:0];
    if (CEB2) b2 <= B;
    if (CEM) m <= a2 * b2;
    if (CEP) p <= z + m;
    if (OPMODE[3:0] != 4'b0101 || OPMODE[8:7] != 2'b00 || ALUMODE != 4'd0 || INMODE != 5'd0) begin
      $display(\"DSP48E2: this model adds M to 0 or to PCIN >> 17 only\");
      $finish;
    end
  end
  assign P = p;
  assign PCOUT = p;
endmodule
";

//! The AXI-Lite register map: one table, from which the Verilog, the Rust constants' checks and the Markdown are made.

use crate::block::{Config, module, verilog_logic};
use rust_hdl::prelude::*;

/// What a register may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads a constant of the design.
    Constant,
    /// Reads what the engine counts or reports.
    Status,
    /// Written by the host; reads as 0.
    Command,
}

/// A 32-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its name, as in the Verilog.
    pub name: &'static str,
    /// Byte offset.
    pub offset: u32,
    /// What it is for.
    pub access: Access,
    /// What it holds.
    pub description: &'static str,
}

macro_rules! register_map {
    ($($name:ident $offset:literal $access:ident $description:literal;)*) => {
        $(#[doc = $description] pub const $name: u32 = $offset;)*

        /// All registers, by offset.
        pub const REGISTERS: &[Register] = &[
            $(Register { name: stringify!($name), offset: $offset, access: Access::$access, description: $description }),*
        ];
    };
}

register_map! {
    ID 0x00 Constant "0x4152424C (\"ARBL\").";
    VERSION 0x04 Constant "Version of this map: 1.";
    KIND 0x08 Constant "The engine: 1 MSM in G1, 2 aggregation in G1, 3 aggregation in G2.";
    WINDOW_BITS 0x0C Constant "MSM: bits of a window. Aggregation: log2 of the points that fit the memory.";
    WINDOWS 0x10 Constant "MSM: windows in a pass. Aggregation: number of sums.";
    ADDER_LATENCY 0x14 Constant "Clocks of an addition.";
    SLOTS 0x18 Constant "Partial sums that the accumulator holds.";
    CONTROL 0x1C Command "Bit 0 starts a run; bit 1 resets the engine; bit 2 (aggregation) starts the loading of points.";
    STATUS 0x20 Status "Bit 0: busy. Bit 1: finished since the last start. Bit 8: a packet ended inside an item. Bit 9: a digit, point index or sum index out of range.";
    CYCLES 0x24 Status "Clocks from the start to the last result.";
    STALLS 0x28 Status "Clocks in which a value waited for the accumulator.";
    ADDITIONS 0x2C Status "Additions issued.";
    ITEMS 0x30 Status "Values accepted: digits other than 0, or points selected.";
    QUEUE_PEAK 0x34 Status "Most pairs that waited for the adder at one time.";
    ACCUMULATED 0x38 Status "Clocks from the start to the last accumulated input, before the reduction.";
}

/// The map as a Markdown table.
pub fn markdown() -> String {
    let rows: String = REGISTERS
        .iter()
        .map(|r| {
            let access = if r.access == Access::Command { "write" } else { "read" };
            format!("| 0x{:02X} | `{}` | {access} | {} |\n", r.offset, r.name, r.description)
        })
        .collect();
    format!("| offset | register | access | holds |\n|---|---|---|---|\n{rows}")
}

/// AXI4-Lite slave for [`REGISTERS`]: 32-bit data, one transaction at a time, always OKAY.
///
/// `control` has a written CONTROL for one clock, else 0. `status` is the status registers' values, in their order.
#[derive(LogicBlock, Default)]
pub struct RegisterFile {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// AXI-Lite write address.
    pub awaddr: Signal<In, Bits<12>>,
    /// AXI-Lite.
    pub awvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub awready: Signal<Out, Bit>,
    /// AXI-Lite write data.
    pub wdata: Signal<In, Bits<32>>,
    /// AXI-Lite.
    pub wvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub wready: Signal<Out, Bit>,
    /// AXI-Lite.
    pub bvalid: Signal<Out, Bit>,
    /// AXI-Lite.
    pub bready: Signal<In, Bit>,
    /// AXI-Lite read address.
    pub araddr: Signal<In, Bits<12>>,
    /// AXI-Lite.
    pub arvalid: Signal<In, Bit>,
    /// AXI-Lite.
    pub arready: Signal<Out, Bit>,
    /// AXI-Lite read data.
    pub rdata: Signal<Out, Bits<32>>,
    /// AXI-Lite.
    pub rvalid: Signal<Out, Bit>,
    /// AXI-Lite.
    pub rready: Signal<In, Bit>,
    /// A written CONTROL, for one clock.
    pub control: Signal<Out, Bits<32>>,
    /// The status registers' values, lowest offset first.
    pub status: Signal<In, Bits<STATUS_BITS>>,
    constants: Config<Vec<u32>>,
}

/// Width of all status registers together.
pub const STATUS_BITS: usize = 32 * 7;

impl RegisterFile {
    /// The registers with these constants, in the order of the map.
    pub fn new(constants: &[u32]) -> Self {
        let count = |access| REGISTERS.iter().filter(|r| r.access == access).count();
        assert!(constants.len() == count(Access::Constant) && STATUS_BITS == 32 * count(Access::Status));
        Self { constants: Config(constants.to_vec()), ..Self::default() }
    }
}

verilog_logic!([] RegisterFile, drives: [awready, wready, bvalid, arready, rdata, rvalid, control], |unit| {
    let (mut constants, mut status) = (unit.constants.0.iter(), 0..);
    let mut cases = String::new();
    for register in REGISTERS {
        let value = match register.access {
            Access::Constant => format!("32'h{:08x}", constants.next().copied().unwrap_or_default()),
            Access::Status => status.next().map_or(String::new(), |i: usize| format!("status[{}:{}]", 32 * i + 31, 32 * i)),
            Access::Command => continue,
        };
        cases += &format!("        12'h{:03x}: read <= {value}; // {}\n", register.offset, register.name);
    }
    let body = format!(
        "  // A write is taken when address and data are both there and the answer before is gone.
  reg answer;
  wire write = awvalid && wvalid && (!answer || bready);
  assign awready = write;
  assign wready = write;
  assign bvalid = answer;
  reg [31:0] command;
  assign control = command;
  always @(posedge clock) begin
    answer <= !reset && (write || (answer && !bready));
    command <= !reset && write && awaddr == 12'h{CONTROL:03x} ? wdata : 32'd0;
  end
  reg [31:0] read;
  reg read_valid;
  assign arready = !read_valid || rready;
  assign rdata = read;
  assign rvalid = read_valid;
  always @(posedge clock) begin
    if (arready) begin
      case (araddr)
{cases}        default: read <= 32'd0;
      endcase
    end
    read_valid <= !reset && (arready ? arvalid : 1'b1);
  end"
    );
    module("register_file", "AXI4-Lite slave for the engine's registers; all answers are OKAY.", &body)
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_distinct_words_in_order() {
        assert!(REGISTERS.windows(2).all(|pair| pair[1].offset == pair[0].offset + 4));
        assert_eq!(markdown().lines().count(), REGISTERS.len() + 2);
        assert!(markdown().contains("| 0x1C | `CONTROL` | write |"));
    }
}

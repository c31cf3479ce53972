//! The AXI-Lite register map: one table, from which the Verilog, the Rust constants' checks and the Markdown are made.

use super::ports::AxiLite;
use crate::block::{Parameter, Title, comment};
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

/// AXI4-Lite slave for [`REGISTERS`]: one transaction at a time, always OKAY.
///
/// A write is taken when address and data are both there and the answer before is gone. `control` has a written CONTROL
/// for one clock, else 0. `status` is the status registers' values, lowest offset first.
#[derive(LogicBlock, Default)]
pub struct RegisterFile {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// The host.
    pub bus: AxiLite,
    /// A written CONTROL, for one clock.
    pub control: Signal<Out, Bits<32>>,
    /// The status registers' values, lowest offset first.
    pub status: Signal<In, Bits<STATUS_BITS>>,
    constants: [Parameter<Bits<32>>; 7],
    control_at: Parameter<Bits<12>>,
    words: [Signal<Local, Bits<32>>; 15],
    write: Signal<Local, Bit>,
    answer: DFF<Bit>,
    command: DFF<Bits<32>>,
    read: DFF<Bits<32>>,
    read_valid: DFF<Bit>,
    title: Title,
}

/// Width of all status registers together.
pub const STATUS_BITS: usize = 32 * 7;

impl RegisterFile {
    /// The registers with these constants, in the order of the map.
    ///
    /// # Panics
    /// Where there are more or fewer constants than the map has.
    pub fn new(constants: &[u32]) -> Self {
        assert!(constants.len() == 7, "the map has 7 constants, got {}", constants.len());
        Self {
            constants: std::array::from_fn(|i| Parameter::new(constants[i].to_bits())),
            control_at: Parameter::new(CONTROL.to_bits()),
            title: Title::new(
                "register_file",
                "AXI4-Lite slave for the engine's registers; all answers are OKAY.\n\
                 Words 0 to 6 are constants, 7 is CONTROL, 8 to 14 are status.",
            ),
            ..Self::default()
        }
    }
}

impl Logic for RegisterFile {
    #[hdl_gen]
    fn update(&mut self) {
        dff_setup!(self, clock, answer, command, read, read_valid);
        self.write.next =
            self.bus.awvalid.val() & self.bus.wvalid.val() & (!self.answer.q.val() | self.bus.bready.val());
        self.bus.awready.next = self.write.val();
        self.bus.wready.next = self.write.val();
        self.bus.bvalid.next = self.answer.q.val();
        self.bus.bresp.next = bits::<2>(0);
        self.bus.rresp.next = bits::<2>(0);
        self.bus.arready.next = !self.read_valid.q.val() | self.bus.rready.val();
        self.bus.rdata.next = self.read.q.val();
        self.bus.rvalid.next = self.read_valid.q.val();
        self.control.next = self.command.q.val();
        for i in 0..7 {
            self.words[i].next = self.constants[i].val();
        }
        self.words[7].next = bits::<32>(0);
        for i in 8..15 {
            self.words[i].next = self.status.val().get_bits::<32>((i - 8) * 32);
        }
        comment!("Write.");
        self.answer.d.next = self.write.val() | (self.answer.q.val() & !self.bus.bready.val());
        self.command.d.next = bits::<32>(0);
        if self.write.val() & (self.bus.awaddr.val() == self.control_at.val()) {
            self.command.d.next = self.bus.wdata.val();
        }
        comment!("Read.");
        if self.bus.arready.val() {
            self.read_valid.d.next = self.bus.arvalid.val();
            self.read.d.next = bits::<32>(0);
            for i in 0..15 {
                if self.bus.araddr.val() == (i * 4).to_bits::<12>() {
                    self.read.d.next = self.words[i].val();
                }
            }
        }
        if self.reset.val() {
            self.answer.d.next = false;
            self.command.d.next = bits::<32>(0);
            self.read_valid.d.next = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_distinct_words_in_order() {
        // The register file counts on it: constants, then CONTROL, then status.
        let kinds = REGISTERS.iter().map(|register| register.access);
        let expected =
            [[Access::Constant; 7].as_slice(), &[Access::Command], &[Access::Status; STATUS_BITS / 32]].concat();
        assert!(kinds.eq(expected));
        assert!(REGISTERS.windows(2).all(|pair| pair[1].offset == pair[0].offset + 4));
        assert_eq!(markdown().lines().count(), REGISTERS.len() + 2);
        assert!(markdown().contains("| 0x1C | `CONTROL` | write |"));
    }
}

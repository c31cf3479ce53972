//! The interfaces of the engines: AXI4-Lite and AXI-Stream, from the engine's side.

use rust_hdl::prelude::*;

/// AXI4-Lite of a slave: addresses of 12 bits, data of 32.
#[derive(LogicInterface, Default)]
pub struct AxiLite {
    /// Write address.
    pub awaddr: Signal<In, Bits<12>>,
    /// A write address is there.
    pub awvalid: Signal<In, Bit>,
    /// It is taken.
    pub awready: Signal<Out, Bit>,
    /// Write data.
    pub wdata: Signal<In, Bits<32>>,
    /// Write data are there.
    pub wvalid: Signal<In, Bit>,
    /// They are taken.
    pub wready: Signal<Out, Bit>,
    /// Answer to a write.
    pub bresp: Signal<Out, Bits<2>>,
    /// An answer is there.
    pub bvalid: Signal<Out, Bit>,
    /// It is taken.
    pub bready: Signal<In, Bit>,
    /// Read address.
    pub araddr: Signal<In, Bits<12>>,
    /// A read address is there.
    pub arvalid: Signal<In, Bit>,
    /// It is taken.
    pub arready: Signal<Out, Bit>,
    /// Read data.
    pub rdata: Signal<Out, Bits<32>>,
    /// Answer to a read.
    pub rresp: Signal<Out, Bits<2>>,
    /// Read data are there.
    pub rvalid: Signal<Out, Bit>,
    /// They are taken.
    pub rready: Signal<In, Bit>,
}

/// AXI-Stream into the engine, beats of W bits.
#[derive(LogicInterface, Default)]
pub struct StreamIn<const W: usize> {
    /// A beat.
    pub tdata: Signal<In, Bits<W>>,
    /// It is there.
    pub tvalid: Signal<In, Bit>,
    /// It is taken.
    pub tready: Signal<Out, Bit>,
    /// It is the packet's last.
    pub tlast: Signal<In, Bit>,
}

/// AXI-Stream out of the engine, beats of W bits.
#[derive(LogicInterface, Default)]
pub struct StreamOut<const W: usize> {
    /// A beat.
    pub tdata: Signal<Out, Bits<W>>,
    /// It is there.
    pub tvalid: Signal<Out, Bit>,
    /// It is taken.
    pub tready: Signal<In, Bit>,
    /// It is the packet's last.
    pub tlast: Signal<Out, Bit>,
}

//! Sums by slot around a pipelined adder, one addition a clock, in which no conflict can arise.
//!
//! A slot holds one partial sum or none. A value for a slot (from the input, or a result of the adder) that finds the
//! slot empty is stored there. One that finds it full takes the stored value out, and the two go to the adder; their
//! sum comes back later as a value for the same slot. So a slot may have any number of additions in flight and each
//! partial sum is in exactly one place: in its slot, in the queue, or in the adder. Values of one slot that arrive
//! together pair up into a tree, and n values of one slot take n additions at full rate.
//!
//! ```text
//!            ┌────────────── results ── port A ──┐ slot full: pair, always issued at once
//!   adder ◀──┤ issue ◀── queue ◀─────── port B ──┤ slot full: pair, waits in the queue while port A issues
//!            └                                   └ slot empty: stored
//!   input ──────────────────────────────▶ port B
//! ```
//!
//! Port A (results) never waits. Port B (input) waits while the queue has no room; only port B adds to the queue, so the
//! queue is bounded by construction. A result and an input for the same slot in one clock are paired with each other.

use crate::block::{CHILDREN_MARK, Config, module, verilog_logic};
use crate::units::delay::TagPipe;
use rust_hdl::prelude::*;

/// Pairs that can wait for the adder.
pub const QUEUE: usize = 16;

/// The accumulator: `slots` partial sums of three coordinates, around an adder outside of latency `latency`.
///
/// An input is taken in a clock with `in_valid` and `in_ready`. `pop_valid` empties a slot instead (and blocks the
/// input); one clock after `pop_ready`, `out_valid` comes with the slot's value, and `out_full` if it had one. Pops are
/// for when `busy` is low or for slots without additions in flight. `clear_valid` empties a slot unread; it is for when
/// nothing else happens.
#[derive(LogicBlock, Default)]
pub struct Accumulator<const W: usize, const S: usize> {
    /// Clock.
    pub clock: Signal<In, Clock>,
    /// Synchronous: forgets what is in flight (not the slots).
    pub reset: Signal<In, Bit>,
    /// A value comes in.
    pub in_valid: Signal<In, Bit>,
    /// It is taken.
    pub in_ready: Signal<Out, Bit>,
    /// Its slot.
    pub in_slot: Signal<In, Bits<S>>,
    /// Its coordinates.
    pub in_x: Signal<In, Bits<W>>,
    /// Its coordinates.
    pub in_y: Signal<In, Bits<W>>,
    /// Its coordinates.
    pub in_z: Signal<In, Bits<W>>,
    /// A slot is to be emptied and read.
    pub pop_valid: Signal<In, Bit>,
    /// The request is taken.
    pub pop_ready: Signal<Out, Bit>,
    /// Which slot.
    pub pop_slot: Signal<In, Bits<S>>,
    /// The answer, one clock later.
    pub out_valid: Signal<Out, Bit>,
    /// Whether the slot had a value.
    pub out_full: Signal<Out, Bit>,
    /// The value.
    pub out_x: Signal<Out, Bits<W>>,
    /// The value.
    pub out_y: Signal<Out, Bits<W>>,
    /// The value.
    pub out_z: Signal<Out, Bits<W>>,
    /// A slot is to be emptied unread.
    pub clear_valid: Signal<In, Bit>,
    /// Which slot.
    pub clear_slot: Signal<In, Bits<S>>,
    /// An addition starts.
    pub add_valid: Signal<Out, Bit>,
    /// Its operands.
    pub add_x1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_y1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_z1: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_x2: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_y2: Signal<Out, Bits<W>>,
    /// Its operands.
    pub add_z2: Signal<Out, Bits<W>>,
    /// The adder's result, `latency` clocks after the operands.
    pub sum_x: Signal<In, Bits<W>>,
    /// The adder's result.
    pub sum_y: Signal<In, Bits<W>>,
    /// The adder's result.
    pub sum_z: Signal<In, Bits<W>>,
    /// Whether any pair or addition is in flight.
    pub busy: Signal<Out, Bit>,
    /// Pairs in the queue.
    pub queued: Signal<Out, Bits<8>>,
    tags: Vec<TagPipe<S>>,
    slots: Config<usize>,
}

impl<const W: usize, const S: usize> Accumulator<W, S> {
    /// An accumulator of `slots` slots around an adder of this latency.
    pub fn new(slots: usize, latency: usize) -> Self {
        assert!(slots <= 1 << S, "{slots} slots need more than {S} bits");
        Self { tags: vec![TagPipe::new(latency)], slots: Config(slots), ..Self::default() }
    }
}

verilog_logic!([const W: usize, const S: usize] Accumulator<W, S>,
    drives: [in_ready, pop_ready, out_valid, out_full, out_x, out_y, out_z, add_valid, add_x1, add_y1, add_z1, add_x2, add_y2, add_z2, busy, queued],
    |unit| {
    let slots = unit.slots.0;
    let description = format!(
        "Sums by slot around a pipelined adder: {slots} slots of 3 x {W} bits, a queue of {QUEUE} pairs.\n\
         A value that finds its slot full takes the stored value out and goes to the adder with it; the sum comes back."
    );
    let body = TEXT
        .replace("CHILDREN", CHILDREN_MARK)
        .replace("SLOTS", &(slots - 1).to_string())
        .replace("S1", &(S - 1).to_string())
        .replace("W1", &(W - 1).to_string())
        .replace("W3", &(3 * W - 1).to_string())
        .replace("W6", &(6 * W - 1).to_string())
        .replace("QLAST", &(QUEUE - 1).to_string())
        .replace("QBITS", &(QUEUE.trailing_zeros() - 1).to_string())
        .replace("QUEUE", &QUEUE.to_string());
    module(&format!("accumulator_{slots}"), &description, &body)
});

const TEXT: &str = "CHILDREN
  // A slot is full where the two flags differ: port A toggles one, port B the other.
  reg flag_a [0:SLOTS];
  reg flag_b [0:SLOTS];
  (* ram_style = \"block\" *) reg [W3:0] memory [0:SLOTS];

  // Clock 0, port A: a result. It always goes on.
  wire a_valid = tags_0_out_valid;
  wire [S1:0] a_slot = tags_0_out_tag;
  wire a_full = flag_a[a_slot] ^ flag_b[a_slot];
  wire [W3:0] a_value = {sum_z, sum_y, sum_x};

  // Clock 0, port B: an input or a pop. An input waits for room in the queue, unless a result for the same slot comes:
  // the two meet and pair up, and the slot is left as it is. A pop waits for such a result.
  reg [7:0] count;
  reg b_pair;
  wire [S1:0] b_slot = pop_valid ? pop_slot : in_slot;
  wire b_full = flag_a[b_slot] ^ flag_b[b_slot];
  wire same = a_valid && a_slot == b_slot;
  wire room = count + {7'd0, b_pair} < 8'dQUEUE;
  assign pop_ready = !same;
  assign in_ready = (same || room) && !pop_valid;
  wire pop_fire = pop_valid && pop_ready;
  wire in_fire = in_valid && in_ready && !same;
  wire meet = in_valid && same && !pop_valid;
  wire [W3:0] b_value = {in_z, in_y, in_x};

  always @(posedge clock) begin
    if (clear_valid) flag_a[clear_slot] <= 1'b0;
    else if (a_valid && !meet) flag_a[a_slot] <= !flag_a[a_slot];
    if (clear_valid) flag_b[clear_slot] <= 1'b0;
    else if (in_fire || (pop_fire && b_full)) flag_b[b_slot] <= !flag_b[b_slot];
  end

  // The memory: each port reads or writes.
  reg [W3:0] a_read, b_read;
  always @(posedge clock) begin
    if (a_valid && !a_full && !meet) memory[a_slot] <= a_value;
    else a_read <= memory[a_slot];
  end
  always @(posedge clock) begin
    if (in_fire && !b_full) memory[b_slot] <= b_value;
    else b_read <= memory[b_slot];
  end

  // Clock 1: pairs. That of port A is issued now; that of port B goes through the queue.
  reg a_pair, met, pop_done, pop_full;
  reg [S1:0] a_slot_1, b_slot_1;
  reg [W3:0] a_value_1, b_value_1;
  always @(posedge clock) begin
    a_pair <= a_valid && (a_full || meet) && !reset;
    met <= meet;
    b_pair <= in_fire && b_full && !reset;
    pop_done <= pop_fire && !reset;
    pop_full <= b_full;
    a_slot_1 <= a_slot;
    b_slot_1 <= b_slot;
    a_value_1 <= a_value;
    b_value_1 <= b_value;
  end
  assign out_valid = pop_done;
  assign out_full = pop_full;
  assign {out_z, out_y, out_x} = b_read;

  reg [W6:0] pairs [0:QLAST];
  reg [S1:0] slots [0:QLAST];
  reg [QBITS:0] head, tail;
  wire take = !a_pair && count != 8'd0;
  always @(posedge clock) begin
    if (b_pair) begin
      pairs[tail] <= {b_value_1, b_read};
      slots[tail] <= b_slot_1;
    end
    head <= reset ? 0 : head + take;
    tail <= reset ? 0 : tail + b_pair;
    count <= reset ? 8'd0 : count + {7'd0, b_pair} - {7'd0, take};
  end

  // Clock 2: issue.
  reg issue;
  reg [S1:0] issue_slot;
  reg [W6:0] operands;
  always @(posedge clock) begin
    issue <= (a_pair || take) && !reset;
    issue_slot <= a_pair ? a_slot_1 : slots[head];
    operands <= a_pair ? {a_value_1, met ? b_value_1 : a_read} : pairs[head];
  end
  assign {add_z2, add_y2, add_x2, add_z1, add_y1, add_x1} = operands;
  assign add_valid = issue;
  assign tags_0_valid = issue;
  assign tags_0_tag = issue_slot;
  assign tags_0_reset = reset;
  assign busy = a_pair || b_pair || count != 8'd0 || issue || tags_0_busy;
  assign queued = count;";

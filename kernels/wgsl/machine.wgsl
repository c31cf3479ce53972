// The machine: registers of field elements, and programs of additions, subtractions and multiplications over them.
//
// A program is a list of words: kind in bits 0..8, then d, i and j of 8 bits each. All invocations of a workgroup run
// the same program, so nothing diverges. A stage calls `step` from one place: there is one multiplication, two reads of
// a register and one write in its machine code, which is what keeps a pipeline's compilation short whatever the program
// computes. A stage gives the machine `load`, `store` and the flag `negative`.

const MUL: u32 = 0u;       // r[d] = r[i] r[j]
const ADD: u32 = 1u;       // r[d] = r[i] + r[j]
const SUB: u32 = 2u;       // r[d] = r[i] - r[j]
const LOAD: u32 = 3u;      // r[d] = input i
const CONSTANT: u32 = 4u;  // r[d] = constant i + 256 j
const STORE: u32 = 5u;     // output j = r[i]; d = i
const RELOAD: u32 = 6u;    // r[d] = output i
const COPY: u32 = 7u;      // r[d] = r[i]
const RESET: u32 = 8u;     // r[d] = j (0 or 1) where a new sum begins, else r[i]
const NEGATE: u32 = 9u;    // r[d] = 0 - r[i] where `negative`, else r[i]

var<private> r: array<F, REGISTERS>;
var<private> negative: bool;

fn step(op: u32) {
  let kind = op & 255u;
  let i = (op >> 16u) & 255u;
  let j = op >> 24u;
  var a = r[i];
  var b = r[j];
  if kind == NEGATE {
    if negative {
      b = a;
      a = ZERO;
    } else {
      b = ZERO;
    }
  }
  var x = a;
  if kind == MUL {
    x = mul(a, b);
  } else if kind == ADD {
    x = add(a, b);
  } else if kind == SUB || kind == NEGATE {
    x = sub(a, b);
  } else if kind == STORE {
    store(j, pack(a));
  } else if kind != COPY {
    x = load(kind, i, j, a);
  }
  r[(op >> 8u) & 255u] = x;
}

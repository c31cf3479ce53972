// Scalars to signed digits, and how many digits fall to each bucket.
//
// Scalar k = sum of d_w 2^(c w), digits from -2^(c-1) + 1 to 2^(c-1): a window above 2^(c-1) borrows 2^c from the next.
// Bucket |d| - 1 of window w has key w 2^(c-1) + |d| - 1.

struct Job {
  scalars: u32, // how many
  bits: u32,    // c, the bits of a window, 2 to 20
  windows: u32, // such that c windows >= 256: no borrow is left over
  first: u32,   // first scalar of this dispatch
  width: u32,   // scalars in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> scalars: array<u32>;
@group(0) @binding(2) var<storage, read_write> digits: array<u32>; // |d|, sign in bit 31; window after window
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let item = job.first + id.y * job.width + id.x;
  if item >= job.scalars { return; }
  var w: Words;
  for (var i = 0u; i < WORDS; i++) { w[i] = scalars[item * WORDS + i]; }
  // Out of the host's Montgomery form.
  w = pack(canonical(mul(unpack(w), PLAIN)));
  let half = 1u << (job.bits - 1u);
  let mask = 2u * half - 1u;
  var carry = 0u;
  for (var window = 0u; window < job.windows; window++) {
    let low = window * job.bits;
    let word = low >> 5u;
    let shift = low & 31u;
    var digit = 0u;
    if word < WORDS { digit = w[word] >> shift; }
    if shift + job.bits > 32u && word + 1u < WORDS { digit |= w[word + 1u] << (32u - shift); }
    digit = (digit & mask) + carry;
    carry = 0u;
    if digit > half {
      digit = (2u * half - digit) | 0x80000000u;
      carry = 1u;
    }
    // 2^c itself, by a carry into a full window, is digit 0 and a carry.
    let size = digit & 0x7fffffffu;
    if size != 0u { atomicAdd(&counts[window * half + size - 1u], 1u); }
    digits[window * job.scalars + item] = select(digit, 0u, size == 0u);
  }
}

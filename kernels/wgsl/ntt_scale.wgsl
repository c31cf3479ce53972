// target_i = source_i h_(i >> k) l_(i & (2^k - 1)): multiplication by a power of the index through two small tables,
// and if asked in bit-reversed order. It makes the roots, applies a coset's offset and divides by n.

struct Job {
  values: u32,  // n
  split: u32,   // k
  reverse: u32, // log2 n to read source in bit-reversed order, else 0
  first: u32,   // first value of this dispatch
  width: u32,   // values in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> tables: array<u32>; // l, then h, in Montgomery form
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> target_: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let item = job.first + id.y * job.width + id.x;
  if item >= job.values { return; }
  var at = item;
  if job.reverse != 0u { at = reverseBits(item) >> (32u - job.reverse); }
  var w: Words;
  for (var i = 0u; i < WORDS; i++) { w[i] = source[at * WORDS + i]; }
  var x = unpack(w);
  let low = item & ((1u << job.split) - 1u);
  let high = (1u << job.split) + (item >> job.split);
  for (var factor = 0u; factor < 2u; factor++) {
    let table = select(low, high, factor == 1u);
    for (var i = 0u; i < WORDS; i++) { w[i] = tables[table * WORDS + i]; }
    x = mul(x, unpack(w));
  }
  w = pack(canonical(x));
  for (var i = 0u; i < WORDS; i++) { target_[item * WORDS + i] = w[i]; }
}

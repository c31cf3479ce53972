// A level of a transform between two buffers, for one whose values lie in several: a butterfly as in ntt_butterfly of
// the two values at each place, all with one root: (x_i, y_i) becomes (x_i + y_i, (x_i - y_i) w).

struct Job {
  values: u32, // of a buffer
  root: u32,   // the exponent of w
  first: u32,  // first value of this dispatch
  width: u32,  // values in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> roots: array<u32>; // powers of a root of unity
@group(0) @binding(2) var<storage, read_write> lower: array<u32>;
@group(0) @binding(3) var<storage, read_write> upper: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let item = job.first + id.y * job.width + id.x;
  if item >= job.values { return; }
  var w: Words;
  for (var i = 0u; i < WORDS; i++) { w[i] = lower[item * WORDS + i]; }
  let x = unpack(w);
  for (var i = 0u; i < WORDS; i++) { w[i] = upper[item * WORDS + i]; }
  let y = unpack(w);
  for (var i = 0u; i < WORDS; i++) { w[i] = roots[job.root * WORDS + i]; }
  let product = pack(mul(sub(x, y), unpack(w)));
  w = pack(add(x, y));
  for (var i = 0u; i < WORDS; i++) {
    lower[item * WORDS + i] = w[i];
    upper[item * WORDS + i] = product[i];
  }
}

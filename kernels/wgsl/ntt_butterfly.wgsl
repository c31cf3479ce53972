// One level of a transform by decimation in frequency (Gentleman and Sande, 1966): blocks of 2h values;
// (x_j, x_(j+h)) becomes (x_j + x_(j+h), (x_j - x_(j+h)) w^(j n/(2h))). Natural order in, bit-reversed order out after
// the level h = 1. Values may be in any scaled form, since the transform is linear; `roots` is in Montgomery form.

struct Job {
  pairs: u32, // n/2
  half: u32,  // h
  first: u32, // first pair of this dispatch
  width: u32, // pairs in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> roots: array<u32>; // w^0 .. w^(n/2 - 1)
@group(0) @binding(2) var<storage, read_write> values: array<u32>;

fn value(at: u32) -> F {
  var w: Words;
  for (var i = 0u; i < WORDS; i++) { w[i] = values[at * WORDS + i]; }
  return unpack(w);
}

fn store(at: u32, x: F) {
  let w = pack(x);
  for (var i = 0u; i < WORDS; i++) { values[at * WORDS + i] = w[i]; }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pair = job.first + id.y * job.width + id.x;
  if pair >= job.pairs { return; }
  let j = pair % job.half;
  let low = 2u * pair - j;
  let a = value(low);
  let b = value(low + job.half);
  var w: Words;
  let root = j * (job.pairs / job.half);
  for (var i = 0u; i < WORDS; i++) { w[i] = roots[root * WORDS + i]; }
  store(low, add(a, b));
  store(low + job.half, mul(sub(a, b), unpack(w)));
}

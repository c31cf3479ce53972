// One program on each of many items. Item i reads inputs i*inputs.. and writes outputs i*outputs.. of the buffers, in
// elements of WORDS words.

struct Job {
  items: u32,   // how many
  first: u32,   // the first of this dispatch
  steps: u32,   // words of the program
  inputs: u32,  // elements that an item reads
  outputs: u32, // elements that it writes
  width: u32,   // items in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> code: array<u32>;
@group(0) @binding(2) var<storage, read> constants: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<u32>;
@group(0) @binding(4) var<storage, read_write> target_: array<u32>;

var<private> item: u32;

fn load(kind: u32, index: u32, high: u32, old: F) -> F {
  var w: Words;
  if kind == LOAD {
    let at = (item * job.inputs + index) * WORDS;
    for (var k = 0u; k < WORDS; k++) { w[k] = source[at + k]; }
  } else if kind == CONSTANT {
    let at = (index + 256u * high) * WORDS;
    for (var k = 0u; k < WORDS; k++) { w[k] = constants[at + k]; }
  } else {
    let at = (item * job.outputs + index) * WORDS;
    for (var k = 0u; k < WORDS; k++) { w[k] = target_[at + k]; }
  }
  return unpack(w);
}

fn store(index: u32, w: Words) {
  let at = (item * job.outputs + index) * WORDS;
  for (var k = 0u; k < WORDS; k++) { target_[at + k] = w[k]; }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  item = job.first + id.y * job.width + id.x;
  if item >= job.items { return; }
  for (var pc = 0u; pc < job.steps; pc++) { step(code[pc]); }
}

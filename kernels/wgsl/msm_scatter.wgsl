// Digits to entries (key, point) in order of their keys: a counting sort. `offsets` holds, for each key, the number of
// digits before its first within its block of 2048 keys, and `blocks` the number before the block (see scan).

struct Job {
  scalars: u32, // how many
  bits: u32,    // of a window
  windows: u32, // how many
  first: u32,   // first scalar of this dispatch
  width: u32,   // scalars in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> digits: array<u32>;
@group(0) @binding(2) var<storage, read_write> offsets: array<atomic<u32>>;
@group(0) @binding(3) var<storage, read> blocks: array<u32>;
@group(0) @binding(4) var<storage, read_write> entries: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let item = job.first + id.y * job.width + id.x;
  if item >= job.scalars { return; }
  for (var window = 0u; window < job.windows; window++) {
    let digit = digits[window * job.scalars + item];
    if digit == 0u { continue; }
    let key = (window << (job.bits - 1u)) + (digit & 0x7fffffffu) - 1u;
    let at = blocks[key / 2048u] + atomicAdd(&offsets[key], 1u);
    entries[at] = vec2<u32>(key, item | (digit & 0x80000000u));
  }
}

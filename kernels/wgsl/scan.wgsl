// Exclusive prefix sums in blocks: each workgroup replaces the values of its block by the sum of those before them in
// the block, and writes the block's total. The same stage on the totals makes the sums of the blocks before.
// Blelloch, "Prefix sums and their applications", 1990; here each invocation scans 8 values, and the 256 sums of a
// workgroup are scanned in log2 256 steps (Hillis and Steele, 1986).

const BLOCK: u32 = 2048u;
const EACH: u32 = 8u;

struct Job {
  values: u32, // how many
  first: u32,  // first invocation of this dispatch, 256 to a block
  width: u32,  // invocations in a row of workgroups
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read_write> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> totals: array<u32>;

var<workgroup> sums: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let block = (job.first + group.y * job.width) / 256u + group.x;
  let start = block * BLOCK + lane * EACH;
  var own: array<u32, 8>;
  var sum = 0u;
  for (var i = 0u; i < EACH; i++) {
    own[i] = sum;
    if start + i < job.values { sum += values[start + i]; }
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var step = 1u; step < 256u; step *= 2u) {
    var before = 0u;
    if lane >= step { before = sums[lane - step]; }
    workgroupBarrier();
    sums[lane] += before;
    workgroupBarrier();
  }
  let before = sums[lane] - sum;
  for (var i = 0u; i < EACH; i++) {
    if start + i < job.values { values[start + i] = before + own[i]; }
  }
  if lane == 255u { totals[block] = sums[255]; }
}

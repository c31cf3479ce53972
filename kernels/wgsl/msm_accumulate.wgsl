// Sums of runs: entries (key, point) in order of their keys, to one sum for each key.
//
// An invocation adds a tile of consecutive entries. A run that lies within the tile is finished and stored under its
// key. A run that the tile shares with a neighbour leaves a partial sum: the first run of tile t in slot 2t, the last
// in slot 2t + 1, so that the slots are entries in order of their keys again, and the stage is repeated on them until
// one tile is left. A run as long as the whole tile leaves its sum in slot 2t and the identity (zeros, as the buffer
// comes) in slot 2t + 1. So no work depends on how the points are spread over the keys.
//
// Registers 0 .. POINT hold the sum P, homogeneous, those after it the summand Q. The program stores P where a run ends,
// resets it where one begins, loads Q and adds by complete formulas, which hold for equal and opposite points and the
// identity. In memory a point is affine (x, y), in the host's form, or homogeneous (X, Y, Z); a point whose y is all
// zero words is the identity: no point of either curve has y = 0.

const POINT: u32 = 3u * COORDINATE;
const NONE: u32 = 0xffffffffu;

struct Job {
  steps: u32,     // words of the program; the first POINT of them store
  per_tile: u32,  // entries of a tile
  tiles: u32,     // how many in all
  first: u32,     // first tile of this dispatch
  width: u32,     // tiles in a row of workgroups
  elements: u32,  // field elements of a point in `points`
  limit: u32,     // entries that the buffer holds
  last: u32,      // 1 where one tile holds everything: nothing is shared
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> code: array<u32>;
@group(0) @binding(2) var<storage, read> total: array<u32>;
@group(0) @binding(3) var<storage, read> entries: array<vec2<u32>>; // key; index of the point, sign in bit 31
@group(0) @binding(4) var<storage, read> points: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<u32>;
@group(0) @binding(6) var<storage, read_write> partial_entries: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> partial_points: array<u32>;

// Whether a run begins; whether the summand is the identity; where its words begin.
var<private> begins: bool;
var<private> identity: bool;
var<private> base: u32;
// Where a sum is stored: nowhere, in `sums` or in `partial_points`; and in which slot.
var<private> stored: u32;
var<private> slot: u32;

const NOWHERE: u32 = 0u;
const AS_SUM: u32 = 1u;
const AS_PARTIAL: u32 = 2u;

fn load(kind: u32, index: u32, constant: u32, old: F) -> F {
  // (0 : 1 : 0), or the z of an affine point in the form of its x and y.
  let one = select(identity && index == COORDINATE, constant == 1u, kind == RESET);
  var w: Words;
  if kind != RESET && !identity && index < job.elements {
    for (var k = 0u; k < WORDS; k++) { w[k] = points[base + index * WORDS + k]; }
  } else if one {
    w = pack(ONE);
  } else if kind != RESET && !identity && index == 2u * COORDINATE {
    w = pack(HOST_ONE);
  }
  var x = unpack(w);
  if kind == RESET && !begins { x = old; }
  return x;
}

fn store(index: u32, w: Words) {
  let at = (slot * POINT + index) * WORDS;
  if stored == AS_SUM {
    for (var k = 0u; k < WORDS; k++) { sums[at + k] = w[k]; }
  } else if stored == AS_PARTIAL {
    for (var k = 0u; k < WORDS; k++) { partial_points[at + k] = w[k]; }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = job.first + id.y * job.width + id.x;
  if tile >= job.tiles { return; }
  let count = min(total[0], job.limit);
  let start = min(tile * job.per_tile, count);
  let end = min(start + job.per_tile, count);
  if job.last == 0u {
    partial_entries[2u * tile] = vec2<u32>(NONE, 0u);
    partial_entries[2u * tile + 1u] = vec2<u32>(NONE, 0u);
  }
  if start == end { return; }
  var key = entries[start].x;
  // Whether the current run began in the tile before.
  var shared_before = start > 0u && key != NONE && entries[start - 1u].x == key;
  for (var at = start; at <= end; at++) {
    let is_end = at == end;
    var entry = vec2<u32>(NONE, 0u);
    if !is_end { entry = entries[at]; }
    begins = at == start || is_end || entry.x != key;
    stored = NOWHERE;
    if begins && at > start && key != NONE {
      let shared_after = is_end && end < count && entries[min(end, count - 1u)].x == key;
      stored = AS_PARTIAL;
      slot = 2u * tile;
      if shared_before {
        if shared_after { partial_entries[slot + 1u] = vec2<u32>(key, slot + 1u); }
      } else if shared_after {
        slot++;
      } else {
        stored = AS_SUM;
        slot = key;
      }
      if stored == AS_PARTIAL { partial_entries[slot] = vec2<u32>(key, slot); }
      shared_before = false;
    }
    key = entry.x;
    identity = true;
    if key != NONE {
      base = (entry.y & 0x7fffffffu) * job.elements * WORDS;
      var y = 0u;
      for (var k = COORDINATE * WORDS; k < 2u * COORDINATE * WORDS; k++) { y |= points[base + k]; }
      identity = y == 0u;
    }
    negative = !identity && (entry.y >> 31u) == 1u;
    let steps = select(job.steps, POINT, is_end);
    for (var pc = 0u; pc < steps; pc++) { step(code[pc]); }
  }
}

//! The C++ between a verilated model and Rust: ports by number, words of 32 bits, lowest first.

use arblast_hdl::Design;

/// The format of a waveform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trace {
    /// Value change dump: text, large.
    Vcd,
    /// GTKWave's compressed format; the build needs zlib's headers (zlib1g-dev).
    Fst,
}

impl Trace {
    /// The switch for Verilator, the class and the header.
    pub(crate) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Trace::Vcd => ("--trace", "VerilatedVcdC", "verilated_vcd_c.h"),
            Trace::Fst => ("--trace-fst", "VerilatedFstC", "verilated_fst_c.h"),
        }
    }
}

/// Number of 32-bit words of a port.
pub(crate) fn words(width: usize) -> usize {
    width.div_ceil(32)
}

/// The shim of a design.
pub(crate) fn source(design: &Design, trace: Option<Trace>, random_start: Option<u32>) -> String {
    let class = format!("V{}", design.name);
    let (include, field, open, dump, close) = match trace {
        None => (String::new(), String::new(), "(void)path;".into(), String::new(), String::new()),
        Some(trace) => {
            let (_, name, header) = trace.names();
            (
                format!("#include \"{header}\"\n"),
                format!("  {name}* trace = nullptr;\n"),
                format!("if (path) {{ m->trace = new {name}; m->top.trace(m->trace, 99); m->trace->open(path); }}"),
                "if (m->trace) m->trace->dump(m->context.time());".to_string(),
                "if (m->trace) { m->trace->close(); delete m->trace; }".to_string(),
            )
        }
    };
    let traced = if trace.is_some() { "true" } else { "false" };
    let start = random_start.map_or(String::new(), |seed| format!(" c->randReset(2); c->randSeed({seed});"));
    let (writes, reads) = accessors(design);
    format!(
        "#include \"{class}.h\"
#include \"verilated.h\"
#include <cstdint>
#include <cstring>
{include}static VerilatedContext* prepare(VerilatedContext* c) {{ c->traceEverOn({traced});{start} return c; }}
struct Model {{
  VerilatedContext context;
  {class} top;
{field}  Model() : context(), top(prepare(&context)) {{}}
}};
extern \"C\" {{
void* arblast_new(const char* path) {{ Model* m = new Model; {open} return m; }}
void arblast_free(void* p) {{ Model* m = (Model*)p; {close} m->top.final(); delete m; }}
void arblast_settle(void* p) {{ Model* m = (Model*)p; m->top.clock = 0; m->top.eval(); {dump} m->context.timeInc(1); }}
void arblast_edge(void* p) {{ Model* m = (Model*)p; m->top.clock = 1; m->top.eval(); {dump} m->context.timeInc(1); }}
void arblast_write(void* p, uint32_t port, const uint32_t* w) {{
  Model* m = (Model*)p;
  switch (port) {{
{writes}  }}
}}
void arblast_read(void* p, uint32_t port, uint32_t* w) {{
  Model* m = (Model*)p;
  switch (port) {{
{reads}  }}
}}
}}
"
    )
}

fn accessors(design: &Design) -> (String, String) {
    let (mut writes, mut reads) = (String::new(), String::new());
    for (index, port) in design.ports.iter().enumerate() {
        let (name, bytes) = (&port.name, 4 * words(port.width));
        let (write, read) = match port.width {
            1..=32 => (format!("m->top.{name} = w[0];"), format!("w[0] = m->top.{name};")),
            33..=64 => (
                format!("m->top.{name} = w[0] | (uint64_t)w[1] << 32;"),
                format!("w[0] = (uint32_t)m->top.{name}; w[1] = (uint32_t)(m->top.{name} >> 32);"),
            ),
            _ => (
                format!("memcpy(m->top.{name}.data(), w, {bytes});"),
                format!("memcpy(w, m->top.{name}.data(), {bytes});"),
            ),
        };
        if port.input {
            writes += &format!("    case {index}: {write} break;\n");
        }
        reads += &format!("    case {index}: {read} break;\n");
    }
    (writes, reads)
}

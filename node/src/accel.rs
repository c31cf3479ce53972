//! `--accel`: from the name of some hardware to the dispatcher that uses it.
//!
//! With a device beside the processor, `auto` goes by crossovers that the dispatcher measures once on a machine, in the
//! background after the start; it logs them, and `/metrics` has them.
//!
//! `fpga-sim` is used by name only, never by `auto`. It compiles and loads code at run time, so that a node has it only
//! where it was built with the cargo feature `fpga-sim`. A GPU is used where the node was built with the feature
//! `wgpu`, which takes a minute or two of a processor: by name, and by `auto` where it is the fastest.

use arblast::{Builder, Selection};

/// The names that `--accel` takes.
pub const NAMES: [&str; 5] = ["auto", "cpu", "cpu-portable", WGPU, FPGA_SIM];

/// The GPU's name.
const WGPU: &str = "wgpu";

/// The simulated FPGA designs' name.
const FPGA_SIM: &str = "fpga-sim";

/// A dispatcher's builder that selects `name`, with the backends that the name asks for; `notice` is told what will
/// take long.
///
/// A name that cannot be used (not one of [`NAMES`], not in this build, its tools absent) is an error of
/// [`Builder::build`], which says what to do.
pub fn builder(name: &str, notice: &dyn Fn(&str)) -> Builder {
    let Ok(selection) = name.parse::<Selection>();
    let builder = arblast::Dispatcher::builder().select(selection);
    match name {
        FPGA_SIM => with_fpga_sim(builder, notice),
        WGPU => with_gpu(builder, notice),
        "auto" if cfg!(feature = "wgpu") => with_gpu(builder, &|_| ()),
        _ => builder,
    }
}

#[cfg(feature = "wgpu")]
fn with_gpu(builder: Builder, notice: &dyn Fn(&str)) -> Builder {
    match arblast::gpu::Gpu::detect(&arblast::gpu::Choice::default()) {
        Ok(gpu) => {
            notice("Compiling the GPU's kernels and testing them; the first time takes a minute ...");
            builder.backend(std::sync::Arc::new(gpu))
        }
        Err(reason) => builder.absent(WGPU, reason),
    }
}

#[cfg(not(feature = "wgpu"))]
fn with_gpu(builder: Builder, _notice: &dyn Fn(&str)) -> Builder {
    let command = "cargo build --release -p arblast-node --features wgpu";
    builder.absent(WGPU, format!("this program was built without it; build it with: {command}"))
}

#[cfg(feature = "fpga-sim")]
fn with_fpga_sim(builder: Builder, notice: &dyn Fn(&str)) -> Builder {
    match arblast_verilator::FpgaSim::detect(Default::default()) {
        Ok(backend) => {
            notice("Building the simulation and testing it; the first time takes minutes ...");
            builder.backend(std::sync::Arc::new(backend))
        }
        Err(error) => builder.absent(FPGA_SIM, error.to_string()),
    }
}

#[cfg(not(feature = "fpga-sim"))]
fn with_fpga_sim(builder: Builder, _notice: &dyn Fn(&str)) -> Builder {
    let command = "cargo build --release -p arblast-node --features fpga-sim";
    builder.absent(FPGA_SIM, format!("this program was built without it; build it with: {command}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_names_need_nothing_and_others_are_refused() {
        for name in ["auto", "cpu", "cpu-portable"] {
            assert!(NAMES.contains(&name));
            let dispatcher = builder(name, &|_| panic!("{name} is quick")).retirement_record(None).build().unwrap();
            assert_eq!(dispatcher.selection().to_string(), name);
        }
        let error = builder("abacus", &|_| ()).retirement_record(None).build().err().unwrap();
        assert!(error.to_string().contains("abacus") && error.to_string().contains("cpu-portable"), "{error}");
    }

    /// Without the feature the message has the command that builds it in; with it, a GPU answers or the message says why
    /// none does.
    #[test]
    fn the_gpu_is_there_or_says_how_to_get_it() {
        let advice = if cfg!(feature = "wgpu") { "adapter" } else { "--features wgpu" };
        match builder(WGPU, &|_| ()).retirement_record(None).build() {
            Ok(dispatcher) => assert_eq!(dispatcher.devices().last().map(|d| d.absent.is_none()), Some(true)),
            Err(error) => assert!(error.to_string().contains(advice), "{error}"),
        }
    }

    /// Without the feature the message has the command that builds it in; with it, the simulation answers or says what
    /// to install.
    #[test]
    fn the_simulation_is_there_or_says_how_to_get_it() {
        let advice = if cfg!(feature = "fpga-sim") { "apt-get install" } else { "--features fpga-sim" };
        match builder(FPGA_SIM, &|_| ()).retirement_record(None).build() {
            Ok(dispatcher) => assert_eq!(dispatcher.devices().last().map(|d| d.absent.is_none()), Some(true)),
            Err(error) => assert!(error.to_string().contains(advice), "{error}"),
        }
    }
}

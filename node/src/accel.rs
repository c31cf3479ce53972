//! `--accel`: from the name of some hardware to the dispatcher that uses it.
//!
//! With a device beside the processor, `auto` goes by crossovers that the dispatcher measures once on a machine, in the
//! background after the start; it logs them, and `/metrics` has them.
//!
//! `fpga-sim` is used by name only, never by `auto`. It compiles and loads code at run time, so that a node has it only
//! where it was built with the cargo feature `fpga-sim`. A GPU is used where the node was built with the feature
//! `wgpu`, which takes a minute or two of a processor: by name, and by `auto` where it is the fastest. Which GPU that is
//! can be said by a part of its name (`--accel-adapter`); a software rendering is used only so, and not by `auto`.

use arblast::backend::{Backend, Kind};
use arblast::{Builder, Selection};
use std::sync::Arc;

/// The names that `--accel` takes.
pub const NAMES: [&str; 5] = ["auto", "cpu", "cpu-portable", WGPU, FPGA_SIM];

/// The GPU's name.
const WGPU: &str = "wgpu";

/// The simulated FPGA designs' name.
const FPGA_SIM: &str = "fpga-sim";

/// The adapter asked for cannot be used: why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("accel-adapter: {0}")]
pub struct AdapterError(pub String);

/// What is wrong with naming an adapter beside the hardware `name`, whatever adapters there are.
///
/// # Errors
/// The hardware is no GPU, or this build has no GPUs.
pub fn check_adapter(name: &str) -> Result<(), AdapterError> {
    if !["auto", WGPU].contains(&name) {
        let what = format!("it names a GPU, and accel is {name}; leave it out, or set accel to {WGPU}");
        return Err(AdapterError(what));
    }
    if cfg!(feature = "wgpu") { Ok(()) } else { Err(AdapterError(without(WGPU))) }
}

/// Parses the name of an adapter, or a part of it.
///
/// # Errors
/// It is blank, which every name contains.
pub fn adapter_name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(format!("got {text:?}, expected a part of the adapter's name, as `arblast devices` shows it")),
        name => Ok(name.to_owned()),
    }
}

/// A dispatcher's builder that selects `name`, with the backends that the name asks for, and of several GPUs the first
/// whose name contains `adapter`; `notice` is told what will take long.
///
/// A name that cannot be used (not one of [`NAMES`], not in this build, its tools absent) is an error of
/// [`Builder::build`], which says what to do.
///
/// # Errors
/// The adapter asked for cannot be used.
pub fn builder(name: &str, adapter: Option<&str>, notice: &dyn Fn(&str)) -> Result<Builder, AdapterError> {
    if adapter.is_some() {
        check_adapter(name)?;
    }
    let Ok(selection) = name.parse::<Selection>();
    let builder = arblast::Dispatcher::builder().select(selection);
    match name {
        FPGA_SIM => Ok(with_fpga_sim(builder, notice)),
        WGPU => with_gpu(builder, adapter, true, notice),
        "auto" if cfg!(feature = "wgpu") => with_gpu(builder, adapter, false, &|_| ()),
        _ => Ok(builder),
    }
}

/// What to do about a backend that is a feature of this program.
fn without(feature: &str) -> String {
    let command = "cargo build --release -p arblast-node --features";
    format!("this program was built without {feature}; build it with: {command} {feature}")
}

/// The backend `wgpu` on the first GPU whose name contains `adapter`, or why there is none.
fn gpu(adapter: Option<&str>) -> Result<Arc<dyn Backend>, String> {
    #[cfg(feature = "wgpu")]
    return {
        let choice = arblast::gpu::Choice { adapter: adapter.map(str::to_owned), ..Default::default() };
        arblast::gpu::Gpu::detect(&choice).map(|gpu| Arc::new(gpu) as _)
    };
    #[cfg(not(feature = "wgpu"))]
    {
        let _ = adapter;
        Err(without(WGPU))
    }
}

/// The backend `fpga-sim`, or why it is not there.
fn fpga_sim() -> Result<Arc<dyn Backend>, String> {
    #[cfg(feature = "fpga-sim")]
    return arblast_verilator::FpgaSim::detect(Default::default())
        .map(|backend| Arc::new(backend) as _)
        .map_err(|error| error.to_string());
    #[cfg(not(feature = "fpga-sim"))]
    Err(without(FPGA_SIM))
}

fn with_gpu(
    builder: Builder,
    adapter: Option<&str>,
    by_name: bool,
    notice: &dyn Fn(&str),
) -> Result<Builder, AdapterError> {
    match gpu(adapter) {
        Ok(gpu) if gpu.kind() == Kind::Simulation && !by_name => {
            let name = gpu.describe().hardware;
            Err(AdapterError(format!("{name} is a software rendering, which auto never uses; set accel to {WGPU}")))
        }
        Ok(gpu) => {
            notice("Compiling the GPU's kernels and testing them; the first time takes a minute ...");
            Ok(builder.backend(gpu))
        }
        Err(reason) if adapter.is_some() => Err(AdapterError(reason)),
        Err(reason) => Ok(builder.absent(WGPU, reason)),
    }
}

fn with_fpga_sim(builder: Builder, notice: &dyn Fn(&str)) -> Builder {
    match fpga_sim() {
        Ok(backend) => {
            notice("Building the simulation and testing it; the first time takes minutes ...");
            builder.backend(backend)
        }
        Err(reason) => builder.absent(FPGA_SIM, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_names_need_nothing_and_others_are_refused() {
        for name in ["auto", "cpu", "cpu-portable"] {
            assert!(NAMES.contains(&name));
            let builder = builder(name, None, &|_| panic!("{name} is quick")).unwrap();
            let dispatcher = builder.retirement_record(None).build().unwrap();
            assert_eq!(dispatcher.selection().to_string(), name);
        }
        let error = builder("abacus", None, &|_| ()).unwrap().retirement_record(None).build().err().unwrap();
        assert!(error.to_string().contains("abacus") && error.to_string().contains("cpu-portable"), "{error}");
    }

    /// Without the feature the message has the command that builds it in; with it, a GPU answers or the message says why
    /// none does.
    #[test]
    fn the_gpu_is_there_or_says_how_to_get_it() {
        let advice = if cfg!(feature = "wgpu") { "adapter" } else { "--features wgpu" };
        match builder(WGPU, None, &|_| ()).unwrap().retirement_record(None).build() {
            Ok(dispatcher) => assert_eq!(dispatcher.devices().last().map(|d| d.absent.is_none()), Some(true)),
            Err(error) => assert!(error.to_string().contains(advice), "{error}"),
        }
    }

    /// Where this build has GPUs, an unknown one is refused with those that there are, and one that `auto` would never
    /// use with the way to use it; where it has none, every one is.
    #[test]
    fn an_adapter_that_cannot_be_used_is_refused() {
        let refused = |name: &str, adapter: &str| {
            let error = builder(name, Some(adapter), &|_| panic!("{adapter} is refused")).err().unwrap().to_string();
            assert!(error.starts_with("accel-adapter: "), "{error}");
            error
        };
        for name in ["cpu", "cpu-portable", FPGA_SIM] {
            assert!(refused(name, "llvmpipe").contains(&format!("accel is {name};")));
        }
        for name in ["auto", WGPU] {
            let error = refused(name, "abacus");
            if cfg!(feature = "wgpu") {
                let listed = error.contains("no adapter is called \"abacus\"; there is: ");
                assert!(listed || error.contains("no adapter: "), "{error}");
            } else {
                assert!(error.contains("--features wgpu"), "{error}");
            }
        }
        if cfg!(feature = "wgpu") {
            let error = refused("auto", "llvmpipe");
            // The second where this machine has no software rendering.
            assert!(error.contains("set accel to wgpu") || error.contains("no adapter"), "{error}");
        }
        assert!(adapter_name(" ").unwrap_err().starts_with("got \" \", expected a part"));
        assert_eq!(adapter_name(" RTX 4090").as_deref(), Ok("RTX 4090"));
    }

    /// Without the feature the message has the command that builds it in; with it, the simulation answers or says what
    /// to install.
    #[test]
    fn the_simulation_is_there_or_says_how_to_get_it() {
        let advice = if cfg!(feature = "fpga-sim") { "apt-get install" } else { "--features fpga-sim" };
        match builder(FPGA_SIM, None, &|_| ()).unwrap().retirement_record(None).build() {
            Ok(dispatcher) => assert_eq!(dispatcher.devices().last().map(|d| d.absent.is_none()), Some(true)),
            Err(error) => assert!(error.to_string().contains(advice), "{error}"),
        }
    }
}

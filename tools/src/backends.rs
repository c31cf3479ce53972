//! The dispatcher's builder for a backend by name: what every command starts from.

use arblast::gpu::{Choice, Gpu, NAME};
use arblast::{Builder, Dispatcher, Measure, Selection};
use arblast_verilator::{FpgaSim, Toolchain};
use std::sync::Arc;

/// The simulated FPGA designs: used by name only.
pub const FPGA_SIM: &str = "fpga-sim";

/// A backend with what it is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which backends are used.
    pub selection: Selection,
    /// Which GPU, where one is.
    pub gpu: Choice,
}

impl From<Selection> for Wanted {
    fn from(selection: Selection) -> Self {
        Self { selection, gpu: Choice::default() }
    }
}

/// A builder that selects, with the GPU where there may be one to select, and with the simulated designs where they are
/// asked for by name. Their models are built by the self-test, which takes a minute the first time; so are the GPU's
/// pipelines, which takes less.
///
/// Crossovers that are not known yet are measured before anything else: a command ends soon, means the same each time it
/// is run, and its own figures are not to be disturbed.
pub fn builder(wanted: &Wanted) -> Builder {
    let by_name = |name: &str| wanted.selection == Selection::Only(name.into());
    let mut builder = Dispatcher::builder().select(wanted.selection.clone()).measure_crossovers(Measure::AtBuild);
    if wanted.selection == Selection::Auto || by_name(NAME) {
        builder = with_gpu(builder, &wanted.gpu);
    }
    if by_name(FPGA_SIM) {
        if Toolchain::find().is_ok() {
            eprintln!("fpga-sim: building the models and testing them; the first time takes a minute");
        }
        builder = with_simulation(builder);
    }
    builder
}

/// Adds the GPU that `choice` means, or the reason why it is absent.
pub fn with_gpu(builder: Builder, choice: &Choice) -> Builder {
    match Gpu::detect(choice) {
        Ok(gpu) => builder.backend(Arc::new(gpu)),
        Err(reason) => builder.absent(NAME, reason),
    }
}

/// Adds the simulated designs, or the reason why they are absent.
pub fn with_simulation(builder: Builder) -> Builder {
    match FpgaSim::detect(Default::default()) {
        Ok(backend) => builder.backend(Arc::new(backend)),
        Err(error) => builder.absent(FPGA_SIM, error.to_string()),
    }
}

//! From which sizes on devices are used.

use super::page::{Kind, Page};
use arblast::CrossoverReport;

/// Writes the crossovers of the devices that `auto` may choose; nothing where the processor is the only kind.
pub(super) fn write(page: &mut Page, report: &CrossoverReport) {
    if report.devices.is_empty() {
        return;
    }
    let help = "Items of an operation from which on a device is used instead of the processor; +Inf for never.";
    let mut family = page.family("arblast_backend_crossover_items", Kind::Gauge, help);
    for device in &report.devices {
        for known in &device.operations {
            let labels = [("backend", &*device.device), ("operation", known.op.name())];
            match known.crossover.start() {
                Some(size) => family.sample(&labels, size),
                None => family.sample(&labels, "+Inf"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arblast::backend::{Backend, Control, Description, IndexLists, Op};
    use arblast::cpu::CpuPortable;
    use arblast::{Builder, DeviceError, Dispatcher, Measure};
    use ark_bls12_381::G1Affine;
    use std::sync::Arc;

    /// A device that sums by blst.
    struct Adder(CpuPortable);

    impl Backend for Adder {
        fn name(&self) -> &str {
            "adder"
        }
        fn describe(&self) -> Description {
            Description { hardware: "blst".into(), version: "1".into() }
        }
        fn supports(&self, op: Op, size: usize) -> bool {
            op == Op::SumG1 && size <= 64
        }
        fn sum_g1(&self, p: &[G1Affine], lists: &IndexLists, c: &Control) -> Result<Vec<G1Affine>, DeviceError> {
            self.0.sum_g1(p, lists, c)
        }
    }

    fn page(builder: Builder) -> String {
        let builder = builder.retirement_record(None).crossover_cache(None).measure_crossovers(Measure::Never);
        let mut page = Page::default();
        write(&mut page, &builder.threads(1).build().unwrap().crossovers());
        page.into_text()
    }

    #[test]
    fn a_device_has_a_sample_for_each_operation_and_the_processor_none() {
        assert_eq!(page(Dispatcher::builder()), "");
        let text = page(Dispatcher::builder().backend(Arc::new(Adder(CpuPortable::new(1)))));
        let sample = "arblast_backend_crossover_items{backend=\"adder\",operation=\"sum-g1\"} +Inf\n";
        assert!(text.starts_with("# HELP ") && text.ends_with(sample), "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}

//! The resource report on a small unit, where yosys is there.

use arblast_hdl::report::{ReportError, VU9P, report};

#[test]
fn report_of_the_modular_adder() {
    let report = match report("mod-add") {
        Err(error @ ReportError::NoYosys(_)) => {
            println!("SKIPPED report_of_the_modular_adder: {error}");
            return;
        }
        other => other.unwrap(),
    };
    println!("{report:?}");
    assert_eq!((report.total.dsp, report.total.uram, report.modules.len()), (0, 0, 2));
    assert!((600..1200).contains(&report.total.lut) && (1500..2200).contains(&report.total.ff));
    assert!(report.total.percent_of(&VU9P) < 0.1);
    assert_eq!((report.units.len(), report.units[0].each), (2, report.total));
    let (module, cells) = report.longest_path.unwrap();
    assert!(
        report.modules.contains_key(&module) && (20..40).contains(&cells),
        "a carry of 96 bits is 24 CARRY4: {cells} cells"
    );
}

#[test]
fn an_unknown_design_is_named() {
    assert!(matches!(report("mod-mul"), Err(ReportError::Name { .. })));
}

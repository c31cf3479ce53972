//! The adapters that wgpu finds, for `arblast devices`: driver, limits, features, and why `auto` does not take one.

use arblast::gpu::{AdapterReport, NAME};
use std::fmt::Write;

/// The adapters for a person: a block for each.
pub fn text(adapters: &[AdapterReport]) -> String {
    let mut out = String::new();
    for adapter in adapters {
        // Writing to a string does not fail.
        let _ = writeln!(out, "adapter {}", adapter.name);
        let limits = format!(
            "{} MiB a binding, {} MiB a buffer, {} buffers a kernel",
            adapter.largest_binding >> 20,
            adapter.largest_buffer >> 20,
            adapter.storage_buffers
        );
        let features: Vec<&str> = [(adapter.int64, "64-bit integers"), (adapter.pipeline_cache, "pipeline cache")]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
            .collect();
        let chosen = match adapter.refused {
            None => "may be chosen".to_owned(),
            Some(reason) => format!("not chosen: {reason}"),
        };
        for (label, value) in [
            ("device", format!("{}, by {}", adapter.device, adapter.interface)),
            ("driver", adapter.driver.clone()),
            ("limits", limits),
            ("features", if features.is_empty() { "none that are used".into() } else { features.join(", ") }),
            ("auto", chosen),
        ] {
            let _ = writeln!(out, "  {label:<11}{value}");
        }
        out.push('\n');
    }
    out
}

/// Puts the adapters into the report of the backend `wgpu`.
pub fn attach(devices: &mut serde_json::Value, adapters: &[AdapterReport]) {
    let reports = devices.as_array_mut().into_iter().flatten();
    for report in reports.filter(|report| report["name"] == NAME) {
        // Plain data with string keys always serialises.
        report["adapters"] = serde_json::to_value(adapters).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_shown_with_the_reason() {
        let adapter = AdapterReport {
            name: "llvmpipe (LLVM 15.0.6, 256 bits)".into(),
            driver: "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)".into(),
            interface: "vulkan".into(),
            device: "software",
            largest_binding: 128 << 20,
            largest_buffer: 2 << 30,
            storage_buffers: 8,
            int64: true,
            pipeline_cache: false,
            refused: Some("it is a software rendering, slower than the CPU itself"),
        };
        let text = text(std::slice::from_ref(&adapter));
        for part in ["adapter llvmpipe", "128 MiB a binding", "64-bit integers", "not chosen: it is a software"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        let mut devices = serde_json::json!([{ "name": "cpu-portable" }, { "name": "wgpu" }]);
        attach(&mut devices, &[adapter]);
        assert_eq!(devices[1]["adapters"][0]["device"], "software");
        assert_eq!(devices[1]["adapters"][0]["not_chosen"], "it is a software rendering, slower than the CPU itself");
        assert_eq!(devices[0].get("adapters"), None);
    }
}

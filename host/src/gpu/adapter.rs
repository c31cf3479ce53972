//! Which adapters the machine has, and which one to use.

use crate::backend::Kind;
use arblast_kernels::Family;
use serde::Serialize;
use std::fmt;

/// What the caller asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Part of the adapter's name, in any case; without it, the first adapter that is a real device.
    pub adapter: Option<String>,
    /// The family of kernels; without it, the wide one where the adapter has 64-bit integers.
    pub family: Option<Family>,
    /// The most bytes that a kernel binds, where that should be less than the adapter allows. Larger inputs are cut.
    pub largest_binding: Option<u64>,
}

/// What an adapter is, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdapterReport {
    /// Its name; a part of it, in any case, is what [`Choice::adapter`] takes.
    pub name: String,
    /// The driver, with its version.
    pub driver: String,
    /// The interface it is reached by, such as `vulkan`.
    pub interface: String,
    /// What it is: `discrete GPU`, `integrated GPU`, `virtual GPU`, `software` or `other`.
    pub device: &'static str,
    /// The most bytes that a kernel binds in one buffer.
    pub largest_binding: u64,
    /// The most bytes of a buffer.
    pub largest_buffer: u64,
    /// Storage buffers that a kernel binds at most.
    pub storage_buffers: u32,
    /// Whether shaders have 64-bit integers, which the faster family of kernels needs.
    pub int64: bool,
    /// Whether compiled pipelines can be kept on disk.
    pub pipeline_cache: bool,
    /// Why `auto` does not take it; `None` where it may.
    #[serde(rename = "not_chosen")]
    pub refused: Option<&'static str>,
}

impl fmt::Display for AdapterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, driver, interface, device, .. } = self;
        write!(f, "{name} ({device}, {interface}, {driver}), {} MiB a binding", self.largest_binding >> 20)?;
        write!(f, ", 64-bit integers: {}", if self.int64 { "yes" } else { "no" })?;
        match self.refused {
            Some(reason) => write!(f, "; only by name: {reason}"),
            None => Ok(()),
        }
    }
}

/// The most bytes that a kernel binds, if `asked` is not less.
pub(super) fn largest(adapter: &wgpu::Adapter, asked: Option<u64>) -> u64 {
    let limits = adapter.limits();
    let bound = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    asked.map_or(bound, |asked| asked.min(bound))
}

/// Storage buffers that a stage binds at most.
const BINDINGS: u32 = 7;

fn report(adapter: &wgpu::Adapter) -> AdapterReport {
    let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
    AdapterReport {
        driver: format!("{} {}", info.driver, info.driver_info).trim().into(),
        interface: info.backend.to_string(),
        device: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software",
            wgpu::DeviceType::Other => "other",
        },
        largest_binding: largest(adapter, None),
        largest_buffer: limits.max_buffer_size,
        storage_buffers: limits.max_storage_buffers_per_shader_stage,
        int64: features.contains(wgpu::Features::SHADER_INT64),
        pipeline_cache: features.contains(wgpu::Features::PIPELINE_CACHE),
        refused: refusal(info.device_type, &limits),
        name: info.name,
    }
}

fn refusal(device: wgpu::DeviceType, limits: &wgpu::Limits) -> Option<&'static str> {
    if device == wgpu::DeviceType::Cpu {
        return Some("it is a software rendering, slower than the CPU itself");
    }
    (limits.max_storage_buffers_per_shader_stage < BINDINGS).then_some("it binds too few storage buffers")
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY))
}

/// Every adapter of the machine; none where there is no loader or driver.
pub fn adapters() -> Vec<AdapterReport> {
    enumerate().iter().map(report).collect()
}

/// The adapter that `choice` means, its family, and what kind of backend that makes.
pub(super) fn choose(choice: &Choice) -> Result<(wgpu::Adapter, Family, Kind), String> {
    let all = enumerate();
    if all.is_empty() {
        return Err("no adapter: no Vulkan loader or no driver (Debian: libvulkan1, mesa-vulkan-drivers)".into());
    }
    let names: Vec<String> = all.iter().map(|adapter| report(adapter).to_string()).collect();
    let wanted = choice.adapter.as_ref().map(|name| name.to_lowercase());
    let found = all.into_iter().find(|adapter| {
        let report = report(adapter);
        wanted.as_ref().map_or(report.refused.is_none(), |name| report.name.to_lowercase().contains(name))
    });
    let Some(adapter) = found else {
        let reason = match &wanted {
            None => "no adapter is used without being named".to_owned(),
            Some(name) => format!("no adapter is called {name:?}"),
        };
        return Err(format!("{reason}; there is: {}", names.join("; ")));
    };
    let report = report(&adapter);
    if report.storage_buffers < BINDINGS {
        return Err(format!(
            "{}: kernels bind {BINDINGS} storage buffers, it has {}",
            report.name, report.storage_buffers
        ));
    }
    let family = choice.family.unwrap_or(if report.int64 { Family::Wide } else { Family::Narrow });
    if family == Family::Wide && !report.int64 {
        return Err(format!("{}: no 64-bit integers in shaders", report.name));
    }
    let kind = match adapter.get_info().device_type {
        wgpu::DeviceType::Cpu => Kind::Simulation,
        _ => Kind::Device,
    };
    Ok((adapter, family, kind))
}

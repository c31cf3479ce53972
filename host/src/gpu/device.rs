//! A device that is open: its queue, its pipelines, and what happens when it fails.
//!
//! Every error ends the device: a lost device, a full memory, an error of validation, a piece of work that is never
//! done. Whoever waits gets a [`DeviceError`], and the next call opens the adapter again. wgpu reports most errors to
//! callbacks, which only note them; polling a lost device it panics, which is caught where it happens.
//!
//! # Turns
//!
//! Jobs of several threads take turns on a device: what a job does between two checkpoints, it does alone. A device runs
//! one piece at a time anyway, and wgpu-core 30.0.1 does not stand two threads that wait for one device: one reads how
//! far the device is (`Device::maintain`), then a submission ends, the other thread's poll or submission retires it, and
//! the first thread finds an empty queue and an older number than the one it waits for; which wgpu asserts never to
//! happen. Without turns that panic came once in some fifty jobs where submissions were short, in some hundred otherwise;
//! what it leaves undone (callbacks of other threads' mappings) is lost with it.
//!
//! Jobs side by side were also seen to give wrong results now and then on Mesa 22.3's llvmpipe. A scan that was cut into
//! several dispatches was one cause: jobs that share a device find it slower, so that stages are cut which otherwise are
//! not. If there was a second one, it has not been found, and was not seen again: without turns, the panic caught and the
//! poll repeated, several thousand jobs of six to eight threads on one device were right in both families (MSMs,
//! transforms and membership, in submissions from a single workgroup up to 20 ms). Ruled out by reading:
//! - Buffers. A job has its own, but for constants, programs, roots and prepared bases. These are written once, by wgpu's
//!   staging, which goes into the next submission, whoever's that is; a fresh buffer is cleared in the submission that
//!   first uses it. Each dispatch has a uniform of its own, never written again, and each download a buffer of its own,
//!   read after it was waited for. wgpu holds what a submission names until the submission is retired.
//! - Kernels. Invocations of a dispatch write words of their own, or atomically (digits, scatter), and read none that
//!   others write; but for the scan, within a workgroup, between barriers that all of it reaches. The dispatches that a
//!   stage is cut into cover rows of their own.
//! - llvmpipe 22.3.6. A thread of the queue runs its submissions one after another, and each dispatch to its end before
//!   the next command, so that those of two jobs never overlap; two devices share only the threads that run workgroups.

use super::cache::PipelineCache;
use crate::backend::Control;
use crate::error::DeviceError;
use arblast_kernels::{Family, Stage};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wgpu::{Buffer, BufferUsages};

/// What one submission should take: well below a piece, since it cannot be interrupted.
const SUBMISSION: Duration = Duration::from_millis(20);
/// The longest that a submission may take before the device counts as hung. A call whose deadline has passed stops at
/// the next submission's end; its device is not given up for that.
const HUNG: Duration = Duration::from_secs(60);
/// Workgroups in a row: a dimension holds at most 65,535.
const ROW: usize = 256;
/// Operations (multiplications, additions) a second that a device is assumed to do until it was measured.
const FIRST_RATE: u64 = 1_000_000;

/// An open device.
pub(super) struct Device {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// The family its pipelines are compiled in.
    pub family: Family,
    pipelines: Mutex<HashMap<Stage, Arc<wgpu::ComputePipeline>>>,
    cache: Option<PipelineCache>,
    failure: Arc<Mutex<Option<DeviceError>>>,
    /// Held by the job whose piece it is: everything that a job does between two checkpoints is done by itself. See
    /// above for why.
    turn: Mutex<()>,
    /// Operations a second, as measured by the submissions so far.
    rate: AtomicU64,
    /// The largest buffer that a stage can bind, in bytes.
    pub largest: u64,
}

impl Device {
    /// Opens an adapter, whose kernels bind `largest` bytes at most (fewer where the adapter says so).
    pub fn open(adapter: &wgpu::Adapter, family: Family, largest: Option<u64>) -> Result<Self, DeviceError> {
        let mut features = adapter.features() & (wgpu::Features::SHADER_INT64 | wgpu::Features::PIPELINE_CACHE);
        if family == Family::Narrow {
            features.remove(wgpu::Features::SHADER_INT64);
        }
        let limits = adapter.limits();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("arblast"),
            required_features: features,
            required_limits: limits.clone(),
            ..Default::default()
        };
        let opened = pollster::block_on(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| DeviceError::Lost(error.to_string()))?;
        let failure = Arc::new(Mutex::new(None));
        let note = |failure: &Mutex<Option<DeviceError>>, error| {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        };
        let slot = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let error = match &error {
                wgpu::Error::OutOfMemory { .. } => DeviceError::OutOfMemory(error.to_string()),
                _ => DeviceError::Failed(error.to_string()),
            };
            note(&slot, error);
        }));
        let slot = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            note(&slot, DeviceError::Lost(format!("{reason:?}: {message}")));
        });
        let cache = PipelineCache::open(&device, &adapter.get_info(), family);
        let largest = super::adapter::largest(adapter, largest);
        Ok(Self {
            device,
            queue,
            family,
            pipelines: Mutex::default(),
            cache,
            failure,
            turn: Mutex::default(),
            rate: AtomicU64::new(FIRST_RATE),
            largest,
        })
    }

    /// Neither reads nor writes compiled pipelines on disk.
    pub fn forget_cache(&mut self) {
        self.cache = None;
    }

    /// What broke the device, if it is broken.
    pub fn failure(&self) -> Option<DeviceError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Destroys the device: whatever runs or waits on it ends in an error.
    pub fn destroy(&self) {
        self.fail(DeviceError::Lost("the device was given up".into()));
        self.device.destroy();
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), DeviceError> {
        self.failure().map_or(Ok(()), Err)
    }

    fn fail(&self, error: DeviceError) -> DeviceError {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error).clone()
    }

    /// The pipeline of a stage, compiled when it is first needed.
    fn pipeline(&self, stage: Stage) -> Result<Arc<wgpu::ComputePipeline>, DeviceError> {
        let mut pipelines = self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = pipelines.get(&stage) {
            return Ok(pipeline.clone());
        }
        let (name, start) = (stage.name(), Instant::now());
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&name),
            source: wgpu::ShaderSource::Wgsl(stage.source(self.family).into()),
        });
        let pipeline = Arc::new(self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&name),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: self.cache.as_ref().map(PipelineCache::handle),
        }));
        self.check()?;
        tracing::debug!(stage = name, seconds = start.elapsed().as_secs_f64(), "pipeline compiled");
        pipelines.insert(stage, pipeline.clone());
        if let Some(cache) = &self.cache {
            cache.save();
        }
        Ok(pipeline)
    }

    /// How many items of `bytes` bytes a kernel can bind.
    pub fn fitting(&self, bytes: usize) -> usize {
        usize::try_from(self.largest).unwrap_or(usize::MAX) / bytes.max(1)
    }

    /// A storage buffer of `words` 32-bit words, all zero.
    pub fn buffer(&self, words: usize) -> Result<Buffer, DeviceError> {
        let size = 4 * words.max(4) as u64;
        if size > self.largest {
            return Err(DeviceError::OutOfMemory(format!("a buffer of {size} bytes, at most {}", self.largest)));
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let buffer =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        self.check()?;
        Ok(buffer)
    }

    /// A storage buffer with this content.
    pub fn upload(&self, words: &[u32]) -> Result<Buffer, DeviceError> {
        let buffer = self.buffer(words.len())?;
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        Ok(buffer)
    }

    fn uniform(&self, bytes: &[u8]) -> Buffer {
        let size = bytes.len().next_multiple_of(16) as u64;
        let usage = BufferUsages::UNIFORM | BufferUsages::COPY_DST;
        let buffer =
            self.device.create_buffer(&wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }
}

/// A job on a device: dispatches gathered into submissions, each short enough to wait for.
pub(super) struct Work<'a> {
    pub device: &'a Device,
    control: &'a Control,
    /// The device's turn, but at checkpoints.
    turn: Option<MutexGuard<'a, ()>>,
    encoder: Option<wgpu::CommandEncoder>,
    /// Operations gathered and not submitted.
    gathered: u64,
    /// Workgroups of a dispatch at most.
    most_groups: usize,
}

/// Where a dispatch begins and how its items lie in rows of workgroups.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first item.
    pub first: u32,
    /// Items in a row of workgroups.
    pub width: u32,
}

impl<'a> Work<'a> {
    /// A job under `control`.
    pub fn new(device: &'a Device, control: &'a Control) -> Result<Self, DeviceError> {
        device.check()?;
        let turn = Some(device.turn());
        Ok(Self { device, control, turn, encoder: None, gathered: 0, most_groups: usize::MAX })
    }

    /// Cuts every stage into dispatches of one workgroup.
    pub fn in_single_workgroups(mut self) -> Self {
        self.most_groups = 1;
        self
    }

    /// What the job runs under.
    pub fn control(&self) -> &'a Control {
        self.control
    }

    /// Runs `stage` on `items` items of `cost` operations each, cut into submissions; `job` gives the parameters of
    /// the dispatch that covers a span, `buffers` what is bound after them, in order.
    pub fn run<J: bytemuck::Pod>(
        &mut self,
        stage: Stage,
        items: usize,
        cost: u64,
        buffers: &[&Buffer],
        job: impl Fn(Span) -> J,
    ) -> Result<(), DeviceError> {
        let pipeline = self.device.pipeline(stage)?;
        let layout = pipeline.get_bind_group_layout(0);
        let workgroup = stage.workgroup() as usize;
        let cost = cost.max(1);
        let mut first = 0;
        while first < items {
            let budget = self.budget();
            if self.gathered >= budget {
                self.flush()?;
                continue;
            }
            let room = usize::try_from((budget - self.gathered).div_ceil(cost)).unwrap_or(usize::MAX);
            let groups = room.min(items - first).div_ceil(workgroup).min(self.most_groups);
            // Whole rows, so that no invocation lies in the next dispatch's span.
            let row = groups.min(ROW);
            let groups = groups / row * row;
            let count = (groups * workgroup).min(items - first);
            let span = Span { first: first as u32, width: (row * workgroup) as u32 };
            let uniform = self.device.uniform(bytemuck::bytes_of(&job(span)));
            let entries: Vec<_> = std::iter::once(&uniform)
                .chain(buffers.iter().copied())
                .enumerate()
                .map(|(binding, buffer)| wgpu::BindGroupEntry {
                    binding: binding as u32,
                    resource: buffer.as_entire_binding(),
                })
                .collect();
            let group = self.device.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &layout,
                entries: &entries,
            });
            let mut pass = self.encoder().begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(row as u32, (groups / row) as u32, 1);
            drop(pass);
            self.gathered += count as u64 * cost;
            first += count;
        }
        self.device.check()
    }

    /// Copies `count` words from one buffer to another.
    pub fn copy(&mut self, from: &Buffer, at: usize, to: &Buffer, to_at: usize, count: usize) {
        self.encoder().copy_buffer_to_buffer(from, 4 * at as u64, to, 4 * to_at as u64, 4 * count as u64);
    }

    /// Submits what is gathered, with the uploads before it, and waits for all of it.
    pub fn finish(&mut self) -> Result<(), DeviceError> {
        self.encoder();
        self.flush()
    }

    /// Submits what is gathered, waits for it, and asks whether to go on.
    pub fn flush(&mut self) -> Result<(), DeviceError> {
        let Some(encoder) = self.encoder.take() else { return self.checkpoint() };
        let start = Instant::now();
        let index = self.device.queue.submit([encoder.finish()]);
        self.wait(index, start)?;
        let (taken, operations) = (start.elapsed().as_secs_f64(), std::mem::take(&mut self.gathered));
        // Short submissions measure the way to the device, not the device.
        if taken > 0.002 {
            let measured = operations as f64 / taken;
            let old = self.device.rate.load(Ordering::Relaxed) as f64;
            self.device.rate.store(((old + measured) / 2.0) as u64, Ordering::Relaxed);
        } else if operations * 2 > self.budget() {
            let rate = self.device.rate.load(Ordering::Relaxed);
            self.device.rate.store(rate.saturating_mul(2), Ordering::Relaxed);
        }
        self.checkpoint()
    }

    /// Lets others have the device, then asks whether to go on.
    fn checkpoint(&mut self) -> Result<(), DeviceError> {
        self.turn = None;
        self.control.checkpoint()?;
        self.turn = Some(self.device.turn());
        self.device.check()
    }

    /// The first `words` words of a buffer.
    pub fn download(&mut self, buffer: &Buffer, words: usize) -> Result<Vec<u32>, DeviceError> {
        let size = 4 * words as u64;
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = self.device.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage,
            mapped_at_creation: false,
        });
        self.encoder().copy_buffer_to_buffer(buffer, 0, &staging, 0, size);
        self.flush()?;
        let slice = staging.slice(..);
        let (sender, receiver) = std::sync::mpsc::channel();
        slice.map_async(wgpu::MapMode::Read, move |result| drop(sender.send(result)));
        let start = Instant::now();
        let mapped = loop {
            self.poll(None, start)?;
            match receiver.try_recv() {
                Ok(mapped) => break mapped,
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return Err(self.lost("the buffer was dropped")),
            }
        };
        mapped.map_err(|error| self.lost(&error.to_string()))?;
        let range = slice.get_mapped_range().map_err(|error| self.lost(&error.to_string()))?;
        let mut out = vec![0; words];
        bytemuck::cast_slice_mut::<u32, u8>(&mut out).copy_from_slice(&range);
        drop(range);
        staging.unmap();
        self.device.check()?;
        Ok(out)
    }

    fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        let device = &self.device.device;
        self.encoder.get_or_insert_with(|| device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default()))
    }

    /// Operations of one submission.
    fn budget(&self) -> u64 {
        let rate = self.device.rate.load(Ordering::Relaxed);
        ((rate as f64 * SUBMISSION.as_secs_f64()) as u64).max(1)
    }

    fn lost(&self, message: &str) -> DeviceError {
        self.device.fail(DeviceError::Lost(message.into()))
    }

    fn wait(&self, index: wgpu::SubmissionIndex, start: Instant) -> Result<(), DeviceError> {
        while !self.poll(Some(index.clone()), start)? {}
        self.device.check()
    }

    /// Waits a moment; says whether the submission (or everything) is done.
    fn poll(&self, submission: Option<wgpu::SubmissionIndex>, start: Instant) -> Result<bool, DeviceError> {
        let poll = wgpu::PollType::Wait { submission_index: submission, timeout: Some(Duration::from_millis(50)) };
        let device = &self.device.device;
        // wgpu 30 panics where the device is lost while it is polled.
        let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| device.poll(poll)));
        let polled = polled.map_err(|_| self.lost("it was lost while it was waited for"))?;
        self.device.check()?;
        match polled {
            Ok(_) => Ok(true),
            Err(wgpu::PollError::Timeout) if start.elapsed() > HUNG => {
                // What runs cannot be taken back: the device is given up.
                Err(self.device.fail(DeviceError::TimedOut(start.elapsed())))
            }
            Err(wgpu::PollError::Timeout) => Ok(false),
            Err(error) => Err(self.lost(&error.to_string())),
        }
    }
}

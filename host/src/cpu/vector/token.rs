//! The proof that this CPU has the instructions: a value that only detection makes.

/// Holding one proves that the CPU and the operating system have AVX-512 F and IFMA. Zero-sized; pass it along.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ifma(());

impl Ifma {
    /// Asks the CPU.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Self(()))
    }
}

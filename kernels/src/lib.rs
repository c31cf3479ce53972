//! The kernels of Arblast as sources, with what a host must know to run them: stages, entry points, workgroup sizes,
//! parameters, and the machine code of programs.
//!
//! # Families
//!
//! Field arithmetic is generated in two families ([`Family`]) from one specification (`tools/gen`): for devices that
//! multiply in 32 bits, and for those with 64-bit integers in shaders. All other sources are written once, over the
//! type `F` and the functions `mul`, `add`, `sub`, `canonical`, `pack` and `unpack`.
//!
//! # Values in memory
//!
//! A field element is [`Field::words`] words of 32 bits, least significant first, below twice the prime. Points come
//! from the host in the host's Montgomery form (R = 2^384): homogeneous coordinates with the host's one as z are right
//! in whatever form the kernel multiplies in, so nothing is converted. Results that leave a kernel as homogeneous
//! points are in the kernel's form, which cancels in X/Z and Y/Z.
//!
//! # Stages
//!
//! | source | what it does |
//! |---|---|
//! | `program` | one [program](machine) on each of many items: also the reduction of buckets to windows, in levels |
//! | `msm_digits`, `scan`, `msm_scatter` | scalars to signed digits, sorted by bucket |
//! | `msm_accumulate` | sums of runs of equal keys, whatever their lengths |
//! | `ntt_butterfly`, `ntt_across`, `ntt_scale` | transforms over Fr, in one buffer or several |
#![warn(missing_docs)]

mod generated;
pub mod layout;
pub mod machine;
pub mod programs;

/// How wide a product of limbs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// 32 bits: every adapter.
    Narrow,
    /// 64 bits: adapters with 64-bit integers in shaders.
    Wide,
}

/// A field of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The base field.
    Fp,
    /// The scalar field.
    Fr,
}

impl Field {
    /// 32-bit words of an element in memory.
    pub const fn words(self) -> usize {
        match self {
            Self::Fp => 12,
            Self::Fr => 8,
        }
    }

    /// log2 of the Montgomery radix of a family.
    pub const fn radix_bits(self, family: Family) -> u32 {
        match (self, family) {
            (Self::Fp, Family::Narrow) => generated::FP_NARROW_BITS,
            (Self::Fp, Family::Wide) => generated::FP_WIDE_BITS,
            (Self::Fr, Family::Narrow) => generated::FR_NARROW_BITS,
            (Self::Fr, Family::Wide) => generated::FR_WIDE_BITS,
        }
    }

    const fn source(self, family: Family) -> &'static str {
        match (self, family) {
            (Self::Fp, Family::Narrow) => include_str!("../wgsl/fp_narrow.wgsl"),
            (Self::Fp, Family::Wide) => include_str!("../wgsl/fp_wide.wgsl"),
            (Self::Fr, Family::Narrow) => include_str!("../wgsl/fr_narrow.wgsl"),
            (Self::Fr, Family::Wide) => include_str!("../wgsl/fr_wide.wgsl"),
        }
    }
}

/// A group of the pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Over Fp.
    G1,
    /// Over Fp2.
    G2,
}

impl Group {
    /// Field elements of a coordinate.
    pub const fn coordinate(self) -> usize {
        match self {
            Self::G1 => 1,
            Self::G2 => 2,
        }
    }

    /// 32-bit words of an affine point in memory.
    pub const fn affine_words(self) -> usize {
        2 * self.coordinate() * Field::Fp.words()
    }

    /// 32-bit words of a homogeneous point in memory.
    pub const fn point_words(self) -> usize {
        3 * self.coordinate() * Field::Fp.words()
    }
}

/// A pipeline: one source with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A program over this many registers, at most 256.
    Program(usize),
    /// Sums of runs.
    Accumulate(Group),
    /// Scalars to digits.
    Digits,
    /// Prefix sums.
    Scan,
    /// Digits to entries.
    Scatter,
    /// A level of a transform.
    Butterfly,
    /// A level of a transform between two buffers.
    Across,
    /// Products with powers.
    Scale,
}

impl Stage {
    /// The name in labels, errors and caches.
    pub fn name(self) -> String {
        match self {
            Self::Program(registers) => format!("program_{registers}"),
            Self::Accumulate(Group::G1) => "msm_accumulate_g1".into(),
            Self::Accumulate(Group::G2) => "msm_accumulate_g2".into(),
            Self::Digits => "msm_digits".into(),
            Self::Scan => "scan".into(),
            Self::Scatter => "msm_scatter".into(),
            Self::Butterfly => "ntt_butterfly".into(),
            Self::Across => "ntt_across".into(),
            Self::Scale => "ntt_scale".into(),
        }
    }

    /// Invocations of a workgroup.
    pub const fn workgroup(self) -> u32 {
        match self {
            Self::Scan => 256,
            _ => 64,
        }
    }

    /// Storage buffers that it binds, after its parameters.
    pub const fn buffers(self) -> usize {
        match self {
            Self::Program(_) | Self::Scatter => 4,
            Self::Accumulate(_) => 7,
            Self::Digits | Self::Across | Self::Scale => 3,
            Self::Scan | Self::Butterfly => 2,
        }
    }

    /// Every stage that a host uses; programs by the sizes of [`programs::SIZES`].
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = programs::SIZES.into_iter().map(Self::Program).collect();
        all.extend([Group::G1, Group::G2].map(Self::Accumulate));
        all.extend([Self::Digits, Self::Scan, Self::Scatter, Self::Butterfly, Self::Across, Self::Scale]);
        all
    }

    /// The WGSL source in a family; its entry point is `main`.
    pub fn source(self, family: Family) -> String {
        // The machine over Fp with so many registers.
        let machine = |registers: usize| {
            let registers = format!("\nconst REGISTERS = {registers}u;\n");
            [Field::Fp.source(family), &registers, include_str!("../wgsl/machine.wgsl")].concat()
        };
        match self {
            Self::Program(registers) => machine(registers) + include_str!("../wgsl/program.wgsl"),
            Self::Accumulate(group) => {
                let coordinate = format!("const COORDINATE = {}u;\n", group.coordinate());
                machine(programs::curve::accumulation(group).registers)
                    + &coordinate
                    + include_str!("../wgsl/msm_accumulate.wgsl")
            }
            Self::Digits => [Field::Fr.source(family), include_str!("../wgsl/msm_digits.wgsl")].concat(),
            Self::Scan => include_str!("../wgsl/scan.wgsl").into(),
            Self::Scatter => include_str!("../wgsl/msm_scatter.wgsl").into(),
            Self::Butterfly => [Field::Fr.source(family), include_str!("../wgsl/ntt_butterfly.wgsl")].concat(),
            Self::Across => [Field::Fr.source(family), include_str!("../wgsl/ntt_across.wgsl")].concat(),
            Self::Scale => [Field::Fr.source(family), include_str!("../wgsl/ntt_scale.wgsl")].concat(),
        }
    }
}

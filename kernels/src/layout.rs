//! The parameters of the stages, as they lie in their uniform buffers. See the sources for what each means.

use bytemuck::{Pod, Zeroable};

macro_rules! jobs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
        pub struct $name { $($(#[$field_doc])* pub $field: u32),* }
    )*};
}

jobs! {
    /// Of `program.wgsl`.
    ProgramJob {
        /// Items in all.
        items,
        /// The first item of the dispatch.
        first,
        /// Words of the program.
        steps,
        /// Elements that an item reads.
        inputs,
        /// Elements that an item writes.
        outputs,
        /// Items in a row of workgroups.
        width,
    }
    /// Of `msm_digits.wgsl` and `msm_scatter.wgsl`.
    DigitsJob {
        /// Scalars in all.
        scalars,
        /// Bits of a window.
        bits,
        /// Windows.
        windows,
        /// The first scalar of the dispatch.
        first,
        /// Scalars in a row of workgroups.
        width,
    }
    /// Of `scan.wgsl`.
    ScanJob {
        /// Values in all.
        values,
        /// The first invocation of the dispatch.
        first,
        /// Invocations in a row of workgroups.
        width,
    }
    /// Of `msm_accumulate.wgsl`.
    AccumulateJob {
        /// Words of the program.
        steps,
        /// Entries of a tile.
        per_tile,
        /// Tiles in all.
        tiles,
        /// The first tile of the dispatch.
        first,
        /// Tiles in a row of workgroups.
        width,
        /// Field elements of a point.
        elements,
        /// Entries that the buffer holds.
        limit,
        /// 1 where one tile holds everything.
        last,
    }
    /// Of `ntt_butterfly.wgsl`.
    ButterflyJob {
        /// n/2.
        pairs,
        /// Distance of the two values of a pair.
        half,
        /// The first pair of the dispatch.
        first,
        /// Pairs in a row of workgroups.
        width,
    }
    /// Of `ntt_across.wgsl`.
    AcrossJob {
        /// Values of a buffer.
        values,
        /// The exponent of the root.
        root,
        /// The first value of the dispatch.
        first,
        /// Values in a row of workgroups.
        width,
    }
    /// Of `ntt_scale.wgsl`.
    ScaleJob {
        /// n.
        values,
        /// log2 of the length of the table of low powers.
        split,
        /// log2 n to read in bit-reversed order, else 0.
        reverse,
        /// The first value of the dispatch.
        first,
        /// Values in a row of workgroups.
        width,
    }
}

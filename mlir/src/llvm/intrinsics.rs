//! The intrinsics that are used: a row each, with operands, results, and the model of what it does.
//!
//! Source of names and types: Xilinx/llvm-aie llvm/include/llvm/IR/IntrinsicsAIE2.td; of what they do:
//! its clang/lib/Headers/aiev2/, and [`arch::num`] with the sources named there.

use arch::num::LaneFn;

use super::native::Model::{self, *};

/// An intrinsic.
pub(super) struct Intrinsic {
    /// Name without `llvm.aie2.`.
    name: &'static str,
    /// Types of its results, apart by spaces; several are a struct.
    results: &'static str,
    /// Types of its operands, apart by spaces.
    args: &'static str,
    /// What it does.
    pub(super) model: Model,
}

const fn row(
    name: &'static str,
    results: &'static str,
    args: &'static str,
    model: Model,
) -> Intrinsic {
    Intrinsic {
        name,
        results,
        args,
        model,
    }
}

impl Intrinsic {
    /// The name of the LLVM function.
    pub(super) fn symbol(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// Types of its results.
    pub(super) fn results(&self) -> impl Iterator<Item = &'static str> {
        self.results.split_whitespace()
    }

    /// Types of its operands.
    pub(super) fn args(&self) -> impl Iterator<Item = &'static str> {
        self.args.split_whitespace()
    }
}

/// What the names of LLVM functions begin with.
pub(super) const PREFIX: &str = "llvm.aie2.";

/// The intrinsic called `llvm.aie2.NAME`.
pub(super) fn find(name: &str) -> Option<&'static Intrinsic> {
    ALL.iter().find(|row| row.name == name)
}

/// Lanes of bf16, where others are named by their bits.
const BF16: u32 = 0;
/// A product as it is, or negated.
const PLUS: bool = false;
const MINUS: bool = true;
/// No accumulator, or one as it is, or negated.
const NO_ACC: Option<bool> = None;
const PLUS_ACC: Option<bool> = Some(false);
const MINUS_ACC: Option<bool> = Some(true);

/// Every intrinsic.
#[rustfmt::skip]
pub(super) const ALL: &[Intrinsic] = &[
    row("set.ctrl.reg", "", "i32 i32", SetControl),
    row("acquire", "", "i32 i32", Acquire),
    row("release", "", "i32 i32", Release),
    row("scd.read.vec", "v16i32", "i32", Receive),
    row("scd.read.acc32", "v8i64", "i32", Receive),
    row("mcd.write.vec", "", "v16i32 i32", Send),
    row("mcd.write.acc32", "", "v8i64 i32", Send),
    row("get.ss", "i32 i32", "", StreamGet),
    row("put.ms", "", "i32 i32", StreamPut),
    row("load.4x16.lo", "v8i32", "v8i32", Lookup { bytes: 2, high: false }),
    row("load.4x16.hi", "v8i32", "v8i32", Lookup { bytes: 2, high: true }),
    row("load.4x32.lo", "v8i32", "v8i32", Lookup { bytes: 4, high: false }),
    row("load.4x32.hi", "v8i32", "v8i32", Lookup { bytes: 4, high: true }),
    row("load.4x64.lo", "v8i32", "v8i32", Lookup { bytes: 8, high: false }),
    row("load.4x64.hi", "v8i32", "v8i32", Lookup { bytes: 8, high: true }),
    row("add.2d", "ptr i20", "ptr i20 i20 i20 i20", Walk { dims: 2 }),
    row("add.3d", "ptr i20 i20", "ptr i20 i20 i20 i20 i20 i20 i20", Walk { dims: 3 }),
    row("vbroadcast8.I512", "v64i8", "i32", Broadcast { bytes: 1 }),
    row("vbroadcast16.I512", "v32i16", "i32", Broadcast { bytes: 2 }),
    row("vbroadcast32.I512", "v16i32", "i32", Broadcast { bytes: 4 }),
    row("concat.I512.I256", "v16i32", "v8i32 v8i32", Concat { bytes: 32 }),
    row("concat.512.256.acc", "v8i64", "v4i64 v4i64", Concat { bytes: 32 }),
    row("concat.1024.512.acc", "v16i64", "v8i64 v8i64", Concat { bytes: 64 }),
    row("ext.I256.I512", "v8i32", "v16i32 i32", Part { bytes: 32 }),
    row("ext.256.512.acc", "v4i64", "v8i64 i32", Part { bytes: 32 }),
    row("ext.512.1024.acc", "v8i64", "v16i64 i32", Part { bytes: 64 }),
    row("ext.I32.I64", "i32", "v2i32 i32", Part { bytes: 4 }),
    row("set.I512.I256", "v16i32", "v8i32 i32", Place { bytes: 32 }),
    row("set.1024.512.acc", "v16i64", "v8i64 i32", Place { bytes: 64 }),
    row("upd.I64.I32", "v2i32", "v2i32 i32 i32", Update { bytes: 4 }),
    row("clr16f.conf", "v8i64", "", Zero),
    row("vbroadcast.zero.acc1024", "v16i64", "", Zero),
    row("I512.I512.acc32.mul.conf", "v16i64", "v64i8 v16i32 i32", Product(PLUS, NO_ACC)),
    row("I512.I512.acc32.negmul.conf", "v16i64", "v64i8 v16i32 i32", Product(MINUS, NO_ACC)),
    row("I512.I512.ACC1024.acc32.mac.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(PLUS, PLUS_ACC)),
    row("I512.I512.ACC1024.acc32.msc.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(MINUS, PLUS_ACC)),
    row("I512.I512.ACC1024.acc32.negmac.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(MINUS, MINUS_ACC)),
    row("I512.I512.ACC1024.acc32.negmsc.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(PLUS, MINUS_ACC)),
    row("I512.I512.acc64.mul.conf", "v16i64", "v64i8 v16i32 i32", Product(PLUS, NO_ACC)),
    row("I512.I512.acc64.negmul.conf", "v16i64", "v64i8 v16i32 i32", Product(MINUS, NO_ACC)),
    row("I512.I512.ACC1024.acc64.mac.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(PLUS, PLUS_ACC)),
    row("I512.I512.ACC1024.acc64.msc.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(MINUS, PLUS_ACC)),
    row("I512.I512.ACC1024.acc64.negmac.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(MINUS, MINUS_ACC)),
    row("I512.I512.ACC1024.acc64.negmsc.conf", "v16i64", "v64i8 v16i32 v16i64 i32", Product(PLUS, MINUS_ACC)),
    row("bf.mul16.conf", "v8i64", "v32bf16 v32bf16 i32", Product(PLUS, NO_ACC)),
    row("bf.negmul16.conf", "v8i64", "v32bf16 v32bf16 i32", Product(MINUS, NO_ACC)),
    row("bf.mac16.conf", "v8i64", "v32bf16 v32bf16 v8i64 i32", Product(PLUS, PLUS_ACC)),
    row("bf.msc16.conf", "v8i64", "v32bf16 v32bf16 v8i64 i32", Product(MINUS, PLUS_ACC)),
    row("add.acc", "v16i64", "v16i64 v16i64 i32", Sum { terms: 2, negate: [false, false] }),
    row("sub.acc", "v16i64", "v16i64 v16i64 i32", Sum { terms: 2, negate: [false, true] }),
    row("add.accfloat", "v8i64", "v8i64 v8i64 i32", Sum { terms: 2, negate: [false, false] }),
    row("sub.accfloat", "v8i64", "v8i64 v8i64 i32", Sum { terms: 2, negate: [false, true] }),
    row("ACC1024.acc32.neg.conf", "v16i64", "v16i64 i32", Sum { terms: 1, negate: [true, false] }),
    row("ACC1024.acc64.neg.conf", "v16i64", "v16i64 i32", Sum { terms: 1, negate: [true, false] }),
    row("ACC512.accfloat.neg.conf", "v8i64", "v8i64 i32", Sum { terms: 1, negate: [true, false] }),
    row("v16accfloat.to.v16bf16", "v16bf16", "v8i64", ToBf16),
    row("v16bf16.to.v16accfloat", "v8i64", "v16bf16", ToF32),
    row("v16bf16.to.v16i32", "v16i32", "v16bf16 i32", Floor),
    row("I256.v16.acc32.srs", "v16i16", "v8i64 i32 i32", Srs { lanes: 16, from: 4, to: 2 }),
    row("I256.v16.acc64.srs", "v16i16", "v16i64 i32 i32", Srs { lanes: 16, from: 8, to: 2 }),
    row("I256.v32.acc32.srs", "v32i8", "v16i64 i32 i32", Srs { lanes: 32, from: 4, to: 1 }),
    row("I256.v8.acc64.srs", "v8i32", "v8i64 i32 i32", Srs { lanes: 8, from: 8, to: 4 }),
    row("I512.v16.acc64.srs", "v16i32", "v16i64 i32 i32", Srs { lanes: 16, from: 8, to: 4 }),
    row("I512.v32.acc32.srs", "v32i16", "v16i64 i32 i32", Srs { lanes: 32, from: 4, to: 2 }),
    row("acc32.v16.I256.ups", "v8i64", "v16i16 i32 i32", Ups { lanes: 16, from: 2, to: 4 }),
    row("acc32.v32.I256.ups", "v16i64", "v32i8 i32 i32", Ups { lanes: 32, from: 1, to: 4 }),
    row("acc32.v32.I512.ups", "v16i64", "v32i16 i32 i32", Ups { lanes: 32, from: 2, to: 4 }),
    row("acc64.v16.I256.ups", "v16i64", "v16i16 i32 i32", Ups { lanes: 16, from: 2, to: 8 }),
    row("acc64.v16.I512.ups", "v16i64", "v16i32 i32 i32", Ups { lanes: 16, from: 4, to: 8 }),
    row("acc64.v8.I256.ups", "v8i64", "v8i32 i32 i32", Ups { lanes: 8, from: 4, to: 8 }),
    row("pack.I8.I16", "v32i8", "v32i16 i32", Pack),
    row("unpack.I16.I8", "v32i16", "v32i8 i32", Unpack),
    row("vshuffle", "v16i32", "v16i32 v16i32 i32", Shuffle),
    row("vshift.I512.I512", "v16i32", "v16i32 v16i32 i32 i32", Shift),
    row("vextract.broadcast8.I512", "v64i8", "v64i8 i32", BroadcastLane { bytes: 1 }),
    row("vextract.broadcast16.I512", "v32i16", "v32i16 i32", BroadcastLane { bytes: 2 }),
    row("vextract.broadcast32.I512", "v16i32", "v16i32 i32", BroadcastLane { bytes: 4 }),
    row("vextract.elem8.I512", "i32", "v64i8 i32 i32", Extract { bytes: 1 }),
    row("vextract.elem16.I512", "i32", "v32i16 i32 i32", Extract { bytes: 2 }),
    row("vextract.elem32.I512", "i32", "v16i32 i32 i32", Extract { bytes: 4 }),
    row("vinsert8.I512", "v16i32", "v16i32 i32 i32", Insert { bytes: 1 }),
    row("vinsert16.I512", "v16i32", "v16i32 i32 i32", Insert { bytes: 2 }),
    row("vinsert32.I512", "v16i32", "v16i32 i32 i32", Insert { bytes: 4 }),
    row("vabs.gtz8", "v64i8 v2i32", "v64i8 i32", Lanes(LaneFn::AbsGtz, 8)),
    row("vabs.gtz16", "v32i16 i32", "v32i16 i32", Lanes(LaneFn::AbsGtz, 16)),
    row("vabs.gtz32", "v16i32 i32", "v16i32 i32", Lanes(LaneFn::AbsGtz, 32)),
    row("vbneg.ltz8", "v64i8 v2i32", "v64i8", Lanes(LaneFn::NotLtz, 8)),
    row("vbneg.ltz16", "v32i16 i32", "v32i16", Lanes(LaneFn::NotLtz, 16)),
    row("vbneg.ltz32", "v16i32 i32", "v16i32", Lanes(LaneFn::NotLtz, 32)),
    row("vneg.gtz8", "v64i8 v2i32", "v64i8", Lanes(LaneFn::NegGtz, 8)),
    row("vneg.gtz16", "v32i16 i32", "v32i16", Lanes(LaneFn::NegGtz, 16)),
    row("vneg.gtz32", "v16i32 i32", "v16i32", Lanes(LaneFn::NegGtz, 32)),
    row("veqz8", "v2i32", "v64i8", Lanes(LaneFn::EqZ, 8)),
    row("veqz16", "i32", "v32i16", Lanes(LaneFn::EqZ, 16)),
    row("veqz32", "i32", "v16i32", Lanes(LaneFn::EqZ, 32)),
    row("vge8", "v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::Ge, 8)),
    row("vge16", "i32", "v32i16 v32i16 i32", Lanes(LaneFn::Ge, 16)),
    row("vge32", "i32", "v16i32 v16i32 i32", Lanes(LaneFn::Ge, 32)),
    row("vlt8", "v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::Lt, 8)),
    row("vlt16", "i32", "v32i16 v32i16 i32", Lanes(LaneFn::Lt, 16)),
    row("vlt32", "i32", "v16i32 v16i32 i32", Lanes(LaneFn::Lt, 32)),
    row("vmax.lt8", "v64i8 v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::MaxLt, 8)),
    row("vmax.lt16", "v32i16 i32", "v32i16 v32i16 i32", Lanes(LaneFn::MaxLt, 16)),
    row("vmax.lt32", "v16i32 i32", "v16i32 v16i32 i32", Lanes(LaneFn::MaxLt, 32)),
    row("vmin.ge8", "v64i8 v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::MinGe, 8)),
    row("vmin.ge16", "v32i16 i32", "v32i16 v32i16 i32", Lanes(LaneFn::MinGe, 16)),
    row("vmin.ge32", "v16i32 i32", "v16i32 v16i32 i32", Lanes(LaneFn::MinGe, 32)),
    row("vsub.ge8", "v64i8 v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::SubGe, 8)),
    row("vsub.ge16", "v32i16 i32", "v32i16 v32i16 i32", Lanes(LaneFn::SubGe, 16)),
    row("vsub.ge32", "v16i32 i32", "v16i32 v16i32 i32", Lanes(LaneFn::SubGe, 32)),
    row("vsub.lt8", "v64i8 v2i32", "v64i8 v64i8 i32", Lanes(LaneFn::SubLt, 8)),
    row("vsub.lt16", "v32i16 i32", "v32i16 v32i16 i32", Lanes(LaneFn::SubLt, 16)),
    row("vsub.lt32", "v16i32 i32", "v16i32 v16i32 i32", Lanes(LaneFn::SubLt, 32)),
    row("vsel8", "v64i8", "v64i8 v64i8 v2i32", Lanes(LaneFn::Select, 8)),
    row("vsel16", "v32i16", "v32i16 v32i16 i32", Lanes(LaneFn::Select, 16)),
    row("vsel32", "v16i32", "v16i32 v16i32 i32", Lanes(LaneFn::Select, 32)),
    row("vgebf16", "i32", "v32bf16 v32bf16", Lanes(LaneFn::Ge, BF16)),
    row("vltbf16", "i32", "v32bf16 v32bf16", Lanes(LaneFn::Lt, BF16)),
    row("vmax.ltbf16", "v32bf16 i32", "v32bf16 v32bf16", Lanes(LaneFn::MaxLt, BF16)),
    row("vmin.gebf16", "v32bf16 i32", "v32bf16 v32bf16", Lanes(LaneFn::MinGe, BF16)),
];

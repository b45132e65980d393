//! Instructions as the core executes them: decoded once, operands resolved to places, stages taken
//! from the timing tables.

use super::regs::{Scalar, Source, Span};
use arch::aie2::{Bypass, Opcode};
use arch::num::{LaneFn, Negate};

/// A scalar operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Src {
    Reg(Scalar),
    Imm(u32),
}

/// Where a scalar result goes and in which stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScalarDst {
    pub(crate) to: Scalar,
    pub(crate) stage: u8,
}

/// Where a vector result goes, in which stage and along which forwarding path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VectorDst {
    pub(crate) to: Span,
    pub(crate) stage: u8,
    pub(crate) path: Option<Bypass>,
}

/// How lanes are extended or clamped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// The form says signed.
    Signed,
    /// A control register says.
    By(Scalar),
}

/// Scalar operations of two operands; those of one ignore the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AluFn {
    Move,
    Add,
    AddNoCarry,
    Sub,
    AddCarry,
    SubCarry,
    And,
    Or,
    Xor,
    Mul,
    ShiftLogical,
    ShiftArithmetic,
    Eq,
    Ne,
    Lt,
    LtUnsigned,
    Ge,
    GeUnsigned,
    Abs,
    ExtendS8,
    ExtendS16,
    ExtendU8,
    ExtendU16,
    LeadingZeros,
    LeadingSigns,
}

/// Kinds of branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jump {
    Always,
    /// Writes `lr` in this stage.
    Call(u8),
    IfZero(Scalar),
    IfNotZero(Scalar),
    /// Taken if the source is not 0; the destination gets it minus 1.
    Decrement {
        from: Scalar,
        to: ScalarDst,
    },
}

/// An address and what happens to its pointer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub(crate) base: Scalar,
    pub(crate) walk: Walk,
}

/// Address modes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Walk {
    /// Access at base plus offset.
    Offset(Src),
    /// Access at base, which then moves.
    Post(Src),
    /// Access at base, which then moves along the 2-D tuple.
    Post2(u8),
    /// Access at base, which then moves along the 3-D tuple.
    Post3(u8),
}

/// A load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) address: Address,
    pub(crate) kind: LoadKind,
    pub(crate) memory_stage: u8,
}

/// What a load does with its data.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LoadKind {
    /// 32 bits, or 8 or 16 extended.
    Scalar {
        to: ScalarDst,
        bytes: u8,
        signed: bool,
    },
    /// 256 bits, up-shifted into an accumulator.
    UpShift {
        to: VectorDst,
        up_shift: UpShift,
        shift: Scalar,
        shift_stage: u8,
    },
    /// 16 bf16 to f32.
    Convert { to: VectorDst },
    /// 256 bits, lanes doubled in width.
    Unpack { to: VectorDst, bits: u8, sign: Sign },
    /// The word around an 8- or 16-bit store.
    Partial(PartialStore),
}

/// A store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store {
    pub(crate) address: Address,
    pub(crate) kind: StoreKind,
    pub(crate) memory_stage: u8,
}

/// What a store takes its data from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StoreKind {
    /// 32 bits; `spill` marks the stack-relative form.
    Scalar { from: Scalar, spill: bool },
    /// 128 or 256 bits.
    Vector { from: Source, bytes: u8 },
    /// Shift-round-saturated accumulator lanes.
    Srs {
        from: Source,
        srs: Srs,
        shift: Scalar,
    },
    /// 16 f32 to bf16.
    Convert { from: Source },
    /// Lanes halved in width.
    Pack { from: Source, bits: u8, sign: Sign },
}

/// Widths of an up-shift.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpShift {
    pub(crate) from_bits: u8,
    pub(crate) acc_bits: u8,
    pub(crate) sign: Sign,
}

/// Widths of a shift-round-saturate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Srs {
    pub(crate) acc_bits: u8,
    pub(crate) to_bits: u8,
    pub(crate) sign: Sign,
}

/// An 8- or 16-bit store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartialStore {
    pub(crate) address: Address,
    pub(crate) value: Scalar,
    pub(crate) bytes: u8,
    pub(crate) read_stage: u8,
    pub(crate) value_stage: u8,
    pub(crate) write_stage: u8,
}

/// A table look-up with four addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) to: VectorDst,
    pub(crate) from: Source,
    /// Bytes of a table entry: 2, 4 or 8.
    pub(crate) entry: u8,
    pub(crate) high: bool,
    pub(crate) memory_stage: u8,
}

/// Lane types of the vector adder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LaneType {
    I8(Sign),
    I16(Sign),
    I32(Sign),
    Bf16,
}

/// An instruction of the vector adder. Operations of one operand have it as `b`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lanes {
    pub(crate) f: LaneFn,
    pub(crate) lane: LaneType,
    pub(crate) to: Option<VectorDst>,
    pub(crate) compare: Option<ScalarDst>,
    pub(crate) a: Option<Source>,
    pub(crate) b: Source,
    pub(crate) select: Option<Scalar>,
}

/// Movement of vectors and elements. `bits` is the width of an element; 64-bit scalars are pairs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Movement {
    /// Raw copy of equally wide registers.
    Copy {
        from: Source,
    },
    /// Low 128 bits only.
    CopyMask {
        from: Source,
    },
    Shuffle {
        a: Source,
        b: Source,
        mode: Scalar,
    },
    Broadcast {
        bits: u8,
        value: Scalar,
    },
    BroadcastShuffle {
        bits: u8,
        value: Scalar,
        mode: Scalar,
    },
    ExtractBroadcast {
        bits: u8,
        from: Source,
        index: Src,
    },
    Insert {
        bits: u8,
        from: Source,
        index: Scalar,
        value: Scalar,
    },
    PushLow {
        bits: u8,
        from: Source,
        value: Scalar,
    },
    PushHigh {
        bits: u8,
        from: Source,
        value: Scalar,
    },
    Shift {
        a: Source,
        b: Source,
        bytes: Scalar,
    },
}

/// Conversions from register to register.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Conversion {
    UpShift {
        from: Source,
        up_shift: UpShift,
        shift: Scalar,
    },
    Srs {
        from: Source,
        srs: Srs,
        shift: Scalar,
    },
    Pack {
        from: Source,
        bits: u8,
        sign: Sign,
    },
    ToF32 {
        from: Source,
    },
    ToBf16 {
        from: Source,
    },
    Floor {
        from: Source,
        shift: Scalar,
    },
}

/// Which accumulators a multiply-accumulate works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacUnit {
    /// 1024 bits of integers.
    Integer,
    /// 512 bits of f32.
    Float,
}

/// Destination and accumulators of the multiply-accumulate unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mac {
    pub(crate) unit: MacUnit,
    pub(crate) negate: Negate,
    pub(crate) to: VectorDst,
    pub(crate) acc1: Option<Source>,
    pub(crate) acc2: Option<Source>,
    pub(crate) acc_stage: u8,
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Alu {
        f: AluFn,
        to: ScalarDst,
        a: Src,
        b: Src,
    },
    /// One step of a division; `remainder` is `r31`.
    Divide {
        to: ScalarDst,
        remainder: ScalarDst,
        dividend: Scalar,
        divisor: Scalar,
    },
    /// `if_zero` says which value of `r27` chooses `a`.
    Choose {
        to: ScalarDst,
        a: Scalar,
        b: Scalar,
        by: Scalar,
        if_zero: bool,
    },
    /// The cycle counter, into a pair.
    Counter {
        to: ScalarDst,
    },
    Jump {
        kind: Jump,
        target: Src,
    },
    Lock {
        acquire: bool,
        lock: Src,
        value: Scalar,
        condition: Option<Scalar>,
    },
    Event(u8),
    Done,
    Pointer(Address),
    Load(Load),
    /// 128 or 256 bits, as they are, into a unit.
    LoadVector {
        address: Address,
        to: u8,
        stage: u8,
        bytes: u8,
        memory_stage: u8,
    },
    Store(Store),
    PartialStore(PartialStore),
    Lookup(Lookup),
    Lanes(Lanes),
    Move {
        to: VectorDst,
        movement: Movement,
    },
    Extract {
        to: ScalarDst,
        bits: u8,
        sign: Sign,
        from: Source,
        index: Scalar,
    },
    Convert {
        to: VectorDst,
        conversion: Conversion,
    },
    UnpackRegister {
        to: VectorDst,
        from: Source,
        bits: u8,
        sign: Sign,
        from_stage: u8,
    },
    Mac {
        mac: Mac,
        x: Source,
        y: Source,
        conf: Scalar,
    },
    Sum {
        mac: Mac,
        conf: Scalar,
    },
    /// Copy of an accumulator by the multiply-accumulate unit.
    CopyAccumulator {
        to: VectorDst,
        from: Source,
        stage: u8,
    },
    Clear {
        to: VectorDst,
    },
    CascadeRead {
        to: VectorDst,
    },
    CascadeWrite {
        from: Source,
    },
    StreamRead {
        to: ScalarDst,
        blocking: bool,
    },
    StreamWrite {
        from: Scalar,
        last: Last,
        blocking: bool,
    },
    /// Sends the header of a packet.
    HeaderWrite {
        header: PacketHeader,
        last: Last,
        blocking: bool,
    },
    /// Refused by name when it would execute.
    NotModelled(Opcode),
}

/// The headers that a core makes of its operands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PacketHeader {
    /// First word of a packet: its id and type; the core's place is added.
    Stream { id: Scalar, kind: u32 },
    /// First word of a control packet.
    Control {
        addr: Scalar,
        beats: u32,
        operation: u32,
        id: Scalar,
    },
}

/// Whether a stream word ends a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    No,
    Yes,
    /// If this register is not 0.
    By(Scalar),
}

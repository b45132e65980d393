//! What the verifier says about a module that breaks a rule.

use std::fmt;

use thiserror::Error;

use arch::limits::CORE_BANK_BYTES;

use crate::counted;
use crate::data::{BANKS, NoRoom};
use crate::ir::{Access, MAX_WALK_STEPS};
use crate::types::{DATA_SPACE, Elem, Type};

/// Position in a text, both counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pos {
    /// Line.
    pub line: u32,
    /// Column, characters.
    pub col: u32,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.col)
    }
}

/// Everything that is wrong with a module, in the order of its text; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct VerifyErrors(pub Vec<VerifyError>);

impl fmt::Display for VerifyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

/// A rule that a module breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct VerifyError {
    /// Function; none where it is constant data that breaks the rule.
    pub func: Option<String>,
    /// The instruction at fault, or the head of the function or of the data, as the printer writes it.
    pub text: String,
    /// Where that stands, if the module came from a text.
    pub at: Option<Pos>,
    /// What is wrong.
    pub rule: Rule,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let func = self.func.as_ref().map(|func| format!("in kernel @{func}"));
        let at = self.at.map(|at| format!("at {at}"));
        let place: Vec<String> = func.into_iter().chain(at).collect();
        let colon = if place.is_empty() { "" } else { ": " };
        write!(
            f,
            "{}\n  {}{colon}`{}`",
            self.rule,
            place.join(" "),
            self.text
        )?;
        match self.rule.help() {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

/// A broken rule. Values are spelled as in the text form, functions without their `@`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[allow(
    missing_docs,
    reason = "the fields are the parts of the message above them"
)]
pub enum Rule {
    /// Functions have names that the text form and the symbol table can hold.
    #[error("function name `{name}` is not an identifier")]
    FuncName { name: String },
    /// Functions are told apart by their names.
    #[error("function @{name} is defined twice")]
    DuplicateFunc { name: String },
    /// Constant data has a name that the text form and the symbol table can hold.
    #[error("name `{name}` of constant data is not an identifier")]
    DataName { name: String },
    /// Functions and constant data are told apart by their names.
    #[error("the name of constant data @{name} is taken")]
    DataTwice { name: String },
    /// There is something at every address.
    #[error("constant data @{name} of {}", counted(*.bytes, "byte"))]
    DataBytes { name: String, bytes: usize },
    /// Elements stand where they can be loaded from.
    #[error(
        "constant data @{name} at multiples of {found}, the range is {min}..={CORE_BANK_BYTES}, powers of two"
    )]
    DataAlign { name: String, found: u32, min: u32 },
    /// Data memory has few banks.
    #[error("constant data @{name} in bank {found}, a core's banks are 0..={}", BANKS - 1)]
    DataBank { name: String, found: u8 },
    /// A core has little data memory.
    #[error("{}", .room.message())]
    DataRoom { room: NoRoom },
    /// Addresses are taken of constant data of the module.
    #[error("address of @{name}, which the module does not define")]
    UnknownData {
        name: String,
        nearest: Option<String>,
    },
    /// Calls name a function of the module.
    #[error("call to @{name}, which the module does not define")]
    UnknownCallee {
        name: String,
        nearest: Option<String>,
    },
    /// A core has no room for a stack of unknown depth.
    #[error("recursion: {cycle}")]
    Recursion { cycle: String },
    /// A function that loops forever is a program, not a subroutine.
    #[error("call to @{name}, which never returns")]
    NeverReturns { name: String },
    /// Calls pass as many arguments as the function has parameters.
    #[error("call to @{name} with {}, it has {}", counted(*.found, "argument"), counted(*.expected, "parameter"))]
    ArgCount {
        name: String,
        found: usize,
        expected: usize,
    },
    /// Arguments have the types of the parameters.
    #[error("argument {index} of the call to @{name} is {found}, the parameter is {expected}")]
    ArgType {
        name: String,
        index: usize,
        found: Type,
        expected: Type,
    },
    /// Parameters travel in scalar and pointer registers.
    #[error("parameter {value} is {ty}, parameters are i32 or ptr")]
    ParamType { value: String, ty: Type },
    /// Parameters travel in registers, never on the stack.
    #[error("{} of type {class}, a call passes at most {limit}", counted(*.found, "parameter"))]
    ParamCount {
        class: Type,
        found: usize,
        limit: usize,
    },
    /// Only pointers alias.
    #[error("parameter {value} is {ty} and cannot be noalias")]
    NoaliasType { value: String, ty: Type },
    /// Every value fits one register.
    #[error("{value} is {ty} of {bits} bits, no register holds it")]
    Width { value: String, ty: Type, bits: u32 },
    /// Values have a type.
    #[error("value {value} has no type, the function has {count} values")]
    NoSuchValue { value: String, count: usize },
    /// SSA: one definition.
    #[error("value {value} is defined twice")]
    DefinedTwice { value: String },
    /// SSA: some definition.
    #[error("value {value} is never defined")]
    Undefined { value: String },
    /// SSA: definitions come first.
    #[error("value {value} is used before it is defined")]
    UsedBefore { value: String },
    /// SSA: values of a block end with it.
    #[error("value {value} is used outside the block that defines it")]
    OutOfScope { value: String },
    /// Operations have a fixed number of results.
    #[error("{} where the operation has {expected}", counted(*.found, "result"))]
    ResultCount { found: usize, expected: usize },
    /// Types of results follow from the operation.
    #[error("result {value} is {found} where the operation makes {expected}")]
    ResultType {
        value: String,
        found: Type,
        expected: Type,
    },
    /// Operands have the types that the operation takes.
    #[error("{operand} {value} is {found}, expected {expected}")]
    OperandType {
        operand: &'static str,
        value: String,
        found: Type,
        expected: String,
    },
    /// The operation makes only some types.
    #[error("{op} makes {expected}, not {found}")]
    Makes {
        op: &'static str,
        found: Type,
        expected: &'static str,
    },
    /// Vectors lie at multiples of 32 bytes, words at multiples of 4.
    #[error("{} of {bytes} is not a multiple of {align} bytes, which {what} needs", access_word(.access))]
    Alignment {
        access: Access,
        bytes: i32,
        what: String,
        align: u32,
    },
    /// Counters of walks have 20 bits.
    #[error("walk of {found} places in a dimension, the range is 1..={MAX_WALK_STEPS}")]
    WalkSteps { found: u32 },
    /// A walk has one register, which each use moves on.
    #[error("walk {value} is used twice")]
    WalkUsedTwice { value: String },
    /// A pass of a loop leaves a walk moved on for the next, a block of `if` for what follows.
    #[error("walk {value} is used in a block that does not carry it")]
    WalkNotCarried { value: String },
    /// A walk stays in its register around a loop.
    #[error("yield of walk {value} as carried walk {expected}, from which it does not come")]
    WalkYield { value: String, expected: String },
    /// Walks keep registers for themselves.
    #[error("the walks of the function take {found} modifier tuples, the limit is {limit}")]
    WalkTuples { found: usize, limit: usize },
    /// Called functions have walks of their own in the same registers.
    #[error("call in a function with walks")]
    WalkCall,
    /// Offsets stay within the data space.
    #[error("offset of {bytes} leaves the data space of {limit} bytes")]
    OffsetRange { bytes: i32, limit: u32 },
    /// Addresses lie in the data space.
    #[error("address {addr:#x} is outside the data space {:#x}..={:#x}", DATA_SPACE.start(), DATA_SPACE.end())]
    AddrRange { addr: u32 },
    /// Constant shifts are in range.
    #[error("shift by {found}, the range of {op} is {min}..={max}")]
    ShiftRange {
        op: String,
        found: i32,
        min: i32,
        max: i32,
    },
    /// The vector adder has no arithmetic of floats, and orders bf16 only.
    #[error("no {op} of {elem} lanes")]
    LaneElem { op: &'static str, elem: Elem },
    /// Operations that do not compare do the same to signed and unsigned elements.
    #[error("{op} has no unsigned form")]
    NoUnsigned { op: &'static str },
    /// Lane operations have one operand or two.
    #[error("{op} of {}, it takes {expected}", counted(*.found, "operand"))]
    LaneOperands {
        op: &'static str,
        found: usize,
        expected: usize,
    },
    /// A scalar has the bits of 32 lanes.
    #[error("mask of {lanes} lanes from {}", counted(*.words, "scalar"))]
    MaskWords { lanes: u16, words: usize },
    /// Masks live in registers.
    #[error("{ty} is a mask and has no place in memory")]
    MaskMemory { ty: Type },
    /// The chip packs between 8 and 16 bits.
    #[error("{op} of {found}, it takes {takes}")]
    Packing {
        op: &'static str,
        found: Type,
        takes: Type,
    },
    /// A cast keeps every bit.
    #[error("cast of {from}, {bits} bits, to {to}, {to_bits} bits")]
    CastWidth {
        from: Type,
        bits: u32,
        to: Type,
        to_bits: u32,
    },
    /// The core moves few pairs of accumulators and vectors.
    #[error("no srs from {acc} to {ty}")]
    SrsForm { acc: Type, ty: Type },
    /// The core moves few pairs of vectors and accumulators.
    #[error("no ups from {ty} to {acc}")]
    UpsForm { ty: Type, acc: Type },
    /// The core looks up few sizes of entries.
    #[error("no look-up of {ty} at {at}")]
    LookupForm { ty: Type, at: Type },
    /// The cascade is as wide as a vector register.
    #[error("{ty} in the cascade, which carries words of 512 bits")]
    CascadeWidth { ty: Type },
    /// Floats have a sign.
    #[error("operands of {mode} are floats and cannot be unsigned")]
    FloatSign { mode: &'static str },
    /// The hardware loop runs at least once.
    #[error("loop of 0 passes, the least is 1")]
    LoopCount,
    /// Loops nest to a depth that tools can walk.
    #[error("loops nest deeper than {limit}")]
    Nesting { limit: usize },
    /// Carried values have an initial value.
    #[error("loop with {} and {}", counted(*.params, "carried value"), counted(*.init, "initial value"))]
    LoopInit { params: usize, init: usize },
    /// Carried values keep their type.
    #[error("carried value {value} is {found}, its initial value is {expected}")]
    LoopType {
        value: String,
        found: Type,
        expected: Type,
    },
    /// A body hands on the values of the next pass, a block of `if` its results.
    #[error("a block of it does not end with yield")]
    YieldMissing,
    /// `yield` ends a loop's body or a block of `if`.
    #[error("yield that does not end a block of a loop or if")]
    YieldMisplaced,
    /// As many values go round as the loop carries; both blocks of `if` yield as many.
    #[error("yield of {} where {expected} are wanted", counted(*.found, "value"))]
    YieldCount { found: usize, expected: usize },
    /// Values that go round keep their type; both blocks of `if` yield the same types.
    #[error("yield of {value}, which is {found}, as value {index}, which is {expected}")]
    YieldType {
        value: String,
        index: usize,
        found: Type,
        expected: Type,
    },
    /// A walk lives in registers that both blocks would move on.
    #[error("a block of if that yields a {ty}")]
    IfWalk { ty: Type },
    /// Functions end with what they return.
    #[error("the function does not end with return")]
    ReturnMissing,
    /// `return` ends a function.
    #[error("return that does not end a function")]
    ReturnMisplaced,
    /// As many values are returned as the function says.
    #[error("return of {} in a function that returns {expected}", counted(*.found, "value"))]
    ReturnCount { found: usize, expected: usize },
    /// Returned values have the types that the function says.
    #[error("return of {value}, which is {found}, as value {index}, which is {expected}")]
    ReturnType {
        value: String,
        index: usize,
        found: Type,
        expected: Type,
    },
    /// Results travel in scalar and pointer registers.
    #[error("a function that returns {ty}, results are i32 or ptr")]
    ResultIsWide { ty: Type },
    /// Results travel in registers, never on the stack.
    #[error("{} of type {class}, a function returns at most {limit}", counted(*.found, "result"))]
    ReturnedCount {
        class: Type,
        found: usize,
        limit: usize,
    },
    /// Calls take what the function returns.
    #[error("call to @{name} for {found}, it returns {expected}")]
    CallResults {
        name: String,
        found: String,
        expected: String,
    },
    /// What follows an endless loop is never reached.
    #[error("endless loop that is not the last instruction of its function")]
    ForeverNotLast,
    /// Lock numbers of a core.
    #[error("lock {found}, a core reaches locks 0..=63")]
    LockId { found: u8 },
    /// Amounts of an acquire or release.
    #[error("lock value {found}, the range is 1..=63")]
    LockValue { found: u8 },
}

impl Rule {
    /// What to do about it, where there is more to say than the message does.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Rule::FuncName { .. } => {
                "a letter or `_`, then letters, digits, `_` and `.`".to_string()
            }
            Rule::DuplicateFunc { .. } | Rule::DataTwice { .. } => "rename one of the two".into(),
            Rule::DataName { .. } => "a letter or `_`, then letters, digits, `_` and `.`".into(),
            Rule::DataBytes { .. } => "give it a whole number of elements, at least one".into(),
            Rule::DataRoom { .. } => NoRoom::HELP.into(),
            Rule::UnknownData { nearest, .. } => match nearest {
                Some(nearest) => format!("did you mean @{nearest}?"),
                None => "add the data to the module: `const @name: i16[2] = 1, 2`".into(),
            },
            Rule::UnknownCallee { nearest, .. } => match nearest {
                Some(nearest) => format!("did you mean @{nearest}?"),
                None => "add the function to the module".into(),
            },
            Rule::Recursion { .. } => "use a loop".into(),
            Rule::NeverReturns { .. } => {
                "only a core's program loops forever; call what its loop calls".into()
            }
            Rule::ParamType { .. } => "pass a pointer to memory that holds it".into(),
            Rule::ParamCount { class, .. } => match class {
                Type::Ptr => "pass one pointer and the distances of the others from it".into(),
                _ => "pass a pointer to memory that holds them".into(),
            },
            Rule::NoaliasType { .. } => "drop noalias, it says something about memory".into(),
            Rule::Width { ty, .. } => match ty {
                Type::Acc { .. } => "accumulators have 512 or 1024 bits".into(),
                Type::Mask { .. } => "masks have 16, 32 or 64 lanes".into(),
                _ => "vectors have 256 or 512 bits".into(),
            },
            Rule::OutOfScope { .. } => "yield it, and use the result".into(),
            Rule::Alignment { bytes, align, .. } => {
                let below = bytes.div_euclid(*align as i32) as i64 * i64::from(*align);
                format!("the nearest are {below} and {}", below + i64::from(*align))
            }
            Rule::WalkUsedTwice { .. } => {
                "use the walk that the first use makes, or begin a second one".into()
            }
            Rule::WalkNotCarried { .. } => "carry it, and yield what the last use makes".into(),
            Rule::WalkYield { .. } => "yield the walk that began with this carried value".into(),
            Rule::WalkTuples { .. } => {
                "two dimensions take one, three take two; step other pointers by numbers".into()
            }
            Rule::WalkCall => "move the walks to a function of their own".into(),
            Rule::SrsForm { .. } => {
                "acc32 to i8 or i16, acc64 to i16 or i32, with as many lanes".into()
            }
            Rule::UpsForm { .. } => {
                "i8 or i16 to acc32, i16 or i32 to acc64, with as many lanes".into()
            }
            Rule::LookupForm { .. } => {
                "addresses are i32x8 or i32x16, and each finds 2, 4 or 8 bytes of the result".into()
            }
            Rule::CascadeWidth { .. } => {
                "send vectors of 512 bits, or accumulators of 512 or 1024".into()
            }
            Rule::LaneElem { .. } => {
                "add, subtract and multiply floats in accumulators; compare as bf16".into()
            }
            Rule::Packing { op, .. } => match *op {
                "vpack" => "32 bits to 16: cast to acc32, then srs by 0".into(),
                _ => "16 bits to 32: ups to acc32 by 0, then cast".into(),
            },
            Rule::NoUnsigned { .. } => "it is the same for signed elements".into(),
            Rule::MaskMemory { .. } => "store the scalars of `mask.lo` and `mask.hi`".into(),
            Rule::CastWidth { .. } => {
                "concat and half change the width, srs and ups that of lanes".into()
            }
            Rule::LoopCount => "leave the loop out".into(),
            Rule::Nesting { .. } => "move inner loops to a function of their own".into(),
            Rule::YieldMissing => "end it with `yield`, even if that yields nothing".into(),
            Rule::IfWalk { .. } => "choose between steps with select, and step the pointer".into(),
            Rule::ReturnMissing => "name the results: `return %a, %b`".into(),
            Rule::ReturnMisplaced => "choose values with if, and return them at the end".into(),
            Rule::ResultIsWide { .. } => "store it through a pointer parameter".into(),
            Rule::ReturnedCount { .. } => "store them through a pointer parameter".into(),
            Rule::ForeverNotLast => "move it to the end, or give the loop a count".into(),
            Rule::LockId { .. } => {
                "0..=15 south, 16..=31 west, 32..=47 north, 48..=63 own tile".into()
            }
            _ => return None,
        })
    }
}

fn access_word(access: &Access) -> &'static str {
    match access {
        Access::Offset(_) | Access::OffsetVar(_) => "offset",
        Access::Post(_) | Access::PostVar(_) | Access::Walk(_) => "step",
    }
}

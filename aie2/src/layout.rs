//! Layout: where every bundle stands and how large it is.
//!
//! A bundle takes the smallest format that holds its slots, unless an address asks for more. Addresses
//! that control goes to by other means than running on are multiples of 16 (branch targets, returns,
//! functions, loop starts), and so is the last bundle of a loop, which is 16 bytes long. Bundles in
//! front of such an address grow to larger formats, which costs bytes but no cycles: every bundle can be
//! 16 bytes long, so that this always succeeds. Only the distance from the last write of a loop
//! register to the loop's end may need bundles of no operation in front of the loop.
//!
//! Sources: Xilinx/llvm-aie llvm/lib/Target/AIE/aie2/AIE2InstrInfo.cpp, AIEBaseInstrInfo.cpp
//! (alignment, loop distances); FIM43-Redeye/xdna-emu (formats).

mod loops;
mod sizes;

use arch::aie2::rules::{DELAY_SLOTS, LOOP_SETUP_BYTES};
use arch::aie2::{Dir, Slot};
use arch::limits::PROGRAM_BYTES;

use super::mir::{BlockId, BlockKind, Label, MInst, MOperand, Program};
use sizes::Sizes;

/// The place of every bundle of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutMap {
    /// Functions in the order of the program.
    pub funcs: Vec<FuncPlace>,
    /// Bytes of the program, a multiple of [`TARGET_ALIGN`](arch::aie2::rules::TARGET_ALIGN).
    pub size: u32,
}

/// The place of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncPlace {
    /// Symbol.
    pub name: String,
    /// Address of its first bundle.
    pub start: u32,
    /// Address after its last bundle.
    pub end: u32,
    /// Blocks in the order of the function.
    pub blocks: Vec<BlockPlace>,
}

/// The place of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPlace {
    /// Address of its first bundle, or of what follows if it has none.
    pub start: u32,
    /// Its bundles in the order of their addresses.
    pub bundles: Vec<Place>,
}

/// The place of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address of its first byte.
    pub address: u32,
    /// Its bytes: even, 2 to 16.
    pub size: u32,
    /// The cycle of the block that it is; `None` for a bundle of no operation that layout put in.
    pub cycle: Option<usize>,
}

impl LayoutMap {
    /// The address that `label` means in the function with position `func`; `None` if there is no
    /// such place.
    pub fn resolve(&self, func: usize, label: &Label) -> Option<u32> {
        let block = |id: &BlockId| self.funcs.get(func)?.blocks.get(id.index());
        match label {
            Label::Block(id) => Some(block(id)?.start),
            Label::LastBundle(id) => Some(block(id)?.bundles.last()?.address),
            Label::Func(name) => Some(self.funcs.iter().find(|f| f.name == *name)?.start),
        }
    }
}

/// A bundle on its way to an address.
#[derive(Clone, Debug)]
struct Item {
    func: usize,
    block: usize,
    cycle: Option<usize>,
    sizes: Sizes,
    /// Starts at a multiple of [`TARGET_ALIGN`](arch::aie2::rules::TARGET_ALIGN).
    aligned: bool,
    writes_loop: bool,
    branches: bool,
    /// Cycles from its issue until its last result can be read.
    lands: usize,
}

/// Why a program cannot be laid out.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LayoutError {
    /// Program memory is too small.
    #[error(
        "the program takes {size} bytes, {} more than the {PROGRAM_BYTES} of program memory: {funcs}\n\
         help: unroll less in the largest function, or give its work to another core",
        .size - PROGRAM_BYTES
    )]
    TooLarge {
        /// Bytes of the whole program.
        size: u32,
        /// Functions with their sizes, largest first.
        funcs: String,
    },
    /// A cycle names an instruction that the block lacks.
    #[error(
        "function `{func}`, block {block}, cycle {cycle}: there is no instruction {inst}\n\
         help: cycles hold positions in the block's list of instructions"
    )]
    NoInst {
        /// Function.
        func: String,
        /// Block.
        block: usize,
        /// Cycle of the block.
        cycle: usize,
        /// Position that the cycle names.
        inst: usize,
    },
    /// No bundle format holds the instructions of a cycle.
    #[error(
        "function `{func}`, block {block}, cycle {cycle}: no bundle holds {insts}\n\
         help: a bundle takes one instruction a slot, and lng takes the room of alu and mv"
    )]
    NoFormat {
        /// Function.
        func: String,
        /// Block.
        block: usize,
        /// Cycle of the block.
        cycle: usize,
        /// The instructions with their slots.
        insts: String,
    },
    /// A loop ends too soon after its registers are written.
    #[error(
        "function `{func}`, block {block}: the loop ends {distance} bytes after the bundle in block \
         {writer} that writes a loop register, at least {LOOP_SETUP_BYTES} are needed\n\
         help: enter the loop by running on into it, so that layout can put bundles in front"
    )]
    LoopTooClose {
        /// Function.
        func: String,
        /// The loop.
        block: usize,
        /// Block with the write.
        writer: usize,
        /// Bytes between.
        distance: u32,
    },
}

/// Places every bundle of `program`.
///
/// # Errors
/// [`LayoutError`] names what has no place.
pub fn layout(program: &Program) -> Result<LayoutMap, LayoutError> {
    let mut items = collect(program)?;
    loops::keep_distance(program, &mut items)?;
    sizes::align(&mut items);
    let map = place(program, &items);
    if map.size > PROGRAM_BYTES {
        return Err(too_large(&map));
    }
    Ok(map)
}

fn collect(program: &Program) -> Result<Vec<Item>, LayoutError> {
    let mut items = Vec::new();
    for (f, func) in program.funcs.iter().enumerate() {
        let mut targets = vec![false; func.blocks.len()];
        for inst in func.blocks.iter().flat_map(|b| &b.insts) {
            for operand in &inst.operands {
                if let MOperand::Label(Label::Block(id)) = operand
                    && let Some(target) = targets.get_mut(id.index())
                {
                    *target = true;
                }
            }
        }
        // Empty blocks hand the wish on to the next bundle.
        let mut aligned = true;
        for (b, block) in func.blocks.iter().enumerate() {
            let is_loop = block.kind == BlockKind::HardwareLoop;
            aligned |= targets[b] || is_loop;
            let mut call = None;
            for (c, cycle) in block.cycles.iter().enumerate() {
                let mut slots = Vec::new();
                let (mut writes_loop, mut branches, mut lands) = (false, false, 0);
                for &k in cycle {
                    let inst = block.insts.get(k).ok_or_else(|| LayoutError::NoInst {
                        func: func.name.clone(),
                        block: b,
                        cycle: c,
                        inst: k,
                    })?;
                    slots.push(inst.op.slot());
                    writes_loop |= loops::writes_loop_register(inst);
                    branches |= inst.op.is_branch();
                    lands = lands.max(last_write(inst));
                    if inst.op.is_call() {
                        call = Some(c);
                    }
                }
                let sizes = Sizes::of(&slots).ok_or_else(|| LayoutError::NoFormat {
                    func: func.name.clone(),
                    block: b,
                    cycle: c,
                    insts: in_words(&slots, cycle, &block.insts),
                })?;
                let last = is_loop && c + 1 == block.cycles.len();
                items.push(Item {
                    func: f,
                    block: b,
                    cycle: Some(c),
                    sizes: if last { sizes.largest_only() } else { sizes },
                    aligned: aligned || last,
                    writes_loop,
                    branches,
                    lands,
                });
                aligned = call.is_some_and(|at| at + DELAY_SLOTS == c);
            }
        }
    }
    Ok(items)
}

/// The last stage in which `inst` writes a register.
fn last_write(inst: &MInst) -> usize {
    let desc = inst.op.desc();
    let stages = desc.operands.iter().zip(inst.op.itinerary().operand_cycles);
    let written = stages
        .filter(|(o, _)| o.dir == Dir::Out)
        .map(|(_, stage)| *stage);
    let implied = desc.implicit_defs.iter().map(|d| d.stage);
    written.chain(implied).max().map_or(0, usize::from)
}

fn in_words(slots: &[Slot], cycle: &[usize], insts: &[MInst]) -> String {
    let each = slots.iter().zip(cycle);
    let each = each.map(|(slot, k)| format!("{} ({slot})", insts[*k].op.desc().mnemonic));
    each.collect::<Vec<_>>().join(", ")
}

fn place(program: &Program, items: &[Item]) -> LayoutMap {
    let mut items = items.iter().peekable();
    let mut at = 0;
    let mut funcs = Vec::with_capacity(program.funcs.len());
    for (f, func) in program.funcs.iter().enumerate() {
        let start = at;
        let mut blocks = Vec::with_capacity(func.blocks.len());
        for b in 0..func.blocks.len() {
            let start = at;
            let mut bundles = Vec::new();
            while let Some(item) = items.next_if(|i| i.func == f && i.block == b) {
                let size = item.sizes.chosen();
                bundles.push(Place {
                    address: at,
                    size,
                    cycle: item.cycle,
                });
                at += size;
            }
            blocks.push(BlockPlace { start, bundles });
        }
        funcs.push(FuncPlace {
            name: func.name.clone(),
            start,
            end: at,
            blocks,
        });
    }
    LayoutMap { funcs, size: at }
}

fn too_large(map: &LayoutMap) -> LayoutError {
    let mut funcs: Vec<_> = map
        .funcs
        .iter()
        .map(|f| (f.end - f.start, &f.name))
        .collect();
    funcs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let funcs: Vec<_> = funcs
        .iter()
        .map(|(size, name)| format!("`{name}` {size}"))
        .collect();
    LayoutError::TooLarge {
        size: map.size,
        funcs: funcs.join(", "),
    }
}

//! What aie-opt decided: addresses of buffers and ids of locks, read out of its physical MLIR, and
//! core programs of ours moved to them.
//!
//! Buffers and locks have the same names in both lowerings. The reader takes the lines that
//! `aie.tile`, `aie.buffer`, `aie.lock` and `aie.core` print as, and leaves the others as they are.

use std::collections::BTreeMap;

use arch::array::{lock, memory};
use arch::{Tile, TileKind};

use array::lower::addresses::alignment;
use array::lowered::Lowered;
use array::worker::{CorePlan, PlanArg, PlanStep};

/// Why physical MLIR and a design do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhysicalError {
    /// A line that is not understood.
    #[error(
        "line {line}: `{text}` is not as aie-opt prints it: {what}\nhelp: use the aie-opt that toolchain.lock names"
    )]
    Line {
        /// Line, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is missing.
        what: &'static str,
    },
    /// Something that a program of ours needs is not there.
    #[error(
        "{what} is not in the physical MLIR\nhelp: npuc-mlir and npuc must be of the same release; `--array builtin` needs neither"
    )]
    Missing {
        /// Buffer, lock or core.
        what: String,
    },
    /// A core that cannot reach what it works on.
    #[error(
        "core {core} does not reach {what}, which aie-opt placed elsewhere\nhelp: use `--array builtin`, or Peano for the cores (--cores peano)"
    )]
    OutOfReach {
        /// Core.
        core: Tile,
        /// Buffer or lock.
        what: String,
    },
}

/// A buffer in the physical MLIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// First byte in the tile's data memory.
    pub address: u32,
    /// Size, bytes.
    pub bytes: u32,
}

/// Addresses and ids of the physical MLIR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Physical {
    /// Buffers by tile and name.
    pub buffers: BTreeMap<(Tile, String), Buffer>,
    /// Ids of locks by tile and name.
    pub locks: BTreeMap<(Tile, String), u8>,
}

/// What stands behind `name = ` in a dictionary of attributes, to the next comma, colon or brace.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let wanted = format!("{name} = ");
    let starts = text.match_indices(&wanted).map(|(at, _)| at);
    let mut whole = starts.filter(|&at| at == 0 || " {,".contains(&text[at - 1..at]));
    let value = &text[whole.next()? + wanted.len()..];
    let end = value.find([',', ':', '}'])?;
    Some(value[..end].trim().trim_matches('"'))
}

/// What stands between the first pair of these brackets.
fn inside<'a>(text: &'a str, open: &str, close: char) -> Option<&'a str> {
    let rest = &text[text.find(open)? + open.len()..];
    rest.find(close).map(|end| &rest[..end])
}

/// Bytes of `memref<16x8xi32>`.
fn memref_bytes(text: &str) -> Option<u32> {
    let shape = inside(text.rsplit(" : ").next()?, "memref<", '>')?;
    let parts: Vec<&str> = shape.split(',').next()?.split('x').collect();
    let (element, sizes) = parts.split_last()?;
    let bits: u32 = element
        .trim_start_matches(|c: char| c.is_ascii_alphabetic())
        .parse()
        .ok()?;
    let mut sizes = sizes.iter().map(|size| size.trim().parse::<u32>().ok());
    let count = sizes.try_fold(1u32, |count, size| count.checked_mul(size?))?;
    count.checked_mul(bits / 8)
}

impl Physical {
    /// Reads the text that aie-opt prints after allocation and routing.
    ///
    /// # Errors
    /// [`PhysicalError::Line`] for a buffer, lock or tile without what it must have.
    pub fn read(text: &str) -> Result<Self, PhysicalError> {
        let mut physical = Physical::default();
        let mut tiles: BTreeMap<&str, Tile> = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let Some((value, operation)) = line.trim().split_once(" = ") else {
                continue;
            };
            let wrong = |what| PhysicalError::Line {
                line: number,
                text: line.trim().chars().take(120).collect(),
                what,
            };
            let first = || {
                let operands = inside(operation, "(", ')')?;
                Some(operands.split(',').next()?.trim())
            };
            let tile = || first().and_then(|operand| tiles.get(operand)).copied();
            if operation.starts_with("aie.tile(") {
                let place = inside(operation, "(", ')').and_then(|place| {
                    let (col, row) = place.split_once(',')?;
                    Some(Tile::new(
                        col.trim().parse().ok()?,
                        row.trim().parse().ok()?,
                    ))
                });
                tiles.insert(value, place.ok_or_else(|| wrong("no column and row"))?);
            } else if operation.starts_with("aie.buffer(") {
                let tile = tile().ok_or_else(|| wrong("no tile"))?;
                let name = attribute(operation, "sym_name").ok_or_else(|| wrong("no name"))?;
                let address = attribute(operation, "address").and_then(|a| a.parse().ok());
                let address = address.ok_or_else(|| wrong("no address"))?;
                let bytes = memref_bytes(operation).ok_or_else(|| wrong("no size"))?;
                let buffer = Buffer { address, bytes };
                physical.buffers.insert((tile, name.to_owned()), buffer);
            } else if operation.starts_with("aie.lock(") {
                let tile = tile().ok_or_else(|| wrong("no tile"))?;
                let id = inside(operation, "(", ')')
                    .and_then(|operands| operands.split(',').nth(1)?.trim().parse().ok());
                let id = id.ok_or_else(|| wrong("no id"))?;
                if let Some(name) = attribute(operation, "sym_name") {
                    physical.locks.insert((tile, name.to_owned()), id);
                }
            }
        }
        Ok(physical)
    }

    /// The program of a core that was planned for `lowered`, moved to these addresses and ids.
    ///
    /// # Errors
    /// [`PhysicalError`] when something is not there, or out of the core's reach.
    pub fn relocate(&self, lowered: &Lowered, plan: &CorePlan) -> Result<CorePlan, PhysicalError> {
        let core = plan.tile;
        let own = self.buffers.iter().filter(|((tile, _), _)| *tile == core);
        let end = own
            .map(|(_, b)| b.address + b.bytes)
            .fold(plan.stack_bytes, u32::max);
        Ok(CorePlan {
            data_base: end.next_multiple_of(alignment(TileKind::Core) as u32),
            body: self.steps(lowered, core, &plan.body)?,
            ..plan.clone()
        })
    }

    fn steps(
        &self,
        lowered: &Lowered,
        core: Tile,
        steps: &[PlanStep],
    ) -> Result<Vec<PlanStep>, PhysicalError> {
        let body = |body: &[PlanStep]| self.steps(lowered, core, body);
        let step = |step: &PlanStep| {
            Ok(match step {
                PlanStep::Acquire { lock, count } => PlanStep::Acquire {
                    lock: self.lock(lowered, core, *lock)?,
                    count: *count,
                },
                PlanStep::Release { lock, count } => PlanStep::Release {
                    lock: self.lock(lowered, core, *lock)?,
                    count: *count,
                },
                PlanStep::Call { kernel, args } => PlanStep::Call {
                    kernel: kernel.clone(),
                    args: args
                        .iter()
                        .map(|arg| match arg {
                            PlanArg::Address(address) => {
                                let moved = self.address(lowered, core, *address)?;
                                Ok(PlanArg::Address(moved))
                            }
                            PlanArg::I32(value) => Ok(PlanArg::I32(*value)),
                        })
                        .collect::<Result<_, PhysicalError>>()?,
                },
                PlanStep::Loop { times, body: steps } => PlanStep::Loop {
                    times: *times,
                    body: body(steps)?,
                },
                PlanStep::LoopBy {
                    address,
                    body: steps,
                } => PlanStep::LoopBy {
                    address: self.address(lowered, core, *address)?,
                    body: body(steps)?,
                },
                PlanStep::Forever { body: steps } => PlanStep::Forever { body: body(steps)? },
            })
        };
        steps.iter().map(step).collect()
    }

    fn address(&self, lowered: &Lowered, core: Tile, address: u32) -> Result<u32, PhysicalError> {
        let missing = |what: String| PhysicalError::Missing { what };
        let (tile, offset) = memory::core_address_target(core, address)
            .ok_or_else(|| missing(format!("address {address:#x} of core {core}")))?;
        let mut buffers = lowered.buffers.iter().filter(|b| b.tile == tile);
        let ours = buffers
            .find(|b| (b.address..b.address + b.bytes).contains(&offset))
            .ok_or_else(|| missing(format!("byte {offset:#x} of tile {tile}")))?;
        let theirs = self.buffers.get(&(tile, ours.name.clone()));
        let theirs = theirs.filter(|theirs| theirs.bytes == ours.bytes);
        let theirs = theirs.ok_or_else(|| {
            let (name, bytes) = (&ours.name, ours.bytes);
            missing(format!("buffer `{name}` of {bytes} bytes on tile {tile}"))
        })?;
        let moved = theirs.address + (offset - ours.address);
        memory::core_address(core, tile, moved).ok_or_else(|| PhysicalError::OutOfReach {
            core,
            what: format!("buffer `{}`", ours.name),
        })
    }

    fn lock(&self, lowered: &Lowered, core: Tile, id: u8) -> Result<u8, PhysicalError> {
        let missing = |what: String| PhysicalError::Missing { what };
        let (tile, id) = lock::core_lock_target(core, id)
            .ok_or_else(|| missing(format!("lock {id} of core {core}")))?;
        let mut locks = lowered.locks.iter();
        let ours = locks
            .find(|lock| lock.tile == tile && lock.id == id)
            .ok_or_else(|| missing(format!("lock {id} of tile {tile}")))?;
        let theirs = self.locks.get(&(tile, ours.name.clone()));
        let theirs =
            theirs.ok_or_else(|| missing(format!("lock `{}` on tile {tile}", ours.name)))?;
        lock::core_lock_id(core, tile, *theirs).ok_or_else(|| PhysicalError::OutOfReach {
            core,
            what: format!("lock `{}`", ours.name),
        })
    }
}

/// The same MLIR, each core of `elfs` with the file of its program.
///
/// # Errors
/// [`PhysicalError::Missing`] for a core that is not there.
pub fn with_elfs(text: &str, elfs: &[(Tile, String)]) -> Result<String, PhysicalError> {
    let mut tiles: BTreeMap<&str, Tile> = BTreeMap::new();
    let mut waiting = elfs.to_vec();
    let mut open: Option<(&str, String)> = None;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let content = line.trim_start();
        let indent = &line[..line.len() - content.len()];
        if let Some((value, operation)) = content.split_once(" = ") {
            let operands = inside(operation, "(", ')').unwrap_or_default();
            if operation.starts_with("aie.tile(") {
                if let Some((col, row)) = operands.split_once(',')
                    && let (Ok(col), Ok(row)) = (col.trim().parse(), row.trim().parse())
                {
                    tiles.insert(value, Tile::new(col, row));
                }
            } else if operation.starts_with("aie.core(") {
                let place = waiting
                    .iter()
                    .position(|(tile, _)| tiles.get(operands.trim()) == Some(tile));
                open = place.map(|place| (indent, waiting.remove(place).1));
            }
        }
        let closes = open.as_ref().is_some_and(|(i, _)| *i == indent) && content.starts_with('}');
        match open.take_if(|_| closes) {
            Some((_, elf)) => {
                let others = content
                    .strip_prefix("} {")
                    .map(|others| format!(", {others}"));
                let others = others.unwrap_or_else(|| "}".to_owned());
                out += &format!("{indent}}} {{elf_file = \"{elf}\"{others}\n");
            }
            None => {
                out += line;
                out.push('\n');
            }
        }
    }
    match waiting.first() {
        Some((tile, _)) => Err(PhysicalError::Missing {
            what: format!("core {tile}"),
        }),
        None => Ok(out),
    }
}

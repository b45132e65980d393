//! The bytes, decoded and matched with the program that they should be.

use arch::aie2::{Inst, Operand, decode_bundle};
use arch::limits::PROGRAM_BYTES;

use super::error::{CheckError, Fault, Site};
use crate::layout::LayoutMap;
use crate::listing::in_short;
use crate::mir::{BlockId, Label, MInst, MOperand, Program};

/// A decoded bundle.
pub(super) struct Decoded {
    pub(super) address: u32,
    pub(super) size: u32,
    pub(super) cycle: Option<usize>,
    pub(super) ops: Vec<Op>,
    func: usize,
    block: usize,
    text: String,
}

/// A decoded instruction and the one of the program that it is: a position in the block's list.
pub(super) struct Op {
    pub(super) inst: Inst,
    pub(super) source: usize,
}

/// Program memory, bundle by bundle.
pub(super) struct Code<'a> {
    pub(super) program: &'a Program,
    pub(super) bundles: Vec<Decoded>,
    /// For each function and block the bundles, by their positions in `bundles`.
    pub(super) blocks: Vec<Vec<std::ops::Range<usize>>>,
    /// Bytes of program memory in use.
    size: u32,
}

impl<'a> Code<'a> {
    /// Decodes `bytes` and matches them with `program` at the places of `map`.
    pub(super) fn read(
        bytes: &[u8],
        program: &'a Program,
        map: &LayoutMap,
    ) -> Result<Code<'a>, Vec<CheckError>> {
        let mut code = Code {
            program,
            bundles: Vec::new(),
            blocks: Vec::new(),
            size: bytes.len().try_into().unwrap_or(u32::MAX),
        };
        if code.size > PROGRAM_BYTES {
            return Err(vec![code.nowhere(0, Fault::TooLarge(code.size))]);
        }
        code.decode(bytes, map).map_err(|e| vec![*e])?;
        let errors = code.matches();
        if errors.is_empty() {
            Ok(code)
        } else {
            Err(errors)
        }
    }

    /// The site of a bundle.
    pub(super) fn site(&self, bundle: usize) -> Site {
        let decoded = &self.bundles[bundle];
        Site {
            func: self.program.funcs[decoded.func].name.clone(),
            block: decoded.block,
            cycle: decoded.cycle,
            address: decoded.address,
            bundle: decoded.text.clone(),
        }
    }

    /// An error at a bundle.
    pub(super) fn error(&self, bundle: usize, fault: Fault) -> CheckError {
        CheckError {
            site: self.site(bundle),
            fault,
        }
    }

    /// An error in a block: at its last bundle.
    pub(super) fn block_error(&self, func: usize, block: usize, fault: Fault) -> CheckError {
        let range = &self.blocks[func][block];
        if range.is_empty() {
            let mut error = self.nowhere(self.start(func, block), fault);
            error.site.func.clone_from(&self.program.funcs[func].name);
            error.site.block = block;
            return error;
        }
        self.error(range.end - 1, fault)
    }

    fn nowhere(&self, address: u32, fault: Fault) -> CheckError {
        let (func, bundle) = (String::new(), String::new());
        CheckError {
            site: Site {
                func,
                block: 0,
                cycle: None,
                address,
                bundle,
            },
            fault,
        }
    }

    /// The program's instruction behind a decoded one.
    pub(super) fn source(&self, bundle: usize, op: &Op) -> &'a MInst {
        let decoded = &self.bundles[bundle];
        &self.program.funcs[decoded.func].blocks[decoded.block].insts[op.source]
    }

    /// The function and the block of a bundle.
    pub(super) fn block_of(&self, bundle: usize) -> (usize, usize) {
        let decoded = &self.bundles[bundle];
        (decoded.func, decoded.block)
    }

    /// The address of a block's first bundle, or of what follows an empty block.
    pub(super) fn start(&self, func: usize, block: usize) -> u32 {
        let range = &self.blocks[func][block];
        self.bundles
            .get(range.start)
            .map_or(self.size, |b| b.address)
    }

    /// The address of a function.
    pub(super) fn func_start(&self, func: usize) -> Option<u32> {
        (!self.blocks[func].is_empty()).then(|| self.start(func, 0))
    }

    fn decode(&mut self, bytes: &[u8], map: &LayoutMap) -> Result<(), Box<CheckError>> {
        let differs = |wanted: String, found: String| Fault::Layout { wanted, found };
        if map.funcs.len() != self.program.funcs.len() {
            let (wanted, found) = (map.funcs.len(), self.program.funcs.len());
            let fault = differs(format!("{wanted} functions"), format!("{found}"));
            return Err(Box::new(self.nowhere(0, fault)));
        }
        let mut at = 0u32;
        for (f, (func, places)) in self.program.funcs.iter().zip(&map.funcs).enumerate() {
            if (&func.name, func.blocks.len()) != (&places.name, places.blocks.len()) {
                let wanted = format!("`{}` with {} blocks", places.name, places.blocks.len());
                let found = format!("`{}` with {}", func.name, func.blocks.len());
                return Err(Box::new(self.nowhere(at, differs(wanted, found))));
            }
            let start = at;
            self.blocks.push(Vec::new());
            for (b, place) in places.blocks.iter().enumerate() {
                let first = self.bundles.len();
                let here = |fault| CheckError {
                    site: Site {
                        func: func.name.clone(),
                        block: b,
                        cycle: None,
                        address: at,
                        bundle: String::new(),
                    },
                    fault,
                };
                if place.start != at {
                    let fault = differs(format!("{:#06x}", place.start), format!("{at:#06x}"));
                    return Err(Box::new(here(fault)));
                }
                for bundle in &place.bundles {
                    let site = |text: &str| Site {
                        func: func.name.clone(),
                        block: b,
                        cycle: bundle.cycle,
                        address: at,
                        bundle: text.to_string(),
                    };
                    let rest = &bytes[(at as usize).min(bytes.len())..];
                    let (decoded, size) = decode_bundle(rest).map_err(|e| {
                        let head = &rest[..rest.len().min(16)];
                        let head: Vec<_> = head.iter().map(|b| format!("{b:02x}")).collect();
                        Box::new(CheckError {
                            site: site(&format!(".byte {}", head.concat())),
                            fault: Fault::Undecodable(e),
                        })
                    })?;
                    let size = size as u32;
                    if (bundle.address, bundle.size) != (at, size) {
                        let wanted = format!("{} bytes at {:#06x}", bundle.size, bundle.address);
                        let fault = differs(wanted, format!("{size} at {at:#06x}"));
                        return Err(Box::new(CheckError {
                            site: site(&decoded.to_string()),
                            fault,
                        }));
                    }
                    let insts = decoded.insts().iter().filter(|i| !i.op().is_nop());
                    self.bundles.push(Decoded {
                        address: at,
                        size,
                        cycle: bundle.cycle,
                        ops: insts
                            .map(|i| Op {
                                inst: *i,
                                source: usize::MAX,
                            })
                            .collect(),
                        func: f,
                        block: b,
                        text: in_short(&decoded),
                    });
                    at += size;
                }
                self.blocks[f].push(first..self.bundles.len());
            }
            if (places.start, places.end) != (start, at) {
                let wanted = format!(
                    "`{}` from {:#06x} to {:#06x}",
                    func.name, places.start, places.end
                );
                return Err(Box::new(self.nowhere(
                    at,
                    differs(wanted, format!("{start:#06x} to {at:#06x}")),
                )));
            }
        }
        if (at, map.size) != (self.size, self.size) {
            let wanted = format!("{at} bytes of bundles, {} in all", map.size);
            return Err(Box::new(
                self.nowhere(at, differs(wanted, format!("{}", self.size))),
            ));
        }
        Ok(())
    }

    /// Holds every decoded instruction against the program's, and sees to it that each stands once.
    fn matches(&mut self) -> Vec<CheckError> {
        let mut errors = Vec::new();
        let mut bundles = std::mem::take(&mut self.bundles);
        let mut sources = Vec::new();
        for (f, func) in self.program.funcs.iter().enumerate() {
            for (b, block) in func.blocks.iter().enumerate() {
                let range = self.blocks[f][b].clone();
                let mut times = vec![0usize; block.insts.len()];
                let mut next_cycle = 0;
                for k in range {
                    let fault = |wanted: String, found: &Decoded| CheckError {
                        site: Site {
                            func: func.name.clone(),
                            block: b,
                            cycle: found.cycle,
                            address: found.address,
                            bundle: found.text.clone(),
                        },
                        fault: Fault::Differs {
                            wanted,
                            found: found.text.clone(),
                        },
                    };
                    let decoded = &bundles[k];
                    let none = Vec::new();
                    let cycle = match decoded.cycle {
                        None => &none,
                        Some(c) => {
                            if c != next_cycle || c >= block.cycles.len() {
                                errors.push(fault(format!("cycle {next_cycle}"), decoded));
                                break;
                            }
                            next_cycle += 1;
                            &block.cycles[c]
                        }
                    };
                    let mut here = vec![usize::MAX; decoded.ops.len()];
                    for &s in cycle {
                        let Some(inst) = block.insts.get(s) else {
                            errors.push(fault(format!("instruction {s}"), decoded));
                            continue;
                        };
                        times[s] += 1;
                        if inst.op.is_nop() {
                            continue;
                        }
                        let found = decoded.ops.iter().position(|op| op.inst.op() == inst.op);
                        match found.filter(|k| self.same(f, inst, &decoded.ops[*k].inst, &bundles))
                        {
                            Some(k) if here[k] == usize::MAX => here[k] = s,
                            _ => errors.push(fault(self.in_words(f, inst, &bundles), decoded)),
                        }
                    }
                    if here.contains(&usize::MAX) && errors.is_empty() {
                        errors.push(fault("fewer instructions".to_string(), decoded));
                    }
                    sources.push((k, here));
                }
                for (inst, &times) in times.iter().enumerate().filter(|(_, t)| **t != 1) {
                    let range = &self.blocks[f][b];
                    let at = bundles.get(range.start).map_or(self.size, |b| b.address);
                    let mut error = self.nowhere(at, Fault::Scheduled { inst, times });
                    error.site.func.clone_from(&func.name);
                    error.site.block = b;
                    errors.push(error);
                }
                if next_cycle != block.cycles.len() && errors.is_empty() {
                    let wanted = format!("{} cycles in block {b}", block.cycles.len());
                    let fault = Fault::Layout {
                        wanted,
                        found: next_cycle.to_string(),
                    };
                    errors.push(self.nowhere(0, fault));
                }
            }
        }
        for (bundle, here) in sources {
            for (op, source) in bundles[bundle].ops.iter_mut().zip(here) {
                op.source = source;
            }
        }
        self.bundles = bundles;
        errors
    }

    fn address_of(&self, func: usize, label: &Label, bundles: &[Decoded]) -> Option<u32> {
        let range = |id: &BlockId| self.blocks[func].get(id.0 as usize);
        let start = |at: usize| bundles.get(at).map_or(self.size, |b| b.address);
        match label {
            Label::Block(id) => range(id).map(|r| start(r.start)),
            Label::LastBundle(id) => range(id)
                .filter(|r| !r.is_empty())
                .map(|r| start(r.end - 1)),
            Label::Func(name) => {
                let f = self.program.funcs.iter().position(|f| f.name == *name)?;
                self.blocks[f].first().map(|r| start(r.start))
            }
        }
    }

    fn same(&self, func: usize, wanted: &MInst, found: &Inst, bundles: &[Decoded]) -> bool {
        let pairs = wanted.operands.iter().zip(found.operands());
        wanted.operands.len() == found.operands().len()
            && pairs.into_iter().all(|pair| match pair {
                (MOperand::Reg { reg, .. }, Operand::Reg(found)) => reg == found,
                (MOperand::Imm(value), Operand::Imm(found)) => value == found,
                (MOperand::Label(label), Operand::Imm(found)) => {
                    self.address_of(func, label, bundles).map(i64::from) == Some(*found)
                }
                _ => false,
            })
    }

    fn in_words(&self, func: usize, inst: &MInst, bundles: &[Decoded]) -> String {
        let operands = inst.operands.iter().map(|operand| match operand {
            MOperand::Reg { reg, .. } => reg.to_string(),
            MOperand::Imm(value) => format!("#{value}"),
            MOperand::Label(label) => match self.address_of(func, label, bundles) {
                Some(address) => format!("#{address:#x}"),
                None => format!("{label:?}"),
            },
        });
        format!(
            "{} {}",
            inst.op.name(),
            operands.collect::<Vec<_>>().join(", ")
        )
    }
}

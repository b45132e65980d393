//! Random changes of compiled kernels: what the checker still accepts computes the same.

use std::cell::Cell;

use arch::Tile;
use arch::aie2::{Slot, decode_bundle};
use emulator::core::{BusError, Core, CoreBus};
use npuc::aie2::checker::check;
use npuc::aie2::emit::{Image, emit};
use npuc::aie2::layout::{LayoutMap, layout};
use npuc::aie2::mir::{MOperand, Program};
use npuc::aie2::{Options, compile};
use npuc::kernel::builder::FuncBuilder;
use npuc::kernel::ir::{Func, Module};
use npuc::kernel::verify::verify;
use npuc::kernels::{MatmulI8, matmul_i8, passthrough, scale_i16};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// The core's own memory and what it stored there.
struct Memory(Vec<u8>);

const MEMORY: u32 = 0x7_0000;

impl CoreBus for Memory {
    fn load(&mut self, addr: u32, out: &mut [u8]) -> Result<(), BusError> {
        let at = addr
            .checked_sub(MEMORY)
            .ok_or_else(|| BusError::new("no such memory"))? as usize;
        out.copy_from_slice(&self.0[at..at + out.len()]);
        Ok(())
    }

    fn store(&mut self, addr: u32, data: &[u8]) -> Result<(), BusError> {
        let at = addr
            .checked_sub(MEMORY)
            .ok_or_else(|| BusError::new("no such memory"))? as usize;
        self.0[at..at + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn acquire(&mut self, _lock: u8, _value: i32) -> Result<bool, BusError> {
        Ok(true)
    }

    fn release(&mut self, _lock: u8, _value: i32) -> Result<(), BusError> {
        Ok(())
    }
}

/// The core's memory after the program, started on bytes that look random.
fn run(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut core = Core::new(Tile { col: 0, row: 2 });
    assert!(core.write_program(0, text));
    core.set_enabled(true);
    let bytes = (0u32..0x1_0000).map(|k| (k.wrapping_mul(0x9e37_79b1) >> 23) as u8);
    let mut memory = Memory(bytes.collect());
    for _ in 0..20_000 {
        core.step(&mut memory).map_err(|fault| fault.to_string())?;
        if core.is_done() {
            return Ok(memory.0);
        }
    }
    Err("not done in 20000 cycles".to_string())
}

/// A program that runs `kernel` once.
fn compiled(kernel: Func) -> Program {
    let mut main = FuncBuilder::new("main");
    let params = 0..kernel.params.len() as u32;
    let buffers: Vec<_> = params
        .map(|k| main.addr(MEMORY + 0x1000 + 0x4000 * k))
        .collect();
    main.call(kernel.name.clone(), &buffers);
    let module =
        verify(Module::from(vec![main.finish(), kernel])).unwrap_or_else(|e| panic!("{e}"));
    compile(&module, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn kernels() -> Vec<Program> {
    let matmul = MatmulI8 {
        m: 16,
        k: 32,
        n: 16,
        accumulate: true,
    };
    let kernels = [passthrough(512), scale_i16(128, 3, 1), matmul_i8(matmul)];
    kernels.map(|k| compiled(k.unwrap())).into()
}

fn written(program: &Program) -> Option<(Image, LayoutMap)> {
    let map = layout(program).ok()?;
    Some((emit(program, &map).ok()?, map))
}

/// A change of a schedule or of registers.
#[derive(Clone, Debug)]
enum Change {
    /// An instruction issues so many cycles later.
    Move(Index, i32),
    /// Two neighbouring cycles of a block change places.
    Swap(Index),
    /// A bundle of no operation less, or one more.
    Drop(Index),
    Insert(Index),
    /// A value's operand names another register of its class.
    Register(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    prop_oneof![
        (index(), prop_oneof![Just(-2), Just(-1), Just(1), Just(2)])
            .prop_map(|(i, by)| Change::Move(i, by)),
        index().prop_map(Change::Swap),
        index().prop_map(Change::Drop),
        index().prop_map(Change::Insert),
        (index(), index()).prop_map(|(i, r)| Change::Register(i, r)),
    ]
}

/// Applies the change; `None` where it would not be one.
fn apply(program: &Program, change: &Change) -> Option<Program> {
    let mut program = program.clone();
    let mut blocks: Vec<_> = program
        .funcs
        .iter_mut()
        .flat_map(|f| &mut f.blocks)
        .collect();
    match change {
        Change::Move(index, by) => {
            let sizes: Vec<usize> = blocks.iter().map(|b| b.insts.len()).collect();
            let mut at = index.index(sizes.iter().sum());
            let b = sizes
                .iter()
                .position(|n| at.checked_sub(*n).map(|rest| at = rest).is_none())?;
            let cycles = &mut blocks[b].cycles;
            let from = cycles.iter().position(|c| c.contains(&at))?;
            let to = from
                .checked_add_signed(*by as isize)
                .filter(|to| *to < cycles.len())?;
            cycles[from].retain(|k| *k != at);
            cycles[to].push(at);
        }
        Change::Swap(index) => {
            let pairs: Vec<(usize, usize)> = blocks
                .iter()
                .enumerate()
                .flat_map(|(b, block)| {
                    let differ = |c: &usize| block.cycles[*c] != block.cycles[*c - 1];
                    (1..block.cycles.len())
                        .filter(differ)
                        .map(move |c| (b, c))
                        .collect::<Vec<_>>()
                })
                .collect();
            let (b, c) = *index.get(&pairs);
            blocks[b].cycles.swap(c - 1, c);
        }
        Change::Drop(index) | Change::Insert(index) => {
            let cycles: Vec<(usize, usize)> = blocks
                .iter()
                .enumerate()
                .flat_map(|(b, block)| {
                    let wanted = |c: &usize| {
                        matches!(change, Change::Insert(_)) || block.cycles[*c].is_empty()
                    };
                    (0..block.cycles.len())
                        .filter(wanted)
                        .map(move |c| (b, c))
                        .collect::<Vec<_>>()
                })
                .collect();
            let (b, c) = *index.get(&cycles);
            if matches!(change, Change::Insert(_)) {
                blocks[b].cycles.insert(c, Vec::new());
            } else {
                blocks[b].cycles.remove(c);
            }
        }
        Change::Register(index, to) => {
            let mut operands: Vec<_> = blocks
                .iter_mut()
                .flat_map(|b| &mut b.insts)
                .flat_map(|i| {
                    let descs = i.op.desc().operands;
                    let free = i
                        .operands
                        .iter_mut()
                        .zip(descs)
                        .filter(|(_, d)| d.is_encoded());
                    free.map(|(operand, desc)| (operand, desc.class))
                        .collect::<Vec<_>>()
                })
                .filter(|(o, _)| matches!(o, MOperand::Reg { value: Some(_), .. }))
                .collect();
            let at = index.index(operands.len());
            let (MOperand::Reg { reg, .. }, class) = &mut operands[at] else {
                return None;
            };
            let other = *to.get(class.members());
            if *reg == other {
                return None;
            }
            *reg = other;
        }
    }
    Some(program)
}

#[test]
fn changed_schedules_and_registers_are_rejected_or_compute_the_same() {
    for program in kernels() {
        let (image, map) = written(&program).expect("a compiled kernel can be written");
        check(&image.text, &program, &map).unwrap_or_else(|e| panic!("{}", e[0]));
        let wanted = run(&image.text).unwrap();
        let (accepted, rejected) = (Cell::new(0), Cell::new(0));
        let mut runner = TestRunner::new(Config {
            cases: 150,
            ..Config::default()
        });
        runner
            .run(&change(), |change| {
                let Some(changed) = apply(&program, &change) else {
                    return Ok(());
                };
                let Some((image, map)) = written(&changed) else {
                    return Ok(());
                };
                match check(&image.text, &changed, &map) {
                    Err(_) => rejected.set(rejected.get() + 1),
                    Ok(_) => {
                        accepted.set(accepted.get() + 1);
                        let found = run(&image.text).map_err(TestCaseError::fail)?;
                        prop_assert!(found == wanted, "accepted, but computes something else");
                    }
                }
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{e}\n{program}"));
        // Both must happen, or the test says nothing.
        let counts = (accepted.get(), rejected.get());
        assert!(
            counts.0 > 5 && counts.1 > 20,
            "accepted and rejected: {counts:?}"
        );
    }
}

/// The instructions of a program, bundle by bundle, without nops.
fn decoded(mut bytes: &[u8]) -> Option<Vec<(usize, Vec<arch::aie2::Inst>)>> {
    let mut bundles = Vec::new();
    while !bytes.is_empty() {
        let (bundle, size) = decode_bundle(bytes).ok()?;
        let busy = bundle
            .insts()
            .iter()
            .filter(|i| !i.op().is_nop() && i.slot() != Slot::Nop);
        let mut busy: Vec<_> = busy.copied().collect();
        busy.sort_by_key(|i| i.op());
        bundles.push((size, busy));
        bytes = &bytes[size..];
    }
    Some(bundles)
}

#[test]
fn changed_bytes_are_rejected_or_decode_to_the_same() {
    for program in kernels() {
        let (image, map) = written(&program).expect("a compiled kernel can be written");
        let wanted = decoded(&image.text).unwrap();
        let mut runner = TestRunner::new(Config {
            cases: 400,
            ..Config::default()
        });
        runner
            .run(&(any::<Index>(), 1u8..), |(at, flip)| {
                let mut bytes = image.text.clone();
                bytes[at.index(image.text.len())] ^= flip;
                let same = decoded(&bytes).as_ref() == Some(&wanted);
                prop_assert_eq!(check(&bytes, &program, &map).is_ok(), same);
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{e}"));
    }
}

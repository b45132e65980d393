//! Linker scripts for a core, in the reference's form.
//!
//! A core sees four windows of data memory: its neighbours' to the south, west and north, and its own,
//! which begins with the stack; every buffer there has the name that objects refer to it by. The
//! script lets a program grow beyond the core's program memory: what reads the linked file checks that.
//!
//! Source: mlir-aie `lib/Targets/AIETargetLdScript.cpp`.

use std::fmt::Write;

use arch::Tile;
use arch::array::memory::{CORE_OWN, CORE_WINDOWS, core_neighbour};
use arch::limits::CORE_DATA_BYTES;

use array::lowered::Lowered;

const SECTIONS: &str = "}
ENTRY(__start)
SECTIONS
{
  . = 0x0;
  .text : {
     /* the __start symbol has to come at address zero. */
     *crt0.o(.text*)
     _ctors_start = .;
     _init_array_start = .;
     KEEP(SORT(*.init_array))
     _ctors_end = .;
     _init_array_end = .;
     _dtors_start = .;
     _dtors_end = .;
     *(.text*)
  } > program
  .data : {
     *(.data*)
     *(.rodata*)
  } > data
  .comment : {
     *(.comment*)
  }
  .symtab : {
     *(.symtab)
  }
  .shstrtab : {
     *(.shstrtab)
  }
  .strtab : {
     *(.strtab)
  }
  .stack_sizes : {
     *(.stack_sizes)
  }

";

/// The name of the function that runs on a core.
pub fn entry(tile: Tile) -> String {
    format!("core_{}_{}", tile.col, tile.row)
}

/// The script for the core on `tile`, which also links `objects`.
pub fn script(lowered: &Lowered, tile: Tile, objects: &[String]) -> String {
    let stack = lowered.core(tile).map_or(0, |core| core.stack_bytes);
    let own = lowered.buffers.iter().filter(|b| b.tile == tile);
    let end = own.map(|b| b.address + b.bytes).fold(stack, u32::max);
    let mut text = format!(
        "
MEMORY
{{
   program (RX) : ORIGIN = 0, LENGTH = 0x0020000
   data (!RX) : ORIGIN = {:#X}, LENGTH = {:#X}
",
        CORE_OWN + end,
        CORE_DATA_BYTES.saturating_sub(end)
    );
    text += SECTIONS;
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
    };
    line(format_args!(". = {:#X};", CORE_OWN));
    line(format_args!("_sp_start_value_DM_stack = .;"));
    line(format_args!(". += {:#X}; /* stack */", stack));
    let windows = ["south", "west", "north", "east"];
    for ((window, side), start) in (0..).zip(windows).zip(CORE_WINDOWS) {
        let Some(memory) = core_neighbour(tile, window) else {
            line(format_args!(
                "/* No tile with memory exists to the {side}. */"
            ));
            line(format_args!(". = {:#X};", start));
            line(format_args!(". += {:#X};", CORE_DATA_BYTES));
            continue;
        };
        for buffer in lowered.buffers.iter().filter(|b| b.tile == memory) {
            line(format_args!(". = {:#X};", start + buffer.address));
            line(format_args!("{} = .;", buffer.name));
            line(format_args!(". += {:#X};", buffer.bytes));
        }
    }
    line(format_args!("  .bss : {{ *(.bss*) }} > data"));
    line(format_args!("}}"));
    for object in objects {
        line(format_args!("INPUT({object})"));
    }
    line(format_args!("PROVIDE(main = {});", entry(tile)));
    text
}

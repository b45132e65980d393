//! What to do about the well-known complaints of other projects' tools.
//!
//! Sources: Xilinx/aie-rt `xaie_elfloader.c`; mlir-aie issues 1773, 2417 and 2426, pull requests 3406
//! and 3618; llvm-aie issues 102 and 480; Xilinx/bootgen `options.cpp`, `cdo-driver`; XRT
//! `xclbinutil`; LLVM's and lld's messages.

/// What a tool says, and what to do about it. The first row that fits counts.
const HINTS: &[(&str, &str)] = &[
    (
        "Overflow of program memory",
        "a core's program is larger than its 16 KB: call fewer kernels on this core, unroll less, or compile with a smaller -O",
    ),
    (
        "will not fit in region 'program'",
        "a core's program is larger than its 16 KB: call fewer kernels on this core, or unroll less",
    ),
    (
        "will not fit in region 'data'",
        "static data and buffers are larger than the core's 64 KB together: make objects smaller, fifos less deep, or tables smaller",
    ),
    (
        "exceeded available memory",
        "the buffers of a tile are larger than its memory: make objects smaller or fifos less deep",
    ),
    (
        "fit in the available memory",
        "the buffers of a tile are larger than its memory: make objects smaller or fifos less deep",
    ),
    (
        "DMA channel exceeded",
        "more fifos end in a tile than it has DMA channels: join or distribute them through a memory tile (link), or let neighbours share memory",
    ),
    (
        "has more than 16 blocks",
        "a core tile has 16 buffer descriptors: make its fifos less deep",
    ),
    (
        "undefined symbol",
        "a kernel that a worker calls is in no object that is linked: give the design's kernel its file (`from \"FILE\"`), and in C++ declare it extern \"C\"",
    ),
    (
        "duplicate symbol",
        "two objects define the same function: every kernel of a design needs a name of its own",
    ),
    (
        "is being placed in",
        "the linker script does not name this section, and sections that it does not name are errors: this Peano is newer than the scripts that npuc writes",
    ),
    (
        "unknown target triple",
        "this LLVM is not Peano, which alone knows the target aie2: give Peano's folder with --peano or PEANO_INSTALL_DIR",
    ),
    (
        "unrecognized architecture 'aie2'",
        "this LLVM is not Peano, which alone knows the target aie2: give Peano's folder with --peano or PEANO_INSTALL_DIR",
    ),
    (
        "invalid target 'aie2'",
        "this LLVM is not Peano, which alone knows the target aie2: give Peano's folder with --peano or PEANO_INSTALL_DIR",
    ),
    (
        "unknown intrinsic",
        "this LLVM does not know an intrinsic of the kernel: Peano is older than the kernel's, or is another LLVM; toolchain.lock names one that fits",
    ),
    (
        "Cannot select",
        "this Peano has no instruction for an operation of the kernel: write the operation with the intrinsics or types that AIE2 has, or use another Peano",
    ),
    (
        "unable to legalize instruction",
        "this Peano has no instructions for a vector type of the kernel: use vectors of 256 or 512 bits, or another Peano",
    ),
    (
        "error: expected",
        "this tool does not read text that a newer LLVM or MLIR wrote: toolchain.lock names versions that fit each other",
    ),
    (
        "Unable to find a legal routing",
        "the streams find no way through the switches: place workers nearer to the shims of their fifos, or pass through a memory tile; `npuc draw` shows where it is crowded",
    ),
    (
        "failed to legalize operation",
        "aie-opt does not know what to do with an operation: is it the version that toolchain.lock names?",
    ),
    (
        "does not reference a valid",
        "aie-opt does not find what the design names: is npuc-mlir of the same release as npuc?",
    ),
    (
        "Command line parsing failed",
        "this bootgen does not know `-arch versal`, or an option of it: take Debian's xilinx-bootgen, or the one that mlir-aie brings",
    ),
    (
        "nsupported arch",
        "this bootgen was built without the architecture `versal`: take Debian's xilinx-bootgen, or the one that mlir-aie brings",
    ),
    (
        "hecksum",
        "a file was damaged on its way, or its header is from another version of the format: build again without the cache",
    ),
    (
        "No valid DPU kernel found",
        "the XCLBIN's kernels and groups do not agree; `npuc lint` says where",
    ),
    (
        "Could not find Peano",
        "aiecc calls Peano itself: give its folder with --peano or PEANO_INSTALL_DIR",
    ),
    (
        "cannot open shared object file",
        "a library of this tool is missing: run it by hand with --version, and source the environment script that it came with",
    ),
    (
        "GLIBC_",
        "this build of the tool is for a newer system: take the one for yours",
    ),
    (
        "No space left on device",
        "make room, or choose another folder with --out",
    ),
];

/// What to do about a tool's words.
pub(super) fn hint(words: &str) -> Option<&'static str> {
    let row = HINTS.iter().find(|(says, _)| words.contains(says));
    row.map(|(_, hint)| *hint)
}

/// What to do about the way in which a tool ended, when its words do not tell.
pub(super) fn of_end(end: &str) -> Option<&'static str> {
    let says = |what| end.contains(what);
    if says("time limit") {
        Some("give it longer with --tool-timeout SECONDS, or see by hand what it waits for")
    } else if says("signal") {
        Some(
            "the tool crashed, which is a fault of its own: try the version that toolchain.lock names",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_complaints_have_hints() {
        for (words, says) in [
            (
                "[AIE ERROR] _XAie_LoadProgMemSection():231: Overflow of program memory",
                "16 KB",
            ),
            (
                "ld.lld: error: section '.bss' will not fit in region 'data': overflowed by 161 bytes",
                "64 KB",
            ),
            ("ld.lld: error: undefined symbol: brighten", "extern \"C\""),
            (
                "LLVM ERROR: unable to legalize instruction: %14:_(<64 x s8>) = G_SHL",
                "256 or 512 bits",
            ),
            ("opt: a.ll:3:9: error: expected value token", "newer LLVM"),
            (
                "opt: unrecognized architecture 'aie2' provided.",
                "not Peano",
            ),
            ("error: Unable to find a legal routing", "npuc draw"),
            (
                "error: 'aie.tile' op number of output DMA channel exceeded!",
                "memory tile",
            ),
            ("error: 'aie.mem' op has more than 16 blocks", "less deep"),
            (
                "warning: Not all requested buffers fit in the available memory.",
                "objects smaller",
            ),
            (
                "[ERROR]  : Command line parsing failed with code 1",
                "versal",
            ),
            ("[ERROR]: Checksum mismatch in CDO header", "damaged"),
        ] {
            let hint = hint(words).unwrap_or_default();
            assert!(hint.contains(says), "{words}: {hint}");
        }
        assert_eq!(hint("all is well"), None);
    }
}

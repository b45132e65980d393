//! The array by `aie-opt` and `aie-translate`: allocation, routing, instruction streams, CDO, and the
//! cores' LLVM IR.
//!
//! Passes and options as mlir-aie `tools/aiecc/aiecc.cpp` runs them for npu1.

use arch::Tile;
use formats::cdo::Cdo;
use formats::txn::Stream;

use super::error::ToolError;
use super::find::Tool;
use super::ldscript::entry;
use super::npuc_mlir;
use super::older_llvm;
use super::physical::{self, Physical};
use super::workshop::{Call, Workshop};

/// The device symbol of a design's MLIR.
pub const DEVICE: &str = "main";
/// The design after allocation and routing.
pub const PHYSICAL: &str = "physical.mlir";

const ALLOCATION: &str = "builtin.module(convert-vector-to-aievec{aie-target=aie2}, lower-affine, aie-canonicalize-device, aie-lower-scratchpad-parameters{output-params-file=params.txt}, aie.device(aie-assign-lock-ids, aie-register-objectFifos, aie-objectFifo-stateful-transform{dynamic-objFifos=true packet-sw-objFifos=false}, aie-assign-bd-ids, aie-lower-cascade-flows, aie-lower-broadcast-packet, aie-lower-multicast, aie-assign-tile-controller-ids, aie-generate-column-control-overlay{route-shim-to-tile-ctrl=false}, aie-assign-buffer-addresses{alloc-scheme=}, aie-assign-core-link-files, aie-vector-transfer-lowering), convert-scf-to-cf)";
const ROUTING: &str = "builtin.module(aie.device(aie-create-pathfinder-flows))";
const SEQUENCES: &str = "builtin.module(aie-materialize-runtime-sequences, aie.device(aie-materialize-bd-chains, aie-substitute-shim-dma-allocations, aie-assign-runtime-sequence-bd-ids, canonicalize, aie-dma-tasks-to-npu, aie-dma-to-npu, aie-lower-set-lock))";

/// The passes that make LLVM dialect of one core.
fn core_passes(tile: Tile) -> String {
    let Tile { col, row } = tile;
    format!(
        "builtin.module(aie.device(aie-localize-locks, aie-normalize-address-spaces, aie-transform-bfp-types), aie-standard-lowering{{device={DEVICE} tilecol={col} tilerow={row}}}, aiex-standard-lowering, convert-aievec-to-llvm{{aie-target=aie2}}, canonicalize, cse, expand-strided-metadata, lower-affine, arith-expand, finalize-memref-to-llvm, convert-func-to-llvm{{use-bare-ptr-memref-call-conv=true}}, convert-to-llvm{{dynamic=true}}, convert-vector-to-llvm, convert-ub-to-llvm, canonicalize, cse)"
    )
}

fn passes(
    shop: &Workshop,
    [step, script]: [&str; 2],
    pipeline: &str,
    [input, output]: [&str; 2],
) -> Result<(), ToolError> {
    let pipeline = format!("--pass-pipeline={pipeline}");
    shop.run(&Call {
        tool: Tool::AieOpt,
        step: step.to_owned(),
        script: script.to_owned(),
        args: [&pipeline, input, "-o", output].map(str::to_owned).to_vec(),
        outputs: vec![output.to_owned()],
    })
}

fn translation([step, script]: [&str; 2], options: &[String], [input, output]: [&str; 2]) -> Call {
    let files = [input, "-o", output].map(str::to_owned);
    Call {
        tool: Tool::AieTranslate,
        step: step.to_owned(),
        script: script.to_owned(),
        args: [options, &files].concat(),
        outputs: vec![output.to_owned()],
    }
}

fn options(options: &[&str]) -> Vec<String> {
    options.iter().map(|option| (*option).to_owned()).collect()
}

/// Places and routes the design that is in the workshop: [`PHYSICAL`], also read.
///
/// # Errors
/// [`ToolError`] when a tool fails.
pub fn place(shop: &Workshop) -> Result<(String, Physical), ToolError> {
    npuc_mlir::design(shop)?;
    let allocated = "with_addresses.mlir";
    let step = ["placing buffers and locks", "aie-opt_allocation"];
    passes(shop, step, ALLOCATION, [npuc_mlir::MLIR, allocated])?;
    let step = "routing";
    passes(
        shop,
        [step, "aie-opt_routing"],
        ROUTING,
        [allocated, PHYSICAL],
    )?;
    let text = String::from_utf8_lossy(&shop.get(PHYSICAL)?).into_owned();
    let physical = Physical::read(&text).map_err(|e| between(step, e))?;
    Ok((text, physical))
}

fn between(step: &str, error: impl ToString) -> ToolError {
    ToolError::Between {
        step: step.to_owned(),
        what: error.to_string(),
    }
}

/// The instruction stream of each sequence.
///
/// # Errors
/// [`ToolError`] when a tool fails, or writes something that is no stream.
pub fn streams(shop: &Workshop, sequences: &[&str]) -> Result<Vec<(String, Stream)>, ToolError> {
    let lowered = "npu_lowered.mlir";
    let step = ["lowering the sequences", "aie-opt_sequences"];
    passes(shop, step, SEQUENCES, [PHYSICAL, lowered])?;
    let stream = |sequence: &&str| {
        let file = format!("insts_{sequence}.bin");
        let options = options(&[
            "--aie-npu-to-binary",
            &format!("--aie-device-name={DEVICE}"),
            &format!("--aie-sequence-name={sequence}"),
            "--aie-output-binary=true",
        ]);
        let step = format!("sequence {sequence}: writing the instruction stream");
        let script = format!("aie-translate_insts_{sequence}");
        let call = translation([&step, &script], &options, [lowered, &file]);
        shop.run(&call)?;
        let stream =
            Stream::parse(&shop.get(&file)?).map_err(|e| shop.unusable(&call, &file, e))?;
        Ok(((*sequence).to_owned(), stream))
    };
    sequences.iter().map(stream).collect()
}

/// Writes what Peano makes a core's program of: `core_C_R.ll` and `core_C_R.ld.script`, which links
/// the objects that the design names.
///
/// # Errors
/// [`ToolError`] when a tool fails.
pub fn core(shop: &Workshop, tile: Tile) -> Result<(), ToolError> {
    let core = entry(tile);
    let [mlir, newer, ir, script] =
        ["mlir", "newer.ll", "ll", "ld.script"].map(|ending| format!("{core}.{ending}"));
    let of = format!("core {tile}");
    let step = format!("{of}: lowering");
    passes(
        shop,
        [&step, &format!("aie-opt_{core}")],
        &core_passes(tile),
        [PHYSICAL, &mlir],
    )?;
    let step = format!("{of}: writing LLVM IR");
    let name = format!("aie-translate_{core}");
    shop.run(&translation(
        [&step, &name],
        &options(&["--mlir-to-llvmir"]),
        [&mlir, &newer],
    ))?;
    let text = String::from_utf8_lossy(&shop.get(&newer)?).into_owned();
    shop.put(&ir, older_llvm::rewrite(&text).as_bytes())?;
    let step = format!("{of}: writing the linker script");
    let name = format!("aie-translate_ldscript_{core}");
    let options = options(&[
        "--aie-generate-ldscript",
        &format!("--tilecol={}", tile.col),
        &format!("--tilerow={}", tile.row),
        &format!("--aie-device-name={DEVICE}"),
    ]);
    shop.run(&translation([&step, &name], &options, [PHYSICAL, &script]))
}

/// Writes the configuration with the programs `core_C_R.elf` of the workshop: loading, setting up,
/// starting.
///
/// # Errors
/// [`ToolError`] when a tool fails, or writes something that is no CDO.
pub fn cdos(shop: &Workshop, physical: &str, cores: &[Tile]) -> Result<[Vec<u8>; 3], ToolError> {
    let step = "writing the configuration";
    let elfs: Vec<(Tile, String)> = cores
        .iter()
        .map(|tile| (*tile, format!("{}.elf", entry(*tile))))
        .collect();
    let text = physical::with_elfs(physical, &elfs).map_err(|e| between(step, e))?;
    let input = "with_elfs.mlir";
    shop.put(input, text.as_bytes())?;
    let outputs = cdo_files(".");
    let call = Call {
        tool: Tool::AieTranslate,
        step: step.to_owned(),
        script: "aie-translate_cdo".to_owned(),
        args: options(&[
            "--aie-generate-cdo",
            &format!("--aie-device-name={DEVICE}"),
            "--work-dir-path=.",
            input,
        ]),
        outputs: outputs.to_vec(),
    };
    shop.run(&call)?;
    read_cdos(shop, &call, &outputs)
}

/// Names of the CDO files that the reference writes into a folder.
pub(super) fn cdo_files(folder: &str) -> [String; 3] {
    let file = |part| match folder {
        "." => format!("{DEVICE}_aie_cdo_{part}.bin"),
        folder => format!("{folder}/{DEVICE}_aie_cdo_{part}.bin"),
    };
    ["elfs", "init", "enable"].map(file)
}

/// The CDO files that a call wrote.
pub(super) fn read_cdos(
    shop: &Workshop,
    call: &Call,
    files: &[String; 3],
) -> Result<[Vec<u8>; 3], ToolError> {
    let read = |file: &String| {
        let bytes = shop.get(file)?;
        match Cdo::parse(&bytes) {
            Ok(_) => Ok(bytes),
            Err(e) => Err(shop.unusable(call, file, e)),
        }
    };
    let [elfs, init, enable] = files;
    Ok([read(elfs)?, read(init)?, read(enable)?])
}

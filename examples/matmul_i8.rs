//! A Whisper weight times real activations through the `matmul_i8` overlay, on the emulator: tile by
//! tile on four cores, compared bit by bit with the kernel IR interpreter, and with f32.
//!
//! The weight is the query projection of layer 0 of Whisper base's encoder, the activations are the
//! encoder's output for `jfk.wav`; both are quantised to int8, the weight per output channel, the
//! activations per row. Without the assets both are made up.
//!
//! `cargo run --release --example matmul_i8`

use half::f16;
use miette::{Context, IntoDiagnostic, Result, ensure, miette};
use npuc::kernel::interp::{Arg, Interpreter, Memory, NoLocks};
use npuc::kernel::ir::Module;
use npuc::kernel::verify::verify;
use npuc::kernels::matmul_i8::{MatmulI8, matmul_i8, pack_a, pack_b, unpack_c};
use npuc::overlays::matmul_i8::{K, TILE};
use npyz::npz::NpzArchive;
use runtime::{Buffer, Device};
use safetensors::SafeTensors;

/// Rows of activations: 30 seconds of audio.
const ROWS: usize = 1500;
/// Rows that the instruction stream computes: the next multiple of the tile that it was made for.
const M: usize = 1536;
const N: usize = 512;
const INNER: usize = K as usize;
const SIDE: usize = TILE as usize;

/// A matrix quantised row by row: element = value * scale of its row.
struct Quantised {
    values: Vec<i8>,
    scales: Vec<f32>,
}

/// Quantises the rows of a matrix symmetrically: the largest magnitude of a row becomes 127.
fn quantise(matrix: &[f32], columns: usize) -> Quantised {
    let (mut values, mut scales) = (Vec::new(), Vec::new());
    for row in matrix.chunks_exact(columns) {
        let largest = row.iter().fold(0f32, |m, x| m.max(x.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        values.extend(row.iter().map(|x| (x / scale).round() as i8));
        scales.push(scale);
    }
    Quantised { values, scales }
}

/// Activations (rows x K), weight (N x K, as PyTorch keeps it), and what they are.
fn operands() -> Result<(Vec<f32>, Vec<f32>, &'static str)> {
    let golden = common::asset("goldens/base-encoder-jfk.npz");
    let model = common::asset("models/base-encoder/model.safetensors");
    let (Some(golden), Some(model)) = (golden, model) else {
        let wave = |len: usize, step: f32| (0..len).map(move |n| (n as f32 * step).sin());
        let activations = wave(ROWS * INNER, 0.137).collect();
        let weight = wave(N * INNER, 0.071).map(|x| 0.05 * x).collect();
        return Ok((activations, weight, "made-up matrices"));
    };
    let mut archive = NpzArchive::open(&golden).into_diagnostic()?;
    let output = archive.by_name("encoder_output").into_diagnostic()?;
    let output = output.ok_or_else(|| miette!("no encoder_output in {}", golden.display()))?;
    let activations: Vec<f32> = output.into_vec().into_diagnostic()?;
    let bytes = std::fs::read(&model).into_diagnostic()?;
    let tensors = SafeTensors::deserialize(&bytes).into_diagnostic()?;
    let weight = tensors
        .tensor("model.encoder.layers.0.self_attn.q_proj.weight")
        .into_diagnostic()
        .wrap_err_with(|| model.display().to_string())?;
    let half = weight
        .data()
        .chunks_exact(2)
        .map(|b| f16::from_le_bytes([b[0], b[1]]));
    Ok((
        activations,
        half.map(f16::to_f32).collect(),
        "Whisper base, layer 0 q_proj",
    ))
}

/// Tiles of a matrix of i8, each blocked by `pack`: for every tile row the tiles along K.
fn tiles(rows: usize, at: impl Fn(usize, usize) -> i8, pack: impl Fn(&[i8]) -> Vec<i8>) -> Vec<i8> {
    let mut packed = Vec::with_capacity(rows * INNER);
    for row in (0..rows).step_by(SIDE) {
        for k in (0..INNER).step_by(SIDE) {
            let tile = (0..SIDE).flat_map(|r| (0..SIDE).map(move |c| (r, c)));
            packed.extend(pack(
                &tile.map(|(r, c)| at(row + r, k + c)).collect::<Vec<i8>>(),
            ));
        }
    }
    packed
}
/// The product of packed tiles by the kernel IR interpreter, tile by tile, as the overlay's cores do it:
/// packed tiles of C, by tile column, then tile row.
fn interpreted(a: &[i8], b: &[i8]) -> Result<Vec<i32>> {
    let shape = |accumulate| MatmulI8 {
        m: TILE,
        k: TILE,
        n: TILE,
        accumulate,
    };
    let (first, next) = (shape(false), shape(true));
    let funcs = [first, next]
        .map(matmul_i8)
        .into_iter()
        .collect::<Result<_, _>>();
    let funcs: Vec<_> = funcs.into_diagnostic()?;
    let module = verify(Module::from(funcs)).into_diagnostic()?;
    let bytes = |tile: &[i8]| -> Vec<u8> { tile.iter().map(|&x| x as u8).collect() };
    let row_elems = INNER * SIDE;
    let mut product = Vec::with_capacity(M * N);
    for b in b.chunks_exact(row_elems) {
        for a in a.chunks_exact(row_elems) {
            let mut memory = Memory::new();
            let addresses = [0x70000, 0x74000, 0x78000];
            let sizes = [first.a_bytes(), first.b_bytes(), first.c_bytes()];
            for ((name, address), size) in ["a", "b", "c"].into_iter().zip(addresses).zip(sizes) {
                memory.map(name, address, size as usize).into_diagnostic()?;
            }
            let mut interpreter = Interpreter::new(&module, memory, NoLocks, u64::MAX);
            let slabs = a.chunks_exact(SIDE * SIDE).zip(b.chunks_exact(SIDE * SIDE));
            for (slab, (a, b)) in slabs.enumerate() {
                for (name, tile) in [("a", a), ("b", b)] {
                    if let Some(region) = interpreter.memory.region_mut(name) {
                        region.fill(0, &bytes(tile));
                    }
                }
                let kernel = if slab == 0 { first } else { next };
                interpreter
                    .run(kernel.name(), &addresses.map(Arg::Ptr))
                    .into_diagnostic()?;
            }
            let c = interpreter
                .memory
                .region("c")
                .map(|r| r.bytes())
                .unwrap_or_default();
            product.extend(
                c.chunks_exact(4)
                    .map(|w| i32::from_le_bytes([w[0], w[1], w[2], w[3]])),
            );
        }
    }
    Ok(product)
}

fn main() -> Result<()> {
    let (activations, weight, name) = operands()?;
    let (rows, columns) = (quantise(&activations, INNER), quantise(&weight, INNER));
    let shape = MatmulI8 {
        m: TILE,
        k: TILE,
        n: TILE,
        accumulate: false,
    };
    // Rows beyond the last one are zeros; B is the transposed weight.
    let row = |r: usize, k: usize| rows.values.get(r * INNER + k).copied().unwrap_or(0);
    let a = tiles(M, row, |tile| pack_a(&shape, tile));
    let b = tiles(
        N,
        |n, k| columns.values[n * INNER + k],
        |tile| pack_b(&shape, &transposed(tile)),
    );

    let device = Device::open("emulator").into_diagnostic()?;
    let (overlay, stream) = common::load(&device, "matmul_i8", "m1536_n512")?;
    let (a_buffer, b_buffer) = (Buffer::from_slice(&a), Buffer::from_slice(&b));
    let c_buffer = Buffer::<i32>::zeroed(M * N);
    let run = overlay
        .submit(&stream, &[&a_buffer, &b_buffer, &c_buffer])
        .into_diagnostic()?;
    let report = run.wait().into_diagnostic()?;
    let product = c_buffer.read().into_diagnostic()?;

    let expected = interpreted(&a, &b)?;
    let wrong = product
        .iter()
        .zip(&expected)
        .filter(|(x, y)| x != y)
        .count();
    ensure!(
        wrong == 0,
        "{wrong} of {} sums differ from the interpreter",
        product.len()
    );
    println!("{name}: {ROWS}x{INNER} times {INNER}x{N}");
    println!("{} sums bit-equal to the interpreter", product.len());

    // Dequantised against f32.
    let (mut error, mut power, mut largest) = (0f64, 0f64, 0f64);
    for (tile, sums) in product.chunks_exact(SIDE * SIDE).enumerate() {
        let (tile_column, tile_row) = (tile / (M / SIDE), tile % (M / SIDE));
        for (place, sum) in unpack_c(&shape, sums).into_iter().enumerate() {
            let r = tile_row * SIDE + place / SIDE;
            let n = tile_column * SIDE + place % SIDE;
            let Some(scale) = rows.scales.get(r) else {
                continue;
            };
            let (x, w) = (
                &activations[r * INNER..][..INNER],
                &weight[n * INNER..][..INNER],
            );
            let exact: f64 = x
                .iter()
                .zip(w)
                .map(|(x, w)| f64::from(*x) * f64::from(*w))
                .sum();
            let approx = f64::from(sum) * f64::from(*scale) * f64::from(columns.scales[n]);
            error += (approx - exact).powi(2);
            power += exact.powi(2);
            largest = largest.max((approx - exact).abs());
        }
    }
    println!(
        "error of int8 against f32: {:.3} % of the norm, {largest:.4} at most",
        100.0 * (error / power).sqrt()
    );
    let cycles = report.cycles.unwrap_or(0);
    let per_core = (M * N * INNER) as f64 / 4.0 / cycles as f64;
    println!(
        "device {}, {} emulated cycles, {per_core:.1} MACs per cycle and core",
        report.device, cycles
    );
    Ok(())
}

/// A tile with rows and columns exchanged.
fn transposed(tile: &[i8]) -> Vec<i8> {
    (0..SIDE * SIDE)
        .map(|i| tile[i % SIDE * SIDE + i / SIDE])
        .collect()
}

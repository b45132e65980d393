use std::path::Path;

use half::f16;

use crate::assets::{assets, distance};
use crate::small::Small;
use whisper::model::{Compute, CpuDecoder, CpuEncoder, Decoder, Features, Precision};
use whisper::{Checkpoint, Error};

/// ggml's type number for a tensor's values, and its bytes.
type Stored = (u32, Vec<u8>);
/// A way to store values.
type Store = fn(&[f32]) -> Stored;

/// A small model as a ggml file; matrices whose rows are whole blocks are stored by `store`.
fn ggml(small: Small, store: Store) -> Vec<u8> {
    let word = |out: &mut Vec<u8>, value: usize| out.extend((value as u32).to_le_bytes());
    let mut out = 0x6767_6d6cu32.to_le_bytes().to_vec();
    let s = small;
    for size in [
        s.vocabulary(),
        s.audio_positions,
        s.width,
        s.heads,
        s.layers,
        s.text_positions,
        s.width,
        s.heads,
        s.layers,
        80,
        1,
    ] {
        word(&mut out, size);
    }
    word(&mut out, 2);
    word(&mut out, 3);
    out.extend([0; 24]);
    word(&mut out, 256);
    for byte in 0..=255u8 {
        word(&mut out, 1);
        out.push(byte);
    }
    for (name, shape, values) in small.tensors() {
        let name = openai_name(&name);
        let matrix = shape.len() == 2 && shape[1] % 32 == 0 && !name.contains("positional");
        let (kind, bytes) = if matrix {
            store(&values)
        } else {
            floats(&values)
        };
        word(&mut out, shape.len());
        word(&mut out, name.len());
        word(&mut out, kind as usize);
        for &axis in shape.iter().rev() {
            word(&mut out, axis);
        }
        out.extend(name.as_bytes());
        out.extend(bytes);
    }
    out
}

fn openai_name(name: &str) -> String {
    let pairs = [
        ("model.", ""),
        (".layers.", ".blocks."),
        ("self_attn_layer_norm", "attn_ln"),
        ("encoder_attn_layer_norm", "cross_attn_ln"),
        ("final_layer_norm", "mlp_ln"),
        ("self_attn", "attn"),
        ("encoder_attn", "cross_attn"),
        ("q_proj", "query"),
        ("k_proj", "key"),
        ("v_proj", "value"),
        ("out_proj", "out"),
        ("fc1", "mlp.0"),
        ("fc2", "mlp.2"),
        ("encoder.layer_norm", "encoder.ln_post"),
        ("decoder.layer_norm", "decoder.ln"),
        ("embed_tokens", "token_embedding"),
        ("embed_positions.weight", "positional_embedding"),
    ];
    pairs
        .iter()
        .fold(name.to_owned(), |name, (from, to)| name.replace(from, to))
}

fn floats(values: &[f32]) -> Stored {
    (0, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn halves(values: &[f32]) -> Stored {
    let bytes = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes());
    (1, bytes.collect())
}

fn bytes_of_blocks(values: &[f32]) -> Stored {
    let mut out = Vec::new();
    for block in values.chunks(32) {
        let peak = block.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scale = f16::from_f32(peak / 127.0);
        out.extend(scale.to_le_bytes());
        out.extend(
            block
                .iter()
                .map(|v| (v / scale.to_f32()).round() as i8 as u8),
        );
    }
    (8, out)
}

fn five_bits_of_blocks(values: &[f32]) -> Stored {
    let mut out = Vec::new();
    for block in values.chunks(32) {
        let low = block.iter().copied().fold(f32::MAX, f32::min);
        let high = block.iter().copied().fold(f32::MIN, f32::max);
        let (scale, low) = (f16::from_f32((high - low) / 31.0), f16::from_f32(low));
        let codes: Vec<u32> = block
            .iter()
            .map(|v| (((v - low.to_f32()) / scale.to_f32()).round() as u32).min(31))
            .collect();
        let fifth = (0..32).fold(0u32, |bits, i| bits | (codes[i] >> 4) << i);
        out.extend(scale.to_le_bytes());
        out.extend(low.to_le_bytes());
        out.extend(fifth.to_le_bytes());
        out.extend((0..16).map(|i| (codes[i] & 15 | (codes[i + 16] & 15) << 4) as u8));
    }
    (7, out)
}

fn five_signed_bits_of_blocks(values: &[f32]) -> Stored {
    let mut out = Vec::new();
    for block in values.chunks(32) {
        let peak = block.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scale = f16::from_f32(peak / 15.0);
        let codes: Vec<u32> = block
            .iter()
            .map(|v| ((v / scale.to_f32()).round() as i32 + 16).clamp(0, 31) as u32)
            .collect();
        let fifth = (0..32).fold(0u32, |bits, i| bits | (codes[i] >> 4) << i);
        out.extend(scale.to_le_bytes());
        out.extend(fifth.to_le_bytes());
        out.extend((0..16).map(|i| (codes[i] & 15 | (codes[i + 16] & 15) << 4) as u8));
    }
    (6, out)
}

fn logits(path: &Path, small: Small) -> Vec<f32> {
    let checkpoint = Checkpoint::open(path).unwrap();
    let compute = Compute::new(Some(1)).unwrap();
    CpuEncoder::load(&checkpoint, &compute, Precision::F32).unwrap();
    let mut decoder = CpuDecoder::load(&checkpoint, &compute, Precision::F32).unwrap();
    let data = (0..small.audio_positions * small.width)
        .map(|i| (i % 7) as f32 - 3.0)
        .collect();
    decoder.begin(&[Features { data }]).unwrap();
    decoder.step(&[257, 65, 66], &[2]).unwrap().to_vec()
}

#[test]
fn ggml_files_hold_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let small = Small::default();
    small.write(dir.path());
    let expected = logits(dir.path(), small);
    let stores: [(Store, f32); 5] = [
        (floats, 0.0),
        (halves, 0.02),
        (bytes_of_blocks, 0.25),
        (five_bits_of_blocks, 3.0),
        (five_signed_bits_of_blocks, 3.0),
    ];
    for (store, tolerance) in stores {
        let path = dir.path().join("model.bin");
        std::fs::write(&path, ggml(small, store)).unwrap();
        let off = distance(&logits(&path, small), &expected);
        assert!(
            off <= tolerance,
            "largest difference {off}, {tolerance} allowed"
        );
    }
}

#[test]
fn files_cut_anywhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let small = Small {
        width: 8,
        heads: 1,
        layers: 1,
        audio_positions: 4,
        ..Default::default()
    };
    let whole = ggml(small, floats);
    let path = dir.path().join("model.bin");
    let open = || -> Result<(), Error> {
        let checkpoint = Checkpoint::open(&path)?;
        let compute = Compute::new(Some(1))?;
        CpuEncoder::load(&checkpoint, &compute, Precision::F32)?;
        CpuDecoder::load(&checkpoint, &compute, Precision::F32)?;
        Ok(())
    };
    std::fs::write(&path, &whole).unwrap();
    open().unwrap();
    let ends = (0..80)
        .chain((80..whole.len()).step_by(997))
        .chain([whole.len() - 1]);
    for end in ends {
        std::fs::write(&path, &whole[..end]).unwrap();
        let message = open().expect_err("a cut file").to_string();
        assert!(message.contains("help:"), "{message}");
    }
    // Absurd sizes must be refused before anything is allocated by them.
    for at in (4..56).step_by(4) {
        let mut wrong = whole.clone();
        wrong[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        std::fs::write(&path, &wrong).unwrap();
        // The eleventh size says how tensors are stored, which each of them says again.
        assert!(open().is_err() || at == 44, "size at byte {at}");
    }

    small.write(dir.path());
    let tensors = dir.path().join("model.safetensors");
    let whole = std::fs::read(&tensors).unwrap();
    for end in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&tensors, &whole[..end]).unwrap();
        assert!(Checkpoint::open(dir.path()).is_err(), "{end} bytes");
    }
}

#[test]
fn vocabularies_of_other_models_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Small::default().write(dir.path());
    let more = Small {
        languages: 101,
        ..Default::default()
    };
    let message = {
        more.write(dir.path());
        Checkpoint::open(dir.path()).unwrap_err().to_string()
    };
    assert!(message.contains("languages"), "{message}");
    let Some(assets) = assets("vocabularies_of_other_models_are_refused") else {
        return;
    };
    std::fs::copy(
        assets.join("models/tiny.en-libri/vocab.json"),
        dir.path().join("vocab.json"),
    )
    .unwrap();
    assert!(matches!(
        Checkpoint::open(dir.path()),
        Err(Error::Vocabulary { .. })
    ));
}

//! A Whisper checkpoint that says the same words in every window, made by code.
//!
//! Every layer adds nothing, so that what the decoder sees at a position is the token's embedding plus
//! the position's, which points its own way for each position and outweighs the other by far. A token's
//! embedding points along all the positions after which it is to be said; tied to the output, it wins
//! exactly there. Cross-attention adds nothing either, but looks at the eighth of a second of a window that
//! belongs to the position, so that words have times. The vocabulary is the 256 bytes, the window two seconds.
//! The model is English-only, or hears German in everything.

use std::fs;
use std::path::{Path, PathBuf};

/// What it says, from 0.00 to 1.50 s of each window. No space: in a vocabulary of bytes it begins the
/// signs that are not spoken, and is never chosen.
pub(crate) const WORDS: &str = "Amen.";

const WIDTH: usize = 32;
const AUDIO_POSITIONS: usize = 100;
const TEXT_POSITIONS: usize = 24;
/// Parts of a window that positions look at.
const FRAMES_HEARD: usize = 16;
const MELS: usize = 80;
const END: usize = 256;
/// The third language, behind the end and the start.
const GERMAN: usize = END + 2 + 2;
const FIRST_TIMESTAMP: usize = 256 + 8 + 99;
const VOCABULARY: usize = FIRST_TIMESTAMP + 1501;

/// Writes it as a folder in Hugging Face layout, as an English-only model.
pub(crate) fn write(folder: &Path) {
    write_model(folder, false);
}

/// Writes it as a multilingual model.
pub(crate) fn write_multilingual(folder: &Path) {
    write_model(folder, true);
}

fn write_model(folder: &Path, multilingual: bool) {
    fs::create_dir_all(folder).unwrap();
    let put = |name: &str, content: &[u8]| {
        // Another test process may be reading the same file.
        let new = folder.join(format!("{name}.{}", std::process::id()));
        fs::write(&new, content).unwrap();
        fs::rename(&new, folder.join(name)).unwrap();
    };
    let config = format!(
        "{{\"num_mel_bins\": {MELS}, \"max_source_positions\": {AUDIO_POSITIONS}, \"d_model\": {WIDTH}, \
         \"encoder_attention_heads\": 2, \"encoder_layers\": 1, \"vocab_size\": {VOCABULARY}, \
         \"max_target_positions\": {TEXT_POSITIONS}, \"decoder_attention_heads\": 2, \"decoder_layers\": 1}}"
    );
    put("config.json", config.as_bytes());
    let generation = format!("{{\"is_multilingual\": {multilingual}}}");
    put("generation_config.json", generation.as_bytes());
    put("vocab.json", vocabulary().as_bytes());
    put("model.safetensors", &safetensors(&tensors(multilingual)));
}

/// The folder of a parrot that all tests share.
pub(crate) fn folder() -> &'static Path {
    static PARROT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    PARROT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parrot");
        write(&folder);
        folder
    })
}

/// The tokens said after some positions, which are those of the prompt's end and all behind it. A
/// multilingual prompt is start, language and task; what is said after the start is the language.
fn script(multilingual: bool) -> Vec<(usize, usize)> {
    let mut tokens = vec![FIRST_TIMESTAMP];
    tokens.extend(WORDS.bytes().map(usize::from));
    tokens.push(FIRST_TIMESTAMP + 75);
    tokens.push(END);
    if multilingual {
        let mut said: Vec<(usize, usize)> = (2..).zip(tokens).collect();
        said.push((0, GERMAN));
        said
    } else {
        (0..).zip(tokens).collect()
    }
}

type Tensor = (String, Vec<usize>, Vec<f32>);

fn tensors(multilingual: bool) -> Vec<Tensor> {
    let mut all = Vec::new();
    let mut add = |name: &str, shape: &[usize], value: f32| {
        let count = shape.iter().product();
        all.push((format!("model.{name}"), shape.to_vec(), vec![value; count]));
    };
    add("encoder.conv1.weight", &[WIDTH, MELS, 3], 0.0);
    add("encoder.conv2.weight", &[WIDTH, WIDTH, 3], 0.0);
    for name in ["encoder.conv1.bias", "encoder.conv2.bias"] {
        add(name, &[WIDTH], 0.0);
    }
    for side in ["encoder", "decoder"] {
        let blocks: &[&str] = if side == "encoder" {
            &["self_attn"]
        } else {
            &["self_attn", "encoder_attn"]
        };
        let layer = format!("{side}.layers.0");
        for block in blocks {
            for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
                add(
                    &format!("{layer}.{block}.{part}.weight"),
                    &[WIDTH, WIDTH],
                    0.0,
                );
                if part != "k_proj" {
                    add(&format!("{layer}.{block}.{part}.bias"), &[WIDTH], 0.0);
                }
            }
        }
        for (part, shape) in [("fc1", [4 * WIDTH, WIDTH]), ("fc2", [WIDTH, 4 * WIDTH])] {
            add(&format!("{layer}.{part}.weight"), &shape, 0.0);
            add(&format!("{layer}.{part}.bias"), &shape[..1], 0.0);
        }
        let mut norms: Vec<String> = blocks
            .iter()
            .map(|b| format!("{layer}.{b}_layer_norm"))
            .collect();
        norms.push(format!("{layer}.final_layer_norm"));
        norms.push(format!("{side}.layer_norm"));
        for norm in norms {
            add(&format!("{norm}.weight"), &[WIDTH], 1.0);
            add(&format!("{norm}.bias"), &[WIDTH], 0.0);
        }
    }
    for (name, _, values) in &mut all {
        // Queries and keys of the cross-attention are what they come from.
        if name.ends_with("encoder_attn.q_proj.weight")
            || name.ends_with("encoder_attn.k_proj.weight")
        {
            (0..WIDTH).for_each(|n| values[n * WIDTH + n] = 1.0);
        }
    }
    let mut heard = vec![0.0; AUDIO_POSITIONS * WIDTH];
    for frame in 0..AUDIO_POSITIONS {
        heard[frame * WIDTH + frame * FRAMES_HEARD / AUDIO_POSITIONS] = 100.0;
    }
    let shape = vec![AUDIO_POSITIONS, WIDTH];
    all.push((
        "model.encoder.embed_positions.weight".to_owned(),
        shape,
        heard,
    ));
    let mut positions = vec![0.0; TEXT_POSITIONS * WIDTH];
    let mut tokens = vec![0.0; VOCABULARY * WIDTH];
    for (position, token) in script(multilingual) {
        positions[position * WIDTH + position] = 100.0;
        tokens[token * WIDTH + position] += 5.0;
    }
    let name = |part: &str| format!("model.decoder.{part}.weight");
    all.push((
        name("embed_positions"),
        vec![TEXT_POSITIONS, WIDTH],
        positions,
    ));
    all.push((name("embed_tokens"), vec![VOCABULARY, WIDTH], tokens));
    all
}

/// Source of the format: safetensors README.md, "Format".
fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data: Vec<u8> = Vec::new();
    for (name, shape, values) in tensors {
        let begin = data.len();
        data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string();
    header.extend(std::iter::repeat_n(' ', (8 - header.len() % 8) % 8));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.extend(data);
    bytes
}

/// Source of the byte alphabet: gpt-2 src/encoder.py.
fn vocabulary() -> String {
    let plain = |byte: u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let mut names = serde_json::Map::new();
    for byte in 0..256u32 {
        let below = (0..byte).filter(|&other| !plain(other)).count() as u32;
        let code = if plain(byte) { byte } else { 256 + below };
        names.insert(char::from_u32(code).unwrap().to_string(), byte.into());
    }
    names.insert("<|endoftext|>".into(), END.into());
    serde_json::Value::Object(names).to_string()
}

//! Models: fetching, taking up again, verifying.

mod fetching;
pub(crate) mod server;
mod verifying;

/// A repository as `Server` serves it: enough files to look like a checkpoint, and some that are not wanted.
pub(crate) fn checkpoint() -> Vec<(&'static str, Vec<u8>)> {
    let weights: Vec<u8> = (0..300_000u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    vec![
        ("config.json", b"{\"model_type\": \"whisper\"}".to_vec()),
        ("vocab.json", b"{}".to_vec()),
        ("README.md", b"not wanted".to_vec()),
        ("pytorch_model.bin", b"not wanted either".to_vec()),
        ("model.safetensors", weights),
    ]
}

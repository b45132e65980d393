"""Writes a Whisper of base size with random weights for three programs, and a recording.

usage: models.py FOLDER

FOLDER/hf     Hugging Face layout, f16
FOLDER/ct2    CTranslate2, int8, for faster-whisper
FOLDER/ggml-f16.bin, FOLDER/ggml-q8_0.bin    for whisper.cpp
FOLDER/audio.wav    four windows of 30 s

The weights are made so that every window gets TOKENS tokens of text in every program: nothing ever
writes to the first two values of the decoder's residual stream, which therefore hold what the position
says. The first makes special tokens improbable everywhere, the second the end of text improbable
before the last position and certain from there on.

Sources of the formats: safetensors' README; whisper.cpp models/convert-pt-to-ggml.py and
ggml/src/ggml-common.h (block_q8_0); CTranslate2 python/ctranslate2/specs.
"""

import json
import struct
import sys
import wave
from pathlib import Path

import numpy as np

WIDTH, HEADS, LAYERS, MELS = 512, 8, 6, 80
AUDIO, TEXT = 1500, 448
END, VOCABULARY = 50257, 51865
LANGUAGES = 99
# start of transcript, language, task, no timestamps
PROMPT = 4
TOKENS = 100
SECONDS = 120

random = np.random.default_rng(1)


def normal(*shape, scale):
    return (scale * random.standard_normal(shape, dtype=np.float32)).astype(np.float16).astype(np.float32)


def tensors():
    out = {}

    def linear(name, rows, columns, bias=True, residual=False):
        weight, shift = normal(rows, columns, scale=columns**-0.5), normal(rows, scale=0.02)
        if residual:
            weight[:2], shift[:2] = 0, 0
        out[name + ".weight"] = weight
        if bias:
            out[name + ".bias"] = shift

    def norm(name):
        out[name + ".weight"] = 1 + normal(WIDTH, scale=0.05)
        out[name + ".bias"] = normal(WIDTH, scale=0.02)

    for conv, inputs in (("conv1", MELS), ("conv2", WIDTH)):
        out[f"encoder.{conv}.weight"] = normal(WIDTH, inputs, 3, scale=(3 * inputs) ** -0.5)
        out[f"encoder.{conv}.bias"] = normal(WIDTH, scale=0.02)
    out["encoder.embed_positions.weight"] = normal(AUDIO, WIDTH, scale=0.3)
    positions = normal(TEXT, WIDTH, scale=0.05)
    positions[:, 0] = 40
    positions[:, 1] = -10
    positions[PROMPT + TOKENS - 1 :, 1] = 10
    out["decoder.embed_positions.weight"] = positions
    table = normal(VOCABULARY, WIDTH, scale=0.15)
    table[:, :2] = 0
    table[END + 1 :, 0] = -5
    table[END] = 0
    table[END, 1] = 20
    out["decoder.embed_tokens.weight"] = table
    for side in ("encoder", "decoder"):
        for layer in range(LAYERS):
            name = f"{side}.layers.{layer}"
            own = side == "decoder"
            for attention in ("self_attn", "encoder_attn")[: 1 + own]:
                for part in ("q_proj", "k_proj", "v_proj"):
                    linear(f"{name}.{attention}.{part}", WIDTH, WIDTH, bias=part != "k_proj")
                linear(f"{name}.{attention}.out_proj", WIDTH, WIDTH, residual=own)
                norm(f"{name}.{attention}_layer_norm")
            linear(f"{name}.fc1", 4 * WIDTH, WIDTH)
            linear(f"{name}.fc2", WIDTH, 4 * WIDTH, residual=own)
            norm(f"{name}.final_layer_norm")
        norm(f"{side}.layer_norm")
    return out


def text_tokens():
    """Bytes of every text token: all single bytes, then made-up words."""
    words = [bytes([byte]) for byte in range(256)]
    for i in range(END - 256):
        words.append(b" " + bytes(97 + i // 26**place % 26 for place in range(4)))
    return words


def byte_letters():
    """GPT-2's printable letter for every byte (gpt-2, encoder.py)."""
    printable = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


LANGUAGE_CODES = """en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no
th ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn
yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su""".split()


def special_tokens():
    names = ["endoftext", "startoftranscript", *LANGUAGE_CODES, "translate", "transcribe"]
    names += ["startoflm", "startofprev", "nospeech", "notimestamps"]
    return [f"<|{name}|>" for name in names]


def write_hugging_face(folder, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "num_mel_bins": MELS,
        "max_source_positions": AUDIO,
        "max_target_positions": TEXT,
        "d_model": WIDTH,
        "vocab_size": VOCABULARY,
        **{f"{side}_layers": LAYERS for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": HEADS for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": 4 * WIDTH for side in ("encoder", "decoder")},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"is_multilingual": True}))
    letters = byte_letters()
    names = ["".join(letters[byte] for byte in token) for token in text_tokens()] + special_tokens()
    (folder / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    header, at = {}, 0
    for name, values in tensors.items():
        end = at + 2 * values.size
        header["model." + name] = {"dtype": "F16", "shape": values.shape, "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            file.write(values.astype("<f2").tobytes())


GGML_NAMES = [
    (".layers.", ".blocks."),
    ("encoder_attn_layer_norm", "cross_attn_ln"),
    ("self_attn_layer_norm", "attn_ln"),
    ("final_layer_norm", "mlp_ln"),
    ("encoder_attn", "cross_attn"),
    ("self_attn", "attn"),
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
]


def mel_filters():
    """librosa's triangles on Slaney's scale, of unit area."""
    def hertz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))

    top = 15 + np.log(8000 / 1000) * 27 / np.log(6.4)
    points = hertz(np.linspace(0, top, MELS + 2))
    bins = np.linspace(0, 8000, 201)
    rise = (bins - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    fall = (points[2:, None] - bins) / (points[2:] - points[1:-1])[:, None]
    area = 2 / (points[2:] - points[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area[:, None]).astype("<f4")


def q8_0(values):
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1) / 127).astype("<f2")
    inverse = np.divide(1, scale.astype(np.float32), where=scale != 0, out=np.zeros(len(scale), np.float32))
    levels = np.clip(np.rint(blocks * inverse[:, None]), -127, 127).astype(np.int8)
    out = np.empty(len(blocks), dtype=[("scale", "<f2"), ("levels", "i1", 32)])
    out["scale"], out["levels"] = scale, levels
    return out.tobytes()


def write_ggml(path, tensors, kind):
    # ggml's numbers of types: 0 is f32, 1 is f16, 8 is q8_0; files are marked 1 and 7.
    number, mark = {"f16": (1, 1), "q8_0": (8, 7)}[kind]
    with open(path, "wb") as file:
        file.write(struct.pack("<I", 0x67676D6C))
        file.write(
            struct.pack("<11i", VOCABULARY, AUDIO, WIDTH, HEADS, LAYERS, TEXT, WIDTH, HEADS, LAYERS, MELS, mark)
        )
        filters = mel_filters()
        file.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
        tokens = text_tokens()
        file.write(struct.pack("<i", len(tokens)))
        for token in tokens:
            file.write(struct.pack("<i", len(token)) + token)
        for name, values in tensors.items():
            for ours, theirs in GGML_NAMES:
                name = name.replace(ours, theirs)
            if name.endswith(("conv1.bias", "conv2.bias")):
                values = values[:, None]
            keep = values.ndim < 2 or name.endswith(("bias", "positional_embedding"))
            # Convolutions are not quantised.
            of = 0 if keep else 1 if values.ndim == 3 else number
            data = values.astype("<f4").tobytes() if of == 0 else values.astype("<f2").tobytes() if of == 1 else q8_0(values)
            text = name.encode()
            file.write(struct.pack("<3i", values.ndim, len(text), of))
            file.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)))
            file.write(text + data)


def write_ctranslate2(folder, tensors):
    import tokenizers
    from ctranslate2.converters import utils
    from ctranslate2.specs import common_spec, whisper_spec

    spec = whisper_spec.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)

    def linear(to, name):
        to.weight = tensors[name + ".weight"]
        to.bias = tensors.get(name + ".bias")

    def norm(to, name):
        to.gamma, to.beta = tensors[name + ".weight"], tensors[name + ".bias"]

    def attention(to, name, own):
        parts = [common_spec.LinearSpec() for _ in range(3)]
        for part, which in zip(parts, ("q_proj", "k_proj", "v_proj")):
            linear(part, f"{name}.{which}")
            if part.bias is None:
                part.bias = np.zeros(WIDTH, np.float32)
        if own:
            utils.fuse_linear(to.linear[0], parts)
        else:
            utils.fuse_linear(to.linear[0], parts[:1])
            utils.fuse_linear(to.linear[1], parts[1:])
        linear(to.linear[-1], name + ".out_proj")
        norm(to.layer_norm, name + "_layer_norm")

    for side, to in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        to.position_encodings.encodings = tensors[f"{side}.embed_positions.weight"]
        norm(to.layer_norm, f"{side}.layer_norm")
        for index, layer in enumerate(to.layer):
            name = f"{side}.layers.{index}"
            attention(layer.self_attention, name + ".self_attn", True)
            if side == "decoder":
                attention(layer.attention, name + ".encoder_attn", False)
            linear(layer.ffn.linear_0, name + ".fc1")
            linear(layer.ffn.linear_1, name + ".fc2")
            norm(layer.ffn.layer_norm, name + ".final_layer_norm")
    for conv in ("conv1", "conv2"):
        linear(getattr(spec.encoder, conv), f"encoder.{conv}")
    spec.decoder.embeddings.weight = tensors["decoder.embed_tokens.weight"]
    spec.decoder.projection.weight = tensors["decoder.embed_tokens.weight"]

    letters = byte_letters()
    names = ["".join(letters[byte] for byte in token) for token in text_tokens()]
    times = [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    spec.register_vocabulary(names + special_tokens() + times)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = list(range(END + 2, END + 2 + LANGUAGES))
    spec.config.alignment_heads = [(LAYERS - 1, head) for head in range(HEADS)]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))

    vocabulary = {name: i for i, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(special_tokens())
    tokenizer.save(str(folder / "tokenizer.json"))


def write_audio(path):
    """Noise that swells and fades four times a second."""
    time = np.arange(16000 * SECONDS) / 16000
    noise = np.random.default_rng(2).standard_normal(len(time))
    samples = 3000 * noise * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.clip(samples, -32767, 32767).astype("<i2").tobytes())


def main():
    folder = Path(sys.argv[1])
    made = tensors()
    write_hugging_face(folder / "hf", made)
    write_ggml(folder / "ggml-f16.bin", made, "f16")
    write_ggml(folder / "ggml-q8_0.bin", made, "q8_0")
    write_ctranslate2(folder / "ct2", made)
    write_audio(folder / "audio.wav")


if __name__ == "__main__":
    main()

"""Transcribes a recording with faster-whisper or whisper.cpp and prints the cost as JSON.

usage: hear.py faster-whisper|whisper.cpp MODEL AUDIO THREADS BEAMS RUNS
"""

import json
import resource
import sys
import time


def faster_whisper(model, audio, threads, beams):
    from faster_whisper import WhisperModel, decode_audio

    loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=threads)
    samples = decode_audio(audio)

    def hear():
        segments, _ = loaded.transcribe(
            samples,
            language="en",
            beam_size=beams,
            temperature=0.0,
            without_timestamps=True,
            condition_on_previous_text=False,
        )
        return sum(len(segment.tokens) for segment in segments)

    return hear


def whisper_cpp(model, audio, threads, beams):
    from pywhispercpp.model import Model

    beam = {"beam_search": {"beam_size": beams, "patience": -1.0}} if beams > 1 else {}
    loaded = Model(
        model,
        params_sampling_strategy=int(beams > 1),
        redirect_whispercpp_logs_to=None,
        n_threads=threads,
        language="en",
        no_timestamps=True,
        # Windows are not told the text before.
        n_max_text_ctx=0,
        temperature_inc=0.0,
        print_progress=False,
        print_timestamps=False,
        **beam,
    )

    def hear():
        segments = loaded.transcribe(audio)
        # Made-up words of five letters, space included.
        return sum(len(segment.text) // 5 for segment in segments)

    return hear


def main():
    tool, model, audio, threads, beams, runs = sys.argv[1:]
    start = time.perf_counter()
    hear = {"faster-whisper": faster_whisper, "whisper.cpp": whisper_cpp}[tool]
    hear = hear(model, audio, int(threads), int(beams))
    loading = time.perf_counter() - start
    best = None
    for _ in range(int(runs)):
        wall, cpu = time.perf_counter(), time.process_time()
        tokens = hear()
        cost = (time.perf_counter() - wall, time.process_time() - cpu)
        best = min(best or cost, cost)
    print(
        json.dumps(
            {
                "load_seconds": loading,
                "transcribe_seconds": best[0],
                "cpu_seconds": best[1],
                "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                "tokens": tokens,
            }
        )
    )


if __name__ == "__main__":
    main()

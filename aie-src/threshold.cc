// Samples of no more than `limit` become silence, the others stay: 1024 samples of 16 bits.
//
// Plain C++, whose loop Peano may vectorise. Names of kernels are C names, addresses of objects
// arrive as pointers, and nothing is shared with another core.

#include <cstdint>

extern "C" void threshold(const int16_t *in, int16_t *out, int32_t limit) {
  for (int i = 0; i < 1024; i++) {
    const int32_t sample = in[i];
    const int32_t magnitude = sample < 0 ? -sample : sample;
    out[i] = magnitude > limit ? static_cast<int16_t>(sample) : int16_t{0};
  }
}

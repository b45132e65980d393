/* The Amanuensis runtime for C: devices, overlays, runs.
 *
 * Every function that can fail returns 0 when it succeeds; otherwise amn_error() tells, for this
 * thread, what went wrong and, on its last lines, what to do. Objects are freed by the function of
 * their own; a null pointer is nothing to free. Devices and overlays may be used by several threads
 * at once. */
#ifndef AMANUENSIS_RUNTIME_H
#define AMANUENSIS_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amn_device amn_device;
typedef struct amn_overlay amn_overlay;
typedef struct amn_stream amn_stream;
typedef struct amn_buffer amn_buffer;

/* What the last failed call of this thread said; never null. */
const char *amn_error(void);

/* Opens "auto", "npu", "emulator" or "cpu". */
int amn_device_open(const char *name, amn_device **device);
/* Its name: "npu", "emulator" or "cpu". Lives as long as the process. */
const char *amn_device_name(const amn_device *device);
void amn_device_free(amn_device *device);

/* Loads the bytes of an XCLBIN. */
int amn_overlay_load(const amn_device *device, const uint8_t *xclbin, size_t size,
                     amn_overlay **overlay);
void amn_overlay_free(amn_overlay *overlay);

/* Reads the bytes of an instruction stream. */
int amn_stream_parse(const uint8_t *bytes, size_t size, amn_stream **stream);
void amn_stream_free(amn_stream *stream);

/* A buffer of zero bytes; null when size is 0. */
amn_buffer *amn_buffer_new(size_t size);
/* Copy all of a buffer; size has to be the buffer's. */
int amn_buffer_write(const amn_buffer *buffer, const uint8_t *bytes, size_t size);
int amn_buffer_read(const amn_buffer *buffer, uint8_t *bytes, size_t size);
void amn_buffer_free(amn_buffer *buffer);

/* Runs a stream on buffers and waits for its end. cycles may be null; it receives the clock cycles of
 * the array where the device counts them, otherwise 0. */
int amn_run(const amn_overlay *overlay, const amn_stream *stream,
            const amn_buffer *const *buffers, size_t count, uint64_t *cycles);

#ifdef __cplusplus
}
#endif

#endif

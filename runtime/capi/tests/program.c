/* Runs an overlay that copies its first buffer to its second: XCLBIN and instruction stream are named
 * on the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "amanuensis_runtime.h"

enum { BYTES = 512 };

static void check(int failed) {
    if (failed) {
        fprintf(stderr, "%s\n", amn_error());
        exit(1);
    }
}

static uint8_t *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);
    if (!file || !bytes) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    amn_device *device = NULL;
    if (!amn_device_open("toaster", &device) || !strstr(amn_error(), "unknown device `toaster`"))
        return 3;
    check(amn_device_open("emulator", &device));
    size_t size;
    uint8_t *bytes = load(argv[1], &size);
    amn_overlay *overlay = NULL;
    if (!amn_overlay_load(device, bytes, size / 2, &overlay))
        return 4;
    check(amn_overlay_load(device, bytes, size, &overlay));
    free(bytes);
    bytes = load(argv[2], &size);
    amn_stream *stream = NULL;
    check(amn_stream_parse(bytes, size, &stream));
    free(bytes);

    uint8_t in[BYTES], out[BYTES];
    for (int i = 0; i < BYTES; i++)
        in[i] = (uint8_t)(7 * i);
    amn_buffer *buffers[2] = {amn_buffer_new(BYTES), amn_buffer_new(BYTES)};
    check(amn_buffer_write(buffers[0], in, BYTES));
    if (!amn_buffer_write(buffers[0], in, BYTES - 1) || !amn_buffer_read(buffers[0], NULL, BYTES))
        return 5;
    const amn_buffer *const arguments[2] = {buffers[0], buffers[1]};
    if (!amn_run(overlay, stream, arguments, 1, NULL))
        return 6;
    uint64_t cycles = 0;
    check(amn_run(overlay, stream, arguments, 2, &cycles));
    check(amn_buffer_read(buffers[1], out, BYTES));
    if (memcmp(in, out, BYTES) != 0 || cycles == 0)
        return 7;
    printf("%d bytes came back on %s\n", BYTES, amn_device_name(device));

    amn_buffer_free(buffers[0]);
    amn_buffer_free(buffers[1]);
    amn_stream_free(stream);
    amn_overlay_free(overlay);
    amn_device_free(device);
    return 0;
}

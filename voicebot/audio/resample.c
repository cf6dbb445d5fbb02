/* Between the phone's rate and the model's: the twin of resample.py. */
#include "native.h"

#define RATIO 3
#define TAPS 97
#define UP_HISTORY (TAPS / RATIO)
#define PHASE (UP_HISTORY + STRIDE) /* taps of one phase, and zeros */
#define DOWN_HISTORY (TAPS - 1)
#define BLOCK FRAME /* samples at 8 kHz that are done at once */

/* The filter of each phase, its last tap first, as `slide` takes it. */
static double up_taps[RATIO][PHASE], down_taps[RATIO][PHASE];

typedef struct {
    PyObject_HEAD
    int16_t history[UP_HISTORY];
} Up;

typedef struct {
    PyObject_HEAD
    int16_t history[DOWN_HISTORY];
    int rest_bytes;
    char rest[2 * RATIO]; /* less than one output's worth */
} Down;

/* Half to even: so large a number leaves no bits behind the point. */
static int16_t rounded(double sample)
{
    sample = sample < -32768.0 ? -32768.0 : sample;
    sample = sample > 32767.0 ? 32767.0 : sample;
    return (int16_t)(sample + 6755399441055744.0 - 6755399441055744.0);
}

/* ITU-T G.711 (11/88), table 2a: see g711.py. */
static uint8_t ulaw_of(int sample)
{
    int size = sample < 0 ? ~sample : sample;
    size = (size < 32635 ? size : 32635) + 132;
    int segment = 24 - __builtin_clz((unsigned)size); /* 0 to 7 */
    int code = segment << 4 | (size >> (segment + 3) & 15);
    return (uint8_t)((sample < 0 ? 0x7f : 0xff) - code);
}

static void up_block(Up *self, const uint8_t *ulaw, int count, char *pcm)
{
    double x[PHASE + BLOCK] = {0.0}, out[BLOCK];
    int16_t phases[RATIO][BLOCK];
    for (int at = 0; at < UP_HISTORY; at++)
        x[at] = self->history[at];
    for (int at = 0; at < count; at++)
        x[UP_HISTORY + at] = PCM_OF_ULAW[ulaw[at]];
    for (int phase = 0; phase < RATIO; phase++) {
        slide(up_taps[phase], PHASE, x, out, (size_t)count);
        for (int at = 0; at < count; at++)
            phases[phase][at] = rounded(out[at]);
    }
    for (int at = 0; at < count; at++)
        for (int phase = 0; phase < RATIO; phase++)
            memcpy(pcm + 2 * (RATIO * at + phase), &phases[phase][at], 2);
    for (int at = 0; at < UP_HISTORY; at++)
        self->history[at] = (int16_t)x[count + at];
}

static void down_block(Down *self, const char *pcm, int outputs, uint8_t *ulaw)
{
    /* By phases, so that each filter slides over what lies side by side. */
    int16_t all[DOWN_HISTORY + RATIO * BLOCK];
    double x[RATIO][PHASE + BLOCK] = {{0.0}}, out[BLOCK], sums[BLOCK] = {0.0};
    memcpy(all, self->history, sizeof self->history);
    memcpy(all + DOWN_HISTORY, pcm, (size_t)(2 * RATIO * outputs));
    for (int at = 0; at < UP_HISTORY + outputs; at++)
        for (int phase = 0; phase < RATIO; phase++)
            x[phase][at] = all[RATIO * at + phase];
    for (int phase = 0; phase < RATIO; phase++) {
        slide(down_taps[phase], PHASE, x[phase], out, (size_t)outputs);
        for (int at = 0; at < outputs; at++)
            sums[at] += out[at];
    }
    for (int at = 0; at < outputs; at++)
        ulaw[at] = ulaw_of(rounded(sums[at]));
    memcpy(self->history, all + RATIO * outputs, sizeof self->history);
}

static PyObject *up_push(Up *self, PyObject *ulaw)
{
    Py_buffer sound;
    if (PyObject_GetBuffer(ulaw, &sound, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *made = sound.len > PY_SSIZE_T_MAX / (2 * RATIO)
                         ? PyErr_NoMemory()
                         : PyBytes_FromStringAndSize(NULL, 2 * RATIO * sound.len);
    if (made) {
        char *pcm = PyBytes_AsString(made);
        const uint8_t *from = sound.buf;
        for (Py_ssize_t at = 0; at < sound.len; at += BLOCK) {
            Py_ssize_t rest = sound.len - at;
            up_block(self, from + at, rest < BLOCK ? (int)rest : BLOCK,
                     pcm + 2 * RATIO * at);
        }
    }
    PyBuffer_Release(&sound);
    return made;
}

static PyObject *down_push(Down *self, PyObject *pcm16)
{
    Py_buffer sound;
    if (PyObject_GetBuffer(pcm16, &sound, PyBUF_SIMPLE) < 0)
        return NULL;
    Py_ssize_t left = (self->rest_bytes + sound.len) / (2 * RATIO);
    PyObject *made = PyBytes_FromStringAndSize(NULL, left);
    if (made) {
        uint8_t *ulaw = (uint8_t *)PyBytes_AsString(made);
        const char *from = sound.buf, *end = from + sound.len;
        char block[2 * RATIO * BLOCK];
        int before = self->rest_bytes; /* only of the first block */
        memcpy(block, self->rest, sizeof self->rest);
        while (left) {
            int outputs = left < BLOCK ? (int)left : BLOCK;
            int size = 2 * RATIO * outputs - before;
            memcpy(block + before, from, (size_t)size);
            down_block(self, block, outputs, ulaw);
            from += size;
            ulaw += outputs;
            left -= outputs;
            before = 0;
        }
        self->rest_bytes = before;
        while (from < end)
            self->rest[self->rest_bytes++] = *from++;
    }
    PyBuffer_Release(&sound);
    return made;
}

static PyMethodDef up_methods[] = {
    {"push", (PyCFunction)up_push, METH_O, "push(ulaw)\n\nConvert a chunk."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef down_methods[] = {
    {"push", (PyCFunction)down_push, METH_O, "push(pcm16)\n\nConvert a chunk."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot up_slots[] = {
    {Py_tp_doc, "One stream from the phone to the model."},
    {Py_tp_new, make},
    {Py_tp_methods, up_methods},
    {0, NULL},
};

static PyType_Slot down_slots[] = {
    {Py_tp_doc, "One stream from the model to the phone."},
    {Py_tp_new, make},
    {Py_tp_methods, down_methods},
    {0, NULL},
};

static PyType_Spec up_spec = {
    .name = "voicebot.audio.native.UlawToPcm24",
    .basicsize = sizeof(Up),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = up_slots,
};

static PyType_Spec down_spec = {
    .name = "voicebot.audio.native.Pcm24ToUlaw",
    .basicsize = sizeof(Down),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = down_slots,
};

int add_resample(PyObject *module)
{
    double up[TAPS], down[TAPS];
    const Number numbers[] = {
        {"UP_TAPS", up, TAPS},
        {"DOWN_TAPS", down, TAPS},
        {NULL, NULL, 0},
    };
    const char *const names[] = {"RATIO", "TAPS", NULL};
    const double sizes[] = {RATIO, TAPS};
    const char *const module_name = "voicebot.audio.resample";
    if (check_sizes(module_name, names, sizes) < 0 ||
        read_numbers(module_name, numbers) < 0)
        return -1;
    for (int phase = 0; phase < RATIO; phase++) {
        for (int back = 0; back <= UP_HISTORY; back++) {
            int tap = RATIO * back + phase;
            up_taps[phase][UP_HISTORY - back] = tap < TAPS ? up[tap] : 0.0;
            /* Of three inputs, the output is made when the first is there. */
            tap = RATIO * back - phase;
            down_taps[phase][UP_HISTORY - back] = tap >= 0 ? down[tap] : 0.0;
        }
    }
    return add_type(module, &up_spec) < 0 || add_type(module, &down_spec) < 0 ? -1 : 0;
}

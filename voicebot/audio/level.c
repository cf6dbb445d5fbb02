/* How loud a piece of sound is: the twin of level.py. */
#include "native.h"

static double full_scale, floor_dbov;
static int16_t pcm_of_ulaw[256];
const int16_t *const PCM_OF_ULAW = pcm_of_ulaw;

static double level_dbov(int64_t squares, Py_ssize_t samples)
{
    /* The root is rounded down to a whole sample, as audioop does it. */
    unsigned rms = samples ? (unsigned)sqrt((double)squares / (double)samples) : 0;
    return rms ? 20 * log10(rms / full_scale) : floor_dbov;
}

double ulaw_dbov(const uint8_t *ulaw, Py_ssize_t size)
{
    int64_t squares = 0;
    for (Py_ssize_t at = 0; at < size; at++)
        squares += (int32_t)pcm_of_ulaw[ulaw[at]] * pcm_of_ulaw[ulaw[at]];
    return level_dbov(squares, size);
}

double pcm16_dbov(const int16_t *samples, Py_ssize_t count)
{
    int64_t squares = 0;
    for (Py_ssize_t at = 0; at < count; at++)
        squares += (int32_t)samples[at] * samples[at];
    return level_dbov(squares, count);
}

static PyObject *dbov(PyObject *Py_UNUSED(module), PyObject *ulaw)
{
    Py_buffer sound;
    if (PyObject_GetBuffer(ulaw, &sound, PyBUF_SIMPLE) < 0)
        return NULL;
    double level = ulaw_dbov(sound.buf, sound.len);
    PyBuffer_Release(&sound);
    return PyFloat_FromDouble(level);
}

static PyMethodDef functions[] = {
    {"dbov", dbov, METH_O, "Measure the level (RMS) of a chunk of μ-law."},
    {NULL, NULL, 0, NULL},
};

int add_level(PyObject *module)
{
    const Number numbers[] = {
        {"FULL_SCALE", &full_scale, 1},
        {"FLOOR_DBOV", &floor_dbov, 1},
        {NULL, NULL, 0},
    };
    /* ITU-T G.711 (11/88), table 2b, times 4. */
    for (int code = 0; code < 256; code++) {
        int turned = ~code & 0xff;
        int size = ((((turned & 0x0f) << 3) + 0x84) << ((turned & 0x70) >> 4)) - 0x84;
        pcm_of_ulaw[code] = (int16_t)(turned & 0x80 ? -size : size);
    }
    if (read_numbers("voicebot.audio.level", numbers) < 0)
        return -1;
    return PyModule_AddFunctions(module, functions);
}

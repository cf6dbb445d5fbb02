/*
 * What the twins in C share. Each stands beside its source in Python, which says why
 * things are as they are: timbre.c beside timbre.py. Where voicebot wasn't compiled,
 * the source runs instead; quick.py chooses.
 *
 * Constants are read from the Python modules when native is imported, so that they
 * are written once; only sizes of arrays are written here too, and compared then.
 */
#ifndef VOICEBOT_NATIVE_H
#define VOICEBOT_NATIVE_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <structmember.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FRAME 160 /* samples in 20 ms at 8 kHz */

/* What returns an int here is 0, or -1 with an error set. */

/* Read the numbers of a source, and add its twins to the module. */
int add_level(PyObject *module);
int add_floor(PyObject *module);
int add_timbre(PyObject *module);
int add_vad(PyObject *module); /* after add_timbre, whose sounds it takes */
int add_echo(PyObject *module);
int add_resample(PyObject *module);
int add_neural(PyObject *module);

/* ---- numbers of the Python modules ---- */

typedef struct {
    const char *name;
    double *into;
    Py_ssize_t count; /* 1: a number; else a sequence of so many */
} Number;

/* Read what a table lists, up to its row without a name. */
int read_numbers(const char *module, const Number *table);
/* Fail if a size that is written in C isn't the one of the Python module. */
int check_sizes(const char *module, const char *const *names, const double *sizes);

/* ---- arguments ---- */

/*
 * Sort arguments by position and by name into `values`, NULL where one is missing.
 * `names` ends with NULL; `by_position` of them can be given so, `needed` must be given
 * at all.
 */
int sort_arguments(const char *function, const char *const *names, int by_position,
                   int needed, PyObject *const *given, Py_ssize_t count,
                   PyObject *by_name, PyObject **values);
/* Read a number, not NaN; what is missing leaves `*into` as it is. */
int read_number(const char *name, PyObject *value, double *into);

/* ---- types ---- */

/* Make an object of a type that takes no arguments, all of its own bytes 0. */
PyObject *make(PyTypeObject *type, PyObject *args, PyObject *by_name);
int add_type(PyObject *module, PyType_Spec *spec);

/* A method that takes arguments by name, in a table. */
#define WITH_NAMES(function) \
    (PyCFunction)(void (*)(void))(function), METH_FASTCALL | METH_KEYWORDS

/* ---- sound ---- */

/* The wider vectors of newer processors, chosen when the module is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define WIDEST __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define WIDEST
#endif

extern const int16_t *const PCM_OF_ULAW; /* 256 */
double pcm16_dbov(const int16_t *samples, Py_ssize_t count);
double ulaw_dbov(const uint8_t *ulaw, Py_ssize_t size);

/*
 * out[i] = sum over j of weights[j] * x[i + j]; `count` is a multiple of STRIDE.
 * Callers only give it what every product and sum of is exact in a double, so that any
 * order of summation, any width of vectors and numpy come to the same bits.
 */
#define STRIDE 4
void slide(const double *weights, size_t count, const double *x, double *out,
           size_t outputs);

/* ---- what a detector is made of ---- */

/* Members of timbre.Sound, for as long as the process lives. */
extern PyObject *SILENCE, *NOISE, *HUM, *VOICE, *TONE;

#define LONGEST 112
#define BANDS 6

typedef struct {
    int16_t before[LONGEST];
    double noise_high;
    double high;
    double audible;
    double change_db;
    double profile[BANDS];
    bool has_profile;
} Ear;

void begin_ear(Ear *ear);
void skip_frame(Ear *ear, const int16_t *samples);
/* Say what a frame sounds like: a member of Sound, whose reference is borrowed. */
PyObject *judge_frame(Ear *ear, const int16_t *samples, double noise_share);

#define FLOOR_WINDOW 125

typedef struct {
    double levels[FLOOR_WINDOW]; /* a ring */
    double ranked[FLOOR_WINDOW]; /* the softest first */
    bool pitched[FLOOR_WINDOW];  /* a ring */
    int next;              /* where the oldest lies in both rings */
    int pitched_frames;
    double noise;
    double dbov;
    double middle_dbov;
    bool music;
} Floor;

void begin_floor(Floor *floor);
void push_floor(Floor *floor, double level, bool pitched);

#endif

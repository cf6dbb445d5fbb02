/* What 20 ms of the caller's line sound like: the twin of timbre.py. */
#include "native.h"

#define SHORTEST 20
#define SPAN (LONGEST + FRAME)
#define BINS (FRAME / 2 + 1)

static double window[FRAME], bands_from[BANDS], heights[BANDS];
static double peak_bins, rumble_bins, tone_rest;
static double pitch_bin, harmonic_bin, harmonic_share, periodic, valley;
static double dull_share, memory, steady_db, unknown_db;
static double change_memory, profile_memory, least_share;
static double noise_high, noise_alone, noise_learned, noise_margin;

PyObject *SILENCE, *NOISE, *HUM, *VOICE, *TONE;

typedef struct {
    bool tone;
    double audible;
    double high;
    double bands[BANDS];
} Shape;

/* ---- the spectrum ---- */

/*
 * A transform of 160 = 10 * 16 points: one of 16 points over every tenth sample, ten of
 * them side by side; then, times a turn each, one of 10 points over these, nine side by
 * side, as what is real mirrors the other seven.
 */
#define ROWS 16
#define COLUMNS 10
#define KEPT (ROWS / 2 + 1)

static double cosine[FRAME], sine[FRAME]; /* of n/160 of a turn */

static void powers_of(const double *restrict x, double *restrict power)
{
    double even[ROWS / 2 + 1][COLUMNS], odd[ROWS / 2 + 1][COLUMNS];
    for (int b = 0; b < COLUMNS; b++) {
        even[0][b] = x[b];
        even[ROWS / 2][b] = x[ROWS / 2 * COLUMNS + b];
        for (int a = 1; a < ROWS / 2; a++) {
            even[a][b] = x[a * COLUMNS + b] + x[(ROWS - a) * COLUMNS + b];
            odd[a][b] = x[a * COLUMNS + b] - x[(ROWS - a) * COLUMNS + b];
        }
    }
    /* Turned, and with the side by side of the next transform innermost. */
    double real[COLUMNS][KEPT], imaginary[COLUMNS][KEPT];
    for (int k = 0; k < KEPT; k++) {
        double re[COLUMNS], im[COLUMNS] = {0.0};
        for (int b = 0; b < COLUMNS; b++)
            re[b] = even[0][b] + (k % 2 ? -even[ROWS / 2][b] : even[ROWS / 2][b]);
        for (int a = 1; a < ROWS / 2; a++) {
            double c = cosine[a * k % ROWS * COLUMNS], s = sine[a * k % ROWS * COLUMNS];
            for (int b = 0; b < COLUMNS; b++) {
                re[b] += c * even[a][b];
                im[b] -= s * odd[a][b];
            }
        }
        for (int b = 0; b < COLUMNS; b++) {
            real[b][k] = re[b] * cosine[b * k] + im[b] * sine[b * k];
            imaginary[b][k] = im[b] * cosine[b * k] - re[b] * sine[b * k];
        }
    }
    for (int m = 0; m <= COLUMNS / 2; m++) {
        double sign = m % 2 ? -1.0 : 1.0;
        double ar[KEPT], ai[KEPT], br[KEPT] = {0.0}, bi[KEPT] = {0.0};
        for (int k = 0; k < KEPT; k++) {
            ar[k] = real[0][k] + sign * real[COLUMNS / 2][k];
            ai[k] = imaginary[0][k] + sign * imaginary[COLUMNS / 2][k];
        }
        for (int b = 1; b < COLUMNS / 2; b++) {
            double c = cosine[b * m % COLUMNS * ROWS], s = sine[b * m % COLUMNS * ROWS];
            const double *r = real[b], *i = imaginary[b];
            const double *mr = real[COLUMNS - b], *mi = imaginary[COLUMNS - b];
            for (int k = 0; k < KEPT; k++) {
                ar[k] += c * (r[k] + mr[k]);
                ai[k] += c * (i[k] + mi[k]);
                br[k] += s * (r[k] - mr[k]);
                bi[k] += s * (i[k] - mi[k]);
            }
        }
        for (int k = 0; k < KEPT; k++) {
            int bin = k + ROWS * m; /* A - iB; and A + iB of COLUMNS - m, mirrored */
            if (bin < BINS)
                power[bin] = (ar[k] + bi[k]) * (ar[k] + bi[k]) +
                             (ai[k] - br[k]) * (ai[k] - br[k]);
            bin = ROWS * m - k;
            if (bin >= 0)
                power[bin] = (ar[k] - bi[k]) * (ar[k] - bi[k]) +
                             (ai[k] + br[k]) * (ai[k] + br[k]);
        }
    }
}

/* Take the highest peak out of a spectrum. */
static double cut_peak(double *power, int *bin)
{
    int peak = 0;
    for (int at = 1; at < BINS; at++)
        if (power[at] > power[peak])
            peak = at;
    double height = power[peak];
    int reach = (int)peak_bins;
    int from = peak < reach ? 0 : peak - reach;
    int to = peak + reach < BINS ? peak + reach : BINS - 1;
    for (int at = from; at <= to; at++)
        power[at] = 0.0;
    *bin = peak;
    return height;
}

static double sum(const double *numbers, int from, int to)
{
    double total = 0.0;
    for (int at = from; at < to; at++)
        total += numbers[at];
    return total;
}

static Shape shape_of(const double *samples)
{
    Shape shape = {.audible = 1.0};
    double weighed[FRAME], power[BINS];
    for (int at = 0; at < FRAME; at++)
        weighed[at] = samples[at] * window[at];
    powers_of(weighed, power);
    double total = sum(power, 0, BINS);
    for (int at = 0; at < (int)rumble_bins; at++)
        power[at] = 0.0;
    for (int band = 0; band < BANDS; band++) {
        int to = band + 1 < BANDS ? (int)bands_from[band + 1] : BINS;
        shape.bands[band] = sum(power, (int)bands_from[band], to);
        shape.audible += shape.bands[band];
        shape.high += shape.bands[band] * heights[band];
    }
    int first, second;
    cut_peak(power, &first);
    double strength = cut_peak(power, &second);
    int lower = first < second ? first : second;
    int higher = first < second ? second : first;
    shape.tone = sum(power, 0, BINS) <= tone_rest * total &&
                 !(strength >= harmonic_share * total && lower <= pitch_bin &&
                   higher <= harmonic_bin);
    return shape;
}

/* ---- the pitch ---- */

static bool is_periodic(const double *samples)
{
    /* One entry a distance: the first LONGEST samples back, the last none. */
    double likeness[LONGEST + 1], energy[LONGEST + 1];
    double last = 0.0; /* whole numbers, all of them: exact, in any order */
    for (int at = LONGEST; at < SPAN; at++)
        last += samples[at] * samples[at];
    energy[LONGEST] = likeness[LONGEST] = last;
    slide(samples + LONGEST, FRAME, samples, likeness, LONGEST);
    for (int at = LONGEST - 1; at >= 0; at--) {
        double in = samples[at], out = samples[at + FRAME];
        energy[at] = energy[at + 1] + in * in - out * out;
    }
    for (int at = 0; at <= LONGEST; at++)
        likeness[at] /= sqrt(energy[at] * last + 1); /* silence is like nothing */
    int peak = 0;
    for (int at = 1; at <= LONGEST - SHORTEST; at++)
        if (likeness[at] > likeness[peak])
            peak = at;
    double least = likeness[peak];
    for (int at = peak; at <= LONGEST; at++)
        least = likeness[at] < least ? likeness[at] : least;
    return likeness[peak] >= periodic && least <= valley * likeness[peak];
}

/* ---- the ear ---- */

void begin_ear(Ear *self)
{
    *self = (Ear){.noise_high = noise_high, .change_db = unknown_db};
}

static void hear(Ear *self, const int16_t *samples)
{
    memcpy(self->before, samples + FRAME - LONGEST, sizeof self->before);
    self->high *= memory;
    self->audible *= memory;
}

void skip_frame(Ear *self, const int16_t *samples)
{
    hear(self, samples);
    self->has_profile = false;
}

/* Measure how much the spectrum of a pitch changes. */
static void follow(Ear *self, const Shape *shape, double noise_share)
{
    bool known = self->has_profile;
    double of_profile = sum(self->profile, 0, BANDS);
    double least = least_share + noise_share, change_db = 0.0;
    for (int band = 0; known && band < BANDS; band++) {
        double now = shape->bands[band] / shape->audible + least;
        change_db += fabs(log10(now / (self->profile[band] / of_profile + least)));
    }
    for (int band = 0; band < BANDS; band++)
        self->profile[band] = known ? profile_memory * self->profile[band] +
                                          shape->bands[band]
                                    : shape->bands[band];
    self->has_profile = true;
    if (known)
        self->change_db +=
            (1 - change_memory) * (10 * change_db / BANDS - self->change_db);
    else
        self->change_db = unknown_db;
}

PyObject *judge_frame(Ear *self, const int16_t *samples, double noise_share)
{
    double heard[SPAN];
    for (int at = 0; at < LONGEST; at++)
        heard[at] = self->before[at];
    for (int at = 0; at < FRAME; at++)
        heard[LONGEST + at] = samples[at];
    hear(self, samples);
    Shape shape = shape_of(heard + LONGEST);
    if (shape.tone)
        return TONE;
    if (!is_periodic(heard)) {
        self->has_profile = false;
        if (noise_share >= noise_alone)
            self->noise_high +=
                noise_learned * (shape.high / shape.audible - self->noise_high);
        return NOISE;
    }
    double noise = noise_margin * noise_share * self->noise_high * shape.audible;
    self->high += shape.high - noise;
    self->audible += shape.audible;
    follow(self, &shape, noise_share);
    bool is_dull = self->high < dull_share * self->audible;
    return is_dull && self->change_db < steady_db ? HUM : VOICE;
}

/* ---- by itself ---- */

typedef struct {
    PyObject_HEAD
    Ear ear;
} EarObject;

static PyObject *ear_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    EarObject *self = (EarObject *)make(type, args, by_name);
    if (self)
        begin_ear(&self->ear);
    return (PyObject *)self;
}

/* Copy a frame's samples. */
static int read_frame(PyObject *pcm, int16_t *samples)
{
    Py_buffer frame;
    if (PyObject_GetBuffer(pcm, &frame, PyBUF_SIMPLE) < 0)
        return -1;
    bool whole = frame.len == 2 * FRAME;
    if (whole)
        memcpy(samples, frame.buf, 2 * FRAME);
    else
        PyErr_Format(PyExc_ValueError, "pcm: expected %d bytes, got %zd", 2 * FRAME,
                     frame.len);
    PyBuffer_Release(&frame);
    return whole ? 0 : -1;
}

static PyObject *ear_skip(EarObject *self, PyObject *pcm)
{
    int16_t samples[FRAME];
    if (read_frame(pcm, samples) < 0)
        return NULL;
    skip_frame(&self->ear, samples);
    Py_RETURN_NONE;
}

static PyObject *ear_judge(EarObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *by_name)
{
    static const char *const names[] = {"pcm", "noise_share", NULL};
    PyObject *values[2];
    double noise_share = 0.0;
    int16_t samples[FRAME];
    if (sort_arguments("judge", names, 2, 1, args, count, by_name, values) < 0 ||
        read_number("noise_share", values[1], &noise_share) < 0 ||
        read_frame(values[0], samples) < 0)
        return NULL;
    return Py_NewRef(judge_frame(&self->ear, samples, noise_share));
}

static PyMethodDef methods[] = {
    {"skip", (PyCFunction)ear_skip, METH_O,
     "skip(pcm)\n\nHear a frame that is too soft to be judged."},
    {"judge", WITH_NAMES(ear_judge),
     "judge(pcm, noise_share=0.0)\n\nSay what a frame sounds like."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "Listens to one line, frame after frame."},
    {Py_tp_new, ear_new},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "voicebot.audio.native.Ear",
    .basicsize = sizeof(EarObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

static int find_sounds(void)
{
    PyObject *module = PyImport_ImportModule("voicebot.audio.timbre");
    PyObject *sounds = module ? PyObject_GetAttrString(module, "Sound") : NULL;
    Py_XDECREF(module);
    if (!sounds)
        return -1;
    SILENCE = PyObject_GetAttrString(sounds, "SILENCE");
    NOISE = PyObject_GetAttrString(sounds, "NOISE");
    HUM = PyObject_GetAttrString(sounds, "HUM");
    VOICE = PyObject_GetAttrString(sounds, "VOICE");
    TONE = PyObject_GetAttrString(sounds, "TONE");
    Py_DECREF(sounds);
    return SILENCE && NOISE && HUM && VOICE && TONE ? 0 : -1;
}

int add_timbre(PyObject *module)
{
    const Number numbers[] = {
        {"WINDOW", window, FRAME},
        {"BANDS", bands_from, BANDS},
        {"HEIGHTS", heights, BANDS},
        {"PEAK_BINS", &peak_bins, 1},
        {"RUMBLE_BINS", &rumble_bins, 1},
        {"TONE_REST", &tone_rest, 1},
        {"PITCH_BIN", &pitch_bin, 1},
        {"HARMONIC_BIN", &harmonic_bin, 1},
        {"HARMONIC_SHARE", &harmonic_share, 1},
        {"PERIODIC", &periodic, 1},
        {"VALLEY", &valley, 1},
        {"DULL_SHARE", &dull_share, 1},
        {"MEMORY", &memory, 1},
        {"STEADY_DB", &steady_db, 1},
        {"UNKNOWN_DB", &unknown_db, 1},
        {"CHANGE_MEMORY", &change_memory, 1},
        {"PROFILE_MEMORY", &profile_memory, 1},
        {"LEAST_SHARE", &least_share, 1},
        {"NOISE_HIGH", &noise_high, 1},
        {"NOISE_ALONE", &noise_alone, 1},
        {"NOISE_LEARNED", &noise_learned, 1},
        {"NOISE_MARGIN", &noise_margin, 1},
        {NULL, NULL, 0},
    };
    const char *const names[] = {"SHORTEST", "LONGEST", "ULAW_FRAME", NULL};
    const double sizes[] = {SHORTEST, LONGEST, FRAME};
    const char *const module_name = "voicebot.audio.timbre";
    if (read_numbers(module_name, numbers) < 0 ||
        check_sizes(module_name, names, sizes) < 0 || find_sounds() < 0)
        return -1;
    for (int band = 0; band < BANDS; band++) {
        if (!(0 <= bands_from[band] && bands_from[band] < BINS)) {
            PyErr_SetString(PyExc_ImportError, "timbre.py: a band is no bin");
            return -1;
        }
    }
    if (!(0 <= peak_bins && peak_bins < BINS && rumble_bins <= BINS)) {
        PyErr_SetString(PyExc_ImportError, "timbre.py: more bins than there are");
        return -1;
    }
    for (int at = 0; at < FRAME; at++) {
        cosine[at] = cos(2 * 3.14159265358979323846 * at / FRAME);
        sine[at] = sin(2 * 3.14159265358979323846 * at / FRAME);
    }
    return add_type(module, &spec);
}

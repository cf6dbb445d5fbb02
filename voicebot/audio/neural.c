/* Is it a voice? The twin of neural.py. */
#include "native.h"

#define WINDOW 256
#define CONTEXT 32
#define MIRRORED 32
#define HOP 64
#define SPECTRA 4 /* of a window, each of two hops */
#define BINS 65
#define CELLS 128
#define LEAD_BYTES 2080

#define GATES (4 * CELLS)
#define HALF (CELLS / 2) /* what the second convolution and the third make of a frame */

/*
 * To read a megabyte of weights takes longer than to multiply by them. So they are read
 * once for so many windows of a chunk, and by the processor once for so many rows.
 */
#define ABREAST 4
#define FEW 4

#define PANEL 64 /* outputs at once */
#define STEP 4   /* inputs at once */
#define LINE 64  /* bytes of a cache's line */

/* The layers; what the LSTM is given, and what it gave out last, go to its gates. */
enum { SPECTRUM, FIRST, SECOND, THIRD, FOURTH, GIVEN, KEPT, LAYERS };

static const struct {
    size_t inputs, outputs;
} SIZES[LAYERS] = {
    [SPECTRUM] = {2 * HOP, 2 * BINS}, /* real parts, imaginary ones */
    [FIRST] = {3 * BINS, CELLS},      /* a frame, and those beside it */
    [SECOND] = {3 * CELLS, HALF},     /* of every other one */
    [THIRD] = {2 * HALF, HALF},       /* these two */
    [FOURTH] = {HALF, CELLS},
    [GIVEN] = {CELLS, GATES},
    [KEPT] = {CELLS, GATES},
};

typedef struct {
    size_t inputs, outputs; /* multiples of STEP and PANEL: filled up by zeros */
    float *weights;         /* panel after panel, and in each input after input */
    float bias[GATES];
} Layer;

typedef struct {
    PyObject_HEAD
    float *weights; /* of all layers */
    Layer layers[LAYERS];
    float answer[CELLS];
    double answer_bias;
} NeuralVad;

typedef struct {
    PyObject_HEAD
    NeuralVad *vad;
    int rest_bytes;
    uint8_t rest[WINDOW]; /* less than that */
    float before[CONTEXT];
    float memory[CELLS]; /* what the LSTM gave out last */
    float cells[CELLS];
    double found;
} Listener;

/* What the layers make of a window, the edges of what is convolved included. */
typedef struct {
    float samples[CONTEXT + WINDOW + MIRRORED];
    float parts[SPECTRA][2 * BINS + PANEL];
    float spectra[1 + SPECTRA + 2][BINS]; /* the last for what is filled up */
    float first[1 + SPECTRA][CELLS];
    float second[2][HALF];
    float third[HALF];
    float fourth[CELLS];
    float gates[GATES];
} Window;

/* ---- arithmetic ---- */

/* into += from * weights */
typedef struct {
    const float *from;
    float *into;
} Row;

static inline __attribute__((always_inline)) void
multiply_few(const Layer *layer, const Row *rows, int count)
{
    const float *weights = layer->weights;
    for (size_t panel = 0; panel < layer->outputs; panel += PANEL) {
        float sums[FEW][PANEL];
        for (int row = 0; row < count; row++)
            memcpy(sums[row], rows[row].into + panel, sizeof sums[row]);
        for (size_t at = 0; at < layer->inputs; at += STEP, weights += STEP * PANEL) {
            for (int row = 0; row < count; row++) {
                const float *from = rows[row].from + at;
                float a = from[0], b = from[1], c = from[2], d = from[3];
                for (size_t i = 0; i < PANEL; i++)
                    sums[row][i] += (a * weights[i] + b * weights[PANEL + i]) +
                                    (c * weights[2 * PANEL + i] +
                                     d * weights[3 * PANEL + i]);
            }
        }
        for (int row = 0; row < count; row++)
            memcpy(rows[row].into + panel, sums[row], sizeof sums[row]);
    }
}

WIDEST static void multiply(const Layer *layer, const Row *rows, int count)
{
    for (; count >= FEW; count -= FEW, rows += FEW)
        multiply_few(layer, rows, FEW);
    for (; count >= 2; count -= 2, rows += 2)
        multiply_few(layer, rows, 2);
    if (count)
        multiply_few(layer, rows, 1);
}

WIDEST static void rectify(float *values, size_t count)
{
    for (size_t at = 0; at < count; at++)
        values[at] = values[at] > 0.0f ? values[at] : 0.0f;
}

WIDEST static void measure(const float *restrict parts, float *restrict spectrum)
{
    for (size_t bin = 0; bin < BINS; bin++) {
        float real = parts[bin], imaginary = parts[BINS + bin];
        spectrum[bin] = sqrtf(real * real + imaginary * imaginary);
    }
}

/*
 * tanh x = 1 - 2 / (e^2x + 1). e^2x is 2 to a whole number, which is the exponent of a
 * float, times e to what is left, up to ln 2 / 2, by its Taylor series: within 3e-7.
 */
WIDEST static void squash(float *values, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        float x = values[at];
        x = x > -9.0f ? x : -9.0f; /* there it is 1 but for 3e-8; so is what is NaN */
        x = x < 9.0f ? x : 9.0f;
        float power = x * 2.88539008f; /* 2 / ln 2 */
        float whole = power + 12582912.0f - 12582912.0f; /* no bits behind the point */
        float left = (power - whole) * 0.693147181f;
        float e = 1.0f / 720;
        e = e * left + 1.0f / 120;
        e = e * left + 1.0f / 24;
        e = e * left + 1.0f / 6;
        e = e * left + 1.0f / 2;
        e = e * left + 1.0f;
        e = e * left + 1.0f;
        uint32_t bits = (uint32_t)((int32_t)whole + 127) << 23;
        float scale;
        memcpy(&scale, &bits, sizeof scale);
        values[at] = 1.0f - 2.0f / (e * scale + 1.0f);
    }
}

/* ---- the network ---- */

static void encode(const Layer *layer, const Row *rows, int count)
{
    for (int row = 0; row < count; row++)
        memcpy(rows[row].into, layer->bias, sizeof *layer->bias * layer->outputs);
    multiply(layer, rows, count);
}

static void convolve(const Layer *layer, const Row *rows, int count)
{
    encode(layer, rows, count);
    for (int row = 0; row < count; row++)
        rectify(rows[row].into, layer->outputs);
}

/* Put a window behind what was before it, and before its mirrored end. */
static void prepare(Listener *self, const uint8_t *ulaw, Window *window)
{
    float *samples = window->samples + CONTEXT;
    memcpy(window->samples, self->before, sizeof self->before);
    for (int at = 0; at < WINDOW; at++)
        samples[at] = PCM_OF_ULAW[ulaw[at]] / 32768.0f;
    for (int at = 0; at < MIRRORED; at++)
        samples[WINDOW + at] = samples[WINDOW - 2 - at];
    memcpy(self->before, samples + WINDOW - CONTEXT, sizeof self->before);
    memset(window->spectra[0], 0, sizeof *window->spectra);
    memset(window->spectra[1 + SPECTRA], 0, 2 * sizeof *window->spectra);
    memset(window->first[0], 0, sizeof *window->first);
}

/* Take a window into the LSTM; what it gives out tells of a voice. */
static void remember(Listener *self, float *gates)
{
    const NeuralVad *vad = self->vad;
    const Row row = {self->memory, gates};
    multiply(&vad->layers[KEPT], &row, 1);
    squash(gates, GATES);
    const float *let_in = gates, *forget = gates + CELLS;
    const float *new = gates + 2 * CELLS, *let_out = gates + 3 * CELLS;
    /* Each gate is 0 to 1: half of what its tanh and 1 come to. */
    for (int at = 0; at < CELLS; at++) {
        self->cells[at] = ((let_in[at] + 1.0f) * new[at] +
                           (forget[at] + 1.0f) * self->cells[at]) * 0.5f;
        self->memory[at] = self->cells[at];
    }
    squash(self->memory, CELLS);
    float told = 0.0f;
    for (int at = 0; at < CELLS; at++) {
        self->memory[at] *= (let_out[at] + 1.0f) * 0.5f;
        if (self->memory[at] > 0.0f)
            told += self->memory[at] * vad->answer[at];
    }
    self->found = 1.0 / (1.0 + exp(-told - vad->answer_bias));
}

static void hear(Listener *self, const uint8_t *ulaw, int count)
{
    const Layer *layers = self->vad->layers;
    Window windows[ABREAST], *const end = windows + count;
    Row rows[SPECTRA * ABREAST], *row = rows;
    for (Window *each = windows; each < end; each++, ulaw += WINDOW) {
        prepare(self, ulaw, each);
        for (int at = 0; at < SPECTRA; at++)
            *row++ = (Row){each->samples + HOP * at, each->parts[at]};
    }
    encode(&layers[SPECTRUM], rows, SPECTRA * count);
    row = rows;
    for (Window *each = windows; each < end; each++) {
        for (int at = 0; at < SPECTRA; at++) {
            measure(each->parts[at], each->spectra[1 + at]);
            *row++ = (Row){each->spectra[at], each->first[1 + at]};
        }
    }
    convolve(&layers[FIRST], rows, SPECTRA * count);
    row = rows;
    for (Window *each = windows; each < end; each++)
        for (int at = 0; at < 2; at++)
            *row++ = (Row){each->first[2 * at], each->second[at]};
    convolve(&layers[SECOND], rows, 2 * count);
    for (int at = 0; at < count; at++)
        rows[at] = (Row){windows[at].second[0], windows[at].third};
    convolve(&layers[THIRD], rows, count);
    for (int at = 0; at < count; at++)
        rows[at] = (Row){windows[at].third, windows[at].fourth};
    convolve(&layers[FOURTH], rows, count);
    for (int at = 0; at < count; at++)
        rows[at] = (Row){windows[at].fourth, windows[at].gates};
    encode(&layers[GIVEN], rows, count);
    for (int at = 0; at < count; at++)
        remember(self, windows[at].gates);
}

static PyObject *push(Listener *self, PyObject *ulaw)
{
    Py_buffer sound;
    if (PyObject_GetBuffer(ulaw, &sound, PyBUF_SIMPLE) < 0)
        return NULL;
    uint8_t line[WINDOW + LEAD_BYTES];
    const uint8_t *next = sound.buf;
    size_t size = (size_t)sound.len, before = (size_t)self->rest_bytes;
    if (size > LEAD_BYTES) {
        next += size - LEAD_BYTES;
        size = LEAD_BYTES;
        before = 0;
        memset(self->before, 0, sizeof self->before);
        memset(self->memory, 0, sizeof self->memory);
        memset(self->cells, 0, sizeof self->cells);
    }
    memcpy(line, self->rest, before);
    memcpy(line + before, next, size);
    PyBuffer_Release(&sound);
    size += before;
    const uint8_t *at = line;
    while (size >= WINDOW) {
        int windows = size / WINDOW < ABREAST ? (int)(size / WINDOW) : ABREAST;
        hear(self, at, windows);
        at += WINDOW * windows;
        size -= (size_t)(WINDOW * windows);
    }
    memcpy(self->rest, at, size);
    self->rest_bytes = (int)size;
    return PyFloat_FromDouble(self->found);
}

/* ---- its weights ---- */

static size_t up_to(size_t multiple, size_t size)
{
    return (size + multiple - 1) / multiple * multiple;
}

/* Take a layer out of a matrix; its bias, if it has one, is a row of its own. */
static float *fill(Layer *layer, int which, const float *rows, const float *bias,
                   float *into)
{
    size_t inputs = SIZES[which].inputs, outputs = SIZES[which].outputs;
    layer->inputs = up_to(STEP, inputs);
    layer->outputs = up_to(PANEL, outputs);
    layer->weights = into;
    for (size_t panel = 0; panel < layer->outputs; panel += PANEL)
        for (size_t input = 0; input < layer->inputs; input++)
            for (size_t at = panel; at < panel + PANEL; at++)
                *into++ = input < inputs && at < outputs ? rows[input * outputs + at]
                                                         : 0.0f;
    if (bias)
        memcpy(layer->bias, bias, sizeof *bias * outputs);
    return into;
}

/* View an array that must have so many floats; takes the reference to it. */
static int view(PyObject *array, size_t count, Py_buffer *floats)
{
    const int how = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT;
    int failed = array ? PyObject_GetBuffer(array, floats, how) : -1;
    Py_XDECREF(array);
    if (failed || (!strcmp(floats->format, "f") && (size_t)floats->len == 4 * count))
        return failed;
    PyErr_Format(PyExc_ValueError, "weights: expected %zu bytes of floats, got %zd",
                 4 * count, floats->len);
    PyBuffer_Release(floats);
    return -1;
}

/* Take all layers out of the matrices of the twin, the last of which is two of them. */
static int take_layers(NeuralVad *self, PyObject *matrices)
{
    float *into = self->weights;
    for (int at = 0; at <= GIVEN; at++) {
        size_t inputs = SIZES[at].inputs, outputs = SIZES[at].outputs;
        size_t kept = at == GIVEN ? CELLS : 0, biases = at != SPECTRUM;
        Py_buffer floats;
        if (view(PySequence_GetItem(matrices, at), (inputs + kept + biases) * outputs,
                 &floats) < 0)
            return -1;
        const float *rows = floats.buf, *bias = rows + (inputs + kept) * outputs;
        into = fill(&self->layers[at], at, rows, biases ? bias : NULL, into);
        if (kept)
            fill(&self->layers[KEPT], KEPT, rows + inputs * outputs, NULL, into);
        PyBuffer_Release(&floats);
    }
    return 0;
}

static int take(NeuralVad *self, PyObject *twin)
{
    PyObject *matrices = PyObject_GetAttrString(twin, "matrices");
    int failed = matrices ? take_layers(self, matrices) : -1;
    Py_XDECREF(matrices);
    Py_buffer answer;
    if (failed || view(PyObject_GetAttrString(twin, "answer"), CELLS, &answer) < 0)
        return -1;
    memcpy(self->answer, answer.buf, sizeof self->answer);
    PyBuffer_Release(&answer);
    PyObject *bias = PyObject_GetAttrString(twin, "answer_bias");
    failed = bias ? read_number("answer_bias", bias, &self->answer_bias) : -1;
    Py_XDECREF(bias);
    return failed;
}

static PyObject *vad_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    /* The twin reads the file. */
    PyObject *module = PyImport_ImportModule("voicebot.audio.neural");
    PyObject *twin_type = module ? PyObject_GetAttrString(module, "NeuralVad") : NULL;
    PyObject *twin = twin_type ? PyObject_Call(twin_type, args, by_name) : NULL;
    Py_XDECREF(module);
    Py_XDECREF(twin_type);
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    NeuralVad *self = twin ? (NeuralVad *)alloc(type, 0) : NULL;
    size_t size = 0;
    for (int at = 0; at < LAYERS; at++)
        size += up_to(STEP, SIZES[at].inputs) * up_to(PANEL, SIZES[at].outputs);
    if (self) {
        self->weights = aligned_alloc(LINE, sizeof(float) * size);
        if (!self->weights)
            PyErr_NoMemory();
        if (!self->weights || take(self, twin) < 0)
            Py_CLEAR(self);
    }
    Py_XDECREF(twin);
    return (PyObject *)self;
}

static void vad_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    free(((NeuralVad *)self)->weights);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyTypeObject *listener_type;

static PyObject *listen(PyObject *self, PyObject *Py_UNUSED(nothing))
{
    allocfunc alloc = (allocfunc)PyType_GetSlot(listener_type, Py_tp_alloc);
    PyObject *listener = alloc(listener_type, 0);
    if (!listener)
        return NULL;
    ((Listener *)listener)->vad = (NeuralVad *)Py_NewRef(self);
    PyObject *method = PyObject_GetAttrString(listener, "push");
    Py_DECREF(listener);
    return method;
}

static void listener_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF((PyObject *)((Listener *)self)->vad);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef vad_methods[] = {
    {"listen", listen, METH_NOARGS,
     "listen()\n\nBegin to listen to one line."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef listener_methods[] = {
    {"push", (PyCFunction)push, METH_O, "push(ulaw)\n\nHear what comes next."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot vad_slots[] = {
    {Py_tp_doc, "The detector, shared by all calls."},
    {Py_tp_new, vad_new},
    {Py_tp_dealloc, vad_free},
    {Py_tp_methods, vad_methods},
    {0, NULL},
};

static PyType_Slot listener_slots[] = {
    {Py_tp_doc, "Listens to one line, as it comes."},
    {Py_tp_dealloc, listener_free},
    {Py_tp_methods, listener_methods},
    {0, NULL},
};

static PyType_Spec vad_spec = {
    .name = "voicebot.audio.native.NeuralVad",
    .basicsize = sizeof(NeuralVad),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = vad_slots,
};

static PyType_Spec listener_spec = {
    .name = "voicebot.audio.native.Listener",
    .basicsize = sizeof(Listener),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = listener_slots,
};

int add_neural(PyObject *module)
{
    const char *const names[] = {"WINDOW", "CONTEXT",    "MIRRORED", "HOP", "BINS",
                                 "CELLS",  "LEAD_BYTES", NULL};
    const double sizes[] = {WINDOW, CONTEXT, MIRRORED, HOP, BINS, CELLS, LEAD_BYTES};
    if (check_sizes("voicebot.audio.neural", names, sizes) < 0)
        return -1;
    /* The one of a module that is imported again makes the listeners from then on. */
    PyObject *type = PyType_FromModuleAndSpec(module, &listener_spec, NULL);
    listener_type = (PyTypeObject *)type;
    return type ? add_type(module, &vad_spec) : -1;
}

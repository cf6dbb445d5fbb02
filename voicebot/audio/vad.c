/* Does the caller speak? The twin of vad.py. */
#include "native.h"

#define FRAMES 3
#define LATELY 12
#define LONG 125
#define UNHEARD 14 /* frames: all that a neural detector is given at once */

static double enter_db, leave_db, votes_needed, least_gate_dbov;
static double sure, surer, clean_dbov, voice_db, perhaps, babble;
static double mode, rate_hz;

/*
 * Of _webrtcvad, whose function webrtcvad.Vad.is_speech calls after as long in Python:
 * process(detector, rate, samples, count).
 */
static PyObject *webrtcvad, *process, *rate, *count_of_frame;
static PyObject *verdict_type; /* VadFrame */

typedef struct {
    PyObject_HEAD
    PyObject *listen;   /* a neural detector, or NULL */
    PyObject *detector; /* WebRTC's */
    double min_dbov;
    uint8_t rest[FRAME]; /* of a chunk: less than a frame */
    Py_ssize_t rest_size;
    unsigned votes; /* one bit a frame, the newest lowest */
    bool speech;
    bool voiced; /* whether the neural detector found a voice when it was asked last */
    int voices;  /* how many of found[] */
    int now;     /* where the next frame goes in found[] */
    int next;    /* where it goes in unheard[], behind the `waiting` frames before it */
    int waiting;
    bool found[LONG];     /* a ring: the frames in which it had found one */
    double lately[LATELY]; /* a ring: probabilities */
    int newest;           /* where the next goes in lately[] */
    Ear ear;
    Floor floor;
    uint8_t unheard[UNHEARD][FRAME]; /* a ring */
} Vad;

/* ---- the neural detector ---- */

/* Give it what it hasn't heard: -1 with an error set. */
static int ask(Vad *self, double *probability)
{
    int first = (self->next + UNHEARD - self->waiting) % UNHEARD;
    int before_end = UNHEARD - first < self->waiting ? UNHEARD - first : self->waiting;
    uint8_t line[UNHEARD * FRAME];
    size_t size = (size_t)before_end * FRAME, all = (size_t)self->waiting * FRAME;
    memcpy(line, self->unheard[first], size);
    memcpy(line + size, self->unheard[0], all - size);
    PyObject *given = PyBytes_FromStringAndSize((char *)line, (Py_ssize_t)all);
    if (!given)
        return -1;
    PyObject *told = PyObject_CallFunctionObjArgs(self->listen, given, NULL);
    Py_DECREF(given);
    if (!told)
        return -1;
    *probability = PyFloat_AsDouble(told);
    Py_DECREF(told);
    if (*probability == -1.0 && PyErr_Occurred())
        return -1;
    self->waiting = 0;
    self->voiced = *probability >= perhaps;
    return 0;
}

/* Say whether the line was full of voices before this frame, which is noted. */
static bool is_babble(Vad *self)
{
    bool full = self->voices >= babble;
    self->voices += self->voiced - self->found[self->now];
    self->found[self->now] = self->voiced;
    self->now = (self->now + 1) % LONG;
    return full;
}

/* ---- a frame ---- */

/* Ask WebRTC's detector: 1 if it is speech, -1 with an error set. */
static int vote_on(Vad *self, const int16_t *samples)
{
    PyObject *pcm = PyBytes_FromStringAndSize((const char *)samples, 2 * FRAME);
    if (!pcm)
        return -1;
    PyObject *answer = PyObject_CallFunctionObjArgs(process, self->detector, rate, pcm,
                                                    count_of_frame, NULL);
    Py_DECREF(pcm);
    int vote = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return vote;
}

static PyObject *verdict_of(const Vad *self, double dbov, PyObject *sound,
                            double floor_dbov)
{
    PyObject *level = PyFloat_FromDouble(dbov);
    PyObject *background = PyFloat_FromDouble(floor_dbov);
    PyObject *voice = NULL, *verdict = NULL;
    if (self->listen) {
        double likeliest = self->lately[0];
        for (int at = 1; at < LATELY; at++)
            likeliest = fmax(likeliest, self->lately[at]);
        voice = PyFloat_FromDouble(likeliest);
    } else {
        voice = Py_NewRef(Py_None);
    }
    if (level && background && voice)
        verdict = PyObject_CallFunctionObjArgs(verdict_type,
                                               self->speech ? Py_True : Py_False, level,
                                               sound, background, voice, NULL);
    Py_XDECREF(level);
    Py_XDECREF(background);
    Py_XDECREF(voice);
    return verdict;
}

static PyObject *judge(Vad *self, const uint8_t *ulaw, double gate_dbov, bool in_turn)
{
    int16_t samples[FRAME];
    for (int at = 0; at < FRAME; at++)
        samples[at] = PCM_OF_ULAW[ulaw[at]];
    double dbov = pcm16_dbov(samples, FRAME);
    int vote = vote_on(self, samples);
    if (vote < 0)
        return NULL;
    double floor_dbov = self->floor.dbov, middle_dbov = self->floor.middle_dbov;
    PyObject *sound = SILENCE;
    if (dbov > self->min_dbov)
        sound = judge_frame(&self->ear, samples,
                            pow(10, fmin(floor_dbov - dbov, 0.0) / 10));
    else
        skip_frame(&self->ear, samples);
    push_floor(&self->floor, dbov, sound == HUM || sound == VOICE || sound == TONE);
    PyObject *heard = sound;
    if (dbov <= fmax(gate_dbov, floor_dbov + (self->speech ? leave_db : enter_db)))
        sound = SILENCE;
    vote = vote && sound != SILENCE && sound != TONE;
    if (self->listen) {
        memcpy(self->unheard[self->next], ulaw, FRAME);
        self->next = (self->next + 1) % UNHEARD;
        self->waiting += self->waiting < UNHEARD;
        double least_dbov = fmax(self->min_dbov, middle_dbov + voice_db);
        bool settled = in_turn && floor_dbov < clean_dbov;
        double probability = 0.0;
        if (dbov > least_dbov && !settled && ask(self, &probability) < 0)
            return NULL;
        self->lately[self->newest] = probability;
        self->newest = (self->newest + 1) % LATELY;
        double background_dbov = is_babble(self) ? floor_dbov : middle_dbov;
        bool loud = dbov > fmax(gate_dbov, background_dbov + voice_db);
        if (loud && probability >= sure && heard != TONE) {
            bool clean = background_dbov < clean_dbov || probability < surer;
            sound = heard == HUM && clean ? HUM : VOICE;
            vote = 1;
        }
    }
    self->votes = (self->votes << 1 | (unsigned)vote) & ((1u << FRAMES) - 1);
    int votes = 0;
    for (unsigned left = self->votes; left; left >>= 1)
        votes += left & 1;
    self->speech = votes >= votes_needed;
    return verdict_of(self, dbov, sound, floor_dbov);
}

/* ---- a line ---- */

/* Judge each frame that a chunk makes whole. */
static PyObject *judge_all(Vad *self, const uint8_t *ulaw, Py_ssize_t size,
                           double gate_dbov, bool in_turn)
{
    Py_ssize_t whole = (self->rest_size + size) / FRAME;
    PyObject *verdicts = PyList_New(whole);
    if (!verdicts)
        return NULL;
    if (!whole) {
        memcpy(self->rest + self->rest_size, ulaw, (size_t)size);
        self->rest_size += size;
        return verdicts;
    }
    /* All of it is taken before `listen` is called, whatever that does. */
    uint8_t first[FRAME];
    Py_ssize_t missing = FRAME - self->rest_size;
    memcpy(first, self->rest, (size_t)self->rest_size);
    memcpy(first + self->rest_size, ulaw, (size_t)missing);
    self->rest_size = (size - missing) % FRAME;
    memcpy(self->rest, ulaw + size - self->rest_size, (size_t)self->rest_size);
    for (Py_ssize_t at = 0; at < whole; at++) {
        const uint8_t *frame = at ? ulaw + missing + (at - 1) * FRAME : first;
        PyObject *verdict = judge(self, frame, gate_dbov, in_turn);
        if (!verdict || PyList_SetItem(verdicts, at, verdict) < 0) {
            Py_DECREF(verdicts);
            return NULL;
        }
    }
    return verdicts;
}

static PyObject *vad_push(Vad *self, PyObject *const *args, Py_ssize_t count,
                          PyObject *by_name)
{
    static const char *const names[] = {"ulaw", "gate_dbov", "in_turn", NULL};
    PyObject *values[3];
    double gate_dbov = least_gate_dbov;
    Py_buffer chunk;
    if (sort_arguments("push", names, 2, 1, args, count, by_name, values) < 0 ||
        read_number("gate_dbov", values[1], &gate_dbov) < 0)
        return NULL;
    int in_turn = values[2] ? PyObject_IsTrue(values[2]) : 0;
    if (in_turn < 0 || PyObject_GetBuffer(values[0], &chunk, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *verdicts = judge_all(self, chunk.buf, chunk.len,
                                   fmax(gate_dbov, self->min_dbov), in_turn);
    PyBuffer_Release(&chunk);
    return verdicts;
}

/* Make one of WebRTC's detectors. */
static PyObject *new_detector(void)
{
    PyObject *detector = PyObject_CallMethod(webrtcvad, "create", NULL);
    PyObject *begun =
        detector ? PyObject_CallMethod(webrtcvad, "init", "O", detector) : NULL;
    PyObject *set = begun ? PyObject_CallMethod(webrtcvad, "set_mode", "Oi", detector,
                                                (int)mode)
                          : NULL;
    if (!set)
        Py_CLEAR(detector);
    Py_XDECREF(begun);
    Py_XDECREF(set);
    return detector;
}

static PyObject *vad_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    static char *names[] = {"min_dbov", "listen", NULL};
    double min_dbov = -45.0;
    PyObject *listen = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, by_name, "|$dO:Vad", names, &min_dbov,
                                     &listen))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Vad *self = (Vad *)alloc(type, 0);
    if (!self)
        return NULL;
    self->min_dbov = min_dbov;
    self->listen = listen && listen != Py_None ? Py_NewRef(listen) : NULL;
    begin_ear(&self->ear);
    begin_floor(&self->floor);
    self->detector = new_detector();
    if (!self->detector)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int vad_traverse(Vad *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE((PyObject *)self));
    Py_VISIT(self->listen);
    Py_VISIT(self->detector);
    return 0;
}

static int vad_clear(Vad *self)
{
    Py_CLEAR(self->listen);
    return 0;
}

static void vad_dealloc(Vad *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    vad_clear(self);
    Py_CLEAR(self->detector);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"push", WITH_NAMES(vad_push),
     "push(ulaw, gate_dbov=-96.0, *, in_turn=False)\n\nJudge a chunk."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "One caller's line."},
    {Py_tp_new, vad_new},
    {Py_tp_traverse, vad_traverse},
    {Py_tp_clear, vad_clear},
    {Py_tp_dealloc, vad_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "voicebot.audio.native.Vad",
    .basicsize = sizeof(Vad),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

static int find_others(void)
{
    PyObject *module = PyImport_ImportModule("voicebot.audio.vad");
    verdict_type = module ? PyObject_GetAttrString(module, "VadFrame") : NULL;
    Py_XDECREF(module);
    webrtcvad = verdict_type ? PyImport_ImportModule("_webrtcvad") : NULL;
    process = webrtcvad ? PyObject_GetAttrString(webrtcvad, "process") : NULL;
    rate = PyLong_FromDouble(rate_hz);
    count_of_frame = PyLong_FromLong(FRAME);
    return process && rate && count_of_frame ? 0 : -1;
}

int add_vad(PyObject *module)
{
    const Number numbers[] = {
        {"MODE", &mode, 1},
        {"ULAW_HZ", &rate_hz, 1},
        {"ENTER_DB", &enter_db, 1},
        {"LEAVE_DB", &leave_db, 1},
        {"VOTES", &votes_needed, 1},
        {"FLOOR_DBOV", &least_gate_dbov, 1},
        {"SURE", &sure, 1},
        {"SURER", &surer, 1},
        {"CLEAN_DBOV", &clean_dbov, 1},
        {"VOICE_DB", &voice_db, 1},
        {"PERHAPS", &perhaps, 1},
        {"BABBLE", &babble, 1},
        {NULL, NULL, 0},
    };
    const char *const names[] = {"ULAW_FRAME", "FRAMES",       "LATELY",
                                 "LONG",       "MOST_UNHEARD", NULL};
    const double sizes[] = {FRAME, FRAMES, LATELY, LONG, UNHEARD * FRAME};
    const char *const module_name = "voicebot.audio.vad";
    if (read_numbers(module_name, numbers) < 0 ||
        check_sizes(module_name, names, sizes) < 0 || find_others() < 0)
        return -1;
    return add_type(module, &spec);
}

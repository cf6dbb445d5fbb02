/* How loud the caller must be to be more than the bot's echo: the twin of echo.py. */
#include "native.h"

#define DELAYS 50
#define SLOTS 512
#define EDGE 4

typedef struct {
    double rise_db, fall_db;
} Pace;

static Pace young, own, foreign, young_noise, noise_pace, trial_pace;
static double frame_s, frame_ms, floor_dbov, loud_dbov, margin_db, unknown_gain_db;
static double noise_db, masked_db, foreign_db, faint_dbov, young_frames;
static double look_frames, peak_db, near_frames, changed_db, trial_s, trial_frames;
static double trial_peak_db, never;

/* The class of what is told of an echo, for as long as the process lives. */
static PyObject *LEARNED;

/* How loud the bot is at the caller's ear, frame by frame. */
typedef struct {
    int64_t first; /* the frame in slot 0, counted from time 0 */
    int64_t next;  /* the frame behind the last one placed */
    double levels[SLOTS];
    double least[SLOTS];
    double most[SLOTS];
    double loud[SLOTS]; /* 1 or 0 */
} Timeline;

typedef struct {
    PyObject_HEAD
    int young; /* frames until all delays are known */
    int tried; /* frames */
    int frames;
    int near_from, near_to; /* of the bounds: those around the delay that was learnt */
    int learned_delay;      /* frames; 0 if none was */
    int end;                /* 0 if the bot is silent */
    bool trying;
    double learned_gain;
    double trial_until;
    double asked_at;
    double gate;
    double bounds[DELAYS]; /* the longest delay first */
    double trial[DELAYS];
    Timeline bot;
} Gate;

/* ---- the bot's levels ---- */

/* The number of a frame: half to even, as in Python. -1 with an error set. */
static int frame_at(const char *name, double seconds, int64_t *frame)
{
    double exact = rint(seconds / frame_s);
    if (!(fabs(exact) < 9007199254740992.0)) { /* 2**53 */
        PyErr_Format(PyExc_OverflowError, "%s: expected seconds of a clock", name);
        return -1;
    }
    *frame = (int64_t)exact;
    return 0;
}

/* Move what is kept of an array to its beginning, and fill up the rest. */
static void keep_last(double *numbers, int kept, double filling)
{
    memmove(numbers, numbers + SLOTS - kept, sizeof(double) * (size_t)kept);
    for (int at = kept; at < SLOTS; at++)
        numbers[at] = filling;
}

/* Where a frame goes; forgets the oldest ones if there is no room. */
static int slot_of(Timeline *bot, int64_t frame)
{
    int64_t slot = frame - bot->first;
    if (EDGE <= slot && slot < SLOTS - DELAYS)
        return (int)slot;
    int64_t moved = slot - SLOTS / 2;
    bot->first += moved;
    int kept = 0 < moved && moved < SLOTS ? SLOTS - (int)moved : 0;
    keep_last(bot->levels, kept, floor_dbov);
    keep_last(bot->least, kept, floor_dbov);
    keep_last(bot->most, kept, floor_dbov);
    keep_last(bot->loud, kept, 0.0);
    return SLOTS / 2;
}

static void set_frame(Timeline *bot, int64_t frame, double level)
{
    int slot = slot_of(bot, frame);
    bot->levels[slot] = level;
    for (int at = slot - 1; at <= slot + 1; at++)
        if (bot->most[at] < level)
            bot->most[at] = level;
    double least = level;
    for (int at = slot - 2; at < slot; at++)
        if (bot->levels[at] < least)
            least = bot->levels[at];
    bot->least[slot - 1] = least;
    bot->loud[slot - 1] = least > loud_dbov;
}

static void place(Timeline *bot, const uint8_t *ulaw, Py_ssize_t size, int64_t frame)
{
    if (frame <= bot->next + 1)
        frame = bot->next; /* it follows: no gap, no overlap by rounding */
    for (Py_ssize_t at = 0; at < size; at += FRAME) {
        Py_ssize_t rest = size - at;
        set_frame(bot, frame, ulaw_dbov(ulaw + at, rest < FRAME ? rest : FRAME));
        frame++;
    }
    bot->next = frame;
}

static void cut(Timeline *bot, int64_t frame)
{
    if (frame < bot->first + EDGE)
        frame = bot->first + EDGE;
    if (frame >= bot->next)
        return;
    int slot = (int)(frame - bot->first);
    double kept[] = {bot->levels[slot - 2], bot->levels[slot - 1]};
    for (int at = slot - 2; at < SLOTS; at++) {
        bot->levels[at] = bot->least[at] = bot->most[at] = floor_dbov;
        bot->loud[at] = 0.0;
    }
    bot->most[slot - 2] = bot->levels[slot - 3];
    set_frame(bot, frame - 2, kept[0]);
    set_frame(bot, frame - 1, kept[1]);
    bot->next = frame;
}

/* The slot behind the last of DELAYS; 0 if the bot is silent in them. */
static int end_of_window(const Timeline *bot, int64_t frame)
{
    if (frame > bot->next + DELAYS)
        return 0;
    int64_t end = frame - bot->first;
    return DELAYS <= end && end <= SLOTS ? (int)end : 0;
}

/* ---- the bounds ---- */

/* Move bounds towards what was seen, where the bot would have been loud. */
static void follow(double *bounds, const double *excess, const double *loud, Pace pace)
{
    for (int at = 0; at < DELAYS; at++) {
        double move = excess[at] - bounds[at];
        move = move < pace.rise_db ? move : pace.rise_db;
        move = move > pace.fall_db ? move : pace.fall_db;
        bounds[at] += move * loud[at];
    }
}

static int highest(const double *levels)
{
    int best = 0;
    for (int at = 1; at < DELAYS; at++)
        if (levels[at] > levels[best])
            best = at;
    return best;
}

/* By how much the highest one stands out. */
static double peak_of(const double *levels)
{
    double sum = 0.0;
    for (int at = 0; at < DELAYS; at++)
        sum += levels[at];
    return levels[highest(levels)] - sum / DELAYS;
}

/* See whether one delay stands out. */
static void look(Gate *self)
{
    for (int at = 0; at < DELAYS; at++)
        if (self->bounds[at] > 0.0)
            self->bounds[at] = 0.0;
    int best = highest(self->bounds), reach = (int)near_frames;
    if (peak_of(self->bounds) > peak_db) {
        self->near_from = best > reach ? best - reach : 0;
        self->near_to = best + reach + 1 < DELAYS ? best + reach + 1 : DELAYS;
        self->learned_delay = DELAYS - best;
        self->learned_gain = self->bounds[best];
    } else {
        self->near_from = 0;
        self->near_to = DELAYS;
        self->learned_delay = 0;
    }
}

/* While the line is louder than any echo may be: does it follow the bot? */
static void try_anew(Gate *self, const double *excess, const double *loud,
                     double over_db, double now)
{
    if (!self->trying) {
        memcpy(self->trial, self->bounds, sizeof self->trial);
        self->trying = true;
        self->tried = 0;
    }
    if (over_db > changed_db)
        self->trial_until = now + trial_s;
    follow(self->trial, excess, loud, trial_pace);
    self->tried += loud[highest(loud)] > 0.0;
    if (self->tried >= trial_frames) {
        if (peak_of(self->trial) > trial_peak_db)
            memcpy(self->bounds, self->trial, sizeof self->bounds);
        self->trying = false;
    } else if (now > self->trial_until) {
        self->trying = false;
    }
}

/* Find the gate, and what else `heard` will need for the same frame. */
static int ask(Gate *self, double now)
{
    int64_t frame;
    if (frame_at("now", now, &frame) < 0)
        return -1;
    self->asked_at = now;
    self->end = end_of_window(&self->bot, frame - 1); /* when it began */
    self->gate = floor_dbov;
    const double *most = self->bot.most + self->end - DELAYS;
    for (int at = self->near_from; self->end && at < self->near_to; at++) {
        double level = most[at] + self->bounds[at] + margin_db;
        self->gate = level > self->gate ? level : self->gate;
    }
    return 0;
}

static void heard(Gate *self, double dbov, double now, double background,
                  bool voiceless)
{
    if (!self->end)
        return;
    bool noise = dbov < background + noise_db;
    bool settled = !self->young && !self->trying;
    if (settled && noise && dbov < faint_dbov && self->gate < faint_dbov)
        return; /* nothing is heard of the bot, and nothing could be learnt */
    if (voiceless) {
        dbov -= noise ? masked_db : 0.0;
        noise = true;
    }
    const double *loud = self->bot.loud + self->end - DELAYS;
    const double *least = self->bot.least + self->end - DELAYS;
    double excess[DELAYS];
    for (int at = 0; at < DELAYS; at++)
        excess[at] = dbov - least[at];
    if (self->young) {
        follow(self->bounds, excess, loud, noise ? young_noise : young);
        self->young -= loud[0] > 0.0;
        return;
    }
    double over_db = dbov - self->gate;
    Pace pace = over_db > foreign_db ? foreign : noise ? noise_pace : own;
    follow(self->bounds, excess, loud, pace);
    if (over_db > changed_db || self->trying)
        try_anew(self, excess, loud, over_db, now);
    self->frames = (self->frames + 1) % (int)look_frames;
    if (self->frames == 0)
        look(self);
}

/* ---- the gate ---- */

static PyObject *gate_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    Gate *self = (Gate *)make(type, args, by_name);
    if (!self)
        return NULL;
    self->young = (int)young_frames;
    self->near_to = DELAYS;
    self->asked_at = -INFINITY;
    self->gate = floor_dbov;
    self->bot.first = -DELAYS;
    self->bot.next = (int64_t)never;
    for (int at = 0; at < DELAYS; at++)
        self->bounds[at] = unknown_gain_db;
    for (int at = 0; at < SLOTS; at++)
        self->bot.levels[at] = self->bot.least[at] = self->bot.most[at] = floor_dbov;
    return (PyObject *)self;
}

static PyObject *gate_learned(Gate *self, void *Py_UNUSED(closure))
{
    if (!self->learned_delay)
        Py_RETURN_NONE;
    PyObject *gain = PyFloat_FromDouble(self->learned_gain);
    PyObject *rounded = gain ? PyObject_CallMethod(gain, "__round__", "i", 1) : NULL;
    Py_XDECREF(gain);
    if (!rounded)
        return NULL;
    int delay_ms = self->learned_delay * (int)frame_ms;
    return PyObject_CallFunction(LEARNED, "iN", delay_ms, rounded);
}

static PyObject *gate_played(Gate *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *by_name)
{
    static const char *const names[] = {"ulaw", "starts_at", NULL};
    PyObject *values[2];
    double starts_at = 0.0;
    int64_t frame;
    Py_buffer sound;
    if (sort_arguments("played", names, 2, 2, args, count, by_name, values) < 0 ||
        read_number("starts_at", values[1], &starts_at) < 0 ||
        frame_at("starts_at", starts_at, &frame) < 0 ||
        PyObject_GetBuffer(values[0], &sound, PyBUF_SIMPLE) < 0)
        return NULL;
    self->asked_at = -INFINITY;
    if (sound.len)
        place(&self->bot, sound.buf, sound.len, frame);
    PyBuffer_Release(&sound);
    Py_RETURN_NONE;
}

static PyObject *gate_cut(Gate *self, PyObject *const *args, Py_ssize_t count,
                          PyObject *by_name)
{
    static const char *const names[] = {"at", NULL};
    PyObject *values[1];
    double at = 0.0;
    int64_t frame;
    if (sort_arguments("cut", names, 1, 1, args, count, by_name, values) < 0 ||
        read_number("at", values[0], &at) < 0 || frame_at("at", at, &frame) < 0)
        return NULL;
    self->asked_at = -INFINITY;
    cut(&self->bot, frame);
    Py_RETURN_NONE;
}

static PyObject *gate_gate_dbov(Gate *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *by_name)
{
    static const char *const names[] = {"now", NULL};
    PyObject *values[1];
    double now = 0.0;
    if (sort_arguments("gate_dbov", names, 1, 1, args, count, by_name, values) < 0 ||
        read_number("now", values[0], &now) < 0 || ask(self, now) < 0)
        return NULL;
    return PyFloat_FromDouble(self->gate);
}

static PyObject *gate_heard(Gate *self, PyObject *const *args, Py_ssize_t count,
                            PyObject *by_name)
{
    static const char *const names[] = {"dbov", "now", "floor_dbov", "voiceless", NULL};
    PyObject *values[4];
    double dbov = 0.0, now = 0.0, background = floor_dbov;
    if (sort_arguments("heard", names, 3, 2, args, count, by_name, values) < 0 ||
        read_number("dbov", values[0], &dbov) < 0 ||
        read_number("now", values[1], &now) < 0 ||
        read_number("floor_dbov", values[2], &background) < 0)
        return NULL;
    int voiceless = values[3] ? PyObject_IsTrue(values[3]) : 0;
    if (voiceless < 0 || (now != self->asked_at && ask(self, now) < 0))
        return NULL;
    heard(self, dbov, now, background, voiceless);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"played", WITH_NAMES(gate_played),
     "played(ulaw, starts_at)\n\nNote bot audio that is heard from then on."},
    {"cut", WITH_NAMES(gate_cut),
     "cut(at)\n\nForget what would have been heard from then on."},
    {"gate_dbov", WITH_NAMES(gate_gate_dbov),
     "gate_dbov(now)\n\nGive the level that a frame must exceed to be more than echo."},
    {"heard", WITH_NAMES(gate_heard),
     "heard(dbov, now, floor_dbov=-96.0, *, voiceless=False)\n\n"
     "Learn from a frame of the line."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"learned", (getter)gate_learned, NULL, "The echo; None if none is known.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "Learns what comes back of the bot's voice on one caller's line."},
    {Py_tp_new, gate_new},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "voicebot.audio.native.EchoGate",
    .basicsize = sizeof(Gate),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

/* A pace is a pair of arrays, each of one number over and over. */
static int read_paces(PyObject *module)
{
    const struct {
        const char *name;
        Pace *pace;
    } paces[] = {
        {"YOUNG", &young},           {"OWN", &own},
        {"FOREIGN", &foreign},       {"YOUNG_NOISE", &young_noise},
        {"NOISE", &noise_pace},      {"TRIAL", &trial_pace},
    };
    for (size_t each = 0; each < sizeof paces / sizeof *paces; each++) {
        double *into[] = {&paces[each].pace->rise_db, &paces[each].pace->fall_db};
        PyObject *pair = PyObject_GetAttrString(module, paces[each].name);
        for (int side = 0; pair && side < 2; side++) {
            PyObject *same = PySequence_GetItem(pair, side);
            PyObject *number = same ? PySequence_GetItem(same, 0) : NULL;
            *into[side] = number ? PyFloat_AsDouble(number) : 0.0;
            Py_XDECREF(same);
            Py_XDECREF(number);
        }
        Py_XDECREF(pair);
        if (PyErr_Occurred())
            return -1;
    }
    return 0;
}

int add_echo(PyObject *module)
{
    const Number numbers[] = {
        {"FRAME_S", &frame_s, 1},
        {"FRAME_MS", &frame_ms, 1},
        {"FLOOR_DBOV", &floor_dbov, 1},
        {"LOUD_DBOV", &loud_dbov, 1},
        {"MARGIN_DB", &margin_db, 1},
        {"UNKNOWN_DB", &unknown_gain_db, 1},
        {"NOISE_DB", &noise_db, 1},
        {"MASKED_DB", &masked_db, 1},
        {"FOREIGN_DB", &foreign_db, 1},
        {"FAINT_DBOV", &faint_dbov, 1},
        {"YOUNG_FRAMES", &young_frames, 1},
        {"LOOK_FRAMES", &look_frames, 1},
        {"PEAK_DB", &peak_db, 1},
        {"NEAR", &near_frames, 1},
        {"CHANGED_DB", &changed_db, 1},
        {"TRIAL_S", &trial_s, 1},
        {"TRIAL_FRAMES", &trial_frames, 1},
        {"TRIAL_PEAK_DB", &trial_peak_db, 1},
        {"NEVER", &never, 1},
        {NULL, NULL, 0},
    };
    const char *const names[] = {"DELAYS", "SLOTS", "EDGE", "ULAW_FRAME", NULL};
    const double sizes[] = {DELAYS, SLOTS, EDGE, FRAME};
    const char *const module_name = "voicebot.audio.echo";
    PyObject *source = PyImport_ImportModule(module_name);
    if (!source)
        return -1;
    LEARNED = PyObject_GetAttrString(source, "Learned");
    int failed = !LEARNED || read_numbers(module_name, numbers) < 0 ||
                 check_sizes(module_name, names, sizes) < 0 || read_paces(source) < 0;
    Py_DECREF(source);
    if (failed)
        return -1;
    return add_type(module, &spec);
}

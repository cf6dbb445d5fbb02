/* How loud a line is while nobody speaks on it: the twin of floor.py. */
#include "native.h"

#define WINDOW 125
#define UNVOICED 25

static double quietest, soft, loud, music_rank, middle, stray;
static double music_share, music_share_per_db, music_held, music_rise_db;

typedef struct {
    PyObject_HEAD
    double levels[WINDOW]; /* a ring */
    double ranked[WINDOW]; /* the softest first */
    bool pitched[WINDOW];  /* a ring */
    int next;              /* where the oldest lies in both rings */
    int pitched_frames;
    double noise;
    double dbov;
    double middle_dbov;
    bool music;
} Floor;

static PyObject *floor_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    Floor *self = (Floor *)make(type, args, by_name);
    if (!self)
        return NULL;
    for (int at = 0; at < WINDOW; at++)
        self->levels[at] = self->ranked[at] = quietest;
    self->noise = self->dbov = self->middle_dbov = quietest;
    return (PyObject *)self;
}

/* Where the first one lies that isn't softer. */
static int rank_of(const double *ranked, double level)
{
    int low = 0, high = WINDOW;
    while (low < high) {
        int between = (low + high) / 2;
        if (ranked[between] < level)
            low = between + 1;
        else
            high = between;
    }
    return low;
}

/* Put a level in the place of the oldest one. */
static void rank(double *ranked, double level, double oldest)
{
    int from = rank_of(ranked, oldest), to = rank_of(ranked, level);
    if (level > oldest) {
        to--; /* one that was before it goes */
        memmove(ranked + from, ranked + from + 1, sizeof(double) * (size_t)(to - from));
    } else {
        memmove(ranked + to + 1, ranked + to, sizeof(double) * (size_t)(from - to));
    }
    ranked[to] = level;
}

static void push(Floor *self, double level, bool pitched)
{
    level = level > quietest ? level : quietest;
    rank(self->ranked, level, self->levels[self->next]);
    self->levels[self->next] = level;
    self->pitched_frames += pitched - self->pitched[self->next];
    self->pitched[self->next] = pitched;
    self->next = (self->next + 1) % WINDOW;
    int lately = 0;
    double softest = level;
    for (int back = 0, at = self->next; back < UNVOICED; back++) {
        at = (at ? at : WINDOW) - 1;
        lately += self->pitched[at];
        softest = self->levels[at] < softest ? self->levels[at] : softest;
    }
    if (lately <= stray)
        self->noise = softest;
    else if (level < self->noise)
        self->noise = level;
    double range_db = self->ranked[(int)loud] - self->ranked[(int)soft];
    double wanted = music_share + music_share_per_db * range_db;
    bool was_music = self->music;
    wanted -= music_held * was_music;
    self->music = self->pitched_frames >= wanted * WINDOW;
    double background = self->ranked[(int)(self->music ? music_rank : soft)];
    if (was_music && self->music && background > self->dbov + music_rise_db)
        background = self->dbov + music_rise_db;
    double middling = self->ranked[(int)middle];
    self->dbov = fmax(background, self->noise);
    self->middle_dbov = fmin(self->dbov, fmax(middling, self->noise));
}

static PyObject *floor_push(Floor *self, PyObject *const *args, Py_ssize_t count,
                            PyObject *by_name)
{
    static const char *const names[] = {"dbov", "pitched", NULL};
    PyObject *values[2];
    double dbov = 0.0;
    if (sort_arguments("push", names, 1, 2, args, count, by_name, values) < 0 ||
        read_number("dbov", values[0], &dbov) < 0)
        return NULL;
    int pitched = PyObject_IsTrue(values[1]);
    if (pitched < 0)
        return NULL;
    push(self, dbov, pitched);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"push", WITH_NAMES(floor_push),
     "push(dbov, *, pitched)\n\nAdd a frame."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"dbov", T_DOUBLE, offsetof(Floor, dbov), READONLY,
     "The level of the background by now."},
    {"middle_dbov", T_DOUBLE, offsetof(Floor, middle_dbov), READONLY,
     "The same, but of music that of its middle frames."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "Follows the background of one line, a frame of 20 ms at a time."},
    {Py_tp_new, floor_new},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "voicebot.audio.native.NoiseFloor",
    .basicsize = sizeof(Floor),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

int add_floor(PyObject *module)
{
    const Number numbers[] = {
        {"QUIETEST_DBOV", &quietest, 1},
        {"SOFT", &soft, 1},
        {"LOUD", &loud, 1},
        {"MUSIC", &music_rank, 1},
        {"MIDDLE", &middle, 1},
        {"STRAY", &stray, 1},
        {"MUSIC_SHARE", &music_share, 1},
        {"MUSIC_SHARE_PER_DB", &music_share_per_db, 1},
        {"MUSIC_HELD", &music_held, 1},
        {"MUSIC_RISE_DB", &music_rise_db, 1},
        {NULL, NULL, 0},
    };
    const char *const names[] = {"WINDOW", "UNVOICED", NULL};
    const double sizes[] = {WINDOW, UNVOICED};
    const char *const module_name = "voicebot.audio.floor";
    if (read_numbers(module_name, numbers) < 0 ||
        check_sizes(module_name, names, sizes) < 0)
        return -1;
    const double ranks[] = {soft, loud, music_rank, middle};
    for (int at = 0; at < 4; at++) {
        if (!(0 <= ranks[at] && ranks[at] < WINDOW)) {
            PyErr_SetString(PyExc_ImportError, "floor.py: a rank isn't in its window");
            return -1;
        }
    }
    return add_type(module, &spec);
}

/* How loud a line is while nobody speaks on it: the twin of floor.py. */
#include "native.h"

#define UNVOICED 25

static double quietest, soft, loud, music_rank, middle, stray;
static double music_share, music_share_per_db, music_held, music_rise_db;

void begin_floor(Floor *floor)
{
    *floor = (Floor){.noise = quietest, .dbov = quietest, .middle_dbov = quietest};
    for (int at = 0; at < FLOOR_WINDOW; at++)
        floor->levels[at] = floor->ranked[at] = quietest;
}

/* Where the first one lies that isn't softer. */
static int rank_of(const double *ranked, double level)
{
    int low = 0, high = FLOOR_WINDOW;
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

void push_floor(Floor *floor, double level, bool pitched)
{
    level = level > quietest ? level : quietest;
    rank(floor->ranked, level, floor->levels[floor->next]);
    floor->levels[floor->next] = level;
    floor->pitched_frames += pitched - floor->pitched[floor->next];
    floor->pitched[floor->next] = pitched;
    floor->next = (floor->next + 1) % FLOOR_WINDOW;
    int lately = 0;
    double softest = level;
    for (int back = 0, at = floor->next; back < UNVOICED; back++) {
        at = (at ? at : FLOOR_WINDOW) - 1;
        lately += floor->pitched[at];
        softest = floor->levels[at] < softest ? floor->levels[at] : softest;
    }
    if (lately <= stray)
        floor->noise = softest;
    else if (level < floor->noise)
        floor->noise = level;
    double range_db = floor->ranked[(int)loud] - floor->ranked[(int)soft];
    double wanted = music_share + music_share_per_db * range_db;
    bool was_music = floor->music;
    wanted -= music_held * was_music;
    floor->music = floor->pitched_frames >= wanted * FLOOR_WINDOW;
    double background = floor->ranked[(int)(floor->music ? music_rank : soft)];
    if (was_music && floor->music && background > floor->dbov + music_rise_db)
        background = floor->dbov + music_rise_db;
    double middling = floor->ranked[(int)middle];
    floor->dbov = fmax(background, floor->noise);
    floor->middle_dbov = fmin(floor->dbov, fmax(middling, floor->noise));
}

/* ---- by itself ---- */

typedef struct {
    PyObject_HEAD
    Floor floor;
} NoiseFloor;

static PyObject *floor_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    NoiseFloor *self = (NoiseFloor *)make(type, args, by_name);
    if (self)
        begin_floor(&self->floor);
    return (PyObject *)self;
}

static PyObject *floor_push(NoiseFloor *self, PyObject *const *args, Py_ssize_t count,
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
    push_floor(&self->floor, dbov, pitched);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"push", WITH_NAMES(floor_push),
     "push(dbov, *, pitched)\n\nAdd a frame."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"dbov", T_DOUBLE, offsetof(NoiseFloor, floor.dbov), READONLY,
     "The level of the background by now."},
    {"middle_dbov", T_DOUBLE, offsetof(NoiseFloor, floor.middle_dbov), READONLY,
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
    .basicsize = sizeof(NoiseFloor),
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
    const double sizes[] = {FLOOR_WINDOW, UNVOICED};
    const char *const module_name = "voicebot.audio.floor";
    if (read_numbers(module_name, numbers) < 0 ||
        check_sizes(module_name, names, sizes) < 0)
        return -1;
    const double ranks[] = {soft, loud, music_rank, middle};
    for (int at = 0; at < 4; at++) {
        if (!(0 <= ranks[at] && ranks[at] < FLOOR_WINDOW)) {
            PyErr_SetString(PyExc_ImportError, "floor.py: a rank isn't in its window");
            return -1;
        }
    }
    return add_type(module, &spec);
}

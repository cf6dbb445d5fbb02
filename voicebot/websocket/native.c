/* The module voicebot.websocket.native: the twin of frames.py, which says why. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <structmember.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    WHOLE_TEXT = 0x81, /* the first byte of a message that isn't cut in pieces */
    CONTROL = 0x08,    /* in the first byte of a frame that is no data */
    MASKED = 0x80,
    TWO_BYTES = 126, /* in place of a length: it follows, in so many bytes */
    EIGHT_BYTES = 127,
    MASK = 4,       /* bytes */
    LONGEST_HEAD = 10 /* without a mask */
};

static uint64_t read_big_endian(const uint8_t *from, int bytes)
{
    uint64_t number = 0;
    while (bytes--)
        number = number << 8 | *from++;
    return number;
}

/* ---- from a peer ---- */

typedef struct {
    PyObject_HEAD
    char steady;
    int mask;
    uint64_t longest;
    uint8_t *held; /* of a frame that isn't all there; NULL: nothing */
    size_t held_size;
    size_t room;
    uint64_t wanted; /* bytes, with which more can be said */
} FrameSplitter;

static PyObject *splitter_new(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    static char *names[] = {"masked", "longest", NULL};
    int masked = true;
    Py_ssize_t longest = 0xFFFF;
    if (!PyArg_ParseTupleAndKeywords(args, by_name, "|$pn:FrameSplitter", names,
                                     &masked, &longest))
        return NULL;
    if (longest < 0) {
        PyErr_Format(PyExc_ValueError, "longest: expected 0 or more, got %zd", longest);
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    FrameSplitter *self = (FrameSplitter *)alloc(type, 0);
    if (self) {
        self->steady = true;
        self->mask = masked ? MASKED : 0;
        self->longest = (uint64_t)longest;
    }
    return (PyObject *)self;
}

static void splitter_free(FrameSplitter *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->held);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* Keep bytes behind those that are held; -1 with an error set. */
static int hold(FrameSplitter *self, const uint8_t *from, size_t size)
{
    size_t all = self->held_size + size;
    if (all > self->room) {
        size_t room = all < 2 * self->room ? 2 * self->room : all;
        uint8_t *held = realloc(self->held, room);
        if (!held) {
            PyErr_NoMemory();
            return -1;
        }
        self->held = held;
        self->room = room;
    }
    memcpy(self->held + self->held_size, from, size);
    self->held_size = all;
    return 0;
}

/* Give what is held to the caller, who frees it. */
static uint8_t *let_go(FrameSplitter *self)
{
    uint8_t *held = self->held;
    self->held = NULL;
    self->held_size = self->room = 0;
    return held;
}

/* Of the frame that begins there; more than there is, if it isn't all there. */
static uint64_t size_of(FrameSplitter *self, const uint8_t *frame, size_t there)
{
    if (there < 2)
        return 2;
    uint64_t size = (uint8_t)(frame[1] & ~MASKED);
    uint64_t head = 2;
    if (size >= TWO_BYTES) {
        head = size == TWO_BYTES ? 4 : LONGEST_HEAD;
        if (there < head)
            return head;
        size = read_big_endian(frame + 2, (int)head - 2);
    }
    if (size > self->longest) {
        self->steady = false;
        return there;
    }
    return head + size + (uint64_t)(frame[1] & MASKED ? MASK : 0);
}

/* Take a mask off, or put it on. */
static void apply_mask(uint8_t *restrict to, const uint8_t *restrict from,
                       size_t size, const uint8_t *mask)
{
    uint64_t twice;
    size_t at = 0;
    memcpy(&twice, mask, MASK);
    memcpy((uint8_t *)&twice + MASK, mask, MASK);
    for (; at + sizeof twice <= size; at += sizeof twice) {
        uint64_t word;
        memcpy(&word, from + at, sizeof word);
        word ^= twice;
        memcpy(to + at, &word, sizeof word);
    }
    for (; at < size; at++)
        to[at] = from[at] ^ mask[at % MASK];
}

/* The text that a frame holds, None if it is of another kind. */
static PyObject *text_of(FrameSplitter *self, const uint8_t *frame, size_t size)
{
    if (frame[0] != WHOLE_TEXT || (frame[1] & MASKED) != self->mask) {
        if (!(frame[0] & CONTROL))
            self->steady = false; /* in pieces, or what such a peer may not send */
        return Py_NewRef(Py_None);
    }
    int length = frame[1] & ~MASKED;
    size_t at = length < TWO_BYTES ? 2 : length == TWO_BYTES ? 4 : LONGEST_HEAD;
    size_t begin = self->mask ? at + MASK : at;
    const char *payload = (const char *)frame + begin;
    if (!self->mask)
        return PyBytes_FromStringAndSize(payload, (Py_ssize_t)(size - begin));
    PyObject *text = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size - begin));
    if (text)
        apply_mask((uint8_t *)PyBytes_AsString(text), frame + begin, size - begin,
                   frame + at);
    return text;
}

/* Take references to both, which may be NULL with an error set. */
static int add_pair(PyObject *list, PyObject *text, PyObject *frame)
{
    PyObject *pair = text && frame ? PyTuple_Pack(2, text, frame) : NULL;
    int failed = pair ? PyList_Append(list, pair) : -1;
    Py_XDECREF(pair);
    Py_XDECREF(text);
    Py_XDECREF(frame);
    return failed;
}

static int cut(FrameSplitter *self, PyObject *frames, const uint8_t *data, size_t size,
               PyObject *whole)
{
    const uint8_t *const end = data + size;
    for (const uint8_t *at = data; at < end;) {
        size_t there = (size_t)(end - at);
        uint64_t wanted = self->steady ? size_of(self, at, there) : there;
        if (there < wanted) {
            free(let_go(self));
            self->wanted = wanted;
            return hold(self, at, there);
        }
        size_t found = (size_t)wanted;
        PyObject *text = self->steady ? text_of(self, at, found) : Py_NewRef(Py_None);
        PyObject *frame =
            whole && found == size
                ? Py_NewRef(whole)
                : PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)found);
        if (add_pair(frames, text, frame) < 0)
            return -1;
        at += found;
    }
    return 0;
}

static PyObject *splitter_push(FrameSplitter *self, PyObject *data)
{
    Py_buffer came;
    if (PyObject_GetBuffer(data, &came, PyBUF_SIMPLE) < 0)
        return NULL;
    PyObject *frames = PyList_New(0);
    int failed = frames ? 0 : -1;
    if (frames && !self->held) {
        PyObject *whole = PyBytes_CheckExact(data) ? data : NULL;
        failed = cut(self, frames, came.buf, (size_t)came.len, whole);
    } else if (frames) {
        failed = hold(self, came.buf, (size_t)came.len);
        if (!failed && self->held_size >= self->wanted) {
            size_t size = self->held_size;
            uint8_t *held = let_go(self);
            failed = cut(self, frames, held, size, NULL);
            free(held);
        }
    }
    PyBuffer_Release(&came);
    if (failed)
        Py_CLEAR(frames);
    return frames;
}

static PyMethodDef methods[] = {
    {"push", (PyCFunction)splitter_push, METH_O, "push(data)\n\nTake what arrived."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"steady", T_BOOL, offsetof(FrameSplitter, steady), READONLY,
     "Whether all data so far came in whole texts that aren't too long."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot type_slots[] = {
    {Py_tp_doc, "Cuts one connection's bytes into frames."},
    {Py_tp_new, splitter_new},
    {Py_tp_dealloc, splitter_free},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "voicebot.websocket.native.FrameSplitter",
    .basicsize = sizeof(FrameSplitter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = type_slots,
};

/* ---- to a peer ---- */

static int write_head(uint8_t *into, uint64_t size)
{
    int bytes = size < TWO_BYTES ? 0 : size <= 0xFFFF ? 2 : 8;
    into[0] = WHOLE_TEXT;
    into[1] = (uint8_t)(!bytes ? size : bytes == 2 ? TWO_BYTES : EIGHT_BYTES);
    for (int at = 0; at < bytes; at++)
        into[2 + at] = (uint8_t)(size >> 8 * (bytes - 1 - at));
    return 2 + bytes;
}

static PyObject *masked_text_frame(PyObject *Py_UNUSED(module), PyObject *args)
{
    const char *text, *mask;
    Py_ssize_t size, mask_size;
    if (!PyArg_ParseTuple(args, "y#y#:masked_text_frame", &text, &size, &mask,
                          &mask_size))
        return NULL;
    if (mask_size != MASK) {
        PyErr_Format(PyExc_ValueError, "mask: expected %d bytes, got %zd", MASK,
                     mask_size);
        return NULL;
    }
    uint8_t head[LONGEST_HEAD];
    int begin = write_head(head, (uint64_t)size);
    head[1] |= MASKED;
    if (size > PY_SSIZE_T_MAX - begin - MASK)
        return PyErr_NoMemory();
    PyObject *frame = PyBytes_FromStringAndSize(NULL, begin + MASK + size);
    if (!frame)
        return NULL;
    uint8_t *into = (uint8_t *)PyBytes_AsString(frame);
    memcpy(into, head, (size_t)begin);
    memcpy(into + begin, mask, MASK);
    apply_mask(into + begin + MASK, (const uint8_t *)text, (size_t)size,
               into + begin);
    return frame;
}

static PyObject *text_frames(PyObject *Py_UNUSED(module), PyObject *texts)
{
    uint8_t head[LONGEST_HEAD];
    Py_ssize_t count = PyList_Check(texts) ? PyList_Size(texts) : -1;
    uint64_t all = 0;
    bool known = count >= 0;
    for (Py_ssize_t at = 0; known && at < count; at++) {
        PyObject *text = PyList_GetItem(texts, at); /* borrowed: no code runs here */
        known = PyBytes_Check(text);
        if (known)
            all += (uint64_t)write_head(head, (uint64_t)PyBytes_Size(text)) +
                   (uint64_t)PyBytes_Size(text);
    }
    if (!known) {
        PyErr_SetString(PyExc_TypeError, "texts: expected a list of bytes");
        return NULL;
    }
    if (all > PY_SSIZE_T_MAX)
        return PyErr_NoMemory();
    PyObject *frames = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)all);
    uint8_t *into = frames ? (uint8_t *)PyBytes_AsString(frames) : NULL;
    for (Py_ssize_t at = 0; frames && at < count; at++) {
        PyObject *text = PyList_GetItem(texts, at);
        size_t size = (size_t)PyBytes_Size(text);
        into += write_head(into, size);
        memcpy(into, PyBytes_AsString(text), size);
        into += size;
    }
    return frames;
}

/* ---- the module ---- */

static PyMethodDef functions[] = {
    {"masked_text_frame", masked_text_frame, METH_VARARGS,
     "masked_text_frame(text, mask)\n\nMake a client's frame."},
    {"text_frames", text_frames, METH_O,
     "text_frames(texts)\n\nMake a server's frames and put them together."},
    {NULL, NULL, 0, NULL},
};

static int add_all(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    int added = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
    Py_XDECREF(type);
    return added;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_all}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "voicebot.websocket.native",
    .m_doc = "What every message goes through, in C: twins of what is beside it.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_native(void)
{
    return PyModuleDef_Init(&definition);
}

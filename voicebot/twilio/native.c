/* The module voicebot.twilio.native: the twin of media.py, which says why. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- base64 (RFC 4648, section 4) ---- */

/*
 * In two steps, so many characters at a time: to numbers of 6 bits and back, and those
 * to bytes and back. They are loops that gcc makes vectors of.
 */
#define BLOCK 256 /* characters */

/* The wider vectors of newer processors, chosen when the module is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && \
    !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define WIDEST __attribute__((target_clones("default", "avx2")))
#else
#define WIDEST
#endif

/* More than 6 bits come of what is no character of base64. */
WIDEST static unsigned numbers_of(const uint8_t *restrict characters, size_t count,
                                  uint8_t *restrict numbers)
{
    uint8_t seen = 0;
    for (size_t at = 0; at < count; at++) {
        uint8_t c = characters[at], number = 0xFF;
        number = (uint8_t)(c - 'A') < 26 ? (uint8_t)(c - 'A') : number;
        number = (uint8_t)(c - 'a') < 26 ? (uint8_t)(c - 'a' + 26) : number;
        number = (uint8_t)(c - '0') < 10 ? (uint8_t)(c - '0' + 52) : number;
        number = c == '+' ? 62 : number;
        number = c == '/' ? 63 : number;
        numbers[at] = number;
        seen |= number;
    }
    return seen;
}

/* Where a difference is less than 0, its upper bits are masks: choices that gcc can't
   make branches of. */
WIDEST static void characters_of(const uint8_t *restrict numbers, size_t count,
                                 uint8_t *restrict characters)
{
    for (size_t at = 0; at < count; at++) {
        unsigned n = numbers[at], c = 'A' + n;
        c += (25 - n) >> 8 & ('a' - 'Z' - 1);
        c -= (51 - n) >> 8 & ('z' - '0' + 1);
        c -= (61 - n) >> 8 & ('9' - '+' + 1);
        c += (62 - n) >> 8 & ('/' - '+' - 1);
        characters[at] = (uint8_t)c;
    }
}

WIDEST static void join(const uint8_t *restrict numbers, size_t fours,
                        uint8_t *restrict bytes)
{
    for (size_t at = 0; at < fours; at++) {
        uint8_t a = numbers[4 * at], b = numbers[4 * at + 1];
        uint8_t c = numbers[4 * at + 2], d = numbers[4 * at + 3];
        bytes[3 * at] = (uint8_t)(a << 2 | b >> 4);
        bytes[3 * at + 1] = (uint8_t)(b << 4 | c >> 2);
        bytes[3 * at + 2] = (uint8_t)(c << 6 | d);
    }
}

WIDEST static void part(const uint8_t *restrict bytes, size_t threes,
                        uint8_t *restrict numbers)
{
    for (size_t at = 0; at < threes; at++) {
        uint8_t a = bytes[3 * at], b = bytes[3 * at + 1], c = bytes[3 * at + 2];
        numbers[4 * at] = a >> 2;
        numbers[4 * at + 1] = (uint8_t)((a & 3) << 4 | b >> 4);
        numbers[4 * at + 2] = (uint8_t)((b & 15) << 2 | c >> 6);
        numbers[4 * at + 3] = c & 63;
    }
}

/* Decode so many characters, without the padding; false: one is none of base64. */
static bool decode(const uint8_t *characters, size_t left, uint8_t *bytes)
{
    uint8_t numbers[BLOCK], last[3];
    while (left) {
        size_t count = left < BLOCK ? left : BLOCK, fours = count / 4;
        if (numbers_of(characters, count, numbers) > 63)
            return false;
        join(numbers, fours, bytes);
        bytes += 3 * fours;
        if (count % 4) { /* 2 or 3, and all that is left */
            memset(numbers + count, 0, 4 - count % 4);
            join(numbers + 4 * fours, 1, last);
            memcpy(bytes, last, count % 4 - 1);
        }
        characters += count;
        left -= count;
    }
    return true;
}

/* Encode with padding; return where the characters end. */
static uint8_t *encode(const uint8_t *bytes, size_t left, uint8_t *characters)
{
    uint8_t numbers[BLOCK], last[3] = {0};
    while (left) {
        size_t count = left < BLOCK / 4 * 3 ? left : BLOCK / 4 * 3;
        size_t threes = count / 3, rest = count % 3;
        part(bytes, threes, numbers);
        if (rest) {
            memcpy(last, bytes + 3 * threes, rest);
            part(last, 1, numbers + 4 * threes++);
        }
        characters_of(numbers, 4 * threes, characters);
        characters += 4 * threes;
        if (rest)
            memset(characters - (3 - rest), '=', 3 - rest);
        bytes += count;
        left -= count;
    }
    return characters;
}

/* ---- from Twilio ---- */

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} Reader;

static bool skip(Reader *text, const char *expected)
{
    size_t size = strlen(expected);
    if ((size_t)(text->end - text->at) < size || memcmp(text->at, expected, size))
        return false;
    text->at += size;
    return true;
}

/* Pass over digits, at most so many, and at least one. */
static bool digits(Reader *text, int most, uint64_t *number)
{
    const uint8_t *begin = text->at;
    for (*number = 0; text->at < text->end && text->at - begin < most; text->at++) {
        uint8_t digit = (uint8_t)(*text->at - '0');
        if (digit > 9)
            break;
        *number = *number * 10 + digit;
    }
    return text->at > begin;
}

static PyObject *decoded(const uint8_t *payload, size_t size)
{
    if (size % 4)
        Py_RETURN_NONE;
    size_t padding = size && payload[size - 1] == '=';
    padding += padding && payload[size - 2] == '=';
    size_t bytes = size / 4 * 3 - padding;
    PyObject *ulaw = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)bytes);
    if (ulaw && !decode(payload, size - padding, (uint8_t *)PyBytes_AsString(ulaw))) {
        Py_DECREF(ulaw);
        Py_RETURN_NONE;
    }
    return ulaw;
}

static PyObject *read_media(PyObject *Py_UNUSED(module), PyObject *const *args,
                            Py_ssize_t count)
{
    if (count != 2 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "read_media: expected two bytes objects");
        return NULL;
    }
    const uint8_t *begin = (const uint8_t *)PyBytes_AsString(args[0]);
    const uint8_t *tail = (const uint8_t *)PyBytes_AsString(args[1]);
    size_t tail_size = (size_t)PyBytes_Size(args[1]);
    Reader text = {begin, begin + PyBytes_Size(args[0])};
    uint64_t timestamp_ms, unused;
    if (!skip(&text, "{\"event\":\"media\",\"sequenceNumber\":\"") ||
        !digits(&text, INT_MAX, &unused) ||
        !skip(&text, "\",\"media\":{\"track\":\"inbound\",\"chunk\":\"") ||
        !digits(&text, INT_MAX, &unused) || !skip(&text, "\",\"timestamp\":\"") ||
        !digits(&text, 10, &timestamp_ms) || !skip(&text, "\",\"payload\":\""))
        Py_RETURN_NONE;
    /* The payload ends at the first quote: no other can be in it, it is base64. */
    size_t left = (size_t)(text.end - text.at);
    if (!tail_size || *tail != '"' || left < tail_size ||
        memcmp(text.end - tail_size, tail, tail_size))
        Py_RETURN_NONE;
    PyObject *ulaw = decoded(text.at, left - tail_size);
    if (!ulaw || ulaw == Py_None)
        return ulaw;
    PyObject *at = PyLong_FromUnsignedLongLong(timestamp_ms);
    PyObject *media = at ? PyTuple_Pack(2, at, ulaw) : NULL;
    Py_XDECREF(at);
    Py_DECREF(ulaw);
    return media;
}

/* ---- to Twilio ---- */

static uint8_t *put(uint8_t *into, const void *from, size_t size)
{
    memcpy(into, from, size);
    return into + size;
}

static PyObject *media_text(PyObject *Py_UNUSED(module), PyObject *const *args,
                            Py_ssize_t count)
{
    static const char before[] = "{\"event\":\"media\",\"streamSid\":";
    static const char between[] = ",\"media\":{\"payload\":\"";
    static const char after[] = "\"}}";
    if (count != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "media_text: expected bytes, and audio");
        return NULL;
    }
    Py_buffer ulaw;
    if (PyObject_GetBuffer(args[1], &ulaw, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t sid_size = (size_t)PyBytes_Size(args[0]), size = (size_t)ulaw.len;
    size_t written = strlen(before) + strlen(between) + strlen(after);
    size_t all = written + sid_size + (size + 2) / 3 * 4;
    PyObject *text = all > PY_SSIZE_T_MAX
                         ? PyErr_NoMemory()
                         : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)all);
    if (text) {
        uint8_t *into = (uint8_t *)PyBytes_AsString(text);
        into = put(into, before, strlen(before));
        into = put(into, PyBytes_AsString(args[0]), sid_size);
        into = put(into, between, strlen(between));
        into = encode(ulaw.buf, size, into);
        put(into, after, strlen(after));
    }
    PyBuffer_Release(&ulaw);
    return text;
}

/* ---- the module ---- */

static PyMethodDef functions[] = {
    {"read_media", (PyCFunction)(void (*)(void))read_media, METH_FASTCALL,
     "read_media(text, tail)\n\nRead a media message; None means look closer."},
    {"media_text", (PyCFunction)(void (*)(void))media_text, METH_FASTCALL,
     "media_text(sid, ulaw)\n\nWrite a media message."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "voicebot.twilio.native",
    .m_doc = "What every message of audio goes through, in C: twins of media.py.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_native(void)
{
    return PyModuleDef_Init(&definition);
}

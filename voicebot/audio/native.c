/* The module voicebot.audio.native, and what its parts share: see native.h. */
#include "native.h"

int read_numbers(const char *module_name, const Number *table)
{
    PyObject *module = PyImport_ImportModule(module_name);
    int failed = module == NULL;
    for (; !failed && table->name; table++) {
        PyObject *value = PyObject_GetAttrString(module, table->name);
        failed = value == NULL;
        for (Py_ssize_t at = 0; !failed && at < table->count; at++) {
            PyObject *item = table->count == 1 ? Py_NewRef(value)
                                               : PySequence_GetItem(value, at);
            failed = item == NULL;
            if (!failed) {
                table->into[at] = PyFloat_AsDouble(item);
                failed = table->into[at] == -1.0 && PyErr_Occurred();
                Py_DECREF(item);
            }
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(module);
    return failed ? -1 : 0;
}

int check_sizes(const char *module, const char *const *names, const double *sizes)
{
    for (; *names; names++, sizes++) {
        double size = 0.0;
        Number table[] = {{*names, &size, 1}, {NULL, NULL, 0}};
        if (read_numbers(module, table) < 0)
            return -1;
        if (size != *sizes) {
            PyErr_Format(PyExc_ImportError,
                         "%s.%s: native was compiled for %d, and it is %d", module,
                         *names, (int)*sizes, (int)size);
            return -1;
        }
    }
    return 0;
}

int sort_arguments(const char *function, const char *const *names, int by_position,
                   int needed, PyObject *const *given, Py_ssize_t count,
                   PyObject *by_name, PyObject **values)
{
    int known = 0;
    while (names[known])
        values[known++] = NULL;
    if (count > by_position) {
        PyErr_Format(PyExc_TypeError, "%s() takes %d positional arguments, got %zd",
                     function, by_position, count);
        return -1;
    }
    for (Py_ssize_t at = 0; at < count; at++)
        values[at] = given[at];
    Py_ssize_t named = by_name ? PyTuple_Size(by_name) : 0;
    for (Py_ssize_t each = 0; each < named; each++) {
        PyObject *name = PyTuple_GetItem(by_name, each);
        int at = 0;
        while (names[at] && PyUnicode_CompareWithASCIIString(name, names[at]) != 0)
            at++;
        if (!names[at] || values[at]) {
            PyErr_Format(PyExc_TypeError,
                         names[at] ? "%s() got several values for %R"
                                   : "%s() got an unexpected argument %R",
                         function, name);
            return -1;
        }
        values[at] = given[count + each];
    }
    for (int at = 0; at < needed; at++) {
        if (!values[at]) {
            PyErr_Format(PyExc_TypeError, "%s() needs the argument '%s'", function,
                         names[at]);
            return -1;
        }
    }
    return 0;
}

int read_number(const char *name, PyObject *value, double *into)
{
    if (!value)
        return 0;
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred())
        return -1;
    if (isnan(number)) {
        PyErr_Format(PyExc_ValueError, "%s: expected a number, got NaN", name);
        return -1;
    }
    *into = number;
    return 0;
}

PyObject *make(PyTypeObject *type, PyObject *args, PyObject *by_name)
{
    if (PyTuple_Size(args) || (by_name && PyDict_Size(by_name))) {
        PyErr_SetString(PyExc_TypeError, "expected no arguments");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int added = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
    Py_XDECREF(type);
    return added;
}

/* Unsigned: with Python's flags signed numbers wrap; gcc makes no vectors of these. */
WIDEST static void slide_far(const double *restrict weights, size_t count,
                             const double *restrict x, double *restrict out,
                             size_t outputs)
{
    for (size_t j = 0; j < count; j += STRIDE) {
        const double *from = x + j, a = weights[j], b = weights[j + 1];
        const double c = weights[j + 2], d = weights[j + 3];
        for (size_t i = 0; i < outputs; i++) {
            out[i] += a * from[i] + b * from[i + 1];
            out[i] += c * from[i + 2] + d * from[i + 3];
        }
    }
}

void slide(const double *weights, size_t count, const double *x, double *out,
           size_t outputs)
{
    memset(out, 0, sizeof *out * outputs);
    slide_far(weights, count, x, out, outputs);
}

static int add_all(PyObject *module)
{
    return add_level(module) < 0 || add_floor(module) < 0 || add_timbre(module) < 0 ||
                   add_vad(module) < 0 || add_echo(module) < 0 ||
                   add_resample(module) < 0 || add_neural(module) < 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, add_all}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "voicebot.audio.native",
    .m_doc = "What every frame goes through, in C: twins of what is beside it.",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_native(void)
{
    return PyModuleDef_Init(&definition);
}

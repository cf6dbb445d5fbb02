"""Broken dialplan files: mistakes that people make, and what attackers try.

Written by hand where the mistake is in how files hang together or in the YAML;
generated from the schema otherwise: every key of a file with values that it refuses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES
from voicebot.dialplan.schema import json_schema

PLAN = NUMBERS + ROUTES
HOLIDAYS = PLAN + "timezone: UTC\ncalendars: {desk: {ics: holidays.ics}}\n"


@dataclass(frozen=True, slots=True)
class Broken:
    """A folder that is refused, and what a problem must name."""

    why: str
    names: str
    plan: str = PLAN
    desk: str | bytes = PERSONA
    mixin: str = ""
    ics: str | bytes = ""
    """What `holidays.ics` holds, if there is one."""


BOMB = "b0: &b0 [x]\n" + "".join(
    f"b{n}: &b{n} [{f'*b{n - 1}, ' * 9}]\n" for n in range(1, 30)
)


def event(*lines: str) -> str:
    """A calendar file with one event."""
    inside = ("BEGIN:VEVENT", *lines, "END:VEVENT")
    return "\r\n".join(("BEGIN:VCALENDAR", *inside, "END:VCALENDAR", ""))


DAY = "DTSTART;VALUE=DATE:20271224"

BAD_CALENDARS: tuple[tuple[str, str | bytes], ...] = (
    ("1:1: expected BEGIN:VCALENDAR", event().replace("VCAL", "CAL")),
    ("1:1: expected BEGIN:VCALENDAR", "SUMMARY:x"),
    ("1:1: expected a line such as", "version"),
    ("3:1: the file ends before END:VEVENT", event(DAY).partition("END:")[0]),
    ("3:1: expected END:VEVENT", event("END:VALARM")),
    (
        "2:1: the file ends before BEGIN:VEVENT",
        "BEGIN:VCALENDAR\nEND:VCALENDAR",
    ),
    ("1:1: expected text in UTF-8", b"BEGIN:\xff"),
    ("1:1: expected at most 256 KiB", "X" * (256 * 1024 + 1)),
    ("1:1: expected a line such as", '"' * (256 * 1024)),
    ("1:1: expected a line such as", "A;" * (128 * 1024)),
    (
        "13:1: expected a line such as",
        "BEGIN:VCALENDAR\nA:\n" + " x\n" * 10 + "B",
    ),
    ("2:1: the file ends before END:X", "BEGIN:VCALENDAR\nBEGIN:X\n"),
    (
        "1602:1: expected at most 400",
        event(*[DAY, "END:VEVENT", "X-A:b", "BEGIN:VEVENT"] * 400),
    ),
    ("2:7: BEGIN: expected a DTSTART", event("SUMMARY:x")),
    (
        "3:20: DTSTART: expected a whole day such as 20271224, got a time of",
        event("DTSTART;X=Europe/B:20271224T090000Z"),
    ),
    ("3:9: DTSTART: expected a date", event("DTSTART:20270230")),
    ("3:9: DTSTART: expected a date", event("DTSTART:19690101")),
    ("3:9: DTSTART: expected a date", event("DTSTART:tomorrow")),
    ("4:7: DTEND: expected 1 to 366", event(DAY, "DTEND:20271224")),
    ("4:7: DTEND: expected 1 to 366", event(DAY, "DTEND:20290101")),
    ("4:10: DURATION: expected 1 to 366", event(DAY, "DURATION:PT1H")),
    (
        "5:10: DURATION: expected no DTEND, as on line 4",
        event(DAY, "DTEND:20271225", "DURATION:P1D"),
    ),
    ("4:20: DTSTART: stands on line 3 already", event(DAY, DAY)),
    ("4:7: RDATE: is not supported", event(DAY, "RDATE:20281224")),
    ("4:15: RECURRENCE-ID: is not", event(DAY, "RECURRENCE-ID:20281224")),
    ("4:8: EXDATE: expected RRULE", event(DAY, "EXDATE:20281224")),
    (
        "5:8: EXDATE: expected a whole day",
        event(DAY, "RRULE:FREQ=YEARLY", "EXDATE:20281224T000000"),
    ),
    *(
        (f"4:7: RRULE: {says}", event(DAY, f"RRULE:{rule}"))
        for says, rule in (
            ("expected FREQ=YEARLY", "FREQ=WEEKLY"),
            ("expected FREQ=YEARLY", "COUNT=3"),
            ("expected each once at most", "FREQ=YEARLY;BYSETPOS=1"),
            ("expected each once at most", "FREQ=YEARLY;FREQ=YEARLY"),
            ("expected INTERVAL to be", "FREQ=YEARLY;INTERVAL=0"),
            ("expected COUNT to be", "FREQ=YEARLY;COUNT=99999"),
            ("expected BYMONTH=12", "FREQ=YEARLY;BYMONTH=11"),
            ("expected BYMONTH to be one", "FREQ=YEARLY;BYMONTH=11,12"),
            ("expected BYMONTHDAY=24", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25"),
            ("expected BYDAY to be one", "FREQ=YEARLY;BYDAY=4FR"),
            ("expected BYDAY to be one", "FREQ=YEARLY;BYMONTH=12;BYDAY=FR"),
            ("expected a DTSTART that", "FREQ=YEARLY;BYMONTH=12;BYDAY=1FR"),
            ("expected UNTIL or COUNT", "FREQ=YEARLY;UNTIL=20290101;COUNT=2"),
            ("expected UNTIL not before", "FREQ=YEARLY;UNTIL=20261224"),
            ("expected a whole day", "FREQ=YEARLY;UNTIL=20281224T000000Z"),
        )
    ),
)

BY_HAND = (
    # calendar files
    Broken("no such calendar", "calendars.desk.ics[0]: 'holidays.ics' cann", HOLIDAYS),
    Broken(
        "calendar of elsewhere",
        "expected a file below",
        HOLIDAYS.replace("holidays.ics", "../holidays.ics"),
    ),
    Broken(
        "calendar of another kind",
        "calendars.desk.ics",
        HOLIDAYS.replace("holidays.ics", "dialplan.yaml"),
    ),
    *(
        Broken(f"calendar: {names}", f"holidays.ics:{names}", HOLIDAYS, ics=ics)
        for names, ics in BAD_CALENDARS
    ),
    # what an operator wrote who had only the docs
    Broken(
        "comma in braces",
        "greeting.and hello: unknown key; in braces a comma begins one",
        desk=PERSONA.replace("Hello.", "Hello, and hello"),
    ),
    Broken(
        "one brace",
        "instructions: expected two braces: {{guest}}",
        desk=PERSONA.replace("Be kind", "Be kind to { guest }") + "vars: {guest: {}}\n",
    ),
    Broken(
        "one brace in a list",
        "faqs[0].a: expected two braces: {{guest}}",
        desk=PERSONA + 'faqs: [{q: Who, a: "{guest}"}]\nvars: {guest: {}}\n',
    ),
    Broken(
        "nothing behind an action",
        "silence[0].do: expected something behind goodbye; or goodbye without braces",
        desk=PERSONA + "silence: [{after: 5s, do: {goodbye}}]\n",
    ),
    Broken(
        "no braces behind voicemail",
        "expected something behind voicemail",
        desk=PERSONA + "silence: [{after: 5s, do: {voicemail: }}]\n",
    ),
    Broken(
        "digits of a sensitive variable that are shown",
        "menus.pin.gather.into: pin is sensitive: write sensitive: true here",
        desk=PERSONA
        + "vars: {pin: {type: digits, from: digits, sensitive: true, default: ''}}\n"
        + "menus: {pin: {prompt: Type it., gather: {max: 4, into: pin}}}\n",
    ),
    Broken(
        "value for a variable that isn't there",
        "routes[0].do.vars.dya: desk has no variable 'dya'; did you mean 'day'?",
        plan=PLAN.replace("{persona: desk}", "{persona: desk, vars: {dya: x}}"),
        desk=PERSONA + "vars: {day: {from: route}}\n",
    ),
    Broken("percent", "expected a number", plan=PLAN + "    match: {load: 90%}\n"),
    Broken("bare !", "begins with ! needs quotes", plan=PLAN + "    match: {to: !x}\n"),
    Broken("bare *", "begins with * or & needs", plan=PLAN + "include: [*.yaml]\n"),
    Broken("day first", "month before day", plan=PLAN + "    match: {date: 24-12}\n"),
    Broken(
        "list without brackets",
        "expected a list, got 'en'; put it in brackets",
        desk=PERSONA + "also_speaks: en\n",
    ),
    # rehearsals
    Broken(
        "tool of a test that isn't there",
        "tests[0].model[0].calls: there is no tool 'human'",
        desk=PERSONA
        + "tests: [{name: a, model: [{calls: human}], expect: [{heard: x}]}]\n",
    ),
    Broken(
        "rule without a refusal",
        "rule goes with verdict: refused",
        desk=PERSONA + "tests: [{name: a, expect: [{tool: human, rule: loop}]}]\n",
    ),
    # YAML
    Broken("alias bomb", "anchors (&name) are refused", desk=PERSONA + BOMB),
    Broken("alias", "aliases (*name) are refused", desk=PERSONA + "limits: *x\n"),
    Broken("merge key", "<<", desk=PERSONA + "<<: {title: x}\n"),
    Broken("tag", "tags (!name) are refused", desk=PERSONA + "owner: !!str x\n"),
    Broken("python tag", "tags (!name)", desk=PERSONA + "owner: !!python/name:os.x\n"),
    Broken("256 KiB + 1", "at most 256 KiB", desk=b"#" * (256 * 1024 + 1)),
    Broken("depth 21", "nested more than 20 deep", desk=f"a: {'[' * 21}{']' * 21}"),
    Broken("100 000 brackets", "nested more than 20 deep", desk="[" * 100_000),
    Broken("duplicate key", "duplicate key", desk=PERSONA + "title: Again\n"),
    Broken("tab", "a tab in the indentation", desk=PERSONA + "limits:\n\tidle: 5s\n"),
    Broken("full-width colon", "ASCII colon", desk=PERSONA + "owner：花\nfacts: []\n"),
    Broken("NUL", "control character U+0000", desk=PERSONA.encode() + b"\0"),
    Broken("escape", "control character U+001B", desk=PERSONA + "# \x1b[2J\n"),
    Broken("latin-1", "UTF-8", desk=PERSONA.encode() + b"owner: J\xf6rg\n"),
    Broken("UTF-16", "UTF-8", desk=PERSONA.encode("utf-16")),
    Broken("open quote", "never closed", desk=PERSONA + "owner: 'x\n"),
    Broken("open bracket", "not closed", desk=PERSONA + "keyterms: [a\nowner: b\n"),
    Broken("open brace", "not closed", desk=PERSONA + "limits: {idle: 5s\nowner: b\n"),
    Broken("two documents", "one document", desk=PERSONA + "---\ntitle: x\n"),
    Broken("colon in text", "needs quotes", desk=PERSONA + "owner: a: b\n"),
    Broken("key without colon", "colon missing", desk=PERSONA + "owner\n"),
    Broken("indentation", "indentation", desk=PERSONA + " owner: x\n"),
    Broken("list as file", "expected keys and values", desk="- a\n"),
    Broken("text as file", "expected keys and values", desk="hello\n"),
    Broken("empty file", "the file is empty", desk=""),
    Broken("only comments", "the file is empty", desk="# later\n"),
    Broken("structure as key", "word as key", desk=PERSONA + "[a]: b\n"),
    # traps of YAML 1.1
    Broken("bare no", "keyterms[0]", desk=PERSONA + "keyterms: [no]\n"),
    Broken("bare off", "barge_in.mode", desk=PERSONA + "barge_in: {mode: off}\n"),
    Broken("17:30", "limits.idle", desk=PERSONA + "limits: {idle: 17:30}\n"),
    Broken("seconds", "with its unit", desk=PERSONA + "limits: {idle: 20}\n"),
    Broken("blank before unit", "limits.idle", desk=PERSONA + "limits: {idle: 5 s}\n"),
    Broken("short number", "phone number", plan=PLAN.replace("+12025550100", "+1555…")),
    Broken("number without +", "e164", plan=PLAN.replace('"+12025550100"', "12025550")),
    Broken("number with blanks", "e164", plan=PLAN.replace("+1202", "+1 202 ")),
    Broken("two same numbers", "stands on line", plan=PLAN.replace("0120", "0100")),
    Broken("version 3", "expected 2, got 3", plan=PLAN.replace("n: 2", "n: 3")),
    Broken("version 1", "run `voicebot migrate`", plan=PLAN.replace("n: 2", "n: 1")),
    Broken("version as text", "version", plan=PLAN.replace(": 2\n", ": '2'\n", 1)),
    Broken("no routes", "routes", plan=NUMBERS + "routes: []\n"),
    Broken("nobody", "there is no persona 'dsk'", plan=PLAN.replace("desk}", "dsk}")),
    Broken(
        "two actions", "exactly one", plan=PLAN.replace("desk}", "desk, reject: x}")
    ),
    Broken(
        "queue of a route",
        "exactly one",
        plan=PLAN.replace("persona: desk", "queue: {text: Wait., language: en}"),
    ),
    Broken(
        "queue without words",
        "specials.overload.queue.text: missing",
        plan=PLAN + "specials: {overload: {queue: {language: en}}}\n",
    ),
    Broken(
        "queue that ends nowhere",
        "there is no target 'nobody'",
        plan=PLAN + "specials: {overload: {queue: {text: Wait., language: en, "
        "then: {transfer: nobody}}}}\n",
    ),
    Broken(
        "queue that ends in a queue",
        "expected exactly one of message, reject, transfer and voicemail",
        plan=PLAN + "specials: {overload: {queue: {text: Wait., language: en, "
        "then: {persona: desk}}}}\n",
    ),
    Broken(
        "text message without words",
        "expected text, which use: send_sms needs",
        desk=PERSONA + "tools: {way: {use: send_sms}}\n",
    ),
    Broken(
        "text message to nobody",
        "there is no target 'nobody'",
        desk=PERSONA + "tools: {way: {use: send_sms, text: Hi., to: nobody}}\n",
    ),
    Broken(
        "addressee of another tool",
        "expected to only with use: send_sms",
        desk=PERSONA + "tools: {bye: {use: hangup, to: caller}}\n",
    ),
    Broken(
        "text message to a SIP address",
        "a SIP address gets no text messages",
        plan=PLAN + "targets: {sip: {sip: 'sip:a@example.com'}}\n",
        desk=PERSONA
        + "triggers: [{name: a, says: [b], do: {send_sms: {text: c, to: sip}}}]\n",
    ),
    Broken(
        "target called caller",
        "a target cannot be called caller: that is the caller",
        plan=PLAN + "targets: {caller: {number: '+12025550155'}}\n",
    ),
    Broken(
        "fragments of elsewhere",
        "expected files in this folder",
        plan=PLAN + "include: ['../*.yaml']\n",
    ),
    Broken(
        "no such fragment", "there is no file", plan=PLAN + "include: [more.yaml]\n"
    ),
    Broken(
        "nothing on failure",
        "expected say, do, or both",
        desk=PERSONA + "transfer: {on_fail: {}}\n",
    ),
    Broken(
        "put through for ever",
        "isn't put through again by itself",
        plan=PLAN + "targets: {a: {number: '+12025550155'}}\n",
        desk=PERSONA + "transfer: {on_fail: {do: {transfer: a}}}\n",
    ),
    Broken(
        "menu of nobody",
        "there is no persona 'dsk'",
        plan=PLAN.replace("persona: desk", "menu: dsk/keys"),
    ),
    Broken(
        "no such menu",
        "desk has no menu 'keys'",
        plan=PLAN.replace("persona: desk", "menu: desk/keys"),
    ),
    Broken("unreachable", "never reached", plan=PLAN + ROUTES[8:].replace("def", "x")),
    # what the model's failure leads to
    Broken("key of version 1", "fallback.do now", desk=PERSONA + "on_model_lost: {}\n"),
    Broken("many sessions", "at most 3", desk=PERSONA + "fallback: {attempts: 4}\n"),
    Broken("no unit", "with its unit", desk=PERSONA + "fallback: {within: 4}\n"),
    Broken("no fallback", "no menu 'x'", desk=PERSONA + "fallback: {do: {menu: x}}\n"),
    Broken(
        "a warning too late",
        "limits: expected warn_at to be before duration",
        desk=PERSONA + "limits: {duration: 1m, warn_at: 1m, warning: Soon over.}\n",
    ),
    Broken(
        "a warning without words",
        "limits: expected warning with warn_at",
        desk=PERSONA + "limits: {warn_at: 1m}\n",
    ),
    # recordings
    Broken("no words", "recording.consent", desk=PERSONA + "recording: {mode: ask}\n"),
    Broken("60", "days", desk=PERSONA + "recording: {retention: 60}\n"),
    Broken("hours", "days", desk=PERSONA + "recording: {retention: 48h}\n"),
    # inheritance
    Broken("extends nobody", "extends", desk="extends: nobody\n" + PERSONA),
    Broken("extends itself", "a chain that ends", desk="extends: desk\n" + PERSONA),
    Broken("mixes nothing", "mixins[0]", desk="mixins: [nothing]\n" + PERSONA),
    Broken(
        "mixin no list", "mixins", desk="mixins: calm\n" + PERSONA, mixin="owner: x"
    ),
    Broken("mixin extends", "extends", mixin="extends: desk\n"),
    Broken("mistake in a mixin", "mixins/calm.yaml", mixin="limits: {idle: 5}\n"),
    Broken("empty mixin", "the file is empty", mixin="\n"),
    Broken("append text", "facts+", desk=PERSONA + "facts+: one\n"),
    Broken(
        "append and replace", "got both", desk=PERSONA + "facts: [a]\nfacts+: [b]\n"
    ),
    Broken("append to text", "title+", desk=PERSONA + "title+: [b]\n"),
    Broken("append to nothing", "+", desk=PERSONA + "+: [b]\n"),
    Broken("only an abstract one", "desk", desk="abstract: true\n" + PERSONA),
    Broken("id", "the name of its file", desk="id: desk\n" + PERSONA),
    # variables
    Broken("undeclared", "no variable 'name'", desk=PERSONA + "facts: ['{{name}}']\n"),
    Broken("brace", "expected {{name}}", desk=PERSONA + "facts: ['{{Name}}']\n"),
    Broken("open place", "expected {{name}}", desk=PERSONA + "facts: ['{{name']\n"),
    Broken("logic", "expected {{name}}", desk=PERSONA + "facts: ['{{#if x}}']\n"),
    Broken("place in a title", "not filled in", desk=PERSONA + "owner: '{{x}}'\n"),
    Broken(
        "no value",
        "may have no value",
        desk=PERSONA + "vars: {x: {from: lookup}}\nfacts: ['{{x}}']\n",
    ),
    Broken("required", "vars.x", desk=PERSONA + "vars: {x: {required: true}}\n"),
    Broken("header", "vars.x.header", desk=PERSONA + "vars: {x: {from: header}}\n"),
    Broken("no header", "vars.x.header", desk=PERSONA + "vars: {x: {header: X-A}}\n"),
    Broken(
        "default of another type",
        "vars.x.default",
        desk=PERSONA + "vars: {x: {type: date, default: 2027-02-30}}\n",
    ),
    # a director
    Broken(
        "director without a name",
        "director.actions",
        desk=PERSONA + "director: {actions: [{when: x, do: goodbye}]}\n",
    ),
    Broken(
        "director with a number",
        "director.actions.a.do",
        desk=PERSONA + "director: {actions: {a: {when: x, do: {dial: '+1'}}}}\n",
    ),
    Broken(
        "director and nobody's tool",
        "there is no tool 'human'",
        desk=PERSONA + "director: {actions: {a: {when: x, tool: human}}}\n",
    ),
    Broken(
        "director and a server's tool without what it needs",
        "day is missing",
        desk=PERSONA
        + "tools: {a: {kind: http, description: y, url: 'https://a.example', "
        + "params: {day: date}}}\ndirector: {actions: {a: {when: x, tool: a}}}\n",
    ),
    Broken(
        "director and a tool that StepFun runs",
        "expected no tool of kind: web_search",
        desk=PERSONA
        + "tools: {a: {kind: web_search}}\n"
        + "director: {actions: {a: {when: x, tool: a}}}\n",
    ),
    Broken(
        "director told by the caller",
        "director.actions.a.when",
        desk=PERSONA + "vars: {x: {from: caller, default: y}}\n"
        "director: {actions: {a: {when: '{{x}}', do: goodbye}}}\n",
    ),
    # servers of the operator's
    Broken(
        "no address",
        "lookup.url",
        desk=PERSONA + "vars: {x: {from: lookup}}\nlookup: {url: x, map: {x: x}}\n",
    ),
    Broken(
        "a host that a caller could choose",
        "expected the whole host",
        desk=PERSONA
        + "vars: {x: {}}\ntools: {a: {kind: http, description: y, "
        + "url: 'https://{{x}}.example'}}\n",
    ),
    Broken(
        "a key in plain text",
        "keep keys out of files",
        desk=PERSONA
        + "tools: {a: {kind: http, description: y, url: 'https://a.example', "
        + "headers: {Authorization: Bearer abc}}}\n",
    ),
    Broken(
        "a key of our own",
        "VOICEBOT_",
        desk=PERSONA
        + "tools: {a: {kind: http, description: y, "
        + "url: '${env:VOICEBOT_STEPFUN_API_KEY}/x'}}\n",
    ),
    # privacy
    Broken(
        "nothing that is private",
        "privacy.redact[0]",
        desk=PERSONA + "privacy: {redact: [birthdays]}\n",
    ),
    Broken(
        "kept out and kept",
        "privacy.redact",
        desk=PERSONA + "privacy: {redact: [phone], store: all}\n",
    ),
    Broken(
        "no words but their sound",
        "privacy.store",
        desk=PERSONA + "privacy: {store: metadata}\nrecording: {mode: always}\n",
    ),
    # one key against another
    Broken(
        "never confirmed", "barge_in.min_ms", desk=PERSONA + "barge_in: {min_ms: 2s}\n"
    ),
    Broken(
        "ignored and obeyed",
        "backchannel already",
        desk=PERSONA + "barge_in: {backchannel: [ok], stop_words: [OK]}\n",
    ),
    # stages
    Broken("idle stage", "or on_enter", desk=PERSONA + "stages: {a: {tools: []}}\n"),
    Broken(
        "exit to nowhere",
        "stages.a.exit[0].to: there is no stage 'b'",
        desk=PERSONA + "start_stage: a\n"
        "stages: {a: {instructions: A., exit: [{to: b, when: [go]}]}}\n",
    ),
    Broken(
        "exit for two reasons",
        "stages.a.exit[0]: expected exactly one of when, tool, digits, var",
        desk=PERSONA + "start_stage: a\n"
        "stages: {a: {instructions: A., exit: [{to: a, when: [x], var: y}]}}\n",
    ),
    Broken(
        "stages in a circle",
        "stages.a: leads back here at once",
        desk=PERSONA + "start_stage: a\n"
        "stages: {a: {on_enter: {goto: b}}, b: {on_enter: {goto: a}}}\n",
    ),
    Broken(
        "never confirmed in a stage",
        "stages.a.barge_in.min_ms: expected min_ms",
        desk=PERSONA + "start_stage: a\n"
        "stages: {a: {instructions: A., barge_in: {min_ms: 2s}}}\n",
    ),
    Broken(
        "guarded rollout",
        "rollout.guard: unknown key; a rollout ends by hand",
        plan=PLAN.replace(
            "desk}", "desk, rollout: {to: desk, percent: 5, guard: {dead_air: 2s}}}"
        ),
    ),
    Broken(
        "hooks",
        "hooks: unknown key; use triggers",
        desk=PERSONA + "hooks: {on_cut: {say: Yes?}}\n",
    ),
    # greetings
    Broken(
        "no recording",
        "greeting.audio: 'a.wav' cannot be read",
        desk=PERSONA.replace("Hello.}", "Hello., audio: a.wav}"),
    ),
    Broken(
        "nobody greets",
        "greeting.text: missing",
        desk=PERSONA.replace("{text: Hello.}", "{model: false}"),
    ),
    Broken(
        "greeted twice",
        "greeting.protect: has no meaning with model: true",
        desk=PERSONA.replace("{text: Hello.}", "{model: true, protect: 1s}"),
    ),
    # languages
    Broken(
        "a language that it doesn't speak",
        "in.en: en is not in also_speaks",
        desk=PERSONA + "in: {en: {goodbye: {text: Bye.}}}\n",
    ),
    Broken(
        "instructions by language",
        "in.fr.instructions: unknown key",
        desk=PERSONA + "also_speaks: [fr]\nin: {fr: {instructions: Soyez aimable.}}\n",
    ),
    Broken(
        "endless prompt",
        "at most 32,000",
        desk=PERSONA + "facts:\n" + "- " + "x " * 9999 + "\n- " + "y " * 9999 + "\n",
    ),
)

REFUSED = ("[]", "{}", "[[x]]", "{x: 1}", "~", "no", "17", "-1.5", "'\\x1b'", '"\\e"')


def cases() -> Iterator[Broken]:
    yield from BY_HAND
    yield from _cut_short()
    yield from _of_keys("desk", json_schema("persona"), PERSONA)
    yield from _of_keys("plan", json_schema("dialplan"), PLAN)
    yield from _misspelt()


def _cut_short() -> Iterator[Broken]:
    """A file whose end isn't written yet; none of these is whole by chance."""
    data = PERSONA.encode()
    for percent in range(0, 90, 5):
        cut = data[: len(data) * percent // 100]
        yield Broken(f"cut at {percent} %", "desk.yaml", desk=cut)


def _of_keys(file: str, schema: dict[str, Any], good: str) -> Iterator[Broken]:
    for path, given in _leaves(schema, schema, ()):
        for value in REFUSED:
            if _may_pass(given, value):
                continue
            text = _with(good, path, value)
            why = f"{file}: {'.'.join(path)}: {value}"
            if file == "plan":
                yield Broken(why, path[0], plan=text)
            else:
                yield Broken(why, path[0], desk=text)


def _misspelt() -> Iterator[Broken]:
    schema = json_schema("persona")
    for path, _ in _leaves(schema, schema, ()):
        wrong = (*path[:-1], path[-1][::-1] + "x")
        text = _with(PERSONA, wrong, "x")
        yield Broken(f"unknown {'.'.join(wrong)}", "unknown key", desk=text)


def _leaves(
    schema: dict[str, Any], root: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for key, given in schema["properties"].items():
        if key.endswith("+"):
            continue
        yield (*path, key), given
        if "$ref" in given:
            target = root["$defs"][given["$ref"].rpartition("/")[2]]
            yield from _leaves(target, root, (*path, key))


def _with(good: str, path: tuple[str, ...], value: str) -> str:
    """The file, with a value in place of what it says for a key."""
    head = f"{path[0]}:"
    kept: list[str] = []
    skipping = False
    for line in good.splitlines():
        skipping = line.startswith(head) or (skipping and line.startswith(" "))
        if not skipping:
            kept.append(line)
    nested = value
    for key in reversed(path[1:]):
        nested = f"{{{key}: {nested}}}"
    return "\n".join([*kept, f"{head} {nested}", ""])


def _ways(given: dict[str, Any]) -> list[dict[str, Any]]:
    """All that a value may be, however deep that is said."""
    return [given, *(way for each in given.get("anyOf", ()) for way in _ways(each))]


def _may_pass(given: dict[str, Any], value: str) -> bool:
    """Whether a value may be good here; rather too often than too seldom."""
    if "$ref" in given or given.get("type") == "object":
        return value in ("{}", "{x: 1}") or "properties" in given
    ways = _ways(given)
    types = {way.get("type") for way in ways}
    if "array" in types and value in ("[]", "~"):
        return value == "[]" or "null" in types
    if "null" in types and value == "~":
        return True
    if "boolean" in types and value == "no":
        return True
    if types & {"integer", "number"} and value in ("17", "-1.5"):
        return True
    text = "string" in types and not any("enum" in w or "pattern" in w for w in ways)
    return text and value in ("'\\x1b'", "17", "-1.5", "no") and value == "'\\x1b'"

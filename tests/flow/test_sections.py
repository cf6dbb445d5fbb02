"""What an operator writes of menus, tools and the rest, and what is wrong with it."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from tests.flow.personas import CLINIC, persona
from voicebot.dialplan.actions import Action
from voicebot.dialplan.actions_check import Names, misreferred
from voicebot.dialplan.load import load
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import parse

TARGETS = ("front_desk", "on_call", "closed_desk")
VARIABLES = ("order_no", "room", "caller_name", "reason", "day")
NAMES = Names(targets=TARGETS, variables=VARIABLES)


def problems(text: str, names: Names = NAMES) -> list[str]:
    root, unreadable = parse(Path("desk.yaml"), (PERSONA + text).encode())
    assert root
    assert unreadable == []
    plain = root.plain()
    assert isinstance(plain, dict)
    desk = Persona.model_validate(plain | {"id": "desk"})
    found = misreferred(root, desk, names)
    return [f"{each.line}: {each.key}: {each.message}" for each in found]


def test_the_clinic_is_loaded_from_its_file(tmp_path: Path) -> None:
    targets = "".join(f"  {name}: {{number: '+12025550199'}}\n" for name in TARGETS)
    variables = "".join(f"  {name}: {{from: model}}\n" for name in VARIABLES)
    plan = load(
        written(
            tmp_path,
            f"{NUMBERS}{ROUTES}targets:\n{targets}",
            desk=f"{PERSONA}{CLINIC}vars:\n{variables}",
        )
    )
    assert plan.personas["desk"].tools["human"].targets[0] == "front_desk"


def test_the_clinic_has_no_mistakes() -> None:
    assert problems(CLINIC) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("goodbye", "goodbye"),
        ({"say": "Hi."}, "say"),
        ({"set": {"a": "b"}}, "set"),
        ({"voicemail": {}}, "voicemail"),
        (Action(menu="keypad"), "menu"),
    ],
)
def test_an_action_is_one_thing(text: object, name: str) -> None:
    assert Action.model_validate(text).name == name


@pytest.mark.parametrize(
    "text", ["bye", {}, {"say": "Hi.", "menu": "keypad"}, ["goodbye"], None]
)
def test_an_action_is_nothing_else(text: object) -> None:
    with pytest.raises(ValidationError, match="exactly one of say, must_hear, menu"):
        Action.model_validate(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "menus: {a: {prompt: Hi.}}",
            "menus.a: expected either keys or gather, got keys prompt",
        ),
        ("menus: {a: Hi.}", "menus.a: expected keys and values, got 'Hi.'"),
        (
            'menus: {a: {prompt: Hi., keys: {"12": goodbye}}}',
            "menus.a.keys.12: expected '0', '1', '2',",
        ),
        (
            "menus: {a: {prompt: Hi., gather: {min: 4, max: 2, into: x}}}",
            "menus.a.gather: expected min to be at most max",
        ),
        (
            "menus: {a: {prompt: Hi., gather: "
            "{max: 2, into: x, sensitive: true, readback: all}}}",
            "menus.a.gather: expected readback last2 or none",
        ),
        (
            "silence: [{after: 4s}]",
            "silence[0]: expected either say or do, got keys after",
        ),
        ("silence: [4s]", "silence[0]: expected keys and values, got '4s'"),
        ("silence: [{after: 4s, do: nothing}]", "silence[0].do: expected exactly one"),
        (
            "triggers: [{name: a, do: goodbye}]",
            "triggers[0]: expected either says or matches",
        ),
        ("triggers: [a]", "triggers[0]: expected keys and values, got 'a'"),
        (
            "triggers: [{name: a, matches: (a+)+, do: goodbye}]",
            "triggers[0].matches: expected a regular expression; this one has too many",
        ),
        (
            "tools: {a: {use: transfer}}",
            "tools.a: expected targets, which use: transfer needs",
        ),
        (
            "tools: {a: {use: hangup, targets: [b]}}",
            "tools.a: expected targets only with use: transfer",
        ),
        (
            "tools: {a: {use: take_message, menu: b}}",
            "tools.a: expected menu only with use: collect_digits",
        ),
        ("tools: {a: transfer}", "tools.a: expected keys and values, got 'transfer'"),
        ("tools: {a: {use: dial}}", "tools.a.use: expected 'transfer', 'hangup',"),
        (
            "director: {actions: {a: {when: b}}}",
            "director.actions.a: expected either do or tool, got keys when",
        ),
        (
            "director: {actions: {a: {when: b, do: goodbye, tool: c}}}",
            "director.actions.a: expected either do or tool, got keys when, do, tool",
        ),
        (
            "director: {actions: {a: {when: b, do: goodbye, args: {c: d}}}}",
            "director.actions.a: expected args only with tool",
        ),
        (
            "director: {actions: {a: {when: b, tool: c, max_calls: 2}}}",
            "director.actions.a: expected max_calls only with do: the tool has its own",
        ),
        (
            "director: {actions: {a: goodbye}}",
            "director.actions.a: expected keys and values, got 'goodbye'",
        ),
        ("director: {actions: {}}", "director.actions: expected at least one"),
        ("director: {turns: 3}", "director.actions: missing"),
        (
            "director: {actions: {none: {when: b, do: goodbye}}}",
            "director.actions: expected another name than none: that is no action",
        ),
        (
            "director: {timeout: 20s, actions: {a: {when: b, do: goodbye}}}",
            "director.timeout: expected a duration of 500ms to 10s",
        ),
        (
            "director: {actions: {a: {when: 'b {{c}}', do: goodbye}}}",
            "director.actions.a.when: {{…}} is not filled in here; write it out",
        ),
        (
            "director: {actions: {do: {when: 'b {{c}}', do: goodbye}}}",
            "director.actions.do.when: {{…}} is not filled in here; write it out",
        ),
        (
            "director: {actions: {a: {when: b, do: {say: 'b {{c}}'}}}}",
            "director.actions.a.do.say: there is no variable 'c' in vars",
        ),
    ],
)
def test_a_mistake_is_told_where_it_stands(
    tmp_path: Path, text: str, found: str
) -> None:
    told = mistakes(written(tmp_path, desk=f"{PERSONA}{text}\n"))
    assert len(told) == 1
    assert f" {found}" in told[0]


TOOLS = (
    "tools: {human: {use: transfer, targets: [front_desk, on_call]}, "
    "desk: {use: transfer, targets: [front_desk]}, bye: {use: hangup}, "
    "note: {use: set_var, vars: [reason]}, go_on: {use: goto_stage, stages: [c]}}\n"
    "stages: {c: {instructions: Hi.}}\nstart_stage: c\n"
)
MENU = 'menus: {keypad: {prompt: Hi., keys: {"1": goodbye}}, '
NUMBER = "number: {prompt: Digits., gather: {max: 4, into: room}}}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            MENU + NUMBER + "fallback: {do: {menu: keypat}}\n",
            "fallback.do.menu: there is no menu 'keypat'; did you mean 'keypad'?",
        ),
        (
            MENU + NUMBER + "fallback: {do: {menu: number}}\n",
            "fallback.do.menu: 'number' collects digits; write gather: number",
        ),
        (
            MENU + NUMBER + "triggers: [{name: a, says: [b], do: {gather: keypad}}]\n",
            "triggers[0].do.gather: 'keypad' has keys and collects nothing; "
            "write menu: keypad",
        ),
        (
            "fallback: {do: {say: Sorry.}}\n",
            "fallback.do: expected one of menu, transfer, voicemail, goodbye, "
            "hangup, as there is nobody else to talk",
        ),
        (
            "triggers: [{name: a, says: [b], do: {transfer: front}}]\n",
            "triggers[0].do.transfer: there is no target 'front'; did you mean "
            "'front_desk'?",
        ),
        (
            "triggers: [{name: a, says: [b], do: {goto: c}}]\n",
            "triggers[0].do.goto: there is no stage 'c'",
        ),
        (
            "triggers: [{name: a, says: [b], do: {set: {rum: x}}}]\n",
            "triggers[0].do.set.rum: there is no variable 'rum'",
        ),
        (
            "triggers: [{name: a, says: [b], do: replay}]\n",
            "triggers[0].do: replay has no meaning outside of a menu",
        ),
        (
            "silence: [{after: 4s, say: Hi.}]\n",
            "silence[0]: the last step must do one of menu, transfer, voicemail, "
            "goodbye, hangup, gather, goto",
        ),
        (
            "silence: [{after: 4s, do: {transfer: front}}]\n",
            "silence[0].do.transfer: there is no target 'front'; did you mean "
            "'front_desk'?",
        ),
        (
            'menus: {a: {prompt: Hi., key: "1", keys: {"1": replay}}, '
            'b: {prompt: Ho., key: "1", keys: {"1": replay}}}\n',
            "menus.b.key: leads to the menu 'a' already",
        ),
        (
            "menus: {a: {prompt: Hi., gather: {max: 1, into: b}}}\n",
            "menus.a.gather.into: there is no variable 'b'",
        ),
        (
            "menus: {a: {prompt: Hi., gather: {max: 1, into: room}}}\n"
            "vars: {room: {sensitive: true, default: x}}\n",
            "menus.a.gather.into: room is sensitive: write sensitive: true here, too",
        ),
        (
            'menus: {a: {prompt: Hi., keys: {"1": replay}, '
            "nomatch: [{do: goodbye, replay: true}]}}\n",
            "menus.a.nomatch[0]: expected either replay or do",
        ),
        (
            'menus: {a: {prompt: Hi., keys: {"1": {menu: b}}}}\n',
            "menus.a.keys.1.menu: there is no menu 'b'",
        ),
        (
            "tools: {a: {use: transfer, targets: [front_desk, moon]}}\n",
            "tools.a.targets[1]: there is no target 'moon'",
        ),
        (
            "tools: {a: {use: set_var, vars: [moon]}}\n",
            "tools.a.vars[0]: there is no variable 'moon'",
        ),
        (
            "tools: {a: {use: hangup, requires: [b]}}\n",
            "tools.a.requires[0]: there is no tool 'b'",
        ),
        (
            "tools: {a: {use: collect_digits, menu: b}}\n",
            "tools.a.menu: there is no menu 'b'",
        ),
        (
            "director: {actions: {a: {when: b, do: {transfer: front}}}}\n",
            "director.actions.a.do.transfer: there is no target 'front'; did you mean "
            "'front_desk'?",
        ),
        (
            "director: {actions: {a: {when: b, do: replay}}}\n",
            "director.actions.a.do: replay has no meaning outside of a menu",
        ),
        (
            TOOLS + "director: {actions: {a: {when: b, tool: humans}}}\n",
            "director.actions.a.tool: there is no tool 'humans'; did you mean 'human'?",
        ),
        (
            TOOLS + "director: {actions: {a: {when: b, tool: human}}}\n",
            "director.actions.a.args: expected target, as tools.human needs",
        ),
        (
            TOOLS + "director: {actions: {a: {when: b, tool: bye, args: {why: c}}}}\n",
            "director.actions.a.args: expected no args, as tools.bye needs",
        ),
        (
            TOOLS + "director: {actions: {a: {when: b, tool: human, "
            "args: {target: on_cal}}}}\n",
            "director.actions.a.args.target: there is no target 'on_cal'; did you mean "
            "'on_call'?",
        ),
        (
            TOOLS + "director: {actions: {a: {when: b, tool: note, "
            "args: {name: moon, value: full}}}}\n",
            "director.actions.a.args.name: there is no variable 'moon'",
        ),
        (
            TOOLS
            + "director: {actions: {a: {when: b, tool: go_on, args: {stage: d}}}}\n",
            "director.actions.a.args.stage: there is no stage 'd'",
        ),
        (
            "director: {actions: {human: {when: b, do: goodbye}}}\n"
            "tests: [{name: a, director: [{hear: b, pick: humans}], "
            "expect: [{ended_by: idle}]}]\n",
            "tests[0].director[0].pick: there is no action 'humans'; did you mean "
            "'human'?",
        ),
        (
            "stages: {a: {instructions: Hi., tools: [b]}}\nstart_stage: a\n",
            "stages.a.tools[0]: there is no tool 'b'",
        ),
        (
            "stages: {a: {instructions: Hi.}}\n",
            "stages: start_stage is missing: which one does a call begin with?",
        ),
        ("start_stage: a\n", "start_stage: there is no stage 'a'"),
        (
            "transfer: {abort_words: [stop it, OK]}\n",
            "transfer.abort_words[1]: 'OK' is backchannel: callers say it to agree",
        ),
    ],
)
def test_what_leads_nowhere_is_told(text: str, found: str) -> None:
    told = [line.partition(": ")[2] for line in problems(text)]
    assert told == [found]


def test_a_director_that_picks_tools_with_what_they_need_has_no_mistakes() -> None:
    text = (
        "director: {actions: {a: {when: b, tool: human, args: {target: on_call}}, "
        "b: {when: c, tool: desk}, c: {when: d, tool: desk, args: {target: front_desk}}"
        ", d: {when: e, tool: note, args: {name: reason, value: any}}}}\n"
    )
    assert problems(TOOLS + text) == []


def test_names_of_other_files_are_checked_where_they_are_known() -> None:
    text = (
        "triggers: [{name: a, says: [b], do: {transfer: c}}, "
        "{name: d, says: [e], do: {set: {f: g}}}]\n"
        "tools: {h: {use: transfer, targets: [i]}}\n"
    )
    assert problems(text, Names()) == []
    assert len(problems(text)) == 3


def test_a_list_of_one_is_located_without_its_brackets() -> None:
    assert problems("triggers:\n  - {name: a, says: [b], do: {menu: c}}\n") == [
        "6: triggers[0].do.menu: there is no menu 'c'"
    ]


def test_a_menu_needs_no_ladder() -> None:
    desk = persona("menus: {a: {prompt: Hi., keys: {'1': replay}}}\n")
    assert desk.menus["a"].noinput == ()

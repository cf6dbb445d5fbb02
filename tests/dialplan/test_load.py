"""A folder of files, with all its mistakes at once."""

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Answer
from voicebot.errors import DialplanError


def test_a_good_folder_is_a_dialplan(tmp_path: Path) -> None:
    plan = load(written(tmp_path, night=PERSONA))
    assert list(plan.numbers) == ["main", "hotel"]
    assert [route.do for route in plan.routes] == [Answer(persona="desk")]
    assert list(plan.personas) == ["desk", "night"]
    assert plan.personas["desk"].id == "desk"


def test_a_dialplan_cannot_be_changed(tmp_path: Path) -> None:
    plan = load(written(tmp_path))
    with pytest.raises(TypeError):
        plan.personas["desk"] = plan.personas["desk"]  # type: ignore[index]
    with pytest.raises(TypeError):
        plan.numbers["x"] = plan.numbers["main"]  # type: ignore[index]


def test_the_revision_is_of_the_content_of_all_files(tmp_path: Path) -> None:
    first = load(written(tmp_path / "a")).revision
    assert load(written(tmp_path / "b")).revision == first
    assert len(first) == 12
    others = [
        load(written(tmp_path / "c", NUMBERS + ROUTES + "# more\n")).revision,
        load(written(tmp_path / "d", desk=PERSONA + "\n")).revision,
        load(written(tmp_path / "e", night=PERSONA)).revision,
    ]
    assert len({first, *others}) == 4


def test_all_mistakes_of_all_files_come_at_once_and_in_order(tmp_path: Path) -> None:
    plan = NUMBERS.replace("Hotel", "no") + ROUTES.replace("desk", "dsk") + "x: 1\n"
    written(tmp_path, plan, desk="titel: x\n" + PERSONA, night="language: [\n")
    assert mistakes(tmp_path) == [
        "dialplan.yaml:4:47: numbers.hotel.display_name: expected text, got no; "
        "put it in quotes",
        "dialplan.yaml:7:19: routes[0].do.persona: there is no persona 'dsk'; "
        "did you mean 'desk'?",
        "dialplan.yaml:8:1: x: unknown key",
        "personas/desk.yaml:1:1: titel: unknown key; did you mean 'title'?",
        "personas/night.yaml:2:1: expected a value; is a bracket or brace not closed?",
    ]


def test_problems_name_the_folder_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "plans", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DialplanError) as info:
        load(Path("plans"))
    assert str(info.value) == "plans/dialplan.yaml:1:1: the file is empty"


def test_an_empty_folder_misses_both_files_and_folders(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "none") == [
        "dialplan.yaml:1:1: missing file",
        "personas:1:1: missing folder; it holds one <id>.yaml for each persona",
    ]


def test_a_missing_folder_of_personas_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text(NUMBERS + ROUTES)
    assert mistakes(tmp_path) == [
        "personas:1:1: missing folder; it holds one <id>.yaml for each persona"
    ]


def test_a_file_that_cannot_be_read_is_a_mistake_of_that_file(tmp_path: Path) -> None:
    night = written(tmp_path) / "personas" / "night.yaml"
    night.symlink_to(night)
    assert mistakes(tmp_path) == [
        "personas/night.yaml:1:1: cannot be read: Too many levels of symbolic links"
    ]


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    folder = written(tmp_path) / "personas"
    os.mkfifo(folder / "pipe.yaml")
    (folder / "folder.yaml").mkdir()
    assert mistakes(tmp_path) == [
        "personas/folder.yaml:1:1: expected a regular file",
        "personas/pipe.yaml:1:1: expected a regular file",
    ]


def test_a_file_in_place_of_the_folder_is_one_mistake(tmp_path: Path) -> None:
    plan = written(tmp_path) / "dialplan.yaml"
    assert mistakes(plan) == [
        f"{plan}:1:1: expected the folder that holds dialplan.yaml, got a file"
    ]


def test_a_folder_of_personas_that_cannot_be_read_misses_no_persona(
    tmp_path: Path,
) -> None:
    personas = written(tmp_path) / "personas"
    shutil.rmtree(personas)
    personas.symlink_to(personas)  # root may read any folder, but not this one
    assert mistakes(tmp_path) == [
        "personas:1:1: cannot be read: Too many levels of symbolic links"
    ]


@pytest.mark.parametrize(
    ("written_down", "text"),
    [
        ("Address: 1 High Street", "Address: 1 High Street"),
        ("Price: 12.50", "Price: 12.50"),
        ("Parking: no", "Parking: no"),
        ("Open on Monday", "Open on Monday"),
    ],
)
def test_a_fact_that_yaml_takes_for_a_mapping_is_its_text(
    tmp_path: Path, written_down: str, text: str
) -> None:
    folder = written(tmp_path, desk=f"{PERSONA}facts: [a, {written_down}]\n")
    assert load(folder).personas["desk"].facts == ("a", text)


@pytest.mark.parametrize("fact", ["{a: b, c: d}", "a: [b]", "a:"])
def test_a_fact_that_is_no_text_is_a_mistake(tmp_path: Path, fact: str) -> None:
    (problem,) = mistakes(written(tmp_path, desk=f"{PERSONA}facts:\n  - {fact}\n"))
    assert problem.startswith("personas/desk.yaml:6:5: facts[0]: expected text, got")


def test_files_that_would_not_be_read_are_mistakes(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "dialplan.yml").touch()
    (folder / "personas" / "night.yml").touch()
    (folder / "personas" / "Night Desk.yaml").write_text(PERSONA)
    assert mistakes(tmp_path) == [
        "dialplan.yml:1:1: rename it to dialplan.yaml",
        "personas/Night Desk.yaml:1:1: expected a file name of a-z, 0-9, - and _, "
        "with a letter first",
        "personas/night.yml:1:1: rename it to night.yaml",
    ]


def test_the_length_of_a_fact_counts_its_name(tmp_path: Path) -> None:
    long = f"{PERSONA}facts:\n  - Price: {'x' * 20_000}\n"
    assert mistakes(written(tmp_path, desk=long)) == [
        "personas/desk.yaml:6:5: facts[0]: expected at most 20000 characters, got 20007"
    ]


def test_what_editors_leave_behind_is_not_read(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "personas" / ".#desk.yaml").write_text("not: [yaml")
    (folder / "personas" / "desk.yaml~").write_text("not: [yaml")
    (folder / ".dialplan.yml").touch()
    assert mistakes(tmp_path) == []


def test_the_id_of_a_persona_is_the_name_of_its_file(tmp_path: Path) -> None:
    assert mistakes(written(tmp_path, desk="id: desk\n" + PERSONA)) == [
        "personas/desk.yaml:1:5: id: unknown key; "
        "the id of a persona is the name of its file"
    ]


def test_one_place_has_one_mistake(tmp_path: Path) -> None:
    assert mistakes(written(tmp_path, desk=PERSONA + "limits: *common\n")) == [
        "personas/desk.yaml:5:9: limits: aliases (*name) are refused: write it out"
    ]


def test_a_duplicate_key_does_not_hide_other_mistakes(tmp_path: Path) -> None:
    desk = f"{PERSONA}title: Again\nlimits: {{idle: 5}}\n"
    assert [line.split()[0] for line in mistakes(written(tmp_path, desk=desk))] == [
        "personas/desk.yaml:5:1:",
        "personas/desk.yaml:6:16:",
    ]


def test_an_unreachable_route_is_found_only_in_a_file_that_is_good(
    tmp_path: Path,
) -> None:
    again = ROUTES.replace("routes:\n", "").replace("default", "again")
    assert mistakes(written(tmp_path, NUMBERS + ROUTES + again)) == [
        "dialplan.yaml:8:5: routes[1]: never reached: "
        "the routes before it take all of its calls"
    ]


def test_a_prompt_has_an_end(tmp_path: Path) -> None:
    facts = "".join(f"  - {'word ' * 3000}\n" for _ in range(3))
    (problem,) = mistakes(written(tmp_path, desk=f"{PERSONA}facts:\n{facts}"))
    assert problem.startswith(
        "personas/desk.yaml:5:1: facts: "
        "expected at most 32,000 characters with instructions, got"
    )


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="{}[]:,-# \n'\"&*!|>?ab+1ntroues") | st.text(),
    st.integers(0, 400),
)
def test_any_text_in_any_file_raises_nothing_but_a_dialplan_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, at: int
) -> None:
    folder = written(tmp_path_factory.getbasetemp() / "fuzz")
    data = text.encode("utf-8", "replace")
    good = (NUMBERS + ROUTES).encode()
    mixed = PERSONA.encode()[: at % 80] + data + PERSONA.encode()[at % 80 :]
    (folder / "dialplan.yaml").write_bytes(good[:at] + data + good[at:])
    (folder / "personas" / "desk.yaml").write_bytes(mixed)
    (folder / "personas" / "other.yaml").write_bytes(data)
    lines = mistakes(folder)
    assert all("\n" not in line for line in lines)
    assert lines == sorted(set(lines), key=lines.index)


@pytest.mark.parametrize(
    "text",
    [
        "b0: &b0 [x]\n"
        + "".join(f"b{n}: &b{n} [{f'*b{n - 1}, ' * 9}]\n" for n in range(1, 30)),
        "[" * 250_000,
        "x" * 300 * 1024,
        "".join(f"k{n}: 1\n" for n in range(25_000)),
        "numbers: {" + "".join(f"k{n}: 1, " for n in range(20_000)) + "}",
    ],
    ids=["alias bomb", "depth", "300 KiB", "unknown keys", "numbers"],
)
def test_a_hostile_file_is_refused_quickly(tmp_path: Path, text: str) -> None:
    folder = written(tmp_path, text, desk=text)
    began = time.process_time()
    assert 1 <= len(mistakes(folder)) <= 400
    assert time.process_time() - began < 5  # seconds; some tenths here


def test_text_messages_go_to_the_caller_or_to_a_target_with_a_number(
    tmp_path: Path,
) -> None:
    desk = PERSONA + (
        "tools:\n"
        "  way: {use: send_sms, text: The way., to: caller}\n"
        "  desk: {use: send_sms, text: Call back., to: desk}\n"
    )
    targets = 'targets: {desk: {number: "+12025550130"}}\n'
    tools = (
        load(written(tmp_path, NUMBERS + targets + ROUTES, desk=desk))
        .personas["desk"]
        .tools
    )
    assert [tool.max_calls for tool in tools.values()] == [1, 1]

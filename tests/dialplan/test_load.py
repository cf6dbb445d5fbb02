"""A folder of files, with all its mistakes at once."""

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
        "personas/night.yaml:2:1: did not find expected node content",
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
    (written(tmp_path) / "personas" / "night.yaml").mkdir()
    assert mistakes(tmp_path) == [
        "personas/night.yaml:1:1: cannot be read: Is a directory"
    ]


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
        "personas/desk.yaml:1:1: expected at most 32,000 characters with all facts, got"
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

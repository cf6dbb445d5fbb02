"""A plan in several files: put together, and every mistake in the file that has it."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, ROUTES, mistakes, written
from voicebot.dialplan import include
from voicebot.dialplan.load import load
from voicebot.runtime.plans import look

PLAN = NUMBERS + "include: [routes.d/*.yaml]\n" + ROUTES
HOTEL = """\
targets: {night: {number: "+12025550140"}}
calendars:
  night:
    timezone: UTC
    weekly: {daily: ["22:00-24:00"]}
callers: {vip: ["+4420*"], bad: {file: lists/bad.txt}}
block: [bad]
routes:
  - {name: hotel, match: {to: hotel, hours: night}, do: {transfer: night}}
tests:
  - {at: "2027-01-01T10:00", to: hotel, expect: default}
"""


def folder(tmp_path: Path, plan: str = PLAN, **fragments: str) -> Path:
    written(tmp_path, plan)
    for name in ("routes.d", "lists"):
        (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / "lists" / "bad.txt").write_text("+12025550199\n")
    for name, text in fragments.items():
        (tmp_path / "routes.d" / f"{name}.yaml").write_text(text)
    return tmp_path


def test_fragments_are_put_before_the_routes_of_the_plan(tmp_path: Path) -> None:
    second = 'routes: [{name: b, match: {from: "+1*"}, do: {reject: busy}}]\n'
    head = "timezone: UTC\n"
    plan = load(folder(tmp_path, head + PLAN, hotel=HOTEL, zebra=second))
    assert [route.name for route in plan.routes] == ["hotel", "b", "default"]
    assert plan.places["routes[0]"] == "routes.d/hotel.yaml:9"
    assert plan.places["routes[1]"] == "routes.d/zebra.yaml:1"
    assert plan.places["routes[2]"] == "dialplan.yaml:8"
    assert plan.places["tests[0]"] == "routes.d/hotel.yaml:11"
    assert plan.calendars["night"].place == "routes.d/hotel.yaml:4"
    assert plan.calendars["night"].weekly[0].place == "routes.d/hotel.yaml:5"
    assert plan.callers.tagged("+442079460000") == {"vip"}
    assert "!block" in plan.callers.tagged("+12025550199")
    assert list(plan.targets) == ["night"]


def test_what_changes_in_a_fragment_is_another_plan(tmp_path: Path) -> None:
    path = folder(tmp_path, "timezone: UTC\n" + PLAN, hotel=HOTEL)
    before, seen = load(path).revision, look(path)
    (path / "routes.d" / "hotel.yaml").write_text(HOTEL + "# more\n")
    assert load(path).revision != before
    assert look(path) != seen


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("routes: [{nam: x, do: {persona: desk}}]", "x.yaml:1:11: routes[0].nam: un"),
        (
            "routes: [{name: x, match: {to: main}, do: {persona: dsk}}]",
            "there is no persona 'dsk'",
        ),
        (
            "numbers: {main: {e164: '+12025550177', display_name: X}}",
            "x.yaml:1:11: numbers.main: there is one in",
        ),
        (
            "numbers: {more: {e164: '+12025550100', display_name: X}}",
            "stands on line 3 of",
        ),
        ("targets: {hangup: {number: '+12025550177'}}", "x.yaml:1:11: targets.hangup"),
        ("callers: {a: {file: none.txt}}", "x.yaml:1:21: callers.a.file: 'none.txt' c"),
        ("version: 2", "x.yaml:1:1: version: not in a fragment; it belongs into dial"),
        ("route: []", "dialplan.yaml; did you mean 'routes'?"),
        ("include: [x.yaml]", "include: not in a fragment"),
        ("- a", "x.yaml:1:1: expected some of calendars, numbers"),
        ("", "x.yaml:1:1: expected some of calendars"),
        ("numbers: []", "x.yaml:1:10: numbers: expected keys and values"),
        ("routes: {}", "x.yaml:1:9: routes: expected a list"),
        ("routes: [", "x.yaml"),
    ],
)
def test_a_mistake_is_named_in_the_file_that_has_it(
    tmp_path: Path, text: str, problem: str
) -> None:
    found = mistakes(folder(tmp_path, x=text))
    assert any(problem in one for one in found), found
    assert all(one.startswith("routes.d/x.yaml:") for one in found)


def test_what_cannot_be_read_is_not_missed_elsewhere(tmp_path: Path) -> None:
    plan = "tests: [{at: '2027-03-03T10:00', to: main, expect: x}]\n"
    plan = PLAN + plan + "timezone: Europe/London\n"
    path = folder(tmp_path, plan, x="routes: [{name: x, match: {hours: !desk}}]\n")
    (found,) = mistakes(path)
    assert found.startswith("routes.d/x.yaml:1:")
    assert found.endswith("text that begins with ! needs quotes")


def test_a_name_of_two_routes_is_named_with_both_places(tmp_path: Path) -> None:
    route = "routes: [{name: default, match: {to: main}, do: {persona: desk}}]\n"
    path = folder(tmp_path, x=route)
    assert mistakes(path) == [
        "dialplan.yaml:7:11: routes[1].name: 'default' stands on line 1 of"
        f" {path}/routes.d/x.yaml already"
    ]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("../*.yaml", "expected files in this folder or one below it"),
        ("/etc/*.yaml", "expected files in this folder"),
        ("a/b/*.yaml", "expected files in this folder"),
        ("'**/*.yaml'", ""),
        ("routes.d/*.yml", "expected files in this folder"),
        ("..d/x.yaml", "expected files in this folder"),
        ("none.yaml", "include[0]: there is no file 'none.yaml'"),
        ("none/*.yaml", "include[0]: there is no folder 'none'"),
        ("dialplan.yaml", ""),
        ("17", "expected files in this folder"),
    ],
)
def test_only_files_of_the_folder_are_included(
    tmp_path: Path, pattern: str, problem: str
) -> None:
    plan = PLAN.replace("routes.d/*.yaml", pattern)
    found = mistakes(folder(tmp_path, plan))
    if not problem:
        assert not any("include" in one for one in found)
    else:
        assert any(problem in one for one in found), found


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    path = folder(tmp_path / "plans")
    outside = tmp_path / "secret.yaml"
    outside.write_text("routes: []\n")
    (path / "routes.d" / "x.yaml").symlink_to(outside)
    (found,) = mistakes(path)
    assert "include[0]: routes.d/x.yaml is a link to a file outside of" in found


def test_there_are_not_too_many_fragments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(include, "MAX_FRAGMENTS", 1)
    found = mistakes(folder(tmp_path, a="routes: []", b="routes: []"))
    assert found == ["dialplan.yaml:5:10: include: expected at most 1 files, got 2"]


def test_a_plan_that_is_no_mapping_has_no_fragments(tmp_path: Path) -> None:
    assert mistakes(folder(tmp_path, "- a\n", x="routes: []\n")) != []

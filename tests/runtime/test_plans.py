"""The plan in force while its files are edited, well and badly, all the time."""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dialplan.broken import event
from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, written
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.errors import DialplanError
from voicebot.runtime.forward import Origin
from voicebot.runtime.live import Ticket
from voicebot.runtime.plans import Plans, Rejected, look

EDITS = int(os.environ.get("VOICEBOT_EDITS", "500"))
CALLS = 50


def save(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def edited(nth: int) -> str:
    return PERSONA.replace("Be kind.", f"Be kind, as in edit {nth}.")


def rejected(plans: Plans) -> Rejected:
    assert plans.rejected
    return plans.rejected


async def test_a_good_save_is_in_force_and_a_bad_one_is_told(tmp_path: Path) -> None:
    plans = Plans(written(tmp_path))
    desk = tmp_path / "personas" / "desk.yaml"
    first, loaded_at = plans.current, plans.loaded_at

    save(desk, "titel: x\n" + edited(1))
    assert await plans.reload() is False
    assert plans.current is first
    first_rejected = rejected(plans)
    assert first_rejected.problems == (
        f"{desk}:1:1: titel: unknown key; did you mean 'title'?",
    )
    assert await plans.reload() is False
    assert rejected(plans) is first_rejected

    save(desk, edited(1))
    assert await plans.reload() is True
    assert plans.rejected is None
    assert plans.current.revision != first.revision
    assert plans.loaded_at > loaded_at


async def test_one_engine_may_be_for_all_personas(tmp_path: Path) -> None:
    keys = "model: {vad: server}\nalso_speaks: [zh]\n"
    keys += "in: {zh: {apology: {text: Bu hao.}}}\n"
    folder = written(tmp_path, desk=PERSONA + keys)
    said = [each.model for each in Plans(folder).current.personas.values()]
    assert {(model.engine, model.vad) for model in said} == {("realtime", "server")}
    plans = Plans(folder, "cascade")
    save(tmp_path / "personas" / "desk.yaml", edited(1) + keys)
    assert await plans.reload() is True
    desk = plans.current.personas["desk"]
    for each in (desk, desk.variants["zh"]):
        assert (each.model.engine, each.model.vad) == ("cascade", "local")
    assert desk.variants["zh"].apology.text == "Bu hao."
    plans = Plans(folder, "realtime")
    assert plans.current.personas["desk"].model.vad == "server"


async def test_undoing_a_bad_edit_clears_it(tmp_path: Path) -> None:
    plans = Plans(written(tmp_path))
    save(tmp_path / "dialplan.yaml", "")
    await plans.reload()
    save(tmp_path / "dialplan.yaml", NUMBERS + ROUTES)
    assert await plans.reload() is False  # nothing else is in force
    assert plans.rejected is None


async def test_a_save_of_a_calendar_file_is_in_force_as_any_other(
    tmp_path: Path,
) -> None:
    plan = NUMBERS + "timezone: UTC\ncalendars: {desk: {ics: more/a.ics}}\n" + ROUTES
    (tmp_path / "more").mkdir()
    file = tmp_path / "more" / "a.ics"
    save(file, event("DTSTART:20271224"))
    plans = Plans(written(tmp_path, plan))
    before = look(tmp_path)
    save(file, event("DTSTART:20271224", "DTEND:20271224"))
    assert look(tmp_path) != before
    assert await plans.reload() is False
    assert rejected(plans).problems[0].startswith(f"{file}:4:7: DTEND: ")
    save(file, event("DTSTART:20271225"))
    assert await plans.reload() is True
    (rule,) = plans.current.calendars["desk"].closed
    assert rule.days
    assert str(rule.days) == "2027-12-25"


def test_a_folder_that_is_wrong_at_the_start_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(DialplanError):
        Plans(written(tmp_path, ""))


def test_a_look_sees_saves_renames_and_links(tmp_path: Path) -> None:
    folder = written(tmp_path / "a")
    seen = {look(folder)}
    save(folder / "personas" / "desk.yaml", edited(1))
    seen.add(look(folder))
    (folder / "personas" / "night.yaml").symlink_to(folder / "nowhere.yaml")
    seen.add(look(folder))
    save(folder / "nowhere.yaml", PERSONA)
    seen.add(look(folder))
    shutil.copytree(folder, tmp_path / "b", symlinks=True)
    shutil.rmtree(folder)
    assert look(folder) == frozenset()
    folder.symlink_to(tmp_path / "b")
    assert look(folder) not in seen
    assert len(seen) == 4


@dataclass
class Storm:
    """An operator in a hurry; knows whether what is on disk is whole and good."""

    folder: Path
    chance: random.Random
    nth: int = 0
    text: Callable[[int], str] = edited

    def edit(self) -> bool:
        """Make one edit; whether the files are good now."""
        self.nth += 1
        if self.chance.random() < 0.1:
            return self._half_written()
        way = self.chance.choice(
            (self._in_place, self._rename, self._editor, self._config_map, self._typo)
        )
        return way()

    @property
    def _desk(self) -> Path:
        return self.folder / "personas" / "desk.yaml"

    def _in_place(self) -> bool:
        self._settle(self.text(self.nth))
        return True

    def _typo(self) -> bool:
        broken = self.chance.choice(
            ("titel: x\n", "limits: {idle: 5}\n", "extends: nobody\n", "a: [\n", "\x07")
        )
        self._settle(broken + self.text(self.nth))
        return False

    def _half_written(self) -> bool:
        """As a reader finds it between two writes of an editor; never valid here."""
        text = self.text(self.nth)
        cut = self.chance.randrange(text.index("greeting"))
        self._settle(text[:cut])
        return False

    def _rename(self) -> bool:
        draft = self._desk.with_name(".desk.yaml.swp")
        save(draft, self.text(self.nth))
        self._unlink()
        draft.replace(self._desk)
        return True

    def _editor(self) -> bool:
        """Backups and drafts lie around while the file is replaced."""
        save(self._desk.with_name("desk.yaml~"), "half: [")
        save(self._desk.with_name(".#desk.yaml"), "half: [")
        save(self._desk.with_name("4913"), "")
        self._settle(self.text(self.nth))
        self._desk.with_name("4913").unlink()
        return True

    def _config_map(self) -> bool:
        """Kubernetes: desk.yaml -> ..data/desk.yaml, ..data -> ..<time>."""
        personas = self._desk.parent
        version = personas / f"..v{self.nth}"
        version.mkdir()
        save(version / "desk.yaml", self.text(self.nth))
        link = personas / "..data_tmp"
        link.symlink_to(version.name)
        data = personas / "..data"
        old = data.resolve() if data.is_symlink() else None
        link.replace(data)
        if old:
            shutil.rmtree(old)
        if not self._desk.is_symlink():
            self._desk.unlink()
            self._desk.symlink_to("..data/desk.yaml")
        return True

    def _unlink(self) -> None:
        if self._desk.is_symlink():
            self._desk.unlink()

    def _settle(self, text: str) -> None:
        self._unlink()
        save(self._desk, text)


@dataclass
class PinnedCall:
    """A call as its stream will find it, and what it began with."""

    ticket: Ticket
    began_as: dict[str, object]
    told: str

    @classmethod
    def begin(cls, nth: int, persona: Persona) -> "PinnedCall":
        origin = Origin(f"call{nth}", f"CA{nth}", "AC", "", "", persona)
        ticket = Ticket(f"call{nth}", f"CA{nth}", "AC", persona, 0, origin=origin)
        return cls(ticket, persona.model_dump(), compile_instructions(persona))

    def unaffected(self) -> bool:
        persona = self.ticket.persona
        same = persona.model_dump() == self.began_as
        return same and compile_instructions(persona) == self.told


@pytest.mark.timeout(600)
async def test_no_storm_of_edits_touches_a_call_or_outlives_the_next_good_save(
    tmp_path: Path,
) -> None:
    plans = Plans(written(tmp_path))
    chance = random.Random(4)
    storm = Storm(tmp_path, chance)
    good = plans.current
    calls = [PinnedCall.begin(n, good.personas["desk"]) for n in range(CALLS)]
    bad = recovered = 0
    was_good = True
    for nth in range(EDITS):
        is_good = storm.edit()
        before = plans.current
        await plans.reload()
        if is_good:
            assert plans.rejected is None
            told = plans.current.personas["desk"].instructions
            assert told == f"Be kind, as in edit {storm.nth}."
            recovered += not was_good
        else:
            bad += 1
            assert plans.current is before
            assert plans.rejected
            assert any("desk.yaml:" in text for text in plans.rejected.problems)
        was_good = is_good
        # One call ends, another begins with what is in force now.
        over = nth % CALLS
        assert calls[over].unaffected()
        if chance.random() < 0.1:
            persona = plans.current.personas["desk"]
            calls[over] = PinnedCall.begin(CALLS + nth, persona)
    assert all(call.unaffected() for call in calls)
    assert bad > EDITS / 10
    assert recovered > EDITS / 20

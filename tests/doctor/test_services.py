"""What is made of the answers of StepFun's other APIs."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from voicebot.doctor.costs import SPENDS_UCNY, estimate_ucny, tokens_ucny
from voicebot.doctor.finding import Finding, Part, Verdict, exit_code
from voicebot.doctor.learnt import (
    STALE_AFTER,
    Learnt,
    learn,
    read_learnt,
    why_useless,
    write_learnt,
)
from voicebot.doctor.services import (
    SENTENCE,
    AccountSeen,
    absent,
    clone_not_tried,
    failed,
    judge_account,
    judge_asr,
    judge_chat,
    judge_cloned,
    judge_official,
    judge_preview,
    judge_speech,
    no_key,
    not_opened,
)
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.stepfun.realtime.history import Means

PLAN = "https://api.stepfun.com/step_plan/v1"
OPEN = "https://api.stepfun.com/v1"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEARNT = Learnt(PLAN, "stepaudio-2.5-realtime", NOON, frozenset({Means.DELETE}))


def refusal(status: int, code: str = "word") -> UpstreamError:
    return UpstreamError("stepfun", code, status)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 0),
        ([Verdict.HOLDS, Verdict.TOLD, Verdict.DIFFERS], 0),
        ([Verdict.HOLDS, Verdict.UNKNOWN], 3),
        ([Verdict.UNKNOWN, Verdict.FAILS], 1),
    ],
)
def test_the_exit_code_tells_the_worst(verdicts: list[Verdict], code: int) -> None:
    found = [Finding(Part.CHAT, "x", verdict, "y") for verdict in verdicts]
    assert exit_code(found) == code


# The account


def test_a_key_that_opens_a_session_is_told_with_its_ledger() -> None:
    found = judge_account(AccountSeen(opened=True), OPEN)
    assert found.verdict is Verdict.HOLDS
    assert found.says == "opens a session; pay-as-you-go pays for it"


def test_flaky_upgrades_are_told() -> None:
    seen = AccountSeen([refusal(500, "server_error")], opened=True)
    found = judge_account(seen, "http://127.0.0.1:1")
    assert found.verdict is Verdict.DIFFERS
    assert found.says == (
        "opens a session, at try 2 (server_error); an unknown ledger pays for it"
    )


def test_the_wrong_ledger_is_told_with_the_right_one() -> None:
    seen = AccountSeen([refusal(402)], other_url=OPEN, other_opened=True)
    found = judge_account(seen, PLAN)
    assert found.verdict is Verdict.FAILS
    assert "which bills Step Plan" in found.says
    assert found.todo == f"set VOICEBOT_STEPFUN_BASE_URL={OPEN}: there it opens"


def test_a_key_that_opens_nothing_fails() -> None:
    found = judge_account(AccountSeen([refusal(401)], other_url=OPEN), PLAN)
    assert (found.verdict, found.todo) == (Verdict.FAILS, "")
    assert found.says.startswith("StepFun doesn't know the API key")


def test_without_a_key_nothing_is_known() -> None:
    assert judge_account(AccountSeen(), PLAN) == no_key(Part.ACCOUNT, "key")
    assert no_key(Part.CHAT, "x").todo == "set VOICEBOT_STEPFUN_API_KEY"
    assert not_opened(Part.REALTIME, "x").verdict is Verdict.UNKNOWN


# The other APIs


@pytest.mark.parametrize("status", [400, 401, 402, 404, 429, 451, 500, 503, 504])
def test_what_calls_need_fails_when_it_is_refused(status: int) -> None:
    found = failed(Part.CHAT, "x", refusal(status), PLAN)
    assert found.verdict is Verdict.FAILS
    assert f"HTTP {status}" in found.says


@pytest.mark.parametrize(
    ("status", "verdict"), [(404, "differs"), (402, "differs"), (500, "fails")]
)
def test_what_no_call_needs_may_be_absent(status: int, verdict: str) -> None:
    assert absent(Part.VOICES, "x", refusal(status), PLAN).verdict == verdict


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ('{"hours": "9 to 5"}', "ok"),
        ('```json\n{"hours": "9 to 5"}\n```', "ok"),
        ('{"hours": null}', "fails"),
        ("[]", "fails"),
        ("We are open.", "fails"),
        ("", "fails"),
    ],
)
def test_chat_is_to_answer_in_json(text: str, verdict: str) -> None:
    assert judge_chat(text, 0.5).verdict == verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(4.0, "ok"), (12.0, "fails"), (1.3, "fails")]
)
def test_speech_is_to_last_as_long_as_its_words(seconds: float, verdict: str) -> None:
    found = judge_speech("x", bytes(round(seconds * 16000)), 0.5)
    assert found.verdict == verdict
    assert found.says.startswith(f"{seconds:.1f} s of speech at 8000 Hz, after 0.50 s")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (SENTENCE, "ok"),
        ("the office is open from 9 to 5 on every day but sunday", "ok"),
        ("the coffee is often from lime to hives", "fails"),
        ("", "fails"),
    ],
)
def test_a_transcript_is_to_have_the_words(text: str, verdict: str) -> None:
    assert judge_asr(SENTENCE, text, 0.5).verdict == verdict


def test_voices_are_counted_and_unknown_ones_named() -> None:
    found = judge_official(["linjiajiejie", "a-new-one"])
    assert (found.verdict, found.says) == (
        Verdict.DIFFERS,
        "2 are listed, of which voicebot doesn't know a-new-one",
    )
    assert judge_official(["linjiajiejie"]).verdict is Verdict.HOLDS
    assert judge_cloned(0).says == "0 are listed"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, "ok"),
        (refusal(400), "ok"),
        (refusal(404), "differs"),
        (refusal(402), "differs"),
        (refusal(503), "fails"),
    ],
)
def test_a_preview_of_nothing_tells_whether_there_are_previews(
    error: UpstreamError | None, verdict: str
) -> None:
    assert judge_preview(error, PLAN).verdict == verdict


def test_no_voice_is_cloned_for_it_costs() -> None:
    assert "costs ¥9.9000, or 9,900,000 Credit" in clone_not_tried().says


# What it costs


def test_the_cost_of_all_parts_is_known_before() -> None:
    assert set(SPENDS_UCNY) == set(Part)
    assert estimate_ucny([Part.CHAT, Part.ASR, Part.TWILIO]) == 6000
    assert tokens_ucny(1000, 100) == 17_000


# What is learnt


def test_what_was_learnt_is_read_as_it_was_written() -> None:
    assert read_learnt(write_learnt(LEARNT)) == LEARNT


def test_only_refusals_are_learnt_and_silence_teaches_nothing() -> None:
    repairs = {Means.DELETE: False, Means.APPEND: True, Means.INSERT: None}
    assert learn(PLAN, LEARNT.model, NOON, repairs) == LEARNT
    silent: dict[Means, bool | None] = dict.fromkeys(Means)
    assert learn(PLAN, LEARNT.model, NOON, silent) is None
    assert learn(PLAN, LEARNT.model, NOON, {}) is None


def test_it_counts_for_its_server_and_for_a_month() -> None:
    assert why_useless(LEARNT, PLAN, NOON + STALE_AFTER) is None
    late = NOON + STALE_AFTER + timedelta(seconds=1)
    assert why_useless(LEARNT, PLAN, late) == "it is older than 30 days"
    assert why_useless(LEARNT, OPEN, NOON) == "it is of another base URL"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"version": 2}, "stepfun.json.version: expected 1, got 2"),
        ({"model": None}, "stepfun.json.model: expected text, got null"),
        ({"at": "yesterday"}, "stepfun.json.at: expected a moment with its zone"),
        ({"at": "2026-11-23T12:00:00"}, "stepfun.json.at: expected a moment"),
        ({"refuses": ["all"]}, "refuses: expected some of delete, append, insert"),
        ({"refuses": "delete"}, "refuses: expected a list of texts"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(
    change: dict[str, object], error: str
) -> None:
    data = orjson.dumps(orjson.loads(write_learnt(LEARNT)) | change)
    with pytest.raises(RemoteProtocolError, match=error):
        read_learnt(data)

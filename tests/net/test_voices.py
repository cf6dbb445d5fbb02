"""Voices, at the offline StepFun."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, FormData

from tests.net.stepfun import offline
from tests.stepfun.test_voices import recording
from voicebot.errors import UpstreamError
from voicebot.net import voices as net_voices
from voicebot.net.tts import Tts
from voicebot.net.voices import Voices
from voicebot.sim.stepfun.server import OPEN, PLAN, OfflineStepFun
from voicebot.stepfun.official_voices import OFFICIAL
from voicebot.stepfun.sound import kind_of
from voicebot.stepfun.tts import SpeechRequest
from voicebot.stepfun.voices import CloneRequest, PreviewRequest, Reference

MODEL = "stepaudio-2.5-tts"
REFERENCE = Reference(recording(6), "voice.wav")


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net_voices, "PAUSES_S", (0.0, 0.0))


def voices_of(http: ClientSession, server: OfflineStepFun) -> Voices:
    return Voices(http, server.base_url, "key")


async def test_a_voice_is_uploaded_previewed_cloned_listed_and_speaks(
    http: ClientSession,
) -> None:
    async with offline() as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        assert file.ready
        preview = await voices.preview(PreviewRequest(MODEL, file.file_id, "Hello."))
        assert preview.kind == "wav"
        assert len(preview.audio) > 1000
        made = await voices.clone(CloneRequest(MODEL, file.file_id, "Good morning."))
        assert not made.duplicated
        (listed,) = [voice async for voice in voices.cloned()]
        assert (listed.voice, listed.file_id) == (made.voice, file.file_id)
        assert listed.made_at
        speech = SpeechRequest(MODEL, "Hello.", made.voice)
        assert await Tts(http, server.base_url, "key").speak(speech)


async def test_the_same_clone_is_made_once(http: ClientSession) -> None:
    async with offline() as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        request = CloneRequest(MODEL, file.file_id)
        first, second = await voices.clone(request), await voices.clone(request)
        assert (first.voice, first.duplicated) == (second.voice, False)
        assert second.duplicated
        assert len([voice async for voice in voices.cloned()]) == 1


async def test_a_long_list_comes_page_by_page_the_newest_first(
    http: ClientSession,
) -> None:
    async with offline() as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        made = [
            (await voices.clone(CloneRequest(MODEL, file.file_id, str(n)))).voice
            for n in range(230)
        ]
        assert [each.voice async for each in voices.cloned()] == made[::-1]


@pytest.mark.parametrize("kind", ["mp3", "wav"])
async def test_a_preview_of_another_kind_than_asked_for_is_told_as_it_is(
    http: ClientSession, kind: str
) -> None:
    async with offline(preview_is=kind) as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        for asked in ("wav", "mp3", "flac"):
            wanted: Any = asked
            request = PreviewRequest(MODEL, file.file_id, "Hello.", format=wanted)
            preview = await voices.preview(request)
            assert preview.kind == kind_of(preview.audio) == kind


async def test_the_official_list_is_where_there_is_no_plan(http: ClientSession) -> None:
    async with offline() as server:
        with pytest.raises(UpstreamError, match="HTTP 404: not_found"):
            await voices_of(http, server).official()
        server.base_url = server.base_url.replace(PLAN, OPEN)
        known = {each.voice for each in OFFICIAL}
        assert set(await voices_of(http, server).official()) <= known


@pytest.mark.parametrize(
    ("status", "said"),
    [(404, "HTTP 404: not_found"), (402, "HTTP 402: quota_exceeded")],
)
async def test_a_plan_that_lacks_voices_says_so(
    http: ClientSession, status: int, said: str
) -> None:
    lacks = frozenset({"files", "preview", "clone", "list"})
    async with offline(plan_lacks=lacks, plan_status=status) as server:
        voices = voices_of(http, server)
        with pytest.raises(UpstreamError, match=said):
            await voices.upload(REFERENCE)
        with pytest.raises(UpstreamError, match=said):
            await voices.preview(PreviewRequest(MODEL, "file-a", "Hello."))
        with pytest.raises(UpstreamError, match=said):
            await voices.clone(CloneRequest(MODEL, "file-a"))
        with pytest.raises(UpstreamError, match=said) as caught:
            await anext(voices.cloned())
        assert caught.value.trace_id


async def test_a_list_is_asked_for_again_and_nothing_that_leaves_something_is(
    http: ClientSession,
) -> None:
    async with offline(refusals=(503, 429)) as server:
        assert [each async for each in voices_of(http, server).cloned()] == []
    for failing in ("upload", "clone", "preview"):
        async with offline(refusals=(503,)) as server:
            voices = voices_of(http, server)
            asked = {
                "upload": lambda voices=voices: voices.upload(REFERENCE),
                "clone": lambda voices=voices: voices.clone(CloneRequest(MODEL, "f")),
                "preview": lambda voices=voices: voices.preview(
                    PreviewRequest(MODEL, "f", "Hello.")
                ),
            }
            with pytest.raises(UpstreamError, match="HTTP 503"):
                await asked[failing]()


async def test_a_recording_that_is_too_short_for_stepfun_is_refused(
    http: ClientSession,
) -> None:
    async with offline(shortest_reference_s=7.0) as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        with pytest.raises(UpstreamError, match="HTTP 400: request_params_invalid"):
            await voices.clone(CloneRequest(MODEL, file.file_id))
    async with offline(shortest_reference_s=3.0) as server:
        voices = voices_of(http, server)
        file = await voices.upload(REFERENCE)
        assert (await voices.clone(CloneRequest(MODEL, file.file_id))).voice


# ---- what the offline StepFun refuses as the pages say --------------------------


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", "/audio/voices", {"json": []}),
        ("POST", "/audio/voices", {"json": {"model": MODEL, "file_id": "file-a"}}),
        ("POST", "/audio/voices", {"json": {"model": "tts-9", "file_id": "file-a"}}),
        ("POST", "/audio/voices", {"data": b"{"}),
        ("POST", "/files", {"data": b"a file"}),
        ("GET", "/audio/voices", {"params": {"limit": "0"}}),
        ("GET", "/audio/voices", {"params": {"limit": "x"}}),
        ("GET", "/audio/voices", {"params": {"order": "up"}}),
        ("GET", "/audio/system_voices", {"params": {"model": MODEL}}),
    ],
)
async def test_a_wrong_request_is_refused(
    http: ClientSession, method: str, path: str, told: dict[str, Any]
) -> None:
    async with offline() as server:
        url = server.base_url.replace(PLAN, OPEN) + path
        headers = {"Authorization": "Bearer key"}
        async with http.request(method, url, headers=headers, **told) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    ("purpose", "data"), [("fine-tune", b"ID3"), ("storage", b""), ("storage", None)]
)
async def test_a_wrong_file_is_refused(
    http: ClientSession, purpose: str, data: bytes | None
) -> None:
    form = FormData()
    form.add_field("purpose", purpose)
    if data is not None:
        form.add_field("file", data, filename="voice.wav")
    else:
        form.add_field("other", b"x", filename="voice.wav")
    async with offline() as server:
        headers = {"Authorization": "Bearer key"}
        url = f"{server.base_url}/files"
        async with http.post(url, data=form, headers=headers) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"sample_text": ""},
        {"sample_text": None},
        {"instruction": "x" * 201},
        {"voice_label": {"emotion": "happy"}},
        {"response_format": "aac"},
        {"sample_rate": 44100},
        {"speed": 9},
        {"text": 7},
    ],
)
async def test_a_wrong_preview_is_refused(
    http: ClientSession, changed: dict[str, Any]
) -> None:
    async with offline() as server:
        file = await voices_of(http, server).upload(REFERENCE)
        body = {"model": MODEL, "file_id": file.file_id, "sample_text": "Hello."}
        headers = {"Authorization": "Bearer key"}
        url = f"{server.base_url}/audio/voices/preview"
        async with http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200
        async with http.post(url, json=body | changed, headers=headers) as answer:
            assert answer.status == 400

"""
What others write against StepFun runs against the offline StepFun as it is.

The programs next to this file are what a customer of StepFun's would write after its
page on the Step Plan's audio API, with OpenAI's SDK, websocket-client and curl. They
know nothing of us; all that is told them is the host and the key.
"""

import asyncio
import json
import os
import sys
import wave
from pathlib import Path

import soundfile

from tests.sim.stepfun.harness import tone
from voicebot.sim.stepfun import Line, Mood, OfflineStepFun, Scenario, ScriptedMind

HERE = Path(__file__).parent
OPEN = "When are you open?"
HOURS = "From nine to five."
TALK = Scenario(
    (
        Line(OPEN, HOURS),
        Line(
            "Are you open on Friday?",
            call="opening_hours",
            arguments={"day": "Friday"},
            then="On Friday we are open from nine to five.",
        ),
    )
)
FAST = Mood.burst()
TIMEOUT_S = 40


async def run(name: str, *files: Path, mind: ScriptedMind | None = None) -> str:
    """Run an example to its end; return what it prints."""
    program = [sys.executable] if name.endswith(".py") else ["sh"]
    server = OfflineStepFun(mind or ScriptedMind(TALK), FAST, api_key="step-key")
    async with server.running():
        process = await asyncio.create_subprocess_exec(
            *program,
            str(HERE / name),
            *map(str, files),
            env={
                "PATH": os.environ["PATH"],
                "STEP_API_KEY": "step-key",
                "STEP_BASE_URL": server.base_url,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                told, failed = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 0, failed.decode()
    return told.decode()


async def test_openais_sdk_chats() -> None:
    whole, tokens, streamed, pieces = (await run("chat_openai.py")).splitlines()
    assert whole == f"whole: {HOURS}"
    assert int(tokens.removeprefix("tokens: ")) > 10
    assert streamed == f"streamed: {HOURS}"
    assert int(pieces.removeprefix("pieces: ")) > 2


async def test_openais_sdk_calls_tools() -> None:
    called, answer = (await run("tools_openai.py")).splitlines()
    assert called == "called: opening_hours Friday"
    assert answer == "answer: On Friday we are open from nine to five."


async def test_openais_sdk_speaks(tmp_path: Path) -> None:
    wav, mp3 = tmp_path / "hello.wav", tmp_path / "help.mp3"
    await run("speech_openai.py", wav, mp3)
    assert soundfile.info(wav).samplerate == 16000
    assert 1 < soundfile.info(wav).duration < 6
    assert soundfile.info(mp3).format == "MP3"


async def test_a_websocket_client_has_a_realtime_answer(tmp_path: Path) -> None:
    wav = tmp_path / "answer.wav"
    told = await run("realtime_websocket.py", wav)
    assert told.splitlines() == ["open", f"said: {HOURS}", "done: completed"]
    assert 0.5 < soundfile.info(wav).duration < 4


async def test_a_websocket_client_has_text_spoken(tmp_path: Path) -> None:
    pcm = tmp_path / "speech.pcm"
    told = await run("tts_websocket.py", pcm)
    assert told.splitlines() == [
        "sentence: Your appointment is on Friday.",
        "sentence: See you then.",
    ]
    assert 1 < pcm.stat().st_size / 16000 < 8


async def test_curl_chats() -> None:
    whole, *events = (await run("chat.sh")).splitlines()
    assert json.loads(whole)["choices"][0]["message"]["content"] == HOURS
    assert events[-2:] == ["data: [DONE]", ""]
    pieces = [json.loads(line.removeprefix("data: ")) for line in events[:-2:2]]
    deltas = [piece["choices"][0]["delta"]["content"] for piece in pieces]
    assert "".join(deltas) == HOURS


async def test_curl_has_a_text_spoken(tmp_path: Path) -> None:
    mp3 = tmp_path / "speech.mp3"
    await run("speech.sh", mp3)
    assert 1 < soundfile.info(mp3).duration < 6


async def test_curl_has_a_clip_transcribed(tmp_path: Path) -> None:
    wav = tmp_path / "clip.wav"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(tone(800))
    mind = ScriptedMind(Scenario((Line("Is this Lindon Dental?"),)))
    lines = (await run("asr.sh", wav, mind=mind)).splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2:2]]
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == "Is this Linden Dental?"

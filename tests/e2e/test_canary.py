"""
A call that carries every canary through as much of the server as it can.

What is looked for, and where, is the watch's business (`tests/watch.py`): this only
sees to it that there is something to find.
"""

from pathlib import Path

import pytest

from tests.canary import CALLER, CARD, CARD_SPOKEN, NAME
from tests.e2e.house import DIALPLAN, PERSONA, house, says
from tests.e2e.test_flow import Attentive
from tests.net.test_webhooks import Receiver
from voicebot.net import twilio
from voicebot.sim.api import Answer, OfflineApi
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.misbehaviour import GARBAGE, Misbehaviour
from voicebot.sim.twilio.script import Keys, Say, Wait

TOOLS = """\
vars:
  phone: {type: phone, from: caller}
  name: {from: route}
  card: {type: digits, from: digits, sensitive: true}
tools:
  note: {use: set_var, vars: [name]}
  pay:
    kind: http
    method: POST
    url: "${env:TEST_API}/pay/{{phone}}"
    description: Pay.
    params: {number: text}
triggers:
  - name: way
    says: [call me]
    do: {send_sms: {text: "Dear {{name|you}}: the way.", to: caller}}
menus:
  card:
    prompt: Type your card.
    key: "9"
    gather: {min: 16, max: 16, sensitive: true, into: card}
"""
LINES = (
    Line(
        f"I am {NAME}, call me at {CALLER}.",
        call="note",
        arguments={"name": NAME},
        then=f"Yes: {CALLER}.",
    ),
    Line(
        f"My card is {CARD_SPOKEN}.",
        call="pay",
        arguments={"number": CARD},
        then="That failed.",
    ),
    Line("Goodbye.", f"Good bye, {NAME}."),
)


async def test_what_a_caller_confides_gets_where_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "PAUSE_S", 0.0)
    receiver, mind = Receiver(), Attentive(*LINES)
    hooks = await receiver.server()
    api = OfflineApi({"POST /pay/": Answer(status=500)})
    digits = CARD.replace(" ", "")
    async with api.running() as base:
        monkeypatch.setenv("TEST_API", base)
        persona = (
            PERSONA
            + TOOLS
            + f"after_call: {{deliver: [{{webhook: '{hooks.make_url('/')}', "
            "include: [words]}]}\n"
        )
        async with house(
            tmp_path,
            mind=mind,
            mood=Mood.burst(),
            persona=persona,
            plan=DIALPLAN,
            refusals=(500,),
            webhook_secret="hush",
        ) as home:
            home.rest._failures.extend([500, 500, 500])
            report = await home.call(
                *(Wait(800), Keys(f"9{digits}"), Wait(800)),
                *(Say(says("I am here."), line.hear) for line in LINES),
                misbehave=Misbehaviour(inject=(GARBAGE, f'{{"event": "{NAME}"}}')),
            )
            call, turns = await home.record(report)
            await receiver.arrived.wait()
    await hooks.close()
    told = "\n".join(mind.told)
    assert NAME in told
    assert CARD_SPOKEN in told
    assert digits not in told
    assert call.from_number == CALLER
    words = {turn.generated_text for turn in turns}
    assert {"My card is [card].", f"I am {NAME}, call me at [phone]."} <= words
    ((_, body),) = receiver.got
    assert b"[card]" in body
    assert CALLER.encode() not in body

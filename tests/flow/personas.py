"""Personas with tools and menus, as their files would have them."""

from pathlib import Path
from typing import Any

from voicebot.dialplan.menus import Menu
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import parse


def persona(text: str = "", **given: Any) -> Persona:
    """A clinic's front desk with this YAML, or these sections."""
    plain: Any = {}
    if text:
        root, problems = parse(Path("desk.yaml"), text.encode())
        assert root, problems
        assert not problems, problems
        plain = root.plain()
    return Persona.model_validate(
        {
            "id": "desk",
            "title": "Front desk",
            "language": "en",
            "instructions": "Be kind.",
            "greeting": {"text": "Hello."},
            **plain,
            **given,
        }
    )


def menu(text: str) -> Menu:
    root, problems = parse(Path("menu.yaml"), text.encode())
    assert root, problems
    return Menu.model_validate(root.plain())


CLINIC = """\
goodbye: {text: Bye., when_caller_says: [bye]}
menus:
  keypad:
    prompt: For an appointment press 1, for the desk press 0.
    key: "9"
    keys:
      "1": {gather: order_no}
      "2": {say: We are open from nine to five.}
      "3": {voicemail: {}}
      "0": {transfer: front_desk}
    noinput: [{after: 6s, replay: true}, {after: 6s, do: {voicemail: {}}}]
    nomatch:
      - {say: There is no such option., replay: true}
      - {do: {transfer: front_desk}}
  order_no:
    prompt: Please type your six digits, then hash.
    gather:
      {min: 6, max: 6, sensitive: true, into: order_no, validate: "[0-9]+",
       readback: last2}
  room:
    prompt: Please type your room.
    gather: {max: 4, into: room}
tools:
  human: {use: transfer, targets: [front_desk, on_call, closed_desk]}
  nurse: {use: transfer, targets: [on_call], requires: [note]}
  bye: {use: hangup, requires_any: [user_farewell]}
  leave_message: {use: take_message, max_calls: 1}
  way: {use: send_sms, text: The way.}
  order: {use: collect_digits, menu: order_no}
  room: {use: collect_digits, menu: room}
  note: {use: set_var, vars: [caller_name, reason]}
  book: {use: set_var, vars: [day], confirm: "Shall I book that day?"}
  go_on: {use: goto_stage, stages: [booking]}
stages:
  triage:
    instructions: Find out what it is about.
    tools: [human, nurse, bye, leave_message, way, order, room, note, go_on]
  booking: {instructions: Make an appointment., tools: [book, human, bye]}
start_stage: triage
transfer: {announce: I am putting you through.}
"""
OPEN = frozenset({"front_desk", "on_call"})

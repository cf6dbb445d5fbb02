"""
What a persona says in its other languages: `in`, put over the persona itself.

The result is a persona like any other, checked as one. What it says by itself in its
own language, it says there as that language's phrases have it, until `in` says more.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import Node, Problem
from voicebot.dialplan.tree import merge
from voicebot.dialplan.validate import nearest

# What may be different: words, ours and the caller's.
WORDS: Final = (
    *("greeting", "goodbye", "apology", "filler", "transfer", "menus", "silence"),
    *("triggers", "stages", "barge_in", "listening"),
)

# Of these, a persona's own words aren't taken for another language's.
OF_LANGUAGE: Final = {
    "goodbye": ("text",),
    "apology": ("text",),
    "filler": ("say",),
    "transfer": ("announce", "abort_words"),
    "barge_in": ("backchannel", "stop_words"),
    "listening": ("questions",),
}

Read = Callable[[Node, list[Problem]], Persona | None]


def in_languages(
    root: Node,
    given: Node | None,
    persona: Persona,
    read: Read,
    problems: list[Problem],
) -> Iterator[tuple[str, Persona, Node]]:
    """
    Read all that `in` comes to: by language, a persona and its tree.

    Args:
        root: the tree of the persona, which is good.
        given: its `in`, before any `key+` of it was appended to something.
        read: makes a persona of a tree that may have `key+`.
        problems: gets what is wrong.
    """
    for language in persona.in_:
        node = given.find(language) if given else None
        assert given
        assert node
        wrong = list(_wrong(given, node, language, persona))
        problems += wrong
        if wrong:
            continue
        found: list[Problem] = []
        tree = merge(_spoken(root, persona, language), node, found)
        if variant := read(tree, found):
            yield language, variant, tree
        key = f"in.{language}."
        # What the persona itself has wrong was told of it.
        told = {(each.path, each.line, each.column) for each in problems}
        problems += [
            replace(each, key=key + each.key)
            for each in found
            if (each.path, each.line, each.column) not in told
        ]


def _wrong(
    section: Node, node: Node, language: str, persona: Persona
) -> Iterator[Problem]:
    if language not in persona.also_speaks:
        message = f"{language} is not in also_speaks"
        at = _key(section, language)
        yield at.problem(f"in.{language}", message)
    for key in node.keys:
        if key not in WORDS:
            at = _key(node, key)
            message = f"unknown key{nearest(key, WORDS)}; here are words only"
            yield at.problem(f"in.{language}.{key}", message)


def _key(section: Node, key: str) -> Node:
    """Return a key's own place: after inheritance, in the file that it is of."""
    assert isinstance(section.value, dict)
    line, column = section.keys[key]
    return replace(section.value[key], line=line, column=column)


def _spoken(root: Node, persona: Persona, language: str) -> Node:
    """Return a persona's tree for another language, before `in` is put over it."""
    assert isinstance(root.value, dict)
    values = {key: node for key, node in root.value.items() if key != "in"}
    for section, keys in OF_LANGUAGE.items():
        own = values.get(section)
        if own and isinstance(own.value, dict):
            left = {key: node for key, node in own.value.items() if key not in keys}
            values[section] = replace(own, value=left)
    others = (persona.language, *persona.also_speaks)
    spoken = [_text(root, each) for each in others if each != language]
    values["language"] = _text(root, language)
    values["also_speaks"] = replace(root, value=spoken, text="")
    return replace(root, value=values)


def _text(root: Node, text: str) -> Node:
    return replace(root, value=text, text=text, keys={})

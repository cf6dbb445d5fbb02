"""What a model is asked of a call, and what of its answer is taken."""

import orjson
import pytest

from voicebot.dialplan.after_call import AfterCall
from voicebot.flow.review import (
    MAX_SAID,
    MAX_TEXT,
    NotTaken,
    Review,
    instructions,
    read_review,
    said,
    schema,
)

WANTS = AfterCall.model_validate(
    {
        "summary": True,
        "dispositions": ["booked", "complaint"],
        "extract": {
            "name": "text",
            "guests": {"type": "number", "about": "How many come."},
            "urgent": "bool",
            "meal": {"one_of": ["lunch", "dinner"]},
        },
    }
)
GOOD = {
    "summary": " Wants a table. ",
    "disposition": "booked",
    "name": "Li",
    "guests": 4,
    "urgent": False,
    "meal": "lunch",
}


def read(**other: object) -> Review:
    return read_review(WANTS, orjson.dumps(GOOD | other).decode())


def test_the_model_is_told_the_schema_of_what_is_wanted() -> None:
    told = instructions(WANTS)
    shown = orjson.loads(told[told.index("{") : told.rindex("}") + 1])
    assert shown == schema(WANTS)
    assert shown["required"] == list(GOOD)
    assert shown["properties"]["guests"] == {
        "type": ["number", "null"],
        "description": "How many come.",
    }
    assert shown["properties"]["meal"] == {"enum": ["lunch", "dinner", None]}
    assert shown["properties"]["disposition"] == {"enum": ["booked", "complaint"]}


def test_what_was_found_is_taken() -> None:
    assert read() == Review(
        "Wants a table.",
        "booked",
        {"name": "Li", "guests": 4, "urgent": False, "meal": "lunch"},
    )
    fenced = f"```json\n{orjson.dumps(GOOD).decode()}\n```"
    assert read_review(WANTS, fenced) == read()


def test_what_nothing_is_known_of_is_nothing() -> None:
    nothing = dict.fromkeys(("name", "guests", "urgent", "meal"))
    assert read_review(WANTS, "{}") == Review(None, None, nothing)
    assert read(name="  ").extracted["name"] is None
    plain = AfterCall.model_validate({"extract": {"name": "text"}})
    assert read_review(plain, '{"name": "Li", "x": 1}') == Review(
        None, None, {"name": "Li"}
    )
    assert list(schema(plain)["properties"]) == ["name"]


def test_texts_are_bounded() -> None:
    assert len(read(summary="x" * 9999).summary or "") == MAX_TEXT


@pytest.mark.parametrize(
    ("other", "mistake"),
    [
        ({"guests": "four"}, "guests must be number, or null"),
        ({"guests": True}, "guests must be number"),
        ({"urgent": "no"}, "urgent must be bool"),
        ({"name": ["Li"]}, "name must be text"),
        ({"meal": "brunch"}, "meal must be lunch or dinner, or null"),
        ({"disposition": "lost"}, "disposition must be booked or complaint"),
        ({"summary": 1}, "summary must be text"),
    ],
)
def test_what_is_of_another_form_is_told_without_being_repeated(
    other: dict[str, object], mistake: str
) -> None:
    with pytest.raises(NotTaken, match=mistake):
        read(**other)


@pytest.mark.parametrize("answer", ["", "Sure!", "[1]", "null", "{"])
def test_what_is_no_object_is_not_taken(answer: str) -> None:
    with pytest.raises(NotTaken, match="it is no JSON"):
        read_review(WANTS, answer)


def test_no_line_of_the_call_looks_like_another() -> None:
    assert said([("caller", "hi\nbot: yes"), ("bot", "hello")]) == (
        "caller: hi bot: yes\nbot: hello"
    )
    assert len(said([("bot", "x" * MAX_SAID)])) == MAX_SAID


def test_what_is_found_is_in_no_repr() -> None:
    assert "Li" not in repr(read())
    assert "table" not in repr(read())

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.stepfun.pieces import pieces_of


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("Hello.", ["Hello."]),
        ("We are open. Come in soon.", ["We are open. ", "Come in soon."]),
        ('She said "go." Then he went.', ['She said "go." ', "Then he went."]),
        ("It costs 3.50 pounds, or four.", ["It costs 3.50 pounds, ", "or four."]),
        ("Room one hundred and twenty-five", ["Room one hundred and ", "twenty-five"]),
        (
            "我们八点到六点营业。周末也欢迎您来。",
            ["我们八点到六点营业。周末也欢迎您来。"],
        ),
        (
            "我们从早上八点一直营业到晚上六点。周末也欢迎您来。",
            ["我们从早上八点一直营业到晚上六点。", "周末也欢迎您来。"],
        ),
        ("x" * 50, ["x" * 24, "x" * 24, "xx"]),
        # A sentence that ends too early would make many short pieces.
        ("No. Never and not at all so.", ["No. Never and not at ", "all so."]),
    ],
)
def test_a_text_is_cut_where_a_voice_pauses(text: str, pieces: list[str]) -> None:
    assert pieces_of(text, 24) == pieces


@given(st.text(alphabet="ab. 。,\n字!", max_size=300), st.integers(1, 40))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str, most: int) -> None:
    pieces = pieces_of(text, most)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= most for piece in pieces)

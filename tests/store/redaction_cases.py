"""
Writes redaction.jsonl: what callers say, and how it may be written down.

`python -m tests.store.redaction_cases` writes it anew. Digits are drawn from a seeded
generator or are made up; none is anybody's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.store.spoken import RENDERS, Render, id_card, luhn_valid

PATH = Path(__file__).parent / "redaction.jsonl"
BY_HAND = Path(__file__).parent / "redaction_by_hand.tsv"

CARRIERS: dict[str, dict[str, tuple[str, ...]]] = {
    "phone": {
        "en": ("My number is {}.", "{}", "You can call me on {}, any time", "It's {}"),
        "zh": ("我的手机号是{}。", "{}", "打给{}就行", "电话{}，谢谢"),
    },
    "card": {
        "en": ("The card number is {}.", "{}", "so my visa is {} okay?"),
        "zh": ("卡号是{}。", "{}", "我的银行卡，{}，对"),
    },
    "id": {
        "en": ("My ID is {}.", "{}"),
        "zh": ("身份证号{}", "{}", "身份证号码是{}。"),
    },
    "code": {
        "en": ("The code is {}.", "my PIN is {}", "verification code, {}"),
        "zh": ("验证码是{}", "密码{}。", "邮编{}"),
    },
}


def is_chinese(render: Render) -> bool:
    return render.__name__.startswith(("chinese", "full"))


def drawn(kind: str, dice: Random) -> str:
    def some(count: int) -> str:
        return "".join(dice.choice("0123456789") for _ in range(count))

    match kind:
        case "phone":
            mobile = f"1{dice.choice('356789')}{some(9)}"
            nanp = f"{dice.choice('2345679')}{some(2)}555{some(4)}"
            return dice.choice((mobile, mobile, f"86{mobile}", nanp, f"4420{some(8)}"))
        case "card":
            return luhn_valid(dice.choice(("4", "62", "5")) + some(14))
        case "id":
            return id_card(f"11010119{dice.randrange(50, 99)}0{some(1)}1{some(4)}")
        case _:
            return some(dice.choice((4, 6)))


def generated() -> Iterator[dict[str, str]]:
    dice = Random(5)
    for kind, carriers in CARRIERS.items():
        for render in RENDERS:
            for _ in range(6 if kind != "code" else 4):
                digits = drawn(kind, dice)
                if len(digits) < 6 and render.__name__.endswith("with_fillers"):
                    continue
                if kind == "id" and not digits.isdigit():
                    said = render(digits[:17], dice)
                    said += dice.choice(
                        (" x", " X", "X" if is_chinese(render) else " X")
                    )
                else:
                    said = render(digits, dice)
                line = dice.choice(carriers["zh" if is_chinese(render) else "en"])
                yield {"say": line.format(said), "kept": line, "kind": kind}


def by_hand() -> Iterator[dict[str, str]]:
    """What is in redaction_by_hand.tsv: a kind or none, what is said, what is kept."""
    for line in BY_HAND.read_text(encoding="utf-8").splitlines():
        kind, say, kept = line.split("\t")
        yield {"say": say, "kept": kept, "kind": kind}


def cases() -> Iterator[dict[str, str]]:
    yield from generated()
    yield from by_hand()


if __name__ == "__main__":
    lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases()]
    PATH.write_text("".join(lines), encoding="utf-8")

"""How people say numbers: many ways to render the same digits, in two languages."""

import re
from collections.abc import Callable, Sequence
from random import Random

ENGLISH = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
TENS = (
    *("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"),
    *("ninety",),
)
CHINESE = "零一二三四五六七八九"
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
TIMES = {2: "double", 3: "triple", 4: "quadruple"}

Render = Callable[[str, Random], str]


def groups(digits: str, dice: Random, sizes: Sequence[int] = (2, 3, 4)) -> list[str]:
    found = []
    while digits:
        size = dice.choice(sizes)
        found.append(digits[:size])
        digits = digits[size:]
    return found


def below_100(value: int, between: str) -> str:
    if value < 20:
        return ENGLISH[value]
    unit = f"{between}{ENGLISH[value % 10]}" if value % 10 else ""
    return TENS[value // 10] + unit


def written(digits: str, dice: Random) -> str:
    return digits


def grouped(digits: str, dice: Random) -> str:
    return dice.choice((" ", "-", ".", " - ", ", ", " , ", "、")).join(
        groups(digits, dice, (3, 4))
    )


def full_width(digits: str, dice: Random) -> str:
    return " ".join(groups(digits, dice, (4,))).translate(FULL_WIDTH)


def english(digits: str, dice: Random) -> str:
    nought = dice.choice(("zero", "oh", "nought"))
    words = [ENGLISH[int(d)] if d != "0" else nought for d in digits]
    between = dice.choice((" ", ", ", "-", " - "))
    return between.join(words)


def english_with_fillers(digits: str, dice: Random) -> str:
    words = [ENGLISH[int(digit)] for digit in digits]
    for at in sorted(dice.sample(range(1, len(words)), min(3, len(words) - 1)))[::-1]:
        words.insert(at, dice.choice((", uh,", "um", "then", "and then", "...", "and")))
    return " ".join(words).replace(" ,", ",")


def english_repeats(digits: str, dice: Random) -> str:
    words, at = [], 0
    while at < len(digits):
        size = next(
            (n for n in (4, 3, 2) if digits[at : at + n] == digits[at] * n and n), 1
        )
        word = ENGLISH[int(digits[at])]
        words.append(f"{TIMES[size]} {word}" if size > 1 else word)
        at += size
    return ", ".join(words) if dice.random() < 0.5 else " ".join(words)


def english_pairs(digits: str, dice: Random) -> str:
    """Twelve, oh five, thirty-four, twenty three hundred."""
    words, at = [], 0
    while at < len(digits):
        four = digits[at : at + 4]
        if re.fullmatch("[2-9][1-9]00", four):
            words.append(below_100(int(four[:2]), " ") + " hundred")
            at += 4
            continue
        pair = digits[at : at + 2]
        if len(pair) == 2 and pair[0] not in "0":
            words.append(below_100(int(pair), dice.choice((" ", "-"))))
        else:
            words.append(" ".join("oh" if d == "0" else ENGLISH[int(d)] for d in pair))
        at += 2
    return ", ".join(words)


def chinese(digits: str, dice: Random) -> str:
    names = CHINESE.replace("一", dice.choice("一幺")).replace(
        "二", dice.choice("二两")
    )
    names = names.replace("零", dice.choice("零〇"))
    between = dice.choice(("", "", " ", "，"))
    return between.join(names[int(digit)] for digit in digits)


def chinese_with_fillers(digits: str, dice: Random) -> str:
    parts = ["".join(CHINESE[int(d)] for d in g) for g in groups(digits, dice, (3, 4))]
    text = parts[0]
    for part in parts[1:]:
        text += (
            dice.choice(("，嗯，", "，然后，", "呃", "，", "，再，", "然后是", "……"))
            + part
        )
    return text


def chinese_hundreds(digits: str, dice: Random) -> str:
    """一百三十八，零零一三，八零零零."""
    parts = []
    for group in groups(digits, dice, (3, 4)):
        a, rest = group[0], group[1:]
        if len(group) == 3 and a != "0" and rest[0] != "0":
            unit = CHINESE[int(rest[1])] if rest[1] != "0" else ""
            parts.append(f"{CHINESE[int(a)]}百{CHINESE[int(rest[0])]}十{unit}")
        else:
            parts.append("".join(CHINESE[int(digit)] for digit in group))
    return dice.choice(("，", " ")).join(parts)


def chinese_mixed(digits: str, dice: Random) -> str:
    return "".join(dice.choice((d, CHINESE[int(d)])) for d in digits)


RENDERS: tuple[Render, ...] = (
    *(written, grouped, full_width, english, english_with_fillers, english_repeats),
    *(english_pairs, chinese, chinese_with_fillers, chinese_hundreds, chinese_mixed),
)


def luhn_valid(body: str) -> str:
    """Add the check digit to a card's number."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def id_card(body: str) -> str:
    """Add the check digit to 17 digits of a Chinese identity card."""
    total = sum(int(d) * pow(2, 17 - n, 11) for n, d in enumerate(body))
    return body + "0123456789X"[(1 - total) % 11]

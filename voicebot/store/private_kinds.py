"""What kind of private number some digits are, judged by them and what is around."""

import re
from enum import StrEnum
from typing import Final

from voicebot.store.spoken_digits import How, Run


class Kind(StrEnum):
    """What can be kept out of the call log."""

    PHONE = "phone"
    ID_CARD = "id_card"
    BANK_CARD = "bank_card"
    EMAIL = "email"
    CODE = "code"
    DIGITS = "digits"


LABELS: Final = {
    Kind.PHONE: "phone",
    Kind.ID_CARD: "id",
    Kind.BANK_CARD: "card",
    Kind.EMAIL: "email",
    Kind.CODE: "code",
    Kind.DIGITS: "digits",
}
"""What stands in the text instead, in brackets."""


class Cue(StrEnum):
    """What words before digits say that they are."""

    PHONE = "phone"
    CARD = "card"
    ID = "id"
    CODE = "code"
    OTHER = "other"
    """Nothing private: a room, an order."""


# The longer word first where one begins like another.
_CUE: Final = re.compile(
    r"""
    (?P<other>
        \b(?:rooms?|tables?|orders?|booking|reservation|tickets?|flights?|gates?
            |invoice|reference|tracking|prices?|costs?|total|pages?|units?|suite
            |apartment|floors?|bus(?:es)?|trains?|years?|models?|serial|versions?
            |(?:error|dress|status)\ code)
        (?:\ (?:numbers?|no|code|is|are))*\b
        |房间?(?:号码?)?|桌号?|订单(?:编?号码?)?|单号|航班号?|车次|价格|总共|一共|合计|共计
        |型号|编号|工号|快递单?号?|版本号?|错误码|状态码|门牌号?
    )
    |(?P<phone>
        \b(?:phones?|mobile|cell|cellphone|telephone|tel|numbers?|whatsapp|fax
            |(?:area|country)\ code
            |(?:call|ring|text|dial|reach)\ (?:me|us|him|her|them)?)\b
        |手机号?码?|电话号?码?|区号|号码|联系方式|微信号?|打给|拨打?
    )
    |(?P<code>
        \b(?:codes?|pins?|pin\ code|passcode|password|otp|cvv|cvc|zip(?:\ code)?
            |post(?:al\ )?code|one\ time)\b
        |[验校][证验]码|动态码|安全码|密码|口令|邮编|邮政编码|取[件货餐票]码|提货码|激活码|代码
    )
    |(?P<card>
        \b(?:cards?|accounts?|iban|visa|mastercard)(?:\ numbers?)?\b
        |卡号?|银行卡号?|信用卡号?|账[号户]|帐[号户]
    )
    |(?P<id>
        \b(?:id|identity|identification|passport)(?:\ (?:card|number|no))*\b
        |身份证号?码?|证件号?码?|身份号码?
    )
    """,
    re.VERBOSE,
)

_LINK: Final = re.compile(r"[\s.:：。?？]*(?:\b(?:it'?s|it is|that'?s)\s{1,3})?\Z")
_END: Final = re.compile(r"[.!?。！？;；]")

# What follows a number that counts something.
_UNIT: Final = re.compile(
    r"""\s?(?:
    (?:dollars?|bucks|euros?|pounds?|yuan|rmb|usd|percent|people|persons?|guests?
      |nights?|days?|weeks?|months?|years?|hours?|minutes?|seconds?|o'clock|am|pm|kg|km
      |meters?|metres?|miles|times|rooms?|items?|pieces?|copies|units|points?|cents?
      |adults?|children|kids|nd|rd|th|st|million|thousand)\b
    |[%％块元圆角毛分人位个件天晚年月日号点时秒斤米岁间层楼次份张万亿只台瓶箱盒条双套辆度倍]
    |小时|公[斤里]|美元|欧元|英镑
    )""",
    re.VERBOSE,
)
_MONEY: Final = re.compile(r"(?:[$€£¥￥]|\b(?:usd|rmb|cny|eur))\s?\Z")

_MOBILE: Final = re.compile(r"(?:00)?(?:86)?1[3-9][0-9]{9}")
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
_DAY: Final = re.compile(
    r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
)

# Source: GB 11643-1999, ISO 7064:1983 MOD 11-2.
_ID_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS: Final = "10x98765432"

SHORTEST: Final = 3
"""No fewer digits are private."""

COMPOUND_DIGITS: Final = 10
"""So many digits in pairs, "twenty six seventy one", are a number all the same."""

LONG: Final = 14
"""So many digits are something private, even with one of them misheard."""


def cues(text: str) -> frozenset[Cue]:
    """What the words of a text announce, all of it."""
    return frozenset(Cue(match.lastgroup or "") for match in _CUE.finditer(text))


def cues_before(run: Run) -> frozenset[Cue]:
    """What the words in front of a run announce, in the same sentence."""
    if len(run.digits) == 1:  # which nobody asks
        return frozenset()
    *_, before = _END.split(_LINK.sub("", run.before))
    found = list(_CUE.finditer(before))
    if not found:
        return frozenset()
    if found[-1].lastgroup == Cue.OTHER:
        return frozenset({Cue.OTHER})
    return frozenset(Cue(match.lastgroup or "") for match in found) - {Cue.OTHER}


def kind_of(run: Run, told: frozenset[Cue], wanted: frozenset[Kind]) -> Kind | None:
    """
    Say what a run is; None if nothing that is to be kept out.

    Args:
        told: what the words around it announce.
        wanted: kinds that are to be kept out.
    """
    size = len(run.digits)
    if size < SHORTEST:
        return None
    for kind in _kinds(run, told):
        if kind in wanted:
            return kind
    secret = wanted & {Kind.PHONE, Kind.ID_CARD, Kind.BANK_CARD, Kind.DIGITS}
    if size >= LONG and secret and not is_list(run):
        return Kind.DIGITS
    return None


def _kinds(run: Run, told: frozenset[Cue]) -> list[Kind]:
    """All that a run may be, the likeliest first."""
    digits, size = run.digits, len(run.digits)
    counts = _is_quantity(run)
    found = []
    misheard = digits.endswith("x") or (Cue.ID in told and 15 <= size <= 18)
    if is_id_card(digits) or misheard:
        found.append(Kind.ID_CARD)
    if (run.plus and 7 <= size <= 15) or _MOBILE.fullmatch(digits):
        found.append(Kind.PHONE)
    if Cue.PHONE in told and 5 <= size <= 15 and not counts:
        found.append(Kind.PHONE)
    if (13 <= size <= 19 and luhn(digits)) or (Cue.CARD in told and 8 <= size <= 19):
        found.append(Kind.BANK_CARD)
    if Cue.CODE in told and 3 <= size <= 12 and not counts:
        found.append(Kind.CODE)
    plain = Cue.OTHER not in told and not counts and is_dictated(run)
    if plain and 7 <= size <= 15:
        found.append(Kind.PHONE)
    if plain and size >= 5:
        found.append(Kind.DIGITS)
    return found


def is_whole(run: Run) -> bool:
    """Whether a few digits that follow are others: a mobile number, an identity card.

    Not so a card: its security code is as private.
    """
    return bool(_MOBILE.fullmatch(run.digits)) or is_id_card(run.digits)


def is_dictated(run: Run) -> bool:
    """Whether it sounds like a number that is dictated, not like some that count."""
    counted = sum(len(p.digits) for p in run.parts if p.how is How.COMPOUND)
    spelt = 2 * counted <= len(run.digits) or len(run.digits) >= COMPOUND_DIGITS
    return spelt and not _DAY.fullmatch(run.digits) and not is_list(run)


def is_list(run: Run) -> bool:
    """Whether it is several numbers: they grow by steps, or rooms in a row."""
    values = [int(part.digits) for part in run.parts if part.digits.isdigit()]
    steps = {b - a for a, b in zip(values, values[1:], strict=False)}
    if len(values) >= 4 and len(steps) == 1 and steps != {0} and max(values) > 9:
        return True
    if len(values) > 1 and all(_YEAR.fullmatch(part.digits) for part in run.parts):
        return True
    if len(values) < 3 or min(steps) <= 0:
        return False
    short = {len(part.digits) for part in run.parts} <= {1, 2, 3}
    counted = all(part.how is How.COMPOUND for part in run.parts)
    return (run.commas and short) or counted


def _is_quantity(run: Run) -> bool:
    """Whether it says how many of something there are."""
    if len(run.parts) > 1 or len(run.digits) > 10:
        return False
    return bool(_UNIT.match(run.after) or _MONEY.search(run.before))


def luhn(digits: str) -> bool:
    """
    Whether the check digit of a payment card is right.

    Source: ISO/IEC 7812-1, annex B.
    """
    if not digits.isdigit():
        return False
    even = sum(int(digit) for digit in digits[-1::-2])
    odd = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (even + odd) % 10 == 0


def is_id_card(digits: str) -> bool:
    """Whether it is a Chinese identity card's number, its check digit right."""
    if len(digits) != 18 or not digits[:17].isdigit():
        return False
    total = sum(int(d) * w for d, w in zip(digits, _ID_WEIGHTS, strict=False))
    return _ID_CHECKS[total % 11] == digits[17]

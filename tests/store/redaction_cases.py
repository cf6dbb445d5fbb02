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

CARRIERS = {
    "phone": {
        "en": ("My number is {}.", "{}", "You can call me on {}, any time", "It's {}"),
        "zh": ("我的手机号是{}。", "{}", "打给{}就行", "电话{}，谢谢"),
    },
    "card": {
        "en": ("The card number is {}.", "{}", "so my visa is {} okay?"),
        "zh": ("卡号是{}。", "{}", "我的银行卡，{}，对"),
    },
    "id": {"en": ("My ID is {}.", "{}"), "zh": ("身份证号{}", "{}", "身份证号码是{}。")},
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
                    said += dice.choice((" x", " X", "X" if is_chinese(render) else " X"))
                else:
                    said = render(digits, dice)
                line = dice.choice(carriers["zh" if is_chinese(render) else "en"])
                yield {"say": line.format(said), "kept": line, "kind": kind}


BY_HAND = (
    # phone
    ("phone", "call +1 (202) 555-0123 now", "call {} now"),
    ("phone", "plus one, two oh two, five five five, oh one two three", "{}"),
    ("phone", "double zero four four, twenty seventy-nine, forty-six oh nine", "{}"),
    ("phone", "一三八零零幺三八零零零", "{}"),
    ("phone", "我电话是一百三十八零零一三八零零零", "我电话是{}"),
    ("phone", "手机号13800138000，姓王", "手机号{}，姓王"),
    ("phone", "138一二三四5678", "{}"),
    ("phone", "０１０－８８８８９９９９", "{}"),
    ("phone", "四个8 零零 三个六 一二", "{}"),
    ("phone", "hi, one eight hundred, five five five, one two three four", "hi, {}"),
    ("phone", "加八六，一三八，零零一三，八零零零", "{}"),
    ("phone", "it's four one five... five five five... twenty six seventy one", "it's {}"),
    ("phone", "TRIPLE NINE, TRIPLE EIGHT, FOUR FOUR ONE TWO", "{}"),
    ("phone", "room 302, phone 415-555-0132", "room 302, phone {}"),
    # cards
    ("card", "4111 1111 1111 1111", "{}"),
    ("card", "four one one one, triple one one, double one double one, 1111", "{}"),
    ("card", "四一一一 一一一一 一一一一 一一一一", "{}"),
    ("card", "my account number is 12345678", "my account number is {}"),
    ("card", "6222 0212 3456 7890 128", "{}"),
    # id
    ("id", "11010519491231002X", "{}"),
    ("id", "身份证一一零一零一一九九零零三零七一二三叉，对", "身份证{}，对"),
    # codes
    ("code", "it is the verification code: four, two, seven, one", "it is the verification code: {}"),
    ("code", "验证码是 八 三 零 二 九 一", "验证码是 {}"),
    ("code", "my zip code is 94107", "my zip code is {}"),
    ("code", "动态码四二七幺", "动态码{}"),
    ("code", "the code I just got in the message says 830291", "the code I just got in the message says {}"),
    # e-mail
    ("email", "it's john.smith@example.com thanks", "it's {} thanks"),
    ("email", "john dot smith at example dot com", "{}"),
    ("email", "j o h n at example dot co dot uk", "{}"),
    ("email", "my email is john smith at example dot com", "my email is {}"),
    ("email", "邮箱是一二三四五六艾特qq点com", "邮箱是{}"),
    ("email", "发到zhangsan艾特163点com吧", "发到{}吧"),
    ("email", "zhang underscore san at my-shop dot example dot org", "{}"),
    ("email", "one two three four five at qq dot com", "{}"),
)

NOTHING = (
    # prices and quantities
    "twelve fifty", "that's twelve dollars fifty", "It costs 1,234,567 dollars.",
    "three hundred and eighty yuan", "三百八十块", "一千两百三十四块五", "总共1234567元",
    "$1500000 in all", "12.50 a night", "一万二", "十三万五千", "三百五十万", "8.5折",
    "two million three hundred thousand", "one thousand two hundred thirty four people",
    "fifteen percent", "50 percent off 200 dollars", "三个人，两个大人一个小孩",
    "two adults and three children", "twenty, thirty or forty people", "九十九块九",
    "I'd like three of those and two of these", "两斤苹果三斤梨", "500 grams", "5kg", "1000000 points",
    "six hundred fifty square feet", "百分之二十", "four or five", "一两个", "七八个人", "三四百块",
    "between 10 and 12, or 14 to 16", "2, 4, 6, 8, 10, 12, 14", "10, 20, 30, 40, 50",
    "two, four, six, eight, ten, twelve, fourteen", "one hundred, two hundred, three hundred",
    # dates and times
    "2027年2月8日", "二零二七年二月八日", "2027-02-08", "02/08/2027", "8.2.2027", "8/2/27",
    "February 8th, 2027 at 7:30 pm", "twenty twenty seven", "nineteen eighty four", "20270208",
    "on the 24th at 18:30:00", "half past seven", "七点半", "下午三点二十五分", "十二月二十四号",
    "from 2019 to 2024", "at ten fifteen or ten thirty", "二零二七年", "八月十五", "1984 and 1985",
    "from nine to five", "24 hours a day, 7 days a week", "周一到周五九点到十八点", "星期一", "12:30, 13:45",
    "twenty past four", "between two and four thirty", "三分钟后", "the 1990s", "五月一号到五月三号",
    # rooms, orders, names of things
    "room 302", "I'm in room three oh two", "房间302", "三零二房间", "rooms 302, 304, 306, 308 and 310",
    "rooms three oh two, three oh four, three oh six", "table twelve", "flight CA1234", "航班CA1234",
    "flight eight eight two", "order number 12345678", "订单号二零二七零二零八一二", "order 8 8 2 7 1 4 6 3",
    "gate 22", "bus 42", "iPhone 15", "the A320", "Windows 11", "error code 404", "area code 415",
    "step one, step two, step three", "一次", "一起", "万一", "三亚", "十分感谢", "第一百二十三章", "三楼",
    "一般来说", "千万不要", "两位", "百货大楼", "version 3.11.9", "the dress code is black, 40 people",
    "page 123", "a 4 star hotel", "七天连锁", "五一", "九寨沟", "三里屯", "四川", "model 8800 2000 1500",
    # no e-mail
    "meet me at ten", "look at example dot com", "visit us at example.com", "order online at shop dot com",
    "I'm at home. Call later", "three at five dollars", "see you at the station", "点菜", "一点钟见", "在家",
    # nothing at all
    "", "yes", "好的", "uh-huh", "one moment please", "I have one question", "no one was there", "the one and only",
    "Oh, I see.", "O.K.", "double room, please", "a double", "triple A", "for one night", "one by one",
    "嗯", "然后呢", "那个……", "再说一遍", "一个一个来", "it's ten to two", "two or three things",
    "can I pin this for later in 20 minutes?", "my card was declined 3 times", "the code of conduct",
    "the phone rang 5 times", "电话打了三次", "密码忘了", "我要两个，三个也行", "I called 2 days ago", "卡丢了",
)  # fmt: skip


def cases() -> Iterator[dict[str, str]]:
    yield from generated()
    for kind, said, kept in BY_HAND:
        yield {"say": said, "kept": kept, "kind": kind}
    for said in NOTHING:
        yield {"say": said, "kept": said, "kind": ""}


if __name__ == "__main__":
    lines = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases()]
    PATH.write_text("".join(lines), encoding="utf-8")

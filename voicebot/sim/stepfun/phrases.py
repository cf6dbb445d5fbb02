"""The words of the rule-based conversation, in English and Chinese."""

import re
from collections.abc import Mapping
from typing import Final

# Sentences of a persona that tell the model what to do, and state no fact.
DIRECTIVE: Final = re.compile(
    r"(?:you(?:'re| are| may| must| should| will| can| work| speak)\b|answer|ask|never"
    r"|always|do not|don't|be\b|if\b|when\b|use|keep|speak|say|reply|respond|avoid|call"
    r"\b|greet|confirm|offer to|transfer|please|only|start|end\b|tell|help|stay|make"
    r"|你|请|不要|不得|如果|只|每|永远|始终|回答|使用|#)",
    re.IGNORECASE,
)

STOPWORDS: Final = frozenset(
    re.findall(
        r"\S+",
        """a about all also am an and any are as at be been but by can can't could d
        did do does don't for from get give had has have he hello her hi his i i'd
        i'll i'm if in into is it it's its just know let like ll may me much my no not
        of okay on or our out please s say she so some t tell than thank thanks that
        that's the their them then there they this to too um up us want was we well
        were what what's which will with would yes you your""",
    )
)

# Word, or its stem -> notion.
SYNONYMS: Final[Mapping[str, str]] = {
    word: notion
    for notion, words in {
        "hours": "hour open opening close closing closed time when today tomorrow "
        "weekend saturday sunday monday late early 营业 开门 关门 几点 时间 上班 下班",
        "price": "howmuch cost fee fees pay expensive charge cheap price pricing "
        "价格 多少钱 费用 收费",
        "place": "where address located location street road find direction near "
        "地址 哪里 在哪 怎么走",
        "parking": "park car garage drive 停车 车位",
        "booking": "book appointment appointments schedule reservation reserve slot "
        "visit reschedule 预约 挂号 预订",
        "phone": "phone telephone number 电话 号码",
        "insurance": "insurance insured cover coverage 保险 医保",
        "payment": "card cash credit invoice 付款 刷卡",
        "person": "who doctor dentist manager owner team staff 医生 谁",
        "deliver": "deliver delivery ship shipping 送货 配送",
        "cancel": "cancel cancellation refund return 取消 退款",
        "emergency": "emergency urgent pain hurt 急诊 紧急 疼",
    }.items()
    for word in words.split()
}

Rules = tuple[tuple[str, tuple[str, ...]], ...]

RULES: Final[Mapping[str, Rules]] = {
    "en": (
        (
            r"\b(good ?bye|bye|that's all|that is all|hang up)\b",
            ("Thank you for calling. Goodbye!", "Goodbye!"),
        ),
        (
            r"\bthank(s| you)\b",
            ("You're welcome. Is there anything else?", "My pleasure."),
        ),
        (
            r"\b(human|person|operator|agent|someone|representative)\b",
            ("Of course. One moment, please.", "I am looking for somebody."),
        ),
        (
            r"\b(appointment|book|schedule|reserve|come in)\b",
            ("Gladly. Which day and time would suit you?", "When would you come?"),
        ),
        (
            r"\b((mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|o'clock|[ap]\.?m)\b",
            ("That should work. Shall I note it down?", "Noted. Is that all?"),
        ),
        (
            r"\bhow are you\b",
            ("I'm fine, thank you. How can I help you?", "Very well, thank you."),
        ),
        (
            r"\b(hello|hi|hey|good (morning|afternoon|evening))\b",
            ("Hello! How can I help you?", "Hello again! What can I do for you?"),
        ),
        (
            r"^\W*(yes|yeah|sure|okay|ok|right|please)\b",
            ("Good. What else can I do for you?", "All right. Anything else?"),
        ),
        (
            r"^\W*(no|nope|nothing)\b",
            ("All right. Thank you for calling.", "Fine. Have a good day!"),
        ),
    ),
    "zh": (
        (r"再见|拜拜", ("感谢您的来电，再见！", "再见！")),
        (r"谢谢|多谢", ("不客气，还有什么可以帮您？", "不用谢。")),
        (r"人工|转接|客服", ("好的，请稍等。", "正在为您找人。")),
        (r"预约|挂号|预订", ("好的，您想约哪一天、几点？", "您什么时候方便？")),
        (r"星期|周[一二三四五六日]|明天|点", ("好的，需要我记下来吗？", "记下了。")),
        (r"你好|您好|喂", ("您好，请问有什么可以帮您？", "您好，请讲。")),
        (r"^(是|对|好|嗯)", ("好的，还有别的问题吗？", "好，还需要什么？")),
        (r"^(不|没)", ("好的，感谢您的来电。", "好，祝您愉快。")),
    ),
}

FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "I'm sorry, I don't know that. Can I help you with something else?",
        "I'm sorry, I didn't understand. Could you say it in other words?",
        "I'm afraid I have no answer to that.",
    ),
    "zh": (
        "抱歉，这个我不清楚。还有什么可以帮您？",
        "抱歉，我没有听清，请您换个说法。",
        "对不起，这个问题我答不上来。",
    ),
}

STILL_THERE: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("Are you still there?", "Hello, can you hear me?"),
    "zh": ("您好，还在吗？", "请问您听得到吗？"),
}

# Without a role in the instructions, and with one.
OPENINGS: Final[Mapping[str, tuple[str, str]]] = {
    "en": ("Hello, how can I help you?", "Hello, this is {who}. How can I help you?"),
    "zh": ("您好，请问有什么可以帮您？", "您好，这里是{who}。请问有什么可以帮您？"),
}

# A caller who needs a moment asks nothing.
WAIT: Final = r"\b(one|just a) (moment|second|minute)\b|\bhold on\b|稍等|等一下"
PATIENCE: Final = {"en": "Of course, take your time.", "zh": "好的，您慢慢来。"}

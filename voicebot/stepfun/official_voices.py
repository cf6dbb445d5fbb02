"""
The voices that StepFun offers to everybody.

Which of them the realtime model takes isn't published; all that were tried were taken.

Source: StepFun developer guide "TTS" (guides/developer/tts) and API reference "System
voices" (api-reference/audio/system-voices), read in November 2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.fields import Fields

# Where the account's own list is, from the base URL on; asked for one model only.
SYSTEM_VOICES_PATH: Final = "/audio/system_voices"
SYSTEM_VOICES_QUERY: Final[Mapping[str, str]] = {"model": "step-tts-2"}


@dataclass(frozen=True, slots=True)
class OfficialVoice:
    """
    Attributes:
        voice: its id.
        name: Chinese; empty if it has none.
        kind: in a few words of ours.
        models: that speak with it.
        phone: whether StepFun recommends it for telephone service.
    """

    voice: str
    name: str
    kind: str
    models: tuple[str, ...]
    phone: bool = False


NEWER: Final = ("stepaudio-2.5-tts", "step-tts-2")
ALL: Final = (*NEWER, "step-tts-mini")
OLD: Final = ("step-tts-2",)

OFFICIAL: Final = (
    OfficialVoice(
        "shuangkuainansheng", "爽快男声", "male, calm, professional", NEWER, phone=True
    ),
    OfficialVoice(
        "ganliannvsheng", "干练女声", "female, calm, professional", NEWER, phone=True
    ),
    OfficialVoice("qinhenvsheng", "亲和女声", "female, gentle", NEWER, phone=True),
    OfficialVoice("huolinvsheng", "活力女声", "female, lively", NEWER, phone=True),
    OfficialVoice("elegantgentle-female", "气质温婉", "female", ALL, phone=True),
    OfficialVoice("livelybreezy-female", "活力轻快", "female", ALL, phone=True),
    OfficialVoice("wenrounansheng", "温柔男声", "male", ALL, phone=True),
    OfficialVoice("jingdiannvsheng", "经典女声", "female, slow", ALL, phone=True),
    OfficialVoice("wenroushunv", "温柔熟女", "female", ALL, phone=True),
    OfficialVoice("tianmeinvsheng", "甜美女声", "female", ALL, phone=True),
    OfficialVoice("qingchunshaonv", "清纯少女", "female", ALL, phone=True),
    OfficialVoice("yuanqinansheng", "元气男声", "male", ALL, phone=True),
    OfficialVoice("cixingnansheng", "磁性男声", "male", ALL),
    OfficialVoice("zhengpaiqingnian", "正派青年", "male", ALL),
    OfficialVoice("linjiajiejie", "邻家姐姐", "female", ALL),
    OfficialVoice("linjiameimei", "邻家妹妹", "female", ALL),
    OfficialVoice("wenrougongzi", "温柔公子", "male", ALL),
    OfficialVoice("wenrounvsheng", "温柔女声", "female", ALL),
    OfficialVoice("yuanqishaonv", "元气少女", "female", ALL),
    OfficialVoice("qingniandaxuesheng", "青年大学生", "male", ALL),
    OfficialVoice("boyinnansheng", "播音男声", "male", ALL),
    OfficialVoice("ruyananshi", "儒雅男士", "male", ALL),
    OfficialVoice("shenchennanyin", "深沉男音", "male", ALL),
    OfficialVoice("qinqienvsheng", "亲切女声", "female", ALL),
    OfficialVoice("jilingshaonv", "机灵少女", "female", ALL),
    OfficialVoice("ruanmengnvsheng", "软萌女声", "female", ALL),
    OfficialVoice("youyanvsheng", "优雅女声", "female", ALL),
    OfficialVoice("lengyanyujie", "冷艳御姐", "female", ALL),
    OfficialVoice("shuangkuaijiejie", "爽快姐姐", "female", ALL),
    OfficialVoice("wenjingxuejie", "文静学姐", "female", ALL),
    OfficialVoice("zhixingjiejie", "知性姐姐", "female", ALL),
    OfficialVoice("zixinnansheng", "自信男声", "male", NEWER),
    OfficialVoice("vibrant-youth", "", "male, English", NEWER),
    OfficialVoice("lively-girl", "", "female, English", NEWER),
    OfficialVoice("soft-spoken-gentleman", "", "male, English", NEWER),
    OfficialVoice("magnetic-voiced-male", "", "male, English", NEWER),
    OfficialVoice("energeticconfident-female", "", "female, English", OLD),
    OfficialVoice("yingwennansheng", "", "male, English", OLD),
    OfficialVoice("yingwennvsheng", "", "female, English", OLD),
)


def read_system_voices(body: bytes) -> tuple[str, ...]:
    """
    Read the list of ids that StepFun itself gives.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    return tuple(Fields.parse(body, "answer").list_of_texts("voices"))

"""
What the bot says in each language when its persona does not say it, and what it
takes a caller's few words for.
"""

from dataclasses import dataclass
from typing import Any, Final
from unicodedata import normalize


@dataclass(frozen=True, slots=True)
class Phrases:
    """Spoken text and its language's English name."""

    name: str

    apology: str
    """Said when the model is lost, before hanging up."""

    goodbye: str
    """Said before the bot hangs up on its own account."""

    fillers: tuple[str, ...]
    """Said in turn when an answer is late."""

    backchannel: tuple[str, ...]
    """What callers say to show that they listen, without wanting to speak."""

    stop_words: tuple[str, ...]
    """What callers say to be let speak."""

    yes_no: tuple[str, ...]
    """What the bot says when it asks whether something is so."""

    digits: tuple[str, ...]
    """What the bot says when it asks for a number, or for a date."""


def _list(*lines: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for line in lines for phrase in line.split(","))


# The same in every language; 嗯 is how a Chinese model may write any hum.
HUMS: Final = _list(
    "mm, mmm, hm, hmm, mhm, mm-hm, mm-hmm, uh-huh, aha, ah, oh, ok, okay, 嗯, 嗯嗯"
)

PHRASES: Final = {
    "en": Phrases(
        "English",
        "I'm sorry, we have a technical problem. Please call again in a few minutes.",
        "Thank you for calling. Goodbye.",
        ("One moment, please.", "Just a second, please.", "Bear with me a moment."),
        HUMS
        + _list(
            "yeah, yes, yep, yup, right, alright, all right, sure, sure thing, good",
            "great, fine, nice, cool, perfect, exactly, correct, true, of course",
            "absolutely, definitely, indeed, i see, i know, i understand, understood",
            "got it, gotcha, makes sense, fair enough, sounds good, no problem",
            "that's right, that's fine, very good, okay then, no worries, go on",
            "really, wow",
        ),
        _list(
            "wait, wait a minute, wait a second, hold on, hang on, stop, stop it, no",
            "nope, not that, that's wrong, that's not right, excuse me, pardon, sorry",
            "one moment, one second, just a moment, just a second, listen, shut up",
            "be quiet, enough, never mind, can i, may i, let me, what, say again",
        ),
        _list(
            "is that right, is that correct, is this correct, is it correct",
            "have i got that right, did i get that right, does that sound right",
            "is that okay, is that all right",
        ),
        _list(
            "phone number, telephone number, mobile number, cell number",
            "callback number, best number, number to call, date of birth, birthday",
            "postcode, postal code, zip code, order number, account number",
            "customer number, reference number, booking number, reservation number",
            "confirmation number, tracking number, card number, policy number",
            "invoice number, serial number, room number, security number",
        ),
    ),
    "zh": Phrases(
        "Mandarin Chinese",
        "抱歉，系统出现了故障，请您过几分钟再打来。",
        "感谢您的来电，再见。",
        ("请稍等。", "您稍等一下。", "请稍等，我看一下。"),
        HUMS
        + _list(
            "嗯哼, 唔, 哦, 哦哦, 噢, 喔, 啊, 哎, 诶, 欸, 对, 对对, 对对对, 对的, 对啊",
            "是, 是的, 是是, 是啊, 是吧, 没错, 好, 好好, 好的, 好的好的, 好吧, 好嘞",
            "好呀, 好啊, 行, 行行, 行的, 行吧, 可以, 可以的, 成, 明白, 明白了, 知道",
            "知道了, 我知道, 了解, 了解了, 懂, 懂了, 清楚, 清楚了, 听到了, 没问题",
            "这样, 这样啊, 这样子, 原来如此, 当然, 确实, 有道理, 不错, 你说, 您说",
            "不要紧, 没关系, 没事",
        ),
        _list(
            "等等, 等一下, 等一等, 等会, 等会儿, 等下, 稍等, 慢着, 且慢, 停, 停停",
            "停下, 停一下, 先停, 打住, 别说, 别说了, 不要说了, 不用说了, 不对",
            "不对不对, 不是, 不是的, 不行, 不要, 不用, 不用了, 不好意思, 打断一下",
            "打扰一下, 听我说, 我问一下, 我想问, 错了, 说错了, 什么, 你说什么, 没听清",
            "再说一遍, 闭嘴",
        ),
        _list(
            "对吗, 对吧, 对不对, 是吗, 是吧, 是不是, 正确吗, 没错吧, 可以吗, 好吗",
            "行吗, 是这样吗, 有没有问题",
        ),
        _list(
            "电话号码, 手机号, 手机号码, 联系电话, 联系方式, 回电号码, 座机号, 尾号",
            "身份证, 证件号, 订单号, 单号, 卡号, 账号, 户号, 编号, 会员号, 房间号",
            "房号, 车牌号, 出生日期, 出生年月, 生日, 邮编, 邮政编码, 验证码",
        ),
    ),
    "ja": Phrases(
        "Japanese",
        "申し訳ございません。システムに問題が発生しました。後ほどおかけ直しください。",
        "お電話ありがとうございました。失礼いたします。",
        ("少々お待ちください。", "ただいま確認いたします。"),
        HUMS
        + _list(
            "はい, はいはい, はあ, ええ, うん, うんうん, ふん, ふうん, へえ, ほう, あ",
            "ああ, おお, そう, そうそう, そうです, そうですね, そうですか",
            "そうなんですね, なるほど, なるほどね, 確かに, たしかに, わかりました",
            "分かりました, わかった, 分かった, 了解, 了解です, 承知しました",
            "大丈夫です, いいですよ, いいですね, もちろん, オッケー, オーケー",
        ),
        _list(
            "待って, ちょっと待って, 待ってください, お待ちください, ちょっと",
            "ストップ, 止めて, やめて, 違う, 違います, そうじゃなくて, いや, いいえ",
            "すみません, もう一度, もういいです, 結構です, 何ですか, 聞いてください",
        ),
        _list(
            "よろしいですか, よろしいでしょうか, 間違いありませんか, 間違いないですか",
            "お間違いないでしょうか, 合っていますか, 正しいですか",
        ),
        _list(
            "電話番号, 携帯番号, 携帯電話の番号, ご連絡先, 生年月日, 誕生日, 郵便番号",
            "注文番号, 予約番号, 会員番号, 口座番号, お客様番号, 受付番号, カード番号",
            "暗証番号, 部屋番号",
        ),
    ),
    "es": Phrases(
        "Spanish",
        "Lo sentimos, tenemos un problema técnico. Llame de nuevo en unos minutos.",
        "Gracias por llamar. Adiós.",
        ("Un momento, por favor.", "Un segundo, por favor."),
        HUMS
        + _list(
            "ajá, sí, sí sí, ya, ya veo, claro, claro que sí, vale, bueno, bien",
            "muy bien, de acuerdo, entiendo, entendido, comprendo, perfecto, exacto",
            "exactamente, correcto, eso es, eso, así es, cierto, por supuesto",
            "desde luego, lo sé, estupendo, genial, dígame, no hay problema, cómo no",
            "qué bien",
        ),
        _list(
            "espere, espera, espere un momento, un momento, un segundo, alto, pare",
            "basta, no, no es eso, perdone, perdón, disculpe, oiga, oye, escuche",
            "cállese, silencio, cómo, qué dice, otra vez",
        ),
        _list(
            "es correcto, está correcto, es así, le parece bien, está de acuerdo",
        ),
        _list(
            "número de teléfono, número de móvil, número de celular",
            "fecha de nacimiento, código postal, número de pedido, número de cuenta",
            "número de cliente, número de tarjeta, número de referencia",
            "número de reserva, número de habitación, número de documento",
        ),
    ),
    "fr": Phrases(
        "French",
        "Désolé, nous avons un problème technique. Rappelez dans quelques minutes.",
        "Merci de votre appel. Au revoir.",
        ("Un instant, s'il vous plaît.", "Une petite seconde."),
        HUMS
        + _list(
            "oui, oui oui, ouais, d'accord, bien, très bien, bien sûr, je vois",
            "je comprends, compris, j'ai compris, exactement, exact, voilà, c'est ça",
            "entendu, tout à fait, absolument, parfait, super, ah bon, ah oui",
            "effectivement, en effet, pas de problème, ça marche, je sais, bon",
        ),
        _list(
            "attendez, attends, une seconde, un instant, un moment, une minute, stop",
            "arrêtez, arrête, non, mais non, pas du tout, ce n'est pas ça, pardon",
            "excusez-moi, s'il vous plaît, écoutez, taisez-vous, comment, quoi",
            "répétez",
        ),
        _list(
            "c'est bien ça, c'est correct, est-ce correct, c'est exact, est-ce exact",
            "est-ce bien cela, c'est bon pour vous, n'est-ce pas",
        ),
        _list(
            "numéro de téléphone, numéro de portable, date de naissance, code postal",
            "numéro de commande, numéro de client, numéro de compte, numéro de carte",
            "numéro de dossier, numéro de réservation, numéro de chambre",
            "numéro de sécurité sociale",
        ),
    ),
    "de": Phrases(
        "German",
        "Es tut uns leid, wir haben eine technische Störung. "
        "Bitte rufen Sie in einigen Minuten noch einmal an.",
        "Vielen Dank für Ihren Anruf. Auf Wiederhören.",
        ("Einen Moment, bitte.", "Eine Sekunde, bitte."),
        HUMS
        + _list(
            "ja, jaja, ja ja, jo, jawohl, ja genau, genau, gut, sehr gut, na gut",
            "alles klar, klar, verstehe, ich verstehe, verstanden, ach so, achso, ach",
            "stimmt, das stimmt, richtig, natürlich, sicher, in ordnung, gerne, super",
            "prima, perfekt, passt, kein problem, ich weiß, so ist es, eben",
        ),
        _list(
            "warten sie, warte, warten sie mal, moment, moment mal, einen moment",
            "sekunde, eine sekunde, stopp, stop, halt, nein, nee, falsch",
            "das stimmt nicht, entschuldigung, entschuldigen sie, verzeihung",
            "hören sie, ruhe, wie bitte, was, noch einmal, nochmal",
        ),
        _list(
            "ist das richtig, stimmt das, ist das korrekt, ist das so richtig",
            "habe ich das richtig verstanden, passt das, ist das in ordnung",
        ),
        _list(
            "telefonnummer, handynummer, mobilnummer, rückrufnummer, geburtsdatum",
            "postleitzahl, bestellnummer, auftragsnummer, kundennummer, kontonummer",
            "kartennummer, rechnungsnummer, vertragsnummer, buchungsnummer",
            "zimmernummer, aktenzeichen",
        ),
    ),
}


def phrases(language: str) -> Phrases:
    """Return the phrases of a BCP-47 tag such as `zh` or `en-US`; else English."""
    return PHRASES.get(language.partition("-")[0].lower(), PHRASES["en"])


def own_words(persona: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what the sections of a persona say if it doesn't, as its file would."""
    known = phrases(str(persona.get("language")))
    barge_in = persona.get("barge_in")
    questions = [("yes_no", says) for says in known.yes_no]
    questions += [("digits", says) for says in known.digits]
    return {
        "goodbye": {"text": known.goodbye},
        "apology": {"text": known.apology},
        "filler": {"say": known.fillers},
        "barge_in": {
            # What the persona says of a phrase counts, not what its language does.
            "backchannel": _without(known.backchannel, barge_in, "stop_words"),
            "stop_words": _without(known.stop_words, barge_in, "backchannel"),
        },
        "listening": {
            "questions": [{"says": says, "profile": kind} for kind, says in questions]
        },
    }


def _without(own: tuple[str, ...], section: object, key: str) -> tuple[str, ...]:
    """Take the phrases that a section gives for a key from those of a language."""
    given = section.get(key) if isinstance(section, dict) else None
    taken = {folded(str(phrase)) for phrase in given} if isinstance(given, list) else ()
    return tuple(phrase for phrase in own if folded(phrase) not in taken)


def folded(phrase: str) -> str:
    """Return a phrase as it is compared: without case, width, blanks and marks."""
    return "".join(filter(str.isalnum, normalize("NFKC", phrase).casefold()))

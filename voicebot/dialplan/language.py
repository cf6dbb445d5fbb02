"""What the bot says in each language when its persona does not say it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Phrases:
    """Spoken text and its language's English name."""

    name: str

    apology: str
    """Said when the model is lost, before hanging up."""

    goodbye: str
    """Said before the bot hangs up on its own account."""


PHRASES: Final = {
    "en": Phrases(
        "English",
        "I'm sorry, we have a technical problem. Please call again in a few minutes.",
        "Thank you for calling. Goodbye.",
    ),
    "zh": Phrases(
        "Mandarin Chinese",
        "抱歉，系统出现了故障，请您过几分钟再打来。",
        "感谢您的来电，再见。",
    ),
    "ja": Phrases(
        "Japanese",
        "申し訳ございません。システムに問題が発生しました。後ほどおかけ直しください。",
        "お電話ありがとうございました。失礼いたします。",
    ),
    "es": Phrases(
        "Spanish",
        "Lo sentimos, tenemos un problema técnico. Llame de nuevo en unos minutos.",
        "Gracias por llamar. Adiós.",
    ),
    "fr": Phrases(
        "French",
        "Désolé, nous avons un problème technique. Rappelez dans quelques minutes.",
        "Merci de votre appel. Au revoir.",
    ),
    "de": Phrases(
        "German",
        "Es tut uns leid, wir haben eine technische Störung. "
        "Bitte rufen Sie in einigen Minuten noch einmal an.",
        "Vielen Dank für Ihren Anruf. Auf Wiederhören.",
    ),
}


def phrases(language: str) -> Phrases:
    """Return the phrases of a BCP-47 tag such as `zh` or `en-US`; else English."""
    return PHRASES.get(language.partition("-")[0].lower(), PHRASES["en"])

"""Which requests pass: signed here by the letter of Twilio's page, not by its helper.

The text that is signed is the URL, then name and value of every posted field in the
order of the names; of repeated fields each value once, in order.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict

from tests.twilio.examples import EXAMPLES
from voicebot.errors import ConfigError
from voicebot.twilio.signature import SignatureCheck
from voicebot.twilio.signature import sign as sign_as_twilio

TOKEN = "invented-primary-token"
SECONDARY = "invented-secondary-token"
PUBLIC_URL = "https://voice.example.com"
PATH = "/twilio/voice"


def sign(text: str, token: str = TOKEN) -> str:
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


@dataclass(frozen=True)
class Vector:
    """A webhook, and the text over which it was signed."""

    signed: str
    path: str = PATH
    form: Mapping[str, object] | bytes = b""
    method: str = "POST"
    public_url: str = PUBLIC_URL
    signed_with: str = TOKEN
    tokens: tuple[str, ...] = (TOKEN,)

    def passes(self) -> bool:
        check = SignatureCheck(self.tokens, self.public_url)
        signature = sign(self.signed, self.signed_with)
        form = self.form if self.form != b"" else {}
        return check.webhook(self.method, self.path, form, signature)


URL = PUBLIC_URL + PATH
BODY = b'{"event":"x","text":"\xc3\xbc"}'
HASHED = f"{PATH}?bodySHA256={sha256(BODY).hexdigest()}"

GOOD = {
    "no fields": Vector(URL),
    "fields in the order of their names": Vector(
        URL + "A1B2a3b4", form={"b": "4", "B": "2", "a": "3", "A": "1"}
    ),
    "an empty value": Vector(URL + "AFromCity", form={"FromCity": "", "A": ""}),
    "a value in Chinese": Vector(URL + "Name王小明", form={"Name": "王小明"}),
    "a value outside the BMP": Vector(
        URL + "Name👩\u200d🚒", form={"Name": "👩\u200d🚒"}
    ),
    "a name with an accent": Vector(URL + "Ñ1", form={"Ñ": "1"}),
    "spaces and line ends as they are": Vector(
        URL + "Body  a b\r\n", form={"Body": "  a b\r\n"}
    ),
    "characters that mean something in URLs": Vector(
        URL + "From+1&a=b?#%20", form={"From": "+1&a=b?#%20"}
    ),
    "a repeated field, sorted": Vector(
        URL + "Event1Event2", form=MultiDict([("Event", "2"), ("Event", "1")])
    ),
    "a repeated field of one value, once": Vector(
        URL + "Event1", form=MultiDict([("Event", "1"), ("Event", "1")])
    ),
    "a query string": Vector(f"{URL}?campaign=7", path=f"{PATH}?campaign=7"),
    "a query string, not decoded": Vector(
        f"{URL}?a=%20+%2B%C3%BC", path=f"{PATH}?a=%20+%2B%C3%BC"
    ),
    "a query string, not reordered": Vector(f"{URL}?b=1&a=2", path=f"{PATH}?b=1&a=2"),
    "a query string with a blank value": Vector(f"{URL}?a=&b", path=f"{PATH}?a=&b"),
    "a query string with nothing in it": Vector(f"{URL}?", path=f"{PATH}?"),
    "a query string and fields": Vector(
        f"{URL}?a=1b2", path=f"{PATH}?a=1", form={"b": "2"}
    ),
    "a path, not decoded": Vector(
        f"{PUBLIC_URL}/twilio%2Fvo%69ce", path="/twilio%2Fvo%69ce"
    ),
    "a path that ends in a slash": Vector(f"{URL}/", path=f"{PATH}/"),
    "GET, its fields in the query": Vector(
        f"{URL}?CallSid=CA1&From=%2B1",
        path=f"{PATH}?CallSid=CA1&From=%2B1",
        method="GET",
    ),
    "GET, whatever its body is": Vector(URL, form={"a": "1"}, method="GET"),
    "GET, whatever bytes its body is": Vector(URL, form=b"x", method="GET"),
    "JSON, by its hash": Vector(PUBLIC_URL + HASHED, path=HASHED, form=BODY),
    "JSON, by its hash after another field": Vector(
        PUBLIC_URL + HASHED.replace("?", "?a=1&"),
        path=HASHED.replace("?", "?a=1&"),
        form=BODY,
    ),
    "https, default port written": Vector(f"https://voice.example.com:443{PATH}"),
    "https, our port left out": Vector(URL, public_url=f"{PUBLIC_URL}:8443"),
    "https, our port written": Vector(
        f"{PUBLIC_URL}:8443{PATH}", public_url=f"{PUBLIC_URL}:8443"
    ),
    "http, our port written": Vector(
        f"http://127.0.0.1:8080{PATH}", public_url="http://127.0.0.1:8080"
    ),
    "http, our port left out": Vector(
        f"http://127.0.0.1{PATH}", public_url="http://127.0.0.1:8080"
    ),
    "http, default port written": Vector(
        f"http://localhost:80{PATH}", public_url="http://localhost"
    ),
    "an IPv6 address": Vector(
        f"http://[::1]:8080{PATH}", public_url="http://[::1]:8080"
    ),
    "a host in capitals": Vector(
        f"https://Voice.Example.COM{PATH}", public_url="https://Voice.Example.COM"
    ),
    "a prefix": Vector(f"{PUBLIC_URL}/bots/a{PATH}", public_url=f"{PUBLIC_URL}/bots/a"),
    "a prefix with a slash": Vector(
        f"{PUBLIC_URL}/bots{PATH}", public_url=f"{PUBLIC_URL}/bots/"
    ),
    "a prefix and a port": Vector(
        f"{PUBLIC_URL}:8443/bots{PATH}", public_url=f"{PUBLIC_URL}:8443/bots"
    ),
    "a public URL with a slash": Vector(URL, public_url=f"{PUBLIC_URL}/"),
    "the old token, while both count": Vector(URL, tokens=(TOKEN, SECONDARY)),
    "the new token, while both count": Vector(
        URL, tokens=(TOKEN, SECONDARY), signed_with=SECONDARY
    ),
    "a token next to a blank one": Vector(URL, tokens=("", TOKEN)),
    "a token outside ASCII": Vector(URL, tokens=("ключ",), signed_with="ключ"),
}

BAD = {
    "another token": Vector(URL, signed_with=SECONDARY),
    "a retired token": Vector(URL, tokens=(SECONDARY,)),
    "no token at all": Vector(URL, tokens=()),
    "only blank tokens": Vector(URL, tokens=("", ""), signed_with=""),
    "another host": Vector(f"https://evil.example.com{PATH}"),
    "another scheme": Vector(f"http://voice.example.com{PATH}"),
    "the socket's scheme": Vector(f"wss://voice.example.com{PATH}"),
    "another port": Vector(f"{PUBLIC_URL}:8443{PATH}"),
    "http's port under https": Vector(f"{PUBLIC_URL}:80{PATH}"),
    "https's port instead of ours": Vector(
        f"{PUBLIC_URL}:443{PATH}", public_url=f"{PUBLIC_URL}:8443"
    ),
    "another path": Vector(f"{PUBLIC_URL}/twilio/after"),
    "another case of the path": Vector(URL.upper()),
    "a slash too many": Vector(f"{URL}/"),
    "a slash too few": Vector(URL, path=f"{PATH}/"),
    "the prefix left out": Vector(URL, public_url=f"{PUBLIC_URL}/bots"),
    "a query string added": Vector(URL, path=f"{PATH}?a=1"),
    "a query string left out": Vector(f"{URL}?a=1"),
    "a query string decoded": Vector(f"{URL}?a= ", path=f"{PATH}?a=%20"),
    "a query string reordered": Vector(f"{URL}?a=2&b=1", path=f"{PATH}?b=1&a=2"),
    "a field added": Vector(URL + "a1", form={"a": "1", "b": "2"}),
    "a field left out": Vector(URL + "a1b2", form={"a": "1"}),
    "a value changed": Vector(URL + "a1", form={"a": "2"}),
    "a value trimmed": Vector(URL + "a1 ", form={"a": "1"}),
    "a repeated field with a value added": Vector(
        URL + "a1", form=MultiDict([("a", "1"), ("a", "2")])
    ),
    "an empty field left out": Vector(URL + "FromCity", form={}),
    "a file among the fields": Vector(URL + "a1", form={"a": b"1"}),
    "half a surrogate pair": Vector(URL, form={"a": "\ud800"}),
    "a path that isn't UTF-8": Vector(URL, path=PATH + "\udcff"),
    "JSON changed": Vector(PUBLIC_URL + HASHED, path=HASHED, form=BODY + b" "),
    "JSON without its hash": Vector(URL, form=BODY),
    "JSON with a hash that isn't ASCII": Vector(
        f"{URL}?bodySHA256=ü", path=f"{PATH}?bodySHA256=ü", form=BODY
    ),
    "JSON with a hash that isn't UTF-8": Vector(
        URL, path=f"{PATH}?bodySHA256=\udcff", form=BODY
    ),
    "JSON with two hashes": Vector(
        f"{PUBLIC_URL}{HASHED}&bodySHA256=0", path=f"{HASHED}&bodySHA256=0", form=BODY
    ),
    "a hash, but a form": Vector(PUBLIC_URL + HASHED, path=HASHED, form={}),
    "a hash, but GET": Vector(
        PUBLIC_URL + HASHED, path=HASHED, form=BODY, method="GET"
    ),
    "another method": Vector(URL, method="PUT"),
    "a method in small letters": Vector(URL, method="post"),
    "a target that is a URL": Vector(PUBLIC_URL + URL, path=URL),
    "a target that goes on from our host": Vector(
        f"{PUBLIC_URL}.evil.example.com/", path=".evil.example.com/"
    ),
}


@pytest.mark.parametrize("vector", GOOD.values(), ids=GOOD)
def test_a_webhook_that_twilio_signed_passes(vector: Vector) -> None:
    assert vector.passes()


@pytest.mark.parametrize("vector", BAD.values(), ids=BAD)
def test_any_other_webhook_does_not(vector: Vector) -> None:
    assert not vector.passes()


def test_there_are_enough_vectors() -> None:
    assert len(GOOD) + len(BAD) >= 40


@pytest.mark.parametrize("vector", GOOD.values(), ids=GOOD)
def test_without_our_token_nothing_passes(vector: Vector) -> None:
    assert not replace(vector, signed_with="guessed").passes()


def test_the_documented_vector_passes() -> None:
    """Twilio: Webhooks security, the example of its own page."""
    check = SignatureCheck(["12345"], "https://example.com")
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    path = "/myapp.php?foo=1&bar=2"
    assert check.webhook("POST", path, fields, "L/OH5YylLD5NRKLltdqwSvS0BnU=")
    assert not check.webhook("POST", path, fields, "L/OH5YylLD5NRKLltdqwSvS0BnV=")


UPGRADE = EXAMPLES["ws.upgrade"]


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("http")])
def test_every_example_of_a_webhook_passes(name: str) -> None:
    example = EXAMPLES[name]
    url = urlsplit(example["url"])
    path = example["url"].removeprefix(f"{url.scheme}://{url.netloc}")
    check = SignatureCheck([UPGRADE["invented_token"]], PUBLIC_URL)
    given_signature = example["signature"]
    method, fields = example["method"], example["form"]
    assert check.webhook(method, path, fields, given_signature)
    assert not check.webhook(method, path, fields | {"New": ""}, given_signature)
    assert not check.webhook(method, path + "/", fields, given_signature)


@pytest.mark.parametrize("key", ["signature", "signature_with_slash"])
def test_the_example_of_an_upgrade_passes_with_and_without_a_slash(key: str) -> None:
    check = SignatureCheck([UPGRADE["invented_token"]], PUBLIC_URL)
    assert check.upgrade(UPGRADE["path"], UPGRADE[key])
    assert check.upgrade(UPGRADE["path"] + "/", UPGRADE[key])
    assert not check.upgrade(UPGRADE["path"] + "///", UPGRADE[key])
    assert not check.webhook("GET", UPGRADE["path"], {}, UPGRADE[key])


MEDIA = "/twilio/media/q7Zb0mW4"


@pytest.mark.parametrize(
    ("public_url", "path", "signed"),
    [
        (PUBLIC_URL, MEDIA, f"wss://voice.example.com{MEDIA}"),
        (PUBLIC_URL, MEDIA, f"wss://voice.example.com{MEDIA}/"),
        (PUBLIC_URL, MEDIA, f"wss://voice.example.com:443{MEDIA}"),
        (PUBLIC_URL, MEDIA, f"wss://voice.example.com:443{MEDIA}/"),
        (PUBLIC_URL, f"{MEDIA}/", f"wss://voice.example.com{MEDIA}"),
        (PUBLIC_URL, f"{MEDIA}?a=1", f"wss://voice.example.com{MEDIA}?a=1"),
        (PUBLIC_URL, f"{MEDIA}?a=1", f"wss://voice.example.com{MEDIA}/?a=1"),
        (PUBLIC_URL, "/", "wss://voice.example.com"),
        (f"{PUBLIC_URL}:8443", MEDIA, f"wss://voice.example.com{MEDIA}"),
        (f"{PUBLIC_URL}:8443", MEDIA, f"wss://voice.example.com:8443{MEDIA}/"),
        (f"{PUBLIC_URL}/bots/", MEDIA, f"wss://voice.example.com/bots{MEDIA}"),
        ("http://127.0.0.1:8080", MEDIA, f"ws://127.0.0.1:8080{MEDIA}"),
        ("http://localhost", MEDIA, f"ws://localhost:80{MEDIA}/"),
    ],
)
def test_an_upgrade_that_twilio_signed_passes(
    public_url: str, path: str, signed: str
) -> None:
    check = SignatureCheck([SECONDARY, TOKEN], public_url)
    assert check.upgrade(path, sign(signed))
    assert not check.upgrade(path, sign(signed, "guessed"))


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        (MEDIA, f"https://voice.example.com{MEDIA}"),
        (MEDIA, f"ws://voice.example.com{MEDIA}"),
        (MEDIA, f"wss://evil.example.com{MEDIA}"),
        (MEDIA, f"wss://voice.example.com:80{MEDIA}"),
        (MEDIA, f"wss://voice.example.com{MEDIA}x"),
        (MEDIA, f"wss://voice.example.com{MEDIA}//"),
        (MEDIA, f"wss://voice.example.com{MEDIA}?a=1"),
        (f"{MEDIA}?a=1", f"wss://voice.example.com{MEDIA}"),
        (MEDIA[1:], f"wss://voice.example.com{MEDIA}"),
        (f"{MEDIA}\udcff", f"wss://voice.example.com{MEDIA}"),
    ],
)
def test_any_other_upgrade_does_not(path: str, signed: str) -> None:
    assert not SignatureCheck([TOKEN], PUBLIC_URL).upgrade(path, sign(signed))


def test_no_token_lets_no_upgrade_pass() -> None:
    check = SignatureCheck([""], PUBLIC_URL)
    assert not check.upgrade(MEDIA, sign(f"wss://voice.example.com{MEDIA}", ""))


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        " ",
        "=" * 28,
        "ü" * 28,
        "\udcff" * 28,
        sign(URL)[:-1],
        sign(URL) + "=",
        sign(URL).lower(),
        f" {sign(URL)}",
        f"{sign(URL)}, {sign(URL)}",
        sign(URL) * 1000,
    ],
)
def test_what_is_not_a_signature_never_passes(signature: str | None) -> None:
    check = SignatureCheck([TOKEN], PUBLIC_URL)
    assert not check.webhook("POST", PATH, {}, signature)
    assert not check.upgrade(PATH, signature)


@pytest.mark.parametrize(
    "public_url",
    [
        "",
        "voice.example.com",
        "wss://voice.example.com",
        "ftp://voice.example.com",
        "https://",
        "https:///bots",
        "https://:443",
        "https://voice.example.com:",
        "https://voice.example.com:https",
        "https://user:password@voice.example.com",
        "https://voice.example.com?a=1",
        "https://voice.example.com/bots?a=1",
        "https://voice.example.com/#top",
        "https://voice example.com",
        "https://[::1",
        "https://voice.example.com\n",
    ],
)
def test_a_public_url_of_another_form_is_for_the_operator_to_mend(
    public_url: str,
) -> None:
    with pytest.raises(ConfigError, match="public_url: expected https://") as caught:
        SignatureCheck([TOKEN], public_url)
    assert "password" not in str(caught.value)


def test_one_token_in_place_of_a_list_is_not_taken_letter_by_letter() -> None:
    with pytest.raises(TypeError, match="expected a sequence of tokens"):
        SignatureCheck(TOKEN, PUBLIC_URL)


@settings(max_examples=150)
@given(
    path=st.text(),
    fields=st.dictionaries(st.text(), st.text(), max_size=3) | st.binary(),
    signature=st.text(max_size=40) | st.text(min_size=28, max_size=28),
    method=st.sampled_from(["GET", "POST"]),
)
def test_nothing_that_a_stranger_sends_passes_or_breaks_the_check(
    path: str, fields: Mapping[str, object] | bytes, signature: str, method: str
) -> None:
    check = SignatureCheck([TOKEN], PUBLIC_URL)
    assert not check.webhook(method, f"/{path}", fields, signature)
    assert not check.upgrade(f"/{path}", signature)


@settings(max_examples=100)
@given(
    fields=st.dictionaries(
        st.text(st.characters(codec="utf-8")),
        st.text(st.characters(codec="utf-8")),
        max_size=4,
    )
)
def test_any_form_passes_when_it_is_signed(fields: dict[str, str]) -> None:
    text = URL + "".join(name + fields[name] for name in sorted(fields))
    check = SignatureCheck([TOKEN], PUBLIC_URL)
    assert check.webhook("POST", PATH, fields, sign(text))


def test_what_we_sign_to_try_ourselves_is_what_twilio_would_sign() -> None:
    form = {"CallStatus": "ringing", "CallSid": "CA1"}
    signed = f"{PUBLIC_URL}{PATH}CallSidCA1CallStatusringing"
    assert sign_as_twilio(TOKEN, PUBLIC_URL + PATH, form) == sign(signed)

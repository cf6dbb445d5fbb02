"""
How Twilio signs what it sends: HMAC-SHA1, after the documentation.

Deliberately not the helper library: the bot checks with that one.

Source: Twilio: Security, "Validating requests"; Webhooks security.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import urlsplit


def sign_form(token: str, url: str, params: Sequence[tuple[str, str]]) -> str:
    """
    Sign a webhook.

    Args:
        token: the primary auth token of the account.
        url: as configured, its query string byte for byte.
        params: every field of the form, blank ones too, in any order. A field that
            stands there twice with one value counts once.

    Returns:
        The value of X-Twilio-Signature.
    """
    text = url + "".join(name + value for name, value in sorted(set(params)))
    return b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def sign_url(token: str, url: str) -> str:
    """Sign a request without a form: GET, and the WebSocket upgrade."""
    return sign_form(token, url, ())


def signed_part(url: str) -> str:
    """
    Cut from a webhook's URL what Twilio leaves out when it signs.

    That is the user and password, and over https the port. A wss:// URL is signed
    as it stands in the TwiML.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https" and parts.port is not None:
        host = host.rpartition(":")[0]
    return url.replace(parts.netloc, host, 1)

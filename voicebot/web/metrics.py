"""
For Prometheus: `/metrics`.

Who may read it: whoever has VOICEBOT_METRICS_TOKEN (`Authorization: Bearer …`). Without
such a token it is for this machine alone, and not for what a proxy on it lets in: a
request that was forwarded is refused.
"""

from hmac import compare_digest
from ipaddress import ip_address

from aiohttp import hdrs, web

from voicebot.web.keys import BOARD, SETTINGS

routes = web.RouteTableDef()

FORWARDED = (hdrs.FORWARDED, hdrs.X_FORWARDED_FOR, hdrs.VIA)


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """All that is counted; never a word, a number or a name of a caller."""
    if not _may_read(request):
        raise web.HTTPForbidden(text="see VOICEBOT_METRICS_TOKEN")
    board = request.app[BOARD]
    accept = request.headers.get(hdrs.ACCEPT, "")
    page, content_type = await board.metrics.page(board.load(), accept)
    return web.Response(body=page, headers={hdrs.CONTENT_TYPE: content_type})


def _may_read(request: web.Request) -> bool:
    token = request.app[SETTINGS].metrics_token
    if token is not None:
        wanted = f"Bearer {token.get_secret_value()}"
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        return compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False

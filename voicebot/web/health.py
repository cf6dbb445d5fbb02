"""For load balancers: `/healthz` (we live), `/readyz` (we take calls)."""

from aiohttp import web

from voicebot.web.keys import BOARD

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """503 as soon as a drain begins: a balancer sends new calls elsewhere."""
    live = request.app[BOARD].live
    state = "draining" if live.draining else "ready"
    body = {"status": state, "calls": len(live), "max_calls": live.limit}
    return web.json_response(body, status=503 if live.draining else 200)

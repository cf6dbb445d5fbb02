"""For load balancers: `/healthz` (we live), `/readyz` (we take calls)."""

from aiohttp import web

from voicebot.web.keys import BOARD

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """503 as soon as a drain begins, or if nobody conducts calls.

    A balancer sends new calls elsewhere then.
    """
    board = request.app[BOARD]
    live, crew = board.live, board.crew
    state = "draining" if live.draining else "ready"
    if crew is not None and not len(crew):
        state = "no worker"  # they died; others are being started
    body = {"status": state, "calls": len(live), "max_calls": live.limit}
    return web.json_response(body, status=200 if state == "ready" else 503)


@routes.get("/healthz/dialplan")
async def dialplan(request: web.Request) -> web.Response:
    """What the next call gets, and what is wrong with the last save, if anything.

    200 even then: calls are answered, and nobody is to restart us.
    """
    plans = request.app[BOARD].plans
    rejected = plans.rejected
    body = {
        "revision": plans.current.revision,
        "loaded_at": plans.loaded_at.isoformat(timespec="seconds"),
        "rejected": rejected
        and {
            "since": rejected.since.isoformat(timespec="seconds"),
            "problems": rejected.problems,
        },
    }
    return web.json_response(body)

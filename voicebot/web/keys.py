"""What the handlers find in the application."""

from aiohttp import web

from voicebot.config import Settings
from voicebot.runtime.switchboard import Switchboard
from voicebot.twilio.signature import SignatureCheck

SETTINGS = web.AppKey("settings", Settings)
BOARD = web.AppKey("switchboard", Switchboard)
SIGNATURES = web.AppKey("signatures", SignatureCheck)

"""
The realtime WebSocket: events that come, commands that go, the state between.

Modelled on what the real server does where it differs from its own pages: ids
left out, names of errors only in prose, two shapes of one event.
"""

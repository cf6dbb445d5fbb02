"""A Twilio to call a bot with, and a caller who speaks: an independent second reading.

Pure: signing, playout, stream, twiml, script, ear, tape, leg, misbehaviour, report,
addresses, forms. Time is an argument, or a count of frames, so that a virtual clock
can drive them. Shell: caller, streams, socket, webhooks, rest, script_file, wav.
"""

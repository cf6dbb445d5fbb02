"""
StepFun's APIs as pure code: what to send, and what an answer means.

Nothing here opens a socket, so that a test, a replay and a real call all run
the same lines. `net` carries the bytes.
"""

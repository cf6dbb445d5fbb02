"""
Frames of WebSocket, for the sockets of `net`: bytes in, texts out, and back.

Why not a library's: each of theirs takes a task to read a message and one to send it,
which costs more than what we do with most messages. They still do all the rest: only
whole texts are read and written here.
"""

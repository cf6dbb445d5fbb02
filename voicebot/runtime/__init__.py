"""
Calls as they run: sockets feed the bridge, and its actions reach the sockets.

A call is one TaskGroup. Its readers hand every event to the bridge on the spot, in
the loop's only thread, so that a frame costs no queue and no wake-up of another task;
what the bridge wants sent waits in an outbox for each socket, with a bound.
"""

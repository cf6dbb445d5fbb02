"""
Calls as they run: sockets feed the bridge, and its actions reach the sockets.

A call is one TaskGroup. Its readers hand every event to the bridge on the spot, in
the loop's only thread, so that a frame costs no queue and no wake-up of another task;
what the bridge wants sent is written at once, with a bound on what a peer hasn't read.
"""

"""
One phone call as a pure state machine: events in, with their time; actions out.

Why it is shaped so: everything that makes a phone call hard is a matter of order and
time (a late delta after a cancel, a mark that comes back because of a clear, a caller
who speaks in the last 100 ms of an answer). A function of `(event, now)` can be shown
ten thousand orders in a second; a set of tasks with clocks of their own cannot.

It speaks of a caller and a bot, never of Twilio and StepFun: `runtime` translates.
"""

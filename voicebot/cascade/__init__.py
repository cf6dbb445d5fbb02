"""
StepFun's realtime protocol, spoken by us: over ASR, a chat model and speech from text.

Why a protocol and not a second bridge: barge-in, the repair of what the model believes
to have said, tools, the call log and all limits hang on the realtime session's events.
Whoever sends those events gets all of it. So this package is the server of such a
session, without a socket, a clock or a task: `Cascade.receive` takes a client's frame,
`Cascade.handle` what came of a stage, and both return orders. `runtime/cascade.py`
carries them out.

It behaves as the documents say that StepFun does with `turn_detection: null`, but for
this: a turn becomes an item once its words are known, as it is they that tell whether
it was one; a commit of less than a second isn't refused; and a user's item can't be
audio.
"""

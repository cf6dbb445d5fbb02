"""
What we and Twilio say to each other: the media socket, webhooks, TwiML, hang-up.

Why it does no I/O: what Twilio sends is hostile until proven otherwise, and the
ways to get it wrong (a forged signature, half a frame, a mark of another stream)
are many, so each must be a line in a table of tests. Bytes come in as arguments,
bytes go out as results; sockets and clients live in `web` and `net`.

Why the `twilio` helper does TwiML and the signature's text, but not the rest: XML
must be escaped by a serializer, and the order in which parameters are signed is
Twilio's business. Its check of the signature guesses ports and trusts its caller
with the URL, and its media frames would cost a JSON tree 50 times a second.
"""

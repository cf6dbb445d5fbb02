"""
Sound as the two services need it, and what can be heard in it. Pure: bytes in,
bytes or numbers out, time as an argument.

Why it is shaped so:

- One chunk, one pass of C. 50 frames a second each way and call leave no room for
  a Python loop over samples, so all of them run in audioop, numpy or webrtcvad.
- Streams, not files. What enters in any chunks leaves the same, bit for bit, which
  is what lets the runtime batch as it likes and a test compare with one big chunk.
- Nothing here raises because of what a peer sent: every byte is valid μ-law, and a
  sample cut in two waits for its other half.
- Why not a library to resample: `audioop.ratecv` has no filter, so sibilants fold
  into the middle of the voice; the streams of soxr hold back 40 to 150 ms, and
  with it the end of each answer.
"""

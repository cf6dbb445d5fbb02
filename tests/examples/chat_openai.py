"""Chat by OpenAI's SDK, of which only the base URL and the key are another's."""

import os

from openai import OpenAI

client = OpenAI(
    api_key=os.environ["STEP_API_KEY"], base_url=os.environ["STEP_BASE_URL"]
)

answer = client.chat.completions.create(
    model="stepaudio-2.5-chat",
    messages=[
        {"role": "system", "content": "You are the receptionist of a dental clinic."},
        {"role": "user", "content": "When are you open?"},
    ],
)
print("whole:", answer.choices[0].message.content)
assert answer.usage is not None
print("tokens:", answer.usage.total_tokens)

stream = client.chat.completions.create(
    model="stepaudio-2.5-chat",
    messages=[{"role": "user", "content": "When are you open?"}],
    stream=True,
)
pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
print("streamed:", "".join(pieces))
print("pieces:", len(pieces))

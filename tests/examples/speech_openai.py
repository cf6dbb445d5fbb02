"""Speech by OpenAI's SDK: a whole file, and one that is written as it comes."""

import os
import sys

from openai import OpenAI

client = OpenAI(
    api_key=os.environ["STEP_API_KEY"], base_url=os.environ["STEP_BASE_URL"]
)

speech = client.audio.speech.create(
    model="stepaudio-2.5-tts",
    voice="ganliannvsheng",
    input="Good morning, you have reached Linden Dental.",
    response_format="wav",
    extra_body={"sample_rate": 16000, "instruction": "calm and friendly"},
)
speech.write_to_file(sys.argv[1])

with client.audio.speech.with_streaming_response.create(
    model="stepaudio-2.5-tts",
    voice="ganliannvsheng",
    input="How can I help you today?",
) as response:
    response.stream_to_file(sys.argv[2])

"""A function that the chat model calls, by OpenAI's SDK."""

import json
import os

from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

client = OpenAI(
    api_key=os.environ["STEP_API_KEY"], base_url=os.environ["STEP_BASE_URL"]
)

tools: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "opening_hours",
            "description": "When the clinic is open.",
            "parameters": {
                "type": "object",
                "properties": {"day": {"type": "string"}},
                "required": ["day"],
            },
        },
    }
]
messages: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Are you open on Friday?"}
]

stream = client.chat.completions.create(
    model="stepaudio-2.5-chat", messages=messages, tools=tools, stream=True
)
call_id, name, arguments = "", "", ""
for chunk in stream:
    for piece in chunk.choices[0].delta.tool_calls or []:
        call_id = piece.id or call_id
        if piece.function:
            name = piece.function.name or name
            arguments += piece.function.arguments or ""
print("called:", name, json.loads(arguments)["day"])

messages += [
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
        ],
    },
    {"role": "tool", "tool_call_id": call_id, "content": '{"open": "9 to 5"}'},
]
answer = client.chat.completions.create(
    model="stepaudio-2.5-chat", messages=messages, tools=tools
)
print("answer:", answer.choices[0].message.content)

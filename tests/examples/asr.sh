# Speech to text by curl: $1 is a WAV file.
set -eu

curl --fail --silent --show-error --no-buffer "$STEP_BASE_URL/audio/asr/sse" \
    --header "Content-Type: application/json" \
    --header "Accept: text/event-stream" \
    --header "Authorization: Bearer $STEP_API_KEY" \
    --data @- <<BODY
{
    "audio": {
        "data": "$(base64 <"$1" | tr -d '\n')",
        "input": {
            "transcription": {
                "model": "stepaudio-2.5-asr",
                "language": "en",
                "hotwords": ["Linden Dental"],
                "enable_itn": true
            },
            "format": {"type": "wav"}
        }
    }
}
BODY

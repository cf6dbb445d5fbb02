# Speech by curl: $1 is the file that is written.
set -eu

curl --fail --silent --show-error "$STEP_BASE_URL/audio/speech" \
    --header "Content-Type: application/json" \
    --header "Authorization: Bearer $STEP_API_KEY" \
    --data '{
        "model": "stepaudio-2.5-tts",
        "voice": "ganliannvsheng",
        "input": "Good morning, you have reached Linden Dental.",
        "response_format": "mp3"
    }' \
    --output "$1"

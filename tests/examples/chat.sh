# Chat by curl: an answer as a whole, and one that comes event by event.
set -eu

curl --fail --silent --show-error "$STEP_BASE_URL/chat/completions" \
    --header "Content-Type: application/json" \
    --header "Authorization: Bearer $STEP_API_KEY" \
    --data '{
        "model": "stepaudio-2.5-chat",
        "messages": [{"role": "user", "content": "When are you open?"}]
    }'
echo

curl --fail --silent --show-error --no-buffer "$STEP_BASE_URL/chat/completions" \
    --header "Content-Type: application/json" \
    --header "Authorization: Bearer $STEP_API_KEY" \
    --data '{
        "model": "stepaudio-2.5-chat",
        "stream": true,
        "messages": [{"role": "user", "content": "When are you open?"}]
    }'

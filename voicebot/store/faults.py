"""What can go wrong in a call, whether it ends of it or goes on."""

from enum import StrEnum


class Fault(StrEnum):
    """All that a record can tell of. `call.ended` has those of its call, in order."""

    ADMISSION_DRAINING = "admission.draining"  # this process is about to end
    ADMISSION_FULL = "admission.full"
    ADMISSION_NUMBER_FULL = "admission.number_full"
    ADMISSION_CALLER_FULL = "admission.caller_full"
    ADMISSION_OVER_BUDGET = "admission.over_budget"  # money of the day is spent

    # `specials.failure` took a call on whose stream had ended as these say.
    SPECIALS_FAILURE = "specials.failure"
    ENDED_INTERNAL_ERROR = "internal_error"
    ENDED_NEVER_CONNECTED = "never_connected"
    ENDED_NO_MEDIA = "no_media"
    ENDED_PROTOCOL = "protocol"
    ENDED_STEPFUN_LOST = "stepfun_lost"
    ENDED_STEPFUN_REFUSED = "stepfun_refused"
    ENDED_STEPFUN_STALLED = "stepfun_stalled"
    ENDED_TRANSFERRED = "transferred"
    ENDED_TWILIO_LOST = "twilio_lost"

    DIRECTOR_UNREACHABLE = "director.unreachable"  # or no answer in time
    DIRECTOR_REFUSED = "director.refused"
    DIRECTOR_FAILED = "director.failed"

    # A stage of a cascade failed, once or more often.
    CASCADE_ASR = "cascade.asr"
    CASCADE_CHAT = "cascade.chat"
    CASCADE_SPEECH = "cascade.speech"

    MENU_UNRENDERED = "menu.unrendered"  # nobody could have said its words

    # The model's session couldn't be opened: what StepFun answered.
    STEPFUN_BAD_REQUEST = "stepfun.bad_request"
    STEPFUN_INVALID_API_KEY = "stepfun.invalid_api_key"
    STEPFUN_QUOTA_EXCEEDED = "stepfun.quota_exceeded"
    STEPFUN_NOT_FOUND = "stepfun.not_found"
    STEPFUN_TOO_MANY = "stepfun.rate_limited"
    STEPFUN_MODERATED = "stepfun.moderated"
    STEPFUN_SERVER_ERROR = "stepfun.server_error"
    STEPFUN_REFUSED = "stepfun.refused"
    STEPFUN_UNREACHABLE = "stepfun.unreachable"  # no answer came

    # What an open session told of.
    STEPFUN_COMMIT_WHEN_SERVER_VAD = "stepfun.commit_when_server_vad"
    STEPFUN_APPEND_NOT_CALLED = "stepfun.append_not_called"
    STEPFUN_INVALID_EVENT_FORMAT = "stepfun.invalid_event_format"
    STEPFUN_BAD_ITEM_TYPE = "stepfun.bad_item_type"
    STEPFUN_BAD_PREVIOUS_ITEM = "stepfun.bad_previous_item"
    STEPFUN_BAD_VOICE = "stepfun.bad_voice"
    STEPFUN_EMPTY_HISTORY = "stepfun.empty_history"
    STEPFUN_ENGINE = "stepfun.engine"
    STEPFUN_QUOTA = "stepfun.quota"
    STEPFUN_OTHER = "stepfun.other"

    # What was wrong with it.
    STEPFUN_BAD_FRAME = "stepfun.bad_frame"
    STEPFUN_LOST = "stepfun.lost"
    STEPFUN_STALLED = "stepfun.stalled"
    STEPFUN_OTHER_TURN_DETECTION = "stepfun.other_turn_detection"
    STEPFUN_OTHER_VOICE = "stepfun.other_voice"
    STEPFUN_REPAIR_REFUSED = "stepfun.repair_refused"
    STEPFUN_WRITE_BLOCKED = "stepfun.write_blocked"

    TWILIO_BAD_FRAME = "twilio.bad_frame"
    TWILIO_HANGUP_FAILED = "twilio.hangup_failed"
    TWILIO_NO_CLOSE = "twilio.no_close"
    TWILIO_NO_STOP = "twilio.no_stop"
    TWILIO_REDIRECT_FAILED = "twilio.redirect_failed"
    TWILIO_RESET = "twilio.reset"
    TWILIO_WRITE_BLOCKED = "twilio.write_blocked"

    TRANSCRIPTION_FAILED = "transcription.failed"  # and words of a caller are missing
    RECORDING_LOST = "recording.lost"
    TRANSFER_NOWHERE = "transfer.nowhere"
    STORE_AWAY = "store.away"
    NODE_CRASH = "node_crash"

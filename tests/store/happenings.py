"""Things that may happen in calls, drawn at random."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.store.test_calls import NOON
from voicebot.store import records as rec
from voicebot.store.faults import Fault

CALLS = ("c1", "c2", "c3")

ids = st.sampled_from(CALLS)
small = st.integers(0, 3)
ms = st.integers(0, 100_000)
maybe_ms = st.none() | ms
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
instants = st.integers(0, 1000).map(lambda s: NOON + timedelta(seconds=s))
counts = st.dictionaries(words, small, max_size=2)
faults = st.sampled_from(Fault)
reasons = st.sampled_from(rec.EndReason)


def ended(reason: rec.EndReason) -> st.SearchStrategy[rec.CallEnded]:
    return st.builds(
        rec.CallEnded,
        call_id=ids,
        ended_at=instants,
        duration_ms=ms,
        end_reason=st.just(reason),
        ended_by=st.just(rec.ENDED_BY[reason]),
        faults=st.lists(faults, max_size=2).map(tuple),
        recording=st.none() | words,
        recording_ms=maybe_ms,
        usage=counts,
        cost=counts,
    )


def records() -> st.SearchStrategy[rec.Record]:
    """A record of one of three calls."""
    return st.one_of(
        st.builds(
            rec.CallStarted,
            call_id=ids,
            call_sid=ids,
            account_sid=st.just("AC1"),
            from_number=words,
            to_number=words,
            direction=st.just("inbound"),
            persona=words,
            route=words,
            dialplan_revision=words,
            started_at=instants,
            instance_id=st.none() | words,
        ),
        st.builds(
            rec.CallAnswered, call_id=ids, stream_sid=words, answered_at=instants
        ),
        st.builds(
            rec.Turn,
            call_id=ids,
            seq=small,
            who=st.sampled_from(["caller", "bot"]),
            item_id=st.none() | words,
            response_id=st.none() | words,
            started_ms=ms,
            ended_ms=ms,
            generated_text=words,
            heard_text=words,
            generated_ms=maybe_ms,
            heard_ms=maybe_ms,
            proved_ms=maybe_ms,
            interrupted=st.booleans(),
            reply_ms=maybe_ms,
        ),
        st.builds(
            rec.Decision,
            call_id=ids,
            seq=small,
            kind=st.sampled_from(["barge_in", "end_of_turn"]),
            at_ms=ms,
            decided_ms=ms,
            rule=words,
            outcome=words,
            caller_seq=st.none() | small,
            trace=st.text("vVhH.", max_size=9),
            features=st.dictionaries(words, ms | words, max_size=2),
        ),
        st.builds(
            rec.Latency,
            call_id=ids,
            seq=small,
            caller_seq=st.none() | small,
            spoken_ms=ms,
            committed_ms=maybe_ms,
            delta_ms=maybe_ms,
            sent_ms=ms,
            heard_ms=ms,
            heard_by=st.sampled_from(["clock", "mark"]),
        ),
        st.builds(rec.TokensUsed, call_id=ids, at_ms=ms, usage=counts, cost=counts),
        st.builds(
            rec.Reviewed,
            call_id=ids,
            summary=st.none() | words,
            disposition=st.none() | words,
            extracted=st.dictionaries(words, words | ms | st.booleans(), max_size=2),
            usage=counts,
            cost=counts,
        ),
        st.builds(
            rec.Transcribed,
            call_id=ids,
            turn_seq=st.none() | small,
            recording_sid=st.none() | words,
            audio_ms=ms,
            found=st.booleans(),
            cost=counts,
        ),
        st.builds(
            rec.Message,
            recording_sid=st.sampled_from(["RE1", "RE2"]),
            call_id=ids,
            url=st.none() | words,
            duration_s=st.none() | small,
            transcription=st.none() | words,
            received_at=instants,
        ),
        st.builds(
            rec.Recording,
            call_id=ids,
            began_ms=small,
            keep_days=st.none() | st.integers(1, 9),
            place=st.none() | words,
            recording_ms=maybe_ms,
            size_bytes=maybe_ms,
            sha256=st.none() | words,
            gone=st.booleans(),
        ),
        st.builds(
            rec.Private,
            call_id=ids,
            seq=small,
            channel=st.sampled_from([0, 1]),
            started_ms=ms,
            ended_ms=ms,
            shares=st.lists(st.just([0.25, 1.0]), max_size=2),
        ),
        st.builds(
            rec.Silenced,
            call_id=ids,
            began_ms=small,
            spans=st.lists(st.just([0, 120, 340]), max_size=2),
        ),
        st.builds(
            rec.FlowNote, call_id=ids, at_ms=ms, kind=words, name=words, detail=words
        ),
        st.builds(rec.CallReopened, call_id=ids),
        st.builds(rec.KeyPressed, call_id=ids, at_ms=ms, digit=words),
        st.builds(rec.ModelLost, call_id=ids, at_ms=ms),
        st.builds(rec.FaultNote, call_id=ids, at_ms=ms, code=faults),
        st.builds(rec.Forwarded, call_id=ids, step=words, target=st.none() | words),
        st.builds(rec.ForwardOver, call_id=ids, status=words),
        reasons.flatmap(ended),
    )
